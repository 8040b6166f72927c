//! From texts to a language model.

pub(super) mod plan;
mod settings;

use std::fmt::Write;

use tinderbox_data::{
    DataBunch,
    text::{LmOptions, LmTexts},
};
use tinderbox_learn::{
    Learner,
    callback::{GradientClipping, ResetState},
    loss::{Activation, CrossEntropyFlat},
    metric::{Perplexity, accuracy},
};
use tinderbox_model::weights::{Strict, transfer_vocab};

pub use self::{
    plan::{LanguageModelPlan, Objective, Source},
    settings::{LanguageModelSettings, Tokens},
};
use super::{
    human_numbers::{acc4, loss4},
    learner::learner,
};
use crate::{
    Error, Result, RunFolder, Trained, Watch, open_model, run::absolute, training::Training,
};
use plan::Look;

/// Trains a language model on a text file, a folder of texts or the texts of a table.
///
/// The run folder gets everything: the plan, checkpoints, the epoch table, plots and the finished
/// model.
///
/// # Errors
/// [`Error::RunExists`], [`Error::RunBusy`]; whatever is wrong with the texts or the settings,
/// before anything is trained; [`Error::Diverged`] if the loss is no number any more.
pub fn train_language_model(settings: &LanguageModelSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    run.check_is_new()?;
    let from = settings.from.as_deref().map(open_model).transpose()?;
    let Look { plan, texts } = Look::new(settings, from.as_ref(), watch)?;
    plan.tell(watch);
    train_plan(&plan, texts, run, watch)
}

/// [`train_language_model`], for a plan that is made.
pub(super) fn train_plan(
    plan: &LanguageModelPlan,
    texts: LmTexts,
    run: RunFolder,
    watch: &Watch,
) -> Result<Trained> {
    run.check_is_new()?;
    let _lock = run.lock()?;
    let list = list(&texts);
    let data = batches(plan, texts)?;
    let learner = first_learner(plan, data)?;
    run.create(plan, &list)?;
    fit(plan, learner, run, watch)
}

/// Goes on with the run in `settings.out`, in the middle of an epoch if it was stopped there, and
/// ends with the same bits as if it had never been stopped.
///
/// # Errors
/// [`Error::NoRun`], [`Error::OtherTask`]; [`Error::TextsChanged`] if the texts are not what they
/// were; [`Error::ResumeDiffers`] for a setting that is not the run's; [`Error::Checkpoint`];
/// [`Error::RunBusy`].
pub fn resume_language_model(settings: &LanguageModelSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    let mut plan: LanguageModelPlan = run.plan()?;
    same_settings(settings, &plan, &run)?;
    if !settings.data.as_os_str().is_empty() {
        plan.data = absolute(&settings.data)?;
    }
    plan.checkpoint_every = settings.checkpoint_every.unwrap_or(plan.checkpoint_every);
    let _lock = run.lock()?;
    plan.tell(watch);
    let texts = plan.texts(watch)?;
    let before = std::fs::read_to_string(run.items())
        .map_err(|source| Error::Read { path: run.items(), source })?;
    if before != list(&texts) {
        return Err(Error::TextsChanged { data: plan.data });
    }
    let data = batches(&plan, texts)?;
    let learner = match run.checkpoint().is_file() {
        true => learner_of(&plan, data)?,
        false => first_learner(&plan, data)?,
    };
    fit(&plan, learner, run, watch)
}

fn same_settings(
    settings: &LanguageModelSettings,
    plan: &LanguageModelPlan,
    run: &RunFolder,
) -> Result<()> {
    let last = plan.phases.last();
    let epochs = last.map_or(0, |phase| phase.epochs);
    let lr = last.map(|phase| &phase.schedule.lr_max);
    let asked_lr = settings.lr.map(tinderbox_learn::schedule::LearningRate::One);
    let number = |n: Option<usize>| n.map(|n| n.to_string());
    let checks: [(&'static str, Option<String>, String); 6] = [
        ("--epochs", number(settings.epochs), epochs.to_string()),
        (
            "--lr",
            asked_lr.map(|lr| format!("{lr:?}")),
            lr.map_or(String::new(), |lr| format!("{lr:?}")),
        ),
        ("--batch-size", number(settings.batch_size), plan.batch_size.to_string()),
        ("--bptt", number(settings.bptt), plan.bptt.to_string()),
        ("--valid", settings.valid.map(|valid| valid.to_string()), plan.valid.to_string()),
        ("--seed", settings.seed.map(|seed| seed.to_string()), plan.seed.to_string()),
    ];
    run.check_settings(checks)
}

/// What the texts came to, so that changed ones are noticed.
fn list(texts: &LmTexts) -> String {
    let [train, valid] = texts.n_tokens();
    let mut text = format!("set,tokens\ntrain,{train}\nvalid,{valid}\n");
    for (number, token) in texts.input.vocab.tokens().iter().enumerate() {
        writeln!(text, "{number},{token:?}").expect("writing to a string");
    }
    text
}

fn batches(plan: &LanguageModelPlan, texts: LmTexts) -> Result<DataBunch> {
    let options = LmOptions {
        batch_size: plan.batch_size,
        bptt: plan.bptt,
        seed: plan.seed,
        ..LmOptions::default()
    };
    Ok(texts.batches(&options)?)
}

/// With fresh weights.
pub(super) fn learner_of(plan: &LanguageModelPlan, data: DataBunch) -> Result<Learner> {
    let learner = match plan.objective {
        Objective::EachWord => learner(data, &plan.arch, CrossEntropyFlat::default(), plan.seed)?
            .metrics((accuracy, Perplexity::default())),
        Objective::LastWord => {
            let loss = (loss4, Activation::Softmax { axis: -1 });
            learner(data, &plan.arch, loss, plan.seed)?.metrics(acc4)
        }
    };
    let learner = if plan.reset_state { learner.callback(ResetState) } else { learner };
    let mut learner = match plan.clip {
        Some(max_norm) => learner.callback(GradientClipping { max_norm }),
        None => learner,
    };
    let network = learner.network_mut();
    (network.rule, network.weight_decay) = (plan.optimizer, plan.weight_decay);
    Ok(learner)
}

/// With the weights of the run that the plan starts from, if it does.
fn first_learner(plan: &LanguageModelPlan, data: DataBunch) -> Result<Learner> {
    let Some(from) = &plan.from else { return learner_of(plan, data) };
    let old = open_model(from)?;
    let words = old.manifest.inference.text_input()?.vocab.tokens().to_vec();
    let vocab = data.classes().to_vec();
    let mut learner = learner_of(plan, data)?;
    let weights = transfer_vocab(old.weights().clone(), &words, &vocab)?;
    learner.load_state_dict(&weights, Strict::Yes)?;
    Ok(learner)
}

fn fit(
    plan: &LanguageModelPlan,
    learner: Learner,
    run: RunFolder,
    watch: &Watch,
) -> Result<Trained> {
    let lrs = plan.phases.iter().flat_map(|phase| phase.schedule.lr_max.resolve(1)).flatten();
    let lower_lr = lrs.fold(f64::INFINITY, f64::min) / 10.0;
    Training { run, checkpoint_every: plan.checkpoint_every, lower_lr }.fit(
        learner,
        watch,
        &plan.phases,
    )
}
