//! Recurrent and linear layers of the sizes that language models have.

#![expect(clippy::similar_names, reason = "`ih` and `hh` are PyTorch's")]

use divan::{Bencher, black_box};
use tinderbox_kernels::{
    Linear, Rnn,
    rnn::{Cell, Weights},
};

fn main() {
    divan::main();
}

/// The lesson's GRU, and the layers of an AWD-LSTM.
const LAYERS: [Rnn; 5] = [
    Rnn { cell: Cell::Tanh, batch: 64, time: 20, input: 64, hidden: 64 },
    Rnn { cell: Cell::Gru, batch: 64, time: 20, input: 64, hidden: 64 },
    Rnn { cell: Cell::Lstm, batch: 32, time: 70, input: 400, hidden: 1152 },
    Rnn { cell: Cell::Lstm, batch: 32, time: 70, input: 1152, hidden: 1152 },
    Rnn { cell: Cell::Lstm, batch: 32, time: 70, input: 1152, hidden: 400 },
];

struct Layer {
    rnn: Rnn,
    x: Vec<f32>,
    state: Vec<f32>,
    parameters: [Vec<f32>; 4],
}

impl Layer {
    fn new(rnn: Rnn) -> Self {
        let gates = rnn.cell.gates() * rnn.hidden;
        let small = |n: usize| vec![0.01; n];
        let parameters = [gates * rnn.input, gates * rnn.hidden, gates, gates].map(small);
        let x = small(rnn.batch * rnn.time * rnn.input);
        let state = small(rnn.cell.states() * rnn.batch * rnn.hidden);
        Self { rnn, x, state, parameters }
    }

    fn weights(&self) -> Weights<'_> {
        let [ih, hh, bias_ih, bias_hh] = &self.parameters;
        Weights { ih, hh, bias_ih, bias_hh }
    }
}

#[divan::bench(args = LAYERS, sample_count = 20)]
fn forward(bencher: Bencher, rnn: Rnn) {
    let layer = Layer::new(rnn);
    bencher.bench_local(|| rnn.forward(black_box(&layer.x), &layer.state, &layer.weights()));
}

#[divan::bench(args = LAYERS, sample_count = 20)]
fn backward(bencher: Bencher, rnn: Rnn) {
    let layer = Layer::new(rnn);
    let forward = rnn.forward(&layer.x, &layer.state, &layer.weights());
    let d_output = vec![0.01; rnn.output_len()];
    let saved = [&forward.output[..], &forward.saved[..]];
    bencher.bench_local(|| {
        let x = black_box(&layer.x);
        layer.rnn.backward(x, &layer.state, &layer.weights(), saved, &d_output, true)
    });
}

/// Rows, inputs, outputs.
const LINEAR: [[usize; 3]; 3] = [[64, 64, 64], [1280, 64, 38], [2240, 400, 10000]];

#[divan::bench(args = LINEAR, sample_count = 20)]
fn linear(bencher: Bencher, [rows, inputs, outputs]: [usize; 3]) {
    let layer = Linear { inputs, outputs };
    let (x, weight, bias) =
        (vec![0.1; rows * inputs], vec![0.1; outputs * inputs], vec![0.1; outputs]);
    bencher.bench_local(|| layer.forward(black_box(&x), &weight, Some(&bias)));
}

#[divan::bench(args = LINEAR, sample_count = 20)]
fn linear_backward(bencher: Bencher, [rows, inputs, outputs]: [usize; 3]) {
    let layer = Linear { inputs, outputs };
    let (x, weight, dy) =
        (vec![0.1; rows * inputs], vec![0.1; outputs * inputs], vec![0.1; rows * outputs]);
    bencher.bench_local(|| {
        let dy = black_box(&dy);
        let gradients = (layer.input_gradient(dy, &weight), layer.weight_gradient(&x, dy));
        (gradients, tinderbox_kernels::linear::bias_gradient(dy, outputs))
    });
}
