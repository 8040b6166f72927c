//! A step on the CPU backend, by the kernel.

use burn::{
    backend::Flex,
    tensor::{DType, Device, Shape, Tensor},
};
use burn_flex::FlexTensor;
use tinderbox_kernels::optim::{self, Parameter, Rule};

use super::{AdamStep, Decay, RmsPropStep, SgdStep, Step, Update, Updated};
use crate::flex::{in_order, tensor};

/// Whether the kernel moves it: on the CPU, in 32 bits.
pub(super) fn takes(parameter: &Update) -> bool {
    let Update { value, gradient, memory, .. } = parameter;
    let device = value.device();
    let mut all = [value, gradient].into_iter().chain(memory);
    device == Device::flex() && !device.is_autodiff() && all.all(|t| t.dtype() == DType::F32)
}

/// The tensors of a parameter.
struct Held {
    value: FlexTensor,
    gradient: FlexTensor,
    memory: Vec<FlexTensor>,
    rule: Rule,
    decay: optim::Decay,
}

/// A step of all parameters, in one pass.
pub(super) fn update(parameters: Vec<Update>) -> Vec<Updated> {
    let mut held: Vec<Held> = parameters.into_iter().map(hold).collect();
    let gradients: Vec<_> = held.iter().map(|held| held.gradient.clone()).collect();
    let gradients: Vec<_> = gradients.iter().map(in_order).collect();
    let parameters = held.iter_mut().zip(&gradients).map(|(held, gradient)| {
        let mut memory = held.memory.iter_mut().map(FlexTensor::storage_mut);
        Parameter {
            value: held.value.storage_mut(),
            gradient,
            memory: [memory.next().unwrap_or_default(), memory.next().unwrap_or_default()],
            rule: held.rule,
            decay: held.decay,
        }
    });
    optim::step(parameters.collect());
    let back = |tensor| Tensor::from_primitive::<Flex>(tensor);
    held.into_iter()
        .map(|Held { value, memory, .. }| Updated {
            value: back(value),
            memory: memory.into_iter().map(back).collect(),
        })
        .collect()
}

fn hold(parameter: Update) -> Held {
    let Update { value, gradient, memory, step } = parameter;
    let take = |tensor: Tensor<1>| -> FlexTensor {
        tensor.try_into_primitive::<Flex>().expect("all tensors of a step are on one device")
    };
    let value = own(take(value));
    let n = value.layout().num_elements();
    let (rule, decay, remembers) = factors(step, memory.is_empty());
    let mut memory: Vec<FlexTensor> = memory.into_iter().map(|tensor| own(take(tensor))).collect();
    memory.resize_with(remembers, || FlexTensor::zeros(Shape::new([n]), DType::F32));
    Held { value, gradient: take(gradient), memory, rule, decay }
}

/// The tensor, if it is all that it holds and nobody else holds it; else a copy.
fn own(it: FlexTensor) -> FlexTensor {
    let n = it.layout().num_elements();
    match it.is_unique() && it.is_contiguous() && it.storage::<f32>().len() == n {
        true => it,
        false => tensor(in_order(&it).into_owned(), [n]),
    }
}

/// The factors of a step as the formulas round them, and how many tensors the rule remembers.
fn factors(step: Step, first: bool) -> (Rule, optim::Decay, usize) {
    match step {
        Step::Adam(AdamStep { lr, beta1, beta2, eps, count, decay: by }) => {
            let count = count as f64;
            let (of_m, of_v) = (1.0 - beta1.powf(count), 1.0 - beta2.powf(count));
            let rule = Rule::Adam {
                kept: [beta1 as f32, beta2 as f32],
                new: [(1.0 - beta1) as f32, (1.0 - beta2) as f32],
                root: of_v.sqrt() as f32,
                eps: eps as f32,
                rate: (lr / of_m) as f32,
            };
            (rule, decay(by, lr), 2)
        }
        Step::Sgd(SgdStep { lr, momentum, decay: by }) => {
            let rule = Rule::Sgd { kept: (!first).then_some(momentum as f32), rate: lr as f32 };
            (rule, decay(by, lr), 1)
        }
        Step::RmsProp(RmsPropStep { lr, alpha, eps, decay: by }) => {
            let (kept, new) = (alpha as f32, (1.0 - alpha) as f32);
            (Rule::RmsProp { kept, new, eps: eps as f32, rate: lr as f32 }, decay(by, lr), 1)
        }
    }
}

fn decay(by: Decay, lr: f64) -> optim::Decay {
    match by {
        Decay::None => optim::Decay { keep: 1.0, penalty: 0.0 },
        Decay::Penalty(decay) => optim::Decay { keep: 1.0, penalty: decay as f32 },
        Decay::Decoupled(decay) => optim::Decay { keep: (1.0 - decay * lr) as f32, penalty: 0.0 },
    }
}

/// The kernel against the composition that every other backend runs: the same bits.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{optim::update_one, testing::random};

    fn steps() -> Vec<Step> {
        let decays = [Decay::None, Decay::Penalty(0.3), Decay::Decoupled(0.3)];
        let of = |decay| {
            let (lr, eps, count) = (0.1, 1e-5, 3);
            [
                Step::Adam(AdamStep { lr, beta1: 0.9, beta2: 0.99, eps, count, decay }),
                Step::Sgd(SgdStep { lr, momentum: 0.9, decay }),
                Step::RmsProp(RmsPropStep { lr, alpha: 0.9, eps, decay }),
            ]
        };
        decays.into_iter().flat_map(of).collect()
    }

    fn number(tensor: FlexTensor) -> Tensor<1> {
        Tensor::from_primitive::<Flex>(tensor)
    }

    fn bits(tensor: &Tensor<1>) -> Vec<f32> {
        tensor.clone().into_data().try_to_vec().unwrap()
    }

    #[test]
    fn both_ways_are_the_same_to_the_bit() {
        for step in steps() {
            // Gradients of two memory orders.
            let flat = number(random([35]));
            let turned = Tensor::<2>::from_primitive::<Flex>(random([5, 7])).transpose();
            for gradient in [flat, turned.reshape([35])] {
                let value = number(random([35]));
                let mut memory = Vec::new();
                for _ in 0..3 {
                    let parameter = |value: Tensor<1>, memory: Vec<Tensor<1>>| Update {
                        value: value.clone(),
                        gradient: gradient.clone(),
                        memory,
                        step,
                    };
                    let wanted = update_one(parameter(value.clone(), memory.clone()));
                    let parameter = parameter(value.clone(), memory);
                    assert!(takes(&parameter));
                    let found = update(vec![parameter]).pop().unwrap();
                    assert_eq!(bits(&found.value), bits(&wanted.value));
                    assert_eq!(found.memory.len(), wanted.memory.len());
                    for (found, wanted) in found.memory.iter().zip(&wanted.memory) {
                        assert_eq!(bits(found), bits(wanted));
                    }
                    memory = found.memory;
                }
            }
        }
    }

    #[test]
    fn what_nobody_else_holds_is_moved_in_place() {
        let value = random([8]);
        let place = value.storage::<f32>().as_ptr();
        let moved = |value: Tensor<1>| {
            let gradient = number(random([8]));
            let update = Update { value, gradient, memory: Vec::new(), step: steps()[0] };
            let value = super::update(vec![update]).pop().unwrap().value;
            value.try_into_primitive::<Flex>().unwrap()
        };
        let value = moved(number(value));
        assert_eq!(value.storage::<f32>().as_ptr(), place);
        // A clone keeps its numbers.
        let before = bits(&number(value.clone()));
        let after = moved(number(value.clone()));
        assert_ne!(after.storage::<f32>().as_ptr(), place);
        assert_eq!(bits(&number(value)), before);
    }

    #[test]
    fn a_part_of_a_tensor_is_moved_without_the_rest() {
        let whole = number(random([12]));
        let (part, gradient) = (whole.clone().narrow(0, 3, 5), number(random([5])));
        let parameter = |value| Update {
            value,
            gradient: gradient.clone(),
            memory: Vec::new(),
            step: steps()[0],
        };
        let wanted = update_one(parameter(part.clone()));
        let found = update(vec![parameter(part)]).pop().unwrap();
        assert_eq!(bits(&found.value), bits(&wanted.value));
    }
}
