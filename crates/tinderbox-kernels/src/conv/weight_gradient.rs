//! The gradient of a convolution's weights, directly.
//!
//! For each output channel and each weight, a product of the output's gradient with a moved input
//! is summed over all pixels. Rows of a tile are output channels, columns are what lies side by
//! side in a row of the padded input. Where that is less than a panel, as in the first layer of a
//! network, it is the other way round.

use std::{mem::MaybeUninit, ops::Range};

use super::{Conv, direct::pad};
use crate::{
    gemm::{PANEL, Product, Segments, Start, block},
    pool::{Shared, for_each, for_each_chunk},
    scratch::{with_scratch, written},
    simd::{LANES, Simd, multiversion},
};

/// Floats of padded input and output gradient that are summed over at a time.
const CACHED: usize = 160 * 1024;
/// Weights up to which sums over some images each are formed beside each other.
const FEW: usize = 100 * 1024;
/// At most so many sums.
const SUMS: usize = 8;

pub(super) fn weight_gradient(conv: &Conv, input: &[f32], out_gradient: &[f32]) -> Vec<f32> {
    let len = conv.lens()[1];
    let sums = match len <= FEW {
        true => (4 * FEW / len.max(1)).clamp(2, SUMS).min(conv.batch.max(1)),
        false => 1,
    };
    let images = conv.batch.div_ceil(sums).max(1);
    let pass = Pass::new(conv, input, out_gradient);
    with_scratch(len * sums, |total| {
        let start = Shared::new(total.as_mut_ptr());
        match sums {
            1 => pass.all(start),
            _ => for_each(sums, |sum| {
                let first = (sum * images).min(conv.batch);
                let last = ((sum + 1) * images).min(conv.batch);
                // SAFETY: each sum is of one task.
                let sum = unsafe { start.slice(sum * len, len) };
                pass.some(first..last, sum);
            }),
        }
        add_up(conv, total, len, pass.across())
    })
}

/// Sums up in order, and turns them into PyTorch's `[out][in][tap]`: they are `[out][tap][in]`, or
/// `[tap][in][out]` if the outputs are `across`.
fn add_up(conv: &Conv, sums: &[f32], len: usize, across: bool) -> Vec<f32> {
    let ([inputs, _], taps) = (conv.group(), conv.taps());
    let per_output = inputs * taps;
    let (of_output, of_tap, of_input) = match across {
        true => (1, inputs * conv.out_channels, conv.out_channels),
        false => (per_output, inputs, 1),
    };
    let at_once = ((1 << 14) / per_output.max(1)).max(1);
    let write = |out: Shared| {
        for_each(conv.out_channels.div_ceil(at_once), |block| {
            for o in block * at_once..((block + 1) * at_once).min(conv.out_channels) {
                // SAFETY: these weights are this block's alone; each is written below.
                let to = unsafe { out.slice_uninit(o * per_output, per_output) };
                if !across {
                    assert!(sums.len() >= o * per_output && sums.len().is_multiple_of(len));
                    add_up_output(&sums[o * per_output..], len, [taps, inputs], to);
                    continue;
                }
                for tap in 0..taps {
                    for i in 0..inputs {
                        let from = o * of_output + tap * of_tap + i * of_input;
                        let value: f32 = sums[from..].iter().step_by(len).sum();
                        to[i * taps + tap].write(value);
                    }
                }
            }
        });
    };
    // SAFETY: the blocks cover all weights.
    unsafe { written(len, write) }
}

multiversion! {
    /// Of one output channel: adds sums that lie `len` apart up, and turns `[tap][in]` into
    /// `[in][tap]`.
    fn add_up_output(sums: &[f32], len: usize, sizes: [usize; 2], to: &mut [MaybeUninit<f32>]) =
        add_up_output_body::<S>(sums, len, sizes, to)
}

#[inline(always)]
fn add_up_output_body<S: Simd>(
    sums: &[f32],
    len: usize,
    [taps, inputs]: [usize; 2],
    to: &mut [MaybeUninit<f32>],
) {
    assert!(to.len() == taps * inputs && sums.len() >= to.len());
    let copies = (sums.len() - to.len()) / len + 1;
    for tap in (0..taps).step_by(LANES) {
        let width = (taps - tap).min(LANES);
        for input in (0..inputs).step_by(LANES) {
            let lanes = (inputs - input).min(LANES);
            // SAFETY: inside the sums and the output, whose lengths were checked; this is compiled
            // for the path that runs.
            unsafe {
                let mut square = [S::zero(); LANES];
                for t in 0..width {
                    let from = sums.as_ptr().add((tap + t) * inputs + input);
                    let mut total = S::load_up_to(from, lanes);
                    for copy in 1..copies {
                        total = S::add(total, S::load_up_to(from.add(copy * len), lanes));
                    }
                    square[t] = total;
                }
                S::transpose(&mut square);
                let to = to.as_mut_ptr().cast::<f32>().add(input * taps + tap);
                for i in 0..lanes {
                    S::store_up_to(to.add(i * taps), square[i], width);
                }
            }
        }
    }
}

struct Pass<'a> {
    conv: &'a Conv,
    input: &'a [f32],
    out_gradient: &'a [f32],
    out_size: [usize; 2],
    /// Whether the input is padded, so that it has to be copied.
    padded: bool,
    /// Floats of a row of the padded input.
    row: usize,
    /// Output rows of a band, and bands of an image.
    height: usize,
    bands: usize,
    /// Floats of the padded input of a band.
    band: usize,
    /// Bands that are summed over at a time: more than one only if each is an image.
    at_once: usize,
}

impl<'a> Pass<'a> {
    fn new(conv: &'a Conv, input: &'a [f32], out_gradient: &'a [f32]) -> Self {
        let out_size = conv.out_size();
        let [oh, ow] = out_size;
        let padded = conv.padding != [0, 0];
        let reach = |axis: usize| conv.dilation[axis] * (conv.kernel[axis] - 1) + 1;
        let span = |out: usize, axis: usize| (out - 1) * conv.stride[axis] + reach(axis);
        let row = if padded { span(ow, 1) } else { conv.width } * conv.in_channels;
        let floats = |height: usize| span(height, 0) * row + height * ow * conv.out_channels;
        // This many that the sums, which are read and written for each block, are little beside it.
        let least = conv.lens()[1] / 4;
        let height = match floats(oh) <= CACHED.max(least) {
            true => oh,
            false => (1..oh).rev().find(|height| floats(*height) <= CACHED).unwrap_or(1),
        };
        let bands = oh.div_ceil(height);
        let at_once = match bands {
            1 => CACHED.max(least) / floats(oh),
            _ => 1,
        };
        Self {
            conv,
            input,
            out_gradient,
            out_size,
            padded,
            row,
            height,
            bands,
            band: if padded { span(height, 0) } else { conv.height } * row,
            at_once: at_once.clamp(1, conv.batch.max(1)),
        }
    }

    /// A band's image, and its output rows.
    fn rows(&self, band: usize) -> (usize, Range<usize>) {
        let first = band % self.bands * self.height;
        (band / self.bands, first..(first + self.height).min(self.out_size[0]))
    }

    fn pad(&self, band: usize, padded: &mut [f32]) {
        let (conv, (image, rows)) = (self.conv, self.rows(band));
        let of_image = conv.height * conv.width * conv.in_channels;
        let top = (rows.start * conv.stride[0]) as isize - conv.padding[0] as isize;
        pad(
            &self.input[image * of_image..][..of_image],
            [conv.height, conv.width],
            conv.in_channels,
            [top, -(conv.padding[1] as isize)],
            self.row / conv.in_channels,
            padded,
        );
    }

    /// Where the rows of a block begin, in the output's gradient and the padded input.
    fn segments(&self) -> Vec<[usize; 2]> {
        let (ow, conv) = (self.out_size[1], self.conv);
        let rows = (0..self.at_once).flat_map(|band| (0..self.height).map(move |y| (band, y)));
        rows.map(|(band, y)| {
            [
                (band * self.height + y) * ow * conv.out_channels,
                band * self.band + y * conv.stride[0] * self.row,
            ]
        })
        .collect()
    }

    /// The sum over some images, on this thread.
    fn some(&self, images: Range<usize>, sum: &mut [f32]) {
        if images.is_empty() {
            sum.fill(0.0);
            return;
        }
        let sum = Shared::new(sum.as_mut_ptr());
        self.blocks(images, |block| {
            for tile in 0..self.tiles() {
                // SAFETY: the sum is this thread's.
                unsafe { self.tile(tile, &block, sum) };
            }
        });
    }

    /// The sum over all images, on all threads.
    fn all(&self, sum: Shared) {
        self.blocks(0..self.conv.batch, |block| {
            // SAFETY: each tile is of one task.
            for_each(self.tiles(), |tile| unsafe { self.tile(tile, &block, sum) });
        });
    }

    /// Calls `run` with each block of some images.
    fn blocks(&self, images: Range<usize>, run: impl Fn(Block<'_>)) {
        let segments = self.segments();
        let bands = images.start * self.bands..images.end * self.bands;
        let scratch = if self.padded { self.at_once * self.band } else { 0 };
        with_scratch(scratch, |scratch| {
            for first in bands.clone().step_by(self.at_once) {
                let count = self.at_once.min(bands.end - first);
                let (image, rows) = self.rows(first);
                let input = match self.padded {
                    true => {
                        let padded = &mut scratch[..count * self.band];
                        // Beside each other, unless this is a part of a loop already.
                        for_each_chunk(padded, self.band, |at, padded| {
                            self.pad(first + at, padded);
                        });
                        &scratch[..]
                    }
                    false => {
                        let row = image * self.conv.height + rows.start * self.conv.stride[0];
                        &self.input[row * self.row..]
                    }
                };
                run(Block {
                    row: image * self.out_size[0] + rows.start,
                    segments: &segments[..count * rows.len()],
                    input,
                    add: first > bands.start,
                });
            }
        });
    }

    /// Weights side by side in a row of the padded input, and where they begin in the sums: whole
    /// rows of the kernel, unless something lies between them.
    fn runs(&self) -> (usize, usize) {
        let conv = self.conv;
        match conv.groups == 1 && conv.dilation[1] == 1 {
            true => (conv.kernel[0], conv.kernel[1] * conv.in_channels),
            false => (conv.taps(), conv.group()[0]),
        }
    }

    /// Whether the columns of a tile are output channels.
    fn across(&self) -> bool {
        self.conv.groups == 1 && self.runs().1 < PANEL && self.conv.out_channels >= PANEL
    }

    /// Parts that a group's output channels are divided into, and channels of a part.
    fn parts(&self) -> (usize, usize) {
        /// Five tiles, that what they read of the input is still in the cache for the last.
        const MOST: usize = 5 * 14;
        let outputs = self.conv.group()[1];
        let most = if self.across() { PANEL } else { MOST };
        let parts = outputs.div_ceil(most);
        (parts, if self.across() { PANEL } else { outputs.div_ceil(parts) })
    }

    fn tiles(&self) -> usize {
        let (runs, run) = self.runs();
        self.conv.groups * self.parts().0 * runs * run.div_ceil(PANEL)
    }

    /// # Safety
    /// `sum` holds all weights, and no other thread works on this tile.
    unsafe fn tile(
        &self,
        tile: usize,
        Block { row, segments, input, add }: &Block<'_>,
        sum: Shared,
    ) {
        let conv = self.conv;
        let ([inputs, outputs], (runs, run)) = (conv.group(), self.runs());
        let panels = run.div_ceil(PANEL);
        let (column, rest) = (tile % panels * PANEL, tile / panels);
        let (at_run, rest) = (rest % runs, rest / runs);
        let (parts, of_part) = self.parts();
        let (from, group) = (rest % parts * of_part, rest / parts);
        let rows = of_part.min(outputs.saturating_sub(from));
        let across = runs / conv.kernel[0];
        let (ky, kx) = (at_run / across, at_run % across);
        let place = ky * conv.dilation[0] * self.row
            + kx * conv.dilation[1] * conv.in_channels
            + group * inputs
            + column;
        let ow = self.out_size[1];
        let gradients = &self.out_gradient[row * ow * conv.out_channels..];
        let channel = group * outputs + from;
        let per_output = conv.taps() * inputs;
        let start = if *add { Start::OUTPUT } else { Start::ZERO };
        if self.across() {
            let turned: Vec<[usize; 2]> = segments.iter().map(|[a, b]| [*b, *a]).collect();
            let product = Product {
                segments: Segments::Table(turned.as_ptr(), turned.len()),
                length: ow,
                a: input[place..].as_ptr(),
                a_row: 1,
                a_step: conv.stride[1] * conv.in_channels,
                b: gradients[channel..].as_ptr(),
                b_step: conv.out_channels,
                c: sum.at(at_run * run * outputs + channel),
                c_row: outputs,
                start,
                relu: false,
            };
            // SAFETY: as below.
            return unsafe { block(&product, run, rows) };
        }
        let product = Product {
            segments: Segments::Table(segments.as_ptr(), segments.len()),
            length: ow,
            a: gradients[channel..].as_ptr(),
            a_row: 1,
            a_step: conv.out_channels,
            b: input[place..].as_ptr(),
            b_step: conv.stride[1] * conv.in_channels,
            c: sum.at(channel * per_output + at_run * run + column),
            c_row: per_output,
            start,
            relu: false,
        };
        // SAFETY: the segments lie in the gradient and in the padded images; the tile of the sums
        // is this thread's.
        unsafe { block(&product, rows, PANEL.min(run - column)) };
    }
}

/// Rows that are summed over at a time.
struct Block<'a> {
    /// The first of them, counted through all images.
    row: usize,
    /// Where each row begins, in the output's gradient and the padded input.
    segments: &'a [[usize; 2]],
    input: &'a [f32],
    /// Whether there is a sum to add to.
    add: bool,
}
