use proptest::prelude::*;

use super::*;
use crate::{
    simd::{force_path, paths},
    testing::fuzz,
};

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

const PLAIN: Conv = Conv {
    batch: 1,
    height: 7,
    width: 9,
    in_channels: 3,
    out_channels: 5,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
};

/// Sizes from which everything else follows.
#[allow(clippy::too_many_lines)] // a list
fn shapes() -> Vec<Conv> {
    let mut shapes = Vec::new();
    for (kernel, padding) in [
        ([1, 1], [0, 0]),
        ([3, 3], [1, 1]),
        ([3, 3], [0, 0]),
        ([5, 3], [2, 1]),
        ([7, 7], [3, 3]),
        ([2, 2], [0, 0]),
        ([4, 4], [1, 1]),
    ] {
        for stride in [[1, 1], [2, 2], [3, 1]] {
            for (in_channels, out_channels) in
                [(1, 8), (3, 5), (8, 16), (16, 1), (17, 33), (8, 8), (6, 3)]
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
                        ..PLAIN
                    });
                }
            }
        }
    }
    for (groups, dilation) in [(2, [1, 1]), (6, [1, 1]), (1, [2, 2]), (3, [2, 3]), (1, [1, 2])] {
        for stride in [[1, 1], [2, 2], [3, 2]] {
            for (batch, height, width) in [(1, 9, 9), (2, 12, 8)] {
                shapes.push(Conv {
                    batch,
                    height,
                    width,
                    in_channels: 6,
                    out_channels: 12,
                    stride,
                    padding: [2, 1],
                    dilation,
                    groups,
                    ..PLAIN
                });
            }
        }
    }
    // Each channel alone: fewer than a vector, and more; kernels of more taps than are held at once.
    for (kernel, padding) in
        [([3, 3], [1, 1]), ([5, 5], [2, 2]), ([3, 4], [0, 3]), ([1, 2], [4, 0])]
    {
        for (channels, stride, dilation) in
            [(6, [1, 1], [1, 1]), (40, [2, 2], [1, 1]), (16, [1, 2], [2, 1]), (33, [1, 1], [1, 2])]
        {
            for (batch, height, width) in [(2, 9, 12), (1, 5, 7)] {
                shapes.push(Conv {
                    batch,
                    height,
                    width,
                    in_channels: channels,
                    out_channels: channels,
                    kernel,
                    stride,
                    padding,
                    dilation,
                    groups: channels,
                });
            }
        }
    }
    // Narrow maps with many channels, and what Winograd's algorithms run.
    for (batch, side, channels, padding) in [
        (20, 4, [32, 32], 1),
        (3, 4, [64, 40], 1),
        (2, 7, [65, 70], 1),
        (1, 6, [33, 32], 1),
        (2, 9, [32, 47], 1),
        (1, 13, [32, 40], 1),
        (2, 14, [35, 32], 0),
        (1, 17, [40, 33], 2),
    ] {
        shapes.push(Conv {
            batch,
            height: side,
            width: side + side % 2,
            in_channels: channels[0],
            out_channels: channels[1],
            padding: [padding; 2],
            ..PLAIN
        });
    }
    for stride in [1, 2] {
        shapes.push(Conv {
            batch: 3,
            height: 6,
            width: 5,
            in_channels: 64,
            out_channels: 70,
            kernel: [1, 1],
            stride: [stride; 2],
            padding: [0, 0],
            ..PLAIN
        });
    }
    // The first layer of a network for photographs: few inputs, many outputs.
    for (in_channels, out_channels) in [(3, 40), (1, 64)] {
        shapes.push(Conv {
            batch: 3,
            height: 9,
            width: 11,
            in_channels,
            out_channels,
            kernel: [7, 7],
            stride: [2, 2],
            padding: [3, 3],
            ..PLAIN
        });
    }
    // More weights than are summed beside each other.
    shapes.push(Conv {
        batch: 3,
        height: 3,
        width: 3,
        in_channels: 110,
        out_channels: 120,
        ..PLAIN
    });
    shapes
}

/// Calls `each` with what an input and a weight have to do with an output.
fn for_each_term(conv: &Conv, mut each: impl FnMut(usize, usize, usize)) {
    let ([oh, ow], [kh, kw]) = (conv.out_size(), conv.kernel);
    let ([c, k], [of_in, of_out]) = ([conv.in_channels, conv.out_channels], conv.group());
    for n in 0..conv.batch {
        for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
            for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                let iy =
                    (oy * conv.stride[0] + ky * conv.dilation[0]).wrapping_sub(conv.padding[0]);
                let ix =
                    (ox * conv.stride[1] + kx * conv.dilation[1]).wrapping_sub(conv.padding[1]);
                if iy >= conv.height || ix >= conv.width {
                    continue;
                }
                for (o, i) in (0..k).flat_map(|o| (0..of_in).map(move |i| (o, i))) {
                    let channel = o / of_out * of_in + i;
                    let at_x = ((n * conv.height + iy) * conv.width + ix) * c + channel;
                    let at_w = ((o * of_in + i) * kh + ky) * kw + kx;
                    each(at_x, at_w, ((n * oh + oy) * ow + ox) * k + o);
                }
            }
        }
    }
}

/// The three passes by their definition, in f64: output, input gradient, weight gradient.
fn defined(conv: &Conv, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let [mut y, mut dx, mut dw] = [dy.len(), x.len(), w.len()].map(|n| vec![0f64; n]);
    for_each_term(conv, |at_x, at_w, at_y| {
        y[at_y] += f64::from(x[at_x]) * f64::from(w[at_w]);
        dx[at_x] += f64::from(dy[at_y]) * f64::from(w[at_w]);
        dw[at_w] += f64::from(dy[at_y]) * f64::from(x[at_x]);
    });
    [y, dx, dw]
}

fn passes(conv: &Conv, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f32>; 3] {
    [conv.forward(x, w, Finish::default()), conv.input_gradient(dy, w), conv.weight_gradient(x, dy)]
}

/// Holds sums of `terms` products of numbers from -1 to 1 against their definition.
#[track_caller]
fn assert_close(what: &dyn std::fmt::Debug, got: &[f32], want: &[f64], terms: usize) {
    assert_eq!(got.len(), want.len(), "{what:?}");
    // Winograd's errors grow with what is summed, not with what the sum comes to.
    let within = 1e-5 + 1e-6 * terms as f64;
    for (at, (got, want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(*got) - want).abs();
        assert!(error < within, "{what:?}, [{at}]: {got}, expected {want}, within {within:.1e}");
    }
}

/// How many products the three passes sum at most: for an output, an input's gradient, a weight's.
fn terms(conv: &Conv) -> [usize; 3] {
    let [[kh, kw], [oh, ow]] = [conv.kernel, conv.out_size()];
    let [of_in, of_out] = [conv.in_channels, conv.out_channels].map(|n| n / conv.groups);
    [kh * kw * of_in, kh * kw * of_out, conv.batch * oh * ow]
}

/// The three passes against their definition, with the same bits on every path.
fn check_passes(conv: &Conv) {
    let [n_x, n_w, n_y] = conv.lens();
    let (x, w, dy) = (numbers(n_x, 1), numbers(n_w, 2), numbers(n_y, 3));
    let found: Vec<_> = paths()
        .into_iter()
        .map(|path| {
            force_path(path);
            (path, passes(conv, &x, &w, &dy))
        })
        .collect();
    force_path(paths()[0]);
    for (path, passes) in &found {
        assert!(*passes == found[0].1, "{conv:?}: {path:?} differs");
    }
    let want = defined(conv, &x, &w, &dy);
    for (pass, got) in found[0].1.iter().enumerate() {
        assert_close(&(conv, pass), got, &want[pass], terms(conv)[pass]);
    }
}

#[test]
fn every_path_is_the_definition_and_all_are_equal() {
    shapes().iter().for_each(check_passes);
}

prop_compose! {
    /// Any convolution whose definition is computed in a moment.
    fn any_conv()(
        [batch, groups] in [1..4usize, 1..4],
        [height, width] in [1..20usize, 1..20],
        [of_in, of_out] in [1..40usize, 1..40],
        kernel in [1..6usize, 1..6],
        stride in [1..4usize, 1..4],
        padding in [0..4usize, 0..4],
        dilation in [1..3usize, 1..3],
    ) -> Conv {
        let [in_channels, out_channels] = [of_in, of_out].map(|n| n * groups);
        Conv { batch, height, width, in_channels, out_channels, kernel, stride, padding, dilation, groups }
    }
}

fn fits(conv: &Conv) -> bool {
    let map = [conv.height, conv.width];
    (0..2).all(|i| conv.dilation[i] * (conv.kernel[i] - 1) < map[i] + 2 * conv.padding[i])
}

proptest! {
    #![proptest_config(fuzz())]

    #[test]
    fn any_sizes_are_the_definition(conv in any_conv().prop_filter("too small a map", fits)) {
        check_passes(&conv);
    }

    #[test]
    fn any_sizes_of_single_channels_are_the_definition(
        conv in any_conv().prop_filter("too small a map", fits),
    ) {
        let channels = conv.in_channels.max(2);
        let groups = channels;
        check_passes(&Conv { in_channels: channels, out_channels: channels, groups, ..conv });
    }

    #[test]
    fn any_sizes_that_winograd_takes_are_the_definition(conv in any_conv()) {
        let [in_channels, out_channels] = [conv.in_channels, conv.out_channels].map(|n| n + 31);
        let map = Conv { in_channels, out_channels, ..PLAIN };
        let conv = Conv {
            batch: conv.batch,
            height: conv.height + 2,
            width: conv.width + 2,
            padding: conv.padding.map(|padding| padding.min(2)),
            ..map
        };
        check_passes(&conv);
    }
}

#[test]
fn bias_sum_and_relu_are_done_on_the_way() {
    for conv in shapes() {
        let [n_x, n_w, n_y] = conv.lens();
        let (x, w, add) = (numbers(n_x, 1), numbers(n_w, 2), numbers(n_y, 3));
        let [bias, gain, shift] = [4, 5, 6].map(|seed| numbers(conv.out_channels, seed));
        let mut want = vec![0f64; n_y];
        for_each_term(&conv, |at_x, at_w, at_y| {
            want[at_y] += f64::from(x[at_x]) * f64::from(w[at_w]);
        });
        let (weights, bias_len) = (conv.prepare(&w), bias.len());
        for (with_bias, with_add, relu) in
            [(true, false, true), (false, true, true), (true, true, false)]
        {
            let finish = Finish {
                bias: with_bias.then_some(&bias[..]),
                add: with_add.then_some(&add[..]),
                relu,
                scale: (!with_add).then_some((&gain[..], &shift[..])),
            };
            let want: Vec<f64> = want
                .iter()
                .enumerate()
                .map(|(at, value)| {
                    let bias = if with_bias { f64::from(bias[at % bias.len()]) } else { 0.0 };
                    let add = if with_add { f64::from(add[at]) } else { 0.0 };
                    let value = value + bias + add;
                    let value = if relu { value.max(0.0) } else { value };
                    let channel = at % bias_len;
                    match with_add {
                        true => value,
                        false => value * f64::from(gain[channel]) + f64::from(shift[channel]),
                    }
                })
                .collect();
            let got = conv.forward_with(&x, &weights, finish);
            assert_close(&(conv, finish), &got, &want, terms(&conv)[0]);
        }
    }
}

#[test]
fn both_winograd_algorithms_are_the_definition() {
    for size in [winograd::Size::Two, winograd::Size::Four] {
        for conv in shapes() {
            let form = conv.kernel == [3, 3] && conv.stride == [1, 1] && conv.dilation == [1, 1];
            if !form || conv.groups != 1 || conv.padding.iter().any(|padding| *padding > 2) {
                continue;
            }
            let [n_x, n_w, n_y] = conv.lens();
            let (x, w, dy) = (numbers(n_x, 1), numbers(n_w, 2), numbers(n_y, 3));
            let got = winograd::weight_gradient(&conv, size, &x, &dy);
            assert_close(&(conv, size), &got, &defined(&conv, &x, &w, &dy)[2], terms(&conv)[2]);
        }
    }
}

#[test]
fn weights_of_another_convolution_are_refused() {
    let weights = PLAIN.prepare(&[0.5; 5 * 3 * 9]);
    assert!(weights.fit(&Conv { batch: 4, height: 9, ..PLAIN }));
    for other in [
        Conv { in_channels: 4, ..PLAIN },
        Conv { out_channels: 6, ..PLAIN },
        Conv { kernel: [3, 2], ..PLAIN },
        Conv { stride: [2, 2], ..PLAIN },
        Conv { dilation: [2, 1], ..PLAIN },
    ] {
        assert!(!weights.fit(&other), "{other:?}");
    }
}

#[test]
#[should_panic(expected = "a kernel that fits into the padded map")]
fn a_kernel_beyond_the_map_is_refused() {
    let conv = Conv { height: 2, kernel: [5, 3], ..PLAIN };
    conv.forward(&[], &[], Finish::default());
}

#[test]
#[should_panic(expected = "slices as the sizes say")]
fn slices_of_another_length_are_refused() {
    shapes()[0].forward(&[], &[0.0; 8], Finish::default());
}
