//! Tokenizers from files, in the format of Hugging Face's `tokenizers`: parts of words, most often.

use std::{fmt, path::Path, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Join, Tokenizer, Tokenizing};
use crate::{
    Error, Result, file,
    text::{Rules, TokenId, Vocab, special::FAKE},
};

/// A tokenizer with a vocabulary of its own. A clone costs nothing.
///
/// Texts are never truncated or padded, whatever the file says.
#[derive(Clone)]
pub struct FileTokenizer(Arc<Inner>);

struct Inner {
    /// What the file holds; saved with a model.
    json: String,
    tokenizer: tokenizers::Tokenizer,
    vocab: Vocab,
    pad: Option<TokenId>,
}

impl Tokenizing {
    /// By the tokenizer in a `tokenizer.json`, with its vocabulary and its marks of where texts
    /// start and end. No rules are applied; set them to clean texts first.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::NotAFile`], [`Error::NotUtf8`]; [`Error::TokenizerFile`] if it is
    /// no tokenizer, or one that is not known here.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let tokenizer = FileTokenizer::from_json(file::read_text(path)?)
            .map_err(|reason| Error::TokenizerFile { path: path.into(), reason })?;
        Ok(Self {
            tokenizer: Tokenizer::File(tokenizer),
            rules: Rules::none(),
            join: Join { bos: false, ..Join::default() },
        })
    }
}

impl FileTokenizer {
    fn from_json(json: String) -> Result<Self, String> {
        let wrong = |error: tokenizers::Error| error.to_string();
        let mut tokenizer: tokenizers::Tokenizer = json.parse().map_err(wrong)?;
        let pad = tokenizer.get_padding().map(|padding| padding.pad_id);
        tokenizer.with_padding(None).with_truncation(None).map_err(wrong)?;
        let mut tokens: Vec<(TokenId, String)> =
            tokenizer.get_vocab(true).into_iter().map(|(token, id)| (id, token)).collect();
        tokens.sort_unstable();
        let mut all: Vec<String> = Vec::with_capacity(tokens.len());
        for (id, token) in tokens {
            // Numbers may be left out, but not by the billion.
            if id as usize > 2 * all.len() + 100_000 {
                return Err(format!("the number {id} of `{token}` is far from the others"));
            }
            all.resize(id as usize, FAKE.to_owned());
            all.push(token);
        }
        let vocab = Vocab::from_tokens(all).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Inner { json, tokenizer, vocab, pad })))
    }

    /// Its vocabulary. A number that it leaves out is `xxfake`.
    pub fn vocab(&self) -> &Vocab {
        &self.0.vocab
    }

    /// The number that it fills shorter texts up with, if it says so.
    pub fn pad(&self) -> Option<TokenId> {
        self.0.pad
    }

    pub(super) fn ids(&self, text: &str) -> Result<Vec<TokenId>> {
        let encoding = self.0.tokenizer.encode_fast(text, true);
        let encoding = encoding.map_err(|error| Error::Tokenize { reason: error.to_string() })?;
        Ok(encoding.get_ids().to_vec())
    }

    pub(super) fn text(&self, ids: &[TokenId]) -> Result<String> {
        let text = self.0.tokenizer.decode(ids, true);
        text.map_err(|error| Error::Tokenize { reason: error.to_string() })
    }
}

impl fmt::Debug for FileTokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileTokenizer({:?})", self.vocab())
    }
}

impl PartialEq for FileTokenizer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.json == other.0.json
    }
}

impl Serialize for FileTokenizer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FileTokenizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::text::{ClassifierOptions, LmOptions, TextInput, TextItems, VocabOptions};

    /// Whole words, with marks at both ends.
    fn words() -> Value {
        json!({
            "version": "1.0",
            "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
            "padding": null,
            "added_tokens": [{
                "id": 0, "content": "[UNK]", "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true
            }],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": null,
            "decoder": null,
            "model": {
                "type": "WordLevel",
                "vocab": {"[UNK]": 0, "a": 2, "rose": 3, "is": 4, "[PAD]": 1},
                "unk_token": "[UNK]"
            }
        })
    }

    /// Pairs of bytes, as GPT-2's tokenizer.
    fn bytes() -> Value {
        json!({
            "version": "1.0",
            "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "post_processor": null,
            "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "model": {
                "type": "BPE",
                "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4},
                "merges": [["a", "b"], ["Ġ", "ab"]]
            }
        })
    }

    fn open(json: &Value) -> Result<Tokenizing> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, json.to_string()).unwrap();
        Tokenizing::from_file(&path)
    }

    #[test]
    fn a_file_divides_texts_and_numbers_tokens() {
        let tokenizing = open(&words()).unwrap();
        assert_eq!(tokenizing.tokens("A Rose is odd").unwrap(), ["a", "rose", "is", "[UNK]"]);
        let texts = TextItems::from_texts(["a rose is a rose"]).split_none();
        let data = texts.label_for_lm_by(&tokenizing, &VocabOptions::default()).unwrap();
        assert_eq!(data.input.vocab.tokens(), ["[UNK]", "[PAD]", "a", "rose", "is"]);
        assert_eq!(data.input.ids("is a b").unwrap(), [4, 2, 0]);
        assert_eq!((data.input.pad(), data.input.vocab.unknown()), (Some(1), 0));
        data.batches(LmOptions { batch_size: 1, bptt: 2, ..LmOptions::default() }).unwrap();
    }

    #[test]
    fn parts_of_words_are_put_together_again() {
        let tokenizing = open(&bytes()).unwrap();
        assert_eq!(tokenizing.tokens("ab aab").unwrap(), ["ab", "Ġ", "a", "ab"]);
        let Tokenizer::File(file) = &tokenizing.tokenizer else { panic!("it is from a file") };
        let input = TextInput { vocab: file.vocab().clone(), tokenizing, longest: None };
        let ids = input.ids("ab aab ab").unwrap();
        assert_eq!(input.text(&ids).unwrap(), "ab aab ab");
        let saved = serde_json::to_string(&input).unwrap();
        assert_eq!(
            serde_json::from_str::<TextInput>(&saved).unwrap().ids("ab aab ab").unwrap(),
            ids
        );
    }

    #[test]
    fn a_vocabulary_without_padding_makes_no_classifiers_batches() {
        let labelled = TextItems::from_texts(["a", "ab"]).split_none().label_empty().unwrap();
        let texts =
            labelled.tokenize_by(&open(&bytes()).unwrap(), &VocabOptions::default()).unwrap();
        let error = texts.batches(ClassifierOptions::default()).unwrap_err().to_string();
        assert!(error.starts_with("the vocabulary has no padding token"), "{error}");
    }

    #[test]
    fn what_is_no_tokenizer_is_named() {
        let error = open(&json!({"a": 1})).unwrap_err().to_string();
        assert!(error.contains("tokenizer.json is not a tokenizer file: "), "{error}");
        let mut far = words();
        far["model"]["vocab"]["rose"] = json!(4_000_000_000_u32);
        let error = open(&far).unwrap_err().to_string();
        assert!(
            error.ends_with("the number 4000000000 of `rose` is far from the others"),
            "{error}"
        );
    }
}
