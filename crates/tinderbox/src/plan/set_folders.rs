//! What the name of a folder says about sets: `train`, `Validation`, `seg_test`, `fold1`.

use tinderbox_data::split::SetWord;

/// What is written around the name of a set: `seg_train`, `images_val`, `train_texts`.
const AROUND: [&str; 29] = [
    "clean", "data", "dataset", "ds", "files", "final", "folder", "image", "images", "img", "imgs",
    "new", "original", "photos", "pic", "pics", "picture", "pictures", "raw", "resized", "sample",
    "samples", "seg", "set", "sets", "small", "split", "text", "texts",
];

/// What parts of data are called that may train or validate: `fold1`, `split_b`.
const PARTS: [&str; 8] = ["cv", "fold", "kfold", "part", "partition", "set", "split", "subset"];

/// The set that a folder is named after, in any case and usual spelling.
pub(crate) fn set_of(folder: &str) -> Option<SetWord> {
    let words = words(folder);
    let named: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| !is_around(word)).collect();
    match named[..] {
        [word] => SetWord::named(word).or_else(|| glued(word)),
        _ => SetWord::named(&named.concat()),
    }
}

/// Whether a folder's name looks like that of a set, known or not: `train`, `train_a`, `fold1`.
pub(crate) fn looks_like_a_set(folder: &str) -> bool {
    let words = words(folder);
    let names_one = |word: &String| SetWord::named(word).or_else(|| glued(word)).is_some();
    if set_of(folder).is_some() || words.iter().any(names_one) {
        return true;
    }
    let is_mark = |word: &str| word.chars().count() == 1 || is_number(word);
    match &words[..] {
        [part] => {
            let name = part.trim_end_matches(|end: char| end.is_ascii_digit());
            name != part && PARTS.contains(&name)
        }
        [part, mark] => PARTS.contains(&part.as_str()) && is_mark(mark),
        _ => false,
    }
}

/// The words of a name in lower case: `["seg", "train"]` of `seg_train`.
fn words(folder: &str) -> Vec<String> {
    let name = folder.to_lowercase();
    let words = name.split(|between: char| !between.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_around(word: &str) -> bool {
    AROUND.contains(&word) || is_number(word)
}

fn is_number(word: &str) -> bool {
    word.chars().all(|char| char.is_ascii_digit())
}

/// The set that a word names together with what is around it: `trainset`, `imagesval`, `train2017`.
fn glued(word: &str) -> Option<SetWord> {
    let word = word.trim_end_matches(|end: char| end.is_ascii_digit());
    let whole = [Some(word), word.strip_suffix('s')];
    let parts =
        AROUND.iter().flat_map(|around| [word.strip_suffix(around), word.strip_prefix(around)]);
    let long_enough = |word: &&str| word.len() > 2;
    whole.into_iter().chain(parts).flatten().filter(long_enough).find_map(SetWord::named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_known_by_the_names_that_people_give_them() {
        use SetWord::{Test, Training, Validation};
        let known = [
            ("train", Training),
            ("Training", Training),
            ("TRAIN_SET", Training),
            ("seg_train", Training),
            ("trainset", Training),
            ("training-data", Training),
            ("train2017", Training),
            ("images_train", Training),
            ("1 train", Training),
            ("trn", Training),
            ("val", Validation),
            ("Validation", Validation),
            ("validation set", Validation),
            ("ValidSet", Validation),
            ("dev", Validation),
            ("val2017", Validation),
            ("test", Test),
            ("Testing_Set", Test),
            ("seg_test", Test),
            ("test_images", Test),
            ("tests", Test),
            ("test1", Test),
            ("hold-out", Test),
        ];
        for (folder, set) in known {
            assert_eq!(set_of(folder), Some(set), "{folder}");
            assert!(looks_like_a_set(folder), "{folder}");
        }
    }

    #[test]
    fn other_names_are_of_no_set() {
        for folder in
            ["cat", "images", "set", "contest", "trainer", "vale", "2019", "", "n01440764"]
        {
            assert_eq!(set_of(folder), None, "{folder}");
            assert!(!looks_like_a_set(folder), "{folder}");
        }
    }

    #[test]
    fn what_may_be_a_set_is_doubted() {
        for folder in ["fold1", "fold_2", "split-a", "train_a", "part 3", "train_old", "cv0"] {
            assert_eq!(set_of(folder), None, "{folder}");
            assert!(looks_like_a_set(folder), "{folder}");
        }
    }
}
