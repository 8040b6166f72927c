//! The losses of image-to-image models, as a plan has them.

use std::{fmt, path::Path, str::FromStr};

use burn::tensor::Device;
use schemars::json_schema;
use serde::{Deserialize, Serialize};
use tinderbox_data::Normalize;
use tinderbox_learn::{
    Learner,
    loss::{
        CharbonnierLoss, ColorLoss, FeatureLoss, L1LossFlat, MSELossFlat, MsSsimLoss, SsimLoss,
    },
};
use tinderbox_model::{
    FeatureNet,
    arch::{ARCHS, BodySpec},
    weights::StateDict,
};

use super::EnhanceError;
use crate::{
    Job, Result,
    plan::{ASKED, Choices},
    progress::downloads,
    settings::as_text,
    weights::{Found, Pretrained, WeightsFile, look},
};

/// The loss, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnhanceLoss {
    Mse,
    L1,
    Charbonnier,
    Ssim,
    MsSsim,
    Color,
    Feature(FeatureWeights),
}

/// The network whose features a loss compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureWeights {
    /// As in [`ARCHS`].
    pub arch: String,
    pub file: WeightsFile,
}

/// What training makes small: how far a prediction is from its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossName {
    /// Mean squared error: the lesson's for restoration.
    Mse,
    /// Mean absolute error, which blurs less.
    L1,
    /// A smooth mean absolute error.
    Charbonnier,
    /// One minus the structural similarity.
    Ssim,
    /// The same over several scales.
    MsSsim,
    /// A mean squared error in which colorful pixels count more.
    Color,
    /// The lesson's: pixels, features of a frozen network, and their Gram matrices.
    Feature,
}

/// By their names in settings.
const NAMES: [(&str, LossName); 7] = [
    ("mse", LossName::Mse),
    ("l1", LossName::L1),
    ("charbonnier", LossName::Charbonnier),
    ("ssim", LossName::Ssim),
    ("ms-ssim", LossName::MsSsim),
    ("color", LossName::Color),
    ("feature", LossName::Feature),
];

impl FromStr for LossName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, loss)| *loss).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

impl fmt::Display for LossName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, loss)| loss == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

as_text! {
    LossName: json_schema!({
        "type": "string",
        "enum": ["mse", "l1", "charbonnier", "ssim", "ms-ssim", "color", "feature"],
    });
}

impl EnhanceLoss {
    /// Gives a learner this loss. Images are normalized so.
    ///
    /// # Errors
    /// If the weights of the feature network are not what they were.
    pub(super) fn give(&self, learner: Learner, normalize: &Normalize) -> Result<Learner> {
        Ok(match self {
            Self::Mse => learner.loss(MSELossFlat),
            Self::L1 => learner.loss(L1LossFlat),
            Self::Charbonnier => learner.loss(CharbonnierLoss::default()),
            Self::Ssim => learner.loss(SsimLoss::new(normalize.clone())),
            Self::Color => learner.loss(ColorLoss::new(normalize.clone())),
            Self::MsSsim => learner.loss(MsSsimLoss::new(normalize.clone())),
            Self::Feature(FeatureWeights { arch, file }) => {
                // A finished model is elsewhere than where it was trained.
                let loss = feature_loss(arch, file.read()?, learner.network().device())?;
                learner.loss(loss)
            }
        })
    }
}

/// A network that features are compared by, at the last three layers before a pooling.
struct Compared {
    /// As in [`ARCHS`].
    arch: &'static str,
    /// The first child that is left out, if not all of the body is needed, or there.
    until: Option<&'static str>,
    /// How much the layers count.
    features: [f64; 3],
    /// Their Gram matrices; without, the lesson's 5000 times the squares of the others.
    grams: Option<[f64; 3]>,
    /// Of the strides at its beginning, in pixels.
    period: usize,
}

/// The networks that features are compared by, the best first.
///
/// The maps of other networks than VGG are of other magnitudes. Of a ×4 super-resolution model of
/// photographs, before it learns by this loss, the features count three times what they do in the
/// lesson's table: 0.230, 0.315 and 0.226, where pixels count 0.145. Gram matrices count a twentieth of
/// what they do there (0.553, 1.202 and 1.090): with all of it, edges are sharpened beyond the original's.
const COMPARED: [Compared; 4] = [
    Compared { arch: "vgg16_bn", until: None, features: [5.0, 15.0, 2.0], grams: None, period: 1 },
    Compared {
        arch: "resnet18",
        until: Some("layer4"),
        features: [14.0, 4.5, 6.3],
        grams: Some([420.0, 55.0, 500.0]),
        period: 4,
    },
    Compared {
        arch: "mobilenet_v2",
        until: None,
        features: [2.0, 2.4, 2.3],
        grams: Some([11.0, 22.0, 90.0]),
        period: 4,
    },
    Compared {
        arch: "squeezenet1_1",
        until: None,
        features: [5.4, 0.93, 0.15],
        grams: Some([37.0, 4.5, 0.36]),
        period: 4,
    },
];

/// How to compare by a network. All VGGs are alike.
///
/// # Errors
/// [`EnhanceError::NotCompared`] for a network whose features nobody has weighed.
fn compared(arch: &str) -> Result<&'static Compared> {
    let name = if arch.starts_with("vgg") { "vgg16_bn" } else { arch };
    let known = COMPARED.iter().find(|known| known.arch == name);
    known.ok_or_else(|| EnhanceError::NotCompared { arch: arch.to_owned() }.into())
}

fn feature_loss(arch: &str, weights: StateDict, device: &Device) -> Result<FeatureLoss> {
    let Compared { until, features, grams, period, .. } = compared(arch)?;
    let body = BodySpec { until: until.map(str::to_owned), ..BodySpec::new(arch)? };
    let (body, _) = body.build_with(weights, device)?;
    let net = FeatureNet::before_pools(body.opened().layers, features.len())?;
    let loss = FeatureLoss::new(net, *features).shifted(*period);
    Ok(match grams {
        Some(grams) => loss.gram_weights(*grams),
        None => loss,
    })
}

/// The feature losses of pretrained networks.
///
/// # Example
/// ```no_run
/// use tinderbox::prelude::*;
///
/// # fn example(data: DataBunch) -> Result<(), tinderbox::Error> {
/// let learn = unet_learner(data, "resnet34")?.loss(FeatureLoss::vgg16()?);
/// # Ok(())
/// # }
/// ```
pub trait PretrainedFeatures: Sized {
    /// The lesson's, by a VGG-16 with batch norm that was trained on ImageNet: its weights are
    /// downloaded if they are not in the cache.
    ///
    /// # Errors
    /// [`WeightsError`](crate::weights::WeightsError).
    fn vgg16() -> Result<Self> {
        Self::by("vgg16_bn", Pretrained::Auto)
    }

    /// By the best network whose weights are in the cache or can be downloaded: VGG-16, ResNet-18,
    /// MobileNetV2 or SqueezeNet 1.1.
    ///
    /// # Errors
    /// [`EnhanceError::NoFeatureNet`] if there are none.
    fn auto() -> Result<Self>;

    /// By a VGG, ResNet-18, MobileNetV2 or SqueezeNet 1.1, with these weights. [`FeatureLoss::new`]
    /// takes any other network, and how much its layers count.
    ///
    /// # Errors
    /// [`WeightsError`](crate::weights::WeightsError); [`EnhanceError::NotCompared`]; weights of another
    /// architecture.
    fn by(arch: &str, weights: Pretrained) -> Result<Self>;
}

impl PretrainedFeatures for FeatureLoss {
    fn auto() -> Result<Self> {
        let FeatureWeights { arch, file } = found(None, &downloads())?.0;
        feature_loss(&arch, file.read()?, &Device::default())
    }

    fn by(arch: &str, weights: Pretrained) -> Result<Self> {
        match look(Some(&weights), Some(arch), &[], &downloads())? {
            Found::File { arch, file, .. } => {
                feature_loss(arch.name, file.read()?, &Device::default())
            }
            Found::None { .. } => Err(EnhanceError::NoFeatureNet { tried: arch.to_owned() }.into()),
        }
    }
}

/// The network that a setting names, and what told which it is.
fn found(asked: Option<&str>, job: &Job) -> Result<(FeatureWeights, &'static str)> {
    let named = match asked {
        None | Some("auto") => None,
        Some(name) if ARCHS.iter().any(|arch| arch.name == name) => {
            Some((Pretrained::Auto, Some(name)))
        }
        Some(name) if !name.contains(['.', '/', '\\']) && !Path::new(name).exists() => {
            return Err(EnhanceError::NotCompared { arch: name.to_owned() }.into());
        }
        Some(file) => Some((Pretrained::File(file.into()), None)),
    };
    let found = match named {
        Some((weights, arch)) => look(Some(&weights), arch, &[], job)?,
        None => {
            match look(None, None, &COMPARED.map(|known| known.arch), job)? {
                // The best is large: a small one may still be had.
                Found::None { .. } => look(None, Some("squeezenet1_1"), &[], job)?,
                found @ Found::File { .. } => found,
            }
        }
    };
    match found {
        Found::File { arch, file, because } => {
            let because = if asked.is_some() { ASKED } else { because };
            Ok((FeatureWeights { arch: arch.name.to_owned(), file }, because))
        }
        Found::None { .. } => {
            let tried = COMPARED.map(|known| known.arch).join(", ");
            Err(EnhanceError::NoFeatureNet { tried }.into())
        }
    }
}

/// The network of a plan.
pub(super) fn feature_net(
    asked: Option<&str>,
    choices: &mut Choices,
    job: &Job,
) -> Result<FeatureWeights> {
    let (net, because) = found(asked, job)?;
    compared(&net.arch)?;
    choices.keep("feature_net", &Some(asked.unwrap_or("auto")));
    choices.tell("feature net", net.arch.clone(), because);
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_read_as_it_is_written() {
        for (name, loss) in NAMES {
            assert_eq!((name.parse(), loss.to_string()), (Ok(loss), name.to_owned()));
        }
        let error = "l2".parse::<LossName>().unwrap_err();
        assert_eq!(error, "expected one of mse, l1, charbonnier, ssim, ms-ssim, color, feature");
    }
    #[test]
    fn features_are_compared_by_networks_that_are_calibrated() {
        assert!(["vgg11", "vgg16_bn", "squeezenet1_1"].iter().all(|arch| compared(arch).is_ok()));
        let error = compared("densenet121").err().unwrap();
        assert_eq!(error.to_string(), "the feature loss is not calibrated for `densenet121`");
        assert!(error.hint().unwrap().contains("squeezenet1_1"));
    }
}
