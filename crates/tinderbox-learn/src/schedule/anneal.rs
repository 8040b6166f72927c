//! Ways from one value to another.

use std::f64::consts::PI;

/// How a value gets from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Anneal {
    /// Stays at the start.
    None,
    /// By equal steps.
    Linear,
    /// By equal factors: `start * (end / start)^share`.
    Exponential,
    /// Along half a cosine: slow at both ends.
    Cosine,
    /// `end + (start - end) * (1 - share)^degree`.
    Polynomial(f64),
}

impl Anneal {
    /// The value after `share` of the way, in `0.0..=1.0`.
    pub fn at(self, start: f64, end: f64, share: f64) -> f64 {
        match self {
            Self::None => start,
            Self::Linear => start + share * (end - start),
            Self::Exponential => start * (end / start).powf(share),
            Self::Cosine => end + (start - end) / 2.0 * ((PI * share).cos() + 1.0),
            Self::Polynomial(degree) => end + (start - end) * (1.0 - share).powf(degree),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_leads_from_start_to_end() {
        let ways = [Anneal::Linear, Anneal::Exponential, Anneal::Cosine, Anneal::Polynomial(2.0)];
        for way in ways {
            assert!((way.at(1.0, 4.0, 0.0) - 1.0).abs() < 1e-12, "{way:?}");
            assert!((way.at(1.0, 4.0, 1.0) - 4.0).abs() < 1e-12, "{way:?}");
        }
        assert_eq!(Anneal::None.at(1.0, 4.0, 1.0), 1.0);
        assert_eq!(Anneal::Exponential.at(1.0, 4.0, 0.5), 2.0);
        assert_eq!(Anneal::Cosine.at(1.0, 4.0, 0.5), 2.5);
        assert_eq!(Anneal::Polynomial(2.0).at(1.0, 5.0, 0.5), 4.0);
    }
}
