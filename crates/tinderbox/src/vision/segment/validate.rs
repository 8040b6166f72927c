//! How right a segmenter is about pictures whose masks are there.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tinderbox_data::{TargetKind, Values, error::BadFile, label::mask_of};
use tinderbox_learn::{Bundle, metric::ConfusionMatrix};

use super::{pairs::Pairs, plan::void, predict_mask};
use crate::{
    Error, Event, Result, Watch,
    vision::{ClassResult, interpret::mask_results, use_model::left_out},
};

/// Settings of [`validate_masks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskValidation {
    /// Folder with pictures in it, at any depth.
    pub images: PathBuf,
    /// Folder with their masks, called as they are or with a known ending; may be the same.
    pub masks: PathBuf,
    /// The class whose pixels are not counted, or a code that has none; the class called Void, or
    /// the code that the model was not to learn.
    pub void: Option<String>,
    /// How many pictures without a readable mask may be left out.
    pub skip_bad: usize,
}

/// How right a segmenter is about some pictures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaskScores {
    pub pictures: usize,
    /// The share of the pixels that count.
    pub accuracy: f64,
    /// The mean over the classes that occur, of their overlap over their union.
    pub mean_iou: f64,
    /// Numbers of pixels.
    pub classes: Vec<ClassResult>,
}

/// Compares what the model says about pictures with their masks, at the pictures' own size.
///
/// # Errors
/// [`Error::NotASegmenter`]; [`Error::NoMasks`], [`Error::NoVoid`];
/// [`BadFiles`](tinderbox_data::Error::BadFiles) with all pictures that have no mask that fits, if
/// they are more than may be left out.
pub fn validate_masks(
    model: &Bundle,
    settings: &MaskValidation,
    watch: &Watch,
) -> Result<MaskScores> {
    let inference = &model.manifest.inference;
    let TargetKind::Mask { classes, ignore, .. } = inference.target() else {
        return Err(Error::NotASegmenter { what: inference.describe() });
    };
    let void = match (void(settings.void.as_deref(), classes)?, ignore) {
        (None, Some(code)) => Some(i64::from(*code)),
        (void, _) => void.map(|void| i64::from(void.code())),
    };
    let pairs = Pairs::find(&settings.images, &settings.masks, None)?;
    let total = pairs.masks.len();
    let mut matrix = ConfusionMatrix::new(classes.len());
    let mut bad = Vec::new();
    for (done, (image, mask)) in pairs.masks.iter().enumerate() {
        let image = settings.images.join(image);
        match compare(model, &image, mask, void, classes) {
            Ok(pairs) => pairs.into_iter().for_each(|(actual, said)| matrix.add(actual, said)),
            Err(Error::Data(error)) => bad.push(BadFile::new(image, &error)),
            Err(error) => return Err(error),
        }
        watch(&Event::Checking { done: done + 1, total });
    }
    Ok(MaskScores {
        pictures: total - left_out(bad, total, settings.skip_bad, watch)?,
        accuracy: matrix.right() as f64 / matrix.total() as f64,
        mean_iou: matrix.mean_iou(void),
        classes: mask_results(&matrix, classes, void),
    })
}

/// What is true and what the model says, for each pixel that counts.
fn compare(
    model: &Bundle,
    image: &Path,
    mask: &Path,
    void: Option<i64>,
    classes: &[String],
) -> Result<Vec<(usize, usize)>> {
    let said = predict_mask(model, image)?;
    let codes = mask_of(mask, Some([said.height, said.width]), classes, void)?;
    let Values::I64(codes) = codes.values else { unreachable!("codes are whole numbers") };
    let counts = |code: i64| Some(code) != void;
    let both = codes.into_iter().zip(said.codes).filter(|(code, _)| counts(*code));
    Ok(both.map(|(code, said)| (code as usize, usize::from(said))).collect())
}
