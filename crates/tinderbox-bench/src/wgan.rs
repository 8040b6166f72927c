//! A Wasserstein GAN on images: DCGAN's two networks.
//!
//! They differ from [`BasicGan`](tinderbox_model::arch::BasicGan)'s in the order of layers: the
//! batch norm comes before the activation, and convolutions have a bias.
//!
//! Arjovsky et al., [Wasserstein GAN](https://arxiv.org/abs/1701.07875), 2017.

use burn::tensor::{Device, Distribution, Tensor};
use tinderbox_learn::optim::Rule;
use tinderbox_model::{
    Sequential,
    groups::{clip, freeze_to, unfreeze},
    layer::{BatchNorm2d, Conv2dConfig, ConvTranspose2d, Flatten, LeakyReLU, ReLU, Tanh},
};

use crate::{Step, trainee::Trainee};

/// Channels of the maps of half the size.
const FEATURES: usize = 64;
/// Numbers that an image is made of.
const NOISE: usize = 100;
/// The critic's parameters stay within ± this.
const CLIP: f64 = 0.01;

/// One update of the critic, whose parameters are clipped then, and one of the generator.
pub(crate) fn step(batch: usize, size: usize, device: &Device) -> Step {
    let mut gan = Wgan::new(batch, size, device);
    Box::new(move || gan.step())
}

struct Wgan {
    generator: Trainee,
    critic: Trainee,
    real: Tensor<4>,
}

impl Wgan {
    fn new(batch: usize, size: usize, device: &Device) -> Self {
        Self {
            generator: Trainee::new(generator(size, device), Rule::RMS_PROP, 2e-4),
            critic: Trainee::new(critic(size, device), Rule::RMS_PROP, 2e-4),
            real: normal([batch, 3, size, size], device),
        }
    }

    fn step(&mut self) {
        let fake = self.fake().detach();
        let loss = score(&self.critic, self.real.clone()) - score(&self.critic, fake);
        self.critic.learn_from(&loss);
        self.critic.change(|critic| clip(critic, CLIP));

        // Its parameters need no gradients while the other network learns.
        self.critic.change(|critic| freeze_to(critic, &[""], 1, false));
        let loss = score(&self.critic, self.fake());
        self.generator.learn_from(&loss);
        self.critic.change(unfreeze);
    }

    fn fake(&self) -> Tensor<4> {
        let noise = normal([self.real.dims()[0], NOISE, 1, 1], &self.real.device());
        self.generator.forward(noise).expect_for("generator")
    }
}

fn normal(shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

fn score(critic: &Trainee, pictures: Tensor<4>) -> Tensor<1> {
    critic.forward(pictures).expect_for::<Tensor<2>>("critic").mean()
}

/// `[batch, 3, size, size]` → `[batch, 1]`
fn critic(size: usize, device: &Device) -> Sequential {
    let conv = |channels, kernel, stride| {
        Conv2dConfig::new(channels, kernel).stride(stride).padding(1).init(device)
    };
    let leaky = || LeakyReLU { slope: 0.2 };
    let layers = Sequential::new()
        .push(conv([3, FEATURES], 4, 2))
        .push(leaky())
        .push(conv([FEATURES, FEATURES], 3, 1))
        .push(BatchNorm2d::new(FEATURES, device))
        .push(leaky());
    let mut channels = FEATURES;
    let layers = (0..doublings(size)).fold(layers, |layers, _| {
        channels *= 2;
        layers
            .push(conv([channels / 2, channels], 4, 2))
            .push(BatchNorm2d::new(channels, device))
            .push(leaky())
    });
    layers.push(Conv2dConfig::new([channels, 1], 4).init(device)).push(Flatten::default())
}

/// `[batch, NOISE, 1, 1]` → `[batch, 3, size, size]`
fn generator(size: usize, device: &Device) -> Sequential {
    let transposed = |channels, stride, padding| {
        let config = Conv2dConfig::new(channels, 4).stride(stride).padding(padding);
        ConvTranspose2d::new(config, device)
    };
    let norm = |channels| BatchNorm2d::new(channels, device);
    let mut channels = FEATURES << doublings(size);
    let layers =
        Sequential::new().push(transposed([NOISE, channels], 1, 0)).push(norm(channels)).push(ReLU);
    let layers = (0..doublings(size)).fold(layers, |layers, _| {
        channels /= 2;
        layers.push(transposed([2 * channels, channels], 2, 1)).push(norm(channels)).push(ReLU)
    });
    let same = Conv2dConfig::new([channels, channels], 3).padding(1).init(device);
    layers
        .push(same)
        .push(norm(channels))
        .push(ReLU)
        .push(transposed([channels, 3], 2, 1))
        .push(Tanh)
}

/// From a map of 4×4 to one of half the size.
fn doublings(size: usize) -> usize {
    (size / 8).ilog2() as usize
}

#[cfg(test)]
mod tests {
    use tinderbox_model::{Forward, groups::parameters, weights::state_dict};

    use super::*;

    #[test]
    fn pictures_come_out_and_scores() {
        let device = Device::flex();
        let noise = Tensor::<4>::zeros([2, NOISE, 1, 1], &device);
        let fake = generator(16, &device).forward(noise.into());
        assert_eq!(fake.dims(), [2, 3, 16, 16]);
        assert_eq!(critic(16, &device).forward(fake).dims(), [2, 1]);
    }

    /// Also the second, after the critic was frozen.
    #[test]
    fn every_step_moves_both() {
        let mut gan = Wgan::new(2, 16, &Device::flex().autodiff());
        let weights = |gan: &Wgan| {
            [&gan.generator, &gan.critic]
                .map(|net| state_dict(net.model()).get("0.weight").unwrap().values.clone())
        };
        let mut before = weights(&gan);
        for _ in 0..2 {
            gan.step();
            let after = weights(&gan);
            assert!(before[0] != after[0] && before[1] != after[1]);
            assert!(after[1].iter().all(|value| value.abs() <= CLIP as f32));
            before = after;
        }
    }

    /// The running variances start at 1 and stay there.
    #[test]
    fn all_that_is_learned_is_clipped() {
        let critic = clip(Box::new(critic(16, &Device::flex().autodiff())), CLIP);
        let state = state_dict(&*critic);
        for parameter in parameters(&*critic) {
            let values = &state.get(&parameter.path).unwrap().values;
            let largest = values.iter().fold(0f32, |max, value| max.max(value.abs()));
            let within = largest <= CLIP as f32;
            assert_eq!(within, !parameter.path.ends_with("running_var"), "{}", parameter.path);
            assert_eq!(parameter.trainable, !parameter.path.contains("running"));
        }
    }
}
