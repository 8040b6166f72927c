//! What a trained model says about data.

use tinderbox_data::{Batch, batch::Set};
use tinderbox_model::{AnyTensor, Layer, catch_panic};

use crate::{
    Error, Learner, Result,
    fit::{Weighted, forward},
    loss::Activation,
    tensors::{concatenate, host, scalar, tensor},
};

/// What the model says about a set, in the set's order.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Activated as the loss says.
    pub outputs: AnyTensor,
    pub targets: AnyTensor,
    /// The loss of each item, from the raw outputs.
    pub losses: Vec<f32>,
    /// Which item of the set each row is.
    pub items: Vec<usize>,
}

/// What the model says about one item.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Prediction {
    /// The class, if the model tells classes apart.
    pub label: Option<String>,
    /// Its number.
    pub index: Option<usize>,
    /// The activated output: a probability for each class.
    pub probabilities: Vec<f32>,
}

/// The numbers of a validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Validated {
    pub loss: f64,
    /// Each metric's name and value.
    pub metrics: Vec<(String, f64)>,
}

impl Learner {
    /// Loss and metrics on the validation set.
    ///
    /// # Errors
    /// [`Error::NoItems`] if it is empty; whatever goes wrong with the data or the model.
    pub fn validate(&mut self) -> Result<Validated> {
        let model = self.eval_model();
        let device = self.device.clone().inner();
        let mut loss = Weighted::default();
        for metric in &mut self.metrics {
            metric.reset();
        }
        for batch in self.data.valid_batches() {
            let batch = batch?;
            let items = batch.items.len();
            let target = tensor(batch.targets, &device)?;
            let output = forward(&*model, tensor(batch.inputs, &device)?)?;
            let of_batch = self.guarded_loss(output.clone(), target.clone())?;
            loss.add(scalar(of_batch), items);
            self.metrics.iter_mut().try_for_each(|metric| metric.update(&output, &target))?;
        }
        let loss = loss.value().ok_or(Error::NoItems { set: Set::Valid.name() })?;
        let metrics = self.metrics.iter().map(|metric| (metric.name(), metric.value()));
        Ok(Validated { loss, metrics: metrics.collect() })
    }

    /// Predictions for a set, its targets, and the loss of each item.
    ///
    /// # Errors
    /// [`Error::NoItems`] if it is empty; whatever goes wrong with the data or the model.
    pub fn get_preds(&self, set: Set) -> Result<Predictions> {
        let model = self.eval_model();
        let device = self.device.clone().inner();
        let (mut outputs, mut targets) = (Vec::new(), Vec::new());
        let (mut losses, mut items) = (Vec::new(), Vec::new());
        for batch in self.data.batches(set) {
            let batch = batch?;
            let target = tensor(batch.targets, &device)?;
            let raw = forward(&*model, tensor(batch.inputs, &device)?)?;
            losses.extend(host(self.item_losses(raw.clone(), target.clone())?.into()));
            outputs.push(self.activation().apply(raw));
            targets.push(target);
            items.extend(batch.items);
        }
        if items.is_empty() {
            return Err(Error::NoItems { set: set.name() });
        }
        let (outputs, targets) = (concatenate(outputs), concatenate(targets));
        Ok(Predictions { outputs, targets, losses, items })
    }

    /// What the model says about the items of a batch.
    ///
    /// # Errors
    /// Whatever goes wrong in the model.
    pub fn predict(&self, batch: Batch) -> Result<Vec<Prediction>> {
        let device = self.device.clone().inner();
        predict(
            &*self.eval_model(),
            tensor(batch.inputs, &device)?,
            self.activation(),
            self.data.classes(),
        )
    }

    /// The loss of a batch; a panic in it becomes an error.
    pub(crate) fn guarded_loss(
        &self,
        output: AnyTensor,
        target: AnyTensor,
    ) -> Result<burn::tensor::Tensor<1>> {
        self.guard_loss(|| self.loss.forward(output, target))
    }

    fn item_losses(&self, output: AnyTensor, target: AnyTensor) -> Result<burn::tensor::Tensor<1>> {
        self.guard_loss(|| self.loss.per_item(output, target))
    }

    fn guard_loss<T>(&self, run: impl FnOnce() -> T) -> Result<T> {
        catch_panic(run).map_err(|reason| Error::Loss { loss: self.loss.name(), reason })
    }
}

/// What `model` says about the items of a batch.
pub(crate) fn predict(
    model: &dyn Layer,
    input: AnyTensor,
    activation: Activation,
    classes: &[String],
) -> Result<Vec<Prediction>> {
    let output = activation.apply(forward(model, input)?);
    let items = output.dims()[0];
    let of_classes = matches!(activation, Activation::Softmax { .. } | Activation::Exp);
    let values = host(output);
    let each = values.len() / items.max(1);
    let rows = values.chunks_exact(each.max(1));
    Ok(rows
        .map(|row| {
            let best = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
            let index = of_classes.then(|| (0..row.len()).reduce(best)).flatten();
            Prediction {
                label: index.and_then(|index| classes.get(index).cloned()),
                index,
                probabilities: row.to_vec(),
            }
        })
        .collect())
}
