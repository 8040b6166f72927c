//! What divides the middle of a run.

use super::affix::is_quote;
use crate::text::chars::{is_icon, is_letter, is_lower_letter, is_upper_letter};

/// Hyphens and dashes, in the order they are tried.
const HYPHENS: [&str; 6] = ["-", "–", "—", "--", "---", "——"];

/// Divides at infixes, each of which is a token; one at the start is none.
pub(super) fn split_infixes<'a>(run: &'a str, tokens: &mut Vec<&'a str>) {
    // Words of letters have no infix.
    if run.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        tokens.push(run);
        return;
    }
    let (mut start, mut before) = (0, None);
    let mut at = 0;
    while let Some(c) = run[at..].chars().next() {
        let len = infix_len(before, c, &run[at..]);
        let skip = len.max(c.len_utf8());
        if len > 0 && at > 0 {
            if start < at {
                tokens.push(&run[start..at]);
            }
            tokens.push(&run[at..at + len]);
            start = at + len;
        }
        at += skip;
        before = run[..at].chars().next_back();
    }
    if start < run.len() {
        tokens.push(&run[start..]);
    }
}

/// Whether there is an infix anywhere, one at the start included.
pub(super) fn has_infix(run: &str) -> bool {
    let mut before = None;
    run.char_indices().any(|(at, c)| {
        let found = infix_len(before, c, &run[at..]) > 0;
        before = Some(c);
        found
    })
}

/// How many bytes of an infix `rest` starts with; `c` is its first character.
fn infix_len(before: Option<char>, c: char, rest: &str) -> usize {
    if c.is_ascii_alphanumeric() {
        return 0;
    }
    let after = |len: usize| rest[len..].chars().next();
    let is_before = |is: fn(char) -> bool| before.is_some_and(is);
    let is_after = |len: usize, is: fn(char) -> bool| after(len).is_some_and(is);
    let dots = rest.bytes().take_while(|byte| *byte == b'.').count();
    let letter_or_digit = |c: char| is_letter(c) || c.is_ascii_digit();
    let divides = match c {
        '.' if dots > 1 => return dots,
        '…' => true,
        c if is_icon(c) => true,
        '+' | '-' | '*' | '^'
            if is_before(|c| c.is_ascii_digit())
                && is_after(1, |c| c.is_ascii_digit() || c == '-') =>
        {
            true
        }
        '.' => {
            is_before(|c| is_lower_letter(c) || is_quote(c))
                && is_after(1, |c| is_upper_letter(c) || is_quote(c))
        }
        ',' => is_before(is_letter) && is_after(1, is_letter),
        '-' | '–' | '—' if is_before(letter_or_digit) => {
            let divides =
                |hyphen: &&&str| rest.starts_with(**hyphen) && is_after(hyphen.len(), is_letter);
            return HYPHENS.iter().find(divides).map_or(0, |hyphen| hyphen.len());
        }
        '~' | ':' | '<' | '>' | '=' | '/' => is_before(letter_or_digit) && is_after(1, is_letter),
        _ => false,
    };
    if divides { c.len_utf8() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(run: &str, expected: &str) {
        let mut tokens = Vec::new();
        split_infixes(run, &mut tokens);
        assert_eq!(tokens.join(" "), expected);
    }

    #[test]
    fn infixes_divide_by_what_stands_around_them() {
        check("well-made", "well - made");
        check("a--b---c", "a -- b --- c");
        check("1-2", "1 - 2");
        check("x-1", "x-1");
        check("1,000.5", "1,000.5");
        check("end.Start", "end . Start");
        check("a...b…c☃d", "a ... b … c ☃ d");
        check("y+z", "y+z");
        check("a/b=c", "a / b = c");
        check("rock'n'roll", "rock'n'roll");
        check("-a", "-a");
        check("…a", "…a");
    }
}
