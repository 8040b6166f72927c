//! What the convolutions of well-known networks reach, layer by layer.
//!
//! Speeds are multiplications and additions of the definition a second, beside the [`Peak`] of a
//! matrix product in the caches of the same machine at the same time. Winograd's algorithms
//! multiply less than the definition, so they may pass it.

use std::{fmt, time::Instant};

use serde::Serialize;
use tinderbox_kernels::{
    Conv,
    conv::{Finish, Pass},
    gemm::{Packed, matmul},
    path, pool,
};

use crate::{Error, Result};

/// A convolution of a network, and how often it occurs there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    pub network: &'static str,
    pub conv: Conv,
    pub times: usize,
    /// Whether its input is the network's, which needs no gradient.
    pub first: bool,
}

impl Layer {
    /// `NETWORK/HEIGHTxWIDTH/IN-OUT/KERNELsSTRIDE`: `resnet34/32x32/64-128/3x3s2`.
    pub fn name(&self) -> String {
        let Conv { height, width, in_channels, out_channels, kernel, stride, .. } = self.conv;
        let ([kh, kw], [stride, _]) = (kernel, stride);
        let network = self.network;
        format!("{network}/{height}x{width}/{in_channels}-{out_channels}/{kh}x{kw}s{stride}")
    }

    /// Billions of multiplications and additions of each pass.
    fn gflop(&self) -> f64 {
        2e-9 * self.conv.multiplications() as f64
    }
}

/// The convolutions of a network.
struct Network {
    name: &'static str,
    batch: usize,
    /// Height, width, input and output channels, side of the kernel, stride, times; the padding is
    /// half the kernel. The first one sees the network's input.
    layers: &'static [[usize; 7]],
}

const NETWORKS: [Network; 3] = [
    Network {
        name: "mnist-resnetish",
        batch: 128,
        layers: &[
            [28, 28, 1, 8, 3, 2, 1],
            [14, 14, 8, 8, 3, 1, 2],
            [14, 14, 8, 16, 3, 2, 1],
            [7, 7, 16, 16, 3, 1, 2],
            [7, 7, 16, 32, 3, 2, 1],
            [4, 4, 32, 32, 3, 1, 2],
            [4, 4, 32, 16, 3, 2, 1],
            [2, 2, 16, 16, 3, 1, 2],
            [2, 2, 16, 10, 3, 2, 1],
        ],
    },
    Network {
        name: "resnet34",
        batch: 16,
        layers: &[
            [128, 128, 3, 64, 7, 2, 1],
            [32, 32, 64, 64, 3, 1, 6],
            [32, 32, 64, 128, 3, 2, 1],
            [32, 32, 64, 128, 1, 2, 1],
            [16, 16, 128, 128, 3, 1, 7],
            [16, 16, 128, 256, 3, 2, 1],
            [16, 16, 128, 256, 1, 2, 1],
            [8, 8, 256, 256, 3, 1, 11],
            [8, 8, 256, 512, 3, 2, 1],
            [8, 8, 256, 512, 1, 2, 1],
            [4, 4, 512, 512, 3, 1, 5],
        ],
    },
    Network {
        name: "unet34",
        batch: 4,
        layers: &[
            [180, 240, 3, 64, 7, 2, 1],
            [45, 60, 64, 64, 3, 1, 6],
            [45, 60, 64, 128, 3, 2, 1],
            [45, 60, 64, 128, 1, 2, 1],
            [23, 30, 128, 128, 3, 1, 7],
            [23, 30, 128, 256, 3, 2, 1],
            [23, 30, 128, 256, 1, 2, 1],
            [12, 15, 256, 256, 3, 1, 11],
            [12, 15, 256, 512, 3, 2, 1],
            [12, 15, 256, 512, 1, 2, 1],
            [6, 8, 512, 512, 3, 1, 5],
            [6, 8, 512, 1024, 3, 1, 1],
            [6, 8, 1024, 512, 3, 1, 1],
            [6, 8, 512, 1024, 1, 1, 1],
            [12, 15, 512, 512, 3, 1, 2],
            [12, 15, 512, 1024, 1, 1, 1],
            [23, 30, 384, 384, 3, 1, 2],
            [23, 30, 384, 768, 1, 1, 1],
            [45, 60, 256, 256, 3, 1, 2],
            [45, 60, 256, 512, 1, 1, 1],
            [90, 120, 192, 96, 3, 1, 1],
            [90, 120, 96, 96, 3, 1, 1],
            [90, 120, 96, 384, 1, 1, 1],
            [180, 240, 99, 99, 3, 1, 2],
            [180, 240, 99, 12, 1, 1, 1],
        ],
    },
];

/// The layers whose names contain `filter`; with an empty one, all.
///
/// # Errors
/// [`Error::NoLayer`] if there is none.
pub fn layers(filter: &str) -> Result<Vec<Layer>> {
    let all = NETWORKS.iter().flat_map(|network| {
        network.layers.iter().enumerate().map(|(at, layer)| {
            let [height, width, in_channels, out_channels, kernel, stride, times] = *layer;
            let conv = Conv {
                batch: network.batch,
                height,
                width,
                in_channels,
                out_channels,
                kernel: [kernel; 2],
                stride: [stride; 2],
                padding: [kernel / 2; 2],
                dilation: [1; 2],
                groups: 1,
            };
            Layer { network: network.name, conv, times, first: at == 0 }
        })
    });
    let found: Vec<Layer> = all.filter(|layer| layer.name().contains(filter)).collect();
    match found.is_empty() {
        true => Err(Error::NoLayer { filter: filter.to_owned() }),
        false => Ok(found),
    }
}

/// What the machine's arithmetic reaches, with the path and the threads of the kernels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Peak {
    pub gflops: f64,
    pub threads: usize,
    pub path: &'static str,
}

impl Peak {
    /// The best of many runs, in so many seconds, of a matrix product whose blocks stay in each
    /// core's second cache.
    pub fn measure(seconds: f64) -> Self {
        /// Rows for each thread, steps and columns: a block of rows has 0.3 MB, the matrix 0.2.
        const SIZES: [usize; 3] = [672, 384, 128];
        let [rows, steps, columns] = SIZES;
        let threads = pool::threads();
        let rows = rows * threads;
        let a = numbers(rows * steps);
        let b = Packed::from_rows(&numbers(steps * columns), steps, columns);
        let best = best(seconds, || drop(matmul(&a, &b, None)));
        let gflops = 2e-9 * (rows * steps * columns) as f64 / best;
        Self { gflops, threads, path: crate::path::name(path()) }
    }
}

impl fmt::Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gflops, threads, path } = self;
        let s = if *threads == 1 { "" } else { "s" };
        write!(
            f,
            "peak {gflops:.0} GFLOP/s: a matrix product in the caches, {threads} thread{s}, {path}"
        )
    }
}

/// What one pass of a layer reaches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    pub algorithm: String,
    pub seconds: f64,
    pub gflops: f64,
    /// Of the peak.
    pub share: f64,
}

/// What a layer reaches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub network: &'static str,
    pub layer: String,
    pub times: usize,
    /// Billions of multiplications and additions of each pass.
    pub gflop: f64,
    pub forward: Cell,
    /// None for a network's first layer, which needs none.
    pub input_gradient: Option<Cell>,
    pub weight_gradient: Cell,
}

impl Row {
    /// The best of at least five runs, in so many seconds, of each pass.
    pub fn measure(layer: &Layer, seconds: f64, peak: &Peak) -> Self {
        let conv = &layer.conv;
        let [x, weights, y] = conv.lens().map(numbers);
        let gflop = layer.gflop();
        let cell = |pass: Pass, run: &dyn Fn() -> Vec<f32>| {
            let seconds = best(seconds, || drop(run()));
            let gflops = gflop / seconds;
            let algorithm = conv.algorithm(pass).to_string();
            Cell { algorithm, seconds, gflops, share: gflops / peak.gflops }
        };
        Self {
            network: layer.network,
            layer: layer.name(),
            times: layer.times,
            gflop,
            forward: cell(Pass::Forward, &|| conv.forward(&x, &weights, Finish::default())),
            input_gradient: (!layer.first)
                .then(|| cell(Pass::InputGradient, &|| conv.input_gradient(&y, &weights))),
            weight_gradient: cell(Pass::WeightGradient, &|| conv.weight_gradient(&x, &y)),
        }
    }

    fn cells(&self) -> [Option<&Cell>; 3] {
        [Some(&self.forward), self.input_gradient.as_ref(), Some(&self.weight_gradient)]
    }

    /// The line above the rows' lines.
    pub fn header() -> String {
        let passes = ["forward", "input gradient", "weight gradient"]
            .map(|pass| format!("  {pass:<15}{:>10}{:>7}", "GFLOP/s", "peak"));
        format!("{:<NAME$}{:>TIMES$}{}", "layer", "times", passes.concat())
    }
}

/// Widths of columns.
const NAME: usize = 34;
const TIMES: usize = 7;

impl fmt::Display for Row {
    /// A line of a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<NAME$}{:>TIMES$}", self.layer, self.times)?;
        for cell in self.cells() {
            match cell {
                Some(Cell { algorithm, gflops, share, .. }) => {
                    write!(f, "  {algorithm:<15}{gflops:>10.0}{:>5.0} %", share * 100.0)?;
                }
                None => write!(f, "  {:<32}", "-")?,
            }
        }
        Ok(())
    }
}

/// What the measured layers of a network take together, each as often as it occurs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Total {
    pub network: &'static str,
    /// Of all passes.
    pub seconds: f64,
    /// Seconds of the forward pass.
    pub forward: f64,
    /// Seconds of the input gradients.
    pub input_gradient: f64,
    /// Seconds of the weight gradients.
    pub weight_gradient: f64,
    pub gflops: f64,
    /// Of the peak.
    pub share: f64,
}

impl Total {
    /// Of each network in `rows`, in their order.
    pub fn of(rows: &[Row], peak: &Peak) -> Vec<Self> {
        rows.chunk_by(|a, b| a.network == b.network).map(|rows| Self::of_one(rows, peak)).collect()
    }

    fn of_one(rows: &[Row], peak: &Peak) -> Self {
        let sum = |of: &dyn Fn(&Row) -> f64| -> f64 {
            rows.iter().map(|row| row.times as f64 * of(row)).sum()
        };
        let pass = |at: usize| sum(&|row| row.cells()[at].map_or(0.0, |cell| cell.seconds));
        let [forward, input_gradient, weight_gradient] = [0, 1, 2].map(pass);
        let seconds = forward + input_gradient + weight_gradient;
        let gflop = sum(&|row| row.gflop * row.cells().iter().flatten().count() as f64);
        let (network, gflops) = (rows[0].network, gflop / seconds);
        let share = gflops / peak.gflops;
        Self { network, seconds, forward, input_gradient, weight_gradient, gflops, share }
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = [self.seconds, self.forward, self.input_gradient, self.weight_gradient];
        let [total, forward, input, weight] = times.map(|seconds| seconds * 1e3);
        let (network, gflops, share) = (self.network, self.gflops, self.share * 100.0);
        write!(
            f,
            "{network:<16} {total:8.2} ms: forward {forward:.2}, input gradients {input:.2}, \
             weight gradients {weight:.2}; {gflops:.0} GFLOP/s, {share:.0} %"
        )
    }
}

/// What the columns mean, for under the table.
pub const LEGEND: &str = "\
GFLOP/s: billions of multiplications and additions of the definition, per second; peak: their share
of the peak. Winograd's algorithms multiply less, so they may pass 100 %; others do so only if the
machine was busy while the peak was measured.";

/// Numbers that are no special case of arithmetic.
fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i % 17) as f32 * 0.1 - 0.8).collect()
}

/// The least time of at least five runs, in seconds, after one to warm up.
fn best(seconds: f64, mut run: impl FnMut()) -> f64 {
    const LEAST: usize = 5;
    run();
    let (start, mut best, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < LEAST || start.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_found_by_a_part_of_their_names() {
        let names = |filter: &str| -> Vec<String> {
            layers(filter).unwrap().iter().map(Layer::name).collect()
        };
        assert_eq!(names("").len(), 9 + 11 + 25);
        assert_eq!(names("resnet34/8x8/256-256"), ["resnet34/8x8/256-256/3x3s1"]);
        assert_eq!(names("7x7s2"), ["resnet34/128x128/3-64/7x7s2", "unet34/180x240/3-64/7x7s2"]);
        let error = layers("3x3s4").unwrap_err().to_string();
        assert_eq!(error, "no layer's name contains `3x3s4`");
    }

    #[test]
    fn a_networks_layers_fit_together() {
        // The others have layers side by side, and pooling.
        for pair in layers("mnist-resnetish").unwrap().windows(2) {
            let (conv, next) = (pair[0].conv, pair[1].conv);
            assert_eq!(conv.out_size(), [next.height, next.width]);
            assert_eq!(conv.out_channels, next.in_channels);
        }
    }

    #[test]
    fn totals_count_layers_as_often_as_they_occur() {
        let peak = Peak { gflops: 100.0, threads: 1, path: "plain" };
        let cell = |seconds| Cell { algorithm: "direct".into(), seconds, gflops: 0.0, share: 0.0 };
        let row = |network, times, input_gradient| Row {
            network,
            layer: String::new(),
            times,
            gflop: 10.0,
            forward: cell(1.0),
            input_gradient,
            weight_gradient: cell(3.0),
        };
        let rows = [row("a", 1, None), row("a", 2, Some(cell(2.0))), row("b", 3, None)];
        let totals = Total::of(&rows, &peak);
        assert_eq!(totals.len(), 2);
        assert_eq!((totals[0].network, totals[0].seconds), ("a", 16.0));
        let Total { forward, input_gradient, weight_gradient, .. } = totals[0];
        assert_eq!([forward, input_gradient, weight_gradient], [3.0, 4.0, 9.0]);
        assert!((totals[0].gflops - (20.0 + 2.0 * 30.0) / 16.0).abs() < 1e-9);
        assert!((totals[1].share - 0.05).abs() < 1e-9);
        assert_eq!(
            totals[0].to_string(),
            "a                16000.00 ms: forward 3000.00, input gradients 4000.00, \
             weight gradients 9000.00; 5 GFLOP/s, 5 %"
        );
    }

    #[test]
    fn rows_are_as_wide_as_their_header() {
        let layer = layers("mnist-resnetish/2x2/16-10").unwrap()[0];
        let peak = Peak { gflops: 100.0, threads: 1, path: "plain" };
        let row = Row::measure(&layer, 0.0, &peak);
        assert_eq!(row.to_string().len(), Row::header().len());
        let first = Row { input_gradient: None, ..row };
        assert_eq!(first.to_string().len(), Row::header().len());
    }
}
