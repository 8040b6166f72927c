//! What a model says about new inputs.

mod classes;
mod mask;

use std::{path::Path, thread};

use serde_json::{Map, Value, json};
use tinderbox_data::{
    Array, Input,
    image::{Pixels, save_mask},
    picture::Picture,
};
use tinderbox_learn::{Bundle, Prediction};

pub use classes::Classes;
pub use mask::PredictedMask;

use crate::{AnyTask, Hinted, Result, task_of_model};

/// What a model says about an input. Surfaces show it without asking which task it is of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Answer {
    /// A class, or several, with the probability of each.
    Classes(Classes),
    /// A class for each pixel.
    Mask(PredictedMask),
    /// An image.
    Picture(Picture),
    /// What a language model writes.
    Text(String),
    /// A label for each word.
    Tags(Vec<(String, String)>),
    Numbers(Vec<f32>),
}

impl Answer {
    /// In a line, cells separated by tabs: `cat\t0.9812`.
    pub fn line(&self) -> String {
        match self {
            Self::Classes(classes) => {
                format!("{}\t{:.4}", classes.label, classes.confidence().unwrap_or_default())
            }
            Self::Mask(mask) => mask.line(),
            Self::Picture(_) => String::from("an image"),
            Self::Text(text) => text.replace('\n', "\\n"),
            Self::Tags(tags) => {
                let tags = tags.iter().map(|(word, tag)| format!("{word}/{tag}"));
                tags.collect::<Vec<_>>().join(" ")
            }
            Self::Numbers(numbers) => {
                numbers.iter().map(f32::to_string).collect::<Vec<_>>().join("\t")
            }
        }
    }

    /// As a JSON object for programs.
    pub fn json(&self) -> Map<String, Value> {
        let value = match self {
            Self::Classes(classes) => {
                json!({ "label": classes.label, "probabilities": classes.by_class() })
            }
            Self::Mask(mask) => json!({ "shares": mask.shares_by_class() }),
            Self::Picture(_) => json!({}),
            Self::Text(text) => json!({ "text": text }),
            Self::Tags(tags) => json!({ "tags": tags }),
            Self::Numbers(numbers) => json!({ "numbers": numbers }),
        };
        match value {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }

    /// Writes what can be looked at as a PNG file: a mask, whose pixels are entries of a palette so
    /// that people see the classes' colors and programs read their codes; a picture.
    ///
    /// # Errors
    /// [`AnswerError::NotAPicture`] for an answer of another kind; if the file cannot be written.
    pub fn save(&self, file: &Path) -> Result<()> {
        match self {
            Self::Mask(mask) => {
                let palette = tinderbox_data::picture::Palette::of(&mask.classes);
                Ok(save_mask(file, &mask.codes, [mask.height, mask.width], &palette)?)
            }
            Self::Picture(picture) => Ok(picture.save(file)?),
            _ => Err(AnswerError::NotAPicture.into()),
        }
    }

    /// The image that it is about, with the answer drawn over it.
    ///
    /// # Errors
    /// [`AnswerError::NotAPicture`] for an answer that lies nowhere in an image.
    pub fn over(&self, pixels: &Pixels) -> Result<Picture> {
        match self {
            Self::Mask(mask) => Ok(mask.over(pixels)),
            _ => Err(AnswerError::NotAPicture.into()),
        }
    }
}

/// What cannot be done with an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    #[error("the model's answers are not images, so there is none to write")]
    NotAPicture,
}

impl Hinted for AnswerError {
    fn hint(&self) -> Option<String> {
        Some("`--json` prints all that it says".into())
    }
}

/// So many inputs are answered at once, if they are not large.
const BATCH: usize = 16;

/// So many pixels are.
const PIXELS: usize = 1 << 24;

/// Asks the model about each input, in order and some at a time: answers come as they are asked for.
/// An input that cannot be used does not keep the others from theirs.
///
/// # Errors
/// [`TaskError::NoTask`](crate::TaskError::NoTask) if none of the tasks knows such a model.
pub fn answers<'a>(
    tasks: &[&'static dyn AnyTask],
    model: &'a Bundle,
    inputs: impl IntoIterator<Item = Input<'a>> + 'a,
) -> Result<impl Iterator<Item = Result<Answer>> + 'a> {
    let task = task_of_model(tasks, model)?;
    // A model of text has no size.
    let pixels = model.manifest.arch.size().map_or(1, |[height, width]| height * width);
    let at_once = (PIXELS / pixels.max(1)).clamp(1, BATCH);
    let mut inputs = inputs.into_iter();
    Ok(std::iter::from_fn(move || {
        let some: Vec<Input<'a>> = inputs.by_ref().take(at_once).collect();
        (!some.is_empty()).then(|| task.answers(model, &some))
    })
    .flatten())
}

/// The class of each input.
pub(crate) fn classes(model: &Bundle, inputs: &[Input<'_>]) -> Vec<Result<Answer>> {
    let answer = |prediction| Answer::Classes(Classes::new(model, prediction));
    predictions(model, inputs).into_iter().map(|one| one.map(answer)).collect()
}

/// What the model says about each input, one row of outputs for each: for tasks whose answers follow
/// from that. Inputs are read on several threads, and go through the model together if they can.
pub fn predictions(model: &Bundle, inputs: &[Input<'_>]) -> Vec<Result<Prediction>> {
    let opened = open(model, inputs);
    let readable: Vec<Array> = opened.iter().flatten().cloned().collect();
    match predict(model, readable) {
        Ok(predictions) => {
            let mut predictions = predictions.into_iter();
            let one = |input: Result<Array>| {
                input.map(|_| predictions.next().expect("as many as there are inputs"))
            };
            opened.into_iter().map(one).collect()
        }
        // Each of them gets an answer, or an error, of its own.
        Err(_) => {
            let one = |input: Result<Array>| Ok(predict(model, vec![input?])?.remove(0));
            opened.into_iter().map(one).collect()
        }
    }
}

fn predict(model: &Bundle, inputs: Vec<Array>) -> Result<Vec<Prediction>> {
    match inputs.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(model.predict(model.manifest.inference.batch(inputs)?)?),
    }
}

/// What the model sees of each input; they are read on several threads.
fn open(model: &Bundle, inputs: &[Input<'_>]) -> Vec<Result<Array>> {
    let inference = &model.manifest.inference;
    let one = |input: &Input<'_>| Ok(inference.input(*input)?);
    let each = inputs.len().div_ceil(crate::Host::default().workers).max(1);
    thread::scope(|scope| {
        let part = |inputs: &'_ [Input<'_>]| inputs.iter().map(one).collect::<Vec<_>>();
        let threads: Vec<_> =
            inputs.chunks(each).map(|inputs| scope.spawn(move || part(inputs))).collect();
        let parts = threads.into_iter().map(|thread| match thread.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        parts.flatten().collect()
    })
}
