//! From labelled texts to a classifier's batches.

use std::sync::Arc;

use super::{Padding, TextSamples, doubts::doubts};
use crate::{
    BatchOptions, DataBunch, Error, Inference, Labelled, Result, Samples, SavedInput, TargetKind,
    batch::Sets,
    label::LabelledPart,
    text::{
        Corpus, TextInput, TextKind, TokenizeOptions, Tokenizing, Vocab, VocabOptions, VocabSource,
        source::tokenized, tokenizing::keep_end,
    },
    transform::Transforms,
};

/// Texts as numbers, and their labels: all that batches need to be known.
#[derive(Debug)]
pub struct LabelledTexts {
    pub(in crate::text) train: TextSamples,
    pub(in crate::text) valid: TextSamples,
    pub(in crate::text) test: Option<TextSamples>,
    pub(in crate::text) target: TargetKind,
    pub input: TextInput,
    pub(in crate::text) warnings: Vec<String>,
}

impl TextSamples {
    fn new(part: LabelledPart<TextKind>, corpus: &Corpus, vocab: &Vocab) -> Self {
        let LabelledPart { items, labels } = part;
        let texts = vocab.numericalize_corpus(corpus).into_iter().map(Into::into).collect();
        let called = |index| items.kind().called(&items.path(index));
        Self {
            texts,
            names: (0..items.len()).map(called).collect(),
            labels,
            padding: Padding::default(),
            target_padding: None,
        }
    }

    /// Keeps this many tokens of longer texts; gives what these are called.
    fn cut(&mut self, longest: usize) -> Vec<String> {
        let long = |index: &usize| self.texts[*index].len() > longest;
        let long: Vec<usize> = (0..self.texts.len()).filter(long).collect();
        if long.is_empty() {
            return Vec::new();
        }
        let mut texts = self.texts.to_vec();
        for index in &long {
            let mut text = texts[*index].to_vec();
            keep_end(&mut text, longest);
            texts[*index] = text.into();
        }
        self.texts = texts.into();
        long.into_iter().map(|index| self.names[index].clone()).collect()
    }
}

impl Labelled<TextKind> {
    /// Tokenizes the texts for a classifier: words, of which those that occur twice in the training
    /// texts are known.
    ///
    /// # Errors
    /// As [`tokenize_by`](Self::tokenize_by).
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::{Label, text::TextItems};
    ///
    /// # fn main() -> tinderbox_data::Result<()> {
    /// let data = TextItems::from_texts(["a good film", "bad", "good", "a bad one"])
    ///     .split_none()
    ///     .label_from_lists(&["pos", "neg", "pos", "neg"].map(Label::from), &[])?
    ///     .tokenize()?
    ///     .batches(4)?;
    ///
    /// let batch = data.train_batches(0, 0).next().expect("four texts are a batch")?;
    /// assert_eq!((batch.inputs.shape, batch.targets.shape), (vec![4, 4], vec![4]));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "TokenizeProcessor")]
    #[doc(alias = "NumericalizeProcessor")]
    pub fn tokenize(self) -> Result<LabelledTexts> {
        self.tokenize_by(&Tokenizing::default(), &VocabOptions::default())
    }

    /// [`tokenize`](Self::tokenize) by another tokenizer and another vocabulary. It is made of the
    /// training texts, by `&VocabOptions`, or is that of the language model that the classifier starts
    /// from, as `&Vocab`; where [nothing trains](crate::Items::split_all_valid), that of the model
    /// that is measured.
    ///
    /// # Errors
    /// Those of reading the texts; [`Error::NoTokens`] if there is nothing in the training texts, or
    /// in the validation texts if those are all there are.
    pub fn tokenize_by(
        self,
        tokenizing: &Tokenizing,
        vocab: impl Into<VocabSource>,
    ) -> Result<LabelledTexts> {
        self.tokenize_with(tokenizing, vocab, &TokenizeOptions::default())
    }

    /// [`tokenize_by`](Self::tokenize_by) with the number of threads and progress.
    ///
    /// # Errors
    /// As [`tokenize_by`](Self::tokenize_by).
    pub fn tokenize_with(
        self,
        tokenizing: &Tokenizing,
        vocab: impl Into<VocabSource>,
        options: &TokenizeOptions<'_>,
    ) -> Result<LabelledTexts> {
        let Self { train, valid, test, target, mut warnings } = self;
        let tokens = |part: &LabelledPart<TextKind>| tokenized(&part.items, tokenizing, options);
        let (corpus, valid_corpus) = (tokens(&train)?, tokens(&valid)?);
        warnings.extend(doubts((&train, &corpus), (&valid, &valid_corpus)));
        let vocab = vocab.into();
        let measures = train.items.is_empty() && !valid.items.is_empty();
        vocab.check_text(measures, &corpus, &valid_corpus)?;
        let vocab = vocab.vocab(tokenizing, &corpus);
        let numbered = |part, corpus: &Corpus| TextSamples::new(part, corpus, &vocab);
        let test = match test {
            None => None,
            Some(test) => {
                let corpus = tokens(&test)?;
                Some(numbered(test, &corpus))
            }
        };
        Ok(LabelledTexts {
            train: numbered(train, &corpus),
            valid: numbered(valid, &valid_corpus),
            test,
            target,
            input: TextInput { tokenizing: tokenizing.clone(), vocab, longest: options.longest },
            warnings,
        })
    }
}

/// How a classifier's batches are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifierOptions {
    /// Texts in a training batch; 32, fastai's.
    pub batch_size: usize,
    /// Texts in the other batches, if not as many.
    pub valid_batch_size: Option<usize>,
    /// Whether padding stands before shorter texts; it does, so that a text's end is a row's.
    pub pad_first: bool,
    /// Whether texts are read from their ends.
    pub backwards: bool,
    /// Whether training texts are shuffled, anew each epoch; like lengths stay together.
    pub shuffle: bool,
    /// Seed of that order.
    pub seed: u64,
    /// Threads that prepare batches ahead; 0, as it takes microseconds.
    pub workers: usize,
}

impl From<usize> for ClassifierOptions {
    /// Batches of this size, with defaults for everything else.
    fn from(batch_size: usize) -> Self {
        Self { batch_size, ..Self::default() }
    }
}

impl Default for ClassifierOptions {
    fn default() -> Self {
        Self {
            batch_size: 32,
            valid_batch_size: None,
            pad_first: true,
            backwards: false,
            shuffle: true,
            seed: 0,
            workers: 0,
        }
    }
}

impl LabelledTexts {
    /// How many tokens each training text has.
    pub fn lengths(&self) -> Vec<usize> {
        self.train.texts.iter().map(|text| text.len()).collect()
    }

    /// Keeps the first token of longer texts, which marks the start, and their last ones, so that no
    /// text has more than `longest`: a batch is as long as its longest text. Gives the texts that were
    /// cut, as they are called, of all sets.
    pub fn cut(&mut self, longest: usize) -> Vec<String> {
        let sets = [Some(&mut self.train), Some(&mut self.valid), self.test.as_mut()];
        sets.into_iter().flatten().flat_map(|set| set.cut(longest)).collect()
    }

    /// Batches of texts, filled up to the longest of each.
    ///
    /// Training batches are whole; the other sets' texts come longest first, and each batch says
    /// which items it has.
    ///
    /// # Errors
    /// [`Error::BatchSize`]; [`Error::NoPadding`] if the vocabulary has no token for it.
    #[doc(alias = "databunch")]
    pub fn batches(self, options: impl Into<ClassifierOptions>) -> Result<DataBunch> {
        let options = &options.into();
        let padding = self.padding(options)?;
        let mut inference = Inference::new(
            SavedInput::Text(self.input.clone()),
            Transforms::new().pipeline(false),
            self.target.clone(),
        );
        inference.padding = Some(padding);
        self.bunch(options, padding, inference)
    }

    /// Batches of a finished model's kind: what it is measured on, see
    /// [`Items::split_all_valid`](crate::Items::split_all_valid). They are padded as the model's
    /// were, whatever the options say.
    ///
    /// # Errors
    /// [`Error::OtherTarget`] if the labels are not of the model's kind with its classes;
    /// [`Error::OtherInput`] for another tokenizer or vocabulary; those of
    /// [`batches`](Self::batches).
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::{Inference, Label, Result};
    /// use tinderbox_data::text::{ClassifierOptions, TextItems};
    ///
    /// fn measured_on(model: &Inference, texts: &[&str], labels: &[Label]) -> Result<()> {
    ///     let input = model.text_input()?;
    ///     let data = TextItems::from_texts(texts.iter().copied())
    ///         .split_all_valid()
    ///         .label_kind(model.target().label_kind())
    ///         .label_from_lists(&[], labels)?
    ///         .tokenize_by(&input.tokenizing, &input.vocab)?
    ///         .batches_like(model, ClassifierOptions::default())?;
    ///     assert_eq!(data.n_valid(), texts.len());
    ///     Ok(())
    /// }
    /// ```
    pub fn batches_like(
        self,
        inference: &Inference,
        options: impl Into<ClassifierOptions>,
    ) -> Result<DataBunch> {
        let options = &options.into();
        inference.check_input(&SavedInput::Text(self.input.clone()))?;
        let target = inference.target_like(self.target.clone())?;
        let padding = inference.padding.map_or_else(|| self.padding(options), Ok)?;
        Self { target, ..self }.bunch(options, padding, inference.clone())
    }

    fn padding(&self, options: &ClassifierOptions) -> Result<Padding> {
        Ok(Padding {
            id: self.input.pad().ok_or(Error::NoPadding)?,
            first: options.pad_first,
            backwards: options.backwards,
        })
    }

    fn bunch(
        self,
        options: &ClassifierOptions,
        padding: Padding,
        inference: Inference,
    ) -> Result<DataBunch> {
        let padded = |samples| Arc::new(TextSamples { padding, ..samples }) as Arc<dyn Samples>;
        let train = padded(self.train);
        let sets = Sets {
            fix: train.clone(),
            train,
            valid: padded(self.valid),
            test: self.test.map(padded),
        };
        let batch_options = BatchOptions {
            batch_size: options.batch_size,
            valid_batch_size: options.valid_batch_size,
            workers: options.workers,
            seed: options.seed,
            shuffle: options.shuffle,
            ..BatchOptions::default()
        };
        DataBunch::new(sets, self.target, batch_options, inference, self.warnings)
    }
}
