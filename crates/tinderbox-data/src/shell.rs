//! Commands that are shown to be typed.

use std::path::Path;

/// A path as one word of a command that can be pasted into a shell: quoted where it must be, and not
/// taken for a flag.
///
/// # Example
/// ```
/// use tinderbox_data::shell_word;
///
/// assert_eq!(shell_word("runs/photos-2"), "runs/photos-2");
/// assert_eq!(shell_word("my photos"), "'my photos'");
/// ```
pub fn shell_word(path: impl AsRef<Path>) -> String {
    let text = path.as_ref().to_string_lossy();
    // A flag begins so.
    let text = if text.starts_with('-') { format!("./{text}") } else { text.into_owned() };
    match text.chars().all(is_plain) && !text.is_empty() {
        true => text,
        // Within these quotes, a line break has a name and the word stays in its line.
        false if text.chars().any(char::is_control) => {
            let named = |c: char| match c {
                '\'' | '\\' => format!("\\{c}"),
                '\n' | '\t' | '\r' => c.escape_default().to_string(),
                c if c.is_ascii_control() => format!("\\{:03o}", u32::from(c)),
                c => c.to_string(),
            };
            format!("$'{}'", text.chars().map(named).collect::<String>())
        }
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Whether a character means itself in a shell.
fn is_plain(c: char) -> bool {
    // The separator of Windows, whose shells do not take it for more.
    c.is_alphanumeric() || "/._-+:@%,".contains(c) || (cfg!(windows) && c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(shell_word("runs/photos-2"), "runs/photos-2");
        assert_eq!(shell_word("größe/猫.png"), "größe/猫.png");
        assert_eq!(shell_word("my run"), "'my run'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("$HOME;`ls`"), "'$HOME;`ls`'");
        assert_eq!(shell_word("~x"), "'~x'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("a\nb'\u{1b}"), r"$'a\nb\'\033'");
        assert_eq!(shell_word("-x"), "./-x");
        assert_eq!(shell_word("-my run"), "'./-my run'");
    }

    /// Lets a shell say what it makes of the words.
    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_path_that_was_meant() {
        for path in ["my run", "it's", "$HOME", "a\\b", "a*?[b]", "#a", "a\"b", "!x", "a&b|c"] {
            let command = format!("printf %s {}", shell_word(path));
            let said = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), path, "{command}");
        }
    }
}
