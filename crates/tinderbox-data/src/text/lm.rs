//! A language model's batches: what was read, and the same one token further.
//!
//! All texts are one stream. It is cut into as many rows as a batch has; batch after batch, each
//! row goes on where it ended, so a model that keeps its state reads on.

mod data;

use std::sync::Arc;

pub use data::{LmOptions, LmTexts};

use rand::{RngCore, seq::SliceRandom};

use super::TokenId;
use crate::{Array, Result, Sample, Samples};

/// Texts as one list of numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Documents {
    tokens: Vec<TokenId>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Documents {
    pub(super) fn new(documents: &[Vec<TokenId>]) -> Self {
        let ends = documents.iter().scan(0, |end, document| {
            *end += document.len();
            Some(*end)
        });
        Self { ends: ends.collect(), tokens: documents.concat() }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, index: usize) -> &[TokenId] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.tokens[start..self.ends[index]]
    }
}

/// The rows of a language model's batches: item `b * batch_size + i` is row `i` of batch `b`.
///
/// Inputs are `[bptt]` token numbers, targets the same one further. Every batch is full: a row
/// overlaps with the start of the next one in the last batch, and the last row goes on at the
/// beginning.
#[derive(Debug, Clone)]
pub struct LmSamples {
    documents: Arc<Documents>,
    /// Which document comes when.
    order: Arc<[usize]>,
    /// Where the documents end, in this order.
    ends: Arc<[usize]>,
    batch_size: usize,
    bptt: usize,
    backwards: bool,
}

impl LmSamples {
    /// Rows of texts, read `bptt` tokens at a time; `backwards` from the end of the last one.
    pub fn new(
        documents: &[Vec<TokenId>],
        batch_size: usize,
        bptt: usize,
        backwards: bool,
    ) -> Self {
        let documents = Arc::new(Documents::new(documents));
        Self::of(documents, batch_size, bptt, backwards)
    }

    pub(super) fn of(
        documents: Arc<Documents>,
        batch_size: usize,
        bptt: usize,
        backwards: bool,
    ) -> Self {
        let (order, ends) = ((0..documents.len()).collect(), documents.ends.as_slice().into());
        Self { documents, order, ends, batch_size, bptt, backwards }
    }

    /// The same texts in another order, which names each of them once.
    ///
    /// # Panics
    /// If it does not.
    pub fn ordered(&self, order: &[usize]) -> Self {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..self.documents.len()), "each document once");
        let ends = order.iter().scan(0, |end, index| {
            *end += self.documents.get(*index).len();
            Some(*end)
        });
        Self { ends: ends.collect(), order: order.into(), ..self.clone() }
    }

    /// How many tokens all texts have.
    pub fn n_tokens(&self) -> usize {
        self.documents.tokens.len()
    }

    /// How many batches there are: as many as it takes to read every token.
    pub fn n_batches(&self) -> usize {
        self.n_tokens().div_ceil(self.bptt * self.batch_size)
    }

    /// `len` tokens of the stream from a place on, which starts again at its end.
    fn read(&self, at: usize, len: usize) -> Vec<i64> {
        let total = self.n_tokens();
        // Read backwards, a place is as far from the end, and its tokens stand before it.
        let start = match self.backwards {
            false => at % total,
            true => (total - 1) - (at + len - 1) % total,
        };
        let mut tokens = Vec::with_capacity(len);
        let mut document = self.ends.partition_point(|end| *end <= start);
        let mut within = start - if document == 0 { 0 } else { self.ends[document - 1] };
        while tokens.len() < len {
            let rest = &self.documents.get(self.order[document])[within..];
            let taken = &rest[..rest.len().min(len - tokens.len())];
            tokens.extend(taken.iter().map(|token| i64::from(*token)));
            (document, within) = ((document + 1) % self.order.len(), 0);
        }
        if self.backwards {
            tokens.reverse();
        }
        tokens
    }
}

impl Samples for LmSamples {
    fn len(&self) -> usize {
        self.n_batches() * self.batch_size
    }

    fn sample(&self, index: usize, _: &mut dyn RngCore) -> Result<Sample> {
        let (batch, row) = (index / self.batch_size, index % self.batch_size);
        let start = (row as f64 * (self.n_tokens() as f64 / self.batch_size as f64)) as usize;
        let tokens = self.read(start + batch * self.bptt, self.bptt + 1);
        Ok(Sample {
            input: Array::i64([self.bptt], tokens[..self.bptt].to_vec()),
            target: Array::i64([self.bptt], tokens[1..].to_vec()),
        })
    }

    fn name(&self, index: usize) -> String {
        format!("row {} of batch {}", index % self.batch_size, index / self.batch_size)
    }

    fn label(&self, _: usize) -> String {
        String::new()
    }

    fn check(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples> {
        Arc::new(Picked { all: self.clone(), indexes: indexes.to_vec() })
    }

    /// The texts in a random order, if there are several.
    fn epoch(&self, rng: &mut dyn RngCore) -> Option<Arc<dyn Samples>> {
        if self.order.len() < 2 {
            return None;
        }
        let mut order = self.order.to_vec();
        order.shuffle(rng);
        Some(Arc::new(self.ordered(&order)))
    }

    /// Always the natural one: batches follow each other in the text.
    fn order(&self, _: bool, _: usize, _: &mut dyn RngCore) -> Option<Vec<usize>> {
        Some((0..self.len()).collect())
    }
}

/// Some of the rows.
#[derive(Debug, Clone)]
struct Picked {
    all: LmSamples,
    indexes: Vec<usize>,
}

impl Samples for Picked {
    fn len(&self) -> usize {
        self.indexes.len()
    }

    fn sample(&self, index: usize, rng: &mut dyn RngCore) -> Result<Sample> {
        self.all.sample(self.indexes[index], rng)
    }

    fn name(&self, index: usize) -> String {
        self.all.name(self.indexes[index])
    }

    fn label(&self, index: usize) -> String {
        self.all.label(self.indexes[index])
    }

    fn check(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples> {
        let indexes = indexes.iter().map(|index| self.indexes[*index]).collect();
        Arc::new(Self { all: self.all.clone(), indexes })
    }

    fn order(&self, _: bool, _: usize, _: &mut dyn RngCore) -> Option<Vec<usize>> {
        Some((0..self.len()).collect())
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::Values;

    fn row(samples: &LmSamples, index: usize) -> [Vec<i64>; 2] {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let sample = samples.sample(index, &mut rng).unwrap();
        [sample.input, sample.target].map(|array| match array.values {
            Values::I64(values) => values,
            Values::F32(_) => unreachable!("tokens are whole numbers"),
        })
    }

    #[test]
    fn rows_wrap_and_batches_are_full() {
        let samples = LmSamples::new(&[vec![0, 1, 2], vec![3], vec![4, 5, 6]], 2, 3, false);
        assert_eq!((samples.n_batches(), samples.len()), (2, 4));
        assert_eq!(row(&samples, 0), [[0, 1, 2], [1, 2, 3]]);
        assert_eq!(row(&samples, 1), [[3, 4, 5], [4, 5, 6]]);
        assert_eq!(row(&samples, 3), [[6, 0, 1], [0, 1, 2]]);
    }

    /// Every token of every batch against the formula, over the texts put together.
    #[test]
    fn random_texts_are_read_by_the_formula() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for _ in 0..500 {
            let documents: Vec<Vec<u32>> = (0..rng.random_range(1..6))
                .map(|_| (0..rng.random_range(1..9)).map(|_| rng.random_range(0..99)).collect())
                .collect();
            let (batch_size, bptt) = (rng.random_range(1..5), rng.random_range(1..8));
            let backwards = rng.random_bool(0.5);
            let mut order: Vec<usize> = (0..documents.len()).collect();
            order.shuffle(&mut rng);
            let samples = LmSamples::new(&documents, batch_size, bptt, backwards).ordered(&order);
            let mut stream: Vec<u32> =
                order.iter().flat_map(|index| documents[*index].clone()).collect();
            if backwards {
                stream.reverse();
            }
            let total = stream.len();
            for index in 0..samples.len() {
                let (batch, row_index) = (index / batch_size, index % batch_size);
                let start = (row_index as f64 * (total as f64 / batch_size as f64)) as usize;
                let at = |t: usize| i64::from(stream[(start + batch * bptt + t) % total]);
                let [x, y] = row(&samples, index);
                assert_eq!(x, (0..bptt).map(at).collect::<Vec<_>>());
                assert_eq!(y, (1..=bptt).map(at).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_single_text_is_the_same_each_epoch() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        assert!(LmSamples::new(&[vec![1, 2, 3]], 1, 2, false).epoch(&mut rng).is_none());
        assert!(LmSamples::new(&[vec![1], vec![2]], 1, 2, false).epoch(&mut rng).is_some());
    }
}
