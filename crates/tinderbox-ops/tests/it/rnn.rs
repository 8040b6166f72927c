//! Recurrent layers.

#![expect(clippy::similar_names, reason = "`ih` and `hh` are PyTorch's")]

use burn::tensor::{Device, FloatDType, Tensor};
use tinderbox_ops::{LstmState, Nonlinearity, RnnWeights, gru, lstm, rnn};

use crate::common::{close, close_numbers, device, host, tensor};

const BATCH: usize = 2;
const TIME: usize = 3;
const INPUT: usize = 4;
const HIDDEN: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Tanh,
    Relu,
    Gru,
    Lstm,
}

const KINDS: [(Kind, usize); 4] =
    [(Kind::Tanh, 1), (Kind::Relu, 1), (Kind::Gru, 3), (Kind::Lstm, 4)];

/// Input, weights and states.
#[derive(Clone)]
struct Inputs {
    x: Tensor<3>,
    weights: [Tensor<2>; 2],
    biases: [Tensor<1>; 2],
    states: [Tensor<2>; 2],
}

fn inputs(gates: usize, dtype: FloatDType) -> Inputs {
    let rows = gates * HIDDEN;
    Inputs {
        x: tensor(1, [BATCH, TIME, INPUT]).cast(dtype),
        weights: [tensor(2, [rows, INPUT]), tensor(3, [rows, HIDDEN])].map(|t| t.cast(dtype)),
        biases: [4, 5].map(|seed| tensor(seed, [rows]).cast(dtype)),
        states: [6, 7].map(|seed| tensor(seed, [BATCH, HIDDEN]).cast(dtype)),
    }
}

/// The outputs and the last states.
fn run(kind: Kind, inputs: Inputs, with_state: bool) -> (Tensor<3>, Vec<Tensor<2>>) {
    let Inputs { x, weights: [weight_ih, weight_hh], biases: [bias_ih, bias_hh], states } = inputs;
    let weights = RnnWeights { weight_ih, weight_hh, bias_ih, bias_hh };
    let [h, cell] = states;
    let state = with_state.then(|| h.clone());
    let of_one = |(y, h): (Tensor<3>, Tensor<2>)| (y, vec![h]);
    match kind {
        Kind::Tanh => of_one(rnn(x, state, weights, Nonlinearity::Tanh)),
        Kind::Relu => of_one(rnn(x, state, weights, Nonlinearity::Relu)),
        Kind::Gru => of_one(gru(x, state, weights)),
        Kind::Lstm => {
            let state = with_state.then_some(LstmState { hidden: h, cell });
            let (y, LstmState { hidden, cell }) = lstm(x, state, weights);
            (y, vec![hidden, cell])
        }
    }
}

/// A number that every output and every last state has a part in.
fn loss(kind: Kind, inputs: Inputs) -> Tensor<1> {
    let (y, states) = run(kind, inputs, true);
    let dtype = FloatDType::from(y.dtype());
    let outputs = (y.clone() * tensor(8, y.dims()).cast(dtype)).sum();
    states.into_iter().enumerate().fold(outputs, |sum, (at, state)| {
        sum + (state.clone() * tensor(9 + at, state.dims()).cast(dtype)).sum()
    })
}

fn numbers<const D: usize>(tensor: Option<Tensor<D>>) -> Vec<f64> {
    tensor.map(|t| t.into_data().convert::<f64>().try_to_vec().unwrap()).unwrap_or_default()
}

/// The gradients of all inputs, one behind the other.
fn gradients(kind: Kind, inputs: Inputs) -> Vec<f64> {
    let Inputs { x, weights, biases, states } = inputs;
    let inputs = Inputs {
        x: x.require_grad(),
        weights: weights.map(Tensor::require_grad),
        biases: biases.map(Tensor::require_grad),
        states: states.map(Tensor::require_grad),
    };
    let found = loss(kind, inputs.clone()).backward();
    let mut all = numbers(inputs.x.grad(&found));
    inputs.weights.iter().for_each(|w| all.extend(numbers(w.grad(&found))));
    inputs.biases.iter().for_each(|b| all.extend(numbers(b.grad(&found))));
    inputs.states.iter().for_each(|s| all.extend(numbers(s.grad(&found))));
    all
}

/// The slope along each input, by two steps to both sides, in f64.
fn differences(kind: Kind, inputs: &Inputs) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    fn along<const D: usize>(
        value: &Tensor<D>,
        loss: impl Fn(Tensor<D>) -> f64,
        slopes: &mut Vec<f64>,
    ) {
        for at in 0..value.dims().iter().product() {
            let moved = |step: f64| {
                let mut data = value.clone().into_data();
                data.as_mut_slice::<f64>().unwrap()[at] += step;
                loss(Tensor::from_data(data, (&value.device(), value.dtype())))
            };
            slopes.push((moved(STEP) - moved(-STEP)) / (2.0 * STEP));
        }
    }
    let at = |inputs: Inputs| loss(kind, inputs).into_scalar::<f64>();
    let mut slopes = Vec::new();
    along(&inputs.x, |x| at(Inputs { x, ..inputs.clone() }), &mut slopes);
    for which in 0..2 {
        let changed = |value: Tensor<2>| {
            let mut weights = inputs.weights.clone();
            weights[which] = value;
            at(Inputs { weights, ..inputs.clone() })
        };
        along(&inputs.weights[which], changed, &mut slopes);
    }
    for which in 0..2 {
        let changed = |value: Tensor<1>| {
            let mut biases = inputs.biases.clone();
            biases[which] = value;
            at(Inputs { biases, ..inputs.clone() })
        };
        along(&inputs.biases[which], changed, &mut slopes);
    }
    for which in 0..if matches!(kind, Kind::Lstm) { 2 } else { 1 } {
        let changed = |value: Tensor<2>| {
            let mut states = inputs.states.clone();
            states[which] = value;
            at(Inputs { states, ..inputs.clone() })
        };
        along(&inputs.states[which], changed, &mut slopes);
    }
    slopes
}

/// In f64 they are composed of Burn's operations; in f32, on the CPU, they are the kernels'.
#[test]
fn gradients_are_those_of_finite_differences() {
    for (kind, gates) in KINDS {
        let inputs_f64 = inputs(gates, FloatDType::F64);
        let wanted = differences(kind, &inputs_f64);
        // Graphics cards compute a tanh of f64 no better than one of f32.
        let f64_tolerance = if device() == Device::flex().autodiff() { 1e-7 } else { 1e-4 };
        for (dtype, tolerance) in [(FloatDType::F64, f64_tolerance), (FloatDType::F32, 1e-4)] {
            let found = gradients(kind, inputs(gates, dtype));
            assert_eq!(found.len(), wanted.len(), "{kind:?}");
            for (at, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
                let near = (found - wanted).abs() < tolerance * wanted.abs().max(1.0);
                assert!(near, "{kind:?} in {dtype:?}, [{at}]: {found}, expected {wanted}");
            }
        }
    }
}

#[test]
fn without_a_state_it_starts_from_zeros() {
    for (kind, gates) in KINDS {
        let inputs = inputs(gates, FloatDType::F32);
        let zeros = inputs.states.clone().map(|state| state.zeros_like());
        let (y, _) = run(kind, inputs.clone(), false);
        let (expected, _) = run(kind, Inputs { states: zeros, ..inputs }, true);
        close(y, expected);
    }
}

#[test]
fn a_sequence_goes_on_from_the_state_of_the_one_before() {
    for (kind, gates) in KINDS {
        let all = inputs(gates, FloatDType::F32);
        let (y, last) = run(kind, all.clone(), true);
        let first = Inputs { x: all.x.clone().narrow(1, 0, 1), ..all.clone() };
        let (y0, mut states) = run(kind, first, true);
        states.push(states[0].clone());
        let states = [states[0].clone(), states[1].clone()];
        let rest = Inputs { x: all.x.clone().narrow(1, 1, TIME - 1), states, ..all };
        let (y1, found) = run(kind, rest, true);
        close(Tensor::cat(vec![y0, y1], 1), y.clone());
        for (found, last) in found.into_iter().zip(last.clone()) {
            close(found, last);
        }
        close_numbers(&host(last[0].clone()), &host(y.narrow(1, TIME - 1, 1)));
    }
}

#[test]
fn without_gradients_nothing_is_tracked() {
    for (kind, gates) in KINDS {
        let Inputs { x, weights, biases, states } = inputs(gates, FloatDType::F32);
        let (y, _) = run(
            kind,
            Inputs {
                x: x.without_autodiff(),
                weights: weights.map(Tensor::without_autodiff),
                biases: biases.map(Tensor::without_autodiff),
                states: states.map(Tensor::without_autodiff),
            },
            true,
        );
        let (expected, _) = run(kind, inputs(gates, FloatDType::F32), true);
        close_numbers(&host(y), &host(expected));
    }
}

#[test]
#[should_panic(expected = "Gru cells of 5 numbers have 15 rows of weights, got 20")]
fn weights_of_another_layer_are_refused() {
    let _y = run(Kind::Gru, inputs(4, FloatDType::F32), true);
}

#[test]
#[should_panic(expected = "a state of shape [3, 5], expected [2, 5]")]
fn a_state_of_another_batch_is_refused() {
    let inputs = inputs(3, FloatDType::F32);
    let states = [6, 7].map(|seed| tensor(seed, [BATCH + 1, HIDDEN]));
    let _y = run(Kind::Gru, Inputs { states, ..inputs }, true);
}
