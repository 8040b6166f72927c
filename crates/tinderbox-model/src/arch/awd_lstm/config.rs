//! Sizes and dropouts; the defaults are fastai's.

use serde::{Deserialize, Serialize};

/// The probabilities of being dropped in training, each in `0.0..1.0`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwdDropouts {
    /// Of a word, wherever it stands in the batch.
    pub embedding: f64,
    /// Of a number of the embedded words, at all steps of a text.
    pub input: f64,
    /// Of a hidden-to-hidden weight, at all steps.
    pub weight: f64,
    /// Of a number between two layers, at all steps of a text.
    pub hidden: f64,
    /// Of a number before the decoder, at all steps of a text; in a classifier, of a number before
    /// the head's first linear layer.
    pub output: f64,
}

impl AwdDropouts {
    /// Those of a language model.
    pub const LANGUAGE_MODEL: Self =
        Self { embedding: 0.02, input: 0.25, weight: 0.2, hidden: 0.15, output: 0.1 };
    /// Those of a classifier.
    pub const CLASSIFIER: Self =
        Self { embedding: 0.05, input: 0.4, weight: 0.5, hidden: 0.3, output: 0.4 };
    /// Nothing is dropped.
    pub const NONE: Self =
        Self { embedding: 0.0, input: 0.0, weight: 0.0, hidden: 0.0, output: 0.0 };

    /// All of them times `drop_mult`: less than 1 for much data, more for little.
    pub fn times(self, drop_mult: f64) -> Self {
        Self {
            embedding: self.embedding * drop_mult,
            input: self.input * drop_mult,
            weight: self.weight * drop_mult,
            hidden: self.hidden * drop_mult,
            output: self.output * drop_mult,
        }
    }
}

/// Configures an [`AwdLstm`](super::AwdLstm).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwdLstmConfig {
    /// How many words there are.
    pub vocab: usize,
    /// Numbers for a word, and out of the last layer.
    pub embedding: usize,
    /// Numbers a step out of all other layers.
    pub hidden: usize,
    pub layers: usize,
    /// The id of what fills up short texts.
    pub padding: usize,
    pub dropouts: AwdDropouts,
}

impl AwdLstmConfig {
    /// The encoder of a language model.
    pub fn language_model(vocab: usize) -> Self {
        let dropouts = AwdDropouts::LANGUAGE_MODEL;
        Self { vocab, embedding: 400, hidden: 1152, layers: 3, padding: 1, dropouts }
    }

    /// The encoder of a classifier: the same with more dropout.
    pub fn classifier(vocab: usize) -> Self {
        Self { dropouts: AwdDropouts::CLASSIFIER, ..Self::language_model(vocab) }
    }

    /// With all dropouts times `drop_mult`.
    pub fn with_drop_mult(self, drop_mult: f64) -> Self {
        Self { dropouts: self.dropouts.times(drop_mult), ..self }
    }
}

/// Configures a [`LanguageModel`](super::LanguageModel).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageModelConfig {
    pub encoder: AwdLstmConfig,
    /// Whether the decoder's weights are the embedding.
    ///
    /// Press and Wolf, [Using the Output Embedding](https://arxiv.org/abs/1608.05859), 2017.
    pub tie_weights: bool,
    /// Whether the decoder has a bias.
    pub out_bias: bool,
    /// How much the size of the last layer's outputs adds to the loss.
    pub alpha: f64,
    /// How much their change from step to step adds to it.
    pub beta: f64,
}

impl LanguageModelConfig {
    /// fastai's defaults.
    pub fn new(vocab: usize) -> Self {
        Self::of(AwdLstmConfig::language_model(vocab))
    }

    /// fastai's defaults with an encoder of one's own.
    pub fn of(encoder: AwdLstmConfig) -> Self {
        Self { encoder, tie_weights: true, out_bias: true, alpha: 2.0, beta: 1.0 }
    }
}
