//! The settings of text classification that are inferred from the texts.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use tinderbox_data::text::{LabelledTexts, TextItems, Tokenizing, VocabSource};
use tinderbox_learn::{
    Bundle,
    schedule::{LearningRate, OneCycle},
};
use tinderbox_model::arch::{
    AwdDropouts, AwdLstmConfig, ModelSpec, TextClassifierConfig, TextSpec,
};

use super::{ClassifyTexts, ClassifyTextsError, ClassifyTextsSettings, label, labelled};
use crate::{
    Common, Decided, Job, Phase, Result, Settings, Sources, Split, Valid, open_model,
    plan::{
        Choices, FitPlan, Start, Take, batch_size, class_folders::ClassFolders, classes,
        columns::set_column, phases, split::FIFTH,
    },
    settings::unused,
    texts::{MOMS, TextSource, Tokens, rows, tokenizing},
};

pub(super) fn decide(
    ask: &Settings<ClassifyTexts>,
    data: &Sources,
    choices: &mut Choices,
    job: &Job,
) -> Result<(Decided<ClassifyTexts>, LabelledTexts)> {
    let (common, task) = (&ask.common, &ask.task);
    let data = data.need("data")?;
    let from = task.texts.from.as_ref().map(|run| open_model(run.path())).transpose()?;
    let (source, items) = TextSource::pick(data, &task.texts, task.label.as_ref(), choices)?;
    let (label, because) = label(task.label.as_ref(), &source, &items)?;
    if let Some(label) = &label {
        choices.tell("label", format!("column `{label}`"), because);
    }
    choices.keep("label", &label);
    let skip_bad = task.skip_bad.unwrap_or(0);
    let folders = match label {
        Some(_) => None,
        None => Some(class_folders(data, &items, common.valid.as_ref(), choices)?),
    };
    let items = match &folders {
        Some(folders) => items.filter_by_func(|path| folders.class(path).is_some()),
        None => items,
    };
    let (items, warnings) = rows::usable(data, items, label.as_deref(), skip_bad)?;
    for warning in warnings {
        choices.warn(warning);
    }
    let (split, within, classes_are) = match folders {
        Some(folders) => {
            let classes_are = folders.classes_are(items.relative_paths());
            (folders.split, folders.within, classes_are)
        }
        None => {
            let split = split(common.valid.as_ref(), data, &source, &items, choices)?;
            (split, String::new(), "by their labels".to_owned())
        }
    };
    let labelled = labelled(items, label.as_deref(), &split, &within)?;
    let classes = several(labelled.target.classes().to_vec(), data, label.as_deref())?;
    // Nothing evens out the classes of texts.
    classes::tell(
        &labelled,
        &classes_are,
        Some("add texts of the smaller classes, if you can"),
        choices,
    );
    if let Some(doubt) = several_in_one(&classes) {
        choices.warn(doubt);
    }
    let n_train = labelled.train.items.len();

    let (tokens, vocab) = words(task, from.as_ref(), choices)?;
    // One more than is read, to see what is longer.
    let longest = Some(task.max_len.unwrap_or(LONGEST) + 1);
    let mut texts =
        tokenizing(job, longest, |options| labelled.tokenize_with(&tokens, vocab, options))?;
    let max_len = max_len(task, &mut texts, choices);
    let n_vocab = texts.input.vocab.len();
    let (model, take) = model(task, from.as_ref(), n_vocab, &classes, choices)?;
    batch_size::check(common.batch_size, n_train, "text")?;
    let batch_size = choices.pick("batch_size", common.batch_size, || {
        let size = (n_train / 24).next_power_of_two().clamp(2, 32).min(n_train);
        (size, format!("for {n_train} training texts"))
    });
    let (epochs, lr) = schedule(common, take, n_train / batch_size, choices);
    choices.keep("from", &task.texts.from);
    let phases = match is_gradual(take) {
        true => gradual_unfreezing(epochs, lr, model.groups().len() + 1),
        false => vec![Phase::whole(epochs, OneCycle { moms: MOMS, ..OneCycle::from(lr) })],
    };
    let start = match (&task.texts.from, take) {
        (Some(run), Some(take)) => Start::Run { path: run.path().to_owned(), take },
        _ => Start::Fresh,
    };
    let fit = FitPlan::new(phases, batch_size);
    let encoding = task.texts.encoding;
    let task = ClassifyTexts {
        longest,
        max_len: Some(max_len),
        source,
        encoding,
        label,
        within,
        split,
        tokenizing: tokens,
        model,
    };
    Ok((Decided { task, start, fit }, texts))
}

/// The classes, if there are several.
fn several(classes: Vec<String>, data: &Path, label: Option<&str>) -> Result<Vec<String>> {
    let data = data.to_owned();
    match &classes[..] {
        [] => {
            let column = label.unwrap_or_default().to_owned();
            Err(ClassifyTextsError::Numbers { data, column }.into())
        }
        [class] => Err(ClassifyTextsError::OneClass { data, class: class.clone() }.into()),
        _ => Ok(classes),
    }
}

/// How many epochs of so many steps, and the learning rate.
fn schedule(
    common: &Common,
    take: Option<Take>,
    steps: usize,
    choices: &mut Choices,
) -> (usize, f64) {
    let gradual = is_gradual(take);
    let epochs = choices.pick_shown(
        "epochs",
        common.epochs,
        || {
            let all = if take.is_some() { 200 } else { 400 };
            let epochs = usize::div_ceil(all, steps.max(1)).clamp(2, 10);
            (epochs, format!("{steps} steps per epoch"))
        },
        |epochs| match gradual {
            true => format!("{epochs}, after one for each group of layers that is unfrozen"),
            false => epochs.to_string(),
        },
    );
    let lr = choices.pick("lr", common.lr, || match take {
        Some(Take::All) => {
            (1e-3, "a twentieth of the rate of a new head, as the model is already trained".into())
        }
        Some(_) => {
            (2e-2, "fastai's for the head; lower for the layers that are unfrozen later".into())
        }
        None => (5e-3, "usual for recurrent layers from scratch".into()),
    });
    (epochs, lr)
}

/// Whether a head that is new is trained first.
fn is_gradual(take: Option<Take>) -> bool {
    matches!(take, Some(Take::Encoder | Take::Body))
}

/// fastai's `max_len`: the words that its classifier looks at, from the end.
const LONGEST: usize = 1400;

/// The most tokens of a text, to which longer ones are cut: a text that is much longer than all but one
/// in a hundred would make the memory of its batch many times as large.
fn max_len(
    task: &ClassifyTextsSettings,
    texts: &mut LabelledTexts,
    choices: &mut Choices,
) -> usize {
    let usual = usual_max_len(&texts.lengths());
    let max_len = task.max_len.unwrap_or(usual);
    choices.keep("max_len", &max_len);
    let cut = texts.cut(max_len);
    if let Some(first) = cut.first() {
        let (texts, are) = if cut.len() == 1 { ("text", "is") } else { ("texts", "are") };
        choices.warn(format!(
            "{} {texts} {are} longer than {max_len} tokens, such as {first}: only the end is read; `--max-len` sets how much",
            cut.len()
        ));
    }
    max_len
}

fn usual_max_len(lengths: &[usize]) -> usize {
    /// Of fewer texts, each may be as long as it is.
    const FEW: usize = 20;
    let mut lengths = lengths.to_vec();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    match lengths.len() {
        n if n < FEW => LONGEST,
        n => (3 * lengths[(n / 100).max(1)]).min(LONGEST),
    }
}

/// Which folders are classes and which are sets, where there is no table.
///
/// # Errors
/// [`ClassifyTextsError::NoClassFolders`]; those of [`ClassFolders::find`].
fn class_folders(
    data: &Path,
    items: &TextItems,
    asked: Option<&Valid>,
    choices: &mut Choices,
) -> Result<ClassFolders> {
    let files: Vec<PathBuf> = items.relative_paths().map(Path::to_owned).collect();
    let folders = ClassFolders::find(data, &files, asked, "texts")?;
    folders.tell(choices);
    for doubt in folders.doubts(items) {
        choices.warn(doubt);
    }
    match files.iter().any(|file| folders.class(file).is_some()) {
        true => Ok(folders),
        false => Err(ClassifyTextsError::NoClassFolders { folder: folders.folder(data) }.into()),
    }
}

fn split(
    asked: Option<&Valid>,
    data: &Path,
    source: &TextSource,
    items: &TextItems,
    choices: &mut Choices,
) -> Result<Split> {
    let (split, because) = match source.asked_split(data, items, asked)? {
        Some(split) => (split, crate::plan::ASKED),
        None => usual_split(items),
    };
    choices.keep("valid", &split.as_setting());
    let shown = match &split {
        Split::Column(column) => format!("column `{column}`"),
        other => other.to_string(),
    };
    choices.tell("valid", shown, because);
    Ok(split)
}

fn usual_split(items: &TextItems) -> (Split, &'static str) {
    if let Some(table) = items.table()
        && let Some(column) = set_column(table, |_| true)
    {
        return (Split::Column(table.columns()[column].clone()), "the data has this column");
    }
    match FIFTH * (items.len() as f64) < 1.0 {
        true => (Split::Random { share: 0.0 }, "there are too few texts to hold any out"),
        false => {
            (Split::Random { share: FIFTH }, "the data does not define one; choose with `--valid`")
        }
    }
}

/// A doubt if classes seem to be several labels each: `pos film` beside `pos` and `neg film`.
fn several_in_one(classes: &[String]) -> Option<String> {
    const SEPARATORS: [char; 4] = ['|', ';', ',', ' '];
    let parts = |separator: char| -> BTreeSet<&str> {
        let parts = classes.iter().flat_map(|class| class.split(separator));
        parts.map(str::trim).filter(|part| !part.is_empty()).collect()
    };
    let is_divided = |separator: &char| {
        let several = classes.iter().filter(|class| class.contains(*separator)).count();
        several > 1 && parts(*separator).len() < classes.len()
    };
    let separator = SEPARATORS.into_iter().find(is_divided)?;
    let example = classes.iter().find(|class| class.contains(separator))?;
    Some(format!(
        "the {} classes are made of {} words, such as `{example}`: if these are several labels, choose a column with one per text (`--label COLUMN`), as each text is given one class",
        classes.len(),
        parts(separator).len()
    ))
}

/// How texts become numbers: as those of the model to start from did, if there is one.
fn words(
    task: &ClassifyTextsSettings,
    from: Option<&Bundle>,
    choices: &mut Choices,
) -> Result<(Tokenizing, VocabSource)> {
    if let Some(from) = from {
        const REASON: &str = "the run in `--from` decides it";
        unused("tokens", task.texts.tokens.as_ref(), REASON)?;
        unused("min_freq", task.texts.min_freq.as_ref(), REASON)?;
        choices.keep("tokens", &None::<Tokens>);
        choices.keep("min_freq", &None::<usize>);
        let input = from.manifest.inference.text_input()?;
        let known = format!("a vocabulary of {}", input.vocab.len());
        choices.tell("words", known, "as in the run to start from");
        return Ok((input.tokenizing.clone(), VocabSource::from(&input.vocab)));
    }
    let tokens = choices.quiet("tokens", task.texts.tokens.clone(), Tokens::default());
    let (tokenizing, vocab) = tokens.tokenizing(task.texts.min_freq, None)?;
    choices.keep("min_freq", &vocab.min_freq);
    let shown = format!("those that occur at least {} times", vocab.min_freq);
    let because = "in the training set; `--from` starts from a pretrained language model";
    choices.tell("words", shown, because);
    Ok((tokenizing, VocabSource::from(&vocab)))
}

/// The classifier, and what it takes of the model to start from.
fn model(
    task: &ClassifyTextsSettings,
    from: Option<&Bundle>,
    vocab: usize,
    classes: &[String],
    choices: &mut Choices,
) -> Result<(TextSpec, Option<Take>)> {
    // fastai's.
    let dropout = choices.quiet("dropout", task.texts.dropout, 0.5);
    let dropouts = AwdDropouts::CLASSIFIER.times(dropout);
    let of = |encoder| TextClassifierConfig::of(encoder, classes.len());
    let (config, take, because) = match from.map(|from| (from, &from.manifest.arch)) {
        None => {
            let small = AwdLstmConfig {
                embedding: 200,
                hidden: 400,
                layers: 2,
                dropouts,
                ..AwdLstmConfig::classifier(vocab)
            };
            (of(small), None, "classifies whole texts")
        }
        Some((_, ModelSpec::Text(TextSpec::AwdLstm(config)))) => {
            let encoder = AwdLstmConfig { dropouts, ..config.encoder.clone() };
            (of(encoder), Some(Take::Encoder), "with the encoder of the language model")
        }
        Some((from, ModelSpec::Text(TextSpec::TextClassifier(config)))) => {
            let encoder = AwdLstmConfig { dropouts, ..config.encoder.clone() };
            let config = TextClassifierConfig { encoder, classes: classes.len(), ..config.clone() };
            match from.classes() == classes {
                true => (config, Some(Take::All), "all weights of the run to start from"),
                false => {
                    let because =
                        "as in the run to start from; the classes differ, so the last layer is new";
                    (config, Some(Take::Body), because)
                }
            }
        }
        Some((from, _)) => {
            let what = from.manifest.inference.describe();
            return Err(ClassifyTextsError::NoEncoder { what }.into());
        }
    };
    let AwdLstmConfig { layers, hidden, .. } = config.encoder;
    choices.tell(
        "architecture",
        format!(
            "awd-lstm, {}, hidden size {hidden}, with a head for the classes",
            phases::layers(layers)
        ),
        because,
    );
    Ok((TextSpec::TextClassifier(config), take))
}

/// ULMFiT: the head first, then one group more at a time, each with a rate 2.6 times lower than the
/// one after it.
fn gradual_unfreezing(epochs: usize, lr: f64, groups: usize) -> Vec<Phase> {
    let slice = |lr: f64| LearningRate::Range(lr / 2.6f64.powi(groups as i32 - 1), lr);
    let phase = |name: &str, freeze_to: isize, epochs: usize, lr_max: LearningRate| Phase {
        name: name.into(),
        freeze_to,
        epochs,
        schedule: OneCycle { moms: MOMS, ..OneCycle::from(lr_max) },
        at: None,
    };
    vec![
        phase("the head alone", -1, 1, LearningRate::One(lr)),
        phase("the last layer, too", -2, 1, slice(lr / 2.0)),
        phase("the last two layers", -3, 1, slice(lr / 4.0)),
        phase("the whole network", 0, epochs, slice(lr / 20.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_much_longer_than_the_others_is_cut() {
        let lengths = |short: usize, n: usize, long: usize| {
            let mut lengths = vec![short; n];
            lengths.push(long);
            usual_max_len(&lengths)
        };
        assert_eq!(lengths(6, 800, 2_000_000), 18);
        assert_eq!(lengths(6, 60, 60_000), 18);
        assert_eq!(lengths(700, 60, 60_000), LONGEST);
        assert_eq!(lengths(6, 10, 60_000), LONGEST);
        // More than one in a hundred: they are long texts, not a mistake.
        assert_eq!(usual_max_len(&[vec![6; 95], vec![900; 5]].concat()), LONGEST);
    }

    #[test]
    fn classes_that_seem_to_be_several_labels_are_doubted() {
        let doubt = |classes: &[&str]| {
            let classes: Vec<String> = classes.iter().map(|class| (*class).to_owned()).collect();
            several_in_one(&classes)
        };
        let said = doubt(&["neg", "neg film", "pos", "pos film"]).unwrap();
        assert!(
            said.starts_with("the 4 classes are made of 3 words, such as `neg film`"),
            "{said}"
        );
        assert_eq!(doubt(&["basset hound", "great dane"]), None);
        assert_eq!(doubt(&["neg", "pos"]), None);
        assert!(doubt(&["a|b", "a", "b|c", "b"]).is_some());
    }
}
