//! Two-dimensional convolution on channels-last feature maps.
//!
//! With the channels side by side, `kernel_width × channels` inputs of an output pixel lie in one
//! row of memory, so each pass is a product of small matrices over such segments. `direct` runs
//! them as they are, `columns` gathers them first where maps are too narrow for that,
//! `winograd` computes 3×3 convolutions with fewer multiplications, and `depthwise` those whose
//! channels are each alone. `choice` says which of them runs.

mod axis;
mod choice;
mod columns;
mod depthwise;
mod direct;
mod pack;
mod weight_gradient;
mod winograd;

pub use choice::{Algorithm, Pass, exact, with_exact};

use crate::{
    elementwise,
    gemm::{Packed, PackedRows, matmul_transposed},
    pool::Shared,
    scratch::written,
};
use axis::Axis;

/// The sizes of a convolution. Weights are PyTorch's, `[out, in / groups, kernel, kernel]`.
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
    /// Pixels from one weight to the next.
    pub dilation: [usize; 2],
    /// Parts that the channels are divided into; each sees its own alone.
    pub groups: usize,
}

/// What is done to an output where it is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish<'a> {
    /// A number for each output channel.
    pub bias: Option<&'a [f32]>,
    /// Another map of the output's size, added to it.
    pub add: Option<&'a [f32]>,
    /// Whether what is negative then becomes 0.
    pub relu: bool,
    /// What each output channel is multiplied by at last, and what is added to it.
    pub scale: Option<(&'a [f32], &'a [f32])>,
}

/// Weights as the kernels read them: made once for many passes of a network that does not train.
#[derive(Debug, Clone)]
pub struct Weights {
    /// The convolution, whatever its maps.
    of: Conv,
    algorithm: Algorithm,
    /// Output pixels that are computed as one.
    wide: usize,
    form: Form,
}

impl Weights {
    /// Whether they are in the form that a convolution's forward pass reads. Whether the numbers
    /// are its own, nobody can tell.
    pub fn fit(&self, conv: &Conv) -> bool {
        self.of == conv.without_maps()
            && self.algorithm == choice::algorithm(conv, Pass::Forward)
            && self.wide == conv.wide()
    }
}

#[derive(Debug, Clone)]
enum Form {
    /// For each group of channels.
    Taps(Vec<Packed>),
    Winograd(winograd::Kernels),
    /// `[tap][channel]`.
    Depthwise(Vec<f32>),
}

impl Conv {
    /// Height and width of the output.
    ///
    /// # Panics
    /// If the kernel is larger than the padded input.
    pub fn out_size(&self) -> [usize; 2] {
        let size = |n: usize, axis: usize| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            let room = (n + 2 * self.padding[axis]).checked_sub(reach);
            room.expect("a kernel that fits into the padded map") / self.stride[axis] + 1
        };
        [size(self.height, 0), size(self.width, 1)]
    }

    /// How many numbers the input, the weights and the output are.
    ///
    /// # Panics
    /// As [`out_size`](Self::out_size); if the channels are not whole groups.
    pub fn lens(&self) -> [usize; 3] {
        let whole = |channels: usize| channels.is_multiple_of(self.groups);
        assert!(whole(self.in_channels) && whole(self.out_channels), "channels in whole groups");
        let [oh, ow] = self.out_size();
        [
            self.batch * self.height * self.width * self.in_channels,
            self.out_channels * self.in_channels / self.groups * self.taps(),
            self.batch * oh * ow * self.out_channels,
        ]
    }

    /// Multiplications of a pass as the definition has them.
    pub fn multiplications(&self) -> usize {
        let [_, weights, _] = self.lens();
        let [oh, ow] = self.out_size();
        self.batch * oh * ow * weights
    }

    /// How a pass is computed, by the sizes and by [`with_exact`].
    pub fn algorithm(&self, pass: Pass) -> Algorithm {
        choice::algorithm(self, pass)
    }

    /// What its weights depend on.
    fn without_maps(&self) -> Self {
        Self { batch: 0, height: 0, width: 0, padding: [0, 0], ..*self }
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether it is a product of the map's pixels with a matrix: 1×1, at every pixel.
    fn is_matrix(&self) -> bool {
        let ones = [self.kernel, self.stride] == [[1, 1], [1, 1]];
        ones && self.padding == [0, 0] && self.groups == 1
    }

    /// Whether each channel sees itself alone.
    fn is_depthwise(&self) -> bool {
        self.groups > 1 && [self.in_channels, self.out_channels] == [self.groups; 2]
    }

    /// One of its depthwise correlations.
    fn depthwise<'a>(&self, rows: &'a Axis, columns: &'a Axis) -> depthwise::Maps<'a> {
        let kernel_width = self.kernel[1];
        depthwise::Maps { batch: self.batch, channels: self.groups, rows, columns, kernel_width }
    }

    /// Input and output channels of a group.
    fn group(&self) -> [usize; 2] {
        [self.in_channels / self.groups, self.out_channels / self.groups]
    }

    /// Output pixels that a direct forward pass computes as one.
    fn wide(&self) -> usize {
        let [rows, columns] = Axis::forward(self);
        direct::pixels_at_once(self.groups, (&rows, &columns), self.group()[1])
    }

    /// The weights for [`forward_with`](Self::forward_with).
    ///
    /// # Panics
    /// If they are not as many as the sizes say.
    pub fn prepare(&self, weights: &[f32]) -> Weights {
        assert_eq!(weights.len(), self.lens()[1], "weights as the sizes say");
        let algorithm = choice::algorithm(self, Pass::Forward);
        let form = match algorithm {
            Algorithm::Winograd(size) => {
                Form::Winograd(winograd::Kernels::new(size, weights, self, Pass::Forward))
            }
            Algorithm::Depthwise => Form::Depthwise(depthwise::pack(self, weights)),
            _ => {
                let [rows, columns] = Axis::forward(self);
                Form::Taps(pack::forward(self, weights, &rows, &columns, algorithm))
            }
        };
        Weights { of: self.without_maps(), algorithm, wide: self.wide(), form }
    }

    /// The output, `[batch, height, width, out]`, of an input of `[batch, height, width, in]`.
    ///
    /// # Panics
    /// If the slices are not of the lengths that the sizes say.
    pub fn forward(&self, input: &[f32], weights: &[f32], finish: Finish<'_>) -> Vec<f32> {
        self.forward_with(input, &self.prepare(weights), finish)
    }

    /// [`forward`](Self::forward) with weights that were prepared before, for this convolution or
    /// one that differs in its batch and the size of its maps at most.
    ///
    /// # Panics
    /// If the slices are not of the lengths that the sizes say, or the weights do not
    /// [fit](Weights::fit).
    pub fn forward_with(&self, input: &[f32], weights: &Weights, finish: Finish<'_>) -> Vec<f32> {
        let [input_len, _, out_len] = self.lens();
        assert_eq!(input.len(), input_len, "slices as the sizes say");
        assert!(weights.fit(self), "weights that were prepared for such a convolution");
        assert!(finish.bias.is_none_or(|b| b.len() == self.out_channels), "a bias a channel");
        assert!(finish.add.is_none_or(|add| add.len() == out_len), "a map of the output's size");
        let scale = finish.scale.is_none_or(|(gain, shift)| {
            [gain.len(), shift.len()] == [self.out_channels; 2] && finish.add.is_none()
        });
        assert!(scale, "a gain and a shift a channel, and nothing added that they would scale");
        let [oh, ow] = self.out_size();
        let write = |out: Shared| {
            if let Some(add) = finish.add {
                // SAFETY: the output is as long as the map.
                unsafe { out.slice_uninit(0, out_len) }.write_copy_of_slice(add);
            }
            match &weights.form {
                Form::Winograd(kernels) => {
                    let maps = winograd::Maps {
                        batch: self.batch,
                        size: [self.height, self.width],
                        out_size: [oh, ow],
                        padding: self.padding.map(|p| p as isize),
                    };
                    winograd::correlate(&maps, kernels, input, finish, out);
                }
                Form::Depthwise(weights) => {
                    let [rows, columns] = Axis::forward(self);
                    let maps = self.depthwise(&rows, &columns);
                    depthwise::correlate(&maps, input, weights, finish, out);
                }
                Form::Taps(parts) => {
                    let [rows, columns] = Axis::forward(self);
                    let channels = [self.in_channels, self.out_channels];
                    let maps = direct::Maps { batch: self.batch, channels, groups: self.groups };
                    let run = match weights.algorithm {
                        Algorithm::Columns => columns::correlate,
                        _ => direct::correlate,
                    };
                    let parts: Vec<PackedRows<'_>> = parts.iter().map(Packed::all).collect();
                    run(&maps, &rows, &columns, input, &parts, finish, out);
                }
            }
        };
        // SAFETY: every output pixel is one of the correlation's.
        let mut out = unsafe { written(out_len, write) };
        if let Some((gain, shift)) = finish.scale {
            elementwise::scale_rows(&mut out, gain, shift);
        }
        out
    }

    /// The gradient of the input, from that of the output.
    ///
    /// # Panics
    /// If the slices are not of the lengths that the sizes say.
    pub fn input_gradient(&self, out_gradient: &[f32], weights: &[f32]) -> Vec<f32> {
        let [input_len, weights_len, out_len] = self.lens();
        assert_eq!(
            [out_gradient.len(), weights.len()],
            [out_len, weights_len],
            "slices as the sizes say"
        );
        let [oh, ow] = self.out_size();
        let algorithm = choice::algorithm(self, Pass::InputGradient);
        if let Algorithm::Winograd(size) = algorithm {
            let kernels = winograd::Kernels::new(size, weights, self, Pass::InputGradient);
            let maps = winograd::Maps {
                batch: self.batch,
                size: [oh, ow],
                out_size: [self.height, self.width],
                padding: self.padding.map(|p| 2 - p as isize),
            };
            let write =
                |out| winograd::correlate(&maps, &kernels, out_gradient, Finish::default(), out);
            // SAFETY: every pixel belongs to a tile.
            return unsafe { written(input_len, write) };
        }
        let channels = [self.out_channels, self.in_channels];
        let maps = direct::Maps { batch: self.batch, channels, groups: self.groups };
        let write = |out: Shared| {
            let [rows, columns] = [Axis::backward(self, 0), Axis::backward(self, 1)];
            if rows.iter().chain(&columns).any(|axis| axis.taps.is_empty()) {
                // Pixels between the strides are seen by no weight.
                // SAFETY: nobody else has the output yet.
                unsafe { out.slice_uninit(0, input_len) }.fill(std::mem::MaybeUninit::new(0.0));
            }
            let pairs = rows.iter().flat_map(|rows| columns.iter().map(move |c| (rows, c)));
            let parts: Vec<(&Axis, &Axis)> = pairs
                .filter(|(rows, columns)| [rows, columns].iter().all(|axis| axis.is_seen()))
                .collect();
            if algorithm == Algorithm::Depthwise {
                let weights = depthwise::pack(self, weights);
                for (rows, columns) in &parts {
                    let maps = self.depthwise(rows, columns);
                    depthwise::correlate(&maps, out_gradient, &weights, Finish::default(), out);
                }
                return;
            }
            let packed = pack::backward(self, weights, &parts, algorithm);
            let mut first = 0;
            for (rows, columns) in &parts {
                let of_part: Vec<PackedRows<'_>> = match parts.len() {
                    1 => packed.iter().map(Packed::all).collect(),
                    _ => {
                        let depth = rows.taps.len() * columns.taps.len() * self.group()[1];
                        let from = first;
                        first += depth;
                        packed.iter().map(|packed| packed.rows(from, depth)).collect()
                    }
                };
                let run = match algorithm {
                    Algorithm::Columns => columns::correlate,
                    _ => direct::correlate,
                };
                run(&maps, rows, columns, out_gradient, &of_part, Finish::default(), out);
            }
        };
        // SAFETY: every pixel is one of one part's, or was set to 0 before.
        unsafe { written(input_len, write) }
    }

    /// The gradient of the weights, from the input and the gradient of the output.
    ///
    /// # Panics
    /// If the slices are not of the lengths that the sizes say.
    pub fn weight_gradient(&self, input: &[f32], out_gradient: &[f32]) -> Vec<f32> {
        let [input_len, _, out_len] = self.lens();
        assert_eq!(
            [input.len(), out_gradient.len()],
            [input_len, out_len],
            "slices as the sizes say"
        );
        match choice::algorithm(self, Pass::WeightGradient) {
            Algorithm::Winograd(size) => winograd::weight_gradient(self, size, input, out_gradient),
            Algorithm::Depthwise => depthwise::weight_gradient(self, input, out_gradient),
            // Every pixel's inputs by its gradients: the maps are matrices already. Large ones are
            // read once, band by band, which the sums over bands do better.
            Algorithm::Columns if self.is_matrix() && input_len + out_len <= 1 << 20 => {
                matmul_transposed(out_gradient, input, self.out_channels, self.in_channels)
            }
            _ => weight_gradient::weight_gradient(self, input, out_gradient),
        }
    }
}

#[cfg(test)]
mod tests;
