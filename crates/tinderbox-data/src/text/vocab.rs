//! The tokens that a model knows.

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    corpus::{Corpus, TokenId},
    special::{FAKE, Profile, UNK},
};
use crate::{Error, Result, file};

/// How a vocabulary is chosen. The defaults are fastai's for a folder or a table of texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VocabOptions {
    /// No more than this many tokens; 60,000.
    pub max_vocab: usize,
    /// Tokens that occur less often in the training set are unknown; 2. fastai takes 3 in its data
    /// block.
    pub min_freq: usize,
    /// The special tokens; those of fastai 1.0.61.
    pub profile: Profile,
}

impl Default for VocabOptions {
    fn default() -> Self {
        Self { max_vocab: 60_000, min_freq: 2, profile: Profile::V1 }
    }
}

/// The tokens that a model knows, in the order of their numbers. A clone costs nothing.
///
/// # Example
/// ```
/// use tinderbox_data::text::{Corpus, Profile, Vocab, VocabOptions};
///
/// let corpus = Corpus::from_lists(&[vec!["a", "rose", "is", "a", "rose"]]);
/// let options = VocabOptions { min_freq: 2, profile: Profile::Lesson, ..Default::default() };
/// let vocab = Vocab::create(&corpus, &options);
///
/// assert_eq!(vocab.tokens()[8..], ["a", "rose"]);
/// assert_eq!(vocab.numericalize(&["is", "a", "rose"]), [0, 8, 9]);
/// assert_eq!(vocab.textify(&[8, 9], " ")?, "a rose");
/// # Ok::<(), tinderbox_data::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "itos")]
pub struct Vocab(Arc<Inner>);

struct Inner {
    tokens: Vec<String>,
    numbers: HashMap<String, TokenId, FxBuildHasher>,
}

impl Vocab {
    /// The most frequent tokens, after the special ones. Of two that occur equally often, the one
    /// that occurs first comes first.
    ///
    /// The size is limited before rare tokens are dropped. In [`Profile::V1`] it is then limited
    /// with the special tokens, and what is smaller is filled up to a multiple of 8 with `xxfake`.
    pub fn create(corpus: &Corpus, options: &VocabOptions) -> Self {
        let counts = corpus.counts();
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|&token| std::cmp::Reverse(counts[token]));
        order.truncate(options.max_vocab);
        order.retain(|&token| counts[token] >= options.min_freq);
        let special = options.profile.special_tokens();
        let frequent = order.into_iter().map(|token| &*corpus.tokens[token]);
        let frequent = frequent.filter(|token| !special.contains(token));
        let mut tokens: Vec<String> =
            special.iter().copied().chain(frequent).map(str::to_owned).collect();
        if options.profile == Profile::V1 {
            tokens.truncate(options.max_vocab);
            while tokens.len() < options.max_vocab && !tokens.len().is_multiple_of(8) {
                tokens.push(FAKE.to_owned());
            }
        }
        Self::of(tokens)
    }

    /// A vocabulary made elsewhere: its tokens in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::Vocab`] if there are none, or one occurs twice; `xxfake` may.
    pub fn from_tokens(tokens: Vec<String>) -> Result<Self> {
        let wrong = |reason| Err(Error::Vocab { reason });
        if tokens.is_empty() {
            return wrong("it has no tokens".into());
        }
        let vocab = Self::of(tokens);
        let twice = |(at, token): &(usize, &String)| {
            *token != FAKE && vocab.index(token) != Some(*at as TokenId)
        };
        match vocab.tokens().iter().enumerate().find(twice) {
            None => Ok(vocab),
            Some((at, token)) => wrong(format!("token {at}, `{token}`, is there before")),
        }
    }

    fn of(tokens: Vec<String>) -> Self {
        let mut numbers = HashMap::with_capacity_and_hasher(tokens.len(), FxBuildHasher);
        for (number, token) in tokens.iter().enumerate() {
            // Of several, the first counts.
            numbers.entry(token.clone()).or_insert(number as TokenId);
        }
        Self(Arc::new(Inner { tokens, numbers }))
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.0.tokens.len()
    }

    /// Never, but for a vocabulary of at most 0 tokens.
    pub fn is_empty(&self) -> bool {
        self.0.tokens.is_empty()
    }

    /// The tokens, in the order of their numbers.
    #[doc(alias = "itos")]
    pub fn tokens(&self) -> &[String] {
        &self.0.tokens
    }

    /// The number of a token, if it is known.
    pub fn index(&self, token: &str) -> Option<TokenId> {
        self.0.numbers.get(token).copied()
    }

    /// The number of all tokens that are not known: that of `xxunk`, `[UNK]` or `<unk>`, or 0.
    pub fn unknown(&self) -> TokenId {
        [UNK, "[UNK]", "<unk>"].iter().find_map(|name| self.index(name)).unwrap_or(0)
    }

    /// Tokens as numbers.
    pub fn numericalize<T: AsRef<str>>(&self, tokens: &[T]) -> Vec<TokenId> {
        let unknown = self.unknown();
        tokens.iter().map(|token| self.index(token.as_ref()).unwrap_or(unknown)).collect()
    }

    /// All documents of a corpus as numbers.
    pub fn numericalize_corpus(&self, corpus: &Corpus) -> Vec<Vec<TokenId>> {
        let numbers = self.numericalize(&corpus.tokens);
        let number =
            |document: &Vec<u32>| document.iter().map(|token| numbers[*token as usize]).collect();
        corpus.documents.iter().map(number).collect()
    }

    /// The token of each number.
    ///
    /// # Errors
    /// [`Error::TokenId`] for a number that no token has.
    pub fn tokens_of(&self, ids: &[TokenId]) -> Result<Vec<&str>> {
        let token = |&id: &TokenId| {
            let token = self.0.tokens.get(id as usize).map(String::as_str);
            token.ok_or(Error::TokenId { id, len: self.len() })
        };
        ids.iter().map(token).collect()
    }

    /// Numbers as text, with `separator` between the tokens.
    ///
    /// # Errors
    /// [`Error::TokenId`] for a number that no token has.
    pub fn textify(&self, ids: &[TokenId], separator: &str) -> Result<String> {
        Ok(self.tokens_of(ids)?.join(separator))
    }

    /// Writes the tokens as a list in JSON.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let wrong = |source| Error::Write { path: path.into(), source };
        let text = serde_json::to_string_pretty(self).map_err(|error| wrong(error.into()))?;
        fs::write(path, text + "\n").map_err(wrong)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::NotAFile`]; [`Error::VocabFile`] if it is no list of tokens.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = file::read(path)?;
        serde_json::from_slice(&text)
            .map_err(|error| Error::VocabFile { path: path.into(), reason: error.to_string() })
    }
}

impl std::fmt::Debug for Vocab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vocab({} tokens)", self.len())
    }
}

impl PartialEq for Vocab {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.tokens() == other.tokens()
    }
}

impl Serialize for Vocab {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.tokens().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Vocab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tokens = Vec::deserialize(deserializer)?;
        Self::from_tokens(tokens).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(tokens: &str, max_vocab: usize, min_freq: usize, profile: Profile) -> Vocab {
        let corpus = Corpus::from_lists(&[tokens.split(' ').collect::<Vec<_>>()]);
        Vocab::create(&corpus, &VocabOptions { max_vocab, min_freq, profile })
    }

    #[test]
    fn frequent_tokens_come_first_and_ties_as_they_occur() {
        let vocab = create("z a b z b c xxmaj", 99, 1, Profile::Lesson);
        assert_eq!(vocab.tokens()[8..], ["z", "b", "a", "c"]);
        assert_eq!(vocab.index("xxmaj"), Some(4));
    }

    #[test]
    fn the_profile_decides_about_the_size() {
        assert_eq!(create("a b c", 2, 1, Profile::Lesson).len(), 10);
        assert_eq!(create("a b c", 11, 1, Profile::V1).len(), 11);
        let padded = create("a b c", 99, 1, Profile::V1);
        assert_eq!(padded.tokens()[11..], ["c", "xxfake", "xxfake", "xxfake", "xxfake"]);
        assert_eq!(padded.index("xxfake"), Some(12));
    }

    #[test]
    fn a_file_gives_the_same_vocabulary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocab.json");
        let vocab = create("naïve \n \" a", 99, 1, Profile::V1);
        vocab.save(&path).unwrap();
        assert_eq!(Vocab::load(&path).unwrap(), vocab);
        fs::write(&path, "[\"a\", \"b\", \"a\"]").unwrap();
        let error = Vocab::load(&path).unwrap_err().to_string();
        assert!(error.contains("token 2, `a`, is there before"), "{error}");
    }

    #[test]
    fn numbers_that_no_token_has_are_named() {
        let error = create("a", 99, 1, Profile::Lesson).textify(&[8, 9], " ").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no token 9: the vocabulary has 9 tokens, counted from 0"
        );
    }
}
