//! Watching one value over the epochs.

use serde::{Deserialize, Serialize};

use crate::{callback::State, exact};

/// Which way a watched value improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Better {
    /// Lower for parts of the loss, for metrics that measure how far off a model is, and if the name
    /// has `loss` or `error` in it; else higher.
    #[default]
    Auto,
    /// As of a loss.
    Lower,
    /// As of an accuracy.
    Higher,
}

/// One value of each epoch, and the best of it so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[doc(alias = "TrackerCallback")]
pub struct Monitor {
    /// `valid_loss`, `train_loss` or a metric's name.
    pub name: String,
    /// Which way it improves.
    pub better: Better,
    /// By how much a value must beat the best to count as better, not below 0.
    pub min_delta: f64,
    #[serde(with = "exact::option")]
    best: Option<f64>,
}

/// Metrics that are better the lower they are, though their names do not say so.
const DISTANCES: [&str; 4] = ["rmse", "exp_rmspe", "perplexity", "pixel_l1"];

impl Default for Monitor {
    /// fastai's: the validation loss.
    fn default() -> Self {
        Self::new("valid_loss")
    }
}

/// What an epoch's value is to those before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    Better,
    NotBetter,
    /// There is no value to judge: no validation ran.
    Missing,
    /// No value goes by that name; what to tell the user.
    Unknown(String),
}

impl Monitor {
    /// Watches what goes by `name`; the name says which way is better.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), better: Better::Auto, min_delta: 0.0, best: None }
    }

    /// Counts as better only what beats the best by more than this.
    pub fn with_min_delta(self, min_delta: f64) -> Self {
        Self { min_delta, ..self }
    }

    /// Says which way is better, whatever the name says.
    pub fn with_better(self, better: Better) -> Self {
        Self { better, ..self }
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    pub(super) fn reset(&mut self) {
        self.best = None;
    }

    /// Judges this epoch's value, and remembers it if it is the best.
    pub(super) fn judge(&mut self, state: &State) -> Verdict {
        if !state.value_names().contains(&self.name.as_str()) {
            let known = state.value_names().join(", ");
            let name = &self.name;
            return Verdict::Unknown(format!("there is no `{name}` to watch; there are {known}"));
        }
        let Some(value) = state.value(&self.name) else { return Verdict::Missing };
        let lower = match self.better {
            Better::Auto => state.is_loss(&self.name) || self.lower_by_name(),
            better => better == Better::Lower,
        };
        match self.beats(value, lower) {
            true => {
                self.best = Some(value);
                Verdict::Better
            }
            false => Verdict::NotBetter,
        }
    }

    fn lower_by_name(&self) -> bool {
        let words = ["loss", "error"];
        words.iter().any(|word| self.name.contains(word)) || DISTANCES.contains(&&*self.name)
    }

    fn beats(&self, value: f64, lower: bool) -> bool {
        match lower {
            true => value + self.min_delta < self.best.unwrap_or(f64::INFINITY),
            false => value - self.min_delta > self.best.unwrap_or(f64::NEG_INFINITY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(monitor: &Monitor, values: &[f64], better: &[bool]) {
        check_in(&State::default(), monitor, values, better);
    }

    #[track_caller]
    fn check_in(state: &State, monitor: &Monitor, values: &[f64], better: &[bool]) {
        let mut monitor = monitor.clone();
        let metric_names = vec![monitor.name.clone()];
        for (value, better) in values.iter().zip(better) {
            let (valid_loss, metrics) = (Some(*value), vec![*value]);
            let metric_names = metric_names.clone();
            let state = State { valid_loss, metric_names, metrics, ..state.clone() };
            let verdict = if *better { Verdict::Better } else { Verdict::NotBetter };
            assert_eq!(monitor.judge(&state), verdict, "{value} of {values:?}");
        }
    }

    #[test]
    fn the_name_tells_which_way_is_better() {
        check(&Monitor::new("valid_loss"), &[1.0, 0.9, 0.95], &[true, true, false]);
        check(&Monitor::new("error_rate"), &[1.0, 0.9, 0.95], &[true, true, false]);
        check(&Monitor::new("accuracy"), &[0.9, 0.95, 0.92], &[true, true, false]);
        check(&Monitor::new("perplexity"), &[9.0, 8.5, 8.7], &[true, true, false]);
        let lower = Monitor { better: Better::Lower, ..Monitor::new("accuracy") };
        check(&lower, &[0.9, 0.95, 0.8], &[true, false, true]);
    }

    #[test]
    fn a_part_of_the_loss_is_better_if_it_is_lower() {
        let state = State { loss_parts: 1, ..State::default() };
        check_in(&state, &Monitor::new("feat_0"), &[1.0, 0.9, 0.95], &[true, true, false]);
        check(&Monitor::new("feat_0"), &[1.0, 0.9, 1.1], &[true, false, true]);
    }

    #[test]
    fn a_gain_must_exceed_min_delta() {
        let monitor = Monitor { min_delta: 0.125, ..Monitor::default() };
        check(&monitor, &[1.0, 0.875, 0.75], &[true, false, true]);
    }

    #[test]
    fn nan_is_never_better() {
        check(&Monitor::default(), &[f64::NAN, 1.0, f64::NAN], &[false, true, false]);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let state = State { metric_names: vec!["accuracy".into()], ..State::default() };
        let verdict = Monitor::new("acuracy").judge(&state);
        let message = "there is no `acuracy` to watch; there are train_loss, valid_loss, accuracy";
        assert_eq!(verdict, Verdict::Unknown(message.into()));
        assert_eq!(Monitor::new("accuracy").judge(&state), Verdict::Missing);
    }
}
