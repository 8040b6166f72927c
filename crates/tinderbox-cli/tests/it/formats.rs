//! Images as cameras and programs write them: other names, many megapixels, 12 of 16 bits.

use std::fs;

use crate::run::Place;

/// A gray JPEG of any size: each block takes two bits, by Huffman tables of one code each.
fn flat_jpeg(width: u16, height: u16) -> Vec<u8> {
    let [one_code, rest] = [&[1_u8][..], &[0; 16]];
    let blocks = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8));
    let frame = [&[0xff, 0xc0, 0, 11, 8][..], &height.to_be_bytes(), &width.to_be_bytes()].concat();
    [
        &[0xff, 0xd8, 0xff, 0xdb, 0, 67, 0][..],
        &[1; 64],
        &frame,
        &[1, 1, 0x11, 0],
        &[&[0xff, 0xc4, 0, 20, 0][..], one_code, rest].concat(),
        &[&[0xff, 0xc4, 0, 20, 0x10][..], one_code, rest].concat(),
        &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0],
        &vec![0; blocks.div_ceil(4)],
        &[0xff, 0xd9],
    ]
    .concat()
}

/// A gray image with 16 bits a pixel.
fn deep(values: impl Fn(usize) -> u16) -> Vec<u8> {
    let pixels = (0..28 * 28).flat_map(|at| values(at).to_be_bytes());
    b"P5 28 28 65535\n".iter().copied().chain(pixels).collect()
}

const QUICK: [&str; 12] = [
    "train",
    "digits",
    "--out",
    "run",
    "--epochs",
    "1",
    "--size",
    "28",
    "--arch",
    "basic",
    "--pretrained",
    "none",
];

#[test]
fn a_photograph_of_108_megapixels_trains_and_is_predicted() {
    let place = Place::new();
    fs::write(place.path("digits/training/3/phone.jfif"), flat_jpeg(12000, 9000)).unwrap();
    place.run(&QUICK).code(0).says("finished 1 epoch");
    let items = fs::read_to_string(place.path("run/items.csv")).unwrap();
    assert!(items.contains("phone.jfif"), "{items}");
    fs::write(place.path("larger.jpg"), flat_jpeg(16320, 12240)).unwrap();
    place.run(&["predict", "run", "larger.jpg"]).code(0).says("larger.jpg\t");
    // Six kilobytes that ask for four gigapixels.
    let mut bomb = flat_jpeg(1200, 1200);
    let frame = bomb.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    bomb[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    fs::write(place.path("bomb.jpg"), bomb).unwrap();
    place.run(&["predict", "run", "bomb.jpg"]).code(3).says("claims to be 65535×65535 pixels");
}

#[test]
fn the_limit_of_pixels_is_a_setting_that_the_run_keeps() {
    let place = Place::new();
    let limited = |limit| place.run(&[&QUICK[..], &["--max-pixels", limit]].concat());
    limited("700").code(1).says("28×28 pixels").says("--max-pixels 784");
    limited("784").code(0);
    fs::write(
        place.path("gray.pgm"),
        b"P5 40 40 255\n".iter().copied().chain([9; 1600]).collect::<Vec<_>>(),
    )
    .unwrap();
    place.run(&["predict", "run", "gray.pgm"]).code(3).says("40×40").says("limit");
    place.run(&["predict", "run", "gray.pgm", "--max-pixels", "1600"]).code(0).says("gray.pgm\t");
    place.run(&["validate", "run", "digits/testing", "--max-pixels", "1600"]).code(0);
    place.run(&["validate", "run", "digits/testing", "--max-pixels", "700"]).code(1).says("784");
}

#[test]
fn images_of_12_bits_are_not_black() {
    let place = Place::empty();
    for (class, dark) in [("day", 0), ("night", 2048)] {
        fs::create_dir_all(place.path("scans").join(class)).unwrap();
        for n in 0..10 {
            let bytes = deep(|at| 4095 - dark - (at as u16 * 7 + n) % 2000);
            fs::write(place.path(format!("scans/{class}/{n}.pgm")), bytes).unwrap();
        }
    }
    let train = ["train", "scans", "--epochs", "1", "--batch-size", "4", "--pretrained", "none"];
    place
        .run(&[&train[..], &["--out", "run"]].concat())
        .code(0)
        .says("12 of 16")
        .says("4095 is the highest value of the 16-bit images");
    let saved = |run: &str| fs::read_to_string(place.path(run).join("run.json")).unwrap();
    assert!(saved("run").contains("\"bits\": 12"), "{}", saved("run"));
    place.run(&[&train[..], &["--out", "dark", "--bits", "16"]].concat()).code(0).says("16 of 16");
    place.run(&["predict", "run", "scans/day/1.pgm"]).code(0);
}

#[test]
fn a_format_that_is_not_opened_is_named_with_the_way_on() {
    let place = Place::new();
    place.run(&QUICK).code(0);
    for (name, bytes, what) in [
        ("a.jpg", &b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "it is HEIC, which is not supported"),
        ("b.avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "it is AVIF, which is not supported"),
        ("c.jpg", b"<!DOCTYPE html><html></html>", "it is a web page"),
        ("d.nef", b"MM\0*\0\0\0\x08", "develop and export as JPEG or TIFF"),
    ] {
        fs::write(place.path(name), bytes).unwrap();
        place.run(&["predict", "run", name]).code(3).says(what);
    }
    // By content: its name says GIF.
    let digit = fs::read_dir(place.path("digits/testing/3")).unwrap().next().unwrap().unwrap();
    fs::copy(digit.path(), place.path("e.gif")).unwrap();
    place.run(&["predict", "run", "e.gif"]).code(0);
}
