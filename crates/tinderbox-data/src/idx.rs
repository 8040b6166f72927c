//! MNIST's files as they were published: images and labels as bytes behind a header, most often
//! compressed by gzip.

use std::{
    fmt, fs,
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use crate::{Error, Result, file};

/// No file unpacks to more than these bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Bytes in an array of some dimensions, as `train-images-idx3-ubyte` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// The file that they are from.
    pub path: PathBuf,
    /// `[images, height, width]`, or `[labels]`.
    pub sizes: Vec<usize>,
    /// The last size varies fastest.
    pub bytes: Vec<u8>,
}

/// Why a file is not in this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotIdx {
    /// It begins otherwise.
    Magic([u8; 4]),
    /// It has another number of dimensions.
    Dimensions { expected: usize, found: usize },
    /// It ends before its header says, in bytes behind it.
    Truncated { expected: u64, found: u64 },
    /// It goes on behind what its header says.
    Longer { expected: u64 },
    /// Its compressed data is broken.
    Gzip,
    /// It has more than a gigabyte.
    TooLarge,
}

/// What it is instead, behind a colon.
impl fmt::Display for NotIdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic(found) => {
                write!(f, "it begins with the bytes {found:02x?}, expected [00, 00, 08, …]")
            }
            Self::Dimensions { expected, found } => {
                write!(f, "it has {found} dimensions, expected {expected}")
            }
            Self::Truncated { expected, found } => {
                write!(f, "it is truncated: it has {found} of {expected} bytes")
            }
            Self::Longer { expected } => {
                write!(f, "it goes on after the {expected} bytes that its header promises")
            }
            Self::Gzip => f.write_str("its compressed data is broken"),
            Self::TooLarge => f.write_str("it is larger than 1 GiB"),
        }
    }
}

impl Idx {
    /// Reads a file of so many dimensions: 3 for images, 1 for labels. Whether it is compressed is seen
    /// from its content.
    ///
    /// # Errors
    /// [`Error::NotIdx`]; [`Error::Read`]; [`Error::NotAFile`].
    pub fn read(path: impl AsRef<Path>, dimensions: usize) -> Result<Self> {
        let path = path.as_ref();
        let not = |why| Error::NotIdx { path: path.into(), why };
        let bytes = file::read(path)?;
        let bytes = match bytes.starts_with(b"\x1f\x8b") {
            true => unpacked(&bytes).map_err(not)?,
            false => bytes,
        };
        let (sizes, bytes) = parsed(&bytes, dimensions).map_err(not)?;
        Ok(Self { path: path.into(), sizes, bytes })
    }
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, NotIdx> {
    let mut all = Vec::new();
    let read = MultiGzDecoder::new(Cursor::new(bytes)).take(MAX_BYTES + 1).read_to_end(&mut all);
    match read {
        Err(_) => Err(NotIdx::Gzip),
        Ok(n) if n as u64 > MAX_BYTES => Err(NotIdx::TooLarge),
        Ok(_) => Ok(all),
    }
}

/// The sizes in the header, and the bytes behind it.
fn parsed(bytes: &[u8], dimensions: usize) -> Result<(Vec<usize>, Vec<u8>), NotIdx> {
    /// The type of unsigned bytes.
    const UBYTE: u8 = 8;
    let Some((&magic, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(NotIdx::Truncated { expected: 4, found: bytes.len() as u64 });
    };
    let [0, 0, UBYTE, found] = magic else { return Err(NotIdx::Magic(magic)) };
    let found = usize::from(found);
    if found != dimensions {
        return Err(NotIdx::Dimensions { expected: dimensions, found });
    }
    let Some((header, values)) = rest.split_at_checked(4 * dimensions) else {
        return Err(NotIdx::Truncated { expected: 4 * found as u64, found: rest.len() as u64 });
    };
    let sizes: Vec<u32> =
        header.as_chunks::<4>().0.iter().map(|size| u32::from_be_bytes(*size)).collect();
    let expected = sizes.iter().try_fold(1u64, |all, size| all.checked_mul(u64::from(*size)));
    let expected = expected.filter(|all| *all <= MAX_BYTES).ok_or(NotIdx::TooLarge)?;
    match (values.len() as u64).cmp(&expected) {
        std::cmp::Ordering::Less => Err(NotIdx::Truncated { expected, found: values.len() as u64 }),
        std::cmp::Ordering::Greater => Err(NotIdx::Longer { expected }),
        std::cmp::Ordering::Equal => {
            Ok((sizes.into_iter().map(|size| size as usize).collect(), values.to_vec()))
        }
    }
}

/// Writes each image as a gray PNG file into a folder of its label: `7/00042.png`, the number counting all
/// images from 0.
///
/// # Errors
/// [`Error::IdxCounts`] if there are not as many labels as images; [`Error::Write`].
///
/// # Panics
/// If the images do not have three dimensions.
pub fn write_class_folders(images: &Idx, labels: &Idx, folder: &Path) -> Result<()> {
    let [n, height, width] = images.sizes[..] else { panic!("images have three dimensions") };
    if n != labels.bytes.len() {
        return Err(Error::IdxCounts {
            images: images.path.clone(),
            n_images: n,
            labels: labels.path.clone(),
            n_labels: labels.bytes.len(),
        });
    }
    let written = |path: &Path, result: std::io::Result<()>| {
        result.map_err(|source| Error::Write { path: path.into(), source })
    };
    for label in labels.bytes.iter().collect::<std::collections::BTreeSet<_>>() {
        let class = folder.join(label.to_string());
        written(&class, fs::create_dir_all(&class))?;
    }
    let pixels = images.bytes.chunks_exact((height * width).max(1));
    for (at, (pixels, label)) in pixels.zip(&labels.bytes).enumerate() {
        let path = folder.join(format!("{label}/{at:05}.png"));
        let (width, height) = (width as u32, height as u32);
        let color = image::ExtendedColorType::L8;
        let saved = image::save_buffer(&path, pixels, width, height, color);
        written(&path, saved.map_err(std::io::Error::other))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::{ConvertMode, image::Pixels};

    fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let header = sizes.iter().flat_map(|size| size.to_be_bytes());
        [0, 0, 8, sizes.len() as u8]
            .into_iter()
            .chain(header)
            .chain(bytes.iter().copied())
            .collect()
    }

    #[track_caller]
    fn read(bytes: &[u8], dimensions: usize) -> Result<Idx> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train-images-idx3-ubyte");
        fs::write(&path, bytes).unwrap();
        Idx::read(path, dimensions)
    }

    #[track_caller]
    fn refuses(bytes: &[u8], dimensions: usize, why: NotIdx) {
        match read(bytes, dimensions) {
            Err(Error::NotIdx { why: found, .. }) => assert_eq!(found, why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_and_its_compressed_form_are_the_same() {
        let plain = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&plain).unwrap();
        let packed = packed.finish().unwrap();
        for bytes in [&plain, &packed] {
            let found = read(bytes, 3).unwrap();
            assert_eq!((found.sizes, found.bytes), (vec![2, 1, 3], vec![1, 2, 3, 4, 5, 6]));
        }
        refuses(&packed[..packed.len() - 9], 3, NotIdx::Gzip);
    }

    #[test]
    fn what_is_no_such_file_is_told_apart() {
        refuses(b"\0\0\x08", 1, NotIdx::Truncated { expected: 4, found: 3 });
        refuses(b"\x89PNG", 1, NotIdx::Magic(*b"\x89PNG"));
        refuses(&[0, 0, 13, 1], 1, NotIdx::Magic([0, 0, 13, 1]));
        refuses(&idx(&[2], &[1, 2]), 3, NotIdx::Dimensions { expected: 3, found: 1 });
        refuses(&idx(&[9], &[1, 2]), 1, NotIdx::Truncated { expected: 9, found: 2 });
        refuses(&idx(&[1], &[1, 2]), 1, NotIdx::Longer { expected: 1 });
        refuses(&idx(&[u32::MAX; 3], &[]), 3, NotIdx::TooLarge);
    }

    #[test]
    fn images_come_into_the_folders_of_their_labels() {
        let folder = tempfile::tempdir().unwrap();
        let images = read(&idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]), 3).unwrap();
        let labels = read(&idx(&[2], &[7, 0]), 1).unwrap();
        write_class_folders(&images, &labels, folder.path()).unwrap();
        let open = |name| Pixels::open(folder.path().join(name), ConvertMode::L).unwrap().bytes;
        assert_eq!((open("7/00000.png"), open("0/00001.png")), (vec![1, 2, 3], vec![4, 5, 6]));
        let fewer = read(&idx(&[1], &[7]), 1).unwrap();
        let error = write_class_folders(&images, &fewer, folder.path()).unwrap_err();
        assert!(matches!(error, Error::IdxCounts { n_images: 2, n_labels: 1, .. }), "{error}");
    }
}
