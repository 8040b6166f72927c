//! What the values in masks stand for: decided from the file of classes and a look at some masks.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tinderbox_data::{MaskValues, image::MaskInfo};

use super::{Pairs, classes::Classes};

/// This many masks, spread over all, are looked into; the others are taken to be like them, and
/// checked before training.
const SAMPLE: usize = 64;

/// What the values stand for, with a sentence for people where it is not plain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) values: MaskValues,
    pub(super) shown: Option<[String; 2]>,
}

/// What is in some of the masks.
pub(super) fn sample(masks: &[&Path]) -> Vec<MaskInfo> {
    let every = masks.len().div_ceil(SAMPLE).max(1);
    look(&masks.iter().step_by(every).copied().collect::<Vec<_>>())
}

/// Whether masks have colors of their own, and no values.
pub(super) fn are_colored(infos: &[MaskInfo]) -> bool {
    infos.iter().any(|info| info.values.is_empty() && !info.colors.is_empty())
}

/// Decides what the values of masks stand for, of which some were looked into. The value of pixels
/// without a class is `void`.
pub(super) fn meaning(
    classes: &Classes,
    masks: &[&Path],
    mut infos: Vec<MaskInfo>,
    void: Option<u16>,
) -> Meaning {
    let is_empty = |info: &MaskInfo| used(std::slice::from_ref(info), void).len() < 2;
    // Where most masks have nothing in them, the others say what something is.
    if classes.names.len() == 2 && infos.iter().all(is_empty) {
        let found = masks.iter().filter_map(|mask| MaskInfo::read(mask).ok());
        infos.extend(found.into_iter().find(|info| !is_empty(info)));
    }
    of_infos(classes, &infos, void)
}

/// What the values of other masks stand for, which a finished model is measured on: 0 and another
/// value are told anew, as they are in training.
pub(super) fn again(
    classes: &[String],
    values: &MaskValues,
    void: Option<u16>,
    pairs: &Pairs,
) -> MaskValues {
    let was_told = match values {
        MaskValues::Codes => true,
        MaskValues::Values(values) => matches!(values[..], [(0, 0), (_, 1), ..]),
        MaskValues::Colors(_) => false,
    };
    if classes.len() != 2 || !was_told {
        return values.clone();
    }
    let (names, file) = (classes.to_vec(), PathBuf::new());
    let classes = Classes { file, names, values: None, colors: None, doubts: Vec::new() };
    let masks: Vec<&Path> = pairs.masks.values().map(PathBuf::as_path).collect();
    meaning(&classes, &masks, sample(&masks), void).values
}

/// The value of each class, where they are not the classes' numbers.
pub(super) fn listed(values: &MaskValues) -> Option<Vec<u16>> {
    match values {
        MaskValues::Values(values) => Some(values.iter().map(|(value, _)| *value).collect()),
        MaskValues::Codes | MaskValues::Colors(_) => None,
    }
}

/// The rules, of which the first that holds decides.
fn of_infos(classes: &Classes, infos: &[MaskInfo], void: Option<u16>) -> Meaning {
    let Classes { names, values, colors, .. } = classes;
    let n = names.len();
    let codes = || (0..n).map(|code| code as u16);
    let used = used(infos, void);
    // Shades of gray are values, whatever order they are listed in.
    let are_gray = infos.iter().all(|info| info.colors.is_empty());
    let shades: Option<Vec<u16>> = colors.iter().flatten().copied().map(shade).collect();
    let shades =
        shades.filter(|shades| are_gray && used.iter().all(|value| shades.contains(value)));
    if let Some(shades) =
        shades.filter(|shades| !shades.is_empty() && !shades.iter().copied().eq(codes()))
    {
        return Meaning::of_values(names, &shades, "as the file of classes lists their colors");
    }
    if let Some(colors) = colors.as_ref().filter(|colors| are_colors(infos, colors, n, void)) {
        let shown = [format!("{n} colors"), "as the file of classes lists them".into()];
        let values = MaskValues::Colors(colors.iter().copied().zip(codes()).collect());
        return Meaning { values, shown: Some(shown) };
    }
    if let Some(values) = values {
        return Meaning::of_values(names, values, "as the file of classes lists them");
    }
    let used: Vec<u16> = used.into_iter().collect();
    if let (2, [0, other]) = (n, &used[..])
        && *other > 1
    {
        return Meaning::of_values(names, &[0, *other], "the masks have these two values only");
    }
    Meaning { values: MaskValues::Codes, shown: None }
}

impl Meaning {
    /// Of values that are not codes.
    fn of_values(names: &[String], values: &[u16], because: &str) -> Self {
        const SHOWN: usize = 12;
        let one = |(name, value): (&String, &u16)| format!("{value} {name}");
        let shown: Vec<String> = names.iter().zip(values).take(SHOWN).map(one).collect();
        let more = if names.len() > SHOWN { ", …" } else { "" };
        Self {
            values: MaskValues::Values(values.iter().copied().zip(0..).collect()),
            shown: Some([shown.join(", ") + more, because.to_owned()]),
        }
    }
}

/// All values but that of pixels without a class.
fn used(infos: &[MaskInfo], void: Option<u16>) -> BTreeSet<u16> {
    let values = infos.iter().flat_map(|info| info.values.keys().copied());
    values.filter(|value| Some(*value) != void).collect()
}

/// Whether masks say classes by these colors: by pixels of their own, by a palette's entries, or by
/// shades of gray that are no codes.
fn are_colors(infos: &[MaskInfo], table: &[[u8; 3]], n: usize, void: Option<u16>) -> bool {
    let in_table = |color: &[u8; 3]| table.contains(color) || is_gray(*color, void);
    let is_code = |value: &u16| usize::from(*value) < n || Some(*value) == void;
    let shade = |value: &u16| u8::try_from(*value).is_ok_and(|value| in_table(&[value; 3]));
    let fits = |info: &MaskInfo| match info.colors.is_empty() {
        true => info.values.keys().all(shade),
        false => info.colors.keys().all(in_table),
    };
    let of_palettes = infos.iter().any(|info| !info.colors.is_empty());
    let are_codes = infos.iter().all(|info| info.values.keys().all(is_code));
    are_colored(infos) || infos.iter().all(fits) && (of_palettes || !are_codes)
}

/// The value of a gray color.
fn shade([red, green, blue]: [u8; 3]) -> Option<u16> {
    (red == green && green == blue).then_some(red.into())
}

fn is_gray(color: [u8; 3], value: Option<u16>) -> bool {
    value.is_some_and(|value| color.into_iter().all(|channel| u16::from(channel) == value))
}

/// What is in some masks; broken ones are reported before training.
fn look(masks: &[&Path]) -> Vec<MaskInfo> {
    const THREADS: usize = 4;
    let (next, infos) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(mask) = masks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Ok(info) = MaskInfo::read(mask) {
                infos.lock().unwrap_or_else(PoisonError::into_inner).push(info);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    infos.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn classes(values: Option<&[u16]>, colors: Option<&[[u8; 3]]>) -> Classes {
        Classes {
            file: "codes.txt".into(),
            names: vec!["sea".into(), "land".into()],
            values: values.map(<[u16]>::to_vec),
            colors: colors.map(<[[u8; 3]]>::to_vec),
            doubts: Vec::new(),
        }
    }

    fn gray(values: &[u16]) -> MaskInfo {
        MaskInfo { values: values.iter().map(|value| (*value, 1)).collect(), ..MaskInfo::default() }
    }

    fn palette(entries: &[(u16, [u8; 3])]) -> MaskInfo {
        MaskInfo {
            values: entries.iter().map(|(entry, _)| (*entry, 1)).collect(),
            colors: entries.iter().map(|(_, color)| (*color, 1)).collect(),
            ..MaskInfo::default()
        }
    }

    #[track_caller]
    fn check(classes: &Classes, infos: &[MaskInfo], void: Option<u16>, want: &MaskValues) {
        assert_eq!(of_infos(classes, infos, void).values, *want);
    }

    #[test]
    fn zero_and_another_value_are_two_classes() {
        let plain = classes(None, None);
        let two = |value| MaskValues::Values(vec![(0, 0), (value, 1)]);
        check(&plain, &[gray(&[0]), gray(&[0, 255])], None, &two(255));
        check(&plain, &[gray(&[0, 65535])], None, &two(65535));
        check(&plain, &[gray(&[0, 128, 255])], Some(255), &two(128));
        let codes = MaskValues::Codes;
        check(&plain, &[gray(&[0, 255])], Some(255), &codes);
        check(&plain, &[gray(&[0, 1])], None, &codes);
        check(&plain, &[gray(&[0, 1, 255])], None, &codes);
        check(&plain, &[gray(&[1, 2])], None, &codes);
        let shown = of_infos(&plain, &[gray(&[0, 255])], None).shown.unwrap();
        assert_eq!(shown, ["0 sea, 255 land", "the masks have these two values only"]);
    }

    #[test]
    fn a_table_of_colors_is_used_where_masks_have_them() {
        let (blue, green) = ([0, 0, 255], [0, 255, 0]);
        let table = classes(None, Some(&[blue, green]));
        let colors = MaskValues::Colors(vec![(blue, 0), (green, 1)]);
        let own = MaskInfo { colors: BTreeMap::from([(blue, 1)]), ..MaskInfo::default() };
        check(&table, &[own], None, &colors);
        check(&table, &[palette(&[(9, green)])], None, &colors);
        check(&table, &[gray(&[0, 1])], None, &MaskValues::Codes);
        check(&table, &[palette(&[(0, [1; 3])])], None, &MaskValues::Codes);
        let shades = classes(None, Some(&[[0; 3], [255; 3]]));
        check(&shades, &[gray(&[0, 255])], None, &MaskValues::Values(vec![(0, 0), (255, 1)]));
        let backwards = classes(None, Some(&[[1; 3], [0; 3]]));
        check(&backwards, &[gray(&[0, 1])], None, &MaskValues::Values(vec![(1, 0), (0, 1)]));
        check(&shades, &[gray(&[0, 1])], None, &MaskValues::Codes);
    }

    #[test]
    fn listed_values_are_taken() {
        let listed = classes(Some(&[7, 26]), None);
        check(&listed, &[gray(&[7])], None, &MaskValues::Values(vec![(7, 0), (26, 1)]));
    }
}
