//! From labelled texts to a classifier, by ULMFiT where there is a language model to start from.

mod plan;
mod settings;

use std::{fmt::Write, fs, path::Path};

use tinderbox_data::{
    DataBunch, ImageItems, Input, TargetKind,
    batch::Set,
    text::{ClassifierOptions, LabelledTexts, TextItems, Vocab, VocabSource},
};
use tinderbox_learn::{Bundle, Learner, Prediction};
use tinderbox_model::weights::{Strict, load_encoder};

pub use self::{
    plan::{ClassifierPlan, LabelSource, TextSplit},
    settings::ClassifierSettings,
};
use super::learner::text_classifier_learner;
use crate::{
    Error, Result, RunFolder, Trained, Watch, open_model, run::absolute, training::Training,
};
use plan::Look;

/// Trains a classifier of texts. With a language model it takes that one's words and encoder, and
/// unfreezes group after group.
///
/// The run folder gets everything: the plan, the vocabulary, the list of texts, checkpoints, the
/// epoch table, plots and the finished model.
///
/// # Errors
/// [`Error::RunExists`], [`Error::RunBusy`]; whatever is wrong with the texts, the language model
/// or the settings, before anything is trained; [`Error::Diverged`] if the loss is no number any
/// more.
pub fn train_classifier(settings: &ClassifierSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    run.check_is_new()?;
    let lm = settings.from_lm.as_deref().map(open_model).transpose()?;
    let Look { plan, texts } = Look::new(settings, lm.as_ref(), watch)?;
    plan.tell(watch);
    let _lock = run.lock()?;
    let vocab = texts.input.vocab.clone();
    let data = batches(&plan, texts)?;
    let list = list(&data);
    let learner = first_learner(&plan, data, lm.as_ref())?;
    vocab.save(run.vocab())?;
    run.create(&plan, &list)?;
    fit(&plan, learner, run, watch)
}

/// Goes on with the run in `settings.out`, in whichever fit it was stopped, and ends with the same
/// bits as if it had never been stopped.
///
/// # Errors
/// [`Error::NoRun`], [`Error::OtherTask`]; [`Error::TextsChanged`] if the texts are not what they
/// were; [`Error::ResumeDiffers`] for a setting that is not the run's; [`Error::Checkpoint`];
/// [`Error::RunBusy`].
pub fn resume_classifier(settings: &ClassifierSettings, watch: &Watch) -> Result<Trained> {
    let run = RunFolder::new(&settings.out);
    let mut plan: ClassifierPlan = run.plan()?;
    same_settings(settings, &plan, &run)?;
    if !settings.data.as_os_str().is_empty() {
        plan.data = absolute(&settings.data)?;
    }
    plan.checkpoint_every = settings.checkpoint_every.unwrap_or(plan.checkpoint_every);
    let _lock = run.lock()?;
    plan.tell(watch);
    let vocab = Vocab::load(run.vocab())?;
    let data = batches(&plan, plan.texts(VocabSource::from(&vocab), watch)?)?;
    let before = fs::read_to_string(run.items())
        .map_err(|source| Error::Read { path: run.items(), source })?;
    if before != list(&data) {
        return Err(Error::TextsChanged { data: plan.data });
    }
    let learner = match (&plan.from_lm, run.checkpoint().is_file()) {
        (Some(lm), false) => first_learner(&plan, data, Some(&open_model(lm)?))?,
        _ => first_learner(&plan, data, None)?,
    };
    fit(&plan, learner, run, watch)
}

fn same_settings(
    settings: &ClassifierSettings,
    plan: &ClassifierPlan,
    run: &RunFolder,
) -> Result<()> {
    let epochs = plan.phases.last().map_or(0, |phase| phase.epochs);
    let number = |n: Option<usize>| n.map(|n| n.to_string());
    let checks: [(&'static str, Option<String>, String); 3] = [
        ("--epochs", number(settings.epochs), epochs.to_string()),
        ("--batch-size", number(settings.batch_size), plan.batch_size.to_string()),
        ("--seed", settings.seed.map(|seed| seed.to_string()), plan.seed.to_string()),
    ];
    run.check_settings(checks)
}

fn batches(plan: &ClassifierPlan, texts: LabelledTexts) -> Result<DataBunch> {
    let options = ClassifierOptions {
        batch_size: plan.batch_size,
        seed: plan.seed,
        ..ClassifierOptions::default()
    };
    Ok(texts.batches(&options)?)
}

/// Every text of both sets, with its label, so that changed ones are noticed.
fn list(data: &DataBunch) -> String {
    let mut text = String::from("set,label,text\n");
    for (name, set, n) in
        [("train", Set::Train, data.n_train()), ("valid", Set::Valid, data.n_valid())]
    {
        for index in 0..n {
            let (label, of) = (data.label(set, index), data.name(set, index));
            writeln!(text, "{name},{label:?},{of:?}").expect("writing to a string");
        }
    }
    text
}

/// With fresh weights, or with the encoder of a language model.
fn first_learner(plan: &ClassifierPlan, data: DataBunch, lm: Option<&Bundle>) -> Result<Learner> {
    let mut learner = text_classifier_learner(data, &plan.arch, plan.seed)?;
    let network = learner.network_mut();
    (network.rule, network.weight_decay) = (plan.optimizer, plan.weight_decay);
    if let Some(lm) = lm {
        let weights = load_encoder(learner.state_dict(), lm.weights())?;
        learner.load_state_dict(&weights, Strict::Yes)?;
    }
    Ok(learner)
}

fn fit(plan: &ClassifierPlan, learner: Learner, run: RunFolder, watch: &Watch) -> Result<Trained> {
    let lrs = plan.phases.iter().flat_map(|phase| phase.schedule.lr_max.resolve(1)).flatten();
    let lower_lr = lrs.fold(0.0, f64::max) / 10.0;
    Training { run, checkpoint_every: plan.checkpoint_every, lower_lr }.fit(
        learner,
        watch,
        &plan.phases,
    )
}

/// Whether the data at `path` is of texts: a CSV file, or a folder with `.txt` files and no
/// pictures in it.
pub fn is_of_texts(path: &Path) -> bool {
    match path.is_dir() {
        true => TextItems::from_folder(path).is_ok() && ImageItems::from_folder(path).is_err(),
        false => path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")),
    }
}

/// What a classifier says about a text.
///
/// # Errors
/// [`tinderbox_data::Error::NoTokens`] if nothing is in it;
/// [`tinderbox_data::Error::UnfitInput`] for a model of something else;
/// [`Error::NotAClassifier`] for a language model.
pub fn predict_text(model: &Bundle, text: &str) -> Result<Prediction> {
    let inference = &model.manifest.inference;
    if !matches!(inference.target(), TargetKind::Category { .. }) {
        return Err(Error::NotAClassifier { what: inference.describe() });
    }
    let input = inference.input(Input::Text(text))?;
    let mut predictions = model.predict(inference.batch(vec![input])?)?;
    Ok(predictions.remove(0))
}

#[cfg(test)]
mod tests {
    use tinderbox_data::picture::Picture;

    use super::*;

    #[test]
    fn notes_among_pictures_do_not_make_them_texts() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_of_texts(folder.path()));
        assert!(is_of_texts(Path::new("reviews.CSV")) && !is_of_texts(Path::new("a.png")));
        fs::write(folder.path().join("notes.txt"), "taken in May").unwrap();
        assert!(is_of_texts(folder.path()));
        Picture::filled(2, 2, [0; 3]).save(folder.path().join("a.png")).unwrap();
        assert!(!is_of_texts(folder.path()));
    }
}
