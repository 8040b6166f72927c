//! fastai's `GANLearner`.

use tinderbox_data::DataBunch;
use tinderbox_model::Layer;

use super::{ADAM, AdversarialLoss, GanStep, RealOrFake, Switch, Wasserstein};
use crate::{Learner, Network, loss::NoopLoss, optim::Rule};

/// Makes a [`Learner`] of a generator and its critic.
///
/// Both networks train by [Adam without momentum](ADAM) unless it is set otherwise. What a
/// generator has frozen stays frozen: [`Learner::unfreeze`] trains all of it.
///
/// # Example
/// The lesson's, of a generator and a critic that were trained before:
/// ```no_run
/// # use tinderbox_learn::{Learner, Result};
/// use tinderbox_learn::gan::{GanLearner, Switch};
///
/// # fn example(learn_gen: Learner, learn_crit: Learner) -> Result<()> {
/// let mut learn = GanLearner::from_learners(learn_gen, learn_crit)
///     .weights_gen(1.0, 50.0)
///     .switch(Switch::critic_below(0.65))
///     .critic_lr(5.0)
///     .weight_decay(1e-3)
///     .learner();
/// learn.fit(40, 1e-4)?;
/// # Ok(())
/// # }
/// ```
#[must_use = "`learner()` makes the learner"]
pub struct GanLearner {
    learner: Learner,
    step: GanStep,
}

impl GanLearner {
    /// A generator and a critic with these losses, at the settings of [`GanStep::new`].
    pub fn new(
        data: DataBunch,
        generator: impl Layer + 'static,
        critic: impl Layer + 'static,
        loss: impl AdversarialLoss + 'static,
    ) -> Self {
        let learner = Learner::new(data, generator, NoopLoss);
        Self::of(learner, Network::new(Box::new(critic)), loss)
    }

    /// The generator of one learner and the critic of another, with the losses that they were trained
    /// by: the critic's of zeros and ones, the generator's of image and target. Both weigh the same in
    /// the generator's loss until [`weights_gen`](Self::weights_gen) is called. Data, metrics and
    /// whatever else is the generator's.
    pub fn from_learners(generator: Learner, critic: Learner) -> Self {
        let Learner { network, loss, .. } = critic;
        Self::of(generator, network, RealOrFake::new(loss)).weights_gen(1.0, 1.0)
    }

    /// A Wasserstein GAN, whose critic is clipped to ±0.01.
    pub fn wgan(
        data: DataBunch,
        generator: impl Layer + 'static,
        critic: impl Layer + 'static,
    ) -> Self {
        Self::new(data, generator, critic, Wasserstein).clip(0.01)
    }

    fn of(learner: Learner, critic: Network, loss: impl AdversarialLoss + 'static) -> Self {
        Self { learner, step: GanStep::new(critic, loss) }.rule(ADAM)
    }

    /// The optimizer's rule of both networks.
    #[doc(alias = "opt_func")]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.learner.network.rule = rule;
        self.step.critic_mut().rule = rule;
        self
    }

    /// The weight decay of both networks.
    #[doc(alias = "wd")]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.learner.network.weight_decay = weight_decay;
        self.step.critic_mut().weight_decay = weight_decay;
        self
    }

    /// How much of the generator's loss is the critic's judgement, and how much the loss of image and
    /// target.
    pub fn weights_gen(mut self, adversarial: f64, own: f64) -> Self {
        self.step.weights = [adversarial, own];
        self
    }

    /// When the other network's turn comes.
    #[doc(alias = "switcher")]
    pub fn switch(mut self, switch: Switch) -> Self {
        self.step.switch = switch;
        self
    }

    /// Whether the generator's turn is the first.
    pub fn gen_first(mut self, gen_first: bool) -> Self {
        self.step.gen_first = gen_first;
        self
    }

    /// Whether the network that stands still is in evaluation mode.
    pub fn switch_eval(mut self, switch_eval: bool) -> Self {
        self.step.switch_eval = switch_eval;
        self
    }

    /// What the critic's parameters are kept within; nothing for `None`.
    pub fn clip(mut self, clip: impl Into<Option<f64>>) -> Self {
        self.step.clip = clip.into();
        self
    }

    /// How many times as fast as the generator the critic learns.
    #[doc(alias = "GANDiscriminativeLR")]
    pub fn critic_lr(mut self, times: f64) -> Self {
        self.step.critic_lr = times;
        self
    }

    /// How much the critic's gradients are drawn to a length of one: see
    /// [`GanStep::gradient_penalty`].
    pub fn gradient_penalty(mut self, weight: impl Into<Option<f64>>) -> Self {
        self.step.gradient_penalty = weight.into();
        self
    }

    /// The learner.
    pub fn learner(self) -> Learner {
        self.learner.train_step(self.step)
    }
}
