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

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use tinderbox_model::{
        ConvLayerConfig, NormType, Sequential,
        layer::{Flatten, Tanh},
        weights::Strict,
    };

    use super::*;

    /// Smooth, so that differences of its penalty are derivatives.
    fn critic() -> Network {
        let device = Device::flex().autodiff();
        let layer = |inputs, outputs| {
            let config = ConvLayerConfig::new(inputs, outputs).norm(NormType::None);
            config.activation(false).init(&device)
        };
        let model = random::seeded(4, || {
            let layers = Sequential::new().push(layer(2, 4)).push(Tanh);
            layers.push(layer(4, 1)).push(Flatten::default())
        });
        Network::new(Box::new(model))
    }

    fn penalty(critic: &mut Network) -> Tensor<1> {
        let device = critic.device().clone();
        let images = |seed: u64| {
            let draw = || random::tensor([3, 2, 4, 4], Distribution::Normal(0.0, 1.0), &device);
            AnyTensor::from(random::seeded(seed, draw))
        };
        random::seeded(9, || gradient_penalty(critic, images(1), images(2))).unwrap()
    }

    fn of_first_weight(critic: &Network, loss: &Tensor<1>) -> Vec<f32> {
        let gradients = critic.gradients(loss).unwrap();
        let (_, gradient) = gradients.indexed().next().unwrap();
        gradient.clone().try_into_vec_as().unwrap()
    }

    /// Of a linear critic the length of the gradient is that of its weights, whatever the image.
    #[test]
    fn a_linear_critic_is_penalized_for_its_weights_alone() {
        let device = Device::flex().autodiff();
        let conv = ConvLayerConfig { padding: Some(0), ..ConvLayerConfig::new(2, 1) };
        let conv = conv.kernel(4).norm(NormType::None).activation(false).init(&device);
        let mut critic = Network::new(Box::new(Sequential::new().push(conv)));
        let weights = critic.state_dict();
        let weights = &weights.get("0.0.weight").unwrap().values;
        let length = weights.iter().map(|w| w * w).sum::<f32>().sqrt();
        let found = penalty(&mut critic);
        let want = (length - 1.0).powi(2);
        let value = found.clone().into_scalar::<f32>();
        assert!((value - want).abs() < 1e-4 * want.max(1.0), "{value}, expected {want}");
        let gradient = of_first_weight(&critic, &found);
        for (found, weight) in gradient.iter().zip(weights) {
            let want = 2.0 * (length - 1.0) * weight / length;
            assert!((found - want).abs() < 2e-3 * want.abs().max(0.1), "{found}, expected {want}");
        }
    }

    /// The derivative by each weight, beside the difference of two penalties.
    #[test]
    fn its_derivative_is_that_of_its_value() {
        let mut critic = critic();
        let loss = penalty(&mut critic);
        let gradient = of_first_weight(&critic, &loss);
        let weights = critic.state_dict();
        let weight = weights.get("0.0.weight").unwrap().clone();
        let mut at = |index: usize, by: f32| {
            let mut moved = weights.clone();
            let mut values = weight.values.clone();
            values[index] += by;
            moved.insert("0.0.weight", weight.shape.clone(), values);
            critic.load_state_dict(&moved, Strict::Yes).unwrap();
            f64::from(penalty(&mut critic).into_scalar::<f32>())
        };
        let largest = gradient.iter().fold(0.0, |most: f32, g| most.max(g.abs()));
        for (index, found) in gradient.iter().enumerate() {
            let want = (at(index, 1e-2) - at(index, -1e-2)) / 2e-2;
            let off = (f64::from(*found) - want).abs();
            assert!(off < 0.1 * f64::from(largest), "{index}: {found}, expected {want}");
        }
    }
}
