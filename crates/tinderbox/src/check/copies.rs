//! Items that are there more than once: within a class, across classes, across the sets.

use std::collections::BTreeMap;

use tinderbox_data::{DataBunch, batch::Set};

use super::{
    Kind, Severity,
    finding::{Finding, Place, count},
};

/// How items are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// Byte by byte, or word by word.
    Exactly,
    /// To the eye.
    Nearly,
}

/// What copies mean for training: the worst first of a label that is doubtful, a measure that is too
/// good, and an item that counts twice.
///
/// `pairs` are indexes of `places`. A label that is a mask's path is none: `labels` says whether
/// labels can be compared.
pub(super) fn findings(
    places: &[Place],
    pairs: impl IntoIterator<Item = (usize, usize)>,
    same: Same,
    unit: &str,
    labels: bool,
) -> Vec<Finding> {
    let (mut contradicting, mut leaking, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups(places.len(), pairs) {
        let group: Vec<Place> = group.into_iter().map(|index| places[index].clone()).collect();
        let differ =
            |of: fn(&Place) -> Option<&str>| group.iter().any(|place| of(place) != of(&group[0]));
        match () {
            () if labels && differ(|place| place.label.as_deref()) => contradicting.push(group),
            () if differ(|place| place.set) => leaking.push(group),
            () => others.push(group),
        }
    }
    let how = match same {
        Same::Exactly => "the same",
        Same::Nearly => "nearly the same",
    };
    let n = |n| count(n, unit);
    let contradiction = Finding::about(
        Kind::Contradiction,
        contradicting,
        |all| format!("{} are {how} but have different labels", n(all)),
        "keep each once, under the label that is right",
    );
    let leak = Finding::about(
        Kind::Leak,
        leaking,
        |all| {
            format!(
                "{} are {how} in the training set and in the validation set: the metrics will be too good",
                n(all)
            )
        },
        "keep each once, or all of them in one set",
    );
    let (kind, hint) = match same {
        Same::Exactly => (Kind::Copies, "keep each once"),
        Same::Nearly => (Kind::NearCopies, "keep each once; frames of one video belong in one set"),
    };
    let text = |all| format!("{} are {how}, so they count more than once", n(all));
    let copies = Finding::about(kind, others, text, hint);
    [contradiction, leak, copies].into_iter().flatten().collect()
}

/// What training warns of: files that are the same, byte by byte, in both sets or under different
/// labels. What texts have in common is told where they are read.
pub(crate) fn warnings(data: &DataBunch) -> Vec<String> {
    if data.text_input().is_ok() {
        return Vec::new();
    }
    let places = super::places(data);
    let pairs = equal(hashes(data));
    // A table may name one file in several rows.
    let pairs = pairs.into_iter().filter(|&(a, b)| places[a].path != places[b].path);
    let labels = !places.iter().any(Place::has_mask);
    let found = findings(&places, pairs, Same::Exactly, data.unit(), labels);
    let worst = found.into_iter().filter(|finding| finding.severity == Severity::Warning);
    let told = worst.map(|Finding { text, places, .. }| {
        let first: Vec<&str> = places[0].iter().map(|place| place.path.as_str()).collect();
        format!("{text}, such as {}; `tinderbox check` lists them", first.join(" and "))
    });
    told.collect()
}

/// The hashes of the items' bytes, in the order of [`places`](super::places): they were made as the data
/// was read.
pub(super) fn hashes(data: &DataBunch) -> Vec<Option<u64>> {
    let train = (0..data.n_train()).map(|index| data.fingerprint(Set::Train, index));
    let valid = (0..data.n_valid()).map(|index| data.fingerprint(Set::Valid, index));
    train.chain(valid).map(|fingerprint| fingerprint.input).collect()
}

/// What is connected by pairs, each group in order.
fn groups(n: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    fn root(parents: &mut [usize], mut at: usize) -> usize {
        while parents[at] != at {
            parents[at] = parents[parents[at]];
            at = parents[at];
        }
        at
    }
    let mut parents: Vec<usize> = (0..n).collect();
    for (first, second) in pairs {
        let (first, second) = (root(&mut parents, first), root(&mut parents, second));
        parents[first.max(second)] = first.min(second);
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..n {
        groups.entry(root(&mut parents, at)).or_default().push(at);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// The pairs of neighbors among items with the same key; items without a key are like no other.
pub(super) fn equal<K: Ord>(keys: impl IntoIterator<Item = Option<K>>) -> Vec<(usize, usize)> {
    let mut last: BTreeMap<K, usize> = BTreeMap::new();
    let mut pairs = Vec::new();
    for (index, key) in keys.into_iter().enumerate() {
        if let Some(before) = key.and_then(|key| last.insert(key, index)) {
            pairs.push((before, index));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_sorted_by_what_they_mean() {
        let place = |path: &str, set, label: &str| Place {
            set: Some(set),
            label: Some(label.into()),
            ..Place::file(path)
        };
        let places = [
            place("1", "training", "cat"),
            place("2", "training", "cat"),
            place("3", "validation", "dog"),
            place("4", "training", "dog"),
            place("5", "training", "cat"),
            place("6", "training", "dog"),
            place("7", "training", "dog"),
        ];
        let keys = ["a", "a", "b", "b", "c", "c", "d"].map(Some);
        let found = |labels| {
            let found = findings(&places, equal(keys), Same::Exactly, "images", labels);
            found.iter().map(|finding| (finding.kind, finding.places.len())).collect::<Vec<_>>()
        };
        assert_eq!(found(true), [(Kind::Contradiction, 1), (Kind::Leak, 1), (Kind::Copies, 1)]);
        assert_eq!(found(false), [(Kind::Leak, 1), (Kind::Copies, 2)]);
    }

    #[test]
    fn what_is_connected_is_one_group() {
        assert_eq!(groups(6, [(0, 3), (4, 5), (3, 1)]), [vec![0, 1, 3], vec![4, 5]]);
        assert_eq!(equal([Some(1), None, Some(1), None, Some(1)]), [(0, 2), (2, 4)]);
    }
}
