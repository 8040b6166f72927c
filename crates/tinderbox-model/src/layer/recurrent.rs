//! Recurrent layers, with PyTorch's names, layout and start.

use burn::{
    module::{
        Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
        Param,
    },
    tensor::{Device, Distribution, Tensor},
};
pub use tinderbox_ops::{LstmState, Nonlinearity};
use tinderbox_ops::{RnnWeights, gru, lstm, rnn};

use crate::{Forward, random};

/// The parameters of one layer.
#[derive(Module, Debug)]
struct Parameters {
    weight_ih: Param<Tensor<2>>,
    weight_hh: Param<Tensor<2>>,
    bias_ih: Param<Tensor<1>>,
    bias_hh: Param<Tensor<1>>,
}

impl Parameters {
    fn new(input: usize, hidden: usize, gates: usize, device: &Device) -> Self {
        let bound = 1.0 / (hidden as f64).sqrt();
        let start = Distribution::Uniform(-bound, bound);
        let rows = gates * hidden;
        Self {
            weight_ih: Param::from_tensor(random::tensor([rows, input], start, device)),
            weight_hh: Param::from_tensor(random::tensor([rows, hidden], start, device)),
            bias_ih: Param::from_tensor(random::tensor([rows], start, device)),
            bias_hh: Param::from_tensor(random::tensor([rows], start, device)),
        }
    }

    fn weights(&self) -> RnnWeights {
        RnnWeights {
            weight_ih: self.weight_ih.val(),
            weight_hh: self.weight_hh.val(),
            bias_ih: self.bias_ih.val(),
            bias_hh: self.bias_hh.val(),
        }
    }

    /// Calls `body` with the parameter's name in PyTorch and the parameter.
    fn map_named<M: ModuleMapper>(self, layer: usize, container: &str, mapper: &mut M) -> Self {
        fn map<M: ModuleMapper, const D: usize>(
            param: Param<Tensor<D>>,
            name: &str,
            container: &str,
            mapper: &mut M,
        ) -> Param<Tensor<D>> {
            mapper.enter_module(name, container);
            let param = Module::map(param, mapper);
            mapper.exit_module(name, container);
            param
        }
        Self {
            weight_ih: map(self.weight_ih, &format!("weight_ih_l{layer}"), container, mapper),
            weight_hh: map(self.weight_hh, &format!("weight_hh_l{layer}"), container, mapper),
            bias_ih: map(self.bias_ih, &format!("bias_ih_l{layer}"), container, mapper),
            bias_hh: map(self.bias_hh, &format!("bias_hh_l{layer}"), container, mapper),
        }
    }

    fn visit_named<V: ModuleVisitor>(&self, layer: usize, container: &str, visitor: &mut V) {
        let mut named = |name: &str, param: &dyn Fn(&mut V)| {
            let name = format!("{name}_l{layer}");
            visitor.enter_module(&name, container);
            param(visitor);
            visitor.exit_module(&name, container);
        };
        named("weight_ih", &|visitor| self.weight_ih.visit(visitor));
        named("weight_hh", &|visitor| self.weight_hh.visit(visitor));
        named("bias_ih", &|visitor| self.bias_ih.visit(visitor));
        named("bias_hh", &|visitor| self.bias_hh.visit(visitor));
    }
}

/// The kinds of layers differ in their gates, their state and the operation.
macro_rules! recurrent {
    (
        $(#[$doc:meta])*
        $name:ident { $($field:ident: $type:ty),* }, $gates:literal gates, state $state:ty,
        $self:ident, $run:expr
    ) => {
        $(#[$doc])*
        ///
        /// Parameters are named and shaped as in PyTorch: `weight_ih_l0` of
        /// `[gates * hidden, in]`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then those of
        /// layer 1. They start uniform in ±1/sqrt(hidden).
        ///
        /// Shapes: `[batch, time, in]` → `[batch, time, hidden]`
        #[derive(Debug, Clone)]
        pub struct $name {
            layers: Vec<Parameters>,
            $(
                /// What is done with the sum.
                pub $field: $type,
            )*
        }

        impl $name {
            /// This many layers, the first on `input` numbers a step and all with `hidden`
            /// numbers out.
            pub fn new(input: usize, hidden: usize, layers: usize, device: &Device) -> Self {
                let input = |layer: usize| if layer == 0 { input } else { hidden };
                let layer = |at| Parameters::new(input(at), hidden, $gates, device);
                Self {
                    layers: (0..layers).map(layer).collect(),
                    $($field: <$type>::default(),)*
                }
            }

            /// The outputs of the last layer, and the last state of each; from the given states,
            /// one for each layer, or from zeros.
            ///
            /// # Panics
            /// If there is not a state for each layer, or the shapes do not fit.
            pub fn forward_from(
                &self,
                x: Tensor<3>,
                states: Option<Vec<$state>>,
            ) -> (Tensor<3>, Vec<$state>) {
                self.forward_through(x, states, &|x| x)
            }

            /// [`forward_from`](Self::forward_from); what goes from a layer to the next passes
            /// through `between`, a dropout.
            ///
            /// # Panics
            /// As there.
            pub fn forward_through(
                &self,
                x: Tensor<3>,
                states: Option<Vec<$state>>,
                between: &dyn Fn(Tensor<3>) -> Tensor<3>,
            ) -> (Tensor<3>, Vec<$state>) {
                let n = self.layers.len();
                let given = states.as_ref().map_or(n, Vec::len);
                assert!(given == n, "{given} states for {n} layers");
                let mut states = states.into_iter().flatten();
                let mut x = x;
                let step = |(at, layer): (usize, &Parameters)| {
                    let run = |$self: &Self, x, state, weights| $run(x, state, weights);
                    let input = if at == 0 { x.clone() } else { between(x.clone()) };
                    let (y, state) = run(self, input, states.next(), layer.weights());
                    x = y;
                    state
                };
                let last = self.layers.iter().enumerate().map(step).collect();
                (x, last)
            }

            fn each(mut self, change: impl FnMut(Parameters) -> Parameters) -> Self {
                self.layers = self.layers.into_iter().map(change).collect();
                self
            }
        }

        impl Forward for $name {
            type Input = Tensor<3>;
            type Output = Tensor<3>;

            fn forward(&self, x: Tensor<3>) -> Tensor<3> {
                self.forward_from(x, None).0
            }
        }

        /// By hand only so that the parameters have PyTorch's names; otherwise what
        /// `derive(Module)` writes.
        impl Module for $name {
            fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
                for (at, layer) in self.layers.iter().enumerate() {
                    layer.visit_named(at, stringify!($name), visitor);
                }
            }

            fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
                let mut at = 0..;
                self.each(|layer| {
                    let at = at.next().unwrap_or_default();
                    layer.map_named(at, stringify!($name), mapper)
                })
            }

            fn collect_devices(&self, devices: Devices) -> Devices {
                self.layers.collect_devices(devices)
            }

            fn fork(self, device: &Device) -> Self {
                self.each(|layer| layer.fork(device))
            }

            fn to_device(self, device: &Device) -> Self {
                self.each(|layer| layer.to_device(device))
            }

            fn train(self) -> Self {
                self.each(Module::train)
            }

            fn valid(&self) -> Self {
                self.clone().each(|layer| layer.valid())
            }

            fn materialize(self) -> Self {
                self.each(Module::materialize)
            }
        }

        impl ModuleDisplayDefault for $name {
            fn content(&self, content: Content) -> Option<Content> {
                content.set_top_level_type(stringify!($name)).add("layers", &self.layers).optional()
            }
        }

        impl ModuleDisplay for $name {}
    };
}

recurrent! {
    /// Recurrent layers without gates: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or ReLU.
    ///
    /// Elman, [Finding Structure in Time](https://doi.org/10.1207/s15516709cog1402_1), 1990.
    Rnn { nonlinearity: Nonlinearity }, 1 gates, state Tensor<2>,
    layer, |x, state, weights| rnn(x, state, weights, layer.nonlinearity)
}

recurrent! {
    /// Layers of gated recurrent units, gates in the order reset, update, new.
    ///
    /// Cho et al., [Learning Phrase Representations using RNN Encoder-Decoder](https://arxiv.org/abs/1406.1078),
    /// 2014.
    Gru {}, 3 gates, state Tensor<2>, _layer, gru
}

recurrent! {
    /// Layers of long short-term memory, gates in the order input, forget, cell, output.
    ///
    /// Hochreiter and Schmidhuber, [Long Short-Term Memory](https://doi.org/10.1162/neco.1997.9.8.1735),
    /// 1997.
    Lstm {}, 4 gates, state LstmState, _layer, lstm
}

impl Rnn {
    /// With ReLU in place of tanh, or back.
    pub fn with_nonlinearity(self, nonlinearity: Nonlinearity) -> Self {
        Self { nonlinearity, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::state_dict;

    #[test]
    fn parameters_are_named_and_start_as_in_pytorch() {
        let layer = Gru::new(3, 4, 2, &Device::flex());
        let state = state_dict(&layer);
        let found: Vec<_> = state.iter().map(|(name, weight)| (name, &weight.shape[..])).collect();
        assert_eq!(
            found,
            [
                ("bias_hh_l0", &[12][..]),
                ("bias_hh_l1", &[12]),
                ("bias_ih_l0", &[12]),
                ("bias_ih_l1", &[12]),
                ("weight_hh_l0", &[12, 4]),
                ("weight_hh_l1", &[12, 4]),
                ("weight_ih_l0", &[12, 3]),
                ("weight_ih_l1", &[12, 4]),
            ]
        );
        let values = || state.iter().flat_map(|(_, weight)| &weight.values);
        assert!(values().all(|value| value.abs() <= 0.5));
        assert!(values().any(|value| *value > 0.45) && values().any(|value| *value < -0.45));
    }
}
