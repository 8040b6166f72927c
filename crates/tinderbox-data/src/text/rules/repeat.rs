//! Repeats: a character or a word that stands many times in a row is written once, with a count.
//!
//! What is found could be said by regular expressions, but only with backreferences, which take
//! exponential time where they are supported at all.

use std::{borrow::Cow, fmt::Write};

use crate::text::{
    chars::is_word,
    special::{REP, WREP},
};

/// This many times something must stand in a row.
const REPEATS: usize = 4;

/// Writes a character that stands four times or more in a row once, with its count:
/// `cccc` becomes ` xxrep 4 c `. White space may repeat.
pub fn replace_rep(text: &str) -> Cow<'_, str> {
    if !may_repeat(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::new();
    let mut copied = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut times = 1;
        while chars.next_if(|(_, next)| *next == c).is_some() {
            times += 1;
        }
        if times < REPEATS || c.is_whitespace() {
            continue;
        }
        replaced.push_str(&text[copied..start]);
        write!(replaced, " {REP} {times} {c} ").expect("memory takes any text");
        copied = start + times * c.len_utf8();
    }
    finished(text, replaced, copied)
}

/// Whether a character could stand four times in a row, from its bytes alone: a quick look that
/// spares most texts the slow one.
fn may_repeat(bytes: &[u8]) -> bool {
    /// Bytes that are looked at without a way out between, so that many are compared at a time.
    const PART: usize = 256;
    let longest = if bytes.is_ascii() { 1 } else { 4 };
    (1..=longest).any(|len| {
        let [second, third, fourth] =
            [1, 2, 3].map(|times| bytes.get(times * len..).unwrap_or_default());
        let parts = bytes.chunks(PART).zip(second.chunks(PART));
        let mut parts = parts.zip(third.chunks(PART).zip(fourth.chunks(PART)));
        parts.any(|((a, b), (c, d))| {
            let bytes = a.iter().zip(b).zip(c.iter().zip(d));
            let least = bytes.fold(u8::MAX, |least, ((a, b), (c, d))| {
                least.min((a ^ b) | (b ^ c) | (c ^ d) | u8::from(*a == b' '))
            });
            least == 0
        })
    })
}

/// Writes a word that stands four times or more in a row, each time with the same characters
/// before the next word, once with its count: `no no no no way` becomes ` xxwrep 4 no  way`.
///
/// The count is that of the pieces between white space, as fastai counts, and what stands after
/// the word stays with it. The last word of a text has nothing after it, so it never counts.
pub fn replace_wrep(text: &str) -> Cow<'_, str> {
    let mut replaced = String::new();
    let (mut copied, mut at) = (0, 0);
    loop {
        let start = skip(text, at, false);
        let word_end = skip(text, start, true);
        let unit_end = skip(text, word_end, false);
        if unit_end == word_end {
            break;
        }
        let unit = &text[start..unit_end];
        let mut end = unit_end;
        while text[end..].starts_with(unit) {
            end += unit.len();
        }
        at = end;
        if end - start < REPEATS * unit.len() {
            // What follows the unit may start a stretch of its own.
            at = unit_end;
            continue;
        }
        let times = 1 + text[unit_end..end].split_whitespace().count();
        replaced.push_str(&text[copied..start]);
        write!(replaced, " {WREP} {times} {unit} ").expect("memory takes any text");
        copied = end;
    }
    finished(text, replaced, copied)
}

/// Where the characters of words end, or those of gaps between them.
fn skip(text: &str, from: usize, words: bool) -> usize {
    const WORD: [bool; 128] = {
        let mut is_word = [false; 128];
        let mut byte = 0;
        while byte < 128 {
            is_word[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
            byte += 1;
        }
        is_word
    };
    let mut at = from;
    while let Some(&byte) = text.as_bytes().get(at) {
        match WORD.get(usize::from(byte)) {
            Some(&is_word) if is_word == words => at += 1,
            Some(_) => break,
            None => match text[at..].chars().next() {
                Some(c) if is_word(c) == words => at += c.len_utf8(),
                _ => break,
            },
        }
    }
    at
}

fn finished(text: &str, mut replaced: String, copied: usize) -> Cow<'_, str> {
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    replaced.push_str(&text[copied..]);
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn repeated_characters_are_counted() {
        assert_eq!(replace_rep("sooooo gooood"), "s xxrep 5 o  g xxrep 4 o d");
        assert_eq!(replace_rep("éééé    aaa"), " xxrep 4 é     aaa");
        assert!(matches!(replace_rep("aaa bbb"), Cow::Borrowed(_)));
    }

    #[test]
    fn repeated_words_are_counted() {
        assert_eq!(replace_wrep("no no no no no"), " xxwrep 4 no  no");
        assert_eq!(replace_wrep("a-a-a-a-a-"), " xxwrep 2 a- ");
        assert_eq!(replace_wrep("x ha ha ha ha!"), "x ha ha ha ha!");
        assert_eq!(replace_wrep("ha ha ha ha  x"), " xxwrep 4 ha   x");
    }

    /// The rule as one would say it: at each position in turn, is there a unit that stands there
    /// four times?
    fn plain(text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let text_of = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
        let mut result = String::new();
        let mut at = 0;
        while at < chars.len() {
            let starts = is_word(chars[at]) && (at == 0 || !is_word(chars[at - 1]));
            let word = chars[at..].iter().take_while(|c| is_word(**c)).count();
            let gap = chars[at + word..].iter().take_while(|c| !is_word(**c)).count();
            let len = word + gap;
            let repeats = |n: usize| {
                at + (n + 1) * len <= chars.len()
                    && chars[at + n * len..at + (n + 1) * len] == chars[at..at + len]
            };
            if starts && gap > 0 && (1..REPEATS).all(repeats) {
                let n = (1..chars.len()).take_while(|n| repeats(*n)).count() + 1;
                let times = 1 + text_of(at + len, at + n * len).split_whitespace().count();
                write!(result, " {WREP} {times} {} ", text_of(at, at + len)).unwrap();
                at += n * len;
            } else {
                result.push(chars[at]);
                at += 1;
            }
        }
        result
    }

    #[test]
    fn random_texts_are_replaced_as_the_plain_rule_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let alphabet = ['a', 'a', 'a', 'é', '_', ' ', ' ', ' ', '-', '\n'];
        for _ in 0..20_000 {
            let len = rng.random_range(0..24);
            let text: String = (0..len).map(|_| alphabet[rng.random_range(0..10)]).collect();
            assert_eq!(replace_wrep(&text), plain(&text), "{text:?}");
        }
    }
}
