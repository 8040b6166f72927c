//! Matrix products of the sizes that layers have.

use divan::{Bencher, black_box, counter::ItemsCount};
use tinderbox_kernels::gemm::{Packed, matmul, matmul_transposed};

fn main() {
    divan::main();
}

/// Rows, steps, columns.
const SIZES: [[usize; 3]; 7] = [
    [64, 64, 64],
    [32, 1152, 4608],
    [1280, 64, 192],
    [256, 512, 512],
    [2240, 400, 4608],
    [2240, 1152, 4608],
    [2240, 400, 10000],
];

#[divan::bench(args = SIZES)]
fn product(bencher: Bencher, [m, k, n]: [usize; 3]) {
    let a = vec![0.5; m * k];
    let b = Packed::from_rows(&vec![0.5; k * n], k, n);
    bencher.counter(ItemsCount::new(m * k * n)).bench_local(|| matmul(black_box(&a), &b, None));
}

#[divan::bench(args = SIZES)]
fn transposed(bencher: Bencher, [k, m, n]: [usize; 3]) {
    let (a, b) = (vec![0.5; k * m], vec![0.5; k * n]);
    bencher
        .counter(ItemsCount::new(m * k * n))
        .bench_local(|| matmul_transposed(black_box(&a), &b, m, n));
}

#[divan::bench(args = SIZES)]
fn packing(bencher: Bencher, [_, k, n]: [usize; 3]) {
    let b = vec![0.5; k * n];
    bencher
        .counter(ItemsCount::new(k * n))
        .bench_local(|| Packed::from_columns(black_box(&b), k, n));
}
