//! Recurrent layers on the CPU backend, by the kernels.

#![expect(clippy::similar_names, reason = "`ih` and `hh` are PyTorch's")]

use burn::{
    backend::{Flex, TensorMetadata},
    tensor::DType,
};
use burn_flex::FlexTensor;
use tinderbox_kernels::{
    Rnn,
    rnn::{Cell, Forward, Weights},
};

use super::{
    backend::{RnnInputs, RnnOps, RnnOut},
    fallback,
};
use crate::flex::{in_order, tensor};

/// The kernel's sizes, if it is of its numbers.
fn layer(inputs: &RnnInputs<Flex>, cell: Cell) -> Option<Rnn> {
    let RnnInputs { x, state, ih, hh, bias_ih, bias_hh } = inputs;
    let all = [x, state, ih, hh, bias_ih, bias_hh];
    let (x, state) = (x.shape(), state.shape());
    let rnn = Rnn { cell, batch: x[0], time: x[1], input: x[2], hidden: state[2] };
    let empty = [rnn.batch, rnn.time, rnn.input, rnn.hidden].contains(&0);
    (!empty && all.iter().all(|tensor| tensor.dtype() == DType::F32)).then_some(rnn)
}

/// Calls `body` with the input, the state and the weights as slices.
fn with_slices<R>(
    inputs: &RnnInputs<Flex>,
    body: impl FnOnce(&[f32], &[f32], &Weights<'_>) -> R,
) -> R {
    let RnnInputs { x, state, ih, hh, bias_ih, bias_hh } = inputs;
    let [ih, hh, bias_ih, bias_hh] = [ih, hh, bias_ih, bias_hh].map(in_order);
    let weights = Weights { ih: &ih, hh: &hh, bias_ih: &bias_ih, bias_hh: &bias_hh };
    body(&in_order(x), &in_order(state), &weights)
}

impl RnnOps for Flex {
    fn tb_rnn(inputs: RnnInputs<Self>, cell: Cell) -> RnnOut<Self> {
        let Some(rnn) = layer(&inputs, cell) else {
            return fallback::forward::<Self>(inputs, cell);
        };
        let Forward { output, saved } =
            with_slices(&inputs, |x, state, weights| rnn.forward(x, state, weights));
        let rows = output.len() / rnn.hidden;
        let n = saved.len();
        RnnOut { output: tensor(output, [rows, rnn.hidden]), saved: tensor(saved, [n]) }
    }

    fn tb_rnn_backward(
        inputs: RnnInputs<Self>,
        out: RnnOut<Self>,
        d_output: FlexTensor,
        cell: Cell,
        of_input: bool,
    ) -> RnnInputs<Self> {
        let Some(rnn) = layer(&inputs, cell) else {
            return fallback::backward::<Self>(inputs, out, d_output, cell, of_input);
        };
        let found = with_slices(&inputs, |x, state, weights| {
            let forward = [in_order(&out.output), in_order(&out.saved)];
            let forward = [&*forward[0], &*forward[1]];
            rnn.backward(x, state, weights, forward, &in_order(&d_output), of_input)
        });
        let Rnn { batch, time, input, hidden, .. } = rnn;
        let gates = cell.gates() * hidden;
        RnnInputs {
            x: match of_input {
                true => tensor(found.x, [batch, time, input]),
                false => tensor(found.x, [0]),
            },
            state: tensor(found.state, [cell.states(), batch, hidden]),
            ih: tensor(found.ih, [gates, input]),
            hh: tensor(found.hh, [gates, hidden]),
            bias_ih: tensor(found.bias_ih, [gates]),
            bias_hh: tensor(found.bias_hh, [gates]),
        }
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::*;

    const CELLS: [Cell; 4] = [Cell::Tanh, Cell::Relu, Cell::Gru, Cell::Lstm];

    fn random<const D: usize>(shape: [usize; D]) -> FlexTensor {
        let tensor = Tensor::<D>::random(shape, Distribution::Uniform(-0.5, 0.5), &Device::flex());
        tensor.try_into_primitive::<Flex>().expect("made on this backend")
    }

    #[track_caller]
    fn assert_close(what: &str, kernel: &FlexTensor, composed: &FlexTensor) {
        assert_eq!(kernel.layout().shape(), composed.layout().shape(), "{what}");
        let (kernel, composed) = (in_order(kernel), in_order(composed));
        for (at, (kernel, composed)) in kernel.iter().zip(composed.iter()).enumerate() {
            let allowed = 1e-4 * composed.abs().max(1.0);
            assert!((kernel - composed).abs() < allowed, "{what}[{at}]: {kernel}, {composed}");
        }
    }

    #[test]
    fn recurrent_layers_agree() {
        for cell in CELLS {
            for [batch, time, input, hidden] in [[3, 4, 5, 6], [1, 1, 2, 17], [20, 3, 9, 32]] {
                let gates = cell.gates() * hidden;
                let inputs = RnnInputs::<Flex> {
                    x: random([batch, time, input]),
                    state: random([cell.states(), batch, hidden]),
                    ih: random([gates, input]),
                    hh: random([gates, hidden]),
                    bias_ih: random([gates]),
                    bias_hh: random([gates]),
                };
                let out = Flex::tb_rnn(inputs.clone(), cell);
                let composed = fallback::forward::<Flex>(inputs.clone(), cell);
                assert_close("output", &out.output, &composed.output);
                let rows = out.output.shape()[0];
                let d = random([rows, hidden]);
                let found = Flex::tb_rnn_backward(inputs.clone(), out, d.clone(), cell, true);
                let composed = fallback::backward::<Flex>(inputs, composed, d, cell, true);
                let what = format!("{cell:?}, gradient of ");
                for (name, found, composed) in [
                    ("x", found.x, composed.x),
                    ("state", found.state, composed.state),
                    ("weight_ih", found.ih, composed.ih),
                    ("weight_hh", found.hh, composed.hh),
                    ("bias_ih", found.bias_ih, composed.bias_ih),
                    ("bias_hh", found.bias_hh, composed.bias_hh),
                ] {
                    assert_close(&(what.clone() + name), &found, &composed);
                }
            }
        }
    }
}
