//! The lesson's data: all numbers in English words, as batches of a language model.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};
use serde_json::Value;

use crate::common::device;

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

/// A number below 10,000.
fn words(n: usize) -> Vec<&'static str> {
    let mut words = Vec::new();
    for (unit, name) in [(1000, "thousand"), (100, "hundred")] {
        if n >= unit {
            words.extend([SMALL[n / unit % 10], name]);
        }
    }
    words.extend(match n % 100 {
        rest @ 0..20 => [SMALL[rest], ""],
        rest => [TENS[rest / 10], SMALL[rest % 10]],
    });
    // "one thousand five" has no hundreds.
    let mut kept: Vec<&str> = Vec::new();
    for word in words {
        match word {
            "hundred" if kept.last() == Some(&"thousand") => {}
            "" => {}
            word => kept.push(word),
        }
    }
    kept
}

/// A vocabulary of a manifest.
pub(crate) fn vocab(list: &Value) -> Vec<String> {
    let words = list.as_array().unwrap().iter();
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The numbers of the training set and of the validation set.
pub(crate) const TRAIN: Range<usize> = 1..8000;
pub(crate) const VALID: Range<usize> = 8001..10_000;

/// All numbers of a range, with commas between them, as one document.
pub(crate) fn ids(range: Range<usize>, vocab: &[String]) -> Vec<i64> {
    let id = |word: &str| vocab.iter().position(|known| known == word).unwrap() as i64;
    let mut ids = vec![id("xxbos")];
    for n in range.clone() {
        if n > range.start {
            ids.push(id(","));
        }
        ids.extend(words(n).into_iter().map(id));
    }
    ids
}

/// A document cut into rows that are read side by side: each begins at its share of the document
/// and goes on for as many whole batches as it takes to have seen all of it.
pub(crate) struct Stream {
    pub(crate) ids: Vec<i64>,
    pub(crate) batch: usize,
    pub(crate) bptt: usize,
}

impl Stream {
    pub(crate) fn len(&self) -> usize {
        self.ids.len().div_ceil(self.batch * self.bptt)
    }

    /// Words and those after them.
    pub(crate) fn batch(&self, at: usize) -> [Tensor<2, Int>; 2] {
        [0, 1].map(|shift| {
            let n = self.ids.len();
            let word = |i: usize| {
                let (row, column) = (i / self.bptt, i % self.bptt);
                let start = (row as f64 * (n as f64 / self.batch as f64)) as usize;
                self.ids[(start + at * self.bptt + column + shift) % n]
            };
            let words: Vec<i64> = (0..self.batch * self.bptt).map(word).collect();
            Tensor::from_data(TensorData::new(words, [self.batch, self.bptt]), &device())
        })
    }
}

#[test]
fn the_numbers_are_those_of_the_reference() {
    let fixture = tinderbox_golden::Fixture::open("human_numbers");
    let lesson = &fixture.manifest()["lesson"];
    let vocab = vocab(&lesson["itos"]);
    for (range, name) in [(TRAIN, "train"), (VALID, "valid")] {
        let ids = ids(range, &vocab);
        assert_eq!(ids.len() as u64, lesson[format!("{name}_tokens")].as_u64().unwrap());
        let firsts = lesson[format!("{name}_first_ids")].as_array().unwrap();
        assert!(firsts.iter().zip(&ids).all(|(first, id)| first.as_i64() == Some(*id)));
        let batches = fixture.manifest()["batches"].as_object().unwrap();
        for (key, batches) in batches.iter().filter(|(key, _)| key.ends_with(name)) {
            // The sizes are in the key: `bs64_bptt70_train`.
            let size = |part: usize, prefix: &str| {
                let text = key.split('_').nth(part).and_then(|text| text.strip_prefix(prefix));
                text.unwrap().parse::<usize>().unwrap()
            };
            let stream = Stream { ids: ids.clone(), batch: size(0, "bs"), bptt: size(1, "bptt") };
            let sums = batches["sum_x_per_batch"].as_array().unwrap();
            assert_eq!(stream.len(), sums.len(), "{key}");
            for (at, sum) in sums.iter().enumerate() {
                let [x, _] = stream.batch(at);
                let found: Vec<i64> = x.into_data().convert::<i64>().try_to_vec().unwrap();
                assert_eq!(Some(found.iter().sum()), sum.as_i64(), "{key}, batch {at}");
            }
        }
    }
}
