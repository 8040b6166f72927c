//! What is taken off the start and the end of a run.

use crate::text::chars::{is_icon, is_lower_letter, is_upper_letter};

/// Punctuation.
fn is_punctuation(c: char) -> bool {
    matches!(
        c,
        '…' | ',' | ':' | ';' | '!' | '?' | '¿' | '¡' | '(' | ')' | '[' | ']' | '{' | '}' | '<'
            | '>' | '_' | '#' | '*' | '&' | '·'
            // Chinese and Japanese
            | '\u{3002}' | '\u{ff1f}' | '\u{ff01}' | '\u{ff0c}' | '\u{3001}' | '\u{ff1b}'
            | '\u{ff1a}' | '\u{ff5e}'
            // Hindi, Arabic, Urdu
            | '\u{964}' | '\u{61f}' | '\u{60c}' | '\u{6d4}' | '\u{61b}' | '\u{66a}'
    )
}

/// Quotation marks and wide brackets.
pub(super) fn is_quote(c: char) -> bool {
    matches!(
        c,
        '\'' | '"' | '”' | '“' | '`' | '‘' | '´' | '’' | '‚' | ',' | '„' | '»' | '«'
            | '\u{300c}'..='\u{300f}' // corner brackets
            | '\u{ff08}' | '\u{ff09}' // wide parentheses
            | '\u{3014}' | '\u{3015}' | '\u{3010}' | '\u{3011}' // tortoise shells, lenses
            | '\u{3008}'..='\u{300b}' // angles
            | '\u{2329}' | '\u{232a}' | '\u{27e6}' | '\u{27e7}' // mathematical brackets
    )
}

fn is_currency(c: char) -> bool {
    matches!(c, '$' | '£' | '€' | '¥' | '฿' | '₽' | '\u{fdfc}' | '₴' | '\u{20a0}'..='\u{20bf}')
}

/// What may stand after a number.
const UNITS: &[&str] = &[
    "km",
    "km²",
    "km³",
    "m",
    "m²",
    "m³",
    "dm",
    "dm²",
    "dm³",
    "cm",
    "cm²",
    "cm³",
    "mm",
    "mm²",
    "mm³",
    "ha",
    "µm",
    "nm",
    "yd",
    "in",
    "ft",
    "kg",
    "g",
    "mg",
    "µg",
    "t",
    "lb",
    "oz",
    "m/s",
    "km/h",
    "kmh",
    "mph",
    "hPa",
    "Pa",
    "mbar",
    "mb",
    "MB",
    "kb",
    "KB",
    "gb",
    "GB",
    "tb",
    "TB",
    "T",
    "G",
    "M",
    "K",
    "%",
    "км",
    "км²",
    "км³",
    "м",
    "м²",
    "м³",
    "дм",
    "дм²",
    "дм³",
    "см",
    "см²",
    "см³",
    "мм",
    "мм²",
    "мм³",
    "нм",
    "кг",
    "г",
    "мг",
    "м/с",
    "км/ч",
    "кПа",
    "Па",
    "мбар",
    "Кб",
    "КБ",
    "кб",
    "Мб",
    "МБ",
    "мб",
    "Гб",
    "ГБ",
    "гб",
    "Тб",
    "ТБ",
    "тб",
    "كم",
    "كم²",
    "كم³",
    "م",
    "م²",
    "م³",
    "سم",
    "سم²",
    "سم³",
    "مم",
    "مم²",
    "مم³",
    "غرام",
    "جرام",
    "جم",
    "كغ",
    "ملغ",
    "كوب",
    "اكواب",
];

/// How many bytes of a prefix a run starts with.
pub(super) fn prefix_len(run: &str) -> usize {
    let mut chars = run.chars();
    let Some(first) = chars.next() else { return 0 };
    let rest = chars.as_str();
    let is_prefix = match first {
        '.' => {
            let dots = run.bytes().take_while(|byte| *byte == b'.').count();
            return if dots > 1 { dots } else { 0 };
        }
        '+' => !rest.starts_with(|c: char| c.is_ascii_digit()),
        'U' if rest.starts_with("S$") => return 3,
        'C' | 'A' if rest.starts_with('$') => return 2,
        'a'..='z' | 'A'..='Z' | '0'..='9' => false,
        '§' | '%' | '=' | '—' | '–' => true,
        c => is_punctuation(c) || is_quote(c) || is_currency(c) || is_icon(c),
    };
    if is_prefix { first.len_utf8() } else { 0 }
}

/// How many bytes of a suffix a run ends with: the longest.
pub(super) fn suffix_len(run: &str) -> usize {
    let mut chars = run.chars();
    let Some(last) = chars.next_back() else { return 0 };
    let before = chars.as_str();
    let after_digit =
        |len: usize| run[..run.len() - len].ends_with(|c: char| c.is_ascii_digit()).then_some(len);
    match last {
        's' | 'S' if before.ends_with('\'') => return 2,
        's' | 'S' if before.ends_with('’') => return '’'.len_utf8() + 1,
        '.' => return dot_len(run, before),
        '…' if before.ends_with('…') => return 2 * '…'.len_utf8(),
        '+' => return after_digit(1).unwrap_or(0),
        '—' | '–' => return last.len_utf8(),
        '0'..='9' => return 0,
        c if is_punctuation(c) || is_quote(c) || is_icon(c) => return last.len_utf8(),
        '$' => {
            let lengths = ["US$", "C$", "A$", "$"].into_iter().filter(|name| run.ends_with(name));
            return lengths.filter_map(|name| after_digit(name.len())).max().unwrap_or(0);
        }
        c if is_currency(c) => return after_digit(c.len_utf8()).unwrap_or(0),
        _ => {}
    }
    // Only a number can stand before a unit; most words have none.
    if !run.bytes().any(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let unit = |unit: &&str| run.ends_with(unit).then(|| after_digit(unit.len())).flatten();
    UNITS.iter().filter_map(unit).max().unwrap_or(0)
}

/// How much of a run that ends in a dot is a suffix; `before` is what stands before the dot.
fn dot_len(run: &str, before: &str) -> usize {
    let dots = run.bytes().rev().take_while(|byte| *byte == b'.').count();
    if dots > 1 {
        return dots;
    }
    let mut chars = before.chars().rev();
    let (last, second) = (chars.next(), chars.next());
    let Some(last) = last else { return 0 };
    let celsius = second == Some('°') && matches!(last, 'F' | 'f' | 'C' | 'c' | 'K' | 'k');
    let ends = celsius
        || matches!(last, '0'..='9' | '%' | '²' | '-' | '+' | '|')
        || is_lower_letter(last)
        || is_punctuation(last)
        || is_quote(last)
        || (is_upper_letter(last) && second.is_some_and(is_upper_letter));
    usize::from(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn prefix(run: &str, expected: &str) {
        assert_eq!(&run[..prefix_len(run)], expected);
    }

    #[track_caller]
    fn suffix(run: &str, expected: &str) {
        assert_eq!(&run[run.len() - suffix_len(run)..], expected);
    }

    #[test]
    fn prefixes_are_marks_money_and_dots() {
        prefix("(a", "(");
        prefix("...a", "...");
        prefix(".a", "");
        prefix("+5", "");
        prefix("+a", "+");
        prefix("US$5", "US$");
        prefix("€5", "€");
        prefix("😀a", "😀");
        prefix("-a", "");
    }

    #[test]
    fn suffixes_depend_on_what_stands_before() {
        suffix("a.", ".");
        suffix("A.", "");
        suffix("AB.", ".");
        suffix("°C.", ".");
        suffix("a...", "...");
        suffix("5km²", "km²");
        suffix("5m/s", "m/s");
        suffix("akm", "");
        suffix("5€", "€");
        suffix("5US$", "US$");
        suffix("a€", "");
        suffix("C++", "");
        suffix("5+", "+");
        suffix("she’s", "’s");
        suffix("……", "……");
    }
}
