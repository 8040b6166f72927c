//! How a gradient moves its parameter: the arithmetic of the optimizers.
//!
//! Parameters, gradients and what is remembered of them are flat tensors of the same length, on a
//! device without autodiff. They come and go by value, so that nobody else holds them and they can
//! be updated in place. Nothing here knows which parameter it moves.

mod kernel;

use burn::tensor::Tensor;

/// How a step pulls its parameter towards zero, with the weight decay `w`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// Not at all.
    None,
    /// `g = g + w p`: as a penalty on the square of the parameter.
    Penalty(f64),
    /// `p = p (1 - lr w)` before the step, apart from the gradient.
    ///
    /// Loshchilov and Hutter, [Decoupled weight decay](https://arxiv.org/abs/1711.05101), 2019.
    Decoupled(f64),
}

impl Decay {
    /// The parameter and its gradient with the decay in one of them.
    fn apply(self, value: Tensor<1>, gradient: Tensor<1>, lr: f64) -> (Tensor<1>, Tensor<1>) {
        match self {
            Self::None => (value, gradient),
            Self::Penalty(decay) => (value.clone(), gradient + value * decay),
            Self::Decoupled(decay) => (value * (1.0 - decay * lr), gradient),
        }
    }
}

/// The numbers of a step of [`adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Learning rate.
    pub lr: f64,
    /// How much of the mean of the gradients is kept, in `0.0..1.0`. It may differ from step to
    /// step.
    pub beta1: f64,
    /// How much of the mean of their squares is kept, in `0.0..1.0`.
    pub beta2: f64,
    /// Added to the root of the squares.
    pub eps: f64,
    /// Which step it is, counted from 1.
    pub count: u64,
    /// The decay.
    pub decay: Decay,
}

/// A step of Adam: the parameter after it, and the two means for the next.
///
/// With `b1`, `b2` the betas, `t` the count and means of zero before the first step:
///
/// ```text
/// m = b1 m + (1 - b1) g
/// v = b2 v + (1 - b2) g²
/// p = p - lr / (1 - b1^t) · m / (√v / √(1 - b2^t) + eps)
/// ```
///
/// Both corrections use the betas of this step. With a [decoupled](Decay::Decoupled) decay it is
/// AdamW.
///
/// # Shapes
/// All `[n]`.
///
/// # Reference
/// Kingma and Ba, [Adam](https://arxiv.org/abs/1412.6980), 2015, in PyTorch's form.
pub fn adam(
    value: Tensor<1>,
    gradient: Tensor<1>,
    means: Option<[Tensor<1>; 2]>,
    step: &AdamStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let AdamStep { lr, beta1, beta2, eps, count, decay } = *step;
    let (value, gradient) = decay.apply(value, gradient, lr);
    let [m, v] = means.unwrap_or_else(|| [gradient.zeros_like(), gradient.zeros_like()]);
    let m = m * beta1 + gradient.clone() * (1.0 - beta1);
    let v = v * beta2 + gradient.square() * (1.0 - beta2);
    let count = count as f64;
    let (of_m, of_v) = (1.0 - beta1.powf(count), 1.0 - beta2.powf(count));
    let denominator = v.clone().sqrt() / of_v.sqrt() + eps;
    let value = value - m.clone() / denominator * (lr / of_m);
    (value, [m, v])
}

/// The numbers of a step of [`sgd`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub lr: f64,
    /// How much of the running sum is kept, in `0.0..1.0`.
    pub momentum: f64,
    /// The decay.
    pub decay: Decay,
}

/// A step of gradient descent: the parameter after it, and the running sum for the next.
///
/// With `b` the momentum, and the gradient itself as the first sum:
///
/// ```text
/// s = b s + g
/// p = p - lr s
/// ```
///
/// # Shapes
/// All `[n]`.
///
/// # Reference
/// Sutskever et al., [On the importance of initialization and momentum](https://proceedings.mlr.press/v28/sutskever13.html),
/// 2013, in PyTorch's form, in which the rate is outside of the sum.
pub fn sgd(
    value: Tensor<1>,
    gradient: Tensor<1>,
    sum: Option<Tensor<1>>,
    step: &SgdStep,
) -> (Tensor<1>, Tensor<1>) {
    let SgdStep { lr, momentum, decay } = *step;
    let (value, gradient) = decay.apply(value, gradient, lr);
    let sum = match sum {
        Some(sum) => sum * momentum + gradient,
        None => gradient,
    };
    (value - sum.clone() * lr, sum)
}

/// The numbers of a step of [`rms_prop`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsPropStep {
    /// Learning rate.
    pub lr: f64,
    /// How much of the mean of the squares is kept, in `0.0..1.0`.
    pub alpha: f64,
    /// Added to the root of the squares.
    pub eps: f64,
    /// The decay.
    pub decay: Decay,
}

/// A step of RMSprop: the parameter after it, and the mean of the squares for the next.
///
/// With `a` for alpha, and a mean of zero before the first step:
///
/// ```text
/// v = a v + (1 - a) g²
/// p = p - lr g / (√v + eps)
/// ```
///
/// # Shapes
/// All `[n]`.
///
/// # Reference
/// Hinton, [Lecture 6e](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf),
/// 2012, in PyTorch's form.
pub fn rms_prop(
    value: Tensor<1>,
    gradient: Tensor<1>,
    square: Option<Tensor<1>>,
    step: &RmsPropStep,
) -> (Tensor<1>, Tensor<1>) {
    let RmsPropStep { lr, alpha, eps, decay } = *step;
    let (value, gradient) = decay.apply(value, gradient, lr);
    let square = square.unwrap_or_else(|| gradient.zeros_like());
    let square = square * alpha + gradient.clone().square() * (1.0 - alpha);
    (value - gradient / (square.clone().sqrt() + eps) * lr, square)
}

/// The rule of a step, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// By [`adam`].
    Adam(AdamStep),
    /// By [`sgd`].
    Sgd(SgdStep),
    /// By [`rms_prop`].
    RmsProp(RmsPropStep),
}

/// A parameter that a step moves.
#[derive(Debug)]
pub struct Update {
    /// The parameter.
    pub value: Tensor<1>,
    /// Its gradient, which is only read.
    pub gradient: Tensor<1>,
    /// What the rule remembers, as the last step gave it; nothing before the first.
    pub memory: Vec<Tensor<1>>,
    /// How it moves.
    pub step: Step,
}

/// A parameter after a step.
#[derive(Debug)]
pub struct Updated {
    /// The parameter.
    pub value: Tensor<1>,
    /// What the rule remembers for the next step: [`adam`] two means, the others one tensor.
    pub memory: Vec<Tensor<1>>,
}

/// A step of all parameters, in their order.
///
/// On the CPU they move in one pass, in place where nobody else holds them. On other backends each
/// moves by the function of its rule.
///
/// # Shapes
/// All tensors of a parameter are `[n]`.
pub fn update(parameters: Vec<Update>) -> Vec<Updated> {
    match parameters.iter().all(kernel::takes) {
        true => kernel::update(parameters),
        false => parameters.into_iter().map(update_one).collect(),
    }
}

fn update_one(parameter: Update) -> Updated {
    let Update { value, gradient, memory, step } = parameter;
    let mut memory = memory.into_iter();
    match step {
        Step::Adam(step) => {
            let means = memory.next().zip(memory.next()).map(<[_; 2]>::from);
            let (value, means) = adam(value, gradient, means, &step);
            Updated { value, memory: means.into() }
        }
        Step::Sgd(step) => {
            let (value, sum) = sgd(value, gradient, memory.next(), &step);
            Updated { value, memory: vec![sum] }
        }
        Step::RmsProp(step) => {
            let (value, square) = rms_prop(value, gradient, memory.next(), &step);
            Updated { value, memory: vec![square] }
        }
    }
}
