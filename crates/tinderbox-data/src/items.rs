//! Stage 1: the items, in order, before anything is said about them.

mod csv;
mod folder;
mod layout;
mod listing;
mod names;
mod table;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    Array, ConvertMode, Error, Image, Result,
    image::{Filter, ImageInfo, MAX_PIXELS, Pixels},
    inference::SavedInput,
    split::{Part, permutation},
    transform::Drawn,
};

pub use csv::CsvOptions;
pub use folder::FolderOptions;
pub use listing::{LeftOut, LeftOutReason, Listing, listing, n_left_out, summary};
pub use names::{FileNames, Named};
pub use table::{Table, TableFormat};

/// One item: where its input is, and which row of a table it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Below the items' root.
    pub path: PathBuf,
    /// The row of the table, counted from 0.
    pub row: Option<usize>,
}

/// What is in a list: how an entry is opened and shown.
///
/// Implement it for what can be listed, split and labelled. A list whose items are a model's inputs
/// one by one, as images and noise are, has an [`InputKind`] besides. Texts have none: what a model
/// is given are the numbers of their tokens, which all texts decide together.
pub trait ItemKind: Clone + fmt::Debug + Send + Sync + 'static {
    /// An item as it is kept between epochs: read, with nothing random about it yet.
    type Opened: Send + Sync + 'static;

    /// What lists of this kind are called when they are shown.
    fn name(&self) -> &'static str;

    /// What items are called where they are counted, in the plural.
    fn unit(&self) -> &'static str {
        "items"
    }

    /// Reads the item that is called `path`: a file below the items' root, or a name for what is
    /// read from elsewhere, as a text's number is.
    ///
    /// # Errors
    /// Those of the format, with the path.
    fn open(&self, path: &Path) -> Result<Self::Opened>;

    /// An item for people, in a few words.
    fn show(&self, path: &Path) -> String;
}

/// How an opened item becomes a model's input, and what a model file keeps of that.
///
/// Implement it, beside [`ItemKind`], for a further kind of what models are trained on; nothing else
/// of the data block needs to change.
pub trait InputKind: ItemKind {
    /// Memory that an opened item takes.
    fn bytes(&self, opened: &Self::Opened) -> usize;

    /// Height and width of an image, which its mask must have too.
    fn size(&self, _opened: &Self::Opened) -> Option<[usize; 2]> {
        None
    }

    /// Height and width of the image in its file, which points are places in.
    fn full_size(&self, opened: &Self::Opened) -> Option<[usize; 2]> {
        self.size(opened)
    }

    /// The image, for labels that are made of it.
    fn image<'a>(&self, _opened: &'a Self::Opened) -> Option<&'a Pixels> {
        None
    }

    /// What a model gets. The transforms are drawn; whatever else is random comes from `rng`.
    ///
    /// # Errors
    /// [`Error::Transform`].
    fn input(
        &self,
        opened: &Self::Opened,
        drawn: &Drawn<'_>,
        rng: &mut dyn RngCore,
    ) -> Result<Array>;

    /// [`input`](Self::input), and for kinds whose label may be the item itself the image as that label,
    /// so that transforms are done once for both.
    ///
    /// # Errors
    /// As there.
    fn input_and_label(
        &self,
        opened: &Self::Opened,
        drawn: &Drawn<'_>,
        rng: &mut dyn RngCore,
    ) -> Result<(Array, Option<Image>)> {
        Ok((self.input(opened, drawn, rng)?, None))
    }

    /// How it is saved with a model, so that new files are opened as those it was trained on.
    fn saved(&self) -> SavedInput;
}

/// Images, and how they are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageKind {
    pub mode: ConvertMode,
    /// The most pixels an image may have; a JPEG of more is decoded at a fraction of its size, any
    /// other image is an error. [`MAX_PIXELS`] if it is not said.
    #[serde(default = "usual_limit", skip_serializing_if = "is_usual_limit")]
    pub max_pixels: u64,
    /// How many of the 16 bits of a value are used, from 1 to 16: with 12, as from microscopes and
    /// X-ray cameras, 4095 is white. All of them if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u8>,
    /// How many times larger images are made when items are opened, by a bicubic filter: the inputs of
    /// pairs for super-resolution, which then are as large as their targets.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub enlarge: usize,
}

impl Default for ImageKind {
    fn default() -> Self {
        Self { mode: ConvertMode::default(), max_pixels: MAX_PIXELS, bits: None, enlarge: 1 }
    }
}

/// A size that is not changed, where a file does not say.
pub(crate) fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn is_one(times: &usize) -> bool {
    *times == 1
}

fn usual_limit() -> u64 {
    MAX_PIXELS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_usual_limit(limit: &u64) -> bool {
    *limit == MAX_PIXELS
}

impl ItemKind for ImageKind {
    type Opened = Pixels;

    fn name(&self) -> &'static str {
        "ImageItems"
    }

    fn unit(&self) -> &'static str {
        "images"
    }

    fn open(&self, path: &Path) -> Result<Pixels> {
        let pixels = Pixels::open_as(path, *self)?;
        Ok(match self.enlarge {
            0 | 1 => pixels,
            times => {
                let size = [pixels.height, pixels.width].map(|side| side * times);
                pixels.resized_by(Filter::Bicubic, size)
            }
        })
    }

    /// `Image (1, 28, 28)`: channels, height, width.
    fn show(&self, path: &Path) -> String {
        match ImageInfo::read_within(path, self.max_pixels) {
            Ok(info) => {
                format!("Image ({}, {}, {})", self.mode.channels(), info.height, info.width)
            }
            Err(error) => error.to_string(),
        }
    }
}

impl InputKind for ImageKind {
    fn bytes(&self, opened: &Pixels) -> usize {
        opened.bytes.len()
    }

    fn size(&self, opened: &Pixels) -> Option<[usize; 2]> {
        Some([opened.height, opened.width])
    }

    fn full_size(&self, opened: &Pixels) -> Option<[usize; 2]> {
        Some(opened.full_size)
    }

    fn image<'a>(&self, opened: &'a Pixels) -> Option<&'a Pixels> {
        Some(opened)
    }

    /// `[channels, height, width]`, values in `0.0..=1.0`
    fn input(&self, opened: &Pixels, drawn: &Drawn<'_>, _: &mut dyn RngCore) -> Result<Array> {
        Ok(drawn.apply(opened.to_image())?.into_array())
    }

    fn saved(&self) -> SavedInput {
        SavedInput::Image(*self)
    }
}

/// An ordered list of items below one folder.
#[derive(Debug, Clone)]
#[doc(alias = "ItemList")]
pub struct Items<K> {
    pub(crate) root: PathBuf,
    pub(crate) entries: Vec<Entry>,
    pub(crate) table: Option<Arc<Table>>,
    pub(crate) kind: K,
    pub(crate) left_out: Arc<[LeftOut]>,
}

/// A list of images.
#[doc(alias = "ImageList")]
#[doc(alias = "ImageItemList")]
#[doc(alias = "SegmentationItemList")]
#[doc(alias = "PointsItemList")]
#[doc(alias = "ImageImageList")]
pub type ImageItems = Items<ImageKind>;

impl ImageItems {
    /// Opens the images with these channels; [`ConvertMode::Rgb`] if it is not said.
    pub fn convert_mode(mut self, mode: ConvertMode) -> Self {
        self.kind.mode = mode;
        self
    }

    /// Opens the images so.
    pub fn open_as(self, kind: ImageKind) -> Self {
        Self { kind, ..self }
    }
}

impl<K: ItemKind> Items<K> {
    /// Items from a list made elsewhere; paths below `root`.
    pub fn new(root: impl Into<PathBuf>, paths: Vec<PathBuf>, kind: K) -> Self {
        let entries = paths.into_iter().map(|path| Entry { path, row: None }).collect();
        Self { root: root.into(), entries, table: None, kind, left_out: Arc::default() }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The folder that paths are below.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How the items are opened.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// What else lies in the folder that the items were listed from, and why it is no item.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The table that the items' rows are in, if they are from one.
    pub fn table(&self) -> Option<&Table> {
        self.table.as_deref()
    }

    /// The items' paths below the root, in order.
    pub fn relative_paths(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.entries.iter().map(|entry| entry.path.as_path())
    }

    /// The path of one item.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn path(&self, index: usize) -> PathBuf {
        self.root.join(&self.entries[index].path)
    }

    /// Keeps the items for which `keep` holds; it gets the path below the root.
    pub fn filter_by_func(mut self, mut keep: impl FnMut(&Path) -> bool) -> Self {
        self.entries.retain(|entry| keep(&entry.path));
        self
    }

    /// Keeps the items by the first folder below the root: those of `include` if there are any,
    /// without those of `exclude`.
    pub fn filter_by_folder(self, include: &[&str], exclude: &[&str]) -> Self {
        self.filter_by_func(|path| {
            let named = |names: &[&str]| {
                names.iter().any(|name| first_folder(path) == Some(Path::new(name)))
            };
            (include.is_empty() || named(include)) && !named(exclude)
        })
    }

    /// Keeps each item with probability `p`, by a generator of its own.
    ///
    /// # Errors
    /// [`Error::Share`] if the probability is outside `0.0..=1.0`.
    pub fn filter_by_rand(self, p: f64, seed: u64) -> Result<Self> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::Share { share: p });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Ok(self.filter_by_func(|_| rng.random_bool(p)))
    }

    /// Keeps the first `share` of the seeded permutation of the items, in its order.
    ///
    /// # Errors
    /// [`Error::Share`] if the share is outside `0.0..=1.0`.
    pub fn use_partial_data(self, share: f64, seed: u32) -> Result<Self> {
        let n = crate::split::share_of(self.len(), share)?;
        Ok(self.pick(&permutation(self.len(), seed)[..n]))
    }

    /// The items at these indexes, in this order.
    ///
    /// # Panics
    /// If there is no such item.
    pub(crate) fn pick(&self, indexes: &Part) -> Self {
        let entries = indexes.iter().map(|&index| self.entries[index].clone()).collect();
        Self { entries, ..self.clone_empty() }
    }

    fn clone_empty(&self) -> Self {
        Self {
            root: self.root.clone(),
            entries: Vec::new(),
            table: self.table.clone(),
            kind: self.kind.clone(),
            left_out: self.left_out.clone(),
        }
    }
}

/// `ImageItems (3 items)`, the first five, and the root. The five are looked into.
impl<K: ItemKind> fmt::Display for Items<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({} items)", self.kind.name(), self.len())?;
        writeln!(f, "{}", self.first_five())?;
        write!(f, "Path: {}", self.root.display())
    }
}

impl<K: ItemKind> Items<K> {
    pub(crate) fn first_five(&self) -> String {
        first_five(self.len(), |index| self.kind.show(&self.path(index)))
    }
}

/// `[a, b, c, d, e]...`
pub(crate) fn first_five(len: usize, show: impl Fn(usize) -> String) -> String {
    let first: Vec<String> = (0..len.min(5)).map(show).collect();
    format!("[{}]{}", first.join(", "), if len > 5 { "..." } else { "" })
}

/// The first folder of a path below the root; none for an item directly in the root.
pub fn first_folder(path: &Path) -> Option<&Path> {
    let mut components = path.components();
    let first = components.next()?;
    components.next().map(|_| Path::new(first.as_os_str()))
}

/// A path with `/` between folders on every system.
pub(crate) fn with_slashes(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Picture;

    fn items(paths: &[&str]) -> ImageItems {
        Items::new("root", paths.iter().map(PathBuf::from).collect(), ImageKind::default())
    }

    fn paths(items: &ImageItems) -> Vec<String> {
        items.relative_paths().map(with_slashes).collect()
    }

    #[test]
    fn folders_filter_by_the_first_one() {
        let all = items(&["a/x.png", "b/a/y.png", "z.png"]);
        assert_eq!(paths(&all.clone().filter_by_folder(&["a"], &[])), ["a/x.png"]);
        assert_eq!(paths(&all.filter_by_folder(&[], &["a"])), ["b/a/y.png", "z.png"]);
    }

    #[test]
    fn partial_data_is_the_start_of_the_permutation() {
        let all = items(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!(paths(&all.use_partial_data(0.2, 42).unwrap()), ["8", "1"]);
    }

    #[test]
    fn inputs_of_super_resolution_are_opened_enlarged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        Picture::filled(5, 4, [70, 80, 90]).save(&path).unwrap();
        let pixels = ImageKind { enlarge: 3, ..ImageKind::default() }.open(&path).unwrap();
        assert_eq!([pixels.height, pixels.width], [12, 15]);
        assert_eq!(pixels.bytes[..3], [70, 80, 90]);
    }

    #[test]
    fn a_list_shows_its_first_five() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..6).map(|n| format!("{n}.png").into()).collect();
        for path in &paths {
            Picture::filled(3, 2, [0; 3]).save(folder.path().join(path)).unwrap();
        }
        let image = "Image (3, 2, 3)";
        let items = Items::new(folder.path(), paths, ImageKind::default());
        let want = format!(
            "ImageItems (6 items)\n[{image}, {image}, {image}, {image}, {image}]...\nPath: {}",
            folder.path().display()
        );
        assert_eq!(items.to_string(), want);
    }

    #[test]
    fn a_random_filter_repeats() {
        let all = items(&["0", "1", "2", "3", "4", "5", "6", "7"]);
        let half = || paths(&all.clone().filter_by_rand(0.5, 1).unwrap());
        assert_eq!(half(), half());
        assert!(all.clone().filter_by_rand(0.0, 1).unwrap().is_empty());
        assert!(matches!(all.filter_by_rand(f64::NAN, 1), Err(Error::Share { .. })));
    }
}
