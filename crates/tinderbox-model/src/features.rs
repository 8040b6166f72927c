//! [`FeatureNet`]: a frozen network whose inner maps images are compared by.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use crate::{
    Error, Mode, Result, Sequential, Step, Trace,
    arch::Body,
    catch_panic, set_mode,
    watch::{in_channels, model_sizes},
};

/// Side of the image, in pixels, that is tried to see where maps become smaller: small enough to
/// take no time, large enough for five halvings.
const TRIED: usize = 64;

/// A frozen network that gives maps from inside: what a feature loss compares images by.
///
/// It is in evaluation mode whatever its owner does, and its weights have no gradients. Layers
/// behind the last one that is asked for are dropped.
///
/// # Example
/// The three maps of a VGG-16 that the lesson's super-resolution uses:
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use tinderbox_model::{FeatureNet, arch::VggConfig};
///
/// # fn main() -> tinderbox_model::Result<()> {
/// let vgg = VggConfig { depths: [1; 5], ..VggConfig::VGG16 }.features(&Device::flex());
/// let net = FeatureNet::before_pools(vgg, 3)?;
/// assert_eq!(net.layers(), ["10", "14", "18"]);
///
/// let x = Tensor::zeros([1, 3, 32, 32], &Device::flex());
/// let shapes: Vec<[usize; 4]> = net.features(x).iter().map(Tensor::dims).collect();
/// assert_eq!(shapes, [[1, 256, 8, 8], [1, 512, 4, 4], [1, 512, 2, 2]]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "FeatureLoss")]
#[doc(alias = "hook_outputs")]
pub struct FeatureNet {
    /// On a device with autodiff.
    network: Sequential,
    /// The same weights on the device without.
    without_autodiff: Sequential,
    taps: Vec<usize>,
}

impl FeatureNet {
    /// The last `n` layers before the map becomes smaller: in a VGG or a SqueezeNet those before each
    /// max-pool, in a ResNet or a MobileNet those before each block with a stride.
    ///
    /// A stride of the first layer has nothing before it. Of a network whose convolutions are one child
    /// called `features`, or its first of two, the layers inside are looked at.
    ///
    /// # Errors
    /// [`Error::NoFeatures`] if no color image of 64×64 pixels passes through the network,
    /// [`Error::FewFeatures`] if there are fewer than `n` such layers.
    pub fn before_pools(network: Sequential, n: usize) -> Result<Self> {
        let network = convolutions(network);
        let layers = network.len();
        let refused = || Error::NoFeatures { layers };
        let channels = in_channels(&network).ok_or_else(refused)?;
        let device = network.devices().first().cloned().unwrap_or_default();
        let sizes = catch_panic(|| model_sizes(&network, channels, [TRIED; 2], &device));
        let halvings = halvings(&sizes.map_err(|_| refused())?);
        match halvings.len().checked_sub(n) {
            Some(first) => Ok(Self::new(network, halvings[first..].to_vec())),
            None => Err(Error::FewFeatures { found: halvings.len(), wanted: n }),
        }
    }

    /// The layers of these names, in this order: children of the network, or of its convolutions, as
    /// [`before_pools`](Self::before_pools) looks at them. Those of a VGG have numbers: `["22", "32",
    /// "42"]`.
    ///
    /// # Errors
    /// [`Error::NoSuchLayer`].
    pub fn at<S: AsRef<str>>(network: Sequential, layers: &[S]) -> Result<Self> {
        let network = convolutions(network);
        let tap = |layer: &S| {
            network.position(layer.as_ref()).ok_or_else(|| Error::NoSuchLayer {
                name: layer.as_ref().to_owned(),
                layers: network.children().map(|(name, _)| name.to_owned()).collect(),
            })
        };
        let taps = layers.iter().map(tap).collect::<Result<_>>()?;
        Ok(Self::new(network, taps))
    }

    fn new(network: Sequential, taps: Vec<usize>) -> Self {
        let end = taps.iter().max().map_or(0, |last| last + 1);
        let next = network.children().nth(end).map(|(name, _)| name.to_owned());
        let network = match next.and_then(|next| network.clone().cut(&next)) {
            Some((needed, _)) => needed,
            None => network,
        };
        let is_autodiff = network.devices().first().is_some_and(Device::is_autodiff);
        let network = if is_autodiff { network } else { network.train() };
        let eval = set_mode(Box::new(network.no_grad()), Mode::Eval);
        let network: Sequential =
            eval.as_any().downcast_ref().cloned().expect("it went in as a list of layers");
        Self { without_autodiff: network.valid(), network, taps }
    }

    /// The names of the layers whose maps it gives.
    pub fn layers(&self) -> Vec<&str> {
        let name = |tap: &usize| self.network.children().nth(*tap).expect("a tap is a child").0;
        self.taps.iter().map(name).collect()
    }

    /// The maps of these images, a batch each, in the order of the [layers](Self::layers). What is
    /// computed from them has gradients for `x`, if it wants any.
    ///
    /// # Shapes
    /// - `x`: `[batch, channels, height, width]`, normalized as the network was trained
    /// - returns `[batch, features, ..]` for each layer
    ///
    /// # Panics
    /// If the network does not take such images.
    pub fn features(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let network = match x.is_autodiff() {
            true => &self.network,
            false => &self.without_autodiff,
        };
        let (_, maps) = network.forward_tapped(x.into(), &self.taps, &mut Trace::off());
        maps.into_iter().map(|map| map.expect_for("feature network")).collect()
    }

    /// How many numbers its innermost layers give for one image of this size: what the backward pass
    /// of [`features`](Self::features) reads again.
    ///
    /// # Panics
    /// As there.
    pub fn numbers(&self, [channels, height, width]: [usize; 3]) -> usize {
        let device = self.without_autodiff.devices().first().cloned().unwrap_or_default();
        let (mut layers, mut last) = (Vec::new(), Vec::new());
        let mut count = |step: Step<'_>| {
            // Children are shown before what holds them, which gives the last one's again.
            if last.starts_with(step.path) {
                layers.pop();
            }
            last = step.path.to_vec();
            layers.push(step.output.dims().iter().product::<usize>());
        };
        let x = Tensor::<4>::zeros([1, channels, height, width], &device);
        let mut trace = Trace::new(&mut count);
        self.without_autodiff.forward_tapped(x.into(), &self.taps, &mut trace);
        layers.iter().sum()
    }

    /// [`features`](Self::features) without gradients: of images that others are compared with. They
    /// are constants wherever they are used.
    ///
    /// # Panics
    /// As there.
    pub fn features_of_target(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        self.features(x.without_autodiff())
    }
}

/// The layers of a network whose convolutions are one child.
fn convolutions(network: Sequential) -> Sequential {
    let inner = network.children().find(|(name, _)| *name == "features");
    match inner.and_then(|(_, layer)| layer.as_any().downcast_ref::<Sequential>()) {
        Some(features) => features.clone(),
        None => Body::new(network).opened().layers,
    }
}

/// The children after which a map has at most three quarters of its side: less is lost at edges
/// without padding. The pool over all of a map belongs to a classifier.
fn halvings(sizes: &[Vec<usize>]) -> Vec<usize> {
    let is_halved = |at: &usize| match (&sizes[*at][..], &sizes[at + 1][..]) {
        ([_, _, height, _], [_, _, next, _]) => *next > 1 && 4 * next <= 3 * height,
        _ => false,
    };
    (0..sizes.len().saturating_sub(1)).filter(is_halved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{ArchSpec, VggConfig, create_body, find};

    fn network(name: &str) -> Sequential {
        match name {
            // Without the classifier's hundred million weights.
            "vgg11_bn" => VggConfig { hidden: 8, ..VggConfig::VGG11 }.init(&Device::flex()),
            _ => ArchSpec::new(name, 3, 10, [64, 64]).unwrap().build(&Device::flex()).unwrap(),
        }
    }

    #[test]
    fn the_layers_before_each_halving_are_found() {
        let cases: [(&str, &[&str]); 4] = [
            ("vgg11_bn", &["2", "6", "13", "20", "27"]),
            ("squeezenet1_1", &["1", "4", "7"]),
            ("resnet18", &["relu", "layer1", "layer2", "layer3"]),
            ("mobilenet_v2", &["1", "3", "6", "13"]),
        ];
        for (name, layers) in cases {
            let network = network(name);
            for n in [layers.len(), 2] {
                let net = FeatureNet::before_pools(network.clone(), n).unwrap();
                assert_eq!(net.layers(), layers[layers.len() - n..], "{name}");
            }
        }
    }

    #[test]
    fn a_body_is_taken_like_its_network() {
        let network = network("vgg11_bn");
        let body = create_body(find("vgg11_bn").unwrap(), network.clone()).unwrap();
        let net = FeatureNet::before_pools(body.layers, 3).unwrap();
        assert_eq!(net.layers(), ["13", "20", "27"]);
        let net = FeatureNet::at(network, &["13", "2"]).unwrap();
        assert_eq!(net.layers(), ["13", "2"]);
        let x = Tensor::zeros([1, 3, 16, 16], &Device::flex());
        let shapes: Vec<[usize; 4]> = net.features(x).iter().map(Tensor::dims).collect();
        assert_eq!(shapes, [[1, 256, 4, 4], [1, 64, 16, 16]]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let vgg = VggConfig { depths: [1; 5], ..VggConfig::VGG11 };
        let layers = || vgg.features(&Device::flex());
        let error = FeatureNet::at(layers(), &["2", "x"]).unwrap_err();
        assert_eq!(error.to_string(), "the network has no layer `x`");
        assert!(error.hint().unwrap().starts_with("choose one of 0, 1, 2"));
        let error = FeatureNet::before_pools(layers(), 6).unwrap_err();
        assert_eq!(
            error.to_string(),
            "6 layers of the feature network are to be compared, but its maps become smaller only 5 times"
        );
        assert!(error.hint().is_some());
        let error = FeatureNet::before_pools(Sequential::new(), 1).unwrap_err();
        assert_eq!(error.to_string(), "images do not pass through the body, which has 0 layers");
    }

    #[test]
    fn gradients_are_for_the_image_alone() {
        let vgg = VggConfig { depths: [1; 5], ..VggConfig::VGG11 };
        let device = Device::flex().autodiff();
        let net = FeatureNet::before_pools(vgg.features(&device), 3).unwrap();
        let x = Tensor::<4>::ones([1, 3, 32, 32], &device).require_grad();
        let maps = net.features_of_target(x.clone());
        assert!(maps.iter().all(|map| !map.is_autodiff()));
        let maps = net.features(x.clone());
        let loss = maps.into_iter().map(Tensor::mean).reduce(|a, b| a + b).unwrap();
        let gradients = loss.backward();
        let gradient = x.grad(&gradients).expect("x requires a gradient");
        assert!(gradient.abs().sum().into_scalar::<f32>() > 0.0);
        let frozen = crate::groups::parameters(&net.network);
        assert!(frozen.iter().all(|parameter| !parameter.trainable));
        // The same image gives the same maps: no statistic follows what it sees.
        let again = || net.features(x.clone())[0].clone().sum().into_scalar::<f32>();
        assert_eq!(again(), again());
    }
}
