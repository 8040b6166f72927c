//! The parts of a validation.

use tinderbox_model::Layer;

use crate::{
    Result,
    callback::State,
    checkpoint::{self, Mark},
    fit::{Progress, Report, Stage},
    loss::Loss,
    predict::update,
};

/// A validation under way.
pub(super) struct Validation {
    /// Without autodiff, in evaluation mode.
    pub(super) model: Box<dyn Layer>,
    loss: Weighted,
    parts: Parts,
}

/// An average in which each batch weighs as much as it has items.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weighted {
    sum: f64,
    items: usize,
}

impl Weighted {
    pub(crate) fn add(&mut self, value: f64, items: usize) {
        self.sum += value * items as f64;
        self.items += items;
    }

    /// Nothing, if there were no items.
    pub(crate) fn value(self) -> Option<f64> {
        (self.items > 0).then(|| self.sum / self.items as f64)
    }
}

/// The averages of a loss's parts.
pub(crate) struct Parts(Vec<Weighted>);

impl Parts {
    /// One for each part that the loss has.
    pub(crate) fn of(loss: &dyn Loss) -> Self {
        Self(vec![Weighted::default(); loss.part_names().len()])
    }

    /// Takes in those of the batch whose loss was the last.
    pub(crate) fn add(&mut self, loss: &dyn Loss, items: usize) {
        if self.0.is_empty() {
            return;
        }
        for (average, part) in self.0.iter_mut().zip(loss.last_parts()) {
            average.add(part, items);
        }
    }

    /// NaN, if there were no items.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|average| average.value().unwrap_or(f64::NAN))
    }
}

/// Lets a recurrent model go on where the other is. As in the reference, validation goes on from
/// the state that training left, and training from validation's.
fn hand_over(from: &dyn Layer, to: &dyn Layer) {
    if let (Some(from), Some(to)) = (from.carried(), to.carried()) {
        to.set(from.states());
    }
}

impl Stage<'_> {
    pub(super) fn begin_validation(&mut self) -> Validation {
        // Whoever resumes a fit that stops in here validates from the beginning.
        self.mark = self.learn.checkpoints.is_some().then(|| Mark::of(self));
        self.state.stop_epoch = false;
        self.state.valid_batch = 0;
        for metric in &mut self.learn.metrics {
            metric.reset();
        }
        let model = self.learn.eval_model();
        hand_over(self.learn.model(), &*model);
        let parts = Parts::of(&*self.learn.loss);
        Validation { model, loss: Weighted::default(), parts }
    }

    /// The batch's loss, and what the metrics make of it.
    pub(super) fn measure(&mut self, validation: &mut Validation) -> Result<()> {
        self.with_step(|step, stage| step.valid_loss(stage))?;
        self.state.loss = None;
        if let Some(loss) = self.state.last_loss {
            validation.loss.add(loss, self.items);
            validation.parts.add(&*self.learn.loss, self.items);
        }
        let State { input: Some(input), output: Some(output), target: Some(target), .. } =
            &self.state
        else {
            return Ok(());
        };
        update(&mut self.learn.metrics, input, output, target)
    }

    pub(super) fn finish_valid_batch(&mut self) -> Result<()> {
        let progress = Progress::after_batch(&self.state, self.learn.n_fits());
        self.tell(&Report::Batch(progress));
        self.forget_batch();
        self.state.valid_batch += 1;
        if self.stop.take() {
            let mark = self.mark.take();
            checkpoint::write(self, mark, false)?;
            self.state.interrupted = true;
        }
        Ok(())
    }

    pub(super) fn finish_validation(&mut self, validation: &Validation) {
        if self.state.interrupted {
            return;
        }
        hand_over(&*validation.model, self.learn.model());
        self.state.valid_loss = validation.loss.value();
        let metrics = self.learn.metrics.iter().map(|metric| metric.value());
        self.state.metrics.extend(metrics.chain(validation.parts.values()));
        let warnings: Vec<String> =
            self.learn.metrics.iter().filter_map(|metric| metric.warning()).collect();
        for warning in warnings {
            self.tell(&Report::Note(&warning));
        }
    }
}
