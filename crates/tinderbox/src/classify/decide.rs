//! The settings of image classification that are inferred from the folder or the table.

use std::path::{Path, PathBuf};

use tinderbox_data::{ImageItems, TargetKind, items::Table};

use super::{Classify, ClassifyError, label};
use crate::{
    Decided, Job, Result, Settings, Sources, Split,
    images::{
        LabelSource,
        recipe::{Outputs, Recipe, Wanted},
        table::{Asked, Learned, Listed, check_no_table},
    },
    plan::{Choices, batch_size, class_folders::ClassFolders, classes, survey::Survey},
    settings::unused,
};

pub(super) fn decide(
    ask: &Settings<Classify>,
    data: &Sources,
    choices: &mut Choices,
    job: &Job,
) -> Result<(Decided<Classify>, ImageItems)> {
    let (common, image) = (&ask.common, &ask.task.image);
    let Labels { items, survey, source, within, split, n_train, target } =
        match Table::is_one(data.need("data")?) {
            true => of_table(ask, data, choices, job)?,
            false => of_folders(ask, data, choices)?,
        };
    let threshold = match &target {
        TargetKind::MultiCategory { threshold, .. } => Some(*threshold),
        _ => {
            unused("threshold", ask.task.threshold.as_ref(), "each image has one class")?;
            None
        }
    };
    choices.keep("threshold", &threshold);
    let want = Wanted {
        common,
        image,
        survey: &survey,
        n_train,
        target: &target,
        outputs: Outputs::Classes,
    };
    let Recipe { input, model, start, fit } = Recipe::decide(&want, choices, job)?;
    let oversample = choices.quiet("oversample", ask.task.oversample, false);
    let classes = target.classes().to_vec();
    let labels = source;
    let task = Classify { classes, threshold, labels, within, split, input, model, oversample };
    Ok((Decided { task, start, fit }, items))
}

/// Images and what they are labelled with.
struct Labels {
    items: ImageItems,
    survey: Survey,
    source: LabelSource,
    /// The folder of the class folders.
    within: String,
    split: Split,
    n_train: usize,
    target: TargetKind,
}

fn of_folders(ask: &Settings<Classify>, data: &Sources, choices: &mut Choices) -> Result<Labels> {
    let data = data.need("data")?;
    let items = ImageItems::from_folder(data)?.open_as(ask.task.image.kind());
    check_no_table(&ask.task.table, choices)?;
    let files: Vec<PathBuf> = items.relative_paths().map(Path::to_owned).collect();
    let folders = ClassFolders::find(data, &files, ask.common.valid.as_ref(), "images")?;
    folders.tell(choices);
    for doubt in folders.doubts(&items) {
        choices.warn(doubt);
    }
    let ClassFolders { split, within, .. } = &folders;
    let class_folder = folders.folder(data);
    let classes = folders.training_classes(items.relative_paths());
    several(class_folder, classes.into_iter().collect())?;
    if let Split::Random { share } = split {
        // Too large a share is refused, whatever of it would be given back to training.
        let n = files.iter().filter(|file| folders.class(file).is_some()).count();
        batch_size::check(None, n - (share * n as f64) as usize, "image")?;
    }
    let labelled = ClassFolders::label(split, within, items.clone(), ask.common.seed())?;
    classes::tell(&labelled, &folders.classes_are(items.relative_paths()), remedy(ask), choices);
    let (n_train, target) = (labelled.train.items.len(), labelled.target);
    let survey = Survey::of(&items);
    let ClassFolders { split, within, .. } = folders;
    Ok(Labels { items, survey, source: LabelSource::Folders, within, split, n_train, target })
}

/// What helps against class imbalance, if it is not in use.
fn remedy(ask: &Settings<Classify>) -> Option<&'static str> {
    (ask.task.oversample != Some(true)).then_some("`--oversample` evens them out")
}

fn of_table(
    ask: &Settings<Classify>,
    data: &Sources,
    choices: &mut Choices,
    job: &Job,
) -> Result<Labels> {
    let listed =
        Listed::find(data, Asked::of(&ask.common, &ask.task.table), Some(Learned::Classes))?;
    let listed = listed.check(ask.task.image.skip_bad.unwrap_or(0), job)?;
    listed.tell(&ask.task.table, choices);
    let split = listed.split(ask.common.valid.as_ref(), choices)?;
    let Listed { items, columns, .. } = listed;
    let items = items.open_as(ask.task.image.kind());
    let parts = split.apply(items.clone(), ask.common.seed())?;
    let labelled = label(&columns, parts, ask.task.threshold, None)?;
    let table = data.need("data")?.to_owned();
    several(table, labelled.target.classes().to_vec())?;
    classes::tell(&labelled, "by their labels", remedy(ask), choices);
    let (n_train, target) = (labelled.train.items.len(), labelled.target);
    let (survey, source, within) = (Survey::of(&items), LabelSource::Table(columns), String::new());
    Ok(Labels { items, survey, source, within, split, n_train, target })
}

/// The classes, if there are several.
fn several(data: PathBuf, classes: Vec<String>) -> Result<Vec<String>> {
    match &classes[..] {
        [] => Err(ClassifyError::NoClassFolders { folder: data }.into()),
        [class] => Err(ClassifyError::OneClass { folder: data, class: class.clone() }.into()),
        _ => Ok(classes),
    }
}

#[cfg(test)]
mod tests;
