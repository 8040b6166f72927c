#![expect(clippy::similar_names, reason = "`ih` and `hh` are PyTorch's")]

use super::*;
use crate::simd::{force_path, paths};

fn numbers(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|v| (((v * 37 + seed * 11) % 101) as f32 - 50.0) / 90.0).collect()
}

/// All that goes into a layer: input, state and the four parameters.
type Inputs<T> = [Vec<T>; 6];

fn inputs(rnn: &Rnn) -> Inputs<f32> {
    let gates = rnn.cell.gates() * rnn.hidden;
    [
        numbers(rnn.batch * rnn.time * rnn.input, 1),
        numbers(rnn.cell.states() * rnn.batch * rnn.hidden, 2),
        numbers(gates * rnn.input, 3),
        numbers(gates * rnn.hidden, 4),
        numbers(gates, 5),
        numbers(gates, 6),
    ]
}

fn weights(inputs: &Inputs<f32>) -> Weights<'_> {
    let [_, _, ih, hh, bias_ih, bias_hh] = inputs;
    Weights { ih, hh, bias_ih, bias_hh }
}

/// By the equations, number by number.
fn defined(rnn: &Rnn, [x, state, ih, hh, bias_ih, bias_hh]: &Inputs<f64>) -> Vec<f64> {
    let &Rnn { cell, batch, time, input, hidden } = rnn;
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let dot = |w: &[f64], x: &[f64]| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    let (mut output, mut last_cells) = (Vec::new(), Vec::new());
    for b in 0..batch {
        let mut h = state[b * hidden..][..hidden].to_vec();
        let mut c = state[(cell.states() - 1) * batch * hidden..][b * hidden..][..hidden].to_vec();
        for t in 0..time {
            let x = &x[(b * time + t) * input..][..input];
            let from_x = |gate: usize, j: usize| {
                let row = gate * hidden + j;
                dot(&ih[row * input..][..input], x) + bias_ih[row]
            };
            let before = h.clone();
            let from_h = |gate: usize, j: usize| {
                let row = gate * hidden + j;
                dot(&hh[row * hidden..][..hidden], &before) + bias_hh[row]
            };
            let both = |gate: usize, j: usize| from_x(gate, j) + from_h(gate, j);
            for j in 0..hidden {
                h[j] = match cell {
                    Cell::Tanh => both(0, j).tanh(),
                    Cell::Relu => both(0, j).max(0.0),
                    Cell::Gru => {
                        let (r, z) = (sigmoid(both(0, j)), sigmoid(both(1, j)));
                        let n = (from_x(2, j) + r * from_h(2, j)).tanh();
                        (1.0 - z) * n + z * before[j]
                    }
                    Cell::Lstm => {
                        let [i, f, o] = [0, 1, 3].map(|gate| sigmoid(both(gate, j)));
                        c[j] = f * c[j] + i * both(2, j).tanh();
                        o * c[j].tanh()
                    }
                };
            }
            output.extend_from_slice(&h);
        }
        last_cells.extend(c);
    }
    if cell == Cell::Lstm {
        output.extend(last_cells);
    }
    output
}

#[track_caller]
fn assert_close(what: &str, got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (at, (got, want)) in got.iter().zip(want).enumerate() {
        let allowed = tolerance * want.abs().max(1.0);
        assert!((f64::from(*got) - want).abs() < allowed, "{what}[{at}]: {got}, expected {want}");
    }
}

const CELLS: [Cell; 4] = [Cell::Tanh, Cell::Relu, Cell::Gru, Cell::Lstm];

fn run(rnn: &Rnn, inputs: &Inputs<f32>) -> (Forward, Gradients) {
    let forward = rnn.forward(&inputs[0], &inputs[1], &weights(inputs));
    let d_output = numbers(rnn.output_len(), 7);
    let saved = [&forward.output[..], &forward.saved[..]];
    let gradients = rnn.backward(&inputs[0], &inputs[1], &weights(inputs), saved, &d_output, true);
    (forward, gradients)
}

#[test]
fn outputs_are_those_of_the_equations_and_the_same_bits_on_every_path() {
    for cell in CELLS {
        for [batch, time, input, hidden] in
            [[1, 1, 1, 1], [3, 4, 5, 6], [5, 2, 17, 16], [2, 3, 4, 33], [16, 2, 3, 200]]
        {
            let rnn = Rnn { cell, batch, time, input, hidden };
            let inputs = inputs(&rnn);
            let want =
                defined(&rnn, &inputs.clone().map(|v| v.into_iter().map(f64::from).collect()));
            let mut first = None;
            for path in paths() {
                force_path(path);
                let found = run(&rnn, &inputs);
                assert_close(&format!("{rnn:?}"), &found.0.output, &want, 1e-4);
                let first = first.get_or_insert_with(|| found.clone());
                assert!(*first == found, "{rnn:?} differs on {path:?}");
            }
        }
    }
    force_path(paths()[0]);
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for cell in CELLS {
        let rnn = Rnn { cell, batch: 3, time: 4, input: 5, hidden: 6 };
        let inputs = inputs(&rnn);
        let (_, found) = run(&rnn, &inputs);
        let Gradients { x, state, ih, hh, bias_ih, bias_hh } = found;
        let d_output: Vec<f64> = numbers(rnn.output_len(), 7).into_iter().map(f64::from).collect();
        let loss = |inputs: &Inputs<f64>| -> f64 {
            defined(&rnn, inputs).iter().zip(&d_output).map(|(y, d)| y * d).sum()
        };
        let inputs: Inputs<f64> = inputs.map(|v| v.into_iter().map(f64::from).collect());
        for (which, found) in [x, state, ih, hh, bias_ih, bias_hh].iter().enumerate() {
            let difference = |at: usize| {
                let mut around = [inputs.clone(), inputs.clone()];
                let step = 1e-6;
                around[0][which][at] += step;
                around[1][which][at] -= step;
                (loss(&around[0]) - loss(&around[1])) / (2.0 * step)
            };
            let want: Vec<f64> = (0..inputs[which].len()).map(difference).collect();
            assert_close(&format!("{cell:?}, input {which}"), found, &want, 1e-4);
        }
    }
}

#[test]
fn a_part_of_the_batch_gives_what_it_gives_in_the_whole() {
    for cell in CELLS {
        // Small weights, whose batch is divided, and large ones.
        for hidden in [20, 400] {
            let rnn = Rnn { cell, batch: 5, time: 3, input: 7, hidden };
            let all = inputs(&rnn);
            let (whole, gradients) = run(&rnn, &all);
            for b in 0..rnn.batch {
                let one = Rnn { batch: 1, ..rnn };
                let mut inputs = all.clone();
                inputs[0] = all[0][b * 21..][..21].to_vec();
                let of_item = |values: &[f32]| -> Vec<f32> {
                    let states = values.chunks_exact(5 * hidden);
                    states.flat_map(|state| state[b * hidden..][..hidden].to_vec()).collect()
                };
                inputs[1] = of_item(&all[1]);
                let forward = one.forward(&inputs[0], &inputs[1], &weights(&inputs));
                let (steps, cells) = forward.output.split_at(3 * hidden);
                assert_eq!(steps, &whole.output[b * 3 * hidden..][..3 * hidden]);
                assert_eq!(cells, of_item(&whole.output[5 * 3 * hidden..]));
                let (d_steps, d_cells) = (numbers(rnn.output_len(), 7), 5 * 3 * hidden);
                let mut d_output = d_steps[b * 3 * hidden..][..3 * hidden].to_vec();
                d_output.extend(of_item(&d_steps[d_cells..]));
                let saved = [&forward.output[..], &forward.saved[..]];
                let weights = weights(&inputs);
                let one = one.backward(&inputs[0], &inputs[1], &weights, saved, &d_output, true);
                assert_eq!(one.x, gradients.x[b * 21..][..21]);
                assert_eq!(one.state, of_item(&gradients.state));
            }
        }
    }
}

#[test]
fn no_steps_keep_the_state_and_no_items_give_nothing() {
    for cell in CELLS {
        for [batch, time] in [[2, 0], [0, 3]] {
            let rnn = Rnn { cell, batch, time, input: 3, hidden: 4 };
            let inputs = inputs(&rnn);
            let (forward, gradients) = run(&rnn, &inputs);
            assert_eq!(forward.output.len(), rnn.output_len());
            assert!(gradients.ih.iter().chain(&gradients.bias_hh).all(|g| *g == 0.0));
            assert_eq!(gradients.ih.len(), inputs[2].len());
        }
    }
}
