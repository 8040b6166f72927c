//! Learners for text, at fastai's settings.

use burn::tensor::Device;
use tinderbox_data::DataBunch;
use tinderbox_learn::{
    Learner,
    callback::ResetState,
    metric::{Perplexity, accuracy, token_accuracy},
};
use tinderbox_model::{arch::TextSpec, random};

use crate::Result;

/// Learns which word comes next. A state starts anew with each epoch, and perplexity is measured
/// besides accuracy. The first weights follow from `seed`.
///
/// fastai's `language_model_learner`.
///
/// # Errors
/// As [`TextSpec::build`].
pub fn language_model_learner(data: DataBunch, spec: &TextSpec, seed: u64) -> Result<Learner> {
    let learner = fresh(data, spec, seed)?;
    Ok(learner.metrics((accuracy, Perplexity::default())).callback(ResetState))
}

/// Learns the class of whole texts; fastai's `text_classifier_learner`.
///
/// # Errors
/// As [`TextSpec::build`].
pub fn text_classifier_learner(data: DataBunch, spec: &TextSpec, seed: u64) -> Result<Learner> {
    Ok(fresh(data, spec, seed)?.metrics(accuracy))
}

/// Learns a label for each word; padding does not count.
///
/// # Errors
/// As [`TextSpec::build`].
pub fn tagger_learner(data: DataBunch, spec: &TextSpec, seed: u64) -> Result<Learner> {
    Ok(fresh(data, spec, seed)?.metrics(token_accuracy))
}

fn fresh(data: DataBunch, spec: &TextSpec, seed: u64) -> Result<Learner> {
    let device = Device::flex().autodiff();
    random::seeded(seed, || of_model(data, spec, &device))
}

/// A learner of a model of texts with the loss that the data calls for, and the architecture's
/// groups, all of them trained.
///
/// # Errors
/// As [`TextSpec::build`].
pub(crate) fn of_model(data: DataBunch, spec: &TextSpec, device: &Device) -> Result<Learner> {
    let mut learner = Learner::for_target(data, spec.build(device)?)?.arch(spec.clone());
    let groups = spec.groups();
    if !groups.is_empty() {
        learner.split(groups)?;
    }
    Ok(learner)
}

#[cfg(test)]
mod tests {
    use tinderbox_data::text::{
        ClassifierOptions, TagSplit, Tagged, TaggedItems, Tokenizing, VocabOptions,
    };
    use tinderbox_model::arch::TaggerConfig;

    use super::*;

    /// Who does it to whom: in the passive the words change their parts, which only what comes
    /// after the first noun tells.
    fn sentence(at: usize) -> Tagged {
        const NOUNS: [&str; 5] = ["dog", "man", "girl", "cat", "horse"];
        let (first, second) = (NOUNS[at % 5], NOUNS[(at / 5 + 1) % 5]);
        let filler: &[&str] = [&[][..], &["old"], &["very", "old"]][at % 3];
        let (verb, parts): (&[&str], _) = match at.is_multiple_of(2) {
            true => (&["bites"], ["doer", "done-to"]),
            false => (&["was", "bitten", "by"], ["done-to", "doer"]),
        };
        let noun_phrase = |noun: &'static str, part: &'static str| {
            let words = ["the"].iter().chain(filler).map(|word| (*word, "other"));
            words.chain([(noun, part)]).collect::<Vec<_>>()
        };
        let verb = verb.iter().map(|word| (*word, "other"));
        let words = noun_phrase(first, parts[0]).into_iter().chain(verb);
        let words = words.chain(noun_phrase(second, parts[1]));
        let (tokens, tags) = words.map(|(word, tag)| (word.to_owned(), tag.to_owned())).unzip();
        Tagged { tokens, tags, name: format!("sentence {at}") }
    }

    #[test]
    fn a_tagger_learns_what_only_the_rest_of_a_sentence_tells() {
        let sentences = |range: std::ops::Range<usize>| TaggedItems {
            sentences: range.map(sentence).collect(),
        };
        let data = TagSplit { train: sentences(0..120), valid: sentences(120..150) }
            .label_from_tags(&Tokenizing::for_tags(), &VocabOptions::default())
            .unwrap()
            .batches(&ClassifierOptions {
                batch_size: 8,
                pad_first: false,
                ..ClassifierOptions::default()
            })
            .unwrap();
        let config =
            TaggerConfig::new(data.inference().text_input().unwrap().vocab.len(), data.c());
        let spec = TextSpec::LstmTagger(TaggerConfig {
            embedding: 16,
            hidden: 16,
            dropout: 0.1,
            ..config
        });
        let mut learn = tagger_learner(data, &spec, 1).unwrap();
        learn.fit_one_cycle(6, 0.02).unwrap();
        let accuracy = learn.recorder().last_metric("token_accuracy").unwrap();
        assert!(accuracy > 0.99, "{accuracy}");
    }
}
