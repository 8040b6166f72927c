//! The operations' backward passes, once for every backend.
//!
//! A gradient is computed only where somebody asks for it: the first layer's input has none, nor
//! have frozen weights.

use burn::backend::{
    Autodiff,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use crate::extension::{ConvSpec, NormOut, TrainingOps};

#[derive(Debug)]
struct ConvBackward;

impl<B: TrainingOps> Backward<B, 2> for ConvBackward {
    type State = (FloatTensor<B>, FloatTensor<B>, ConvSpec);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let (x, weight, spec) = ops.state;
        if let Some(node) = weight_node {
            let dw = B::tb_conv2d_weight_gradient(x.clone(), weight.clone(), dy.clone(), spec);
            gradients.register::<B>(node.id, dw);
        }
        if let Some(node) = x_node {
            gradients.register::<B>(node.id, B::tb_conv2d_input_gradient(x, weight, dy, spec));
        }
    }
}

#[derive(Debug)]
struct NormBackward;

impl<B: TrainingOps> Backward<B, 3> for NormBackward {
    /// Input, weight, mean, variance, eps, whether a ReLU came before.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, f32, bool);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (x, weight, mean, var, eps, relu) = ops.state;
        let found = B::tb_batch_norm_gradient(x, weight, mean, var, dy, eps, relu);
        let found = [found.x, found.weight, found.bias];
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct AddBackward;

impl<B: TrainingOps> Backward<B, 2> for AddBackward {
    type State = ();

    fn backward(self, ops: Ops<(), 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        for node in ops.parents.into_iter().flatten() {
            gradients.register::<B>(node.id, dy.clone());
        }
    }
}

impl<B: TrainingOps, C: CheckpointStrategy> TrainingOps for Autodiff<B, C> {
    fn tb_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        spec: ConvSpec,
    ) -> FloatTensor<Self> {
        match ConvBackward.prepare::<C>([x.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                let y = B::tb_conv2d(x.clone(), weight.clone(), spec);
                prepared.finish((x, weight, spec), y)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::tb_conv2d(x.into_primitive(), weight.into_primitive(), spec))
            }
        }
    }

    fn tb_batch_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f32,
        relu: bool,
    ) -> NormOut<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (out, y) = match NormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (x, weight) = (x.into_primitive(), weight.into_primitive());
                let out =
                    B::tb_batch_norm(x.clone(), weight.clone(), bias.into_primitive(), eps, relu);
                let state = (x, weight, out.mean.clone(), out.var.clone(), eps, relu);
                let y = prepared.finish(state, out.y.clone());
                (out, y)
            }
            OpsKind::UnTracked(prepared) => {
                let (x, weight, bias) =
                    (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
                let out = B::tb_batch_norm(x, weight, bias, eps, relu);
                let y = prepared.finish(out.y.clone());
                (out, y)
            }
        };
        NormOut {
            y,
            mean: FloatTensor::<Self>::new(out.mean),
            var: FloatTensor::<Self>::new(out.var),
        }
    }

    fn tb_add(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        match AddBackward.prepare::<C>([a.node(), b.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish((), B::tb_add(a.into_primitive(), b.into_primitive()))
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::tb_add(a.into_primitive(), b.into_primitive()))
            }
        }
    }
}
