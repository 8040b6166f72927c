//! Regression: predicting numbers from images, with a table of labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Array, DataBunch, ImageItems, ImageKind, Inference, Input, Labelled, SavedInput, TargetKind,
    Values, batch::Set, items::Table, label::InputFacts,
};
use tinderbox_interpret::{NumbersInterpretation, show_results};
use tinderbox_learn::{
    Bundle, Learner,
    metric::{R2Score, RMSE, mean_absolute_error},
};
use tinderbox_model::{
    arch::ModelSpec,
    weights::{LoadReport, StateDict},
};

use crate::{
    About, Answer, Confidence, Decided, Draws, Hinted, InterpretSettings, Interpreted, Job,
    PictureOptions, Plan, Result, RunFolder, Settings, Sources, Split, Task,
    device::device,
    images::{
        ImageInput, ImageSettings, LabelTable, TableSettings, of_model,
        recipe::{Outputs, Recipe, Wanted},
        table::{self, Learned, Listed},
    },
    interpret::activations,
    items::checked,
    plan::{Choices, survey::Survey},
    predictions,
    settings::YRange,
};

/// Predicts numbers from images: an age, a weight, a position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regress {
    pub labels: LabelTable,
    pub split: Split,
    pub input: ImageInput,
    pub model: ModelSpec,
}

/// The settings of regression.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RegressSettings {
    #[serde(flatten)]
    pub image: ImageSettings,

    #[serde(flatten)]
    pub table: TableSettings,

    /// Range of the predictions, such as `0,100`; `none` for no limits
    #[schemars(extend("x-value" = "LOW,HIGH", "x-group" = "Model",
        "x-usual" = "the range of the training set, widened by 5 % on each side"))]
    pub y_range: Option<YRange>,
}

/// What is wrong with data for regression.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegressError {
    #[error("{data} is not a table")]
    NoTable { data: std::path::PathBuf },

    #[error("all training images have the same number, {value}, so there is nothing to learn")]
    OneValue { value: f64 },
}

impl Hinted for RegressError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoTable { .. } => {
                "name a .csv or .tsv file with a column of file names and a column of numbers"
                    .into()
            }
            Self::OneValue { .. } => {
                "is this the right column? `--label COLUMN` chooses another".into()
            }
        })
    }
}

impl Task for Regress {
    const ABOUT: About = About {
        name: "regress",
        noun: "an image regression model",
        unit: "images",
        metric: "rmse",
        lower_is_better: true,
        takes_text: false,
        draws: Draws::Nothing,
        try_next: "predict {run} image.jpg",
        words: &[],
    };

    type Settings = RegressSettings;

    type Found = ImageItems;

    fn recognizes(ask: &Settings<Self>) -> Confidence {
        let data = Self::sources(ask);
        match data.get("data").is_some_and(Table::is_one) {
            true => table::recognizes(
                &data,
                table::Asked::of(&ask.common, &ask.task.table),
                Learned::Numbers,
            ),
            false => Confidence::No,
        }
    }

    fn sources(ask: &Settings<Self>) -> Sources {
        table::sources(ask, &ask.task.table)
    }

    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, ImageItems)> {
        let table = data.need("data")?;
        if !Table::is_one(table) {
            return Err(RegressError::NoTable { data: table.to_owned() }.into());
        }
        let listed = listed(data, ask, job)?;
        listed.tell(&ask.task.table, choices);
        let split = listed.split(ask.common.valid.as_ref(), choices)?;
        let Listed { items, columns: labels, .. } = listed;
        let items = items.open_as(ask.task.image.kind());
        let parts = split.apply(items.clone(), ask.common.seed())?;
        let labelled = labels.label(parts, None)?;
        let y_range = y_range(ask.task.y_range, &labelled, choices)?;
        let want = Wanted {
            common: &ask.common,
            image: &ask.task.image,
            survey: &Survey::of(&items),
            n_train: labelled.train.items.len(),
            target: &labelled.target,
            outputs: Outputs::Numbers { y_range },
        };
        let Recipe { input, model, start, fit } = Recipe::decide(&want, choices, job)?;
        let task = Self { labels, split, input, model };
        Ok((Decided { task, start, fit }, items))
    }

    fn find(plan: &Plan<Self>, _: &RunFolder, job: &Job) -> Result<ImageItems> {
        let listed = Listed::again(&plan.data, &plan.task.labels)?;
        Ok(listed.check(plan.host.skip_bad, job)?.items)
    }

    fn data(plan: &Plan<Self>, found: ImageItems, job: &Job) -> Result<DataBunch> {
        let Self { labels, split, input, .. } = &plan.task;
        let items = found.open_as(input.kind());
        let labelled = labels.label(split.apply(items, plan.seed)?, None)?;
        input.normalized(input.batches(labelled, plan, job)?)
    }

    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        body: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)> {
        let (learner, report) = of_model(data, &plan.task.model, body, &device(plan.host.device)?)?;
        Ok((Self::metrics(learner), report))
    }

    fn metrics(learner: Learner) -> Learner {
        learner.metrics((RMSE::default(), mean_absolute_error, R2Score::default()))
    }

    fn knows(model: &Bundle) -> bool {
        let inference = &model.manifest.inference;
        matches!(inference.target(), TargetKind::Number { .. })
            && matches!(inference.saved_input(), SavedInput::Image(_))
    }

    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let inference = &model.manifest.inference;
        let SavedInput::Image(kind) = inference.saved_input() else {
            return Err(crate::validate::other_model(model, Self::ABOUT.noun));
        };
        let Listed { items, columns, .. } = listed(&Self::sources(ask), ask, job)?;
        let split = items.open_as(ask.task.image.kind_like(*kind)).split_all_valid();
        let labelled = columns.label(split, Some(inference.target()))?;
        let data = labelled.batches_like(inference, ask.batch_options())?;
        checked(data, ask.task.image.skip_bad.unwrap_or(0), job)
    }

    fn interpret(learner: &mut Learner, settings: &InterpretSettings) -> Result<Interpreted> {
        const ROWS: usize = 4;
        let out = settings.without_heat::<Self>()?.folder()?;
        let found = NumbersInterpretation::of(learner, Set::Valid)?;
        let pictures =
            ["predicted.svg", "results.png", "top_losses.png"].map(|name| out.join(name));
        found.plot_predicted(&pictures[0])?;
        show_results(learner, Set::Valid, ROWS)?.save(&pictures[1])?;
        found.plot_top_losses(settings.top_losses)?.save(&pictures[2])?;
        let named = |(item, loss)| (learner.data().name(Set::Valid, item), loss);
        Ok(Interpreted {
            top_losses: found
                .top_losses(settings.top_losses, true)
                .into_iter()
                .map(named)
                .collect(),
            activations: activations(learner, settings)?,
            pictures: pictures.into(),
            ..Interpreted::default()
        })
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

fn listed(data: &Sources, ask: &Settings<Regress>, job: &Job) -> Result<Listed> {
    let listed =
        Listed::find(data, table::Asked::of(&ask.common, &ask.task.table), Some(Learned::Numbers))?;
    listed.check(ask.task.image.skip_bad.unwrap_or(0), job)
}

/// The lowest and the highest number that the model gives: a little more than those of the training
/// set, so that its outputs come near them.
fn y_range(
    asked: Option<YRange>,
    labelled: &Labelled<ImageKind>,
    choices: &mut Choices,
) -> Result<Option<[f64; 2]>> {
    const BEYOND: f64 = 0.05;
    let labels = &labelled.train.labels;
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for item in 0..labels.len() {
        let Array { values: Values::F32(numbers), .. } =
            labels.target(item, &InputFacts::default())?
        else {
            continue;
        };
        for number in numbers.into_iter().map(f64::from) {
            (low, high) = (low.min(number), high.max(number));
        }
    }
    if low == high {
        return Err(RegressError::OneValue { value: low }.into());
    }
    let beyond = (high - low) * BEYOND;
    // To four digits, which people can read.
    let round = |x: f64| format!("{x:.3e}").parse().unwrap_or(x);
    let usual = || {
        let (low, high): (f64, f64) = (round(low), round(high));
        let because =
            format!("the training set has {low} to {high}; `--y-range none` for no limits");
        (YRange(Some([round(low - beyond), round(high + beyond)])), because)
    };
    let YRange(range) = choices.pick("y_range", asked, usual);
    if let Some([least, most]) = range.filter(|[least, most]| low < *least || high > *most) {
        choices.warn(format!(
            "the training set has numbers from {low} to {high}, but the predictions are limited to {least} to {most}"
        ));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use crate::error::check;

    use super::*;

    #[test]
    fn errors_about_numbers_say_what_is_missing() {
        check(
            RegressError::NoTable { data: "photos".into() },
            "photos is not a table",
            Some(".csv"),
        );
        check(
            RegressError::OneValue { value: 3.0 },
            "all training images have the same number, 3, so there is nothing to learn",
            Some("--label"),
        );
    }
}
