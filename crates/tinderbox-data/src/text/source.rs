//! What tokens and vocabularies are made of, for all kinds of models.

use super::{Corpus, TextItems, TokenizeOptions, Tokenizer, Tokenizing, Vocab, VocabOptions};
use crate::{Error, Result};

/// Where a vocabulary is from.
#[derive(Debug, Clone, PartialEq)]
pub enum VocabSource {
    /// Made of the training texts; a tokenizer from a file has its own.
    Create(VocabOptions),
    /// Made before: that of the language model, for a classifier that starts from it.
    Given(Vocab),
}

impl From<&VocabOptions> for VocabSource {
    fn from(options: &VocabOptions) -> Self {
        Self::Create(options.clone())
    }
}

impl From<&Vocab> for VocabSource {
    fn from(vocab: &Vocab) -> Self {
        Self::Given(vocab.clone())
    }
}

impl VocabSource {
    /// Whether there is text to make a vocabulary of; for a given one, text to measure
    /// on if nothing trains.
    ///
    /// # Errors
    /// [`Error::NoTokens`] with the set that has none.
    pub(super) fn check_text(&self, measures: bool, train: &Corpus, valid: &Corpus) -> Result<()> {
        let (what, corpus) = match self {
            Self::Given(_) if measures => ("the validation set", valid),
            _ => ("the training set", train),
        };
        match corpus.has_text() {
            true => Ok(()),
            false => Err(Error::NoTokens { what: what.into() }),
        }
    }

    pub(super) fn vocab(self, tokenizing: &Tokenizing, train: &Corpus) -> Vocab {
        match (self, &tokenizing.tokenizer) {
            (Self::Given(vocab), _) => vocab,
            (Self::Create(_), Tokenizer::File(file)) => file.vocab().clone(),
            (Self::Create(options), _) => Vocab::create(train, &options),
        }
    }
}

/// The texts of a list as tokens.
pub(super) fn tokenized(
    items: &TextItems,
    tokenizing: &Tokenizing,
    options: &TokenizeOptions<'_>,
) -> Result<Corpus> {
    let paths: Vec<_> = (0..items.len()).map(|index| items.path(index)).collect();
    tokenizing.corpus(paths.len(), |index| items.kind().columns(&paths[index]), options)
}
