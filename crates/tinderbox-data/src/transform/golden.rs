//! Golden: whole pipelines, and how pixels between pixels are found.
//!
//! Here and not among the tests of the public API, because images of floats come into a pipeline
//! from inside only.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tinderbox_golden::{Case, Group, Report};

use super::{
    Canvas, Crop, CropPad, Cutout, Dihedral, DihedralAffine, Direction, Drawn, FlipLr,
    Interpolation, Jitter, Pad, PaddingMode, Perspective, Place, Point, ResizeMethod, Size, Skew,
    Squish, Tilt, Transform, Transforms, Ways, Zoom, brightness, canvas::View, contrast, crop_pad,
    flip_affine, perspective_warp, rand_resize_crop, rotate, sample, skew, squish, symmetric_warp,
    tilt, warp::symmetric_targets, zoom, zoom_squish::Try,
};
use crate::{Array, Image, Values};

/// Why a case did not pass, or is left out.
enum Stop {
    NotHere(String),
    Failed(String),
}

use Stop::{Failed, NotHere};

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Failed(why)
    }
}

fn run(name: &str, check: fn(Case<'_>) -> Result<(), Stop>) {
    let group = Group::open(name);
    let mut report = Report::new(name);
    for case in group.cases() {
        match check(case) {
            Ok(()) => report.case(case.id(), Ok(())),
            Err(Failed(why)) => report.case(case.id(), Err(why)),
            Err(NotHere(why)) => report.not_run(case.id(), &why),
        }
    }
    report.finish();
}

#[test]
fn transforms_match_fastai() {
    run("transforms", pipeline);
}

#[test]
fn views_match_fastai() {
    run("tta", |case| match case.config()["kind"].as_str() {
        Some(_) => pipeline(case),
        None => Err(NotHere("weighed by the learner, whose tests run it".into())),
    });
}

#[test]
fn sampling_matches_pytorch() {
    run("sampling", sampling);
}

/// A setting by its name in the fixtures, which is that in a saved model.
fn named<T: serde::de::DeserializeOwned>(name: &Value) -> Result<T, Stop> {
    let text = name.as_str().unwrap_or_default().to_lowercase();
    serde_json::from_value(Value::String(text)).map_err(|error| Failed(error.to_string()))
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().map(|number| number as usize)
}

/// A size: one side, or height and width.
fn size(value: &Value) -> Option<Size> {
    match value.as_array() {
        Some(sides) => Some(Size::Exactly(number(&sides[0])?, number(&sides[1])?)),
        None => number(value).map(Size::Square),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// This many numbers of a list.
fn listed<const N: usize>(value: &Value) -> Result<[f64; N], Stop> {
    numbers(value).try_into().map_err(|_| Failed(format!("{value} is not {N} numbers")))
}

/// A transform whose draw is given.
#[derive(Debug)]
struct Fixed<T: Transform>(T, T::Draw);

impl<T: Transform> Transform for Fixed<T>
where
    T::Draw: Clone + std::fmt::Debug,
{
    type Draw = T::Draw;

    fn order(&self) -> i32 {
        self.0.order()
    }

    fn draw(&self, _: &mut dyn RngCore) -> T::Draw {
        self.1.clone()
    }

    fn apply(&self, canvas: &mut Canvas, draw: &T::Draw) -> Result<(), crate::Error> {
        self.0.apply(canvas, draw)
    }

    fn describe(&self) -> (&'static str, Value) {
        self.0.describe()
    }

    fn is_final_crop(&self) -> bool {
        self.0.is_final_crop()
    }
}

fn with(transforms: Transforms, spec: &Value) -> Result<Transforms, Stop> {
    let given = |name: &str, usual: f64| spec[name].as_f64().unwrap_or(usual);
    let place = Place::At(given("row_pct", 0.5), given("col_pct", 0.5));
    let (scale, magnitude) = (given("scale", 1.0), given("magnitude", 0.0));
    let direction = Direction::One(number(&spec["direction"]).unwrap_or_default() as u8);
    let k = Ways::One(number(&spec["k"]).unwrap_or_default() as u8);
    Ok(match spec["name"].as_str().unwrap_or_default() {
        "flip_lr" => transforms.train(FlipLr { p: 1.0 }),
        "flip_affine" => transforms.train(flip_affine()),
        "rotate" => transforms.train(rotate(given("degrees", 0.0))),
        "zoom" => transforms.train(Zoom { place, ..zoom(scale) }),
        "squish" => transforms.train(Squish { place, ..squish(scale) }),
        "dihedral" => transforms.train(Dihedral { k }),
        "dihedral_affine" => transforms.train(DihedralAffine { k }),
        "symmetric_warp" => {
            transforms.train(Fixed(symmetric_warp(0.0), listed::<4>(&spec["magnitude"])?))
        }
        "perspective_warp" => {
            transforms.train(Fixed(perspective_warp(0.0), listed::<8>(&spec["magnitude"])?))
        }
        "tilt" => transforms.train(Tilt { direction, ..tilt(magnitude) }),
        "skew" => transforms.train(Skew { direction, ..skew(magnitude) }),
        "brightness" => transforms.train(brightness(given("change", 0.5))),
        "contrast" => transforms.train(contrast(scale)),
        "pad" => {
            let padding = number(&spec["padding"]).unwrap_or_default();
            transforms.train(Pad { padding, mode: named(&spec["mode"])? })
        }
        "crop" => {
            let size = match size(&spec["size"]) {
                Some(Size::Square(side)) => [side, side],
                Some(Size::Exactly(height, width)) => [height, width],
                _ => return Err(Failed("a crop without a size".into())),
            };
            transforms.train(Crop { size, place })
        }
        "crop_pad" => transforms.train(CropPad { place, ..crop_pad() }),
        other => return Err(NotHere(format!("there is no `{other}`"))),
    })
}

fn pipeline(case: Case<'_>) -> Result<(), Stop> {
    let config = case.config();
    match config["kind"].as_str() {
        Some("jitter") => return jittered(case),
        Some("cutout") => return cut_out(case),
        Some("zoom_squish") => return zoom_squished(case),
        _ => {}
    }
    let list = config["tfms"].as_array().into_iter().flatten();
    let mut transforms = list.into_iter().try_fold(Transforms::new(), with)?;
    transforms = transforms
        .padding_mode(named(&config["padding_mode"])?)
        .interpolation(named(&config["mode"])?);
    if let Some(size) = size(&config["size"]) {
        transforms = transforms.size(size);
    }
    if config["resize_method"].is_string() {
        transforms = transforms.resize_method(named::<ResizeMethod>(&config["resize_method"])?);
    }
    if let Some(multiple) = number(&config["mult"]) {
        transforms = transforms.multiple_of(multiple);
    }

    let pipeline = transforms.pipeline(true);
    let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0));
    let output = match config["kind"].as_str() {
        Some("image") => drawn.apply(image(case, "img")?).map(Image::into_array),
        Some("mask") => {
            let input = case.input("img");
            drawn.apply_to_mask(Array::i64(input.shape.clone(), input.i64().to_vec()))
        }
        Some("points") => return points(case, &drawn),
        kind => return Err(NotHere(format!("nothing is known of {kind:?}"))),
    };
    let output = output.map_err(|error| Failed(error.to_string()))?;
    let values = match &output.values {
        Values::F32(values) => values.clone(),
        Values::I64(codes) => codes.iter().map(|code| *code as f32).collect(),
    };
    Ok(case.check("img", &output.shape, &values)?)
}

fn image(case: Case<'_>, name: &str) -> Result<Image, Stop> {
    let input = case.input(name);
    match input.shape[..] {
        [channels, height, width] => {
            Ok(Image { channels, height, width, pixels: input.f32().to_vec() })
        }
        _ => Err(Failed("not a picture".into())),
    }
}

/// Points come as rows and columns in pixels, and go as rows and columns in `-1.0..=1.0`.
fn points(case: Case<'_>, drawn: &Drawn<'_>) -> Result<(), Stop> {
    let [height, width] = listed::<2>(&case.config()["hw"])?;
    let place = |at: f32, n: f64| (f64::from(at) / (n / 2.0) - 1.0) as f32;
    let input = case.input("points");
    let input = input.f32().as_chunks::<2>().0;
    let points = input.iter().map(|[row, column]| [place(*column, width), place(*row, height)]);
    let moved = drawn.apply_to_points(points.collect(), [height as usize, width as usize]);
    let mut moved = moved.map_err(|error| Failed(error.to_string()))?;
    // Those outside are left out if the fixture has fewer.
    if number(&case.expected_spec("points")["shape"][0]) != Some(input.len()) {
        moved.retain(|point| point.iter().all(|at| (-1.0..=1.0).contains(at)));
    }
    let flat: Vec<f32> = moved.iter().flat_map(|[x, y]| [*y, *x]).collect();
    Ok(case.check("points", &[moved.len(), 2], &flat)?)
}

fn canvas(case: Case<'_>) -> Result<Canvas, Stop> {
    Ok(Canvas::new(image(case, "img")?, PaddingMode::default(), Interpolation::default()))
}

fn check_image(case: Case<'_>, image: &Image) -> Result<(), Stop> {
    Ok(case.check("img", &[image.channels, image.height, image.width], &image.pixels)?)
}

fn jittered(case: Case<'_>) -> Result<(), Stop> {
    let mut canvas = canvas(case)?;
    let noise = case.input("uniform");
    let mut noise = noise.f32().iter().copied();
    let magnitude = case.config()["magnitude"].as_f64().unwrap_or_default();
    Jitter::shift(&mut canvas, magnitude, || noise.next().unwrap_or_default());
    check_image(case, &canvas.into_image())
}

fn cut_out(case: Case<'_>) -> Result<(), Stop> {
    let mut canvas = canvas(case)?;
    let centers = case.config()["centers"].as_array().into_iter().flatten();
    let centers: Vec<[usize; 2]> =
        centers.filter_map(|c| Some([number(&c[0])?, number(&c[1])?])).collect();
    Cutout::cut(&mut canvas, number(&case.config()["length"]).unwrap_or_default(), &centers);
    check_image(case, &canvas.into_image())
}

fn zoom_squished(case: Case<'_>) -> Result<(), Stop> {
    let config = case.config();
    let (scales, squishes, inverts) =
        (numbers(&config["scale"]), numbers(&config["squish"]), numbers(&config["invert"]));
    let tries = scales.iter().zip(&squishes).zip(&inverts);
    let tries = tries
        .map(|((scale, squish), invert)| Try {
            scale: *scale,
            squish: *squish,
            invert: *invert > 0.0,
        })
        .collect();
    let share = |name: &str| config[name].as_f64().unwrap_or(0.5);
    let side = number(&config["size"]).ok_or_else(|| Failed("no size".into()))?;
    let (zoom, crop) = rand_resize_crop(side);
    let zoom = Fixed(zoom, (tries, [share("row_pct"), share("col_pct")]));
    let pipeline =
        Transforms::new().train(zoom).train(crop).size(Size::Square(side)).pipeline(true);
    let drawn = pipeline.draw(&mut ChaCha8Rng::seed_from_u64(0));
    let seen = drawn.apply(image(case, "img")?).map_err(|error| Failed(error.to_string()))?;
    check_image(case, &seen)
}

#[test]
fn matrices_and_grids_match_fastai() {
    run("transform_params", parameters);
}

fn parameters(case: Case<'_>) -> Result<(), Stop> {
    match case.config()["kind"].as_str() {
        Some("matrix") => matrix(case),
        Some("perspective") => coefficients(case),
        Some("grid") => grid(case),
        kind => Err(NotHere(format!("nothing is known of {kind:?}"))),
    }
}

fn close(what: &str, got: &[f64], want: &[f64]) -> Result<(), Stop> {
    let near = |(got, want): (&f64, &f64)| (got - want).abs() <= 1e-5 + 1e-4 * want.abs();
    match got.len() == want.len() && got.iter().zip(want).all(near) {
        true => Ok(()),
        false => Err(Failed(format!("{what}: {got:?}, expected {want:?}"))),
    }
}

/// A matrix is read off where it moves three points of a square.
fn matrix(case: Case<'_>) -> Result<(), Stop> {
    let mut spec = case.config().clone();
    spec["name"] = spec["fn"].clone();
    let pipeline = with(Transforms::new(), &spec)?.pipeline(true);
    let mut canvas = Canvas::new(
        Image::filled([1, 2, 2], 0.0),
        PaddingMode::default(),
        Interpolation::default(),
    );
    let draw = pipeline.list[0].draw(&mut ChaCha8Rng::seed_from_u64(0));
    pipeline.list[0].apply(&mut canvas, &draw).map_err(|error| Failed(error.to_string()))?;
    let flow = canvas.flow();
    // x, y and 1 from what becomes of three corners.
    let [first, right, below] = [flow[0], flow[1], flow[2]].map(|point| point.map(f64::from));
    let rows = [0, 1].map(|axis| {
        let half = |other: [f64; 2]| (other[axis] - first[axis]) / 2.0;
        [half(right), half(below), first[axis] + half(right) + half(below)]
    });
    for (axis, row) in rows.iter().enumerate() {
        close("matrix", row, &listed::<3>(&case.values()["matrix"][axis])?)?;
    }
    Ok(())
}

fn coefficients(case: Case<'_>) -> Result<(), Stop> {
    let targets = symmetric_targets(listed::<4>(&case.config()["magnitude"])?);
    for (corner, target) in targets.iter().enumerate() {
        close("target", target, &listed::<2>(&case.values()["target_points"][corner])?)?;
    }
    let perspective =
        Perspective::to_corners(targets).ok_or_else(|| Failed("no perspective".into()))?;
    for (name, found) in ["coeffs", "coeffs_inverse"].iter().zip(perspective.coefficients()) {
        close(name, &found.map(f64::from), &listed::<8>(&case.values()[*name])?)?;
    }
    Ok(())
}

/// Its transforms are in words: `zoom 1.2 row .3 col .6`.
fn grid(case: Case<'_>) -> Result<(), Stop> {
    let config = case.config();
    let [height, width] = listed::<2>(&config["hw"])?.map(|side| side as usize);
    let words = config["tfms"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut resized = false;
    let mut transforms = Transforms::new();
    for words in words {
        let words: Vec<&str> = words.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<f64>().ok());
        let given = |at: usize| number(at).ok_or_else(|| Failed(format!("{words:?}")));
        transforms = match words[0] {
            "resize" => {
                resized = true;
                transforms
            }
            "symmetric_warp" => {
                transforms.train(Fixed(symmetric_warp(0.0), listed::<4>(&config["magnitude"])?))
            }
            "rotate" => transforms.train(rotate(given(1)?)),
            "zoom" => {
                let place = Place::At(given(3)?, given(5)?);
                transforms.train(Zoom { place, ..zoom(given(1)?) })
            }
            other => return Err(NotHere(format!("there is no `{other}`"))),
        };
    }
    let from = if resized { [height + 3, width + 5] } else { [height, width] };
    let image = Image::filled([1, from[0], from[1]], 0.0);
    let mut canvas = Canvas::new(image, PaddingMode::default(), Interpolation::default());
    canvas.resize([height, width]);
    let pipeline = transforms.pipeline(true);
    for transform in &pipeline.list {
        let draw = transform.draw(&mut ChaCha8Rng::seed_from_u64(0));
        transform.apply(&mut canvas, &draw).map_err(|error| Failed(error.to_string()))?;
    }
    let flow: Vec<f32> = canvas.flow().into_iter().flatten().collect();
    Ok(case.check("flow", &[height, width, 2], &flow)?)
}

/// The first of a batch of images, which has no other.
fn picture(case: Case<'_>) -> Result<Image, Stop> {
    let input = case.input("x");
    match input.shape[..] {
        [1, channels, height, width] => {
            Ok(Image { channels, height, width, pixels: input.f32().to_vec() })
        }
        _ => Err(Failed(format!("{:?} is not the shape of a picture", input.shape))),
    }
}

fn sampling(case: Case<'_>) -> Result<(), Stop> {
    let config = case.config();
    let image = picture(case)?;
    let out = match config["kind"].as_str() {
        Some("grid_sample") => {
            let grid = case.input("grid");
            let points = grid.f32().as_chunks::<2>().0.to_vec();
            let [_, height, width, _] = grid.shape[..] else {
                return Err(Failed("not a grid".into()));
            };
            let rows = |row: usize, seen: &mut Vec<Point>| {
                seen.clear();
                seen.extend_from_slice(&points[row * width..][..width]);
            };
            let mode = named::<Interpolation>(&config["mode"])?;
            let padding = named::<PaddingMode>(&config["padding_mode"])?;
            let size = [height, width];
            sample::sample(&image, size, &rows, View::whole(size), padding, mode)
        }
        Some("interpolate_area") => {
            let sides: Vec<usize> =
                case.values()["out"].as_array().into_iter().flatten().filter_map(number).collect();
            sample::area_resize(&image, sides[0], sides[1])
        }
        kind => {
            let why = format!("{kind:?} is done to maps: the models' tests run it");
            return Err(NotHere(why));
        }
    };
    Ok(case.check("y", &[1, out.channels, out.height, out.width], &out.pixels)?)
}
