//! The lesson's U-Net on CamVid, beside what the notebook printed.

use std::path::{Path, PathBuf};

use super::{LessonError, Published};
use crate::{
    ImageSize, Job, Location, Result, Segment, Settings, Task, Trained, Valid, train,
    weights::Pretrained,
};

/// What the notebook printed: at half size and then, from there, at full size, each first with the
/// body as it was and then with all of it trained.
#[expect(clippy::unreadable_literal, reason = "digits as they were printed")]
pub const CAMVID: [Published; 2] = [
    Published {
        model: "180x240",
        heading: "U-Net on resnet34, half size",
        lr: 2e-3,
        parameters: 41_133_018,
        epochs: &[
            [1.797555, 1.140855, 0.666712],
            [1.108703, 0.773872, 0.779746],
            [0.780712, 0.517655, 0.865303],
            [0.618028, 0.496499, 0.866009],
            [0.542120, 0.484854, 0.861792],
            [0.490998, 0.412183, 0.857062],
            [0.458476, 0.363839, 0.895877],
            [0.426327, 0.377631, 0.885415],
            [0.381760, 0.307907, 0.908467],
            [0.325531, 0.288052, 0.907133],
            [0.277594, 0.273819, 0.913931],
            [0.271254, 0.266760, 0.916620],
            [0.269084, 0.269211, 0.915474],
            [0.273889, 0.295377, 0.914132],
            [0.268701, 0.312179, 0.906329],
            [0.295838, 0.363080, 0.902990],
            [0.304576, 0.323809, 0.898795],
            [0.290066, 0.267403, 0.920294],
            [0.274901, 0.274512, 0.914693],
            [0.275207, 0.273877, 0.920632],
            [0.248439, 0.236959, 0.931970],
            [0.224031, 0.253183, 0.926807],
        ],
    },
    Published {
        model: "360x480",
        heading: "U-Net on resnet34, full size",
        lr: 1e-3,
        parameters: 41_133_018,
        epochs: &[
            [0.197342, 0.242197, 0.929653],
            [0.195649, 0.237269, 0.930523],
            [0.192771, 0.253759, 0.926123],
            [0.197877, 0.244278, 0.931226],
            [0.197267, 0.255444, 0.927470],
            [0.206536, 0.371523, 0.913392],
            [0.210372, 0.267855, 0.927450],
            [0.210874, 0.278875, 0.915120],
            [0.205951, 0.256743, 0.929986],
            [0.184149, 0.227250, 0.939358],
            [0.163259, 0.226014, 0.939663],
            [0.159221, 0.223871, 0.940497],
            [0.159171, 0.242006, 0.938531],
            [0.158257, 0.223698, 0.941702],
            [0.156215, 0.227719, 0.941239],
            [0.155152, 0.226728, 0.941032],
            [0.150818, 0.230083, 0.940657],
            [0.149479, 0.229187, 0.940948],
            [0.148236, 0.229072, 0.941316],
            [0.148074, 0.234124, 0.940629],
        ],
    },
];

/// The epochs of the notebook's fits: of the way up, and of everything.
const EPOCHS: [[usize; 2]; 2] = [[10, 12], [10, 10]];

/// Trains the lesson's U-Net on CamVid, with the notebook's settings where `settings` has none: at
/// 180×240 pixels with its 10 and 12 epochs, or, from such a run, at 360×480 with 10 and 10.
///
/// The data is the folder of CamVid, as the lesson's page has it (`images/`, `labels/`, `valid.txt`)
/// or the paper's (`train/`, `trainannot/`, `val/`, `valannot/`).
///
/// # Errors
/// [`LessonError::NoCamvid`]; as [`train`].
pub fn lesson_camvid(
    settings: &Settings<Segment>,
    job: &Job,
) -> Result<(Trained, &'static Published)> {
    let (settings, published) = camvid_settings(settings)?;
    Ok((train(&settings, job)?, published))
}

fn camvid_settings(
    settings: &Settings<Segment>,
) -> Result<(Settings<Segment>, &'static Published)> {
    let mut settings = settings.clone();
    let stage = usize::from(settings.task.image.from.is_some());
    let root = Segment::sources(&settings).need("images")?.to_owned();
    let (images, masks) = folders(&root)?;
    let [epochs, unfrozen] = EPOCHS[stage];
    let (common, task) = (&mut settings.common, &mut settings.task);
    if images == masks && common.valid.is_none() {
        common.valid = Some(Valid::Named("val".into()));
    }
    common.data = None;
    (task.images, task.masks) = (Some(Location::from(images)), Some(Location::from(masks)));
    if stage == 0 {
        task.image.arch.get_or_insert_with(|| "resnet34".into());
        task.image.pretrained.get_or_insert(Pretrained::Auto);
    }
    task.image.size.get_or_insert(ImageSize([[180, 240], [360, 480]][stage]));
    if task.image.pretrained == Some(Pretrained::No) {
        // There is no body to freeze: everything is trained in all of the epochs.
        common.epochs.get_or_insert(epochs + unfrozen);
    } else {
        common.epochs.get_or_insert(epochs);
        task.image.unfreeze_epochs.get_or_insert(unfrozen);
    }
    Ok((settings, &CAMVID[stage]))
}

/// Where images and masks are.
fn folders(root: &Path) -> Result<(PathBuf, PathBuf)> {
    let has = |names: &[&str]| names.iter().all(|name| root.join(name).is_dir());
    if has(&["images", "labels"]) {
        return Ok((root.join("images"), root.join("labels")));
    }
    match has(&["train", "trainannot", "val", "valannot"]) {
        true => Ok((root.to_owned(), root.to_owned())),
        false => Err(LessonError::NoCamvid { folder: root.to_owned() }.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn both_ways_of_sorting_camvid_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let error = folders(root).unwrap_err().to_string();
        assert!(error.contains("is not CamVid"), "{error}");
        for name in ["train", "trainannot", "val", "valannot"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        assert_eq!(folders(root).unwrap(), (root.to_owned(), root.to_owned()));
        for name in ["images", "labels"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        assert_eq!(folders(root).unwrap(), (root.join("images"), root.join("labels")));
    }

    #[test]
    fn a_body_is_trained_last_unless_it_is_new() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["images", "labels"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let check = |pretrained, wanted| {
            let mut settings = Settings::<Segment>::new(folder.path(), "run");
            settings.task.image.pretrained = pretrained;
            let (settings, _) = camvid_settings(&settings).unwrap();
            let image = settings.task.image;
            assert_eq!((settings.common.epochs, image.unfreeze_epochs, image.pretrained), wanted);
        };
        check(None, (Some(10), Some(12), Some(Pretrained::Auto)));
        check(Some(Pretrained::No), (Some(22), None, Some(Pretrained::No)));
    }

    #[test]
    fn as_many_epochs_are_published_as_there_are() {
        for (published, epochs) in CAMVID.iter().zip(EPOCHS) {
            assert_eq!(published.epochs.len(), epochs.iter().sum::<usize>());
        }
    }
}
