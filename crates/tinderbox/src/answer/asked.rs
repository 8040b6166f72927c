//! What a model is asked about, by the names that people give it: files, folders, patterns, tables,
//! texts, standard input.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use glob::{MatchOptions, glob_with};
use tinderbox_data::{
    Input, ItemKind,
    items::Table,
    text::{TextCsv, TextItems},
};

use crate::{AnyTask, Error, Hinted, Result, RunFolder, settings::unused};

/// Something that a model is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    File(PathBuf),
    /// What came on standard input, as the file of an image.
    Bytes(Vec<u8>),
    Text {
        /// The text, or the row of a table that it stands in: `reviews.csv:1`.
        name: String,
        text: String,
    },
}

impl Asked {
    /// What it is called beside its answer.
    pub fn name(&self) -> String {
        match self {
            Self::File(file) => file.display().to_string(),
            Self::Bytes(_) => STDIN.into(),
            Self::Text { name, .. } => name.clone(),
        }
    }

    /// As the model is given it.
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::File(file) => Input::File(file),
            Self::Bytes(bytes) => Input::Bytes(bytes),
            Self::Text { text, .. } => Input::Text(text),
        }
    }

    /// The file that it is.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file),
            Self::Bytes(_) | Self::Text { .. } => None,
        }
    }
}

/// What stands for standard input.
const STDIN: &str = "-";

/// What a model of `task`, which is at the path `model`, is asked about if somebody names these:
///
/// - a file; a folder, for the files below it that the task reads
/// - a pattern such as `photos/*.jpg` or `**/*.png`, for the files that it matches
/// - `-`, for what `stdin` has: the file of an image, or a text a line
/// - of a model of texts, a text; and a table (.csv, .tsv), each row of which is a text, in the
///   columns `text`. If none are named, they are those that the run was trained on, else `text`.
///
/// # Errors
/// [`AskedError`]; a folder or a table that cannot be read.
pub fn asked(
    task: &dyn AnyTask,
    model: &Path,
    named: &[PathBuf],
    text: Option<&Vec<String>>,
    mut stdin: impl Read,
) -> Result<Vec<Asked>> {
    let takes_text = task.about().takes_text;
    let mut asked = Vec::new();
    let mut tables = 0;
    for path in named {
        match path.to_str() {
            Some(STDIN) => asked.extend(of_stdin(takes_text, &mut stdin)?),
            _ if path.is_dir() => asked.extend(task.files(path)?.into_iter().map(Asked::File)),
            _ if path.is_file() && Table::is_one(path) => {
                if !takes_text {
                    return Err(AskedError::TableOfImages { table: path.clone() }.into());
                }
                tables += 1;
                asked.extend(rows(path, columns(model, text)?)?);
            }
            _ if path.exists() => asked.push(Asked::File(path.clone())),
            Some(name) if is_address(name) && !takes_text => {
                return Err(AskedError::Address { address: name.to_owned() }.into());
            }
            Some(name) if name.contains(['*', '?', '[']) => match of_pattern(task, name) {
                Ok(files) => asked.extend(files),
                // A text may end with a question mark.
                Err(_) if takes_text && !is_file_name(name) => asked.push(text_of(name)),
                Err(error) => return Err(error),
            },
            Some(name) if takes_text && !is_file_name(name) => asked.push(text_of(name)),
            // It is told beside its name that it is not there.
            _ => asked.push(Asked::File(path.clone())),
        }
    }
    if tables == 0 {
        unused("text", text, "none of the inputs is a table")?;
    }
    Ok(asked)
}

fn text_of(text: &str) -> Asked {
    Asked::Text { name: text.to_owned(), text: text.to_owned() }
}

fn is_address(name: &str) -> bool {
    let name = name.to_lowercase();
    ["http://", "https://"].iter().any(|start| name.starts_with(start))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|found| extensions.iter().any(|one| one.eq_ignore_ascii_case(found)))
}

/// Whether a word is meant as the name of a file of texts rather than as a text.
fn is_file_name(word: &str) -> bool {
    !word.contains(char::is_whitespace) && has_extension(Path::new(word), &["csv", "tsv", "txt"])
}

/// The files that a pattern matches, sorted; if it matches folders only, those below them.
fn of_pattern(task: &dyn AnyTask, pattern: &str) -> Result<Vec<Asked>> {
    // As in a shell: hidden files must be named.
    let options = MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..MatchOptions::default()
    };
    let wrong = |error: glob::PatternError| AskedError::Pattern {
        pattern: pattern.to_owned(),
        reason: error.msg,
    };
    let path = |found: glob::GlobResult| {
        found.map_err(|error| Error::Read { path: error.path().into(), source: error.into() })
    };
    let found = glob_with(pattern, options).map_err(wrong)?;
    let paths: Vec<PathBuf> = found.map(path).collect::<Result<_>>()?;
    let (folders, mut files): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.into_iter().partition(|path| path.is_dir());
    if files.is_empty() {
        for folder in &folders {
            files.extend(task.files(folder)?);
        }
    }
    match files.is_empty() {
        true => Err(AskedError::NoMatch { pattern: pattern.to_owned() }.into()),
        false => Ok(files.into_iter().map(Asked::File).collect()),
    }
}

/// What standard input has.
fn of_stdin(takes_text: bool, stdin: &mut impl Read) -> Result<Vec<Asked>> {
    let wrong = |source| Error::Read { path: "standard input".into(), source };
    if !takes_text {
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes).map_err(wrong)?;
        return Ok(vec![Asked::Bytes(bytes)]);
    }
    let mut text = String::new();
    stdin.read_to_string(&mut text).map_err(wrong)?;
    Ok(text.lines().map(text_of).collect())
}

/// The columns of a table that are text.
fn columns(model: &Path, named: Option<&Vec<String>>) -> Result<Vec<String>> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let trained_on = match model.is_dir() {
        true => RunFolder::new(model).decided("text")?,
        false => None,
    };
    let trained_on = trained_on.and_then(|columns| serde_json::from_value(columns).ok());
    Ok(trained_on.unwrap_or_else(|| TextCsv::default().columns))
}

/// The rows of a table.
fn rows(table: &Path, columns: Vec<String>) -> Result<Vec<Asked>> {
    let delimiter = Table::separator(table)?;
    let items = TextItems::from_csv(table, &TextCsv { columns, delimiter, header: true })?;
    let row = |at: usize| {
        let text = items.kind().open(&items.path(at))?;
        Ok(Asked::Text { name: format!("{}:{}", table.display(), at + 1), text })
    };
    (0..items.len()).map(row).collect()
}

/// What a model cannot be asked about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskedError {
    #[error("no file matches {pattern}")]
    NoMatch { pattern: String },

    #[error("{pattern} is not a valid pattern: {reason}")]
    Pattern { pattern: String, reason: &'static str },

    #[error("{address} is a web address, but images are read from files")]
    Address { address: String },

    #[error("{table} is a table, but the model predicts images")]
    TableOfImages { table: PathBuf },
}

impl Hinted for AskedError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoMatch { .. } => {
                "`*` matches within one folder, `**/*.jpg` in its subfolders, too; a folder can be named directly".into()
            }
            Self::Pattern { .. } => {
                "`*` matches any characters, `?` one, `[ab]` one of these, `**` any folders".into()
            }
            Self::Address { .. } => "download it first, and name the file".into(),
            Self::TableOfImages { .. } => {
                "name the images, their folder, or a pattern such as 'photos/*.jpg'".into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{TASKS, error::check, find_task};

    /// What `named` comes to for a task's model, with `in` on standard input.
    fn ask(task: &str, named: &[&Path]) -> Result<Vec<Asked>> {
        let task = find_task(TASKS, task).unwrap();
        let named: Vec<PathBuf> = named.iter().map(|path| path.to_path_buf()).collect();
        asked(task, Path::new("m.safetensors"), &named, None, &b"a film\n\na book\n"[..])
    }

    /// The names, below a folder.
    fn names(asked: &[Asked], folder: &Path) -> Vec<String> {
        let folder = format!("{}/", folder.display());
        let below = |name: String| name.strip_prefix(&folder).unwrap_or(&name).to_owned();
        asked.iter().map(|one| below(one.name())).collect()
    }

    #[test]
    fn folders_and_patterns_are_the_files_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("a")).unwrap();
        for file in ["1.png", "a/2.png", "a/3.txt", ".hidden.png"] {
            fs::write(root.join(file), "").unwrap();
        }
        let names = |named: &[&str]| {
            let paths: Vec<PathBuf> = named.iter().map(|name| root.join(name)).collect();
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            names(&ask("classify", &paths).unwrap(), root)
        };
        assert_eq!(names(&["."]).len(), 2);
        assert_eq!(names(&["*.png"]), ["1.png"]);
        assert_eq!(names(&["**/*.png"]), ["1.png", "a/2.png"]);
        assert_eq!(names(&["[ab]"]), ["a/2.png"], "a folder, as a shell would name it");
        // A file that is called like a pattern.
        fs::write(root.join("b[1].png"), "").unwrap();
        assert_eq!(names(&["b[1].png"]), ["b[1].png"]);
        let error = ask("classify", &[&root.join("*.gif")]).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(AskedError::NoMatch { .. })), "{error}");
    }

    #[test]
    fn a_text_is_what_is_no_file() {
        let texts = ["What a film?", "Why", "https://a.b/c", "**good**"].map(Path::new);
        let found = ask("classify-texts", &texts).unwrap();
        assert_eq!(names(&found, Path::new("")), texts.map(|text| text.display().to_string()));
        assert!(found.iter().all(|one| matches!(one.input(), Input::Text(_))));
        let found = ask("classify-texts", &[Path::new("gone.txt")]).unwrap();
        assert_eq!(found, [Asked::File("gone.txt".into())]);
        assert!(ask("classify-texts", &[Path::new("gone/*.txt")]).is_err());
        assert!(ask("classify", &[Path::new("https://a.b/c.png")]).is_err());
    }

    #[test]
    fn standard_input_is_an_image_or_a_text_a_line() {
        let dash = [Path::new("-")];
        let found = ask("classify-texts", &dash).unwrap();
        assert_eq!(names(&found, Path::new("")), ["a film", "", "a book"]);
        let found = ask("classify", &dash).unwrap();
        assert_eq!(found, [Asked::Bytes(b"a film\n\na book\n".into())]);
        assert_eq!(found[0].name(), "-");
    }

    #[test]
    fn rows_of_a_table_are_texts_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("reviews.tsv");
        fs::write(&table, "title\ttext\nA\tgood\nB\tbad, \"too\"\n").unwrap();
        let found = ask("classify-texts", &[&table]).unwrap();
        assert_eq!(names(&found, folder.path()), ["reviews.tsv:1", "reviews.tsv:2"]);
        assert!(matches!(found[1].input(), Input::Text("bad, \"too\"")), "{found:?}");
        let error = ask("segment", &[&table]).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(AskedError::TableOfImages { .. })), "{error}");
    }

    #[test]
    fn errors_say_what_can_be_named() {
        check(
            AskedError::NoMatch { pattern: "*.gif".into() },
            "no file matches *.gif",
            Some("`**/*.jpg` in its subfolders"),
        );
        check(
            AskedError::Pattern { pattern: "a***".into(), reason: "wildcards are odd" },
            "a*** is not a valid pattern: wildcards are odd",
            Some("`**` any folders"),
        );
        check(
            AskedError::Address { address: "https://a.b".into() },
            "https://a.b is a web address, but images are read from files",
            Some("download it first"),
        );
        check(
            AskedError::TableOfImages { table: "a.csv".into() },
            "a.csv is a table, but the model predicts images",
            Some("a pattern such as 'photos/*.jpg'"),
        );
    }
}
