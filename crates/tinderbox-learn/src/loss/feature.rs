//! The feature loss: images compared by what a pretrained network sees in them.

use std::cell::RefCell;

use burn::tensor::Tensor;
use tinderbox_model::{AnyTensor, FeatureNet};
use tinderbox_ops::fork;

use crate::loss::{IntoLoss, L1LossFlat, Loss, image_pair};

/// What a Gram part counts beside the square of its layer's weight: fastai's.
const STYLE: f64 = 5000.0;

/// The distance of two images in pixels, in the maps of a frozen network, and in which channels of
/// these maps go together.
///
/// It is the sum of its parts, which are columns of a fit's table: `pixel`, then `feat_0`, `feat_1`,
/// … for the maps of each layer times its weight, then `gram_0`, … for their
/// [Gram matrices](gram_matrix) times [their weights](Self::gram_weights): the square of the layer's
/// weight times 5000. Every part compares by the
/// mean absolute difference unless [`base`](Self::base) says otherwise.
///
/// Gradients are for the output alone; the target goes through the network without.
///
/// # Shapes
/// - output and target: `[batch, channels, height, width]`, normalized as the network was trained
/// - returns `[1]`
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tinderbox_learn::loss::{FeatureLoss, Loss};
/// use tinderbox_model::{FeatureNet, arch::VggConfig};
///
/// # fn main() -> tinderbox_learn::Result<()> {
/// // Its weights would be loaded here.
/// let vgg = VggConfig { depths: [1; 5], ..VggConfig::VGG16 }.features(&Device::flex());
/// let net = FeatureNet::before_pools(vgg, 3)?;
/// let loss = FeatureLoss::new(net, [5.0, 15.0, 2.0]);
/// assert_eq!(loss.part_names()[..2], ["pixel", "feat_0"]);
///
/// let x = Tensor::<4>::ones([1, 3, 32, 32], &Device::flex());
/// let value = loss.forward(x.clone().into(), x.into()).into_scalar::<f32>();
/// assert_eq!(value, 0.0);
/// # Ok(())
/// # }
/// ```
///
/// # Reference
/// Johnson et al., [Perceptual Losses for Real-Time Style Transfer and
/// Super-Resolution](https://arxiv.org/abs/1603.08155), 2016; the parts and their factors are those of
/// fast.ai's lesson on super-resolution.
#[doc(alias = "perceptual loss")]
#[doc(alias = "PerceptualLoss")]
pub struct FeatureLoss {
    net: FeatureNet,
    weights: Vec<f64>,
    /// Of the Gram parts, if there are any.
    gram_weights: Option<Vec<f64>>,
    /// Of the network's first strides, in pixels; 1 if images are compared as they lie.
    period: usize,
    base: Box<dyn Loss>,
    /// Of the last pass, without their graphs.
    parts: RefCell<Vec<Tensor<1>>>,
}

impl FeatureLoss {
    /// By the maps that `net` gives, with a weight for each of its layers. The lesson's for the last
    /// three of a VGG-16 are 5, 15 and 2.
    ///
    /// # Panics
    /// If there are not as many weights as layers.
    pub fn new(net: FeatureNet, weights: impl Into<Vec<f64>>) -> Self {
        let (weights, layers) = (weights.into(), net.layers().len());
        assert!(
            weights.len() == layers,
            "{} weights for the {layers} layers of the feature network",
            weights.len()
        );
        let gram_weights = weights.iter().map(|weight| weight.powi(2) * STYLE).collect();
        let (base, parts) = (Box::new(L1LossFlat), RefCell::default());
        Self { net, weights, gram_weights: Some(gram_weights), period: 1, base, parts }
    }

    /// Sets the weights of the Gram parts, one for each layer, instead of 5000 times the squares of
    /// the layers' weights.
    ///
    /// # Panics
    /// If there are not as many weights as layers.
    #[must_use]
    pub fn gram_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        let (weights, layers) = (weights.into(), self.weights.len());
        assert!(weights.len() == layers, "{} Gram weights for {layers} layers", weights.len());
        Self { gram_weights: Some(weights), ..self }
    }

    /// Without the Gram parts: the texture of an output is then free to differ.
    #[must_use]
    pub fn without_style(self) -> Self {
        Self { gram_weights: None, ..self }
    }

    /// Lets the network see the items of a batch from different places: each without `period` of the
    /// rows and columns at its edges. Images with at most twice as many stay whole.
    ///
    /// A network that begins with strides looks at every `period`-th pixel more closely than at the
    /// others, and images that are made for it have a grid. As batches are shuffled, an image is seen
    /// from another place in each epoch. Pixels are compared all the same.
    ///
    /// # Panics
    /// If `period` is 0.
    #[must_use]
    pub fn shifted(self, period: usize) -> Self {
        assert!(period > 0, "images cannot be shifted by less than one pixel");
        Self { period, ..self }
    }

    /// Compares by another loss than the mean absolute difference. It sees images, maps and Gram
    /// matrices, and gives one number.
    #[must_use]
    pub fn base<Args>(self, base: impl IntoLoss<Args>) -> Self {
        Self { base: base.into_loss(), ..self }
    }

    fn compare(&self, x: impl Into<AnyTensor>, y: impl Into<AnyTensor>) -> Tensor<1> {
        self.base.forward(x.into(), y.into())
    }

    /// In the order of their names.
    fn parts(&self, x: Tensor<4>, y: Tensor<4>) -> Vec<Tensor<1>> {
        let y = y.without_autodiff();
        let wanted = self.net.features_of_target(shifted(y.clone(), self.period));
        let [pixels, x] = fork(x);
        let found = self.net.features(shifted(x, self.period));
        let (mut features, mut styles) = (vec![self.compare(pixels, y)], Vec::new());
        for (layer, (mut found, wanted)) in found.into_iter().zip(wanted).enumerate() {
            if let Some(gram_weights) = &self.gram_weights {
                let [features, of_style] = fork(found);
                found = features;
                let (x, y) = (gram_matrix(of_style), gram_matrix(wanted.clone()));
                styles.push(self.compare(x, y) * gram_weights[layer]);
            }
            features.push(self.compare(found, wanted) * self.weights[layer]);
        }
        features.into_iter().chain(styles).collect()
    }
}

impl Loss for FeatureLoss {
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        let (x, y) = image_pair("FeatureLoss", output, target);
        let parts = self.parts(x, y);
        let values = parts.iter().map(|part| part.clone().without_autodiff());
        self.parts.replace(values.collect());
        parts.into_iter().reduce(|sum, part| sum + part).expect("there is the one of pixels")
    }

    fn part_names(&self) -> Vec<String> {
        let numbered = |name: &'static str| {
            (0..self.weights.len()).map(move |layer| format!("{name}_{layer}"))
        };
        let styles = numbered("gram").filter(|_| self.gram_weights.is_some());
        std::iter::once("pixel".to_owned()).chain(numbered("feat")).chain(styles).collect()
    }

    fn kept_numbers(&self, target: &[usize]) -> usize {
        let &[channels, height, width] = target else { return 0 };
        self.net.numbers([channels, height, width])
    }

    fn last_parts(&self) -> Vec<f64> {
        let parts = self.parts.borrow();
        parts.iter().map(|part| f64::from(part.clone().into_scalar::<f32>())).collect()
    }
}

/// The items of a batch as the network sees them: see [`FeatureLoss::shifted`].
fn shifted(x: Tensor<4>, period: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    if period == 1 || height.min(width) <= 2 * period {
        return x;
    }
    let item = |at: usize| {
        // All places in turn, neighbors of a batch at different rows and columns.
        let (top, left) = ((at + at / period) % period, at % period);
        let [bottom, right] = [height - period + top, width - period + left];
        x.clone().slice([at..at + 1, 0..channels, top..bottom, left..right])
    };
    Tensor::cat((0..batch).map(item).collect(), 0)
}

/// Which channels of a map go together: their products, averaged over all elements of the map.
///
/// # Shapes
/// `[batch, channels, height, width]` → `[batch, channels, channels]`, symmetric
///
/// # Reference
/// Gatys et al., [A Neural Algorithm of Artistic Style](https://arxiv.org/abs/1508.06576), 2015.
pub fn gram_matrix(x: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    // Pixels by channels: as the kernels leave a map, so that nothing moves.
    let pixels = x.permute([0, 2, 3, 1]).reshape([batch, height * width, channels]);
    pixels.clone().transpose().matmul(pixels) / (channels * height * width) as f64
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int};
    use tinderbox_model::arch::VggConfig;

    use super::*;
    use crate::loss::MSELossFlat;

    fn net(device: &Device) -> FeatureNet {
        let vgg = VggConfig { depths: [1; 5], ..VggConfig::VGG11 };
        FeatureNet::at(vgg.features(device), &["2", "6"]).unwrap()
    }

    fn images(device: &Device) -> [AnyTensor; 2] {
        let x = Tensor::<1, Int>::arange(0..768, device).float().sin();
        let y = x.clone().square() - 0.3;
        [x, y].map(|image| image.reshape::<4, _>([2, 3, 8, 16]).into())
    }

    #[test]
    fn the_loss_is_the_sum_of_its_parts() {
        let device = Device::flex();
        let cases = [
            (
                FeatureLoss::new(net(&device), [2.0, 3.0]),
                &["pixel", "feat_0", "feat_1", "gram_0", "gram_1"][..],
            ),
            (
                FeatureLoss::new(net(&device), [2.0, 3.0]).gram_weights([1e4, 2e4]),
                &["pixel", "feat_0", "feat_1", "gram_0", "gram_1"],
            ),
            (
                FeatureLoss::new(net(&device), [2.0, 3.0]).without_style(),
                &["pixel", "feat_0", "feat_1"],
            ),
        ];
        for (loss, names) in cases {
            assert_eq!(loss.part_names(), names);
            let [x, y] = images(&device);
            let value = f64::from(loss.forward(x, y).into_scalar::<f32>());
            let parts = loss.last_parts();
            assert_eq!(parts.len(), names.len());
            assert!(parts.iter().all(|part| *part > 0.0), "{parts:?}");
            assert!((value - parts.iter().sum::<f64>()).abs() < 1e-5 * value, "{value}: {parts:?}");
        }
    }

    #[test]
    fn what_the_network_gives_is_kept() {
        let device = Device::flex();
        let loss = FeatureLoss::new(net(&device), [2.0, 3.0]);
        // Convolutions of 64 and 128 maps, each with its norm and ReLU, and a pooling between them.
        let kept = 3 * 64 * 8 * 16 + 64 * 4 * 8 + 3 * 128 * 4 * 8;
        assert_eq!(loss.kept_numbers(&[3, 8, 16]), kept);
    }

    #[test]
    fn gram_parts_count_as_much_as_their_weights() {
        let device = Device::flex();
        let parts = |loss: &FeatureLoss| {
            let [x, y] = images(&device);
            loss.forward(x, y);
            loss.last_parts()
        };
        let loss = FeatureLoss::new(net(&device), [2.0, 3.0]);
        let usual = parts(&loss);
        let halved = parts(&loss.gram_weights([0.5 * 4.0 * STYLE, 0.5 * 9.0 * STYLE]));
        assert_eq!(usual[..3], halved[..3]);
        for (usual, halved) in usual[3..].iter().zip(&halved[3..]) {
            assert!((usual / 2.0 - halved).abs() < 1e-6 * usual, "{usual} and {halved}");
        }
    }

    #[test]
    fn the_base_is_what_parts_compare_by() {
        let device = Device::flex();
        let squared = FeatureLoss::new(net(&device), [1.0, 1.0]).base(MSELossFlat);
        let [x, y] = images(&device);
        squared.forward(x.clone(), y.clone());
        let pixel = f64::from(MSELossFlat.forward(x, y).into_scalar::<f32>());
        assert!((squared.last_parts()[0] - pixel).abs() < 1e-7);
    }

    #[test]
    fn items_of_a_batch_are_seen_from_all_places() {
        let (period, side) = (4, 12);
        // A pixel's number is its row times 100 and its column.
        let rows = Tensor::<1, Int>::arange(0..side, &Device::flex()).float();
        let image = rows.clone().reshape::<4, _>([1, 1, side as usize, 1]) * 100
            + rows.reshape::<4, _>([1, 1, 1, side as usize]);
        let seen = shifted(image.repeat_dim(0, 8), period);
        assert_eq!(seen.dims(), [8, 1, 8, 8]);
        let corners: Vec<f32> =
            seen.slice([0..8, 0..1, 0..1, 0..1]).into_data().try_to_vec().unwrap();
        assert_eq!(corners, [0.0, 101.0, 202.0, 303.0, 100.0, 201.0, 302.0, 3.0]);

        let small = Tensor::<4>::zeros([2, 1, 8, 20], &Device::flex());
        assert_eq!(shifted(small, period).dims(), [2, 1, 8, 20]);
    }

    #[test]
    fn a_gram_matrix_is_the_mean_product_of_channels() {
        let x = [[[[1.0, 2.0]], [[3.0, 4.0]]]];
        let gram = gram_matrix(Tensor::from_data(x, &Device::flex()));
        let gram: Vec<f32> = gram.into_data().try_to_vec().unwrap();
        assert_eq!(gram, [5.0, 11.0, 11.0, 25.0].map(|sum| sum / 4.0));
    }

    #[test]
    #[should_panic(expected = "1 weights for the 2 layers of the feature network")]
    fn every_layer_has_a_weight() {
        FeatureLoss::new(net(&Device::flex()), [1.0]);
    }

    #[test]
    #[should_panic(
        expected = "FeatureLoss: an output of shape [2, 3, 8, 16] for a target of shape [1, 3, 8, 16]"
    )]
    fn unequal_images_are_named() {
        let device = Device::flex();
        let [x, y] = images(&device);
        FeatureLoss::new(net(&device), [1.0, 1.0]).forward(x, y.items(0..1));
    }
}
