//! Any model that can be built again.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{ArchSpec, CnnSpec, TextSpec, UnetSpec};
use crate::{Layer, Result};

/// An architecture with its sizes, for images or for text. A saved one is told by its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ModelSpec {
    Image(ArchSpec),
    /// A body and a new head, for transfer learning.
    Cnn(CnnSpec),
    /// For a class at each pixel, or a picture.
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
    use crate::arch::{BodySpec, UnetConfig};

    #[test]
    fn a_network_with_a_new_head_is_built_again_from_what_was_saved() {
        let body = BodySpec { until: Some("layer2".into()), ..BodySpec::new("resnet18").unwrap() };
        let spec = ModelSpec::from(CnnSpec { body, classes: 7, size: [64, 48] });
        let saved = serde_json::to_string(&spec).unwrap();
        let read: ModelSpec = serde_json::from_str(&saved).unwrap();
        assert_eq!(read, spec);
        assert_eq!((read.outputs(), read.size(), read.in_channels()), (7, Some([64, 48]), Some(3)));
        assert_eq!(read.groups().unwrap(), ["1"]);
        assert_eq!(read.build(&Device::flex()).unwrap().name(), "Sequential");
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
