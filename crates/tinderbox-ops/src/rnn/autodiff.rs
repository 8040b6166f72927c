//! The backward pass, once for every backend.

use burn::backend::{
    Autodiff,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};
use tinderbox_kernels::rnn::Cell;

use super::backend::{RnnInputs, RnnOps, RnnOut};

#[derive(Debug)]
struct RnnBackward;

impl<B: RnnOps> Backward<B, 6> for RnnBackward {
    type State = (RnnInputs<B>, RnnOut<B>, Cell);

    fn backward(self, ops: Ops<Self::State, 6>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let d_output = gradients.consume::<B>(&ops.node);
        let (inputs, out, cell) = ops.state;
        let of_input = ops.parents[0].is_some();
        let found = B::tb_rnn_backward(inputs, out, d_output, cell, of_input);
        let RnnInputs { x, state, ih, hh, bias_ih, bias_hh } = found;
        for (node, gradient) in ops.parents.into_iter().zip([x, state, ih, hh, bias_ih, bias_hh]) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: RnnOps, C: CheckpointStrategy> RnnOps for Autodiff<B, C> {
    fn tb_rnn(inputs: RnnInputs<Self>, cell: Cell) -> RnnOut<Self> {
        let RnnInputs { x, state, ih, hh, bias_ih, bias_hh } = inputs;
        let nodes = [x.node(), state.node(), ih.node(), hh.node(), bias_ih.node(), bias_hh.node()];
        let inputs = RnnInputs::<B> {
            x: x.into_primitive(),
            state: state.into_primitive(),
            ih: ih.into_primitive(),
            hh: hh.into_primitive(),
            bias_ih: bias_ih.into_primitive(),
            bias_hh: bias_hh.into_primitive(),
        };
        let (output, saved) = match RnnBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let out = B::tb_rnn(inputs.clone(), cell);
                let (output, saved) = (out.output.clone(), out.saved.clone());
                (prepared.finish((inputs, out, cell), output), saved)
            }
            OpsKind::UnTracked(prepared) => {
                let out = B::tb_rnn(inputs, cell);
                (prepared.finish(out.output), out.saved)
            }
        };
        RnnOut { output, saved: FloatTensor::<Self>::new(saved) }
    }
}
