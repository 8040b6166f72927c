//! A cleaned copy of data; the data itself is never touched.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Component, Path, PathBuf},
};

use serde::Serialize;
use tinderbox_data::items::Table;

use super::{Checked, Kind, Place};
use crate::{Error, Hinted, Result, settings::absolute};

/// What a cleaned copy has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fixed {
    pub folder: PathBuf,
    /// How many files were copied.
    pub copied: usize,
    /// How many items were left out, each a line of [`LIST`].
    pub left_out: usize,
}

/// The list of what was left out of a copy, and why.
pub(super) const LIST: &str = "left-out.csv";

/// Why there is no cleaned copy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FixError {
    #[error("{} is not empty, and a cleaned copy replaces nothing", folder.display())]
    NotEmpty { folder: PathBuf },

    #[error("{} is inside of the data, or the data inside of it", folder.display())]
    Inside { folder: PathBuf },

    #[error("training would use nothing of the data, so there is nothing to copy")]
    Nothing,

    #[error("{} would be a file of the copy twice: from {} and from {}", name.display(), first.display(), second.display())]
    Twice { name: PathBuf, first: PathBuf, second: PathBuf },
}

impl Hinted for FixError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotEmpty { .. } | Self::Inside { .. } => {
                "name a new folder elsewhere: `--fix FOLDER`".into()
            }
            Self::Nothing => "correct the errors first: `tinderbox check` shows them".into(),
            Self::Twice { .. } => "rename one of them".into(),
        })
    }
}

impl Checked {
    /// Copies what training would use into a new folder, without what should not be in it, and
    /// lists there what was left out ([`LIST`]).
    ///
    /// Of copies, one is kept, a validation item before a training item; of the same item under
    /// different labels none, as only its owner knows which is right. Classes whose names differ in
    /// case or spaces become one, by the name that most of their items have. A table of texts is
    /// written again, without their rows; of a table of images, only the images and the list are.
    ///
    /// # Errors
    /// [`FixError`]; [`Error::Write`] and [`Error::Read`] with the path.
    pub fn fix(&self, folder: impl AsRef<Path>) -> Result<Fixed> {
        let folder = absolute(folder.as_ref());
        if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(FixError::NotEmpty { folder }.into());
        }
        if self.data.paths().any(|data| folder.starts_with(data) || data.starts_with(&folder)) {
            return Err(FixError::Inside { folder }.into());
        }
        if self.used.is_empty() {
            return Err(FixError::Nothing.into());
        }
        let dropped = self.dropped();
        let kept = self.used.iter().filter(|place| !dropped.contains_key(&place.path));
        let files = self.named(kept)?;
        create(&folder)?;
        for (name, from) in &files {
            let to = folder.join(name);
            create(to.parent().unwrap_or(&folder))?;
            fs::copy(from, &to).map_err(|source| Error::Read { path: from.clone(), source })?;
        }
        let tables = self.write_tables(&folder, &dropped)?;
        let left_out = dropped.iter().map(|(path, why)| vec![path.as_str(), why.as_str()]);
        write_csv(&folder.join(LIST), &["path".into(), "reason".into()], left_out)?;
        Ok(Fixed { folder, copied: files.len() + tables, left_out: dropped.len() })
    }

    /// The items that a copy is without, and why.
    fn dropped(&self) -> BTreeMap<String, String> {
        let mut dropped = BTreeMap::new();
        for finding in &self.findings {
            for group in &finding.places {
                let out: Vec<&Place> = match finding.kind {
                    Kind::Unreadable | Kind::Empty | Kind::Contradiction => group.iter().collect(),
                    Kind::Copies | Kind::NearCopies | Kind::Leak => {
                        let kept = group.iter().find(|place| place.set == Some("validation"));
                        let kept = kept.or(group.first());
                        group.iter().filter(|place| Some(*place) != kept).collect()
                    }
                    _ => Vec::new(),
                };
                for place in out {
                    let why = place.note.clone().unwrap_or_else(|| {
                        let others = group.iter().filter(|other| other.path != place.path);
                        let others: Vec<&str> = others.map(|other| other.path.as_str()).collect();
                        match others.is_empty() {
                            true => finding.text.clone(),
                            false => format!("{}: {}", finding.kind_in_words(), others.join(", ")),
                        }
                    });
                    dropped.entry(place.path.clone()).or_insert(why);
                }
            }
        }
        dropped
    }

    /// The files of a copy, by their names in it: images, their masks, texts.
    fn named<'a>(
        &self,
        kept: impl Iterator<Item = &'a Place>,
    ) -> Result<BTreeMap<PathBuf, PathBuf>> {
        let spelling = self.spelling();
        let mut files = BTreeMap::new();
        for place in kept {
            let label = place.label.as_deref();
            let class = label.and_then(|label| Some((label, spelling.get(label)?)));
            let mask = label.filter(|_| place.has_mask()).map(Path::new);
            for from in [Some(Path::new(&place.path)), mask].into_iter().flatten() {
                let Some(name) = self.name_in_copy(from) else { continue };
                let name = match class {
                    Some((label, class)) => renamed(&name, label, class),
                    None => name,
                };
                let from = from.to_owned();
                match files.get(&name) {
                    Some(first) if *first != from => {
                        let first = PathBuf::clone(first);
                        return Err(FixError::Twice { name, first, second: from }.into());
                    }
                    _ => drop(files.insert(name, from)),
                }
            }
        }
        Ok(files)
    }

    /// A file's path below its source; below the source's name, too, if there are several.
    fn name_in_copy(&self, file: &Path) -> Option<PathBuf> {
        let folders = self.data.0.iter().filter(|(_, source)| source.is_dir());
        let several = folders.clone().count() > 1;
        let mut below = folders
            .filter_map(|(setting, source)| Some((setting, file.strip_prefix(source).ok()?)));
        // The innermost: masks may lie below the folder of images.
        let (setting, below) =
            below.by_ref().min_by_key(|(_, below)| below.components().count())?;
        Some(match several {
            true => Path::new(setting).join(below),
            false => below.to_owned(),
        })
    }

    /// How classes are spelled whose names differ from others in case or spaces only: as most of
    /// their items have it.
    fn spelling(&self) -> HashMap<&str, &str> {
        let mut alike: BTreeMap<String, Vec<(u64, &str)>> = BTreeMap::new();
        for class in &self.classes {
            let key = class.class.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
            alike.entry(key).or_default().push((class.train + class.valid, &class.class));
        }
        let mut spelling = HashMap::new();
        for names in alike.into_values().filter(|names| names.len() > 1) {
            let Some((_, most)) = names.iter().max_by_key(|(n, _)| *n).copied() else { continue };
            spelling.extend(names.into_iter().map(|(_, name)| (name, most)));
        }
        spelling
    }

    /// Writes the tables whose rows are items, and gives their number.
    fn write_tables(&self, folder: &Path, dropped: &BTreeMap<String, String>) -> Result<usize> {
        let rows: BTreeSet<usize> = self
            .findings
            .iter()
            .flat_map(|finding| finding.places.iter().flatten())
            .filter(|place| dropped.contains_key(&place.path))
            .filter_map(|place| place.row)
            .collect();
        // Items that are no files are rows.
        let are_rows = !self.used.iter().any(|place| Path::new(&place.path).is_file());
        let is_one = |path: &&Path| are_rows && path.is_file() && Table::is_one(path);
        let mut written = 0;
        for path in self.data.paths().filter(is_one) {
            let table = Table::open(path)?;
            let name = Path::new(path.file_name().unwrap_or_default()).with_extension("csv");
            let cells = |row: usize| (0..table.columns().len()).map(move |at| (row, at));
            let kept = (0..table.len()).filter(|row| !rows.contains(row));
            let kept = kept.map(|row| cells(row).map(|(row, at)| table.text(row, at)).collect());
            write_csv(&folder.join(name), table.columns(), kept)?;
            written += 1;
        }
        Ok(written)
    }
}

fn write_csv<'a>(
    path: &Path,
    columns: &[String],
    rows: impl Iterator<Item = Vec<&'a str>>,
) -> Result<()> {
    let unwritten = |error: csv::Error| Error::Write { path: path.into(), source: error.into() };
    let mut table = csv::Writer::from_path(path).map_err(unwritten)?;
    table.write_record(columns).map_err(unwritten)?;
    for row in rows {
        table.write_record(row).map_err(unwritten)?;
    }
    table.flush().map_err(|source| Error::Write { path: path.into(), source })
}

/// A path with another name for the folder of a class.
fn renamed(path: &Path, class: &str, other: &str) -> PathBuf {
    let part = |part: Component<'_>| match part.as_os_str() == class {
        true => PathBuf::from(other),
        false => PathBuf::from(part.as_os_str()),
    };
    path.components().map(part).collect()
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.into(), source })
}
