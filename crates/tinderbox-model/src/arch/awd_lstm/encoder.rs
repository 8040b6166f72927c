//! The encoder: words to the outputs of the layers.

use burn::{
    module::{
        Content, Devices, Flag, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper,
        ModuleVisitor, Param,
    },
    tensor::{Device, Distribution, Int, Tensor},
};
use tinderbox_ops::embedding;

use super::{AwdLstmConfig, Masks, masks::masked, weight_drop::WeightDropLstm};
use crate::{
    Forward,
    layer::{Carried, Embedding, flat, pairs},
    random,
};

/// Which parameters come first. Groups of parameters are ranges of them: a language model has the
/// embedding in its last group, with the decoder, and a classifier has it in its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    EmbeddingFirst,
    EmbeddingLast,
}

/// The encoder of an AWD-LSTM: an embedding and layers of LSTM, which go on from where the last
/// batch ended. The first layer takes the embedding's numbers and the last one gives as many.
///
/// In training it drops words, numbers and hidden-to-hidden weights, each for all steps of the
/// batch. No gradient comes to the padding's row through a lookup.
///
/// Shapes: `[batch, words]` → `[batch, words, embedding]`
#[derive(Debug, Clone)]
#[doc(alias = "AWD_LSTM")]
pub struct AwdLstm {
    /// `[vocab, embedding]`
    pub encoder: Embedding,
    rnns: Vec<WeightDropLstm>,
    /// What it was made by; its dropouts can be changed.
    pub config: AwdLstmConfig,
    order: Order,
    training: Param<Flag>,
    state: Carried,
}

/// The outputs of each layer, `[batch, words, out]`.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// As they come.
    pub raw: Vec<Tensor<3>>,
    /// After dropout; nothing is dropped of the last layer's.
    pub outputs: Vec<Tensor<3>>,
}

impl Encoded {
    /// The last layer's outputs.
    pub fn last(&self) -> Tensor<3> {
        self.outputs.last().expect("there is a layer").clone()
    }
}

impl AwdLstm {
    /// With fresh weights: the embedding uniform in ±0.1, the padding's row of it zero.
    ///
    /// # Panics
    /// If there is no layer, or the padding is not in the vocabulary.
    pub fn new(config: &AwdLstmConfig, order: Order, device: &Device) -> Self {
        let AwdLstmConfig { vocab, embedding, hidden, layers, padding, .. } = *config;
        assert!(layers > 0, "an AWD-LSTM has at least one layer");
        assert!(padding < vocab, "a padding of id {padding}, but a vocabulary of {vocab}");
        let out = |at| if at == layers { embedding } else { hidden };
        let layer = |at| {
            let input = if at == 1 { embedding } else { hidden };
            WeightDropLstm::new(input, out(at), device)
        };
        let start = Distribution::Uniform(-0.1, 0.1);
        let table = random::tensor::<2>([vocab, embedding], start, device);
        let blank = Tensor::zeros([1, embedding], device);
        let table = table.slice_assign([padding..padding + 1, 0..embedding], blank);
        Self {
            encoder: Embedding { weight: Param::from_tensor(table) },
            rnns: (1..=layers).map(layer).collect(),
            config: config.clone(),
            order,
            training: Param::from_bool(true),
            state: Carried::default(),
        }
    }

    /// The masks of a batch of this many texts: none at all in evaluation.
    pub fn masks(&self, batch: usize) -> Masks {
        match self.is_training() {
            true => Masks::draw(&self.config, batch, &self.encoder.weight.val().device()),
            false => Masks::default(),
        }
    }

    pub(crate) fn is_training(&self) -> bool {
        self.training.val().is_enabled()
    }

    /// What goes on from batch to batch: each layer's last output and its cells.
    pub fn state(&self) -> &Carried {
        &self.state
    }

    /// The outputs of all layers, from the words that are left by these masks.
    pub fn encode(&self, x: Tensor<2, Int>, masks: &Masks) -> Encoded {
        let mut y = masked(self.words(x, masks.embedding.as_ref()), masks.input.as_ref());
        let states = self.state.take_for(&y).map(|states| pairs(&states));
        let mut states = states.into_iter().flatten();
        let mut last = Vec::with_capacity(self.rnns.len());
        let mut encoded = Encoded { raw: Vec::new(), outputs: Vec::new() };
        for (at, rnn) in self.rnns.iter().enumerate() {
            let (raw, state) = rnn.run(y, states.next(), masks.weights.get(at));
            last.push(state);
            // There is no mask for the last one.
            y = masked(raw.clone(), masks.hidden.get(at));
            encoded.raw.push(raw);
            encoded.outputs.push(y.clone());
        }
        self.state.set(flat(last));
        encoded
    }

    /// The words' vectors. Masking their rows of the table gives the same as looking them up in a
    /// masked one, for less.
    fn words(&self, x: Tensor<2, Int>, mask: Option<&Tensor<2>>) -> Tensor<3> {
        let words = embedding(self.encoder.weight.val(), x.clone());
        let words = match words.is_tracked() {
            true => {
                let padding = x.clone().equal_elem(self.config.padding as i64);
                let padding = padding.unsqueeze_dim::<3>(2).expand(words.dims());
                words.clone().mask_where(padding, words.detach())
            }
            false => words,
        };
        match mask {
            Some(mask) => words * embedding(mask.clone(), x),
            None => words,
        }
    }
}

impl Forward for AwdLstm {
    type Input = Tensor<2, Int>;
    type Output = Tensor<3>;

    fn forward(&self, x: Tensor<2, Int>) -> Tensor<3> {
        let masks = self.masks(x.dims()[0]);
        self.encode(x, &masks).last()
    }

    fn carried(&self) -> Option<&Carried> {
        Some(&self.state)
    }
}

/// Its parts by name.
macro_rules! parts {
    ($self:ident, $visit:ident) => {
        match $self.order {
            Order::EmbeddingFirst => {
                $visit!("encoder", encoder);
                $visit!("rnns", rnns);
            }
            Order::EmbeddingLast => {
                $visit!("rnns", rnns);
                $visit!("encoder", encoder);
            }
        }
        $visit!("training", training);
    };
}

/// How `derive(Module)` calls what it is in.
const CONTAINER: &str = "Struct:AwdLstm";

/// By hand only for the order; otherwise what `derive(Module)` writes.
impl Module for AwdLstm {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        macro_rules! visit {
            ($name:literal, $part:ident) => {
                visitor.enter_module($name, CONTAINER);
                self.$part.visit(visitor);
                visitor.exit_module($name, CONTAINER);
            };
        }
        parts!(self, visit);
    }

    fn map<M: ModuleMapper>(mut self, mapper: &mut M) -> Self {
        macro_rules! map {
            ($name:literal, $part:ident) => {
                mapper.enter_module($name, CONTAINER);
                self.$part = Module::map(self.$part, mapper);
                mapper.exit_module($name, CONTAINER);
            };
        }
        parts!(self, map);
        self
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        self.rnns.collect_devices(self.encoder.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        Self { encoder: self.encoder.fork(device), rnns: self.rnns.fork(device), ..self }
    }

    fn to_device(self, device: &Device) -> Self {
        Self { encoder: self.encoder.to_device(device), rnns: self.rnns.to_device(device), ..self }
    }

    fn train(self) -> Self {
        Self {
            encoder: self.encoder.train(),
            rnns: self.rnns.train(),
            training: self.training.train(),
            ..self
        }
    }

    fn valid(&self) -> Self {
        Self {
            encoder: self.encoder.valid(),
            rnns: self.rnns.valid(),
            training: self.training.valid(),
            ..self.clone()
        }
    }

    fn materialize(self) -> Self {
        Self { encoder: self.encoder.materialize(), rnns: self.rnns.materialize(), ..self }
    }
}

impl ModuleDisplayDefault for AwdLstm {
    fn content(&self, content: Content) -> Option<Content> {
        let content = content.set_top_level_type("AwdLstm");
        content.add("encoder", &self.encoder).add("rnns", &self.rnns).optional()
    }
}

impl ModuleDisplay for AwdLstm {}
