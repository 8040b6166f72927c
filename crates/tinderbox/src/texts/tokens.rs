//! How texts are tokenized.

use std::{fmt, path::Path, str::FromStr};

use tinderbox_data::text::{Profile, Tokenizing, VocabOptions};

use crate::{
    Location, Result,
    settings::{as_text, unused},
};

/// How a text is tokenized.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tokens {
    /// English words, by fastai's rules.
    #[default]
    Words,
    Characters,
    /// By a Hugging Face `tokenizer.json`, with its vocabulary.
    File(Location),
}

impl FromStr for Tokens {
    type Err = String;

    /// `words`, `characters`, or the path of a `tokenizer.json`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "words" => Ok(Self::Words),
            "characters" | "chars" => Ok(Self::Characters),
            path if Path::new(path).extension().is_some_and(|end| end == "json") => {
                Ok(Self::File(path.into()))
            }
            _ => Err(format!(
                "unknown tokenization `{text}`; expected `words`, `characters` or the path of a `tokenizer.json`"
            )),
        }
    }
}

impl Tokens {
    /// How texts are divided, and the vocabulary if it is of the tokenizer's own; else `min_freq`
    /// and `max_vocab` choose one.
    ///
    /// # Errors
    /// Those of reading a tokenizer's file.
    pub(crate) fn tokenizing(
        &self,
        min_freq: Option<usize>,
        max_vocab: Option<usize>,
    ) -> Result<(Tokenizing, VocabOptions)> {
        let (tokenizing, usual) = match self {
            Self::Words => (Tokenizing::default(), 2),
            Self::Characters => (Tokenizing::characters(), 1),
            Self::File(file) => (Tokenizing::from_file(file.path())?, 1),
        };
        if let Self::File(_) = self {
            const REASON: &str = "the tokenizer file has its own vocabulary";
            unused("min_freq", min_freq.as_ref(), REASON)?;
            unused("max_vocab", max_vocab.as_ref(), REASON)?;
        }
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
            Self::File(path) => write!(f, "{path}"),
        }
    }
}

as_text! {
    Tokens: schemars::json_schema!({
        "type": "string", "examples": ["words", "characters"], "format": "path"
    });
}
