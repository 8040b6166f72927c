//! The items of a run: checked before training, listed beside the plan, counted by class.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use tinderbox_data::{
    DataBunch, ImageItems, ItemKind, Items,
    batch::Set,
    check::{Check, Checked},
    hash_of, hash_of_file,
    text::TextItems,
};

use crate::{ClassCount, Event, Job, Result, Sources};

/// The data without files that cannot be read, if no more than this many are allowed to be.
///
/// # Errors
/// [`BadFiles`](tinderbox_data::Error::BadFiles) with all of them.
pub fn checked(data: DataBunch, skip_bad: usize, job: &Job) -> Result<DataBunch> {
    let progress = |done, total| job.tell(Event::Checking { done, total });
    let Checked { data, left_out } =
        data.check(&Check { allowed: skip_bad, progress: Some(&progress) })?;
    if !left_out.is_empty() {
        job.tell(Event::left_out(&left_out));
    }
    data.warnings().for_each(|warning| job.warn(warning));
    Ok(data)
}

/// Every item of both sets, as CSV: with its label, its path below the source that it is in, its
/// length in bytes and their hash; each mask; each source that is a file; and the vocabulary. Nothing
/// of it changes when the data moves.
pub(crate) fn list(sources: &Sources, data: &DataBunch) -> String {
    let roots = Roots::of(sources);
    let mut list = List::default();
    for (set, of, n) in [(TRAIN, Set::Train, data.n_train()), (VALID, Set::Valid, data.n_valid())] {
        for index in 0..n {
            let (name, label) = (data.name(of, index), data.label(of, index));
            let hash = data.fingerprint(of, index);
            let (path, below) = (Path::new(&name), roots.below(&label));
            list.push(
                Listed::new(set, roots.below(&name), bytes(path), hash.input).labelled(below),
            );
            if hash.label.is_some() {
                list.push(Listed::new(MASK, below, bytes(Path::new(&label)), hash.label));
            }
        }
    }
    list.push_sources(sources);
    if let Ok(input) = data.text_input() {
        list.push_vocab(input.vocab.tokens());
    }
    list.to_csv()
}

/// What is listed.
const TRAIN: &str = "train";
const VALID: &str = "valid";
const MASK: &str = "mask";
const TEXT: &str = "text";
const SOURCE: &str = "source";
const VOCAB: &str = "vocab";

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Listed {
    set: String,
    label: String,
    path: String,
    bytes: Option<u64>,
    hash: Option<String>,
}

impl Listed {
    pub(crate) fn new(set: &str, path: &str, bytes: Option<u64>, hash: Option<u64>) -> Self {
        let hash = hash.map(|hash| format!("{hash:016x}"));
        Self { set: set.into(), path: path.into(), bytes, hash, ..Self::default() }
    }

    fn labelled(self, label: &str) -> Self {
        Self { label: label.into(), ..self }
    }

    fn is_item(&self) -> bool {
        self.set == TRAIN || self.set == VALID
    }

    /// What it is called in messages.
    fn name(&self) -> String {
        match &*self.set {
            MASK => format!("the mask {}", self.path),
            SOURCE => "the data file".into(),
            VOCAB => "the vocabulary".into(),
            _ => self.path.clone(),
        }
    }

    /// In what it differs from the same line of another list, in words.
    fn difference(&self, now: &Self) -> Option<String> {
        let name = self.name();
        match (self.bytes, now.bytes) {
            (Some(was), Some(is)) if was != is && self.set != VOCAB => {
                Some(format!("{name} had {was} bytes and has {is}"))
            }
            _ if self.hash != now.hash => Some(format!("{name} has changed")),
            _ if self.label != now.label => {
                Some(format!("{name} had the label `{}` and has `{}`", self.label, now.label))
            }
            _ => None,
        }
    }
}

/// What a run was made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct List(Vec<Listed>);

impl List {
    pub(crate) fn push(&mut self, line: Listed) {
        self.0.push(line);
    }

    /// Each source that is a file, as a table is.
    pub(crate) fn push_sources(&mut self, sources: &Sources) {
        for (setting, file) in sources.0.iter().filter(|(_, path)| path.is_file()) {
            self.push(Listed::new(SOURCE, setting, bytes(file), hash_of_file(file)));
        }
    }

    /// Each text file below a source.
    pub(crate) fn push_texts(&mut self, sources: &Sources) {
        for folder in sources.paths().filter(|path| path.is_dir()) {
            for path in TextItems::from_folder(folder).iter().flat_map(TextItems::relative_paths) {
                let file = folder.join(path);
                let path = path.display().to_string();
                self.push(Listed::new(TEXT, &path, bytes(&file), hash_of_file(&file)));
            }
        }
    }

    pub(crate) fn push_vocab(&mut self, words: &[String]) {
        let (n, hash) = (words.len() as u64, hash_of(words.join("\n").as_bytes()));
        self.push(Listed::new(VOCAB, "", Some(n), Some(hash)));
    }

    pub(crate) fn to_csv(&self) -> String {
        let mut table = csv::Writer::from_writer(Vec::new());
        for line in &self.0 {
            table.serialize(line).expect("memory takes any row");
        }
        String::from_utf8(table.into_inner().expect("memory takes any row")).expect("it is text")
    }

    /// What can be read of a list.
    fn of_csv(text: &str) -> Self {
        Self(csv::Reader::from_reader(text.as_bytes()).deserialize().flatten().collect())
    }

    /// The lines in the order in which they are compared.
    fn by_name(&self) -> BTreeMap<(u8, &str), &Listed> {
        let order = |line: &Listed| match &*line.set {
            MASK => 1,
            SOURCE => 2,
            VOCAB => 3,
            _ => 0,
        };
        self.0.iter().map(|line| ((order(line), &*line.path), line)).collect()
    }
}

/// What has changed between two lists of items, in words.
pub(crate) fn difference(before: &str, now: &str) -> Option<String> {
    if before == now {
        return None;
    }
    let (before, now) = (List::of_csv(before), List::of_csv(now));
    let (was, is) = (before.by_name(), now.by_name());
    let gone = was.iter().filter(|(key, _)| !is.contains_key(*key)).map(|(_, line)| line.name());
    let new = is.iter().filter(|(key, _)| !was.contains_key(*key)).map(|(_, line)| line.name());
    let other = was.iter().filter_map(|(key, line)| line.difference(is.get(key)?));
    let first = of_several(gone, "is gone").or_else(|| of_several(new, "is new"));
    let first = first.or_else(|| of_several(other, ""));
    Some(first.unwrap_or_else(|| "some are in other sets, or in another order".into()))
}

/// `a.png is new`, `a.png is new, as are 3 others`.
fn of_several(names: impl Iterator<Item = String>, what: &str) -> Option<String> {
    let mut names = names;
    let first = names.next()?;
    let first = format!("{first} {what}").trim_end().to_owned();
    Some(match names.count() {
        0 => first,
        1 => format!("{first}, as is another"),
        n => format!("{first}, as are {n} others"),
    })
}

/// What has changed of the files that a list names, and the first file beside them that came later than
/// the list: why the data can no longer be read as it was.
pub(crate) fn changed_files(list: &Path, sources: &Sources) -> Option<String> {
    let text = fs::read_to_string(list).ok()?;
    let List(lines) = List::of_csv(&text);
    let roots = Roots::of(sources);
    let is_file = |line: &&Listed| {
        line.bytes.is_some() && (line.is_item() || line.set == MASK || line.set == TEXT)
    };
    let files: Vec<&Listed> = lines.iter().filter(is_file).collect();
    for line in &files {
        let Some(path) = roots.find(&line.path, line.set == MASK) else {
            return Some(format!("{} is gone", line.name()));
        };
        let mut now = Listed { bytes: bytes(&path), ..(*line).clone() };
        // The hash of a text that is an item is that of its tokens.
        if !(line.is_item() && is_text(&path)) {
            now.hash = hash_of_file(&path).map(|hash| format!("{hash:016x}"));
        }
        if let Some(what) = line.difference(&now) {
            return Some(what);
        }
    }
    let known: HashSet<PathBuf> =
        files.iter().filter_map(|line| roots.find(&line.path, line.set == MASK)).collect();
    let begun = fs::metadata(list).ok()?.modified().ok()?;
    for folder in sources.paths().filter(|path| path.is_dir()) {
        let images = ImageItems::from_folder(folder).map(|items| below(&items, folder));
        let texts = TextItems::from_folder(folder).map(|items| below(&items, folder));
        let found = images.into_iter().chain(texts).flatten();
        let mut new = found.filter(|path| !known.contains(path) && is_newer(path, begun));
        if let Some(path) = new.next() {
            return Some(format!("{} is new", roots.below(&path.display().to_string())));
        }
    }
    None
}

fn below<K: ItemKind>(items: &Items<K>, folder: &Path) -> Vec<PathBuf> {
    items.relative_paths().map(|path| folder.join(path)).collect()
}

/// Whether a file was made, changed or moved here after a moment.
fn is_newer(path: &Path, than: SystemTime) -> bool {
    let Ok(file) = fs::metadata(path) else { return false };
    let times = [file.modified().ok(), file.created().ok()];
    times.into_iter().flatten().any(|time| time > than)
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("txt"))
}

/// The folders that items lie in: the sources, and those that a source is a file of.
struct Roots<'a> {
    folders: Vec<&'a Path>,
    masks: Option<&'a Path>,
    files: Vec<String>,
}

impl<'a> Roots<'a> {
    fn of(sources: &'a Sources) -> Self {
        let folder = |path: &'a Path| if path.is_file() { path.parent() } else { Some(path) };
        let mut folders: Vec<&Path> = sources.paths().filter_map(folder).collect();
        // The innermost counts.
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.as_os_str().len()));
        let files = sources.paths().filter(|path| path.is_file());
        let files = files.map(|path| path.display().to_string()).collect();
        Self { folders, masks: sources.get("masks"), files }
    }

    /// A path below its root; `row 3` for a row of a table; what is no path as it is.
    fn below<'n>(&self, name: &'n str) -> &'n str {
        let row = |file: &String| name.strip_prefix(&**file)?.strip_prefix(", ");
        let path = |root: &&Path| Path::new(name).strip_prefix(root).ok()?.to_str();
        let found = self.files.iter().find_map(row);
        found.or_else(|| self.folders.iter().find_map(path)).unwrap_or(name)
    }

    /// The file that is called so below a root.
    fn find(&self, path: &str, is_mask: bool) -> Option<PathBuf> {
        let masks = self.masks.filter(|_| is_mask);
        let mut files = masks.into_iter().chain(self.folders.iter().copied());
        files.find_map(|root| Some(root.join(path)).filter(|file| file.is_file()))
    }
}

fn bytes(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len())
}

/// The items that trained, by their paths and by what is in them.
pub(crate) struct Known {
    paths: HashSet<PathBuf>,
    hashes: HashSet<String>,
}

impl Known {
    /// Those of a list whose sources are these.
    pub(crate) fn of(list: &str, sources: &Sources) -> Self {
        let List(mut lines) = List::of_csv(list);
        lines.retain(|line| line.set == TRAIN);
        let roots = Roots::of(sources);
        let at = |line: &Listed| -> Vec<PathBuf> {
            // An absolute path replaces what it is joined to.
            roots.folders.iter().map(|root| root.join(&line.path)).collect()
        };
        Self {
            paths: lines.iter().flat_map(at).collect(),
            hashes: lines.into_iter().filter_map(|line| line.hash).collect(),
        }
    }

    /// Whether an item is one of them.
    pub(crate) fn has(&self, data: &DataBunch, set: Set, index: usize) -> bool {
        let hash = data.fingerprint(set, index).input.map(|hash| format!("{hash:016x}"));
        hash.is_some_and(|hash| self.hashes.contains(&hash))
            || self.paths.contains(Path::new(&data.name(set, index)))
    }
}

/// How many items of each class there are, of which an item may have several with this between them;
/// nothing if there are no classes.
pub(crate) fn counts(data: &DataBunch, several: Option<char>) -> Vec<ClassCount> {
    let of = |set: Set, n: usize| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for label in (0..n).map(|index| data.label(set, index)) {
            for class in label.split(|char| Some(char) == several) {
                *counts.entry(class.to_owned()).or_default() += 1;
            }
        }
        counts
    };
    let (train, valid) = (of(Set::Train, data.n_train()), of(Set::Valid, data.n_valid()));
    let count = |class: &String| ClassCount {
        class: class.clone(),
        train: train.get(class).copied().unwrap_or(0),
        valid: valid.get(class).copied().unwrap_or(0),
    };
    data.classes().iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(set: &str, label: &str, path: &str, bytes: u64, hash: u64) -> Listed {
        Listed::new(set, path, Some(bytes), Some(hash)).labelled(label)
    }

    fn before() -> Vec<Listed> {
        vec![
            line("train", "a", "a/1.png", 10, 1),
            line("valid", "a", "a/2.png", 20, 2),
            line("mask", "", "a/1.png", 5, 3),
            line("source", "", "data", 9, 4),
            line("vocab", "", "", 3, 5),
        ]
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Vec<Listed>), what: &str) {
        let was = List(before()).to_csv();
        assert_eq!(difference(&was, &was), None);
        let mut now = before();
        change(&mut now);
        assert_eq!(difference(&was, &List(now).to_csv()).unwrap(), what);
    }

    #[test]
    fn a_change_of_the_items_is_said_in_words() {
        check(|now| drop(now.remove(1)), "a/2.png is gone");
        check(|now| now.push(line("train", "a", "a/3.png", 1, 1)), "a/3.png is new");
        let more = |now: &mut Vec<Listed>| {
            now.extend(
                ["b/1.png", "b/2.png", "b/3.png"].map(|path| line("train", "b", path, 1, 1)),
            );
        };
        check(more, "b/1.png is new, as are 2 others");
        check(|now| now[1].bytes = Some(21), "a/2.png had 20 bytes and has 21");
        check(|now| now[1].hash = Some("x".into()), "a/2.png has changed");
        check(|now| now[2].hash = Some("x".into()), "the mask a/1.png has changed");
        check(|now| now[3].hash = Some("x".into()), "the data file has changed");
        check(|now| now[4].hash = Some("x".into()), "the vocabulary has changed");
        check(|now| now[0].label = "b".into(), "a/1.png had the label `a` and has `b`");
        check(|now| now.swap(0, 1), "some are in other sets, or in another order");
    }

    #[test]
    fn names_with_line_breaks_and_quotes_are_lines_of_a_list_too() {
        let list = List(vec![line("train", "a\"b\nc", "a\"b\nc/1,2.png", 1, 1)]);
        assert_eq!(List::of_csv(&list.to_csv()), list);
    }

    #[test]
    fn an_item_is_called_as_it_is_below_its_source_wherever_that_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("a.csv"), "").unwrap();
        let images = root.join("images");
        let at = |path: &Path| path.display().to_string();
        let (table, masks) = (root.join("a.csv"), images.join("masks"));
        let sources = Sources::default().with("data", &*table).with("masks", &*masks);
        let sources = sources.with("images", &*images);
        let roots = Roots::of(&sources);
        assert_eq!(roots.below(&at(&images.join("x/1.png"))), "x/1.png");
        assert_eq!(roots.below(&at(&masks.join("1.png"))), "1.png");
        assert_eq!(roots.below(&format!("{}, row 3", at(&table))), "row 3");
        assert_eq!(roots.below("cat"), "cat");
    }
}
