//! Batch norm.

use burn::tensor::{Tensor, activation::relu};
use tinderbox_ops::{
    BatchNorm, Conv2dOptions, Folded, NormRelu, Normalized, add, batch_norm_eval, batch_norm_train,
    conv_norm, conv_norm_eval, conv2d,
};

use crate::common::{close, host, orders, tensor};

const EPS: f64 = 1e-5;
const RELUS: [NormRelu; 3] = [NormRelu::None, NormRelu::Before, NormRelu::After];

/// A norm with these parameters that has seen batches already.
fn norm(weight: Tensor<1>, bias: Tensor<1>) -> BatchNorm {
    let channels = weight.dims();
    BatchNorm {
        weight,
        bias,
        running_mean: tensor(11, channels),
        running_var: tensor(12, channels).abs() + 0.5,
        momentum: 0.1,
        eps: EPS,
    }
}

/// The definition by Burn's operations, which differentiate themselves.
fn by_burn<const D: usize>(x: Tensor<D>, norm: BatchNorm, place: NormRelu) -> Normalized<D> {
    let axes: Vec<usize> = (0..D).filter(|axis| *axis != 1).collect();
    let channels = x.dims()[1];
    let n = (x.dims().iter().product::<usize>() / channels) as f64;
    let mut shape = [1; D];
    shape[1] = channels;
    let mean = |x: Tensor<D>| axes.iter().fold(x, |x, axis| x.mean_dim(*axis));
    let x = if place == NormRelu::Before { relu(x) } else { x };
    let average = mean(x.clone());
    let d = x - average.clone();
    let var = mean(d.clone().square());
    let y = d / (var.clone() + EPS).sqrt() * norm.weight.reshape(shape) + norm.bias.reshape(shape);
    let flat = |x: Tensor<D>| x.detach().reshape([channels]);
    Normalized {
        y: if place == NormRelu::After { relu(y) } else { y },
        running_mean: norm.running_mean * 0.9 + flat(average) * 0.1,
        running_var: norm.running_var * 0.9 + flat(var) * (0.1 * n / (n - 1.0)),
    }
}

struct Found<const D: usize> {
    out: Normalized<D>,
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
}

fn differentiate<const D: usize>(
    x: Tensor<D>,
    channels: usize,
    run: impl Fn(Tensor<D>, BatchNorm) -> Normalized<D>,
) -> Found<D> {
    let x = x.detach().require_grad();
    let [weight, bias] = [2, 3].map(|seed| tensor(seed, [channels]).require_grad());
    let out = run(x.clone(), norm(weight.clone(), bias.clone()));
    let found = (out.y.clone() * tensor(4, out.y.dims())).sum().backward();
    Found {
        out,
        x: x.grad(&found).unwrap(),
        weight: weight.grad(&found).unwrap(),
        bias: bias.grad(&found).unwrap(),
    }
}

#[track_caller]
fn agree<const D: usize>(found: Found<D>, expected: Found<D>) {
    close(found.out.y, expected.out.y);
    close(found.out.running_mean, expected.out.running_mean);
    close(found.out.running_var, expected.out.running_var);
    close(found.x, expected.x);
    close(found.weight, expected.weight);
    close(found.bias, expected.bias);
}

#[test]
fn training_is_the_definition_in_every_rank_and_memory_order() {
    fn check<const D: usize>(x: &Tensor<D>) {
        let channels = x.dims()[1];
        for place in RELUS {
            let found = differentiate(x.clone(), channels, |x, n| batch_norm_train(x, n, place));
            agree(found, differentiate(x.clone(), channels, |x, n| by_burn(x, n, place)));
        }
    }
    for shape in [[4, 3, 5, 6], [2, 17, 1, 1], [8, 8, 2, 2], [3, 1, 4, 4]] {
        orders(&tensor(1, shape)).iter().for_each(check);
    }
    check(&tensor(1, [4, 3, 7]));
    check(&tensor(1, [5, 9]));
}

#[test]
fn the_three_layers_are_one_by_one_the_same() {
    let options = Conv2dOptions { stride: [2, 2], padding: [1, 1], ..Conv2dOptions::default() };
    let kernel = tensor(5, [4, 3, 3, 3]);
    let x = || tensor(1, [4, 3, 7, 6]);
    for place in RELUS {
        for bias in [None, Some(tensor(6, [4]))] {
            let fused = differentiate(x(), 4, |x, norm| {
                conv_norm(x, kernel.clone(), bias.clone(), options, norm, place)
            });
            let one_by_one = differentiate(x(), 4, |x, norm| {
                by_burn(conv2d(x, kernel.clone(), bias.clone(), options), norm, place)
            });
            agree(fused, one_by_one);
        }
    }
}

/// The gradients of what is in front of the norm: the convolution's own.
#[test]
fn a_fused_convolution_has_the_gradients_of_one_alone() {
    let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
    for place in RELUS {
        let gradients = |fused: bool| {
            let x = tensor(1, [2, 3, 5, 6]).require_grad();
            let kernel = tensor(2, [4, 3, 3, 3]).require_grad();
            let bias = tensor(3, [4]).require_grad();
            let norm = norm(tensor(4, [4]), tensor(5, [4]));
            let y = match fused {
                true => {
                    let bias = Some(bias.clone());
                    conv_norm(x.clone(), kernel.clone(), bias, options, norm, place).y
                }
                false => {
                    let y = conv2d(x.clone(), kernel.clone(), Some(bias.clone()), options);
                    by_burn(y, norm, place).y
                }
            };
            let found = (y.clone() * tensor(6, y.dims())).sum().backward();
            (x.grad(&found).unwrap(), kernel.grad(&found).unwrap(), bias.grad(&found).unwrap())
        };
        let (found, expected) = (gradients(true), gradients(false));
        close(found.0, expected.0);
        close(found.1, expected.1);
        close(found.2, expected.2);
    }
}

/// Folded or not, with a shortcut or none, differentiated in nothing, the input or the weights.
#[test]
fn evaluation_folds_the_norm_into_the_convolution() {
    let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
    let shape = [2, 4, 5, 6];
    for place in RELUS {
        for (with_bias, with_added) in [(false, false), (true, false), (false, true), (true, true)]
        {
            for tracked in ["nothing", "x", "weight"] {
                let track = |x: Tensor<4>, name| if tracked == name { x.require_grad() } else { x };
                let x = track(tensor(1, [2, 3, 5, 6]), "x");
                let kernel = track(tensor(2, [4, 3, 3, 3]), "weight");
                let bias = with_bias.then(|| tensor(3, [4]));
                let norm = norm(tensor(4, [4]), tensor(5, [4]));
                let added = with_added.then(|| tensor(7, shape));
                let expected = || {
                    let y = conv2d(x.clone(), kernel.clone(), bias.clone(), options);
                    let y = if place == NormRelu::Before { relu(y) } else { y };
                    let y = batch_norm_eval(y, &norm);
                    let y = match &added {
                        Some(added) => add(y, added.clone()),
                        None => y,
                    };
                    if place == NormRelu::After { relu(y) } else { y }
                };
                let folded = Folded::default();
                for _ in 0..2 {
                    let found = conv_norm_eval(
                        x.clone(),
                        kernel.clone(),
                        bias.clone(),
                        options,
                        &norm,
                        place,
                        added.clone(),
                        &folded,
                    );
                    let of = match tracked {
                        "x" => &x,
                        "weight" => &kernel,
                        _ => {
                            close(found, expected());
                            continue;
                        }
                    };
                    let gradient = |y: Tensor<4>| {
                        let found = (y * tensor(6, shape)).sum().backward();
                        of.grad(&found).unwrap()
                    };
                    close(found.clone(), expected());
                    close(gradient(found), gradient(expected()));
                }
            }
        }
    }
}

/// Other tensors, or other numbers in them, are folded anew.
#[test]
fn what_was_folded_is_not_used_for_other_weights() {
    let options = Conv2dOptions::default();
    let (x, folded) = (tensor(1, [1, 2, 4, 4]), Folded::default());
    let run = |kernel: Tensor<4>, norm: &BatchNorm, folded: &Folded| {
        let place = NormRelu::None;
        conv_norm_eval(x.clone(), kernel, None, options, norm, place, None, folded)
    };
    let (kernel, mut norm) = (tensor(2, [3, 2, 3, 3]), norm(tensor(3, [3]), tensor(4, [3])));
    let first = run(kernel.clone(), &norm, &folded);
    let moved = kernel.clone() * 2.0;
    close(run(moved.clone(), &norm, &folded), run(moved, &norm, &Folded::default()));
    norm.running_mean = norm.running_mean + 1.0;
    close(run(kernel.clone(), &norm, &folded), run(kernel.clone(), &norm, &Folded::default()));
    norm.running_mean = norm.running_mean - 1.0;
    close(run(kernel, &norm, &folded), first);
}

#[test]
fn evaluation_is_by_the_given_statistics() {
    fn check<const D: usize>(x: Tensor<D>) {
        let channels = x.dims()[1];
        let x = x.detach().require_grad();
        let weight = tensor(6, [channels]).require_grad();
        let norm = norm(weight.clone(), tensor(7, [channels]));
        let mut shape = [1; D];
        shape[1] = channels;
        let of = |values: &Tensor<1>| values.clone().reshape(shape);
        let y = batch_norm_eval(x.clone(), &norm);
        let std = (of(&norm.running_var) + EPS).sqrt();
        let expected = (x.clone() - of(&norm.running_mean)) / std * of(&weight) + of(&norm.bias);
        let gradients = |y: Tensor<D>| {
            let found = (y.clone() * tensor(4, y.dims())).sum().backward();
            (x.grad(&found).unwrap(), weight.grad(&found).unwrap())
        };
        let (found, wanted) = (gradients(y.clone()), gradients(expected.clone()));
        close(y, expected);
        close(found.0, wanted.0);
        close(found.1, wanted.1);
    }
    check(tensor(1, [5, 9]));
    check(tensor(1, [4, 3, 7]));
    for x in orders(&tensor(1, [2, 5, 4, 3])) {
        check(x);
    }
}

#[test]
fn the_statistics_are_not_differentiated() {
    let x = tensor(1, [4, 3, 2, 2]).require_grad();
    let run = || batch_norm_train(x.clone(), norm(tensor(2, [3]), tensor(3, [3])), NormRelu::None);
    let out = run();
    let found = (out.y.sum() + out.running_mean.sum() + out.running_var.sum()).backward();
    let with = host(x.grad(&found).unwrap());
    let found = run().y.sum().backward();
    assert_eq!(with, host(x.grad(&found).unwrap()));
}

#[test]
#[should_panic(expected = "batch norm needs more than one value a channel in training, got [1, 3]")]
fn one_value_has_no_variance() {
    let norm = norm(tensor(2, [3]), tensor(3, [3]));
    let _out = batch_norm_train(tensor::<2>(1, [1, 3]), norm, NormRelu::None);
}
