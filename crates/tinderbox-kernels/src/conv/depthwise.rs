//! Convolutions in which each channel sees itself alone.
//!
//! There is no product of matrices in them: an output is the sum of a few inputs, each by a weight
//! of its channel. So sixteen channels lie in a vector, their weights stay in registers along a row
//! of pixels, and what is left is to read the map.

use std::{mem::MaybeUninit, ops::Range};

use super::{Conv, Finish, axis::Axis, axis::Tap};
use crate::{
    pool::{Shared, for_each},
    scratch::{with_scratch, written},
    simd::{LANES, Simd, multiversion},
};

/// Weights that are held in registers at once: all of a 3×3 kernel.
const HELD: usize = 9;
/// Multiplications that a thread should get at once.
const WORTH: usize = 1 << 17;
/// The rows of all images are summed up in so many parts, for any number of threads.
const SUMS: usize = 8;

/// Weights as the correlations read them: `[tap][channel]`.
pub(super) fn pack(conv: &Conv, weights: &[f32]) -> Vec<f32> {
    let (channels, taps) = (conv.in_channels, conv.taps());
    let mut packed = vec![0.0; weights.len()];
    for (at, weight) in weights.iter().enumerate() {
        packed[at % taps * channels + at / taps] = *weight;
    }
    packed
}

/// Pixels side by side in a row that see through the same columns of a kernel.
struct Segment {
    pixels: Range<usize>,
    taps: Vec<Tap>,
}

/// The pixels of a row: those at its ends see less than those in the middle.
fn segments(columns: &Axis) -> Vec<Segment> {
    let inside = |x: usize, tap: &&Tap| input_at(columns, x, tap).is_some();
    let mut segments: Vec<Segment> = Vec::new();
    for x in 0..columns.out {
        let taps: Vec<Tap> = columns.taps.iter().filter(|tap| inside(x, tap)).copied().collect();
        match segments.last_mut() {
            Some(last) if last.taps == taps => last.pixels.end = x + 1,
            _ => segments.push(Segment { pixels: x..x + 1, taps }),
        }
    }
    segments
}

/// The input that output `at` sees through a tap, unless that is black.
fn input_at(axis: &Axis, at: usize, tap: &Tap) -> Option<usize> {
    let from = (at * axis.stride) as isize + tap.offset;
    (0..axis.input as isize).contains(&from).then_some(from as usize)
}

/// A depthwise correlation.
pub(super) struct Maps<'a> {
    pub batch: usize,
    pub channels: usize,
    pub rows: &'a Axis,
    pub columns: &'a Axis,
    /// Of the whole kernel, of which the axes may hold a part.
    pub kernel_width: usize,
}

impl Maps<'_> {
    /// How many rows are worth a thread's while.
    fn rows_at_once(&self) -> usize {
        let taps = self.rows.taps.len() * self.columns.taps.len();
        (WORTH / (self.columns.out * self.channels * taps).max(1)).max(1)
    }

    /// What the pixels of a segment see, channels from `channel` on: where the first pixel's inputs
    /// are in the map, and where their weights are.
    #[inline(always)]
    fn places<'a>(
        &self,
        segment: &'a Segment,
        seen: &'a [[usize; 2]],
        channel: usize,
    ) -> impl Iterator<Item = [usize; 2]> + use<'a> {
        let channels = self.channels;
        let x = (segment.pixels.start * self.columns.stride) as isize;
        seen.iter().flat_map(move |[row, weights]| {
            segment.taps.iter().map(move |tap| {
                let input = row + (x + tap.offset) as usize * channels + channel;
                [input, weights + tap.at * channels + channel]
            })
        })
    }

    /// The rows of the map that an output row sees: where each begins, and where its weights do.
    fn seen(&self, image: usize, y: usize) -> impl Iterator<Item = [usize; 2]> {
        self.rows.taps.iter().filter_map(move |tap| {
            let row = image * self.rows.input + input_at(self.rows, y, tap)?;
            let weights = tap.at * self.kernel_width * self.channels;
            Some([row * self.columns.input * self.channels, weights])
        })
    }
}

/// # Panics
/// Never for slices of the lengths that the sizes say; the callers check them.
pub(super) fn correlate(
    maps: &Maps<'_>,
    input: &[f32],
    weights: &[f32],
    finish: Finish<'_>,
    out: Shared,
) {
    let Maps { batch, channels, rows, columns, .. } = *maps;
    assert!(input.len() >= batch * rows.input * columns.input * channels, "the whole map");
    assert!(finish.bias.is_none_or(|bias| bias.len() == channels), "a bias a channel");
    let segments = segments(columns);
    let (all, per) = (batch * rows.out, maps.rows_at_once());
    for_each(all.div_ceil(per), |task| {
        for row in task * per..((task + 1) * per).min(all) {
            let (image, y) = (row / rows.out, row % rows.out);
            let seen: Vec<[usize; 2]> = maps.seen(image, y).collect();
            let place = image * rows.total + rows.first + y * rows.step;
            let len = columns.total * channels;
            // SAFETY: this row is written by this task alone.
            let to = unsafe { out.slice_uninit(place * len, len) };
            correlate_row(maps, &segments, &seen, input, weights, finish, to);
        }
    });
}

multiversion! {
    /// The outputs of the columns' part in a row of the output map.
    fn correlate_row(
        maps: &Maps<'_>,
        segments: &[Segment],
        seen: &[[usize; 2]],
        input: &[f32],
        weights: &[f32],
        finish: Finish<'_>,
        to: &mut [MaybeUninit<f32>],
    ) = correlate_row_body::<S>(maps, segments, seen, input, weights, finish, to)
}

/// Pixels side by side, sixteen channels of them or fewer.
#[derive(Clone, Copy)]
struct Pixels {
    count: usize,
    lanes: usize,
    /// From the inputs of a pixel to those of the next.
    in_step: usize,
    /// The same of outputs.
    out_step: usize,
}

#[inline(always)]
fn correlate_row_body<S: Simd>(
    maps: &Maps<'_>,
    segments: &[Segment],
    seen: &[[usize; 2]],
    input: &[f32],
    weights: &[f32],
    finish: Finish<'_>,
    to: &mut [MaybeUninit<f32>],
) {
    let (channels, stride) = (maps.channels, maps.columns.stride);
    let Axis { first, step, out, total, .. } = *maps.columns;
    assert!(first + out.saturating_sub(1) * step < total && to.len() == total * channels);
    for channel in (0..channels).step_by(LANES) {
        let lanes = (channels - channel).min(LANES);
        for segment in segments {
            let run = Pixels {
                count: segment.pixels.len(),
                lanes,
                in_step: stride * channels,
                out_step: step * channels,
            };
            let to = to[(first + segment.pixels.start * step) * channels + channel..]
                .as_mut_ptr()
                .cast();
            let mut held = [Held { map: std::ptr::null(), kernel: std::ptr::null() }; HELD];
            let mut n = 0;
            let bias = finish.bias.map_or(std::ptr::null(), |bias| bias[channel..].as_ptr());
            let mut begin = match finish.add {
                Some(_) => Begin::Output,
                None => Begin::Nothing,
            };
            let mut left = seen.len() * segment.taps.len();
            for [first, weight] in maps.places(segment, seen, channel) {
                held[n] = Held { map: input[first..].as_ptr(), kernel: weights[weight..].as_ptr() };
                (n, left) = (n + 1, left - 1);
                if n == HELD && left > 0 {
                    // SAFETY: as below.
                    unsafe { sum::<S>(&held[..n], run, begin, std::ptr::null(), false, to) };
                    (n, begin) = (0, Begin::Output);
                }
            }
            // SAFETY: the taps of a segment see inputs inside their rows, and the outputs are inside
            // theirs; what they are added to was written before.
            unsafe { sum::<S>(&held[..n], run, begin, bias, finish.relu, to) };
        }
    }
}

/// A tap: where the first pixel's inputs are, and where in the kernel's numbers it is.
#[derive(Clone, Copy)]
struct Held<K> {
    map: *const f32,
    kernel: K,
}

/// What a sum begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    Nothing,
    /// What is in the output already.
    Output,
}

/// Calls a function for as many taps as there are, so that its loops have known ends.
macro_rules! for_count {
    ($taps:expr, $function:ident::<$s:ty>($($arg:expr),*)) => {
        match $taps.len() {
            0 => $function::<$s, 0>($($arg),*),
            1 => $function::<$s, 1>($($arg),*),
            2 => $function::<$s, 2>($($arg),*),
            3 => $function::<$s, 3>($($arg),*),
            4 => $function::<$s, 4>($($arg),*),
            5 => $function::<$s, 5>($($arg),*),
            6 => $function::<$s, 6>($($arg),*),
            7 => $function::<$s, 7>($($arg),*),
            8 => $function::<$s, 8>($($arg),*),
            _ => $function::<$s, HELD>($($arg),*),
        }
    };
}

/// # Safety
/// Each tap's map is good for the pixels, its weights and the bias for the lanes, the output for
/// the pixels; this is compiled for the path that runs.
#[inline(always)]
unsafe fn sum<S: Simd>(
    taps: &[Held<*const f32>],
    run: Pixels,
    begin: Begin,
    bias: *const f32,
    relu: bool,
    to: *mut f32,
) {
    // SAFETY: as this function.
    unsafe { for_count!(taps, sum_of::<S>(taps, run, begin, bias, relu, to)) }
}

/// # Safety
/// As [`sum`]; there are `N` taps.
#[inline(always)]
unsafe fn sum_of<S: Simd, const N: usize>(
    taps: &[Held<*const f32>],
    run: Pixels,
    begin: Begin,
    bias: *const f32,
    relu: bool,
    to: *mut f32,
) {
    let lanes = run.lanes;
    // SAFETY: the caller's promise.
    unsafe {
        let mut weights = [S::zero(); N];
        for (weight, tap) in weights.iter_mut().zip(taps) {
            *weight = S::load_up_to(tap.kernel, lanes);
        }
        let bias = match bias.is_null() {
            true => S::zero(),
            false => S::load_up_to(bias, lanes),
        };
        for x in 0..run.count {
            let to = to.add(x * run.out_step);
            let mut sum = match begin {
                Begin::Nothing => bias,
                Begin::Output => S::add(bias, S::load_up_to(to, lanes)),
            };
            for i in 0..N {
                let input = S::load_up_to(taps[i].map.add(x * run.in_step), lanes);
                sum = S::fma(input, weights[i], sum);
            }
            let sum = if relu { S::relu(sum) } else { sum };
            S::store_up_to(to, sum, lanes);
        }
    }
}

/// The gradient of the weights, `[channel][tap]`, from the input and that of the output.
pub(super) fn weight_gradient(conv: &Conv, input: &[f32], out_gradient: &[f32]) -> Vec<f32> {
    let [rows, columns] = Axis::forward(conv);
    let (channels, taps) = (conv.in_channels, conv.taps());
    let maps = conv.depthwise(&rows, &columns);
    let segments = segments(&columns);
    let len = channels * taps;
    let all = conv.batch * rows.out;
    let per = all.div_ceil(SUMS);
    with_scratch(SUMS * len, |sums| {
        sums.fill(0.0);
        let start = Shared::new(sums.as_mut_ptr());
        for_each(SUMS, |part| {
            // SAFETY: each part is of one task.
            let sum = unsafe { start.slice(part * len, len) };
            for row in (part * per).min(all)..((part + 1) * per).min(all) {
                let seen: Vec<[usize; 2]> = maps.seen(row / rows.out, row % rows.out).collect();
                let gradient = &out_gradient[row * columns.out * channels..];
                gradient_row(&maps, &segments, &seen, input, gradient, sum);
            }
        });
        let write = |out: Shared| {
            // SAFETY: all of it is written.
            let out = unsafe { out.slice_uninit(0, len) };
            for (at, out) in out.iter_mut().enumerate() {
                let from = at % taps * channels + at / taps;
                out.write(sums[from..].iter().step_by(len).sum());
            }
        };
        // SAFETY: as above.
        unsafe { written(len, write) }
    })
}

multiversion! {
    /// Adds what a row of the output says of the weights to their sums, `[tap][channel]`.
    fn gradient_row(
        maps: &Maps<'_>,
        segments: &[Segment],
        seen: &[[usize; 2]],
        input: &[f32],
        gradient: &[f32],
        sums: &mut [f32],
    ) = gradient_row_body::<S>(maps, segments, seen, input, gradient, sums)
}

#[inline(always)]
fn gradient_row_body<S: Simd>(
    maps: &Maps<'_>,
    segments: &[Segment],
    seen: &[[usize; 2]],
    input: &[f32],
    gradient: &[f32],
    sums: &mut [f32],
) {
    let (channels, stride) = (maps.channels, maps.columns.stride);
    assert!(gradient.len() >= maps.columns.out * channels, "a whole row");
    for channel in (0..channels).step_by(LANES) {
        let lanes = (channels - channel).min(LANES);
        for segment in segments {
            let run = Pixels {
                count: segment.pixels.len(),
                lanes,
                in_step: stride * channels,
                out_step: channels,
            };
            let gradient = gradient[segment.pixels.start * channels + channel..].as_ptr();
            let mut held = [Held { map: std::ptr::null(), kernel: std::ptr::null_mut() }; HELD];
            let mut n = 0;
            for [first, weight] in maps.places(segment, seen, channel) {
                let kernel = sums[weight..].as_mut_ptr();
                held[n] = Held { map: input[first..].as_ptr(), kernel };
                n += 1;
                if n == HELD {
                    // SAFETY: as below.
                    unsafe { gather::<S>(&held, run, gradient) };
                    n = 0;
                }
            }
            // SAFETY: the taps of a segment see inputs inside their rows; there is a sum for each.
            unsafe { gather::<S>(&held[..n], run, gradient) };
        }
    }
}

/// # Safety
/// Each tap's map and the gradient are good for the pixels, the sums for the lanes; this is
/// compiled for the path that runs.
#[inline(always)]
unsafe fn gather<S: Simd>(taps: &[Held<*mut f32>], run: Pixels, gradient: *const f32) {
    // SAFETY: as this function.
    unsafe { for_count!(taps, gather_of::<S>(taps, run, gradient)) }
}

/// # Safety
/// As [`gather`]; there are `N` taps.
#[inline(always)]
unsafe fn gather_of<S: Simd, const N: usize>(
    taps: &[Held<*mut f32>],
    run: Pixels,
    gradient: *const f32,
) {
    let lanes = run.lanes;
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [S::zero(); N];
        for (sum, tap) in sums.iter_mut().zip(taps) {
            *sum = S::load_up_to(tap.kernel, lanes);
        }
        for x in 0..run.count {
            let gradient = S::load_up_to(gradient.add(x * run.out_step), lanes);
            for i in 0..N {
                let input = S::load_up_to(taps[i].map.add(x * run.in_step), lanes);
                sums[i] = S::fma(input, gradient, sums[i]);
            }
        }
        for (sum, tap) in sums.iter().zip(taps) {
            S::store_up_to(tap.kernel, *sum, lanes);
        }
    }
}
