//! What a user may say about a training on text; what is not said is decided by a look at it.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use tinderbox_data::text::{Profile, Tokenizing, VocabOptions};

use crate::Error;

/// Settings of [`train_language_model`](super::train_language_model). `None` means: the default,
/// or what the texts call for; and when a run is resumed, what it was begun with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LanguageModelSettings {
    /// A text file, a folder of `.txt` files, or a CSV file.
    pub data: PathBuf,
    /// The run folder: everything the run makes, and was made with, goes there.
    pub out: PathBuf,
    /// A CSV file's columns of text, by name or number; `text`.
    pub columns: Option<Vec<String>>,
    pub tokens: Option<Tokens>,
    /// The share that validates: of the texts, or of each text's end if there are few.
    pub valid: Option<f64>,
    /// Words that occur less often are unknown.
    pub min_freq: Option<usize>,
    pub max_vocab: Option<usize>,
    /// `awd-lstm`, `gru`, `lstm`, or one of the lesson's, `model3` to `model5`.
    pub arch: Option<String>,
    /// Numbers for a word.
    pub embedding: Option<usize>,
    /// Numbers a step between layers.
    pub hidden: Option<usize>,
    pub layers: Option<usize>,
    /// What an AWD-LSTM's dropouts are multiplied by; the dropout itself of the others.
    pub dropout: Option<f64>,
    pub epochs: Option<usize>,
    /// Learning rate at the peak of the one-cycle schedule.
    pub lr: Option<f64>,
    pub batch_size: Option<usize>,
    /// Words of a row: how far back the gradient goes.
    pub bptt: Option<usize>,
    /// The longest that all gradients together may be.
    pub clip: Option<f64>,
    /// A run to start from, whose vocabulary may be another.
    pub from: Option<PathBuf>,
    pub seed: Option<u64>,
    /// Steps between checkpoints, besides those after each epoch; 100. With 0 there are no others.
    pub checkpoint_every: Option<usize>,
}

impl LanguageModelSettings {
    /// Trains on `data` into `out`, everything else by default.
    pub fn new(data: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), out: out.into(), ..Self::default() }
    }
}

/// What a text is divided into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tokens {
    /// English words, by fastai's rules.
    #[default]
    Words,
    Characters,
    /// By a Hugging Face `tokenizer.json`, with its vocabulary.
    File(PathBuf),
}

impl FromStr for Tokens {
    type Err = Error;

    /// `words`, `characters`, or the path of a `tokenizer.json`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "words" => Ok(Self::Words),
            "characters" | "chars" => Ok(Self::Characters),
            path if Path::new(path).extension().is_some_and(|end| end == "json") => {
                Ok(Self::File(path.into()))
            }
            _ => Err(Error::Tokens { value: text.to_owned() }),
        }
    }
}

impl Tokens {
    /// How texts are divided, and the vocabulary if it is of the tokenizer's own; else `min_freq`
    /// and `max_vocab` choose one.
    ///
    /// # Errors
    /// Those of reading a tokenizer's file.
    pub(in crate::text) fn tokenizing(
        &self,
        min_freq: Option<usize>,
        max_vocab: Option<usize>,
    ) -> Result<(Tokenizing, VocabOptions), Error> {
        let (tokenizing, usual) = match self {
            Self::Words => (Tokenizing::default(), 2),
            Self::Characters => (Tokenizing::characters(), 1),
            Self::File(path) => (Tokenizing::from_file(path)?, 1),
        };
        let vocab = VocabOptions::default();
        let vocab = VocabOptions {
            min_freq: min_freq.unwrap_or(usual),
            max_vocab: max_vocab.unwrap_or(vocab.max_vocab),
            // Words that fill the vocabulary up would have to be learned, too.
            profile: Profile::Lesson,
        };
        Ok((tokenizing, vocab))
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words => f.write_str("words"),
            Self::Characters => f.write_str("characters"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
