//! What a trained model says about data.

use std::{mem, path::Path};

use tinderbox_data::{Batch, BatchIter, Inference, Input, TargetKind, batch::Set};
use tinderbox_model::{AnyTensor, Layer, catch_panic};
use tinderbox_ops::with_exact_conv;

use crate::{
    Error, Learner, Result,
    fit::{Parts, Weighted, forward},
    loss::Activation,
    metric::{IntoMetrics, Metric},
    tensors::{concatenate, host, is_finite, scalar, tensor},
};

/// What the model says about a set, in the set's order.
#[derive(Debug, Clone)]
#[doc(alias = "get_preds")]
pub struct Predictions {
    /// Activated as the loss says.
    pub outputs: AnyTensor,
    /// As the data has them; those of a set without labels are 0.
    pub targets: AnyTensor,
    /// The loss of each item, from the raw outputs.
    pub losses: Vec<f32>,
    /// Which item of the set each row is.
    pub items: Vec<usize>,
}

/// What the model says about a batch.
#[derive(Debug)]
pub struct BatchOutput {
    /// As it comes out of the model.
    pub raw: AnyTensor,
    /// As the data has it.
    pub target: AnyTensor,
    /// The loss of each item.
    pub losses: Vec<f32>,
    /// Which item of the set each row is.
    pub items: Vec<usize>,
}

/// What the model says about one item.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Prediction {
    /// The class, if the model tells classes apart; all that apply with a `;` between them, if
    /// there may be several.
    pub label: Option<String>,
    /// Its number.
    pub index: Option<usize>,
    /// The activated output: a probability for each class.
    pub probabilities: Vec<f32>,
}

impl Prediction {
    /// How sure the model is of the class: its probability, if it tells classes apart.
    pub fn confidence(&self) -> Option<f32> {
        self.index.and_then(|index| self.probabilities.get(index)).copied()
    }
}

/// The numbers of a validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Validated {
    /// The average over the items.
    pub loss: f64,
    /// Each metric's name and value, and behind them those of the loss's
    /// [parts](crate::loss::Loss::part_names).
    pub metrics: Vec<(String, f64)>,
}

impl Learner {
    /// Loss and metrics on the validation set.
    ///
    /// # Errors
    /// [`Error::NoItems`] if it is empty; [`Error::NotFinite`] if the loss is NaN; whatever goes wrong
    /// with the data, the model or a metric.
    pub fn validate(&mut self) -> Result<Validated> {
        let mut metrics = mem::take(&mut self.metrics);
        let validated = self.measure(Set::Valid, &mut metrics);
        self.metrics = metrics;
        validated
    }

    /// Loss and other metrics than the learner's, on any set.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn validate_with<Args>(
        &self,
        set: Set,
        metrics: impl IntoMetrics<Args>,
    ) -> Result<Validated> {
        self.measure(set, &mut metrics.into_metrics())
    }

    fn measure(&self, set: Set, metrics: &mut [Box<dyn Metric>]) -> Result<Validated> {
        let model = self.eval_model();
        let device = self.network.device.clone().inner();
        let mut loss = Weighted::default();
        let mut parts = Parts::of(&*self.loss);
        for metric in &mut *metrics {
            metric.reset();
        }
        for batch in self.data.batches(set) {
            let batch = batch?;
            let items = batch.items.len();
            let target = tensor(batch.targets, &device)?;
            let input = tensor(batch.inputs, &device)?;
            let output = self.forward(&*model, input.clone())?;
            let of_batch = self.guarded_loss(output.clone(), target.clone())?;
            loss.add(scalar(of_batch), items);
            parts.add(&*self.loss, items);
            update(metrics, &input, &output, &target)?;
        }
        let loss = loss.value().ok_or(Error::NoItems { set: set.name() })?;
        if !loss.is_finite() {
            return Err(Error::NotFinite { what: format!("the loss on the {} set", set.name()) });
        }
        let metrics = metrics.iter().map(|metric| (metric.name(), metric.value()));
        let parts = self.loss.part_names().into_iter().zip(parts.values());
        Ok(Validated { loss, metrics: metrics.chain(parts).collect() })
    }

    /// Predictions for a set, its targets, and the loss of each item.
    ///
    /// # Errors
    /// [`Error::NoItems`] if it is empty; whatever goes wrong with the data or the model.
    pub fn get_preds(&self, set: Set) -> Result<Predictions> {
        let (mut outputs, mut targets) = (Vec::new(), Vec::new());
        let (mut losses, mut items) = (Vec::new(), Vec::new());
        self.each_output(set, |batch| {
            outputs.push(self.activation().apply(batch.raw));
            targets.push(batch.target);
            losses.extend(batch.losses);
            items.extend(batch.items);
            Ok(())
        })?;
        let (outputs, targets) = (concatenate(outputs), concatenate(targets));
        Ok(Predictions { outputs, targets, losses, items })
    }

    /// Hands each batch of a set to `each`, with what the model says about it: for what is too large
    /// to keep for a whole set, as maps are.
    ///
    /// # Errors
    /// As [`get_preds`](Self::get_preds), and those of `each`.
    pub fn each_output(&self, set: Set, each: impl FnMut(BatchOutput) -> Result<()>) -> Result<()> {
        match self.outputs_of(self.data.batches(set), each)? {
            0 => Err(Error::NoItems { set: set.name() }),
            _ => Ok(()),
        }
    }

    /// Hands out what the model says about batches; how many items they had.
    pub(crate) fn outputs_of(
        &self,
        batches: BatchIter,
        mut each: impl FnMut(BatchOutput) -> Result<()>,
    ) -> Result<usize> {
        let model = self.eval_model();
        let device = self.network.device.clone().inner();
        let mut n = 0;
        for batch in batches {
            let batch = batch?;
            n += batch.items.len();
            let target = tensor(batch.targets, &device)?;
            let raw = self.forward(&*model, tensor(batch.inputs, &device)?)?;
            check_finite(&raw)?;
            let losses = host(self.item_losses(raw.clone(), target.clone())?.into());
            each(BatchOutput { raw, target, losses, items: batch.items })?;
        }
        Ok(n)
    }

    /// Predictions for the first batch of a set, activated as the loss says.
    ///
    /// # Errors
    /// If the set has no batch; whatever goes wrong with the data or the model.
    pub fn pred_batch(&self, set: Set) -> Result<AnyTensor> {
        self.outputs(self.data.one_batch(set)?)
    }

    /// Predictions for a batch, activated as the loss says.
    ///
    /// # Errors
    /// Whatever goes wrong in the model.
    #[doc(alias = "pred_batch")]
    pub fn outputs(&self, batch: Batch) -> Result<AnyTensor> {
        let input = tensor(batch.inputs, &self.network.device.clone().inner())?;
        let output = self.forward(&*self.eval_model(), input)?;
        check_finite(&output)?;
        Ok(self.activation().apply(output))
    }

    /// What the model says about the item in a file, prepared as the validation set is.
    ///
    /// # Errors
    /// Those of [`Inference::input`](tinderbox_data::Inference::input); whatever goes wrong in the
    /// model.
    ///
    /// # Example
    /// ```no_run
    /// # fn example(learn: &tinderbox_learn::Learner) -> tinderbox_learn::Result<()> {
    /// let prediction = learn.predict("cat.jpg")?;
    /// println!("{:?}: {:?}", prediction.label, prediction.confidence());
    /// # Ok(())
    /// # }
    /// ```
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
        let batch = one_input(&self.data.inference(), input)?;
        Ok(self.predict_batch(batch)?.remove(0))
    }

    /// What the model says about the items of a batch.
    ///
    /// # Errors
    /// Whatever goes wrong in the model.
    #[doc(alias = "pred_batch")]
    pub fn predict_batch(&self, batch: Batch) -> Result<Vec<Prediction>> {
        let device = self.network.device.clone().inner();
        let output = self.forward(&*self.eval_model(), tensor(batch.inputs, &device)?)?;
        check_finite(&output)?;
        Ok(predictions(output, self.activation(), self.data.target()))
    }

    /// A forward pass as the learner's settings want it.
    fn forward(&self, model: &dyn Layer, input: AnyTensor) -> Result<AnyTensor> {
        with_exact_conv(self.exact_conv, || forward(model, input))
    }

    /// The loss of a batch; a panic in it becomes an error, as does one of several numbers.
    pub(crate) fn guarded_loss(
        &self,
        output: AnyTensor,
        target: AnyTensor,
    ) -> Result<burn::tensor::Tensor<1>> {
        let loss = self.guard_loss(|| self.loss.forward(output, target))?;
        match loss.dims() {
            [1] => Ok(loss),
            [n] => Err(Error::Loss {
                loss: self.loss.name(),
                reason: format!("{n} numbers for a batch, expected one: their mean or their sum"),
            }),
        }
    }

    fn item_losses(&self, output: AnyTensor, target: AnyTensor) -> Result<burn::tensor::Tensor<1>> {
        self.guard_loss(|| self.loss.per_item(output, target))
    }

    fn guard_loss<T>(&self, run: impl FnOnce() -> T) -> Result<T> {
        catch_panic(run).map_err(|reason| Error::Loss { loss: self.loss.name(), reason })
    }
}

/// Shows the metrics a batch; a panic in one becomes an error.
pub(crate) fn update(
    metrics: &mut [Box<dyn Metric>],
    input: &AnyTensor,
    output: &AnyTensor,
    target: &AnyTensor,
) -> Result<()> {
    metrics.iter_mut().try_for_each(|metric| {
        catch_panic(|| metric.update_with_input(input, output, target))
            .unwrap_or_else(|reason| Err(Error::Metric { metric: metric.name(), reason }))
    })
}

/// Fails for an output of a model that is NaN or infinite.
fn check_finite(output: &AnyTensor) -> Result<()> {
    match is_finite(output) {
        true => Ok(()),
        false => Err(Error::NotFinite { what: "the prediction of the model".into() }),
    }
}

/// A batch of one new item.
pub(crate) fn one_input(inference: &Inference, input: Input<'_>) -> Result<Batch> {
    Ok(inference.batch(vec![inference.input(input)?])?)
}

/// What a model's raw output says about each item of a batch.
pub(crate) fn predictions(
    output: AnyTensor,
    activation: Activation,
    target: &TargetKind,
) -> Vec<Prediction> {
    let output = activation.apply(output);
    let items = output.dims()[0];
    // One row of classes for each item: in a map of them there is no one class to name.
    let of_classes = matches!(activation, Activation::Softmax { .. } | Activation::Exp)
        && output.dims().len() == 2;
    let values = host(output);
    let each = values.len() / items.max(1);
    let rows = values.chunks_exact(each.max(1));
    rows.map(|row| {
        let best = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
        let index = of_classes.then(|| (0..row.len()).reduce(best)).flatten();
        Prediction {
            label: match target {
                TargetKind::MultiCategory { classes, threshold } => {
                    let of_item = classes.iter().zip(row).filter(|(_, p)| *p > threshold);
                    let of_item: Vec<&str> = of_item.map(|(class, _)| class.as_str()).collect();
                    Some(of_item.join(";"))
                }
                target => index.and_then(|index| target.classes().get(index).cloned()),
            },
            index,
            probabilities: row.to_vec(),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    fn classes() -> Vec<String> {
        ["cat", "dog"].map(String::from).into()
    }

    #[track_caller]
    fn check(
        output: AnyTensor,
        activation: Activation,
        target: &TargetKind,
        want: &[Option<&str>],
    ) {
        let predictions = predictions(output, activation, target);
        let labels: Vec<Option<&str>> = predictions.iter().map(|p| p.label.as_deref()).collect();
        assert_eq!(labels, want);
    }

    #[test]
    fn a_label_is_what_people_read() {
        let rows =
            || Tensor::<2>::from_data([[9.0, -9.0], [9.0, 9.0], [-9.0, -9.0]], &Device::flex());
        let softmax = Activation::Softmax { axis: 1 };
        let one = TargetKind::Category { classes: classes() };
        check(rows().into(), softmax, &one, &[Some("cat"); 3]);
        let any = TargetKind::MultiCategory { classes: classes(), threshold: 0.5 };
        let wanted = [Some("cat"), Some("cat;dog"), Some("")];
        check(rows().into(), Activation::Sigmoid, &any, &wanted);
        let number = TargetKind::Number { len: 2, log: false };
        check(rows().into(), Activation::None, &number, &[None; 3]);
        // A class for each pixel is none for the image.
        let pixels = Tensor::<4>::ones([1, 2, 3, 3], &Device::flex());
        let mask = TargetKind::mask(classes());
        check(pixels.into(), softmax, &mask, &[None]);
    }
}
