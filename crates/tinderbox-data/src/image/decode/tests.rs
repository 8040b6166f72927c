use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use image::{GrayAlphaImage, ImageBuffer, Luma, RgbImage, RgbaImage};

use super::*;
use crate::image::MaskFile;

/// A file in a folder that lives as long.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(name: &str, bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    File { _folder: folder, path }
}

/// The bytes of a picture as a file of this format.
fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(image: impl Into<DynamicImage>) -> File {
    file("x.png", &encoded(&image.into(), ImageFormat::Png))
}

#[track_caller]
fn refuses(file: &File, reason: &str) {
    let error = Pixels::open(&file.path, ConvertMode::Rgb).unwrap_err();
    let message = error.to_string();
    assert!(message.contains(reason), "{message}");
    assert!(message.contains(&*file.path.to_string_lossy()), "{message} names the file");
    let of_bytes = Pixels::decode(&fs::read(&file.path).unwrap(), ConvertMode::Rgb).unwrap_err();
    let named = message.replace(&*file.path.to_string_lossy(), "the image");
    assert_eq!(of_bytes.to_string(), named);
}

/// What a file is opened as; its bytes alone are the same.
#[track_caller]
fn opened(path: &Path, mode: ConvertMode) -> Pixels {
    let pixels = Pixels::open(path, mode).unwrap();
    assert_eq!(Pixels::decode(&fs::read(path).unwrap(), mode).unwrap(), pixels);
    pixels
}

/// White on the left, black on the right, 16 × 8 pixels.
fn left_white() -> RgbImage {
    RgbImage::from_fn(16, 8, |x, _| image::Rgb([if x < 8 { 255 } else { 0 }; 3]))
}

/// A JPEG whose EXIF data says how it is to be turned.
fn turned(orientation: u8) -> File {
    let jpeg = encoded(&left_white().into(), ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1, 0, exif.len() as u8 + 2];
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    file("x.jpg", &bytes)
}

#[test]
fn a_picture_is_turned_upright() {
    // Where the white half comes to lie: rows from the top, columns from the left.
    for (orientation, size, white) in
        [(1, [8, 16], [4, 2]), (3, [8, 16], [4, 13]), (6, [16, 8], [2, 4]), (8, [16, 8], [13, 4])]
    {
        let file = turned(orientation);
        let info = ImageInfo::read(&file.path).unwrap();
        let turn = match orientation {
            1 => Turn::Not,
            3 => Turn::SameSides,
            _ => Turn::OtherSides,
        };
        assert_eq!((info.size(), info.turn), (size, turn), "{orientation}");
        let pixels = opened(&file.path, ConvertMode::L);
        assert_eq!([pixels.height, pixels.width], size, "{orientation}");
        let [row, column] = white;
        assert!(pixels.bytes[row * pixels.width + column] > 200, "{orientation}");
        let opposite = (size[0] - 1 - row) * pixels.width + size[1] - 1 - column;
        assert!(pixels.bytes[opposite] < 50, "{orientation}");
    }
}

#[test]
fn every_kind_of_pixel_becomes_what_is_asked_for() {
    let rgb = |file: &File| opened(&file.path, ConvertMode::Rgb).bytes;
    let gray: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_vec(2, 1, vec![0, 65535]).unwrap();
    assert_eq!(rgb(&png(gray)), [0, 0, 0, 255, 255, 255], "16 bits are scaled");
    let alpha = RgbaImage::from_vec(1, 1, vec![1, 2, 3, 0]).unwrap();
    assert_eq!(rgb(&png(alpha)), [1, 2, 3], "alpha is dropped");
    let alpha = GrayAlphaImage::from_vec(1, 1, vec![7, 0]).unwrap();
    assert_eq!(rgb(&png(alpha)), [7, 7, 7]);
    let colours = png(RgbImage::from_vec(1, 1, vec![255, 0, 0]).unwrap());
    assert_eq!(opened(&colours.path, ConvertMode::L).bytes, [76]);
    assert!(!ImageInfo::read(&colours.path).unwrap().gray);
}

#[test]
fn the_content_says_what_a_file_is() {
    let named_wrongly = file("x.jpg", &encoded(&left_white().into(), ImageFormat::Png));
    assert_eq!(opened(&named_wrongly.path, ConvertMode::Rgb).width, 16);
    refuses(&file("x.png", b"not found"), "it is not in a supported image format");
    refuses(
        &file("x.png", b"<html>not found</html>"),
        "it is a web page, which is not supported: download the images themselves",
    );
    let heic = file("x.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    refuses(&heic, "it is HEIC, which is not supported: convert to JPEG, for example with `magick");
    refuses(&file("x.png", b""), "it is empty");
}

#[test]
fn a_raw_file_is_not_taken_for_its_preview() {
    let tiff = encoded(&left_white().into(), ImageFormat::Tiff);
    let error = Pixels::open(&file("x.NEF", &tiff).path, ConvertMode::Rgb).unwrap_err().to_string();
    assert!(
        error.contains("it is a camera's raw file, which is not supported: develop"),
        "{error}"
    );
    assert_eq!(opened(&file("x.tif", &tiff).path, ConvertMode::Rgb).width, 16);
}

#[test]
fn what_is_cut_short_is_refused() {
    for (name, format) in
        [("x.png", ImageFormat::Png), ("x.jpg", ImageFormat::Jpeg), ("x.gif", ImageFormat::Gif)]
    {
        let noise = RgbImage::from_fn(40, 30, |x, y| {
            image::Rgb([(x * 7) as u8, (y * 9) as u8, (x * y) as u8])
        });
        let bytes = encoded(&noise.into(), format);
        for part in [bytes.len() / 2, bytes.len() * 3 / 4, 12] {
            let file = file(name, &bytes[..part]);
            let Err(error) = Pixels::open(&file.path, ConvertMode::Rgb) else {
                panic!("{part} of {} bytes of {name} are a picture", bytes.len())
            };
            assert!(!error.to_string().ends_with('\n'), "{error}");
        }
    }
}

/// A PNG that ends after its header.
fn header(width: u32, height: u32) -> File {
    let mut crc = 0xffff_ffff_u32;
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    for byte in &chunk {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(chunk);
    bytes.extend((!crc).to_be_bytes());
    // The start of its pixels: without it, there is no header to read to the end.
    bytes.extend(b"\0\0\0\x04IDAT\0\0\0\0\0\0\0\0");
    file("x.png", &bytes)
}

#[test]
fn a_header_that_promises_too_much_is_refused_at_once() {
    let start = Instant::now();
    refuses(&header(100_000, 100_000), "claims to be 100000×100000 pixels");
    refuses(&header(16_000, 16_000), "claims to be 16000×16000 pixels");
    refuses(&header(0, 5), "cannot read");
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    let error = ImageInfo::read(&header(100_000, 100_000).path).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

/// A JPEG as it is opened under a limit.
fn within(file: &File, max_pixels: u64) -> Result<Pixels> {
    Pixels::open_as(&file.path, ImageKind { max_pixels, ..ImageKind::default() })
}

#[test]
fn a_jpeg_over_the_limit_is_decoded_at_a_fraction() {
    let image = RgbImage::from_fn(160, 90, |x, y| image::Rgb([x as u8, y as u8, 9]));
    let jpeg = file("x.jpg", &encoded(&image.clone().into(), ImageFormat::Jpeg));
    let pixels = 160 * 90;
    for (limit, size) in [(pixels, [90, 160]), (pixels - 1, [23, 40]), (1000, [12, 20])] {
        let opened = within(&jpeg, limit).unwrap();
        assert_eq!([opened.height, opened.width], size, "a limit of {limit}");
        assert_eq!((opened.full_size, opened.bytes.len()), ([90, 160], size[0] * size[1] * 3));
        assert_eq!(ImageInfo::read_within(&jpeg.path, limit).unwrap().size(), [90, 160]);
    }
    let error = within(&jpeg, 900).unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 900, .. }), "{error}");
    let png = file("x.png", &encoded(&image.into(), ImageFormat::Png));
    let error = within(&png, pixels - 1).unwrap_err();
    assert!(matches!(error, Error::TooLarge { width: 160, height: 90, .. }), "{error}");
    assert!(within(&png, pixels).is_ok());
    let error = MaskFile::open_within(&png.path, 9).unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 9, .. }), "{error}");
}

#[test]
fn a_fraction_is_turned_upright_too() {
    let opened = within(&turned(6), 100).unwrap();
    assert_eq!(([opened.height, opened.width], opened.full_size), ([4, 2], [16, 8]));
    assert!(opened.bytes[0] > 200 && opened.bytes[opened.bytes.len() - 1] < 50);
}

#[test]
fn a_jpeg_that_is_too_short_for_its_pixels_is_refused() {
    let mut bytes = encoded(&left_white().into(), ImageFormat::Jpeg);
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    let start = Instant::now();
    refuses(&file("x.jpg", &bytes), "claims to be 65535×65535 pixels");
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
}

#[test]
fn twelve_bits_of_sixteen_are_spread() {
    let gray: ImageBuffer<Luma<u16>, _> =
        ImageBuffer::from_vec(4, 1, vec![0, 2048, 4095, 9000]).unwrap();
    let file = png(gray);
    let opened = |bits| {
        let kind = ImageKind { mode: ConvertMode::L, bits, ..ImageKind::default() };
        Pixels::open_as(&file.path, kind).unwrap().bytes
    };
    assert_eq!(opened(Some(12)), [0, 128, 255, 255]);
    assert_eq!(opened(None), [0, 8, 16, 35]);
    assert_eq!(opened(Some(16)), opened(None));
    assert_eq!(highest_value(&file.path, MAX_PIXELS).unwrap(), Some(9000));
    assert!(ImageInfo::read(&file.path).unwrap().deep);
    let of_bytes = png(left_white());
    assert_eq!(highest_value(&of_bytes.path, MAX_PIXELS).unwrap(), None);
    assert!(!ImageInfo::read(&of_bytes.path).unwrap().deep);
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Pixels::open(folder.path(), ConvertMode::Rgb).unwrap_err();
    assert!(matches!(error, Error::NotAFile { what: "a folder", .. }), "{error}");
    let error = Pixels::open(folder.path().join("none.png"), ConvertMode::Rgb).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error}");
    #[cfg(unix)]
    {
        let error = Pixels::open(Path::new("/dev/zero"), ConvertMode::Rgb).unwrap_err();
        assert!(matches!(error, Error::NotAFile { .. }), "{error}");
    }
}
