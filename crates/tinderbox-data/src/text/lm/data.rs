//! From a split of texts to a language model's batches.

use std::sync::Arc;

use super::{Documents, LmSamples};
use crate::{
    BatchOptions, DataBunch, Error, Inference, Result, SavedInput, Split, TargetKind,
    batch::Sets,
    text::{
        TextInput, TextKind, TokenizeOptions, Tokenizing, VocabOptions, VocabSource,
        source::tokenized,
    },
    transform::Transforms,
};

/// Texts as numbers, to learn the next word of each.
#[derive(Debug, Clone)]
pub struct LmTexts {
    train: Arc<Documents>,
    valid: Arc<Documents>,
    pub input: TextInput,
    warnings: Vec<String>,
}

impl Split<TextKind> {
    /// Tokenizes the texts for a language model, whose target is the next word: words, of which those
    /// that occur twice in the training texts are known.
    ///
    /// # Errors
    /// As [`label_for_lm_by`](Self::label_for_lm_by).
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::text::{LmOptions, TextItems};
    ///
    /// # fn main() -> tinderbox_data::Result<()> {
    /// let poem = "Rose is a rose is a rose is a rose. ".repeat(20);
    /// let data = TextItems::from_texts([poem])
    ///     .split_by_tail(0.25)?
    ///     .label_for_lm()?
    ///     .batches(LmOptions { batch_size: 2, bptt: 10, ..LmOptions::default() })?;
    ///
    /// let batch = data.train_batches(0, 0).next().expect("150 words are seven batches")?;
    /// assert_eq!(batch.inputs.shape, [2, 10]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn label_for_lm(self) -> Result<LmTexts> {
        self.label_for_lm_by(&Tokenizing::default(), &VocabOptions::default())
    }

    /// [`label_for_lm`](Self::label_for_lm) by another tokenizer and another vocabulary. It is made of
    /// the training texts, by `&VocabOptions`, or given, as `&Vocab`: that of the model that is
    /// measured, where [nothing trains](crate::Items::split_all_valid).
    ///
    /// # Errors
    /// Those of reading the texts; [`Error::NoTokens`] if there is nothing in the training texts, or
    /// in the validation texts if those are all there are.
    pub fn label_for_lm_by(
        self,
        tokenizing: &Tokenizing,
        vocab: impl Into<VocabSource>,
    ) -> Result<LmTexts> {
        self.label_for_lm_with(tokenizing, vocab, &TokenizeOptions::default())
    }

    /// [`label_for_lm_by`](Self::label_for_lm_by) with the number of threads and progress.
    ///
    /// # Errors
    /// As [`label_for_lm_by`](Self::label_for_lm_by).
    pub fn label_for_lm_with(
        self,
        tokenizing: &Tokenizing,
        vocab: impl Into<VocabSource>,
        options: &TokenizeOptions<'_>,
    ) -> Result<LmTexts> {
        let warnings = self.warnings();
        let train = tokenized(&self.train, tokenizing, options)?;
        let valid = tokenized(&self.valid, tokenizing, options)?;
        let vocab = vocab.into();
        let measures = self.train.is_empty() && !self.valid.is_empty();
        vocab.check_text(measures, &train, &valid)?;
        let vocab = vocab.vocab(tokenizing, &train);
        let numbers = |corpus| Arc::new(Documents::new(&vocab.numericalize_corpus(corpus)));
        Ok(LmTexts {
            train: numbers(&train),
            valid: numbers(&valid),
            input: TextInput { tokenizing: tokenizing.clone(), vocab, longest: None },
            warnings,
        })
    }
}

/// How a language model's batches are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LmOptions {
    /// Rows of a training batch; 64, fastai's.
    pub batch_size: usize,
    /// Rows of the other batches, if not as many.
    pub valid_batch_size: Option<usize>,
    /// Tokens of a row: how far back the gradient goes; 70, fastai's.
    pub bptt: usize,
    /// Whether texts are read from their ends.
    pub backwards: bool,
    /// Whether the training texts are in a new order each epoch.
    pub shuffle: bool,
    /// Seed of that order.
    pub seed: u64,
    /// Threads that prepare batches ahead; 0, as it takes microseconds.
    pub workers: usize,
}

impl From<usize> for LmOptions {
    /// Batches of this many rows, with defaults for everything else.
    fn from(batch_size: usize) -> Self {
        Self { batch_size, ..Self::default() }
    }
}

impl Default for LmOptions {
    fn default() -> Self {
        Self {
            batch_size: 64,
            valid_batch_size: None,
            bptt: 70,
            backwards: false,
            shuffle: true,
            seed: 0,
            workers: 0,
        }
    }
}

impl LmTexts {
    /// How many tokens the training and the validation set have.
    pub fn n_tokens(&self) -> [usize; 2] {
        [self.train.tokens.len(), self.valid.tokens.len()]
    }

    /// Batches of rows, as [`LmSamples`] has them.
    ///
    /// # Errors
    /// [`Error::BatchSize`], [`Error::Bptt`]; [`Error::ShortCorpus`] if the training texts do not
    /// fill a batch. A validation set that does not is read several times, with a warning.
    #[doc(alias = "databunch")]
    pub fn batches(self, options: impl Into<LmOptions>) -> Result<DataBunch> {
        let options = &options.into();
        let inference = Inference::new(
            SavedInput::Text(self.input.clone()),
            Transforms::new().pipeline(false),
            TargetKind::Words { vocab: self.input.vocab.clone() },
        );
        self.bunch(options, inference)
    }

    /// Batches for a finished language model: what it is measured on, see
    /// [`Items::split_all_valid`](crate::Items::split_all_valid). A model that was validated with
    /// rows of another [`bptt`](LmOptions::bptt) or another number of them read other contexts.
    ///
    /// # Errors
    /// [`Error::OtherTarget`] if the model predicts something else than words;
    /// [`Error::OtherInput`] for another tokenizer or vocabulary; those of
    /// [`batches`](Self::batches).
    pub fn batches_like(
        self,
        inference: &Inference,
        options: impl Into<LmOptions>,
    ) -> Result<DataBunch> {
        let options = &options.into();
        inference.check_input(&SavedInput::Text(self.input.clone()))?;
        inference.target_like(TargetKind::Words { vocab: self.input.vocab.clone() })?;
        self.bunch(options, inference.clone())
    }

    fn bunch(self, options: &LmOptions, inference: Inference) -> Result<DataBunch> {
        let LmOptions { batch_size, bptt, backwards, .. } = *options;
        let valid_batch_size = options.valid_batch_size.unwrap_or(batch_size);
        if batch_size == 0 || valid_batch_size == 0 {
            return Err(Error::BatchSize);
        }
        if bptt == 0 {
            return Err(Error::Bptt);
        }
        let short = |set, documents: &Documents, batch_size| {
            let tokens = documents.tokens.len();
            (tokens < batch_size * bptt).then_some(Error::ShortCorpus {
                set,
                tokens,
                batch_size,
                bptt,
            })
        };
        let short_train = short("training", &self.train, batch_size);
        if let Some(error) = short_train.filter(|_| self.train.len() > 0) {
            return Err(error);
        }
        let mut warnings = self.warnings;
        let short = short("validation", &self.valid, valid_batch_size);
        if let Some(error) = short.filter(|_| !self.valid.tokens.is_empty()) {
            warnings.push(format!("{error}: some are read several times"));
        }
        let samples = |documents: &Arc<Documents>, batch_size| {
            Arc::new(LmSamples::of(documents.clone(), batch_size, bptt, backwards))
        };
        let sets = Sets {
            train: samples(&self.train, batch_size),
            fix: samples(&self.train, valid_batch_size),
            valid: samples(&self.valid, valid_batch_size),
            test: None,
        };
        let target = inference.target().clone();
        let batch_options = BatchOptions {
            batch_size,
            valid_batch_size: options.valid_batch_size,
            workers: options.workers,
            seed: options.seed,
            shuffle: options.shuffle,
            ..BatchOptions::default()
        };
        DataBunch::new(sets, target, batch_options, inference, warnings)
    }
}
