//! Parameter groups: which parameters learn.
//!
//! A group is named by where it starts in the order of the parameters. It is looked up in the model
//! when it is used, so loading weights changes nothing.

use burn::{
    module::{Flag, Module, ModuleMapper, ModuleVisitor, Param},
    tensor::Tensor,
};

use crate::{Layer, Mode};

/// What a number of a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Weight,
    /// Of a convolution or a linear layer.
    Bias,
    /// Of a batch norm or a layer norm: trained even in frozen groups, if fastai's `train_bn` is
    /// on.
    Norm,
    /// A running statistic: never trained.
    Buffer,
}

/// A parameter and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub path: String,
    pub kind: Kind,
    pub shape: Vec<usize>,
    pub trainable: bool,
}

/// All parameters and buffers, in the model's order.
pub fn parameters(model: &dyn Layer) -> Vec<Parameter> {
    let mut collect = Collect::default();
    model.visit_erased(&mut collect);
    collect.found
}

/// The paths of all parts of a model in its order: of layers, also those without parameters, and
/// of parameters.
pub fn parts(model: &dyn Layer) -> Vec<String> {
    let mut collect = Parts::default();
    model.visit_erased(&mut collect);
    collect.found
}

/// Whether `path` is `part`, or lies below it.
pub fn is_under(path: &str, part: &str) -> bool {
    part.is_empty()
        || path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The group of each parameter, counted from 0, when groups begin at the paths `starts`.
pub fn group_of(parameters: &[Parameter], starts: &[&str]) -> Vec<usize> {
    let mut group = 0;
    let next = |parameter: &Parameter| {
        if let Some(found) = starts.iter().position(|start| is_under(&parameter.path, start)) {
            group = group.max(found);
        }
        group
    };
    parameters.iter().map(next).collect()
}

/// Where groups begin, as paths that have parameters: a start without any, like a ReLU, is the next
/// parameter's. fastai's groups of a VGG begin so.
#[doc(alias = "split_model")]
pub fn with_parameters<S: AsRef<str>>(model: &dyn Layer, starts: &[S]) -> Vec<String> {
    let (parts, parameters) = (parts(model), parameters(model));
    let place = |path: &str| parts.iter().position(|part| part == path);
    let next = |start: &str| {
        if parameters.iter().any(|parameter| is_under(&parameter.path, start)) {
            return None;
        }
        let start = place(start)?;
        let next = parameters.iter().find(|p| place(&p.path).is_some_and(|at| at > start))?;
        Some(next.path.clone())
    };
    let starts = starts.iter().map(AsRef::as_ref);
    starts.map(|start| next(start).unwrap_or_else(|| start.to_owned())).collect()
}

/// Trains the groups from `first` on, and with `train_bn` every norm. Nobody's mode changes:
/// frozen batch norms go on following the batch.
pub fn freeze_to(
    model: Box<dyn Layer>,
    starts: &[&str],
    first: usize,
    train_bn: bool,
) -> Box<dyn Layer> {
    let parameters = parameters(&*model);
    let starts = with_parameters(&*model, starts);
    let starts: Vec<&str> = starts.iter().map(String::as_str).collect();
    let trainable =
        parameters.iter().zip(group_of(&parameters, &starts)).map(|(parameter, group)| {
            match parameter.kind {
                Kind::Buffer => false,
                Kind::Norm => train_bn || group >= first,
                Kind::Weight | Kind::Bias => group >= first,
            }
        });
    model.map(&mut SetTrainable { trainable: trainable.collect(), at: 0 })
}

/// Puts the norms whose parameters are frozen into evaluation mode: what fastai's `BnFreeze` does.
pub fn eval_frozen_norms(model: Box<dyn Layer>) -> Box<dyn Layer> {
    let mut norms: Vec<(String, bool)> = Vec::new();
    for parameter in parameters(&*model).into_iter().filter(|p| p.kind == Kind::Norm) {
        let norm = parent(&parameter.path);
        match norms.last_mut().filter(|(path, _)| path == norm) {
            Some((_, trainable)) => *trainable |= parameter.trainable,
            None => norms.push((norm.to_owned(), parameter.trainable)),
        }
    }
    let frozen = norms.into_iter().filter(|(_, trainable)| !trainable).map(|(path, _)| path);
    model.map(&mut TurnOff { frozen: frozen.collect(), path: Vec::new() })
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// Trains everything.
pub fn unfreeze(model: Box<dyn Layer>) -> Box<dyn Layer> {
    freeze_to(model, &[], 0, true)
}

/// Keeps what is trainable within plus or minus a bound, as the critic of a Wasserstein GAN.
pub fn clip(model: Box<dyn Layer>, bound: f64) -> Box<dyn Layer> {
    model.map(&mut Clip(bound))
}

struct Clip(f64);

impl ModuleMapper for Clip {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match param.is_require_grad() {
            true => param.map(|value| {
                Tensor::from_inner(value.inner().clamp(-self.0, self.0)).require_grad()
            }),
            false => param,
        }
    }
}

/// What a model is for as long as it is held: see [`hold`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Whether what is trainable keeps its gradients.
    pub gradients: bool,
    /// The mode of all layers; each one's own if there is none.
    pub mode: Option<Mode>,
}

/// Holds a model as `hold` says, as one that stands still while another learns from it. What it was is
/// kept for [`release`].
pub fn hold(model: Box<dyn Layer>, hold: Hold) -> (Box<dyn Layer>, Held) {
    let mut holding = Holding { hold, held: Held::default() };
    let model = model.map(&mut holding);
    (model, holding.held)
}

/// The model with the gradients and modes that it had before [`hold`]. Running statistics stay what
/// they became.
pub fn release(model: Box<dyn Layer>, held: Held) -> Box<dyn Layer> {
    let Held { trainable, flags } = held;
    model.map(&mut Release { trainable: trainable.into_iter(), flags: flags.into_iter() })
}

/// Which parameters required gradients and which layers were in training, before [`hold`].
#[derive(Debug, Clone, Default)]
pub struct Held {
    trainable: Vec<bool>,
    flags: Vec<bool>,
}

struct Holding {
    hold: Hold,
    held: Held,
}

impl ModuleMapper for Holding {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trainable = param.is_require_grad();
        self.held.trainable.push(trainable);
        match trainable && !self.hold.gradients {
            true => param.set_require_grad(false),
            false => param,
        }
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.held.flags.push(flag.val().is_enabled());
        match self.hold.mode {
            Some(mode) => flag.with_value(mode == Mode::Train),
            None => flag,
        }
    }
}

struct Release {
    trainable: std::vec::IntoIter<bool>,
    flags: std::vec::IntoIter<bool>,
}

impl ModuleMapper for Release {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.trainable.next() {
            Some(true) if !param.is_require_grad() => param.set_require_grad(true),
            _ => param,
        }
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        match self.flags.next() {
            Some(on) => flag.with_value(on),
            None => flag,
        }
    }
}

#[derive(Default)]
struct Collect {
    path: Vec<String>,
    inside: Vec<String>,
    found: Vec<Parameter>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(name.to_owned());
        self.inside.push(container.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
        self.inside.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.last().map_or("", String::as_str);
        // As Burn writes it: `Struct:Conv2d`.
        let owner = self.inside.last().map_or("", String::as_str);
        let is_of = |kinds: &[&str]| kinds.iter().any(|kind| owner.contains(kind));
        let kind = match name {
            "running_mean" | "running_var" | "weight_u" => Kind::Buffer,
            "weight_v" if D == 1 => Kind::Buffer,
            _ if is_of(&["BatchNorm", "LayerNorm"]) => Kind::Norm,
            "bias" if is_of(&["Conv", "Linear"]) => Kind::Bias,
            _ => Kind::Weight,
        };
        self.found.push(Parameter {
            path: self.path.join("."),
            kind,
            shape: param.dims().to_vec(),
            trainable: param.is_require_grad(),
        });
    }
}

#[derive(Default)]
struct Parts {
    path: Vec<String>,
    found: Vec<String>,
}

impl ModuleVisitor for Parts {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
        self.found.push(self.path.join("."));
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

struct SetTrainable {
    trainable: Vec<bool>,
    at: usize,
}

impl ModuleMapper for SetTrainable {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trainable = self.trainable[self.at];
        self.at += 1;
        param.set_require_grad(trainable)
    }
}

/// Turns off the flags of the layers at some paths.
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
        match self.frozen.iter().any(|norm| norm == parent(&self.path.join("."))) {
            true => flag.with_value(false),
            false => flag,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{ConvLayerConfig, NormType, arch::resnet_small};

    fn trainable(first: usize, train_bn: bool) -> Vec<(String, Kind)> {
        let model: Box<dyn Layer> = Box::new(resnet_small(3, 2, &Device::flex().autodiff()));
        let model = freeze_to(model, &["0", "1"], first, train_bn);
        parameters(&*model).into_iter().filter(|p| p.trainable).map(|p| (p.path, p.kind)).collect()
    }

    #[test]
    fn frozen_groups_keep_their_norms_trainable_if_asked() {
        let all = trainable(0, true);
        assert!(all.iter().all(|(_, kind)| *kind != Kind::Buffer));
        let head: Vec<_> = all.iter().filter(|(path, _)| is_under(path, "1")).cloned().collect();
        assert_eq!(trainable(1, false), head);
        let with_norms = trainable(1, true);
        assert!(with_norms.iter().all(|(path, kind)| is_under(path, "1") || *kind == Kind::Norm));
        assert!(with_norms.len() > head.len());
    }

    #[test]
    fn a_group_goes_on_until_the_next_begins() {
        let named = |path: &str| Parameter {
            path: path.into(),
            kind: Kind::Weight,
            shape: vec![1],
            trainable: true,
        };
        let parameters =
            ["stem.weight", "body.0.weight", "body.1.0.weight", "body.2.weight", "head.bias"]
                .map(named);
        assert_eq!(group_of(&parameters, &["stem", "body.1", "head"]), [0, 0, 1, 1, 2]);
        assert_eq!(group_of(&parameters, &[]), [0; 5]);
    }

    #[test]
    fn a_group_may_begin_at_a_layer_without_parameters() {
        let device = Device::flex().autodiff();
        let layers = crate::Sequential::new()
            .push(crate::layer::Linear::new(2, 2, &device))
            .push(crate::layer::ReLU)
            .push(crate::layer::Linear::new(2, 2, &device));
        let starts = with_parameters(&layers, &["0", "1", "nowhere"]);
        assert_eq!(starts, ["0", "2.weight", "nowhere"]);
        let frozen = freeze_to(Box::new(layers), &["0", "1"], 1, true);
        let trainable: Vec<bool> = parameters(&*frozen).iter().map(|p| p.trainable).collect();
        assert_eq!(trainable, [false, false, true, true]);
    }

    #[test]
    fn only_norms_that_are_batch_norms_count_as_such() {
        let device = Device::flex();
        let layer = |norm| ConvLayerConfig::new(8, 8).norm(norm).init(&device);
        let kinds = |norm| -> Vec<(String, Kind)> {
            parameters(&layer(norm)).into_iter().map(|p| (p.path, p.kind)).collect()
        };
        let kind = |path: &str, kind| (path.to_owned(), kind);
        assert_eq!(
            kinds(NormType::Spectral),
            [
                kind("0.bias", Kind::Bias),
                kind("0.weight_orig", Kind::Weight),
                kind("0.weight_u", Kind::Buffer),
                kind("0.weight_v", Kind::Buffer),
            ]
        );
        assert_eq!(
            kinds(NormType::Batch),
            [
                kind("0.weight", Kind::Weight),
                kind("2.weight", Kind::Norm),
                kind("2.bias", Kind::Norm),
                kind("2.running_mean", Kind::Buffer),
                kind("2.running_var", Kind::Buffer),
            ]
        );
    }

    #[test]
    fn a_model_that_is_held_still_goes_on_as_it_was() {
        let model: Box<dyn Layer> = Box::new(resnet_small(3, 2, &Device::flex().autodiff()));
        let model = eval_frozen_norms(freeze_to(model, &["0", "1"], 1, false));
        let look = |model: &dyn Layer| {
            let mut flags = Flags::default();
            model.visit_erased(&mut flags);
            let trainable: Vec<bool> = parameters(model).iter().map(|p| p.trainable).collect();
            (trainable, flags.0)
        };
        let before = look(&*model);
        assert!(before.0.contains(&true) && before.1.contains(&true) && before.1.contains(&false));
        let (model, held) = hold(model, Hold { gradients: false, mode: None });
        assert!(look(&*model) == (vec![false; before.0.len()], before.1.clone()));
        let model = release(model, held);
        assert!(look(&*model) == before);
        let (model, held) = hold(model, Hold { gradients: false, mode: Some(Mode::Eval) });
        assert!(look(&*model) == (vec![false; before.0.len()], vec![false; before.1.len()]));
        assert!(look(&*release(model, held)) == before);
    }

    #[derive(Default)]
    struct Flags(Vec<bool>);

    impl ModuleVisitor for Flags {
        fn visit_flag(&mut self, flag: &Param<Flag>) {
            self.0.push(flag.val().is_enabled());
        }
    }

    #[test]
    fn a_part_is_not_its_longer_namesake() {
        assert!(is_under("layer1.0.weight", "layer1") && is_under("fc", "fc"));
        assert!(!is_under("layer10.weight", "layer1"));
    }
}
