//! Learners for text, at fastai's settings.

mod config;

use burn::tensor::Device;
use tinderbox_data::DataBunch;
use tinderbox_learn::{
    Learner, Strict,
    callback::ResetState,
    metric::{Perplexity, accuracy, token_accuracy},
};
use tinderbox_model::{
    arch::{
        AwdDropouts, AwdLstmConfig, LanguageModelConfig, ModelSpec, TaggerConfig,
        TextClassifierConfig, TextSpec,
    },
    random,
    weights::{load_encoder, transfer_vocab},
};

pub use config::TextLearnerConfig;
use config::{Start, Trained};

use crate::{Hinted, Result, device::device};

/// A learner of a language model: fastai's `language_model_learner`. The hidden state is reset at
/// each epoch, and the metrics are accuracy and perplexity.
///
/// From another language model, as `&learner` or `&bundle`, it starts with that model's weights: a
/// word that both have keeps its embedding, and a new one gets the mean of all.
///
/// # Errors
/// [`UnknownArch`](tinderbox_model::Error::UnknownArch) with the names that there are; as
/// [`TextSpec::build`] and [`transfer_vocab`].
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = TextItems::from_folder("imdb")?
///     .split_by_rand_pct(0.1, 42)?
///     .label_for_lm()?
///     .batches(48)?;
/// let mut learn = language_model_learner(data, "awd-lstm")?;
/// learn.fit_one_cycle(1, 1e-2)?;
/// # Ok(())
/// # }
/// ```
pub fn language_model_learner(
    data: DataBunch,
    config: impl Into<TextLearnerConfig>,
) -> Result<Learner> {
    let TextLearnerConfig { start, drop_mult, seed, device } = config.into();
    let words = data.inference().text_input()?.vocab.len();
    let (spec, weights) = match start {
        Start::Arch(name) => (TextSpec::language_model(&name, words)?, None),
        Start::Spec(spec) => (spec, None),
        Start::Trained(from) => {
            let known = &from.inference.text_input()?.vocab;
            let weights = transfer_vocab(from.weights.clone(), known.tokens(), data.classes())?;
            (from.text()?.clone().with_vocab(words), Some(weights))
        }
    };
    let mut learner = fresh(data, &with_drop_mult(spec, drop_mult), seed, device)?;
    if let Some(weights) = weights {
        learner.load_state_dict(&weights, Strict::Yes)?;
    }
    Ok(learner.metrics((accuracy, Perplexity::default())).callback(ResetState))
}

/// A learner of a classifier of whole texts: fastai's `text_classifier_learner`.
///
/// From a language model, as `&learner` or `&bundle`, it takes the encoder, and trains the head alone
/// until [`Learner::unfreeze`]: ULMFiT. The texts must be tokenized with that model's vocabulary.
///
/// # Errors
/// [`UnknownArch`](tinderbox_model::Error::UnknownArch) for a name that is not `awd-lstm`;
/// [`TextLearnerError`]; as [`TextSpec::build`].
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = TextItems::from_folder("imdb")?.split_by_folder("train", "test")?.label_from_folder()?
///     .tokenize()?.batches(32)?;
/// let mut learn = text_classifier_learner(data, "awd-lstm")?;
/// learn.fit_one_cycle(4, 5e-3)?;
/// println!("{:?}", learn.predict_text("What a film!")?.label);
/// # Ok(())
/// # }
/// ```
///
/// On a language model of the same texts, and of those that have no label:
///
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = TextItems::from_folder("imdb")?.split_by_rand_pct(0.1, 42)?
///     .label_for_lm()?.batches(48)?;
/// let mut lm = language_model_learner(data, "awd-lstm")?;
/// lm.fit_one_cycle(1, 1e-2)?;
///
/// let words = lm.data().text_input()?;
/// let data = TextItems::from_folder("imdb")?.split_by_folder("train", "test")?.label_from_folder()?
///     .tokenize_by(&words.tokenizing, &words.vocab)?.batches(32)?;
/// let mut learn = text_classifier_learner(data, &lm)?;
/// learn.fit_one_cycle(1, 2e-2)?;
/// learn.unfreeze();
/// learn.fit_one_cycle(2, slice(1e-5..1e-3))?;
/// # Ok(())
/// # }
/// ```
pub fn text_classifier_learner(
    data: DataBunch,
    config: impl Into<TextLearnerConfig>,
) -> Result<Learner> {
    let TextLearnerConfig { start, drop_mult, seed, device } = config.into();
    let (words, classes) = (data.inference().text_input()?.vocab.len(), data.c());
    let (spec, encoder) = match start {
        Start::Arch(name) if name == AWD_LSTM => {
            (TextSpec::TextClassifier(TextClassifierConfig::new(words, classes)), None)
        }
        Start::Arch(name) => {
            return Err(tinderbox_model::Error::UnknownArch { name, known: vec![AWD_LSTM] }.into());
        }
        Start::Spec(spec) => (spec, None),
        Start::Trained(from) => {
            from.check_words(&data)?;
            let encoder =
                AwdLstmConfig { dropouts: AwdDropouts::CLASSIFIER, ..from.encoder()?.clone() };
            let config = TextClassifierConfig::of(encoder, classes);
            (TextSpec::TextClassifier(config), Some(from.weights))
        }
    };
    let mut learner = fresh(data, &with_drop_mult(spec, drop_mult), seed, device)?;
    if let Some(encoder) = encoder {
        let weights = load_encoder(learner.state_dict(), &encoder)?;
        learner.load_state_dict(&weights, Strict::Yes)?;
        learner.freeze()?;
    }
    Ok(learner.metrics(accuracy))
}

/// What a classifier's encoder is called.
const AWD_LSTM: &str = "awd-lstm";

/// A learner of a label for each word, by a `gru-tagger` or an `lstm-tagger`; padding is ignored.
///
/// # Errors
/// [`UnknownArch`](tinderbox_model::Error::UnknownArch) for other names;
/// [`TextLearnerError::NoEncoder`] for a model to start from; as [`TextSpec::build`].
pub fn tagger_learner(data: DataBunch, config: impl Into<TextLearnerConfig>) -> Result<Learner> {
    let TextLearnerConfig { start, seed, device, .. } = config.into();
    let words = data.inference().text_input()?.vocab.len();
    let config = TaggerConfig::new(words, data.c());
    let spec = match start {
        Start::Arch(name) => match name.as_str() {
            "gru-tagger" => TextSpec::GruTagger(config),
            "lstm-tagger" => TextSpec::LstmTagger(config),
            _ => {
                let known = vec!["gru-tagger", "lstm-tagger"];
                return Err(tinderbox_model::Error::UnknownArch { name, known }.into());
            }
        },
        Start::Spec(spec) => spec,
        Start::Trained(from) => {
            return Err(TextLearnerError::NoEncoder { what: from.inference.describe() }.into());
        }
    };
    Ok(fresh(data, &spec, seed, device)?.metrics(token_accuracy))
}

/// A model of texts that cannot start from another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextLearnerError {
    #[error("the model has no encoder for texts: it is for {what}")]
    NoEncoder { what: String },

    #[error("the texts are not tokenized as the model's were: {data}, expected {model}")]
    OtherWords { model: String, data: String },
}

impl Hinted for TextLearnerError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoEncoder { .. } => {
                "start from a language model: `language_model_learner(data, \"awd-lstm\")`".into()
            }
            Self::OtherWords { .. } => {
                "tokenize them as the model's texts were: `let words = lm.data().text_input()?`, \
                 then `.tokenize_by(&words.tokenizing, &words.vocab)`"
                    .into()
            }
        })
    }
}

impl Trained {
    /// The model of text that it is.
    fn text(&self) -> Result<&TextSpec> {
        match &self.arch {
            Some(ModelSpec::Text(spec)) => Ok(spec),
            _ => Err(self.no_encoder()),
        }
    }

    fn encoder(&self) -> Result<&AwdLstmConfig> {
        match self.text()? {
            TextSpec::AwdLstm(config) => Ok(&config.encoder),
            TextSpec::TextClassifier(config) => Ok(&config.encoder),
            _ => Err(self.no_encoder()),
        }
    }

    fn no_encoder(&self) -> crate::Error {
        TextLearnerError::NoEncoder { what: self.inference.describe() }.into()
    }

    /// Fails for data whose words have other numbers than the model's.
    fn check_words(&self, data: &DataBunch) -> Result<()> {
        let (model, inference) = (self.inference.saved_input(), data.inference());
        match *model == *inference.saved_input() {
            true => Ok(()),
            false => {
                let (model, data) = (model.to_string(), inference.saved_input().to_string());
                Err(TextLearnerError::OtherWords { model, data }.into())
            }
        }
    }
}

/// The same with all dropouts of an AWD-LSTM times this.
fn with_drop_mult(spec: TextSpec, drop_mult: f64) -> TextSpec {
    let mut spec = spec;
    match &mut spec {
        TextSpec::AwdLstm(LanguageModelConfig { encoder, .. })
        | TextSpec::TextClassifier(TextClassifierConfig { encoder, .. }) => {
            encoder.dropouts = encoder.dropouts.times(drop_mult);
        }
        _ => {}
    }
    spec
}

fn fresh(
    data: DataBunch,
    spec: &TextSpec,
    seed: u64,
    choice: crate::DeviceChoice,
) -> Result<Learner> {
    let device = device(choice)?;
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
            .batches(ClassifierOptions {
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
        let mut learn = tagger_learner(data, TextLearnerConfig::from(spec).seed(1)).unwrap();
        learn.fit_one_cycle(6, 0.02).unwrap();
        let accuracy = learn.recorder().last_metric("token_accuracy").unwrap();
        assert!(accuracy > 0.99, "{accuracy}");
    }
}
