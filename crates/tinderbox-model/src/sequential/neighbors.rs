//! Neighbors in a list of layers that run as one.

use burn::tensor::Tensor;

use crate::{
    AnyTensor, Layer, Trace,
    block::conv_bn::{Named, NamedConvolution, Then, bn_relu, conv_bn, conv_relu, conv_relu_bn},
    layer::{BatchNorm2d, Conv2d, ReLU, as_convolution},
};

pub(super) type Child = (String, Box<dyn Layer>);

/// Runs the first of `children`, and with it those behind it that the kernels take as one with it.
/// Also returns how many these were.
///
/// One by one they give the same numbers up to rounding, so this changes no result.
pub(super) fn run_first(
    children: &[Child],
    x: AnyTensor,
    trace: &mut Trace<'_>,
) -> (AnyTensor, usize) {
    match (Neighbors::first_of(children), x) {
        (Some(neighbors), AnyTensor::Float4(x)) if !trace.is_watched() => {
            (neighbors.run(x, trace).into(), neighbors.len())
        }
        (_, x) => {
            let (name, layer) = &children[0];
            (trace.run(name, &**layer, x), 1)
        }
    }
}

/// A convolution or a batch norm, and what is one with it.
enum Neighbors<'a> {
    /// torchvision's order, with or without ReLU.
    ConvBn(Named<'a, Conv2d>, Named<'a, BatchNorm2d>, Option<&'a ReLU>),
    /// fastai's order.
    ConvReluBn(Named<'a, Conv2d>, Named<'a, BatchNorm2d>),
    /// Also of a convolution that computes its weights.
    ConvRelu(NamedConvolution<'a>),
    /// What is left of a batch norm that stands before its convolution.
    BnRelu(Named<'a, BatchNorm2d>),
}

impl<'a> Neighbors<'a> {
    /// Those that `children` begins with. It is a look at types, which takes nanoseconds: nothing
    /// is kept that could be wrong after the list has changed.
    fn first_of(children: &'a [Child]) -> Option<Self> {
        if let Some(norm) = child(children, 0) {
            return child::<ReLU>(children, 1).map(|_| Self::BnRelu(norm));
        }
        let conv = child(children, 0);
        if let (Some(conv), Some(norm)) = (conv, child(children, 1)) {
            return Some(Self::ConvBn(conv, norm, child(children, 2).map(|(_, relu)| relu)));
        }
        child::<ReLU>(children, 1)?;
        if let (Some(conv), Some(norm)) = (conv, child(children, 2)) {
            return Some(Self::ConvReluBn(conv, norm));
        }
        let (name, layer) = children.first()?;
        Some(Self::ConvRelu((name, as_convolution(&**layer)?)))
    }

    fn len(&self) -> usize {
        match self {
            Self::ConvBn(_, _, None) | Self::ConvRelu(_) | Self::BnRelu(_) => 2,
            Self::ConvBn(_, _, Some(_)) | Self::ConvReluBn(..) => 3,
        }
    }

    fn run(&self, x: Tensor<4>, trace: &mut Trace<'_>) -> Tensor<4> {
        match *self {
            Self::ConvBn(conv, norm, None) => conv_bn(conv, norm, Then::Nothing, x, trace),
            Self::ConvBn(conv, norm, Some(_)) => conv_bn(conv, norm, Then::Relu, x, trace),
            Self::ConvReluBn(conv, norm) => conv_relu_bn(conv, true, norm, x, trace),
            Self::ConvRelu(conv) => conv_relu(conv, x, trace),
            Self::BnRelu(norm) => bn_relu(norm, x, trace),
        }
    }
}

/// The child at `at`, if there is one and it is an `L`.
fn child<L: Layer + 'static>(children: &[Child], at: usize) -> Option<Named<'_, L>> {
    let (name, layer) = children.get(at)?;
    Some((name, layer.as_any().downcast_ref()?))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{
        Sequential,
        layer::{Conv2dConfig, WeightNormConv},
    };

    fn lengths(layers: &Sequential) -> Vec<usize> {
        let starts = 0..layers.children.len();
        let first = |at| Neighbors::first_of(&layers.children[at..]);
        starts.map(|at| first(at).map_or(1, |neighbors| neighbors.len())).collect()
    }

    #[test]
    fn both_orders_are_seen() {
        let device = Device::flex();
        let conv = || Conv2dConfig::new([4, 4], 3).init(&device);
        let norm = || BatchNorm2d::new(4, &device);
        let layers = Sequential::new().push(conv()).push(norm()).push(ReLU);
        assert_eq!(lengths(&layers), [3, 2, 1]);
        let layers = Sequential::new().push(conv()).push(ReLU).push(norm()).push(ReLU);
        assert_eq!(lengths(&layers), [3, 1, 2, 1]);
        let layers = Sequential::new().push(conv()).push(norm()).push(conv()).push(ReLU);
        assert_eq!(lengths(&layers), [2, 1, 2, 1]);
        assert_eq!(lengths(&layers.numbered().cut("1").unwrap().1), [1, 2, 1]);
    }

    #[test]
    fn a_convolution_with_weight_norm_takes_its_relu_along() {
        let device = Device::flex();
        let config = Conv2dConfig::new([4, 4], 3);
        let normed = || WeightNormConv::conv2d(config, &device);
        let layers = Sequential::new().push(normed()).push(ReLU).push(BatchNorm2d::new(4, &device));
        assert_eq!(lengths(&layers), [2, 1, 1]);
        let layers = Sequential::new().push(normed()).push(BatchNorm2d::new(4, &device));
        assert_eq!(lengths(&layers), [1, 1]);
        let transposed = WeightNormConv::conv_transpose2d(config, &device);
        assert_eq!(lengths(&Sequential::new().push(transposed).push(ReLU)), [1, 1]);
    }
}
