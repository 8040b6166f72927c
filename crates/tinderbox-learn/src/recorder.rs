//! What a fit went through, in numbers.

use crate::{
    callback::{Answer, Callback, Changes, State},
    table::{Table, epoch_values},
};

/// The history of the last fit: always there, the first of the callbacks.
///
/// Lists with one entry for each training batch, and with one for each epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorder {
    /// The learning rate each batch ran with: the last parameter group's.
    pub lrs: Vec<f64>,
    /// The momentum each batch ran with.
    pub moms: Vec<f64>,
    /// The smoothed training loss after each batch.
    pub losses: Vec<f64>,
    /// The training loss of each batch, before anything changed it.
    pub raw_losses: Vec<f64>,
    /// How many training batches each epoch had.
    pub n_batches: Vec<usize>,
    /// The smoothed training loss at the end of each epoch.
    pub train_losses: Vec<Option<f64>>,
    /// The validation loss of each epoch, where validation ran.
    pub valid_losses: Vec<Option<f64>>,
    /// The metrics' names, in the order of their columns.
    pub metric_names: Vec<String>,
    /// The metrics of each epoch, in the order of their names.
    pub metrics: Vec<Vec<Option<f64>>>,
    /// The number of the first epoch in the lists, for a fit that began later.
    pub first_epoch: usize,
}

impl Recorder {
    /// Epochs recorded.
    pub fn n_epochs(&self) -> usize {
        self.n_batches.len()
    }

    /// An epoch as the table shows it: training loss, validation loss, metrics.
    ///
    /// # Panics
    /// If there are not as many epochs.
    pub fn epoch(&self, index: usize) -> Vec<Option<f64>> {
        let losses = [self.train_losses[index], self.valid_losses[index]];
        losses.into_iter().chain(self.metrics[index].iter().copied()).collect()
    }

    /// The fit's table.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&self.metric_names);
        for index in 0..self.n_epochs() {
            table.row(self.first_epoch + index, &self.epoch(index));
        }
        table
    }

    /// Several fits as one, in their order. The metrics are those of the last; an epoch that did not
    /// measure one of them has no value of it.
    pub fn joined<'a>(fits: impl IntoIterator<Item = &'a Self>) -> Self {
        let fits: Vec<&Self> = fits.into_iter().collect();
        let (Some(first), Some(last)) = (fits.first(), fits.last()) else {
            return Self::default();
        };
        let mut joined = Self {
            metric_names: last.metric_names.clone(),
            first_epoch: first.first_epoch,
            ..Self::default()
        };
        for fit in fits {
            joined.lrs.extend(&fit.lrs);
            joined.moms.extend(&fit.moms);
            joined.losses.extend(&fit.losses);
            joined.raw_losses.extend(&fit.raw_losses);
            joined.n_batches.extend(&fit.n_batches);
            joined.train_losses.extend(&fit.train_losses);
            joined.valid_losses.extend(&fit.valid_losses);
            let place = |name| fit.metric_names.iter().position(|metric| metric == name);
            let places: Vec<Option<usize>> = joined.metric_names.iter().map(place).collect();
            let of_epoch = |epoch: &Vec<Option<f64>>| {
                places.iter().map(|place| *epoch.get((*place)?)?).collect()
            };
            joined.metrics.extend(fit.metrics.iter().map(of_epoch));
        }
        joined
    }

    /// How many epochs are done, those before the first in the lists included.
    pub(crate) fn last_epoch(&self) -> usize {
        self.first_epoch + self.n_epochs()
    }

    /// The lists of batches.
    pub(crate) fn lists(&self) -> [&[f64]; 4] {
        [&self.lrs, &self.moms, &self.losses, &self.raw_losses]
    }

    /// The last value of the metric called `name`.
    pub fn last_metric(&self, name: &str) -> Option<f64> {
        let at = self.metric_names.iter().position(|metric| metric == name)?;
        *self.metrics.last()?.get(at)?
    }
}

impl Callback for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn order(&self) -> i32 {
        -10
    }

    fn in_lr_find(&self) -> bool {
        true
    }

    fn train_begin(&mut self, state: &State) -> Answer {
        *self = Self { metric_names: state.metric_names.clone(), ..Self::default() };
        Ok(Changes::none())
    }

    fn epoch_begin(&mut self, state: &State) -> Answer {
        if self.n_epochs() == 0 {
            self.first_epoch = state.epoch;
        }
        Ok(Changes::none())
    }

    fn batch_begin(&mut self, state: &State) -> Answer {
        if state.training == Some(true) {
            self.lrs.push(state.lr());
            self.moms.push(state.momentum);
        }
        Ok(Changes::none())
    }

    fn backward_begin(&mut self, state: &State) -> Answer {
        self.losses.extend(state.smooth_loss);
        self.raw_losses.extend(state.last_loss);
        Ok(Changes::none())
    }

    fn epoch_end(&mut self, state: &State) -> Answer {
        let values = epoch_values(state);
        let earlier: usize = self.n_batches.iter().sum();
        self.n_batches.push(self.losses.len() - earlier);
        self.train_losses.push(values[0]);
        self.valid_losses.push(values[1]);
        self.metrics.push(values[2..].to_vec());
        Ok(Changes::none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_batches_and_epochs() {
        let mut recorder = Recorder::default();
        let mut state = State {
            training: Some(true),
            lrs: vec![0.1, 0.2],
            momentum: 0.9,
            last_loss: Some(2.0),
            smooth_loss: Some(2.5),
            metric_names: vec!["accuracy".into()],
            ..State::default()
        };
        recorder.train_begin(&state).unwrap();
        for _ in 0..2 {
            recorder.batch_begin(&state).unwrap();
            recorder.backward_begin(&state).unwrap();
        }
        state.training = Some(false);
        recorder.batch_begin(&state).unwrap();
        (state.valid_loss, state.metrics) = (Some(1.5), vec![0.75]);
        recorder.epoch_end(&state).unwrap();
        assert_eq!((&recorder.lrs[..], &recorder.losses[..]), (&[0.2, 0.2][..], &[2.5, 2.5][..]));
        assert_eq!(recorder.n_batches, [2]);
        assert_eq!(recorder.epoch(0), [Some(2.5), Some(1.5), Some(0.75)]);
        assert_eq!(recorder.last_metric("accuracy"), Some(0.75));
        assert_eq!(recorder.table().line(0), "1      2.500000    1.500000    0.750000");
    }

    #[test]
    fn fits_are_joined_with_the_metrics_of_the_last() {
        let fit = |loss: f64, names: [&str; 2]| Recorder {
            lrs: vec![loss],
            losses: vec![loss],
            n_batches: vec![1],
            train_losses: vec![Some(loss)],
            valid_losses: vec![None],
            metric_names: names.map(String::from).into(),
            metrics: vec![vec![Some(loss), Some(10.0 * loss)]],
            ..Recorder::default()
        };
        let joined = Recorder::joined([&fit(2.0, ["a", "b"]), &fit(1.0, ["b", "c"])]);
        assert_eq!((&joined.losses[..], &joined.n_batches[..]), (&[2.0, 1.0][..], &[1, 1][..]));
        assert_eq!(joined.epoch(0), [Some(2.0), None, Some(20.0), None]);
        assert_eq!(joined.epoch(1), [Some(1.0), None, Some(1.0), Some(10.0)]);
        assert_eq!(Recorder::joined([]), Recorder::default());
    }
}
