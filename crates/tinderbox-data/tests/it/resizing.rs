//! Golden: sizes and pixels of resized pictures, and what is written to files.

use serde_json::Value;
use tinderbox_data::{
    Normalize,
    image::{Image, Pixels, resize_to},
};
use tinderbox_golden::{Array, Fixture};

fn number(value: &Value) -> usize {
    value.as_u64().expect("a whole number") as usize
}

/// Width and height, as they are in the fixtures.
fn size(value: &Value) -> [usize; 2] {
    [number(&value[1]), number(&value[0])]
}

#[test]
fn sizes_are_cut_as_in_fastai() {
    let text = std::fs::read_to_string(tinderbox_golden::dir().join("text_gan/resize_to.json"));
    let manifest: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let cases = manifest["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let use_min = case["use_min"].as_bool().unwrap();
        let found = resize_to(size(&case["size"]), number(&case["target"]), use_min);
        assert_eq!(found, size(&case["out"]), "{case}");
    }
    for width in manifest["widths_giving_95"].as_array().unwrap() {
        assert_eq!(resize_to([1000, number(width)], 96, true)[1], 95, "{width}");
    }
}

fn bytes(array: &Array) -> Vec<u8> {
    array.i64().iter().map(|value| *value as u8).collect()
}

fn pixels(array: &Array) -> Pixels {
    let [height, width] = [array.shape[0], array.shape[1]];
    let channels = array.shape.get(2).copied().unwrap_or(1);
    Pixels { height, width, channels, bytes: bytes(array), full_size: [height, width] }
}

#[test]
fn pictures_are_resized_and_made_gray_as_by_pillow() {
    let fixture = Fixture::open("pil_resize_gray");
    let step = number(&fixture.manifest()["tolerance"]["atol"]) as u8;
    for case in fixture.manifest()["cases"].as_array().unwrap() {
        let index = number(&case["index"]);
        let tensor = |name: &str| fixture.tensor(&format!("{name}{index}"));
        let rgb = pixels(&tensor("rgb"));
        let (found, want) = (rgb.resized(size(&case["to"])), pixels(&tensor("resized")));
        assert_eq!([found.height, found.width], [want.height, want.width], "{case}");
        for (at, (found, want)) in found.bytes.iter().zip(&want.bytes).enumerate() {
            assert!(found.abs_diff(*want) <= step, "{case}, [{at}]: {found}, expected {want}");
        }
        assert_eq!(rgb.to_luma(), pixels(&tensor("gray")), "{case}");
    }

    let saved = fixture.tensor("save_in");
    let [channels, height, width] = saved.shape[..] else { panic!("{:?}", saved.shape) };
    let image = Image { channels, height, width, pixels: saved.f32().to_vec() };
    assert_eq!(image.to_pixels(), pixels(&fixture.tensor("save_u8")));
    let mut denormalized = tinderbox_data::Array::f32([1, channels, height, width], image.pixels);
    Normalize::imagenet().invert(&mut denormalized);
    let found: Vec<f32> = match denormalized.values {
        tinderbox_data::Values::F32(values) => values,
        tinderbox_data::Values::I64(_) => panic!("floats"),
    };
    fixture.check("denorm", &[channels, height, width], &found).unwrap();
}
