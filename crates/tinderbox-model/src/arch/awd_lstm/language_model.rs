//! The language model: the encoder and a decoder, which have one matrix of words.

use burn::{
    module::{Module, Param},
    tensor::{Device, Distribution, Int, Tensor},
};
use tinderbox_ops::linear;

use super::{AwdLstm, Encoded, LanguageModelConfig, Masks, Order, Penalty, masks::masked};
use crate::{
    Forward,
    arch::parts::module_of_parts,
    layer::{Aside, Carried},
    random,
};

/// fastai's AWD-LSTM language model: the next word after each one. It goes on from where the last
/// batch ended.
///
/// In training, activation regularization is its [`penalty`](Forward::penalty).
///
/// Groups of parameters are each layer of LSTM, then the embedding with the decoder.
///
/// Shapes: `[batch, words]` → `[batch, words, vocab]`
#[derive(Debug, Clone)]
#[doc(alias = "LinearDecoder")]
#[doc(alias = "SequentialRNN")]
pub struct LanguageModel {
    /// `0` in a checkpoint, the decoder is `1`.
    pub encoder: AwdLstm,
    decoder: LinearDecoder,
    penalty_of: Penalty,
    penalty: Aside,
}

#[derive(Module, Debug)]
struct LinearDecoder {
    decoder: TiedLinear,
}

#[derive(Module, Debug)]
struct TiedLinear {
    /// `[vocab, embedding]`; the embedding's if there is none.
    weight: Option<Param<Tensor<2>>>,
    /// `[vocab]`
    bias: Option<Param<Tensor<1>>>,
}

impl LanguageModel {
    /// With fresh weights: the decoder's are uniform in ±0.1 if they are its own, its bias zero.
    ///
    /// # Panics
    /// As [`AwdLstm::new`].
    pub fn new(config: &LanguageModelConfig, device: &Device) -> Self {
        let LanguageModelConfig { encoder, tie_weights, out_bias, alpha, beta } = config;
        let shape = [encoder.vocab, encoder.embedding];
        let weight = || random::tensor(shape, Distribution::Uniform(-0.1, 0.1), device);
        let decoder = TiedLinear {
            weight: (!tie_weights).then(|| Param::from_tensor(weight())),
            bias: out_bias.then(|| Param::from_tensor(Tensor::zeros([encoder.vocab], device))),
        };
        Self {
            encoder: AwdLstm::new(encoder, Order::EmbeddingLast, device),
            decoder: LinearDecoder { decoder },
            penalty_of: Penalty { alpha: *alpha, beta: *beta },
            penalty: Aside::default(),
        }
    }

    /// The logits, and what the encoder made of the words, by these masks.
    pub fn run(&self, x: Tensor<2, Int>, masks: &Masks) -> (Tensor<3>, Encoded) {
        let encoded = self.encoder.encode(x, masks);
        let y = masked(encoded.last(), masks.output.as_ref());
        let TiedLinear { weight, bias } = &self.decoder.decoder;
        let weight = weight.as_ref().unwrap_or(&self.encoder.encoder.weight);
        let logits = linear(y, weight.val(), bias.as_ref().map(Param::val));
        let training = self.encoder.is_training();
        self.penalty.set(training.then(|| self.penalty_of.of(&encoded)).flatten());
        (logits, encoded)
    }
}

impl Forward for LanguageModel {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let masks = self.encoder.masks(x.dims()[0]);
        self.run(x, &masks).0
    }

    fn carried(&self) -> Option<&Carried> {
        Some(self.encoder.state())
    }

    fn penalty(&self) -> Option<Tensor<1>> {
        self.penalty.take()
    }
}

module_of_parts!(LanguageModel { encoder: "0", decoder: "1" } keeps { penalty_of, penalty });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Layer, Mode, Trace,
        arch::{AwdDropouts, AwdLstmConfig},
        groups::{group_of, parameters},
        set_mode,
        weights::state_dict,
    };

    fn small() -> LanguageModelConfig {
        let encoder = AwdLstmConfig::language_model(9);
        LanguageModelConfig::of(AwdLstmConfig { embedding: 4, hidden: 6, ..encoder })
    }

    fn run(model: &dyn Layer, x: Tensor<2, Int>) -> Vec<f32> {
        let y = model.forward_any(x.into(), &mut Trace::off());
        y.into_flat().into_data().try_to_vec().unwrap()
    }

    /// fastai's count for 38 words.
    #[test]
    fn it_has_as_many_parameters_as_fastais() {
        let model = LanguageModel::new(&LanguageModelConfig::new(38), &Device::flex());
        let parameters = parameters(&model).into_iter();
        let count: usize = parameters.map(|p| p.shape.iter().product::<usize>()).sum();
        assert_eq!(count, 20_288_518);
    }

    #[test]
    fn its_groups_are_layers_and_then_the_words() {
        let model = LanguageModel::new(&small(), &Device::flex());
        let parameters = parameters(&model);
        let starts = ["0.rnns.0", "0.rnns.1", "0.rnns.2", "0.encoder"];
        let groups = group_of(&parameters, &starts);
        let paths = parameters.iter().map(|p| p.path.as_str());
        let last: Vec<_> = paths.zip(&groups).filter(|(_, g)| **g == 3).map(|(p, _)| p).collect();
        assert_eq!(last, ["0.encoder.weight", "1.decoder.bias"]);
        assert_eq!(groups, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
    }

    #[test]
    fn training_drops_something_and_evaluation_does_not() {
        let device = Device::flex();
        device.seed(1);
        let x = || Tensor::<2, Int>::full([2, 3], 4, &device);
        let model: Box<dyn Layer> = Box::new(LanguageModel::new(&small(), &device));
        let state = |model: &dyn Layer| model.carried().map(Carried::reset);
        let first = run(&*model, x());
        assert!(model.penalty().is_some() && model.penalty().is_none());
        state(&*model);
        assert_ne!(run(&*model, x()), first);
        let model = set_mode(model, Mode::Eval);
        state(&*model);
        let first = run(&*model, x());
        assert!(model.penalty().is_none());
        assert_ne!(run(&*model, x()), first);
        state(&*model);
        assert_eq!(run(&*model, x()), first);
    }

    #[test]
    fn weights_that_are_not_tied_are_the_decoders_own() {
        let config = LanguageModelConfig { tie_weights: false, out_bias: false, ..small() };
        let state = state_dict(&LanguageModel::new(&config, &Device::flex()));
        assert_eq!(state.get("1.decoder.weight").unwrap().shape, [9, 4]);
        assert!(state.get("1.decoder.bias").is_none());
        let state = state_dict(&LanguageModel::new(&small(), &Device::flex()));
        assert!(state.get("1.decoder.weight").is_none());
    }

    /// The padding's row has a gradient only as a word that could be next.
    #[test]
    fn padding_learns_nothing_from_being_read() {
        let device = Device::flex().autodiff();
        let encoder = AwdLstmConfig { dropouts: AwdDropouts::NONE, ..small().encoder };
        let model = LanguageModel::new(&LanguageModelConfig { encoder, ..small() }, &device);
        let x = Tensor::<2, Int>::from_ints([[1, 1, 4]], &device);
        let y = model.encoder.forward(x);
        let gradient = model.encoder.encoder.weight.val().grad(&y.sum().backward()).unwrap();
        let rows: Vec<f32> = gradient.abs().sum_dim(1).into_data().try_to_vec().unwrap();
        let touched: Vec<_> = (0..9).filter(|row| rows[*row] > 0.0).collect();
        assert_eq!(touched, [4]);
    }
}
