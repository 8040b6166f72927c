//! Language models: predicting the next word.

mod decide;
mod last_word;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tinderbox_data::{
    DataBunch, Encoding, Inference, Input, TargetKind,
    text::{LmOptions, LmTexts, TextItems, Tokenizing, VocabOptions, VocabSource},
};
use tinderbox_learn::{
    Bundle, Learner,
    callback::ResetState,
    generate::Generate,
    loss::Activation,
    metric::{Perplexity, accuracy},
};
use tinderbox_model::{
    arch::{ModelSpec, TextSpec},
    weights::{LoadReport, StateDict},
};

pub use last_word::{acc4, loss4};

use crate::{
    About, Answer, ClassCount, Confidence, Decided, Draws, Examined, Job, Location, PictureOptions,
    Plan, Result, RunFolder, Settings, ShownBatch, Sources, Split, Task, check,
    device::device,
    items::List,
    plan::Choices,
    texts::{self, SPLIT_SEED, TextSettings, TextSource, generate, of_model, tokenizing},
};

/// Predicts the next word of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageModel {
    pub source: TextSource,
    /// Of the texts' files; if none, UTF-8 or UTF-16.
    #[serde(default)]
    pub encoding: Option<Encoding>,
    pub split: Split,
    pub tokenizing: Tokenizing,
    pub vocab: VocabOptions,
    pub model: TextSpec,
    /// Whether the hidden state is reset at each epoch.
    pub reset_state: bool,
    /// Sequence length in tokens: how far gradients go back.
    pub bptt: usize,
}

/// The settings of language models.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LanguageModelSettings {
    #[serde(flatten)]
    pub texts: TextSettings,

    /// Maximum size of the vocabulary, in tokens
    #[schemars(range(min = 1), extend("x-value" = "N", "x-group" = "Texts", "default" = 60000))]
    pub max_vocab: Option<usize>,

    /// Sequence length in tokens: how many steps gradients go back through time
    #[schemars(range(min = 1), extend("x-validate" = true, "x-value" = "N", "x-group" = "Training",
        "x-usual" = "70; for characters, 100"))]
    pub bptt: Option<usize>,

    /// Architecture: awd-lstm, lstm, gru, or the lesson's model0 to model5
    #[schemars(extend("x-value" = "NAME", "x-group" = "Model",
        "x-usual" = "awd-lstm; for characters, lstm", "examples" = TextSpec::language_models()))]
    pub arch: Option<String>,

    /// Embedding size
    #[schemars(range(min = 1, max = 65536), extend("x-value" = "N", "x-group" = "Model",
        "x-usual" = "200; for lstm and gru, 64"))]
    pub embedding: Option<usize>,

    /// Hidden size
    #[schemars(range(min = 1, max = 65536), extend("x-value" = "N", "x-group" = "Model",
        "x-usual" = "400; for lstm and gru, 256"))]
    pub hidden: Option<usize>,

    /// Number of recurrent layers
    #[schemars(range(min = 1, max = 64), extend("x-value" = "N", "x-group" = "Model", "x-usual" = "2"))]
    pub layers: Option<usize>,

    /// Reset the hidden state at the beginning of each epoch
    #[schemars(extend("x-group" = "Training", "default" = true))]
    pub reset_state: Option<bool>,

    /// Share of the one-cycle schedule in which the learning rate rises
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0, "x-value" = "SHARE",
        "x-group" = "Training", "default" = 0.3))]
    pub pct_start: Option<f64>,
}

impl Task for LanguageModel {
    const ABOUT: About = About {
        name: "language-model",
        noun: "a language model",
        unit: "texts",
        metric: "perplexity",
        lower_is_better: true,
        takes_text: true,
        draws: Draws::Nothing,
        try_next: "generate {run} --prompt \"…\"",
        words: &[],
    };

    type Settings = LanguageModelSettings;

    type Found = LmTexts;

    /// A text file has nothing else to learn from.
    fn recognizes(ask: &Settings<Self>) -> Confidence {
        let source = ask.common.data.as_ref().map(Location::path);
        let end = source.and_then(Path::extension);
        let is_text = end.is_some_and(|end| end.eq_ignore_ascii_case("txt"));
        if is_text { Confidence::Likely } else { Confidence::No }
    }

    fn decide(
        ask: &Settings<Self>,
        data: &Sources,
        choices: &mut Choices,
        job: &Job,
    ) -> Result<(Decided<Self>, LmTexts)> {
        decide::decide(ask, data, choices, job)
    }

    fn find(plan: &Plan<Self>, _: &RunFolder, job: &Job) -> Result<LmTexts> {
        let Self { source, encoding, split, tokenizing, vocab, .. } = &plan.task;
        let vocab = VocabSource::from(vocab);
        let items = source.items(plan.data.need("data")?, *encoding)?;
        texts(items, split, tokenizing, vocab, job)
    }

    fn data(plan: &Plan<Self>, texts: LmTexts, _: &Job) -> Result<DataBunch> {
        let options = LmOptions {
            batch_size: plan.fit.batch_size,
            bptt: plan.task.bptt,
            seed: plan.seed,
            workers: plan.host.workers,
            ..LmOptions::default()
        };
        Ok(texts.batches(options)?)
    }

    fn learner(
        plan: &Plan<Self>,
        data: DataBunch,
        _: Option<StateDict>,
    ) -> Result<(Learner, LoadReport)> {
        let learner = of_model(data, &plan.task.model, &device(plan.host.device)?)?;
        let learner = Self::metrics(learner);
        let learner = if plan.task.reset_state { learner.callback(ResetState) } else { learner };
        Ok((learner, LoadReport::default()))
    }

    /// And the loss of the lesson's first models.
    fn metrics(learner: Learner) -> Learner {
        match learner.spec() {
            Some(ModelSpec::Text(spec)) if spec.predicts_last_word() => {
                learner.loss((loss4, Activation::Softmax { axis: -1 })).metrics(acc4)
            }
            _ => learner.metrics((accuracy, Perplexity::default())),
        }
    }

    /// The texts themselves: the batches' items are rows of all of them.
    fn list(plan: &Plan<Self>, data: &DataBunch) -> String {
        let mut list = List::default();
        list.push_texts(&plan.data);
        list.push_sources(&plan.data);
        list.push_vocab(data.classes());
        list.to_csv()
    }

    /// Its classes are the vocabulary, which has thousands.
    fn counts(_: &DataBunch) -> Result<Vec<ClassCount>> {
        Ok(Vec::new())
    }

    fn files(folder: &Path) -> Result<Vec<PathBuf>> {
        texts::files(folder)
    }

    fn show(data: &DataBunch, rows: usize) -> Result<ShownBatch> {
        ShownBatch::texts(data, rows)
    }

    fn knows(model: &Bundle) -> bool {
        matches!(model.manifest.inference.target(), TargetKind::Words { .. })
    }

    fn examples(model: &Bundle, ask: &Settings<Self>, job: &Job) -> Result<DataBunch> {
        let input = model.manifest.inference.text_input()?;
        let sources = Self::sources(ask);
        let data = sources.need("data")?;
        let (_, items) = TextSource::pick(data, &ask.task.texts, None, &mut Choices::default())?;
        let items = items.split_all_valid();
        let vocab = VocabSource::from(&input.vocab);
        let texts = tokenizing(job, None, |options| {
            items.label_for_lm_with(&input.tokenizing, vocab, options)
        })?;
        let options = ask.batch_options();
        let usual = LmOptions::default();
        let options = LmOptions {
            batch_size: ask.common.batch_size.unwrap_or(usual.batch_size),
            bptt: ask.task.bptt.unwrap_or(usual.bptt),
            workers: options.workers,
            ..usual
        };
        Ok(texts.batches_like(&model.manifest.inference, options)?)
    }

    /// What the text begins with.
    fn examine(plan: &Plan<Self>, _: &DataBunch, _: &Job) -> Result<Examined> {
        let items = plan.task.source.items(plan.data.need("data")?, plan.task.encoding)?;
        let examined = check::texts::examine(&check::texts::of(&items)?);
        Ok(Examined { header: plan.task.source.header(), ..examined })
    }

    type Prepared = String;

    fn prepare(_: &Inference, input: Input<'_>) -> Result<String> {
        Ok(match input {
            Input::Text(text) => text.to_owned(),
            Input::File(file) => tinderbox_data::text::read_text(file)?,
            Input::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Input::Noise { .. } => String::new(),
        })
    }

    /// It writes on after each text.
    fn answers(model: &Bundle, prompts: Vec<String>, _: &PictureOptions) -> Vec<Result<Answer>> {
        let write = |prompt: &String| {
            let mut text = String::new();
            generate(model, prompt, &Generate::default(), |part| {
                text.push_str(part);
                std::ops::ControlFlow::Continue(())
            })?;
            Ok(Answer::Text(text))
        };
        prompts.iter().map(write).collect()
    }
}

/// Fewer texts than this are cut at their ends to validate; of more, some are left out whole.
const FEW: usize = 10;

/// The texts as numbers, by a vocabulary of their own.
///
/// # Errors
/// Those of reading and tokenizing them.
fn texts(
    items: TextItems,
    split: &Split,
    tokens: &Tokenizing,
    vocab: VocabSource,
    job: &Job,
) -> Result<LmTexts> {
    let split = match split {
        Split::Random { share } if items.len() < FEW => items.split_by_tail(*share)?,
        split => split.apply(items, SPLIT_SEED)?,
    };
    Ok(tokenizing(job, None, |options| split.label_for_lm_with(tokens, vocab, options))?)
}
