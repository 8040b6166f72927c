//! 3×3 convolutions with fewer multiplications.
//!
//! A tile of the input is transformed, multiplied number by number with transformed weights,
//! summed over the channels, and transformed back. The sums over channels at each place of the
//! tiles are a matrix product.
//!
//! Lavin and Gray, [Fast Algorithms for Convolutional Neural Networks](https://arxiv.org/abs/1509.09308), 2016.

mod transform;

use super::{Conv, Finish, Pass};
use crate::{
    gemm::{PANEL, Product, Segments, Start, block},
    pool::{Shared, for_each, threads},
    scratch::{with_scratch, written},
    simd::{LANES, Simd, multiversion},
};
use transform::{F2, F4, MOST, Transform};

/// Output pixels of a tile, down and across.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 16 multiplications for 4 pixels, where the definition has 36. It rounds no worse.
    Two,
    /// 36 multiplications for 16 pixels, where the definition has 144. Its errors are about ten
    /// times those of the definition.
    Four,
}

impl Size {
    /// Output pixels along an axis.
    fn out(self) -> usize {
        match self {
            Self::Two => F2::OUT,
            Self::Four => F4::OUT,
        }
    }

    /// Numbers of a transformed tile.
    fn places(self) -> usize {
        match self {
            Self::Two => F2::TILE * F2::TILE,
            Self::Four => F4::TILE * F4::TILE,
        }
    }
}

/// Transformed weights: for each place of a tile a packed matrix, `[place][panel][in][PANEL]`.
#[derive(Debug, Clone)]
pub(super) struct Kernels {
    size: Size,
    inputs: usize,
    outputs: usize,
    values: Vec<f32>,
}

/// The maps of a correlation.
pub(super) struct Maps {
    pub batch: usize,
    pub size: [usize; 2],
    pub out_size: [usize; 2],
    pub padding: [isize; 2],
}

impl Maps {
    /// Tiles down and across.
    fn tiles(&self, size: Size) -> [usize; 2] {
        self.out_size.map(|n| n.div_ceil(size.out()))
    }
}

/// Input channels whose weights are transformed at a time.
const BLOCK: usize = 8;

impl Kernels {
    /// For a forward pass, or for the input gradient: then with inputs and outputs exchanged and
    /// each kernel turned by half a turn.
    pub(super) fn new(size: Size, weights: &[f32], conv: &Conv, pass: Pass) -> Self {
        let channels = [conv.in_channels, conv.out_channels];
        let turned = pass == Pass::InputGradient;
        let [inputs, outputs] = if turned { [channels[1], channels[0]] } else { channels };
        let (panels, blocks) = (outputs.div_ceil(PANEL), inputs.div_ceil(BLOCK));
        let len = size.places() * panels * inputs * PANEL;
        let write = |to: Shared| {
            for_each(panels * blocks, |at| {
                let (panel, from) = (at % panels, at / panels * BLOCK);
                let range = [from, (from + BLOCK).min(inputs)];
                let lanes = PANEL.min(outputs - panel * PANEL);
                let mut taps = [[[0.0; PANEL]; 9]; BLOCK];
                for i in range[0]..range[1] {
                    for lane in 0..lanes {
                        let o = panel * PANEL + lane;
                        let (i_, o_) = if turned { (o, i) } else { (i, o) };
                        let kernel = &weights[(o_ * channels[0] + i_) * 9..][..9];
                        for (tap, value) in kernel.iter().enumerate() {
                            let tap = if turned { 8 - tap } else { tap };
                            taps[i - range[0]][tap][lane] = *value;
                        }
                    }
                }
                let stride = panels * inputs * PANEL;
                let to = to.at((panel * inputs + range[0]) * PANEL);
                let count = range[1] - range[0];
                match size {
                    Size::Two => weights_f2(&taps, count, to, stride),
                    Size::Four => weights_f4(&taps, count, to, stride),
                }
            });
        };
        // SAFETY: every place, panel and channel is written by the one block that holds it.
        let values = unsafe { written(len, write) };
        Self { size, inputs, outputs, values }
    }
}

multiversion! {
    fn weights_f2(taps: &[[[f32; PANEL]; 9]; BLOCK], count: usize, to: *mut f32, stride: usize) =
        weights_body::<S, F2>(taps, count, to, stride)
}

multiversion! {
    fn weights_f4(taps: &[[[f32; PANEL]; 9]; BLOCK], count: usize, to: *mut f32, stride: usize) =
        weights_body::<S, F4>(taps, count, to, stride)
}

/// Writes `G w Gᵀ` of a panel of outputs for a few inputs.
#[inline(always)]
fn weights_body<S: Simd, T: Transform>(
    taps: &[[[f32; PANEL]; 9]; BLOCK],
    count: usize,
    to: *mut f32,
    stride: usize,
) {
    for (i, taps) in taps.iter().take(count).enumerate() {
        for half in [0, LANES] {
            // SAFETY: a panel holds two vectors, and `to` has room for `count` inputs at each
            // place; this is compiled for the path that runs.
            unsafe {
                let tap = |t: usize| S::load(taps[t].as_ptr().add(half));
                let mut columns = [[S::zero(); 3]; MOST];
                for x in 0..3 {
                    let column = T::weights::<S>([tap(x), tap(3 + x), tap(6 + x)]);
                    for y in 0..T::TILE {
                        columns[y][x] = column[y];
                    }
                }
                for y in 0..T::TILE {
                    let row = T::weights::<S>(columns[y]);
                    for x in 0..T::TILE {
                        let place = y * T::TILE + x;
                        S::store(to.add(place * stride + i * PANEL + half), row[x]);
                    }
                }
            }
        }
    }
}

/// Some tiles of a map.
#[derive(Clone, Copy)]
struct Tiles {
    /// Of the map.
    size: [usize; 2],
    channels: usize,
    /// Tiles of an image, down and across.
    per_image: [usize; 2],
    /// Of the tiles in the map, down and across.
    step: usize,
    padding: [isize; 2],
    first: usize,
    count: usize,
    /// From one place to the next where they lie transformed.
    stride: usize,
}

impl Tiles {
    /// A tile's image, and where its first pixel lies.
    #[inline(always)]
    fn at(&self, tile: usize) -> (usize, [isize; 2]) {
        let [down, across] = self.per_image;
        let (image, y, x) = (tile / (down * across), tile / across % down, tile % across);
        let at = |n: usize, axis: usize| (n * self.step) as isize - self.padding[axis];
        (image, [at(y, 0), at(x, 1)])
    }

    /// The range of a tile's pixels along an axis that lie inside the map.
    #[inline(always)]
    fn inside(&self, from: isize, pixels: usize, axis: usize) -> [usize; 2] {
        let low = (-from).clamp(0, pixels as isize) as usize;
        let high = (self.size[axis] as isize - from).clamp(0, pixels as isize) as usize;
        [low, high.max(low)]
    }
}

multiversion! {
    fn input_f2(map: &[f32], tiles: Tiles, to: *mut f32) = spread_body::<S, F2, false>(map, tiles, to)
}
multiversion! {
    fn input_f4(map: &[f32], tiles: Tiles, to: *mut f32) = spread_body::<S, F4, false>(map, tiles, to)
}
multiversion! {
    fn gradient_f2(map: &[f32], tiles: Tiles, to: *mut f32) = spread_body::<S, F2, true>(map, tiles, to)
}
multiversion! {
    fn gradient_f4(map: &[f32], tiles: Tiles, to: *mut f32) = spread_body::<S, F4, true>(map, tiles, to)
}

/// Writes tiles of a map as `[place][tile][channel]`: `Bᵀ d B` of an input, or `A d Aᵀ` of an
/// output's gradient. What lies outside the map is black.
#[inline(always)]
fn spread_body<S: Simd, T: Transform, const GRADIENT: bool>(
    map: &[f32],
    tiles: Tiles,
    to: *mut f32,
) {
    let pixels = if GRADIENT { T::OUT } else { T::TILE };
    let row_len = tiles.size[1] * tiles.channels;
    for tile in 0..tiles.count {
        let (image, [top, left]) = tiles.at(tiles.first + tile);
        let (rows, columns) = (tiles.inside(top, pixels, 0), tiles.inside(left, pixels, 1));
        let start = image * tiles.size[0] * row_len;
        let corner = start as isize + top * row_len as isize + left * tiles.channels as isize;
        let from = map.as_ptr().wrapping_offset(corner);
        // SAFETY: only pixels inside the map are read; `to` has room for all tiles at each place;
        // this is compiled for the path that runs.
        unsafe {
            let to = to.add(tile * tiles.channels);
            // Most tiles lie inside the map. Those loops have fixed ends, so that nothing has to
            // be black beforehand.
            match [rows, columns] == [[0, pixels]; 2] {
                true => spread_tile::<S, T, GRADIENT>(from, &tiles, [0, pixels], [0, pixels], to),
                false => spread_tile::<S, T, GRADIENT>(from, &tiles, rows, columns, to),
            }
        }
    }
}

/// Transforms the pixels of a tile that lie in these rows and columns of it.
///
/// # Safety
/// These pixels lie behind `from`, the places behind `to`, and the machine has the path of `S`.
#[inline(always)]
unsafe fn spread_tile<S: Simd, T: Transform, const GRADIENT: bool>(
    from: *const f32,
    tiles: &Tiles,
    [y0, y1]: [usize; 2],
    [x0, x1]: [usize; 2],
    to: *mut f32,
) {
    let row_len = tiles.size[1] * tiles.channels;
    for channel in (0..tiles.channels).step_by(LANES) {
        let lanes = (tiles.channels - channel).min(LANES);
        // SAFETY: the caller's; at most `lanes` channels of each pixel are read and written.
        unsafe {
            let mut columns = [[S::zero(); MOST]; MOST];
            for x in x0..x1 {
                let mut column = [S::zero(); MOST];
                let from = from.wrapping_add(x * tiles.channels + channel);
                for y in y0..y1 {
                    column[y] = S::load_up_to(from.wrapping_add(y * row_len), lanes);
                }
                let column = match GRADIENT {
                    true => T::gradient::<S>(column),
                    false => T::input::<S>(column),
                };
                for y in 0..T::TILE {
                    columns[y][x] = column[y];
                }
            }
            let to = to.add(channel);
            for y in 0..T::TILE {
                let row = match GRADIENT {
                    true => T::gradient::<S>(columns[y]),
                    false => T::input::<S>(columns[y]),
                };
                for x in 0..T::TILE {
                    S::store_up_to(to.add((y * T::TILE + x) * tiles.stride), row[x], lanes);
                }
            }
        }
    }
}

/// What is added to the pixels of an output.
#[derive(Clone, Copy)]
struct Added {
    /// A number a channel, or null.
    bias: *const f32,
    /// Whether what is there already is added.
    output: bool,
    relu: bool,
}

multiversion! {
    fn output_f2(from: &[f32], tiles: Tiles, added: Added, out: *mut f32) = output_body::<S, F2>(from, tiles, added, out)
}
multiversion! {
    fn output_f4(from: &[f32], tiles: Tiles, added: Added, out: *mut f32) = output_body::<S, F4>(from, tiles, added, out)
}

/// Writes the pixels `Aᵀ m A` of tiles that lie as `[place][tile][channel]`.
#[inline(always)]
fn output_body<S: Simd, T: Transform>(from: &[f32], tiles: Tiles, added: Added, out: *mut f32) {
    let (channels, stride) = (tiles.channels, tiles.stride);
    assert!(from.len() >= T::TILE * T::TILE * stride, "all places of all tiles");
    for tile in 0..tiles.count {
        let (image, [top, left]) = tiles.at(tiles.first + tile);
        let (top, left) = (top as usize, left as usize);
        let rows = T::OUT.min(tiles.size[0] - top);
        let columns_inside = T::OUT.min(tiles.size[1] - left);
        let corner = ((image * tiles.size[0] + top) * tiles.size[1] + left) * channels;
        for channel in (0..channels).step_by(LANES) {
            let lanes = (channels - channel).min(LANES);
            // SAFETY: `from` was checked; only pixels inside the map are written, at most `lanes`
            // channels of each; this is compiled for the path that runs.
            unsafe {
                let from = from.as_ptr().add(tile * channels + channel);
                let bias = match added.bias.is_null() {
                    true => S::zero(),
                    false => S::load_up_to(added.bias.add(channel), lanes),
                };
                let mut columns = [[S::zero(); MOST]; MOST];
                for y in 0..T::TILE {
                    let mut row = [S::zero(); MOST];
                    for x in 0..T::TILE {
                        row[x] = S::load_up_to(from.add((y * T::TILE + x) * stride), lanes);
                    }
                    let row = T::output::<S>(row);
                    for x in 0..T::OUT {
                        columns[x][y] = row[x];
                    }
                }
                for x in 0..columns_inside {
                    let column = T::output::<S>(columns[x]);
                    for y in 0..rows {
                        let to = out.add(corner + (y * tiles.size[1] + x) * channels + channel);
                        let value = match added.output {
                            true => S::add(column[y], S::load_up_to(to, lanes)),
                            false => column[y],
                        };
                        let value = S::add(value, bias);
                        let value = if added.relu { S::relu(value) } else { value };
                        S::store_up_to(to, value, lanes);
                    }
                }
            }
        }
    }
}

/// Floats of a block of transformed tiles, input and output: they stay in a thread's cache.
const CACHED: usize = 220 * 1024;

/// Tiles of a block, by which all threads get about the same.
fn tiles_at_once(places: usize, channels: usize, total: usize) -> usize {
    let fitting = (CACHED / (places * channels)).clamp(14, 448) / 14 * 14;
    let share = total.div_ceil(threads());
    match fitting >= share {
        true => share.max(1),
        false => total.div_ceil(total.div_ceil(fitting * threads()) * threads()),
    }
}

/// # Panics
/// Never for slices of the lengths that the sizes say; the callers check them.
pub(super) fn correlate(
    maps: &Maps,
    kernels: &Kernels,
    input: &[f32],
    finish: Finish<'_>,
    out: Shared,
) {
    let Kernels { size, inputs, outputs, values } = kernels;
    let (size, inputs, outputs, places) = (*size, *inputs, *outputs, size.places());
    let tiles = maps.tiles(size);
    let total = maps.batch * tiles[0] * tiles[1];
    let at_once = tiles_at_once(places, inputs + outputs, total);
    let panels = outputs.div_ceil(PANEL);
    assert_eq!(input.len(), maps.batch * maps.size[0] * maps.size[1] * inputs, "the input map");
    for_each(total.div_ceil(at_once.max(1)), |at| {
        let first = at * at_once;
        let count = at_once.min(total - first);
        let of_input = Tiles {
            size: maps.size,
            channels: inputs,
            per_image: tiles,
            step: size.out(),
            padding: maps.padding,
            first,
            count,
            stride: count * inputs,
        };
        let of_output = Tiles {
            size: maps.out_size,
            channels: outputs,
            padding: [0, 0],
            stride: count * outputs,
            ..of_input
        };
        with_scratch(places * count * (inputs + outputs), |scratch| {
            let (spread, products) = scratch.split_at_mut(places * count * inputs);
            match size {
                Size::Two => input_f2(input, of_input, spread.as_mut_ptr()),
                Size::Four => input_f4(input, of_input, spread.as_mut_ptr()),
            }
            for place in 0..places {
                for panel in 0..panels {
                    let product = Product {
                        segments: Segments::ONE,
                        length: inputs,
                        a: spread[place * count * inputs..].as_ptr(),
                        a_row: inputs,
                        a_step: 1,
                        b: values[(place * panels + panel) * inputs * PANEL..].as_ptr(),
                        b_step: PANEL,
                        c: products[place * count * outputs + panel * PANEL..].as_mut_ptr(),
                        c_row: outputs,
                        start: Start::ZERO,
                        relu: false,
                    };
                    // SAFETY: all lie inside the scratch and the kernels.
                    unsafe { block(&product, count, PANEL.min(outputs - panel * PANEL)) };
                }
            }
            let added = Added {
                bias: finish.bias.map_or(std::ptr::null(), <[f32]>::as_ptr),
                output: finish.add.is_some(),
                relu: finish.relu,
            };
            match size {
                Size::Two => output_f2(products, of_output, added, out.at(0)),
                Size::Four => output_f4(products, of_output, added, out.at(0)),
            }
        });
    });
}

/// Floats of transformed tiles, input and gradient, that are summed over at a time.
const SUMMED: usize = 1 << 21;

pub(super) fn weight_gradient(
    conv: &Conv,
    size: Size,
    input: &[f32],
    out_gradient: &[f32],
) -> Vec<f32> {
    let (inputs, outputs, places) = (conv.in_channels, conv.out_channels, size.places());
    let out_size = conv.out_size();
    let tiles = out_size.map(|n| n.div_ceil(size.out()));
    let total = conv.batch * tiles[0] * tiles[1];
    let at_once = (SUMMED / (places * (inputs + outputs))).clamp(1, total.max(1));
    with_scratch(places * outputs * inputs, |sums| {
        with_scratch(places * at_once * (inputs + outputs), |spread| {
            for first in (0..total).step_by(at_once) {
                let count = at_once.min(total - first);
                let spread = &mut spread[..places * count * (inputs + outputs)];
                let (of_input, of_gradient) = spread.split_at_mut(places * count * inputs);
                spread_all(
                    conv,
                    size,
                    tiles,
                    [first, count],
                    input,
                    out_gradient,
                    of_input,
                    of_gradient,
                );
                add_products(conv, places, count, of_input, of_gradient, sums, first > 0);
            }
        });
        if total == 0 {
            sums.fill(0.0);
        }
        let sums = Shared::new(sums.as_mut_ptr());
        let write = |out: Shared| {
            for_each(outputs, |o| {
                // SAFETY: a row of inputs at each place, read by this task alone; the weights of
                // this output are its own.
                let (from, to) = (sums.at(o * inputs), out.at(o * inputs * 9));
                match size {
                    Size::Two => sums_f2(from, inputs, outputs * inputs, to),
                    Size::Four => sums_f4(from, inputs, outputs * inputs, to),
                }
            });
        };
        // SAFETY: each output channel's weights are written by one task.
        unsafe { written(outputs * inputs * 9, write) }
    })
}

/// Transforms tiles of the input and of the output's gradient, on all threads.
#[allow(clippy::too_many_arguments)]
fn spread_all(
    conv: &Conv,
    size: Size,
    tiles: [usize; 2],
    [first, count]: [usize; 2],
    input: &[f32],
    out_gradient: &[f32],
    of_input: &mut [f32],
    of_gradient: &mut [f32],
) {
    /// Tiles of a task.
    const TASK: usize = 16;
    let of_input = Shared::new(of_input.as_mut_ptr());
    let of_gradient = Shared::new(of_gradient.as_mut_ptr());
    let inputs = Tiles {
        size: [conv.height, conv.width],
        channels: conv.in_channels,
        per_image: tiles,
        step: size.out(),
        padding: conv.padding.map(|padding| padding as isize),
        first,
        count: TASK,
        stride: count * conv.in_channels,
    };
    let gradients = Tiles {
        size: conv.out_size(),
        channels: conv.out_channels,
        padding: [0, 0],
        stride: count * conv.out_channels,
        ..inputs
    };
    for_each(count.div_ceil(TASK), |task| {
        let done = task * TASK;
        let of_task =
            |tiles: Tiles| Tiles { first: first + done, count: TASK.min(count - done), ..tiles };
        let (inputs, gradients) = (of_task(inputs), of_task(gradients));
        let (to_input, to_gradient) =
            (of_input.at(done * inputs.channels), of_gradient.at(done * gradients.channels));
        match size {
            Size::Two => {
                input_f2(input, inputs, to_input);
                gradient_f2(out_gradient, gradients, to_gradient);
            }
            Size::Four => {
                input_f4(input, inputs, to_input);
                gradient_f4(out_gradient, gradients, to_gradient);
            }
        }
    });
}

/// For each place, the products of gradients and inputs summed over the tiles: `[out][in]`.
fn add_products(
    conv: &Conv,
    places: usize,
    count: usize,
    of_input: &[f32],
    of_gradient: &[f32],
    sums: &mut [f32],
    add: bool,
) {
    /// Output channels of a task.
    const MOST: usize = 10 * 14;
    let (inputs, outputs) = (conv.in_channels, conv.out_channels);
    let (panels, parts) = (inputs.div_ceil(PANEL), outputs.div_ceil(MOST));
    let of_part = outputs.div_ceil(parts);
    let sums = Shared::new(sums.as_mut_ptr());
    for_each(places * parts * panels, |task| {
        let (panel, rest) = (task % panels, task / panels);
        let (part, place) = (rest % parts, rest / parts);
        let (row, column) = (part * of_part, panel * PANEL);
        let product = Product {
            segments: Segments::ONE,
            length: count,
            a: of_gradient[place * count * outputs + row..].as_ptr(),
            a_row: 1,
            a_step: outputs,
            b: of_input[place * count * inputs + column..].as_ptr(),
            b_step: inputs,
            c: sums.at((place * outputs + row) * inputs + column),
            c_row: inputs,
            start: if add { Start::OUTPUT } else { Start::ZERO },
            relu: false,
        };
        let rows = of_part.min(outputs.saturating_sub(row));
        // SAFETY: tiles of this place, and sums that are this task's alone.
        unsafe { block(&product, rows, PANEL.min(inputs - column)) };
    });
}

multiversion! {
    fn sums_f2(from: *const f32, inputs: usize, stride: usize, to: *mut f32) = sums_body::<S, F2>(from, inputs, stride, to)
}
multiversion! {
    fn sums_f4(from: *const f32, inputs: usize, stride: usize, to: *mut f32) = sums_body::<S, F4>(from, inputs, stride, to)
}

/// Writes `Gᵀ u G` of an output channel's inputs, as PyTorch's weights.
#[inline(always)]
fn sums_body<S: Simd, T: Transform>(from: *const f32, inputs: usize, stride: usize, to: *mut f32) {
    for input in (0..inputs).step_by(LANES) {
        let lanes = (inputs - input).min(LANES);
        let mut taps = [[0.0f32; LANES]; 9];
        // SAFETY: `from` has `inputs` numbers at each place, `to` room for their weights; this is
        // compiled for the path that runs.
        unsafe {
            let mut rows = [[S::zero(); MOST]; 3];
            for x in 0..T::TILE {
                let mut column = [S::zero(); MOST];
                for y in 0..T::TILE {
                    let place = y * T::TILE + x;
                    column[y] = S::load_up_to(from.add(place * stride + input), lanes);
                }
                let column = T::sums::<S>(column);
                for y in 0..3 {
                    rows[y][x] = column[y];
                }
            }
            for y in 0..3 {
                let row = T::sums::<S>(rows[y]);
                for x in 0..3 {
                    S::store(taps[y * 3 + x].as_mut_ptr(), row[x]);
                }
            }
            for lane in 0..lanes {
                for (tap, values) in taps.iter().enumerate() {
                    to.add((input + lane) * 9 + tap).write(values[lane]);
                }
            }
        }
    }
}
