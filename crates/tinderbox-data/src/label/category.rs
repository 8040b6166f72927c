//! Classes: one an item, or any number of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{InputFacts, Label, Labels};
use crate::{Array, Error, Result};

/// The name of a class.
pub(super) fn name(label: &Label) -> Result<String> {
    match label {
        Label::Text(text) => Ok(text.clone()),
        Label::Integer(number) => Ok(number.to_string()),
        other => Err(Error::MixedLabels { first: "a class".into(), other: other.kind().into() }),
    }
}

/// The classes of a set: words sorted by code point, whole numbers by value, flags by their place.
pub(super) fn classes(train: &[Label]) -> Result<Vec<String>> {
    if let Some(Label::OneHot(flags)) = train.first() {
        return Ok((0..flags.len()).map(|class| class.to_string()).collect());
    }
    let mut numbers = BTreeSet::new();
    let mut words = BTreeSet::new();
    for label in train {
        match label {
            Label::Integer(number) => _ = numbers.insert(*number),
            Label::Text(text) => _ = words.insert(text.clone()),
            Label::Many(several) => words.extend(several.iter().cloned()),
            other => _ = name(other)?,
        }
    }
    match (numbers.is_empty(), words.is_empty()) {
        (false, false) => {
            Err(Error::MixedLabels { first: "a whole number".into(), other: "text".into() })
        }
        (false, true) => Ok(numbers.into_iter().map(|number| number.to_string()).collect()),
        (true, _) => Ok(words.into_iter().collect()),
    }
}

/// One class an item.
#[derive(Debug)]
pub(super) struct Categories {
    classes: Arc<[String]>,
    indexes: Vec<usize>,
}

impl Categories {
    pub(super) fn new(classes: &[String], labels: &[Label]) -> Result<Self> {
        let positions: HashMap<&str, usize> =
            classes.iter().enumerate().map(|(index, class)| (class.as_str(), index)).collect();
        let index = |label| {
            let name = name(label)?;
            let position = positions.get(name.as_str()).copied();
            position.ok_or_else(|| Error::NotAClass { label: name, classes: classes.to_vec() })
        };
        let indexes = labels.iter().map(index).collect::<Result<_>>()?;
        Ok(Self { classes: classes.into(), indexes })
    }
}

impl Labels for Categories {
    fn len(&self) -> usize {
        self.indexes.len()
    }

    fn target(&self, index: usize, _: &InputFacts<'_>) -> Result<Array> {
        Ok(Array::i64([], vec![self.indexes[index] as i64]))
    }

    fn text(&self, index: usize) -> String {
        self.classes[self.indexes[index]].clone()
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        let picked = indexes.iter().map(|&index| self.indexes[index]).collect();
        Arc::new(Self { classes: self.classes.clone(), indexes: picked })
    }
}

/// Any of the classes.
#[derive(Debug)]
pub(super) struct MultiCategories {
    classes: Arc<[String]>,
    one_hot: Vec<Vec<bool>>,
}

impl MultiCategories {
    /// A class that is not known is left out of its item.
    pub(super) fn new(classes: &[String], labels: &[Label]) -> Result<Self> {
        let one_hot = |label: &Label| match label {
            Label::Many(names) => Ok(classes.iter().map(|class| names.contains(class)).collect()),
            Label::OneHot(flags) if flags.len() == classes.len() => Ok(flags.clone()),
            Label::OneHot(flags) => {
                Err(Error::OneHot { given: flags.len(), classes: classes.len() })
            }
            other => name(other).map(|name| classes.iter().map(|class| *class == name).collect()),
        };
        let one_hot = labels.iter().map(one_hot).collect::<Result<_>>()?;
        Ok(Self { classes: classes.into(), one_hot })
    }
}

impl Labels for MultiCategories {
    fn len(&self) -> usize {
        self.one_hot.len()
    }

    fn target(&self, index: usize, _: &InputFacts<'_>) -> Result<Array> {
        let flags = &self.one_hot[index];
        Ok(Array::f32([flags.len()], flags.iter().map(|flag| f32::from(u8::from(*flag))).collect()))
    }

    fn text(&self, index: usize) -> String {
        let named = self.classes.iter().zip(&self.one_hot[index]).filter(|(_, flag)| **flag);
        named.map(|(class, _)| class.as_str()).collect::<Vec<_>>().join(";")
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        let picked = indexes.iter().map(|&index| self.one_hot[index].clone()).collect();
        Arc::new(Self { classes: self.classes.clone(), one_hot: picked })
    }
}

/// Nothing to predict.
#[derive(Debug)]
pub(super) struct Empty {
    pub(super) len: usize,
}

impl Labels for Empty {
    fn len(&self) -> usize {
        self.len
    }

    fn target(&self, _: usize, _: &InputFacts<'_>) -> Result<Array> {
        Ok(Array::i64([], vec![0]))
    }

    fn text(&self, _: usize) -> String {
        String::new()
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        Arc::new(Self { len: indexes.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &[&str]) -> Vec<Label> {
        names.iter().map(|name| Label::Text((*name).into())).collect()
    }

    #[test]
    fn words_are_sorted_as_words_and_numbers_as_numbers() {
        assert_eq!(
            classes(&texts(&["8", "cat", "10", "3", "8"])).unwrap(),
            ["10", "3", "8", "cat"]
        );
        let numbers = [8, 10, 3].map(Label::Integer);
        assert_eq!(classes(&numbers).unwrap(), ["3", "8", "10"]);
    }

    #[test]
    fn words_and_numbers_do_not_mix() {
        let error = classes(&[Label::Integer(1), Label::Text("a".into())]).unwrap_err();
        assert_eq!(error.to_string(), "labels of different kinds: a whole number and text");
    }

    #[test]
    fn an_index_is_the_position_of_its_class() {
        let labels = Categories::new(&["a".into(), "b".into()], &texts(&["b", "a"])).unwrap();
        assert_eq!(labels.target(0, &InputFacts::default()).unwrap(), Array::i64([], vec![1]));
        assert_eq!(labels.text(0), "b");
    }

    #[test]
    fn a_label_that_is_no_given_class_is_named() {
        let error = Categories::new(&["a".into()], &texts(&["a", "b"])).unwrap_err();
        assert_eq!(error.to_string(), "the label `b` is not among the given classes: a");
    }

    #[test]
    fn flags_name_their_classes_by_their_place() {
        let flags = Label::OneHot(vec![false; 11]);
        assert_eq!(classes(std::slice::from_ref(&flags)).unwrap()[9..], ["9", "10"]);
        let error = MultiCategories::new(&["a".into()], &[flags]).unwrap_err();
        assert_eq!(error.to_string(), "11 flags for 1 classes");
    }

    #[test]
    fn several_labels_are_zeros_and_ones() {
        let label = Label::Many(vec!["b".into(), "unknown".into()]);
        let labels = MultiCategories::new(&["a".into(), "b".into()], &[label]).unwrap();
        assert_eq!(
            labels.target(0, &InputFacts::default()).unwrap(),
            Array::f32([2], vec![0.0, 1.0])
        );
        assert_eq!(labels.text(0), "b");
    }
}
