//! Masks and lists of classes as people have them: values, colors, names and folders.

use std::{fs, path::Path};

use tinderbox::data::{
    image::save_mask,
    picture::{Palette, Picture},
};

use crate::run::{Ended, Place};

const SIDE: usize = 32;

/// Whether a pixel of image `n` is of the thing: a square that is somewhere else in each.
fn is_thing(n: usize, at: usize) -> bool {
    let (row, column) = (at / SIDE, at % SIDE);
    (4 + n..20 + n).contains(&row) && (6..22).contains(&column)
}

/// An image of two colors.
fn picture(n: usize, [ground, thing]: [[u8; 3]; 2]) -> Picture {
    Picture::filled(SIDE, SIDE, ground).tinted(|x, y| match is_thing(n, y * SIDE + x) {
        true => (thing, 1.0),
        false => (ground, 1.0),
    })
}

/// A mask with these two values.
fn values(path: &Path, n: usize, [ground, thing]: [u8; 2]) {
    let value = |at| if is_thing(n, at) { thing } else { ground };
    let values: Vec<u8> = (0..SIDE * SIDE).map(value).collect();
    save_mask(path, &values, [SIDE, SIDE], &Palette::of(&["a".into(), "b".into()])).unwrap();
}

/// Six images with masks, written by `mask`, and a list of two classes.
fn place(mask: impl Fn(&Path, usize)) -> Place {
    let place = Place::empty();
    for folder in ["d/images", "d/masks"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    for n in 0..6 {
        let colors = [[90, 120, 90], [200, 40 + 10 * n as u8, 40]];
        picture(n, colors).save(place.path(format!("d/images/{n}.png"))).unwrap();
        mask(&place.path(format!("d/masks/{n}.png")), n);
    }
    fs::write(place.path("d/codes.txt"), "ground\nthing\n").unwrap();
    place
}

fn show(place: &Place, more: &[&str]) -> Ended {
    let args = ["show-batch", "--images", "d/images", "--masks", "d/masks", "--size", "32"];
    place.run(&[&args[..], more].concat())
}

#[test]
fn zero_and_255_are_two_classes() {
    let place = place(|path, n| values(path, n, [0, 255]));
    let ended = show(&place, &[]).code(0);
    ended.says("mask values").says("0 ground, 255 thing").says("have these two values only");
    // What remains without 255 is one class.
    show(&place, &["--void", "255"])
        .code(1)
        .says("all pixels of the training masks are `ground`, but for those of value 255")
        .says("leave `--void 255` out");
    let train = ["train", "d", "--size", "32", "--arch", "resnet-small", "--epochs", "1"];
    place.run(&[&train[..], &["--out", "run"]].concat()).code(0).says("mean_iou");
    let valid = ["validate", "run", "--images", "d/images", "--masks", "d/masks"];
    place.run(&valid).code(0).says("thing");
    for n in 0..6 {
        values(&place.path(format!("d/masks/{n}.png")), n, [0, 1]);
    }
    place.run(&valid).code(0).says("thing");
}

#[test]
fn colors_are_classes_by_a_table() {
    let (blue, red) = ([0, 0, 255], [250, 50, 83]);
    let place = place(|path, n| picture(n, [blue, red]).save(path).unwrap());
    let no_table = show(&place, &[]).code(1).says("6 of 6 files cannot be used");
    let no_table = no_table.says("a color image, and no table of colors is given");
    assert!(!no_table.says("`road 128 64 128`").err.contains("--skip-bad"));
    let list = |text: &str| fs::write(place.path("d/labelmap.txt"), text).unwrap();
    list("# label:color_rgb:parts:actions\nground:0,0,255::\nthing:250,50,83::\n");
    let with = ["--codes", "d/labelmap.txt"];
    show(&place, &with).code(0).says("2: ground, thing").says("2 colors");
    show(&place, &[]).code(0).says("labelmap.txt");
    list("ground 0 0 255\nthing 250 50 90\n");
    show(&place, &with)
        .code(1)
        .says("the color 250 50 83 at row")
        .says("the nearest is thing, 250 50 90");
}

#[test]
fn lists_of_classes_have_headings_values_and_gaps() {
    let place = place(|path, n| values(path, n, [0, 1]));
    let with = |name: &str, text: &str| {
        fs::write(place.path(name), text).unwrap();
        show(&place, &["--codes", name])
    };
    with("_classes.csv", "Pixel Value, Class\n0, ground\n1, thing\n")
        .code(0)
        .says("2: ground, thing");
    with("gap.txt", "ground\n\nthing\n").code(1).says("has the value 1").says("0 ground, 2 thing");
    with("odd.txt", "ground, thing\nsky, sun\n").code(1).says("which is not one name");
    let missing = with("three.txt", "ground\nthing\nsky\n").code(0);
    missing.says("no training mask has a pixel of the class `sky`");
}

#[test]
fn nothing_but_background_is_refused_before_training() {
    let place = place(|path, n| values(path, n, [0, 0]));
    let args = ["train", "d", "--size", "32", "--epochs", "1", "--out", "run"];
    let ended = place.run(&args).code(1).says("all pixels of the training masks are `ground`");
    assert!(!ended.err.contains("accuracy"));
    assert!(!place.path("run/model.safetensors").exists());
}

#[test]
fn one_folder_of_images_and_masks_is_segmentation() {
    let place = place(|path, n| values(path, n, [0, 1]));
    let show = |folder: &str| place.run(&["show-batch", folder, "--size", "32"]);
    show("d").code(0).says("named as their images – 6 images have a mask");
    for (n, set) in ["train", "train", "train", "train", "valid", "valid"].iter().enumerate() {
        for kind in ["images", "masks"] {
            place.copy(&format!("d/{kind}/{n}.png"), &format!("by-set/{set}/{kind}/{n}.png"));
            place.copy(&format!("d/{kind}/{n}.png"), &format!("by-kind/{kind}/{set}/{n}.png"));
        }
    }
    for folder in ["by-set", "by-kind"] {
        place.copy("d/codes.txt", &format!("{folder}/codes.txt"));
        show(folder).code(0).says("6 images have a mask").says("valid/, with train/ for training");
    }
}

#[test]
fn masks_with_other_names_are_named_by_a_pattern() {
    let place = place(|path, n| values(path, n, [0, 1]));
    for n in 0..6 {
        let from = format!("d/masks/{n}.png");
        place.copy(&from, &format!("d/masks/old-{n}-v2.png"));
        fs::remove_file(place.path(&from)).unwrap();
    }
    let hint = "--mask-name 'old-{name}-v2.png'";
    show(&place, &[]).code(1).says("the first mask is `old-0-v2.png`").says(hint);
    show(&place, &["--mask-name", "old-{name}-v2.png"]).code(0).says("6 images have a mask");
    place.copy("d/masks/old-0-v2.png", "d/masks/0_gt.png");
    place.copy("d/masks/old-0-v2.png", "d/masks/0_seg.png");
    show(&place, &[]).code(1).says("0.png has 2 masks: ").says("0_gt.png").says("0_seg.png");
}

#[test]
fn a_bad_mask_is_named_and_not_its_image() {
    let place = place(|path, n| values(path, n, [0, 1]));
    fs::write(place.path("d/masks/3.png"), "no image").unwrap();
    let masks = Path::new("d").join("masks").join("3.png").display().to_string();
    let ended = show(&place, &[]).code(1).says(&masks).says("skip them: `--skip-bad 1`");
    let images = Path::new("d").join("images").join("3.png").display().to_string();
    assert!(!ended.err.contains(&images), "{}", ended.err);
}

#[cfg(unix)]
#[test]
fn a_list_of_classes_is_a_file_that_ends() {
    let place = place(|path, n| values(path, n, [0, 1]));
    show(&place, &["--codes", "/dev/zero"]).code(1).says("it is a pipe or a device");
}
