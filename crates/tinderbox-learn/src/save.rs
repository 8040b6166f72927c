//! Weights on disk.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tinderbox_model::weights::{StateDict, Strict, check_form};

use crate::{
    Error, Learner, Result,
    checkpoint::OptimizerFacts,
    store::{self, Kind, Store, Tensors},
};

const KIND: Kind = Kind { name: "saved model", format: 1 };

/// Whether the optimizer's memory is saved or loaded with the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WithOptimizer {
    /// Always; loading warns if it is not there.
    Yes,
    /// Never.
    No,
    /// If it is there; loading warns if it does not fit.
    #[default]
    IfThere,
}

#[derive(Serialize, Deserialize)]
struct Facts {
    optimizer: Option<OptimizerFacts>,
}

impl Learner {
    /// The file that [`save`](Self::save) writes for `name`: in the model folder, with the ending
    /// `.safetensors`.
    pub fn saved(&self, name: impl AsRef<Path>) -> PathBuf {
        let mut file = self.model_dir.join(name).into_os_string();
        file.push(".safetensors");
        file.into()
    }

    /// Saves the weights by PyTorch's names, and unless it is refused what the optimizer
    /// remembers.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, name: impl AsRef<Path>, with: WithOptimizer) -> Result<PathBuf> {
        let path = self.saved(name);
        let optimizer = self.optimizer().filter(|_| with != WithOptimizer::No);
        let mut tensors = Tensors::default();
        tensors.weights("", &self.state_dict());
        if let Some(optimizer) = optimizer {
            OptimizerFacts::write(optimizer, "", &mut tensors);
        }
        tensors.write(&path, KIND, &Facts { optimizer: optimizer.map(OptimizerFacts::of) })?;
        Ok(path)
    }

    /// Loads what [`save`](Self::save) saved. Groups and what is frozen stay.
    ///
    /// Returns a warning if the optimizer's memory was wanted but is not there, or does not fit.
    ///
    /// # Errors
    /// [`Error::NoFile`], [`Error::NotOurs`], and [`Error::Model`] for weights that do not fit.
    pub fn load(
        &mut self,
        name: impl AsRef<Path>,
        strict: Strict,
        with: WithOptimizer,
    ) -> Result<Option<String>> {
        let path = self.saved(name);
        let (store, facts): (_, Facts) = Store::read(&path, KIND)?;
        let weights = store.weights_but("optimizer:").map_err(|what| store.error(what))?;
        self.load_state_dict(&weights, strict)?;
        let file = path.display();
        let optimizer = match (facts.optimizer, with) {
            (_, WithOptimizer::No) | (None, WithOptimizer::IfThere) => return Ok(None),
            (None, WithOptimizer::Yes) => {
                return Ok(Some(format!("{file} was saved without an optimizer")));
            }
            (Some(facts), _) => facts.read(&store, "", &self.network),
        };
        match optimizer {
            Ok(optimizer) => {
                self.network.optimizer = Some(optimizer);
                Ok(None)
            }
            Err(what) => Ok(Some(format!("the optimizer in {file} does not fit: {what}"))),
        }
    }

    /// Loads the weights of a `.safetensors` file of any origin, by PyTorch's names.
    ///
    /// # Errors
    /// [`Error::NoFile`], [`Error::WeightsFile`] for what is no such file, and [`Error::Model`] for
    /// what does not fit.
    pub fn load_weights(&mut self, file: impl AsRef<Path>, strict: Strict) -> Result<()> {
        let file = file.as_ref();
        let bytes = store::read(file)?;
        let weights = check_form(&bytes)
            .and_then(|()| StateDict::from_safetensors(&bytes))
            .map_err(|source| Error::WeightsFile { path: file.to_owned(), source })?;
        self.load_state_dict(&weights, strict)
    }
}
