//! Activations as layers, for `Sequential`. Inside a typed forward pass, call the functions.

use burn::{
    module::Module,
    tensor::activation::{leaky_relu, relu, sigmoid},
};

use super::forward_any_rank;

/// Cuts off what is negative.
#[derive(Module, Debug, Default)]
pub struct ReLU;

forward_any_rank!(ReLU, _layer, x => relu(x));

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
