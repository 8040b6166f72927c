//! Damaged copies of images, written once: the lesson's way.

use std::{
    ffi::OsString,
    fs,
    io::{self, Cursor},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use image::{ExtendedColorType, ImageFormat};

use super::{
    Crappifier,
    jpeg::{Colors, compressed, encoded},
};
use crate::{
    Error, ImageItems, Result,
    error::BadFile,
    file::real_path,
    image::Pixels,
    loader::{item_generator, safely},
};

/// How copies are written.
pub struct WriteOptions<'a> {
    /// What is random about an image follows from this and its place in the list alone, so any number of
    /// workers writes the same files.
    pub seed: u64,
    /// Threads.
    pub workers: usize,
    /// Whether files that exist are overwritten.
    pub force: bool,
    /// Told how many of how many images are done.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

impl Default for WriteOptions<'_> {
    /// A seed of 42, a thread for each core, and nothing is overwritten.
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { seed: 42, workers, force: false, progress: None }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// How many copies.
    pub n: usize,
    /// The images that could not be read or damaged, in order.
    pub failed: Vec<BadFile>,
}

/// Writes a damaged copy of each image below `folder`, at the path that the image has below its own.
///
/// A copy is upright and of the format and the name of its image. A JPEG whose last step of damage is a JPEG
/// is written with that quality, without such a step with quality 100; in other formats, JPEG's damage is
/// in the pixels. Transparency is dropped.
///
/// An image that cannot be read does not stop the others.
///
/// # Errors
/// - [`Error::NotEmpty`] for a folder that has something in it, unless files are overwritten
/// - [`Error::CopiesInside`] if the copies would lie among the images, or these among them
/// - those of [`Crappifier::check`]
/// - [`Error::Write`] ends it: the disk is full, most likely
///
/// # Example
/// ```
/// use tinderbox_data::{ImageItems, damage::{WriteOptions, set_or_steps, write_damaged}};
/// # use tinderbox_data::digits::{DigitsConfig, write_digits};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let (photos, bad) = (folder.path().join("photos"), folder.path().join("bad"));
/// # write_digits(&photos, &DigitsConfig { train_per_class: 1, test_per_class: 1, seed: 1 })?;
/// let photos = ImageItems::from_folder(photos)?;
/// let written =
///     write_damaged(&photos, &bad, &set_or_steps("restore")?, &WriteOptions::default())?;
/// assert_eq!((written.n, written.failed.len()), (20, 0));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "crappify")]
#[doc(alias = "parallel")]
pub fn write_damaged(
    images: &ImageItems,
    folder: impl AsRef<Path>,
    damage: &Crappifier,
    options: &WriteOptions<'_>,
) -> Result<Written> {
    let folder = folder.as_ref();
    damage.check()?;
    make_room(images.root(), folder, options.force)?;
    let copies = Copies { images, folder, damage, seed: options.seed };
    let (next, done, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let errors = Mutex::new(Vec::new());
    let work = || {
        while !stopped.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= images.len() {
                return;
            }
            if let Err(error) = safely(|| copies.write(index)) {
                if matches!(error, Error::Write { .. }) {
                    stopped.store(true, Ordering::Relaxed);
                }
                errors.lock().unwrap_or_else(PoisonError::into_inner).push((index, error));
            }
            if let Some(progress) = options.progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, images.len());
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..options.workers.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut errors = errors.into_inner().unwrap_or_else(PoisonError::into_inner);
    errors.sort_unstable_by_key(|(index, _)| *index);
    if let Some(at) = errors.iter().position(|(_, error)| matches!(error, Error::Write { .. })) {
        return Err(errors.swap_remove(at).1);
    }
    let failed: Vec<BadFile> =
        errors.iter().map(|(index, error)| BadFile::new(images.path(*index), error)).collect();
    Ok(Written { n: images.len() - failed.len(), failed })
}

/// Makes sure that nothing is lost by writing to `folder`, and that it is there.
fn make_room(images: &Path, folder: &Path, force: bool) -> Result<()> {
    let [from, to] = [images, folder].map(real_path);
    if from.starts_with(&to) || to.starts_with(&from) {
        return Err(Error::CopiesInside { folder: folder.to_owned(), images: images.to_owned() });
    }
    let has_some = folder.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if has_some && !force {
        return Err(Error::NotEmpty { folder: folder.to_owned() });
    }
    make_folder(folder)
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })
}

struct Copies<'a> {
    images: &'a ImageItems,
    folder: &'a Path,
    damage: &'a Crappifier,
    seed: u64,
}

impl Copies<'_> {
    fn write(&self, index: usize) -> Result<()> {
        let Self { images, folder, damage, seed } = *self;
        let (pixels, format) = Pixels::open_with_format(&images.path(index), *images.kind())?;
        let mut rng = item_generator(seed, 0, index);
        let (pixels, quality) = damage.damage_but_encode(&pixels, &mut rng)?;
        let file = file_of(&pixels, quality, format)?;
        let to = folder.join(&images.entries[index].path);
        make_folder(to.parent().unwrap_or(folder))?;
        replace(&to, &file).map_err(|source| Error::Write { path: to, source })
    }
}

/// The image as a file of this format, with a JPEG step of this quality still to come.
fn file_of(pixels: &Pixels, quality: Option<u8>, format: ImageFormat) -> Result<Vec<u8>> {
    match (format, quality) {
        (ImageFormat::Jpeg, Some(quality)) => return encoded(pixels, quality, Colors::Halved),
        (ImageFormat::Jpeg, None) => return encoded(pixels, 100, Colors::Full),
        (format, Some(quality)) => return file_of(&compressed(pixels, quality)?, None, format),
        _ => {}
    }
    let color = match pixels.channels {
        1 => ExtendedColorType::L8,
        _ => ExtendedColorType::Rgb8,
    };
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    let mut file = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut file, &pixels.bytes, width, height, color, format)
        .map_err(|error| Error::Encode {
            format: format.extensions_str()[0],
            reason: error.to_string(),
        })?;
    Ok(file.into_inner())
}

/// Writes a file so that no half of one has its name.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".writing");
    let half: PathBuf = path.with_file_name(name);
    let written = fs::write(&half, bytes).and_then(|()| fs::rename(&half, path));
    if written.is_err() {
        // A half of it would keep a full disk full. The error that counts is the first.
        let _ = fs::remove_file(&half);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConvertMode, damage::set_or_steps, image::ImageInfo, picture::Picture};

    /// Six images of several kinds and folders, and their list.
    fn images(folder: &Path) -> ImageItems {
        fs::create_dir_all(folder.join("deep/er")).unwrap();
        let color = image::RgbImage::from_fn(150, 120, |x, y| {
            image::Rgb([(x + y) as u8, (2 * y) as u8, (255 - x) as u8])
        });
        let dynamic = image::DynamicImage::from(color.clone());
        color.save(folder.join("a.jpg")).unwrap();
        color.save(folder.join("deep/b.png")).unwrap();
        dynamic.to_luma8().save(folder.join("deep/er/gray.jpg")).unwrap();
        dynamic.to_rgba8().save(folder.join("alpha.png")).unwrap();
        color.save(folder.join("c.bmp")).unwrap();
        color.save(folder.join("d.webp")).unwrap();
        ImageItems::from_folder(folder).unwrap()
    }

    fn read_all(folder: &Path, images: &ImageItems) -> Vec<Vec<u8>> {
        images.relative_paths().map(|path| fs::read(folder.join(path)).unwrap()).collect()
    }

    #[test]
    fn copies_have_the_names_and_formats_of_their_images() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let images = images(&from);
        let damage = set_or_steps("restore").unwrap();
        let written = write_damaged(&images, &to, &damage, &WriteOptions::default()).unwrap();
        assert_eq!(written, Written { n: 6, failed: Vec::new() });
        for path in images.relative_paths() {
            let info = ImageInfo::read(to.join(path)).unwrap();
            assert_eq!((info.size(), info.gray), ([96, 120], false), "{}", path.display());
            let [before, after] = [&from, &to]
                .map(|folder| image::guess_format(&fs::read(folder.join(path)).unwrap()).unwrap());
            assert_eq!(before, after, "{}", path.display());
        }
        let all = fs::read_dir(&to).unwrap().count();
        assert_eq!(all, 5, "four files, a folder, and nothing that is half written");
    }

    #[test]
    fn the_pixels_of_other_formats_have_the_damage_of_jpeg() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(&from).unwrap();
        let color = image::RgbImage::from_fn(50, 40, |x, y| image::Rgb([(x * y) as u8; 3]));
        color.save(from.join("a.png")).unwrap();
        let images = ImageItems::from_folder(&from).unwrap();
        let damage = set_or_steps("jpeg 10").unwrap();
        write_damaged(&images, &to, &damage, &WriteOptions::default()).unwrap();
        let open = |folder: &Path| Pixels::open(folder.join("a.png"), ConvertMode::Rgb).unwrap();
        assert_eq!(open(&to), compressed(&open(&from), 10).unwrap());
    }

    #[test]
    fn any_number_of_workers_writes_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let images = images(&folder.path().join("from"));
        let damage: Crappifier = "old-photo, number, noise, shrink 1..3".parse().unwrap();
        let write = |name: &str, workers: usize, seed: u64| {
            let to = folder.path().join(name);
            let options = WriteOptions { seed, workers, ..WriteOptions::default() };
            write_damaged(&images, &to, &damage, &options).unwrap();
            read_all(&to, &images)
        };
        let one = write("one", 1, 7);
        assert_eq!(write("three", 3, 7), one);
        assert_eq!(write("eight", 8, 7), one);
        assert_ne!(write("other", 8, 8), one);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        images(&from);
        fs::write(from.join("broken.jpg"), "no image").unwrap();
        let images = ImageItems::from_folder(&from).unwrap();
        let done = Mutex::new(Vec::new());
        let progress = |n, of| done.lock().unwrap().push((n, of));
        let options = WriteOptions { progress: Some(&progress), ..WriteOptions::default() };
        let damage = Crappifier::gray();
        let written = write_damaged(&images, &to, &damage, &options).unwrap();
        assert_eq!((written.n, written.failed.len()), (6, 1));
        assert_eq!(written.failed[0].path, from.join("broken.jpg"));
        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        assert_eq!(done, (1..=7).map(|n| (n, 7)).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_written_over_and_nothing_among_the_images() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let images = images(&from);
        let write = |to: &Path, force: bool| {
            let options = WriteOptions { force, ..WriteOptions::default() };
            write_damaged(&images, to, &Crappifier::gray(), &options)
        };
        for inside in [&from, &from.join("deep/new"), folder.path(), &to.join("../from/x")] {
            let error = write(inside, true).unwrap_err();
            assert!(matches!(error, Error::CopiesInside { .. }), "{error}");
        }
        fs::create_dir_all(&to).unwrap();
        fs::write(to.join("mine.txt"), "mine").unwrap();
        let error = write(&to, false).unwrap_err();
        assert!(matches!(error, Error::NotEmpty { .. }), "{error}");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
        Picture::filled(3, 3, [0; 3]).save(to.join("a.jpg")).unwrap();
        write(&to, true).unwrap();
        assert_eq!(ImageInfo::read(to.join("a.jpg")).unwrap().size(), [120, 150]);
        assert_eq!(fs::read_to_string(to.join("mine.txt")).unwrap(), "mine");
        let error = write(&to.join("mine.txt"), true).unwrap_err();
        assert!(matches!(error, Error::Write { .. }), "{error}");
    }
}
