//! The linear layer.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use super::forward_any_rank;
use crate::init::Init;

/// `x · weightᵀ + bias` over the last axis.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`, as in PyTorch.
    pub weight: Param<Tensor<2>>,
    /// `[out]`
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// From `inputs` to `outputs` numbers, by PyTorch's start.
    pub fn new(inputs: usize, outputs: usize, device: &Device) -> Self {
        Self::with_init(inputs, outputs, Init::Default, device)
    }

    /// [`new`](Self::new) by another start.
    pub fn with_init(inputs: usize, outputs: usize, init: Init, device: &Device) -> Self {
        let shape = [outputs, inputs];
        let weight = Param::from_tensor(init.weight(shape, device));
        let bias = Some(Param::from_tensor(init.bias(outputs, shape, device)));
        Self { weight, bias }
    }

    /// The pass on a tensor whose rank is known: what a model of one's own calls.
    pub fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let bias = self.bias.as_ref().map(Param::val);
        tinderbox_ops::linear(x, self.weight.val(), bias)
    }
}

forward_any_rank!(Linear, layer, x => layer.apply(x));
