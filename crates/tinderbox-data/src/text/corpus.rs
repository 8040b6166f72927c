//! Tokenized documents.

use std::borrow::Cow;

use super::{special::Profile, table::TextTable};

/// The number of a token in a vocabulary.
pub type TokenId = u32;

/// Tokenized documents. A token's text is kept once, however often it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// The different tokens, in the order in which they first occur.
    pub(super) tokens: Vec<Box<str>>,
    /// What each document is made of: indexes of tokens.
    pub(super) documents: Vec<Vec<u32>>,
}

impl Corpus {
    /// Documents that were tokenized elsewhere.
    pub fn from_lists<T: AsRef<str>>(documents: &[Vec<T>]) -> Self {
        let mut tokens = Interner::default();
        let number =
            |document: &Vec<T>| document.iter().map(|token| tokens.index(token.as_ref())).collect();
        let documents = documents.iter().map(number).collect();
        Self { tokens: tokens.into_texts(), documents }
    }

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// How many tokens all documents have.
    pub fn n_tokens(&self) -> usize {
        self.documents.iter().map(Vec::len).sum()
    }

    /// The tokens of a document.
    ///
    /// # Panics
    /// If there is no such document.
    pub fn document(&self, index: usize) -> impl ExactSizeIterator<Item = &str> {
        self.documents[index].iter().map(|&token| &*self.tokens[token as usize])
    }

    /// Whether there is anything but special tokens in it, as the `xxbos` of an empty text.
    pub(super) fn has_text(&self) -> bool {
        let special = Profile::V1.special_tokens();
        self.tokens.iter().any(|token| !special.contains(&&**token))
    }

    /// How often each of the different tokens occurs.
    pub(super) fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.tokens.len()];
        for &token in self.documents.iter().flatten() {
            counts[token as usize] += 1;
        }
        counts
    }
}

/// Numbers for texts, in the order in which they are met.
#[derive(Debug, Default)]
pub(super) struct Interner {
    numbers: TextTable<u32>,
    /// Where each text ends in `texts`.
    ends: Vec<usize>,
    texts: String,
}

impl Interner {
    pub(super) fn index(&mut self, text: &str) -> u32 {
        if let Some(index) = self.numbers.get(text) {
            return index;
        }
        let index = self.ends.len() as u32;
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
        self.numbers.insert(text, index);
        index
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of a number.
    pub(super) fn text(&self, index: u32) -> &str {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.texts[start..self.ends[index]]
    }

    fn into_texts(self) -> Vec<Box<str>> {
        (0..self.len() as u32).map(|index| self.text(index).into()).collect()
    }
}

/// One worker's documents, with tokens numbered as it met them.
pub(super) struct Share {
    pub(super) tokens: Interner,
    pub(super) documents: Vec<(usize, Vec<u32>)>,
}

/// Puts the workers' documents in order and numbers the tokens as if one had met them all: which
/// worker did what leaves no trace.
pub(super) fn merge(shares: Vec<Share>) -> Corpus {
    const UNKNOWN: u32 = u32::MAX;
    let mut all = Interner::default();
    let mut numbers: Vec<Vec<u32>> =
        shares.iter().map(|share| vec![UNKNOWN; share.tokens.len()]).collect();
    let (mut tokens, mut documents) = (Vec::new(), Vec::new());
    for (worker, share) in shares.into_iter().enumerate() {
        tokens.push(share.tokens);
        documents.extend(share.documents.into_iter().map(|(index, ids)| (index, worker, ids)));
    }
    documents.sort_unstable_by_key(|(index, ..)| *index);
    let documents = documents.into_iter().map(|(_, worker, mut ids)| {
        let (numbers, tokens) = (&mut numbers[worker], &tokens[worker]);
        for id in &mut ids {
            let number = &mut numbers[*id as usize];
            if *number == UNKNOWN {
                *number = all.index(tokens.text(*id));
            }
            *id = *number;
        }
        ids
    });
    let documents = documents.collect();
    Corpus { tokens: all.into_texts(), documents }
}

/// The columns of a document's text; one, most often.
pub type Columns<'a> = Vec<Cow<'a, str>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_once() {
        let corpus = Corpus::from_lists(&[vec!["a", "b", "a"], vec!["c", "b"]]);
        assert_eq!((corpus.len(), corpus.n_tokens(), corpus.tokens.len()), (2, 5, 3));
        assert_eq!(corpus.document(1).collect::<Vec<_>>(), ["c", "b"]);
        assert_eq!(corpus.counts(), [2, 2, 1]);
    }

    #[test]
    fn shares_leave_no_trace() {
        let share = |tokens: &[&str], documents: &[(usize, &[u32])]| Share {
            tokens: tokens.iter().fold(Interner::default(), |mut all, token| {
                all.index(token);
                all
            }),
            documents: documents.iter().map(|(at, ids)| (*at, ids.to_vec())).collect(),
        };
        let merged = merge(vec![
            share(&["c", "b"], &[(1, &[0, 1])]),
            share(&["d", "a", "b"], &[(2, &[0]), (0, &[1, 2, 1])]),
        ]);
        assert_eq!(merged, Corpus::from_lists(&[vec!["a", "b", "a"], vec!["c", "b"], vec!["d"]]));
    }
}
