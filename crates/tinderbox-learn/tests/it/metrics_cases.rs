//! Golden group `metrics_cases`.

use burn::tensor::Device;
use serde_json::Value;
use tinderbox_golden::{Case, Group, Report, close, close_list, number};
use tinderbox_learn::metric::{
    AUROC, Average, ConfusionMatrix, ExpRMSPE, ExplainedVariance, FBeta, FbetaOptions, IntoMetric,
    KappaScore, KappaWeights, LabelAverage, MatthewsCorreff, Metric, MultiLabelFbeta, Perplexity,
    Precision, R2Score, RMSE, Recall, Scores, accuracy, accuracy_thresh, auc_roc_score, dice,
    error_rate, exp_rmspe, explained_variance, fbeta, foreground_acc, iou, mean_absolute_error,
    mean_squared_error, mean_squared_logarithmic_error, psnr, r2_score, root_mean_squared_error,
    top_k_accuracy,
};
use tinderbox_model::AnyTensor;

use crate::tensors::any;

#[test]
fn metrics_cases() {
    let group = Group::open("metrics_cases");
    let mut report = Report::new("metrics_cases");
    for case in group.cases() {
        if case.values()["value"].is_array() {
            report.case(case.id(), by_class(case));
            continue;
        }
        match metric(case.config()) {
            Some(metric) => report.case(case.id(), epoch(case, metric)),
            None => report.not_run(case.id(), &format!("no metric {}", case.config()["metric"])),
        }
    }
    report.finish();
}

/// The metric that a case is about, with its settings.
fn metric(config: &Value) -> Option<Box<dyn Metric>> {
    let thresh = number(&config["thresh"]);
    let beta = number(&config["beta"]);
    let scores = match config["sigmoid"] == false {
        true => Scores::Probabilities,
        false => Scores::Logits,
    };
    Some(match config["metric"].as_str()? {
        "accuracy" => accuracy.into_metric(),
        "error_rate" => error_rate.into_metric(),
        "top_k_accuracy" => {
            let k = config["k"].as_u64().unwrap_or(5) as usize;
            (move |x: AnyTensor, y: AnyTensor| top_k_accuracy(x, y, k)).into_metric()
        }
        "accuracy_thresh" => {
            let thresh = thresh.unwrap_or(0.5);
            (move |x: AnyTensor, y: AnyTensor| accuracy_thresh(x, y, thresh, scores)).into_metric()
        }
        "fbeta" => {
            let default = FbetaOptions::default();
            let options = FbetaOptions {
                thresh: thresh.unwrap_or(default.thresh),
                beta: beta.unwrap_or(default.beta),
                eps: number(&config["eps"]).unwrap_or(default.eps),
                scores,
            };
            (move |x: AnyTensor, y: AnyTensor| fbeta(x, y, &options)).into_metric()
        }
        "dice" if config["iou"] == true => iou.into_metric(),
        "dice" => dice.into_metric(),
        "foreground_acc" => {
            let void_code = config["void_code"].as_i64()?;
            (move |x: AnyTensor, y: AnyTensor| foreground_acc(x, y, void_code)).into_metric()
        }
        "mean_squared_error" => mean_squared_error.into_metric(),
        "mean_absolute_error" => mean_absolute_error.into_metric(),
        "root_mean_squared_error" => root_mean_squared_error.into_metric(),
        "mean_squared_logarithmic_error" => mean_squared_logarithmic_error.into_metric(),
        "explained_variance" => explained_variance.into_metric(),
        "r2_score" => r2_score.into_metric(),
        "exp_rmspe" => exp_rmspe.into_metric(),
        "psnr" => psnr.into_metric(),
        "auc_roc_score" => auc_roc_score.into_metric(),
        "Precision" => Precision { average: average(config)? }.into_metric(),
        "Recall" => Recall { average: average(config)? }.into_metric(),
        "FBeta" => FBeta { average: average(config)?, beta: beta.unwrap_or(2.0) }.into_metric(),
        "KappaScore" => KappaScore { weights: kappa_weights(config)? }.into_metric(),
        "MatthewsCorreff" => MatthewsCorreff.into_metric(),
        "RMSE" => RMSE::default().into_metric(),
        "ExpRMSPE" => ExpRMSPE::default().into_metric(),
        "R2Score" => R2Score::default().into_metric(),
        "ExplainedVariance" => ExplainedVariance::default().into_metric(),
        "AUROC" => AUROC::default().into_metric(),
        "Perplexity" => Perplexity::default().into_metric(),
        "MultiLabelFbeta" => {
            let average = match config["average"].as_str() {
                None | Some("micro") => LabelAverage::Micro,
                Some("macro") => LabelAverage::Macro,
                Some("weighted") => LabelAverage::Weighted,
                Some(_) => return None,
            };
            let mut metric = MultiLabelFbeta::new(average);
            metric.thresh = thresh.unwrap_or(metric.thresh);
            metric.beta = beta.unwrap_or(metric.beta);
            metric.scores = scores;
            metric.into_metric()
        }
        _ => return None,
    })
}

fn average(config: &Value) -> Option<Average> {
    Some(match config["average"].as_str()? {
        "binary" => Average::default(),
        "macro" => Average::Macro,
        "weighted" => Average::Weighted,
        "micro" => Average::Micro,
        _ => return None,
    })
}

fn kappa_weights(config: &Value) -> Option<KappaWeights> {
    Some(match config["weights"].as_str() {
        None => KappaWeights::Equal,
        Some("linear") => KappaWeights::Linear,
        Some("quadratic") => KappaWeights::Quadratic,
        Some(_) => return None,
    })
}

/// The value over the case's batches, or over its only one.
fn epoch(case: Case<'_>, mut metric: Box<dyn Metric>) -> Result<(), String> {
    metric.reset();
    for (output, target) in batches(case) {
        metric.update(&output, &target).map_err(|error| error.to_string())?;
    }
    check("value", metric.value(), &case.values()["value"])?;
    let Some(want) = case.values().get("iou") else { return Ok(()) };
    let (output, target) = whole(case);
    check("iou", iou(output, target).map_err(|error| error.to_string())?, want)
}

/// Values that a confusion matrix has for each class, or for each pair of classes.
fn by_class(case: Case<'_>) -> Result<(), String> {
    let mut matrix = ConfusionMatrix::default();
    for (output, target) in batches(case) {
        matrix.update(&output, &target).map_err(|error| error.to_string())?;
    }
    let want = &case.values()["value"];
    match case.config()["metric"].as_str() {
        Some("ConfusionMatrix") => {
            let rows = want.as_array().ok_or("no rows")?;
            let got: Vec<&[u64]> = matrix.rows().collect();
            if got.len() != rows.len() {
                return Err(format!("{} classes, expected {}", got.len(), rows.len()));
            }
            got.iter().zip(rows).try_for_each(|(got, want)| {
                let got: Vec<f64> = got.iter().map(|count| *count as f64).collect();
                close_list(&got, want, 0.0, 0.0)
            })
        }
        Some("Precision") => close_list(&matrix.precision(), want, 1e-5, 1e-4),
        Some("Recall") => close_list(&matrix.recall(), want, 1e-5, 1e-4),
        Some("FBeta") => {
            let beta = number(&case.config()["beta"]).unwrap_or(2.0);
            close_list(&matrix.fbeta(beta), want, 1e-5, 1e-4)
        }
        other => Err(format!("no values by class of {other:?}")),
    }
}

fn check(name: &str, got: f64, want: &Value) -> Result<(), String> {
    match close(got, want) {
        true => Ok(()),
        false => Err(format!("{name} is {got}, expected {want}")),
    }
}

fn whole(case: Case<'_>) -> (AnyTensor, AnyTensor) {
    let device = Device::flex();
    (any(&case.input("pred"), &device), any(&case.input("targ"), &device))
}

fn batches(case: Case<'_>) -> Vec<(AnyTensor, AnyTensor)> {
    let (output, target) = whole(case);
    let items = target.dims()[0];
    let sizes = match case.config()["batches"].as_array() {
        None => vec![items],
        Some(sizes) => sizes.iter().map(|size| size.as_u64().expect("a size") as usize).collect(),
    };
    let mut start = 0;
    let batch = |size: usize| {
        let range = start..start + size;
        start += size;
        (output.clone().items(range.clone()), target.clone().items(range))
    };
    sizes.into_iter().map(batch).collect()
}
