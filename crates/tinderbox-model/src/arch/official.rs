//! Weights that somebody else trained: where they are, and what they expect.

use super::densenet;
use crate::weights::StateDict;

/// Mean and standard deviation of each channel, of pixels in `0.0..=1.0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputStats {
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// ImageNet's, of red, green and blue.
pub const IMAGENET: InputStats =
    InputStats { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/// A file of weights on the servers of its authors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfficialWeights {
    /// Its name, which ends in the first digits of its hash: `resnet34-b627a593.pth`.
    pub file: &'static str,
    /// How large it is, in units of 2²⁰ bytes.
    pub megabytes: f64,
    /// What the images are normalized by that it was trained on.
    pub stats: InputStats,
}

impl OfficialWeights {
    /// torchvision's, trained on ImageNet.
    pub(super) const fn torchvision(file: &'static str, megabytes: f64) -> Self {
        Self { file, megabytes, stats: IMAGENET }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("https://download.pytorch.org/models/{}", self.file)
    }

    /// The first digits of the file's SHA-256.
    pub fn sha256_prefix(&self) -> &'static str {
        let (name, _) = self.file.rsplit_once('.').unwrap_or((self.file, ""));
        name.rsplit_once('-').map_or("", |(_, prefix)| prefix)
    }
}

/// The weights of a file of torchvision's by the names that it has for them today: files of a
/// DenseNet are older than these.
pub fn todays_names(weights: StateDict) -> StateDict {
    weights.renamed(|name| densenet::rename(name).unwrap_or_else(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_file_has_todays_names() {
        let mut weights = StateDict::default();
        weights.insert("features.denseblock1.denselayer2.conv.2.weight", vec![1], vec![2.0]);
        weights.insert("features.norm5.bias", vec![1], vec![3.0]);
        let weights = todays_names(weights);
        let names: Vec<&str> = weights.iter().map(|(name, _)| name).collect();
        let layer = "features.denseblock1.denselayer2.conv2.weight";
        assert_eq!(names, [layer, "features.norm5.bias"]);
        assert_eq!(weights.get(layer).unwrap().values, [2.0]);
    }
}
