//! Which algorithm runs a pass of a convolution.

use std::{cell::Cell, fmt};

use super::{Conv, winograd::Size};

/// A way to compute a convolution. All give the same numbers up to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Products over segments of padded rows, as the definition has it.
    Direct,
    /// What each pixel sees is gathered into a row of one large matrix product.
    Columns,
    /// Fewer multiplications, on transformed tiles. It rounds differently.
    ///
    /// Lavin and Gray, [Fast Algorithms for Convolutional Neural Networks](https://arxiv.org/abs/1509.09308), 2016.
    Winograd(Size),
    /// A few inputs by their weights, sixteen channels at once.
    Depthwise,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Direct => "direct",
            Self::Columns => "columns",
            Self::Depthwise => "depthwise",
            Self::Winograd(Size::Two) => "winograd-2x2",
            Self::Winograd(Size::Four) => "winograd-4x4",
        })
    }
}

/// A pass of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    Forward,
    InputGradient,
    WeightGradient,
}

thread_local! {
    static EXACT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `run` with Winograd's algorithms off, so that every sum is formed as the definition says, or
/// on. It holds for the convolutions that this thread asks for, whichever threads compute them; what
/// held before holds again afterwards, also after a panic.
pub fn with_exact<T>(exact: bool, run: impl FnOnce() -> T) -> T {
    struct Before(bool);

    impl Drop for Before {
        fn drop(&mut self) {
            EXACT.set(self.0);
        }
    }

    let _before = Before(EXACT.replace(exact));
    run()
}

/// Whether Winograd's algorithms are off.
pub fn exact() -> bool {
    EXACT.get()
}

/// Channels from which Winograd's transforms are worth what they save.
const WINOGRAD_CHANNELS: usize = 32;

/// The choice, by the sizes alone. The figures are of `cargo bench -p tinderbox-kernels`; the
/// reasons:
///
/// | algorithm | where | why |
/// |---|---|---|
/// | depthwise | as many groups as channels in and out | a channel is no matrix |
/// | columns | 1×1 at stride 1 | the map is a matrix already: nothing is gathered |
/// | Winograd 4×4 | 3×3 at stride 1, 32 channels and more, maps of 12 pixels and more | a quarter of the multiplications; its transforms and its 36 matrices are worth it for maps with many more pixels than channels |
/// | Winograd 2×2 | the same from 6 pixels on, up to 384 channels | 4/9 of the multiplications with 16 matrices, which are read once for few pixels |
/// | columns | outputs less than 8 pixels wide, 64 channels and more | a row is too short for a tile of registers; with few channels gathering costs more than that |
/// | direct | all others | |
pub(super) fn algorithm(conv: &Conv, pass: Pass) -> Algorithm {
    algorithm_if(exact(), conv, pass)
}

fn algorithm_if(exact: bool, conv: &Conv, pass: Pass) -> Algorithm {
    match winograd(conv) {
        _ if conv.is_depthwise() => Algorithm::Depthwise,
        Some(size) if !exact => Algorithm::Winograd(size),
        _ => by_definition(conv, pass),
    }
}

fn by_definition(conv: &Conv, pass: Pass) -> Algorithm {
    let [_, out_width] = conv.out_size();
    let width = match pass {
        Pass::InputGradient => conv.width / conv.stride[1],
        _ => out_width,
    };
    let channels = match pass {
        Pass::InputGradient => conv.out_channels,
        _ => conv.in_channels,
    } / conv.groups;
    match conv.is_matrix() || width < 8 && channels >= 64 {
        true => Algorithm::Columns,
        false => Algorithm::Direct,
    }
}

fn winograd(conv: &Conv) -> Option<Size> {
    let form = conv.kernel == [3, 3] && conv.stride == [1, 1] && conv.dilation == [1, 1];
    let padded = conv.padding.iter().all(|padding| *padding <= 2);
    let (few, many) =
        (conv.in_channels.min(conv.out_channels), conv.in_channels.max(conv.out_channels));
    if !form || !padded || conv.groups != 1 || few < WINOGRAD_CHANNELS {
        return None;
    }
    let [height, width] = conv.out_size();
    let side = height.min(width);
    let pixels = conv.batch * height * width;
    match side {
        12.. if pixels >= 8 * many => Some(Size::Four),
        6.. if many <= 384 && pixels >= many => Some(Size::Two),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is chosen for the forward pass with Winograd's algorithms on, and off.
    #[track_caller]
    fn check(channels: [usize; 2], side: usize, kernel: usize, on: &str, off: &str) {
        let conv = Conv {
            batch: 16,
            height: side,
            width: side,
            in_channels: channels[0],
            out_channels: channels[1],
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [kernel / 2; 2],
            dilation: [1; 2],
            groups: 1,
        };
        for (exact, name) in [(false, on), (true, off)] {
            let chosen = algorithm_if(exact, &conv, Pass::Forward);
            assert_eq!(chosen.to_string(), name, "exact: {exact}");
        }
    }

    #[test]
    fn exact_sums_are_never_winograds() {
        check([64, 64], 32, 3, "winograd-4x4", "direct");
        check([256, 256], 8, 3, "winograd-2x2", "direct");
        check([64, 64], 6, 3, "winograd-2x2", "columns");
        check([512, 512], 4, 3, "columns", "columns");
        check([8, 8], 28, 3, "direct", "direct");
        check([256, 512], 16, 1, "columns", "columns");
        check([3, 64], 128, 7, "direct", "direct");
    }
}
