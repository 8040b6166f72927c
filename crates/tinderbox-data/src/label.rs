//! Stage 3: what each item is, and what that means for a model's output.
//!
//! A way of labelling gives each item a raw [`Label`]; a label list makes targets of them. The
//! training set decides the kind of list and the classes, the other sets follow.

mod category;
mod doubts;
mod file;
mod from;
mod itself;
mod number;
mod points;
mod process;
mod test_set;
mod values;

pub use file::mask_of;
pub use values::{MaskCoding, MaskValues};

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    Array, ConvertMode, Crappifier, Image, Result,
    error::listed,
    image::Pixels,
    items::{ItemKind, Items, first_five},
    text::Vocab,
    transform::Drawn,
};

/// What an item was labelled with, before the labels are looked at together.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    Text(String),
    Integer(i64),
    Number(f64),
    Numbers(Vec<f64>),
    /// Row and column of places in the image, in pixels.
    Points(Vec<[f64; 2]>),
    /// Several labels at once.
    Many(Vec<String>),
    /// One yes or no for each of the given classes.
    OneHot(Vec<bool>),
    /// The path of a mask or a target image, below the items' root or absolute.
    File(PathBuf),
    Empty,
}

impl Label {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Number(_) | Self::Numbers(_) => "a number",
            Self::Points(_) => "points",
            Self::Many(_) | Self::OneHot(_) => "several labels",
            Self::File(_) => "a file",
            Self::Empty => "nothing",
        }
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Label {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Label {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Label {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<PathBuf> for Label {
    fn from(file: PathBuf) -> Self {
        Self::File(file)
    }
}

/// What a target is: what the last layer, the loss and the prediction follow from. Whoever adds a
/// kind is told by the compiler where each of these is decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[doc(alias = "CategoryList")]
pub enum TargetKind {
    /// One of the classes, as its index.
    Category { classes: Vec<String> },
    /// Any of the classes, as zeros and ones.
    MultiCategory { classes: Vec<String>, threshold: f32 },
    /// One number or several; `log` if the natural logarithm is predicted.
    Number { len: usize, log: bool },
    /// This many places in the image: row and column, in `-1.0..=1.0`.
    Points { n: usize },
    /// A class for each pixel.
    Mask {
        classes: Vec<String>,
        /// The code of pixels without a class, such as 255: the loss ignores them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ignore: Option<u16>,
        /// The class that is learned but that metrics ignore, such as `Void`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        void: Option<u16>,
        /// What the values in masks' files stand for.
        #[serde(default, skip_serializing_if = "MaskValues::is_codes")]
        values: MaskValues,
    },
    /// An image.
    Image {
        mode: ConvertMode,
        /// By how much it is larger than its input was.
        #[serde(default = "crate::items::one", skip_serializing_if = "crate::items::is_one")]
        scale: usize,
        /// What was done to it to make the input, where that is known: what a model is trained to
        /// repair.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        damage: Option<Crappifier>,
    },
    /// A word of the vocabulary for each of the input's: the one after it.
    Words { vocab: Vocab },
    /// A class for each of the input's words; [`IGNORE_TAG`](crate::text::IGNORE_TAG) where there
    /// is none.
    Tags { classes: Vec<String> },
    /// Nothing to predict.
    Empty,
    /// Given as arrays, without a meaning known here.
    Array,
}

impl TargetKind {
    /// Images as large as their inputs.
    pub fn image(mode: ConvertMode) -> Self {
        Self::Image { mode, scale: 1, damage: None }
    }

    /// Masks with these classes, in the order of their codes, of which each pixel has one that counts.
    pub fn mask(classes: Vec<String>) -> Self {
        Self::Mask { classes, ignore: None, void: None, values: MaskValues::Codes }
    }

    /// The classes, in the order of their indexes; none for numbers.
    pub fn classes(&self) -> &[String] {
        match self {
            Self::Category { classes }
            | Self::MultiCategory { classes, .. }
            | Self::Mask { classes, .. }
            | Self::Tags { classes } => classes,
            Self::Words { vocab } => vocab.tokens(),
            _ => &[],
        }
    }

    /// The index of a class, by its name.
    pub fn class_index(&self, class: &str) -> Option<usize> {
        if let Self::Words { vocab } = self {
            return vocab.index(class).map(|index| index as usize);
        }
        self.classes().iter().position(|name| name == class)
    }

    /// The code of the pixels that metrics do not count: that of the void class, else that of pixels
    /// without a class. None for what is no mask.
    pub fn uncounted(&self) -> Option<u16> {
        match self {
            Self::Mask { ignore, void, .. } => void.or(*ignore),
            _ => None,
        }
    }

    /// How the labels of new items are made so that they are of this kind: with these classes, in
    /// this order.
    pub fn label_kind(&self) -> LabelKind {
        match self.clone() {
            Self::Category { classes } => LabelKind::Category(Some(classes)),
            Self::MultiCategory { classes, .. } => LabelKind::MultiCategory(Some(classes)),
            Self::Number { log, .. } => LabelKind::Number { log },
            Self::Mask { classes, ignore, void, values } => {
                LabelKind::Mask { classes, ignore, void, values }
            }
            Self::Image { mode, scale, damage } => LabelKind::Image { mode, scale, damage },
            _ => LabelKind::Auto,
        }
    }

    /// Whether a model of this kind can be measured with targets of the other: they have the same
    /// classes and numbers. Which pixels have no class may differ, and which are not counted; so may
    /// the damage to the inputs.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::MultiCategory { classes, .. },
                Self::MultiCategory { classes: of_other, .. },
            )
            | (Self::Mask { classes, .. }, Self::Mask { classes: of_other, .. }) => {
                classes == of_other
            }
            (
                Self::Image { mode, scale, .. },
                Self::Image { mode: mode_of_other, scale: scale_of_other, .. },
            ) => (mode, scale) == (mode_of_other, scale_of_other),
            _ => self == other,
        }
    }

    /// In words: `one of 2 classes: cat, dog`.
    pub(crate) fn describe(&self) -> String {
        let several = |n: usize, what: &str| match n {
            1 => format!("1 {what}"),
            n => format!("{n} {what}s"),
        };
        let classes = |classes: &[String]| {
            let n =
                if classes.len() == 1 { "1 class" } else { &format!("{} classes", classes.len()) };
            format!("{n}: {}", listed(classes))
        };
        match self {
            Self::Category { classes: names } => format!("one of {}", classes(names)),
            Self::MultiCategory { classes: names, .. } => format!("any of {}", classes(names)),
            Self::Number { len, log: false } => several(*len, "number"),
            Self::Number { len, log: true } => {
                format!("the logarithms of {}", several(*len, "number"))
            }
            Self::Points { n } => several(*n, "point"),
            Self::Mask { classes: names, .. } => format!("masks of {}", classes(names)),
            Self::Image { mode, scale: 1, .. } => format!("{mode} images"),
            Self::Image { mode, scale, .. } => format!("{mode} images, {scale} times larger"),
            Self::Words { vocab } => format!("the next word of {}", vocab.len()),
            Self::Tags { classes: names } => format!("tags of {}", classes(names)),
            Self::Empty => "nothing".into(),
            Self::Array => "arrays".into(),
        }
    }

    /// How many outputs a model needs: fastai's `c`.
    pub fn c(&self) -> usize {
        match self {
            Self::Number { len, .. } => *len,
            Self::Points { n } => 2 * n,
            Self::Image { mode, .. } => mode.channels(),
            other => other.classes().len(),
        }
    }

    /// The loss that belongs to it, by fastai's name; none where it must be given.
    pub fn default_loss(&self) -> Option<&'static str> {
        match self {
            Self::Category { .. } | Self::Words { .. } | Self::Tags { .. } => {
                Some("CrossEntropyFlat(axis=-1)")
            }
            Self::MultiCategory { .. } => Some("BCEWithLogitsFlat"),
            Self::Number { .. } | Self::Points { .. } => Some("MSELossFlat"),
            Self::Mask { .. } => Some("CrossEntropyFlat(axis=1)"),
            Self::Image { .. } | Self::Empty | Self::Array => None,
        }
    }

    /// A label list of this kind, by fastai's name.
    pub fn list_name(&self) -> &'static str {
        match self {
            Self::Category { .. } => "CategoryList",
            Self::MultiCategory { .. } => "MultiCategoryList",
            Self::Number { .. } => "FloatList",
            Self::Points { .. } => "PointsLabelList",
            Self::Mask { .. } => "SegmentationLabelList",
            Self::Image { .. } => "ImageList",
            Self::Words { .. } => "LMLabelList",
            Self::Tags { .. } => "TagList",
            Self::Empty => "EmptyLabelList",
            Self::Array => "ItemList",
        }
    }
}

/// What a label may need to know of its input.
#[derive(Debug, Clone, Copy, Default)]
pub struct InputFacts<'a> {
    /// Height and width of an image as it was opened.
    pub size: Option<[usize; 2]>,
    /// The same of the image in its file.
    pub full_size: Option<[usize; 2]>,
    /// What was drawn for it, if labels move with their inputs.
    pub drawn: Option<&'a Drawn<'a>>,
    /// Its file, if it has one.
    pub path: Option<&'a Path>,
    /// The image as it was opened, for labels that are made of it.
    pub image: Option<&'a Pixels>,
    /// That image as a label, with what was drawn done to it, if that was done already.
    pub label: Option<&'a Image>,
}

/// The processed labels of one set. A further kind of label is a further implementation.
pub trait Labels: fmt::Debug + Send + Sync {
    /// How many items there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The target of an item.
    ///
    /// # Errors
    /// For a label that must be read: those of its file.
    fn target(&self, index: usize, input: &InputFacts<'_>) -> Result<Array>;

    /// Reads a label as far as it takes to know that its target can be made.
    ///
    /// # Errors
    /// Those of [`target`](Self::target).
    fn check(&self, index: usize, input: &InputFacts<'_>) -> Result<()> {
        self.target(index, input).map(drop)
    }

    /// Of masks, which classes those that were [checked](Self::check) have.
    fn seen(&self) -> Option<Vec<bool>> {
        None
    }

    /// The label for people.
    fn text(&self, index: usize) -> String;

    /// The file that the label of an item is read from, if it is.
    fn file(&self, _index: usize) -> Option<&Path> {
        None
    }

    /// Whether its targets can be transformed with the inputs.
    fn can_transform(&self) -> bool {
        false
    }

    /// The labels at these indexes.
    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels>;
}

/// Which kind of label list to make, where it is not to be found out.
#[derive(Debug, Clone, PartialEq, Default)]
#[doc(alias = "label_cls")]
#[doc(alias = "CategoryList")]
#[doc(alias = "MultiCategoryList")]
#[doc(alias = "FloatList")]
#[doc(alias = "SegmentationLabelList")]
pub enum LabelKind {
    /// By the first training label: numbers with a fraction are regressed on, words and whole
    /// numbers are classes, collections are several classes.
    #[default]
    Auto,
    /// Classes in the order given, or sorted if there are none.
    Category(Option<Vec<String>>),
    MultiCategory(Option<Vec<String>>),
    /// Numbers, or their natural logarithms.
    Number {
        log: bool,
    },
    /// Masks with these classes, in the order of their codes.
    Mask {
        classes: Vec<String>,
        /// One more code, whose pixels have no class and are not learned: what many data sets mark
        /// with 255.
        ignore: Option<u16>,
        /// The class that is learned but that metrics ignore.
        void: Option<u16>,
        /// What the values in masks' files stand for.
        values: MaskValues,
    },
    /// Images to be made of the inputs.
    Image {
        mode: ConvertMode,
        /// By how much they are larger than their inputs were.
        scale: usize,
        /// What is done to them to make the inputs. Then the labels are the items themselves.
        damage: Option<Crappifier>,
    },
}

impl LabelKind {
    /// Images as large as their inputs.
    pub fn image(mode: ConvertMode) -> Self {
        Self::Image { mode, scale: 1, damage: None }
    }

    /// Masks with these classes, in the order of their codes, of which each pixel has one that counts.
    ///
    /// # Example
    /// ```
    /// use tinderbox_data::LabelKind;
    ///
    /// let kind = LabelKind::mask(["Sky", "Building", "Road"]);
    /// assert!(matches!(kind, LabelKind::Mask { ignore: None, void: None, .. }));
    /// ```
    pub fn mask<C: Into<String>>(classes: impl IntoIterator<Item = C>) -> Self {
        let classes = classes.into_iter().map(Into::into).collect();
        Self::Mask { classes, ignore: None, void: None, values: MaskValues::Codes }
    }
}

/// What happens to validation items with a label that no training item has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownLabels {
    /// An error that names the labels.
    #[default]
    Refuse,
    /// The items are dropped, with a warning in the data, as by fastai.
    Drop,
    /// The first item of each such label trains instead, with a warning in the data: for sets that
    /// were drawn at random, where chance alone may leave a class nothing to train on.
    Train,
}

/// Inputs and their labels, in sets.
#[derive(Debug, Clone)]
#[doc(alias = "LabelLists")]
#[doc(alias = "LabelList")]
pub struct Labelled<K> {
    pub train: LabelledPart<K>,
    pub valid: LabelledPart<K>,
    pub test: Option<LabelledPart<K>>,
    pub target: TargetKind,
    pub warnings: Vec<String>,
}

/// One set of items with their labels.
#[derive(Debug, Clone)]
pub struct LabelledPart<K> {
    pub items: Items<K>,
    pub labels: Arc<dyn Labels>,
}

impl<K: ItemKind> Labelled<K> {
    /// **Removes** the pairs for which `remove` holds, as the reference's filter after labelling
    /// does: the opposite of [`Items::filter_by_func`]. It gets the path and the label's text.
    pub fn filter_by_func(mut self, mut remove: impl FnMut(&Path, &str) -> bool) -> Self {
        let mut filter = |part: LabelledPart<K>| {
            let keep: Vec<usize> = (0..part.items.len())
                .filter(|&index| !remove(&part.items.entries[index].path, &part.labels.text(index)))
                .collect();
            LabelledPart { items: part.items.pick(&keep), labels: part.labels.pick(&keep) }
        };
        self.train = filter(self.train);
        self.valid = filter(self.valid);
        self
    }
}

/// Each set with its first five inputs and labels.
impl<K: ItemKind> fmt::Display for Labelled<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |f: &mut fmt::Formatter<'_>, name: &str, part: &LabelledPart<K>| {
            let LabelledPart { items, labels } = part;
            writeln!(f, "{name}: {} items", items.len())?;
            writeln!(f, "x: {}\n{}", items.kind().name(), items.first_five())?;
            let labels = first_five(labels.len(), |index| labels.text(index));
            writeln!(f, "y: {}\n{labels}", self.target.list_name())?;
            write!(f, "Path: {}", items.root().display())
        };
        part(f, "Train", &self.train)?;
        f.write_str("\n\n")?;
        part(f, "Valid", &self.valid)?;
        match &self.test {
            None => Ok(()),
            Some(test) => {
                f.write_str("\n\n")?;
                part(f, "Test", test)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(ignore: Option<u16>, void: Option<u16>) -> TargetKind {
        TargetKind::Mask {
            classes: vec!["Road".into(), "Void".into()],
            ignore,
            void,
            values: MaskValues::Codes,
        }
    }

    #[test]
    fn a_void_class_comes_before_pixels_without_a_class() {
        assert_eq!(mask(None, None).uncounted(), None);
        assert_eq!(mask(Some(255), None).uncounted(), Some(255));
        assert_eq!(mask(Some(255), Some(1)).uncounted(), Some(1));
        assert_eq!(TargetKind::Empty.uncounted(), None);
    }

    #[test]
    fn what_is_not_counted_is_saved_where_there_is_something() {
        let saved = |target: &TargetKind| serde_json::to_string(target).unwrap();
        // As versions without it saved it.
        let plain = r#"{"mask":{"classes":["Road","Void"]}}"#;
        assert_eq!(saved(&mask(None, None)), plain);
        for target in [mask(None, None), mask(None, Some(1)), mask(Some(255), Some(1))] {
            let read: TargetKind = serde_json::from_str(&saved(&target)).unwrap();
            assert_eq!(read, target);
        }
    }
}
