//! Where training starts.
//!
//! All that is random is drawn by [`random`]: within [`random::seeded`], a model starts the same.

use burn::tensor::{Device, Distribution, Tensor};

use crate::random;

/// How the weights and the bias of a convolution or linear layer start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[doc(alias = "init_default")]
#[doc(alias = "apply_init")]
#[doc(alias = "kaiming_normal_")]
pub enum Init {
    /// PyTorch's: weights and bias uniform in ±1/sqrt(fan_in).
    #[default]
    Default,
    /// Weights normal with standard deviation sqrt(2 / fan_in), the bias zero.
    ///
    /// He et al., [Delving Deep into Rectifiers](https://arxiv.org/abs/1502.01852), 2015.
    KaimingNormal,
    /// Weights normal with standard deviation sqrt(2 / fan_out), the bias zero: torchvision's for
    /// convolutions, which keeps the size of the gradients rather than that of the maps.
    KaimingFanOut,
    /// [`KaimingNormal`](Self::KaimingNormal), but the channels that a pixel shuffle of this scale
    /// makes a square of are all alike.
    ///
    /// Aitken et al., [Checkerboard artifact free sub-pixel
    /// convolution](https://arxiv.org/abs/1707.02937), 2017.
    Icnr { scale: usize },
    /// Weights uniform in ±sqrt(6 / fan_in), the bias zero: torchvision's for a SqueezeNet.
    KaimingUniform,
    /// Weights normal with standard deviation 0.01, the bias zero: torchvision's for the linear
    /// layers of a VGG.
    Small,
}

/// Inputs of one output: the elements of a weight but its first axis.
pub(crate) fn fan_in(shape: &[usize]) -> f64 {
    shape[1..].iter().product::<usize>() as f64
}

/// Outputs that one input reaches: the elements of a weight but its second axis.
fn fan_out(shape: &[usize]) -> f64 {
    (shape[0] * shape[2..].iter().product::<usize>()) as f64
}

impl Init {
    pub(crate) fn weight<const D: usize>(self, shape: [usize; D], device: &Device) -> Tensor<D> {
        match self {
            Self::Default => uniform(shape, shape, device),
            Self::KaimingNormal => kaiming_normal(shape, device),
            Self::KaimingFanOut => normal(shape, (2.0 / fan_out(&shape)).sqrt(), device),
            Self::KaimingUniform => {
                let bound = (6.0 / fan_in(&shape)).sqrt();
                random::tensor(shape, Distribution::Uniform(-bound, bound), device)
            }
            Self::Icnr { scale } => {
                let mut kernels = shape;
                kernels[0] /= scale * scale;
                icnr(kaiming_normal(kernels, device), scale)
            }
            Self::Small => normal(shape, 0.01, device),
        }
    }

    /// The bias of a layer whose weight has this shape.
    pub(crate) fn bias<const D: usize>(
        self,
        len: usize,
        weight: [usize; D],
        device: &Device,
    ) -> Tensor<1> {
        match self {
            Self::Default => uniform([len], weight, device),
            Self::KaimingNormal
            | Self::KaimingFanOut
            | Self::KaimingUniform
            | Self::Icnr { .. }
            | Self::Small => Tensor::zeros([len], device),
        }
    }
}

/// Uniform in ±1/sqrt(fan_in) of a weight's shape.
pub(crate) fn uniform<const D: usize, const W: usize>(
    shape: [usize; D],
    weight: [usize; W],
    device: &Device,
) -> Tensor<D> {
    let bound = 1.0 / fan_in(&weight).sqrt();
    random::tensor(shape, Distribution::Uniform(-bound, bound), device)
}

/// Normal with standard deviation sqrt(2 / fan_in).
pub fn kaiming_normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    normal(shape, (2.0 / fan_in(&shape)).sqrt(), device)
}

/// Each kernel `scale`² times in a row, `[n, ..]` → `[n * scale², ..]`: the channels that a pixel
/// shuffle makes a square of are all alike.
pub fn icnr<const D: usize>(kernels: Tensor<D>, scale: usize) -> Tensor<D> {
    let mut shape = kernels.dims();
    let (n, copies) = (shape[0], scale * scale);
    let rest = shape[1..].iter().product();
    let all: Tensor<3> = kernels.reshape([n, 1, rest]).repeat_dim(1, copies);
    shape[0] = n * copies;
    all.reshape(shape)
}

fn normal<const D: usize>(shape: [usize; D], std: f64, device: &Device) -> Tensor<D> {
    random::tensor(shape, Distribution::Normal(0.0, std), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Layer,
        layer::{Conv1d, Conv2dConfig, ConvTranspose2d, Linear},
        weights::state_dict,
    };

    /// Largest value and standard deviation of a fresh weight and bias.
    fn spread(layer: &dyn Layer) -> [(f64, f64); 2] {
        let state = state_dict(layer);
        ["weight", "bias"].map(|name| {
            let values = &state.get(name).unwrap().values;
            let squares: f64 = values.iter().map(|v| f64::from(*v).powi(2)).sum();
            let largest = values.iter().fold(0f32, |max, v| max.max(v.abs()));
            (f64::from(largest), (squares / values.len() as f64).sqrt())
        })
    }

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 0.1 * expected
    }

    #[test]
    fn the_default_is_pytorchs() {
        let device = Device::flex();
        let conv = Conv2dConfig::new([8, 128], 3);
        // A transposed convolution counts its outputs as PyTorch does.
        let transposed = Conv2dConfig::new([64, 128], 2);
        let layers: [(Box<dyn Layer>, f64); 4] = [
            (Box::new(conv.init(&device)), 8.0 * 9.0),
            (Box::new(Conv1d::new(conv, &device)), 8.0 * 3.0),
            (Box::new(ConvTranspose2d::new(transposed, &device)), 128.0 * 4.0),
            (Box::new(Linear::new(64, 256, &device)), 64.0),
        ];
        for (layer, fan_in) in layers {
            let bound = 1.0 / fan_in.sqrt();
            for (largest, _) in spread(&*layer) {
                assert!(largest <= bound && near(largest, bound), "{}: {largest}", layer.name());
            }
        }
    }

    #[test]
    fn kaimings_is_normal_with_a_bias_of_zero() {
        let device = Device::flex();
        let conv = Conv2dConfig::new([16, 128], 3).init_with(Init::KaimingNormal);
        let [(_, weight), (bias, _)] = spread(&conv.init(&device));
        assert!(near(weight, (2.0f64 / (16.0 * 9.0)).sqrt()), "{weight}");
        assert_eq!(bias, 0.0);
    }

    #[test]
    fn torchvisions_have_a_bias_of_zero() {
        let device = Device::flex();
        let conv = Conv2dConfig::new([16, 128], 3).init_with(Init::KaimingFanOut).init(&device);
        let linear = Linear::with_init(64, 256, Init::Small, &device);
        let layers: [(&dyn Layer, f64); 2] =
            [(&conv, (2.0f64 / (128.0 * 9.0)).sqrt()), (&linear, 0.01)];
        for (layer, std) in layers {
            let [(_, weight), (bias, _)] = spread(layer);
            assert!(near(weight, std), "{}: {weight}", layer.name());
            assert_eq!(bias, 0.0);
        }
        let conv = Conv2dConfig::new([16, 128], 3).init_with(Init::KaimingUniform).init(&device);
        let [(largest, _), (bias, _)] = spread(&conv);
        let bound = (6.0f64 / (16.0 * 9.0)).sqrt();
        assert!(largest <= bound && near(largest, bound), "{largest}");
        assert_eq!(bias, 0.0);
    }
}
