//! The settings of image classification that are inferred from the folder or the table.

use std::path::PathBuf;

use tinderbox_data::{ImageItems, TargetKind, items::Table};

use super::{Classify, ClassifyError, label};
use crate::{
    Decided, Job, Result, Settings, Sources, Split,
    images::{
        LabelSource,
        recipe::{Outputs, Recipe, Wanted},
        table::{Asked, Learned, Listed, check_no_table},
    },
    plan::{Choices, survey::Survey},
    settings::unused,
};

pub(super) fn decide(
    ask: &Settings<Classify>,
    data: &Sources,
    choices: &mut Choices,
    job: &Job,
) -> Result<(Decided<Classify>, ImageItems)> {
    let (common, image) = (&ask.common, &ask.task.image);
    let Labels { items, survey, source, split, n_train, target } =
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
    let task = Classify { classes, threshold, labels: source, split, input, model, oversample };
    Ok((Decided { task, start, fit }, items))
}

/// Images and what they are labelled with.
struct Labels {
    items: ImageItems,
    survey: Survey,
    source: LabelSource,
    split: Split,
    n_train: usize,
    target: TargetKind,
}

fn of_folders(ask: &Settings<Classify>, data: &Sources, choices: &mut Choices) -> Result<Labels> {
    let items = ImageItems::from_folder(data.need("data")?)?.open_as(ask.task.image.kind());
    check_no_table(&ask.task.table, choices)?;
    let survey = Survey::of(&items);
    let split = survey.split(ask.common.valid.as_ref(), survey.n_taken(), choices)?;
    let (folder, classes) = survey.classes(&split);
    let classes = several(folder, classes.into_iter().collect())?;
    survey.doubts(&split).into_iter().for_each(|doubt| choices.warn(doubt));
    let (n_train, target) = (survey.n_train(&split), TargetKind::Category { classes });
    Ok(Labels { items, survey, source: LabelSource::Folders, split, n_train, target })
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
    let source = LabelSource::Table(columns);
    let parts = split.apply(items.clone(), ask.common.seed())?;
    let labelled = label(&source, parts, ask.task.threshold, None)?;
    let table = data.need("data")?.to_owned();
    let shown = several(table, labelled.target.classes().to_vec())?;
    choices.tell("classes", shown.len().to_string(), shown_classes(&shown));
    let (n_train, target) = (labelled.train.items.len(), labelled.target);
    Ok(Labels { survey: Survey::of(&items), items, source, split, n_train, target })
}

fn shown_classes(classes: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = if classes.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", classes[..classes.len().min(SHOWN)].join(", "))
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
