//! The lesson's convolutions and those of a ResNet-34 on photographs, all three passes.

use divan::{Bencher, black_box, counter::ItemsCount};
use tinderbox_kernels::{Conv, conv::Finish};

fn main() {
    divan::main();
}

/// Channels in and out, side of the map, kernel, stride, batch.
type Shape = (usize, usize, usize, usize, usize, usize);

const SHAPES: [Shape; 10] = [
    (1, 8, 28, 3, 2, 128),
    (8, 8, 14, 3, 1, 128),
    (16, 16, 7, 3, 1, 128),
    (32, 32, 4, 3, 1, 128),
    (3, 64, 128, 7, 2, 16),
    (64, 64, 32, 3, 1, 16),
    (64, 128, 32, 3, 2, 16),
    (256, 256, 8, 3, 1, 16),
    (256, 512, 8, 1, 2, 16),
    (512, 512, 4, 3, 1, 16),
];

fn conv((in_channels, out_channels, side, kernel, stride, batch): Shape) -> Conv {
    Conv {
        batch,
        height: side,
        width: side,
        in_channels,
        out_channels,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [kernel / 2; 2],
        dilation: [1, 1],
        groups: 1,
    }
}

#[divan::bench(args = SHAPES)]
fn forward(bencher: Bencher, shape: Shape) {
    let conv = conv(shape);
    let [x, w, _] = conv.lens().map(|n| vec![0.5; n]);
    bencher
        .counter(ItemsCount::new(conv.multiplications()))
        .bench_local(|| conv.forward(black_box(&x), &w, Finish::default()));
}

#[divan::bench(args = SHAPES)]
fn input_gradient(bencher: Bencher, shape: Shape) {
    let conv = conv(shape);
    let [_, w, y] = conv.lens().map(|n| vec![0.5; n]);
    bencher
        .counter(ItemsCount::new(conv.multiplications()))
        .bench_local(|| conv.input_gradient(black_box(&y), &w));
}

#[divan::bench(args = SHAPES)]
fn weight_gradient(bencher: Bencher, shape: Shape) {
    let conv = conv(shape);
    let [x, _, y] = conv.lens().map(|n| vec![0.5; n]);
    bencher
        .counter(ItemsCount::new(conv.multiplications()))
        .bench_local(|| conv.weight_gradient(black_box(&x), &y));
}
