//! Matrix products, and the tile that they and the convolutions are made of.
//!
//! A tile of a few rows by one or two vectors of columns stays in registers while the sums over
//! `k` run. Every sum runs in order, one multiply-add after the other, on every path.
//!
//! Goto and van de Geijn, [Anatomy of High-Performance Matrix Multiplication](https://doi.org/10.1145/1356052.1356053), 2008.

use std::ops::Range;

mod turn;

use crate::{
    pool::{Shared, for_each, for_each_chunk, threads},
    scratch::{Scratch, with_scratch, written},
    simd::{LANES, Plain, Simd, multiversion, path},
};
pub(crate) use turn::Rows;

/// Columns of a packed panel: two vectors.
pub(crate) const PANEL: usize = 2 * LANES;

/// What a tile's sums start from: zero, unless something is given here.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    /// What is in the output.
    pub output: bool,
    /// A number for each column, or null.
    pub bias: *const f32,
}

impl Start {
    pub(crate) const ZERO: Self = Self { output: false, bias: std::ptr::null() };
    pub(crate) const OUTPUT: Self = Self { output: true, bias: std::ptr::null() };
}

/// Where the segments lie over which a sum runs.
#[derive(Clone, Copy)]
pub(crate) enum Segments {
    /// This many, each so far behind the last one in `a` and in `b`.
    Even { count: usize, a: usize, b: usize },
    /// So far from the start of `a` and of `b`.
    Table(*const [usize; 2], usize),
}

impl Segments {
    pub(crate) const ONE: Self = Self::Even { count: 1, a: 0, b: 0 };
}

/// A product `c[row][column] = sum over segments and k of a[row, k] * b[k, column]`.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    pub segments: Segments,
    /// Steps of a segment.
    pub length: usize,
    pub a: *const f32,
    /// From one row of `a` to the next.
    pub a_row: usize,
    /// From one `k` to the next. One of the two is 1.
    pub a_step: usize,
    pub b: *const f32,
    /// From one `k` to the next; columns lie side by side.
    pub b_step: usize,
    pub c: *mut f32,
    /// From one row to the next; columns lie side by side.
    pub c_row: usize,
    pub start: Start,
    /// Whether what is negative in the end becomes 0.
    pub relu: bool,
}

/// `ROWS` rows by `VECTORS` vectors, of which the last has `last` columns.
///
/// # Safety
/// All that [`Product`] names can be read or written, and the machine has the path of `S`.
#[inline(always)]
unsafe fn tile_body<
    S: Simd,
    const ROWS: usize,
    const VECTORS: usize,
    const A_STEPS: bool,
    const FULL: bool,
>(
    p: &Product,
    last: usize,
) {
    // SAFETY: the caller's promise; lanes behind `last` are neither read nor written.
    unsafe {
        let load = |from: *const f32, v: usize| match FULL || v + 1 < VECTORS {
            true => S::load(from.add(v * LANES)),
            false => S::load_first(from.add(v * LANES), last),
        };
        let mut sums = [[S::zero(); VECTORS]; ROWS];
        if p.start.output {
            for r in 0..ROWS {
                for v in 0..VECTORS {
                    sums[r][v] = load(p.c.add(r * p.c_row), v);
                }
            }
        }
        if !p.start.bias.is_null() {
            for v in 0..VECTORS {
                let bias = load(p.start.bias, v);
                for r in 0..ROWS {
                    sums[r][v] = S::add(sums[r][v], bias);
                }
            }
        }
        let count = match p.segments {
            Segments::Even { count, .. } | Segments::Table(_, count) => count,
        };
        for segment in 0..count {
            let (in_a, in_b) = match p.segments {
                Segments::Even { a, b, .. } => (segment * a, segment * b),
                Segments::Table(table, _) => {
                    let [a, b] = *table.add(segment);
                    (a, b)
                }
            };
            let (mut a, mut b) = (p.a.add(in_a), p.b.add(in_b));
            for _ in 0..p.length {
                let mut columns = [S::zero(); VECTORS];
                for v in 0..VECTORS {
                    columns[v] = load(b, v);
                }
                for r in 0..ROWS {
                    let value = S::splat(*a.add(if A_STEPS { r } else { r * p.a_row }));
                    for v in 0..VECTORS {
                        sums[r][v] = S::fma(value, columns[v], sums[r][v]);
                    }
                }
                a = a.wrapping_add(if A_STEPS { p.a_step } else { 1 });
                b = b.wrapping_add(p.b_step);
            }
        }
        for r in 0..ROWS {
            for v in 0..VECTORS {
                let to = p.c.add(r * p.c_row + v * LANES);
                let sum = if p.relu { S::relu(sums[r][v]) } else { sums[r][v] };
                match FULL || v + 1 < VECTORS {
                    true => S::store(to, sum),
                    false => S::store_first(to, sum, last),
                }
            }
        }
    }
}

type TileFn = unsafe fn(&Product, usize);

/// The tile of a path, for each number of rows.
macro_rules! tiles {
    ($module:ident, $simd:ty, $(#[$feature:meta])? [$($rows:literal)*]) => {
        mod $module {
            use super::{Product, TileFn, tile_body};

            $(#[$feature])?
            unsafe fn tile<const R: usize, const V: usize, const STEPS: bool, const FULL: bool>(
                product: &Product,
                last: usize,
            ) {
                // SAFETY: the caller's; a machine without the path never gets here.
                unsafe { tile_body::<$simd, R, V, STEPS, FULL>(product, last) }
            }

            /// By rows - 1; then by vectors - 1, whether `a` steps, and whether all lanes count.
            pub(super) static TILES: &[[[[TileFn; 2]; 2]; 2]] = &[$(
                [
                    [
                        [tile::<$rows, 1, false, false>, tile::<$rows, 1, false, true>],
                        [tile::<$rows, 1, true, false>, tile::<$rows, 1, true, true>],
                    ],
                    [
                        [tile::<$rows, 2, false, false>, tile::<$rows, 2, false, true>],
                        [tile::<$rows, 2, true, false>, tile::<$rows, 2, true, true>],
                    ],
                ],
            )*];
        }
    };
}

#[cfg(target_arch = "x86_64")]
tiles!(
    avx512, crate::simd::Avx512,
    #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14]
);
#[cfg(target_arch = "x86_64")]
tiles!(avx2, crate::simd::Avx2, #[target_feature(enable = "avx2,fma")] [1 2 3 4 5 6]);
#[cfg(target_arch = "aarch64")]
tiles!(neon, crate::simd::Neon, [1 2 3 4 5 6]);
tiles!(plain, crate::simd::Plain, [1 2 3 4]);

/// The tiles of the path that runs, and the size of the largest.
struct Tiles {
    tiles: &'static [[[[TileFn; 2]; 2]; 2]],
    vectors: usize,
}

fn tiles() -> Tiles {
    match path() {
        #[cfg(target_arch = "x86_64")]
        crate::simd::Path::Avx512 => {
            Tiles { tiles: avx512::TILES, vectors: crate::simd::Avx512::TILE[1] }
        }
        #[cfg(target_arch = "x86_64")]
        crate::simd::Path::Avx2 => {
            Tiles { tiles: avx2::TILES, vectors: crate::simd::Avx2::TILE[1] }
        }
        #[cfg(target_arch = "aarch64")]
        crate::simd::Path::Neon => {
            Tiles { tiles: neon::TILES, vectors: crate::simd::Neon::TILE[1] }
        }
        _ => Tiles { tiles: plain::TILES, vectors: Plain::TILE[1] },
    }
}

/// Parts of `n` that differ by at most one, none larger than `most`: calls `body` with each one's
/// start and size.
#[inline]
pub(crate) fn split(n: usize, most: usize, mut body: impl FnMut(usize, usize)) {
    let parts = n.div_ceil(most);
    let (size, larger) = (n / parts.max(1), n % parts.max(1));
    let mut start = 0;
    for part in 0..parts {
        let size = size + usize::from(part < larger);
        body(start, size);
        start += size;
    }
}

/// A product of any number of rows by at most [`PANEL`] columns, by tiles.
///
/// # Safety
/// All that [`Product`] names can be read or written for that many rows and columns.
pub(crate) unsafe fn block(p: &Product, rows: usize, columns: usize) {
    debug_assert!(columns <= PANEL && (p.a_row == 1 || p.a_step == 1));
    let Tiles { tiles, vectors } = tiles();
    let by_steps = usize::from(p.a_step != 1);
    let mut first = 0;
    while first < columns {
        let columns = (columns - first).min(vectors * LANES);
        let vectors = columns.div_ceil(LANES);
        let last = columns - (vectors - 1) * LANES;
        let full = usize::from(last == LANES);
        split(rows, tiles.len(), |row, rows| {
            let start = match p.start.bias.is_null() {
                true => p.start,
                false => Start { bias: p.start.bias.wrapping_add(first), ..p.start },
            };
            let part = Product {
                a: p.a.wrapping_add(row * p.a_row),
                b: p.b.wrapping_add(first),
                c: p.c.wrapping_add(row * p.c_row + first),
                start,
                ..*p
            };
            // SAFETY: a part of what the caller promised; `tiles` are of this machine's path.
            unsafe { tiles[rows - 1][vectors - 1][by_steps][full](&part, last) };
        });
        first += columns;
    }
}

/// A matrix of `k` rows by `n` columns, in panels of 32 columns that a product reads from
/// the first number to the last: `[panel][k][32]`, zeros behind the last column.
#[derive(Debug, Clone)]
pub struct Packed {
    values: Scratch,
    k: usize,
    n: usize,
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.size() == other.size() && *self.values == *other.values
    }
}

impl Packed {
    /// From rows of `n` numbers, `[k][n]`.
    ///
    /// # Panics
    /// If `values` are not `k * n`.
    pub fn from_rows(values: &[f32], k: usize, n: usize) -> Self {
        assert_eq!(values.len(), k * n, "a matrix of {k} rows of {n}");
        Self::new(k, n, |at, row| {
            let columns = (n - at).min(PANEL);
            for (row, values) in row.chunks_exact_mut(PANEL).zip(values.chunks_exact(n)) {
                row[..columns].copy_from_slice(&values[at..at + columns]);
                row[columns..].fill(0.0);
            }
        })
    }

    /// From the columns, `[n][k]`: as PyTorch keeps the weights of a linear layer.
    ///
    /// # Panics
    /// If `values` are not `k * n`.
    pub fn from_columns(values: &[f32], k: usize, n: usize) -> Self {
        assert_eq!(values.len(), k * n, "a matrix of {n} columns of {k}");
        Self::new(k, n, |at, panel| {
            let lanes = (n - at).min(PANEL);
            Rows { lane: k, lanes, runs: 1, run: 0, len: k, taps: &[Some(0)] }
                .turn(&values[at * k..], panel);
        })
    }

    /// `write` is given the first column of each panel, and its numbers.
    pub(crate) fn new(k: usize, n: usize, write: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let (panels, len) = (n.div_ceil(PANEL), k * PANEL);
        let mut values = Scratch::new(panels * len);
        let write = |panel: usize, values: &mut [f32]| write(panel * PANEL, values);
        match values.len() {
            0 => {}
            // One thread is done before another would have begun.
            1..SMALL_COPY => {
                values.chunks_exact_mut(len).enumerate().for_each(|(panel, v)| write(panel, v));
            }
            _ => for_each_chunk(&mut values, len, write),
        }
        Self { values, k, n }
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        [self.k, self.n]
    }

    /// The numbers of the panel that begins with this column.
    pub(crate) fn panel(&self, column: usize) -> *const f32 {
        self.values[column * self.k..].as_ptr()
    }

    /// All rows.
    pub(crate) fn all(&self) -> PackedRows<'_> {
        self.rows(0, self.k)
    }

    /// `k` rows from `first` on, a matrix of their own.
    ///
    /// # Panics
    /// If there are not so many.
    pub(crate) fn rows(&self, first: usize, k: usize) -> PackedRows<'_> {
        assert!(first + k <= self.k, "rows of the matrix");
        PackedRows { packed: self, first, k }
    }
}

/// Some rows of a packed matrix.
#[derive(Clone, Copy)]
pub(crate) struct PackedRows<'a> {
    packed: &'a Packed,
    first: usize,
    k: usize,
}

impl PackedRows<'_> {
    /// Rows and columns.
    pub(crate) fn size(&self) -> [usize; 2] {
        [self.k, self.packed.n]
    }

    /// The numbers of the panel that begins with this column.
    pub(crate) fn panel(&self, column: usize) -> *const f32 {
        self.packed.panel(column).wrapping_add(self.first * PANEL)
    }
}

/// Steps of `k` that a block of rows stays in the cache for.
const DEPTH: usize = 384;
/// Rows of a block.
const HEIGHT: usize = 14 * 12;
/// Columns of a matrix whose rows lie so near that it is read by columns as it is.
const NARROW: usize = 256;
/// Multiply-adds of a product that is not worth waking another thread for.
const SMALL: usize = 1 << 20;
/// Numbers to copy or add that are not worth it.
const SMALL_COPY: usize = 1 << 16;

/// Calls `body` with the rows and the panels of each part of a product of rows, steps and columns:
/// as many rows as stay in the cache, and as many panels as still keeps the threads busy, so that
/// what is read of the rows is used more than once.
///
/// The cut has no influence on the sums, so it may depend on the threads.
fn for_each_part([rows, k, n]: [usize; 3], body: impl Fn(Range<usize>, Range<usize>) + Sync) {
    let (heights, panels) = (rows.div_ceil(HEIGHT), n.div_ceil(PANEL));
    let work = rows * k * n;
    // A few parts for each thread even out what they cost; where that is little, one is enough.
    let parts = if work < 64 * SMALL { threads() } else { 4 * threads() };
    let spans = match work < SMALL {
        true => 1,
        false => parts.div_ceil(heights.max(1)).clamp(1, panels.max(1)),
    };
    let run = |block: usize| {
        let (height, span) = (block % heights, block / heights);
        body(
            height * rows / heights..(height + 1) * rows / heights,
            span * panels / spans..(span + 1) * panels / spans,
        );
    };
    match work < SMALL {
        true => (0..heights).for_each(run),
        false => for_each(heights * spans, run),
    }
}
/// `c = a · b`, with `bias` added to each row if there is one: `a` is `[rows][k]`, `c` is
/// `[rows][n]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn matmul(a: &[f32], b: &Packed, bias: Option<&[f32]>) -> Vec<f32> {
    let [k, n] = b.size();
    let rows = a.len().checked_div(k).unwrap_or(0);
    assert_eq!(a.len(), rows * k, "rows of {k} numbers");
    assert!(bias.is_none_or(|bias| bias.len() == n), "a bias for each of {n} columns");
    // SAFETY: all rows and columns are written by one block each.
    unsafe { written(rows * n, |c| matmul_into(a.as_ptr(), k, rows, b, bias, c, n, false)) }
}

/// [`matmul`] of rows that lie `a_row` and `c_row` apart; with `add`, to what is in `c`.
///
/// # Safety
/// `a` and `c` hold that many rows.
#[allow(clippy::too_many_arguments)]
pub(crate) unsafe fn matmul_into(
    a: *const f32,
    a_row: usize,
    rows: usize,
    b: &Packed,
    bias: Option<&[f32]>,
    c: Shared,
    c_row: usize,
    add: bool,
) {
    // SAFETY: the caller's.
    unsafe { matmul_relu_into(a, a_row, rows, b.all(), bias, c, c_row, add, false) }
}

/// [`matmul_into`]; with `relu`, what is negative in the end becomes 0.
///
/// # Safety
/// As [`matmul_into`].
#[allow(clippy::too_many_arguments)]
pub(crate) unsafe fn matmul_relu_into(
    a: *const f32,
    a_row: usize,
    rows: usize,
    b: PackedRows<'_>,
    bias: Option<&[f32]>,
    c: Shared,
    c_row: usize,
    add: bool,
    relu: bool,
) {
    let [k, n] = b.size();
    let a = Shared::new(a.cast_mut());
    for_each_part([rows, k, n], |rows, panels| {
        for depth in (0..k).step_by(DEPTH) {
            for panel in panels.clone() {
                let column = panel * PANEL;
                let bias = match (depth, bias) {
                    (0, Some(bias)) => bias[column..].as_ptr(),
                    _ => std::ptr::null(),
                };
                let product = Product {
                    segments: Segments::ONE,
                    length: DEPTH.min(k - depth),
                    a: a.at(rows.start * a_row + depth),
                    a_row,
                    a_step: 1,
                    b: b.panel(column).wrapping_add(depth * PANEL),
                    b_step: PANEL,
                    c: c.at(rows.start * c_row + column),
                    c_row,
                    start: Start { output: depth > 0 || add, bias },
                    relu: relu && depth + DEPTH >= k,
                };
                // SAFETY: rows and columns lie inside the matrices; no other part writes them.
                unsafe { block(&product, rows.len(), PANEL.min(n - column)) };
            }
        }
    });
}

/// `c = aᵀ · b` for `a` of `[k][m]` and `b` of `[k][n]`: the gradient of a linear layer's weights.
///
/// # Panics
/// If the lengths do not fit.
pub fn matmul_transposed(a: &[f32], b: &[f32], m: usize, n: usize) -> Vec<f32> {
    let k = a.len().checked_div(m).unwrap_or(0);
    assert!(a.len() == k * m && b.len() == k * n, "as many rows of {m} as of {n}");
    if k == 0 {
        return vec![0.0; m * n];
    }
    // SAFETY: all rows and columns are written by one block each.
    unsafe { written(m * n, |c| matmul_transposed_into(a, m, b, n, k, c, false)) }
}

/// [`matmul_transposed`] into `c`; with `add`, to what is in it.
///
/// # Safety
/// `c` holds `m * n` numbers.
pub(crate) unsafe fn matmul_transposed_into(
    a: &[f32],
    m: usize,
    b: &[f32],
    n: usize,
    k: usize,
    c: Shared,
    add: bool,
) {
    assert!(a.len() >= k * m && b.len() >= k * n, "{k} rows of both");
    let most = tiles().tiles.len();
    let packed = Packed::from_rows(&b[..k * n], k, n);
    for_each_part([m, k, n], |rows, panels| {
        // The columns of a wide `a` are gathered, tile by tile, if it pays: each of its rows is
        // another page of memory.
        let gather = m > NARROW && panels.len() >= 4;
        with_scratch(if gather { rows.len() * DEPTH } else { 0 }, |gathered| {
            for depth in (0..k).step_by(DEPTH) {
                let length = DEPTH.min(k - depth);
                let a = &a[depth * m + rows.start..];
                if gather {
                    split(rows.len(), most, |row, size| {
                        let tile = &mut gathered[row * length..][..size * length];
                        for (tile, from) in tile.chunks_exact_mut(size).zip(a[row..].chunks(m)) {
                            tile.copy_from_slice(&from[..size]);
                        }
                    });
                }
                for panel in panels.clone() {
                    let column = panel * PANEL;
                    split(rows.len(), most, |row, size| {
                        let (a, a_step) = match gather {
                            true => (gathered[row * length..].as_ptr(), size),
                            false => (a[row..].as_ptr(), m),
                        };
                        let product = Product {
                            segments: Segments::ONE,
                            length,
                            a,
                            a_row: 1,
                            a_step,
                            b: packed.panel(column).wrapping_add(depth * PANEL),
                            b_step: PANEL,
                            c: c.at((rows.start + row) * n + column),
                            c_row: n,
                            start: if depth > 0 || add { Start::OUTPUT } else { Start::ZERO },
                            relu: false,
                        };
                        // SAFETY: these rows, and the columns of this panel alone.
                        unsafe { block(&product, size, PANEL.min(n - column)) };
                    });
                }
            }
        });
    });
}

/// The sums of the columns of rows that are `columns` long: the gradient of a linear layer's bias.
///
/// # Panics
/// If `values` are not whole rows.
pub fn column_sums(values: &[f32], columns: usize) -> Vec<f32> {
    /// Columns of a block.
    const WIDTH: usize = 256;
    /// Rows that are summed before they are added to the others, so that sums stay exact.
    const ROWS: usize = 64;
    let mut sums = vec![0.0; columns];
    if columns == 0 {
        return sums;
    }
    assert!(values.len().is_multiple_of(columns), "rows of {columns} numbers");
    let sum = |block: usize, sums: &mut [f32]| {
        for rows in values.chunks(ROWS * columns) {
            let mut part = [0.0; WIDTH];
            let part = &mut part[..sums.len()];
            add_rows(&rows[block * WIDTH..], columns, part);
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += *part);
        }
    };
    match values.len() < SMALL_COPY {
        true => sums.chunks_mut(WIDTH).enumerate().for_each(|(block, sums)| sum(block, sums)),
        false => for_each_chunk(&mut sums, WIDTH, sum),
    }
    sums
}

multiversion! {
    fn add_rows(rows: &[f32], columns: usize, sums: &mut [f32]) => add_rows_body
}

#[inline(always)]
fn add_rows_body(rows: &[f32], columns: usize, sums: &mut [f32]) {
    for row in rows.chunks(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}

#[cfg(test)]
mod tests;
