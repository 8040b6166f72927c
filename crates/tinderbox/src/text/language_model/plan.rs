//! What a training of a language model will do: the user's settings, completed by a look at the
//! texts.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tinderbox_data::{
    TargetKind,
    text::{
        LmTexts, TextCsv, TextInput, TextItems, TokenizeOptions, Tokenizing, VocabOptions,
        VocabSource, human_numbers,
    },
};
use tinderbox_learn::{Bundle, optim::Rule, schedule::OneCycle};
use tinderbox_model::arch::{ModelSpec, TextSpec};

use super::{LanguageModelSettings, Tokens};
use crate::{
    Choice, Error, Event, Phase, Planned, Result, RunPlan, Task, Watch,
    choices::{ASKED, Choices, Chosen, chosen},
    run::absolute,
};

/// A run, complete: nothing in it is left to be decided. It is saved with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageModelPlan {
    /// The data's file or folder, absolute.
    pub data: PathBuf,
    pub source: Source,
    pub tokenizing: Tokenizing,
    pub vocab: VocabOptions,
    /// The share of the texts that validates, or of each text's end.
    pub valid: f64,
    pub objective: Objective,
    pub arch: TextSpec,
    /// Whether the model starts anew with each epoch.
    pub reset_state: bool,
    pub batch_size: usize,
    pub bptt: usize,
    pub phases: Vec<Phase>,
    pub optimizer: Rule,
    pub weight_decay: f64,
    /// The longest that all gradients together may be, if there is a bound.
    pub clip: Option<f64>,
    /// The run whose model this one starts from.
    pub from: Option<PathBuf>,
    pub seed: u64,
    pub checkpoint_every: usize,
    /// How each of these came about, for people.
    pub choices: Vec<Choice>,
}

/// Where the texts are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The lesson's, made when they are needed.
    HumanNumbers,
    /// One text.
    File,
    /// Each `.txt` file is a text.
    Folder,
    /// Each row is a text, in these columns.
    Csv { columns: Vec<String> },
}

/// What is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The next word after each one.
    #[default]
    EachWord,
    /// The next word after the last one of a row: the lesson's first models.
    LastWord,
}

impl RunPlan for LanguageModelPlan {
    const TASK: Task = Task::LanguageModel;
}

impl LanguageModelPlan {
    /// Tells what will be done.
    pub(in crate::text) fn tell(&self, watch: &Watch) {
        let plan = serde_json::to_value(self).expect("a plan is plain data");
        let Self { data, choices, .. } = self;
        watch(&Event::Planned(Planned { data, choices, plan }));
    }

    /// The texts as numbers, by a vocabulary of their own.
    ///
    /// # Errors
    /// Those of reading and tokenizing them.
    pub(super) fn texts(&self, watch: &Watch) -> Result<LmTexts> {
        texts(&self.data, &self.source, self.valid, &self.tokenizing, &self.vocab, watch)
    }
}

/// Fewer texts than this are cut at their ends to validate; of more, some are left out whole.
const FEW: usize = 10;

fn texts(
    data: &Path,
    source: &Source,
    valid: f64,
    tokenizing: &Tokenizing,
    vocab: &VocabOptions,
    watch: &Watch,
) -> Result<LmTexts> {
    let items = match source {
        Source::HumanNumbers => None,
        Source::File => Some(TextItems::from_file(data)?),
        Source::Folder => Some(TextItems::from_folder(data)?),
        Source::Csv { columns } => {
            let columns = columns.clone();
            Some(TextItems::from_csv(data, &TextCsv { columns, ..TextCsv::default() })?)
        }
    };
    let split = match items {
        None => human_numbers(),
        Some(items) if items.len() < FEW => items.split_by_tail(valid)?,
        Some(items) => items.split_by_rand_pct(valid, SPLIT_SEED)?,
    };
    let progress = |done, total| watch(&Event::Tokenizing { done, total });
    let options = TokenizeOptions { progress: Some(&progress), ..TokenizeOptions::default() };
    Ok(split.label_for_lm_with(tokenizing, VocabSource::from(vocab), &options)?)
}

/// The same texts validate whatever a run's seed is, so that runs can be compared.
pub(in crate::text) const SPLIT_SEED: u32 = 42;

/// Where the texts of a path are, by its look.
fn source(data: &Path, columns: Option<&Vec<String>>) -> Source {
    let csv = data.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    match columns {
        _ if data.is_dir() => Source::Folder,
        Some(columns) => Source::Csv { columns: columns.clone() },
        None if csv => Source::Csv { columns: TextCsv::default().columns },
        None => Source::File,
    }
}

/// A plan, and the texts that were looked at for it.
pub(super) struct Look {
    pub(super) plan: LanguageModelPlan,
    pub(super) texts: LmTexts,
}

impl Look {
    /// Completes `settings` by a look at the texts, and at the model to start from if there is one.
    ///
    /// # Errors
    /// Those of reading and tokenizing the texts; [`Error::ValidShare`]; an architecture that is
    /// not known or cannot be built so; [`Error::NotALanguageModel`].
    pub(super) fn new(
        settings: &LanguageModelSettings,
        from: Option<&Bundle>,
        watch: &Watch,
    ) -> Result<Self> {
        let mut choices = Choices::default();
        let data = absolute(&settings.data)?;
        let source = source(&data, settings.columns.as_ref());
        let old = from.map(old).transpose()?;
        let tokens = choices.note("tokens", tokens(settings.tokens.as_ref(), old.is_some()));
        let valid = choices.note("validation", valid(settings.valid)?);
        let characters = tokens == Tokens::Characters;
        let (tokenizing, vocab) = tokens.tokenizing(settings.min_freq, settings.max_vocab)?;
        let tokenizing = match old {
            Some((input, _)) if settings.tokens.is_none() => input.tokenizing.clone(),
            _ => tokenizing,
        };
        let texts = texts(&data, &source, valid, &tokenizing, &vocab, watch)?;
        let [n_train, n_valid] = texts.n_tokens();
        let n_vocab = texts.input.vocab.len();
        let counts = format!("{n_train} train, {n_valid} validate");
        choices.note("texts", chosen((), counts, "read and divided into tokens"));
        let why = match vocab.min_freq {
            1 => "every token that trains".to_owned(),
            n => format!("tokens that train {n} times or more"),
        };
        choices.note("vocabulary", chosen((), n_vocab.to_string(), why));

        let arch = choices.note(
            "architecture",
            match old {
                Some((_, spec)) => old_arch(settings, spec, n_vocab)?,
                None => arch(settings, n_vocab, characters)?,
            },
        );
        let bptt = choices.note("row", bptt(settings.bptt, characters));
        let batch_size = choices.note("batch size", batch_size(settings.batch_size, n_train, bptt));
        let steps = n_train.div_ceil((batch_size * bptt).max(1));
        let epochs = choices.note("epochs", epochs(settings.epochs, steps));
        let lr = choices.note("learning rate", lr(settings.lr, settings.from.is_some()));
        let clip =
            settings.clip.map(|clip| choices.note("clip", chosen(clip, clip.to_string(), ASKED)));
        let phases = match settings.from.is_some() {
            false => vec![Phase::whole(epochs, OneCycle::from(lr))],
            true => fine_tuning(epochs, lr),
        };
        let plan = LanguageModelPlan {
            data,
            source,
            tokenizing,
            vocab,
            valid,
            objective: Objective::EachWord,
            arch,
            reset_state: true,
            batch_size,
            bptt,
            phases,
            optimizer: Rule::default(),
            weight_decay: WEIGHT_DECAY,
            clip,
            from: settings.from.as_deref().map(absolute).transpose()?,
            seed: settings.seed.unwrap_or(SEED),
            checkpoint_every: settings.checkpoint_every.unwrap_or(CHECKPOINT_EVERY),
            choices: choices.0,
        };
        Ok(Self { plan, texts })
    }
}

pub(in crate::text) const SEED: u64 = 42;
pub(in crate::text) const CHECKPOINT_EVERY: usize = 100;

/// fastai's.
pub(in crate::text) const WEIGHT_DECAY: f64 = 0.01;

/// How a language model is given text, and what it is.
fn old(model: &Bundle) -> Result<(&TextInput, &TextSpec)> {
    match (&model.manifest.arch, model.manifest.inference.target()) {
        (ModelSpec::Text(spec), TargetKind::Words { .. }) => {
            Ok((model.manifest.inference.text_input()?, spec))
        }
        _ => Err(Error::NotALanguageModel { what: model.manifest.inference.describe() }),
    }
}

/// The architecture of the model to start from, for another vocabulary.
fn old_arch(
    settings: &LanguageModelSettings,
    spec: &TextSpec,
    vocab: usize,
) -> Result<Chosen<TextSpec>> {
    let sizes = [
        ("--arch", settings.arch.is_some()),
        ("--embedding", settings.embedding.is_some()),
        ("--hidden", settings.hidden.is_some()),
        ("--layers", settings.layers.is_some()),
    ];
    if let Some((setting, _)) = sizes.into_iter().find(|(_, given)| *given) {
        return Err(Error::SizesAreFrom { setting });
    }
    let spec = spec.clone().with_vocab(vocab);
    let shown = describe(&spec);
    Ok(chosen(spec, shown, "that of the run to start from"))
}

fn tokens(asked: Option<&Tokens>, from: bool) -> Chosen<Tokens> {
    match asked {
        Some(tokens) => chosen(tokens.clone(), tokens.to_string(), ASKED),
        None if from => chosen(Tokens::Words, "as before", "those of the run to start from"),
        None => chosen(
            Tokens::Words,
            "words",
            "English words and punctuation; `--tokens characters` for anything else",
        ),
    }
}

fn valid(asked: Option<f64>) -> Result<Chosen<f64>> {
    let share = |share: f64| format!("{} %", (share * 1e4).round() / 1e2);
    match asked {
        Some(valid) if (0.0..1.0).contains(&valid) => Ok(chosen(valid, share(valid), ASKED)),
        Some(valid) => Err(Error::ValidShare { value: valid.to_string() }),
        None => Ok(chosen(0.1, share(0.1), "of the texts, or the end of each if they are few")),
    }
}

/// Sizes that a CPU trains in minutes. fastai's, for texts of a hundred million words on a graphics
/// card, are 400, 1152 and 3.
fn arch(
    settings: &LanguageModelSettings,
    vocab: usize,
    characters: bool,
) -> Result<Chosen<TextSpec>> {
    let usual = if characters { "lstm" } else { "awd-lstm" };
    let name = settings.arch.as_deref().unwrap_or(usual);
    let mut spec = TextSpec::language_model(name, vocab)?;
    let layers = settings.layers.unwrap_or(2);
    let dropout = settings.dropout;
    match &mut spec {
        TextSpec::AwdLstm(config) => {
            let encoder = &mut config.encoder;
            encoder.embedding = settings.embedding.unwrap_or(200);
            encoder.hidden = settings.hidden.unwrap_or(400);
            encoder.layers = layers;
            encoder.dropouts = encoder.dropouts.times(dropout.unwrap_or(1.0));
        }
        TextSpec::Gru(config) | TextSpec::Lstm(config) => {
            config.embedding = settings.embedding.unwrap_or(64);
            config.hidden = settings.hidden.unwrap_or(256);
            config.layers = layers;
            config.dropout = dropout.unwrap_or(0.1);
        }
        TextSpec::Model0(config)
        | TextSpec::Model1(config)
        | TextSpec::Model2(config)
        | TextSpec::Model3(config)
        | TextSpec::Model4(config)
        | TextSpec::Model5(config) => config.hidden = settings.hidden.unwrap_or(config.hidden),
        _ => {}
    }
    let because = match settings.arch {
        Some(_) => ASKED,
        None if characters => "remembers long words; `gru` is smaller",
        None => "an LSTM with the dropouts that small texts need",
    };
    let shown = describe(&spec);
    Ok(chosen(spec, shown, because))
}

fn describe(spec: &TextSpec) -> String {
    let name = spec.name();
    match spec {
        TextSpec::AwdLstm(config) => {
            let encoder = &config.encoder;
            let (embedding, hidden, layers) = (encoder.embedding, encoder.hidden, encoder.layers);
            format!("{name}, {layers} layers of {hidden}, {embedding} for a word")
        }
        TextSpec::Gru(config) | TextSpec::Lstm(config) => {
            let (embedding, hidden, layers) = (config.embedding, config.hidden, config.layers);
            format!("{name}, {layers} layers of {hidden}, {embedding} for a token")
        }
        _ => name,
    }
}

fn bptt(asked: Option<usize>, characters: bool) -> Chosen<usize> {
    let shown = |n: usize| format!("{n} tokens");
    match (asked, characters) {
        (Some(bptt), _) => chosen(bptt, shown(bptt), ASKED),
        (None, true) => chosen(100, shown(100), "about two lines: how far back the gradient goes"),
        (None, false) => chosen(70, shown(70), "fastai's: how far back the gradient goes"),
    }
}

/// A few dozen steps an epoch are what one-cycle is comfortable with.
fn batch_size(asked: Option<usize>, n_train: usize, bptt: usize) -> Chosen<usize> {
    if let Some(size) = asked {
        return chosen(size, format!("{size} rows"), ASKED);
    }
    let size = (n_train / (30 * bptt.max(1))).next_power_of_two().clamp(2, 64);
    chosen(size, format!("{size} rows"), format!("for {n_train} tokens"))
}

/// About so many steps of training are planned for, if the number of epochs is not given.
const STEPS: usize = 2000;

fn epochs(asked: Option<usize>, steps: usize) -> Chosen<usize> {
    if let Some(epochs) = asked {
        return chosen(epochs, epochs.to_string(), ASKED);
    }
    let epochs = STEPS.div_ceil(steps.max(1)).clamp(2, 30);
    let because = format!("{} steps of training, {steps} an epoch", epochs * steps);
    chosen(epochs, epochs.to_string(), because)
}

fn lr(asked: Option<f64>, fine_tunes: bool) -> Chosen<f64> {
    match (asked, fine_tunes) {
        (Some(lr), _) => chosen(lr, lr.to_string(), ASKED),
        (None, true) => chosen(1e-3, "0.001", "fastai's for a model that knows words already"),
        (None, false) => chosen(5e-3, "0.005", "usual for recurrent layers from scratch"),
    }
}

/// fastai's: the last group first, ten times as fast, then everything.
fn fine_tuning(epochs: usize, lr: f64) -> Vec<Phase> {
    let schedule = |lr: f64| OneCycle { moms: (0.8, 0.7), ..OneCycle::from(lr) };
    vec![
        Phase {
            name: "the words alone".into(),
            freeze_to: -1,
            epochs: 1,
            schedule: schedule(10.0 * lr),
        },
        Phase { name: "everything".into(), freeze_to: 0, epochs, schedule: schedule(lr) },
    ]
}
