//! Names for people: what a file or a class is called may hold escape sequences that a terminal
//! obeys, line breaks, and marks that turn the direction of writing.

use std::{borrow::Cow, path::Path};

/// A name with whatever would not be seen as itself written out: `\n`, `\u{1b}`. It stays in its
/// line, and a terminal or an SVG file shows it as it is.
///
/// For people alone: what programs read keeps names as they are.
///
/// # Example
/// ```
/// use tinderbox_data::visible;
///
/// assert_eq!(visible("cat\n\u{1b}[31m"), r"cat\n\u{1b}[31m");
/// assert_eq!(visible("größe, 猫 🐈"), "größe, 猫 🐈");
/// ```
pub fn visible(name: &str) -> Cow<'_, str> {
    written_out(name, is_hidden)
}

/// [`visible`] of a path.
pub fn visible_path(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// [`visible`] of a text of several lines, with tabs between its cells.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    written_out(text, |c| is_hidden(c) && c != '\n' && c != '\t')
}

fn written_out(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    let shown = |c: char| match hidden(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    match text.chars().any(&hidden) {
        true => text.chars().map(shown).collect::<String>().into(),
        false => text.into(),
    }
}

/// Whether a character is a control character or changes how the text around it is laid out. Those
/// that join letters and emoji are part of words.
fn is_hidden(c: char) -> bool {
    let lays_out = matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    c.is_control() || lays_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("a\u{1b}[2Jb\u{7}"), r"a\u{1b}[2Jb\u{7}");
        assert_eq!(visible("a\u{9b}31mb\u{7f}"), r"a\u{9b}31mb\u{7f}");
        assert_eq!(visible("a\r\nb\tc"), r"a\r\nb\tc");
        assert_eq!(visible("exe.\u{202e}gnp"), r"exe.\u{202e}gnp");
    }

    #[test]
    fn words_of_any_language_stay_as_they_are() {
        for word in ["größe", "猫", "👩\u{200d}🔬", "می\u{200c}خواهم", r"C:\photos", ""]
        {
            assert_eq!(visible(word), word);
        }
    }

    #[test]
    fn a_text_keeps_its_lines_and_cells() {
        assert_eq!(visible_lines("a\tb\nc\u{1b}[1m"), "a\tb\nc\\u{1b}[1m");
    }
}
