//! Finding norms whose parameters are frozen.

use burn::{
    module::{Flag, Module, ModuleMapper, ModuleVisitor, Param},
    tensor::Tensor,
};
use tinderbox_model::Layer;

/// Puts the norms whose parameters are frozen into evaluation mode.
pub(crate) fn freeze_norms(model: Box<dyn Layer>) -> Box<dyn Layer> {
    let mut find = Find::default();
    model.visit(&mut find);
    let frozen = find.frozen();
    model.map(&mut TurnOff { frozen, path: Vec::new() })
}

/// The paths of norms, each with whether one of its parameters is trainable.
#[derive(Default)]
struct Find {
    path: Vec<String>,
    inside: Vec<String>,
    norms: Vec<(String, bool)>,
}

impl Find {
    fn frozen(self) -> Vec<String> {
        self.norms.into_iter().filter(|(_, trainable)| !trainable).map(|(path, _)| path).collect()
    }
}

impl ModuleVisitor for Find {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(name.to_owned());
        self.inside.push(container.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
        self.inside.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.inside.last().is_some_and(|inside| inside.contains("Norm")) {
            return;
        }
        let norm = self.path[..self.path.len() - 1].join(".");
        let trainable = param.is_require_grad();
        match self.norms.last_mut().filter(|(path, _)| *path == norm) {
            Some((_, any)) => *any |= trainable,
            None => self.norms.push((norm, trainable)),
        }
    }
}

/// Turns off the flags of the modules at some paths.
struct TurnOff {
    frozen: Vec<String>,
    path: Vec<String>,
}

impl ModuleMapper for TurnOff {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        let owner = self.path[..self.path.len().saturating_sub(1)].join(".");
        match self.frozen.contains(&owner) {
            true => flag.with_value(false),
            false => flag,
        }
    }
}
