//! Texts that may not be labelled or divided as was meant: each is a warning.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
};

use rustc_hash::FxHasher;

use crate::{
    label::LabelledPart,
    text::{Corpus, TextKind},
};

/// A set of texts, and their tokens.
pub(super) type Tokenized<'a> = (&'a LabelledPart<TextKind>, &'a Corpus);

/// Where a text was met first.
struct First {
    trains: bool,
    index: usize,
}

/// What is said of texts that occur several times: with different labels, and in both sets.
pub(super) fn doubts(train: Tokenized<'_>, valid: Tokenized<'_>) -> Vec<String> {
    let mut met: HashMap<u64, First> = HashMap::new();
    let (mut unlike, mut both) = (Vec::new(), Vec::new());
    let part = |trains| if trains { train.0 } else { valid.0 };
    let name = |trains: bool, index: usize| {
        let items = &part(trains).items;
        items.kind().called(&items.path(index))
    };
    for (trains, (_, corpus)) in [(true, train), (false, valid)] {
        for index in 0..corpus.len() {
            // One token is the mark of the start: an empty text.
            let key = match corpus.document(index).len() {
                0 | 1 => continue,
                _ => key(corpus, index),
            };
            let first = met.entry(key).or_insert(First { trains, index });
            let labels =
                [part(first.trains).labels.text(first.index), part(trains).labels.text(index)];
            if labels[0] != labels[1] {
                unlike.push((name(first.trains, first.index), name(trains, index), labels));
            }
            if first.trains && !trains {
                both.push(name(trains, index));
            }
        }
    }
    let mut doubts = Vec::new();
    if let Some((one, other, [a, b])) = unlike.first() {
        let n = unlike.len();
        let (texts, are) = if n == 1 { ("text", "is") } else { ("texts", "are") };
        doubts.push(format!(
            "{n} {texts} {are} labelled in several ways: {one} is `{a}`, and {other}, the same text, is `{b}`"
        ));
    }
    if let Some(first) = both.first() {
        let n = both.len();
        let (texts, are) = if n == 1 { ("text", "is") } else { ("texts", "are") };
        doubts.push(format!(
            "{n} {texts} of the validation set {are} in the training set, too, such as {first}"
        ));
    }
    doubts
}

/// What texts of the same tokens have in common.
fn key(corpus: &Corpus, index: usize) -> u64 {
    let mut hasher = FxHasher::default();
    corpus.document(index).for_each(|token| token.hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use crate::{Label, text::TextItems};

    #[track_caller]
    fn check(train: &[(&str, &str)], valid: &[(&str, &str)], doubts: &[&str]) {
        let all = || train.iter().chain(valid);
        let items = TextItems::from_texts(all().map(|(text, _)| *text));
        let train_at: Vec<usize> = (0..train.len()).collect();
        let valid_at: Vec<usize> = (train.len()..all().count()).collect();
        let split = items.split_by_idxs(&train_at, &valid_at).unwrap();
        let labels = |pairs: &[(&str, &str)]| -> Vec<Label> {
            pairs.iter().map(|(_, label)| Label::from(*label)).collect()
        };
        let labelled = split.label_from_lists(&labels(train), &labels(valid)).unwrap();
        assert_eq!(labelled.tokenize().unwrap().warnings, doubts);
    }

    #[test]
    fn a_text_under_two_labels_and_in_both_sets_is_told() {
        check(&[("good", "pos"), ("bad", "neg")], &[("fine", "pos")], &[]);
        check(
            &[("good", "pos"), ("good", "neg"), ("", "pos"), ("", "neg")],
            &[("fine", "pos")],
            &[
                "1 text is labelled in several ways: text 0 is `pos`, and text 1, the same text, is `neg`",
            ],
        );
        check(
            &[("good", "pos"), ("bad", "neg")],
            &[("bad", "neg"), ("good", "pos"), ("fine", "pos")],
            &["2 texts of the validation set are in the training set, too, such as text 2"],
        );
    }
}
