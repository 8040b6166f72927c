//! What is in a folder: the files that are taken, and what is left out for which reason.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

use super::{FolderOptions, ImageKind, ItemKind};
use crate::{Error, Result, image::Format};

/// A folder's files, and what of it is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Paths below the folder, sorted by their path with every separator read as a dot, by code
    /// point, so that every machine sees the same order.
    pub files: Vec<PathBuf>,
    /// Sorted by path.
    pub left_out: Vec<LeftOut>,
}

/// A file, a link or a folder that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Below the folder that was listed.
    pub path: PathBuf,
    pub reason: LeftOutReason,
    /// How many files of the kind that is looked for this is: of a folder, those in it.
    pub files: usize,
}

/// Why something in a folder is not taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LeftOutReason {
    /// The end of its name, in lower case and without the dot; empty if there is none.
    Extension(String),
    /// Its name starts with a dot: systems and editors leave such files (`._photo.jpg`).
    Hidden,
    /// Systems and programs make it: `@eaDir`, `__MACOSX`, `Thumbs.db`.
    System,
    /// A folder that a training run of ours was written to.
    Run,
    /// A link that leads nowhere.
    DeadLink,
    /// A link to a folder above it.
    Loop,
    /// A pipe or a device, which may never end.
    NotAFile,
    /// Another path leads to the same file.
    SecondLink,
}

/// Folders and files that systems and programs make, in lower case.
const SYSTEM: [&str; 15] = [
    "@eadir",
    "__macosx",
    "__pycache__",
    "#recycle",
    "$recycle.bin",
    "desktop.ini",
    "ehthumbs.db",
    "found.000",
    "icon\r",
    "lost+found",
    "recycler",
    "system volume information",
    "thumbnails",
    "thumbs.db",
    "lost.dir",
];

/// What a run folder has besides `run.json`: at least one of these.
const OF_A_RUN: [&str; 5] =
    ["run.toml", "items.csv", "history.csv", "checkpoint.safetensors", "model.safetensors"];

/// What is below a folder: the files that `options` ask for, each once, and what is left out.
///
/// Links are followed; a file that several links lead to is taken once, and loops end. A folder that
/// is left out is one entry, and is not looked into but for the number of files that it holds.
/// Folders that `options` exclude are not mentioned.
///
/// # Errors
/// [`Error::NotAFolder`]; [`Error::Read`] for a folder that cannot be listed.
///
/// # Example
/// ```
/// use tinderbox_data::items::{FolderOptions, LeftOutReason, listing};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # std::fs::write(folder.path().join("cat.png"), "")?;
/// # std::fs::write(folder.path().join("notes.txt"), "")?;
/// let found = listing(folder.path(), &FolderOptions::default())?;
/// assert_eq!(found.files, ["cat.png"].map(std::path::PathBuf::from));
/// assert_eq!(found.left_out[0].reason, LeftOutReason::Extension("txt".into()));
/// # Ok(())
/// # }
/// ```
pub fn listing(folder: &Path, options: &FolderOptions) -> Result<Listing> {
    if !folder.is_dir() {
        return Err(Error::NotAFolder { path: folder.into() });
    }
    let depth = if options.recurse { usize::MAX } else { 1 };
    let mut walk = WalkDir::new(folder).follow_links(true).max_depth(depth).into_iter();
    let (mut files, mut linked, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                left_out.push(unreachable_link(folder, error, options)?);
                continue;
            }
        };
        let is_folder = entry.file_type().is_dir();
        if entry.depth() == 0 || (is_folder && is_unasked(&entry, options)) {
            if entry.depth() > 0 {
                walk.skip_current_dir();
            }
            continue;
        }
        let path = below(folder, entry.path());
        match reason(&entry, options) {
            Some(reason) => {
                let files = match is_folder {
                    true => count(entry.path(), options),
                    false => usize::from(has_extension(entry.path(), &options.extensions)),
                };
                left_out.push(LeftOut { path, reason, files });
                if is_folder {
                    walk.skip_current_dir();
                }
            }
            None if is_folder => {}
            None if through_link(folder, &path) => linked.push(path),
            None => files.push(path),
        }
    }
    let (linked, again) = once(folder, &files, linked);
    files.extend(linked);
    left_out.extend(again.into_iter().map(|path| LeftOut {
        path,
        reason: LeftOutReason::SecondLink,
        files: 1,
    }));
    files.sort_by_cached_key(|path| sort_key(path));
    left_out.sort();
    Ok(Listing { files, left_out })
}

/// What is left out, in words and with what to do about images that cannot be opened, where images
/// are what `unit` says is looked for: `4 .heic (not supported: convert to JPEG), 1 dead link`.
///
/// What nobody looks for, such as `.DS_Store` and `Thumbs.db`, is not mentioned; nothing if there is
/// nothing else.
///
/// # Example
/// ```
/// use tinderbox_data::items::{LeftOut, LeftOutReason, summary};
///
/// let of = |path: &str, reason| LeftOut { path: path.into(), reason, files: 1 };
/// let left_out =
///     [of("a.txt", LeftOutReason::Extension("txt".into())), of("b", LeftOutReason::DeadLink)];
/// assert_eq!(summary(&left_out, "images").as_deref(), Some("1 .txt, 1 dead link"));
/// ```
pub fn summary(left_out: &[LeftOut], unit: &str) -> Option<String> {
    /// Of the extensions.
    const SHOWN: usize = 6;
    let mentioned: Vec<&LeftOut> = left_out.iter().filter(|one| one.is_mentioned()).collect();
    let mut groups: Vec<(&LeftOutReason, Vec<&LeftOut>)> = Vec::new();
    for one in mentioned {
        match groups.iter_mut().find(|(reason, _)| *reason == &one.reason) {
            Some((_, group)) => group.push(one),
            None => groups.push((&one.reason, vec![one])),
        }
    }
    // The most frequent extension first, then the other reasons.
    groups.sort_by_key(|(reason, group)| match reason {
        LeftOutReason::Extension(_) => (0, usize::MAX - group.len(), *reason),
        _ => (1, 0, *reason),
    });
    let is_extension = |reason: &LeftOutReason| matches!(reason, LeftOutReason::Extension(_));
    let extensions = groups.iter().filter(|(reason, _)| is_extension(reason)).count();
    let mut said: Vec<String> = Vec::new();
    for (at, (reason, group)) in groups.iter().enumerate() {
        match at < SHOWN || at >= extensions {
            true => said.push(of_reason(reason, group, unit)),
            false if at == SHOWN => {
                let rest: usize = groups[SHOWN..extensions].iter().map(|(_, g)| g.len()).sum();
                said.push(format!("{rest} with other extensions"));
            }
            false => {}
        }
    }
    (!said.is_empty()).then(|| said.join(", "))
}

/// How many files a [`summary`] is about.
pub fn n_left_out(left_out: &[LeftOut]) -> usize {
    left_out.iter().filter(|one| one.is_mentioned()).map(|one| one.files.max(1)).sum()
}

impl LeftOut {
    /// Whether its owner may have meant it to be used.
    fn is_mentioned(&self) -> bool {
        match self.reason {
            LeftOutReason::Hidden | LeftOutReason::System | LeftOutReason::Run => self.files > 0,
            _ => true,
        }
    }
}

/// What was left out for one reason, with their number.
fn of_reason(reason: &LeftOutReason, group: &[&LeftOut], unit: &str) -> String {
    let n: usize = group.iter().map(|one| one.files.max(1)).sum();
    let first = group[0].path.display();
    let counted = |one: &str, several: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {several}"),
    };
    match reason {
        LeftOutReason::Extension(end) if end.is_empty() => format!("{n} without an extension"),
        LeftOutReason::Extension(end) => match way_on(&group[0].path, unit) {
            Some(way_on) => format!("{n} .{end} (not supported: {way_on})"),
            None => format!("{n} .{end}"),
        },
        LeftOutReason::Hidden => format!("{n} hidden, such as {first}"),
        LeftOutReason::System => format!("{n} in folders of the system, such as {first}"),
        LeftOutReason::Run => format!("{n} in run folders, such as {first}"),
        LeftOutReason::DeadLink => counted("dead link", "dead links"),
        LeftOutReason::Loop => counted("link to a folder above it", "links to folders above them"),
        LeftOutReason::NotAFile => counted("pipe or device", "pipes or devices"),
        LeftOutReason::SecondLink => {
            counted("further link to the same file", "further links to the same files")
        }
    }
}

/// What to do about a file if it is an image that cannot be opened.
fn way_on(path: &Path, unit: &str) -> Option<&'static str> {
    let format = Format::of_name(path).filter(|_| unit == ImageKind::default().unit())?;
    format.way_on
}

/// Whether the options say not to enter a folder, which is directly below the root.
fn is_unasked(entry: &DirEntry, options: &FolderOptions) -> bool {
    if entry.depth() != 1 {
        return false;
    }
    let name = entry.file_name().to_string_lossy();
    let named = |names: &[String]| names.iter().any(|other| *other == name);
    (!options.include.is_empty() && !named(&options.include)) || named(&options.exclude)
}

/// Why an entry is left out, if it is.
fn reason(entry: &DirEntry, options: &FolderOptions) -> Option<LeftOutReason> {
    let name = entry.file_name().to_string_lossy().to_lowercase();
    let (is_folder, is_file) = (entry.file_type().is_dir(), entry.file_type().is_file());
    // As in the reference, options that name folders let in hidden ones directly below the root.
    let names_folders = !options.include.is_empty() || !options.exclude.is_empty();
    let let_in = is_folder && entry.depth() == 1 && names_folders;
    if SYSTEM.contains(&name.as_str()) {
        return Some(LeftOutReason::System);
    }
    if name.starts_with('.') && !let_in {
        return Some(LeftOutReason::Hidden);
    }
    if is_folder {
        return is_run(entry.path()).then_some(LeftOutReason::Run);
    }
    if !is_file {
        return Some(LeftOutReason::NotAFile);
    }
    match has_extension(entry.path(), &options.extensions) {
        true => None,
        false => Some(LeftOutReason::Extension(extension(entry.path()))),
    }
}

/// Whether a training run was written to this folder.
fn is_run(folder: &Path) -> bool {
    folder.join("run.json").is_file() && OF_A_RUN.iter().any(|name| folder.join(name).is_file())
}

/// The link that the walk could not follow.
///
/// # Errors
/// [`Error::Read`] if it is no link: a folder that cannot be listed.
fn unreachable_link(
    folder: &Path,
    error: walkdir::Error,
    options: &FolderOptions,
) -> Result<LeftOut> {
    let path = error.path().unwrap_or(folder).to_owned();
    let reason = match error.loop_ancestor() {
        Some(_) => LeftOutReason::Loop,
        None if is_link(&path) => LeftOutReason::DeadLink,
        None => {
            let source = error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into());
            return Err(Error::Read { path, source });
        }
    };
    let files = usize::from(has_extension(&path, &options.extensions));
    Ok(LeftOut { path: below(folder, &path), reason, files })
}

/// How many files that are looked for lie in a folder that is left out.
fn count(folder: &Path, options: &FolderOptions) -> usize {
    let files = WalkDir::new(folder).into_iter().flatten();
    files.filter(|file| has_extension(file.path(), &options.extensions)).count()
}

fn below(folder: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(folder).expect("a walk stays below its root").to_owned()
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

/// Whether the path below `folder` leads through a link.
fn through_link(folder: &Path, below: &Path) -> bool {
    let mut path = folder.to_owned();
    below.components().any(|component| {
        path.push(component);
        is_link(&path)
    })
}

/// Those of the `linked` paths that lead to a file which no other path leads to, and the others.
fn once(
    folder: &Path,
    found: &[PathBuf],
    mut linked: Vec<PathBuf>,
) -> (Vec<PathBuf>, Vec<PathBuf>) {
    if linked.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let real = |path: &PathBuf| fs::canonicalize(folder.join(path)).ok();
    let mut seen: HashSet<PathBuf> = found.iter().filter_map(real).collect();
    linked.sort();
    linked.into_iter().partition(|path| real(path).is_some_and(|real| seen.insert(real)))
}

/// The end of a name, in lower case.
fn extension(path: &Path) -> String {
    path.extension().map_or_else(String::new, |end| end.to_string_lossy().to_lowercase())
}

fn has_extension(path: &Path, extensions: &[String]) -> bool {
    let end = extension(path);
    extensions.iter().any(|other| other.eq_ignore_ascii_case(&end))
}

fn sort_key(path: &Path) -> String {
    path.to_string_lossy().replace(['/', '\\'], ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn names(paths: &[PathBuf]) -> Vec<&str> {
        paths.iter().map(|path| path.to_str().unwrap()).collect()
    }

    #[track_caller]
    fn check(files: &[&str], options: &FolderOptions, expected: &[&str]) {
        let folder = folder(files);
        let found = listing(folder.path(), options).unwrap();
        assert_eq!(names(&found.files), expected);
    }

    #[test]
    fn files_are_sorted_with_separators_as_dots() {
        let files =
            ["a/9.png", "a/10.png", "a.b.png", "B.PNG", "note.txt", ".hidden/x.png", "a/._x.png"];
        check(&files, &FolderOptions::default(), &["B.PNG", "a/10.png", "a/9.png", "a.b.png"]);
    }

    #[test]
    fn a_list_of_folders_lets_hidden_ones_in() {
        let options = FolderOptions { exclude: vec!["a".into()], ..FolderOptions::default() };
        check(&["a/x.png", ".h/x.png", "b/.h/x.png"], &options, &[".h/x.png"]);
    }

    #[test]
    fn what_is_left_out_has_a_reason() {
        use LeftOutReason::{Extension, Hidden, Run, System};
        let folder = folder(&[
            "cat/1.png",
            "cat/._1.png",
            "cat/@eaDir/1.png",
            "cat/@eaDir/2.png",
            "cat/Thumbs.db",
            "README",
            "cat/2.HEIC",
            "__MACOSX/cat/1.png",
            ".ipynb_checkpoints/1.png",
            "run/run.json",
            "run/items.csv",
            "run/interpretation/top_losses.png",
            "other/run.json",
            "other/3.png",
        ]);
        let found = listing(folder.path(), &FolderOptions::default()).unwrap();
        assert_eq!(names(&found.files), ["cat/1.png", "other/3.png"]);
        let of = |path: &str, reason, files| LeftOut { path: path.into(), reason, files };
        assert_eq!(
            found.left_out,
            [
                of(".ipynb_checkpoints", Hidden, 1),
                of("README", Extension(String::new()), 0),
                of("__MACOSX", System, 1),
                of("cat/._1.png", Hidden, 1),
                of("cat/2.HEIC", Extension("heic".into()), 0),
                of("cat/@eaDir", System, 2),
                of("cat/Thumbs.db", System, 0),
                of("other/run.json", Extension("json".into()), 0),
                of("run", Run, 1),
            ]
        );
        assert_eq!(
            summary(&found.left_out, "images").unwrap(),
            "1 without an extension, 1 .heic (not supported: convert to JPEG, for example with `magick \
             mogrify -format jpg *.heic`), 1 .json, 2 hidden, such as .ipynb_checkpoints, \
             3 in folders of the system, such as __MACOSX, 1 in run folders, such as run"
        );
        assert_eq!(n_left_out(&found.left_out), 9);
    }

    #[test]
    fn many_extensions_are_summed_up() {
        let files: Vec<String> =
            (0..9).map(|n| format!("{n}.x{n}")).chain(["a.x8".into()]).collect();
        let folder = folder(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let found = listing(folder.path(), &FolderOptions::default()).unwrap();
        assert_eq!(
            summary(&found.left_out, "images").unwrap(),
            "2 .x8, 1 .x0, 1 .x1, 1 .x2, 1 .x3, 1 .x4, 3 with other extensions"
        );
        assert_eq!(summary(&[], "images"), None);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once_and_loops_end() {
        use LeftOutReason::{DeadLink, Loop, NotAFile, SecondLink};
        use std::os::unix::fs::symlink;
        let folder = folder(&["a/x.png"]);
        let root = folder.path();
        symlink("..", root.join("a/up")).unwrap();
        symlink("a/x.png", root.join("again.png")).unwrap();
        symlink("nowhere.png", root.join("broken.png")).unwrap();
        symlink("self.png", root.join("self.png")).unwrap();
        symlink("/dev/zero", root.join("endless.png")).unwrap();
        let found = listing(root, &FolderOptions::default()).unwrap();
        assert_eq!(names(&found.files), ["a/x.png"]);
        let reasons: Vec<&LeftOutReason> = found.left_out.iter().map(|one| &one.reason).collect();
        assert_eq!(reasons, [&Loop, &SecondLink, &DeadLink, &NotAFile, &DeadLink]);
        assert_eq!(
            summary(&found.left_out, "images").unwrap(),
            "2 dead links, 1 link to a folder above it, 1 pipe or device, \
             1 further link to the same file"
        );
    }
}
