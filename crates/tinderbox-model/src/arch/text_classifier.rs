//! fastai's text classifier: the encoder of a language model, read in chunks, and a head.
//!
//! Howard and Ruder, [Universal Language Model Fine-tuning](https://arxiv.org/abs/1801.06146), 2018.

mod chunks;
mod pool;

use burn::{
    module::Module,
    tensor::{Bool, Device, Int, Tensor},
};
use serde::{Deserialize, Serialize};

pub use pool::masked_concat_pool;

use self::chunks::ChunkedEncoder;
use super::{AwdLstm, AwdLstmConfig, Encoded, Order, Penalty, parts::module_of_parts};
use crate::{BnDropLinConfig, Forward, Sequential, Trace, layer::Aside};

/// Configures a [`TextClassifier`]; the defaults are fastai's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextClassifierConfig {
    /// Its dropout of outputs is that of the head's first linear layer.
    pub encoder: AwdLstmConfig,
    pub classes: usize,
    /// Sizes between the head's linear layers, fastai's `lin_ftrs`.
    pub hidden: Vec<usize>,
    /// The probabilities of being dropped before each linear layer but the first, fastai's `ps`.
    pub dropout: Vec<f64>,
    /// Words that are read at once; no gradient goes from a chunk to the one before.
    pub bptt: usize,
    /// About how many words count, from the end. What comes before is read, too.
    pub max_len: usize,
    /// How much the size of the encoder's outputs adds to the loss.
    pub alpha: f64,
    /// How much their change from step to step adds to it.
    pub beta: f64,
}

impl TextClassifierConfig {
    /// fastai's defaults.
    pub fn new(vocab: usize, classes: usize) -> Self {
        Self::of(AwdLstmConfig::classifier(vocab), classes)
    }

    /// fastai's defaults with an encoder of one's own.
    pub fn of(encoder: AwdLstmConfig, classes: usize) -> Self {
        Self {
            encoder,
            classes,
            hidden: vec![50],
            dropout: vec![0.1],
            bptt: 70,
            max_len: 1400,
            alpha: 2.0,
            beta: 1.0,
        }
    }
}

/// The class of a text, of any length; short ones are filled up in front.
///
/// The encoder's outputs at the last word, their maxima and their means go into the head, with
/// padding left out. Every batch starts anew. In training, activation regularization of the
/// outputs is its [`penalty`](Forward::penalty), as in fastai.
///
/// Groups of parameters are the embedding, each layer of LSTM, and the head.
///
/// Shapes: `[batch, words]` → `[batch, classes]`
#[derive(Debug, Clone)]
#[doc(alias = "PoolingLinearClassifier")]
#[doc(alias = "MultiBatchEncoder")]
pub struct TextClassifier {
    encoder: ChunkedEncoder,
    head: PooledHead,
    penalty_of: Penalty,
    penalty: Aside,
}

#[derive(Module, Debug)]
struct PooledHead {
    layers: Sequential,
}

impl TextClassifier {
    /// With fresh weights.
    ///
    /// # Panics
    /// As [`AwdLstm::new`]; if there is not a dropout for each size between the linear layers, or
    /// chunks are of no words.
    pub fn new(config: &TextClassifierConfig, device: &Device) -> Self {
        let TextClassifierConfig { encoder, classes, hidden, dropout, bptt, max_len, .. } = config;
        let (sizes, dropouts) = (hidden.len(), dropout.len());
        assert!(sizes == dropouts, "a dropout for each of {sizes} sizes, not {dropouts}");
        assert!(*bptt > 0, "a chunk has at least one word");
        let sizes: Vec<usize> =
            [3 * encoder.embedding].iter().chain(hidden).chain([classes]).copied().collect();
        let dropouts = [encoder.dropouts.output].into_iter().chain(dropout.iter().copied());
        let steps = sizes.windows(2).zip(dropouts).enumerate();
        let layers = steps.fold(Sequential::new(), |head, (at, (pair, dropout))| {
            let activation = at < hidden.len();
            let layers =
                BnDropLinConfig { dropout, activation, ..BnDropLinConfig::new(pair[0], pair[1]) };
            layers.add_to(head, device)
        });
        let module = AwdLstm::new(encoder, Order::EmbeddingFirst, device);
        Self {
            encoder: ChunkedEncoder { module, bptt: *bptt, max_len: *max_len },
            head: PooledHead { layers },
            penalty_of: Penalty { alpha: config.alpha, beta: config.beta },
            penalty: Aside::default(),
        }
    }

    /// The encoder's outputs for the words that count, and which of these are padding:
    /// `[batch, words, embedding]` and `[batch, words]`.
    pub fn encode(&self, x: Tensor<2, Int>) -> (Tensor<3>, Tensor<2, Bool>) {
        self.encoder.encode(x)
    }
}

impl Forward for TextClassifier {
    type Input = Tensor<2, Int>;
    type Output = Tensor<2>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<2> {
        self.forward_traced(x, &mut Trace::off())
    }

    fn forward_traced(&self, x: Tensor<2, Int>, trace: &mut Trace<'_>) -> Tensor<2> {
        let (y, padding) = trace.within("0", |trace| {
            let (y, padding) = self.encode(x);
            trace.show("module", &self.encoder.module, &y.clone().into());
            (y, padding)
        });
        let training = self.encoder.module.is_training();
        let penalty =
            || self.penalty_of.of(&Encoded { raw: vec![y.clone()], outputs: vec![y.clone()] });
        self.penalty.set(training.then(penalty).flatten());
        let pooled = masked_concat_pool(y, padding);
        trace.within("1", |trace| trace.run("layers", &self.head.layers, pooled))
    }

    fn penalty(&self) -> Option<Tensor<1>> {
        self.penalty.take()
    }
}

module_of_parts!(TextClassifier { encoder: "0", head: "1" } keeps { penalty_of, penalty });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Layer, Mode,
        groups::{group_of, parameters},
        set_mode,
    };

    fn small() -> TextClassifierConfig {
        let encoder = AwdLstmConfig::classifier(9);
        let encoder = AwdLstmConfig { embedding: 4, hidden: 6, layers: 2, ..encoder };
        TextClassifierConfig { bptt: 3, max_len: 5, ..TextClassifierConfig::of(encoder, 2) }
    }

    fn run(model: &dyn Layer, x: Vec<Vec<i64>>) -> Vec<f32> {
        let dims = [x.len(), x[0].len()];
        let x: Vec<i64> = x.into_iter().flatten().collect();
        let x = Tensor::<1, Int>::from_data(&x[..], &Device::flex()).reshape(dims);
        let y = model.forward_any(x.into(), &mut Trace::off());
        y.into_flat().into_data().try_to_vec().unwrap()
    }

    #[test]
    fn every_batch_starts_anew_and_padding_does_not_count() {
        let model: Box<dyn Layer> = Box::new(TextClassifier::new(&small(), &Device::flex()));
        let model = set_mode(model, Mode::Eval);
        let text = vec![4, 5, 6];
        let first = run(&*model, vec![text.clone()]);
        assert_eq!(run(&*model, vec![text]), first);
        assert!(model.carried().is_none() && model.penalty().is_none());
        // A text of nothing but padding has an answer, too.
        assert!(run(&*model, vec![vec![1; 4]]).iter().all(|y| y.is_finite()));
    }

    /// The encoder is shown as one layer, so summaries count all parameters.
    #[test]
    fn its_layers_are_seen_by_their_paths() {
        let model = TextClassifier::new(&small(), &Device::flex());
        let mut paths = Vec::new();
        let mut observe = |step: crate::Step<'_>| paths.push(step.path.join("."));
        let x = Tensor::<2, Int>::full([2, 4], 5, &Device::flex());
        model.forward_any(x.into(), &mut Trace::new(&mut observe));
        assert_eq!(paths[..2], ["0.module", "1.layers.0"]);
        assert_eq!(paths.last().map(String::as_str), Some("1.layers"));
    }

    #[test]
    fn training_has_a_penalty_and_eval_has_none() {
        let model = TextClassifier::new(&small(), &Device::flex());
        run(&model, vec![vec![4, 5, 6], vec![1, 1, 7]]);
        assert!(Layer::penalty(&model).is_some());
        assert!(Layer::penalty(&model).is_none());
    }

    #[test]
    fn its_groups_are_the_words_the_layers_and_the_head() {
        let model = TextClassifier::new(&small(), &Device::flex());
        let parameters = parameters(&model);
        let starts = ["0.module.encoder", "0.module.rnns.0", "0.module.rnns.1", "1"];
        let groups = group_of(&parameters, &starts);
        assert_eq!(groups[..9], [0, 1, 1, 1, 1, 2, 2, 2, 2]);
        assert!(groups[9..].iter().all(|group| *group == 3));
    }
}
