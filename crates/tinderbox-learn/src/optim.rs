//! The optimizer: how a gradient becomes a step.

mod gradients;
mod rule;

pub use gradients::Gradients;
pub use rule::Rule;

use std::{iter::Peekable, mem};

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::Tensor,
};
use serde::{Deserialize, Serialize};
use tinderbox_model::{
    Layer,
    groups::{Kind, group_of, parameters},
};
use tinderbox_ops::optim::{self, Update, Updated};

/// How much parameters decay, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Decay {
    /// Decoupled: `p *= 1 - decay * lr` before the step, rather than `grad += decay * p`.
    ///
    /// Loshchilov and Hutter, [Decoupled weight decay](https://arxiv.org/abs/1711.05101), 2019.
    pub true_wd: bool,
    /// Whether the parameters of norms and the biases decay too.
    pub bn_wd: bool,
}

impl Default for Decay {
    /// fastai's: decoupled, and everything decays.
    fn default() -> Self {
        Self { true_wd: true, bn_wd: true }
    }
}

/// An update rule with what it remembers of the parameters that it moves.
///
/// It takes part of a model those parameters that were trainable when it was made. A change of
/// what is trainable needs a new one.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: Rule,
    decay: Decay,
    /// The learning rate of each parameter group.
    pub lrs: Vec<f64>,
    /// The weight decay of each parameter group.
    pub weight_decays: Vec<f64>,
    /// Adam's beta1, the momentum of the others.
    pub momentum: f64,
    steps: u64,
    slots: Vec<Slot>,
}

/// A parameter that the optimizer moves.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) path: String,
    /// Where it comes in the model's order.
    at: usize,
    group: usize,
    /// A norm's parameter or a bias: decays only with `bn_wd`.
    norm_or_bias: bool,
    /// What the rule remembers, each as long as the parameter; nothing before the first step.
    pub(crate) memory: Vec<Tensor<1>>,
}

/// Parameters that are treated alike; a group of the model's makes two of these.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamGroup {
    /// Their paths in the model.
    pub paths: Vec<String>,
    /// Their learning rate.
    pub lr: f64,
    /// What is added to the gradient: nothing where the decay is decoupled.
    pub l2: f64,
}

impl Optimizer {
    /// For the trainable parameters of `model`, whose groups begin where `starts` says.
    ///
    /// The rates are zero until they are set.
    pub fn new(model: &dyn Layer, starts: &[String], rule: Rule, decay: Decay) -> Self {
        let groups = starts.len().max(1);
        Self {
            decay,
            lrs: vec![0.0; groups],
            weight_decays: vec![0.0; groups],
            momentum: rule.momentum(),
            rule,
            steps: 0,
            slots: slots(model, starts),
        }
    }

    /// Sets the rates of all groups.
    ///
    /// # Panics
    /// If there is not one for each group.
    pub fn set_lrs(&mut self, lrs: &[f64]) {
        assert_eq!(lrs.len(), self.lrs.len(), "one learning rate for each parameter group");
        self.lrs.copy_from_slice(lrs);
    }

    /// How many steps it has made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The rule it was made with.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// How its parameters decay.
    pub fn decay(&self) -> Decay {
        self.decay
    }

    /// The groups as the reference counts them: for each of the model's, what decays always, then
    /// norms and biases.
    pub fn param_groups(&self) -> Vec<ParamGroup> {
        let groups = (0..self.lrs.len()).flat_map(|group| [(group, false), (group, true)]);
        groups
            .map(|(group, norm_or_bias)| {
                let slots = self.slots.iter();
                let slots = slots.filter(|s| s.group == group && s.norm_or_bias == norm_or_bias);
                let decays = !self.decay.true_wd && (!norm_or_bias || self.decay.bn_wd);
                ParamGroup {
                    paths: slots.map(|slot| slot.path.clone()).collect(),
                    lr: self.lrs[group],
                    l2: if decays { self.weight_decays[group] } else { 0.0 },
                }
            })
            .collect()
    }

    /// Moves the parameters that have a gradient, and uses the gradients up.
    ///
    /// The model comes by value so that nobody else holds its tensors, and they can be updated in
    /// place.
    pub fn step(&mut self, model: Box<dyn Layer>, gradients: &mut Gradients) -> Box<dyn Layer> {
        self.steps += 1;
        let mut take = Take { slots: &self.slots, gradients, at: 0, next: 0, taken: Vec::new() };
        let model = model.map(&mut take);
        let (places, parameters): (Vec<_>, Vec<_>) = take
            .taken
            .into_iter()
            .map(|Taken { slot, shape, value, gradient }| {
                let step = self.rule_for(&self.slots[slot]);
                let memory = mem::take(&mut self.slots[slot].memory);
                ((slot, shape), Update { value, gradient, memory, step })
            })
            .unzip();
        let updated = places.into_iter().zip(optim::update(parameters));
        let moved = updated.map(|((slot, shape), Updated { value, memory })| {
            let slot = &mut self.slots[slot];
            slot.memory = memory;
            Moved { at: slot.at, shape, value }
        });
        model.map(&mut Put { moved: moved.peekable(), at: 0 })
    }

    /// The step that a parameter makes.
    fn rule_for(&self, slot: &Slot) -> optim::Step {
        let decays = !slot.norm_or_bias || self.decay.bn_wd;
        let weight_decay = if decays { self.weight_decays[slot.group] } else { 0.0 };
        let decay = match (weight_decay == 0.0, self.decay.true_wd) {
            (true, _) => optim::Decay::None,
            (false, true) => optim::Decay::Decoupled(weight_decay),
            (false, false) => optim::Decay::Penalty(weight_decay),
        };
        self.rule.step(self.lrs[slot.group], self.momentum, decay, self.steps)
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Goes on from a saved state: how many steps were made, and what each slot remembered.
    pub(crate) fn restore(&mut self, steps: u64, memory: Vec<Vec<Tensor<1>>>) {
        self.steps = steps;
        for (slot, memory) in self.slots.iter_mut().zip(memory) {
            slot.memory = memory;
        }
    }
}

/// Takes out of the model the values that have a gradient, and leaves empty tensors in their
/// place.
struct Take<'a> {
    slots: &'a [Slot],
    gradients: &'a mut Gradients,
    /// The parameter that comes next, and the next slot.
    at: usize,
    next: usize,
    taken: Vec<Taken>,
}

struct Taken {
    slot: usize,
    shape: Vec<usize>,
    value: Tensor<1>,
    gradient: Tensor<1>,
}

impl ModuleMapper for Take<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (at, slot) = (self.at, self.next);
        self.at += 1;
        if self.slots.get(slot).is_none_or(|slot| slot.at != at) {
            return param;
        }
        self.next += 1;
        let Some(gradient) = self.gradients.take(at) else { return param };
        let (id, value, mapper) = param.consume();
        let shape = value.dims().to_vec();
        let empty = Tensor::empty([0; D], &value.device());
        let value = value.inner().reshape([-1]);
        self.taken.push(Taken { slot, shape, value, gradient });
        Param::from_mapped_value(id, empty, mapper)
    }
}

/// Puts the moved values where they belong.
struct Put<I: Iterator<Item = Moved>> {
    moved: Peekable<I>,
    at: usize,
}

struct Moved {
    at: usize,
    shape: Vec<usize>,
    value: Tensor<1>,
}

impl<I: Iterator<Item = Moved>> ModuleMapper for Put<I> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let at = self.at;
        self.at += 1;
        let Some(moved) = self.moved.next_if(|moved| moved.at == at) else { return param };
        let (id, _, mapper) = param.consume();
        let shape: [usize; D] = moved.shape.try_into().expect("taken from a tensor of this rank");
        let value = Tensor::from_inner(moved.value.reshape(shape)).require_grad();
        Param::from_mapped_value(id, value, mapper)
    }
}

/// The trainable parameters of `model`.
fn slots(model: &dyn Layer, starts: &[String]) -> Vec<Slot> {
    let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
    let parameters = parameters(model);
    let groups = group_of(&parameters, &starts);
    let parameters = parameters.into_iter().zip(groups).enumerate();
    parameters
        .filter(|(_, (parameter, _))| parameter.trainable)
        .map(|(at, (parameter, group))| Slot {
            path: parameter.path,
            at,
            group,
            norm_or_bias: matches!(parameter.kind, Kind::Norm | Kind::Bias),
            memory: Vec::new(),
        })
        .collect()
}
