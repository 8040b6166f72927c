//! From raw labels to label lists: the training set decides, the others follow.

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
    sync::Arc,
};

use super::{
    Label, LabelKind, Labelled, LabelledPart, Labels, MaskCoding, TargetKind, UnknownLabels,
    category, doubts, file, itself, number, points,
};
use crate::{
    Error, Result, Split,
    error::listed,
    items::{ItemKind, Items},
    split::Wanted,
};

/// A set's labels before they are processed.
pub(super) type Raw = Vec<Label>;

impl<K: ItemKind> Split<K> {
    /// Makes label lists of raw labels.
    pub(super) fn labelled(self, train: &[Label], valid: &[Label]) -> Result<Labelled<K>> {
        if self.unknown == UnknownLabels::Train {
            return self.labelled_with_all(train, valid);
        }
        let mut warnings = self.warnings();
        let Self { train: train_items, valid: valid_items, wanted, label_kind, unknown } = self;
        let root = train_items.root.clone();
        let measures = wanted == Wanted::Validation;
        // A finished model has its classes; how many numbers there are can be seen.
        let target = match measures && !label_kind.finds_classes(valid) {
            true => label_kind.clone().target(valid)?,
            false => label_kind.clone().target(train)?,
        };
        let strict = measures && unknown == UnknownLabels::Refuse;
        let train_labels = target.list(&root, train)?;
        let kept: Raw;
        let (valid_items, valid) = match stray(valid, &target, strict) {
            None => (valid_items, valid),
            Some(stray) => match unknown {
                UnknownLabels::Refuse if label_kind.has_classes() && !measures => {
                    return Err(stray.not_a_class(&target));
                }
                UnknownLabels::Refuse | UnknownLabels::Train => {
                    return Err(stray.unknown("validation"));
                }
                UnknownLabels::Drop => {
                    warnings.push(stray.dropped());
                    kept = stray.known.iter().map(|&index| valid[index].clone()).collect();
                    (valid_items.pick(&stray.known), &kept[..])
                }
            },
        };
        let valid_labels = target.list(&root, valid)?;
        let labelled = Labelled {
            train: LabelledPart { items: train_items, labels: train_labels },
            valid: LabelledPart { items: valid_items, labels: valid_labels },
            test: None,
            target,
            warnings,
        };
        Ok(doubts::noted(labelled))
    }

    /// The same after the first validation item of each label that would not train has been moved to
    /// the end of the training set.
    fn labelled_with_all(self, train: &[Label], valid: &[Label]) -> Result<Labelled<K>> {
        let moved = untrained(train, valid);
        let stay: Vec<usize> = (0..valid.len()).filter(|index| !moved.contains(index)).collect();
        let labels =
            |indexes: &[usize]| -> Raw { indexes.iter().map(|&at| valid[at].clone()).collect() };
        let train = [train, &labels(&moved)].concat();
        let unit = self.train.kind.unit();
        let mut train_items = self.train;
        train_items.entries.extend(self.valid.pick(&moved).entries);
        let valid_items = self.valid.pick(&stay);
        // A set that is empty for this reason is told of below.
        let wanted = if stay.is_empty() { Wanted::Training } else { self.wanted };
        let unknown = UnknownLabels::Refuse;
        let split = Self { train: train_items, valid: valid_items, unknown, wanted, ..self };
        let mut labelled = split.labelled(&train, &labels(&stay))?;
        if !moved.is_empty() {
            labelled.warnings.push(format!(
                "{} of the {unit} drawn for validation train instead: no other ones of their class do",
                moved.len()
            ));
        }
        Ok(labelled)
    }
}

/// The indexes of the first validation items whose labels no training item has, ascending.
fn untrained(train: &[Label], valid: &[Label]) -> Vec<usize> {
    let mut trained: HashSet<String> = train.iter().flat_map(classes_of).collect();
    let is_new = |(index, label): (usize, &Label)| {
        let classes = classes_of(label);
        let new = classes.iter().any(|class| !trained.contains(class));
        if new {
            trained.extend(classes);
        }
        new.then_some(index)
    };
    valid.iter().enumerate().filter_map(is_new).collect()
}

/// The classes of an item; none if it is labelled with something else.
fn classes_of(label: &Label) -> Vec<String> {
    match label {
        Label::Many(names) => names.clone(),
        Label::OneHot(flags) => {
            let set = flags.iter().enumerate().filter(|(_, flag)| **flag);
            set.map(|(class, _)| class.to_string()).collect()
        }
        label => category::name(label).into_iter().collect(),
    }
}

impl<K: ItemKind> LabelledPart<K> {
    /// Items that all have one label, processed as validation labels are.
    pub(super) fn of_one_label(
        items: Items<K>,
        label: &Label,
        target: &TargetKind,
        set: &'static str,
    ) -> Result<Self> {
        let raw = vec![label.clone(); items.len()];
        if let Some(stray) = stray(&raw, target, false) {
            return Err(stray.unknown(set));
        }
        let target = if *label == Label::Empty { &TargetKind::Empty } else { target };
        let labels = target.list(&items.root, &raw)?;
        Ok(Self { items, labels })
    }
}

impl LabelKind {
    fn has_classes(&self) -> bool {
        matches!(self, Self::Category(Some(_)) | Self::MultiCategory(Some(_)))
    }

    /// Whether the classes would be found in the labels.
    fn finds_classes(&self, labels: &[Label]) -> bool {
        use Label::{Integer, Many, OneHot, Text};
        match self {
            Self::Category(None) | Self::MultiCategory(None) => true,
            Self::Auto => {
                matches!(labels.first(), Some(Text(_) | Integer(_) | Many(_) | OneHot(_)))
            }
            _ => false,
        }
    }

    /// What the targets are, given the labels that decide.
    fn target(self, train: &[Label]) -> Result<TargetKind> {
        let first = train.first();
        let several = |classes| TargetKind::MultiCategory { classes, threshold: 0.5 };
        Ok(match self {
            Self::Category(_) | Self::MultiCategory(_) if first == Some(&Label::Empty) => {
                TargetKind::Empty
            }
            Self::Category(Some(classes)) => TargetKind::Category { classes },
            Self::Category(None) => TargetKind::Category { classes: category::classes(train)? },
            Self::MultiCategory(Some(classes)) => several(classes),
            Self::MultiCategory(None) => several(category::classes(train)?),
            Self::Number { log } => TargetKind::Number { len: number::len(train)?, log },
            Self::Mask { classes, .. } if classes.is_empty() => return Err(Error::NoClasses),
            Self::Mask { classes, void: Some(void), .. } if usize::from(void) >= classes.len() => {
                return Err(Error::VoidClass { void, classes });
            }
            Self::Mask { classes, ignore, void, values } => {
                TargetKind::Mask { classes, ignore, void, values }
            }
            Self::Image { mode, scale, damage } => TargetKind::Image { mode, scale, damage },
            Self::Auto => match first.ok_or(Error::NoTrainingItems)? {
                Label::Number(_) | Label::Numbers(_) => {
                    return Self::Number { log: false }.target(train);
                }
                Label::Text(_) | Label::Integer(_) => return Self::Category(None).target(train),
                Label::Many(_) | Label::OneHot(_) => {
                    return Self::MultiCategory(None).target(train);
                }
                Label::Points(_) => TargetKind::Points { n: points::len(train)? },
                Label::File(_) => return Err(Error::NoClasses),
                Label::Empty => TargetKind::Empty,
            },
        })
    }
}

impl TargetKind {
    fn list(&self, root: &Path, raw: &[Label]) -> Result<Arc<dyn Labels>> {
        Ok(match self {
            Self::Category { classes } => Arc::new(category::Categories::new(classes, raw)?),
            Self::MultiCategory { classes, .. } => {
                Arc::new(category::MultiCategories::new(classes, raw)?)
            }
            Self::Number { len, log } => Arc::new(number::Numbers::new(raw, *len, *log)?),
            Self::Points { n } => Arc::new(points::Points::new(raw, *n)?),
            Self::Mask { classes, ignore, values, .. } => {
                let (classes, values) = (classes.clone(), values.clone());
                let coding = MaskCoding { classes, ignore: *ignore, values };
                Arc::new(file::Masks::new(coding, root, raw)?)
            }
            Self::Image { mode, damage: Some(_), .. } => {
                Arc::new(itself::Originals::new(*mode, root, raw)?)
            }
            Self::Image { mode, .. } => Arc::new(file::Pictures::new(*mode, root, raw)?),
            Self::Empty | Self::Array | Self::Words { .. } | Self::Tags { .. } => {
                Arc::new(category::Empty { len: raw.len() })
            }
        })
    }
}

/// Items with labels that are none of the classes.
struct Stray {
    /// The indexes of the other items.
    known: Vec<usize>,
    /// Each of their labels once, sorted.
    labels: Vec<String>,
    items: usize,
}

/// The items whose labels are none of the target's classes, if there are any.
///
/// A label of another kind is another error's. An item with several labels loses those that are not
/// known and stays, unless it is `strict`.
fn stray(labels: &[Label], target: &TargetKind, strict: bool) -> Option<Stray> {
    let classes = match target {
        TargetKind::Category { classes } => classes,
        TargetKind::MultiCategory { classes, .. } if strict => classes,
        _ => return None,
    };
    let classes: HashSet<&str> = classes.iter().map(String::as_str).collect();
    let unknown = |index: &usize| -> Vec<String> {
        let names = match &labels[*index] {
            // They are called by their places, not by the classes.
            Label::OneHot(_) => Vec::new(),
            label => classes_of(label),
        };
        names.into_iter().filter(|name| !classes.contains(name.as_str())).collect()
    };
    let (known, stray): (Vec<usize>, Vec<usize>) =
        (0..labels.len()).partition(|index| unknown(index).is_empty());
    if stray.is_empty() {
        return None;
    }
    let labels: BTreeSet<String> = stray.iter().flat_map(unknown).collect();
    Some(Stray { known, labels: labels.into_iter().collect(), items: stray.len() })
}

impl Stray {
    fn unknown(self, set: &'static str) -> Error {
        Error::UnknownLabels { set, labels: self.labels, items: self.items }
    }

    fn not_a_class(mut self, target: &TargetKind) -> Error {
        Error::NotAClass { label: self.labels.swap_remove(0), classes: target.classes().to_vec() }
    }

    fn dropped(&self) -> String {
        format!(
            "{} validation items were dropped: their labels are not in the training set ({})",
            self.items,
            listed(&self.labels)
        )
    }
}
