//! Weights in the order in which the correlations read them.

use super::{Algorithm, Conv, axis::Axis, direct};
use crate::gemm::{PANEL, Packed};

/// Input channels of a block that is gathered while it is in the cache.
const BLOCK: usize = 16;

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
    pack(conv, weights, rows, columns, [inputs, outputs], [taps, inputs * taps], algorithm)
}

/// For a part of the input gradient: for each group, `[tap][out]` by input channels.
pub(super) fn backward(
    conv: &Conv,
    weights: &[f32],
    rows: &Axis,
    columns: &Axis,
    algorithm: Algorithm,
) -> Vec<Packed> {
    let [inputs, outputs] = conv.group();
    let taps = conv.taps();
    pack(conv, weights, rows, columns, [outputs, inputs], [inputs * taps, taps], algorithm)
}

/// A correlation's weight from channel `i` to channel `o` is at `i * strides[0] + o * strides[1]`,
/// and then at its tap.
fn pack(
    conv: &Conv,
    weights: &[f32],
    rows: &Axis,
    columns: &Axis,
    [inputs, outputs]: [usize; 2],
    strides: [usize; 2],
    algorithm: Algorithm,
) -> Vec<Packed> {
    let taps: Vec<usize> = rows
        .taps
        .iter()
        .flat_map(|row| columns.taps.iter().map(|column| row.at * conv.kernel[1] + column.at))
        .collect();
    let per_group = weights.len() / conv.groups;
    let groups = weights.chunks_exact(per_group.max(1));
    let wide = match algorithm {
        Algorithm::Direct => direct::pixels_at_once(conv.groups, columns, outputs),
        _ => 1,
    };
    groups
        .map(|weights| match wide {
            1 => channels(weights, &taps, inputs, outputs, strides),
            _ => pixels(weights, &taps, columns, wide, inputs, outputs, strides),
        })
        .collect()
}

fn channels(
    weights: &[f32],
    taps: &[usize],
    inputs: usize,
    outputs: usize,
    strides: [usize; 2],
) -> Packed {
    Packed::new(taps.len() * inputs, outputs, |first, panel| {
        let lanes = (outputs - first).min(PANEL);
        for from in (0..inputs).step_by(BLOCK) {
            let block = from..(from + BLOCK).min(inputs);
            for lane in 0..PANEL {
                for i in block.clone() {
                    let at = i * strides[0] + (first + lane) * strides[1];
                    for (t, tap) in taps.iter().enumerate() {
                        let value = if lane < lanes { weights[at + tap] } else { 0.0 };
                        panel[(t * inputs + i) * PANEL + lane] = value;
                    }
                }
            }
        }
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
