//! What a user may say about training a segmenter.

use std::path::PathBuf;

use crate::{vision::Valid, weights::Pretrained};

/// Settings of [`train_segmenter`](super::train_segmenter). `None` means: the default, or what the
/// data calls for; and when a run is resumed, what it was begun with.
///
/// # Example
/// ```no_run
/// use tinderbox::{
///     vision::{self, SegmenterSettings},
///     weights::Pretrained,
/// };
///
/// # fn main() -> Result<(), tinderbox::Error> {
/// let settings = SegmenterSettings {
///     arch: Some("resnet34".into()),
///     pretrained: Some(Pretrained::Auto),
///     ..SegmenterSettings::new("camvid/images", "camvid/labels", "runs/camvid")
/// };
/// let trained = vision::train_segmenter(&settings, &tinderbox::quiet())?;
/// println!("of the pixels that are not void, right: {:?}", trained.accuracy);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SegmenterSettings {
    /// Folder with pictures in it, at any depth.
    pub images: PathBuf,
    /// Folder with their masks, called as they are or with a known ending; may be the same.
    pub masks: PathBuf,
    /// File with the name of a class in each line, in the order of the codes in the masks;
    /// `codes.txt` in or beside the folders.
    pub codes: Option<PathBuf>,
    /// The class whose pixels are not counted, or a code that has none, which is not learned either;
    /// the class called Void, if there is one.
    pub void: Option<String>,
    /// The run folder: everything the run makes, and was made with, goes there.
    pub out: PathBuf,
    pub valid: Valid,
    /// The body's architecture, of [`tinderbox_model::arch`]'s table.
    pub arch: Option<String>,
    /// The first child of it that is left out: a smaller body, or one whose weights end there.
    pub until: Option<String>,
    /// The weights that the body starts with; none.
    pub pretrained: Option<Pretrained>,
    /// A finished run whose weights this one starts with, at another size: its network and its
    /// classes are taken too.
    pub from: Option<PathBuf>,
    /// Height and width that pictures are resized to, in pixels.
    pub size: Option<[usize; 2]>,
    /// Epochs of the first fit, in which pretrained layers stay as they are.
    pub epochs: Option<usize>,
    /// Epochs of the second fit, of everything; 0 for none.
    pub unfreeze_epochs: Option<usize>,
    /// Learning rate at the first fit's peak.
    pub lr: Option<f64>,
    pub batch_size: Option<usize>,
    /// Batches whose gradients make a step together; 1.
    pub accumulate: Option<usize>,
    /// Seed of everything random; 42.
    pub seed: Option<u64>,
    /// As in [`TrainSettings`](crate::vision::TrainSettings), and so are those below.
    pub workers: Option<usize>,
    pub skip_bad: Option<usize>,
    pub checkpoint_every: Option<usize>,
    pub cache_bytes: Option<usize>,
    pub exact_conv: bool,
}

impl SegmenterSettings {
    /// Trains on the pictures and masks of two folders into `out`, everything else by default.
    pub fn new(
        images: impl Into<PathBuf>,
        masks: impl Into<PathBuf>,
        out: impl Into<PathBuf>,
    ) -> Self {
        Self {
            images: images.into(),
            masks: masks.into(),
            codes: None,
            void: None,
            out: out.into(),
            valid: Valid::Auto,
            arch: None,
            until: None,
            pretrained: None,
            from: None,
            size: None,
            epochs: None,
            unfreeze_epochs: None,
            lr: None,
            batch_size: None,
            accumulate: None,
            seed: None,
            workers: None,
            skip_bad: None,
            checkpoint_every: None,
            cache_bytes: None,
            exact_conv: false,
        }
    }
}
