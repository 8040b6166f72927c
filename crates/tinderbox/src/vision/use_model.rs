//! What one does with a trained model.

use std::{
    collections::BTreeSet,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use burn::tensor::{Device, Int, Tensor};
use serde::Serialize;
use tinderbox_data::{Array, ImageItems, Inference, Input, error::BadFile, items::first_folder};
use tinderbox_learn::{Bundle, Prediction};
use tinderbox_model::{
    AnyTensor,
    arch::ModelSpec,
    summary::{Summary, summary_of},
};

use super::plan::default_workers;
use crate::{Error, Event, Result, Watch};

/// So many files are predicted at once, if they are not large.
const BATCH: usize = 16;

/// So many pixels are.
const PIXELS: usize = 1 << 24;

/// A file and what the model says about it.
#[derive(Debug)]
pub struct Answer {
    pub file: PathBuf,
    pub prediction: Result<Prediction>,
}

/// Asks the model about each file, in order and some at a time: answers come as they are asked for.
/// A file that cannot be read does not keep the others from theirs.
pub fn predict<'a>(model: &'a Bundle, files: &'a [PathBuf]) -> impl Iterator<Item = Answer> + 'a {
    // A model of text has an error for each of them.
    let pixels = model.manifest.arch.size().map_or(1, |[height, width]| height * width);
    let at_once = (PIXELS / pixels.max(1)).clamp(1, BATCH);
    files.chunks(at_once).flat_map(|files| {
        let predictions = predict_batch(model, files);
        files.iter().cloned().zip(predictions).map(|(file, prediction)| Answer { file, prediction })
    })
}

fn predict_batch(model: &Bundle, files: &[PathBuf]) -> Vec<Result<Prediction>> {
    let inputs = open(&model.manifest.inference, files);
    let readable: Vec<Array> = inputs.iter().flatten().cloned().collect();
    let mut answers = match answer(model, &readable) {
        Ok(answers) => answers.into_iter(),
        // Each of them gets an error of its own.
        Err(_) => return files.iter().map(|file| Ok(model.predict_file(file)?)).collect(),
    };
    let one = |input: Result<Array>| input.map(|_| answers.next().expect("one for each"));
    inputs.into_iter().map(one).collect()
}

/// What the model sees of each file; they are read on several threads.
fn open(inference: &Inference, files: &[PathBuf]) -> Vec<Result<Array>> {
    let one = |file: &PathBuf| Ok(inference.input(Input::File(file))?);
    let each = files.len().div_ceil(default_workers()).max(1);
    thread::scope(|scope| {
        let part = |files: &'_ [PathBuf]| files.iter().map(one).collect::<Vec<Result<Array>>>();
        let threads: Vec<_> =
            files.chunks(each).map(|files| scope.spawn(move || part(files))).collect();
        let parts = threads.into_iter().map(|thread| match thread.join() {
            Ok(part) => part,
            Err(panic) => resume_unwind(panic),
        });
        parts.flatten().collect()
    })
}

fn answer(model: &Bundle, inputs: &[Array]) -> Result<Vec<Prediction>> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    Ok(model.predict(model.manifest.inference.batch(inputs.to_vec())?)?)
}

/// How right a model is about a folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    pub images: usize,
    pub accuracy: f64,
    /// Mean cross entropy, in nats.
    pub loss: f64,
    pub classes: Vec<ClassScore>,
}

/// How right a model is about the images of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassScore {
    pub class: String,
    pub images: usize,
    /// How many of them were told right.
    pub right: usize,
}

/// Compares what the model says about the images of class folders with the folders' names. Up to
/// `skip_bad` unreadable files are left out.
///
/// # Errors
/// [`Error::UnknownClasses`] for folders whose names are none of the model's classes,
/// [`Error::NoClassFolders`]; what is wrong with the folder or its files.
pub fn validate(model: &Bundle, folder: &Path, skip_bad: usize, watch: &Watch) -> Result<Scores> {
    let (files, labels) = labelled(model, folder, watch)?;
    let score = |class: &String| ClassScore { class: class.clone(), images: 0, right: 0 };
    let mut classes: Vec<ClassScore> = model.classes().iter().map(score).collect();
    let (mut loss, mut bad) = (0.0, Vec::new());
    for (done, (answer, &label)) in predict(model, &files).zip(&labels).enumerate() {
        let prediction = match answer.prediction {
            Ok(prediction) => prediction,
            Err(Error::Data(error)) => {
                bad.push(BadFile::new(answer.file, &error));
                continue;
            }
            Err(error) => return Err(error),
        };
        classes[label].images += 1;
        classes[label].right += usize::from(prediction.index == Some(label));
        loss -= f64::from(prediction.probabilities[label].max(f32::MIN_POSITIVE)).ln();
        watch(&Event::Checking { done: done + 1, total: files.len() });
    }
    watch(&Event::Checking { done: files.len(), total: files.len() });
    let images = files.len() - left_out(bad, files.len(), skip_bad, watch)?;
    let right: usize = classes.iter().map(|score| score.right).sum();
    let (accuracy, loss) = (right as f64 / images as f64, loss / images as f64);
    Ok(Scores { images, accuracy, loss, classes })
}

/// How many files were left out of those that were checked, which is told.
///
/// # Errors
/// [`BadFiles`](tinderbox_data::Error::BadFiles) if they are more than are allowed, or all.
pub(super) fn left_out(
    bad: Vec<BadFile>,
    checked: usize,
    allowed: usize,
    watch: &Watch,
) -> Result<usize> {
    if bad.len() > allowed || bad.len() == checked {
        return Err(tinderbox_data::Error::BadFiles { files: bad, checked, allowed }.into());
    }
    if !bad.is_empty() {
        watch(&Event::LeftOut(&bad));
    }
    Ok(bad.len())
}

/// The images of class folders, and the number of each one's class.
fn labelled(model: &Bundle, folder: &Path, watch: &Watch) -> Result<(Vec<PathBuf>, Vec<usize>)> {
    let items = ImageItems::from_folder(folder)?;
    let all = items.len();
    let items = items.filter_by_func(|path| first_folder(path).is_some());
    match all - items.len() {
        0 => {}
        _ if items.is_empty() => return Err(Error::NoClassFolders { folder: folder.to_owned() }),
        n => {
            let doubt = format!("left out: {n} of {all} images lie in no class folder");
            watch(&Event::Warning(&doubt));
        }
    }
    let class = |path: &Path| {
        let name = path.parent().and_then(Path::file_name).expect("it lies in a folder");
        name.to_string_lossy().into_owned()
    };
    let number = |name: &String| model.classes().iter().position(|class| class == name);
    let names: Vec<String> = items.relative_paths().map(class).collect();
    let unknown: BTreeSet<&String> = names.iter().filter(|name| number(name).is_none()).collect();
    if !unknown.is_empty() {
        let (folder, known) = (folder.to_owned(), model.classes().to_vec());
        let classes = unknown.into_iter().cloned().collect();
        return Err(Error::UnknownClasses { folder, classes, known });
    }
    let files = items.relative_paths().map(|path| folder.join(path)).collect();
    Ok((files, names.iter().filter_map(number).collect()))
}

/// The table of a model's layers, for a batch of this size.
///
/// # Errors
/// As [`ModelSpec::build`].
pub fn model_summary(spec: &ModelSpec, batch: usize) -> Result<Summary> {
    let device = Device::flex().autodiff();
    let model = spec.build(&device)?;
    let input: AnyTensor = match (spec.size(), spec.in_channels()) {
        (Some([height, width]), Some(channels)) => {
            Tensor::<4>::zeros([batch, channels, height, width], &device).into()
        }
        _ => Tensor::<2, Int>::zeros([batch, WORDS], &device).into(),
    };
    Ok(summary_of(&*model, input))
}

/// The length of the texts that a model's table is for; fastai's.
const WORDS: usize = 70;
