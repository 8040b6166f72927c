//! Text classification: by ULMFiT where there is a language model to start from.
//!
//! Howard and Ruder, [Universal Language Model Fine-tuning](https://arxiv.org/abs/1801.06146), 2018.

mod decide;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Array, DataBunch, Inference, Input, LabelKind, Labelled, SavedInput, TargetKind,
    text::{ClassifierOptions, LabelledTexts, TextKind, Tokenizing, Vocab, VocabSource},
};
use tinderbox_interpret::{Cells, plot_confusion_matrix};
use tinderbox_learn::{Bundle, Learner, metric::accuracy};
use tinderbox_model::{
    arch::TextSpec,
    weights::{LoadReport, StateDict},
};

use crate::{
    About, Answer, Confidence, Decided, Examined, Hinted, InterpretSettings, Interpreted, Job,
    Place, Plan, Result, RunFolder, Scores, Settings, ShownBatch, Sources, Split, Task,
    answer::classes,
    check,
    device::device,
    interpret,
    plan::Choices,
    settings::unused,
    texts::{self, SPLIT_SEED, TextSettings, TextSource, of_model, tokenizing},
};

/// Classifies whole texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifyTexts {
    pub source: TextSource,
    /// The column of labels, if the texts are in a table; else they are the names of folders.
    pub label: Option<String>,
    pub split: Split,
    pub tokenizing: Tokenizing,
    pub model: TextSpec,
}

/// The settings of text classification.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClassifyTextsSettings {
    #[serde(flatten)]
    pub texts: TextSettings,

    /// Column of the table with the labels
    #[schemars(extend("x-validate" = true, "x-value" = "COLUMN", "x-group" = "Texts", "x-usual" = "label"))]
    pub label: Option<String>,
}

/// What is wrong with labelled texts, or with the language model to start from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyTextsError {
    #[error("{data} has only one class, `{class}`, but a classifier needs at least two")]
    OneClass { data: std::path::PathBuf, class: String },

    #[error("column `{column}` of {data} holds numbers, but a classifier predicts classes")]
    Numbers { data: std::path::PathBuf, column: String },

    #[error("the model has no encoder for texts: it is for {what}")]
    NoEncoder { what: String },
}

impl Hinted for ClassifyTextsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OneClass { .. } => {
                "sort the texts into at least two class folders, or name the column of labels: `--label COLUMN`"
                    .into()
            }
            Self::Numbers { .. } => {
                "name a column of classes: `--label COLUMN`; whole numbers are classes, too".into()
            }
            Self::NoEncoder { .. } => {
                "train a language model first: `tinderbox train-lm TEXTS --arch awd-lstm`".into()
            }
        })
    }
}

impl Task for ClassifyTexts {
    const ABOUT: About = About {
        name: "classify-texts",
        noun: "a text classifier",
        unit: "texts",
        metric: "accuracy",
        lower_is_better: false,
        takes_text: true,
        draws: false,
        try_next: "predict {run} \"some text\"",
    };

    type Settings = ClassifyTextsSettings;

    type Found = LabelledTexts;

    fn recognizes(ask: &Settings<Self>) -> Confidence {
        let source = ask.common.data.as_ref();
        source.map_or(Confidence::No, |source| texts::recognizes(source.path()))
    }

    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, LabelledTexts)> {
        decide::decide(ask, data, choices, job)
    }

    /// By the run's vocabulary.
    fn find(plan: &Plan<Self>, run: &RunFolder, job: &Job) -> Result<LabelledTexts> {
        let Self { source, label, split, tokenizing: tokens, .. } = &plan.task;
        let vocab = VocabSource::from(&Vocab::load(run.vocab())?);
        let labelled = labelled(plan.data.need("data")?, source, label.as_deref(), split)?;
        Ok(tokenizing(job, |options| labelled.tokenize_with(tokens, vocab, options))?)
    }

    fn keep(data: &DataBunch, run: &RunFolder) -> Result<()> {
        Ok(data.text_input()?.vocab.save(run.vocab())?)
    }

    fn data(plan: &Plan<Self>, found: LabelledTexts, _: &Job) -> Result<DataBunch> {
        let options = ClassifierOptions {
            batch_size: plan.fit.batch_size,
            seed: plan.seed,
            workers: plan.host.workers,
            ..ClassifierOptions::default()
        };
        Ok(found.batches(options)?)
    }

    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        _: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)> {
        let learner = of_model(data, &plan.task.model, &device(plan.host.device)?)?;
        Ok((Self::metrics(learner), LoadReport::default()))
    }

    fn metrics(learner: Learner) -> Learner {
        learner.metrics(accuracy)
    }

    fn score(learner: &mut Learner) -> Result<Scores> {
        interpret::classes::score(learner)
    }

    fn interpret(learner: &mut Learner, settings: &InterpretSettings) -> Result<Interpreted> {
        let settings = settings.without_heat::<Self>()?;
        interpret::classes::interpret(learner, settings, |learner, _, matrix, out| {
            let confusion = out.join("confusion.svg");
            plot_confusion_matrix(matrix, learner.data().classes(), Cells::Counts, &confusion)?;
            Ok(vec![confusion])
        })
    }

    fn files(folder: &Path) -> Result<Vec<PathBuf>> {
        texts::files(folder)
    }

    fn show(data: &DataBunch, rows: usize) -> Result<ShownBatch> {
        ShownBatch::texts(data, rows)
    }

    fn knows(model: &Bundle) -> bool {
        let inference = &model.manifest.inference;
        matches!(inference.target(), TargetKind::Category { .. })
            && matches!(inference.saved_input(), SavedInput::Text(_))
    }

    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let input = model.manifest.inference.text_input()?;
        let sources = Self::sources(ask);
        let data = sources.need("data")?;
        let columns = ask.task.texts.text.as_ref();
        let source = TextSource::pick(data, columns, &mut Choices::default())?;
        let split = source.items(data)?.split_all_valid();
        let classes = Some(model.classes().to_vec());
        let split = split.label_kind(LabelKind::Category(classes));
        let label = label(ask.task.label.as_ref(), &source)?;
        let labelled = match &label {
            Some(label) => split.label_from_df(label, None)?,
            None => split.label_from_folder()?,
        };
        let vocab = VocabSource::from(&input.vocab);
        let texts =
            tokenizing(job, |options| labelled.tokenize_with(&input.tokenizing, vocab, options))?;
        let options = ask.batch_options();
        let options = ClassifierOptions {
            batch_size: options.batch_size,
            workers: options.workers,
            ..ClassifierOptions::default()
        };
        Ok(texts.batches_like(&model.manifest.inference, options)?)
    }

    fn examine(plan: &Plan<Self>, _: &DataBunch, _: &Job) -> Result<Examined> {
        let Self { source, label, split, .. } = &plan.task;
        let labelled = labelled(plan.data.need("data")?, source, label.as_deref(), split)?;
        let sets = [("training", &labelled.train), ("validation", &labelled.valid)];
        let mut texts = Vec::new();
        for (set, part) in sets {
            for (index, (place, text)) in check::texts::of(&part.items)?.into_iter().enumerate() {
                let label = Some(part.labels.text(index));
                texts.push((Place { set: Some(set), label, ..place }, text));
            }
        }
        Ok(check::texts::examine(&texts))
    }

    type Prepared = Array;

    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Array> {
        Ok(inference.input(input)?)
    }

    fn answers(model: &Bundle, inputs: Vec<Array>) -> Vec<Result<Answer>> {
        classes(model, inputs)
    }
}

/// The column of labels, if there is a table.
///
/// # Errors
/// [`SettingsError::Unused`](crate::SettingsError::Unused) for a column where there is none.
fn label(asked: Option<&String>, source: &TextSource) -> Result<Option<String>> {
    match source {
        TextSource::Table { .. } => Ok(Some(asked.map_or_else(|| "label".into(), String::clone))),
        TextSource::File | TextSource::Folder => {
            unused("label", asked, "the data is not a table: labels are the names of folders")?;
            Ok(None)
        }
    }
}

fn labelled(
    data: &Path,
    source: &TextSource,
    label: Option<&str>,
    split: &Split,
) -> Result<Labelled<TextKind>> {
    let split = split.apply(source.items(data)?, SPLIT_SEED)?;
    Ok(match label {
        Some(label) => split.label_from_df(label, None)?,
        None => split.label_from_folder()?,
    })
}

#[cfg(test)]
mod tests {
    use crate::error::check;

    use super::*;

    #[test]
    fn errors_about_texts_name_the_way_out() {
        check(
            ClassifyTextsError::OneClass { data: "d".into(), class: "good".into() },
            "d has only one class, `good`, but a classifier needs at least two",
            Some("`--label COLUMN`"),
        );
        check(
            ClassifyTextsError::Numbers { data: "d".into(), column: "score".into() },
            "column `score` of d holds numbers, but a classifier predicts classes",
            Some("`--label COLUMN`"),
        );
        check(
            ClassifyTextsError::NoEncoder { what: "gray images; 10 classes".into() },
            "the model has no encoder for texts: it is for gray images; 10 classes",
            Some("--arch awd-lstm"),
        );
    }
}
