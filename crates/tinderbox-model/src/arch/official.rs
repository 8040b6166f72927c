//! Weights that somebody else trained: where they are, and what they expect.

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
