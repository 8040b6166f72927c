//! What a training of a text classifier will do: the user's settings, completed by a look at the
//! texts.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tinderbox_data::{
    Labelled, Split,
    text::{LabelledTexts, TextCsv, TextItems, TextKind, TokenizeOptions, Tokenizing, VocabSource},
};
use tinderbox_learn::{
    Bundle,
    optim::Rule,
    schedule::{LearningRate, OneCycle},
};
use tinderbox_model::arch::{
    AwdDropouts, AwdLstmConfig, ModelSpec, TextClassifierConfig, TextSpec,
};

use super::{
    super::language_model::plan::{CHECKPOINT_EVERY, SEED, SPLIT_SEED, WEIGHT_DECAY},
    ClassifierSettings,
};
use crate::{
    Choice, Error, Event, Phase, Planned, Result, RunPlan, Task, Watch,
    choices::{ASKED, Choices, Chosen, chosen},
    run::absolute,
};

/// A run, complete: nothing in it is left to be decided. It is saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierPlan {
    /// The data's file or folder, absolute.
    pub data: PathBuf,
    pub labels: LabelSource,
    pub split: TextSplit,
    pub tokenizing: Tokenizing,
    pub arch: TextSpec,
    pub batch_size: usize,
    pub phases: Vec<Phase>,
    pub optimizer: Rule,
    pub weight_decay: f64,
    /// The run of the language model that this one starts from.
    pub from_lm: Option<PathBuf>,
    pub seed: u64,
    pub checkpoint_every: usize,
    /// How each of these came about, for people.
    pub choices: Vec<Choice>,
}

/// Where texts and labels are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelSource {
    /// Each `.txt` file is a text, the folder it lies in its label.
    Folder,
    /// Each row is a text, in these columns, with its label in that one.
    Csv { text: Vec<String>, label: String },
}

/// Which texts validate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextSplit {
    /// A random share.
    Share(f64),
    /// Those whose row says so in this column.
    Column(String),
    /// Those below this folder; those below the other train.
    Folders { train: String, valid: String },
}

impl RunPlan for ClassifierPlan {
    const TASK: Task = Task::TextClassifier;
}

impl ClassifierPlan {
    /// Tells what will be done.
    pub(super) fn tell(&self, watch: &Watch) {
        let plan = serde_json::to_value(self).expect("a plan is plain data");
        let Self { data, choices, .. } = self;
        watch(&Event::Planned(Planned { data, choices, plan }));
    }

    /// The texts as numbers, by the run's vocabulary.
    ///
    /// # Errors
    /// Those of reading and tokenizing them.
    pub(super) fn texts(&self, vocab: VocabSource, watch: &Watch) -> Result<LabelledTexts> {
        let labelled = labelled(&self.data, &self.labels, &self.split)?;
        tokenized(labelled, &self.tokenizing, vocab, watch)
    }
}

fn tokenized(
    labelled: Labelled<TextKind>,
    tokenizing: &Tokenizing,
    vocab: VocabSource,
    watch: &Watch,
) -> Result<LabelledTexts> {
    let progress = |done, total| watch(&Event::Tokenizing { done, total });
    let options = TokenizeOptions { progress: Some(&progress), ..TokenizeOptions::default() };
    Ok(labelled.tokenize_with(tokenizing, vocab, &options)?)
}

fn items(data: &Path, labels: &LabelSource) -> Result<TextItems> {
    Ok(match labels {
        LabelSource::Folder => TextItems::from_folder(data)?,
        LabelSource::Csv { text, .. } => {
            let columns = text.clone();
            TextItems::from_csv(data, &TextCsv { columns, ..TextCsv::default() })?
        }
    })
}

fn labelled(data: &Path, labels: &LabelSource, split: &TextSplit) -> Result<Labelled<TextKind>> {
    let items = items(data, labels)?;
    let split: Split<TextKind> = match split {
        TextSplit::Share(share) => items.split_by_rand_pct(*share, SPLIT_SEED)?,
        TextSplit::Column(column) => items.split_from_df(column)?,
        TextSplit::Folders { train, valid } => items.split_by_folder(train, valid)?,
    };
    Ok(match labels {
        LabelSource::Folder => split.label_from_folder()?,
        LabelSource::Csv { label, .. } => split.label_from_df(label, None)?,
    })
}

/// A plan, the texts that were looked at for it, and the language model that it starts from.
pub(super) struct Look {
    pub(super) plan: ClassifierPlan,
    pub(super) texts: LabelledTexts,
}

impl Look {
    /// Completes `settings` by a look at the texts and at the language model, if one is given.
    ///
    /// # Errors
    /// Those of reading and tokenizing the texts; [`Error::OneClass`]; [`Error::NotAwdLstm`] for a
    /// language model without an encoder that can be taken; [`Error::BatchSize`].
    pub(super) fn new(
        settings: &ClassifierSettings,
        lm: Option<&Bundle>,
        watch: &Watch,
    ) -> Result<Self> {
        let mut choices = Choices::default();
        let data = absolute(&settings.data)?;
        let labels = match data.is_dir() {
            true => LabelSource::Folder,
            false => LabelSource::Csv {
                text: settings.columns.clone().unwrap_or_else(|| TextCsv::default().columns),
                label: settings.label.clone().unwrap_or_else(|| "label".into()),
            },
        };
        let split = choices.note("validation", split(settings.valid.as_deref(), &data, &labels)?);
        let labelled = labelled(&data, &labels, &split)?;
        let classes = labelled.target.classes().to_vec();
        if classes.len() < 2 {
            let class = classes.first().cloned().unwrap_or_default();
            return Err(Error::OneClass { folder: data, class });
        }
        let shown = match classes.len() {
            n @ ..=4 => format!("{n}: {}", classes.join(", ")),
            n => n.to_string(),
        };
        choices.note("classes", chosen((), shown, "the labels that train"));
        let n_train = labelled.train.items.len();

        let (tokenizing, vocab) = choices.note("words", words(settings, lm)?);
        let texts = tokenized(labelled, &tokenizing, vocab, watch)?;
        let n_vocab = texts.input.vocab.len();
        let arch = choices.note("architecture", arch(settings, lm, n_vocab, classes.len())?);
        let batch_size = choices.note("batch size", batch_size(settings.batch_size, n_train)?);
        let steps = n_train / batch_size;
        let epochs = choices.note("epochs", epochs(settings.epochs, lm.is_some(), steps));
        let lr = choices.note("learning rate", lr(settings.lr, lm.is_some()));
        let phases = match lm.is_some() {
            true => gradual_unfreezing(epochs, lr, arch.groups().len() + 1),
            false => vec![Phase::whole(epochs, OneCycle { moms: MOMS, ..OneCycle::from(lr) })],
        };
        let plan = ClassifierPlan {
            data,
            labels,
            split,
            tokenizing,
            arch,
            batch_size,
            phases,
            optimizer: Rule::default(),
            weight_decay: WEIGHT_DECAY,
            from_lm: settings.from_lm.as_deref().map(absolute).transpose()?,
            seed: settings.seed.unwrap_or(SEED),
            checkpoint_every: settings.checkpoint_every.unwrap_or(CHECKPOINT_EVERY),
            choices: choices.0,
        };
        Ok(Self { plan, texts })
    }
}

/// A column of this name says which rows validate, if nothing else is said.
const VALID_COLUMN: &str = "is_valid";

fn split(asked: Option<&str>, data: &Path, labels: &LabelSource) -> Result<Chosen<TextSplit>> {
    let percent = |share: f64| format!("a random {} %", (share * 1e4).round() / 1e2);
    if let Some(asked) = asked {
        return Ok(match (asked.parse::<f64>(), labels) {
            (Ok(share), _) if (0.0..1.0).contains(&share) => {
                chosen(TextSplit::Share(share), percent(share), ASKED)
            }
            (Ok(_), _) => return Err(Error::ValidShare { value: asked.to_owned() }),
            (Err(_), LabelSource::Csv { .. }) => {
                let column = asked.to_owned();
                chosen(TextSplit::Column(column), format!("column `{asked}`"), ASKED)
            }
            (Err(_), LabelSource::Folder) => {
                let (valid, train) = (asked.to_owned(), other_folder(data, asked)?);
                chosen(TextSplit::Folders { train, valid }, asked, ASKED)
            }
        });
    }
    if let LabelSource::Csv { .. } = labels
        && items(data, labels)?.split_from_df(VALID_COLUMN).is_ok()
    {
        let shown = format!("column `{VALID_COLUMN}`");
        return Ok(chosen(TextSplit::Column(VALID_COLUMN.into()), shown, "the data has it"));
    }
    for (train, valid) in [("train", "valid"), ("train", "test")] {
        if data.join(train).is_dir() && data.join(valid).is_dir() {
            let (train, valid) = (train.to_owned(), valid.to_owned());
            let shown = format!("{valid}/");
            return Ok(chosen(
                TextSplit::Folders { train, valid },
                shown,
                "the data has two folders for it",
            ));
        }
    }
    Ok(chosen(
        TextSplit::Share(0.2),
        percent(0.2),
        "the data does not say which; choose with `--valid`",
    ))
}

/// The one folder beside the one that validates.
fn other_folder(data: &Path, valid: &str) -> Result<String> {
    let folders = std::fs::read_dir(data)
        .map_err(|source| Error::Read { path: data.to_owned(), source })?
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut found: Vec<String> = folders.collect();
    found.sort();
    let others: Vec<&String> = found.iter().filter(|folder| *folder != valid).collect();
    match others[..] {
        [train] if found.iter().any(|folder| folder == valid) => Ok(train.clone()),
        _ => Err(Error::NoSuchSet { valid: valid.to_owned(), found }),
    }
}

/// How texts become numbers: as the language model's did, if there is one.
fn words(
    settings: &ClassifierSettings,
    lm: Option<&Bundle>,
) -> Result<Chosen<(Tokenizing, VocabSource)>> {
    if let Some(lm) = lm {
        let input = lm.manifest.inference.text_input()?;
        let shown = format!("{} known", input.vocab.len());
        let vocab = VocabSource::from(&input.vocab);
        return Ok(chosen((input.tokenizing.clone(), vocab), shown, "the language model's"));
    }
    let tokens = settings.tokens.clone().unwrap_or_default();
    let (tokenizing, vocab) = tokens.tokenizing(settings.min_freq, None)?;
    let min_freq = vocab.min_freq;
    let because = "of the training texts; `--from-lm` for a model that knows words already";
    let shown = format!("those that train {min_freq} times or more");
    Ok(chosen((tokenizing, VocabSource::from(&vocab)), shown, because))
}

fn arch(
    settings: &ClassifierSettings,
    lm: Option<&Bundle>,
    vocab: usize,
    classes: usize,
) -> Result<Chosen<TextSpec>> {
    let dropouts = AwdDropouts::CLASSIFIER.times(settings.dropout.unwrap_or(0.5));
    let (encoder, because) = match lm {
        None => {
            let small = AwdLstmConfig {
                embedding: 200,
                hidden: 400,
                layers: 2,
                dropouts,
                ..AwdLstmConfig::classifier(vocab)
            };
            (small, "reads whole texts")
        }
        Some(lm) => match &lm.manifest.arch {
            ModelSpec::Text(TextSpec::AwdLstm(config)) => {
                let encoder = AwdLstmConfig { dropouts, ..config.encoder.clone() };
                (encoder, "with the encoder of the language model")
            }
            _ => return Err(Error::NotAwdLstm { what: lm.manifest.inference.describe() }),
        },
    };
    let shown = format!("awd-lstm, {} layers of {}, and a head", encoder.layers, encoder.hidden);
    let config = TextClassifierConfig::of(encoder, classes);
    Ok(chosen(TextSpec::TextClassifier(config), shown, because))
}

/// Batch norm needs two texts, and a training batch is never partial.
fn batch_size(asked: Option<usize>, n_train: usize) -> Result<Chosen<usize>> {
    if n_train < 2 || asked.is_some_and(|size| !(2..=n_train).contains(&size)) {
        return Err(Error::BatchSize { batch_size: asked, n_train, of: "text" });
    }
    Ok(match asked {
        Some(size) => chosen(size, size.to_string(), ASKED),
        None => {
            let size = (n_train / 24).next_power_of_two().clamp(2, 32).min(n_train);
            chosen(size, size.to_string(), format!("for {n_train} texts that train"))
        }
    })
}

fn epochs(asked: Option<usize>, from_lm: bool, steps: usize) -> Chosen<usize> {
    let shown = |epochs: usize| match from_lm {
        true => format!("{epochs}, after one for each part that is unfrozen"),
        false => epochs.to_string(),
    };
    match asked {
        Some(epochs) => chosen(epochs, shown(epochs), ASKED),
        None => {
            let all = if from_lm { 200 } else { 400 };
            let epochs = usize::div_ceil(all, steps.max(1)).clamp(2, 10);
            chosen(epochs, shown(epochs), format!("{steps} steps an epoch"))
        }
    }
}

fn lr(asked: Option<f64>, from_lm: bool) -> Chosen<f64> {
    match (asked, from_lm) {
        (Some(lr), _) => chosen(lr, lr.to_string(), ASKED),
        (None, true) => chosen(2e-2, "0.02", "fastai's for the head; less for what is unfrozen"),
        (None, false) => chosen(5e-3, "0.005", "usual for recurrent layers from scratch"),
    }
}

/// fastai's for texts.
const MOMS: (f64, f64) = (0.8, 0.7);

/// ULMFiT: the head first, then one group more at a time, each with a rate 2.6 times lower than the
/// one after it.
///
/// Howard and Ruder, [Universal Language Model Fine-tuning](https://arxiv.org/abs/1801.06146), 2018.
fn gradual_unfreezing(epochs: usize, lr: f64, groups: usize) -> Vec<Phase> {
    let slice = |lr: f64| LearningRate::Range(lr / 2.6f64.powi(groups as i32 - 1), lr);
    let phase = |name: &str, freeze_to: isize, epochs: usize, lr_max: LearningRate| Phase {
        name: name.into(),
        freeze_to,
        epochs,
        schedule: OneCycle { moms: MOMS, ..OneCycle::from(lr_max) },
    };
    vec![
        phase("the head alone", -1, 1, LearningRate::One(lr)),
        phase("the last layer, too", -2, 1, slice(lr / 2.0)),
        phase("the last two layers", -3, 1, slice(lr / 4.0)),
        phase("everything", 0, epochs, slice(lr / 20.0)),
    ]
}
