//! Activations as layers, for `Sequential`. Inside a typed forward pass, call the functions.

use burn::{
    module::Module,
    tensor::activation::{sigmoid, tanh},
};
use tinderbox_ops::{leaky_relu, relu, relu6};

use super::forward_any_rank;

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
pub struct LeakyReLU {
    pub slope: f64,
}

forward_any_rank!(LeakyReLU, layer, x => leaky_relu(x, layer.slope));

/// A sigmoid that goes from `low` to `high`.
#[derive(Module, Debug)]
pub struct SigmoidRange {
    pub low: f64,
    pub high: f64,
}

forward_any_rank!(SigmoidRange, layer, x => sigmoid(x) * (layer.high - layer.low) + layer.low);

/// To between -1 and 1: what makes the pixels at the end of a generator.
#[derive(Module, Debug, Default)]
pub struct Tanh;

forward_any_rank!(Tanh, _layer, x => tanh(x));
