//! The items of a run: checked before training, listed beside the plan, counted by class.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use tinderbox_data::{
    DataBunch,
    batch::Set,
    check::{Check, Checked},
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

/// Every item of both sets, with its label, its path below the source that it is in and its length
/// in bytes, as CSV; and the length of each source that is a file.
pub(crate) fn list(sources: &Sources, data: &DataBunch) -> String {
    let mut text = String::from(HEADER);
    for (name, set, n) in
        [("train", Set::Train, data.n_train()), ("valid", Set::Valid, data.n_valid())]
    {
        for index in 0..n {
            let path = data.name(set, index);
            let below = sources.paths().find_map(|root| Path::new(&path).strip_prefix(root).ok());
            let below = below.map_or(path.as_str(), |below| below.to_str().unwrap_or(&path));
            line(&mut text, name, &data.label(set, index), below, bytes(Path::new(&path)));
        }
    }
    for (setting, file) in &sources.0 {
        if file.is_file() {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            line(&mut text, "source", setting, &name, bytes(file));
        }
    }
    text
}

pub(crate) const HEADER: &str = "set,label,path,bytes\n";

/// One more line of a list of items.
pub(crate) fn line(text: &mut String, set: &str, label: &str, path: &str, bytes: Option<u64>) {
    let quoted = |field: &str| field.replace('"', "\"\"");
    let bytes = bytes.map_or_else(String::new, |bytes| bytes.to_string());
    writeln!(text, "{set},\"{}\",\"{}\",{bytes}", quoted(label), quoted(path))
        .expect("writing to a string");
}

fn bytes(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|file| file.len())
}

/// What has changed between two lists of items, in words.
pub(crate) fn difference(before: &str, now: &str) -> Option<String> {
    if before == now {
        return None;
    }
    let paths = |text| -> BTreeMap<_, _> { str::lines(text).skip(1).filter_map(listed).collect() };
    let (was, is) = (paths(before), paths(now));
    let gone = was.keys().find(|path| !is.contains_key(*path));
    let new = is.keys().find(|path| !was.contains_key(*path));
    let other = was.iter().find(|(path, bytes)| is.get(*path) != Some(bytes));
    Some(match (gone, new, other) {
        (Some(path), ..) => format!("{path} is gone"),
        (_, Some(path), _) => format!("{path} is new"),
        (.., Some((path, bytes))) => {
            format!("{path} had {bytes} bytes and has {}", is.get(path).unwrap_or(&"none"))
        }
        _ => "they have other labels or are in other sets".into(),
    })
}

/// The paths of the items that trained, by a list whose sources are these.
pub(crate) fn trained_on(list: &str, sources: &Sources) -> HashSet<PathBuf> {
    let lines = list.lines().filter(|line| line.starts_with("train,"));
    let paths = lines.filter_map(|line| Some(listed(line)?.0));
    // An absolute path replaces what it is joined to.
    paths.flat_map(|path| sources.paths().map(move |root| root.join(path))).collect()
}

/// The path and the length in a line of the list.
fn listed(line: &str) -> Option<(&str, &str)> {
    let (rest, bytes) = line.rsplit_once(',')?;
    let (_, path) = rest.split_once("\",\"")?;
    Some((path.trim_end_matches('"'), bytes))
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

    #[track_caller]
    fn check(now: &str, what: &str) {
        let before =
            "set,label,path,bytes\ntrain,\"a\",\"a/1.png\",10\nvalid,\"a\",\"a/2.png\",20\n";
        assert_eq!(difference(before, before), None);
        assert_eq!(difference(before, &format!("{HEADER}{now}")).unwrap(), what);
    }

    #[test]
    fn a_change_of_the_items_is_said_in_words() {
        let (one, two) = ("train,\"a\",\"a/1.png\",10\n", "valid,\"a\",\"a/2.png\",20\n");
        check(one, "a/2.png is gone");
        check(&format!("{one}{two}train,\"a\",\"a/3.png\",1\n"), "a/3.png is new");
        check(&format!("{one}valid,\"a\",\"a/2.png\",21\n"), "a/2.png had 20 bytes and has 21");
        check(&format!("{two}{one}"), "they have other labels or are in other sets");
    }
}
