//! Convolutions.

use std::{panic, sync::Barrier, thread};

use burn::tensor::{
    Device, Tensor, TensorData,
    activation::relu,
    module,
    ops::{ConvOptions, ConvTransposeOptions},
};
use tinderbox_ops::{
    Conv2dOptions, conv_transpose2d, conv2d, conv2d_relu, exact_conv, with_exact_conv,
};

use crate::common::{close, close_numbers, host, noise, orders, tensor};

struct Case {
    x: [usize; 4],
    weight: [usize; 4],
    options: Conv2dOptions,
}

/// All that a convolution can be.
fn cases() -> Vec<Case> {
    let plain = Conv2dOptions::default();
    let case = |x, weight, options| Case { x, weight, options };
    vec![
        case([2, 3, 6, 7], [4, 3, 3, 3], plain),
        case([2, 3, 6, 7], [8, 3, 3, 3], Conv2dOptions { padding: [1, 1], ..plain }),
        case(
            [5, 8, 9, 5],
            [16, 8, 3, 3],
            Conv2dOptions { stride: [2, 2], padding: [1, 1], ..plain },
        ),
        case(
            [1, 1, 8, 8],
            [5, 1, 5, 3],
            Conv2dOptions { stride: [3, 1], padding: [2, 0], ..plain },
        ),
        case([2, 5, 4, 4], [7, 5, 1, 1], plain),
        case([2, 5, 5, 4], [7, 5, 1, 1], Conv2dOptions { stride: [2, 2], ..plain }),
        case([1, 3, 4, 4], [6, 3, 4, 4], plain),
        case([3, 17, 3, 3], [19, 17, 2, 2], Conv2dOptions { padding: [1, 0], ..plain }),
        case([2, 4, 6, 6], [6, 2, 3, 3], Conv2dOptions { groups: 2, padding: [1, 1], ..plain }),
        case(
            [2, 3, 9, 8],
            [4, 3, 3, 3],
            Conv2dOptions { dilation: [2, 2], padding: [2, 1], ..plain },
        ),
        case(
            [2, 6, 7, 7],
            [6, 1, 3, 3],
            Conv2dOptions { groups: 6, stride: [2, 2], padding: [1, 1], ..plain },
        ),
    ]
}

/// The definition.
fn by_hand(case: &Case, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let Conv2dOptions { stride, padding, dilation, groups } = case.options;
    let ([batch, channels, height, width], [out, of_group, kh, kw]) = (case.x, case.weight);
    let len = |n: usize, k: usize, axis: usize| {
        (n + 2 * padding[axis] - dilation[axis] * (k - 1) - 1) / stride[axis] + 1
    };
    let (oh, ow) = (len(height, kh, 0), len(width, kw, 1));
    let mut y = Vec::new();
    for (n, o) in (0..batch).flat_map(|n| (0..out).map(move |o| (n, o))) {
        for (row, column) in (0..oh).flat_map(|row| (0..ow).map(move |column| (row, column))) {
            let mut sum = 0.0;
            for (c, (i, j)) in (0..of_group)
                .flat_map(|c| (0..kh).flat_map(move |i| (0..kw).map(move |j| (c, (i, j)))))
            {
                let at = |row: usize, i: usize, axis: usize| {
                    (row * stride[axis] + i * dilation[axis]).checked_sub(padding[axis])
                };
                let (Some(r), Some(q)) = (at(row, i, 0), at(column, j, 1)) else { continue };
                if r < height && q < width {
                    let channel = o / (out / groups) * of_group + c;
                    sum += x[((n * channels + channel) * height + r) * width + q]
                        * weight[((o * of_group + c) * kh + i) * kw + j];
                }
            }
            y.push(sum);
        }
    }
    y
}

#[test]
fn a_convolution_is_its_definition_in_every_memory_order() {
    for case in cases() {
        let (x, weight) = (tensor(1, case.x), tensor(2, case.weight));
        let expected = by_hand(&case, &noise(1, case.x.iter().product()), &host(weight.clone()));
        for x in orders(&x) {
            for weight in orders(&weight) {
                let y = conv2d(x.clone(), weight, None, case.options);
                close_numbers(&host(y), &expected);
            }
        }
    }
}

/// Output and gradients of the sum weighted by noise.
fn differentiate(
    case: &Case,
    conv: impl Fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>,
) -> (Tensor<4>, Tensor<4>, Tensor<4>, Tensor<1>) {
    let x = tensor(1, case.x).require_grad();
    let weight = tensor(2, case.weight).require_grad();
    let bias = tensor(3, [case.weight[0]]).require_grad();
    let y = conv(x.clone(), weight.clone(), bias.clone());
    let found = (y.clone() * tensor(4, y.dims())).sum().backward();
    let bias = bias.grad(&found).unwrap();
    (y.inner(), x.grad(&found).unwrap(), weight.grad(&found).unwrap(), bias)
}

#[test]
fn its_gradients_are_burns() {
    for case in cases() {
        let Conv2dOptions { stride, padding, dilation, groups } = case.options;
        let options = ConvOptions::new(stride, padding, dilation, groups);
        let (y, dx, dw, db) = differentiate(&case, |x, w, b| conv2d(x, w, Some(b), case.options));
        let burns = differentiate(&case, |x, w, b| module::conv2d(x, w, Some(b), options.clone()));
        close(y, burns.0);
        close(dx, burns.1);
        close(dw, burns.2);
        close(db, burns.3);
    }
}

#[test]
fn a_relu_behind_it_is_one_by_one_the_same() {
    for case in cases() {
        let fused = differentiate(&case, |x, w, b| conv2d_relu(x, w, Some(b), case.options));
        let parts = differentiate(&case, |x, w, b| relu(conv2d(x, w, Some(b), case.options)));
        close(fused.0, parts.0);
        close(fused.1, parts.1);
        close(fused.2, parts.2);
        close(fused.3, parts.3);
    }
}

/// Frozen weights have no gradient, and let it through.
#[test]
fn only_what_asks_for_a_gradient_has_one() {
    let options = Conv2dOptions::default();
    let (x, weight) = (tensor(1, [1, 2, 4, 4]), tensor(2, [3, 2, 3, 3]));
    let asked = x.clone().require_grad();
    let found = conv2d(asked.clone(), weight.clone(), None, options).sum().backward();
    assert!(asked.grad(&found).is_some() && weight.grad(&found).is_none());
    let asked = weight.require_grad();
    let found = conv2d(x.clone(), asked.clone(), None, options).sum().backward();
    assert!(asked.grad(&found).is_some() && x.grad(&found).is_none());
}

#[test]
fn a_transposed_convolution_is_burns() {
    for (stride, padding) in [([1, 1], [0, 0]), ([2, 2], [1, 1]), ([2, 3], [0, 1])] {
        let options = ConvTransposeOptions::new(stride, padding, [0, 0], [1, 1], 1);
        let (x, weight, bias) = (tensor(1, [2, 3, 4, 5]), tensor(2, [3, 4, 4, 4]), tensor(3, [4]));
        for x in orders(&x) {
            let gradients = |conv: &dyn Fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>| {
                let x = x.clone().detach().require_grad();
                let weight = weight.clone().require_grad();
                let bias = bias.clone().require_grad();
                let y = conv(x.clone(), weight.clone(), bias.clone());
                let found = (y.clone() * tensor(4, y.dims())).sum().backward();
                let bias = bias.grad(&found).unwrap();
                (y.inner(), x.grad(&found).unwrap(), weight.grad(&found).unwrap(), bias)
            };
            let found = gradients(&|x, w, b| conv_transpose2d(x, w, Some(b), stride, padding));
            let burns =
                gradients(&|x, w, b| module::conv_transpose2d(x, w, Some(b), options.clone()));
            close(found.0, burns.0);
            close(found.1, burns.1);
            close(found.2, burns.2);
            close(found.3, burns.3);
            close(
                conv_transpose2d(x.clone(), weight.clone(), None, stride, padding),
                module::conv_transpose2d(x, weight.clone(), None, options.clone()),
            );
        }
    }
}

#[test]
#[should_panic(expected = "a padding of 2 leaves nothing of 4 pixels")]
fn a_transposed_convolution_must_leave_something() {
    let _y =
        conv_transpose2d(tensor(1, [1, 3, 1, 1]), tensor(2, [3, 2, 4, 4]), None, [1, 1], [2, 2]);
}

#[test]
#[should_panic(expected = "the convolution's weights are for 4 channels, the input has 3")]
fn channels_must_fit() {
    let options = Conv2dOptions { groups: 2, ..Conv2dOptions::default() };
    let _y = conv2d(tensor(1, [1, 3, 4, 4]), tensor(2, [6, 2, 3, 3]), None, options);
}

#[test]
#[should_panic(expected = "a kernel that reaches over 5×5 pixels does not fit into 6×4")]
fn a_kernel_must_fit() {
    let options = Conv2dOptions { dilation: [2, 2], padding: [1, 0], ..Conv2dOptions::default() };
    let _y = conv2d(tensor(1, [1, 3, 4, 4]), tensor(2, [6, 3, 3, 3]), None, options);
}

/// The bits of an output and of both gradients, where Winograd's algorithms pay.
fn passes() -> Vec<u32> {
    // They are the CPU's.
    let device = Device::flex().autodiff();
    let leaf = |seed, shape: [usize; 4]| {
        let data = TensorData::new(noise(seed, shape.iter().product()), shape);
        Tensor::<4>::from_data(data, &device).require_grad()
    };
    let (x, weight) = (leaf(1, [4, 32, 12, 12]), leaf(2, [32, 32, 3, 3]));
    let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
    let y = conv2d(x.clone(), weight.clone(), None, options);
    let gradients = y.clone().square().sum().backward();
    let of = |leaf: &Tensor<4>| host(leaf.grad(&gradients).expect("it requires a gradient"));
    [host(y), of(&x), of(&weight)].concat().into_iter().map(f32::to_bits).collect()
}

#[test]
fn what_is_exact_on_one_thread_is_not_on_another() {
    let [fast, exact] = [false, true].map(|exact| with_exact_conv(exact, passes));
    let parts = [4 * 32 * 144, 4 * 32 * 144, 32 * 32 * 9];
    let mut from = 0;
    for len in parts {
        let part = from..from + len;
        assert!(fast[part.clone()] != exact[part], "each pass has its own algorithm");
        from += len;
    }
    let start = Barrier::new(2);
    thread::scope(|scope| {
        for (is_exact, alone) in [(false, &fast), (true, &exact)] {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for _ in 0..20 {
                    assert!(with_exact_conv(is_exact, passes) == *alone, "exact: {is_exact}");
                }
            });
        }
    });
}

#[test]
fn exactness_ends_with_its_scope() {
    with_exact_conv(true, || {
        assert!(!with_exact_conv(false, exact_conv));
        panic::catch_unwind(|| with_exact_conv(false, || panic!("within"))).unwrap_err();
        assert!(exact_conv());
    });
    assert!(!exact_conv());
}
