//! Whether a JPEG is there to its end: its decoder makes the rest gray, without a word.

/// Whether the markers of a JPEG lead to the one that ends it.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    const END_OF_IMAGE: u8 = 0xd9;
    let mut at = 2; // behind the marker that begins it
    loop {
        let Some((marker, after)) = next_marker(bytes, at) else { return false };
        at = match marker {
            END_OF_IMAGE => return true,
            // These have no length: markers between the parts of a scan, and a rare one.
            0xd0..=0xd8 | 0x01 => after,
            _ => {
                let Some(&[high, low]) = bytes.get(after..after + 2) else { return false };
                after + usize::from(u16::from_be_bytes([high, low]))
            }
        };
        if marker == START_OF_SCAN {
            let Some(end) = end_of_scan(bytes, at) else { return false };
            at = end;
        }
    }
}

/// The marker at `at`, and where what follows it begins. It may be filled up with `ff`.
fn next_marker(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(at..)?.strip_prefix(&[0xff])?;
    let fill = rest.iter().position(|byte| *byte != 0xff)?;
    Some((rest[fill], at + 1 + fill + 1))
}

/// Where the coded pixels end: at a marker. An `ff` of theirs is followed by 0, and what divides
/// them is not their end.
fn end_of_scan(bytes: &[u8], from: usize) -> Option<usize> {
    let pairs = bytes.get(from..)?.windows(2);
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    pairs.into_iter().position(ends).map(|offset| from + offset)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, RgbImage};

    use super::*;

    #[test]
    fn a_part_of_a_picture_is_not_whole() {
        let noise = |x: u32, y: u32| image::Rgb([(x * 37) as u8, (y * 91) as u8, (x * y) as u8]);
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_fn(64, 48, noise).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        let mut bytes = bytes.into_inner();
        assert!((2..bytes.len()).all(|end| !is_whole(&bytes[..end])));
        assert!(is_whole(&bytes));
        bytes.extend([7; 99]);
        assert!(is_whole(&bytes), "what follows the end is not looked at");
    }

    #[test]
    fn nonsense_is_not_whole() {
        for bytes in [&[][..], &[0xff], &[0xff, 0xd8, 0xff, 0xe0, 0, 0], &[0xff; 9]] {
            assert!(!is_whole(bytes), "{bytes:?}");
        }
    }
}
