//! The operations on the CPU backend, by the kernels.

use std::borrow::Cow;

use burn::{
    backend::{
        Flex,
        ops::{ActivationOps, FloatTensorOps},
    },
    tensor::{Bytes, DType, Shape},
};
use burn_flex::{FlexTensor, Layout};
use tinderbox_kernels::{
    Conv,
    conv::Finish,
    elementwise,
    norm::{self, Relu},
};

use crate::{
    extension::{
        ConvSpec, Maybe, NormGradients, NormOut, NormSpec, NormTensors, Tracked, TrainingOps,
    },
    fallback,
    prepared::PreparedWeights,
};

/// The numbers in channels-last order: borrowed if they lie so, else copied.
pub(crate) fn channels_last(tensor: &FlexTensor) -> Cow<'_, [f32]> {
    let [n, c, h, w] = dims(tensor);
    let layout = tensor.layout();
    let strides = layout.strides();
    let wanted = [h * w * c, 1, w * c, c];
    let lies_so =
        (0..4).all(|axis| [n, c, h, w][axis] == 1 || strides[axis] == wanted[axis] as isize);
    let start = layout.start_offset();
    if lies_so {
        return Cow::Borrowed(&tensor.storage::<f32>()[start..start + n * c * h * w]);
    }
    let turned = Layout::new(
        Shape::new([n, h, w, c]),
        vec![strides[0], strides[2], strides[3], strides[1]],
        start,
    );
    let copy = tensor.clone().with_layout(turned).to_contiguous();
    Cow::Owned(copy.as_slice::<f32>().expect("just made contiguous").to_vec())
}

/// The numbers in the order of the axes.
pub(crate) fn in_order(tensor: &FlexTensor) -> Cow<'_, [f32]> {
    if let Some(values) = tensor.as_slice::<f32>() {
        return Cow::Borrowed(values);
    }
    let copy = tensor.to_contiguous();
    Cow::Owned(copy.as_slice::<f32>().expect("just made contiguous").to_vec())
}

pub(crate) fn dims(tensor: &FlexTensor) -> [usize; 4] {
    let shape = tensor.layout().shape();
    [shape[0], shape[1], shape[2], shape[3]]
}

/// A map whose numbers are channels-last.
pub(crate) fn map(values: Vec<f32>, [n, c, h, w]: [usize; 4]) -> FlexTensor {
    let strides = [h * w * c, 1, w * c, c].map(|stride| stride as isize).to_vec();
    FlexTensor::new(
        Bytes::from_elems(values),
        Layout::new(Shape::new([n, c, h, w]), strides, 0),
        DType::F32,
    )
}

pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::new(shape)), DType::F32)
}

/// The sizes for the kernel, if there is anything to compute.
fn conv(x: [usize; 4], weight: [usize; 4], spec: ConvSpec) -> Option<Conv> {
    let [batch, in_channels, height, width] = x;
    let [out_channels, _, kh, kw] = weight;
    let reach = |kernel: usize, axis: usize| spec.dilation[axis] * (kernel - 1) + 1;
    let fits =
        height + 2 * spec.padding[0] >= reach(kh, 0) && width + 2 * spec.padding[1] >= reach(kw, 1);
    let empty = [batch, in_channels, height, width, out_channels].contains(&0);
    (fits && !empty).then_some(Conv {
        batch,
        height,
        width,
        in_channels,
        out_channels,
        kernel: [kh, kw],
        stride: spec.stride,
        padding: spec.padding,
        dilation: spec.dilation,
        groups: spec.groups,
    })
}

fn f32(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

impl TrainingOps for Flex {
    fn tb_conv2d(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Maybe<Self>,
        spec: ConvSpec,
        relu: bool,
        _: Tracked,
    ) -> FlexTensor {
        let bias = bias.into_option();
        let Some(conv) = conv(dims(&x), dims(&weight), spec).filter(|_| f32(&[&x, &weight])) else {
            return fallback::conv2d::<Self>(x, weight, bias, spec, relu);
        };
        let [oh, ow] = conv.out_size();
        let bias = bias.as_ref().map(in_order);
        let finish = Finish { bias: bias.as_deref(), relu, ..Finish::default() };
        let y = conv.forward(&channels_last(&x), &in_order(&weight), finish);
        map(y, [conv.batch, conv.out_channels, oh, ow])
    }

    fn tb_conv2d_input_gradient(
        weight: FlexTensor,
        dy: FlexTensor,
        shape: [usize; 4],
        spec: ConvSpec,
    ) -> FlexTensor {
        let Some(conv) = conv(shape, dims(&weight), spec).filter(|_| f32(&[&dy, &weight])) else {
            return fallback::conv2d_input_gradient::<Self>(weight, dy, shape, spec);
        };
        map(conv.input_gradient(&channels_last(&dy), &in_order(&weight)), shape)
    }

    fn tb_conv2d_weight_gradient(
        x: FlexTensor,
        dy: FlexTensor,
        shape: [usize; 4],
        spec: ConvSpec,
    ) -> FlexTensor {
        let Some(conv) = conv(dims(&x), shape, spec).filter(|_| f32(&[&x, &dy])) else {
            return fallback::conv2d_weight_gradient::<Self>(x, dy, shape, spec);
        };
        tensor(conv.weight_gradient(&channels_last(&x), &channels_last(&dy)), shape)
    }

    fn tb_conv_transpose2d(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Maybe<Self>,
        shape: [usize; 4],
        spec: ConvSpec,
        _: Tracked,
    ) -> FlexTensor {
        let bias = bias.into_option();
        let Some(conv) = conv(shape, dims(&weight), spec).filter(|_| f32(&[&x, &weight])) else {
            let y = fallback::conv2d_input_gradient::<Self>(weight, x, shape, spec);
            return fallback::with_bias::<Self>(y, bias);
        };
        let mut y = conv.input_gradient(&channels_last(&x), &in_order(&weight));
        if let Some(bias) = bias {
            elementwise::add_to_rows(&mut y, &in_order(&bias));
        }
        map(y, shape)
    }

    fn tb_conv2d_prepared(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        add: Maybe<Self>,
        gain: Maybe<Self>,
        shift: Maybe<Self>,
        spec: ConvSpec,
        relu: bool,
        prepared: PreparedWeights,
    ) -> FlexTensor {
        let [add, gain, shift] = [add, gain, shift].map(Maybe::into_option);
        let Some(conv) = conv(dims(&x), dims(&weight), spec).filter(|_| f32(&[&x, &weight])) else {
            let scale = gain.zip(shift);
            return fallback::conv2d_finished::<Self>(x, weight, bias, add, scale, spec, relu);
        };
        let [oh, ow] = conv.out_size();
        let (bias, add) = (in_order(&bias), add.as_ref().map(channels_last));
        let (gain, shift) = (gain.as_ref().map(in_order), shift.as_ref().map(in_order));
        let finish = Finish {
            bias: Some(&bias),
            add: add.as_deref(),
            relu,
            scale: gain.as_deref().zip(shift.as_deref()),
        };
        let weights = prepared.of(&conv, &in_order(&weight));
        let y = conv.forward_with(&channels_last(&x), &weights, finish);
        map(y, [conv.batch, conv.out_channels, oh, ow])
    }

    fn tb_batch_norm(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        running_mean: FlexTensor,
        running_var: FlexTensor,
        norm: NormSpec,
    ) -> NormOut<Self> {
        let tensors = NormTensors { weight, bias, running_mean, running_var };
        if !f32(&[&x]) || dims(&x).contains(&0) {
            return fallback::batch_norm::<Self>(x, tensors, norm);
        }
        let x = match norm.relu {
            Relu::Before => <Self as ActivationOps<Self>>::relu(x),
            _ => x,
        };
        normalize(x, &tensors, norm)
    }

    fn tb_batch_norm_gradient(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        mean: FlexTensor,
        var: FlexTensor,
        dy: FlexTensor,
        norm: NormSpec,
    ) -> NormGradients<Self> {
        if !f32(&[&x, &dy]) || dims(&x).contains(&0) {
            return fallback::batch_norm_gradient::<Self>(x, [weight, bias, mean, var], dy, norm);
        }
        let statistics = norm::Statistics {
            mean: in_order(&mean).into_owned(),
            var: in_order(&var).into_owned(),
        };
        let gradients = norm::backward(
            &channels_last(&dy),
            &channels_last(&x),
            &statistics,
            &in_order(&weight),
            &in_order(&bias),
            norm.eps,
            norm.relu,
        );
        let channels = dims(&x)[1];
        NormGradients {
            x: map(gradients.x, dims(&x)),
            weight: tensor(gradients.weight, [channels]),
            bias: tensor(gradients.bias, [channels]),
        }
    }

    fn tb_conv_norm(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Maybe<Self>,
        norm_weight: FlexTensor,
        norm_bias: FlexTensor,
        running_mean: FlexTensor,
        running_var: FlexTensor,
        spec: ConvSpec,
        norm: NormSpec,
        tracked: Tracked,
    ) -> NormOut<Self> {
        let y = Self::tb_conv2d(x, weight, bias, spec, norm.relu == Relu::Before, tracked);
        let tensors =
            NormTensors { weight: norm_weight, bias: norm_bias, running_mean, running_var };
        match f32(&[&y]) && !dims(&y).contains(&0) {
            true => normalize(y, &tensors, norm),
            false => fallback::batch_norm::<Self>(y, tensors, norm),
        }
    }

    fn tb_add(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        if !f32(&[&a]) || a.layout().shape() != b.layout().shape() {
            return <Self as FloatTensorOps<Self>>::float_add(a, b);
        }
        map(elementwise::add(&channels_last(&a), &channels_last(&b)), dims(&a))
    }

    fn tb_relu_gradient(y: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        if !f32(&[&y, &gradient]) {
            return <Self as ActivationOps<Self>>::relu_backward(y, gradient);
        }
        let cut = elementwise::where_positive(&channels_last(&gradient), &channels_last(&y));
        map(cut, dims(&y))
    }

    fn tb_channel_sums(x: FlexTensor) -> FlexTensor {
        if !f32(&[&x]) || dims(&x).contains(&0) {
            return fallback::channel_sums::<Self>(x);
        }
        let channels = dims(&x)[1];
        tensor(norm::channel_sums(&channels_last(&x), channels), [channels])
    }
}

/// Batch norm of what came out of a ReLU already, if there is one before it.
fn normalize(x: FlexTensor, tensors: &NormTensors<Flex>, norm: NormSpec) -> NormOut<Flex> {
    let shape = dims(&x);
    let channels = shape[1];
    let values = channels_last(&x);
    let statistics = norm::statistics(&values, channels);
    let y = norm::normalize(
        &values,
        &statistics,
        &in_order(&tensors.weight),
        &in_order(&tensors.bias),
        norm.eps,
        norm.relu,
    );
    let n = (values.len() / channels) as f32;
    let moved = |running: &FlexTensor, batch: &[f32], factor: f32| {
        let running = in_order(running);
        let moved = running.iter().zip(batch).map(|(running, batch)| {
            running * (1.0 - norm.momentum) + batch * (norm.momentum * factor)
        });
        tensor(moved.collect(), [channels])
    };
    let running_mean = moved(&tensors.running_mean, &statistics.mean, 1.0);
    let running_var = moved(&tensors.running_var, &statistics.var, n / (n - 1.0));
    NormOut {
        y: map(y, shape),
        mean: tensor(statistics.mean, [channels]),
        var: tensor(statistics.var, [channels]),
        running_mean,
        running_var,
        x: match values {
            Cow::Borrowed(_) => x,
            // The next to need it so would have to turn it again.
            Cow::Owned(values) => map(values, shape),
        },
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::*;

    fn random<const D: usize>(shape: [usize; D]) -> FlexTensor {
        let tensor = Tensor::<D>::random(shape, Distribution::Uniform(-1.0, 1.0), &Device::flex());
        tensor.try_into_primitive::<Flex>().expect("made on this backend")
    }

    #[track_caller]
    fn assert_close(kernel: &FlexTensor, composed: &FlexTensor) {
        assert_eq!(kernel.layout().shape(), composed.layout().shape());
        let (kernel, composed) = (in_order(kernel), in_order(composed));
        for (at, (kernel, composed)) in kernel.iter().zip(composed.iter()).enumerate() {
            let allowed = 1e-4 * composed.abs().max(1.0);
            assert!((kernel - composed).abs() < allowed, "[{at}]: {kernel}, composed {composed}");
        }
    }

    const UNTRACKED: Tracked = Tracked { x: false, weight: false };

    fn given(tensor: &FlexTensor) -> Maybe<Flex> {
        Maybe::Given(tensor.clone())
    }

    #[test]
    fn convolutions_agree() {
        let specs = [
            ([1, 1], [1, 1], 1, [1, 1]),
            ([2, 2], [1, 1], 1, [1, 1]),
            ([2, 1], [0, 2], 1, [1, 1]),
            ([1, 1], [1, 1], 2, [1, 1]),
            ([1, 1], [2, 2], 1, [2, 2]),
        ];
        for (stride, padding, groups, dilation) in specs {
            for [batch, channels, height, width] in [[1, 2, 6, 7], [5, 8, 9, 5]] {
                let spec = ConvSpec { stride, padding, dilation, groups };
                let x = random([batch, channels, height, width]);
                let (w, bias) = (random([6, channels / groups, 3, 3]), random([6]));
                let (x_, w_, b_) = (|| x.clone(), || w.clone(), || bias.clone());
                for relu in [false, true] {
                    let y = Flex::tb_conv2d(x_(), w_(), given(&bias), spec, relu, UNTRACKED);
                    let composed = fallback::conv2d::<Flex>(x_(), w_(), Some(b_()), spec, relu);
                    assert_close(&y, &composed);
                }
                let y = fallback::conv2d::<Flex>(x_(), w_(), None, spec, false);
                let (dy, [gain, shift]) = (random(dims(&y)), [random([6]), random([6])]);
                let prepared = PreparedWeights::default();
                let y = Flex::tb_conv2d_prepared(
                    x_(),
                    w_(),
                    b_(),
                    Maybe::None,
                    given(&gain),
                    given(&shift),
                    spec,
                    true,
                    prepared.clone(),
                );
                let scale = Some((gain, shift));
                let composed =
                    fallback::conv2d_finished::<Flex>(x_(), w_(), b_(), None, scale, spec, true);
                assert_close(&y, &composed);
                let none = || Maybe::None;
                let (add, b) = (given(&dy), b_());
                let y = Flex::tb_conv2d_prepared(
                    x_(),
                    w_(),
                    b,
                    add,
                    none(),
                    none(),
                    spec,
                    true,
                    prepared,
                );
                let add = Some(dy.clone());
                let composed =
                    fallback::conv2d_finished::<Flex>(x_(), w_(), b_(), add, None, spec, true);
                assert_close(&y, &composed);
                let dx = Flex::tb_conv2d_input_gradient(w_(), dy.clone(), dims(&x), spec);
                let composed =
                    fallback::conv2d_input_gradient::<Flex>(w_(), dy.clone(), dims(&x), spec);
                assert_close(&dx, &composed);
                let b = random([channels]);
                let shape = dims(&x);
                let up =
                    Flex::tb_conv_transpose2d(dy.clone(), w_(), given(&b), shape, spec, UNTRACKED);
                assert_close(&up, &fallback::with_bias::<Flex>(composed, Some(b)));
                let dw = Flex::tb_conv2d_weight_gradient(x_(), dy.clone(), dims(&w), spec);
                let composed = fallback::conv2d_weight_gradient::<Flex>(x_(), dy, dims(&w), spec);
                assert_close(&dw, &composed);
            }
        }
    }

    #[test]
    fn batch_norms_agree() {
        for relu in [Relu::None, Relu::Before, Relu::After] {
            for shape in [[4, 3, 5, 6], [2, 17, 1, 1], [8, 8, 2, 2]] {
                let norm = NormSpec { eps: 1e-5, momentum: 0.1, relu };
                let (x, dy) = (random(shape), random(shape));
                let [weight, bias, running_mean, running_var] =
                    [(); 4].map(|()| random([shape[1]]));
                let tensors = NormTensors {
                    weight: weight.clone(),
                    bias: bias.clone(),
                    running_mean: running_mean.clone(),
                    running_var: running_var.clone(),
                };
                let composed = fallback::batch_norm::<Flex>(x.clone(), tensors, norm);
                let kernel = Flex::tb_batch_norm(
                    x,
                    weight.clone(),
                    bias.clone(),
                    running_mean,
                    running_var,
                    norm,
                );
                assert_close(&kernel.y, &composed.y);
                assert_close(&kernel.x, &composed.x);
                assert_close(&kernel.mean, &composed.mean);
                assert_close(&kernel.var, &composed.var);
                assert_close(&kernel.running_mean, &composed.running_mean);
                assert_close(&kernel.running_var, &composed.running_var);
                let of = [weight, bias, kernel.mean, kernel.var];
                let composed = fallback::batch_norm_gradient::<Flex>(
                    kernel.x.clone(),
                    of.clone(),
                    dy.clone(),
                    norm,
                );
                let [weight, bias, mean, var] = of;
                let found =
                    Flex::tb_batch_norm_gradient(kernel.x, weight, bias, mean, var, dy, norm);
                assert_close(&found.x, &composed.x);
                assert_close(&found.weight, &composed.weight);
                assert_close(&found.bias, &composed.bias);
            }
        }
    }

    #[test]
    fn small_operations_agree() {
        for shape in [[4, 3, 5, 6], [1, 1, 1, 1], [2, 70, 3, 1]] {
            let (a, b) = (random(shape), random(shape));
            let sums = Flex::tb_channel_sums(a.clone());
            assert_close(&sums, &fallback::channel_sums::<Flex>(a.clone()));
            let cut = Flex::tb_relu_gradient(a.clone(), b.clone());
            let y = <Flex as ActivationOps<Flex>>::relu(a);
            assert_close(&cut, &<Flex as ActivationOps<Flex>>::relu_backward(y, b));
        }
    }

    #[test]
    fn what_lies_channels_last_is_not_copied() {
        let y = map(vec![0.0; 2 * 3 * 4 * 5], [2, 3, 4, 5]);
        assert!(matches!(channels_last(&y), Cow::Borrowed(_)));
        assert!(matches!(channels_last(&random([2, 3, 4, 5])), Cow::Owned(_)));
        let sum = Flex::tb_add(y.clone(), random([2, 3, 4, 5]));
        assert!(matches!(channels_last(&sum), Cow::Borrowed(_)));
    }
}
