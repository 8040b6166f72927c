//! What layers give while a model trains.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tinderbox_model::{
    AnyTensor, Step,
    groups::{is_under, parameters},
};

use crate::{
    Result,
    callback::{Answer, Callback, Changes, State, read_state, write_state},
};

/// What a layer gave, batch by batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LayerStats {
    /// Where it sits: `layer1.0.conv1`.
    pub path: String,
    /// PyTorch's name of its kind.
    pub layer: String,
    /// The batches that were looked at, counted from 0.
    pub batches: Vec<usize>,
    pub means: Vec<f32>,
    /// Standard deviations, unbiased.
    pub stds: Vec<f32>,
    /// The share that is zero within 0.05: activations that say nothing.
    pub near_zero: Vec<f32>,
}

/// Records mean and spread of what the innermost layers with parameters give in training: fastai's
/// `ActivationStats`. For a trained model there is
/// [`activation_stats`](tinderbox_model::watch::activation_stats).
///
/// Its clones share what is recorded, so that one is left when another is the learner's.
///
/// # Example
/// ```no_run
/// # fn example(learner: tinderbox_learn::Learner) -> tinderbox_learn::Result<()> {
/// use tinderbox_learn::callback::ActivationStats;
///
/// let stats = ActivationStats::every(10);
/// let mut learner = learner.callback(stats.clone());
/// learner.fit_one_cycle(1, 1e-3)?;
/// for layer in stats.layers() {
///     println!("{} ends at {:?}", layer.path, layer.stds.last());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ActivationStats {
    every: usize,
    layers: Arc<Mutex<Vec<LayerStats>>>,
    /// Of the batch that runs, to know who is inside whom.
    ran: Vec<String>,
}

impl ActivationStats {
    /// Looks at every `batches`th batch, from the first on; all of them for 0 too. A look takes
    /// about as long as a forward pass.
    pub fn every(batches: usize) -> Self {
        Self { every: batches.max(1), layers: Arc::default(), ran: Vec::new() }
    }

    /// What the last fit recorded, in the order in which the layers ran.
    pub fn layers(&self) -> Vec<LayerStats> {
        self.recorded().clone()
    }

    fn recorded(&self) -> MutexGuard<'_, Vec<LayerStats>> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers within this of zero say nothing; fastai's.
const NEAR: f32 = 0.05;

/// Mean, standard deviation and share near zero.
fn stats(output: &AnyTensor) -> Option<[f32; 3]> {
    let data = output.clone().without_autodiff().into_flat().into_data();
    let values: Vec<f32> = data.convert::<f32>().try_to_vec().ok()?;
    let n = values.len() as f64;
    let sum = |of: &dyn Fn(f64) -> f64| values.iter().map(|x| of(f64::from(*x))).sum::<f64>();
    let mean = sum(&|x| x) / n;
    let variance = sum(&|x| (x - mean).powi(2)) / (n - 1.0);
    let near = values.iter().filter(|x| x.abs() <= NEAR).count() as f64 / n;
    Some([mean, variance.sqrt(), near].map(|x| x as f32))
}

impl Callback for ActivationStats {
    fn name(&self) -> &'static str {
        "activation_stats"
    }

    fn train_begin(&mut self, _: &State) -> Answer {
        self.recorded().clear();
        Ok(Changes::none())
    }

    fn batch_begin(&mut self, _: &State) -> Answer {
        self.ran.clear();
        Ok(Changes::none())
    }

    fn watches_layers(&self, state: &State) -> bool {
        state.iteration.is_multiple_of(self.every)
    }

    fn layer_end(&mut self, state: &State, step: &Step<'_>) {
        let path = step.path.join(".");
        let holds_others = self.ran.iter().any(|ran| *ran != path && is_under(ran, &path));
        self.ran.push(path.clone());
        if holds_others || parameters(step.layer).is_empty() {
            return;
        }
        let Some([mean, std, near_zero]) = stats(step.output) else { return };
        let mut layers = self.recorded();
        let at = layers.iter().position(|layer| layer.path == path).unwrap_or_else(|| {
            let layer = step.layer.name().to_owned();
            layers.push(LayerStats { path, layer, ..LayerStats::default() });
            layers.len() - 1
        });
        let layer = &mut layers[at];
        // A layer that runs several times in a pass is seen the first time.
        if layer.batches.last() != Some(&state.iteration) {
            layer.batches.push(state.iteration);
            layer.means.push(mean);
            layer.stds.push(std);
            layer.near_zero.push(near_zero);
        }
    }

    fn save_state(&self) -> Value {
        write_state(&*self.recorded())
    }

    fn load_state(&mut self, saved: &Value) -> Result<()> {
        let layers = read_state(self.name(), saved)?;
        *self.recorded() = layers;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use tinderbox_model::{
        Sequential, Trace,
        layer::{Linear, ReLU},
        weights::{StateDict, Strict, load_state_dict},
    };

    use super::*;

    #[test]
    fn innermost_layers_are_recorded_batch_by_batch() {
        let device = Device::flex();
        let mut weights = StateDict::default();
        weights.insert("0.0.weight", vec![4, 1], vec![-1.0, 0.0, 3.0, 1.0]);
        weights.insert("0.0.bias", vec![4], vec![0.0; 4]);
        let inner = Sequential::new().push(Linear::new(1, 4, &device));
        let model = Sequential::new().push(inner).push(ReLU);
        let (model, _) = load_state_dict(Box::new(model), &weights, Strict::Yes).unwrap();
        let mut callback = ActivationStats::every(2);
        let kept = callback.clone();
        let mut seen = Vec::new();
        for iteration in 0..3 {
            let state = State { iteration, ..State::default() };
            callback.batch_begin(&state).unwrap();
            seen.push(callback.watches_layers(&state));
            let x = Tensor::<2>::from_floats([[1.0 + iteration as f32]], &device);
            let mut show = |step: Step<'_>| callback.layer_end(&state, &step);
            model.forward_any(x.into(), &mut Trace::new(&mut show));
        }
        assert_eq!(seen, [true, false, true]);
        let layers = kept.layers();
        let paths: Vec<_> =
            layers.iter().map(|layer| (&layer.path[..], &layer.layer[..])).collect();
        assert_eq!(paths, [("0.0", "Linear")]);
        assert_eq!(layers[0].batches, [0, 1, 2]);
        assert_eq!(layers[0].means, [0.75, 1.5, 2.25]);
        assert_eq!(layers[0].near_zero, [0.25; 3]);
        let std = (8.75f32 / 3.0).sqrt();
        for (at, found) in layers[0].stds.iter().enumerate() {
            assert!((found - std * (at + 1) as f32).abs() < 1e-5, "{found}");
        }

        let mut resumed = ActivationStats::every(2);
        resumed.load_state(&callback.save_state()).unwrap();
        assert_eq!(resumed.layers(), layers);
    }
}
