//! Golden: whole pipelines, and how pixels between pixels are found.
//!
//! Here and not among the tests of the public API, because pictures of floats come into a pipeline
//! from inside only.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tinderbox_golden::{Case, Group, Report};

use super::{
    Crop, CropPad, FlipLr, Grid, Interpolation, Pad, PaddingMode, Place, ResizeMethod, Size,
    Transforms, crop_pad, sample,
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

fn with(transforms: Transforms, spec: &Value) -> Result<Transforms, Stop> {
    let share = |name: &str| spec[name].as_f64().unwrap_or(0.5);
    let place = Place::At(share("row_pct"), share("col_pct"));
    Ok(match spec["name"].as_str().unwrap_or_default() {
        "flip_lr" => transforms.train(FlipLr { p: 1.0 }),
        "pad" => {
            let padding = number(&spec["padding"]).unwrap_or_default();
            transforms.train(Pad { padding, mode: named(&spec["mode"])? })
        }
        "crop" => {
            let size = match size(&spec["size"]) {
                Some(Size::Square(side)) => [side, side],
                Some(Size::Exactly(height, width)) => [height, width],
                None => return Err(Failed("a crop without a size".into())),
            };
            transforms.train(Crop { size, place })
        }
        "crop_pad" => transforms.train(CropPad { place, ..crop_pad() }),
        other => return Err(NotHere(format!("there is no `{other}` yet"))),
    })
}

fn pipeline(case: Case<'_>) -> Result<(), Stop> {
    let config = case.config();
    let is_mask = match config["kind"].as_str() {
        Some("image") => false,
        Some("mask") => true,
        kind => return Err(NotHere(format!("nothing is known of {kind:?}"))),
    };
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
    let input = case.input("img");
    let &[channels, height, width] = &input.shape[..] else {
        return Err(Failed("not a picture".into()));
    };
    let output = if is_mask {
        drawn.apply_to_mask(Array::i64([channels, height, width], input.i64().to_vec()))
    } else {
        let image = Image { channels, height, width, pixels: input.f32().to_vec() };
        drawn.apply(image).map(Image::into_array)
    };
    let output = output.map_err(|error| Failed(error.to_string()))?;
    let values = match &output.values {
        Values::F32(values) => values.clone(),
        Values::I64(codes) => codes.iter().map(|code| *code as f32).collect(),
    };
    Ok(case.check("img", &output.shape, &values)?)
}

/// The first of a batch of pictures, which has no other.
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
            let grid = Grid { height: grid.shape[1], width: grid.shape[2], points };
            let mode = named::<Interpolation>(&config["mode"])?;
            sample::sample(&image, &grid, named::<PaddingMode>(&config["padding_mode"])?, mode)
        }
        Some("interpolate_area") => {
            let sides: Vec<usize> =
                case.values()["out"].as_array().into_iter().flatten().filter_map(number).collect();
            sample::area_resize(&image, sides[0], sides[1])
        }
        kind => return Err(NotHere(format!("{kind:?} is not done to data"))),
    };
    Ok(case.check("y", &[1, out.channels, out.height, out.width], &out.pixels)?)
}
