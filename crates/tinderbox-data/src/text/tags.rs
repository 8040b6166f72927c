//! A class for every word: names, parts of speech.
//!
//! The texts are divided already, one token a row, with its tag beside it.

mod conll;
mod data;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

pub use conll::TagCsv;
pub use data::TagSplit;

use crate::{Array, Error, Labels, Result, label::InputFacts};

/// The target of a token that no tag is learned for: padding.
pub const IGNORE_TAG: i64 = -1;

/// A sentence whose tokens have tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tagged {
    pub tokens: Vec<String>,
    /// As many as there are tokens.
    pub tags: Vec<String>,
    /// Where it is from, for messages.
    pub name: String,
}

/// A list of tagged sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaggedItems {
    pub sentences: Vec<Tagged>,
}

impl TaggedItems {
    /// How many sentences there are.
    pub fn len(&self) -> usize {
        self.sentences.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    /// All tags, sorted.
    fn tags(&self) -> Vec<String> {
        let tags = self.sentences.iter().flat_map(|sentence| &sentence.tags);
        tags.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }
}

/// The tags of each sentence's tokens, as indexes of classes.
#[derive(Debug)]
struct Tags {
    classes: Arc<[String]>,
    sentences: Vec<Arc<[i64]>>,
}

impl Tags {
    fn new(classes: &[String], items: &TaggedItems) -> Result<Self> {
        let indexes: HashMap<&str, i64> =
            classes.iter().zip(0..).map(|(class, index)| (class.as_str(), index)).collect();
        let index = |tag: &String| {
            let index = indexes.get(tag.as_str()).copied();
            index.ok_or_else(|| Error::NotAClass { label: tag.clone(), classes: classes.to_vec() })
        };
        let numbered = |tags: &Vec<String>| tags.iter().map(index).collect::<Result<_>>();
        let sentences = items.sentences.iter().map(|sentence| numbered(&sentence.tags));
        Ok(Self { classes: classes.into(), sentences: sentences.collect::<Result<_>>()? })
    }
}

impl Labels for Tags {
    fn len(&self) -> usize {
        self.sentences.len()
    }

    fn target(&self, index: usize, _: &InputFacts<'_>) -> Result<Array> {
        let tags = &self.sentences[index];
        Ok(Array::i64([tags.len()], tags.to_vec()))
    }

    /// The tags with spaces between.
    fn text(&self, index: usize) -> String {
        let name = |tag: &i64| self.classes[*tag as usize].as_str();
        self.sentences[index].iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        let sentences = indexes.iter().map(|index| self.sentences[*index].clone()).collect();
        Arc::new(Self { classes: self.classes.clone(), sentences })
    }
}
