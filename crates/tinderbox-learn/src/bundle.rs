//! The model file: all that inference needs, and no code.
//!
//! It is a safetensors file: weights under PyTorch's names, and in the metadata, as JSON, the
//! [`Manifest`]. What it says is checked against what this version knows before anything is built.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use tinderbox_data::{Batch, DataBunch, Inference, Input};
use tinderbox_model::{
    AnyTensor, Layer, Mode,
    arch::ModelSpec,
    catch_panic, random, set_mode,
    weights::{StateDict, Strict, load_state_dict},
};

use crate::{
    Error, Footprint, Learner, Result,
    fit::forward,
    loss::Activation,
    predict::{Prediction, one_input, predictions},
    store::{Kind, Store, Tensors},
    tensors::{is_finite, tensor},
};

const KIND: Kind = Kind { name: "model", format: 1 };

/// What a model file says besides its weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the weights are those of.
    pub arch: ModelSpec,
    /// How a file becomes what the model sees: reading, size, normalization, and the classes.
    pub inference: Inference,
    /// The name of the loss it was trained with.
    pub loss: String,
    /// What turns the model's output into predictions.
    pub activation: Activation,
    /// What it reached on its validation set: names and values.
    pub metrics: Vec<(String, f64)>,
}

/// A model that was read from a file: it predicts.
#[derive(Debug)]
#[doc(alias = "load_learner")]
pub struct Bundle {
    /// What the file says besides the weights.
    pub manifest: Manifest,
    weights: StateDict,
    file: PathBuf,
    /// Without autodiff, in evaluation mode.
    pub(crate) model: Box<dyn Layer>,
    pub(crate) device: Device,
    /// Once it was asked for.
    pub(crate) footprint: OnceLock<Footprint>,
}

impl Learner {
    /// Writes the model file: everything that inference needs, for [`Bundle::read`].
    ///
    /// # Errors
    /// [`Error::NoArch`] if the learner was not told which architecture its model is,
    /// [`Error::Write`].
    pub fn export(&self, file: impl AsRef<Path>) -> Result<()> {
        let recorder = &self.recorder;
        let metrics = recorder.metric_names.iter().filter_map(|name| {
            let value = recorder.last_metric(name).filter(|value| value.is_finite())?;
            Some((name.clone(), value))
        });
        self.export_with(file, metrics.collect())
    }

    /// [`export`](Self::export) with what the weights reached on the validation set, where that is
    /// not what the last epoch did: names and values.
    ///
    /// # Errors
    /// As there.
    pub fn export_with(&self, file: impl AsRef<Path>, metrics: Vec<(String, f64)>) -> Result<()> {
        let file = file.as_ref();
        let arch = self.arch.clone().ok_or(Error::NoArch)?;
        let manifest = Manifest {
            arch,
            inference: self.data.inference(),
            loss: self.loss.name(),
            activation: self.activation(),
            metrics,
        };
        let mut tensors = Tensors::default();
        tensors.weights("", &self.state_dict());
        tensors.write(file, KIND, &manifest)
    }
}

impl Bundle {
    /// Reads a model file and builds the model on `device`.
    ///
    /// # Errors
    /// [`Error::NoFile`], [`Error::NotOurs`], [`Error::Field`] naming what does not fit,
    /// [`Error::NotFinite`] for weights that are NaN, and [`Error::Model`] for weights that are not
    /// the architecture's.
    #[doc(alias = "load_learner")]
    pub fn read(file: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let file = file.as_ref();
        let (store, manifest): (_, Manifest) = Store::read(file, KIND)?;
        check(&manifest)?;
        let weights = store.weights("").map_err(|what| store.error(what))?;
        check_sizes(&manifest.arch, &weights)?;
        check_finite(&weights, file)?;
        let device = device.clone().inner();
        // Its sizes are only believed once the weights have them.
        let build = || random::blank(|| manifest.arch.build(&device));
        let model = catch_panic(build).map_err(|what| store.error(what))??;
        let (model, _) = load_state_dict(model, &weights, Strict::Yes)?;
        let model = set_mode(model, Mode::Eval);
        let (file, footprint) = (file.to_owned(), OnceLock::new());
        Ok(Self { manifest, weights, file, model, device, footprint })
    }

    /// Whether `file` looks like a model file, by its first bytes; it may still be refused.
    pub fn is_one(file: impl AsRef<Path>) -> bool {
        let file = file.as_ref();
        crate::store::read(file).is_ok_and(|bytes| crate::store::has_facts(&bytes))
    }

    /// The weights, by PyTorch's names.
    pub fn weights(&self) -> &StateDict {
        &self.weights
    }

    /// The classes, in the order of the model's outputs.
    pub fn classes(&self) -> &[String] {
        self.manifest.inference.classes()
    }

    /// What the model says about the item in a file, an image or a text.
    ///
    /// # Errors
    /// Those of [`Inference::input`]; whatever goes wrong in the model.
    pub fn predict(&self, file: impl AsRef<Path>) -> Result<Prediction> {
        self.predict_input(Input::File(file.as_ref()))
    }

    /// [`predict`](Self::predict) for a text.
    ///
    /// # Errors
    /// As there.
    pub fn predict_text(&self, text: &str) -> Result<Prediction> {
        self.predict_input(Input::Text(text))
    }

    fn predict_input(&self, input: Input<'_>) -> Result<Prediction> {
        Ok(self.predict_batch(one_input(&self.manifest.inference, input)?)?.remove(0))
    }

    /// What the model says about the items of a batch.
    ///
    /// # Errors
    /// Whatever goes wrong in the model.
    pub fn predict_batch(&self, batch: Batch) -> Result<Vec<Prediction>> {
        let Manifest { activation, inference, .. } = &self.manifest;
        Ok(predictions(self.outputs(batch)?, *activation, inference.target()))
    }

    /// What comes out of the model for a batch, as it is: not activated.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if some of it is NaN or infinite; whatever goes wrong in the model.
    pub fn outputs(&self, batch: Batch) -> Result<AnyTensor> {
        let output = forward(&*self.model, tensor(batch.inputs, &self.device)?)?;
        match is_finite(&output) {
            true => Ok(output),
            false => Err(Error::NotFinite { what: self.prediction() }),
        }
    }

    /// The file that it was read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn prediction(&self) -> String {
        format!("the prediction of the model in {}", self.file.display())
    }

    /// A learner with this model and the loss that the data's targets call for, to validate it or to
    /// train it further.
    ///
    /// # Errors
    /// [`Error::Field`] if the data has other classes, [`Error::NoLoss`] if its targets call for no
    /// loss.
    pub fn learner(&self, data: DataBunch) -> Result<Learner> {
        if data.classes() != self.classes() {
            return Err(Error::Field {
                field: "classes",
                found: self.classes().join(", "),
                expected: format!("those of the data: {}", data.classes().join(", ")),
            });
        }
        let model = self.manifest.arch.build(&self.device.clone().autodiff())?;
        let mut learner = Learner::for_target(data, model)?.arch(self.manifest.arch.clone());
        learner.load_state_dict(&self.weights, Strict::Yes)?;
        Ok(learner)
    }
}

/// This many numbers of an image are at most tried when a model is built for it.
const MOST_PIXELS: usize = 1 << 27;

/// Fails for an architecture whose sizes are too large for the weights beside it: building it would
/// take the memory that it asks for.
fn check_sizes(arch: &ModelSpec, weights: &StateDict) -> Result<()> {
    let field = |field, found: &dyn ToString, expected: String| {
        Err(Error::Field { field, found: found.to_string(), expected })
    };
    let numbers: usize = weights.iter().map(|(_, weight)| weight.values.len()).sum();
    if let Some(size) = arch.sizes().into_iter().find(|size| *size > numbers) {
        return field("arch", &size, format!("at most {numbers}, the size of its weights"));
    }
    let [height, width] = arch.size().unwrap_or_default();
    let pixels = height.checked_mul(width);
    let pixels = pixels.and_then(|n| n.checked_mul(arch.in_channels().unwrap_or(1).max(1)));
    match pixels {
        Some(..=MOST_PIXELS) => Ok(()),
        _ => field("arch.size", &format!("{height}×{width}"), "a smaller image".into()),
    }
}

/// Fails for weights that are NaN or infinite.
fn check_finite(weights: &StateDict, file: &Path) -> Result<()> {
    let broken = weights.iter().find(|(_, weight)| !weight.values.iter().all(|x| x.is_finite()));
    match broken {
        Some((name, _)) => {
            Err(Error::NotFinite { what: format!("the weight `{name}` in {}", file.display()) })
        }
        None => Ok(()),
    }
}

/// Fails for a manifest that contradicts itself.
fn check(manifest: &Manifest) -> Result<()> {
    let (outputs, classes) = (manifest.arch.outputs(), manifest.inference.target().c());
    match outputs == classes {
        true => Ok(()),
        false => Err(Error::Field {
            field: "arch.classes",
            found: outputs.to_string(),
            expected: format!("{classes}, as many as there are classes"),
        }),
    }
}
