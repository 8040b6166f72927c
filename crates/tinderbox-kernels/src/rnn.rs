//! Recurrent layers over whole sequences: tanh and ReLU cells, GRU and LSTM, forward and backward.
//!
//! What a step takes from its input is one matrix product for all steps at once, and so are the
//! gradients of the weights; only what it takes from the step before is computed step by step.
//! There, a small layer divides the batch among the threads, which then never wait for each other,
//! and a large one divides each step's product. Neither changes a sum, so results do not depend on
//! how many threads there are.
//!
//! Equations, order of gates and weights are PyTorch's.

mod step;

use std::ops::Range;

use crate::{
    gemm::{Packed, column_sums, matmul, matmul_into, matmul_transposed},
    pool::{Shared, for_each, threads},
    scratch::{with_scratch, written},
};

/// Recurrent weights up to this many stay in the cache of every thread.
const SMALL: usize = 1 << 17;

/// What a layer computes at each step, from its input `x` and its last output `h`; `W` and `b` are
/// the parts of the weights and biases for a gate, and `σ` the logistic function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`
    ///
    /// Elman, [Finding Structure in Time](https://doi.org/10.1207/s15516709cog1402_1), 1990.
    Tanh,
    /// `h' = relu(W_ih x + b_ih + W_hh h + b_hh)`
    Relu,
    /// `r = σ(W_ir x + b_ir + W_hr h + b_hr)`, `z` likewise,
    /// `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`, `h' = (1 - z) n + z h`; gates in the order
    /// `r, z, n`.
    ///
    /// Cho et al., [Learning Phrase Representations using RNN Encoder-Decoder](https://arxiv.org/abs/1406.1078),
    /// 2014.
    Gru,
    /// `i = σ(W_ii x + b_ii + W_hi h + b_hi)`, `f` and `o` likewise, `g` likewise with `tanh`,
    /// `c' = f c + i g`, `h' = o tanh(c')`; gates in the order `i, f, g, o`.
    ///
    /// Hochreiter and Schmidhuber, [Long Short-Term Memory](https://doi.org/10.1162/neco.1997.9.8.1735),
    /// 1997.
    Lstm,
}

impl Cell {
    /// Parts of the weights.
    pub fn gates(self) -> usize {
        match self {
            Self::Tanh | Self::Relu => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Parts of the state: the last output, and the cell of an LSTM.
    pub fn states(self) -> usize {
        if self == Self::Lstm { 2 } else { 1 }
    }

    /// What a step keeps for the backward pass, besides its output.
    fn kept(self) -> usize {
        match self {
            Self::Tanh | Self::Relu => 0,
            // The gates, and what `h` gives to `n`.
            Self::Gru => 4,
            // The gates and the cell.
            Self::Lstm => 5,
        }
    }
}

/// A layer's cell and sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rnn {
    pub cell: Cell,
    pub batch: usize,
    /// Steps.
    pub time: usize,
    /// Numbers of a step's input.
    pub input: usize,
    /// Numbers of a step's output.
    pub hidden: usize,
}

/// A layer's parameters, the gates one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[gates * hidden, input]`
    pub ih: &'a [f32],
    /// `[gates * hidden, hidden]`
    pub hh: &'a [f32],
    /// `[gates * hidden]`
    pub bias_ih: &'a [f32],
    /// `[gates * hidden]`
    pub bias_hh: &'a [f32],
}

/// What a layer gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// `[batch, time, hidden]`; of an LSTM, with the cells of the last step behind it,
    /// `[batch, hidden]`.
    pub output: Vec<f32>,
    /// What [`Rnn::backward`] wants back.
    pub saved: Vec<f32>,
}

/// Gradients of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// `[batch, time, input]`, or empty if it was not asked for.
    pub x: Vec<f32>,
    /// `[states, batch, hidden]`
    pub state: Vec<f32>,
    pub ih: Vec<f32>,
    pub hh: Vec<f32>,
    pub bias_ih: Vec<f32>,
    pub bias_hh: Vec<f32>,
}

/// Rows of numbers, so far apart.
#[derive(Clone, Copy)]
struct Rows {
    start: Shared,
    row: usize,
}

impl Rows {
    fn new(start: Shared, row: usize) -> Self {
        Self { start, row }
    }

    /// Of numbers that are only read.
    fn read(values: &[f32], row: usize) -> Self {
        Self::new(Shared::new(values.as_ptr().cast_mut()), row)
    }

    /// From this row on.
    fn from(self, row: usize) -> Self {
        Self::new(Shared::new(self.at(row, 0)), self.row)
    }

    /// From this column on.
    fn columns(self, column: usize) -> Self {
        Self::new(Shared::new(self.at(0, column)), self.row)
    }

    /// Every `step`th row, from the one called `first` on.
    fn every(self, step: usize, first: usize) -> Self {
        Self { row: self.row * step, ..self.from(first) }
    }

    #[inline(always)]
    fn at(self, row: usize, column: usize) -> *mut f32 {
        self.start.at(row * self.row + column)
    }
}

impl Rnn {
    /// Floats of the output; see [`Forward::output`].
    pub fn output_len(&self) -> usize {
        (self.time + self.cell.states() - 1) * self.batch * self.hidden
    }

    /// All steps, from a state `[states, batch, hidden]` on `x` of `[batch, time, input]`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn forward(&self, x: &[f32], state: &[f32], weights: &Weights<'_>) -> Forward {
        self.check(x, state, weights);
        let &Self { cell, batch, time, input, hidden } = self;
        let gates = cell.gates() * hidden;
        let from_input = Packed::from_columns(weights.ih, input, gates);
        // The third gate of a GRU is apart: the reset is between what it takes from where.
        let together = if cell == Cell::Gru { 2 * hidden } else { gates };
        let (first, apart) = weights.hh.split_at(together * hidden);
        let from_state = Packed::from_columns(first, hidden, together);
        let apart = Packed::from_columns(apart, hidden, gates - together);
        let mut bias = weights.bias_ih.to_vec();
        for (bias, of_state) in bias[..together].iter_mut().zip(weights.bias_hh) {
            *bias += of_state;
        }

        let mut saved = Vec::new();
        // SAFETY: the input's part of all rows and gates is written first, then the steps in
        // order, each reading what those before it wrote; the last cells at the end.
        let output = unsafe {
            written(self.output_len(), |output| {
                let kept = written(batch * time * cell.kept() * hidden, |kept| {
                    let outputs = Rows::new(output, hidden);
                    let all = match cell.kept() {
                        0 => outputs,
                        parts => Rows::new(kept, parts * hidden),
                    };
                    self.for_each_part(|part| {
                        let n = part.len();
                        let x = x[part.start * time * input..].as_ptr();
                        let to = all.from(part.start * time);
                        let bias = Some(&bias[..]);
                        matmul_into(x, input, n * time, &from_input, bias, to.start, to.row, false);
                        for t in 0..time {
                            let gates = all.every(time, part.start * time + t);
                            let h = outputs.every(time, part.start * time + t);
                            let [before, cells] = self.before(state, outputs, all, &part, t);
                            let (from, row) = (before.at(0, 0), before.row);
                            let to = (gates.start, gates.row);
                            matmul_into(from, row, n, &from_state, None, to.0, to.1, true);
                            if cell == Cell::Gru {
                                let to = gates.columns(3 * hidden);
                                let bias = Some(&weights.bias_hh[together..]);
                                matmul_into(from, row, n, &apart, bias, to.start, to.row, false);
                            }
                            self.for_each_row(n, |rows| {
                                let (from, n) = (rows.start, rows.len());
                                let (gates, h) = (gates.from(from), h.from(from));
                                match cell {
                                    Cell::Tanh => step::tanh(h, n, hidden),
                                    Cell::Relu => step::relu(h, n, hidden),
                                    Cell::Gru => step::gru(gates, before.from(from), h, n, hidden),
                                    Cell::Lstm => step::lstm(gates, cells.from(from), h, n, hidden),
                                }
                            });
                        }
                    });
                    if cell == Cell::Lstm {
                        let last = Rows::new(Shared::new(output.at(batch * time * hidden)), hidden);
                        let [_, cells] = self.before(state, outputs, all, &(0..batch), time);
                        step::copy(cells, last, batch, hidden);
                    }
                });
                saved = kept;
            })
        };
        Forward { output, saved }
    }

    /// Gradients from that of [`Forward::output`], all of it: the gradient of the last output as a
    /// state is part of it.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn backward(
        &self,
        x: &[f32],
        state: &[f32],
        weights: &Weights<'_>,
        forward: [&[f32]; 2],
        d_output: &[f32],
        of_input: bool,
    ) -> Gradients {
        self.check(x, state, weights);
        let &Self { cell, batch, time, input, hidden } = self;
        let [output, saved] = forward;
        assert_eq!(output.len(), self.output_len(), "the output of this layer");
        assert_eq!(d_output.len(), self.output_len(), "a gradient for each output");
        assert_eq!(saved.len(), batch * time * cell.kept() * hidden, "what this layer saved");
        let (gates, rows) = (cell.gates() * hidden, batch * time);
        // A GRU's `n` gets other gradients from the input's side than from the state's.
        let sides = if cell == Cell::Gru { 2 } else { 1 };
        with_scratch(sides * rows * gates, |d_gates| {
            let d_state = self.steps_backward(state, weights, forward, d_output, d_gates);
            let (of_x, of_h) = d_gates.split_at(rows * gates);
            let of_h = if cell == Cell::Gru { of_h } else { of_x };
            let of_bias = column_sums(of_x, gates);
            let of_state_bias = match cell {
                Cell::Gru => column_sums(of_h, gates),
                _ => of_bias.clone(),
            };
            let x_gradient = match of_input {
                true => matmul(of_x, &Packed::from_rows(weights.ih, gates, input), None),
                false => Vec::new(),
            };
            let hh = with_scratch(rows * hidden, |before| {
                for (batch, before) in before.chunks_exact_mut((time * hidden).max(1)).enumerate() {
                    let (first, later) = before.split_at_mut(hidden);
                    first.copy_from_slice(&state[batch * hidden..][..hidden]);
                    later.copy_from_slice(&output[batch * time * hidden..][..later.len()]);
                }
                matmul_transposed(of_h, before, gates, hidden)
            });
            let ih = matmul_transposed(of_x, x, gates, input);
            Gradients {
                x: x_gradient,
                state: d_state,
                ih,
                hh,
                bias_ih: of_bias,
                bias_hh: of_state_bias,
            }
        })
    }

    /// The gradients of all gates before their activation, and that of the first state.
    fn steps_backward(
        &self,
        state: &[f32],
        weights: &Weights<'_>,
        [output, saved]: [&[f32]; 2],
        d_output: &[f32],
        d_gates: &mut [f32],
    ) -> Vec<f32> {
        let &Self { cell, batch, time, hidden, .. } = self;
        let gates = cell.gates() * hidden;
        let to_state = Packed::from_rows(weights.hh, gates, hidden);
        let (outputs, d_outputs) = (Rows::read(output, hidden), Rows::read(d_output, hidden));
        let all = Rows::read(saved, cell.kept() * hidden);
        let of_x = Rows::new(Shared::new(d_gates.as_mut_ptr()), gates);
        let of_h = if cell == Cell::Gru { of_x.from(batch * time) } else { of_x };
        let mut d_state = vec![0.0; cell.states() * batch * hidden];
        if cell == Cell::Lstm {
            d_state[batch * hidden..].copy_from_slice(&d_output[batch * time * hidden..]);
        }
        // The gradients of `h` and of the cell after the step, and before it when it is done.
        let dh = Rows::new(Shared::new(d_state.as_mut_ptr()), hidden);
        self.for_each_part(|part| {
            let (dh, dc) = (dh.from(part.start), dh.from(batch + part.start));
            for t in (0..time).rev() {
                let step = |rows: Rows| rows.every(time, part.start * time + t);
                let (of_x, of_h) = (step(of_x), step(of_h));
                let [before, cells] = self.before(state, outputs, all, &part, t);
                self.for_each_row(part.len(), |rows| {
                    let (from, n) = (rows.start, rows.len());
                    let dh = [dh, step(d_outputs)].map(|rows| rows.from(from));
                    let (of_x, of_h) = (of_x.from(from), of_h.from(from));
                    let (gates, h) = (step(all).from(from), step(outputs).from(from));
                    match cell {
                        Cell::Tanh => step::tanh_backward(h, dh, of_x, n, hidden),
                        Cell::Relu => step::relu_backward(h, dh, of_x, n, hidden),
                        Cell::Gru => {
                            let before = before.from(from);
                            step::gru_backward(gates, before, dh, [of_x, of_h], n, hidden);
                        }
                        Cell::Lstm => {
                            let (cells, dc) = (cells.from(from), dc.from(from));
                            step::lstm_backward(gates, cells, dh, dc, of_x, n, hidden);
                        }
                    }
                });
                let add = cell == Cell::Gru;
                let (from, row) = (of_h.at(0, 0), of_h.row);
                // SAFETY: a row for each item of the part, and no other part has them.
                unsafe {
                    matmul_into(from, row, part.len(), &to_state, None, dh.start, dh.row, add);
                }
            }
        });
        d_state
    }

    /// What a step of a part of the batch comes from: the outputs and the cells before it.
    fn before(
        &self,
        state: &[f32],
        outputs: Rows,
        kept: Rows,
        part: &Range<usize>,
        t: usize,
    ) -> [Rows; 2] {
        let &Self { cell, batch, time, hidden, .. } = self;
        let first = |of: usize| Rows::read(state, hidden).from(of * batch + part.start);
        match (t, cell) {
            (0, _) => [first(0), first(cell.states() - 1)],
            (_, Cell::Lstm) => [outputs, kept.columns(4 * hidden)]
                .map(|rows| rows.every(time, part.start * time + t - 1)),
            _ => [outputs.every(time, part.start * time + t - 1); 2],
        }
    }

    /// Calls `body` with parts of the batch that go through all steps on their own: one for each
    /// thread if the weights are small, else the whole batch, whose steps are divided.
    fn for_each_part(&self, body: impl Fn(Range<usize>) + Sync) {
        let &Self { cell, batch, hidden, .. } = self;
        match cell.gates() * hidden * hidden <= SMALL && batch > 1 {
            true => {
                let parts = threads().min(batch);
                for_each(parts, |part| body(part * batch / parts..(part + 1) * batch / parts));
            }
            false => body(0..batch),
        }
    }

    /// Calls `body` with parts of the rows of a step.
    fn for_each_row(&self, rows: usize, body: impl Fn(Range<usize>) + Sync) {
        /// Numbers of a part that is worth a thread.
        const ENOUGH: usize = 4096;
        let parts = (rows * self.hidden / ENOUGH).clamp(1, 2 * threads()).min(rows.max(1));
        for_each(parts, |part| body(part * rows / parts..(part + 1) * rows / parts));
    }

    fn check(&self, x: &[f32], state: &[f32], weights: &Weights<'_>) {
        let &Self { cell, batch, time, input, hidden } = self;
        let gates = cell.gates() * hidden;
        assert_eq!(x.len(), batch * time * input, "[batch, time, input] numbers in");
        assert_eq!(state.len(), cell.states() * batch * hidden, "[states, batch, hidden] numbers");
        assert_eq!(weights.ih.len(), gates * input, "[gates hidden, input] weights");
        assert_eq!(weights.hh.len(), gates * hidden, "[gates hidden, hidden] weights");
        assert_eq!(
            [weights.bias_ih.len(), weights.bias_hh.len()],
            [gates; 2],
            "[gates hidden] biases"
        );
    }
}

#[cfg(test)]
mod tests;
