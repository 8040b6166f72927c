//! The training step of two networks.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tinderbox_model::{AnyTensor, Layer, Mode, groups};

use super::{AdversarialLoss, Switch, Turn, penalty};
use crate::{Error, Network, Result, Stage, TrainStep, fit::forward, schedule::Smoothed};

/// A batch trains the critic or the generator, which is the learner's own network; the other stands
/// still: without gradients for its parameters, and in evaluation mode with
/// [`switch_eval`](Self::switch_eval).
///
/// An input is what the generator makes an image of, a target a real image.
///
/// | | critic's turn | generator's turn |
/// |--|--|--|
/// | passes | critic(target), generator(input), critic(generated) | generator(input), critic(generated) |
/// | loss | [`AdversarialLoss::critic`] | [`AdversarialLoss::generator`] and the learner's own loss, by their [weights](Self::weights) |
/// | learning rate | the learner's, times [`critic_lr`](Self::critic_lr) | the learner's |
///
/// Each network has an optimizer of its own, which remembers across turns and fits. The critic's
/// settings are those of its [`Network`]. Validation is in the turn in which the epoch ended, with both
/// networks in evaluation mode.
#[doc(alias = "GANTrainer")]
pub struct GanStep {
    critic: Network,
    loss: Box<dyn AdversarialLoss>,
    /// How much of the generator's loss is the critic's judgement, and how much the learner's own loss
    /// of image and target. `[1.0, 0.0]` unless it is set; the lesson's for restored images is
    /// `[1.0, 50.0]`.
    pub weights: [f64; 2],
    /// When the other network's turn comes.
    pub switch: Switch,
    /// Whether a fit begins with the generator's turn; with the critic's unless it is set.
    pub gen_first: bool,
    /// Whether the network that stands still is in evaluation mode, so that dropout and all running
    /// statistics stand still, too. It is unless it is unset.
    pub switch_eval: bool,
    /// What all parameters of the critic are kept within, plus or minus, before each batch.
    pub clip: Option<f64>,
    /// How many times as fast as the generator the critic learns: fastai's `GANDiscriminativeLR`. 1
    /// unless it is set.
    #[doc(alias = "GANDiscriminativeLR")]
    pub critic_lr: f64,
    /// How much the critic's gradients between real and generated images are drawn to a length of
    /// one; 10 is usual. The critic is in evaluation mode for it, so it is for critics without batch
    /// norm.
    ///
    /// Gulrajani et al., [Improved Training of Wasserstein GANs](https://arxiv.org/abs/1704.00028),
    /// 2017.
    pub gradient_penalty: Option<f64>,
    progress: Progress,
    /// The critic as validation sees it, until it learns on.
    valid_critic: Option<Box<dyn Layer>>,
}

/// What is in checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Progress {
    turn: Turn,
    /// Batches of the turn.
    count: usize,
    generator_loss: Smoothed,
    critic_loss: Smoothed,
}

impl Progress {
    fn new(turn: Turn) -> Self {
        let smoothed = Smoothed::default;
        Self { turn, count: 0, generator_loss: smoothed(), critic_loss: smoothed() }
    }

    fn loss_of(&mut self, turn: Turn) -> &mut Smoothed {
        match turn {
            Turn::Critic => &mut self.critic_loss,
            Turn::Generator => &mut self.generator_loss,
        }
    }
}

const NAME: &str = "gan";

impl GanStep {
    /// At fastai's defaults. The critic takes images, `[batch, channels, height, width]`, and gives
    /// scores of any shape.
    pub fn new(critic: Network, loss: impl AdversarialLoss + 'static) -> Self {
        Self {
            critic,
            loss: Box::new(loss),
            weights: [1.0, 0.0],
            switch: Switch::default(),
            gen_first: false,
            switch_eval: true,
            clip: None,
            critic_lr: 1.0,
            gradient_penalty: None,
            progress: Progress::new(Turn::Critic),
            valid_critic: None,
        }
    }

    /// Whose turn the next batch is.
    pub fn turn(&self) -> Turn {
        self.progress.turn
    }

    /// The critic.
    pub fn critic(&self) -> &Network {
        &self.critic
    }

    /// The critic, whose optimizer is set here.
    pub fn critic_mut(&mut self) -> &mut Network {
        &mut self.critic
    }

    /// The mode of the network that stands still, where it is not that of training.
    fn still(&self) -> Option<Mode> {
        self.switch_eval.then_some(Mode::Eval)
    }

    fn train_critic(&mut self, stage: &mut Stage<'_>) -> Result<()> {
        let (input, target) = (stage.input(), stage.target());
        let real = self.critic.forward(target.clone())?;
        let fake = stage.network_mut().held(self.still(), |model| forward(model, input))?;
        let scores = self.critic.forward(fake.clone())?;
        stage.set_output(real.clone());
        stage.loss_begin()?;
        let mut loss = self.loss.critic(real, scores);
        if let Some(weight) = self.gradient_penalty {
            loss = loss + penalty::gradient_penalty(&mut self.critic, target, fake)? * weight;
        }
        stage.set_loss(loss);
        stage.backward_begin()?;
        stage.backward_of(&mut self.critic)?;
        stage.backward_end()?;
        let lrs = vec![stage.state().lr() * self.critic_lr; self.critic.n_groups()];
        self.critic.optimizer_mut().expect("a fit is running").set_lrs(&lrs);
        stage.step_of(&mut self.critic);
        stage.step_end()
    }

    fn train_generator(&mut self, stage: &mut Stage<'_>) -> Result<()> {
        stage.forward()?;
        stage.loss_begin()?;
        let fake = stage.output();
        let still = self.still();
        let scores = self.critic.held(still, |model| forward(model, fake))?;
        let loss = self.generator_loss(stage, scores)?;
        stage.set_loss(loss);
        stage.backward_begin()?;
        stage.backward()?;
        stage.backward_end()?;
        stage.step();
        stage.step_end()
    }

    /// Of an output that the critic gave `scores`.
    fn generator_loss(&self, stage: &Stage<'_>, scores: AnyTensor) -> Result<Tensor<1>> {
        let [adversarial, own] = self.weights;
        let loss = self.loss.generator(scores) * adversarial;
        match own == 0.0 {
            true => Ok(loss),
            false => Ok(loss + stage.loss_of(stage.output(), stage.target())? * own),
        }
    }
}

impl TrainStep for GanStep {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit_begin(&mut self) {
        let first = if self.gen_first { Turn::Generator } else { Turn::Critic };
        self.progress = Progress::new(first);
    }

    fn train(&mut self, stage: &mut Stage<'_>) -> Result<()> {
        self.valid_critic = None;
        if let Some(bound) = self.clip {
            self.critic.change_model(|critic| groups::clip(critic, bound));
        }
        let turn = self.progress.turn;
        stage.set_learning(turn.network());
        match turn {
            Turn::Critic => self.train_critic(stage)?,
            Turn::Generator => self.train_generator(stage)?,
        }
        let loss = stage.state().last_loss.expect("set in this batch");
        self.progress.loss_of(turn).add(loss);
        self.progress.count += 1;
        if self.switch.ends(turn, self.progress.count, loss) {
            (self.progress.turn, self.progress.count) = (turn.other(), 0);
        }
        Ok(())
    }

    fn valid_loss(&mut self, stage: &mut Stage<'_>) -> Result<()> {
        let critic = self.valid_critic.get_or_insert_with(|| self.critic.eval_model());
        let fake = forward(&**critic, stage.output())?;
        let turn = self.progress.turn;
        stage.set_learning(turn.network());
        let loss = match turn {
            Turn::Critic => {
                let real = forward(&**critic, stage.target())?;
                self.loss.critic(real, fake)
            }
            Turn::Generator => self.generator_loss(stage, fake)?,
        };
        stage.set_loss(loss);
        Ok(())
    }

    fn columns(&self) -> Vec<&'static str> {
        vec!["gen_loss", "critic_loss"]
    }

    fn values(&self) -> Vec<f64> {
        let Progress { generator_loss, critic_loss, .. } = &self.progress;
        [generator_loss, critic_loss].map(|loss| loss.value().unwrap_or(f64::NAN)).into()
    }

    fn others(&mut self) -> Vec<(&'static str, &mut Network)> {
        vec![(Turn::Critic.network(), &mut self.critic)]
    }

    fn save_state(&self) -> Value {
        serde_json::to_value(&self.progress).expect("it is plain data")
    }

    fn load_state(&mut self, saved: &Value) -> Result<()> {
        self.progress = Progress::deserialize(saved)
            .map_err(|source| Error::StepState { step: NAME, source })?;
        Ok(())
    }
}
