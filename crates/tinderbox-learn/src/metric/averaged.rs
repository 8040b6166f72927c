//! Functions of a batch as metrics of an epoch.

use std::{fmt::Display, marker::PhantomData};

use tinderbox_model::AnyTensor;

use crate::{Error, Result, metric::Metric, names::short_name};

/// What a function metric may return: the batch's value, or why there is none.
pub trait BatchValue {
    /// The value.
    ///
    /// # Errors
    /// What the function says went wrong.
    fn into_value(self) -> Result<f64>;
}

impl BatchValue for f64 {
    fn into_value(self) -> Result<f64> {
        Ok(self)
    }
}

impl BatchValue for Result<f64> {
    fn into_value(self) -> Result<f64> {
        self
    }
}

/// What a learner takes as a metric: a [`Metric`], or a function of a batch's output and target,
/// each of the tensor type it works on, that returns an `f64` or a `Result<f64>`.
///
/// A function's epoch is the average over its batches, weighted by their size. Its column has the
/// function's name, or one that is given with it: `("top 3", |x: AnyTensor, y: AnyTensor|
/// top_k_accuracy(x, y, 3))`.
///
/// `Args` only tells these apart; it is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric",
    note = "a metric is a `Fn(output, target) -> f64` with its tensor types written out, a pair of a name and such a function, or implements `Metric`"
)]
pub trait IntoMetric<Args> {
    /// The metric, in a box.
    fn into_metric(self) -> Box<dyn Metric>;
}

impl<M: Metric + 'static> IntoMetric<()> for M {
    fn into_metric(self) -> Box<dyn Metric> {
        Box::new(self)
    }
}

impl<F, O, T, R> IntoMetric<(O, T, R)> for F
where
    F: Fn(O, T) -> R + Send + 'static,
    O: TryFrom<AnyTensor, Error: Display> + 'static,
    T: TryFrom<AnyTensor, Error: Display> + 'static,
    R: BatchValue + 'static,
{
    fn into_metric(self) -> Box<dyn Metric> {
        Box::new(Averaged::new(short_name::<F>("metric"), self))
    }
}

impl<F, O, T, R> IntoMetric<(&str, O, T, R)> for (&str, F)
where
    F: Fn(O, T) -> R + Send + 'static,
    O: TryFrom<AnyTensor, Error: Display> + 'static,
    T: TryFrom<AnyTensor, Error: Display> + 'static,
    R: BatchValue + 'static,
{
    fn into_metric(self) -> Box<dyn Metric> {
        let (name, function) = self;
        Box::new(Averaged::new(name.to_owned(), function))
    }
}

/// One metric, or a tuple of up to six, or a list of boxed ones.
///
/// `Args` only tells these apart; it is inferred.
///
/// # Example
/// ```
/// # use tinderbox_learn::metric::{IntoMetrics, Precision, accuracy, top_k_accuracy};
/// # use tinderbox_model::AnyTensor;
/// let top_3 = ("top 3", |x: AnyTensor, y: AnyTensor| top_k_accuracy(x, y, 3));
/// let metrics = (accuracy, Precision::default(), top_3).into_metrics();
/// let columns: Vec<String> = metrics.iter().map(|metric| metric.name()).collect();
/// assert_eq!(columns, ["accuracy", "precision", "top 3"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric or a tuple of metrics",
    note = "a metric is a `Fn(output, target) -> f64` with its tensor types written out, a pair of a name and such a function, or implements `Metric`"
)]
pub trait IntoMetrics<Args> {
    /// The metrics, in the order of their columns.
    fn into_metrics(self) -> Vec<Box<dyn Metric>>;
}

/// Marks a single metric among [`IntoMetrics`].
#[derive(Debug)]
pub struct Single<Args>(PhantomData<Args>);

impl<A, M: IntoMetric<A>> IntoMetrics<Single<A>> for M {
    fn into_metrics(self) -> Vec<Box<dyn Metric>> {
        vec![self.into_metric()]
    }
}

impl IntoMetrics<()> for Vec<Box<dyn Metric>> {
    fn into_metrics(self) -> Vec<Box<dyn Metric>> {
        self
    }
}

macro_rules! tuples {
    ($($($metric:ident: $args:ident),+;)+) => {$(
        impl<$($args, $metric: IntoMetric<$args>),+> IntoMetrics<($($args,)+)> for ($($metric,)+) {
            #[expect(non_snake_case, reason = "a tuple's parts are named as their types")]
            fn into_metrics(self) -> Vec<Box<dyn Metric>> {
                let ($($metric,)+) = self;
                vec![$($metric.into_metric()),+]
            }
        }
    )+};
}

tuples! {
    M1: A1;
    M1: A1, M2: A2;
    M1: A1, M2: A2, M3: A3;
    M1: A1, M2: A2, M3: A3, M4: A4;
    M1: A1, M2: A2, M3: A3, M4: A4, M5: A5;
    M1: A1, M2: A2, M3: A3, M4: A4, M5: A5, M6: A6;
}

/// The average of a function over batches, weighted by batch size.
struct Averaged<F, O, T, R> {
    name: String,
    function: F,
    sum: f64,
    items: usize,
    arguments: PhantomData<fn(O, T) -> R>,
}

impl<F, O, T, R> Averaged<F, O, T, R> {
    fn new(name: String, function: F) -> Self {
        Self { name, function, sum: 0.0, items: 0, arguments: PhantomData }
    }

    fn argument<A>(&self, argument: &'static str, tensor: &AnyTensor) -> Result<A>
    where
        A: TryFrom<AnyTensor, Error: Display>,
    {
        tensor.clone().try_into().map_err(|mismatch: A::Error| Error::MetricArgument {
            metric: self.name.clone(),
            argument,
            found: mismatch.to_string(),
        })
    }
}

impl<F, O, T, R> Metric for Averaged<F, O, T, R>
where
    F: Fn(O, T) -> R + Send,
    O: TryFrom<AnyTensor, Error: Display>,
    T: TryFrom<AnyTensor, Error: Display>,
    R: BatchValue,
{
    fn name(&self) -> String {
        self.name.clone()
    }

    fn reset(&mut self) {
        (self.sum, self.items) = (0.0, 0);
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        let items = target.dims()[0];
        let (output, target) = (self.argument("output", output)?, self.argument("target", target)?);
        let value = (self.function)(output, target).into_value()?;
        self.sum += value * items as f64;
        self.items += items;
        Ok(())
    }

    fn value(&self) -> f64 {
        self.sum / self.items as f64
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int, Tensor};

    use super::*;
    use crate::metric::{RMSE, accuracy, error_rate, top_k_accuracy};

    /// A metric as a user writes it.
    fn zeros_in_batch(_: Tensor<2>, target: Tensor<1, Int>) -> f64 {
        target.equal_elem(0).int().sum().into_scalar::<i64>() as f64
    }

    fn batch(items: usize) -> (AnyTensor, AnyTensor) {
        let device = Device::flex();
        let output: Tensor<2> = Tensor::zeros([items, 3], &device);
        let target: Tensor<1, Int> = Tensor::zeros([items], &device);
        (output.into(), target.into())
    }

    fn names<A>(metrics: impl IntoMetrics<A>) -> Vec<String> {
        metrics.into_metrics().iter().map(Metric::name).collect()
    }

    #[test]
    fn batches_count_by_their_size() {
        let mut metric = zeros_in_batch.into_metric();
        for items in [4, 4, 2] {
            let (output, target) = batch(items);
            metric.update(&output, &target).unwrap();
        }
        assert!((metric.value() - 3.6).abs() < 1e-12);
        metric.reset();
        assert!(metric.value().is_nan());
    }

    #[test]
    fn metrics_of_all_kinds_are_told_apart_and_named() {
        assert_eq!(names(accuracy), ["accuracy"]);
        assert_eq!(names((accuracy, error_rate)), ["accuracy", "error_rate"]);
        let top_2 = ("top 2", |x: AnyTensor, y: AnyTensor| top_k_accuracy(x, y, 2));
        assert_eq!(names(top_2), ["top 2"]);
        assert_eq!(
            names((zeros_in_batch, RMSE::default(), top_2)),
            ["zeros_in_batch", "rmse", "top 2"]
        );
        assert_eq!(names((accuracy, error_rate).into_metrics()), ["accuracy", "error_rate"]);
        assert_eq!(names(|_: Tensor<2>, _: Tensor<2>| 0.0), ["metric"]);
    }

    #[test]
    fn an_argument_that_does_not_fit_is_named() {
        let (output, target) = batch(2);
        let error = zeros_in_batch.into_metric().update(&target, &output).unwrap_err();
        assert_eq!(
            error.to_string(),
            "zeros_in_batch, output: expected a rank-2 float tensor, got a rank-1 int tensor of shape [2]"
        );
    }
}
