//! English text to words and punctuation, as spaCy's blank English tokenizer divides it.
//!
//! Runs between white space are divided from the outside: what stands before and after a word is
//! taken off piece by piece (`affix.rs`), what is left is divided at hyphens and the like
//! (`infix.rs`), unless it is an address (`url.rs`) or an exception (`exceptions.rs`): `don't`,
//! `Mr.`, `:-)`. Last, exceptions that were divided are put together again (`rejoin.rs`).
//!
//! Every token is a part of the text, and nothing is lost but single spaces.

mod affix;
mod exceptions;
mod infix;
mod rejoin;
mod run;
mod url;
mod written;

pub(super) use written::written;

pub(super) use rejoin::{Rejoin, Symbol, rejoining};

use exceptions::exceptions;
use rejoin::Piece;
use run::split_run;

/// A part of a text between or of white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    Run(&'a str),
    /// White space that is a token.
    Space(&'a str),
    /// The one space between two runs.
    Gap,
}

/// The segments of a text, in order.
pub(super) fn segments(text: &str) -> Segments<'_> {
    Segments { text, at: 0, after_run: false }
}

pub(super) struct Segments<'a> {
    text: &'a str,
    /// Where the next segment starts, in bytes.
    pub(super) at: usize,
    /// Whether a run ends there.
    after_run: bool,
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    #[inline]
    fn next(&mut self) -> Option<Segment<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let run = &rest[..run_len(rest)];
        if !run.is_empty() {
            (self.at, self.after_run) = (self.at + run.len(), true);
            return Some(Segment::Run(run));
        }
        let len = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let space = &rest[..len];
        // A space after a run belongs to it.
        let kept = match self.after_run {
            true => space.strip_prefix(' ').unwrap_or(space),
            false => space,
        };
        (self.at, self.after_run) = (self.at + len, false);
        Some(match kept.is_empty() {
            true => Segment::Gap,
            false => Segment::Space(kept),
        })
    }
}

/// How many bytes stand before the first white space.
#[inline]
fn run_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\t'..=b'\r' | b' ' => return at,
            // The first bytes of white space outside ASCII.
            0xc2 | 0xe1 | 0xe2 | 0xe3 => {
                let c = text[at..].chars().next().unwrap_or(' ');
                if c.is_whitespace() {
                    return at;
                }
                at += c.len_utf8();
            }
            _ => at += 1,
        }
    }
    at
}

/// Divides English text into words, punctuation and white space.
///
/// # Example
/// ```
/// use tinderbox_data::text::tokenize_words;
///
/// let tokens = tokenize_words("Don't pay $5, Mr. Smith :)");
/// assert_eq!(tokens, ["Do", "n't", "pay", "$", "5", ",", "Mr.", "Smith", ":)"]);
/// ```
///
/// # Reference
/// The rules are those of [spaCy](https://spacy.io/usage/linguistic-features#how-tokenizer-works)
/// 3.8, for `spacy.blank("en")`.
pub fn tokenize_words(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut pieces = Vec::new();
    let mut rest = segments(text);
    while let Some(segment) = rest.next() {
        let end = rest.at;
        let (Segment::Run(part) | Segment::Space(part)) = segment else { continue };
        pieces.push(Piece { first: tokens.len(), at: end - part.len() });
        match segment {
            Segment::Run(run) => split_run(run, Some(exceptions()), &mut tokens),
            _ => tokens.push(part),
        }
    }
    rejoining().rejoin(text, tokens, &pieces)
}

/// A run that was divided on its own.
pub(super) struct Divided<'a> {
    pub(super) tokens: Vec<&'a str>,
    /// What its first and last token could be part of, for [`Rejoin::may_follow`].
    pub(super) ends: [Symbol; 2],
}

/// Divides one run.
pub(super) fn divide(run: &str) -> Divided<'_> {
    let mut tokens = Vec::new();
    split_run(run, Some(exceptions()), &mut tokens);
    let symbol = |token: Option<&&str>| token.map_or(0, |token| rejoining().symbol(token));
    let ends = [symbol(tokens.first()), symbol(tokens.last())];
    Divided { tokens: rejoining().rejoin(run, tokens, &[Piece { first: 0, at: 0 }]), ends }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(tokenize_words(text), expected);
    }

    #[test]
    fn one_space_is_no_token_but_all_other_white_space_is() {
        check("a b", &["a", "b"]);
        check("a  b", &["a", " ", "b"]);
        check("a \n b", &["a", "\n ", "b"]);
        check("  a\n", &["  ", "a", "\n"]);
        check("a\u{a0}b ", &["a", "\u{a0}", "b"]);
        check("", &[]);
    }

    #[test]
    fn punctuation_around_an_exception_is_seen_through() {
        check("(don't!)", &["(", "do", "n't", "!", ")"]);
        check("f(x):", &["f(x", "):"]);
        check("Mr.Smith", &["Mr.", "Smith"]);
        check("o'clock~I'm", &["o'clock", "~", "I'm"]);
    }
}
