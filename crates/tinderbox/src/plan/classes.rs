//! How many items there are of each class, told before anything is trained.

use std::collections::BTreeMap;

use tinderbox_data::{ItemKind, Labelled, TargetKind, label::LabelledPart, visible};

use super::Choices;

/// With fewer training items, little of a class can be learned.
const FEW: usize = 5;

/// A class this many times as frequent as another one makes training ignore that one.
const IMBALANCE: usize = 10;

/// How many items of a class train and validate.
struct Count<'a> {
    class: &'a str,
    train: usize,
    valid: usize,
}

/// Tells the number of classes, their names and how many items of each train and validate, and warns
/// where that is not enough.
///
/// `remedy` is what helps against class imbalance, if it is not in use.
pub(crate) fn tell<K: ItemKind>(
    data: &Labelled<K>,
    because: &str,
    remedy: Option<&str>,
    choices: &mut Choices,
) {
    let counts = counts(data);
    let unit = data.train.items.kind().unit();
    let validates = !data.valid.items.is_empty();
    let meaning = match validates {
        true => format!("training + validation {unit}; {because}"),
        false => format!("training {unit}; {because}"),
    };
    choices.tell("classes", shown(&counts, validates), meaning);
    let named = |is: &dyn Fn(&Count<'_>) -> bool| {
        let counts = counts.iter().filter(|count| is(count));
        counts.map(|count| count.class).collect::<Vec<_>>()
    };
    let untested = named(&|count| count.valid == 0);
    if validates && !untested.is_empty() {
        let classes = listed(&untested);
        choices.warn(format!(
            "classes without validation {unit}: {classes}; how well they are predicted is not measured"
        ));
    }
    let few = named(&|count| count.train < FEW);
    if !few.is_empty() {
        choices.warn(format!("classes with fewer than {FEW} training {unit}: {}", listed(&few)));
    }
    let by_number = |count: &&Count<'_>| count.train;
    let (Some(most), Some(least)) =
        (counts.iter().max_by_key(by_number), counts.iter().min_by_key(by_number))
    else {
        return;
    };
    if let (Some(remedy), true) = (remedy, most.train >= IMBALANCE * least.train.max(1)) {
        choices.warn(format!(
            "class imbalance: `{}` has {} training {unit}, `{}` {}; {remedy}",
            most.class, most.train, least.class, least.train
        ));
    }
}

fn counts<K: ItemKind>(data: &Labelled<K>) -> Vec<Count<'_>> {
    let several = matches!(data.target, TargetKind::MultiCategory { .. });
    let of = |part: &LabelledPart<K>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for label in (0..part.items.len()).map(|index| part.labels.text(index)) {
            for class in label.split(|char| several && char == ';') {
                *counts.entry(class.to_owned()).or_default() += 1;
            }
        }
        counts
    };
    let (train, valid) = (of(&data.train), of(&data.valid));
    let count = |class: &'_ String| {
        let of = |counts: &BTreeMap<String, usize>| counts.get(class).copied().unwrap_or(0);
        (of(&train), of(&valid))
    };
    data.target
        .classes()
        .iter()
        .map(|class| {
            let (train, valid) = count(class);
            Count { class, train, valid }
        })
        .collect()
}

/// `3: cat 8 + 2, cow 9 + 3, dog 7 + 1`, cut short after a few.
fn shown(counts: &[Count<'_>], validates: bool) -> String {
    const SHOWN: usize = 8;
    let count = |count: &Count<'_>| match validates {
        true => format!("{} {} + {}", visible(count.class), count.train, count.valid),
        false => format!("{} {}", visible(count.class), count.train),
    };
    let first: Vec<String> = counts.iter().take(SHOWN).map(count).collect();
    let more = if counts.len() > SHOWN { ", …" } else { "" };
    format!("{}: {}{more}", counts.len(), first.join(", "))
}

/// The first few of the classes.
fn listed(classes: &[&str]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> =
        classes.iter().take(SHOWN).map(|class| format!("`{}`", visible(class))).collect();
    match classes.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use tinderbox_data::{ImageKind, Items, Label, Split};

    use super::*;

    /// What is told, and what is warned of, for this many training and validation items of classes.
    fn told(classes: &[(&str, usize, usize)]) -> (String, Vec<String>) {
        let labels = |of: fn(&(&str, usize, usize)) -> usize| -> Vec<Label> {
            let repeated = classes
                .iter()
                .flat_map(|class| std::iter::repeat_n(Label::from(class.0), of(class)));
            repeated.collect()
        };
        let (train, valid) = (labels(|class| class.1), labels(|class| class.2));
        let items = |set: &str, n: usize| {
            let paths = (0..n).map(|at| format!("{set}{at}.png").into()).collect();
            Items::new("d", paths, ImageKind::default())
        };
        let split = Split::by_list(items("t", train.len()), items("v", valid.len()));
        let data = split.label_from_lists(&train, &valid).unwrap();
        let mut choices = Choices::default();
        tell(&data, "as said", Some("even them out"), &mut choices);
        (choices.told.remove(0).value, choices.warnings)
    }

    #[test]
    fn classes_are_told_with_their_numbers() {
        let (value, warnings) = told(&[("cat", 8, 2), ("dog", 7, 3)]);
        assert_eq!((value.as_str(), &warnings[..]), ("2: cat 8 + 2, dog 7 + 3", &[][..]));
        let (value, _) = told(&[("cat", 8, 0), ("dog", 7, 0)]);
        assert_eq!(value, "2: cat 8, dog 7");
        let names: Vec<String> = (0..9).map(|n| format!("c{n}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), 5, 1)).collect();
        let (value, _) = told(&many);
        assert!(value.starts_with("9: c0 5 + 1, ") && value.ends_with("c7 5 + 1, …"), "{value}");
    }

    #[test]
    fn classes_that_cannot_be_learned_or_measured_are_warned_of() {
        let (_, warnings) = told(&[("cat", 16, 4), ("dog", 3, 0)]);
        assert_eq!(
            warnings,
            [
                "classes without validation images: `dog`; how well they are predicted is not measured",
                "classes with fewer than 5 training images: `dog`"
            ]
        );
        let (_, warnings) = told(&[("cat", 60, 4), ("dog", 6, 1)]);
        assert_eq!(
            warnings,
            ["class imbalance: `cat` has 60 training images, `dog` 6; even them out"]
        );
    }
}
