//! From probabilities to a word.

use rand::Rng;

use crate::{Error, Result};

/// How a word is drawn from the probabilities of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Below 1 the likely words become likelier, above 1 less so; 0 always takes the likeliest. 1
    /// unless it is set.
    pub temperature: f64,
    /// Only this many of the likeliest words; all, unless it is set.
    pub top_k: Option<usize>,
    /// Only words of this probability or more, unless none has it; all, unless it is set.
    pub min_p: Option<f64>,
    /// The word that is never drawn: 0, which stands for unknown words, unless it is set.
    pub never: Option<usize>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, min_p: None, never: Some(0) }
    }
}

impl Sampling {
    /// Fails for settings by which nothing can be drawn.
    pub(super) fn check(&self) -> Result<()> {
        let wrong =
            |setting, found: String, expected| Err(Error::Setting { setting, found, expected });
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return wrong("temperature", self.temperature.to_string(), "0 or more, such as 0.75");
        }
        match (self.top_k, self.min_p) {
            (Some(0), _) => wrong("top_k", "0".into(), "at least one word"),
            (_, Some(p)) if !(0.0..=1.0).contains(&p) => {
                wrong("min_p", p.to_string(), "a probability from 0 to 1")
            }
            _ => Ok(()),
        }
    }

    /// What each word is drawn in proportion to, 1 for the likeliest, in fastai's order: the unknown
    /// word's probability becomes 0, then those below [`min_p`](Self::min_p), then those that are
    /// not among the [`top_k`](Self::top_k), then all are raised to the power 1/temperature. And
    /// whether `min_p` would have left none.
    pub fn weights(&self, probabilities: &[f64]) -> (Vec<f64>, bool) {
        let mut weights = probabilities.to_vec();
        if let Some(weight) = self.never.and_then(|word| weights.get_mut(word)) {
            *weight = 0.0;
        }
        let too_high = self.min_p.is_some_and(|min_p| weights.iter().all(|p| *p < min_p));
        if let Some(min_p) = self.min_p.filter(|_| !too_high) {
            let below = weights.iter_mut().filter(|p| **p < min_p);
            below.for_each(|p| *p = 0.0);
        }
        if let Some(k) = self.top_k.filter(|k| *k < weights.len()) {
            let mut words: Vec<usize> = (0..weights.len()).collect();
            words.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
            words[k..].iter().for_each(|word| weights[*word] = 0.0);
        }
        // Relative to the largest: of the powers themselves a low temperature leaves only zeros.
        let most = weights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let power = if self.temperature > 0.0 { self.temperature.recip() } else { 1.0 };
        let relative = weights.into_iter().map(|p| (p / most).powf(power)).collect();
        (relative, too_high)
    }

    /// A word, in proportion to its weight.
    pub(super) fn draw(&self, weights: &[f64], rng: &mut impl Rng) -> usize {
        match self.temperature == 0.0 {
            true => first_largest(weights),
            false => draw(weights, rng),
        }
    }
}

fn first_largest(weights: &[f64]) -> usize {
    let larger = |best: usize, at: usize| if weights[at] > weights[best] { at } else { best };
    (0..weights.len()).reduce(larger).unwrap_or_default()
}

/// An index, in proportion to its weight.
pub(super) fn draw(weights: &[f64], rng: &mut impl Rng) -> usize {
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    let drawn = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    // Sums round: what is left over belongs to the last that has any weight.
    drawn.or_else(|| weights.iter().rposition(|weight| *weight > 0.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const PROBABILITIES: [f64; 5] = [0.4, 0.3, 0.05, 0.05, 0.2];

    #[track_caller]
    fn check(sampling: &Sampling, want: [f64; 5]) {
        let (weights, too_high) = sampling.weights(&PROBABILITIES);
        assert!(weights.iter().zip(want).all(|(w, want)| (w - want).abs() < 1e-9), "{weights:?}");
        assert!(!too_high);
    }

    #[test]
    fn the_unknown_word_is_left_out_and_the_rest_keeps_its_proportions() {
        check(&Sampling::default(), [0.0, 1.0, 0.5 / 3.0, 0.5 / 3.0, 2.0 / 3.0]);
        check(&Sampling { never: None, ..Sampling::default() }, [1.0, 0.75, 0.125, 0.125, 0.5]);
    }

    #[test]
    fn settings_leave_out_what_is_unlikely() {
        let some = Sampling { min_p: Some(0.1), ..Sampling::default() };
        check(&some, [0.0, 1.0, 0.0, 0.0, 2.0 / 3.0]);
        let three = Sampling { top_k: Some(3), ..Sampling::default() };
        check(&three, [0.0, 1.0, 0.5 / 3.0, 0.0, 2.0 / 3.0]);
        let (all, too_high) =
            Sampling { min_p: Some(0.9), ..Sampling::default() }.weights(&PROBABILITIES);
        assert!(too_high && all.iter().filter(|p| **p > 0.0).count() == 4);
    }

    #[test]
    fn a_low_temperature_sharpens_and_never_leaves_nothing() {
        let half = Sampling { temperature: 0.5, never: None, ..Sampling::default() };
        check(&half, [1.0, 0.5625, 0.015_625, 0.015_625, 0.25]);
        let cold = Sampling { temperature: 1e-6, ..Sampling::default() };
        check(&cold, [0.0, 1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn words_are_drawn_as_often_as_they_weigh() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut drawn = [0; 3];
        (0..10_000).for_each(|_| drawn[draw(&[0.0, 3.0, 1.0], &mut rng)] += 1);
        assert_eq!(drawn[0], 0);
        assert!((7_300..7_700).contains(&drawn[1]), "{drawn:?}");
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        assert_eq!(greedy.draw(&[0.0, 0.5, 1.0, 1.0], &mut rng), 2);
    }

    #[test]
    fn settings_that_draw_nothing_are_refused() {
        let message = |sampling: Sampling| sampling.check().unwrap_err().to_string();
        let plain = Sampling::default;
        let cold = Sampling { temperature: -1.0, ..plain() };
        assert_eq!(message(cold), "temperature is -1, expected 0 or more, such as 0.75");
        assert!(message(Sampling { temperature: f64::NAN, ..plain() }).contains("NaN"));
        let none = Sampling { top_k: Some(0), ..plain() };
        assert_eq!(message(none), "top_k is 0, expected at least one word");
        let over = Sampling { min_p: Some(1.5), ..plain() };
        assert_eq!(message(over), "min_p is 1.5, expected a probability from 0 to 1");
    }
}
