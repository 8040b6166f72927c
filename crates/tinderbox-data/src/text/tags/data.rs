//! From tagged sentences to batches.

use std::sync::Arc;

use super::{IGNORE_TAG, Tagged, TaggedItems, Tags};
use crate::{
    Error, Result, TargetKind,
    split::{permutation, share_of},
    text::{
        Corpus, LabelledTexts, Rules, TextInput, TokenId, Tokenizing, Vocab, VocabSource,
        classify::{Padding, TextSamples},
    },
};

/// Tagged sentences in two sets.
#[derive(Debug, Clone)]
pub struct TagSplit {
    pub train: TaggedItems,
    pub valid: TaggedItems,
}

impl TaggedItems {
    /// A random `share` validates, as [`Items::split_by_rand_pct`](crate::Items::split_by_rand_pct)
    /// chooses it.
    ///
    /// # Errors
    /// [`Error::Share`] if the share is outside `0.0..=1.0`.
    pub fn split_by_rand_pct(self, share: f64, seed: u32) -> Result<TagSplit> {
        let n = share_of(self.len(), share)?;
        let order = permutation(self.len(), seed);
        let (valid, train) = order.split_at(n);
        let mut train = train.to_vec();
        train.sort_unstable();
        let pick = |indexes: &[usize]| {
            let sentences = indexes.iter().map(|index| self.sentences[*index].clone());
            TaggedItems { sentences: sentences.collect() }
        };
        Ok(TagSplit { train: pick(&train), valid: pick(valid) })
    }
}

/// A sentence's tokens after the rules for tokens, which must leave as many.
fn finished(sentence: &Tagged, rules: &Rules) -> Result<Vec<String>> {
    let finish = |token: &String| {
        let mut finished = rules.finish(vec![token.clone()]);
        let count = finished.len();
        let one = finished.pop().filter(|_| count == 1);
        one.ok_or_else(|| Error::TagRules { token: token.clone(), count })
    };
    sentence.tokens.iter().map(finish).collect()
}

impl TagSplit {
    /// Numbers for tokens and tags. The vocabulary is made of the training sentences, by
    /// `&VocabOptions`, or given, as `&Vocab`; the tags are the training set's, sorted.
    ///
    /// Tokens stay as they are divided, only the rules for tokens are applied: those of
    /// [`Tokenizing::for_tags`] put them in lower case. New text is divided by its tokenizer.
    ///
    /// # Errors
    /// [`Error::NoTokens`] if there are no training sentences; [`Error::NotAClass`] for a
    /// validation tag that no training token has; [`Error::TagRules`] for rules that make more than
    /// one token of one, or none.
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::text::{
    ///     ClassifierOptions, TaggedItems, Tokenizing, VocabOptions,
    /// };
    ///
    /// # fn main() -> tinderbox_data::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let path = folder.path().join("train.conll");
    /// # std::fs::write(&path, "EU B-ORG\nrejects O\n\nPeter B-PER\n").expect("it is written");
    /// let data = TaggedItems::from_conll(&path)?
    ///     .split_by_rand_pct(0.0, 42)?
    ///     .label_from_tags(&Tokenizing::for_tags(), &VocabOptions::default())?
    ///     .batches(ClassifierOptions { batch_size: 2, ..ClassifierOptions::default() })?;
    ///
    /// assert_eq!(data.classes(), ["B-ORG", "B-PER", "O"]);
    /// let batch = data.train_batches(0, 0).next().expect("two sentences are a batch")?;
    /// assert_eq!((batch.inputs.shape, batch.targets.shape), (vec![2, 2], vec![2, 2]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn label_from_tags(
        self,
        tokenizing: &Tokenizing,
        vocab: impl Into<VocabSource>,
    ) -> Result<LabelledTexts> {
        let Self { train, valid } = self;
        if train.is_empty() {
            return Err(Error::NoTokens { what: "the training set".into() });
        }
        let tokens = |items: &TaggedItems| {
            let finished = |sentence| finished(sentence, &tokenizing.rules);
            items.sentences.iter().map(finished).collect::<Result<Vec<_>>>()
        };
        let (train_tokens, valid_tokens) = (tokens(&train)?, tokens(&valid)?);
        let vocab = vocab.into().vocab(tokenizing, &Corpus::from_lists(&train_tokens));
        let classes = train.tags();
        let samples = |items: &TaggedItems, tokens: &[Vec<String>]| {
            let numbers = |tokens: &Vec<String>| -> Arc<[TokenId]> {
                Vocab::numericalize(&vocab, tokens).into()
            };
            Ok(TextSamples {
                texts: tokens.iter().map(numbers).collect(),
                names: items.sentences.iter().map(|sentence| sentence.name.clone()).collect(),
                labels: Arc::new(Tags::new(&classes, items)?),
                padding: Padding::default(),
                target_padding: Some(IGNORE_TAG),
            })
        };
        Ok(LabelledTexts {
            train: samples(&train, &train_tokens)?,
            valid: samples(&valid, &valid_tokens)?,
            test: None,
            target: TargetKind::Tags { classes: classes.clone() },
            input: TextInput { tokenizing: tokenizing.clone(), vocab, longest: None },
            warnings: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Array,
        batch::Set,
        text::{ClassifierOptions, VocabOptions},
    };

    fn items(sentences: &[&str]) -> TaggedItems {
        let sentence = |text: &&str| {
            let pairs = text.split(' ').map(|pair| pair.split_once('/').unwrap());
            let (tokens, tags) =
                pairs.map(|(token, tag)| (token.to_owned(), tag.to_owned())).unzip();
            Tagged { tokens, tags, name: (*text).into() }
        };
        TaggedItems { sentences: sentences.iter().map(sentence).collect() }
    }

    #[test]
    fn targets_are_filled_up_with_what_no_loss_counts() {
        let train = items(&["EU/ORG rejects/O it/O", "Peter/PER"]);
        let vocab = VocabOptions { min_freq: 1, ..VocabOptions::default() };
        let data = TagSplit { valid: train.clone(), train }
            .label_from_tags(&Tokenizing::for_tags(), &vocab)
            .unwrap()
            .batches(ClassifierOptions { batch_size: 2, ..ClassifierOptions::default() })
            .unwrap();
        let batch = data.one_batch(Set::Valid).unwrap();
        assert_eq!(batch.targets, Array::i64([2, 3], vec![1, 0, 0, -1, -1, 2]));
        assert_eq!(batch.inputs, Array::i64([2, 3], vec![9, 10, 11, 1, 1, 12]));
        assert_eq!((data.c(), data.label(Set::Valid, 0)), (3, "ORG O O".into()));
    }

    #[test]
    fn a_tag_that_was_not_trained_is_named() {
        let split = TagSplit { train: items(&["a/O"]), valid: items(&["b/PER"]) };
        let error = split.label_from_tags(&Tokenizing::for_tags(), &VocabOptions::default());
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "the label `PER` is not among the given classes: O");
    }

    #[test]
    fn a_rule_that_makes_two_tokens_of_one_is_refused() {
        let split = TagSplit { train: items(&["EU/O"]), valid: items(&[]) };
        let error = split.label_from_tags(&Tokenizing::default(), &VocabOptions::default());
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), "the rules make 2 tokens of `EU`, which has one tag");
        assert!(error.hint().unwrap().contains("`Tokenizing::for_tags()`"));
    }
}
