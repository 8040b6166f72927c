//! The lesson's data: numbers as English words, one after the other.

use std::ops::RangeInclusive;

use super::{TextItems, TextKind};
use crate::Split;

/// The numbers that train, and those that validate. 8000 is in neither.
pub const HUMAN_NUMBERS: [RangeInclusive<u32>; 2] = [1..=7999, 8001..=9999];

const SMALL: [&str; 20] = [
    "",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

const SCALES: [(u32, &str); 4] =
    [(1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"), (1, "")];

/// A number in words, without `and` and without hyphens: `four hundred twenty one`.
pub fn number_in_words(number: u32) -> String {
    if number == 0 {
        return "zero".into();
    }
    let mut words = Vec::new();
    let mut rest = number;
    for (scale, name) in SCALES {
        let n = rest / scale;
        rest %= scale;
        if n == 0 {
            continue;
        }
        if n >= 100 {
            words.extend([SMALL[n as usize / 100], "hundred"]);
        }
        match n as usize % 100 {
            n @ 0..20 => words.push(SMALL[n]),
            n => words.extend([TENS[n / 10], SMALL[n % 10]]),
        }
        words.push(name);
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// The two texts of fastai's data set `human_numbers`: all numbers of a set with `, ` between.
///
/// # Example
/// ```
/// use tinderbox_data::text::{LmOptions, Profile, Tokenizing, VocabOptions, human_numbers};
///
/// # fn main() -> tinderbox_data::Result<()> {
/// let vocab = VocabOptions { profile: Profile::Lesson, ..VocabOptions::default() };
/// let data = human_numbers()
///     .label_for_lm_by(&Tokenizing::default(), &vocab)?
///     .batches(LmOptions::default())?;
/// assert_eq!((data.c(), data.n_valid_batches()), (38, 3));
/// # Ok(())
/// # }
/// ```
pub fn human_numbers() -> Split<TextKind> {
    let [train, valid] = human_numbers_texts().map(|text| TextItems::from_texts([text]));
    Split::by_list(train, valid)
}

/// The texts of [`human_numbers`]: the one that trains, and the one that validates.
pub fn human_numbers_texts() -> [String; 2] {
    HUMAN_NUMBERS.map(|numbers| {
        let words: Vec<String> = numbers.map(number_in_words).collect();
        words.join(", ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_without_and() {
        assert_eq!(number_in_words(7), "seven");
        assert_eq!(number_in_words(20), "twenty");
        assert_eq!(number_in_words(300), "three hundred");
        assert_eq!(number_in_words(8_015), "eight thousand fifteen");
        assert_eq!(number_in_words(9_999), "nine thousand nine hundred ninety nine");
        assert_eq!(number_in_words(0), "zero");
        assert_eq!(number_in_words(2_000_001), "two million one");
        assert_eq!(number_in_words(421_000), "four hundred twenty one thousand");
    }
}
