//! What a training step does beside convolutions: pooling, loss, optimizer.

use divan::{
    Bencher, black_box,
    counter::{BytesCount, ItemsCount},
};
use tinderbox_kernels::{
    loss::{cross_entropy, gradient},
    optim::{self, Decay, Parameter, Rule},
    pooling::{Pooling, Windows},
};

fn main() {
    divan::main();
}

/// Of a ResNet's first pooling: batch, side, channels.
const MAPS: [(usize, usize, usize); 2] = [(16, 64, 64), (128, 14, 16)];

fn pooling((batch, side, channels): (usize, usize, usize), windows: Windows) -> Pooling {
    Pooling { batch, height: side, width: side, channels, windows }
}

fn overlapping(map: (usize, usize, usize)) -> Pooling {
    pooling(map, Windows::sliding([map.1; 2], [3, 3], [2, 2], [1, 1], false))
}

#[divan::bench(args = MAPS)]
fn max(bencher: Bencher, map: (usize, usize, usize)) {
    let pooling = overlapping(map);
    let [n, out] = pooling.lens();
    let (x, mut y, mut at) = (vec![0.5; n], vec![0.0; out], vec![0; out]);
    bencher
        .counter(BytesCount::of_slice(&x))
        .bench_local(|| pooling.max(black_box(&x), &mut y, &mut at));
}

#[divan::bench(args = MAPS)]
fn max_gradient(bencher: Bencher, map: (usize, usize, usize)) {
    let pooling = overlapping(map);
    let [n, out] = pooling.lens();
    let (dy, at, mut dx) = (vec![0.5; out], vec![4; out], vec![0.0; n]);
    bencher
        .counter(BytesCount::of_slice(&dx))
        .bench_local(|| pooling.max_gradient(black_box(&dy), &at, &mut dx));
}

#[divan::bench(args = MAPS)]
fn global_mean(bencher: Bencher, map: (usize, usize, usize)) {
    let pooling = pooling(map, Windows::cells([map.1; 2], [1, 1]));
    let [n, out] = pooling.lens();
    let (x, mut y) = (vec![0.5; n], vec![0.0; out]);
    bencher.counter(BytesCount::of_slice(&x)).bench_local(|| pooling.mean(black_box(&x), &mut y));
}

/// Rows and classes: MNIST, ImageNet, the pixels of CamVid.
const ROWS: [(usize, usize); 3] = [(128, 10), (64, 1000), (4 * 180 * 240, 32)];

#[divan::bench(args = ROWS)]
fn cross_entropy_and_gradient(bencher: Bencher, (rows, classes): (usize, usize)) {
    let (logits, targets) = (vec![0.5; rows * classes], vec![Some(3); rows]);
    let (weights, mut dx) = (vec![1.0; classes], vec![0.0; rows * classes]);
    bencher.counter(ItemsCount::new(rows * classes)).bench_local(|| {
        let found = cross_entropy(black_box(&logits), &targets, &weights);
        let scale = 1.0 / found.divisor;
        gradient(&logits, &targets, &weights, &found.log_sums, scale, &mut dx);
    });
}

/// A ResNet-34's parameters: 21 million numbers in 110 tensors, most of them small.
#[divan::bench]
fn adam(bencher: Bencher) {
    let lens: Vec<usize> = (0..110).map(|at| if at % 3 == 0 { 570_000 } else { 256 }).collect();
    let tensors = || lens.iter().map(|n| vec![0.1f32; *n]).collect::<Vec<_>>();
    let [mut values, gradients, mut m, mut v] = [0; 4].map(|_| tensors());
    let rule = Rule::Adam { kept: [0.9, 0.99], new: [0.1, 0.01], root: 0.5, eps: 1e-5, rate: 1e-3 };
    let decay = Decay { keep: 0.999, penalty: 0.0 };
    bencher.counter(ItemsCount::new(lens.iter().sum::<usize>())).bench_local(|| {
        let all = values.iter_mut().zip(&gradients).zip(m.iter_mut().zip(&mut v));
        let all = all.map(|((value, gradient), (m, v))| Parameter {
            value,
            gradient,
            memory: [m, v],
            rule,
            decay,
        });
        optim::step(all.collect());
    });
}
