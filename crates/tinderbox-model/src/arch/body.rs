//! Networks taken apart: a body that makes features, for another head.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{ARCHS, Arch, ArchSpec, find, naming::of_body};
use crate::{
    Error, HeadConfig, Result, Sequential,
    init::Init,
    layer::SigmoidRange,
    watch::{in_channels, num_features},
    weights::{LoadReport, StateDict, Strict, load_state_dict, state_dict},
};

/// The part of a network that makes features of images.
#[derive(Debug, Clone)]
#[doc(alias = "create_body")]
pub struct Body {
    /// Named by position, as in fastai.
    pub layers: Sequential,
    /// The paths in it at which its second, third, … parameter group begins.
    pub groups: Vec<String>,
}

/// A model, and how its parameters are grouped for transfer learning.
#[derive(Debug, Clone)]
pub struct Grouped<M> {
    pub model: M,
    /// The paths at which the second, third, … parameter group begins; the last one is the head's.
    pub groups: Vec<String>,
}

/// fastai's `create_body`: a network of the table, with whatever weights it has, up to where the
/// table says.
///
/// # Errors
/// [`Error::NoBody`] if the table does not say.
///
/// # Example
/// What a pretrained network knows, in a model for seven classes of one's own:
///
/// ```
/// use burn::tensor::Device;
/// use tinderbox_model::arch::{ArchSpec, create_body, create_cnn, find};
///
/// # fn main() -> Result<(), tinderbox_model::Error> {
/// let device = Device::flex();
/// let network = ArchSpec::new("squeezenet1_1", 3, 1000, [224, 224])?.build(&device)?;
/// // Here its weights would be loaded.
/// let body = create_body(find("squeezenet1_1")?, network)?;
/// let cnn = create_cnn(body, 7, &device)?;
/// assert_eq!(cnn.groups, ["0.0.5", "0.0.8", "1"]);
/// # Ok(())
/// # }
/// ```
pub fn create_body(arch: &Arch, model: Sequential) -> Result<Body> {
    create_body_until(arch, model, cut(arch)?)
}

fn cut(arch: &Arch) -> Result<&'static str> {
    arch.cut.ok_or_else(|| Error::NoBody {
        arch: arch.name,
        known: ARCHS.iter().filter(|arch| arch.cut.is_some()).map(|arch| arch.name).collect(),
    })
}

/// [`create_body`] up to, and not including, a child of one's own choice: where the weights end, or
/// where the maps become too small.
///
/// # Errors
/// [`Error::NoSuchChild`].
pub fn create_body_until(arch: &Arch, model: Sequential, cut: &str) -> Result<Body> {
    let layers = named_until(model, cut)?;
    let groups = arch.groups.iter().filter_map(|path| numbered(&layers, path)).collect();
    Ok(Body { layers: layers.numbered(), groups })
}

/// The children before `cut`, by the network's names for them.
fn named_until(model: Sequential, cut: &str) -> Result<Sequential> {
    let names: Vec<String> = model.children().map(|(name, _)| name.to_owned()).collect();
    match model.cut(cut) {
        Some((layers, _)) => Ok(layers),
        None => Err(Error::NoSuchChild { name: cut.to_owned(), children: names }),
    }
}

/// A path whose first part is a child's position rather than its name.
fn numbered(layers: &Sequential, path: &str) -> Option<String> {
    let (child, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let at = layers.position(child)?;
    Some(match rest {
        Some(rest) => format!("{at}.{rest}"),
        None => at.to_string(),
    })
}

impl Body {
    /// Layers of one's own, in one group.
    pub fn new(layers: Sequential) -> Self {
        Self { layers, groups: Vec::new() }
    }

    /// The body whose children are the convolutions themselves, for a U-Net, which looks at the
    /// children: a VGG's or a DenseNet's `features` are one child otherwise. What comes behind that
    /// child is left out. Other bodies stay as they are.
    #[must_use]
    pub fn opened(self) -> Self {
        let first = self.layers.children().next();
        let inner = first.and_then(|(_, layer)| layer.as_any().downcast_ref::<Sequential>());
        let Some(inner) = inner.filter(|_| self.layers.len() <= 2).cloned() else { return self };
        let of_inner = |path: &String| numbered(&inner, path.strip_prefix("0.")?);
        let groups = self.groups.iter().filter_map(of_inner).collect();
        Self { groups, layers: inner.numbered() }
    }

    /// The channels that come out, found by trying; nothing if no image goes through.
    pub fn channels(&self, device: &Device) -> Option<usize> {
        num_features(&self.layers, in_channels(&self.layers)?, device)
    }

    /// The groups of a model in which the body is called `path`.
    pub(super) fn groups_in(&self, path: &str) -> Vec<String> {
        self.groups.iter().map(|group| format!("{path}.{group}")).collect()
    }
}

/// Which body, and enough to build it again. Saved with models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodySpec {
    /// As in [`ARCHS`].
    pub arch: String,
    pub in_channels: usize,
    /// The first child that is left out; where the table cuts, if it is not said.
    #[serde(default)]
    pub until: Option<String>,
}

impl BodySpec {
    /// The body of a network of the table, for color images.
    ///
    /// # Errors
    /// [`Error::UnknownArch`]; [`Error::NoBody`].
    pub fn new(arch: &str) -> Result<Self> {
        cut(find(arch)?)?;
        Ok(Self { arch: arch.to_owned(), in_channels: 3, until: None })
    }

    /// The body with fresh weights.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::NoSuchChild`].
    pub fn build(&self, device: &Device) -> Result<Body> {
        Ok(self.with(self.named(device)?))
    }

    /// The body with what there is of it among `weights`, by the network's names for them or another
    /// program's, behind whatever prefix, and the rest fresh. The report is about the body alone:
    /// weights of what comes behind it are unexpected.
    ///
    /// # Errors
    /// As [`build`](Self::build), and [`Error::OtherWeights`] if less than nine tenths of the body
    /// are among the weights, or they are another network's.
    pub fn build_with(&self, weights: StateDict, device: &Device) -> Result<(Body, LoadReport)> {
        let named = Box::new(self.named(device)?);
        let (weights, report) = of_body(find(&self.arch)?, &state_dict(&*named), weights)?;
        let (named, _) = load_state_dict(named, &weights, Strict::No)?;
        let named = named.as_any().downcast_ref::<Sequential>().cloned();
        Ok((self.with(named.expect("it was one before")), report))
    }

    pub(super) fn named(&self, device: &Device) -> Result<Sequential> {
        let arch = find(&self.arch)?;
        let spec = ArchSpec::new(arch.name, self.in_channels, IMAGENET_CLASSES, [224, 224])?;
        let until = self.until.as_deref().map_or_else(|| cut(arch), Ok)?;
        named_until(spec.build(device)?, until)
    }

    fn with(&self, layers: Sequential) -> Body {
        let groups = find(&self.arch).map_or(&[][..], |arch| arch.groups);
        let groups = groups.iter().filter_map(|path| numbered(&layers, path)).collect();
        Body { groups, layers: layers.numbered() }
    }
}

/// What a network tells apart whose body is all that is wanted.
const IMAGENET_CLASSES: usize = 1000;

/// fastai's `create_cnn_model`: a body and a head of fresh weights for these classes, as fastai's
/// defaults have it. Children: `0` the body, `1` the head.
///
/// # Errors
/// [`Error::NoFeatures`] if no image goes through the body.
#[doc(alias = "create_cnn_model")]
pub fn create_cnn(body: Body, classes: usize, device: &Device) -> Result<Grouped<Sequential>> {
    create_cnn_with(body, HeadConfig::new(0, classes), device)
}

/// [`create_cnn`] with a head of one's own settings, whose channels are the body's.
///
/// # Errors
/// As there.
pub fn create_cnn_with(
    body: Body,
    head: HeadConfig,
    device: &Device,
) -> Result<Grouped<Sequential>> {
    let channels = body.channels(device).ok_or(Error::NoFeatures { layers: body.layers.len() })?;
    let mut groups = body.groups_in("0");
    groups.push("1".to_owned());
    let head = HeadConfig { channels, ..head }.init(device);
    Ok(Grouped { model: Sequential::new().push(body.layers).push(head), groups })
}

/// A body of the table under a head of fastai's: enough to build it again. Saved with models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CnnSpec {
    pub body: BodySpec,
    /// How many numbers come out.
    pub classes: usize,
    /// Height and width of the images, in pixels.
    pub size: [usize; 2],
    /// The lowest and the highest number that comes out, by a [`SigmoidRange`] at the end; any if
    /// there are none. fastai's `y_range`, for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_range: Option<[f64; 2]>,
    /// The head's dropout before its last layer, half of it before the one above; fastai's 0.5 if it
    /// is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
}

impl CnnSpec {
    /// A body under a head for this many classes, or numbers of any range.
    pub fn new(body: BodySpec, classes: usize, size: [usize; 2]) -> Self {
        Self { body, classes, size, y_range: None, dropout: None }
    }

    /// The model with fresh weights, and its groups.
    ///
    /// # Errors
    /// As [`BodySpec::build`] and [`create_cnn`].
    pub fn build(&self, device: &Device) -> Result<Grouped<Sequential>> {
        self.headed(self.body.build(device)?, device)
    }

    /// The same on what there is of a pretrained network, with a report of it.
    ///
    /// # Errors
    /// As [`BodySpec::build_with`] and [`create_cnn`].
    pub fn build_with(
        &self,
        weights: StateDict,
        device: &Device,
    ) -> Result<(Grouped<Sequential>, LoadReport)> {
        let (body, report) = self.body.build_with(weights, device)?;
        Ok((self.headed(body, device)?, report))
    }

    fn headed(&self, body: Body, device: &Device) -> Result<Grouped<Sequential>> {
        let usual = HeadConfig::new(0, self.classes);
        let dropout = self.dropout.map_or(usual.dropout.clone(), |dropout| vec![dropout]);
        // Numbers begin in the middle of their range: a sigmoid learns little at its ends.
        let last_init = self.y_range.map_or(usual.last_init, |_| Init::Small);
        let head = HeadConfig { dropout, last_init, ..usual };
        let Grouped { model, groups } = create_cnn_with(body, head, device)?;
        let model = match self.y_range {
            Some([low, high]) => model.push(SigmoidRange { low, high }),
            None => model,
        };
        Ok(Grouped { model, groups })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Distribution, Tensor};

    use super::*;
    use crate::{
        Forward,
        layer::{Flatten, ReLU},
    };

    fn body(name: &str) -> Result<Body> {
        let spec = ArchSpec::new(name, 3, 5, [64, 64])?;
        create_body(find(name)?, spec.build(&Device::flex())?)
    }

    #[test]
    fn groups_are_paths_in_the_body() {
        assert_eq!(body("resnet18").unwrap().groups, ["6"]);
        assert_eq!(body("densenet121").unwrap().groups, ["0.transition2"]);
        assert_eq!(body("densenet121").unwrap().opened().groups, ["7"]);
        assert_eq!(body("squeezenet1_0").unwrap().opened().groups, ["5", "8"]);
        assert_eq!(body("mobilenet_v2").unwrap().groups, Vec::<String>::new());
        assert_eq!(body("xresnet18").unwrap().layers.len(), 8);
        assert_eq!(body("resnet-small").unwrap().opened().layers.len(), 8);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let device = Device::flex();
        let spec = CnnSpec::new(BodySpec::new("resnet-small").unwrap(), 2, [32, 32]);
        let model = CnnSpec { y_range: Some([-1.0, 3.0]), ..spec }.build(&device).unwrap().model;
        let x = Tensor::<4>::random([4, 3, 32, 32], Distribution::Normal(0.0, 1e4), &device);
        let y: Vec<f32> = model.forward(x.into()).into_flat().try_into_vec_as().unwrap();
        assert_eq!(y.len(), 8);
        assert!(y.iter().all(|y| (-1.0..=3.0).contains(y)), "{y:?}");
        // They begin near the middle.
        let x = Tensor::<4>::random([4, 3, 32, 32], Distribution::Normal(0.0, 1.0), &device);
        let y: Vec<f32> = model.forward(x.into()).into_flat().try_into_vec_as().unwrap();
        assert!(y.iter().all(|y| (y - 1.0).abs() < 1.0), "{y:?}");
    }

    #[test]
    fn a_body_ends_where_it_is_told_to() {
        let arch = find("resnet18").unwrap();
        let build = || ArchSpec::new("resnet18", 3, 5, [64, 64]).unwrap().build(&Device::flex());
        let body = create_body_until(arch, build().unwrap(), "layer4").unwrap();
        assert_eq!((body.layers.len(), body.groups.as_slice()), (7, &["6".to_owned()][..]));
        assert_eq!(body.channels(&Device::flex()), Some(256));
        let error = create_body_until(arch, build().unwrap(), "layer5").unwrap_err();
        assert_eq!(error.to_string(), "there is no layer `layer5` to cut before");
        assert!(
            error.hint().unwrap().starts_with("choose one of conv1, bn1, relu, maxpool, layer1")
        );
    }

    #[test]
    fn what_there_is_of_a_body_is_loaded() {
        let device = Device::flex();
        let spec = BodySpec { until: Some("layer2".into()), ..BodySpec::new("resnet18").unwrap() };
        let full = BodySpec::new("resnet18").unwrap();
        let mut weights = StateDict::default();
        for (name, weight) in state_dict(&full.named(&device).unwrap()).iter() {
            if name != "bn1.bias" {
                weights.insert(name, weight.shape.clone(), weight.values.clone());
            }
        }
        weights.insert("conv1.weight", vec![64, 3, 7, 7], vec![0.5; 64 * 3 * 49]);

        let (body, report) = spec.build_with(weights, &device).unwrap();
        assert_eq!(report.missing, ["bn1.bias"]);
        assert!(report.unexpected.iter().all(|name| name.starts_with("layer")));
        assert_eq!((body.layers.len(), body.groups.len()), (5, 0));
        let loaded = state_dict(&body.layers);
        assert!(loaded.get("0.weight").unwrap().values.iter().all(|value| *value == 0.5));

        let mut other = StateDict::default();
        other.insert("conv1.weight", vec![64, 1, 7, 7], vec![0.0; 64 * 49]);
        let error = spec.build_with(other, &device).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the weights are not those of resnet18: 1 of its body's 25 tensors are there\n  in the file: conv1.weight\n  expected: bn1.bias, bn1.running_mean, bn1.running_var, bn1.weight, …"
        );
    }

    #[test]
    fn not_all_networks_have_a_body() {
        let error = body("basic").unwrap_err();
        assert_eq!(error.to_string(), "`basic` has no body that could be pretrained or cut");
        assert!(error.hint().unwrap().starts_with("choose one of resnet-small, resnet18"));
    }

    #[test]
    fn a_body_that_gives_no_features_gets_no_head() {
        let device = Device::flex();
        let error = create_cnn(Body::new(Sequential::new().push(ReLU)), 2, &device).unwrap_err();
        assert_eq!(error.to_string(), "images do not pass through the body, which has 1 layers");
        assert!(error.hint().is_some());
        let flat =
            Sequential::new().push(crate::conv_layer(3, 4, &device)).push(Flatten::default());
        assert!(create_cnn(Body::new(flat), 2, &device).is_ok());
    }
}
