//! What a user may say about a training of a text classifier.

use std::path::PathBuf;

use super::super::Tokens;

/// Settings of [`train_classifier`](super::train_classifier). `None` means: the default, or what
/// the texts call for; and when a run is resumed, what it was begun with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassifierSettings {
    /// A CSV file, or a folder of class folders with `.txt` files in them.
    pub data: PathBuf,
    /// The run folder: everything the run makes, and was made with, goes there.
    pub out: PathBuf,
    /// A CSV file's columns of text, by name or number; `text`.
    pub columns: Option<Vec<String>>,
    /// A CSV file's column of labels; `label`.
    pub label: Option<String>,
    /// A share such as `0.2`, a CSV file's column that says which rows validate, or the name of the
    /// folder that does.
    pub valid: Option<String>,
    /// The run of the language model whose encoder and vocabulary are taken.
    pub from_lm: Option<PathBuf>,
    /// What texts are divided into, without a language model.
    pub tokens: Option<Tokens>,
    /// Words that occur less often are unknown, without a language model.
    pub min_freq: Option<usize>,
    /// What the dropouts are multiplied by; 0.5, fastai's.
    pub dropout: Option<f64>,
    /// Epochs of the last part of the training, when everything is trained.
    pub epochs: Option<usize>,
    /// Learning rate at the peak of the first part's schedule; the other parts' follow from it.
    pub lr: Option<f64>,
    pub batch_size: Option<usize>,
    pub seed: Option<u64>,
    /// Steps between checkpoints, besides those after each epoch; 100. With 0 there are no others.
    pub checkpoint_every: Option<usize>,
}

impl ClassifierSettings {
    /// Trains on `data` into `out`, everything else by default.
    pub fn new(data: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), out: out.into(), ..Self::default() }
    }
}
