//! What kind a character is: by Unicode's categories, with a short way for ASCII.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, Hir, HirKind};

/// Characters as sorted ranges.
struct Ranges(Vec<(char, char)>);

impl Ranges {
    /// The characters of a Unicode category, such as `So`.
    fn of(category: &str) -> Self {
        let parsed = regex_syntax::parse(&format!(r"\p{{{category}}}")).map(Hir::into_kind);
        match parsed {
            Ok(HirKind::Class(Class::Unicode(class))) => {
                Self(class.iter().map(|range| (range.start(), range.end())).collect())
            }
            other => unreachable!("a category is a class of characters: {other:?}"),
        }
    }

    fn contains(&self, c: char) -> bool {
        let after = self.0.partition_point(|(start, _)| *start <= c);
        after > 0 && c <= self.0[after - 1].1
    }
}

static LETTERS: LazyLock<Ranges> = LazyLock::new(|| Ranges::of("L"));
static NUMBERS: LazyLock<Ranges> = LazyLock::new(|| Ranges::of("N"));
static SYMBOLS: LazyLock<Ranges> = LazyLock::new(|| Ranges::of("So"));

/// A letter of any script that words are written in: no clicks, raised letters, ligatures.
pub(super) fn is_letter(c: char) -> bool {
    match c {
        c if c.is_ascii() => c.is_ascii_alphabetic(),
        'ª'
        | 'µ'
        | 'º'
        | '\u{1c0}'..='\u{1c3}'
        | '\u{2b0}'..='\u{2ee}'
        | '\u{fb00}'..='\u{fb17}' => false,
        c => LETTERS.contains(c),
    }
}

/// A letter, but none in lower case; those of scripts without case count.
pub(super) fn is_upper_letter(c: char) -> bool {
    is_letter(c) && !c.is_lowercase() && !is_title(c)
}

/// A letter, but none in upper case; those of scripts without case count.
pub(super) fn is_lower_letter(c: char) -> bool {
    is_letter(c) && !c.is_uppercase() && !is_title(c)
}

/// What words are made of: letters, numbers and the underscore.
pub(super) fn is_word(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || c == '_',
        false => LETTERS.contains(c) || NUMBERS.contains(c),
    }
}

/// A symbol that is no letter, number, punctuation, or sign of mathematics or money: emoji, most
/// often.
pub(super) fn is_icon(c: char) -> bool {
    !c.is_ascii() && SYMBOLS.contains(c)
}

/// A letter like `ǅ`: upper and lower case at once.
fn is_title(c: char) -> bool {
    !c.is_ascii() && !c.is_lowercase() && !c.is_uppercase() && c.to_lowercase().next() != Some(c)
}

/// Whether there is a letter with case, and all of them are upper case.
pub(super) fn is_all_upper(text: &str) -> bool {
    let mut cased = false;
    for c in text.chars() {
        if c.is_lowercase() || is_title(c) {
            return false;
        }
        cased |= c.is_uppercase();
    }
    cased
}

/// Whether there is a letter with case, and all of them are lower case.
pub(super) fn is_all_lower(text: &str) -> bool {
    let mut cased = false;
    for c in text.chars() {
        if c.is_uppercase() || is_title(c) {
            return false;
        }
        cased |= c.is_lowercase();
    }
    cased
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_unicodes() {
        assert!(is_letter('é') && is_letter('я') && is_letter('語') && !is_letter('4'));
        assert!(is_icon('😀') && is_icon('☃') && is_icon('°') && !is_icon('+') && !is_icon('€'));
        assert!(is_word('²') && is_word('٣') && !is_word('\u{301}'));
    }

    #[test]
    fn scripts_without_case_are_both() {
        assert!(is_upper_letter('語') && is_lower_letter('語'));
        assert!(!is_upper_letter('é') && is_lower_letter('é') && is_upper_letter('É'));
    }

    #[test]
    fn case_skips_what_has_none() {
        assert!(is_all_upper("U.S.") && is_all_upper("A1") && !is_all_upper("42"));
        assert!(is_all_lower("it's") && !is_all_lower("iPhone") && !is_all_lower("..."));
        assert!(!is_all_upper("ǅ") && !is_all_lower("ǅ"));
    }
}
