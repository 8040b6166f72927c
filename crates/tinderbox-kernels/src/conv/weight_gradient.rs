//! The gradient of a convolution's weights, directly.
//!
//! For each output channel and each weight, a product of the output's gradient with a moved input
//! is summed over all pixels. Rows of a tile are output channels, columns are what lies side by
//! side in a row of the padded input.

use super::{Conv, direct::pad};
use crate::{
    gemm::{PANEL, Product, Segments, Start, block},
    pool::{Shared, for_each, for_each_chunk},
    scratch::{with_scratch, written},
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
        add_up(conv, total, len)
    })
}

/// Sums up in order, and turns `[out][tap][in]` into PyTorch's `[out][in][tap]`.
fn add_up(conv: &Conv, sums: &[f32], len: usize) -> Vec<f32> {
    let ([inputs, _], taps) = (conv.group(), conv.taps());
    let per_output = inputs * taps;
    let at_once = (1 << 14) / per_output.max(1);
    let chunk = per_output * at_once.max(1);
    let write = |out: Shared| {
        for_each(len.div_ceil(chunk), |block| {
            for at in (block * chunk..((block + 1) * chunk).min(len)).step_by(per_output) {
                // SAFETY: these weights are this block's alone; each is written below.
                let to = unsafe { out.slice_uninit(at, per_output) };
                for tap in 0..taps {
                    for i in 0..inputs {
                        let from = at + tap * inputs + i;
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

struct Pass<'a> {
    conv: &'a Conv,
    input: &'a [f32],
    out_gradient: &'a [f32],
    /// Floats of a row of the padded input.
    row: usize,
    /// Floats of a padded image.
    image: usize,
    out_size: [usize; 2],
}

impl<'a> Pass<'a> {
    fn new(conv: &'a Conv, input: &'a [f32], out_gradient: &'a [f32]) -> Self {
        let out_size = conv.out_size();
        let reach = |axis: usize| {
            (out_size[axis] - 1) * conv.stride[axis]
                + conv.dilation[axis] * (conv.kernel[axis] - 1)
                + 1
        };
        let row = reach(1) * conv.in_channels;
        Self { conv, input, out_gradient, row, image: reach(0) * row, out_size }
    }

    /// How many images are summed over at a time.
    fn at_a_time(&self) -> usize {
        let of_out = self.out_size[0] * self.out_size[1] * self.conv.out_channels;
        (CACHED / (self.image + of_out).max(1)).max(1)
    }

    fn pad(&self, image: usize, padded: &mut [f32]) {
        let conv = self.conv;
        let of_image = conv.height * conv.width * conv.in_channels;
        pad(
            &self.input[image * of_image..][..of_image],
            [conv.height, conv.width],
            conv.in_channels,
            conv.padding.map(|padding| -(padding as isize)),
            self.row / conv.in_channels,
            padded,
        );
    }

    /// Where the rows of some images begin, in the output's gradient and the padded input.
    fn segments(&self, images: usize) -> Vec<[usize; 2]> {
        let ([oh, ow], conv) = (self.out_size, self.conv);
        let rows = (0..images).flat_map(|image| (0..oh).map(move |y| (image, y)));
        rows.map(|(image, y)| {
            [
                (image * oh + y) * ow * conv.out_channels,
                image * self.image + y * conv.stride[0] * self.row,
            ]
        })
        .collect()
    }

    /// The sum over some images, on this thread.
    fn some(&self, images: std::ops::Range<usize>, sum: &mut [f32]) {
        if images.is_empty() {
            sum.fill(0.0);
            return;
        }
        let at_a_time = self.at_a_time().min(images.len());
        let segments = self.segments(at_a_time);
        with_scratch(at_a_time * self.image, |padded| {
            let mut first = images.start;
            while first < images.end {
                let count = at_a_time.min(images.end - first);
                for (at, padded) in padded.chunks_exact_mut(self.image).take(count).enumerate() {
                    self.pad(first + at, padded);
                }
                let segments = &segments[..count * self.out_size[0]];
                for tile in 0..self.tiles() {
                    let sum = Shared::new(sum.as_mut_ptr());
                    // SAFETY: the sum is this thread's.
                    unsafe { self.tile(tile, first, segments, padded, sum, first > images.start) };
                }
                first += count;
            }
        });
    }

    /// The sum over all images, on all threads.
    fn all(&self, sum: Shared) {
        let at_a_time = self.at_a_time().min(self.conv.batch.max(1));
        let segments = self.segments(at_a_time);
        with_scratch(at_a_time * self.image, |padded| {
            for first in (0..self.conv.batch).step_by(at_a_time) {
                let count = at_a_time.min(self.conv.batch - first);
                for_each_chunk(&mut padded[..count * self.image], self.image, |at, padded| {
                    self.pad(first + at, padded);
                });
                let segments = &segments[..count * self.out_size[0]];
                for_each(self.tiles(), |tile| {
                    // SAFETY: each tile is of one task.
                    unsafe { self.tile(tile, first, segments, padded, sum, first > 0) };
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

    /// Parts that a group's output channels are divided into, and channels of a part.
    fn parts(&self) -> (usize, usize) {
        /// Five tiles, that what they read of the input is still in the cache for the last.
        const MOST: usize = 5 * 14;
        let outputs = self.conv.group()[1];
        let parts = outputs.div_ceil(MOST);
        (parts, outputs.div_ceil(parts))
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
        first: usize,
        segments: &[[usize; 2]],
        padded: &[f32],
        sum: Shared,
        add: bool,
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
        let [oh, ow] = self.out_size;
        let gradients = &self.out_gradient[first * oh * ow * conv.out_channels..];
        let channel = group * outputs + from;
        let per_output = conv.taps() * inputs;
        let product = Product {
            segments: Segments::Table(segments.as_ptr(), segments.len()),
            length: ow,
            a: gradients[channel..].as_ptr(),
            a_row: 1,
            a_step: conv.out_channels,
            b: padded[place..].as_ptr(),
            b_step: conv.stride[1] * conv.in_channels,
            c: sum.at(channel * per_output + at_run * run + column),
            c_row: per_output,
            start: if add { Start::OUTPUT } else { Start::ZERO },
            relu: false,
        };
        // SAFETY: the segments lie in the gradient and in the padded images; the tile of the sums
        // is this thread's.
        unsafe { block(&product, rows, PANEL.min(run - column)) };
    }
}
