//! How right a segmenter is about pictures whose masks are there.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tinderbox_data::{Array, TargetKind, Values, error::BadFile, image::open_mask};
use tinderbox_learn::{Bundle, metric::ConfusionMatrix};

use super::{Void, pairs::Pairs, plan::void, predict_mask};
use crate::{
    Error, Event, Result, Watch,
    vision::{ClassResult, interpret::mask_results},
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
    let TargetKind::Mask { classes, ignore } = inference.target() else {
        return Err(Error::NotASegmenter { what: inference.describe() });
    };
    let void = match (void(settings.void.as_deref(), classes)?, ignore) {
        (None, Some(code)) => Some(*code),
        (void, _) => void.map(Void::code),
    };
    let pairs = Pairs::find(&settings.images, &settings.masks, None)?;
    let total = pairs.masks.len();
    let mut matrix = ConfusionMatrix::new(classes.len());
    let mut bad = Vec::new();
    for (done, (image, mask)) in pairs.masks.iter().enumerate() {
        let image = settings.images.join(image);
        let one = compare(model, &image, mask, void, classes);
        match one {
            Ok(pairs) => pairs.into_iter().for_each(|(actual, said)| matrix.add(actual, said)),
            Err(Error::Data(error)) => bad.push(BadFile::new(image, &error)),
            Err(error) => return Err(error),
        }
        watch(&Event::Checking { done: done + 1, total });
    }
    if bad.len() > settings.skip_bad || bad.len() == total {
        let (checked, allowed) = (total, settings.skip_bad);
        return Err(tinderbox_data::Error::BadFiles { files: bad, checked, allowed }.into());
    }
    if !bad.is_empty() {
        watch(&Event::LeftOut(&bad));
    }
    let results = mask_results(&matrix, classes, void.map(i64::from));
    let ious: Vec<f64> = results.iter().filter_map(|class| class.iou).collect();
    Ok(MaskScores {
        pictures: total - bad.len(),
        accuracy: matrix.right() as f64 / matrix.total() as f64,
        mean_iou: ious.iter().sum::<f64>() / ious.len() as f64,
        classes: results,
    })
}

/// What is true and what the model says, for each pixel that counts.
fn compare(
    model: &Bundle,
    image: &Path,
    mask: &Path,
    void: Option<u16>,
    classes: &[String],
) -> Result<Vec<(usize, usize)>> {
    let said = predict_mask(model, image)?;
    let Array { shape, values: Values::I64(codes) } = open_mask(mask)? else {
        unreachable!("codes are whole numbers")
    };
    let size = [shape[1], shape[2]];
    let picture = [said.height, said.width];
    if size != picture {
        let path = mask.to_owned();
        return Err(tinderbox_data::Error::MaskSize { path, mask: size, picture }.into());
    }
    let counts = |code: &i64| void.is_none_or(|void| *code != i64::from(void));
    if let Some(code) = codes
        .iter()
        .filter(|code| counts(code))
        .find(|code| usize::try_from(**code).map_or(true, |code| code >= classes.len()))
    {
        let (path, classes) = (mask.to_owned(), classes.to_vec());
        return Err(tinderbox_data::Error::MaskCode { path, code: *code, classes }.into());
    }
    let both = codes.iter().zip(&said.codes).filter(|(code, _)| counts(code));
    Ok(both.map(|(code, said)| (*code as usize, usize::from(*said))).collect())
}
