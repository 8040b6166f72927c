//! The operations' backward passes, once for every backend.
//!
//! A gradient is computed only where somebody asks for it, and only what that takes is kept: the
//! first layer's input has none, nor have frozen weights.

use burn::backend::{
    Autodiff, TensorMetadata,
    autodiff::{
        NodeId,
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};

use crate::{
    extension::{ConvSpec, Maybe, NormOut, NormSpec, Tracked, TrainingOps},
    merge::Join,
    prepared::PreparedWeights,
};

fn dims<T: TensorMetadata>(tensor: &T) -> [usize; 4] {
    let shape = tensor.shape();
    [shape[0], shape[1], shape[2], shape[3]]
}

/// What a convolution's backward pass needs.
#[derive(Debug, Clone)]
struct ConvState<B: TrainingOps> {
    /// Kept for the gradient of the weights.
    x: Option<FloatTensor<B>>,
    /// Kept for the gradient of the input.
    weight: Option<FloatTensor<B>>,
    x_shape: [usize; 4],
    weight_shape: [usize; 4],
    spec: ConvSpec,
}

impl<B: TrainingOps> ConvState<B> {
    fn new(x: &FloatTensor<B>, weight: &FloatTensor<B>, spec: ConvSpec, tracked: Tracked) -> Self {
        Self {
            x: tracked.weight.then(|| x.clone()),
            weight: tracked.x.then(|| weight.clone()),
            x_shape: dims(x),
            weight_shape: dims(weight),
            spec,
        }
    }

    /// Registers the gradients of input, weights and bias with the nodes that ask for them.
    fn register(
        self,
        dy: FloatTensor<B>,
        [x_node, weight_node, bias_node]: [Option<NodeId>; 3],
        gradients: &mut Gradients,
    ) {
        if let (Some(node), Some(x)) = (weight_node, self.x) {
            let dw = B::tb_conv2d_weight_gradient(x, dy.clone(), self.weight_shape, self.spec);
            gradients.register::<B>(node, dw);
        }
        if let Some(node) = bias_node {
            gradients.register::<B>(node, B::tb_channel_sums(dy.clone()));
        }
        if let (Some(node), Some(weight)) = (x_node, self.weight) {
            let dx = B::tb_conv2d_input_gradient(weight, dy, self.x_shape, self.spec);
            gradients.register::<B>(node, dx);
        }
    }
}

/// Of a convolution with `N - 2` biases.
#[derive(Debug)]
struct ConvBackward<const N: usize>;

impl<B: TrainingOps, const N: usize> Backward<B, N> for ConvBackward<N> {
    /// And the output, if a ReLU gave it.
    type State = (ConvState<B>, Option<FloatTensor<B>>);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (state, y) = ops.state;
        let dy = match y {
            Some(y) => B::tb_relu_gradient(y, dy),
            None => dy,
        };
        let node = |at: usize| ops.parents.get(at)?.as_ref().map(|node| node.id);
        state.register(dy, [node(0), node(1), node(2)], gradients);
    }
}

/// Of a transposed convolution with `N - 2` biases.
#[derive(Debug)]
struct ConvTransposeBackward<const N: usize>;

impl<B: TrainingOps, const N: usize> Backward<B, N> for ConvTransposeBackward<N> {
    /// Input, if the weights' gradient is wanted; weights, if the input's is; their shape.
    type State = (Option<FloatTensor<B>>, Option<FloatTensor<B>>, [usize; 4], ConvSpec);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (x, weight, weight_shape, spec) = ops.state;
        let node = |at: usize| ops.parents.get(at)?.as_ref().map(|node| node.id);
        if let (Some(node), Some(x)) = (node(1), x) {
            // The convolution that this is the input gradient of: its output's gradient is `x`.
            let dw = B::tb_conv2d_weight_gradient(dy.clone(), x, weight_shape, spec);
            gradients.register::<B>(node, dw);
        }
        if let Some(node) = node(2) {
            gradients.register::<B>(node, B::tb_channel_sums(dy.clone()));
        }
        if let (Some(node), Some(weight)) = (node(0), weight) {
            let untracked = Tracked { x: false, weight: false };
            let dx = B::tb_conv2d(dy, weight, Maybe::None, spec, false, untracked);
            gradients.register::<B>(node, dx);
        }
    }
}

/// What a batch norm's backward pass needs: what was normalized, and the parameters and
/// statistics that did it.
type NormState<B> = ([FloatTensor<B>; 5], NormSpec);

#[derive(Debug)]
struct NormBackward;

impl<B: TrainingOps> Backward<B, 3> for NormBackward {
    type State = NormState<B>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let ([x, weight, bias, mean, var], norm) = ops.state;
        let found = B::tb_batch_norm_gradient(x, weight, bias, mean, var, dy, norm);
        let found = [found.x, found.weight, found.bias];
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

/// Of a convolution with `N - 4` biases and the batch norm behind it; its parents are input,
/// weights, the norm's weight and bias, and the convolution's bias.
#[derive(Debug)]
struct ConvNormBackward<const N: usize>;

impl<B: TrainingOps, const N: usize> Backward<B, N> for ConvNormBackward<N> {
    type State = (ConvState<B>, NormState<B>);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (conv, ([x, weight, bias, mean, var], norm)) = ops.state;
        let found = B::tb_batch_norm_gradient(x, weight, bias, mean, var, dy, norm);
        let node = |at: usize| ops.parents.get(at)?.as_ref().map(|node| node.id);
        for (node, gradient) in [(node(2), found.weight), (node(3), found.bias)] {
            if let Some(node) = node {
                gradients.register::<B>(node, gradient);
            }
        }
        conv.register(found.x, [node(0), node(1), node(4)], gradients);
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

#[derive(Debug)]
struct ForkBackward;

impl<B: TrainingOps> Backward<B, 1> for ForkBackward {
    type State = Join;

    fn backward(self, ops: Ops<Join, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let dy = match ops.state.is_second() {
            // What is there is taken out, or it would be added again.
            true => B::tb_add(gradients.consume::<B>(&node), dy),
            false => dy,
        };
        gradients.register::<B>(node.id, dy);
    }
}

/// Runs `compute` with the node of an operation that has a bias or none: `[nodes]` are its parents,
/// then the bias; `state` is kept if it is tracked.
macro_rules! with_or_without_bias {
    ($backward:ident, [$($node:expr),*], $bias:ident, $compute:expr) => {{
        let compute = $compute;
        match $bias.into_option() {
            Some(bias) => {
                let nodes = [$($node,)* bias.node()];
                match $backward.prepare::<C>(nodes).compute_bound().stateful() {
                    OpsKind::Tracked(prepared) => {
                        let (state, out, y) = compute(Some(bias.into_primitive()));
                        (out, prepared.finish(state, y))
                    }
                    OpsKind::UnTracked(prepared) => {
                        let (_, out, y) = compute(Some(bias.into_primitive()));
                        (out, prepared.finish(y))
                    }
                }
            }
            None => match $backward.prepare::<C>([$($node),*]).compute_bound().stateful() {
                OpsKind::Tracked(prepared) => {
                    let (state, out, y) = compute(None);
                    (out, prepared.finish(state, y))
                }
                OpsKind::UnTracked(prepared) => {
                    let (_, out, y) = compute(None);
                    (out, prepared.finish(y))
                }
            },
        }
    }};
}

impl<B: TrainingOps, C: CheckpointStrategy> TrainingOps for Autodiff<B, C> {
    fn tb_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        spec: ConvSpec,
        relu: bool,
        tracked: Tracked,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node()];
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        let compute = |bias: Option<FloatTensor<B>>| {
            let state = ConvState::<B>::new(&x, &weight, spec, tracked);
            let y = B::tb_conv2d(x, weight, Maybe::new(bias), spec, relu, tracked);
            ((state, relu.then(|| y.clone())), (), y)
        };
        let [x_node, weight_node] = nodes;
        let ((), y) = with_or_without_bias!(ConvBackward, [x_node, weight_node], bias, compute);
        y
    }

    fn tb_conv_transpose2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        shape: [usize; 4],
        spec: ConvSpec,
        tracked: Tracked,
    ) -> FloatTensor<Self> {
        let [x_node, weight_node] = [x.node(), weight.node()];
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        let compute = |bias: Option<FloatTensor<B>>| {
            let state = (
                tracked.weight.then(|| x.clone()),
                tracked.x.then(|| weight.clone()),
                dims(&weight),
                spec,
            );
            (state, (), B::tb_conv_transpose2d(x, weight, Maybe::new(bias), shape, spec, tracked))
        };
        let ((), y) =
            with_or_without_bias!(ConvTransposeBackward, [x_node, weight_node], bias, compute);
        y
    }

    fn tb_conv2d_prepared(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        add: Maybe<Self>,
        gain: Maybe<Self>,
        shift: Maybe<Self>,
        spec: ConvSpec,
        relu: bool,
        prepared: PreparedWeights,
    ) -> FloatTensor<Self> {
        let inner = |tensor: Maybe<Self>| {
            Maybe::new(tensor.into_option().map(FloatTensor::<Self>::into_primitive))
        };
        // Only called with tensors that nobody differentiates.
        FloatTensor::<Self>::new(B::tb_conv2d_prepared(
            x.into_primitive(),
            weight.into_primitive(),
            bias.into_primitive(),
            inner(add),
            inner(gain),
            inner(shift),
            spec,
            relu,
            prepared,
        ))
    }

    fn tb_batch_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        running_mean: FloatTensor<Self>,
        running_var: FloatTensor<Self>,
        norm: NormSpec,
    ) -> NormOut<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (weight, bias) = (weight.into_primitive(), bias.into_primitive());
        let out = B::tb_batch_norm(
            x.into_primitive(),
            weight.clone(),
            bias.clone(),
            running_mean.into_primitive(),
            running_var.into_primitive(),
            norm,
        );
        let y = match NormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let kept = [out.x.clone(), weight, bias, out.mean.clone(), out.var.clone()];
                prepared.finish((kept, norm), out.y.clone())
            }
            OpsKind::UnTracked(prepared) => prepared.finish(out.y.clone()),
        };
        NormOut { y, ..untracked::<B, C>(out) }
    }

    fn tb_conv_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Maybe<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        running_mean: FloatTensor<Self>,
        running_var: FloatTensor<Self>,
        spec: ConvSpec,
        norm: NormSpec,
        tracked: Tracked,
    ) -> NormOut<Self> {
        let [x_node, weight_node] = [x.node(), weight.node()];
        let [gain_node, shift_node] = [norm_weight.node(), norm_bias.node()];
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        let (norm_weight, norm_bias) = (norm_weight.into_primitive(), norm_bias.into_primitive());
        let compute = |bias: Option<FloatTensor<B>>| {
            let conv = ConvState::<B>::new(&x, &weight, spec, tracked);
            let out = B::tb_conv_norm(
                x,
                weight,
                Maybe::new(bias),
                norm_weight.clone(),
                norm_bias.clone(),
                running_mean.into_primitive(),
                running_var.into_primitive(),
                spec,
                norm,
                tracked,
            );
            let kept = [out.x.clone(), norm_weight, norm_bias, out.mean.clone(), out.var.clone()];
            let y = out.y.clone();
            ((conv, (kept, norm)), out, y)
        };
        let (out, y) = with_or_without_bias!(
            ConvNormBackward,
            [x_node, weight_node, gain_node, shift_node],
            bias,
            compute
        );
        NormOut { y, ..untracked::<B, C>(out) }
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

    fn tb_fork(x: FloatTensor<Self>, join: Join) -> FloatTensor<Self> {
        match ForkBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(join, x.into_primitive()),
            OpsKind::UnTracked(prepared) => prepared.finish(x.into_primitive()),
        }
    }
}

/// What is not differentiated.
fn untracked<B: TrainingOps, C: CheckpointStrategy>(out: NormOut<B>) -> NormOut<Autodiff<B, C>> {
    let new = FloatTensor::<Autodiff<B, C>>::new;
    NormOut {
        y: new(out.y),
        x: new(out.x),
        mean: new(out.mean),
        var: new(out.var),
        running_mean: new(out.running_mean),
        running_var: new(out.running_var),
    }
}
