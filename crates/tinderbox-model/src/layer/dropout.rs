//! Dropout.

use burn::{
    module::{Flag, Module, Param},
    tensor::{Distribution, Tensor},
};

use super::forward_any_rank;
use crate::{Forward, random};

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

    pub(crate) fn apply<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !self.training.val().is_enabled() || self.p == 0.0 {
            return x;
        }
        let keep = 1.0 - self.p;
        let mask = random::tensor(x.dims(), Distribution::Bernoulli(keep), &x.device());
        let mask = mask.cast(x.dtype());
        x * mask / keep
    }
}

forward_any_rank!(Dropout, layer, x => layer.apply(x));

/// In training, drops whole channels of a map with a probability and enlarges the others to make up
/// for it.
///
/// Shapes: `[batch, channels, height, width]` in and out.
///
/// Tompson et al., [Efficient Object Localization](https://arxiv.org/abs/1411.4280), 2014.
#[derive(Module, Debug)]
pub struct Dropout2d {
    /// The probability of a channel to be dropped, in `0.0..1.0`.
    pub p: f64,
    training: Param<Flag>,
}

impl Dropout2d {
    /// # Panics
    /// If `p` is outside `0.0..1.0`.
    pub fn new(p: f64) -> Self {
        let Dropout { p, training } = Dropout::new(p);
        Self { p, training }
    }
}

impl Forward for Dropout2d {
    type Input = Tensor<4>;
    type Output = Tensor<4>;

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if !self.training.val().is_enabled() || self.p == 0.0 {
            return x;
        }
        let keep = 1.0 - self.p;
        let [batch, channels, ..] = x.dims();
        let shape = [batch, channels, 1, 1];
        let mask = random::tensor(shape, Distribution::Bernoulli(keep), &x.device());
        x * (mask / keep)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{AnyTensor, Mode, Trace, set_mode};

    fn run(p: f64, mode: Mode) -> Vec<f32> {
        let x = AnyTensor::from(Tensor::<2>::ones([100, 100], &Device::flex()));
        let layer = set_mode(Box::new(Dropout::new(p)), mode);
        let y = layer.forward_any(x, &mut Trace::off());
        y.into_flat().into_data().try_to_vec().unwrap()
    }

    #[test]
    fn what_is_left_makes_up_for_what_is_dropped() {
        let y = run(0.25, Mode::Train);
        assert!(y.iter().all(|y| *y == 0.0 || (y - 4.0 / 3.0).abs() < 1e-6));
        let kept = y.iter().filter(|y| **y > 0.0).count();
        assert!((7_200..7_800).contains(&kept), "{kept} of 10000");
    }

    #[test]
    fn evaluation_and_a_probability_of_zero_drop_nothing() {
        assert!(run(0.25, Mode::Eval).iter().all(|y| *y == 1.0));
        assert!(run(0.0, Mode::Train).iter().all(|y| *y == 1.0));
    }

    #[test]
    fn channels_are_dropped_as_a_whole() {
        let x = AnyTensor::from(Tensor::<4>::ones([50, 40, 3, 2], &Device::flex()));
        let run = |p, mode| -> Vec<f32> {
            let layer = set_mode(Box::new(Dropout2d::new(p)), mode);
            let y = layer.forward_any(x.clone(), &mut Trace::off());
            y.into_flat().into_data().try_to_vec().unwrap()
        };
        let y = run(0.25, Mode::Train);
        let maps = y.chunks_exact(6);
        assert!(maps.clone().all(|map| map.iter().all(|y| *y == map[0])));
        let kept = maps.filter(|map| map[0] > 0.0).count();
        assert!((1_400..1_600).contains(&kept), "{kept} of 2000");
        assert!(y.iter().all(|y| *y == 0.0 || (y - 4.0 / 3.0).abs() < 1e-6));
        assert!([run(0.25, Mode::Eval), run(0.0, Mode::Train)].concat().iter().all(|y| *y == 1.0));
    }

    #[test]
    #[should_panic(expected = "a probability below 1 of being dropped, not 1.5")]
    fn a_probability_is_one() {
        let _layer = Dropout::new(1.5);
    }
}
