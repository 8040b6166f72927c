//! A third set: scored or predicted, never trained on.

use std::path::Path;

use super::{Label, Labelled, LabelledPart};
use crate::{
    ImageItems, ImageKind, Result,
    items::{FolderOptions, ItemKind, Items},
};

impl<K: ItemKind> Labelled<K> {
    /// Adds items that are scored, never trained on. Without a label they get an empty one;
    /// with one, it is processed as validation labels are.
    ///
    /// # Errors
    /// [`Error::UnknownLabels`](crate::Error::UnknownLabels) if no training item has the label.
    pub fn add_test(mut self, items: Items<K>, label: Option<&Label>) -> Result<Self> {
        let label = label.unwrap_or(&Label::Empty);
        self.test = Some(LabelledPart::of_one_label(items, label, &self.target, "test")?);
        Ok(self)
    }
}

impl Labelled<ImageKind> {
    /// [`add_test`](Self::add_test) with the images below `folder` of the root; the names of
    /// folders in it are no labels.
    ///
    /// # Errors
    /// [`Error::NoItems`](crate::Error::NoItems) if there are none, and those of [`add_test`](Self::add_test).
    pub fn add_test_folder(self, folder: &str, label: Option<&Label>) -> Result<Self> {
        let root = self.train.items.root().to_owned();
        let options = FolderOptions::default();
        let items = ImageItems::from_folder_with(root.join(folder), &options)?;
        let mut items = items.or_none(&options)?;
        for entry in &mut items.entries {
            entry.path = Path::new(folder).join(&entry.path);
        }
        let items = Items { root, kind: *self.train.items.kind(), ..items };
        self.add_test(items, label)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{Array, Error, Split, label::InputFacts};

    fn labelled(root: &Path) -> Labelled<ImageKind> {
        let items = |paths: &[&str]| {
            Items::new(root, paths.iter().map(PathBuf::from).collect(), ImageKind::default())
        };
        Split::by_list(items(&["a/1.png", "b/1.png"]), items(&["b/2.png"]))
            .label_from_folder()
            .unwrap()
    }

    #[test]
    fn test_items_have_an_empty_label_or_the_one_given() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("test/b")).unwrap();
        fs::write(folder.path().join("test/b/x.png"), "").unwrap();
        let target = |label: Option<&Label>| {
            let data = labelled(folder.path()).add_test_folder("test", label).unwrap();
            let test = data.test.unwrap();
            assert_eq!(test.items.path(0), folder.path().join("test/b/x.png"));
            (test.labels.target(0, &InputFacts::default()).unwrap(), test.labels.text(0))
        };
        assert_eq!(target(None), (Array::i64([], vec![0]), String::new()));
        let label = Label::Text("b".into());
        assert_eq!(target(Some(&label)), (Array::i64([], vec![1]), "b".into()));
    }

    #[test]
    fn an_unknown_label_or_an_empty_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("test")).unwrap();
        let error = labelled(folder.path()).add_test_folder("test", None).unwrap_err();
        assert!(matches!(error, Error::NoItems { .. }), "{error}");
        fs::write(folder.path().join("test/x.png"), "").unwrap();
        let label = Label::Text("cow".into());
        let error = labelled(folder.path()).add_test_folder("test", Some(&label)).unwrap_err();
        assert!(matches!(error, Error::UnknownLabels { set: "test", .. }), "{error}");
    }
}
