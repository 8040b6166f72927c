//! A running average that is right from its first value.

use serde::{Deserialize, Serialize};

/// A moving average of losses, without the pull towards zero that one has at its start.
///
/// Saved and restored to the bit, whatever it holds, so that a resumed run prints the same
/// numbers.
///
/// # Reference
/// Kingma and Ba, [Adam](https://arxiv.org/abs/1412.6980), 2015, §3: the same correction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Smoothed {
    /// How much of the average is kept at each value, in `0.0..=1.0`.
    beta: f64,
    #[serde(with = "bits")]
    average: f64,
    values: u32,
}

impl Default for Smoothed {
    /// fastai's, and the one that training tables show: 0.98.
    fn default() -> Self {
        Self::new(0.98)
    }
}

impl Smoothed {
    /// Keeps `beta` of the average at each value.
    ///
    /// # Panics
    /// If `beta` is not in `0.0..1.0`.
    pub fn new(beta: f64) -> Self {
        assert!((0.0..1.0).contains(&beta), "beta is a share below one, got {beta}");
        Self { beta, average: 0.0, values: 0 }
    }

    /// Takes a value in and gives the average with it.
    pub fn add(&mut self, value: f64) -> f64 {
        self.average = self.beta * self.average + (1.0 - self.beta) * value;
        self.values = self.values.saturating_add(1);
        self.average / self.weight()
    }

    /// The average of what was added, or nothing before the first.
    pub fn value(&self) -> Option<f64> {
        (self.values > 0).then(|| self.average / self.weight())
    }

    /// The weights of the values so far, together.
    fn weight(&self) -> f64 {
        1.0 - self.beta.powf(f64::from(self.values))
    }
}

/// A float as its bits: JSON has no NaN.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_its_own_average() {
        let mut loss = Smoothed::default();
        assert_eq!(loss.value(), None);
        assert!((loss.add(2.3) - 2.3).abs() < 1e-12);
        assert!((loss.value().unwrap() - 2.3).abs() < 1e-12);
    }

    #[test]
    fn it_is_restored_to_the_bit() {
        for last in [0.1, f64::NAN, f64::INFINITY] {
            let mut loss = Smoothed::new(0.9);
            loss.add(1.0 / 3.0);
            loss.add(last);
            let saved = serde_json::to_string(&loss).unwrap();
            let mut restored: Smoothed = serde_json::from_str(&saved).unwrap();
            assert_eq!(loss.add(0.7).to_bits(), restored.add(0.7).to_bits());
        }
    }

    #[test]
    #[should_panic(expected = "beta is a share below one, got 1")]
    fn a_beta_of_one_would_never_learn() {
        Smoothed::new(1.0);
    }
}
