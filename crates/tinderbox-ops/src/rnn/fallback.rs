//! Recurrent layers composed of Burn's own operations, step by step: what other backends run, and
//! what the kernels mean.

#![expect(clippy::many_single_char_names, reason = "gates are called so in the papers")]

use std::{
    iter::once,
    ops::{Add, Mul, Range, Sub},
};

use burn::{
    backend::{Backend, TensorMetadata, tensor::FloatTensor},
    tensor::{Shape, Slice},
};
use tinderbox_kernels::rnn::Cell;

use super::backend::{RnnInputs, RnnOut};

/// A tensor that can be computed with as on paper.
struct Value<B: Backend>(FloatTensor<B>);

impl<B: Backend> Clone for Value<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

macro_rules! operators {
    ($($operator:ident, $method:ident => $function:ident;)*) => {$(
        impl<B: Backend> $operator for Value<B> {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Self(B::$function(self.0, other.0))
            }
        }

        impl<B: Backend> $operator<&Self> for Value<B> {
            type Output = Self;

            fn $method(self, other: &Self) -> Self {
                self.$method(other.clone())
            }
        }

        impl<B: Backend> $operator<Value<B>> for &Value<B> {
            type Output = Value<B>;

            fn $method(self, other: Value<B>) -> Value<B> {
                self.clone().$method(other)
            }
        }

        impl<B: Backend> $operator for &Value<B> {
            type Output = Value<B>;

            fn $method(self, other: Self) -> Value<B> {
                self.clone().$method(other.clone())
            }
        }
    )*};
}

operators! {
    Add, add => float_add;
    Sub, sub => float_sub;
    Mul, mul => float_mul;
}

impl<B: Backend> Value<B> {
    fn tanh(&self) -> Self {
        Self(B::float_tanh(self.0.clone()))
    }

    fn relu(&self) -> Self {
        Self(B::relu(self.0.clone()))
    }

    /// `gain * self + offset`
    fn affine(&self, gain: f32, offset: f32) -> Self {
        let scaled = B::float_mul_scalar(self.0.clone(), gain.into());
        Self(B::float_add_scalar(scaled, offset.into()))
    }

    /// By `tanh`, which keeps the numbers' type.
    fn sigmoid(&self) -> Self {
        self.affine(0.5, 0.0).tanh().affine(0.5, 0.5)
    }

    /// The slope of `sigmoid`, from its value.
    fn sigmoid_slope(&self) -> Self {
        self - &(self * self)
    }

    /// The slope of `tanh`, from its value.
    fn tanh_slope(&self) -> Self {
        (self * self).affine(-1.0, 1.0)
    }

    fn matmul(&self, other: &Self) -> Self {
        Self(B::float_matmul(self.0.clone(), other.0.clone()))
    }

    fn transpose(&self) -> Self {
        Self(B::float_transpose(self.0.clone()))
    }

    fn reshape<const D: usize>(&self, shape: [usize; D]) -> Self {
        Self(B::float_reshape(self.0.clone(), Shape::new(shape)))
    }

    /// A part of an axis.
    fn part(&self, axis: usize, range: Range<usize>) -> Self {
        let shape = self.0.shape();
        let mut slices: Vec<Slice> = shape.iter().map(|size| Slice::from(0..*size)).collect();
        slices[axis] = range.into();
        Self(B::float_slice(self.0.clone(), &slices))
    }

    /// One of `[batch, time, n]`'s steps, `[batch, n]`.
    fn step(&self, t: usize) -> Self {
        let shape = self.0.shape();
        self.part(1, t..t + 1).reshape([shape[0], shape[2]])
    }

    /// The parts of the last axis that belong to each gate.
    fn gates<const N: usize>(&self) -> [Self; N] {
        let shape = self.0.shape();
        let axis = shape.num_dims() - 1;
        let hidden = shape[axis] / N;
        std::array::from_fn(|gate| self.part(axis, gate * hidden..(gate + 1) * hidden))
    }

    fn cat(values: impl IntoIterator<Item = Self>, axis: usize) -> Self {
        Self(B::float_cat(values.into_iter().map(|value| value.0).collect(), axis))
    }

    /// Values of `[batch, n]` as steps of `[batch, time, n]`.
    fn stack(steps: Vec<Self>) -> Self {
        let shape = steps[0].0.shape();
        let step = [shape[0], 1, shape[1]];
        Self::cat(steps.into_iter().map(|value| value.reshape(step)), 1)
    }

    fn sum_rows(&self) -> Self {
        let columns = self.0.shape()[1];
        Self(B::float_sum_dim(self.0.clone(), 0)).reshape([columns])
    }
}

/// The inputs, and their sizes.
struct Layer<B: Backend> {
    /// `[batch * time, in]`
    x: Value<B>,
    /// `[batch, hidden]`
    state: Vec<Value<B>>,
    ih: Value<B>,
    hh: Value<B>,
    /// `[1, gates * hidden]`
    bias_ih: Value<B>,
    /// `[1, gates * hidden]`
    bias_hh: Value<B>,
    batch: usize,
    time: usize,
    hidden: usize,
}

impl<B: Backend> Layer<B> {
    fn new(inputs: RnnInputs<B>, cell: Cell) -> Self {
        let (x, state) = (inputs.x.shape(), inputs.state.shape());
        let (batch, time, input, hidden) = (x[0], x[1], x[2], state[2]);
        let gates = cell.gates() * hidden;
        let state = Value::<B>(inputs.state);
        Self {
            x: Value::<B>(inputs.x).reshape([batch * time, input]),
            state: (0..cell.states())
                .map(|at| state.part(0, at..at + 1).reshape([batch, hidden]))
                .collect(),
            ih: Value(inputs.ih),
            hh: Value(inputs.hh),
            bias_ih: Value::<B>(inputs.bias_ih).reshape([1, gates]),
            bias_hh: Value::<B>(inputs.bias_hh).reshape([1, gates]),
            batch,
            time,
            hidden,
        }
    }

    /// What all gates take from the input, `[batch * time, gates * hidden]`.
    fn input_part(&self) -> Value<B> {
        self.x.matmul(&self.ih.transpose()) + self.bias_ih.clone()
    }

    /// What all gates take from these outputs.
    fn output_part(&self, h: &Value<B>) -> Value<B> {
        h.matmul(&self.hh.transpose()) + self.bias_hh.clone()
    }

    /// Rows of a gate as `[batch, time, n]`.
    fn steps(&self, rows: &Value<B>) -> Value<B> {
        let columns = rows.0.shape()[1];
        rows.reshape([self.batch, self.time, columns])
    }

    /// What came before each step: the first state, then these, `[batch, time, hidden]`.
    fn before(&self, state: &Value<B>, steps: &Value<B>) -> Value<B> {
        let first = state.reshape([self.batch, 1, self.hidden]);
        match self.time {
            1 => first,
            time => Value::cat([first, steps.part(1, 0..time - 1)], 1),
        }
    }
}

pub(super) fn forward<B: Backend>(inputs: RnnInputs<B>, cell: Cell) -> RnnOut<B> {
    let layer = Layer::<B>::new(inputs, cell);
    let from_input = layer.steps(&layer.input_part());
    let (mut h, mut c) = (layer.state[0].clone(), layer.state[cell.states() - 1].clone());
    let (mut outputs, mut cells) = (Vec::new(), Vec::new());
    for t in 0..layer.time {
        let (x, from_output) = (from_input.step(t), layer.output_part(&h));
        h = match cell {
            Cell::Tanh => (x + from_output).tanh(),
            Cell::Relu => (x + from_output).relu(),
            Cell::Gru => {
                let ([x_r, x_z, x_n], [h_r, h_z, h_n]) = (x.gates(), from_output.gates());
                let (r, z) = ((x_r + h_r).sigmoid(), (x_z + h_z).sigmoid());
                let n = (x_n + r * h_n).tanh();
                &n + &(z * (&h - &n))
            }
            Cell::Lstm => {
                let [i, f, g, o] = (x + from_output).gates();
                c = f.sigmoid() * c + i.sigmoid() * g.tanh();
                cells.push(c.clone());
                o.sigmoid() * c.tanh()
            }
        };
        outputs.push(h.clone());
    }
    let output = Value::stack(outputs).reshape([layer.batch * layer.time, layer.hidden]);
    match cell {
        Cell::Lstm => RnnOut { output: Value::cat([output, c], 0).0, saved: Value::stack(cells).0 },
        // There is nothing that the outputs do not tell.
        _ => RnnOut { output: output.0, saved: h.0 },
    }
}

pub(super) fn backward<B: Backend>(
    inputs: RnnInputs<B>,
    out: RnnOut<B>,
    d_output: FloatTensor<B>,
    cell: Cell,
    of_input: bool,
) -> RnnInputs<B> {
    let layer = Layer::<B>::new(inputs, cell);
    let (batch, time, hidden) = (layer.batch, layer.time, layer.hidden);
    let rows = batch * time;
    let outputs = layer.steps(&Value::<B>(out.output).part(0, 0..rows));
    let d_output = Value::<B>(d_output);
    let d_outputs = layer.steps(&d_output.part(0, 0..rows));
    let before = layer.before(&layer.state[0], &outputs);
    // The outputs are known, so all steps' gates are computed at once.
    let flat = before.reshape([rows, hidden]);
    let (x, h) = (layer.steps(&layer.input_part()), layer.steps(&layer.output_part(&flat)));

    let mut dh = outputs.step(0).affine(0.0, 0.0);
    let mut dc = None;
    let (mut of_x, mut of_h) = (Vec::new(), Vec::new());
    match cell {
        Cell::Tanh | Cell::Relu => {
            for t in (0..time).rev() {
                let (h, d) = (outputs.step(t), d_outputs.step(t) + dh);
                let d = match cell {
                    Cell::Relu => Value(B::relu_backward(h.0, d.0)),
                    _ => d * h.tanh_slope(),
                };
                dh = d.matmul(&layer.hh);
                of_x.push(d);
            }
        }
        Cell::Gru => {
            let ([x_r, x_z, x_n], [h_r, h_z, h_n]) = (x.gates(), h.gates());
            let (r, z) = ((x_r + h_r).sigmoid(), (x_z + h_z).sigmoid());
            let n = (x_n + &r * &h_n).tanh();
            for t in (0..time).rev() {
                let [r, z, n, h_n] = [&r, &z, &n, &h_n].map(|gate| gate.step(t));
                let d = d_outputs.step(t) + dh;
                let dn = &d * &z.affine(-1.0, 1.0) * n.tanh_slope();
                let dz = &d * &(before.step(t) - n) * z.sigmoid_slope();
                let dr = &dn * &h_n * r.sigmoid_slope();
                let of_state = Value::cat([dr.clone(), dz.clone(), &dn * &r], 1);
                dh = d * z + of_state.matmul(&layer.hh);
                of_x.push(Value::cat([dr, dz, dn], 1));
                of_h.push(of_state);
            }
        }
        Cell::Lstm => {
            let [i, f, g, o] = (x + h).gates();
            let (i, f, g, o) = (i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid());
            let cells = Value::<B>(out.saved);
            let cells_before = layer.before(&layer.state[1], &cells);
            let mut d_cell = d_output.part(0, rows..rows + batch);
            for t in (0..time).rev() {
                let [i, f, g, o, c] = [&i, &f, &g, &o, &cells].map(|gate| gate.step(t));
                let (d, c) = (d_outputs.step(t) + dh, c.tanh());
                let d_c = &d * &o * c.tanh_slope() + d_cell;
                let di = &d_c * &g * i.sigmoid_slope();
                let df = &d_c * &cells_before.step(t) * f.sigmoid_slope();
                let dg = &d_c * &i * g.tanh_slope();
                let d_o = d * c * o.sigmoid_slope();
                let gates = Value::cat([di, df, dg, d_o], 1);
                d_cell = d_c * f;
                dh = gates.matmul(&layer.hh);
                of_x.push(gates);
            }
            dc = Some(d_cell);
        }
    }
    let rows_of = |steps: Vec<Value<B>>| {
        let columns = cell.gates() * hidden;
        Value::stack(steps.into_iter().rev().collect()).reshape([rows, columns])
    };
    let of_x = rows_of(of_x);
    // The gates take the same from both sides, except for the reset one's.
    let of_h = if cell == Cell::Gru { rows_of(of_h) } else { of_x.clone() };
    let input = layer.x.0.shape()[1];
    let states = once(dh).chain(dc).map(|state| state.reshape([1, batch, hidden]));
    RnnInputs {
        x: match of_input {
            true => of_x.matmul(&layer.ih).reshape([batch, time, input]).0,
            false => layer.x.0.clone(),
        },
        state: Value::cat(states, 0).0,
        ih: of_x.transpose().matmul(&layer.x).0,
        hh: of_h.transpose().matmul(&flat).0,
        bias_ih: of_x.sum_rows().0,
        bias_hh: of_h.sum_rows().0,
    }
}
