//! Rows looked up in a table.

use crate::{pool::for_each_chunk, simd::multiversion};

/// Numbers that one block of work is of.
const BLOCK: usize = 1 << 14;

/// `out` is row `ids[0]` of the table, then row `ids[1]` and so on; rows are of `size` numbers.
///
/// # Panics
/// If the slices do not fit, or an id has no row.
pub fn embedding(table: &[f32], size: usize, ids: &[usize], out: &mut [f32]) {
    assert_eq!(out.len(), ids.len() * size, "a row for each id");
    let rows = (BLOCK / size.max(1)).max(1);
    for_each_chunk(out, (rows * size).max(1), |block, out| {
        for (out, id) in out.chunks_exact_mut(size).zip(&ids[block * rows..]) {
            out.copy_from_slice(&table[id * size..][..size]);
        }
    });
}

/// The gradient of the table: each row the sum over the places where it was looked up, in their
/// order.
///
/// # Panics
/// If the slices do not fit.
pub fn gradient(dy: &[f32], size: usize, ids: &[usize], table: &mut [f32]) {
    assert_eq!(dy.len(), ids.len() * size, "a row for each id");
    // Each block looks through all ids for those of its own rows.
    let n = table.len() / size.max(1);
    let rows = n.div_ceil(16).max(1);
    for_each_chunk(table, (rows * size).max(1), |block, table| {
        table.fill(0.0);
        add_rows(dy, size, ids, block * rows, table);
    });
}

multiversion! {
    /// Adds to the rows of a table that begins with row `first`.
    fn add_rows(dy: &[f32], size: usize, ids: &[usize], first: usize, table: &mut [f32]) => add_rows_body
}

#[inline(always)]
fn add_rows_body(dy: &[f32], size: usize, ids: &[usize], first: usize, table: &mut [f32]) {
    let mine = first..first + table.len() / size;
    for (id, dy) in ids.iter().zip(dy.chunks_exact(size)) {
        if mine.contains(id) {
            let row = &mut table[(id - first) * size..][..size];
            row.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{noise, on_every_path};

    #[test]
    fn rows_are_looked_up_and_get_the_sum_of_the_gradients() {
        for n in [1, 3, 16, 17, 100] {
            for size in (1..=18).chain([64]) {
                let ids: Vec<usize> = (0..70).map(|i| i * i % 31 % n).collect();
                let (table, dy) = (noise(1, n * size), noise(2, ids.len() * size));
                let (y, gradients) = on_every_path(|| {
                    let (mut y, mut sums) = (vec![0.0; dy.len()], vec![9.0; n * size]);
                    embedding(&table, size, &ids, &mut y);
                    gradient(&dy, size, &ids, &mut sums);
                    (y, sums)
                });
                let mut wanted = vec![0.0; n * size];
                for (at, dy) in dy.iter().enumerate() {
                    let place = ids[at / size] * size + at % size;
                    assert_eq!(y[at], table[place]);
                    wanted[place] += dy;
                }
                assert_eq!(gradients, wanted);
            }
        }
    }
}
