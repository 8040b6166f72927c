//! A closer look at masks: which values occur, and how often.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tinderbox_data::{error::BadFile, image::MaskInfo};

use super::{
    Examined,
    finding::{Finding, Place},
};
use crate::LeftOut;

/// This many values, the most frequent, are told.
const SHOWN: usize = 12;

/// Looks at the masks of images, which are the images' labels; `classes` are the values' names.
pub(crate) fn examine(places: &[Place], classes: &[String]) -> Examined {
    let masks: Vec<&str> = places.iter().filter_map(|place| place.label.as_deref()).collect();
    let infos: Vec<Result<MaskInfo, BadFile>> = masks
        .par_iter()
        .map(|mask| MaskInfo::read(mask).map_err(|error| BadFile::new(*mask, &error)))
        .collect();
    let broken: Vec<LeftOut> =
        infos.iter().filter_map(|info| Some(LeftOut::of(info.as_ref().err()?))).collect();
    let mut findings = Vec::new();
    if !broken.is_empty() {
        findings.push(Finding::unreadable(broken, "masks", masks.len()));
    }
    // Pixels, and masks that have some.
    let mut values: BTreeMap<u16, (u64, usize)> = BTreeMap::new();
    for (value, n) in infos.iter().flatten().flat_map(|info| &info.values) {
        let (pixels, masks) = values.entry(*value).or_default();
        *pixels += n;
        *masks += 1;
    }
    Examined { facts: in_words(&values, classes).into_iter().collect(), findings, header: None }
}

/// `mask values: 0 sky 60.1 % (in 12 masks), …`, the most frequent first.
fn in_words(values: &BTreeMap<u16, (u64, usize)>, classes: &[String]) -> Option<String> {
    let all: u64 = values.values().map(|(pixels, _)| pixels).sum();
    let mut sorted: Vec<_> = values.iter().collect();
    sorted.sort_by_key(|(_, (pixels, _))| std::cmp::Reverse(*pixels));
    let shown = sorted.iter().take(SHOWN).map(|(value, (pixels, masks))| {
        let class =
            classes.get(usize::from(**value)).map_or_else(String::new, |name| format!(" {name}"));
        let share = *pixels as f64 / all as f64 * 100.0;
        format!("{value}{class} {share:.1} % (in {masks} masks)")
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    Some(match sorted.len() {
        0 => return None,
        n if n > SHOWN => format!("mask values: {shown} and {} more", n - SHOWN),
        _ => format!("mask values: {shown}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_by_how_often_they_occur() {
        let values = [(0, (10, 2)), (1, (30, 1)), (255, (0, 1))].into();
        let classes = ["sky".to_owned(), "road".to_owned()];
        assert_eq!(
            in_words(&values, &classes).unwrap(),
            "mask values: 1 road 75.0 % (in 1 masks), 0 sky 25.0 % (in 2 masks), 255 0.0 % (in 1 masks)"
        );
        assert_eq!(in_words(&BTreeMap::new(), &classes), None);
    }
}
