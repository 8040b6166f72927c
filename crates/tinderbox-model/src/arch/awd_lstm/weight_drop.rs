//! A layer of LSTM whose hidden-to-hidden weights can be dropped.

use burn::{
    module::{Module, Param},
    tensor::{Device, Distribution, Tensor},
};
use tinderbox_ops::{LstmState, RnnWeights, lstm};

use super::masks::masked;
use crate::random;

/// Named as fastai's `WeightDropout`: the weights that are masked are one parameter, which is not
/// in `module`.
#[derive(Module, Debug)]
pub(super) struct WeightDropLstm {
    /// `[4 * out, out]`, without a mask.
    weight_hh_l0_raw: Param<Tensor<2>>,
    module: OtherWeights,
}

#[derive(Module, Debug)]
#[expect(clippy::struct_field_names, reason = "the names are PyTorch's")]
struct OtherWeights {
    /// `[4 * out, in]`
    weight_ih_l0: Param<Tensor<2>>,
    /// `[4 * out]`
    bias_ih_l0: Param<Tensor<1>>,
    /// `[4 * out]`
    bias_hh_l0: Param<Tensor<1>>,
}

impl WeightDropLstm {
    /// PyTorch's start: uniform in ±1/sqrt(out).
    pub(super) fn new(input: usize, out: usize, device: &Device) -> Self {
        let bound = 1.0 / (out as f64).sqrt();
        let start = Distribution::Uniform(-bound, bound);
        let rows = 4 * out;
        Self {
            weight_hh_l0_raw: Param::from_tensor(random::tensor([rows, out], start, device)),
            module: OtherWeights {
                weight_ih_l0: Param::from_tensor(random::tensor([rows, input], start, device)),
                bias_ih_l0: Param::from_tensor(random::tensor([rows], start, device)),
                bias_hh_l0: Param::from_tensor(random::tensor([rows], start, device)),
            },
        }
    }

    /// All steps with the same mask.
    pub(super) fn run(
        &self,
        x: Tensor<3>,
        state: Option<LstmState>,
        mask: Option<&Tensor<2>>,
    ) -> (Tensor<3>, LstmState) {
        let weights = RnnWeights {
            weight_ih: self.module.weight_ih_l0.val(),
            weight_hh: masked(self.weight_hh_l0_raw.val(), mask),
            bias_ih: self.module.bias_ih_l0.val(),
            bias_hh: self.module.bias_hh_l0.val(),
        };
        lstm(x, state, weights)
    }
}
