//! Cross entropy as an extension of Burn's backends.

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
        backend_extension, get_device_settings,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{DType, IndexingUpdateOp, Shape},
};
use burn_flex::FlexTensor;
use tinderbox_kernels::loss;

use crate::{
    flex::{channels_last, dims, in_order, map, tensor},
    ids::whole_numbers,
};

/// A mean cross entropy, and what its gradient needs.
#[derive(ExtensionType)]
pub(crate) struct CrossEntropyOut<B: Backend> {
    /// `[1]`
    pub mean: FloatTensor<B>,
    /// `[1]`: the weights of all targets.
    pub divisor: FloatTensor<B>,
    /// In terms that only the gradient's function knows.
    pub log_sums: FloatTensor<B>,
}

/// On logits of `[batch, classes, height, width]`, targets of `[batch, height, width]` and weights
/// of `[classes]`. Targets that are `ignored` do not count.
#[backend_extension(Autodiff, Flex, Cube: cfg(any(feature = "wgpu", feature = "cuda")))]
pub(crate) trait LossOps: Backend {
    /// The mean over all targets, by weight.
    fn tb_cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        ignored: Option<i64>,
    ) -> CrossEntropyOut<Self> {
        cross_entropy::<Self>(logits, targets, weights, ignored)
    }

    /// The gradient of the logits, from that of the mean.
    fn tb_cross_entropy_gradient(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        divisor: FloatTensor<Self>,
        log_sums: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        ignored: Option<i64>,
    ) -> FloatTensor<Self> {
        let _unused = log_sums;
        gradient::<Self>(logits, targets, weights, divisor, dy, ignored)
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl LossOps for Cube {}

/// The classes and their weights, each `[batch, 1, height, width]`; what is ignored is of class 0
/// and weight 0.
fn weighted<B: Backend>(
    targets: IntTensor<B>,
    weights: FloatTensor<B>,
    ignored: Option<i64>,
) -> (IntTensor<B>, FloatTensor<B>) {
    let [batch, height, width] = targets.shape().dims();
    let shape = Shape::new([batch, 1, height, width]);
    let targets = B::int_reshape(targets, shape.clone());
    let select = |targets: IntTensor<B>| {
        let flat = B::int_reshape(targets, Shape::new([batch * height * width]));
        B::float_reshape(B::float_select(weights, 0, flat), shape)
    };
    let Some(ignored) = ignored else { return (targets.clone(), select(targets)) };
    let bools = get_device_settings::<B>(&targets.device()).bool_dtype;
    let off = B::int_equal_elem(targets.clone(), ignored.into(), bools);
    let targets = B::int_mask_fill(targets, off.clone(), 0.into());
    (targets.clone(), B::float_mask_fill(select(targets), off, 0.0.into()))
}

fn cross_entropy<B: Backend>(
    logits: FloatTensor<B>,
    targets: IntTensor<B>,
    weights: FloatTensor<B>,
    ignored: Option<i64>,
) -> CrossEntropyOut<B> {
    let (targets, weights) = weighted::<B>(targets, weights, ignored);
    let of_targets = B::float_gather(1, B::log_softmax(logits, 1), targets);
    let divisor = B::float_sum(weights.clone());
    let sum = B::float_sum(B::float_mul(of_targets, weights));
    let mean = B::float_neg(B::float_div(sum, divisor.clone()));
    CrossEntropyOut { mean, divisor: divisor.clone(), log_sums: divisor }
}

fn gradient<B: Backend>(
    logits: FloatTensor<B>,
    targets: IntTensor<B>,
    weights: FloatTensor<B>,
    divisor: FloatTensor<B>,
    dy: FloatTensor<B>,
    ignored: Option<i64>,
) -> FloatTensor<B> {
    let (targets, weights) = weighted::<B>(targets, weights, ignored);
    let scale = B::float_reshape(B::float_div(dy, divisor), Shape::new([1, 1, 1, 1]));
    let gains = B::float_mul(weights, scale);
    let shares = B::float_mul(B::softmax(logits, 1), gains.clone());
    B::float_scatter(1, shares, targets, B::float_neg(gains), IndexingUpdateOp::Add)
}

/// The classes of the rows; none for what is ignored.
fn checked(targets: &FlexTensor, classes: usize, ignored: Option<i64>) -> Vec<Option<usize>> {
    let targets = whole_numbers(targets).into_iter();
    targets
        .map(|target| match usize::try_from(target) {
            _ if Some(target) == ignored => None,
            Ok(class) if class < classes => Some(class),
            _ => panic!("there is no class {target}: the logits are of {classes} classes"),
        })
        .collect()
}

/// Whether the kernels take these.
fn fit(logits: &FlexTensor, weights: &FlexTensor) -> bool {
    logits.dtype() == DType::F32 && weights.dtype() == DType::F32 && !dims(logits).contains(&0)
}

impl LossOps for Flex {
    fn tb_cross_entropy(
        logits: FlexTensor,
        targets: FlexTensor,
        weights: FlexTensor,
        ignored: Option<i64>,
    ) -> CrossEntropyOut<Self> {
        let classes = checked(&targets, dims(&logits)[1], ignored);
        if !fit(&logits, &weights) {
            return cross_entropy::<Self>(logits, targets, weights, ignored);
        }
        let out = loss::cross_entropy(&channels_last(&logits), &classes, &in_order(&weights));
        let rows = out.log_sums.len();
        CrossEntropyOut {
            mean: tensor(vec![out.mean], [1]),
            divisor: tensor(vec![out.divisor], [1]),
            log_sums: tensor(out.log_sums, [rows]),
        }
    }

    fn tb_cross_entropy_gradient(
        logits: FlexTensor,
        targets: FlexTensor,
        weights: FlexTensor,
        divisor: FlexTensor,
        log_sums: FlexTensor,
        dy: FlexTensor,
        ignored: Option<i64>,
    ) -> FlexTensor {
        if !fit(&logits, &weights) {
            return gradient::<Self>(logits, targets, weights, divisor, dy, ignored);
        }
        let classes = checked(&targets, dims(&logits)[1], ignored);
        let values = channels_last(&logits);
        let mut out = vec![0.0; values.len()];
        loss::gradient(
            &values,
            &classes,
            &in_order(&weights),
            &in_order(&log_sums),
            in_order(&dy)[0] / in_order(&divisor)[0],
            &mut out,
        );
        map(out, dims(&logits))
    }
}

#[derive(Debug)]
struct CrossEntropyBackward;

impl<B: LossOps> Backward<B, 1> for CrossEntropyBackward {
    /// Logits, targets, weights, divisor, sums, what is ignored.
    type State =
        (FloatTensor<B>, IntTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, Option<i64>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (logits, targets, weights, divisor, log_sums, ignored) = ops.state;
        if let [Some(node)] = ops.parents {
            let gradient = B::tb_cross_entropy_gradient(
                logits, targets, weights, divisor, log_sums, dy, ignored,
            );
            gradients.register::<B>(node.id, gradient);
        }
    }
}

impl<B: LossOps, C: CheckpointStrategy> LossOps for Autodiff<B, C> {
    fn tb_cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        ignored: Option<i64>,
    ) -> CrossEntropyOut<Self> {
        let nodes = [logits.node()];
        let (logits, weights) = (logits.into_primitive(), weights.into_primitive());
        let out = B::tb_cross_entropy(logits.clone(), targets.clone(), weights.clone(), ignored);
        let CrossEntropyOut { mean, divisor, log_sums } = out;
        let state = (logits, targets, weights, divisor.clone(), log_sums.clone(), ignored);
        let mean = match CrossEntropyBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(state, mean),
            OpsKind::UnTracked(prepared) => prepared.finish(mean),
        };
        CrossEntropyOut {
            mean,
            divisor: FloatTensor::<Self>::new(divisor),
            log_sums: FloatTensor::<Self>::new(log_sums),
        }
    }
}

/// The kernels against the composition that every other backend runs.
#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::testing::{assert_close, assert_map, random};

    #[test]
    fn both_ways_agree() {
        for [batch, classes, height, width] in [[1, 1, 1, 1], [7, 10, 1, 1], [2, 5, 3, 4]] {
            for ignored in [None, Some(0), Some(-100)] {
                let logits = random([batch, classes, height, width]);
                let target = |i: usize| match (i * 7 % (classes + 1), ignored) {
                    (0, Some(ignored)) => ignored,
                    (class, _) => (class % classes) as i64,
                };
                let targets: Vec<i64> = (0..batch * height * width).map(target).collect();
                let weights: Vec<f32> = (0..classes).map(|c| 0.5 + c as f32).collect();
                if targets.iter().all(|target| Some(*target) == ignored) {
                    continue;
                }
                let targets =
                    FlexTensor::from_data(TensorData::new(targets, [batch, height, width]));
                let weights = tensor(weights, [classes]);
                let all = || (logits.clone(), targets.clone(), weights.clone());

                let (x, y, w) = all();
                let found = Flex::tb_cross_entropy(x, y, w, ignored);
                let (x, y, w) = all();
                let wanted = cross_entropy::<Flex>(x, y, w, ignored);
                assert_close(&found.mean, &wanted.mean);
                assert_close(&found.divisor, &wanted.divisor);

                let dy = tensor(vec![2.0], [1]);
                let (x, y, w) = all();
                let wanted = gradient::<Flex>(x, y, w, wanted.divisor, dy.clone(), ignored);
                let (x, y, w) = all();
                let (divisor, log_sums) = (found.divisor, found.log_sums);
                let found =
                    Flex::tb_cross_entropy_gradient(x, y, w, divisor, log_sums, dy, ignored);
                assert_map(&found);
                assert_close(&found, &wanted);
            }
        }
    }
}
