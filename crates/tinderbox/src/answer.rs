//! What a model says about new inputs.

mod ahead;
mod asked;
mod classes;
mod mask;
mod picture;
mod results;

use std::path::Path;

use serde_json::{Map, Value, json};
use tinderbox_data::{
    Array, Input,
    image::{Lost, Photo, Pixels, save_mask},
    picture::Picture,
    visible,
};
use tinderbox_learn::{Bundle, Prediction};

pub(crate) use ahead::{Answers, at_once};
pub use asked::{Asked, AskedError, ReadTexts, asked};
pub use classes::Classes;
pub use mask::PredictedMask;
pub use picture::{OutputSize, PictureOptionError, PictureOptions};
pub use results::{Results, ResultsError};

use crate::{AnyTask, Hinted, Result, task_of_model};

/// What a model says about an input. Surfaces show it without asking which task it is of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Answer {
    /// A class, or several, with the probability of each.
    Classes(Classes),
    /// A class for each pixel.
    Mask(PredictedMask),
    /// An image, with all that the input's file carries.
    Picture(Photo),
    /// What a language model writes.
    Text(String),
    /// A label for each word.
    Tags(Vec<(String, String)>),
    Numbers(Vec<f32>),
}

impl Answer {
    /// In a line for people, cells separated by tabs: `cat\t0.9812`, or `cat;dog\t0.9812;0.7533`.
    pub fn line(&self) -> String {
        match self {
            Self::Classes(classes) => {
                let shown = |p: &f32| format!("{p:.4}");
                let sure: Vec<String> = classes.of_label().iter().map(shown).collect();
                format!("{}\t{}", visible(&classes.label), sure.join(";"))
            }
            Self::Mask(mask) => mask.line(),
            Self::Picture(photo) => photo.describe(),
            Self::Text(text) => visible(text).into_owned(),
            Self::Tags(tags) => visible(&tagged(tags)).into_owned(),
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
            Self::Picture(photo) => json!({ "height": photo.height(), "width": photo.width() }),
            Self::Text(text) => json!({ "written": text }),
            Self::Tags(tags) => json!({ "tags": tags }),
            Self::Numbers(numbers) => json!({ "numbers": numbers }),
        };
        match value {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }

    /// As the cells of a table, with the columns that they stand in: the columns are the same for all
    /// answers of a model.
    pub fn cells(&self) -> Vec<(String, String)> {
        let cell = |column: &str, value: &dyn ToString| (column.to_owned(), value.to_string());
        match self {
            Self::Classes(classes) => {
                let confidence = classes.confidence().map_or_else(String::new, |p| p.to_string());
                let of_classes = classes.classes.iter().zip(&classes.probabilities);
                [cell("label", &classes.label), cell("confidence", &confidence)]
                    .into_iter()
                    .chain(of_classes.map(|(class, probability)| cell(class, probability)))
                    .collect()
            }
            Self::Mask(mask) => {
                let shares = mask.classes.iter().zip(mask.shares());
                shares.map(|(class, share)| cell(class, &share)).collect()
            }
            Self::Picture(photo) => {
                vec![cell("height", &photo.height()), cell("width", &photo.width())]
            }
            Self::Text(text) => vec![cell("written", text)],
            Self::Tags(tags) => vec![cell("tags", &tagged(tags))],
            Self::Numbers(numbers) => match &numbers[..] {
                [number] => vec![cell("number", number)],
                numbers => {
                    let column =
                        |(at, number): (usize, &f32)| cell(&format!("number_{}", at + 1), number);
                    numbers.iter().enumerate().map(column).collect()
                }
            },
        }
    }

    /// Writes what can be looked at: a mask as a PNG file, whose pixels are entries of a palette so
    /// that people see the classes' colors and programs read their codes; an image in the format that
    /// the file's name ends with, as [`Photo::save`]. Returns what the file is without.
    ///
    /// # Errors
    /// [`AnswerError::NotAPicture`] for an answer of another kind; if the file cannot be written.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<Vec<Lost>> {
        let file = file.as_ref();
        match self {
            Self::Mask(mask) => {
                let palette = tinderbox_data::picture::Palette::of(&mask.classes);
                save_mask(file, &mask.codes, [mask.height, mask.width], &palette)?;
                Ok(Vec::new())
            }
            Self::Picture(photo) => Ok(photo.save(file)?),
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

/// Each word with its tag.
fn tagged(tags: &[(String, String)]) -> String {
    tags.iter().map(|(word, tag)| format!("{word}/{tag}")).collect::<Vec<_>>().join(" ")
}

/// What cannot be done with an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    #[error("the model does not predict images, so there is none to write")]
    NotAPicture,

    /// A prediction that is NaN.
    #[error("{input}: {source}")]
    NotFinite { input: String, source: tinderbox_learn::Error },
}

impl AnswerError {
    /// An error about an input, which it names if it does not by itself.
    fn about(input: &str, error: crate::Error) -> crate::Error {
        match error {
            crate::Error::Learn(source @ tinderbox_learn::Error::NotFinite { .. }) => {
                Self::NotFinite { input: input.to_owned(), source }.into()
            }
            other => other,
        }
    }
}

impl Hinted for AnswerError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAPicture => Some("`--json` prints the whole prediction".into()),
            Self::NotFinite { source, .. } => source.hint(),
        }
    }
}

/// Asks the model about each input, in order: answers come as they are asked for. Inputs go through
/// the model some at a time, and while they do, the next ones are read on other threads. An input
/// that cannot be used does not keep the others from theirs.
///
/// # Errors
/// [`TaskError::NoTask`](crate::TaskError::NoTask) if none of the tasks knows such a model.
pub fn answers<'a>(
    tasks: &[&'static dyn AnyTask],
    model: &'a Bundle,
    inputs: impl IntoIterator<Item = Input<'a>> + 'a,
) -> Result<impl Iterator<Item = Result<Answer>> + 'a> {
    answers_with(tasks, model, inputs, PictureOptions::default())
}

/// [`answers`] of a model whose predictions are images, with options for these.
///
/// # Errors
/// As there; [`PictureOptionError`] for options that the model has no use for.
pub fn answers_with<'a>(
    tasks: &[&'static dyn AnyTask],
    model: &'a Bundle,
    inputs: impl IntoIterator<Item = Input<'a>> + 'a,
    options: PictureOptions,
) -> Result<impl Iterator<Item = Result<Answer>> + 'a> {
    let task = task_of_model(tasks, model)?;
    options.check(task.about())?;
    Ok(task.answers(model, Box::new(inputs.into_iter()), options))
}

/// The class of each input.
pub(crate) fn classes(model: &Bundle, inputs: Vec<Array>) -> Vec<Result<Answer>> {
    let answer = |prediction| Answer::Classes(Classes::new(model, prediction));
    predictions(model, inputs).into_iter().map(|one| one.map(answer)).collect()
}

/// What the model says about each input, one row of outputs for each: for tasks whose answers follow
/// from that. Inputs go through the model together if they can.
pub fn predictions(model: &Bundle, inputs: Vec<Array>) -> Vec<Result<Prediction>> {
    together_or_alone(inputs, |inputs| {
        Ok(model.predict_batch(model.manifest.inference.batch(inputs)?)?)
    })
}

/// What `ask` says about all inputs; if it fails, about each alone, so that each gets an answer, or an
/// error, of its own.
pub(crate) fn together_or_alone<P: Clone, A>(
    inputs: Vec<P>,
    ask: impl Fn(Vec<P>) -> Result<Vec<A>>,
) -> Vec<Result<A>> {
    match inputs.len() {
        0 => Vec::new(),
        1 => vec![ask(inputs).map(|mut answers| answers.remove(0))],
        _ => match ask(inputs.clone()) {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(_) => {
                let alone = |input| Ok(ask(vec![input])?.remove(0));
                inputs.into_iter().map(alone).collect()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_fails_does_not_take_the_others_with_it() {
        let ask = |inputs: Vec<i32>| match inputs.contains(&0) {
            true => Err(AnswerError::NotAPicture.into()),
            false => Ok(inputs.into_iter().map(|input| 2 * input).collect()),
        };
        let said = |inputs: &[i32]| -> Vec<Option<i32>> {
            together_or_alone(inputs.to_vec(), ask).into_iter().map(Result::ok).collect()
        };
        assert_eq!(said(&[]), []);
        assert_eq!(said(&[1, 2]), [Some(2), Some(4)]);
        assert_eq!(said(&[1, 0, 2]), [Some(2), None, Some(4)]);
    }

    #[test]
    fn a_line_says_how_likely_each_class_of_its_label_is() {
        #[track_caller]
        fn check(label: &str, index: Option<usize>, line: &str) {
            let classes = ["cat", "dog", "fox"].map(String::from).to_vec();
            let probabilities = vec![0.75, 0.25, 0.5];
            let classes = Classes { label: label.into(), index, probabilities, classes };
            assert_eq!(Answer::Classes(classes).line(), line);
        }
        check("cat", Some(0), "cat\t0.7500");
        check("cat;fox", None, "cat;fox\t0.7500;0.5000");
        check("", None, "\t");
    }

    #[test]
    fn cells_stand_in_columns_of_their_own() {
        let classes = ["cat", "dog"].map(String::from).to_vec();
        let answer = Answer::Classes(Classes {
            label: "dog".into(),
            index: Some(1),
            probabilities: vec![0.25, 0.75],
            classes,
        });
        let cells = answer.cells();
        let cells: Vec<(&str, &str)> =
            cells.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let wanted = [("label", "dog"), ("confidence", "0.75"), ("cat", "0.25"), ("dog", "0.75")];
        assert_eq!(cells, wanted);
        assert_eq!(Answer::Numbers(vec![1.5]).cells(), [("number".into(), "1.5".into())]);
        assert_eq!(Answer::Numbers(vec![1.0, 2.0]).cells()[1], ("number_2".into(), "2".into()));
    }
}
