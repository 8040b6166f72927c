//! Parameter groups: which parameters learn, and how fast.

use burn::{
    module::{Module, ModuleVisitor, Param, ParamGroup, ParamId},
    optim::lr_scheduler::{
        constant::ConstantLr,
        module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler},
    },
    tensor::Tensor,
};

/// Splits a model's parameters where their paths start: `["encoder.conv1", "encoder.layer3", "head"]`
/// makes three groups, each up to the next. Taken afresh from the model each time: loading weights
/// replaces the ids.
pub fn split_at<M: Module>(model: &M, starts: &[&str]) -> Vec<Vec<Parameter>> {
    let mut groups: Vec<Vec<Parameter>> = starts.iter().map(|_| Vec::new()).collect();
    let mut group = 0;
    for parameter in parameters(model) {
        if let Some(next) = starts.iter().position(|start| under(&parameter.path, start)) {
            group = group.max(next);
        }
        groups[group].push(parameter);
    }
    groups
}

fn under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
}

#[derive(Debug, Clone)]
pub struct Parameter {
    pub id: ParamId,
    pub path: String,
    /// Belongs to a batch norm: trained even in a frozen group.
    pub batch_norm: bool,
}

/// A rate for each group.
pub fn learning_rates(groups: &[Vec<Parameter>], rates: &[f64]) -> ModuleLearningRate {
    let base = ModuleLrScheduler::new(ConstantLr::from(rates[0]));
    groups
        .iter()
        .zip(rates)
        .fold(base, |policy, (group, &rate)| policy.with_group(ids(group), ConstantLr::from(rate)))
        .step()
}

/// Trains the groups from `first` on, and every batch norm.
pub fn freeze_to<M: Module>(model: M, starts: &[&str], first: usize) -> M {
    let frozen: Vec<Parameter> = split_at(&model, starts)
        .into_iter()
        .take(first)
        .flatten()
        .filter(|p| !p.batch_norm)
        .collect();
    model.unfreeze().freeze_group(ids(&frozen))
}

fn ids(parameters: &[Parameter]) -> ParamGroup {
    ParamGroup::from_ids(parameters.iter().map(|p| p.id).collect())
}

fn parameters<M: Module>(model: &M) -> Vec<Parameter> {
    #[derive(Default)]
    struct Collect {
        path: Vec<String>,
        containers: Vec<String>,
        found: Vec<Parameter>,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.push(name.to_owned());
            self.containers.push(container.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
            self.containers.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.found.push(Parameter {
                id: param.id,
                path: self.path.join("."),
                batch_norm: self.containers.last().is_some_and(|c| c == "Struct:BatchNorm"),
            });
        }
    }
    let mut visitor = Collect::default();
    model.visit(&mut visitor);
    visitor.found
}

