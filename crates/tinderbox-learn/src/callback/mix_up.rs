//! Images that are mixed in training.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};
use tinderbox_model::AnyTensor;

use crate::{
    Error, Result,
    callback::{Answer, Callback, Change, Changes, State},
    loss::mix_up,
};

/// Mixes each image of a training batch with another of it, and its class too. The loss must be a
/// [`MixUpLoss`](crate::loss::MixUpLoss); [`Learner::mixup`](crate::Learner::mixup) sees to both.
///
/// What is mixed follows from the seed and the step, so that a fit that was stopped goes on to the
/// same bits.
///
/// # Reference
/// Zhang et al., [mixup](https://arxiv.org/abs/1710.09412), 2018.
#[derive(Debug, Clone, Copy)]
#[doc(alias = "MixUpCallback")]
pub struct MixUp {
    shares: Beta<f32>,
    seed: u64,
}

impl MixUp {
    /// With shares of a beta distribution with both parameters `alpha`: below 1, most images are
    /// nearly themselves.
    ///
    /// # Errors
    /// [`Error::Setting`] for an `alpha` that is not above 0.
    pub fn new(alpha: f32, seed: u64) -> Result<Self> {
        let shares = Beta::new(alpha, alpha).map_err(|_| Error::Setting {
            setting: "alpha",
            found: alpha.to_string(),
            expected: "a number above zero",
        })?;
        Ok(Self { shares, seed })
    }
}

impl Callback for MixUp {
    fn name(&self) -> &'static str {
        "mix_up"
    }

    fn in_lr_find(&self) -> bool {
        true
    }

    fn batch_begin(&mut self, state: &State) -> Answer {
        let (Some(true), Some(AnyTensor::Float4(x)), Some(AnyTensor::Int1(y))) =
            (state.training, &state.input, &state.target)
        else {
            return Ok(Changes::none());
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(state.iteration as u64);
        let n = y.dims()[0];
        let share = |rng: &mut ChaCha8Rng| {
            let share = self.shares.sample(rng);
            share.max(1.0 - share)
        };
        let shares: Vec<f32> = (0..n).map(|_| share(&mut rng)).collect();
        let mut partners: Vec<usize> = (0..n).collect();
        partners.shuffle(&mut rng);
        let (x, target) = mix_up(x.clone(), y.clone(), &shares, &partners);
        Ok([Change::Input(x.into()), Change::Target(target.into())].into())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;

    fn mixed(training: bool, iteration: usize) -> Vec<Change> {
        let device = Device::flex();
        let x = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0], &device).reshape([4, 1, 1, 1]);
        let y = Tensor::<1, Int>::from_ints([0, 1, 2, 3], &device);
        let state = State {
            training: Some(training),
            iteration,
            input: Some(AnyTensor::Float4(x)),
            target: Some(y.into()),
            ..State::default()
        };
        MixUp::new(0.4, 7).unwrap().batch_begin(&state).unwrap().into_iter().collect()
    }

    #[test]
    fn a_picture_is_mixed_as_its_target_says() {
        let changes = mixed(true, 3);
        let [Change::Input(AnyTensor::Float4(x)), Change::Target(AnyTensor::Float2(y))] =
            &changes[..]
        else {
            panic!("{changes:?}")
        };
        let x: Vec<f32> = x.clone().into_data().try_to_vec().unwrap();
        let y: Vec<f32> = y.clone().into_data().try_to_vec().unwrap();
        for (x, y) in x.iter().zip(y.as_chunks::<3>().0) {
            let [own, other, share] = *y;
            assert!((0.5..=1.0).contains(&share));
            assert!((x - (own * share + other * (1.0 - share))).abs() < 1e-6);
        }
        assert!(mixed(false, 3).is_empty(), "validation sees pictures as they are");
    }

    #[test]
    fn the_step_says_how_it_is_mixed() {
        let target = |iteration| format!("{:?}", values(&mixed(true, iteration)));
        assert_eq!(target(3), target(3));
        assert_ne!(target(3), target(4));
    }

    fn values(changes: &[Change]) -> Vec<f32> {
        let Change::Target(AnyTensor::Float2(y)) = &changes[1] else { panic!("{changes:?}") };
        y.clone().into_data().try_to_vec().unwrap()
    }

    #[test]
    fn an_alpha_of_nothing_is_refused() {
        let error = MixUp::new(0.0, 1).unwrap_err();
        assert!(matches!(error, Error::Setting { setting: "alpha", .. }), "{error}");
    }
}
