//! Golden: ten steps of each optimizer with given gradients.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use serde_json::Value;
use tinderbox_golden::{Array, Case, Group, Report, close};
use tinderbox_learn::optim::{Decay, Gradients, Optimizer, Rule};
use tinderbox_model::{AnyTensor, Forward, Layer};

/// Layers with the shapes of the fixture. Nothing runs through them, so that a linear layer's
/// weight may be as PyTorch has it.
#[derive(Module, Debug)]
struct Conv2d {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct BatchNorm2d {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Linear {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Net {
    conv: Conv2d,
    bn: BatchNorm2d,
    lin: Linear,
}

impl Forward for Net {
    type Input = AnyTensor;
    type Output = AnyTensor;

    fn forward(&self, x: AnyTensor) -> AnyTensor {
        x
    }
}

impl Net {
    fn new(state: &[(String, Array)], frozen: bool) -> Self {
        Self {
            conv: Conv2d {
                weight: param(state, "conv.weight", !frozen),
                bias: param(state, "conv.bias", !frozen),
            },
            bn: BatchNorm2d {
                weight: param(state, "bn.weight", true),
                bias: param(state, "bn.bias", true),
            },
            lin: Linear {
                weight: param(state, "lin.weight", true),
                bias: param(state, "lin.bias", true),
            },
        }
    }

    /// In the model's order.
    fn values(&self) -> [(&'static str, Vec<usize>, Vec<f32>); 6] {
        [
            ("conv.weight", self.conv.weight.dims().to_vec(), host(self.conv.weight.val())),
            ("conv.bias", self.conv.bias.dims().to_vec(), host(self.conv.bias.val())),
            ("bn.weight", self.bn.weight.dims().to_vec(), host(self.bn.weight.val())),
            ("bn.bias", self.bn.bias.dims().to_vec(), host(self.bn.bias.val())),
            ("lin.weight", self.lin.weight.dims().to_vec(), host(self.lin.weight.val())),
            ("lin.bias", self.lin.bias.dims().to_vec(), host(self.lin.bias.val())),
        ]
    }
}

fn param<const D: usize>(state: &[(String, Array)], key: &str, trains: bool) -> Param<Tensor<D>> {
    let (_, array) = state.iter().find(|(name, _)| name == key).expect("a parameter of the net");
    let data = TensorData::new(array.f32().to_vec(), array.shape.clone());
    let value = Tensor::from_data(data, &Device::flex().autodiff());
    Param::from_tensor(value).set_require_grad(trains)
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

#[test]
fn optimizer() {
    let group = Group::open("optimizer");
    let mut report = Report::new("optimizer");
    for case in group.cases() {
        report.case(case.id(), check(&group, case));
    }
    report.finish();
}

fn check(group: &Group, case: Case<'_>) -> Result<(), String> {
    let config = case.config();
    let number = |key: &str| config[key].as_f64().ok_or(format!("no {key}"));
    let eps = number("eps")?;
    let rule = match config["opt"].as_str() {
        Some("adam") => {
            let betas = numbers(&config["betas"]);
            Rule::Adam { beta1: betas[0], beta2: betas[1], eps }
        }
        Some("sgd") => Rule::Sgd { momentum: number("sgd_momentum")? },
        Some("rmsprop") => Rule::RmsProp { alpha: number("rmsprop_alpha")?, eps },
        other => return Err(format!("an unknown optimizer, {other:?}")),
    };
    let decay = Decay { true_wd: config["true_wd"] == true, bn_wd: config["bn_wd"] == true };
    let frozen = config["frozen"] == true;
    let mut model: Box<dyn Layer> = Box::new(Net::new(&case.state(), frozen));
    let starts = ["conv", "lin"].map(String::from);
    let mut optimizer = Optimizer::new(&*model, &starts, rule, decay);
    optimizer.weight_decays = vec![number("wd")?; starts.len()];

    let lrs = config["lrs"].as_array().ok_or("no rates")?;
    let scale = config["grad_scale"].as_f64().unwrap_or(1.0);
    for (step, (lrs, momentum)) in lrs.iter().zip(numbers(&config["moms"])).enumerate() {
        optimizer.set_lrs(&numbers(lrs));
        optimizer.momentum = momentum;
        let mut gradients = gradients(group, step, scale, frozen);
        model = optimizer.step(model, &mut gradients);
        let net = model.as_any().downcast_ref::<Net>().expect("a model stays of its type");
        for (name, shape, values) in net.values() {
            case.check(&format!("{step}.{name}"), &shape, &values)?;
        }
    }
    param_groups(&optimizer, case.values(), frozen)
}

/// The fixture's gradients, of parameters that are trained.
fn gradients(group: &Group, step: usize, scale: f64, frozen: bool) -> Gradients {
    let names = ["conv.weight", "conv.bias", "bn.weight", "bn.bias", "lin.weight", "lin.bias"];
    let gradient = |name: &str| {
        let array = group.tensor(&format!("in.grad.{step}.{name}")).expect("a shared gradient");
        let values: Vec<f32> = array.f32().iter().map(|g| (f64::from(*g) * scale) as f32).collect();
        let shape = [values.len()];
        let tensor = Tensor::from_data(TensorData::new(values, shape), &Device::flex());
        (!(frozen && name.starts_with("conv"))).then_some(tensor)
    };
    Gradients::new(names.into_iter().map(gradient).collect())
}

fn param_groups(optimizer: &Optimizer, want: &Value, frozen: bool) -> Result<(), String> {
    let groups = optimizer.param_groups();
    let mut counts: Vec<f64> = groups.iter().map(|group| group.paths.len() as f64).collect();
    if frozen {
        // The reference lists the bias of a frozen layer too, though it never moves.
        counts[1] += 1.0;
    }
    let lrs = groups.iter().map(|group| group.lr).collect();
    let l2 = groups.iter().map(|group| group.l2).collect();
    for (what, found) in [("param_groups", counts), ("group_lrs", lrs), ("group_wd", l2)] {
        let wanted = want[what].as_array().ok_or(format!("no {what}"))?;
        let same = found.len() == wanted.len()
            && found.iter().zip(wanted).all(|(found, want)| close(*found, want));
        if !same {
            return Err(format!("{what}: {found:?}, expected {wanted:?}"));
        }
    }
    Ok(())
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}
