//! What people read to know how good a model is.
//!
//! Two kinds: a function of one batch's output and target, whose epoch is the average weighted by
//! batch size, and a [`Metric`] that remembers the whole epoch. Both get the model's raw output.

mod averaged;
mod classes;
mod confusion;
mod masks;
mod multi_label;
mod numbers;
mod perplexity;
pub mod pictures;
mod pixels;
mod roc;

pub use averaged::{BatchValue, IntoMetric, IntoMetrics};
pub use classes::{accuracy, error_rate, token_accuracy, top_k_accuracy};
pub use confusion::{
    Average, ConfusionMatrix, ConfusionScore, FBeta, KappaScore, KappaWeights, MatthewsCorreff,
    Precision, Recall,
};
pub use masks::{dice, foreground_acc, iou};
pub use multi_label::{
    FbetaOptions, LabelAverage, MultiLabelFbeta, Scores, accuracy_thresh, accuracy_thresh_expand,
    fbeta,
};
pub use numbers::{
    ExpRMSPE, ExplainedVariance, R2Score, RMSE, exp_rmspe, explained_variance, mean_absolute_error,
    mean_squared_error, mean_squared_logarithmic_error, psnr, r2_score, root_mean_squared_error,
};
pub use perplexity::Perplexity;
pub use pictures::{AbError, Colorfulness, MsSsim, PixelL1, Psnr, Ssim};
pub use pixels::{MeanIou, PixelAccuracy};
pub use roc::{AUROC, auc_roc_score};

use burn::tensor::{Int, Tensor};
use tinderbox_model::AnyTensor;

use crate::{
    Error, Result,
    names::{short_name, snake_case},
};

/// A number for each epoch of validation, from all its batches.
pub trait Metric: Send {
    /// Its column's name in the table: the type's, in snake case, unless it says otherwise.
    fn name(&self) -> String {
        snake_case(&short_name::<Self>("metric"))
    }

    /// Forgets the batches of the epoch before.
    fn reset(&mut self);

    /// Takes in a batch: the model's raw output, and the target.
    ///
    /// # Errors
    /// [`Error::UnequalCounts`] or [`Error::MetricArgument`] if it does not fit them.
    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()>;

    /// [`update`](Self::update) with what the model saw, too: what validation calls. Worth writing for
    /// a metric that compares the model with its input.
    ///
    /// # Errors
    /// As there.
    #[expect(unused_variables, reason = "named for those who write it")]
    fn update_with_input(
        &mut self,
        input: &AnyTensor,
        output: &AnyTensor,
        target: &AnyTensor,
    ) -> Result<()> {
        self.update(output, target)
    }

    /// The value over the batches since [`reset`](Self::reset), NaN if it has none.
    fn value(&self) -> f64;

    /// What its user should know about the value, if there is something.
    fn warning(&self) -> Option<String> {
        None
    }
}

impl Metric for Box<dyn Metric> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn reset(&mut self) {
        (**self).reset();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        (**self).update(output, target)
    }

    fn update_with_input(
        &mut self,
        input: &AnyTensor,
        output: &AnyTensor,
        target: &AnyTensor,
    ) -> Result<()> {
        (**self).update_with_input(input, output, target)
    }

    fn value(&self) -> f64 {
        (**self).value()
    }

    fn warning(&self) -> Option<String> {
        (**self).warning()
    }
}

/// All elements on the host, row by row.
fn host(tensor: AnyTensor) -> Vec<f32> {
    tensor.into_flat().try_into_vec_as().expect("floats of any kind are readable as f32")
}

/// Elements of output and target side by side.
///
/// # Errors
/// [`Error::UnequalCounts`] if they are not equally many.
fn pairs(metric: &str, output: AnyTensor, target: AnyTensor) -> Result<Vec<(f64, f64)>> {
    let (output, target) = (host(output), host(target));
    check_counts(metric, output.len(), target.len())?;
    Ok(output.into_iter().map(f64::from).zip(target.into_iter().map(f64::from)).collect())
}

fn check_counts(metric: &str, outputs: usize, targets: usize) -> Result<()> {
    match outputs == targets {
        true => Ok(()),
        false => Err(Error::UnequalCounts { metric: metric.to_owned(), outputs, targets }),
    }
}

/// The class numbers of a target of any rank: `[n]`.
///
/// # Errors
/// [`Error::MetricArgument`] if it is not of whole numbers.
fn class_numbers(metric: &str, target: AnyTensor) -> Result<Tensor<1, Int>> {
    match target {
        AnyTensor::Int1(y) => Ok(y),
        AnyTensor::Int2(y) => Ok(y.reshape([-1])),
        AnyTensor::Int3(y) => Ok(y.reshape([-1])),
        AnyTensor::Int4(y) => Ok(y.reshape([-1])),
        other => Err(unfit(metric, "target", "expected class numbers", &other)),
    }
}

/// [`class_numbers`] on the host, each below `classes`.
///
/// # Errors
/// [`Error::MetricArgument`] if one is not, or if they are no whole numbers.
fn host_classes(metric: &str, target: AnyTensor, classes: usize) -> Result<Vec<usize>> {
    let numbers = class_numbers(metric, target)?;
    let numbers: Vec<i64> = numbers.try_into_vec_as().expect("whole numbers are readable as i64");
    let class = |number: i64| match usize::try_from(number) {
        Ok(class) if class < classes => Ok(class),
        _ => Err(Error::MetricArgument {
            metric: metric.to_owned(),
            argument: "target",
            found: format!("class {number} of {classes}"),
        }),
    };
    numbers.into_iter().map(class).collect()
}

/// The highest class of each prediction, with the classes last: `[n]`.
///
/// # Errors
/// [`Error::MetricArgument`] if the output has no scores of classes.
fn predicted_classes(metric: &str, output: AnyTensor) -> Result<Tensor<1, Int>> {
    match output {
        AnyTensor::Float2(x) => Ok(x.argmax(1).reshape([-1])),
        AnyTensor::Float3(x) => Ok(x.argmax(2).reshape([-1])),
        AnyTensor::Float4(x) => Ok(x.argmax(3).reshape([-1])),
        other => {
            Err(unfit(metric, "output", "expected scores of classes on the last axis", &other))
        }
    }
}

fn unfit(metric: &str, argument: &'static str, expected: &str, found: &AnyTensor) -> Error {
    Error::MetricArgument {
        metric: metric.to_owned(),
        argument,
        found: format!("{expected}, got a {} tensor of shape {:?}", found.kind(), found.dims()),
    }
}
