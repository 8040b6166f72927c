//! The fixture `lm_preloader`, and the loader over a language model's rows.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tinderbox_data::{
    Array, Batch, DataBunch, Error, Input, Samples,
    batch::Set,
    text::{LmOptions, LmSamples, TextItems, Tokenizing, Vocab, VocabOptions},
};

use super::{all, count, flag, ids, list, manifest, numbers};
use crate::common::{Outcome, equal};

/// Batches as the fixture writes them: a list of rows each.
fn batches(samples: &LmSamples, batch_size: usize) -> [Vec<Value>; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for batch in 0..samples.n_batches() {
        let rows = (0..batch_size).map(|row| samples.sample(batch * batch_size + row, &mut rng));
        let (inputs, targets): (Vec<Array>, Vec<Array>) =
            rows.map(|row| row.unwrap()).map(|row| (row.input, row.target)).unzip();
        let all = |rows: &[Array]| json!(rows.iter().map(numbers).collect::<Vec<_>>());
        x.push(all(&inputs));
        y.push(all(&targets));
    }
    [x, y]
}

fn case(documents: &[Vec<u32>], case: &Value) -> Outcome {
    let (batch_size, bptt) = (count(&case["bs"]), count(&case["bptt"]));
    let samples = LmSamples::new(documents, batch_size, bptt, flag(&case["backwards"]));
    equal("batches", samples.n_batches(), &case["n_batches"])?;
    for epoch in list(&case["epochs"]) {
        let order: Vec<usize> =
            ids(&epoch["document_order"]).iter().map(|at| *at as usize).collect();
        let [x, y] = batches(&samples.ordered(&order), batch_size);
        equal("x", json!(x), &epoch["x"])?;
        equal("y", json!(y), &epoch["y"])?;
    }
    Ok(())
}

#[test]
fn rows_are_read_as_the_reference_reads_them() {
    let fixture = manifest("lm_preloader");
    let documents: Vec<Vec<u32>> = list(&fixture["documents"]).iter().map(ids).collect();
    all(list(&fixture["cases"]).iter().map(|one| case(&documents, one)));
}

/// Texts of numbers, of many lengths.
fn texts() -> TextItems {
    let text = |n: usize| {
        let numbers: Vec<String> = (0..n * 7 % 41 + 3).map(|m| (n * m).to_string()).collect();
        numbers.join(" ")
    };
    TextItems::from_texts((0..60).map(text))
}

fn data(options: &LmOptions) -> DataBunch {
    let vocab = VocabOptions { min_freq: 1, ..VocabOptions::default() };
    let texts = texts().split_by_rand_pct(0.2, 42).unwrap();
    texts.label_for_lm_by(&Tokenizing::spaces(), &vocab).unwrap().batches(options.clone()).unwrap()
}

fn options(workers: usize) -> LmOptions {
    LmOptions { batch_size: 4, bptt: 5, workers, ..LmOptions::default() }
}

fn epoch(workers: usize, epoch: usize, first: usize) -> Vec<Batch> {
    data(&options(workers)).train_batches(epoch, first).map(Result::unwrap).collect()
}

#[test]
fn an_epoch_is_the_same_for_any_number_of_workers_and_from_any_batch() {
    let all = epoch(0, 3, 0);
    for workers in [1, 2, 5] {
        assert_eq!(epoch(workers, 3, 0), all, "{workers} workers");
        assert_eq!(epoch(workers, 3, 7), all[7..], "{workers} workers");
    }
}

#[test]
fn training_texts_are_in_a_new_order_each_epoch_and_validation_texts_never() {
    assert_ne!(epoch(0, 0, 0), epoch(0, 1, 0));
    let data = data(&options(0));
    let valid = || data.valid_batches().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(valid(), valid());
    let fixed = LmOptions { shuffle: false, ..options(0) };
    let fixed = |epoch| self::data(&fixed).train_batches(epoch, 0).map(Result::unwrap);
    assert!(fixed(0).eq(fixed(5)));
}

#[test]
fn rows_go_on_where_they_ended() {
    let all = epoch(2, 1, 0);
    for (before, after) in all.iter().zip(&all[1..]) {
        for row in 0..4 {
            let ends = numbers(&before.targets)[row * 5 + 4];
            assert_eq!(numbers(&after.inputs)[row * 5], ends);
        }
    }
}

#[test]
fn what_is_known_about_the_data_is_said() {
    let data = data(&LmOptions { valid_batch_size: Some(2), ..options(0) });
    assert_eq!((data.unit(), data.c()), ("rows", data.classes().len()));
    assert_eq!(data.n_train_batches(), data.train_batches(0, 0).count());
    let valid = data.one_batch(Set::Valid).unwrap();
    assert_eq!((valid.inputs.shape, valid.targets.shape), (vec![2, 5], vec![2, 5]));
    assert_eq!(data.n_valid_batches(), data.valid_batches().count());
    let inference = data.inference();
    let input = inference.text_input().unwrap();
    assert_eq!(input.text(&input.ids("0 7 14").unwrap()).unwrap(), "xxbos 0 7 14");
    assert_eq!(
        inference.describe(),
        format!("text, divided at spaces, a vocabulary of {}; the next word", input.vocab.len())
    );
    let prompt = inference.input(Input::Text("0 7 14")).unwrap();
    assert_eq!(prompt.shape, [4]);
    assert!(matches!(inference.input(Input::Text("  ")), Err(Error::NoTokens { .. })));
}

#[test]
fn what_a_model_saved_prepares_the_same_text() {
    let inference = data(&options(0)).inference();
    let saved = serde_json::to_string(&inference).unwrap();
    let read: tinderbox_data::Inference = serde_json::from_str(&saved).unwrap();
    let text = Input::Text("0 9 x");
    assert_eq!(read.input(text).unwrap(), inference.input(text).unwrap());
    assert_eq!(read.classes(), inference.classes());
}

#[test]
fn too_little_text_is_refused_with_the_numbers() {
    let batches = |texts: TextItems, vocab: &Vocab| {
        let texts = texts.split_none().label_for_lm_by(&Tokenizing::spaces(), vocab);
        texts.and_then(|texts| texts.batches(LmOptions::default()))
    };
    let vocab = Vocab::from_tokens(vec!["xxunk".into()]).unwrap();
    let error = batches(TextItems::from_texts(["a b c"]), &vocab).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the training texts have 4 tokens, but a batch of 64 rows of 70 needs 4480"
    );
    assert!(error.hint().unwrap().contains("lower `batch_size` or `bptt`"));
    let error = batches(TextItems::from_texts([""; 0]), &vocab).unwrap_err();
    assert_eq!(error.to_string(), "the training set has no tokens");
}
