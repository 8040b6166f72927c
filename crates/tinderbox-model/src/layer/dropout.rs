//! Dropout.

use burn::{
    module::{Flag, Module, Param},
    tensor::{Distribution, Tensor},
};

use super::forward_any_rank;

/// In training, drops each number with a probability and enlarges the others to make up for it.
///
/// Srivastava et al., [Dropout](https://jmlr.org/papers/v15/srivastava14a.html), 2014.
#[derive(Module, Debug)]
pub struct Dropout {
    /// The probability of being dropped, in `0.0..1.0`.
    pub p: f64,
    training: Param<Flag>,
}

impl Dropout {
    /// # Panics
    /// If `p` is outside `0.0..1.0`.
    pub fn new(p: f64) -> Self {
        assert!((0.0..1.0).contains(&p), "a probability below 1 of being dropped, not {p}");
        Self { p, training: Param::from_bool(true) }
    }

    fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !self.training.val().is_enabled() || self.p == 0.0 {
            return x;
        }
        let keep = 1.0 - self.p;
        let mask = x.random_like(Distribution::Bernoulli(keep));
        x * mask / keep
    }
}

forward_any_rank!(Dropout, layer, x => layer.apply(x));
