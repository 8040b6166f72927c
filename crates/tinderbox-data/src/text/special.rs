//! Tokens that stand for something else than themselves.

use serde::{Deserialize, Serialize};

/// A token that is not in the vocabulary.
pub const UNK: &str = "xxunk";
/// What fills up a text that is shorter than others of its batch.
pub const PAD: &str = "xxpad";
/// The start of a text.
pub const BOS: &str = "xxbos";
/// The end of a text.
pub const EOS: &str = "xxeos";
/// The start of a field, followed by its number.
pub const FLD: &str = "xxfld";
/// The next word was Capitalized.
pub const MAJ: &str = "xxmaj";
/// The next word was in CAPITALS.
pub const UP: &str = "xxup";
/// Next come a count and a character that was repeated so often.
pub const REP: &str = "xxrep";
/// Next come a count and a word that was repeated so often.
pub const WREP: &str = "xxwrep";
/// What fills up a vocabulary to a multiple of 8.
pub const FAKE: &str = "xxfake";

/// Which special tokens a vocabulary begins with, and how its size is rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// As in the notebook that the lesson published, of January 2019: 8 special tokens, any size.
    Lesson,
    /// As in fastai 1.0.61: 9 special tokens, the size a multiple of 8 unless it is the largest
    /// allowed.
    #[default]
    V1,
}

impl Profile {
    /// The special tokens, in the order of their ids from 0.
    pub fn special_tokens(self) -> &'static [&'static str] {
        match self {
            Self::Lesson => &[UNK, PAD, BOS, FLD, MAJ, UP, REP, WREP],
            Self::V1 => &[UNK, PAD, BOS, EOS, FLD, MAJ, UP, REP, WREP],
        }
    }
}

/// Tokens as people write them: capitals and repeats are put back, in the order of the markers.
///
/// fastai 1 forgets to end a repeat, and repeats later tokens as well; here it ends.
///
/// # Example
/// ```
/// use tinderbox_data::text::decode_special_tokens;
///
/// let tokens = ["xxmaj", "mars", "is", "hot", "xxrep", "4", "!"];
/// assert_eq!(decode_special_tokens(&tokens).join(" "), "Mars is hot !!!!");
/// ```
pub fn decode_special_tokens<T: AsRef<str>>(tokens: &[T]) -> Vec<String> {
    enum Rule {
        None,
        Maj,
        Up,
        /// A character is to be repeated, or a word; how often is not known yet.
        Count {
            word: bool,
        },
        Repeat {
            word: bool,
            times: usize,
        },
    }
    let mut decoded = Vec::with_capacity(tokens.len());
    let mut rule = Rule::None;
    for token in tokens.iter().map(AsRef::as_ref) {
        rule = match (token, rule) {
            (MAJ, _) => Rule::Maj,
            (UP, _) => Rule::Up,
            (REP, _) => Rule::Count { word: false },
            (WREP, _) => Rule::Count { word: true },
            (token, Rule::Count { word }) => match token.parse() {
                Ok(times) => Rule::Repeat { word, times },
                Err(_) => Rule::None,
            },
            (token, Rule::Repeat { word, times }) => {
                let times = times.min(MOST_REPEATS);
                match word {
                    true => decoded.extend(std::iter::repeat_n(token.to_owned(), times)),
                    false => decoded.push(token.repeat(times)),
                }
                Rule::None
            }
            (token, Rule::Maj) => {
                decoded.push(capitalized(token));
                Rule::None
            }
            (token, Rule::Up) => {
                decoded.push(token.to_uppercase());
                Rule::None
            }
            (token, Rule::None) => {
                decoded.push(token.to_owned());
                Rule::None
            }
        };
    }
    decoded
}

/// A model may write any number after a marker; memory is not filled for it.
const MOST_REPEATS: usize = 1000;

/// The first character in upper case, the others in lower case.
fn capitalized(token: &str) -> String {
    let mut chars = token.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.collect::<String>() + &chars.as_str().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tokens: &[&str], expected: &[&str]) {
        assert_eq!(decode_special_tokens(tokens), expected);
    }

    #[test]
    fn a_marker_acts_on_what_follows_and_no_further() {
        check(&["xxwrep", "3", "no", "way"], &["no", "no", "no", "way"]);
        check(&["xxrep", "2", "a", "b"], &["aa", "b"]);
        check(&["xxup", "nasa", "xxmaj", "élan"], &["NASA", "Élan"]);
    }

    #[test]
    fn markers_that_lead_nowhere_are_dropped() {
        check(&["xxrep", "x", "y"], &["y"]);
        check(&["a", "xxmaj"], &["a"]);
        check(&["xxmaj", "xxup", "abc"], &["ABC"]);
        check(&["xxwrep", "999999999999", "a"], &["a"; MOST_REPEATS]);
    }
}
