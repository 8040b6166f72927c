//! Stage 3: what each item is, and what that means for a model's output.
//!
//! A way of labelling gives each item a raw [`Label`]; a label list makes targets of them. The
//! training set decides the kind of list and the classes, the other sets follow.

mod category;
mod from;
mod mask;
mod number;

use std::{fmt, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    Array, Error, Result, Split,
    items::{InputKind, Items},
    transform::Drawn,
};

/// What an item was labelled with, before the labels are looked at together.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    Text(String),
    Integer(i64),
    Number(f64),
    Numbers(Vec<f64>),
    /// Several labels at once.
    Many(Vec<String>),
    /// One yes or no for each of the given classes.
    OneHot(Vec<bool>),
    /// The path of a mask, below the items' root or absolute.
    File(PathBuf),
    Empty,
}

impl Label {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Number(_) | Self::Numbers(_) => "a number",
            Self::Many(_) | Self::OneHot(_) => "several labels",
            Self::File(_) => "a file",
            Self::Empty => "nothing",
        }
    }
}

/// What a target is: what the last layer, the loss and the prediction follow from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TargetKind {
    /// One of the classes, as its index.
    Category { classes: Vec<String> },
    /// Any of the classes, as zeros and ones.
    MultiCategory { classes: Vec<String>, threshold: f32 },
    /// One number or several; `log` if the natural logarithm is predicted.
    Number { len: usize, log: bool },
    /// A class for each pixel.
    Mask { classes: Vec<String> },
    /// Nothing to predict.
    Empty,
    /// Given as arrays, without a meaning known here.
    Array,
}

impl TargetKind {
    /// The classes, in the order of their indexes; none for numbers.
    pub fn classes(&self) -> &[String] {
        match self {
            Self::Category { classes }
            | Self::MultiCategory { classes, .. }
            | Self::Mask { classes } => classes,
            _ => &[],
        }
    }

    /// How many outputs a model needs: fastai's `c`.
    pub fn c(&self) -> usize {
        match self {
            Self::Number { len, .. } => *len,
            other => other.classes().len(),
        }
    }

    /// The loss that belongs to it, by fastai's name; none where it must be given.
    pub fn default_loss(&self) -> Option<&'static str> {
        match self {
            Self::Category { .. } => Some("CrossEntropyFlat(axis=-1)"),
            Self::MultiCategory { .. } => Some("BCEWithLogitsFlat"),
            Self::Number { .. } => Some("MSELossFlat"),
            Self::Mask { .. } => Some("CrossEntropyFlat(axis=1)"),
            Self::Empty | Self::Array => None,
        }
    }

    /// A label list of this kind, by fastai's name.
    pub fn list_name(&self) -> &'static str {
        match self {
            Self::Category { .. } => "CategoryList",
            Self::MultiCategory { .. } => "MultiCategoryList",
            Self::Number { .. } => "FloatList",
            Self::Mask { .. } => "SegmentationLabelList",
            Self::Empty => "EmptyLabelList",
            Self::Array => "ItemList",
        }
    }
}

/// The processed labels of one set. A further kind of label is a further implementation.
pub trait Labels: fmt::Debug + Send + Sync {
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The target of an item. `drawn` is what was drawn for its input, if labels move with it.
    ///
    /// # Errors
    /// For a label that must be read: those of its file.
    fn target(&self, index: usize, drawn: Option<&Drawn<'_>>) -> Result<Array>;

    /// The label for people.
    fn text(&self, index: usize) -> String;

    /// Whether its targets can be transformed with the inputs.
    fn can_transform(&self) -> bool {
        false
    }

    /// The labels at these indexes.
    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels>;
}

/// Which kind of label list to make, where it is not to be found out.
#[derive(Debug, Clone, PartialEq, Default)]
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
    Mask(Vec<String>),
}

/// What happens to validation items with a label that no training item has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownLabels {
    /// An error that names the labels.
    #[default]
    Refuse,
    /// The items are dropped, with a warning in the data.
    Drop,
}

/// Inputs and their labels, in sets.
#[derive(Debug, Clone)]
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

/// A set's labels before they are processed.
type Raw = Vec<Label>;

impl<K: InputKind> Split<K> {
    /// Makes label lists of raw labels.
    fn labelled(
        self,
        train: Raw,
        valid: Raw,
        kind: LabelKind,
        unknown: UnknownLabels,
    ) -> Result<Labelled<K>> {
        let mut warnings = self.warnings();
        let kind = match kind {
            LabelKind::Auto => infer(&train)?,
            given => given,
        };
        let root = self.train.root.clone();
        let target = kind.target(&train)?;
        let train_labels = target.list(&root, &train)?;
        let (valid_items, valid_raw) = known(self.valid, valid, &target, unknown, &mut warnings)?;
        let valid_labels = target.list(&root, &valid_raw)?;
        let test = match self.test {
            None => None,
            Some(items) => {
                let raw = vec![Label::Empty; items.len()];
                let labels = TargetKind::Empty.list(&root, &raw)?;
                Some(LabelledPart { items, labels })
            }
        };
        Ok(Labelled {
            train: LabelledPart { items: self.train, labels: train_labels },
            valid: LabelledPart { items: valid_items, labels: valid_labels },
            test,
            target,
            warnings,
        })
    }
}

fn infer(train: &Raw) -> Result<LabelKind> {
    Ok(match train.first().ok_or(Error::NoTrainingItems)? {
        Label::Number(_) | Label::Numbers(_) => LabelKind::Number { log: false },
        Label::Text(_) | Label::Integer(_) | Label::Empty => LabelKind::Category(None),
        Label::Many(_) | Label::OneHot(_) => LabelKind::MultiCategory(None),
        Label::File(_) => return Err(Error::NoClasses),
    })
}

impl LabelKind {
    /// What the targets are, given the training labels.
    fn target(self, train: &Raw) -> Result<TargetKind> {
        Ok(match self {
            Self::Auto => infer(train)?.target(train)?,
            Self::Category(_) if train.first() == Some(&Label::Empty) => TargetKind::Empty,
            Self::Category(Some(classes)) => TargetKind::Category { classes },
            Self::Category(None) => TargetKind::Category { classes: category::classes(train)? },
            Self::MultiCategory(classes) => {
                let classes = match classes {
                    Some(classes) => classes,
                    None => category::classes(train)?,
                };
                TargetKind::MultiCategory { classes, threshold: 0.5 }
            }
            Self::Number { log } => TargetKind::Number { len: number::len(train)?, log },
            Self::Mask(classes) if classes.is_empty() => return Err(Error::NoClasses),
            Self::Mask(classes) => TargetKind::Mask { classes },
        })
    }
}

impl TargetKind {
    fn list(&self, root: &std::path::Path, raw: &Raw) -> Result<Arc<dyn Labels>> {
        Ok(match self {
            Self::Category { classes } => Arc::new(category::Categories::new(classes, raw)?),
            Self::MultiCategory { classes, .. } => {
                Arc::new(category::MultiCategories::new(classes, raw)?)
            }
            Self::Number { log, .. } => Arc::new(number::Numbers::new(raw, *log)?),
            Self::Mask { classes } => Arc::new(mask::Masks::new(classes, root, raw)?),
            Self::Empty | Self::Array => Arc::new(category::Empty { len: raw.len() }),
        })
    }
}

/// Refuses or drops validation items with labels that training does not know.
fn known<K: InputKind>(
    items: Items<K>,
    labels: Raw,
    target: &TargetKind,
    unknown: UnknownLabels,
    warnings: &mut Vec<String>,
) -> Result<(Items<K>, Raw)> {
    let TargetKind::Category { classes } = target else { return Ok((items, labels)) };
    let is_known = |label: &Label| category::name(label).is_ok_and(|name| classes.contains(&name));
    let (keep, dropped): (Vec<usize>, Vec<usize>) =
        (0..labels.len()).partition(|&index| is_known(&labels[index]));
    if dropped.is_empty() {
        return Ok((items, labels));
    }
    const SHOWN: usize = 5;
    let mut names: Vec<String> =
        dropped.iter().filter_map(|&index| category::name(&labels[index]).ok()).collect();
    names.sort();
    names.dedup();
    names.truncate(SHOWN);
    match unknown {
        UnknownLabels::Refuse => {
            Err(Error::UnknownLabels { set: "validation", labels: names, items: dropped.len() })
        }
        UnknownLabels::Drop => {
            warnings.push(format!(
                "{} validation items were dropped: their labels are not in the training set ({})",
                dropped.len(),
                names.join(", ")
            ));
            let kept = keep.iter().map(|&index| labels[index].clone()).collect();
            Ok((items.pick(&keep), kept))
        }
    }
}

impl<K: InputKind> Labelled<K> {
    /// **Removes** the pairs for which `remove` holds, as the reference's filter after labelling
    /// does: the opposite of [`Items::filter_by_func`]. It gets the path and the label's text.
    pub fn filter_by_func(
        mut self,
        mut remove: impl FnMut(&std::path::Path, &str) -> bool,
    ) -> Self {
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
