//! A task of your own: predicting a number from an image, with the label at the end of the file's
//! name, `ripe_0.73.jpg`.
//!
//! This file is all that it takes: every command works with the task, and so do configuration
//! files, dry runs and resuming.
//!
//! `cargo run --release -p tinderbox-cli --example own_task -- train tomatoes --out runs/tomatoes`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox::{
    About, Answer, AnyTask, Choices, Classify, Confidence, Decided, Draws, FitPlan, Hinted,
    ImageSize, Job, Location, Of, Phase, PictureOptions, Plan, Result, RunFolder, Settings,
    Sources, Split, Start, Task, checked,
    data::{
        Array, DataBunch, ImageItems, Inference, Input, Label, LabelKind, SavedInput, TargetKind,
        transform::{Size, Transforms, flip_lr},
    },
    device,
    learn::{Bundle, Learner, metric::mean_absolute_error, schedule::OneCycle},
    model::{
        arch::{ArchSpec, ModelSpec},
        weights::{LoadReport, StateDict},
    },
    predictions,
};

fn main() -> ExitCode {
    // What is looked at first wins, if the data looks like either.
    static TASKS: &[&dyn AnyTask] = &[&Of::<Measure>::new(), &Of::<Classify>::new()];
    tinderbox_cli::main(TASKS)
}

/// Predicts a number from an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Measure {
    split: Split,
    size: [usize; 2],
    model: ModelSpec,
}

/// Its settings: flags, keys of a configuration file, what a resumed run keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct MeasureSettings {
    /// Size that images are resized to, in pixels
    #[schemars(extend("x-value" = "PIXELS", "x-group" = "Data", "default" = 32))]
    size: Option<ImageSize>,

    /// Skip up to this many unreadable files
    #[schemars(extend("x-validate" = true, "x-role" = "host", "x-value" = "N", "x-group" = "Data",
        "default" = 0))]
    skip_bad: Option<usize>,
}

impl Task for Measure {
    const ABOUT: About = About {
        name: "measure",
        noun: "a model that measures images",
        unit: "images",
        metric: "mean_absolute_error",
        lower_is_better: true,
        takes_text: false,
        draws: Draws::Nothing,
        try_next: "predict {run} image.jpg",
        words: &[],
    };

    type Settings = MeasureSettings;
    type Found = ImageItems;

    fn recognizes(ask: &Settings<Self>) -> Confidence {
        let source = ask.common.data.as_ref().map(Location::path);
        match source.is_some_and(|source| source.is_dir() && images(source).is_ok()) {
            true => Confidence::Likely,
            false => Confidence::No,
        }
    }

    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        _: &Job,
    ) -> Result<(Decided<Self>, ImageItems)> {
        let items = images(data.need("data")?)?;
        let split = Split::of_images(&items, ask.common.valid.as_ref(), choices)?;
        let usual = || (ImageSize([32, 32]), "small is fast".into());
        let ImageSize(size) = choices.pick("size", ask.task.size, usual);
        let batch_size =
            choices.pick("batch_size", ask.common.batch_size, || (8, "small is exact".into()));
        let epochs = choices.pick("epochs", ask.common.epochs, || (15, "enough for most".into()));
        let lr = choices.pick("lr", ask.common.lr, || (1e-3, "usual for the network".into()));
        let model = ModelSpec::Image(ArchSpec::new("resnet-small", 3, 1, size)?);
        let task = Self { split, size, model };
        let fit = FitPlan::new(vec![Phase::whole(epochs, OneCycle::from(lr))], batch_size);
        Ok((Decided { task, start: Start::Fresh, fit }, items))
    }

    fn find(plan: &Plan<Self>, _: &RunFolder, _: &Job) -> Result<ImageItems> {
        images(plan.data.need("data")?)
    }

    fn data(plan: &Plan<Self>, found: ImageItems, job: &Job) -> Result<DataBunch> {
        let [height, width] = plan.task.size;
        let transforms = Transforms::new().train(flip_lr()).size(Size::Exactly(height, width));
        let data = plan
            .task
            .split
            .apply(found, plan.seed)?
            .label_kind(LabelKind::Number { log: false })
            .label_from_func(label)?
            .transform(transforms)?
            .batches(plan.batch_options())?;
        Ok(checked(data, plan.host.skip_bad, job)?.normalize()?)
    }

    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        _: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)> {
        let spec = plan.task.model.clone();
        let learner = Learner::for_target(data, spec.build(&device(plan.host.device)?)?)?;
        Ok((Self::metrics(learner.arch(spec)), LoadReport::default()))
    }

    fn metrics(learner: Learner) -> Learner {
        learner.metrics(mean_absolute_error)
    }

    fn knows(model: &Bundle) -> bool {
        let inference = &model.manifest.inference;
        matches!(inference.target(), TargetKind::Number { len: 1, .. })
            && matches!(inference.saved_input(), SavedInput::Image(_))
    }

    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let inference = &model.manifest.inference;
        let data = images(Self::sources(ask).need("data")?)?
            .split_all_valid()
            .label_kind(inference.target().label_kind())
            .label_from_func(label)?
            .batches_like(inference, ask.batch_options())?;
        checked(data, ask.task.skip_bad.unwrap_or(0), job)
    }

    type Prepared = Array;

    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Array> {
        Ok(inference.input(input)?)
    }

    fn answers(model: &Bundle, inputs: Vec<Array>, _: &PictureOptions) -> Vec<Result<Answer>> {
        let answers = predictions(model, inputs).into_iter();
        answers.map(|found| Ok(Answer::Numbers(found?.probabilities))).collect()
    }
}

/// What is wrong with a folder.
#[derive(Debug, thiserror::Error)]
enum MeasureError {
    #[error("the name of {file} does not end with a number")]
    NoNumber { file: PathBuf },
}

impl Hinted for MeasureError {
    fn hint(&self) -> Option<String> {
        Some("name it like `ripe_0.73.jpg`, or move it elsewhere".into())
    }
}

/// The images of a folder, all of which have a number.
fn images(folder: &Path) -> Result<ImageItems> {
    let items = ImageItems::from_folder(folder)?;
    if let Some(path) = items.relative_paths().find(|path| number(path).is_none()) {
        return Err(MeasureError::NoNumber { file: folder.join(path) }.into());
    }
    Ok(items)
}

fn label(path: &Path) -> Label {
    number(path).map_or(Label::Empty, Label::Number)
}

/// The number that the name of a file ends with.
fn number(path: &Path) -> Option<f64> {
    path.file_stem()?.to_str()?.rsplit_once('_')?.1.parse().ok()
}
