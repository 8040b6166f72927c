//! How far predicted numbers are from the true ones.
//!
//! Each comes as a function of a batch; where the mean over batches is not the value over all
//! items, also as a [`Metric`] of the epoch. Output and target are flattened and must have equally
//! many elements.

use tinderbox_model::AnyTensor;

use crate::{
    Result,
    metric::{Metric, pairs},
};

/// The mean squared error.
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn mean_squared_error(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    mean("mean_squared_error", output, target, |p, t| (p - t).powi(2))
}

/// The mean absolute error.
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn mean_absolute_error(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    mean("mean_absolute_error", output, target, |p, t| (p - t).abs())
}

/// The root of the mean squared error. Over an epoch rather use [`RMSE`]: the mean of roots is
/// not the root of the mean.
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn root_mean_squared_error(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    mean("root_mean_squared_error", output, target, |p, t| (p - t).powi(2)).map(f64::sqrt)
}

/// The mean squared error of `ln(1 + x)`, for numbers not below zero.
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn mean_squared_logarithmic_error(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    let error = |p: f64, t: f64| (p.ln_1p() - t.ln_1p()).powi(2);
    mean("mean_squared_logarithmic_error", output, target, error)
}

/// The root of the mean squared relative error of the exponentials, for models that predict
/// logarithms. Over an epoch rather use [`ExpRMSPE`].
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn exp_rmspe(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    mean("exp_rmspe", output, target, relative_error_of_exp).map(f64::sqrt)
}

/// The ratio of signal to noise, in decibels, of pixels in `0.0..=1.0`.
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn psnr(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    mean("psnr", output, target, |p, t| (p - t).powi(2)).map(|mse| -10.0 * mse.log10())
}

/// The share of the target's variance that the predictions explain; at most 1. Over an epoch
/// rather use [`ExplainedVariance`].
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn explained_variance(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    let mut metric = ExplainedVariance::default();
    metric.add(pairs("explained_variance", output, target)?);
    Ok(metric.value())
}

/// The coefficient of determination: 1 for perfect predictions, 0 for those as good as the
/// target's mean. Over an epoch rather use [`R2Score`].
///
/// # Errors
/// [`Error::UnequalCounts`](crate::Error::UnequalCounts).
pub fn r2_score(output: AnyTensor, target: AnyTensor) -> Result<f64> {
    let mut metric = R2Score::default();
    metric.add(pairs("r2_score", output, target)?);
    Ok(metric.value())
}

/// [`root_mean_squared_error`] over all items of the epoch.
#[derive(Debug, Clone, Default)]
pub struct RMSE {
    squared_errors: Moments,
}

impl Metric for RMSE {
    fn reset(&mut self) {
        *self = Self::default();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        for (p, t) in pairs("rmse", output.clone(), target.clone())? {
            self.squared_errors.add((p - t).powi(2));
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        self.squared_errors.mean().sqrt()
    }
}

/// [`exp_rmspe`] over all items of the epoch.
#[derive(Debug, Clone, Default)]
pub struct ExpRMSPE {
    squared_errors: Moments,
}

impl Metric for ExpRMSPE {
    fn reset(&mut self) {
        *self = Self::default();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        for (p, t) in pairs("exp_rmspe", output.clone(), target.clone())? {
            self.squared_errors.add(relative_error_of_exp(p, t));
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        self.squared_errors.mean().sqrt()
    }
}

/// [`r2_score`] over all items of the epoch.
#[derive(Debug, Clone, Default)]
pub struct R2Score {
    squared_errors: Moments,
    targets: Moments,
}

impl R2Score {
    fn add(&mut self, pairs: Vec<(f64, f64)>) {
        for (p, t) in pairs {
            self.squared_errors.add((p - t).powi(2));
            self.targets.add(t);
        }
    }
}

impl Metric for R2Score {
    fn reset(&mut self) {
        *self = Self::default();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        self.add(pairs("r2_score", output.clone(), target.clone())?);
        Ok(())
    }

    fn value(&self) -> f64 {
        1.0 - self.squared_errors.mean() * self.targets.n / self.targets.squares
    }
}

/// [`explained_variance`] over all items of the epoch.
#[derive(Debug, Clone, Default)]
pub struct ExplainedVariance {
    errors: Moments,
    targets: Moments,
}

impl ExplainedVariance {
    fn add(&mut self, pairs: Vec<(f64, f64)>) {
        for (p, t) in pairs {
            self.errors.add(t - p);
            self.targets.add(t);
        }
    }
}

impl Metric for ExplainedVariance {
    fn reset(&mut self) {
        *self = Self::default();
    }

    fn update(&mut self, output: &AnyTensor, target: &AnyTensor) -> Result<()> {
        self.add(pairs("explained_variance", output.clone(), target.clone())?);
        Ok(())
    }

    fn value(&self) -> f64 {
        1.0 - self.errors.squares / self.targets.squares
    }
}

fn relative_error_of_exp(p: f64, t: f64) -> f64 {
    ((t.exp() - p.exp()) / t.exp()).powi(2)
}

/// The mean of `error` over all elements.
fn mean(
    metric: &str,
    output: AnyTensor,
    target: AnyTensor,
    error: impl Fn(f64, f64) -> f64,
) -> Result<f64> {
    let pairs = pairs(metric, output, target)?;
    let sum: f64 = pairs.iter().map(|(p, t)| error(*p, *t)).sum();
    Ok(sum / pairs.len() as f64)
}

/// Count, mean and squared distance from the mean of numbers that come one by one.
///
/// Welford's method: exact where the difference of large sums would not be.
#[derive(Debug, Clone, Default)]
struct Moments {
    n: f64,
    mean: f64,
    /// The sum of squared distances from the mean.
    squares: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        self.n += 1.0;
        let distance = x - self.mean;
        self.mean += distance / self.n;
        self.squares += distance * (x - self.mean);
    }

    fn mean(&self) -> f64 {
        match self.n > 0.0 {
            true => self.mean,
            false => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;

    fn numbers(values: &[f32]) -> AnyTensor {
        let data = TensorData::new(values.to_vec(), [values.len()]);
        Tensor::<1>::from_data(data, &Device::flex()).into()
    }

    #[track_caller]
    fn check(
        mut metric: impl Metric,
        name: &str,
        of_batch: fn(AnyTensor, AnyTensor) -> Result<f64>,
    ) {
        let (output, target) = ([0.1, 0.4, 0.3, 0.9, 0.2], [0.2, 0.4, 0.1, 1.0, 0.3]);
        assert_eq!(metric.name(), name);
        assert!(metric.value().is_nan());
        metric.update(&numbers(&output), &numbers(&target)).unwrap();
        metric.reset();
        metric.update(&numbers(&output[..3]), &numbers(&target[..3])).unwrap();
        metric.update(&numbers(&output[3..]), &numbers(&target[3..])).unwrap();
        let whole = of_batch(numbers(&output), numbers(&target)).unwrap();
        assert!((metric.value() - whole).abs() < 1e-9, "{} and {whole}", metric.value());
    }

    #[test]
    fn the_epoch_is_as_one_batch() {
        check(RMSE::default(), "rmse", root_mean_squared_error);
        check(ExpRMSPE::default(), "exp_rmspe", exp_rmspe);
        check(R2Score::default(), "r2_score", r2_score);
        check(ExplainedVariance::default(), "explained_variance", explained_variance);
    }

    #[test]
    fn unequal_counts_are_an_error_with_a_hint() {
        let error = mean_squared_error(numbers(&[1.0, 2.0]), numbers(&[1.0])).unwrap_err();
        assert_eq!(error.to_string(), "mean_squared_error: 2 predictions for 1 targets");
        assert_eq!(
            error.hint().unwrap(),
            "this metric compares element by element: does the model give one number for each target?"
        );
    }
}
