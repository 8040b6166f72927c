//! A cleaned copy of data; the data itself is never touched.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Component, Path, PathBuf},
};

use serde::Serialize;
use tinderbox_data::{items::Table, real_path};

use super::{Checked, Kind, Place, copy::Roots};
use crate::{Error, Hinted, Result};

/// What a cleaned copy has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fixed {
    pub folder: PathBuf,
    /// How many files were copied.
    pub copied: usize,
    /// How many items were left out, each a line of left-out.csv.
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
    /// Copies what training would use into a new folder, without what should not be in it, with the
    /// lists and tables beside it, and lists there what was left out (left-out.csv).
    ///
    /// Of copies, one is kept, a validation item before a training item; of the same item under
    /// different labels none, as only its owner knows which is right. Classes whose names differ in
    /// case or spaces become one, by the name that most of their items have. A table is written again
    /// with the rows that are kept, in UTF-8.
    ///
    /// # Errors
    /// [`FixError`]; [`Error::Write`] and [`Error::Read`] with the path.
    pub fn fix(&self, folder: impl AsRef<Path>) -> Result<Fixed> {
        let folder = real_path(folder.as_ref());
        // An empty folder is as good as a new one.
        let is_empty = || folder.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        if folder.exists() && !is_empty() {
            return Err(FixError::NotEmpty { folder }.into());
        }
        let is_beside = |data: &Path| !folder.starts_with(data) && !data.starts_with(&folder);
        if !self.data.paths().all(|data| is_beside(&real_path(data))) {
            return Err(FixError::Inside { folder }.into());
        }
        if self.used.is_empty() {
            return Err(FixError::Nothing.into());
        }
        let mut dropped = self.dropped();
        let kept: Vec<&Place> =
            self.used.iter().filter(|place| !dropped.contains_key(&place.path)).collect();
        let roots = Roots::of(&self.data);
        let mut files = self.named(&kept, &roots)?;
        // Texts are items, not lists of them.
        let are_texts = kept.iter().any(|place| is_text(Path::new(&place.path)));
        let is_else = |file: &PathBuf| {
            self.data.paths().any(|source| source == file)
                || dropped.contains_key(&file.display().to_string())
                || are_texts && is_text(file)
        };
        files.extend(roots.lists().into_iter().filter(|(_, file)| !is_else(file)));
        create(&folder)?;
        for (name, from) in &files {
            let to = folder.join(name);
            create(to.parent().unwrap_or(&folder))?;
            fs::copy(from, &to).map_err(|source| Error::Read { path: from.clone(), source })?;
        }
        let mut written = 0;
        for table in self.data.paths().filter(|path| path.is_file() && Table::is_one(path)) {
            self.write_table(table, &kept, &folder)?;
            written += 1;
        }
        let copied: HashSet<&PathBuf> = files.values().collect();
        for file in roots.files().into_iter().filter(|file| !copied.contains(file)) {
            let is_source = self.data.paths().any(|source| source == file);
            if !is_source {
                let unused = || "training does not use it".to_owned();
                dropped.entry(file.display().to_string()).or_insert_with(unused);
            }
        }
        let left_out = dropped.iter().map(|(path, why)| vec![path.clone(), why.clone()]);
        write_csv(&folder.join(LIST), &["path".into(), "reason".into()], left_out)?;
        Ok(Fixed { folder, copied: files.len() + written, left_out: dropped.len() })
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
    fn named(&self, kept: &[&Place], roots: &Roots) -> Result<BTreeMap<PathBuf, PathBuf>> {
        let spelling = self.spelling();
        let mut files = BTreeMap::new();
        for place in kept {
            let label = place.label.as_deref();
            let class = label.and_then(|label| Some((label, spelling.get(label)?)));
            let mask = label.filter(|_| place.has_mask()).map(Path::new);
            for from in [Some(Path::new(&place.path)), mask].into_iter().flatten() {
                // A row of a table is no file.
                let Some(name) = roots.name(from).filter(|_| from.is_file()) else { continue };
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

    /// Writes a table with the rows of the items that are kept.
    fn write_table(&self, path: &Path, kept: &[&Place], folder: &Path) -> Result<()> {
        let table = Table::open_with(path, &self.table)?;
        // An item of a table of texts is called by its row, an image by its file.
        let names: HashSet<&str> = kept.iter().map(|place| place.path.as_str()).collect();
        let ends: HashSet<String> = kept.iter().flat_map(|place| ends(&place.path)).collect();
        let column = self.file_column.as_ref().map(|column| table.column(column)).transpose()?;
        let is_kept = |row: &usize| match column {
            Some(column) => {
                let cell = table.text(*row, column).trim().replace('\\', "/");
                ends.contains(cell.trim_start_matches("./"))
            }
            None => names.contains(format!("{}, row {}", path.display(), row + 1).as_str()),
        };
        let cells = |row: usize| (0..table.columns().len()).map(move |at| (row, at));
        let rows = (0..table.len()).filter(is_kept);
        let rows =
            rows.map(|row| cells(row).map(|(row, at)| table.text(row, at).to_owned()).collect());
        let name = Path::new(path.file_name().unwrap_or_default()).with_extension("csv");
        let head = if self.table.header { table.columns() } else { &[] };
        write_csv(&folder.join(name), head, rows)
    }
}

fn is_text(file: &Path) -> bool {
    file.extension().is_some_and(|end| end.eq_ignore_ascii_case("txt"))
}

/// What a table may call a file: its path below any folder, with its extension and without.
fn ends(path: &str) -> Vec<String> {
    let path = path.replace('\\', "/");
    let starts = path.match_indices('/').map(|(at, _)| at + 1).chain([0]);
    let below: Vec<&str> = starts.map(|at| &path[at..]).collect();
    let plain = below.iter().filter_map(|name| {
        let (stem, end) = name.rsplit_once('.')?;
        (!end.contains('/')).then_some(stem)
    });
    plain.chain(below.iter().copied()).map(str::to_owned).collect()
}

fn write_csv(
    path: &Path,
    columns: &[String],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<()> {
    let unwritten = |error: csv::Error| Error::Write { path: path.into(), source: error.into() };
    let mut table = csv::Writer::from_path(path).map_err(unwritten)?;
    if !columns.is_empty() {
        table.write_record(columns).map_err(unwritten)?;
    }
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
