//! Our side of a benchmark: whole steps of well-known work, timed for a comparison with another
//! library that does the same.
//!
//! [`serve`] answers requests, a line each, so that two libraries can be run in turn on a machine
//! whose speed drifts:
//!
//! | it reads | it answers, a line of JSON |
//! |---|---|
//! | at its start | `{"ready": WORKLOAD, "who": "NAME VERSION"}`, once the model is built and warm |
//! | `run N` | `{"ms": [N step times], "peak_mb": PEAK RESIDENT MEMORY}` |
//! | end of input | it ends |
//!
//! For `train/*` a step is the forward pass, the loss, the backward pass and the optimizer's
//! update; for `infer/*` a forward pass in evaluation mode. Inputs are random and stay the same.
//!
//! [`kernels`] times single layers, to see where the time of a step goes.

mod error;
mod feature_loss;
mod infer;
pub mod kernels;
mod path;
mod peak_memory;
mod train;
mod trainee;
mod unet;
mod wgan;

use std::{
    io::{BufRead, Write},
    time::Instant,
};

use burn::tensor::Device;
use serde_json::json;
use tinderbox_model::arch::{LstmLm, Model3, Model5, ResNetConfig, basic, resnetish};

pub use error::{Error, Result};
pub use path::{PATHS, set_path};

use crate::peak_memory::peak_memory;

/// Steps before a workload is called ready.
const WARM_UP: usize = 3;

/// One whole step of a workload.
pub type Step = Box<dyn FnMut()>;

/// Something to time.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// What is done, with what, on how much: `train/resnet34/16x128`.
    pub name: &'static str,
    /// Builds the model and gives its step.
    start: fn() -> Step,
}

/// All workloads, by the names that both sides of the comparison use.
pub const WORKLOADS: [Workload; 12] = [
    Workload {
        name: "train/mnist-basic/b128",
        start: || train::classes(basic(1, 10, &training()), [128, 1, 28, 28], 10),
    },
    Workload {
        name: "train/mnist-resnetish/b128",
        start: || train::classes(resnetish(1, 10, &training()), [128, 1, 28, 28], 10),
    },
    Workload {
        name: "train/resnet34/16x128",
        start: || {
            let model = ResNetConfig::RESNET34.init(&training());
            train::classes(model, [16, 3, 128, 128], 1000)
        },
    },
    Workload { name: "train/unet34/4x180x240", start: || unet::train([4, 180, 240], &training()) },
    Workload {
        name: "train/feature-loss/4x128",
        start: || feature_loss::step(4, 128, &training()),
    },
    Workload { name: "train/wgan/64x64", start: || wgan::step(64, 64, &training()) },
    Workload {
        name: "train/rnn-loop/64x20",
        start: || train::words(Model3::new(38, 64, &training()), [64, 20], 38),
    },
    Workload {
        name: "train/gru2/64x20",
        start: || train::words(Model5::new(38, 64, &training()), [64, 20], 38),
    },
    Workload {
        name: "train/lstm3/32x70",
        start: || train::words(LstmLm::new(10_000, 400, 1152, &training()), [32, 70], 10_000),
    },
    Workload {
        name: "infer/mnist-resnetish/b1",
        start: || infer::step(resnetish(1, 10, &Device::flex()), [1, 1, 28, 28]),
    },
    Workload {
        name: "infer/resnet34/1x224",
        start: || infer::step(ResNetConfig::RESNET34.init(&Device::flex()), [1, 3, 224, 224]),
    },
    Workload { name: "infer/unet34/1x360x480", start: || unet::infer([360, 480]) },
];

/// The device of what is trained.
fn training() -> Device {
    Device::flex().autodiff()
}

impl Workload {
    /// The workload called `name`.
    ///
    /// # Errors
    /// [`Error::UnknownWorkload`] with the names that there are.
    pub fn find(name: &str) -> Result<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.name == name).ok_or_else(|| {
            let known = WORKLOADS.iter().map(|workload| workload.name).collect();
            Error::UnknownWorkload { name: name.to_owned(), known }
        })
    }

    /// Builds the model, always the same, and gives its step.
    pub fn start(&self) -> Step {
        Device::flex().seed(0);
        (self.start)()
    }
}

/// Answers requests about the workload called `name` until there are no more.
///
/// # Errors
/// As [`Workload::find`]; [`Error::BenchRequest`] for a line that is no
/// request; [`Error::BenchStreams`] if one cannot be read or answered.
pub fn serve(name: &str, requests: impl BufRead, mut answers: impl Write) -> Result<()> {
    let mut step = Workload::find(name)?.start();
    (0..WARM_UP).for_each(|_| step());
    let mut answer = |answer: serde_json::Value| {
        let written = writeln!(answers, "{answer}").and_then(|()| answers.flush());
        written.map_err(|source| Error::BenchStreams { source })
    };
    let who = concat!("tinderbox ", env!("CARGO_PKG_VERSION"));
    answer(json!({ "ready": name, "who": who }))?;
    for line in requests.lines() {
        let line = line.map_err(|source| Error::BenchStreams { source })?;
        let Some(steps) = line.strip_prefix("run ").and_then(|n| n.trim().parse::<usize>().ok())
        else {
            return Err(Error::BenchRequest { line });
        };
        let ms: Vec<f64> = (0..steps).map(|_| milliseconds(&mut step)).collect();
        answer(json!({ "ms": ms, "peak_mb": peak_memory() }))?;
    }
    Ok(())
}

fn milliseconds(step: &mut Step) -> f64 {
    let start = Instant::now();
    step();
    start.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(name: &str, requests: &str) -> Result<Vec<serde_json::Value>> {
        let mut answers = Vec::new();
        serve(name, requests.as_bytes(), &mut answers)?;
        let lines = String::from_utf8(answers).unwrap();
        Ok(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn requests_are_answered_one_by_one() {
        let answers = served("infer/mnist-resnetish/b1", "run 2\nrun 0\n").unwrap();
        assert_eq!(answers.len(), 3);
        assert_eq!(answers[0]["ready"], "infer/mnist-resnetish/b1");
        let times = |at: usize| answers[at]["ms"].as_array().unwrap();
        assert!(times(1).len() == 2 && times(1).iter().all(|ms| ms.as_f64().unwrap() > 0.0));
        assert!(times(2).is_empty());
    }

    #[test]
    fn the_small_workloads_run() {
        for name in ["train/mnist-basic/b128", "train/rnn-loop/64x20", "train/gru2/64x20"] {
            let mut step = Workload::find(name).unwrap().start();
            step();
            step();
        }
    }

    #[test]
    fn trouble_is_named() {
        let said = |name, requests| served(name, requests).unwrap_err().to_string();
        assert_eq!(said("train/resnet34", ""), "there is no workload `train/resnet34`");
        assert_eq!(
            said("infer/mnist-resnetish/b1", "walk 3\n"),
            "invalid request `walk 3`: expected `run` and a number of steps"
        );
    }
}
