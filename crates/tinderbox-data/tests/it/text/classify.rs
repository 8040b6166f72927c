//! The fixture `text_classifier_batches`, and the loader over texts.

use std::cmp::Reverse;

use serde_json::{Value, json};
use tinderbox_data::{
    Array, Batch, DataBunch, Label,
    batch::Set,
    text::{
        ClassifierOptions, LmOptions, Padding, Rules, TextItems, Tokenizing, Vocab, VocabOptions,
    },
};

use super::{all, count, flag, ids, list, manifest, numbers, text};
use crate::common::{Outcome, equal};

fn rows(array: &Array) -> Value {
    json!((0..array.rows()).map(|row| numbers(&array.row(row)).to_vec()).collect::<Vec<_>>())
}

/// Labelled texts of these many tokens, whose label is their number.
fn texts(lengths: &[u32], options: &ClassifierOptions) -> DataBunch {
    let join = tinderbox_data::text::Join { bos: false, ..Default::default() };
    let tokenizing = Tokenizing { join, rules: Rules::none(), ..Tokenizing::spaces() };
    let vocab = Vocab::from_tokens(vec!["xxunk".into(), "xxpad".into(), "x".into()]).unwrap();
    let items = |lengths: &[u32]| {
        TextItems::from_texts(lengths.iter().map(|len| vec!["x"; *len as usize].join(" ")))
    };
    let split = tinderbox_data::Split::by_list(items(lengths), items(lengths));
    let labels: Vec<Label> = (0..lengths.len() as i64).map(Label::Integer).collect();
    let labelled = split.label_from_lists(&labels, &labels).unwrap();
    labelled.tokenize_by(&tokenizing, &vocab).unwrap().batches(options.clone()).unwrap()
}

#[test]
fn texts_are_padded_as_by_the_reference() {
    let fixture = manifest("text_classifier_batches");
    let sequences: Vec<Vec<i64>> = list(&fixture["sequences"])
        .iter()
        .map(|text| ids(text).into_iter().map(i64::from).collect())
        .collect();
    let sequences: Vec<&[i64]> = sequences.iter().map(Vec::as_slice).collect();
    all(list(&fixture["pad_collate"]).iter().map(|case| {
        let (first, backwards) = (flag(&case["pad_first"]), flag(&case["backwards"]));
        let array = Padding { first, backwards, ..Padding::default() }.collate(&sequences);
        equal("x", rows(&array), &case["x"])?;
        equal("y", json!((0..sequences.len()).collect::<Vec<_>>()), &case["y"])
    }));
}

fn order(batches: impl Iterator<Item = Batch>) -> Vec<usize> {
    batches.flat_map(|batch| batch.items).collect()
}

#[test]
fn validation_texts_come_longest_first() {
    let fixture = manifest("text_classifier_batches");
    let lengths = ids(&fixture["lengths"]);
    let data = texts(&lengths, &ClassifierOptions { batch_size: 7, ..Default::default() });
    let order = order(data.valid_batches().map(Result::unwrap));
    all([equal("order", json!(order), &fixture["sort_sampler"])]);
}

/// What holds for any order that the reference could draw, and for the one it drew.
fn sortish(order: &[usize], lengths: &[u32], batch_size: usize) -> Outcome {
    let length = |index: &usize| lengths[*index];
    let longest = lengths.iter().max().unwrap();
    if length(&order[0]) != *longest {
        return Err(format!("the first text has {} tokens, one has {longest}", length(&order[0])));
    }
    let falling = |batch: &[usize]| batch.is_sorted_by_key(|index| Reverse(length(index)));
    match order.chunks(batch_size).find(|batch| !falling(batch)) {
        None => Ok(()),
        Some(batch) => Err(format!("{batch:?} is no batch of falling lengths")),
    }
}

#[test]
fn training_texts_come_roughly_by_length() {
    let fixture = manifest("text_classifier_batches");
    let lengths = ids(&fixture["lengths"]);
    let case = &fixture["sortish"];
    let batch_size = count(&case["bs"]);
    let reference: Vec<usize> = ids(&case["order"]).iter().map(|at| *at as usize).collect();
    let data = texts(&lengths, &ClassifierOptions { batch_size, ..Default::default() });
    let ours = |epoch| order(data.train_batches(epoch, 0).map(Result::unwrap));
    all([&reference, &ours(0), &ours(1)].map(|order| sortish(order, &lengths, batch_size)));
    assert_ne!(ours(0), ours(1));
    let mut sorted = ours(2);
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..lengths.len()));
}

#[test]
fn batches_are_the_same_for_any_number_of_workers_and_from_any_batch() {
    let lengths: Vec<u32> = (0..99).map(|n| n * 31 % 17 + 1).collect();
    let epoch = |workers, first| {
        let options = ClassifierOptions { batch_size: 8, workers, ..Default::default() };
        let batches = texts(&lengths, &options).train_batches(1, first);
        batches.map(Result::unwrap).collect::<Vec<_>>()
    };
    let alone = epoch(0, 0);
    assert_eq!(alone.len(), 12, "three texts of 99 are dropped");
    for batch in &alone {
        assert_eq!(
            batch.items.iter().map(|item| *item as i64).collect::<Vec<_>>(),
            numbers(&batch.targets)
        );
    }
    for workers in [1, 3] {
        assert_eq!(epoch(workers, 0), alone);
        assert_eq!(epoch(workers, 5), alone[5..]);
    }
}

#[test]
fn a_classifier_starts_from_the_language_models_vocabulary() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("train/pos/1.txt", "a good film , a film"),
        ("train/neg/1.txt", "a bad film"),
        ("test/pos/1.txt", "Good !"),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let texts = || TextItems::from_folder(folder.path()).unwrap();
    let split = || texts().split_by_folder("train", "test").unwrap();
    let language = split()
        .label_for_lm_by(
            &Tokenizing::default(),
            &VocabOptions { min_freq: 1, ..Default::default() },
        )
        .unwrap();
    let vocab = language.input.vocab.clone();
    language.batches(LmOptions { batch_size: 1, bptt: 4, ..Default::default() }).unwrap();
    let data = split()
        .label_from_folder()
        .unwrap()
        .tokenize_by(&Tokenizing::default(), &vocab)
        .unwrap()
        .batches(ClassifierOptions { batch_size: 2, ..Default::default() })
        .unwrap();
    assert_eq!((data.classes(), data.unit()), (&["neg".to_owned(), "pos".into()][..], "texts"));
    let batch = data.one_batch(Set::Valid).unwrap();
    let input = data.inference();
    let input = input.text_input().unwrap();
    let shown: Vec<u32> = numbers(&batch.inputs).iter().map(|id| *id as u32).collect();
    assert_eq!(input.vocab.textify(&shown, " ").unwrap(), "xxbos xxmaj good xxunk");
    assert_eq!(numbers(&batch.targets), [1]);
    assert!(text(&json!(data.name(Set::Valid, 0))).ends_with("1.txt"));
}
