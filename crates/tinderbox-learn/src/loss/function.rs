//! Functions as losses.

use std::{fmt::Display, marker::PhantomData};

use burn::tensor::Tensor;
use tinderbox_model::AnyTensor;

use crate::{
    loss::{Activation, Loss},
    names::short_name,
};

/// What a learner takes as a loss: a [`Loss`], or a function or closure of the output and the
/// target, each of the tensor type it works on.
///
/// A function cannot say its activation: give the two as a pair, `(loss, Activation::Sigmoid)`,
/// or its raw outputs are the predictions.
///
/// `Args` only tells these apart; it is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loss",
    note = "a loss is a `Fn(output, target) -> Tensor<1>` with its tensor types written out, or implements `Loss`"
)]
pub trait IntoLoss<Args> {
    /// The loss, in a box.
    fn into_loss(self) -> Box<dyn Loss>;
}

impl<L: Loss + 'static> IntoLoss<()> for L {
    fn into_loss(self) -> Box<dyn Loss> {
        Box::new(self)
    }
}

impl<F, O, T> IntoLoss<(O, T)> for F
where
    F: Fn(O, T) -> Tensor<1> + Send + 'static,
    O: TryFrom<AnyTensor, Error: Display> + 'static,
    T: TryFrom<AnyTensor, Error: Display> + 'static,
{
    fn into_loss(self) -> Box<dyn Loss> {
        (self, Activation::None).into_loss()
    }
}

impl<F, O, T> IntoLoss<(O, T, Activation)> for (F, Activation)
where
    F: Fn(O, T) -> Tensor<1> + Send + 'static,
    O: TryFrom<AnyTensor, Error: Display> + 'static,
    T: TryFrom<AnyTensor, Error: Display> + 'static,
{
    fn into_loss(self) -> Box<dyn Loss> {
        let (function, activation) = self;
        Box::new(FunctionLoss { function, activation, arguments: PhantomData })
    }
}

struct FunctionLoss<F, O, T> {
    function: F,
    activation: Activation,
    arguments: PhantomData<fn(O, T)>,
}

impl<F, O, T> Loss for FunctionLoss<F, O, T>
where
    F: Fn(O, T) -> Tensor<1> + Send,
    O: TryFrom<AnyTensor, Error: Display>,
    T: TryFrom<AnyTensor, Error: Display>,
{
    fn forward(&self, output: AnyTensor, target: AnyTensor) -> Tensor<1> {
        (self.function)(output.expect_for("loss, output"), target.expect_for("loss, target"))
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn name(&self) -> String {
        short_name::<F>("loss")
    }
}
