//! Batch norm.

use burn::tensor::{Tensor, activation::relu};
use tinderbox_ops::{
    Conv2dOptions, Normalized, batch_norm_eval, batch_norm_train, conv_relu_bn, conv2d,
};

use crate::common::{close, host, orders, tensor};

const EPS: f64 = 1e-5;

/// The definition by Burn's operations, which differentiate themselves.
fn by_burn<const D: usize>(x: Tensor<D>, weight: Tensor<1>, bias: Tensor<1>) -> Normalized<D> {
    let axes: Vec<usize> = (0..D).filter(|axis| *axis != 1).collect();
    let channels = x.dims()[1];
    let mut shape = [1; D];
    shape[1] = channels;
    let mean = |x: Tensor<D>| axes.iter().fold(x, |x, axis| x.mean_dim(*axis));
    let average = mean(x.clone());
    let d = x - average.clone();
    let var = mean(d.clone().square());
    let y = d / (var.clone() + EPS).sqrt() * weight.reshape(shape) + bias.reshape(shape);
    Normalized { y, mean: average.reshape([channels]), var: var.reshape([channels]) }
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
    norm: impl Fn(Tensor<D>, Tensor<1>, Tensor<1>) -> Normalized<D>,
) -> Found<D> {
    let x = x.detach().require_grad();
    let [weight, bias] = [2, 3].map(|seed| tensor(seed, [channels]).require_grad());
    let out = norm(x.clone(), weight.clone(), bias.clone());
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
    close(found.out.mean, expected.out.mean);
    close(found.out.var, expected.out.var);
    close(found.x, expected.x);
    close(found.weight, expected.weight);
    close(found.bias, expected.bias);
}

#[test]
fn training_is_the_definition_in_every_rank_and_memory_order() {
    fn check<const D: usize>(x: &Tensor<D>) {
        let channels = x.dims()[1];
        let found = differentiate(x.clone(), channels, |x, w, b| batch_norm_train(x, w, b, EPS));
        agree(found, differentiate(x.clone(), channels, by_burn));
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
    for with_relu in [false, true] {
        for bias in [None, Some(tensor(6, [4]))] {
            let fused = differentiate(x(), 4, |x, weight, shift| {
                let (kernel, bias) = (kernel.clone(), bias.clone());
                conv_relu_bn(x, kernel, bias, options, with_relu, weight, shift, EPS)
            });
            let one_by_one = differentiate(x(), 4, |x, weight, shift| {
                let y = conv2d(x, kernel.clone(), bias.clone(), options);
                by_burn(if with_relu { relu(y) } else { y }, weight, shift)
            });
            agree(fused, one_by_one);
        }
    }
}

#[test]
fn evaluation_is_by_the_given_statistics() {
    fn check<const D: usize>(x: Tensor<D>) {
        let channels = x.dims()[1];
        let x = x.detach().require_grad();
        let [mean, weight, bias] = [5, 6, 7].map(|seed| tensor(seed, [channels]));
        let var = tensor(8, [channels]).abs() + 0.5;
        let weight = weight.require_grad();
        let mut shape = [1; D];
        shape[1] = channels;
        let of = |values: &Tensor<1>| values.clone().reshape(shape);
        let y = batch_norm_eval(
            x.clone(),
            mean.clone(),
            var.clone(),
            weight.clone(),
            bias.clone(),
            EPS,
        );
        let expected = (x.clone() - of(&mean)) / (of(&var) + EPS).sqrt() * of(&weight) + of(&bias);
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

/// The statistics go into running ones, which must not hold on to the graph.
#[test]
fn the_statistics_are_not_differentiated() {
    let x = tensor(1, [4, 3, 2, 2]).require_grad();
    let out = batch_norm_train(x.clone(), tensor(2, [3]), tensor(3, [3]), EPS);
    let found = (out.y.sum() + out.mean.clone().sum() + out.var.clone().sum()).backward();
    let with = host(x.grad(&found).unwrap());
    let found = batch_norm_train(x.clone(), tensor(2, [3]), tensor(3, [3]), EPS).y.sum().backward();
    assert_eq!(with, host(x.grad(&found).unwrap()));
}
