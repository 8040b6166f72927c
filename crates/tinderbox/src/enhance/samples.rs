//! Images of what a model makes of a few validation items, after each epoch.

use std::fs;

use burn::tensor::s;
use serde_json::Value;
use tinderbox_data::{
    Array, Normalize,
    picture::{Grid, Picture},
};
use tinderbox_learn::{
    Error, Result,
    callback::{Answer, Callback, Change, Changes, State},
};
use tinderbox_model::AnyTensor;

use crate::{Event, Job, RunFolder};

/// So many items are shown, the first of the validation set.
const ITEMS: usize = 4;

/// Smaller images are enlarged to about this many pixels.
const CELL: usize = 192;

/// Draws the input, the prediction and the target of the same few validation items after each epoch,
/// into `samples/` of the run folder.
pub(super) struct Samples {
    run: RunFolder,
    job: Job,
    /// How the images were normalized.
    normalize: Option<Normalize>,
    /// Epochs that are over, in all fits.
    epochs: usize,
    /// Input, prediction and target of the items, from this epoch's validation.
    shown: Vec<[Picture; 3]>,
}

impl Samples {
    pub(super) fn new(run: &RunFolder, normalize: Option<&Normalize>, job: &Job) -> Self {
        let (run, normalize) = (run.clone(), normalize.cloned());
        Self { run, job: job.clone(), normalize, epochs: 0, shown: Vec::new() }
    }

    /// The first items of a batch as images.
    fn pictures(&self, tensor: &AnyTensor, normalized: bool) -> Vec<Picture> {
        let AnyTensor::Float4(tensor) = tensor else { return Vec::new() };
        let [items, channels, height, width] = tensor.dims();
        let n = items.min(ITEMS);
        let values: Vec<f32> = tensor
            .clone()
            .slice(s![0..n])
            .into_data()
            .convert::<f32>()
            .try_to_vec()
            .expect("just converted");
        let mut batch = Array::f32([n, channels, height, width], values);
        if let Some(normalize) = self.normalize.as_ref().filter(|_| normalized) {
            normalize.invert(&mut batch);
        }
        (0..n).map(|item| Picture::of_array(&batch.row(item))).collect()
    }

    fn draw(&self) -> Picture {
        let mut grid = Grid::new(3).cells_of(CELL);
        for pictures in &self.shown {
            for (picture, caption) in pictures.iter().zip(["input", "prediction", "target"]) {
                grid = grid.cell(picture.clone(), caption);
            }
        }
        grid.draw()
    }
}

impl Callback for Samples {
    fn name(&self) -> &'static str {
        "samples"
    }

    fn batch_end(&mut self, state: &State) -> Answer {
        if state.training == Some(true) || state.valid_batch > 0 {
            return Ok(Changes::none());
        }
        let of = |tensor: &Option<AnyTensor>, normalized: bool| {
            tensor.as_ref().map_or_else(Vec::new, |tensor| self.pictures(tensor, normalized))
        };
        let targets = self.normalize.as_ref().is_some_and(|normalize| normalize.targets);
        let inputs = self.normalize.as_ref().is_some_and(|normalize| normalize.inputs);
        let [input, output, target] =
            [of(&state.input, inputs), of(&state.output, targets), of(&state.target, targets)];
        let rows = input.into_iter().zip(output).zip(target);
        self.shown = rows.map(|((input, output), target)| [input, output, target]).collect();
        Ok(Changes::none())
    }

    fn epoch_end(&mut self, _: &State) -> Answer {
        self.epochs += 1;
        if self.shown.is_empty() {
            return Ok(Changes::none());
        }
        let file = self.run.sample(self.epochs);
        let folder = fs::create_dir_all(self.run.samples());
        let written = folder.map_err(|error| error.to_string());
        let written = written.and_then(|()| self.draw().save(&file).map_err(|e| e.to_string()));
        self.shown.clear();
        match written {
            Ok(()) => {
                self.job.tell(Event::Sample { epoch: self.epochs, picture: file });
                Ok(Changes::none())
            }
            // An image that cannot be written is no reason to stop.
            Err(reason) => {
                Ok(Change::Note(format!("cannot write {}: {reason}", file.display())).into())
            }
        }
    }

    fn save_state(&self) -> Value {
        self.epochs.into()
    }

    fn load_state(&mut self, saved: &Value) -> Result<(), Error> {
        self.epochs = saved.as_u64().unwrap_or_default() as usize;
        Ok(())
    }
}
