//! Whose turn it is.

use serde::{Deserialize, Serialize};

/// Which network learns from a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    Critic,
    Generator,
}

impl Turn {
    /// The other network's.
    pub fn other(self) -> Self {
        match self {
            Self::Critic => Self::Generator,
            Self::Generator => Self::Critic,
        }
    }

    /// What messages call the network.
    pub(super) fn network(self) -> &'static str {
        match self {
            Self::Critic => "critic",
            Self::Generator => "generator",
        }
    }
}

/// When, at the end of a training batch, the other network's turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// After so many batches of the critic, and so many of the generator.
    #[doc(alias = "FixedGANSwitcher")]
    Fixed { critic: usize, generator: usize },
    /// After a batch whose loss is below the network's bound; after each batch where there is none.
    /// It is the batch's own loss, not the smoothed one.
    #[doc(alias = "AdaptiveGANSwitcher")]
    Adaptive { critic: Option<f64>, generator: Option<f64> },
}

impl Default for Switch {
    /// fastai's for a learner: five batches of the critic, then one of the generator.
    fn default() -> Self {
        Self::Fixed { critic: 5, generator: 1 }
    }
}

impl Switch {
    /// The critic learns until its loss is below `loss`, then the generator from one batch. The
    /// lesson's is 0.65: a little better than a guess.
    pub fn critic_below(loss: f64) -> Self {
        Self::Adaptive { critic: Some(loss), generator: None }
    }

    /// Whether the turn ends with a batch, the `count`-th of it, whose loss was `loss`.
    pub(super) fn ends(self, turn: Turn, count: usize, loss: f64) -> bool {
        match (self, turn) {
            (Self::Fixed { critic: batches, .. }, Turn::Critic)
            | (Self::Fixed { generator: batches, .. }, Turn::Generator) => count >= batches,
            (Self::Adaptive { critic: bound, .. }, Turn::Critic)
            | (Self::Adaptive { generator: bound, .. }, Turn::Generator) => {
                bound.is_none_or(|bound| loss < bound)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose turns follow from the losses, beginning with the critic's.
    fn turns(switch: Switch, losses: &[f64]) -> String {
        let (mut turn, mut count, mut turns) = (Turn::Critic, 0, String::new());
        for loss in losses {
            turns.push(if turn == Turn::Critic { 'c' } else { 'g' });
            count += 1;
            if switch.ends(turn, count, *loss) {
                (turn, count) = (turn.other(), 0);
            }
        }
        turns
    }

    #[test]
    fn a_fixed_switch_counts_batches() {
        assert_eq!(turns(Switch::default(), &[0.0; 13]), "cccccgcccccgc");
        assert_eq!(turns(Switch::Fixed { critic: 1, generator: 2 }, &[0.0; 7]), "cggcggc");
    }

    #[test]
    fn an_adaptive_switch_looks_at_the_loss() {
        let losses = [0.7, 0.64, 50.0, 0.65, 0.6, 0.1, 0.1];
        assert_eq!(turns(Switch::critic_below(0.65), &losses), "ccgccgc");
        let both = Switch::Adaptive { critic: None, generator: Some(1.0) };
        assert_eq!(turns(both, &[9.0, 3.0, 2.0, 0.5, 9.0]), "cgggc");
        // What is NaN is below nothing.
        assert_eq!(turns(Switch::critic_below(0.65), &[f64::NAN, 0.1, 1.0]), "ccg");
    }
}
