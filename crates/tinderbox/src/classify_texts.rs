//! Text classification: by ULMFiT where there is a language model to start from.
//!
//! Howard and Ruder, [Universal Language Model Fine-tuning](https://arxiv.org/abs/1801.06146), 2018.

mod decide;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Array, DataBunch, Encoding, Inference, Input, LabelKind, Labelled, SavedInput, TargetKind,
    text::{ClassifierOptions, LabelledTexts, TextItems, TextKind, Tokenizing, Vocab, VocabSource},
};
use tinderbox_interpret::{Cells, plot_confusion_matrix};
use tinderbox_learn::{Bundle, Learner, metric::accuracy};
use tinderbox_model::{
    arch::TextSpec,
    weights::{LoadReport, StateDict},
};

use crate::{
    About, Answer, Confidence, Decided, Draws, Examined, Hinted, InterpretSettings, Interpreted,
    Job, PictureOptions, Place, Plan, Result, RunFolder, Scores, Settings, ShownBatch, Sources,
    Split, Task,
    answer::classes,
    check,
    device::device,
    interpret,
    plan::{
        Choices,
        class_folders::{ClassFolders, known_class},
        split::is_unlabelled,
    },
    settings::unused,
    texts::{self, SPLIT_SEED, TextSettings, TextSource, columns, of_model, rows, tokenizing},
};

/// Classifies whole texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifyTexts {
    pub source: TextSource,
    /// Of the texts' files; if none, UTF-8 or UTF-16.
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// The column of labels, if the texts are in a table; else they are the names of folders.
    pub label: Option<String>,
    /// The folder that the class folders lie in, below the data, where they lie in none of a set; empty
    /// for the data itself.
    #[serde(default)]
    pub within: String,
    pub split: Split,
    pub tokenizing: Tokenizing,
    /// The most tokens of any text that are kept, in training and in predicting.
    #[serde(default)]
    pub longest: Option<usize>,
    /// The most tokens of a text in this run's batches.
    #[serde(default)]
    pub max_len: Option<usize>,
    pub model: TextSpec,
}

/// The settings of text classification.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClassifyTextsSettings {
    #[serde(flatten)]
    pub texts: TextSettings,

    /// Skip up to this many unreadable files, or rows without a text or a label; more than that is an
    /// error before training
    #[schemars(extend("x-validate" = true, "x-role" = "host", "x-value" = "N", "x-group" = "Data", "default" = 0))]
    pub skip_bad: Option<usize>,

    /// Most tokens of a text that are read, from its end: a batch needs memory for its longest text
    #[schemars(range(min = 2), extend("x-value" = "N", "x-group" = "Texts",
        "x-usual" = "1400, or three times as many as the other texts have"))]
    pub max_len: Option<usize>,

    /// Column of the table with the labels
    #[schemars(extend("x-validate" = true, "x-value" = "COLUMN", "x-group" = "Texts",
        "x-usual" = "the one called label, sentiment or similar, or the only one of few labels"))]
    pub label: Option<String>,
}

/// What is wrong with labelled texts, or with the language model to start from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyTextsError {
    #[error("{data} has only one class, `{class}`, but a classifier needs at least two")]
    OneClass { data: std::path::PathBuf, class: String },

    #[error("{folder} has no class folders, so its texts have no labels")]
    NoClassFolders { folder: PathBuf },

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
            Self::NoClassFolders { .. } => {
                "sort the texts into one folder per class, or list them with their labels in a table: a .csv file".into()
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
        draws: Draws::Nothing,
        try_next: "predict {run} \"some text\"",
        words: &[],
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
        let Self { tokenizing: tokens, longest, max_len, .. } = &plan.task;
        let vocab = VocabSource::from(&Vocab::load(run.vocab())?);
        let labelled = read(plan)?;
        let mut texts =
            tokenizing(job, *longest, |options| labelled.tokenize_with(tokens, vocab, options))?;
        max_len.map(|max_len| texts.cut(max_len));
        Ok(texts)
    }

    fn keep(data: &DataBunch, run: &RunFolder) -> Result<()> {
        Ok(data.text_input()?.vocab.save(run.vocab())?)
    }

    fn data(plan: &Plan<Self>, found: LabelledTexts, job: &Job) -> Result<DataBunch> {
        let options = ClassifierOptions {
            batch_size: plan.fit.batch_size,
            seed: plan.seed,
            workers: plan.host.workers,
            ..ClassifierOptions::default()
        };
        let data = found.batches(options)?;
        data.warnings().for_each(|warning| job.warn(warning));
        Ok(data)
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
        let (texts, named) = (&ask.task.texts, ask.task.label.as_ref());
        let (source, items) = TextSource::pick(data, texts, named, &mut Choices::default())?;
        let (label, _) = label(named, &source, &items)?;
        let skip_bad = ask.task.skip_bad.unwrap_or(0);
        let (items, warnings) = rows::usable(data, items, label.as_deref(), skip_bad)?;
        for warning in warnings {
            job.warn(warning);
        }
        let known = model.classes();
        let kind = LabelKind::Category(Some(known.to_vec()));
        let labelled = match &label {
            Some(label) => items.split_all_valid().label_kind(kind).label_from_df(label, None)?,
            None => {
                let items = items.filter_by_func(|path| !path.iter().any(is_unlabelled));
                let split = items.split_all_valid().label_kind(kind);
                split.label_from_folder_by(|path| {
                    known_class(path, known).or_else(|| path.parent()?.file_name())
                })?
            }
        };
        let vocab = VocabSource::from(&input.vocab);
        let texts = tokenizing(job, input.longest, |options| {
            labelled.tokenize_with(&input.tokenizing, vocab, options)
        })?;
        let options = ask.batch_options();
        let options = ClassifierOptions {
            batch_size: options.batch_size,
            workers: options.workers,
            ..ClassifierOptions::default()
        };
        Ok(texts.batches_like(&model.manifest.inference, options)?)
    }

    fn examine(plan: &Plan<Self>, _: &DataBunch, _: &Job) -> Result<Examined> {
        let labelled = read(plan)?;
        let sets = [("training", &labelled.train), ("validation", &labelled.valid)];
        let mut texts = Vec::new();
        for (set, part) in sets {
            for (index, (place, text)) in check::texts::of(&part.items)?.into_iter().enumerate() {
                let label = Some(part.labels.text(index));
                texts.push((Place { set: Some(set), label, ..place }, text));
            }
        }
        Ok(Examined { header: plan.task.source.header(), ..check::texts::examine(&texts) })
    }

    type Prepared = Array;

    fn prepare(inference: &Inference, input: Input<'_>) -> Result<Array> {
        Ok(inference.input(input)?)
    }

    fn answers(model: &Bundle, inputs: Vec<Array>, _: &PictureOptions) -> Vec<Result<Answer>> {
        classes(model, inputs)
    }
}

/// The column of labels, if there is a table, and why it is taken.
///
/// # Errors
/// [`SettingsError::Unused`](crate::SettingsError::Unused) for a column where there is none;
/// [`TextColumnError`](crate::texts::TextColumnError).
fn label(
    asked: Option<&String>,
    source: &TextSource,
    items: &TextItems,
) -> Result<(Option<String>, &'static str)> {
    match (source, items.table()) {
        (TextSource::Table { columns, .. }, Some(table)) => {
            let (label, because) = columns::label(table, asked, columns)?;
            Ok((Some(label), because))
        }
        _ => {
            const FOLDERS: &str = "the data is not a table: labels are the names of folders";
            unused("label", asked, FOLDERS)?;
            Ok((None, FOLDERS))
        }
    }
}

/// The texts of a run in their sets, with their labels.
fn read(plan: &Plan<ClassifyTexts>) -> Result<Labelled<TextKind>> {
    let ClassifyTexts { source, encoding, label, within, split, .. } = &plan.task;
    let data = plan.data.need("data")?;
    let items = source.items(data, *encoding)?;
    let items = match label {
        Some(_) => items,
        None => items.filter_by_func(|path| split.class(within, path).is_some()),
    };
    let (items, _) = rows::usable(data, items, label.as_deref(), plan.host.skip_bad)?;
    labelled(items, label.as_deref(), split, within)
}

fn labelled(
    items: TextItems,
    label: Option<&str>,
    split: &Split,
    within: &str,
) -> Result<Labelled<TextKind>> {
    match label {
        Some(label) => Ok(split.apply(items, SPLIT_SEED)?.label_from_df(label, None)?),
        None => ClassFolders::label(split, within, items, SPLIT_SEED),
    }
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
            ClassifyTextsError::NoClassFolders { folder: "d".into() },
            "d has no class folders, so its texts have no labels",
            Some("one folder per class"),
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
