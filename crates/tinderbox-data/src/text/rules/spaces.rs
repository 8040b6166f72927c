//! Spaces: more of them around some characters, fewer where there are many.

use std::borrow::Cow;

/// Puts a space before and after every `/`, `#` and line break, so that each is a token.
pub fn spec_add_spaces(text: &str) -> Cow<'_, str> {
    let special = |byte: &u8| matches!(byte, b'/' | b'#' | b'\n');
    let count = text.as_bytes().iter().filter(|byte| special(byte)).count();
    if count == 0 {
        return Cow::Borrowed(text);
    }
    let mut spaced = String::with_capacity(text.len() + 2 * count);
    let mut from = 0;
    for (at, _) in text.as_bytes().iter().enumerate().filter(|(_, byte)| special(byte)) {
        spaced.push_str(&text[from..at]);
        spaced.push(' ');
        spaced.push_str(&text[at..=at]);
        spaced.push(' ');
        from = at + 1;
    }
    spaced.push_str(&text[from..]);
    Cow::Owned(spaced)
}

/// Makes one space of several; other white space stays.
pub fn rm_useless_spaces(text: &str) -> Cow<'_, str> {
    // Most texts have none; to know that is quicker than to find where.
    let Some(first) = text.contains("  ").then(|| text.find("  ")).flatten() else {
        return Cow::Borrowed(text);
    };
    let mut shorter = String::with_capacity(text.len());
    let (mut from, mut rest) = (0, first);
    loop {
        // The first space of several stays.
        shorter.push_str(&text[from..=rest]);
        let spaces = text[rest..].bytes().take_while(|byte| *byte == b' ').count();
        from = rest + spaces;
        match text[from..].find("  ") {
            Some(next) => rest = from + next,
            None => break,
        }
    }
    shorter.push_str(&text[from..]);
    Cow::Owned(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_stand_alone() {
        assert_eq!(spec_add_spaces("a/b#\n"), "a / b #  \n ");
        assert!(matches!(spec_add_spaces("é, b"), Cow::Borrowed(_)));
    }

    #[test]
    fn several_spaces_become_one() {
        assert_eq!(rm_useless_spaces("   a  b c    "), " a b c ");
        assert_eq!(rm_useless_spaces("é  \n  é"), "é \n é");
        assert!(matches!(rm_useless_spaces("a b\n\nc"), Cow::Borrowed(_)));
    }
}
