//! A closer look at texts: lengths, copies, scripts.

use tinderbox_data::{ItemKind, text::TextItems};

use super::{
    Examined, Kind,
    copies::{self, Same},
    finding::{Finding, Place, are, count},
};
use crate::Result;

/// Texts with what they are called.
///
/// # Errors
/// Those of reading them.
pub(crate) fn of(items: &TextItems) -> Result<Vec<(Place, String)>> {
    let one = |index| {
        let path = items.path(index);
        // Rows are called by their numbers.
        let row = path.to_str().and_then(|path| path.parse().ok());
        let place = Place { row, ..Place::file(items.kind().called(&path)) };
        Ok((place, items.kind().open(&path)?))
    };
    (0..items.len()).map(one).collect()
}

/// Looks at texts, each with its place.
pub(crate) fn examine(texts: &[(Place, String)]) -> Examined {
    let places: Vec<Place> = texts.iter().map(|(place, _)| place.clone()).collect();
    let lengths: Vec<usize> =
        texts.iter().map(|(_, text)| text.split_whitespace().count()).collect();
    let mut findings = Vec::new();
    findings.extend(empty(&places, &lengths));
    let keys = texts.iter().map(|(_, text)| Some(normal(text)).filter(|text| !text.is_empty()));
    findings.extend(copies::findings(&places, copies::equal(keys), Same::Exactly, "texts", true));
    findings.extend(undecoded(texts));
    findings.extend(undivided(texts));
    findings.extend(long(&places, &lengths));
    Examined { facts: range(lengths).into_iter().collect(), findings, header: None }
}

/// A text without what does not make it another one: case and spaces.
fn normal(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

fn empty(places: &[Place], lengths: &[usize]) -> Option<Finding> {
    let empty = places.iter().zip(lengths).filter(|(_, words)| **words == 0);
    let empty = empty.map(|(place, _)| vec![place.clone()]).collect();
    let text = |n| format!("{} {} empty", count(n, "texts"), are(n));
    Finding::about(Kind::Empty, empty, text, "remove them, or fill them in")
}

/// A text is long with this many words, and this many times those of half the texts.
const LONG: usize = 2000;
const LONGER: usize = 20;

fn long(places: &[Place], lengths: &[usize]) -> Option<Finding> {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    let median = *sorted.get(sorted.len() / 2)?;
    let long = places
        .iter()
        .zip(lengths)
        .filter(|(_, words)| **words >= LONG.max(median * LONGER))
        .map(|(place, words)| vec![place.clone().with_note(format!("{words} words"))])
        .collect();
    let text = |n| {
        format!(
            "{} {} much longer than the others, half of which have {median} words or fewer",
            count(n, "texts"),
            are(n)
        )
    };
    let hint =
        "a text classifier reads the end of a long text only: divide them, if that is not enough";
    Finding::about(Kind::Long, long, text, hint)
}

/// Characters that a text has after it was read in another encoding than it was written in: a NUL, what
/// stands for a character that is none, and UTF-8 read as Latin-1 (`Ã©` for `é`).
fn undecoded(texts: &[(Place, String)]) -> Option<Finding> {
    let is_one = |text: &str| {
        text.contains(['\0', '\u{FFFD}'])
            || text.contains("Ã©")
            || text.contains("Ã¼")
            || text.contains("â€")
    };
    let text = |n| format!("{} {} characters of a wrong encoding", count(n, "texts"), have(n));
    let hint = "save them as UTF-8, or name how they are encoded: `--encoding latin-1`";
    Finding::about(Kind::Encoding, those(texts, is_one), text, hint)
}

/// The places of the texts for which `is_one` holds.
fn those(texts: &[(Place, String)], is_one: impl Fn(&str) -> bool) -> Vec<Vec<Place>> {
    let found = texts.iter().filter(|(_, text)| is_one(text));
    found.map(|(place, _)| vec![place.clone()]).collect()
}

/// `has` or `have`.
fn have(n: usize) -> &'static str {
    if n == 1 { "has" } else { "have" }
}

/// The share of such letters from which a text counts as written without spaces.
const WITHOUT_SPACES: f64 = 0.3;

/// Texts in scripts that put no spaces between words, which word tokenizers do not divide.
fn undivided(texts: &[(Place, String)]) -> Option<Finding> {
    let is_one = |text: &str| {
        let letters = text.chars().filter(|char| char.is_alphabetic());
        let (n, without) = letters.fold((0usize, 0usize), |(n, without), char| {
            (n + 1, without + usize::from(has_no_spaces(char)))
        });
        n > 0 && without as f64 >= WITHOUT_SPACES * n as f64
    };
    let text = |n| {
        format!(
            "{} {} in a language without spaces between words (Chinese, Japanese, Thai …), so whole sentences become one token",
            count(n, "texts"),
            are(n)
        )
    };
    let hint = "divide them into words, or train on a tokenizer file: `--tokens tokenizer.json`";
    Finding::about(Kind::Undivided, those(texts, is_one), text, hint)
}

/// Scripts whose words are not separated.
fn has_no_spaces(char: char) -> bool {
    matches!(char,
        '\u{0E00}'..='\u{0EFF}'     // Thai, Lao
        | '\u{1000}'..='\u{109F}'   // Burmese
        | '\u{1780}'..='\u{17FF}'   // Khmer
        | '\u{3040}'..='\u{30FF}'   // Japanese kana
        | '\u{3400}'..='\u{9FFF}'   // Chinese characters
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

/// The shortest, the middle and the longest.
fn range(mut lengths: Vec<usize>) -> Option<String> {
    lengths.sort_unstable();
    let (first, last) = (lengths.first()?, lengths.last()?);
    Some(format!(
        "words: {first} to {last}, half of the texts {} or fewer",
        lengths[lengths.len() / 2]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], expected: &[Kind]) {
        let texts: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(row, text)| (Place::file(format!("row {row}")), (*text).to_owned()))
            .collect();
        let found: Vec<Kind> =
            examine(&texts).findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_odd_about_texts_is_found() {
        check(&["a good film", "a bad one"], &[]);
        check(&["a good film", " \t"], &[Kind::Empty]);
        check(&["A good  film", "a good film"], &[Kind::Copies]);
        check(&["a good film", "这部电影很好看"], &[Kind::Undivided]);
        check(&["a good film", "un cafÃ©", "a\0b"], &[Kind::Encoding]);
        check(&["a good film", "a bad one", &"word ".repeat(2000)], &[Kind::Long]);
        check(&["", ""], &[Kind::Empty]);
    }
}
