//! One axis of a correlation: which inputs each output sees.

use super::Conv;

/// Where a weight looks, relative to `out * stride`, and where it is in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tap {
    pub offset: isize,
    pub at: usize,
}

/// An axis of a correlation. Output `i` sees inputs `i * stride + offset` for each tap and lies at
/// `first + i * step` of `total` places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    /// By rising offset.
    pub taps: Vec<Tap>,
    pub stride: usize,
    /// How many inputs there are; beyond them is black.
    pub input: usize,
    /// How many outputs are computed.
    pub out: usize,
    /// How many outputs there are.
    pub total: usize,
    pub step: usize,
    pub first: usize,
}

impl Axis {
    /// Rows and columns of a convolution.
    pub(super) fn forward(conv: &Conv) -> [Self; 2] {
        let out = conv.out_size();
        [0, 1].map(|axis| {
            let offset =
                |k: usize| (k * conv.dilation[axis]) as isize - conv.padding[axis] as isize;
            Self {
                taps: (0..conv.kernel[axis]).map(|k| Tap { offset: offset(k), at: k }).collect(),
                stride: conv.stride[axis],
                input: [conv.height, conv.width][axis],
                out: out[axis],
                total: out[axis],
                step: 1,
                first: 0,
            }
        })
    }

    /// The parts of an axis of a convolution's input gradient: each holds the inputs that the same
    /// weights saw, one of `stride`.
    pub(super) fn backward(conv: &Conv, axis: usize) -> Vec<Self> {
        let [stride, padding, dilation] =
            [conv.stride[axis], conv.padding[axis], conv.dilation[axis]].map(|n| n as isize);
        let (input, total) = (conv.out_size()[axis], [conv.height, conv.width][axis]);
        let part = |first: isize| {
            // Input `first + a * stride` got weight `k` of output `a + offset`.
            let tap = |k: usize| {
                let from = first + padding - k as isize * dilation;
                let offset = from.div_euclid(stride);
                (from.rem_euclid(stride) == 0).then_some(Tap { offset, at: k })
            };
            Self {
                taps: (0..conv.kernel[axis]).rev().filter_map(tap).collect(),
                stride: 1,
                input,
                out: total.saturating_sub(first as usize).div_ceil(stride as usize),
                total,
                step: stride as usize,
                first: first as usize,
            }
        };
        (0..stride).map(part).collect()
    }

    /// Whether there are outputs that see anything.
    pub(super) fn is_seen(&self) -> bool {
        self.out > 0 && !self.taps.is_empty()
    }

    /// The first input that the first output sees.
    pub(super) fn low(&self) -> isize {
        self.taps[0].offset
    }

    /// From the first input that an output sees to the last.
    pub(super) fn reach(&self) -> usize {
        (self.taps[self.taps.len() - 1].offset - self.low()) as usize + 1
    }

    /// How many inputs side by side `out` outputs see.
    pub(super) fn span(&self, out: usize) -> usize {
        (out - 1) * self.stride + self.reach()
    }

    /// From one tap to the next, if that is the same for all.
    pub(super) fn even(&self) -> Option<usize> {
        let steps = || self.taps.windows(2).map(|pair| (pair[1].offset - pair[0].offset) as usize);
        let first = steps().next().unwrap_or(1);
        steps().all(|step| step == first).then_some(first)
    }

    /// Whether each output sees the inputs as they lie, none of them black.
    pub(super) fn inside(&self) -> bool {
        let last = (self.out as isize - 1) * self.stride as isize;
        self.low() >= 0 && last + self.taps[self.taps.len() - 1].offset < self.input as isize
    }
}
