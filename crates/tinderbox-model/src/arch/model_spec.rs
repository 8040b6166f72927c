//! Any model that can be built again.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ArchSpec, CnnSpec, TextSpec, UnetConfig, UnetSpec};
use crate::{
    Layer, Result,
    weights::{StateDict, state_dict},
};

/// An architecture with its sizes, for images or for text. A saved one is told by its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ModelSpec {
    Image(ArchSpec),
    /// A body and a new head, for transfer learning.
    Cnn(CnnSpec),
    /// For a class at each pixel, or an image.
    Unet(UnetSpec),
    Text(TextSpec),
}

impl ModelSpec {
    /// Builds it with fresh weights from the device's generator.
    ///
    /// # Errors
    /// As [`ArchSpec::build`], [`UnetSpec::build`] and [`TextSpec::build`].
    pub fn build(&self, device: &Device) -> Result<Box<dyn Layer>> {
        match self {
            Self::Image(spec) => Ok(Box::new(spec.build(device)?)),
            Self::Cnn(spec) => Ok(Box::new(spec.build(device)?.model)),
            Self::Unet(spec) => Ok(Box::new(spec.build(device)?.model)),
            Self::Text(spec) => spec.build(device),
        }
    }

    /// The paths at which the second, third, … parameter group begins.
    ///
    /// # Errors
    /// As [`ArchSpec::arch`] and [`UnetSpec::build`].
    pub fn groups(&self) -> Result<Vec<String>> {
        match self {
            Self::Image(spec) => {
                Ok(spec.arch()?.groups.iter().map(|path| (*path).to_owned()).collect())
            }
            Self::Cnn(spec) => Ok(spec.build(&Device::flex())?.groups),
            Self::Unet(spec) => Ok(spec.build(&Device::flex())?.groups),
            Self::Text(spec) => Ok(spec.groups()),
        }
    }

    /// The same for this many numbers that come out.
    #[must_use]
    pub fn with_outputs(self, n: usize) -> Self {
        match self {
            Self::Image(spec) => Self::Image(ArchSpec { classes: n, ..spec }),
            Self::Cnn(spec) => Self::Cnn(CnnSpec { classes: n, ..spec }),
            Self::Unet(spec) => {
                Self::Unet(UnetSpec { unet: UnetConfig { classes: n, ..spec.unet }, ..spec })
            }
            Self::Text(spec) => Self::Text(spec.with_outputs(n)),
        }
    }

    /// Which of a model's weights do not depend on how many numbers come out: what another task can
    /// start from.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn body_of(&self, weights: &StateDict) -> Result<StateDict> {
        let wider = self.clone().with_outputs(self.outputs() + 1).build(&Device::flex())?;
        let wider = state_dict(&*wider);
        let mut body = StateDict::default();
        for (name, weight) in weights.iter() {
            if wider.get(name).is_some_and(|other| other.shape == weight.shape) {
                body.insert(name, weight.shape.clone(), weight.values.clone());
            }
        }
        Ok(body)
    }

    /// The sizes that stand in shapes of its weights: channels, classes, words, and so on. A model of
    /// so many weights has no larger ones.
    pub fn sizes(&self) -> Vec<usize> {
        // Not of weights: of images, and of the stretches that text is read in.
        const OTHERS: [&str; 3] = ["size", "bptt", "max_len"];
        let mut sizes = Vec::new();
        let mut left = vec![serde_json::to_value(self).expect("a spec is plain data")];
        while let Some(value) = left.pop() {
            match value {
                Value::Number(number) => sizes.extend(number.as_u64().map(|n| n as usize)),
                Value::Array(values) => left.extend(values),
                Value::Object(fields) => {
                    let fields = fields.into_iter().filter(|(key, _)| !OTHERS.contains(&&**key));
                    left.extend(fields.map(|(_, value)| value));
                }
                _ => {}
            }
        }
        sizes
    }

    /// Height and width of the images that it is built for, if it is for images.
    pub fn size(&self) -> Option<[usize; 2]> {
        match self {
            Self::Image(spec) => Some(spec.size),
            Self::Cnn(spec) => Some(spec.size),
            Self::Unet(spec) => Some(spec.unet.size),
            Self::Text(_) => None,
        }
    }

    /// The channels of the images that it is built for, if it is for images.
    pub fn in_channels(&self) -> Option<usize> {
        match self {
            Self::Image(spec) => Some(spec.in_channels),
            Self::Cnn(spec) => Some(spec.body.in_channels),
            Self::Unet(spec) => Some(spec.body.in_channels),
            Self::Text(_) => None,
        }
    }

    /// How many numbers come out: as many as there are classes, tags or words.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Image(spec) => spec.classes,
            Self::Cnn(spec) => spec.classes,
            Self::Unet(spec) => spec.unet.classes,
            Self::Text(spec) => spec.outputs(),
        }
    }
}

impl From<ArchSpec> for ModelSpec {
    fn from(spec: ArchSpec) -> Self {
        Self::Image(spec)
    }
}

impl From<CnnSpec> for ModelSpec {
    fn from(spec: CnnSpec) -> Self {
        Self::Cnn(spec)
    }
}

impl From<UnetSpec> for ModelSpec {
    fn from(spec: UnetSpec) -> Self {
        Self::Unet(spec)
    }
}

impl From<TextSpec> for ModelSpec {
    fn from(spec: TextSpec) -> Self {
        Self::Text(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{AwdLstmConfig, BodySpec, TextClassifierConfig};

    #[test]
    fn a_network_with_a_new_head_is_built_again_from_what_was_saved() {
        let body = BodySpec { until: Some("layer2".into()), ..BodySpec::new("resnet18").unwrap() };
        let spec = ModelSpec::from(CnnSpec::new(body, 7, [64, 48]));
        let saved = serde_json::to_string(&spec).unwrap();
        let read: ModelSpec = serde_json::from_str(&saved).unwrap();
        assert_eq!(read, spec);
        assert_eq!((read.outputs(), read.size(), read.in_channels()), (7, Some([64, 48]), Some(3)));
        assert_eq!(read.groups().unwrap(), ["1"]);
        assert_eq!(read.build(&Device::flex()).unwrap().name(), "Sequential");
    }

    #[test]
    fn the_last_layer_alone_depends_on_how_many_numbers_come_out() {
        let head = |spec: ModelSpec| {
            let weights = state_dict(&*spec.build(&Device::flex()).unwrap());
            let body = spec.body_of(&weights).unwrap();
            let names = weights.iter().map(|(name, _)| name.to_owned());
            names.filter(|name| body.get(name).is_none()).collect::<Vec<_>>()
        };
        let resnet = ArchSpec::new("resnet18", 3, 5, [64, 64]).unwrap();
        assert_eq!(head(resnet.into()), ["fc.bias", "fc.weight"]);
        let body = BodySpec { until: Some("layer2".into()), ..BodySpec::new("resnet18").unwrap() };
        let cnn = CnnSpec::new(body.clone(), 5, [64, 64]);
        assert_eq!(head(cnn.into()), ["1.8.bias", "1.8.weight"]);
        let unet = UnetSpec { body, unet: UnetConfig::new(4, [33, 40]) };
        assert_eq!(head(unet.into()), ["layers.9.0.bias", "layers.9.0.weight"]);
        let classifier = TextClassifierConfig::of(AwdLstmConfig::classifier(9), 3);
        let classifier = TextSpec::TextClassifier(classifier);
        assert_eq!(head(classifier.into()), ["1.layers.6.bias", "1.layers.6.weight"]);
    }

    #[test]
    fn a_unet_is_built_again_from_what_was_saved() {
        let body = BodySpec { until: Some("layer2".into()), ..BodySpec::new("resnet18").unwrap() };
        let spec = ModelSpec::from(UnetSpec { body, unet: UnetConfig::new(4, [33, 40]) });
        let saved = serde_json::to_string(&spec).unwrap();
        let read: ModelSpec = serde_json::from_str(&saved).unwrap();
        assert_eq!(read, spec);
        assert_eq!(read.outputs(), 4);
        assert_eq!(read.groups().unwrap(), ["layers.1"]);
        assert_eq!(read.build(&Device::flex()).unwrap().name(), "DynamicUnet");
    }

    #[test]
    fn a_saved_model_is_of_images_or_of_text() {
        let device = Device::flex();
        let image = ArchSpec::new("resnet18", 3, 5, [64, 64]).unwrap();
        let text = TextSpec::language_model("model5", 9).unwrap();
        // As they were saved before there were models of text.
        let saved = [serde_json::to_string(&image), serde_json::to_string(&text)];
        let specs = [ModelSpec::from(image), ModelSpec::from(text)];
        for (saved, spec) in saved.into_iter().zip(&specs) {
            assert_eq!(serde_json::from_str::<ModelSpec>(&saved.unwrap()).unwrap(), *spec);
        }
        assert_eq!(specs.each_ref().map(ModelSpec::outputs), [5, 9]);
        assert_eq!(specs[0].groups().unwrap(), ["layer3", "fc"]);
        assert_eq!(specs[1].groups().unwrap(), Vec::<String>::new());
        let names = specs.each_ref().map(|spec| spec.build(&device).unwrap().name());
        assert_eq!(names, ["Sequential", "Model5"]);
    }
}
