//! Labels that can be used, but may not be what was meant: each is a warning in the data.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use super::{Labelled, LabelledPart, TargetKind};
use crate::items::ItemKind;

/// The data with its doubts among the warnings.
pub(super) fn noted<K: ItemKind>(mut data: Labelled<K>) -> Labelled<K> {
    let found = [one_class(&data), alike(&data), contradictions(&data), leak(&data)];
    data.warnings.extend(found.into_iter().flatten());
    data
}

fn one_class<K: ItemKind>(data: &Labelled<K>) -> Option<String> {
    match &data.target {
        TargetKind::Category { classes } if classes.len() == 1 => Some(format!(
            "there is only one class, `{}`, but a classifier needs at least two",
            classes[0]
        )),
        _ => None,
    }
}

/// Classes that a typing mistake may have made of one.
fn alike<K: ItemKind>(data: &Labelled<K>) -> Option<String> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for class in data.target.classes() {
        groups.entry(class.trim().to_lowercase()).or_default().push(class);
    }
    let quoted = |names: Vec<&str>| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(" and ")
    };
    let alike: Vec<String> =
        groups.into_values().filter(|names| names.len() > 1).map(quoted).collect();
    match alike.is_empty() {
        true => None,
        false => {
            Some(format!("the classes {} differ only in case or spaces", alike.join(", and ")))
        }
    }
}

fn paths<K: ItemKind>(part: &LabelledPart<K>) -> impl Iterator<Item = (usize, &Path)> {
    part.items.relative_paths().enumerate()
}

/// One item under two labels.
fn contradictions<K: ItemKind>(data: &Labelled<K>) -> Option<String> {
    let TargetKind::Category { .. } = data.target else { return None };
    let mut first: HashMap<&Path, String> = HashMap::new();
    let mut twice: Option<(&Path, String, String)> = None;
    let mut items = 0;
    for part in [&data.train, &data.valid] {
        for (index, path) in paths(part) {
            let label = part.labels.text(index);
            let was = first.entry(path).or_insert_with(|| label.clone());
            if *was != label {
                items += 1;
                twice.get_or_insert_with(|| (path, was.clone(), label));
            }
        }
    }
    let (path, a, b) = twice?;
    let others = if items > 1 { format!(" (and {} more)", items - 1) } else { String::new() };
    Some(format!("{} is labelled both `{a}` and `{b}`{others}", path.display()))
}

/// One item in both sets: overfitting looks like success.
fn leak<K: ItemKind>(data: &Labelled<K>) -> Option<String> {
    let train: HashSet<&Path> = data.train.items.relative_paths().collect();
    let both: Vec<&Path> =
        data.valid.items.relative_paths().filter(|path| train.contains(path)).collect();
    let path = both.first()?;
    Some(format!(
        "{} items are in both the training set and the validation set, such as {}",
        both.len(),
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::{ImageKind, Items, Split, label::Label};

    #[track_caller]
    fn check(train: &[(&str, &str)], valid: &[(&str, &str)], warnings: &[&str]) {
        let items = |pairs: &[(&str, &str)]| {
            let paths = pairs.iter().map(|(path, _)| PathBuf::from(path)).collect();
            Items::new("root", paths, ImageKind::default())
        };
        let labels = |pairs: &[(&str, &str)]| -> Vec<Label> {
            pairs.iter().map(|(_, label)| Label::Text((*label).into())).collect()
        };
        let split = Split::by_list(items(train), items(valid));
        let data = split.label_from_lists(&labels(train), &labels(valid)).unwrap();
        assert_eq!(data.warnings, warnings);
    }

    #[test]
    fn labels_that_may_not_be_meant_are_warned_about() {
        check(&[("1", "a"), ("2", "b")], &[("3", "b")], &[]);
        check(
            &[("1", "a"), ("2", "a")],
            &[("3", "a")],
            &["there is only one class, `a`, but a classifier needs at least two"],
        );
        check(
            &[("1", "cat"), ("2", "Cat ")],
            &[("3", "cat")],
            &["the classes `Cat ` and `cat` differ only in case or spaces"],
        );
        check(
            &[("1", "a"), ("2", "A"), ("3", "b"), ("4", "B")],
            &[("5", "b")],
            &["the classes `A` and `a`, and `B` and `b` differ only in case or spaces"],
        );
        check(
            &[("1", "a"), ("1", "b"), ("2", "b")],
            &[("3", "a")],
            &["1 is labelled both `a` and `b`"],
        );
        check(
            &[("1", "a"), ("2", "b")],
            &[("1", "a")],
            &["1 items are in both the training set and the validation set, such as 1"],
        );
    }
}
