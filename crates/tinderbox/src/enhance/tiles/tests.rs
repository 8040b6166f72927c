use std::path::Path;

use burn::tensor::Device;
use tinderbox_data::{
    BatchOptions, ConvertMode, Image, ImageItems, Label, LabelKind, Normalize, image::Photo,
};
use tinderbox_learn::{Learner, loss::MSELossFlat};
use tinderbox_model::{
    arch::{BodySpec, ModelSpec, UnetConfig, UnetSpec},
    random,
};

use super::*;

/// An image whose values all differ.
fn image([height, width]: [usize; 2]) -> Array {
    let value = |at: usize| ((at * 7919) % 1009) as f32 / 1009.0;
    Array::f32([2, height, width], (0..2 * height * width).map(value).collect())
}

#[track_caller]
fn worst(a: &Array, b: &Array, edge: usize) -> f32 {
    assert_eq!(a.shape, b.shape);
    let [height, width] = [a.shape[1], a.shape[2]];
    let inner = |at: usize| {
        let (y, x) = (at / width % height, at % width);
        (edge..height - edge).contains(&y) && (edge..width - edge).contains(&x)
    };
    let both = numbers(a).iter().zip(numbers(b)).enumerate();
    both.filter(|(at, _)| inner(*at)).map(|(_, (a, b))| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn what_changes_nothing_gives_the_image_back_whatever_its_size_and_the_tiles() {
    for size in [[1, 1], [7, 500], [500, 7], [64, 64], [65, 63], [300, 421], [33, 1000]] {
        for (stride, side) in [(32, 64), (16, 96), (1, 64), (8, 200), (64, 128), (32, 5000)] {
            let image = image(size);
            let tiling = Tiling::new(size, stride, [side; 2]);
            let mut tiles = 0;
            let same = tiling.enhance(&image, |tile| {
                tiles += 1;
                assert_eq!(tile.shape[1] % stride, 0);
                assert_eq!(tile.shape[2] % stride, 0);
                assert!(tile.shape[1].max(tile.shape[2]) <= side.max(2 * stride));
                Ok(tile)
            });
            assert!(worst(&same.unwrap(), &image, 0) < 1e-6, "{size:?} {stride} {side}");
            assert_eq!(
                tiles == 1,
                size[0].max(size[1]) <= side.max(64),
                "{size:?} {stride} {side}"
            );
        }
    }
}

#[test]
fn tiles_begin_where_the_network_has_a_position_and_overlap() {
    let axis = Axis::new(1000, 32, 300);
    assert!(axis.starts.iter().all(|start| start % 32 == 0));
    assert_eq!((axis.tile, axis.starts.len()), (288, 6));
    assert!(axis.starts.windows(2).all(|pair| pair[1] + 64 <= pair[0] + axis.tile));
    assert_eq!(axis.starts.last(), Some(&(1024 - 288)));
    // At its inner edges, a tile does not count.
    assert_eq!((axis.weights[0][0], axis.weights[0][287]), (1.0, 0.0));
    assert_eq!((axis.weights[1][0], axis.weights[1][144]), (0.0, 1.0));
}

#[test]
fn an_image_goes_on_as_its_reflection() {
    let over = |len: usize| (0..8).map(|at| reflected(at, len)).collect::<Vec<_>>();
    assert_eq!(over(4), [0, 1, 2, 3, 2, 1, 0, 1]);
    assert_eq!(over(2), [0, 1, 0, 1, 0, 1, 0, 1]);
    assert_eq!(over(1), [0; 8]);
}

#[test]
fn low_images_have_wide_tiles() {
    assert_eq!(sides([3000, 4000], 1 << 20), [1024, 1024]);
    assert_eq!(sides([100, 40_000], 1 << 20), [100, 10_485]);
    assert_eq!(sides([40_000, 100], 1 << 20), [10_485, 100]);
}

/// A U-Net in a file, on this body, with fresh weights: it is given images of 64×64 pixels.
fn bundle(body: BodySpec, unet: UnetConfig, folder: &Path) -> Bundle {
    for folder in [folder.join("train"), folder.join("valid")] {
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["a.png", "b.png"] {
            Photo::of_image(&Image::filled([3, 64, 64], 0.5)).save(folder.join(name)).unwrap();
        }
    }
    let data = ImageItems::from_folder(folder)
        .unwrap()
        .split_by_folder("train", "valid")
        .unwrap()
        .label_kind(LabelKind::image(ConvertMode::Rgb))
        .label_from_func(|path| Label::File(path.to_owned()))
        .unwrap()
        .batches(BatchOptions { batch_size: 2, ..BatchOptions::default() })
        .unwrap()
        .normalize_by(Normalize { targets: true, ..Normalize::imagenet() })
        .unwrap();
    let spec = UnetSpec { body, unet };
    let device = Device::flex().autodiff();
    let model = random::seeded(7, || spec.build(&device)).unwrap().model;
    let learner = Learner::new(data, model, MSELossFlat).arch(ModelSpec::from(spec));
    let file = folder.join("model.safetensors");
    learner.export(&file).unwrap();
    Bundle::read(&file, &Device::flex()).unwrap()
}

fn resnet18(until: &str) -> BodySpec {
    BodySpec { until: Some(until.into()), ..BodySpec::new("resnet18").unwrap() }
}

#[test]
fn a_network_gives_as_many_pixels_as_it_gets() {
    let folder = tempfile::tempdir().unwrap();
    let model = bundle(resnet18("layer2"), UnetConfig::new(3, [64, 64]), folder.path());
    assert_eq!(model.footprint().unwrap().stride, 4);
    for size in [[1, 1], [7, 100], [65, 33]] {
        let [height, width] = size;
        let image = Array::f32([3, height, width], vec![0.25; 3 * height * width]);
        assert_eq!(enhance_image(&model, &image, None).unwrap().shape, [3, height, width]);
    }
}

#[test]
fn tiles_of_a_network_that_sees_no_further_than_they_overlap_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let model = bundle(resnet18("layer1"), UnetConfig::new(3, [64, 64]), folder.path());
    let size = [321, 150];
    let image = Image { channels: 3, height: 321, width: 150, pixels: noise(3 * 321 * 150) };
    let image = image.into_array();
    let whole = enhance_image(&model, &image, None).unwrap();
    assert_eq!(whole.shape, [3, size[0], size[1]]);
    let tiled = enhance_image(&model, &image, Some(192)).unwrap();
    let spread = numbers(&whole).iter().fold(0.0, |most: f32, value| most.max(value.abs()));
    let worst = worst(&whole, &tiled, 0);
    assert!(worst < 1e-5 * spread, "{worst} of {spread}");
    assert!(worst > 0.0, "it went through in tiles");
}

/// Numbers around 0 that look like chance.
fn noise(n: usize) -> Vec<f32> {
    (0..n as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 16) as f32 / 32_768.0 - 1.0).collect()
}

#[test]
fn tiles_are_as_large_as_memory_allows() {
    const FREE: u64 = 64_000_000_000;
    let footprint = Footprint { stride: 32, bytes_per_pixel: 2000.0, weights: 50_000_000 };
    let most = |size, available| most_pixels(footprint, size, available);
    // A photograph of 24 megapixels: 1.3 GB for itself, 0.35 GB for program and weights.
    assert_eq!(most([3, 4000, 6000], FREE).unwrap(), (4_000_000_000 - 1_646_000_000) / 2000);
    // A system that does not say how much is free.
    assert_eq!(most([3, 4000, 6000], 0).unwrap(), most([3, 4000, 6000], FREE).unwrap());
    // One so large that nothing would be left.
    assert_eq!(most([3, 20_000, 20_000], FREE).unwrap(), 250_000);
    // Little memory.
    assert_eq!(
        most([3, 400, 400], 1_000_000_000).unwrap(),
        (995_200_000.0 * 0.75 / 2000.0) as usize
    );
    let error = most([3, 4000, 6000], 725_000_000).unwrap_err();
    let message = "enhancing an image of 6000×4000 pixels needs at least 0.7 GB, but only 0.7 GB of memory is free";
    crate::error::check(error, message, Some("a smaller `--size`"));
}
