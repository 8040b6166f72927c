//! Which tokenizer, with which rules: what is saved with a model to prepare new text alike.

mod file;
mod input;
mod join;

use std::{
    borrow::Cow,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::{Deserialize, Serialize};

pub use file::FileTokenizer;
pub use input::TextInput;
pub use join::Join;

use super::{
    Rules,
    corpus::{Columns, Corpus, Interner, Share, merge},
    engine::Words,
    rules::LOWERCASE,
    special::decode_special_tokens,
    word::written,
};
use crate::{Error, Result, loader::safely};

/// How a cleaned text is divided.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tokenizer {
    /// Into English words and punctuation: [`tokenize_words`](super::tokenize_words).
    #[default]
    English,
    /// At single spaces.
    Spaces,
    /// Into characters; line breaks and spaces are tokens like all others.
    Characters,
    /// As a file says: [`Tokenizing::from_file`].
    File(FileTokenizer),
}

/// All that happens to a text on its way to tokens. The default is fastai's for English.
///
/// # Example
/// ```
/// use tinderbox_data::text::Tokenizing;
///
/// let tokens = Tokenizing::default().tokens("I'm SO excited!!!!!")?;
/// let expected = ["xxbos", "i", "'m", "xxup", "so", "excited", "xxrep", "5", "!"];
/// assert_eq!(tokens, expected);
/// # Ok::<(), tinderbox_data::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokenizing {
    pub tokenizer: Tokenizer,
    /// Not applied to [characters](Tokenizer::Characters).
    pub rules: Rules,
    pub join: Join,
}

impl Tokenizing {
    /// Splits at single spaces only, with fastai's rules.
    pub fn spaces() -> Self {
        Self { tokenizer: Tokenizer::Spaces, ..Self::default() }
    }

    /// Every character is a token, for language models of characters. There are no rules.
    pub fn characters() -> Self {
        Self { tokenizer: Tokenizer::Characters, rules: Rules::none(), join: Join::default() }
    }

    /// For words with tags: words and punctuation, in lower case, and nothing that is not in the
    /// text.
    pub fn for_tags() -> Self {
        Self {
            tokenizer: Tokenizer::English,
            rules: Rules { pre: Vec::new(), post: vec![LOWERCASE] },
            join: Join { bos: false, ..Join::default() },
        }
    }

    /// What stands between tokens when they are shown: a space, or nothing between characters.
    pub fn separator(&self) -> &'static str {
        match self.tokenizer {
            Tokenizer::Characters => "",
            _ => " ",
        }
    }

    /// The tokens of a text of one column.
    ///
    /// # Errors
    /// [`Error::Tokenize`] if a tokenizer from a file cannot.
    pub fn tokens(&self, text: &str) -> Result<Vec<String>> {
        self.end_of(text, None)
    }

    /// The tokens of a text, of which no more than `longest` are kept.
    fn end_of(&self, text: &str, longest: Option<usize>) -> Result<Vec<String>> {
        let mut engine = Engine::new(self);
        let ids = engine.end_of(&[text.into()], longest)?;
        Ok(ids.into_iter().map(|id| engine.token(id).to_owned()).collect())
    }

    /// Tokens as people write text: markers are carried out, and all is put together.
    pub fn decode(&self, tokens: &[&str]) -> String {
        let tokens = decode_special_tokens(tokens);
        match self.tokenizer {
            Tokenizer::English => written(&tokens),
            _ => tokens.join(self.separator()),
        }
    }

    /// Tokenizes many documents. `document` gives the columns of one by its index, from 0.
    ///
    /// The result is the same for any number of `threads`.
    ///
    /// # Errors
    /// The first document's that cannot be read or tokenized.
    pub fn corpus<'t>(
        &self,
        documents: usize,
        document: impl Fn(usize) -> Result<Columns<'t>> + Sync,
        options: &TokenizeOptions<'_>,
    ) -> Result<Corpus> {
        /// Documents that a thread takes at a time.
        const CHUNK: usize = 32;
        let next = AtomicUsize::new(0);
        let (done, failed) = (AtomicUsize::new(0), Mutex::new(None::<(usize, Error)>));
        let shares = Mutex::new(Vec::new());
        let first_failure = |at: usize, error: Error| {
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            if failed.as_ref().is_none_or(|(before, _)| at < *before) {
                *failed = Some((at, error));
            }
            // No more is begun; what comes before this document is done or being done.
            next.store(documents, Ordering::Relaxed);
        };
        let work = || {
            let mut engine = Engine::new(self);
            let mut own = Vec::new();
            loop {
                let start = next.fetch_add(CHUNK, Ordering::Relaxed);
                if start >= documents {
                    break;
                }
                let end = (start + CHUNK).min(documents);
                for at in start..end {
                    match safely(|| engine.end_of(&document(at)?, options.longest)) {
                        Ok(ids) => own.push((at, ids)),
                        Err(error) => return first_failure(at, error),
                    }
                }
                let done = done.fetch_add(end - start, Ordering::Relaxed) + end - start;
                if let Some(progress) = options.progress {
                    progress(done, documents);
                }
            }
            let share = Share { tokens: engine.into_tokens(), documents: own };
            shares.lock().unwrap_or_else(PoisonError::into_inner).push(share);
        };
        std::thread::scope(|scope| {
            for _ in 1..options.threads.min(documents.div_ceil(CHUNK)) {
                scope.spawn(work);
            }
            work();
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error)) => Err(error),
            None => Ok(merge(shares.into_inner().unwrap_or_else(PoisonError::into_inner))),
        }
    }

    /// [`corpus`](Self::corpus) of texts in memory, on all cores.
    ///
    /// # Errors
    /// As [`corpus`](Self::corpus).
    pub fn corpus_of<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Corpus> {
        let text = |at: usize| Ok(vec![Cow::Borrowed(texts[at].as_ref())]);
        self.corpus(texts.len(), text, &TokenizeOptions::default())
    }
}

/// What is divided into what: `English text, in words`.
impl std::fmt::Display for Tokenizing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.tokenizer {
            Tokenizer::English => "English text, in words",
            Tokenizer::Spaces => "text, divided at spaces",
            Tokenizer::Characters => "text, in characters",
            Tokenizer::File(_) => "text, by a tokenizer from a file",
        })
    }
}

/// On how many threads documents are tokenized, and who is told how far it is.
pub struct TokenizeOptions<'a> {
    /// All cores, unless it is set.
    pub threads: usize,
    /// Told now and then how many of how many documents are done.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
    /// Of a document with more tokens than this, the first and the last ones are kept, this many in
    /// all; what is far before them is not even tokenized. All, unless it is set.
    pub longest: Option<usize>,
}

impl Default for TokenizeOptions<'_> {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, progress: None, longest: None }
    }
}

/// A tokenizer at work: it remembers what it has divided.
struct Engine<'a> {
    tokenizing: &'a Tokenizing,
    words: Words<'a>,
}

impl<'a> Engine<'a> {
    fn new(tokenizing: &'a Tokenizing) -> Self {
        Self { tokenizing, words: Words::new(&tokenizing.rules) }
    }

    fn tokens(&mut self) -> &mut Interner {
        &mut self.words.tokens
    }

    fn token(&self, id: u32) -> &str {
        self.words.tokens.text(id)
    }

    fn into_tokens(self) -> Interner {
        self.words.tokens
    }

    /// The tokens of a document, of which no more than `longest` are kept.
    fn end_of(&mut self, columns: &[Cow<'_, str>], longest: Option<usize>) -> Result<Vec<u32>> {
        match longest {
            Some(longest) => {
                let mut ids = self.document(&end(columns, longest))?;
                keep_end(&mut ids, longest);
                Ok(ids)
            }
            None => self.document(columns),
        }
    }

    fn document(&mut self, columns: &[Cow<'_, str>]) -> Result<Vec<u32>> {
        let Tokenizing { tokenizer, rules, join } = self.tokenizing;
        Ok(match tokenizer {
            Tokenizer::English => {
                let text = join.columns(columns);
                self.words.document(&rules.clean(&text))
            }
            Tokenizer::Spaces => {
                let text = join.columns(columns);
                let tokens = rules.clean(&text).split(' ').map(str::to_owned).collect();
                let tokens = rules.finish(tokens);
                let tokens = tokens.iter().filter(|token| !token.is_empty());
                tokens.map(|token| self.words.tokens.index(token)).collect()
            }
            Tokenizer::Characters => {
                let [bos, eos] = [join.bos, join.eos];
                let text = Join { bos: false, eos: false, ..*join }.columns(columns);
                let mut ids = Vec::with_capacity(text.len() + 2);
                let tokens = self.tokens();
                ids.extend(bos.then(|| tokens.index(super::special::BOS)));
                let mut bytes = [0; 4];
                ids.extend(text.chars().map(|c| tokens.index(c.encode_utf8(&mut bytes))));
                ids.extend(eos.then(|| tokens.index(super::special::EOS)));
                ids
            }
            Tokenizer::File(file) => {
                let text = join.columns(columns);
                let ids = match *rules == Rules::none() {
                    true => file.ids(&text),
                    false => file.ids(&rules.apply(&text)),
                };
                let names = file.vocab().tokens();
                let tokens = self.tokens();
                ids?.into_iter().map(|id| tokens.index(&names[id as usize])).collect()
            }
        })
    }
}

/// The end of a text's columns, which has at least this many tokens if they are words of people. So a
/// text of megabytes takes no longer than one of pages.
fn end<'t>(columns: &'t [Cow<'_, str>], longest: usize) -> Vec<Cow<'t, str>> {
    /// Words that people write are shorter.
    const BYTES: usize = 64;
    let mut left = longest.saturating_mul(BYTES);
    let mut kept: Vec<Cow<'t, str>> = columns
        .iter()
        .rev()
        .map(|column| {
            let from = column.ceil_char_boundary(column.len().saturating_sub(left));
            left = left.saturating_sub(column.len());
            Cow::Borrowed(&column[from..])
        })
        .collect();
    kept.reverse();
    kept
}

/// Keeps the first token, which marks the start, and the last ones.
pub(super) fn keep_end<T>(tokens: &mut Vec<T>, longest: usize) {
    if tokens.len() > longest {
        let last = tokens.len() - longest.saturating_sub(1);
        tokens.drain(1..last);
        tokens.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_start_mark_and_the_end_are_kept() {
        let text = format!("{}the end", "word ".repeat(100_000));
        let texts = [text.as_str(), "a short one"];
        let document = |at: usize| Ok(vec![Cow::Borrowed("a title"), texts[at].into()]);
        let options = TokenizeOptions { longest: Some(4), ..TokenizeOptions::default() };
        let corpus = Tokenizing::default().corpus(2, document, &options).unwrap();
        let tokens = |at: usize| corpus.document(at).collect::<Vec<_>>();
        assert_eq!(tokens(0), ["xxbos", "word", "the", "end"]);
        assert_eq!(tokens(1), ["xxbos", "a", "short", "one"]);
        let columns = [Cow::Borrowed("é".repeat(200).leak() as &str), "b".into()];
        assert_eq!(end(&columns, 2)[0].chars().count(), 63);
    }

    #[test]
    fn characters_are_tokens_and_line_breaks_too() {
        let tokens = Tokenizing::characters().tokens("Hé \n!!!!!").unwrap();
        assert_eq!(tokens, ["xxbos", "H", "é", " ", "\n", "!", "!", "!", "!", "!"]);
        assert_eq!(Tokenizing::characters().decode(&["a", " ", "b"]), "a b");
    }

    #[test]
    fn spaces_divide_and_nothing_else() {
        let tokens = Tokenizing::spaces().tokens("one, Two  three").unwrap();
        assert_eq!(tokens, ["xxbos", "one,", "xxmaj", "two", "three"]);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_corpus() {
        let texts: Vec<String> =
            (0..300).map(|n| format!("Text {} of don't {}", n % 17, n * n)).collect();
        let corpus = |threads| {
            let options = TokenizeOptions { threads, ..TokenizeOptions::default() };
            let text = |at: usize| Ok(vec![texts[at].as_str().into()]);
            Tokenizing::default().corpus(texts.len(), text, &options).unwrap()
        };
        let alone = corpus(1);
        for threads in [2, 3, 8] {
            assert_eq!(corpus(threads), alone, "{threads} threads");
        }
    }

    #[test]
    fn the_first_document_that_fails_is_told() {
        let document = |at: usize| match at {
            150 | 151 => Err(Error::BatchSize),
            at => Ok(vec![Cow::Owned(at.to_string())]),
        };
        let error = Tokenizing::default().corpus(200, document, &TokenizeOptions::default());
        assert!(matches!(error, Err(Error::BatchSize)));
    }
}
