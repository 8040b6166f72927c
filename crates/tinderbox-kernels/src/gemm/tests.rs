use proptest::prelude::*;

use super::*;
use crate::{
    simd::{force_path, paths},
    testing::fuzz,
};

fn numbers(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|v| (((v * 37 + seed * 11) % 101) as f32 - 50.0) / 25.0).collect()
}

/// By the definition, in f64.
fn defined(a: &[f32], b: &[f32], bias: Option<&[f32]>, [m, k, n]: [usize; 3]) -> Vec<f64> {
    let at = |row: usize, column: usize| {
        let terms = (0..k).map(|k_| f64::from(a[row * k + k_]) * f64::from(b[k_ * n + column]));
        terms.sum::<f64>() + bias.map_or(0.0, |bias| f64::from(bias[column]))
    };
    (0..m * n).map(|i| at(i / n, i % n)).collect()
}

fn turned(a: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| a[i % rows * columns + i / rows]).collect()
}

#[track_caller]
fn assert_close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (at, (got, want)) in got.iter().zip(want).enumerate() {
        let allowed = 1e-4 * want.abs().max(1.0);
        assert!((f64::from(*got) - want).abs() < allowed, "[{at}]: {got}, expected {want}");
    }
}

/// Products of these sizes against the definition, with the same bits on every path.
fn check_products([m, k, n]: [usize; 3]) {
    let (a, b, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3));
    let bias = k.is_multiple_of(2).then_some(&bias[..]);
    let want = defined(&a, &b, bias, [m, k, n]);
    let mut first = None;
    for path in paths() {
        force_path(path);
        let packed = Packed::from_rows(&b, k, n);
        assert_eq!(packed, Packed::from_columns(&turned(&b, k, n), k, n));
        let c = matmul(&a, &packed, bias);
        assert_close(&c, &want);
        let c2 = matmul_transposed(&turned(&a, m, k), &b, m, n);
        assert_close(&c2, &defined(&a, &b, None, [m, k, n]));
        let first = first.get_or_insert_with(|| (c.clone(), c2.clone()));
        assert!(c == first.0 && c2 == first.1, "{path:?} differs at {m} {k} {n}");
    }
    force_path(paths()[0]);
}

#[test]
fn products_are_those_of_the_definition_and_the_same_bits_on_every_path() {
    let sizes = [1, 2, 3, 5, 7, 15, 16, 17, 31, 32, 33, 47, 65];
    for (i, &m) in sizes.iter().enumerate() {
        for (j, &n) in sizes.iter().enumerate() {
            for k in [1, 2, 9, sizes[(i + j) % sizes.len()], 400] {
                check_products([m, k, n]);
            }
        }
    }
}

proptest! {
    #![proptest_config(fuzz())]

    #[test]
    fn any_products_are_those_of_the_definition(sizes in [1..150usize, 1..150, 1..150]) {
        check_products(sizes);
    }
}

/// Sizes that are cut into parts, and whose columns are gathered.
#[test]
fn large_products_are_those_of_the_definition() {
    let [m, k, n] = [350, 390, 300];
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    let want = defined(&a, &b, None, [m, k, n]);
    assert_close(&matmul(&a, &Packed::from_rows(&b, k, n), None), &want);
    assert_close(&matmul_transposed(&turned(&a, m, k), &b, m, n), &want);
}

#[test]
fn columns_are_summed_over_all_rows() {
    for (rows, columns) in [(0, 3), (1, 1), (65, 7), (200, 600)] {
        let values = numbers(rows * columns, 1);
        let sum = |c: usize| (0..rows).map(|r| f64::from(values[r * columns + c])).sum();
        assert_close(&column_sums(&values, columns), &(0..columns).map(sum).collect::<Vec<_>>());
    }
    assert!(column_sums(&[], 0).is_empty());
}
