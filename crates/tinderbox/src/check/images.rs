//! A closer look at images: sizes, copies, brightness.

use std::{
    collections::HashSet,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use rayon::prelude::*;
use tinderbox_data::{
    ConvertMode, DataBunch, ImageItems, ImageKind, ItemKind, SavedInput, error::BadFile,
    hash_of_file, image::Likeness,
};

use super::{
    Examined, Kind,
    copies::{self, Same},
    finding::{Finding, Place, are, count},
};
use crate::{Event, Job, LeftOut, Result, Sources};

/// What a look into an image's file gave.
struct Seen {
    /// Height and width, upright.
    size: [usize; 2],
    /// Of the file's bytes.
    hash: Option<u64>,
    likeness: Option<Likeness>,
}

/// Looks at the images of both sets, opened as training opens them.
pub(crate) fn of(data: &DataBunch, job: &Job) -> Examined {
    let kind = match data.inference().saved_input() {
        SavedInput::Image(kind) => *kind,
        _ => ImageKind::default(),
    };
    let hashes = copies::hashes(data);
    examine(&super::places(data), &|index| hashes[index], kind, job)
}

/// Looks at images, whose files' bytes have these hashes; a label of theirs that is a file, as a mask is,
/// is not compared.
fn examine(
    places: &[Place],
    hash: &(dyn Fn(usize) -> Option<u64> + Sync),
    kind: ImageKind,
    job: &Job,
) -> Examined {
    let done = AtomicUsize::new(0);
    let seen: Vec<Result<Seen, BadFile>> = places
        .par_iter()
        .enumerate()
        .map(|(index, place)| {
            let seen = look(Path::new(&place.path), hash(index), kind);
            let seen = seen.map_err(|error| BadFile::new(place.path.clone(), &error));
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(64) || done == places.len() {
                job.tell(Event::Checking { done, total: places.len() });
            }
            seen
        })
        .collect();
    let mut findings = Vec::new();
    let broken: Vec<LeftOut> =
        seen.iter().filter_map(|seen| Some(LeftOut::of(seen.as_ref().err()?))).collect();
    if !broken.is_empty() {
        findings.push(Finding::unreadable(broken, "images", places.len()));
    }
    let seen: Vec<Option<Seen>> = seen.into_iter().map(Result::ok).collect();
    findings.extend(twice(places, &seen));
    let sizes: Vec<(&Place, [usize; 2])> = places
        .iter()
        .zip(&seen)
        .filter_map(|(place, seen)| Some((place, seen.as_ref()?.size)))
        .collect();
    findings.extend(small(&sizes));
    findings.extend(long(&sizes));
    Examined { facts: range(&sizes).into_iter().collect(), findings, header: None }
}

/// Looks at whatever images lie in the sources, in no set, with the folders that they lie in as
/// labels: for data that training refuses.
pub(crate) fn below(data: &Sources, job: &Job) -> Examined {
    let mut places = Vec::new();
    // Masks are no images.
    let folders = data.0.iter().filter(|(setting, path)| *setting != "masks" && path.is_dir());
    for (_, folder) in folders {
        // What lists nothing has been told already.
        let Ok(items) = ImageItems::from_folder(folder) else { continue };
        for index in 0..items.len() {
            let path = items.path(index);
            let label = path.parent().and_then(Path::file_name);
            places.push(Place {
                label: label.map(|name| name.to_string_lossy().into_owned()),
                ..Place::file(path.display().to_string())
            });
        }
    }
    match places.is_empty() {
        true => Examined::default(),
        false => {
            let hash = |index: usize| hash_of_file(&places[index].path);
            examine(&places, &hash, ImageKind::default(), job)
        }
    }
}

fn look(path: &Path, hash: Option<u64>, kind: ImageKind) -> tinderbox_data::Result<Seen> {
    // Colors say nothing about copies.
    let pixels = ImageKind { mode: ConvertMode::L, ..kind }.open(path)?;
    Ok(Seen { size: pixels.full_size, hash, likeness: Likeness::of(&pixels) })
}

/// The same image in several places.
fn twice(places: &[Place], seen: &[Option<Seen>]) -> Vec<Finding> {
    let labels = !places.iter().any(Place::has_mask);
    // A table may name one file in several rows, which is no copy.
    let same_file = |first: usize, second: usize| places[first].path == places[second].path;
    let exact: Vec<(usize, usize)> = copies::equal(seen.iter().map(|seen| seen.as_ref()?.hash));
    // Of the same files, one is compared.
    let again: HashSet<usize> = exact.iter().map(|(_, second)| *second).collect();
    let look = |(index, seen): (usize, &Option<Seen>)| {
        seen.as_ref().filter(|_| !again.contains(&index))?.likeness.clone()
    };
    let looks: Vec<Option<Likeness>> = seen.iter().enumerate().map(look).collect();
    let near = Likeness::pairs(&looks).into_iter().map(|pair| (pair.first, pair.second));
    let exact = exact.into_iter().filter(|&(first, second)| !same_file(first, second));
    let mut findings = copies::findings(places, exact, Same::Exactly, "images", labels);
    findings.extend(copies::findings(places, near, Same::Nearly, "images", labels));
    findings
}

/// The middle of some numbers.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Images whose shorter side is this many times smaller than that of half the images.
const SMALL: f64 = 6.0;

fn small(sizes: &[(&Place, [usize; 2])]) -> Option<Finding> {
    let side = |size: &[usize; 2]| size[0].min(size[1]) as f64;
    let median = median(sizes.iter().map(|(_, size)| side(size)))?;
    let small = sizes
        .iter()
        .filter(|(_, size)| side(size) * SMALL < median)
        .map(|(place, size)| vec![(*place).clone().with_note(pixels(*size))])
        .collect();
    let text = |n| {
        format!(
            "{} {} much smaller than the others, whose shorter side is about {median} px",
            count(n, "images"),
            are(n)
        )
    };
    let hint = "are they thumbnails or icons? If so, remove them";
    Finding::about(Kind::Small, small, text, hint)
}

/// A longer side of more than so many times the shorter one is unusual, unless half of the images
/// come near it.
const LONG: f64 = 4.0;

fn long(sizes: &[(&Place, [usize; 2])]) -> Option<Finding> {
    let ratio = |size: &[usize; 2]| size[0].max(size[1]) as f64 / size[0].min(size[1]) as f64;
    let median = median(sizes.iter().map(|(_, size)| ratio(size)))?;
    let long = sizes
        .iter()
        .filter(|(_, size)| ratio(size) > LONG.max(median * 2.0))
        .map(|(place, size)| vec![(*place).clone().with_note(pixels(*size))])
        .collect();
    let text = |n| format!("{} {} very long or very high", count(n, "images"), are(n));
    let hint = "training crops or squeezes them to a square: do they show what the others show?";
    Finding::about(Kind::Aspect, long, text, hint)
}

/// From the smallest to the largest.
fn range(sizes: &[(&Place, [usize; 2])]) -> Option<String> {
    let area = |size: &&[usize; 2]| size[0] * size[1];
    let smallest = sizes.iter().map(|(_, size)| size).min_by_key(area)?;
    let largest = sizes.iter().map(|(_, size)| size).max_by_key(area)?;
    Some(match smallest == largest {
        true => format!("size: {}", pixels(*smallest)),
        false => format!("sizes: {} to {}", pixels(*smallest), pixels(*largest)),
    })
}

/// Width and height, as people say it.
fn pixels([height, width]: [usize; 2]) -> String {
    format!("{width}×{height} px")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_sizes_are_few_and_far_from_the_others() {
        let place = Place::file("1.png");
        let sizes =
            |sizes: &[[usize; 2]]| -> Vec<_> { sizes.iter().map(|&s| (&place, s)).collect() };
        let usual = vec![[300, 400]; 9];
        let with = |size| sizes(&[&usual[..], &[size]].concat());
        assert!(small(&with([49, 400])).is_some() && small(&with([51, 80])).is_none());
        assert!(long(&with([100, 401])).is_some() && long(&with([100, 399])).is_none());
        assert!(long(&sizes(&[[100, 500]; 3])).is_none(), "all of them are long");
        assert_eq!(range(&with([32, 48])).unwrap(), "sizes: 48×32 px to 400×300 px");
        assert_eq!(range(&sizes(&usual)).unwrap(), "size: 400×300 px");
        assert_eq!((range(&[]), median([].into_iter())), (None, None));
    }
}
