//! What a camera wrote about a picture: kept for another picture in its place, which has another size
//! and is upright.
//!
//! The block is that of a TIFF file: directories of entries of twelve bytes, which point to one another.
//! It is changed in place, so that nothing that points into it goes astray.

/// What a block begins with in some files.
const PREFIX: &[u8] = b"Exif\0\0";

// Tags of entries.
const WIDTH: u16 = 0x100;
const HEIGHT: u16 = 0x101;
const ORIENTATION: u16 = 0x112;
const THUMBNAIL: u16 = 0x201;
const THUMBNAIL_LEN: u16 = 0x202;
const MORE: u16 = 0x8769;
const PIXEL_WIDTH: u16 = 0xa002;
const PIXEL_HEIGHT: u16 = 0xa003;

/// The block of an upright picture of this size, without the thumbnail, which shows another one. Nothing
/// for a block that is broken.
pub(super) fn of_upright(exif: &[u8], [height, width]: [usize; 2]) -> Option<Vec<u8>> {
    let bytes = exif.strip_prefix(PREFIX).unwrap_or(exif).to_vec();
    let big_endian = match bytes.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let mut block = Block { bytes, big_endian };
    let (entries, next) = block.directory(block.long(4)? as usize)?;
    let set = |block: &mut Block, at: usize| match block.short(at)? {
        WIDTH | PIXEL_WIDTH => block.set_number(at, width as u32),
        HEIGHT | PIXEL_HEIGHT => block.set_number(at, height as u32),
        ORIENTATION => block.set_number(at, 1),
        _ => Some(()),
    };
    for at in entries {
        set(&mut block, at)?;
        if block.short(at)? == MORE
            && let Some((inner, _)) = block.directory(block.long(at + 8)? as usize)
        {
            for at in inner {
                set(&mut block, at)?;
            }
        }
    }
    // Some writers end the block with the last entry.
    if let Some(thumbnails) = block.long(next) {
        block.remove_thumbnail(thumbnails as usize);
        block.set_long(next, 0);
    }
    Some(block.bytes)
}

struct Block {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Block {
    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn set_short(&mut self, at: usize, value: u16) -> Option<()> {
        let bytes = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.bytes.get_mut(at..at + bytes.len())?.copy_from_slice(&bytes);
        Some(())
    }

    fn set_long(&mut self, at: usize, value: u32) -> Option<()> {
        let bytes = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.bytes.get_mut(at..at + bytes.len())?.copy_from_slice(&bytes);
        Some(())
    }

    /// Where a directory's entries are, and where it says where the next one is.
    fn directory(&self, at: usize) -> Option<(Vec<usize>, usize)> {
        const ENTRY: usize = 12;
        let n = usize::from(self.short(at)?);
        let first = at + 2;
        let entries: Vec<usize> = (0..n).map(|index| first + index * ENTRY).collect();
        let end = first + n * ENTRY;
        (end <= self.bytes.len()).then_some((entries, end))
    }

    /// Gives the entry one number, in the type that it has or in one that holds the number.
    fn set_number(&mut self, at: usize, value: u32) -> Option<()> {
        const SHORT: u16 = 3;
        const LONG: u16 = 4;
        self.set_long(at + 4, 1)?;
        self.set_long(at + 8, 0)?;
        match (self.short(at + 2)?, u16::try_from(value)) {
            (SHORT, Ok(value)) => self.set_short(at + 8, value),
            _ => {
                self.set_short(at + 2, LONG)?;
                self.set_long(at + 8, value)
            }
        }
    }

    /// Takes out the thumbnail that the directory at `at` tells of.
    fn remove_thumbnail(&mut self, at: usize) -> Option<()> {
        let (entries, _) = self.directory(at)?;
        let value = |tag: u16| {
            let entry = entries.iter().find(|at| self.short(**at) == Some(tag))?;
            self.long(entry + 8)
        };
        let (start, len) = (value(THUMBNAIL)? as usize, value(THUMBNAIL_LEN)? as usize);
        let end = start.checked_add(len)?;
        self.bytes.get_mut(start..end)?.fill(0);
        if end == self.bytes.len() {
            self.bytes.truncate(start);
        }
        Some(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A camera's block: orientation 6, 400×300 pixels, an inner directory, a thumbnail.
    pub(in crate::image) fn block(big_endian: bool) -> Vec<u8> {
        let mut block = Block { bytes: vec![0; 140], big_endian };
        block.bytes[..2].copy_from_slice(if big_endian { b"MM" } else { b"II" });
        block.set_short(2, 42);
        block.set_long(4, 8);
        let mut directory = |at: usize, entries: &[[u32; 3]], next: u32| {
            block.set_short(at, entries.len() as u16);
            for (index, [tag, kind, value]) in entries.iter().enumerate() {
                let at = at + 2 + 12 * index;
                block.set_short(at, *tag as u16);
                block.set_short(at + 2, *kind as u16);
                block.set_long(at + 4, 1);
                match kind {
                    3 => block.set_short(at + 8, *value as u16),
                    _ => block.set_long(at + 8, *value),
                };
            }
            block.set_long(at + 2 + 12 * entries.len(), next);
        };
        directory(8, &[[0x112, 3, 6], [0x8769, 4, 40]], 80);
        directory(40, &[[0xa002, 3, 400], [0xa003, 4, 300]], 0);
        directory(80, &[[0x201, 4, 120], [0x202, 4, 20]], 0);
        block.bytes[120..].fill(7);
        block.bytes
    }

    #[test]
    fn a_block_is_of_the_new_picture_in_either_order_of_bytes() {
        for big_endian in [false, true] {
            let old = block(big_endian);
            let bytes = of_upright(&old, [1000, 70_000]).unwrap();
            assert_eq!(bytes.len(), 120, "the thumbnail is gone");
            let block = Block { bytes, big_endian };
            assert_eq!(block.short(8 + 2 + 8), Some(1));
            assert_eq!(block.long(8 + 2 + 24), Some(0), "and so is what leads to it");
            // A width that takes more than 16 bits.
            assert_eq!((block.short(40 + 2 + 2), block.long(40 + 2 + 8)), (Some(4), Some(70_000)));
            assert_eq!(block.long(40 + 2 + 12 + 8), Some(1000));
            let prefixed = [PREFIX, &old].concat();
            assert_eq!(of_upright(&prefixed, [1000, 70_000]), Some(block.bytes));
        }
    }

    #[test]
    fn a_block_that_is_cut_anywhere_is_no_panic() {
        let whole = block(false);
        for len in 0..whole.len() {
            of_upright(&whole[..len], [5, 5]);
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] = 0xff;
            of_upright(&broken, [5, 5]);
        }
        assert_eq!(of_upright(&whole[..30], [5, 5]), None);
        assert_eq!(of_upright(b"no block", [5, 5]), None);
    }
}
