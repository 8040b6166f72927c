//! What a model is asked about, by the names that people give it: files, folders, patterns, tables,
//! texts, standard input.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use glob::{MatchOptions, glob_with};
use serde::de::DeserializeOwned;
use tinderbox_data::{Encoding, Input, ItemKind, items::Table, text::read_text_in};

use crate::{
    AnyTask, Error, Hinted, Result, RunFolder,
    plan::Choices,
    settings::unused,
    texts::{TextSettings, TextSource},
};

/// How texts are read that a model is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadTexts {
    /// The columns of tables that are text; if none, those that the run was trained on, else those
    /// that are found as in training.
    pub text: Option<Vec<String>>,
    /// The encoding of files, tables and standard input; if none, that which the run was trained
    /// with, else UTF-8 or UTF-16.
    pub encoding: Option<Encoding>,
}

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
///   columns `text` of the options. If none are named, they are those that the run was trained on, else
///   those that are found as in training.
///
/// What looks like the name of a file, by its ending or as one word with a separator of folders, is
/// one: if there is none, that is told beside its name.
///
/// # Errors
/// [`AskedError`]; a folder or a table that cannot be read.
pub fn asked(
    task: &dyn AnyTask,
    model: &Path,
    named: &[PathBuf],
    read: &ReadTexts,
    mut stdin: impl Read,
) -> Result<Vec<Asked>> {
    let takes_text = task.about().takes_text;
    if named.iter().filter(|path| path.as_os_str() == STDIN).count() > 1 {
        return Err(AskedError::StdinTwice.into());
    }
    let encoding = match read.encoding {
        None => trained_with(model, "encoding")?,
        given => given,
    };
    if !takes_text {
        const REASON: &str = "the model does not predict texts";
        unused("text", read.text.as_ref(), REASON)?;
        unused("encoding", read.encoding.as_ref(), REASON)?;
    }
    let file = |path: &Path| match encoding {
        Some(encoding) if takes_text => in_encoding(path, encoding),
        _ => Asked::File(path.to_owned()),
    };
    let mut asked = Vec::new();
    let mut tables = 0;
    for path in named {
        match path.to_str() {
            Some(STDIN) => asked.extend(of_stdin(takes_text, encoding, &mut stdin)?),
            _ if path.is_dir() => {
                asked.extend(task.files(path)?.iter().map(|path| file(path)));
            }
            _ if path.is_file() && Table::is_one(path) => {
                if !takes_text {
                    return Err(AskedError::TableOfImages { table: path.clone() }.into());
                }
                tables += 1;
                asked.extend(rows(path, columns(model, read.text.as_ref())?, encoding)?);
            }
            _ if path.exists() => asked.push(file(path)),
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
        unused("text", read.text.as_ref(), "none of the inputs is a table")?;
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

/// How files end that people have texts in, or may name by mistake.
const ENDINGS: [&str; 17] = [
    "csv",
    "tsv",
    "txt",
    "md",
    "json",
    "jsonl",
    "html",
    "xml",
    "pdf",
    "docx",
    "xlsx",
    "parquet",
    "png",
    "jpg",
    "jpeg",
    "safetensors",
    "gz",
];

/// How paths start that are relative or absolute.
const STARTS: [&str; 6] = ["./", "../", "~/", ".\\", "..\\", "/"];

/// Whether a word is meant as the name of a file or a folder rather than as a text.
fn is_file_name(word: &str) -> bool {
    let one_word = !word.contains(char::is_whitespace);
    let has_separator = word.contains(['/', '\\']) && !is_address(word);
    has_extension(Path::new(word), &ENDINGS)
        || has_separator && (one_word || STARTS.iter().any(|start| word.starts_with(start)))
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
fn of_stdin(
    takes_text: bool,
    encoding: Option<Encoding>,
    stdin: &mut impl Read,
) -> Result<Vec<Asked>> {
    const NAME: &str = "standard input";
    let mut bytes = Vec::new();
    let wrong = |source| Error::Read { path: NAME.into(), source };
    stdin.read_to_end(&mut bytes).map_err(wrong)?;
    if !takes_text {
        return Ok(vec![Asked::Bytes(bytes)]);
    }
    if bytes.is_empty() {
        return Err(AskedError::EmptyStdin.into());
    }
    let text = Encoding::decode(Path::new(NAME), bytes, encoding)?;
    Ok(text.lines().map(text_of).collect())
}

/// A file that is not written as the model is given texts. If it cannot be read, that is told beside
/// its name.
fn in_encoding(path: &Path, encoding: Encoding) -> Asked {
    match read_text_in(path, Some(encoding)) {
        Ok(text) => Asked::Text { name: path.display().to_string(), text },
        Err(_) => Asked::File(path.to_owned()),
    }
}

/// A setting that the run was trained with.
fn trained_with<V: DeserializeOwned>(model: &Path, setting: &str) -> Result<Option<V>> {
    let decided = match model.is_dir() {
        true => RunFolder::new(model).decided(setting)?,
        false => None,
    };
    Ok(decided.and_then(|value| serde_json::from_value(value).ok()))
}

/// The columns of a table that are text, if they are known.
fn columns(model: &Path, named: Option<&Vec<String>>) -> Result<Option<Vec<String>>> {
    match named {
        Some(named) => Ok(Some(named.clone())),
        None => trained_with(model, "text"),
    }
}

/// The rows of a table.
fn rows(table: &Path, text: Option<Vec<String>>, encoding: Option<Encoding>) -> Result<Vec<Asked>> {
    let ask = TextSettings { text, encoding, ..TextSettings::default() };
    let (_, items) = TextSource::pick(table, &ask, None, &mut Choices::default())?;
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

    #[error("`-` is named twice, but standard input can be read only once")]
    StdinTwice,

    #[error("`-` reads standard input, but there is nothing on it")]
    EmptyStdin,
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
            Self::EmptyStdin => "send something to it, such as `tinderbox predict MODEL - < texts.txt`".into(),
            Self::StdinTwice => "name it once; each line is a text".into(),
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
        let read = ReadTexts::default();
        asked(task, Path::new("m.safetensors"), &named, &read, &b"a film\n\na book\n"[..])
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
        for path in ["reviews/gone", "./my reviews", "my notes.txt", "a\\b", "gone.json"] {
            let found = ask("classify-texts", &[Path::new(path)]).unwrap();
            assert_eq!(found, [Asked::File(path.into())]);
        }
        let found = ask("classify-texts", &[Path::new("good and/or bad")]).unwrap();
        assert!(matches!(found[0], Asked::Text { .. }), "{found:?}");
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
        let error = ask("classify-texts", &[dash[0], dash[0]]).unwrap_err();
        check(error, "`-` is named twice, but standard input can be read only once", Some("once"));
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
