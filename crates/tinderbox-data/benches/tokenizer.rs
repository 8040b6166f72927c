//! How fast text becomes tokens, in bytes of text a second.
//!
//! `TINDERBOX_BENCH_TEXT` names a text to measure with, such as 100 MB of a corpus; an empty line
//! ends a document. Without it, sentences of made-up words are taken.

use std::{borrow::Cow, sync::LazyLock};

use divan::{Bencher, counter::BytesCount};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tinderbox_data::text::{
    Rules, TokenizeOptions, Tokenizing, Vocab, VocabOptions, tokenize_words,
};

fn main() {
    divan::main();
}

static DOCUMENTS: LazyLock<Vec<String>> =
    LazyLock::new(|| match std::env::var_os("TINDERBOX_BENCH_TEXT") {
        None => made_up(),
        Some(path) => {
            let text = std::fs::read_to_string(path).expect("the text to measure with is read");
            text.split("\n\n").map(str::to_owned).collect()
        }
    });

/// About 10 MB in 4,000 documents: words by Zipf's law, with capitals and punctuation.
fn made_up() -> Vec<String> {
    const WORDS: usize = 30_000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let word = |rng: &mut ChaCha8Rng| -> String {
        (0..rng.random_range(2..11)).map(|_| rng.random_range('a'..='z')).collect()
    };
    let words: Vec<String> = (0..WORDS).map(|_| word(&mut rng)).collect();
    let document = |_| {
        let mut text = String::new();
        for at in 0..400 {
            let word = &words[(WORDS as f64).powf(rng.random::<f64>()) as usize - 1];
            match at % 12 {
                0 => text.extend(word[..1].to_uppercase().chars().chain(word[1..].chars())),
                5 if rng.random_bool(0.2) => text.push_str("don't"),
                _ => text.push_str(word),
            }
            text.push_str(match at % 12 {
                11 => ". ",
                6 => ", ",
                _ => " ",
            });
        }
        text
    };
    (0..4000).map(document).collect()
}

fn bytes() -> BytesCount {
    BytesCount::new(DOCUMENTS.iter().map(String::len).sum::<usize>())
}

fn corpus(threads: usize) -> tinderbox_data::text::Corpus {
    let options = TokenizeOptions { threads, ..TokenizeOptions::default() };
    let document = |at: usize| Ok(vec![Cow::Borrowed(DOCUMENTS[at].as_str())]);
    let corpus = Tokenizing::default().corpus(DOCUMENTS.len(), document, &options);
    corpus.expect("texts in memory are tokenized")
}

/// Rules, words, rules for tokens: all that a corpus goes through.
#[divan::bench(args = [1, 2, 4, 8])]
fn whole_pipeline(bencher: Bencher, threads: usize) {
    bencher.counter(bytes()).bench(|| corpus(threads));
}

/// The rules for texts alone.
#[divan::bench]
fn rules_for_texts(bencher: Bencher) {
    let rules = Rules::default();
    bencher
        .counter(bytes())
        .bench(|| DOCUMENTS.iter().map(|text| rules.clean(text).len()).sum::<usize>());
}

/// The word tokenizer alone, without remembering what it has divided.
#[divan::bench]
fn words_alone(bencher: Bencher) {
    bencher
        .counter(bytes())
        .bench(|| DOCUMENTS.iter().map(|text| tokenize_words(text).len()).sum::<usize>());
}

/// From tokens to numbers, with the vocabulary.
#[divan::bench]
fn vocabulary_and_numbers(bencher: Bencher) {
    let corpus = corpus(1);
    bencher
        .counter(bytes())
        .bench(|| Vocab::create(&corpus, &VocabOptions::default()).numericalize_corpus(&corpus));
}
