//! Two-dimensional convolution on channels-last feature maps, directly.
//!
//! With the channels side by side, `kernel_width × channels` inputs of an output pixel lie in one
//! row of memory. Each pass is then a product of small matrices over such segments: a tile of a
//! few pixels (or weights) by one or two vectors of channels stays in registers while the loop runs
//! along the segment.

use crate::{
    pool::{for_each_chunk, threads},
    simd::multiversion,
};

/// Channels computed at a time: two vectors of AVX2.
const LANES: usize = 16;
/// Pixels computed at a time.
const ROWS: usize = 6;

/// The sizes of a convolution. Weights are PyTorch's, `[out, in, kernel, kernel]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv {
    pub batch: usize,
    /// Of the input.
    pub height: usize,
    /// Of the input.
    pub width: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
}

impl Conv {
    /// Height and width of the output.
    pub fn out_size(&self) -> [usize; 2] {
        let size = |n: usize, axis: usize| {
            (n + 2 * self.padding[axis] - self.kernel[axis]) / self.stride[axis] + 1
        };
        [size(self.height, 0), size(self.width, 1)]
    }

    /// How many numbers the input, the weights and the output are.
    pub fn lens(&self) -> [usize; 3] {
        let [oh, ow] = self.out_size();
        [
            self.batch * self.height * self.width * self.in_channels,
            self.out_channels * self.in_channels * self.kernel[0] * self.kernel[1],
            self.batch * oh * ow * self.out_channels,
        ]
    }

    /// Numbers in a row of the padded input.
    fn padded_row(&self) -> usize {
        (self.width + 2 * self.padding[1]) * self.in_channels
    }

    /// Numbers in a padded image.
    fn padded(&self) -> usize {
        (self.height + 2 * self.padding[0]) * self.padded_row()
    }

    /// Inputs of an output pixel that lie side by side.
    fn segment(&self) -> usize {
        self.kernel[1] * self.in_channels
    }

    /// Images that one block of work is of: enough work to be worth a thread, enough blocks for a
    /// few threads.
    fn images(&self) -> usize {
        let [oh, ow] = self.out_size();
        let work = oh * ow * self.out_channels * self.in_channels * self.kernel[0] * self.kernel[1];
        (200_000 / work.max(1)).clamp(1, self.batch.div_ceil(8).max(1))
    }

    /// `out = input * weights`, for `out` of `[batch, out_height, out_width, out_channels]`.
    ///
    /// # Panics
    /// If a slice is not as long as [`lens`](Self::lens) says.
    pub fn forward(&self, input: &[f32], weights: &[f32], out: &mut [f32]) {
        assert_eq!([input.len(), weights.len(), out.len()], self.lens(), "slices as the sizes say");
        let packed = self.pack_for_outputs(weights);
        let (image_in, image_out) =
            (input.len() / self.batch.max(1), out.len() / self.batch.max(1));
        let images = self.images();
        for_each_chunk(out, (images * image_out).max(1), |block, out| {
            let mut padded = vec![0.0; self.padded()];
            for (at, out) in out.chunks_exact_mut(image_out).enumerate() {
                let image = block * images + at;
                self.pad(&input[image * image_in..][..image_in], &mut padded);
                forward_image(self, &padded, &packed, out);
            }
        });
    }

    /// The gradient of the input, from the gradient of the output.
    ///
    /// # Panics
    /// If a slice is not as long as [`lens`](Self::lens) says.
    pub fn input_gradient(&self, out_gradient: &[f32], weights: &[f32], gradient: &mut [f32]) {
        assert_eq!(
            [gradient.len(), weights.len(), out_gradient.len()],
            self.lens(),
            "slices as the sizes say"
        );
        let packed = self.pack_for_inputs(weights);
        let (image_in, image_out) =
            (gradient.len() / self.batch.max(1), out_gradient.len() / self.batch.max(1));
        let images = self.images();
        for_each_chunk(gradient, (images * image_in).max(1), |block, gradient| {
            let mut padded = vec![0.0; self.padded()];
            for (at, gradient) in gradient.chunks_exact_mut(image_in).enumerate() {
                let image = block * images + at;
                padded.fill(0.0);
                input_gradient_image(
                    self,
                    &out_gradient[image * image_out..][..image_out],
                    &packed,
                    &mut padded,
                );
                self.unpad(&padded, gradient);
            }
        });
    }

    /// The gradient of the weights, from the input and the gradient of the output.
    ///
    /// Sums are formed over blocks of images, which are then added in order.
    ///
    /// # Panics
    /// If a slice is not as long as [`lens`](Self::lens) says.
    pub fn weight_gradient(&self, input: &[f32], out_gradient: &[f32], gradient: &mut [f32]) {
        assert_eq!(
            [input.len(), gradient.len(), out_gradient.len()],
            self.lens(),
            "slices as the sizes say"
        );
        let (image_in, image_out) =
            (input.len() / self.batch.max(1), out_gradient.len() / self.batch.max(1));
        // Eight sums, or as many as take a few megabytes.
        let blocks =
            ((1usize << 22) / size_of_val(gradient).max(1)).clamp(2, 8).min(self.batch.max(1));
        let images = self.batch.div_ceil(blocks).max(1);
        let size = self.kernel[0] * self.segment() * self.out_channels;
        let mut sums = vec![0.0; size * self.batch.div_ceil(images)];
        for_each_chunk(&mut sums, size.max(1), |block, sum| {
            let mut padded = vec![0.0; self.padded()];
            for image in block * images..((block + 1) * images).min(self.batch) {
                self.pad(&input[image * image_in..][..image_in], &mut padded);
                weight_gradient_image(
                    self,
                    &padded,
                    &out_gradient[image * image_out..][..image_out],
                    sum,
                );
            }
        });
        self.unpack_sums(&sums, gradient);
    }

    /// Copies an image into the middle of a padded one, whose border is black and stays so.
    fn pad(&self, image: &[f32], padded: &mut [f32]) {
        let (row, padded_row) = (self.width * self.in_channels, self.padded_row());
        let left = self.padding[1] * self.in_channels;
        let rows = padded[self.padding[0] * padded_row..].chunks_exact_mut(padded_row);
        for (image, padded) in image.chunks_exact(row).zip(rows) {
            padded[left..left + row].copy_from_slice(image);
        }
    }

    /// Copies the middle of a padded image out.
    fn unpad(&self, padded: &[f32], image: &mut [f32]) {
        let (row, padded_row) = (self.width * self.in_channels, self.padded_row());
        let left = self.padding[1] * self.in_channels;
        let rows = padded[self.padding[0] * padded_row..].chunks_exact(padded_row);
        for (image, padded) in image.chunks_exact_mut(row).zip(rows) {
            image.copy_from_slice(&padded[left..left + row]);
        }
    }

    /// Weights by panels of [`LANES`] output channels: `[panel][kernel row][segment][LANES]`.
    fn pack_for_outputs(&self, weights: &[f32]) -> Vec<f32> {
        let [kh, kw] = self.kernel;
        let rows = kh * self.segment();
        let mut packed = vec![0.0; self.out_channels.div_ceil(LANES) * rows * LANES];
        for (o, weights) in weights.chunks_exact(self.in_channels * kh * kw).enumerate() {
            let panel = &mut packed[o / LANES * rows * LANES..][..rows * LANES];
            for (i, weights) in weights.chunks_exact(kh * kw).enumerate() {
                for (tap, weight) in weights.iter().enumerate() {
                    panel[(tap * self.in_channels + i) * LANES + o % LANES] = *weight;
                }
            }
        }
        packed
    }

    /// Weights by kernel rows and panels of [`LANES`] of the segment:
    /// `[kernel row][panel][out channel][LANES]`.
    fn pack_for_inputs(&self, weights: &[f32]) -> Vec<f32> {
        let [kh, kw] = self.kernel;
        let panels = self.segment().div_ceil(LANES);
        let mut packed = vec![0.0; kh * panels * self.out_channels * LANES];
        for (o, weights) in weights.chunks_exact(self.in_channels * kh * kw).enumerate() {
            for (i, weights) in weights.chunks_exact(kh * kw).enumerate() {
                for (tap, weight) in weights.iter().enumerate() {
                    let (ky, at) = (tap / kw, tap % kw * self.in_channels + i);
                    let panel = ky * panels + at / LANES;
                    packed[(panel * self.out_channels + o) * LANES + at % LANES] = *weight;
                }
            }
        }
        packed
    }

    /// Adds sums of `[kernel row][segment][out channel]` up, in order, as PyTorch's weights.
    fn unpack_sums(&self, sums: &[f32], gradient: &mut [f32]) {
        let [kh, kw] = self.kernel;
        let size = gradient.len();
        let per_output = self.in_channels * kh * kw;
        let chunk = per_output * self.out_channels.div_ceil(threads() * 2).max(1);
        for_each_chunk(gradient, chunk.max(1), |block, gradient| {
            for (at, value) in gradient.iter_mut().enumerate() {
                let at = block * chunk + at;
                let (o, i, tap) =
                    (at / per_output, at / (kh * kw) % self.in_channels, at % (kh * kw));
                let from = (tap * self.in_channels + i) * self.out_channels + o;
                *value = sums[from..].iter().step_by(size).sum();
            }
        });
    }
}

multiversion! {
    /// An image's output from its padded input.
    fn forward_image(conv: &Conv, padded: &[f32], packed: &[f32], out: &mut [f32]) => forward_body
}

#[inline(always)]
fn forward_body(conv: &Conv, padded: &[f32], packed: &[f32], out: &mut [f32]) {
    let [oh, ow] = conv.out_size();
    let (channels, segment) = (conv.out_channels, conv.segment());
    let panel_len = conv.kernel[0] * segment * LANES;
    for (at, panel) in packed.chunks_exact(panel_len).enumerate() {
        let first = at * LANES;
        let lanes = (channels - first).min(LANES);
        for y in 0..oh {
            let rows = &padded[y * conv.stride[0] * conv.padded_row()..];
            let out_row = &mut out[y * ow * channels..][..ow * channels];
            let mut x = 0;
            while x < ow {
                let out = &mut out_row[x * channels + first..];
                x += match (lanes > LANES / 2, ow - x) {
                    (true, ROWS..) => forward_tile::<ROWS, LANES>(
                        conv,
                        &rows[x * conv.stride[1] * conv.in_channels..],
                        panel,
                        out,
                        lanes,
                    ),
                    (true, 2..) => forward_tile::<2, LANES>(
                        conv,
                        &rows[x * conv.stride[1] * conv.in_channels..],
                        panel,
                        out,
                        lanes,
                    ),
                    (true, _) => forward_tile::<1, LANES>(
                        conv,
                        &rows[x * conv.stride[1] * conv.in_channels..],
                        panel,
                        out,
                        lanes,
                    ),
                    (false, ROWS..) => forward_tile::<ROWS, 8>(
                        conv,
                        &rows[x * conv.stride[1] * conv.in_channels..],
                        panel,
                        out,
                        lanes,
                    ),
                    (false, 2..) => forward_tile::<2, 8>(
                        conv,
                        &rows[x * conv.stride[1] * conv.in_channels..],
                        panel,
                        out,
                        lanes,
                    ),
                    (false, _) => forward_tile::<1, 8>(
                        conv,
                        &rows[x * conv.stride[1] * conv.in_channels..],
                        panel,
                        out,
                        lanes,
                    ),
                };
            }
        }
    }
}

/// `R` pixels side by side by `L` output channels, of which `lanes` are real. Returns `R`.
#[inline(always)]
fn forward_tile<const R: usize, const L: usize>(
    conv: &Conv,
    rows: &[f32],
    panel: &[f32],
    out: &mut [f32],
    lanes: usize,
) -> usize {
    let (segment, step) = (conv.segment(), conv.stride[1] * conv.in_channels);
    let mut sums = [[0.0f32; L]; R];
    for ky in 0..conv.kernel[0] {
        let row = &rows[ky * conv.padded_row()..][..(R - 1) * step + segment];
        let weights = &panel[ky * segment * LANES..][..segment * LANES];
        for (t, weights) in weights.as_chunks::<LANES>().0.iter().enumerate() {
            for (r, sums) in sums.iter_mut().enumerate() {
                let input = row[r * step + t];
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = input.mul_add(*weight, *sum);
                }
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let out = &mut out[r * conv.out_channels..];
        match lanes == L {
            true => out[..L].copy_from_slice(sums),
            false => out[..lanes].copy_from_slice(&sums[..lanes]),
        }
    }
    R
}

multiversion! {
    /// Adds to the padded gradient of an image's input.
    fn input_gradient_image(conv: &Conv, out_gradient: &[f32], packed: &[f32], padded: &mut [f32]) => input_gradient_body
}

#[inline(always)]
fn input_gradient_body(conv: &Conv, out_gradient: &[f32], packed: &[f32], padded: &mut [f32]) {
    let [oh, ow] = conv.out_size();
    let (channels, segment) = (conv.out_channels, conv.segment());
    let panels = segment.div_ceil(LANES);
    for (at, panel) in packed.chunks_exact(channels * LANES).enumerate() {
        let (ky, first) = (at / panels, at % panels * LANES);
        let lanes = (segment - first).min(LANES);
        for y in 0..oh {
            let row = &mut padded[(y * conv.stride[0] + ky) * conv.padded_row()..];
            let gradients = &out_gradient[y * ow * channels..][..ow * channels];
            let mut x = 0;
            while x < ow {
                let (gradients, row) = (
                    &gradients[x * channels..],
                    &mut row[x * conv.stride[1] * conv.in_channels + first..],
                );
                x += match (lanes > LANES / 2, ow - x) {
                    (true, ROWS..) => {
                        input_gradient_tile::<ROWS, LANES>(conv, gradients, panel, row, lanes)
                    }
                    (true, 2..) => {
                        input_gradient_tile::<2, LANES>(conv, gradients, panel, row, lanes)
                    }
                    (true, _) => {
                        input_gradient_tile::<1, LANES>(conv, gradients, panel, row, lanes)
                    }
                    (false, ROWS..) => {
                        input_gradient_tile::<ROWS, 8>(conv, gradients, panel, row, lanes)
                    }
                    (false, 2..) => input_gradient_tile::<2, 8>(conv, gradients, panel, row, lanes),
                    (false, _) => input_gradient_tile::<1, 8>(conv, gradients, panel, row, lanes),
                };
            }
        }
    }
}

/// What `R` output pixels give back to `L` numbers of their segments. Segments of neighbours
/// overlap, so they are added one pixel after the other.
#[inline(always)]
fn input_gradient_tile<const R: usize, const L: usize>(
    conv: &Conv,
    gradients: &[f32],
    panel: &[f32],
    row: &mut [f32],
    lanes: usize,
) -> usize {
    let (channels, step) = (conv.out_channels, conv.stride[1] * conv.in_channels);
    let gradients: [&[f32]; R] = std::array::from_fn(|r| &gradients[r * channels..][..channels]);
    let mut sums = [[0.0f32; L]; R];
    for (k, weights) in panel.as_chunks::<LANES>().0[..channels].iter().enumerate() {
        for r in 0..R {
            let gradient = gradients[r][k];
            for lane in 0..L {
                sums[r][lane] = gradient.mul_add(weights[lane], sums[r][lane]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let row = &mut row[r * step..];
        match lanes == L {
            true => row[..L].iter_mut().zip(sums).for_each(|(value, sum)| *value += sum),
            false => row[..lanes].iter_mut().zip(sums).for_each(|(value, sum)| *value += sum),
        }
    }
    R
}

multiversion! {
    /// Adds an image's part to the gradient of the weights, `[kernel row][segment][out channel]`.
    fn weight_gradient_image(conv: &Conv, padded: &[f32], out_gradient: &[f32], sum: &mut [f32]) => weight_gradient_body
}

#[inline(always)]
fn weight_gradient_body(conv: &Conv, padded: &[f32], out_gradient: &[f32], sum: &mut [f32]) {
    let (channels, segment) = (conv.out_channels, conv.segment());
    for first in (0..channels).step_by(LANES) {
        let lanes = (channels - first).min(LANES);
        for ky in 0..conv.kernel[0] {
            let inputs = &padded[ky * conv.padded_row()..];
            let mut t = 0;
            while t < segment {
                let sum = &mut sum[(ky * segment + t) * channels + first..];
                let (inputs, gradients) = (&inputs[t..], &out_gradient[first..]);
                t += match (lanes, segment - t) {
                    (LANES, ROWS..) => {
                        weight_gradient_tile::<ROWS, LANES>(conv, inputs, gradients, sum)
                    }
                    (LANES, _) => weight_gradient_tile::<1, LANES>(conv, inputs, gradients, sum),
                    (8, ROWS..) => weight_gradient_tile::<ROWS, 8>(conv, inputs, gradients, sum),
                    (8, _) => weight_gradient_tile::<1, 8>(conv, inputs, gradients, sum),
                    (lanes, _) => weight_gradient_rest(conv, inputs, gradients, sum, lanes),
                };
            }
        }
    }
}

/// `R` weights of a segment by `L` output channels, summed over all pixels. Returns `R`.
#[inline(always)]
fn weight_gradient_tile<const R: usize, const L: usize>(
    conv: &Conv,
    inputs: &[f32],
    gradients: &[f32],
    sum: &mut [f32],
) -> usize {
    let [oh, ow] = conv.out_size();
    let (channels, step) = (conv.out_channels, conv.stride[1] * conv.in_channels);
    let mut sums = [[0.0f32; L]; R];
    for y in 0..oh {
        let inputs = &inputs[y * conv.stride[0] * conv.padded_row()..];
        let gradients = &gradients[y * ow * channels..];
        for x in 0..ow {
            let (Some(inputs), Some(gradients)) = (
                inputs[x * step..].first_chunk::<R>(),
                gradients[x * channels..].first_chunk::<L>(),
            ) else {
                unreachable!("pixels lie inside their image")
            };
            for r in 0..R {
                for lane in 0..L {
                    sums[r][lane] = inputs[r].mul_add(gradients[lane], sums[r][lane]);
                }
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        sum[r * channels..][..L].iter_mut().zip(sums).for_each(|(value, sum)| *value += sum);
    }
    R
}

/// One weight of a segment by the last few output channels. Returns 1.
#[inline(always)]
fn weight_gradient_rest(
    conv: &Conv,
    inputs: &[f32],
    gradients: &[f32],
    sum: &mut [f32],
    lanes: usize,
) -> usize {
    let [oh, ow] = conv.out_size();
    let (channels, step) = (conv.out_channels, conv.stride[1] * conv.in_channels);
    let mut sums = [0.0f32; LANES];
    for y in 0..oh {
        for x in 0..ow {
            let input = inputs[y * conv.stride[0] * conv.padded_row() + x * step];
            let gradients = &gradients[(y * ow + x) * channels..][..lanes];
            for (sum, gradient) in sums.iter_mut().zip(gradients) {
                *sum = input.mul_add(*gradient, *sum);
            }
        }
    }
    sum[..lanes].iter_mut().zip(sums).for_each(|(value, sum)| *value += sum);
    1
}

#[cfg(test)]
mod tests;
