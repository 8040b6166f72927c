//! Weights in the order in which the correlations read them.

use super::{Algorithm, Conv, axis::Axis, direct};
use crate::gemm::{PANEL, Packed, Rows};

/// For a forward pass: for each group, `[tap][in]` by output channels.
pub(super) fn forward(
    conv: &Conv,
    weights: &[f32],
    rows: &Axis,
    columns: &Axis,
    algorithm: Algorithm,
) -> Vec<Packed> {
    let [inputs, outputs] = conv.group();
    let taps = conv.taps();
    let channels = [inputs, outputs];
    pack(conv, weights, &[(rows, columns)], channels, [taps, inputs * taps], algorithm)
}

/// For the parts of the input gradient: for each group, `[part][tap][out]` by input channels.
pub(super) fn backward(
    conv: &Conv,
    weights: &[f32],
    parts: &[(&Axis, &Axis)],
    algorithm: Algorithm,
) -> Vec<Packed> {
    let [inputs, outputs] = conv.group();
    let taps = conv.taps();
    let channels = [outputs, inputs];
    pack(conv, weights, parts, channels, [inputs * taps, taps], algorithm)
}

/// The taps of a part, by their places in the kernel.
fn taps(conv: &Conv, (rows, columns): (&Axis, &Axis)) -> Vec<usize> {
    let rows = rows.taps.iter();
    let of_row = |row: usize| columns.taps.iter().map(move |c| row * conv.kernel[1] + c.at);
    rows.flat_map(|row| of_row(row.at)).collect()
}

/// A correlation's weight from channel `i` to channel `o` is at `i * strides[0] + o * strides[1]`,
/// and then at its tap.
fn pack(
    conv: &Conv,
    weights: &[f32],
    parts: &[(&Axis, &Axis)],
    [inputs, outputs]: [usize; 2],
    strides: [usize; 2],
    algorithm: Algorithm,
) -> Vec<Packed> {
    let all: Vec<usize> = parts.iter().flat_map(|part| taps(conv, *part)).collect();
    let per_group = weights.len() / conv.groups;
    let groups = weights.chunks_exact(per_group.max(1));
    let wide = match (algorithm, parts) {
        (Algorithm::Direct, [part]) => direct::pixels_at_once(conv.groups, *part, outputs),
        _ => 1,
    };
    groups
        .map(|weights| match wide {
            1 => channels(weights, &all, conv.taps(), inputs, outputs, strides),
            _ => pixels(weights, &all, parts[0].1, wide, inputs, outputs, strides),
        })
        .collect()
}

fn channels(
    weights: &[f32],
    taps: &[usize],
    in_kernel: usize,
    inputs: usize,
    outputs: usize,
    strides: [usize; 2],
) -> Packed {
    if strides[1] == 1 {
        // The outputs lie side by side already.
        return Packed::from_rows(weights, inputs, outputs);
    }
    let places: Vec<Option<usize>> = (0..in_kernel)
        .map(|tap| taps.iter().position(|wanted| *wanted == tap).map(|at| at * inputs))
        .collect();
    // A kernel's numbers lie side by side, and those of all inputs too in a forward pass.
    let (runs, len) = match strides[0] == in_kernel {
        true => (1, inputs * in_kernel),
        false => (inputs, in_kernel),
    };
    Packed::new(taps.len() * inputs, outputs, |first, panel| {
        let lanes = (outputs - first).min(PANEL);
        let rows = Rows { lane: strides[1], lanes, runs, run: strides[0], len, taps: &places };
        rows.turn(&weights[first * strides[1]..], panel);
    })
}

/// For `wide` neighboring output pixels at once: their channels lie side by side, and each sees
/// its own part of the inputs that they all see.
fn pixels(
    weights: &[f32],
    taps: &[usize],
    columns: &Axis,
    wide: usize,
    inputs: usize,
    outputs: usize,
    strides: [usize; 2],
) -> Packed {
    let (across, span) = (columns.taps.len(), columns.span(wide));
    let depth = taps.len() / across * span * inputs;
    Packed::new(depth, wide * outputs, |_, panel| {
        panel.fill(0.0);
        for (t, tap) in taps.iter().enumerate() {
            let (down, column) = (t / across, columns.taps[t % across]);
            for pixel in 0..wide {
                let x = pixel * columns.stride + (column.offset - columns.low()) as usize;
                for i in 0..inputs {
                    let row = &mut panel[((down * span + x) * inputs + i) * PANEL..];
                    for o in 0..outputs {
                        let at = i * strides[0] + o * strides[1];
                        row[pixel * outputs + o] = weights[at + tap];
                    }
                }
            }
        }
    })
}
