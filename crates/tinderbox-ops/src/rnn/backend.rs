//! Recurrent layers as an extension of Burn's backends.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::backend::{Backend, ExtensionType, backend_extension, tensor::FloatTensor};
use tinderbox_kernels::rnn::Cell;

use super::fallback;

/// What goes into a layer, or the gradients of it.
#[derive(ExtensionType, Debug, Clone)]
pub(crate) struct RnnInputs<B: Backend> {
    /// `[batch, time, in]`; as a gradient that nobody asked for, anything
    pub x: FloatTensor<B>,
    /// `[states, batch, hidden]`
    pub state: FloatTensor<B>,
    /// `[gates * hidden, in]`
    pub ih: FloatTensor<B>,
    /// `[gates * hidden, hidden]`
    pub hh: FloatTensor<B>,
    /// `[gates * hidden]`
    pub bias_ih: FloatTensor<B>,
    /// `[gates * hidden]`
    pub bias_hh: FloatTensor<B>,
}

/// What a layer gives.
#[derive(ExtensionType, Debug, Clone)]
pub(crate) struct RnnOut<B: Backend> {
    /// `[batch * time, hidden]`; of an LSTM with a row more for each item, its last cell
    pub output: FloatTensor<B>,
    /// What the backward pass of the same backend wants to have.
    pub saved: FloatTensor<B>,
}

/// Layers over whole sequences; the equations are [`Cell`]'s. The default bodies are composed of
/// standard operations and serve every backend that has no kernels.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait RnnOps: Backend {
    fn tb_rnn(#[extension_type] inputs: RnnInputs<Self>, cell: Cell) -> RnnOut<Self> {
        fallback::forward::<Self>(inputs, cell)
    }

    /// The gradients of all inputs, from that of the output; that of `x` if it is wanted.
    fn tb_rnn_backward(
        #[extension_type] inputs: RnnInputs<Self>,
        #[extension_type] out: RnnOut<Self>,
        d_output: FloatTensor<Self>,
        cell: Cell,
        of_input: bool,
    ) -> RnnInputs<Self> {
        fallback::backward::<Self>(inputs, out, d_output, cell, of_input)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl RnnOps for Cube {}
