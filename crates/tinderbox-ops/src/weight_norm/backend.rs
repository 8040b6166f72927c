//! Weight norm as an extension of Burn's backends.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::{
    backend::{
        Autodiff, Backend, ExtensionType, Flex, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::DType,
};
use burn_flex::FlexTensor;
use tinderbox_kernels::weight_norm;

use crate::flex::{in_order, tensor};

/// Gradients of weight norm.
#[derive(ExtensionType)]
pub(crate) struct WeightNormGradients<B: Backend> {
    /// `[n, m]`
    pub v: FloatTensor<B>,
    /// `[n, 1]`
    pub g: FloatTensor<B>,
}

/// On directions `[n, m]` and lengths `[n, 1]`.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait WeightNormOps: Backend {
    /// `v * (g / |v|)`
    fn tb_weight_norm(v: FloatTensor<Self>, g: FloatTensor<Self>) -> FloatTensor<Self> {
        forward::<Self>(v, g)
    }

    /// The gradients of both, from that of the output.
    fn tb_weight_norm_gradient(
        v: FloatTensor<Self>,
        g: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> WeightNormGradients<Self> {
        gradient::<Self>(v, g, dy)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl WeightNormOps for Cube {}

/// The sum of each row's products, `[n, 1]`.
fn products<B: Backend>(a: FloatTensor<B>, b: FloatTensor<B>) -> FloatTensor<B> {
    B::float_sum_dim(B::float_mul(a, b), 1)
}

fn forward<B: Backend>(v: FloatTensor<B>, g: FloatTensor<B>) -> FloatTensor<B> {
    let norm = B::float_sqrt(products::<B>(v.clone(), v.clone()));
    B::float_mul(v, B::float_div(g, norm))
}

fn gradient<B: Backend>(
    v: FloatTensor<B>,
    g: FloatTensor<B>,
    dy: FloatTensor<B>,
) -> WeightNormGradients<B> {
    let squares = products::<B>(v.clone(), v.clone());
    let along = products::<B>(v.clone(), dy.clone());
    let norm = B::float_sqrt(squares.clone());
    let share = B::float_div(along.clone(), squares);
    let across = B::float_sub(dy, B::float_mul(v, share));
    WeightNormGradients {
        v: B::float_mul(across, B::float_div(g, norm.clone())),
        g: B::float_div(along, norm),
    }
}

/// The sizes for the kernels, if they take these.
fn fit(tensors: &[&FlexTensor]) -> Option<[usize; 2]> {
    let shape = tensors[0].shape();
    let sizes = [shape[0], shape[1]];
    let f32 = tensors.iter().all(|tensor| tensor.dtype() == DType::F32);
    (f32 && !sizes.contains(&0)).then_some(sizes)
}

impl WeightNormOps for Flex {
    fn tb_weight_norm(v: FlexTensor, g: FlexTensor) -> FlexTensor {
        let Some(sizes) = fit(&[&v, &g]) else { return forward::<Self>(v, g) };
        let mut out = vec![0.0; sizes[0] * sizes[1]];
        weight_norm::weight_norm(&in_order(&v), &in_order(&g), &mut out);
        tensor(out, sizes)
    }

    fn tb_weight_norm_gradient(
        v: FlexTensor,
        g: FlexTensor,
        dy: FlexTensor,
    ) -> WeightNormGradients<Self> {
        let Some([n, m]) = fit(&[&v, &g, &dy]) else { return gradient::<Self>(v, g, dy) };
        let (mut dv, mut dg) = (vec![0.0; n * m], vec![0.0; n]);
        let (v, g, dy) = (in_order(&v), in_order(&g), in_order(&dy));
        weight_norm::gradient(&v, &g, &dy, &mut dv, &mut dg);
        WeightNormGradients { v: tensor(dv, [n, m]), g: tensor(dg, [n, 1]) }
    }
}

#[derive(Debug)]
struct WeightNormBackward;

impl<B: WeightNormOps> Backward<B, 2> for WeightNormBackward {
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [v, g] = ops.state;
        let found = B::tb_weight_norm_gradient(v, g, dy);
        for (node, gradient) in ops.parents.into_iter().zip([found.v, found.g]) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: WeightNormOps, C: CheckpointStrategy> WeightNormOps for Autodiff<B, C> {
    fn tb_weight_norm(v: FloatTensor<Self>, g: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [v.node(), g.node()];
        let (v, g) = (v.into_primitive(), g.into_primitive());
        match WeightNormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = B::tb_weight_norm(v.clone(), g.clone());
                prepared.finish([v, g], y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::tb_weight_norm(v, g)),
        }
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, random};

    #[test]
    fn both_ways_agree() {
        for [n, m] in [[1, 1], [5, 27], [64, 576], [3, 4608], [0, 4]] {
            let (v, g, dy) = (random([n, m]), random([n, 1]), random([n, m]));
            let y = Flex::tb_weight_norm(v.clone(), g.clone());
            assert_close(&y, &forward::<Flex>(v.clone(), g.clone()));
            let found = Flex::tb_weight_norm_gradient(v.clone(), g.clone(), dy.clone());
            let composed = gradient::<Flex>(v, g, dy);
            assert_close(&found.v, &composed.v);
            assert_close(&found.g, &composed.g);
        }
    }
}
