//! Activations as layers, for `Sequential`. Inside a typed forward pass, call the functions.

use burn::{
    module::Module,
    tensor::{
        Tensor,
        activation::{sigmoid, tanh},
    },
};
use tinderbox_ops::{leaky_relu, relu, relu6};

use super::forward_any_rank;
use crate::Forward;

/// Cuts off what is negative.
#[derive(Module, Debug, Default)]
pub struct ReLU;

forward_any_rank!(ReLU, _layer, x => relu(x));

/// Cuts off what is negative, and what is above 6: MobileNet's, which keeps to the range of few bits.
#[derive(Module, Debug, Default)]
pub struct ReLU6;

forward_any_rank!(ReLU6, _layer, x => relu6(x));

/// Multiplies what is negative by `slope`.
#[derive(Module, Debug)]
#[doc(alias = "relu")]
pub struct LeakyReLU {
    pub slope: f64,
}

forward_any_rank!(LeakyReLU, layer, x => leaky_relu(x, layer.slope));

/// [`ReLU`] or [`LeakyReLU`], by whether there is a slope.
#[derive(Module, Debug)]
pub struct Rectifier {
    /// The slope of what is negative, if not 0.
    #[module(skip)]
    pub leaky: Option<f64>,
}

impl Rectifier {
    pub(crate) fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match self.leaky {
            None => relu(x),
            Some(slope) => leaky_relu(x, slope),
        }
    }
}

impl Forward for Rectifier {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.apply(x)
    }

    fn class_name(&self) -> Option<&'static str> {
        Some(if self.leaky.is_some() { "LeakyReLU" } else { "ReLU" })
    }
}

/// A sigmoid that goes from `low` to `high`.
#[derive(Module, Debug)]
#[doc(alias = "sigmoid_range")]
pub struct SigmoidRange {
    pub low: f64,
    pub high: f64,
}

forward_any_rank!(SigmoidRange, layer, x => sigmoid(x) * (layer.high - layer.low) + layer.low);

/// To between -1 and 1: what makes the pixels at the end of a generator.
#[derive(Module, Debug, Default)]
pub struct Tanh;

forward_any_rank!(Tanh, _layer, x => tanh(x));
