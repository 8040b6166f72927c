use image::{ColorType, ImageDecoder, ImageReader, metadata::Orientation};

use super::{super::exif::tests::block, *};

const RGB: ImageKind =
    ImageKind { mode: ConvertMode::Rgb, max_pixels: 1 << 20, bits: None, enlarge: 1 };

/// The header of a color profile for these colors, which is all that is looked at.
fn profile(colors: [u8; 4]) -> Vec<u8> {
    let mut profile = vec![0; 200];
    profile[16..20].copy_from_slice(&colors);
    profile[36..40].copy_from_slice(b"acsp");
    profile
}

/// An image 7 pixels wide and 5 high, whose values differ.
fn image(color: ColorType) -> DynamicImage {
    let rgb = |x: u32, y: u32| Rgb([x * 9000, y * 13_000, (x + y) * 5000].map(|v| v as u16));
    let alpha = |x: u32| (x * 8000) as u16;
    let deep = image::ImageBuffer::from_fn(7, 5, |x, y| {
        let Rgb([r, g, b]) = rgb(x, y);
        Rgba([r, g, b, alpha(x)])
    });
    let image = DynamicImage::ImageRgba16(deep);
    match color {
        ColorType::L8 => image.to_luma8().into(),
        ColorType::La8 => image.to_luma_alpha8().into(),
        ColorType::Rgb8 => image.to_rgb8().into(),
        ColorType::Rgba8 => image.to_rgba8().into(),
        ColorType::L16 => image.to_luma16().into(),
        ColorType::La16 => image.to_luma_alpha16().into(),
        ColorType::Rgb16 => image.to_rgb16().into(),
        _ => image,
    }
}

/// The image in a file of this format, with what the file carries.
fn file(
    format: Written,
    image: &DynamicImage,
    profile: Option<&[u8]>,
    exif: Option<&[u8]>,
) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    match format {
        Written::Jpeg => write(JpegEncoder::new_with_quality(&mut file, 95), image, profile, exif),
        Written::Png => write(PngEncoder::new(&mut file), image, profile, exif),
        Written::Tiff => write(TiffEncoder::new(&mut file), image, profile, exif),
        Written::WebP => write(WebPEncoder::new_lossless(&mut file), image, profile, exif),
    }
    .unwrap();
    file.into_inner()
}

/// What a file says: how it is to be turned, its profile, its EXIF.
fn carried(bytes: &[u8]) -> (Orientation, Option<Vec<u8>>, Option<Vec<u8>>) {
    let Carried { profile, exif } = decode::carried(Path::new("made"), bytes);
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap();
    (reader.into_decoder().unwrap().orientation().unwrap(), profile, exif)
}

/// Every format that can hold the pixels gives them back, and what they carry.
#[test]
fn what_a_file_carries_is_in_the_file_that_is_written() {
    use ColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
    for (format, colors) in [
        (Written::Png, &[L8, La8, Rgb8, Rgba8, L16, La16, Rgb16, Rgba16][..]),
        (Written::Tiff, &[L8, Rgb8, Rgba8, L16, Rgb16, Rgba16]),
        (Written::WebP, &[L8, La8, Rgb8, Rgba8]),
    ] {
        for color in colors {
            let old = image(*color);
            let exif = block(false);
            let exif = (format != Written::Tiff).then_some(&exif[..]);
            let icc = profile(*b"RGB ");
            let bytes = file(format, &old, Some(&icc), exif);
            // Orientation 6: the picture is upright once it is turned by 90 degrees.
            let upright = match exif {
                Some(_) => old.rotate90(),
                None => old,
            };
            let photo = Photo::decode_as(&bytes, RGB).unwrap();
            assert_eq!([photo.width(), photo.height()], sides(&upright).map(|side| side as usize));
            let (made, lost) = photo.with_image(&photo.to_image()).encode(format).unwrap();
            assert_eq!(lost, [], "{format:?} {color:?}");
            let read = image::load_from_memory(&made).unwrap();
            let wanted = divided(upright);
            let wanted = united(Cow::Owned(convert(wanted.0, ConvertMode::Rgb)), wanted.1.as_ref());
            assert!(read == *wanted, "{format:?} {color:?}: {:?}", read.color());
            let (orientation, found, exif_found) = carried(&made);
            assert_eq!(orientation, Orientation::NoTransforms);
            assert_eq!(found.as_deref(), Some(&icc[..]), "{format:?} {color:?}");
            assert_eq!(exif_found.is_some(), exif.is_some());
        }
    }
}

#[test]
fn a_photograph_keeps_its_date_and_its_colors_and_stands_upright() {
    let icc = profile(*b"RGB ");
    let bytes = file(Written::Jpeg, &image(ColorType::Rgb8), Some(&icc), Some(&block(true)));
    let photo = Photo::decode_as(&bytes, RGB).unwrap();
    assert_eq!((photo.width(), photo.height(), photo.is_deep()), (5, 7, false));
    let larger = photo.with_image(&Image::filled([3, 70, 50], 0.5));
    for format in [Written::Jpeg, Written::Png, Written::WebP] {
        let (made, lost) = larger.encode(format).unwrap();
        assert_eq!(lost, []);
        let (orientation, found, exif) = carried(&made);
        assert_eq!((orientation, found), (Orientation::NoTransforms, Some(icc.clone())));
        let wanted = exif::of_upright(&block(true), [70, 50]).unwrap();
        assert!(wanted.len() < block(true).len(), "without the thumbnail");
        assert_eq!(exif, Some(wanted));
    }
    let (_, lost) = larger.encode(Written::Tiff).unwrap();
    assert_eq!(lost, [Lost::Exif { format: "TIFF" }]);
}

#[test]
fn inks_become_light_and_their_profile_is_dropped() {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.add_icc_profile(&profile(*b"CMYK")).unwrap();
    let inks: Vec<u8> = (0..8 * 8).flat_map(|_| [255, 0, 0, 0]).collect();
    encoder.encode(&inks, 8, 8, jpeg_encoder::ColorType::Cmyk).unwrap();
    let photo = Photo::decode_as(&bytes, RGB).unwrap();
    assert_eq!((photo.channels(), photo.width()), (3, 8));
    let (made, lost) = photo.encode(Written::Jpeg).unwrap();
    assert_eq!(lost, [Lost::Profile { colors: "CMYK".into() }]);
    assert_eq!(lost[0].to_string(), "saved without the color profile, which is for CMYK");
    assert_eq!(carried(&made).1, None);
}

#[test]
fn gray_with_a_profile_of_its_own_keeps_it_only_while_it_is_gray() {
    let icc = profile(*b"GRAY");
    let bytes = file(Written::Png, &image(ColorType::L16), Some(&icc), None);
    let gray = Photo::decode_as(&bytes, ImageKind { mode: ConvertMode::L, ..RGB }).unwrap();
    assert_eq!((gray.channels(), gray.is_deep()), (1, true));
    assert_eq!(gray.encode(Written::Png).unwrap().1, []);
    let colored = gray.with_image(&Image::filled([3, 5, 7], 0.5));
    assert!(matches!(&colored.encode(Written::Png).unwrap().1[..], [Lost::Profile { .. }]));
}

#[test]
fn colors_of_16_bits_become_gray_as_those_of_8_do() {
    let bytes = file(Written::Png, &image(ColorType::Rgb16), None, None);
    let gray = Photo::decode_as(&bytes, ImageKind { mode: ConvertMode::L, ..RGB }).unwrap();
    let of = |x: u64, y: u64| {
        (19_595 * x * 9000 + 38_470 * y * 13_000 + 7471 * (x + y) * 5000 + 32_768) >> 16
    };
    let value = gray.to_image().pixels[2 * 7 + 3];
    assert_eq!((value * 65_535.0).round() as u64, of(3, 2));
}

#[test]
fn a_broken_block_does_not_take_the_picture_with_it() {
    let old = image(ColorType::Rgb8);
    let bytes = file(Written::Jpeg, &old, Some(b"no profile"), Some(&block(false)[..20]));
    let (made, lost) = Photo::decode_as(&bytes, RGB).unwrap().encode(Written::Jpeg).unwrap();
    assert_eq!(lost, [Lost::BrokenProfile, Lost::BrokenExif]);
    assert_eq!(carried(&made), (Orientation::NoTransforms, None, None));
    // Whatever stands in the blocks.
    let whole = file(Written::Png, &old, Some(&profile(*b"RGB ")), Some(&block(false)));
    for at in 33..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 0x55;
        if let Ok(photo) = Photo::decode_as(&broken, RGB) {
            photo.encode(Written::Jpeg).unwrap();
        }
    }
}

#[test]
fn what_a_format_does_not_have_is_told() {
    let bytes = file(Written::Png, &image(ColorType::Rgba16), None, None);
    let photo = Photo::decode_as(&bytes, RGB).unwrap();
    let lost = |format| photo.encode(format).unwrap().1;
    assert_eq!(
        lost(Written::Jpeg),
        [Lost::Alpha { format: "JPEG" }, Lost::Depth { format: "JPEG" }]
    );
    assert_eq!(lost(Written::WebP), [Lost::Depth { format: "WebP" }]);
    let made = photo.encode(Written::WebP).unwrap().0;
    let read = image::load_from_memory(&made).unwrap().to_rgba8();
    assert_eq!(
        read.get_pixel(3, 2).0,
        [27_000, 26_000, 25_000, 24_000].map(|v: u32| ((v + 128) / 257) as u8)
    );
}

#[test]
fn transparency_is_scaled_with_the_picture() {
    let bytes = file(Written::Png, &image(ColorType::Rgba8), None, None);
    let photo = Photo::decode_as(&bytes, RGB).unwrap();
    for larger in [photo.resized([50, 70]), photo.with_image(&Image::filled([3, 50, 70], 0.5))] {
        let read = image::load_from_memory(&larger.encode(Written::Png).unwrap().0).unwrap();
        assert_eq!((read.width(), read.height(), read.color()), (70, 50, ColorType::Rgba8));
        let alpha = |x: u32| read.to_rgba8().get_pixel(x, 25).0[3];
        assert!(alpha(5) < 10 && alpha(35).abs_diff(93) < 3 && alpha(64) > 180);
    }
}

#[test]
fn images_that_use_a_part_of_16_bits_still_do_so_after() {
    let values: Vec<u16> = (0..35).map(|at| at * 117).collect();
    let old = buffer::<Luma<u16>>([7, 5], values.clone());
    let bytes = file(Written::Png, &old, None, None);
    let kind = ImageKind { bits: Some(12), mode: ConvertMode::L, ..RGB };
    let photo = Photo::decode_as(&bytes, kind).unwrap();
    let image = photo.to_image();
    assert!((image.pixels[34] - 34.0 * 117.0 / 4095.0).abs() < 1e-6);
    let made = photo.with_image(&image).encode(Written::Png).unwrap().0;
    assert_eq!(image::load_from_memory(&made).unwrap().to_luma16().into_raw(), values);
    // In 8 bits, white is white.
    let white = photo.with_image(&Image::filled([1, 5, 7], 1.0)).encode(Written::WebP).unwrap().0;
    assert!(image::load_from_memory(&white).unwrap().to_luma8().iter().all(|value| *value == 255));
}

#[test]
fn entries_of_a_palette_may_be_transparent() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(vec![10, 20, 30, 40, 50, 60]);
    encoder.set_trns(vec![255, 7]);
    encoder.write_header().unwrap().write_image_data(&[0, 1]).unwrap();
    let photo = Photo::decode_as(&bytes, RGB).unwrap();
    assert!(photo.has_alpha());
    let made = photo.encode(Written::Png).unwrap().0;
    let read = image::load_from_memory(&made).unwrap().to_rgba8();
    assert_eq!(read.into_raw(), [10, 20, 30, 255, 40, 50, 60, 7]);
}

#[test]
fn a_picture_is_written_in_the_format_that_its_name_ends_with() {
    let folder = tempfile::tempdir().unwrap();
    let photo = Photo::of_image(&Image::filled([3, 5, 7], 0.5));
    assert_eq!(photo.describe(), "an image of 7×5 pixels");
    for extension in PHOTO_EXTENSIONS {
        let file = folder.path().join(format!("a.{extension}"));
        assert_eq!(photo.save(&file).unwrap(), []);
        let reader = ImageReader::open(&file).unwrap();
        let by_name = reader.format();
        assert_eq!(reader.with_guessed_format().unwrap().format(), by_name);
        let read = Photo::open_as(&file, RGB).unwrap().to_image();
        assert!(read.pixels.iter().all(|value| (value - 0.5).abs() < 0.01));
    }
    let error = photo.save(folder.path().join("a.gif")).unwrap_err();
    assert!(matches!(error, Error::ImageFormat { .. }));
    // More pixels than the format has.
    let long = Photo::of_image(&Image::filled([1, 1, 70_000], 0.5));
    let error = long.save(folder.path().join("a.jpg")).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
}
