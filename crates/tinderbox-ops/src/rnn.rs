//! Recurrent layers over whole sequences.

mod autodiff;
mod backend;
mod fallback;
mod flex;

use burn::{
    backend::Dispatch,
    tensor::{Tensor, s},
};
use tinderbox_kernels::rnn::Cell;

use backend::{RnnInputs, RnnOps};

/// The parameters of a recurrent layer, in PyTorch's layout: the gates one after the other.
#[derive(Debug, Clone)]
pub struct RnnWeights {
    /// `[gates * hidden, in]`
    pub weight_ih: Tensor<2>,
    /// `[gates * hidden, hidden]`
    pub weight_hh: Tensor<2>,
    /// `[gates * hidden]`
    pub bias_ih: Tensor<1>,
    /// `[gates * hidden]`
    pub bias_hh: Tensor<1>,
}

/// What a layer without gates does with its sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nonlinearity {
    #[default]
    Tanh,
    Relu,
}

/// What an LSTM hands from step to step.
#[derive(Debug, Clone)]
pub struct LstmState {
    /// The last output, `[batch, hidden]`.
    pub hidden: Tensor<2>,
    /// `[batch, hidden]`
    pub cell: Tensor<2>,
}

/// A recurrent layer without gates: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or ReLU.
///
/// # Shapes
/// - `x`: `[batch, time, in]`
/// - `state`: `[batch, hidden]`, zeros without it
/// - `weights`: of 1 gate
/// - returns the outputs, `[batch, time, hidden]`, and the last of them, `[batch, hidden]`
///
/// # Panics
/// If the shapes do not fit, or there are no steps.
///
/// # Reference
/// Elman, [Finding Structure in Time](https://doi.org/10.1207/s15516709cog1402_1), 1990.
pub fn rnn(
    x: Tensor<3>,
    state: Option<Tensor<2>>,
    weights: RnnWeights,
    nonlinearity: Nonlinearity,
) -> (Tensor<3>, Tensor<2>) {
    let cell = match nonlinearity {
        Nonlinearity::Tanh => Cell::Tanh,
        Nonlinearity::Relu => Cell::Relu,
    };
    one_state(x, state, weights, cell)
}

/// A layer of gated recurrent units: `r = σ(W_ir x + b_ir + W_hr h + b_hr)`, `z` likewise,
/// `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`, `h' = (1 - z) n + z h`.
///
/// # Shapes
/// - `x`: `[batch, time, in]`
/// - `state`: `[batch, hidden]`, zeros without it
/// - `weights`: of 3 gates, in the order `r, z, n`
/// - returns the outputs, `[batch, time, hidden]`, and the last of them, `[batch, hidden]`
///
/// # Panics
/// If the shapes do not fit, or there are no steps.
///
/// # Reference
/// Cho et al., [Learning Phrase Representations using RNN Encoder-Decoder](https://arxiv.org/abs/1406.1078),
/// 2014. As in PyTorch, the reset `r` multiplies after the product and its bias.
pub fn gru(x: Tensor<3>, state: Option<Tensor<2>>, weights: RnnWeights) -> (Tensor<3>, Tensor<2>) {
    one_state(x, state, weights, Cell::Gru)
}

/// A layer of long short-term memory: `i = σ(W_ii x + b_ii + W_hi h + b_hi)`, `f` and `o` likewise,
/// `g` likewise with `tanh`, `c' = f c + i g`, `h' = o tanh(c')`.
///
/// # Shapes
/// - `x`: `[batch, time, in]`
/// - `state`: zeros without it
/// - `weights`: of 4 gates, in the order `i, f, g, o`
/// - returns the outputs, `[batch, time, hidden]`, and the state after the last step
///
/// # Panics
/// If the shapes do not fit, or there are no steps.
///
/// # Reference
/// Hochreiter and Schmidhuber, [Long Short-Term Memory](https://doi.org/10.1162/neco.1997.9.8.1735),
/// 1997; the gate `f` is Gers et al.'s, 2000.
pub fn lstm(x: Tensor<3>, state: Option<LstmState>, weights: RnnWeights) -> (Tensor<3>, LstmState) {
    let [batch, time, hidden] = sizes(&x, &weights, Cell::Lstm);
    let state = match state {
        Some(LstmState { hidden: h, cell }) => {
            check_state(&h, [batch, hidden]);
            check_state(&cell, [batch, hidden]);
            Tensor::stack(vec![h, cell], 0)
        }
        None => Tensor::zeros([2, batch, hidden], (&x.device(), x.dtype())),
    };
    let rows = run(x, state, weights, Cell::Lstm);
    let cell = rows.clone().slice(s![batch * time.., ..]);
    let y = rows.slice(s![..batch * time, ..]).reshape([batch, time, hidden]);
    let state = LstmState { hidden: last(&y), cell };
    (y, state)
}

/// A layer whose state is its last output.
fn one_state(
    x: Tensor<3>,
    state: Option<Tensor<2>>,
    weights: RnnWeights,
    cell: Cell,
) -> (Tensor<3>, Tensor<2>) {
    let [batch, time, hidden] = sizes(&x, &weights, cell);
    let state = match state {
        Some(state) => {
            check_state(&state, [batch, hidden]);
            state.unsqueeze()
        }
        None => Tensor::zeros([1, batch, hidden], (&x.device(), x.dtype())),
    };
    let y = run(x, state, weights, cell).reshape([batch, time, hidden]);
    let state = last(&y);
    (y, state)
}

/// The operation itself: rows of outputs, and the cells of an LSTM behind them.
fn run(x: Tensor<3>, state: Tensor<3>, weights: RnnWeights, cell: Cell) -> Tensor<2> {
    let inputs = RnnInputs {
        x: x.into_dispatch(),
        state: state.into_dispatch(),
        ih: weights.weight_ih.into_dispatch(),
        hh: weights.weight_hh.into_dispatch(),
        bias_ih: weights.bias_ih.into_dispatch(),
        bias_hh: weights.bias_hh.into_dispatch(),
    };
    Tensor::from_dispatch(Dispatch::tb_rnn(inputs, cell).output)
}

/// The outputs of the last step.
fn last(y: &Tensor<3>) -> Tensor<2> {
    y.clone().slice(s![.., -1, ..]).squeeze_dim(1)
}

/// Batch, steps and hidden size.
fn sizes(x: &Tensor<3>, weights: &RnnWeights, cell: Cell) -> [usize; 3] {
    let ([batch, time, input], [rows, hidden]) = (x.dims(), weights.weight_hh.dims());
    let expected = [cell.gates() * hidden, input];
    assert!(
        rows == expected[0],
        "{cell:?} cells of {hidden} numbers have {} rows of weights, got {rows}",
        expected[0]
    );
    let found = weights.weight_ih.dims();
    assert!(
        found == expected,
        "an input of {input} numbers wants weights of shape {expected:?}, got {found:?}"
    );
    let biases = [weights.bias_ih.dims()[0], weights.bias_hh.dims()[0]];
    assert!(biases == [rows; 2], "biases of {biases:?} numbers for {rows} rows of weights");
    assert!(time > 0, "a recurrent layer needs at least one step, got shape {:?}", x.dims());
    [batch, time, hidden]
}

fn check_state(state: &Tensor<2>, expected: [usize; 2]) {
    let found = state.dims();
    assert!(found == expected, "a state of shape {found:?}, expected {expected:?}");
}
