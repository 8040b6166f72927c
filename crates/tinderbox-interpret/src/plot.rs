//! Curves over batches, epochs and learning rates.

use std::{ops::Range, path::Path, sync::Once};

use plotters::{coord::Shift, prelude::*, style::FontStyle};
use tinderbox_learn::{
    LrCurve, Recorder,
    callback::LayerStats,
    schedule::{Suggestion, suggestion},
};

use crate::{Error, Result};

/// Width and height, in pixels.
const SIZE: (u32, u32) = (800, 500);

/// Colours that are told apart without red and green alone; each curve is named too.
const COLORS: [RGBColor; 4] = [
    RGBColor(31, 119, 180),
    RGBColor(230, 126, 20),
    RGBColor(120, 60, 150),
    RGBColor(20, 140, 100),
];

type Points = Vec<(f64, f64)>;

/// A named curve.
struct Curve {
    name: String,
    points: Points,
    kind: CurveKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CurveKind {
    Line,
    /// A line of few points, which are marked.
    Marked,
    /// Points without a line.
    Dots,
}

impl Curve {
    fn line(name: &str, points: Points) -> Self {
        Self { name: name.to_owned(), points, kind: CurveKind::Line }
    }

    fn marked(name: &str, points: Points) -> Self {
        Self { name: name.to_owned(), points, kind: CurveKind::Marked }
    }

    fn dots(name: &str, points: Points) -> Self {
        Self { name: name.to_owned(), points, kind: CurveKind::Dots }
    }
}

fn numbered(values: &[f64]) -> Points {
    values.iter().enumerate().map(|(at, value)| ((at + 1) as f64, *value)).collect()
}

/// Values at the ends of epochs, over batches.
fn at_epoch_ends(recorder: &Recorder, value: impl Fn(usize) -> Option<f64>) -> Points {
    let mut batches = 0;
    let mut points = Points::new();
    for (epoch, n) in recorder.n_batches.iter().enumerate() {
        batches += n;
        points.extend(value(epoch).map(|value| (batches as f64, value)));
    }
    points
}

/// Batches that a plot leaves out, so that the rest is seen better. None, unless it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skip {
    /// How many at the start.
    pub start: usize,
    /// How many at the end.
    pub end: usize,
}

impl Skip {
    /// What fastai leaves out of the rate finder's curve: the start, where nothing is learned, and
    /// the end, where the loss explodes.
    pub const LR_FIND: Self = Self { start: 10, end: 5 };

    /// The points of those of `batches` that are not left out; each is at its batch's number,
    /// counted from 1.
    fn of(self, batches: usize, mut points: Points) -> Points {
        let last = batches.saturating_sub(self.end) as f64;
        points.retain(|(batch, _)| *batch > self.start as f64 && *batch <= last);
        points
    }
}

/// The smoothed training loss over batches, and the validation loss at the end of each epoch.
///
/// # Errors
/// [`Error::Nothing`] if nothing was trained; [`Error::Ending`] and [`Error::Draw`].
#[doc(alias = "recorder.plot_losses")]
#[doc(alias = "plot_loss")]
pub fn plot_losses(recorder: &Recorder, file: impl AsRef<Path>) -> Result<()> {
    plot_losses_skipping(recorder, Skip::default(), file)
}

/// [`plot_losses`] without some batches.
///
/// # Errors
/// As [`plot_losses`].
pub fn plot_losses_skipping(recorder: &Recorder, skip: Skip, file: impl AsRef<Path>) -> Result<()> {
    let file = file.as_ref();
    let batches = recorder.losses.len();
    let valid = at_epoch_ends(recorder, |epoch| recorder.valid_losses[epoch]);
    let curves = vec![
        Curve::line("training", skip.of(batches, numbered(&recorder.losses))),
        Curve::marked("validation", skip.of(batches, valid)),
    ];
    draw(file, &[Chart { x: "batches", y: "loss", log_x: false, curves, marks: Vec::new() }])
}

/// Learning rate and momentum over batches.
///
/// # Errors
/// As [`plot_losses`].
#[doc(alias = "recorder.plot_lr")]
#[doc(alias = "plot_sched")]
pub fn plot_rates(recorder: &Recorder, file: impl AsRef<Path>) -> Result<()> {
    plot_rates_skipping(recorder, Skip::default(), file)
}

/// [`plot_rates`] without some batches.
///
/// # Errors
/// As [`plot_losses`].
pub fn plot_rates_skipping(recorder: &Recorder, skip: Skip, file: impl AsRef<Path>) -> Result<()> {
    let file = file.as_ref();
    let chart = |y, values: &[f64]| {
        let curves = vec![Curve::line(y, skip.of(values.len(), numbered(values)))];
        Chart { x: "batches", y, log_x: false, curves, marks: Vec::new() }
    };
    draw(file, &[chart("learning rate", &recorder.lrs), chart("momentum", &recorder.moms)])
}

/// The metrics at the end of each epoch.
///
/// # Errors
/// As [`plot_losses`].
#[doc(alias = "recorder.plot_metrics")]
pub fn plot_metrics(recorder: &Recorder, file: impl AsRef<Path>) -> Result<()> {
    plot_metrics_skipping(recorder, Skip::default(), file)
}

/// [`plot_metrics`] without some batches.
///
/// # Errors
/// As [`plot_losses`].
pub fn plot_metrics_skipping(
    recorder: &Recorder,
    skip: Skip,
    file: impl AsRef<Path>,
) -> Result<()> {
    let file = file.as_ref();
    if recorder.metric_names.is_empty() {
        return Err(Error::Nothing { what: "the learner has no metrics" });
    }
    let curve = |(at, name): (usize, &String)| {
        let points = at_epoch_ends(recorder, |epoch| recorder.metrics[epoch][at]);
        Curve::marked(name, skip.of(recorder.losses.len(), points))
    };
    let curves = recorder.metric_names.iter().enumerate().map(curve).collect();
    draw(file, &[Chart { x: "batches", y: "metrics", log_x: false, curves, marks: Vec::new() }])
}

/// Mean and spread of what four layers gave over the batches of a fit: of those given, evenly from
/// the first to the last. A spread that dies away, or explodes, is a network that does not learn.
///
/// # Errors
/// [`Error::Nothing`] if nothing was recorded; [`Error::Ending`] and [`Error::Draw`].
pub fn plot_activations(layers: &[LayerStats], file: impl AsRef<Path>) -> Result<()> {
    let file = file.as_ref();
    let shown = layers.len().min(COLORS.len());
    if shown == 0 {
        return Err(Error::Nothing { what: "no layer was watched" });
    }
    let evenly = (0..shown).map(|at| &layers[at * (layers.len() - 1) / (shown - 1).max(1)]);
    let chart = |y, values: fn(&LayerStats) -> &[f32]| {
        let curve = |layer: &LayerStats| {
            let batches = layer.batches.iter().map(|batch| (batch + 1) as f64);
            let points = batches.zip(values(layer).iter().map(|value| f64::from(*value)));
            Curve::line(&format!("{} {}", layer.path, layer.layer), points.collect())
        };
        let curves = evenly.clone().map(curve).collect();
        Chart { x: "batches", y, log_x: false, curves, marks: Vec::new() }
    };
    let charts = [chart("mean", |layer| &layer.means), chart("standard deviation", |l| &l.stds)];
    draw(file, &charts)
}

/// The predicted numbers over the true ones, each number in a color of its own, and the line on which
/// they are the same.
pub(crate) fn plot_pairs(numbers: &[Points], file: &Path) -> Result<()> {
    let actual = range(numbers.iter().flatten().map(|(actual, _)| *actual));
    let right = Curve::line(
        "predicted = actual",
        vec![(actual.start, actual.start), (actual.end, actual.end)],
    );
    let name = |at: usize| match numbers.len() {
        1 => "predicted".to_owned(),
        _ => format!("predicted, number {}", at + 1),
    };
    let dots = numbers.iter().enumerate().map(|(at, pairs)| Curve::dots(&name(at), pairs.clone()));
    let curves = dots.chain([right]).collect();
    draw(file, &[Chart { x: "actual", y: "predicted", log_x: false, curves, marks: Vec::new() }])
}

/// The finder's loss over the learning rate, with the suggested rates marked, without what
/// [`Skip::LR_FIND`] says.
///
/// # Errors
/// As [`plot_losses`].
#[doc(alias = "recorder.plot")]
pub fn plot_lr_find(curve: &LrCurve, file: impl AsRef<Path>) -> Result<()> {
    plot_lr_find_skipping(curve, Skip::LR_FIND, file)
}

/// [`plot_lr_find`] without other batches. The suggestion is made from what is shown.
///
/// # Errors
/// As [`plot_losses`].
pub fn plot_lr_find_skipping(curve: &LrCurve, skip: Skip, file: impl AsRef<Path>) -> Result<()> {
    let file = file.as_ref();
    let LrCurve { lrs, losses, .. } = curve;
    let at_rates = skip.of(losses.len(), numbered(losses)).into_iter();
    let points = at_rates.map(|(batch, loss)| (lrs[batch as usize - 1], loss)).collect();
    let marks = suggestion(losses, lrs, skip.start, skip.end).map(|suggestion| {
        let Suggestion { lr_valley, lr_steepest, lr_min_div_10, .. } = suggestion;
        let named =
            [(lr_valley, "valley"), (lr_steepest, "steepest"), (lr_min_div_10, "minimum/10")];
        named.map(|(lr, name)| (lr, format!("{name} at {lr:.1e}"))).into()
    });
    let marks = marks.unwrap_or_default();
    let curves = vec![Curve::line("loss", points)];
    draw(file, &[Chart { x: "learning rate", y: "loss", log_x: true, curves, marks }])
}

/// Draws on a new file of either kind, whose areas are of different types.
macro_rules! to_file {
    ($file:expr, $size:expr, |$area:ident| $draw:expr) => {{
        let file: &std::path::Path = $file;
        $crate::plot::register_font();
        let failed = |reason: String| $crate::Error::Draw { path: file.to_owned(), reason };
        let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        match ending.as_deref() {
            Some("svg") => {
                let $area = &plotters::prelude::SVGBackend::new(file, $size).into_drawing_area();
                $draw.map_err(failed)
            }
            Some("png") => {
                let $area = &plotters::prelude::BitMapBackend::new(file, $size).into_drawing_area();
                $draw.map_err(failed)
            }
            _ => Err($crate::Error::Ending { path: file.to_owned() }),
        }
    }};
}
pub(crate) use to_file;

struct Chart {
    x: &'static str,
    y: &'static str,
    log_x: bool,
    curves: Vec<Curve>,
    /// Places on the x axis that are pointed out.
    marks: Vec<(f64, String)>,
}

fn draw(file: &Path, charts: &[Chart]) -> Result<()> {
    let empty = |chart: &Chart| chart.curves.iter().all(|curve| curve.points.is_empty());
    if charts.iter().any(empty) {
        return Err(Error::Nothing { what: "no batch was trained, other than those skipped" });
    }
    to_file!(file, SIZE, |area| draw_on(area, charts))
}

/// Makes the program's own font known, so that no system font is needed.
pub(crate) fn register_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let font = epaint_default_fonts::UBUNTU_LIGHT;
        for style in [FontStyle::Normal, FontStyle::Bold] {
            // Registering fails for bytes that are no font; these are part of the program.
            let _ = plotters::style::register_font("sans-serif", style, font);
        }
    });
}

fn draw_on<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    charts: &[Chart],
) -> Result<(), String> {
    area.fill(&WHITE).map_err(|error| error.to_string())?;
    for (part, chart) in area.split_evenly((1, charts.len())).iter().zip(charts) {
        let drawn = if chart.log_x { draw_log(part, chart) } else { draw_linear(part, chart) };
        drawn?;
    }
    area.present().map_err(|error| error.to_string())
}

/// From the least to the greatest finite value, with some room.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| value.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return 0.0..1.0;
    }
    let room = match high - low {
        0.0 => high.abs().max(1e-3) * 0.1,
        width => width * 0.05,
    };
    low - room..high + room
}

fn x_values(chart: &Chart) -> impl Iterator<Item = f64> + '_ {
    let points = chart.curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.0));
    points.chain(chart.marks.iter().map(|mark| mark.0))
}

fn y_range(chart: &Chart) -> Range<f64> {
    range(chart.curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1)))
}

/// The axes, then the curves; written once for both kinds of x axis, whose types differ.
macro_rules! draw_chart {
    ($area:expr, $chart:expr, $x:expr, $format:expr) => {{
        let chart: &Chart = $chart;
        let failed = |error: DrawingAreaErrorKind<_>| error.to_string();
        let y = y_range(chart);
        let mut context = ChartBuilder::on($area)
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d($x, y.clone())
            .map_err(failed)?;
        context
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(chart.x)
            .y_desc(chart.y)
            .x_labels(6)
            .x_label_formatter(&$format)
            .label_style(("sans-serif", 15))
            .axis_desc_style(("sans-serif", 17))
            .draw()
            .map_err(failed)?;
        for (curve, color) in chart.curves.iter().zip(COLORS.iter().cycle()) {
            let points = || curve.points.iter().copied().filter(|(_, y)| y.is_finite());
            let line = points().filter(|_| curve.kind != CurveKind::Dots);
            let drawn = context
                .draw_series(LineSeries::new(line, color.stroke_width(2)))
                .map_err(failed)?;
            let color = *color;
            drawn.label(curve.name.as_str()).legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 18, y)], color.stroke_width(2))
            });
            if curve.kind != CurveKind::Line {
                let dots = points().map(|point| Circle::new(point, 4, color.mix(0.7).filled()));
                context.draw_series(dots).map_err(failed)?;
            }
        }
        for ((x, text), color) in chart.marks.iter().zip(COLORS.iter().skip(1)) {
            let line = [(*x, y.start), (*x, y.end)];
            let drawn = context
                .draw_series(LineSeries::new(line, color.stroke_width(2)))
                .map_err(failed)?;
            let color = *color;
            drawn.label(text.as_str()).legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 18, y)], color.stroke_width(2))
            });
        }
        if chart.curves.len() + chart.marks.len() > 1 {
            context
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3))
                .label_font(("sans-serif", 15))
                .draw()
                .map_err(failed)?;
        }
        Ok(())
    }};
}

fn draw_linear<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    chart: &Chart,
) -> Result<(), String> {
    draw_chart!(area, chart, range(x_values(chart)), |x: &f64| short(*x))
}

/// A number on an axis: whole where it is large, else with two places.
fn short(x: f64) -> String {
    if x.abs() >= 10.0 || x.fract() == 0.0 { format!("{x:.0}") } else { format!("{x:.2}") }
}

fn draw_log<B: DrawingBackend>(area: &DrawingArea<B, Shift>, chart: &Chart) -> Result<(), String> {
    let low = x_values(chart).fold(f64::INFINITY, f64::min);
    let high = x_values(chart).fold(f64::NEG_INFINITY, f64::max);
    draw_chart!(area, chart, (low..high).log_scale(), |x: &f64| format!("{x:.0e}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn recorder() -> Recorder {
        Recorder {
            lrs: vec![0.1, 0.2, 0.1, 0.05],
            moms: vec![0.95, 0.85, 0.9, 0.95],
            losses: vec![2.0, 1.5, 1.0, 0.5],
            raw_losses: vec![2.0, 1.0, 0.5, 0.2],
            n_batches: vec![2, 2],
            train_losses: vec![Some(1.5), Some(0.5)],
            valid_losses: vec![Some(1.2), None],
            metric_names: vec!["accuracy".into()],
            metrics: vec![vec![Some(0.5)], vec![Some(0.75)]],
            first_epoch: 0,
        }
    }

    #[test]
    fn every_plot_is_written_in_both_forms() {
        let folder = tempfile::tempdir().unwrap();
        for ending in ["svg", "png"] {
            for (name, plot) in [
                ("losses", (|file| plot_losses(&recorder(), file)) as fn(&Path) -> Result<()>),
                ("rates", |file| plot_rates(&recorder(), file)),
                ("metrics", |file| plot_metrics(&recorder(), file)),
            ] {
                let file = folder.path().join(format!("{name}.{ending}"));
                plot(&file).unwrap();
                assert!(fs::metadata(&file).unwrap().len() > 1000, "{name}.{ending}");
            }
        }
        let svg = fs::read_to_string(folder.path().join("losses.svg")).unwrap();
        assert!(svg.contains("validation") && svg.contains("batches"));
    }

    #[test]
    fn the_finders_curve_names_its_suggestion() {
        use tinderbox_learn::schedule::Verdict;
        let lrs: Vec<f64> = (0..40).map(|k| 1e-5 * 1.4f64.powi(k)).collect();
        let losses: Vec<f64> =
            lrs.iter().map(|lr| 2.0 - (lr * 100.0).min(1.0) + lr * 3.0).collect();
        let curve = LrCurve { lrs, raw_losses: losses.clone(), losses, verdict: Verdict::Continue };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lr.svg");
        plot_lr_find(&curve, &file).unwrap();
        let svg = fs::read_to_string(&file).unwrap();
        assert!(
            ["valley at", "steepest at", "minimum/10 at"].iter().all(|mark| svg.contains(mark))
        );
        // One point suggests nothing.
        plot_lr_find_skipping(&curve, Skip { start: 36, end: 3 }, &file).unwrap();
        let one_point = fs::read_to_string(&file).unwrap();
        assert!(!one_point.contains("steepest at"));
        let png = folder.path().join("lr.png");
        plot_lr_find_skipping(&curve, Skip::default(), &png).unwrap();
        assert!(fs::metadata(png).unwrap().len() > 1000);
    }

    #[test]
    fn batches_that_are_left_out_keep_the_numbers_of_the_others() {
        let points = || numbered(&[5.0, 4.0, 3.0, 2.0]);
        assert_eq!(Skip::default().of(4, points()), points());
        assert_eq!(Skip { start: 1, end: 1 }.of(4, points()), [(2.0, 4.0), (3.0, 3.0)]);
        assert_eq!(Skip { start: 3, end: 9 }.of(4, points()), []);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.svg");
        let skip = Skip { start: 2, end: 0 };
        plot_losses_skipping(&recorder(), skip, &file).unwrap();
        plot_rates_skipping(&recorder(), skip, &file).unwrap();
        plot_metrics_skipping(&recorder(), skip, &file).unwrap();
        let error =
            plot_losses_skipping(&recorder(), Skip { start: 2, end: 2 }, &file).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is nothing to plot yet: no batch was trained, other than those skipped"
        );
        let error = plot_metrics(&Recorder { metric_names: vec![], ..recorder() }, &file);
        assert_eq!(
            error.unwrap_err().to_string(),
            "there is nothing to plot yet: the learner has no metrics"
        );
    }

    #[test]
    fn activations_of_some_layers_are_plotted() {
        let layer = |n: usize| LayerStats {
            path: format!("0.{n}"),
            layer: "ReLU".into(),
            batches: vec![0, 10, 20],
            means: vec![0.1, 0.2, 0.3],
            stds: vec![1.0, 1.5, n as f32],
            near_zero: vec![0.5; 3],
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("activations.svg");
        plot_activations(&(0..10).map(layer).collect::<Vec<_>>(), &file).unwrap();
        let svg = fs::read_to_string(&file).unwrap();
        for (layer, shown) in [("0.0", true), ("0.3", true), ("0.9", true), ("0.1", false)] {
            assert_eq!(svg.contains(&format!("{layer} ReLU")), shown, "{layer}");
        }
        plot_activations(&[layer(1)], &file).unwrap();
        let error = plot_activations(&[], &file).unwrap_err();
        assert_eq!(error.to_string(), "there is nothing to plot yet: no layer was watched");
    }

    #[test]
    fn nothing_trained_and_another_ending_are_errors() {
        let empty = Recorder::default();
        assert!(matches!(plot_losses(&empty, Path::new("x.svg")), Err(Error::Nothing { .. })));
        assert!(matches!(plot_losses(&recorder(), Path::new("x.gif")), Err(Error::Ending { .. })));
    }

    #[test]
    fn a_range_has_room_and_leaves_out_what_is_not_finite() {
        assert_eq!(range([1.0, 2.0, f64::NAN, f64::INFINITY].into_iter()), 0.95..2.05);
        assert_eq!(range([].into_iter()), 0.0..1.0);
        assert!(range([3.0].into_iter()).contains(&3.0));
    }
}
