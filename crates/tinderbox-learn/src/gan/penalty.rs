//! The gradient penalty, without second derivatives.

use burn::tensor::{Distribution, Tensor};
use tinderbox_model::{AnyTensor, Layer, Mode, random};

use crate::{Network, Result, fit::forward};

/// How far to both sides of an image its directional derivative is taken, as a distance of images.
const STEP: f64 = 0.1;

/// The mean of `(|∇ critic(x)| - 1)²` over images `x` on the lines from real ones to generated ones:
/// `[1]`.
///
/// Its derivative by the critic's parameters is that of `Σ cᵢ uᵢ·∇ critic(xᵢ)` with
/// `cᵢ = 2 (|∇| - 1) / n` and `uᵢ = ∇ / |∇|` held constant, and a derivative along a direction is a
/// difference of two passes. So no gradient is differentiated again, which the engine cannot do; in a
/// critic of leaky ReLUs, which is linear in pieces, the difference is exact where no piece ends.
///
/// Images count one by one only if the critic does not mix them: it is in evaluation mode.
pub(super) fn gradient_penalty(
    critic: &mut Network,
    real: AnyTensor,
    fake: AnyTensor,
) -> Result<Tensor<1>> {
    let (real, fake) = (images(real), images(fake).detach());
    let [items, ..] = real.dims();
    let at = random::tensor([items, 1, 1, 1], Distribution::Default, &real.device());
    let x = real.clone() + (fake - real) * at;
    let (value, direction) = critic.held(Some(Mode::Eval), |model| slopes(model, x.clone()))?;
    let step = direction * STEP;
    let along = critic.evaluating(|model| {
        Ok(score(model, x.clone() + step.clone())? - score(model, x - step)?)
    })? / (2.0 * STEP);
    // The penalty's value, and the derivative of `along`.
    Ok(value - along.clone().detach() + along)
}

fn images(tensor: AnyTensor) -> Tensor<4> {
    tensor.expect_for("gradient penalty")
}

/// The penalty, and the direction whose derivative is the penalty's: `Σ cᵢ uᵢ`.
fn slopes(critic: &dyn Layer, x: Tensor<4>) -> Result<(Tensor<1>, Tensor<4>)> {
    let x = x.detach().require_grad();
    let [items, channels, height, width] = x.dims();
    let gradients = score(critic, x.clone())?.backward();
    let slope = x.grad(&gradients).expect("the critic looks at images");
    let flat: Tensor<2> = slope.clone().reshape([items, channels * height * width]);
    let length = flat.square().sum_dim(1).sqrt().clamp_min(1e-12).reshape([items, 1, 1, 1]);
    let excess = length.clone() - 1.0;
    let value = excess.clone().square().mean();
    let direction = slope * (excess * 2.0 / items as f64) / length;
    Ok((Tensor::from_inner(value), Tensor::from_inner(direction)))
}

/// The sum of the images' scores; those of an image, or of the whole batch, are averaged.
fn score(critic: &dyn Layer, x: Tensor<4>) -> Result<Tensor<1>> {
    let items = x.dims()[0] as f64;
    Ok(forward(critic, x.into())?.into_flat().mean() * items)
}
