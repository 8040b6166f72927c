//! What one does with a trained model.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::Serialize;
use tinderbox_data::{Array, Batch, ImageItems};
use tinderbox_learn::{Bundle, Prediction};
use tinderbox_model::{
    arch::ArchSpec,
    summary::{Summary, summary},
};

use super::RunFolder;
use crate::{Error, Result};

/// So many files are predicted at once.
const BATCH: usize = 64;

/// Reads a model file, or the finished model of a run folder.
///
/// # Errors
/// [`Error::NoRun`] and [`Error::Unfinished`] for folders without one; what is wrong with the file.
pub fn open_model(path: &Path) -> Result<Bundle> {
    let file = match path.is_dir() {
        false => path.to_owned(),
        true => {
            let run = RunFolder::new(path);
            if !run.model().is_file() {
                run.plan()?;
                return Err(Error::Unfinished { folder: path.to_owned() });
            }
            run.model()
        }
    };
    Ok(Bundle::read(&file, &Device::flex())?)
}

/// A file and what the model says about it.
#[derive(Debug)]
pub struct Answer {
    pub file: PathBuf,
    pub prediction: Result<Prediction>,
}

/// Asks the model about each file; one that cannot be read does not keep the others from it.
pub fn predict(model: &Bundle, files: &[PathBuf]) -> Vec<Answer> {
    let answer = |file: &PathBuf| {
        let prediction = model.predict_file(file).map_err(Error::from);
        Answer { file: file.clone(), prediction }
    };
    files.iter().map(answer).collect()
}

/// How right a model is about a folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    pub images: usize,
    pub accuracy: f64,
    /// Mean cross entropy, in nats.
    pub loss: f64,
    /// Each class with its images and how many of them were told right.
    pub classes: Vec<(String, usize, usize)>,
}

/// Compares what the model says about the images of class folders with the folders' names.
///
/// # Errors
/// [`Error::UnknownClass`] for a folder whose name is none of the model's classes; what is wrong
/// with the folder or its files.
pub fn validate(model: &Bundle, folder: &Path) -> Result<Scores> {
    let items = ImageItems::from_folder(folder)?;
    let mut classes: Vec<(String, usize, usize)> =
        model.classes().iter().map(|class| (class.clone(), 0, 0)).collect();
    let label = |path: &Path| -> Result<usize> {
        let name =
            path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        model.classes().iter().position(|class| *class == name).ok_or_else(|| Error::UnknownClass {
            file: folder.join(path),
            class: name,
            known: model.classes().to_vec(),
        })
    };
    let paths: Vec<&Path> = items.relative_paths().collect();
    let labels = paths.iter().map(|path| label(path)).collect::<Result<Vec<usize>>>()?;
    let mut loss = 0.0;
    for (paths, labels) in paths.chunks(BATCH).zip(labels.chunks(BATCH)) {
        let open =
            |path: &&Path| Ok(model.manifest.inference.open(&folder.join(path))?.inputs.row(0));
        let inputs = paths.iter().map(open).collect::<Result<Vec<Array>>>()?;
        let batch = Batch {
            inputs: Array::stack(&inputs)?,
            targets: Array::i64([labels.len()], labels.iter().map(|label| *label as i64).collect()),
            items: (0..labels.len()).collect(),
        };
        for (prediction, &label) in model.predict(batch)?.iter().zip(labels) {
            classes[label].1 += 1;
            classes[label].2 += usize::from(prediction.index == Some(label));
            loss -= f64::from(prediction.probabilities[label].max(f32::MIN_POSITIVE)).ln();
        }
    }
    let images = paths.len();
    let right: usize = classes.iter().map(|(.., right)| right).sum();
    Ok(Scores {
        images,
        accuracy: right as f64 / images as f64,
        loss: loss / images as f64,
        classes,
    })
}

/// The table of a model's layers, for a batch of this size.
///
/// # Errors
/// As [`ArchSpec::build`].
pub fn model_summary(spec: &ArchSpec, batch: usize) -> Result<Summary> {
    let device = Device::flex().autodiff();
    let model = spec.build(&device)?;
    Ok(summary(&model, [batch, spec.in_channels, spec.size[0], spec.size[1]], &device))
}
