use super::*;
use crate::simd::{Path, force_path};

/// Numbers that look random, the same each time.
fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Sizes from which everything else follows.
fn shapes() -> Vec<Conv> {
    let mut shapes = Vec::new();
    for (kernel, padding) in [
        ([1, 1], [0, 0]),
        ([3, 3], [1, 1]),
        ([3, 3], [0, 0]),
        ([5, 3], [2, 1]),
        ([7, 7], [3, 3]),
        ([2, 2], [0, 0]),
    ] {
        for stride in [[1, 1], [2, 2], [3, 1]] {
            for (in_channels, out_channels) in [(1, 8), (3, 5), (8, 16), (16, 1), (17, 33), (8, 8)]
            {
                for (batch, height, width) in [(1, 7, 9), (3, 8, 13)] {
                    shapes.push(Conv {
                        batch,
                        height,
                        width,
                        in_channels,
                        out_channels,
                        kernel,
                        stride,
                        padding,
                    });
                }
            }
        }
    }
    shapes.push(Conv {
        batch: 20,
        height: 4,
        width: 4,
        in_channels: 32,
        out_channels: 32,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
    });
    shapes
}

/// The three passes by their definition, in f64: output, input gradient, weight gradient.
fn defined(conv: &Conv, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let ([oh, ow], [kh, kw]) = (conv.out_size(), conv.kernel);
    let (c, k) = (conv.in_channels, conv.out_channels);
    let [mut y, mut dx, mut dw] = [dy.len(), x.len(), w.len()].map(|n| vec![0f64; n]);
    for n in 0..conv.batch {
        for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
            for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                let iy = (oy * conv.stride[0] + ky).wrapping_sub(conv.padding[0]);
                let ix = (ox * conv.stride[1] + kx).wrapping_sub(conv.padding[1]);
                if iy >= conv.height || ix >= conv.width {
                    continue;
                }
                for (o, i) in (0..k).flat_map(|o| (0..c).map(move |i| (o, i))) {
                    let at_x = ((n * conv.height + iy) * conv.width + ix) * c + i;
                    let at_w = ((o * c + i) * kh + ky) * kw + kx;
                    let at_y = ((n * oh + oy) * ow + ox) * k + o;
                    y[at_y] += f64::from(x[at_x]) * f64::from(w[at_w]);
                    dx[at_x] += f64::from(dy[at_y]) * f64::from(w[at_w]);
                    dw[at_w] += f64::from(dy[at_y]) * f64::from(x[at_x]);
                }
            }
        }
    }
    [y, dx, dw]
}

fn passes(conv: &Conv, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f32>; 3] {
    let [mut y, mut dx, mut dw] = [dy.len(), x.len(), w.len()].map(|n| vec![f32::NAN; n]);
    conv.forward(x, w, &mut y);
    conv.input_gradient(dy, w, &mut dx);
    conv.weight_gradient(x, dy, &mut dw);
    [y, dx, dw]
}

/// One test, since the path is one for the whole process.
#[test]
fn every_path_is_the_definition_and_all_are_equal() {
    let best = crate::simd::path();
    for conv in shapes() {
        let [n_x, n_w, n_y] = conv.lens();
        let (x, w, dy) = (numbers(n_x, 1), numbers(n_w, 2), numbers(n_y, 3));
        force_path(Path::Plain);
        let plain = passes(&conv, &x, &w, &dy);
        force_path(best);
        let fast = passes(&conv, &x, &w, &dy);
        assert_eq!(plain, fast, "{conv:?}");
        for (pass, (got, want)) in fast.iter().zip(defined(&conv, &x, &w, &dy)).enumerate() {
            for (got, want) in got.iter().zip(want) {
                assert!(
                    (f64::from(*got) - want).abs() < 1e-4,
                    "{conv:?}, pass {pass}: {got}, expected {want}"
                );
            }
        }
    }
}

#[test]
#[should_panic(expected = "slices as the sizes say")]
fn slices_of_another_length_are_refused() {
    let conv = shapes()[0];
    conv.forward(&[], &[], &mut []);
}
