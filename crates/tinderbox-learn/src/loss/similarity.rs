//! Structural similarity as a loss.

use burn::tensor::Tensor;
use tinderbox_data::Normalize;
use tinderbox_model::AnyTensor;

use crate::{
    loss::{Loss, image_pair},
    similarity::{denormalized, ms_ssim, ssim},
};

/// 1 minus the structural similarity of images: how unlike their brightness, contrast and structure
/// are in windows of 11 pixels, whatever single pixels are.
///
/// It compares pixels in `0.0..=1.0`: `new` takes the data's normalization, and what it says of targets
/// is undone for both images. The window is a Gaussian of standard deviation 1.5, and where it would
/// reach beyond the edge nothing is compared; images smaller than it have a window of their size. The
/// channels are averaged.
///
/// # Shapes
/// - output and target: `[batch, channels, height, width]`
/// - returns `[1]`, in `0.0..=2.0`
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tinderbox_data::Normalize;
/// use tinderbox_learn::loss::{Loss, SsimLoss};
///
/// let loss = SsimLoss::new(Normalize { targets: true, ..Normalize::imagenet() });
/// let gray = Tensor::<4>::zeros([1, 3, 32, 32], &Device::flex());
/// let value = loss.forward(gray.clone().into(), gray.into()).into_scalar::<f32>();
/// assert!(value.abs() < 1e-5);
/// ```
///
/// # Reference
/// Wang et al., [Image Quality Assessment: From Error Visibility to Structural
/// Similarity](https://doi.org/10.1109/TIP.2003.819861), 2004.
#[derive(Debug, Clone)]
#[doc(alias = "SSIM")]
pub struct SsimLoss {
    normalize: Option<Normalize>,
}

/// 1 minus the structural similarity at up to five sizes, each half of the one before: [`SsimLoss`],
/// which sees larger structures, too.
///
/// There are as many sizes as have room for the window: five from 176 pixels on, four from 88, three
/// from 44, two from 22. The paper's weights of fewer are divided by their sum. A rest of a pixel is
/// left out when a side is halved. Images that are opposites at some size count as 1, without a gradient.
///
/// # Shapes
/// - output and target: `[batch, channels, height, width]`
/// - returns `[1]`, in `0.0..=1.0`
///
/// # Reference
/// Wang et al., [Multiscale Structural Similarity for Image Quality
/// Assessment](https://doi.org/10.1109/ACSSC.2003.1292216), 2003.
#[derive(Debug, Clone)]
#[doc(alias = "MS-SSIM")]
pub struct MsSsimLoss {
    normalize: Option<Normalize>,
}

impl SsimLoss {
    /// Of images that were normalized so, or are in `0.0..=1.0` already.
    pub fn new(normalize: impl Into<Option<Normalize>>) -> Self {
        Self { normalize: of_targets(normalize.into()) }
    }
}

impl MsSsimLoss {
    /// Of images that were normalized so, or are in `0.0..=1.0` already.
    pub fn new(normalize: impl Into<Option<Normalize>>) -> Self {
        Self { normalize: of_targets(normalize.into()) }
    }
}

pub(super) fn of_targets(normalize: Option<Normalize>) -> Option<Normalize> {
    normalize.filter(|normalize| normalize.targets)
}

impl Loss for SsimLoss {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.unreduced(output, target).mean()
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let [x, y] = pixels("SsimLoss", output, target, self.normalize.as_ref());
        of_images(ssim(x, y))
    }
}

impl Loss for MsSsimLoss {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        self.unreduced(output, target).mean()
    }

    fn unreduced(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let [x, y] = pixels("MsSsimLoss", output, target, self.normalize.as_ref());
        of_images(ms_ssim(x, y))
    }
}

fn pixels(
    who: &str,
    output: AnyTensor,
    target: AnyTensor,
    normalize: Option<&Normalize>,
) -> [Tensor<4>; 2] {
    let (x, y) = image_pair(who, output, target);
    [x, y].map(|image| denormalized(image, normalize))
}

/// `[batch, channels]`, 1 for the same → `[batch]`, 0 for the same
fn of_images(similarity: Tensor<2>) -> Tensor<1> {
    1.0 - similarity.mean_dim(1).squeeze_dim(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::waves;

    #[test]
    fn normalized_images_are_compared_as_they_were() {
        let [x, y] = waves([32, 30], 0.13);
        let normalize =
            Normalize { targets: true, ..Normalize::new([0.4, 0.5, 0.6], [0.2, 0.25, 0.5]) };
        let row = |values: &[f32]| {
            Tensor::<1>::from_floats(values, &x.device()).reshape::<4, _>([1, 3, 1, 1])
        };
        let normalized = |image: &Tensor<4>| -> AnyTensor {
            ((image.clone() - row(&normalize.mean)) / row(&normalize.std)).into()
        };
        let cases: [[Box<dyn Loss>; 2]; 2] = [
            [Box::new(SsimLoss::new(normalize.clone())), Box::new(SsimLoss::new(None))],
            [Box::new(MsSsimLoss::new(normalize.clone())), Box::new(MsSsimLoss::new(None))],
        ];
        for [of_normalized, plain] in cases {
            let found = of_normalized.forward(normalized(&x), normalized(&y)).into_scalar::<f32>();
            let wanted = plain.forward(x.clone().into(), y.clone().into()).into_scalar::<f32>();
            assert!(wanted > 0.01 && (found - wanted).abs() < 1e-5, "{found}, {wanted}");
            let same = plain.forward(x.clone().into(), x.clone().into()).into_scalar::<f32>();
            assert!(same.abs() < 1e-5, "{same}");
        }
        // Statistics that are not for targets change nothing.
        let inputs = Normalize { targets: false, ..normalize };
        let found = SsimLoss::new(inputs).forward(x.clone().into(), y.clone().into());
        let wanted = SsimLoss::new(None).forward(x.into(), y.into());
        assert_eq!(found.into_scalar::<f32>(), wanted.into_scalar::<f32>());
    }

    #[test]
    fn each_image_has_a_value() {
        let ([x, y], [z, _]) = (waves([20, 24], 0.13), waves([20, 24], 0.5));
        let both = |a: &Tensor<4>, b: &Tensor<4>| -> AnyTensor {
            Tensor::cat(vec![a.clone(), b.clone()], 0).into()
        };
        let values = SsimLoss::new(None).per_item(both(&x, &z), both(&y, &z));
        let values: Vec<f32> = values.try_into_vec_as().unwrap();
        assert!(
            (values[0] - (1.0 - 0.826_05)).abs() < 1e-4 && values[1].abs() < 1e-5,
            "{values:?}"
        );
    }

    #[test]
    #[should_panic(
        expected = "SsimLoss: an output of shape [1, 3, 8, 8] for a target of shape [1, 3, 8, 9]"
    )]
    fn unequal_images_are_named() {
        let ([x, _], [y, _]) = (waves([8, 8], 0.1), waves([8, 9], 0.1));
        SsimLoss::new(None).forward(x.into(), y.into());
    }
}
