//! The lesson's MNIST convolutions and one of a photograph's, all three passes.

use divan::{Bencher, black_box, counter::ItemsCount};
use tinderbox_kernels::Conv;

fn main() {
    divan::main();
}

/// Channels, side of the map, stride, batch.
const SHAPES: [(usize, usize, usize, usize, usize); 6] = [
    (1, 8, 28, 2, 128),
    (8, 8, 14, 1, 128),
    (16, 16, 7, 1, 128),
    (32, 32, 4, 1, 128),
    (16, 16, 2, 1, 128),
    (64, 64, 32, 1, 16),
];

fn conv(
    (in_channels, out_channels, side, stride, batch): (usize, usize, usize, usize, usize),
) -> Conv {
    Conv {
        batch,
        height: side,
        width: side,
        in_channels,
        out_channels,
        kernel: [3, 3],
        stride: [stride; 2],
        padding: [1, 1],
    }
}

fn multiplications(conv: &Conv) -> ItemsCount {
    let [oh, ow] = conv.out_size();
    ItemsCount::new(conv.batch * oh * ow * conv.lens()[1])
}

#[divan::bench(args = SHAPES)]
fn forward(bencher: Bencher, shape: (usize, usize, usize, usize, usize)) {
    let conv = conv(shape);
    let [x, w, y] = conv.lens().map(|n| vec![0.5; n]);
    let mut out = y;
    bencher
        .counter(multiplications(&conv))
        .bench_local(|| conv.forward(black_box(&x), &w, &mut out));
}

#[divan::bench(args = SHAPES)]
fn input_gradient(bencher: Bencher, shape: (usize, usize, usize, usize, usize)) {
    let conv = conv(shape);
    let [mut x, w, y] = conv.lens().map(|n| vec![0.5; n]);
    bencher
        .counter(multiplications(&conv))
        .bench_local(|| conv.input_gradient(black_box(&y), &w, &mut x));
}

#[divan::bench(args = SHAPES)]
fn weight_gradient(bencher: Bencher, shape: (usize, usize, usize, usize, usize)) {
    let conv = conv(shape);
    let [x, mut w, y] = conv.lens().map(|n| vec![0.5; n]);
    bencher
        .counter(multiplications(&conv))
        .bench_local(|| conv.weight_gradient(black_box(&x), &y, &mut w));
}
