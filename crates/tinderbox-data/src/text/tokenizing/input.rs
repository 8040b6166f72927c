//! A tokenizer with its vocabulary.

use serde::{Deserialize, Serialize};

use super::{Tokenizer, Tokenizing};
use crate::{
    Result,
    text::{TokenId, Vocab, special::PAD},
};

/// What padding is called.
const PADDING: [&str; 3] = [PAD, "[PAD]", "<pad>"];

/// A tokenizer and its vocabulary: from text to a model's numbers and back. Saved with a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInput {
    pub tokenizing: Tokenizing,
    pub vocab: Vocab,
    /// The most tokens of a text that are kept, see
    /// [`TokenizeOptions::longest`](super::TokenizeOptions::longest).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<usize>,
}

impl TextInput {
    /// A text as numbers, as the training texts were prepared.
    ///
    /// # Errors
    /// Those of [`Tokenizing::tokens`].
    pub fn ids(&self, text: &str) -> Result<Vec<TokenId>> {
        Ok(self.vocab.numericalize(&self.tokenizing.end_of(text, self.longest)?))
    }

    /// Numbers as people write text.
    ///
    /// # Errors
    /// [`Error::TokenId`](crate::Error::TokenId) for a number that no token has.
    pub fn text(&self, ids: &[TokenId]) -> Result<String> {
        let tokens = self.vocab.tokens_of(ids)?;
        if let Tokenizer::File(file) = &self.tokenizing.tokenizer {
            return file.text(ids);
        }
        Ok(self.tokenizing.decode(&tokens))
    }

    /// What shorter texts are filled up with: what a tokenizer from a file says, else the number
    /// of `xxpad`, `[PAD]` or `<pad>`.
    pub fn pad(&self) -> Option<TokenId> {
        let of_file = match &self.tokenizing.tokenizer {
            Tokenizer::File(file) => file.pad(),
            _ => None,
        };
        let named = || PADDING.iter().find_map(|name| self.vocab.index(name));
        of_file.or_else(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_tokenizes_alike() {
        let input = TextInput {
            tokenizing: Tokenizing::characters(),
            vocab: Vocab::from_tokens(["xxunk", "xxpad", "xxbos", "a"].map(Into::into).into())
                .unwrap(),
            longest: None,
        };
        let saved = serde_json::to_string(&input).unwrap();
        let read: TextInput = serde_json::from_str(&saved).unwrap();
        assert_eq!(read, input);
        assert_eq!(read.ids("ab").unwrap(), [2, 3, 0]);
        assert_eq!(read.text(&[3, 3]).unwrap(), "aa");
    }
}
