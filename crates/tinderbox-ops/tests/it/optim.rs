//! Steps of the optimizers, against a loop over numbers.

use burn::tensor::{Device, Tensor, TensorData};
use tinderbox_ops::optim::{
    AdamStep, Decay, RmsPropStep, SgdStep, Step, Update, adam, rms_prop, sgd, update,
};

use crate::common::{close_numbers, host, noise};

const N: usize = 37;
const STEPS: usize = 7;
const DECAYS: [Decay; 3] = [Decay::None, Decay::Penalty(0.3), Decay::Decoupled(0.3)];

fn numbers(seed: usize) -> Vec<f32> {
    noise(seed, N)
}

fn tensor(values: Vec<f32>) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values, [N]), &Device::flex())
}

/// Runs both for some steps; `reference` moves one number, with what it remembers of it.
fn check<M>(
    lr: f64,
    decay: Decay,
    mut tensors: impl FnMut(Tensor<1>, Tensor<1>, Option<M>, u64) -> (Tensor<1>, M),
    reference: impl Fn(f64, f64, &mut [f64; 2], u64) -> f64,
) {
    let mut value = tensor(numbers(0));
    let mut memory = None;
    let mut expected: Vec<f64> = numbers(0).into_iter().map(f64::from).collect();
    let mut expected_memory = vec![[0.0; 2]; N];
    for step in 1..=STEPS {
        let gradient = numbers(step);
        let (next, kept) = tensors(value, tensor(gradient.clone()), memory, step as u64);
        (value, memory) = (next, Some(kept));
        for (at, p) in expected.iter_mut().enumerate() {
            let g = f64::from(gradient[at]);
            let (p_in, g) = match decay {
                Decay::None => (*p, g),
                Decay::Penalty(w) => (*p, g + w * *p),
                Decay::Decoupled(w) => (*p * (1.0 - lr * w), g),
            };
            *p = p_in - reference(lr, g, &mut expected_memory[at], step as u64);
        }
        let expected: Vec<f32> = expected.iter().map(|p| *p as f32).collect();
        close_numbers(&host(value.clone()), &expected);
    }
}

#[test]
fn adam_steps_by_its_formula_with_a_beta1_that_changes() {
    let beta1 = |t: u64| 0.95 - 0.02 * t as f64;
    let (lr, beta2, eps) = (0.1, 0.99, 1e-3);
    for decay in DECAYS {
        check(
            lr,
            decay,
            |p, g, means, count| {
                let step = AdamStep { lr, beta1: beta1(count), beta2, eps, count, decay };
                adam(p, g, means, &step)
            },
            |lr, g, [m, v], t| {
                let (b1, time) = (beta1(t), t as f64);
                *m = b1 * *m + (1.0 - b1) * g;
                *v = beta2 * *v + (1.0 - beta2) * g * g;
                lr / (1.0 - b1.powf(time)) * *m / (v.sqrt() / (1.0 - beta2.powf(time)).sqrt() + eps)
            },
        );
    }
}

#[test]
fn gradient_descent_sums_from_the_first_gradient_on() {
    for (decay, momentum) in DECAYS.into_iter().zip([0.9, 0.0, 0.5]) {
        check(
            0.1,
            decay,
            |p, g, sum, _| sgd(p, g, sum, &SgdStep { lr: 0.1, momentum, decay }),
            |lr, g, [sum, _], t| {
                *sum = if t == 1 { g } else { momentum * *sum + g };
                lr * *sum
            },
        );
    }
}

#[test]
fn rms_prop_divides_by_the_root_of_the_mean_square() {
    let (lr, alpha, eps) = (0.01, 0.9, 1e-2);
    for decay in DECAYS {
        let step = RmsPropStep { lr, alpha, eps, decay };
        check(
            lr,
            decay,
            |p, g, square, _| rms_prop(p, g, square, &step),
            |lr, g, [v, _], _| {
                *v = alpha * *v + (1.0 - alpha) * g * g;
                lr * g / (v.sqrt() + eps)
            },
        );
    }
}

/// Parameters of several rules and lengths in one call move as each does alone.
#[test]
fn all_move_together_as_each_does_alone() {
    let decay = Decay::Decoupled(0.3);
    let adam_step = AdamStep { lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-5, count: 1, decay };
    let sgd_step = SgdStep { lr: 0.2, momentum: 0.9, decay: Decay::None };
    let rms_step = RmsPropStep { lr: 0.01, alpha: 0.9, eps: 1e-5, decay };
    let of = |n: usize| [0, 1].map(|seed| tensor(numbers(seed)).narrow(0, 0, n));
    let steps = [Step::Adam(adam_step), Step::Sgd(sgd_step), Step::RmsProp(rms_step)];
    let parameters = steps.iter().zip([37, 5, 1]).map(|(step, n)| {
        let [value, gradient] = of(n);
        Update { value, gradient, memory: Vec::new(), step: *step }
    });
    let updated = update(parameters.collect());
    let [by_adam, by_sgd, by_rms_prop] = [37, 5, 1].map(of).map(|[p, g]| (p, g));
    let (p, means) = adam(by_adam.0, by_adam.1, None, &adam_step);
    let (q, sum) = sgd(by_sgd.0, by_sgd.1, None, &sgd_step);
    let (r, square) = rms_prop(by_rms_prop.0, by_rms_prop.1, None, &rms_step);
    let alone = [(p, means.to_vec()), (q, vec![sum]), (r, vec![square])];
    for (found, (value, memory)) in updated.into_iter().zip(alone) {
        close_numbers(&host(found.value), &host(value));
        assert_eq!(found.memory.len(), memory.len());
        for (found, memory) in found.memory.into_iter().zip(memory) {
            close_numbers(&host(found), &host(memory));
        }
    }
}
