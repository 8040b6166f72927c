//! Networks that somebody else trained give what they gave there.
//!
//! The weights lie in `weights` and the photographs in `photos` of the folder that `TINDERBOX_DATA`
//! names; `expected_top5.tsv` says what torchvision makes of them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use tinderbox::{
    data::{
        ConvertMode,
        image::{Image, Pixels},
    },
    model::{
        Forward, Layer, Mode, Sequential, Trace,
        arch::{ArchSpec, IMAGENET, UnetConfig, create_body_until, create_unet, find},
        set_mode,
        weights::{StateDict, Strict, load_state_dict},
    },
};

fn data() -> PathBuf {
    std::env::var_os("TINDERBOX_DATA").expect("TINDERBOX_DATA names the folder of real data").into()
}

fn weights(name: &str) -> StateDict {
    StateDict::read(data().join(format!("weights/{name}.safetensors"))).unwrap()
}

fn network(name: &str) -> Box<dyn Layer> {
    let spec = ArchSpec::new(name, 3, 1000, [224, 224]).unwrap();
    Box::new(spec.build(&Device::flex()).unwrap())
}

/// For each output along an axis, the first input that it looks at and how much it takes of each: a
/// tent as wide as the pixels are far apart, as Pillow shrinks.
fn tents(from: usize, to: usize) -> Vec<(usize, Vec<f64>)> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let tent = |at: usize| {
        let center = (at as f64 + 0.5) * scale;
        let first = (center - reach + 0.5).max(0.0) as usize;
        let last = ((center + reach + 0.5) as usize).min(from);
        let heights = (first..last).map(|i| 1.0 - ((i as f64 - center + 0.5) / reach).abs());
        let heights: Vec<f64> = heights.map(|height| height.max(0.0)).collect();
        let sum: f64 = heights.iter().sum();
        (first, heights.into_iter().map(|height| height / sum).collect())
    };
    (0..to).map(tent).collect()
}

fn dot((first, heights): &(usize, Vec<f64>), value: impl Fn(usize) -> f64) -> f64 {
    heights.iter().enumerate().map(|(i, height)| height * value(first + i)).sum()
}

/// The smaller side to 256 pixels, and of that the middle 224, normalized.
fn prepared(image: &Image) -> Tensor<4> {
    let (h, w) = (image.height, image.width);
    let [height, width] = match h < w {
        true => [256, 256 * w / h],
        false => [256 * h / w, 256],
    };
    let (rows, columns) = (tents(h, height), tents(w, width));
    // Pillow's steps in between are bytes.
    let byte = |value: f64| (value * 255.0).round().clamp(0.0, 255.0) / 255.0;
    let mut values = Vec::with_capacity(3 * 224 * 224);
    let middle = |side: usize| (side as f64 - 224.0) / 2.0;
    let [top, left] = [height, width].map(|side| middle(side).round_ties_even() as usize);
    for (channel, (mean, std)) in IMAGENET.mean.into_iter().zip(IMAGENET.std).enumerate() {
        let plane = &image.pixels[channel * h * w..][..h * w];
        let wide: Vec<Vec<f64>> = (0..h)
            .map(|row| {
                let at = |column: usize| f64::from(plane[row * w + column]);
                columns[left..left + 224].iter().map(|tent| byte(dot(tent, at))).collect()
            })
            .collect();
        for tent in &rows[top..top + 224] {
            let pixels = (0..224).map(|column| byte(dot(tent, |row| wide[row][column])));
            values.extend(pixels.map(|value| (value as f32 - mean) / std));
        }
    }
    Tensor::from_data(TensorData::new(values, [1, 3, 224, 224]), &Device::flex())
}

/// Class and probability, the best first.
fn top5(model: &dyn Layer, x: Tensor<4>) -> Vec<(usize, f64)> {
    let logits: Tensor<2> = model.forward_any(x.into(), &mut Trace::off()).expect_for("test");
    let shares: Vec<f32> = softmax(logits, 1).into_data().try_to_vec().unwrap();
    let mut shares: Vec<(usize, f64)> = shares.into_iter().map(f64::from).enumerate().collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    shares.truncate(5);
    shares
}

/// Decoders of JPEG interpolate colors differently, which moves probabilities, and swaps answers
/// that are all but improbable.
const TOLERANCE: f64 = 0.05;

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn pretrained_networks_see_what_they_saw_in_torchvision() {
    let table = fs::read_to_string(data().join("weights/expected_top5.tsv")).unwrap();
    let mut expected: BTreeMap<(&str, &str), Vec<(usize, f64)>> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let [file, model, _, _, class, _, share] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let answer = (class.parse().unwrap(), share.parse().unwrap());
        expected.entry((model, file)).or_default().push(answer);
    }
    let mut networks: BTreeMap<&str, Box<dyn Layer>> = BTreeMap::new();
    assert!(!expected.is_empty());
    for ((name, file), expected) in expected {
        let network = networks.entry(name).or_insert_with(|| {
            let network = load_state_dict(network(name), &weights(name), Strict::Yes).unwrap().0;
            set_mode(network, Mode::Eval)
        });
        let image = Pixels::open(data().join(file), ConvertMode::Rgb).unwrap().to_image();
        let found = top5(&**network, prepared(&image));
        for ((class, share), (expected_class, expected_share)) in found.iter().zip(&expected) {
            let near = (share - expected_share).abs() < TOLERANCE;
            let same = class == expected_class || *expected_share < TOLERANCE;
            assert!(near && same, "{name}, {file}: {found:?}, expected {expected:?}");
        }
        assert_eq!(found[0].0, expected[0].0, "{name}, {file}");
    }
}

#[test]
#[ignore = "needs real data: set TINDERBOX_DATA"]
fn a_part_of_a_network_is_loaded_and_what_is_not_there_is_told() {
    let weights = weights("resnet18_conv1_to_layer3");
    let (network, report) = load_state_dict(network("resnet18"), &weights, Strict::No).unwrap();
    assert!(report.unexpected.is_empty(), "{report:?}");
    let rest = |name: &String| name.starts_with("layer4.") || name.starts_with("fc.");
    assert!(report.missing.iter().all(rest), "{report:?}");
    // Two blocks of two convolutions with five numbers each, a shortcut's, and the last layer's.
    assert_eq!(report.missing.len(), 2 * 2 * 5 + 5 + 2);

    // What is there is the body of a U-Net.
    let network: Sequential = network.as_any().downcast_ref().cloned().unwrap();
    let body = create_body_until(find("resnet18").unwrap(), network, "layer4").unwrap();
    let config = UnetConfig { bottle: true, ..UnetConfig::new(12, [90, 120]) };
    let unet = create_unet(body, &config, &Device::flex()).unwrap();
    assert_eq!(unet.groups, ["layers.0.6", "layers.1"]);
    let y = unet.model.forward(Tensor::zeros([1, 3, 90, 120], &Device::flex()));
    assert_eq!(y.dims(), [1, 12, 90, 120]);
}
