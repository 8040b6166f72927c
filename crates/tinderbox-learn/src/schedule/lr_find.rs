//! The learning rate finder: its rates, when it stops, and what it suggests.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    schedule::{Anneal, Phase, Schedule, Span, check_positive},
};

/// A short run at rising learning rates, to see which one to train with.
///
/// The defaults are fastai's.
///
/// # Reference
/// Smith, [Cyclical learning rates for training neural networks](https://arxiv.org/abs/1506.01186), 2017, §3.3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[doc(alias = "LRFinder")]
pub struct LrFind {
    /// The first batch's rate.
    pub start_lr: f64,
    /// The rate that the batch after the last would have.
    pub end_lr: f64,
    /// How many batches the rates rise over.
    pub num_it: usize,
    /// Stop as soon as the smoothed loss is four times its best, or not a number.
    pub stop_div: bool,
}

impl Default for LrFind {
    fn default() -> Self {
        Self { start_lr: 1e-7, end_lr: 10.0, num_it: 100, stop_div: true }
    }
}

impl LrFind {
    /// The rates, the same for each of `groups` parameter groups.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value outside its range.
    pub fn schedule(&self, groups: usize) -> Result<Schedule> {
        check_positive("start_lr", self.start_lr)?;
        check_positive("end_lr", self.end_lr)?;
        if self.num_it == 0 {
            return Err(Error::Setting {
                setting: "num_it",
                found: "0".into(),
                expected: "at least one batch",
            });
        }
        let lr = Span { start: self.start_lr, end: self.end_lr, anneal: Anneal::Exponential };
        Schedule::new(vec![Phase { batches: self.num_it, lrs: vec![lr; groups], momentum: None }])
    }

    /// The rule that ends this run.
    pub fn divergence(&self) -> Divergence {
        Divergence { num_it: self.num_it, stop_div: self.stop_div, batches: 0, best: None }
    }
}

/// What comes after a batch of the finder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The next one.
    Continue,
    /// All the rates have been tried.
    Finished,
    /// The loss has become four times its best, or not a number.
    Diverged,
}

/// Tells when a run at rising rates has shown what it can.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    num_it: usize,
    stop_div: bool,
    batches: usize,
    best: Option<f64>,
}

impl Divergence {
    /// Takes in the smoothed loss after a batch.
    pub fn after_batch(&mut self, smoothed: f64) -> Verdict {
        self.batches += 1;
        let best = match self.best {
            Some(best) if smoothed >= best || smoothed.is_nan() => best,
            _ => smoothed,
        };
        self.best = Some(best);
        if self.stop_div && (smoothed > 4.0 * best || smoothed.is_nan()) {
            return Verdict::Diverged;
        }
        match self.batches < self.num_it {
            true => Verdict::Continue,
            false => Verdict::Finished,
        }
    }

    /// The lowest smoothed loss so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }
}

/// Learning rates worth trying.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suggestion {
    /// Where the loss falls most steeply, counted after the skipped points.
    pub steepest: usize,
    /// The rate there.
    pub lr_steepest: f64,
    /// A tenth of the rate at which the loss is lowest.
    pub lr_min_div_10: f64,
    /// In the middle of the longest valley of losses: the one to begin with, as noise moves it least.
    /// fastai's second version suggests it.
    pub lr_valley: f64,
}

/// What the finder's losses suggest, leaving out `skip_start` points at the start, where nothing
/// has been learned, and `skip_end` at the end, where the loss explodes; fastai skips 10 and 5.
///
/// Nothing, if fewer than two points are left.
///
/// # Panics
/// If there are not as many rates as losses.
pub fn suggestion(
    losses: &[f64],
    lrs: &[f64],
    skip_start: usize,
    skip_end: usize,
) -> Option<Suggestion> {
    assert_eq!(losses.len(), lrs.len(), "one learning rate for each loss");
    let end = losses.len().saturating_sub(skip_end);
    let (losses, lrs) = (losses.get(skip_start..end)?, &lrs[skip_start..end]);
    if losses.len() < 2 {
        return None;
    }
    let steepest = lowest(&gradient(losses))?;
    let lr_min_div_10 = lrs[lowest(losses)?] / 10.0;
    let (lr_steepest, lr_valley) = (lrs[steepest], lrs[valley(losses)]);
    Some(Suggestion { steepest, lr_steepest, lr_min_div_10, lr_valley })
}

/// The middle of the longest valley's second third. A valley is a series of losses, not all of
/// them neighbors, each lower than the one before. There must be a loss.
fn valley(losses: &[f64]) -> usize {
    // How many points the longest one has that ends here.
    let mut lengths = vec![1usize; losses.len()];
    for (at, loss) in losses.iter().enumerate() {
        let before = (0..at).filter(|before| loss < &losses[*before]);
        lengths[at] = before.map(|before| lengths[before] + 1).max().unwrap_or(1);
    }
    let first_longest =
        |best: usize, at: usize| if lengths[at] > lengths[best] { at } else { best };
    let end = (0..lengths.len()).fold(0, first_longest);
    let length = lengths[end];
    let third = length as f64 / 3.0;
    (end + third as usize + (third / 2.0) as usize).saturating_sub(length)
}

/// Central differences inside, one-sided ones at the ends.
fn gradient(values: &[f64]) -> Vec<f64> {
    let last = values.len() - 1;
    (0..values.len())
        .map(|i| {
            let (before, after) = (i.saturating_sub(1), (i + 1).min(last));
            (values[after] - values[before]) / (after - before) as f64
        })
        .collect()
}

/// Where the lowest value is, the first of several; what is not a number is not it.
fn lowest(values: &[f64]) -> Option<usize> {
    let numbers = values.iter().enumerate().filter(|(_, value)| !value.is_nan());
    numbers.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(find: &LrFind, losses: &[f64], want: (usize, Verdict)) {
        let mut rule = find.divergence();
        let verdicts = losses.iter().map(|loss| rule.after_batch(*loss));
        let stop = verdicts.enumerate().find(|(_, verdict)| *verdict != Verdict::Continue);
        assert_eq!(stop, Some(want));
    }

    #[test]
    fn the_finder_stops_at_its_end_or_when_the_loss_explodes() {
        let find = LrFind { num_it: 4, ..LrFind::default() };
        check(&find, &[2.0, 1.0, 0.5, 2.0, 9.0], (3, Verdict::Finished));
        check(&find, &[2.0, 1.0, 4.1], (2, Verdict::Diverged));
        check(&find, &[2.0, f64::NAN], (1, Verdict::Diverged));
        let patient = LrFind { stop_div: false, ..find };
        check(&patient, &[2.0, f64::NAN, 1.0, 99.0], (3, Verdict::Finished));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let message = |find: LrFind| find.schedule(1).unwrap_err().to_string();
        assert_eq!(
            message(LrFind { start_lr: 0.0, ..LrFind::default() }),
            "start_lr is 0, expected a number above zero"
        );
        assert_eq!(
            message(LrFind { num_it: 0, ..LrFind::default() }),
            "num_it is 0, expected at least one batch"
        );
    }

    #[test]
    fn two_points_suggest_and_one_does_not() {
        let want =
            Suggestion { steepest: 0, lr_steepest: 0.1, lr_min_div_10: 0.02, lr_valley: 0.1 };
        assert_eq!(suggestion(&[3.0, 1.0], &[0.1, 0.2], 0, 0), Some(want));
        assert_eq!(suggestion(&[3.0, 1.0], &[0.1, 0.2], 1, 0), None);
        assert_eq!(suggestion(&[3.0, 1.0], &[0.1, 0.2], 10, 5), None);
        assert_eq!(suggestion(&[], &[], 0, 0), None);
    }

    /// Worked out from fastai's definition, apart from this program.
    #[test]
    fn a_valley_is_the_longest_series_of_lower_losses() {
        let lrs: Vec<f64> = (0..12).map(f64::from).collect();
        let of = |losses: [f64; 12]| suggestion(&losses, &lrs, 0, 0).unwrap().lr_valley;
        assert_eq!(of([5.0, 5.1, 5.0, 4.9, 4.5, 4.0, 3.5, 3.4, 3.6, 3.9, 6.0, 9.0]), 3.0);
        assert_eq!(of([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.4, 0.3]), 5.0);
        assert_eq!(of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 8.5, 8.0, 7.5]), 8.0);
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_not_the_lowest() {
        let found = suggestion(&[3.0, 2.0, 1.9, f64::NAN], &[0.1, 0.2, 0.3, 0.4], 0, 0).unwrap();
        assert_eq!(found.lr_min_div_10, 0.3 / 10.0);
        assert_eq!(found.steepest, 0);
    }
}
