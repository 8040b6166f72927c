//! Golden: colours of an opened picture, codes of a mask, bytes of a saved picture.

use image::ExtendedColorType;
use tinderbox_data::{
    Array, ConvertMode, Image,
    image::{Pixels, open_mask},
};
use tinderbox_golden::{Case, Group, Report};

use crate::common::{Outcome, same, same_bytes};

#[test]
fn open_image_cases() {
    let group = Group::open("open_image_cases");
    let mut report = Report::new("open_image_cases");
    for case in group.cases() {
        match case.input_names()[..] {
            ["rgb" | "l"] => report.case(case.id(), open(case)),
            ["img"] => report.case(case.id(), save(case)),
            ref names => report.not_run(case.id(), &format!("nothing is known of {names:?}")),
        }
    }
    report.finish();
}

/// Writes the bytes as a file and opens it the way each output says.
fn open(case: Case<'_>) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.png");
    let input = case.input(case.input_names()[0]);
    let color = match input.shape.len() {
        3 => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::L8,
    };
    let bytes: Vec<u8> = input.i64().iter().map(|byte| *byte as u8).collect();
    let (height, width) = (input.shape[0], input.shape[1]);
    image::save_buffer(&path, &bytes, width as u32, height as u32, color).unwrap();
    let opened = |mode| Pixels::open(&path, mode).map_err(|error| error.to_string());
    for name in case.expected_names() {
        match name {
            "L" => same_bytes(case, name, &[height, width], &opened(ConvertMode::L)?.bytes)?,
            "rgb" => same_bytes(case, name, &[height, width, 3], &opened(ConvertMode::Rgb)?.bytes)?,
            "img_L" => same(case, name, &opened(ConvertMode::L)?.to_image().into_array())?,
            "img_RGB" => same(case, name, &opened(ConvertMode::Rgb)?.to_image().into_array())?,
            "mask" => same(case, name, &open_mask(&path).map_err(|error| error.to_string())?)?,
            other => return Err(format!("no way is known to an output `{other}`")),
        }
    }
    Ok(())
}

fn save(case: Case<'_>) -> Outcome {
    let input = case.input("img");
    let &[channels, height, width] = &input.shape[..] else { return Err("not a picture".into()) };
    let image = Image { channels, height, width, pixels: input.f32().to_vec() };
    let bytes = image.to_pixels().bytes;
    let bytes = bytes.iter().map(|byte| i64::from(*byte)).collect();
    same(case, "bytes", &Array::i64([height, width, channels], bytes))
}
