//! The operations on the CPU backend, by the kernels.

use std::borrow::Cow;

use burn::{
    backend::Flex,
    tensor::{Bytes, DType, Shape},
};
use burn_flex::{FlexTensor, Layout};
use tinderbox_kernels::{Conv, elementwise, norm};

use crate::{
    extension::{ConvSpec, NormGradients, NormOut, TrainingOps},
    fallback,
};

/// The numbers in channels-last order: borrowed if they lie so, else copied.
fn channels_last(tensor: &FlexTensor) -> Cow<'_, [f32]> {
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
fn in_order(tensor: &FlexTensor) -> Cow<'_, [f32]> {
    if let Some(values) = tensor.as_slice::<f32>() {
        return Cow::Borrowed(values);
    }
    let copy = tensor.to_contiguous();
    Cow::Owned(copy.as_slice::<f32>().expect("just made contiguous").to_vec())
}

fn dims(tensor: &FlexTensor) -> [usize; 4] {
    let shape = tensor.layout().shape();
    [shape[0], shape[1], shape[2], shape[3]]
}

/// A map whose numbers are channels-last.
fn map(values: Vec<f32>, [n, c, h, w]: [usize; 4]) -> FlexTensor {
    let strides = [h * w * c, 1, w * c, c].map(|stride| stride as isize).to_vec();
    FlexTensor::new(
        Bytes::from_elems(values),
        Layout::new(Shape::new([n, c, h, w]), strides, 0),
        DType::F32,
    )
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::new(shape)), DType::F32)
}

/// The sizes for the kernel, if it is of its kind: one group, not dilated, in 32 bits.
fn conv(x: &FlexTensor, weight: &FlexTensor, spec: ConvSpec) -> Option<Conv> {
    let f32 = x.dtype() == DType::F32 && weight.dtype() == DType::F32;
    if !f32 || spec.groups != 1 || spec.dilation != [1, 1] {
        return None;
    }
    let [batch, in_channels, height, width] = dims(x);
    let [out_channels, _, kh, kw] = dims(weight);
    let empty = [batch, in_channels, height, width, out_channels].contains(&0);
    let fits = height + 2 * spec.padding[0] >= kh && width + 2 * spec.padding[1] >= kw;
    (fits && !empty).then_some(Conv {
        batch,
        height,
        width,
        in_channels,
        out_channels,
        kernel: [kh, kw],
        stride: spec.stride,
        padding: spec.padding,
    })
}

impl TrainingOps for Flex {
    fn tb_conv2d(x: FlexTensor, weight: FlexTensor, spec: ConvSpec) -> FlexTensor {
        let Some(conv) = conv(&x, &weight, spec) else {
            return fallback::conv2d::<Self>(x, weight, spec);
        };
        let [oh, ow] = conv.out_size();
        let mut y = vec![0.0; conv.lens()[2]];
        conv.forward(&channels_last(&x), &in_order(&weight), &mut y);
        map(y, [conv.batch, conv.out_channels, oh, ow])
    }

    fn tb_conv2d_input_gradient(
        x: FlexTensor,
        weight: FlexTensor,
        dy: FlexTensor,
        spec: ConvSpec,
    ) -> FlexTensor {
        let Some(conv) = conv(&x, &weight, spec) else {
            return fallback::conv2d_input_gradient::<Self>(x, weight, dy, spec);
        };
        let mut dx = vec![0.0; conv.lens()[0]];
        conv.input_gradient(&channels_last(&dy), &in_order(&weight), &mut dx);
        map(dx, dims(&x))
    }

    fn tb_conv2d_weight_gradient(
        x: FlexTensor,
        weight: FlexTensor,
        dy: FlexTensor,
        spec: ConvSpec,
    ) -> FlexTensor {
        let Some(conv) = conv(&x, &weight, spec) else {
            return fallback::conv2d_weight_gradient::<Self>(x, weight, dy, spec);
        };
        let mut dw = vec![0.0; conv.lens()[1]];
        conv.weight_gradient(&channels_last(&x), &channels_last(&dy), &mut dw);
        tensor(dw, dims(&weight))
    }

    fn tb_batch_norm(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        eps: f32,
        relu: bool,
    ) -> NormOut<Self> {
        let shape = dims(&x);
        let channels = shape[1];
        if x.dtype() != DType::F32 || shape.contains(&0) {
            return fallback::batch_norm::<Self>(x, weight, bias, eps, relu);
        }
        let mut values = channels_last(&x);
        if relu {
            norm::relu(values.to_mut());
        }
        let norm::Statistics { mean, var } = norm::statistics(&values, channels);
        let mut y = vec![0.0; values.len()];
        norm::normalize(
            &values,
            &mean,
            &norm::inverse_std(&var, eps),
            &in_order(&weight),
            &in_order(&bias),
            &mut y,
        );
        let of_channels = |values| tensor(values, [channels]);
        NormOut { y: map(y, shape), mean: of_channels(mean), var: of_channels(var) }
    }

    fn tb_batch_norm_gradient(
        x: FlexTensor,
        weight: FlexTensor,
        mean: FlexTensor,
        var: FlexTensor,
        dy: FlexTensor,
        eps: f32,
        relu: bool,
    ) -> NormGradients<Self> {
        let shape = dims(&x);
        if x.dtype() != DType::F32 {
            return fallback::batch_norm_gradient::<Self>(x, weight, mean, var, dy, eps, relu);
        }
        let mut values = channels_last(&x);
        if relu {
            norm::relu(values.to_mut());
        }
        let inverse = norm::inverse_std(&in_order(&var), eps);
        let gradients = norm::backward(
            &channels_last(&dy),
            &values,
            &in_order(&mean),
            &inverse,
            &in_order(&weight),
            relu,
        );
        let norm::Gradients { x, weight, bias } = gradients;
        NormGradients {
            x: map(x, shape),
            weight: tensor(weight, [shape[1]]),
            bias: tensor(bias, [shape[1]]),
        }
    }

    fn tb_add(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        if a.dtype() != DType::F32 || a.layout().shape() != b.layout().shape() {
            return <Self as burn::backend::ops::FloatTensorOps<Self>>::float_add(a, b);
        }
        let (x, y) = (channels_last(&a), channels_last(&b));
        let mut out = vec![0.0; x.len()];
        elementwise::add(&x, &y, &mut out);
        map(out, dims(&a))
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
                let (x, w) = (
                    random([batch, channels, height, width]),
                    random([6, channels / groups, 3, 3]),
                );
                let y = Flex::tb_conv2d(x.clone(), w.clone(), spec);
                assert_close(&y, &fallback::conv2d::<Flex>(x.clone(), w.clone(), spec));
                let dy = random(dims(&y));
                let dx = Flex::tb_conv2d_input_gradient(x.clone(), w.clone(), dy.clone(), spec);
                assert_close(
                    &dx,
                    &fallback::conv2d_input_gradient::<Flex>(
                        x.clone(),
                        w.clone(),
                        dy.clone(),
                        spec,
                    ),
                );
                let dw = Flex::tb_conv2d_weight_gradient(x.clone(), w.clone(), dy.clone(), spec);
                assert_close(&dw, &fallback::conv2d_weight_gradient::<Flex>(x, w, dy, spec));
            }
        }
    }

    #[test]
    fn batch_norms_agree() {
        for relu in [false, true] {
            for shape in [[4, 3, 5, 6], [2, 17, 1, 1], [8, 8, 2, 2]] {
                let (x, weight, bias, dy) =
                    (random(shape), random([shape[1]]), random([shape[1]]), random(shape));
                let kernel =
                    Flex::tb_batch_norm(x.clone(), weight.clone(), bias.clone(), 1e-5, relu);
                let composed =
                    fallback::batch_norm::<Flex>(x.clone(), weight.clone(), bias, 1e-5, relu);
                assert_close(&kernel.y, &composed.y);
                assert_close(&kernel.mean, &composed.mean);
                assert_close(&kernel.var, &composed.var);
                let gradient = |of: fn(
                    FlexTensor,
                    FlexTensor,
                    FlexTensor,
                    FlexTensor,
                    FlexTensor,
                    f32,
                    bool,
                ) -> NormGradients<Flex>| {
                    of(
                        x.clone(),
                        weight.clone(),
                        kernel.mean.clone(),
                        kernel.var.clone(),
                        dy.clone(),
                        1e-5,
                        relu,
                    )
                };
                let kernel = gradient(Flex::tb_batch_norm_gradient);
                let composed = gradient(fallback::batch_norm_gradient::<Flex>);
                assert_close(&kernel.x, &composed.x);
                assert_close(&kernel.weight, &composed.weight);
                assert_close(&kernel.bias, &composed.bias);
            }
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
