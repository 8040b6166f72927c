//! From fixtures to tensors and back.

use std::collections::BTreeMap;

use burn::{
    module::{ModuleVisitor, Param},
    tensor::{Device, Gradients, Tensor, TensorData},
};
use tinderbox_golden::{Array, Data, fill};
use tinderbox_model::{
    AnyTensor, Layer,
    groups::{Kind, parameters},
    weights::{StateDict, Strict, Weight, load_state_dict, state_dict},
};

pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

/// A fixture's tensor.
pub(crate) fn tensor(array: &Array) -> AnyTensor {
    let shape = array.shape.clone();
    match (&array.data, shape.len()) {
        (Data::F32(values), rank) => float(TensorData::new(values.clone(), shape), rank),
        (Data::I64(values), 1) => int::<1>(values, shape),
        (Data::I64(values), 2) => int::<2>(values, shape),
        (data, _) => panic!("no input of shape {shape:?} and type {data:?}"),
    }
}

fn float(data: TensorData, rank: usize) -> AnyTensor {
    match rank {
        1 => Tensor::<1>::from_data(data, &device()).into(),
        2 => Tensor::<2>::from_data(data, &device()).into(),
        3 => Tensor::<3>::from_data(data, &device()).into(),
        4 => Tensor::<4>::from_data(data, &device()).into(),
        other => panic!("no input of rank {other}"),
    }
}

fn int<const D: usize>(values: &[i64], shape: Vec<usize>) -> AnyTensor
where
    Tensor<D, burn::tensor::Int>: Into<AnyTensor>,
{
    let data = TensorData::new(values.to_vec(), shape);
    Tensor::<D, burn::tensor::Int>::from_data(data, &device()).into()
}

pub(crate) fn host(tensor: AnyTensor) -> Vec<f32> {
    tensor.into_flat().try_into_vec_as().unwrap()
}

/// Asks for the gradient of an input.
pub(crate) fn differentiated(x: AnyTensor) -> AnyTensor {
    match x {
        AnyTensor::Float1(x) => x.require_grad().into(),
        AnyTensor::Float2(x) => x.require_grad().into(),
        AnyTensor::Float3(x) => x.require_grad().into(),
        AnyTensor::Float4(x) => x.require_grad().into(),
        whole_numbers => whole_numbers,
    }
}

/// The gradient that [`differentiated`] asked for.
pub(crate) fn gradient(x: &AnyTensor, gradients: &Gradients) -> Option<Weight> {
    match x {
        AnyTensor::Float1(x) => x.grad(gradients).map(weight),
        AnyTensor::Float2(x) => x.grad(gradients).map(weight),
        AnyTensor::Float3(x) => x.grad(gradients).map(weight),
        AnyTensor::Float4(x) => x.grad(gradients).map(weight),
        _ => None,
    }
}

fn weight<const D: usize>(tensor: Tensor<D>) -> Weight {
    let shape = tensor.dims().to_vec();
    Weight { shape, values: tensor.into_data().try_to_vec().unwrap() }
}

/// The gradients of a model's parameters that have one, by path.
pub(crate) fn gradients(model: &dyn Layer, gradients: &Gradients) -> BTreeMap<String, Weight> {
    let mut collect = Collect { gradients, path: Vec::new(), found: BTreeMap::new() };
    model.visit_erased(&mut collect);
    collect.found
}

struct Collect<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: BTreeMap<String, Weight>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.found.insert(self.path.join("."), weight(gradient));
        }
    }
}

/// A case's weights.
pub(crate) fn state(arrays: &[(String, Array)]) -> StateDict {
    let mut state = StateDict::default();
    for (name, array) in arrays.iter().filter(|(name, _)| !name.ends_with("num_batches_tracked")) {
        state.insert(name.clone(), array.shape.clone(), array.f32().to_vec());
    }
    state
}

/// The model with weights by the fixtures' fill: the same ones every time.
pub(crate) fn filled(model: impl Layer + 'static) -> Box<dyn Layer> {
    let mut weights = StateDict::default();
    for (path, weight) in state_dict(&model).iter() {
        let values = fill::floats(0, path, fill::state_role(path, &weight.shape), &weight.shape);
        weights.insert(path, weight.shape.clone(), values);
    }
    load_state_dict(Box::new(model), &weights, Strict::Yes).unwrap().0
}

/// How many numbers a model learns.
pub(crate) fn n_params(model: &dyn Layer) -> usize {
    let parameters = parameters(model).into_iter().filter(|p| p.kind != Kind::Buffer);
    parameters.map(|p| p.shape.iter().product::<usize>()).sum()
}
