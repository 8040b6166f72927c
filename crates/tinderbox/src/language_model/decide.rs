//! The settings of language models that are inferred from the texts.

use tinderbox_data::text::{LmTexts, TextInput, TextItems, VocabSource};
use tinderbox_learn::{Bundle, schedule::OneCycle};
use tinderbox_model::arch::{ModelSpec, TextSpec};

use super::{LanguageModel, LanguageModelSettings, texts};
use crate::{
    Decided, Job, Phase, Result, Settings, Sources, Split, Task, Valid, open_model,
    plan::{Choices, FitPlan, Start, Take, phases::layers, split::percent},
    settings::unused,
    texts::{MOMS, TextSource, Tokens},
    validate::other_model,
};

pub(super) fn decide(
    ask: &Settings<LanguageModel>,
    data: &Sources,
    choices: &mut Choices,
    job: &Job,
) -> Result<(Decided<LanguageModel>, LmTexts)> {
    let (common, task) = (&ask.common, &ask.task);
    let data = data.need("data")?;
    let from = task.texts.from.as_ref().map(|run| open_model(run.path())).transpose()?;
    let old = from.as_ref().map(old).transpose()?;
    let (source, items) = TextSource::pick(data, &task.texts, None, choices)?;
    let tokens = match (&task.texts.tokens, old) {
        (None, Some(_)) => {
            choices.keep("tokens", &None::<Tokens>);
            choices.tell("tokens", "unchanged", "as in the run to start from");
            Tokens::Words
        }
        (asked, _) => choices.pick("tokens", asked.clone(), || {
            let because =
                "English words and punctuation; `--tokens characters` for other languages";
            (Tokens::Words, because.to_owned())
        }),
    };
    let split = split(common.valid.as_ref(), data, &source, &items, choices)?;
    let characters = tokens == Tokens::Characters;
    let (tokenizing, vocab) = tokens.tokenizing(task.texts.min_freq, task.max_vocab)?;
    choices.keep("min_freq", &vocab.min_freq);
    choices.keep("max_vocab", &vocab.max_vocab);
    let tokenizing = match old {
        Some((input, _)) if task.texts.tokens.is_none() => input.tokenizing.clone(),
        _ => tokenizing,
    };
    let texts = texts(items, &split, &tokenizing, VocabSource::from(&vocab), job)?;
    let [n_train, n_valid] = texts.n_tokens();
    let n_vocab = texts.input.vocab.len();
    let counts = format!("{n_train} tokens for training, {n_valid} for validation");
    choices.tell("texts", counts, "read and tokenized");
    let why = match vocab.min_freq {
        1 => "all tokens of the training set".to_owned(),
        n => format!("tokens that occur at least {n} times in the training set"),
    };
    choices.tell("vocabulary", n_vocab.to_string(), why);

    let model = match old {
        Some((_, spec)) => old_arch(task, spec, n_vocab, choices)?,
        None => arch(task, n_vocab, characters, choices)?,
    };
    let bptt = choices.pick_shown(
        "bptt",
        task.bptt,
        || match characters {
            true => (100, "about two lines of text; gradients go back this far".into()),
            false => (70, "fastai's; gradients go back this far".into()),
        },
        |n| format!("{n} tokens"),
    );
    let batch_size = choices.pick_shown(
        "batch_size",
        common.batch_size,
        || {
            // A few dozen steps an epoch are what one-cycle is comfortable with.
            let size = (n_train / (30 * bptt.max(1))).next_power_of_two().clamp(2, 64);
            (size, format!("for {n_train} tokens"))
        },
        |size| format!("{size} rows"),
    );
    let steps = n_train.div_ceil((batch_size * bptt).max(1));
    let epochs = choices.pick("epochs", common.epochs, || {
        let epochs = STEPS.div_ceil(steps.max(1)).clamp(2, 30);
        (epochs, format!("{} steps in total, {steps} per epoch", epochs * steps))
    });
    let lr = choices.pick("lr", common.lr, || match old.is_some() {
        true => (1e-3, "fastai's for fine-tuning a language model".into()),
        false => (5e-3, "usual for recurrent layers from scratch".into()),
    });
    choices.keep("from", &task.texts.from);
    let reset_state = choices.quiet("reset_state", task.reset_state, true);
    let pct_start = choices.quiet("pct_start", task.pct_start, OneCycle::default().pct_start);
    let phases = match old.is_some() {
        false => vec![Phase::whole(epochs, OneCycle { pct_start, ..OneCycle::from(lr) })],
        true => fine_tuning(epochs, lr, pct_start),
    };
    let start = match &task.texts.from {
        Some(run) => Start::Run { path: run.path().to_owned(), take: Take::Vocab },
        None => Start::Fresh,
    };
    let fit = FitPlan::new(phases, batch_size);
    let encoding = task.texts.encoding;
    let task =
        LanguageModel { source, encoding, split, tokenizing, vocab, model, reset_state, bptt };
    Ok((Decided { task, start, fit }, texts))
}

/// How a language model is given text, and what it is.
fn old(model: &Bundle) -> Result<(&TextInput, &TextSpec)> {
    match &model.manifest.arch {
        ModelSpec::Text(spec) if LanguageModel::knows(model) => {
            Ok((model.manifest.inference.text_input()?, spec))
        }
        _ => Err(other_model(model, LanguageModel::ABOUT.noun)),
    }
}

/// The default share of the validation set.
const TENTH: f64 = 0.1;

fn split(
    asked: Option<&Valid>,
    data: &std::path::Path,
    source: &TextSource,
    items: &TextItems,
    choices: &mut Choices,
) -> Result<Split> {
    let (split, because) = match source.asked_split(data, items, asked)? {
        Some(split) => (split, crate::plan::ASKED),
        None => {
            let because = "of the texts, or the end of each if there are few";
            (Split::Random { share: TENTH }, because)
        }
    };
    choices.keep("valid", &split.as_setting());
    let shown = match &split {
        Split::Random { share } => format!("{} %", percent(*share)),
        other => other.to_string(),
    };
    choices.tell("valid", shown, because);
    Ok(split)
}

/// The architecture of the model to start from, for another vocabulary.
fn old_arch(
    task: &LanguageModelSettings,
    spec: &TextSpec,
    vocab: usize,
    choices: &mut Choices,
) -> Result<TextSpec> {
    const REASON: &str = "the run in `--from` decides it";
    unused("arch", task.arch.as_ref(), REASON)?;
    unused("embedding", task.embedding.as_ref(), REASON)?;
    unused("hidden", task.hidden.as_ref(), REASON)?;
    unused("layers", task.layers.as_ref(), REASON)?;
    unused("dropout", task.texts.dropout.as_ref(), REASON)?;
    choices.keep("arch", &None::<String>);
    Sizes::default().keep(choices);
    let spec = spec.clone().with_vocab(vocab);
    choices.tell("architecture", describe(&spec), "as in the run to start from");
    Ok(spec)
}

/// The sizes of an architecture, as far as it has them.
#[derive(Debug, Default)]
struct Sizes {
    embedding: Option<usize>,
    hidden: Option<usize>,
    layers: Option<usize>,
    dropout: Option<f64>,
}

impl Sizes {
    fn keep(&self, choices: &mut Choices) {
        choices.keep("embedding", &self.embedding);
        choices.keep("hidden", &self.hidden);
        choices.keep("layers", &self.layers);
        choices.keep("dropout", &self.dropout);
    }
}

/// Sizes that a CPU trains in minutes. fastai's, for texts of a hundred million words on a graphics
/// card, are 400, 1152 and 3.
fn arch(
    task: &LanguageModelSettings,
    vocab: usize,
    characters: bool,
    choices: &mut Choices,
) -> Result<TextSpec> {
    let usual = if characters { "lstm" } else { "awd-lstm" };
    let name = task.arch.as_deref().unwrap_or(usual);
    let mut spec = TextSpec::language_model(name, vocab)?;
    let LanguageModelSettings { embedding, hidden, layers, .. } = *task;
    let dropout = task.texts.dropout;
    let sizes = match &mut spec {
        TextSpec::AwdLstm(config) => {
            let encoder = &mut config.encoder;
            encoder.embedding = embedding.unwrap_or(200);
            encoder.hidden = hidden.unwrap_or(400);
            encoder.layers = layers.unwrap_or(2);
            let times = dropout.unwrap_or(1.0);
            encoder.dropouts = encoder.dropouts.times(times);
            Sizes {
                embedding: Some(encoder.embedding),
                hidden: Some(encoder.hidden),
                layers: Some(encoder.layers),
                dropout: Some(times),
            }
        }
        TextSpec::Gru(config) | TextSpec::Lstm(config) => {
            config.embedding = embedding.unwrap_or(64);
            config.hidden = hidden.unwrap_or(256);
            config.layers = layers.unwrap_or(2);
            config.dropout = dropout.unwrap_or(0.1);
            Sizes {
                embedding: Some(config.embedding),
                hidden: Some(config.hidden),
                layers: Some(config.layers),
                dropout: Some(config.dropout),
            }
        }
        TextSpec::Model0(config)
        | TextSpec::Model1(config)
        | TextSpec::Model2(config)
        | TextSpec::Model3(config)
        | TextSpec::Model4(config)
        | TextSpec::Model5(config) => {
            const REASON: &str = "the lesson's models have only a hidden size";
            unused("embedding", embedding.as_ref(), REASON)?;
            unused("layers", layers.as_ref(), REASON)?;
            unused("dropout", dropout.as_ref(), REASON)?;
            config.hidden = hidden.unwrap_or(config.hidden);
            Sizes { hidden: Some(config.hidden), ..Sizes::default() }
        }
        _ => Sizes::default(),
    };
    sizes.keep(choices);
    let shown = describe(&spec);
    let because = match characters {
        true => "keeps a long context; `gru` is smaller",
        false => "an LSTM with the dropout that small data sets need",
    };
    let usual = || (usual.to_owned(), because.to_owned());
    choices.pick_shown("arch", task.arch.clone(), usual, |_| shown);
    Ok(spec)
}

fn describe(spec: &TextSpec) -> String {
    let name = spec.name();
    match spec {
        TextSpec::AwdLstm(config) => {
            let encoder = &config.encoder;
            let (embedding, hidden, layers) = (encoder.embedding, encoder.hidden, encoder.layers);
            sizes(&name, layers, hidden, embedding)
        }
        TextSpec::Gru(config) | TextSpec::Lstm(config) => {
            let (embedding, hidden, layers) = (config.embedding, config.hidden, config.layers);
            sizes(&name, layers, hidden, embedding)
        }
        _ => name,
    }
}

fn sizes(name: &str, n_layers: usize, hidden: usize, embedding: usize) -> String {
    format!("{name}, {}, hidden size {hidden}, embedding size {embedding}", layers(n_layers))
}

/// About this many steps of training are planned for, if the number of epochs is not given.
const STEPS: usize = 2000;

/// fastai's: the last group first, ten times as fast, then everything.
fn fine_tuning(epochs: usize, lr: f64, pct_start: f64) -> Vec<Phase> {
    let schedule = |lr: f64| OneCycle { moms: MOMS, pct_start, ..OneCycle::from(lr) };
    vec![
        Phase::head("the embeddings alone", 1, schedule(10.0 * lr)),
        Phase::whole(epochs, schedule(lr)),
    ]
}
