//! Batches of whole texts, for classifiers: texts of like length together, filled up to the
//! longest.

mod data;
mod doubts;
mod order;

use std::sync::Arc;

use rand::RngCore;
use serde::{Deserialize, Serialize};

pub use data::{ClassifierOptions, LabelledTexts};

use super::TokenId;
use crate::{
    Array, Error, Fingerprint, Labels, Result, Sample, Samples, Values, hash_of, label::InputFacts,
};

/// How texts of different lengths become one batch. The defaults are fastai's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Padding {
    /// The number that is filled in: that of `xxpad`, 1.
    pub id: TokenId,
    /// Whether it stands before the text; it does.
    pub first: bool,
    /// Whether texts are read from their ends. Padding stands on the same side as forwards.
    pub backwards: bool,
}

impl Default for Padding {
    fn default() -> Self {
        Self { id: 1, first: true, backwards: false }
    }
}

impl Padding {
    /// Texts as rows of one length, `[batch, longest]`; an empty batch has one column.
    pub fn collate(self, texts: &[&[i64]]) -> Array {
        self.collate_with(texts, i64::from(self.id))
    }

    /// Texts, `[length]` each, as rows of one length.
    ///
    /// # Errors
    /// [`Error::Collate`] for what are no whole numbers.
    pub(crate) fn batch(self, texts: &[Array]) -> Result<Array> {
        let texts = texts.iter().map(numbers);
        Ok(self.collate(&texts.collect::<Result<Vec<_>>>()?))
    }

    /// With another number to fill in, for what goes along with the texts.
    pub(super) fn collate_with(self, texts: &[&[i64]], id: i64) -> Array {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0).max(1);
        let mut rows = Vec::with_capacity(texts.len() * longest);
        for text in texts {
            let padding = std::iter::repeat_n(id, longest - text.len());
            let start = rows.len();
            match self.first != self.backwards {
                true => {
                    rows.extend(padding);
                    rows.extend_from_slice(text);
                }
                false => {
                    rows.extend_from_slice(text);
                    rows.extend(padding);
                }
            }
            if self.backwards {
                rows[start..].reverse();
            }
        }
        Array::i64([texts.len(), longest], rows)
    }

    /// Without padding at its ends.
    pub fn strip(self, row: &[i64]) -> &[i64] {
        let is_text = |id: &i64| *id != i64::from(self.id);
        let start = row.iter().position(is_text).unwrap_or(row.len());
        let end = row.iter().rposition(is_text).map_or(start, |last| last + 1);
        &row[start..end]
    }
}

/// Texts as numbers, and their labels.
#[derive(Debug, Clone)]
pub(super) struct TextSamples {
    pub(super) texts: Arc<[Arc<[TokenId]>]>,
    pub(super) names: Arc<[String]>,
    pub(super) labels: Arc<dyn Labels>,
    pub(super) padding: Padding,
    /// What targets are filled up with, if there is one for each token.
    pub(super) target_padding: Option<i64>,
}

/// Whole numbers of an array.
fn numbers(array: &Array) -> Result<&[i64]> {
    match &array.values {
        Values::I64(values) => Ok(values),
        Values::F32(_) => Err(Error::Collate { shapes: vec![array.shape.clone()] }),
    }
}

impl Samples for TextSamples {
    fn len(&self) -> usize {
        self.texts.len()
    }

    fn sample(&self, index: usize, _: &mut dyn RngCore) -> Result<Sample> {
        let text = &self.texts[index];
        let input = Array::i64([text.len()], text.iter().map(|id| i64::from(*id)).collect());
        let target = self.labels.target(index, &InputFacts::default())?;
        Ok(Sample { input, target })
    }

    fn name(&self, index: usize) -> String {
        self.names[index].clone()
    }

    fn label(&self, index: usize) -> String {
        self.labels.text(index)
    }

    fn check(&self, index: usize) -> Result<()> {
        self.labels.target(index, &InputFacts::default()).map(drop)
    }

    /// Of the tokens: what is not among them changes nothing.
    fn fingerprint(&self, index: usize) -> Fingerprint {
        let bytes: Vec<u8> = self.texts[index].iter().flat_map(|id| id.to_le_bytes()).collect();
        Fingerprint { input: Some(hash_of(&bytes)), label: None }
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Samples> {
        Arc::new(Self {
            texts: indexes.iter().map(|index| self.texts[*index].clone()).collect(),
            names: indexes.iter().map(|index| self.names[*index].clone()).collect(),
            labels: self.labels.pick(indexes),
            padding: self.padding,
            target_padding: self.target_padding,
        })
    }

    /// Like lengths together: in training roughly and at random, else the longest first.
    fn order(
        &self,
        training: bool,
        batch_size: usize,
        rng: &mut dyn RngCore,
    ) -> Option<Vec<usize>> {
        let lengths: Vec<usize> = self.texts.iter().map(|text| text.len()).collect();
        Some(match training {
            true => order::sortish(&lengths, batch_size, rng),
            false => order::by_length(&lengths),
        })
    }

    fn collate(&self, samples: Vec<Sample>) -> Result<(Array, Array)> {
        let texts = samples.iter().map(|sample| numbers(&sample.input));
        let inputs = self.padding.collate(&texts.collect::<Result<Vec<_>>>()?);
        let targets = match self.target_padding {
            Some(padding) => {
                let targets = samples.iter().map(|sample| numbers(&sample.target));
                self.padding.collate_with(&targets.collect::<Result<Vec<_>>>()?, padding)
            }
            None => {
                let targets: Vec<Array> = samples.into_iter().map(|sample| sample.target).collect();
                Array::stack(&targets)?
            }
        };
        Ok((inputs, targets))
    }

    fn unit(&self) -> &'static str {
        "texts"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_texts_are_filled_up() {
        let padding = Padding::default();
        let array = padding.collate(&[&[2, 3], &[2, 3, 4], &[]]);
        assert_eq!(array, Array::i64([3, 3], vec![1, 2, 3, 2, 3, 4, 1, 1, 1]));
        let last = Padding { first: false, ..padding };
        assert_eq!(last.collate(&[&[5], &[6, 7]]), Array::i64([2, 2], vec![5, 1, 6, 7]));
        assert_eq!(padding.collate(&[&[]]).shape, [1, 1]);
    }

    #[test]
    fn padding_is_taken_off_both_ends() {
        let padding = Padding::default();
        assert_eq!(padding.strip(&[1, 1, 2, 1, 3, 1]), [2, 1, 3]);
        assert!(padding.strip(&[1, 1]).is_empty());
    }
}
