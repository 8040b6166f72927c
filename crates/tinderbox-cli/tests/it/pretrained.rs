//! Pretrained weights, where nobody says anything about them.

use std::fs;

use tinderbox::{
    data::picture::Picture,
    model::{arch::ArchSpec, random::seeded, weights::state_dict},
    prelude::Device,
};

use crate::run::Place;

#[test]
fn photographs_start_from_the_weights_in_the_cache() {
    let place = Place::new();
    for n in 0..8 {
        let path = place.path("photos").join(["cat", "dog"][n % 2]).join(format!("{n}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let light = 20 * n as u8;
        Picture::filled(70 + n, 66, [light, 90, 255 - light]).save(&path).unwrap();
    }
    let plan = |more: &[&str]| {
        let train = ["train", "photos", "--size", "32", "--dry-run"];
        place.run(&[&train[..], more].concat()).code(0)
    };
    // Nothing is downloaded here, and that is said.
    plan(&[]).says("resnet-small").says("cannot download mobilenet_v2 (TINDERBOX_OFFLINE is set)");
    let spec = ArchSpec::new("mobilenet_v2", 3, 1000, [224, 224]).unwrap();
    let model = seeded(1, || spec.build(&Device::flex())).unwrap();
    fs::create_dir_all(place.path("cache")).unwrap();
    let weights = state_dict(&model).to_safetensors();
    fs::write(place.path("cache/mobilenet_v2.safetensors"), weights).unwrap();
    plan(&[]).says("pretrained on ImageNet").says("cache/mobilenet_v2.safetensors");
    plan(&["--arch", "mobilenet_v2"]).says("cache/mobilenet_v2.safetensors");
    plan(&["--pretrained", "none"]).says("resnet-small");
    // Small images of one size are not photographs.
    place.run(&["train", "digits", "--dry-run"]).code(0).says("resnetish");
}
