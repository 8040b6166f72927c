//! Damage as text: for settings, for model files, for people.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Crappifier, Damage};
use crate::{Error, Result};

/// How a step is written, and what its numbers may be.
struct Form {
    name: &'static str,
    takes: Takes,
    make: fn([f64; 2]) -> Damage,
}

/// The numbers after a step's name.
enum Takes {
    Nothing,
    /// One, or two that one is drawn between.
    Number {
        /// What it is, after "expected".
        what: &'static str,
        limits: [f64; 2],
        whole: bool,
        /// If none is written.
        usual: [f64; 2],
    },
}

const fn number(what: &'static str, limits: [f64; 2], usual: [f64; 2]) -> Takes {
    Takes::Number { what, limits, whole: false, usual }
}

const fn whole(what: &'static str, limits: [f64; 2], usual: [f64; 2]) -> Takes {
    Takes::Number { what, limits, whole: true, usual }
}

const FACTOR: &str = "a factor";
const COUNT: &str = "a number of them";
const DEVIATION: &str = "a standard deviation, of 255,";

const FORMS: [Form; 13] = [
    Form {
        name: "side",
        takes: whole("a number of pixels", [1.0, 65_535.0], [96.0, 96.0]),
        make: |[side, _]| Damage::Side(side as usize),
    },
    Form {
        name: "shrink",
        takes: number(FACTOR, [1.0, 64.0], [2.0, 4.0]),
        make: |[low, high]| Damage::Shrink(low..=high),
    },
    Form {
        name: "rescale",
        takes: number(FACTOR, [1.0, 64.0], [2.0, 4.0]),
        make: |[low, high]| Damage::Rescale(low..=high),
    },
    Form {
        name: "blur",
        takes: number("a standard deviation in pixels", [0.0, 50.0], [0.5, 2.0]),
        make: |[low, high]| Damage::Blur(low..=high),
    },
    Form {
        name: "noise",
        takes: number(DEVIATION, [0.0, 255.0], [5.0, 25.0]),
        make: |[low, high]| Damage::Noise(low..=high),
    },
    Form {
        name: "grain",
        takes: number(DEVIATION, [0.0, 255.0], [5.0, 25.0]),
        make: |[low, high]| Damage::Grain(low..=high),
    },
    Form { name: "gray", takes: Takes::Nothing, make: |_| Damage::Gray },
    Form {
        name: "sepia",
        takes: number("a strength", [0.0, 1.0], [0.0, 1.0]),
        make: |[low, high]| Damage::Sepia(low..=high),
    },
    Form {
        name: "boxes",
        takes: whole(COUNT, [0.0, 1000.0], [1.0, 3.0]),
        make: |[low, high]| Damage::Boxes(low as usize..=high as usize),
    },
    Form {
        name: "dust",
        takes: whole(COUNT, [0.0, 1000.0], [5.0, 40.0]),
        make: |[low, high]| Damage::Dust(low as usize..=high as usize),
    },
    Form {
        name: "scratches",
        takes: whole(COUNT, [0.0, 1000.0], [1.0, 4.0]),
        make: |[low, high]| Damage::Scratches(low as usize..=high as usize),
    },
    Form { name: "number", takes: Takes::Nothing, make: |_| Damage::Number },
    Form {
        name: "jpeg",
        takes: whole("a quality", [1.0, 100.0], [30.0, 90.0]),
        make: |[low, high]| Damage::Jpeg(low as u8..=high as u8),
    },
];

/// What copies of a folder are made like, by name: the lesson's three, at two sizes, and old photographs.
pub const SETS: [(&str, &str); 5] = [
    ("restore", "side 96, number, jpeg 10..70"),
    ("superres-96", "side 96, jpeg 60"),
    ("superres-256", "side 256, jpeg 60"),
    ("gray", "gray"),
    ("old-photo", "old-photo"),
];

/// The damage of one of the [`SETS`], or of steps.
///
/// # Errors
/// [`Error::UnknownDamage`], [`Error::DamageValue`], [`Error::NoDamage`].
pub fn set_or_steps(text: &str) -> Result<Crappifier> {
    match SETS.iter().find(|(name, _)| *name == text.trim()) {
        Some((_, steps)) => steps.parse(),
        None => text.parse().map_err(|error| match error {
            Error::UnknownDamage { step, known } => {
                let sets = SETS.iter().map(|set| set.0).filter(|set| !known.contains(set));
                Error::UnknownDamage { step, known: known.iter().copied().chain(sets).collect() }
            }
            other => other,
        }),
    }
}

/// Words that stand for several steps.
const SHORT: [&str; 3] = ["restore", "superres", "old-photo"];

fn short(word: &str) -> Option<Crappifier> {
    match word {
        "restore" => Some(Crappifier::restore()),
        "superres" => Some(Crappifier::super_resolve(4)),
        "old-photo" => Some(Crappifier::old_photo()),
        _ => None,
    }
}

impl Form {
    fn named(name: &str) -> Option<&'static Self> {
        FORMS.iter().find(|form| form.name == name)
    }

    /// Makes sure that a step's numbers are what it takes. `written` is what is shown if they are not.
    fn check(&self, given: [f64; 2], written: &str) -> Result<()> {
        let Takes::Number { what, limits: [least, most], whole, .. } = self.takes else {
            return Ok(());
        };
        let fits =
            |number: f64| (least..=most).contains(&number) && !(whole && number.fract() != 0.0);
        match given.iter().all(|number| fits(*number)) && given[0] <= given[1] {
            true => Ok(()),
            false => Err(Error::DamageValue {
                step: self.name,
                value: written.to_owned(),
                expected: format!("{what} from {least} to {most}"),
            }),
        }
    }
}

/// A step as it is usually written: `jpeg 30..90`.
pub(crate) fn usual(step: &str) -> String {
    step.parse::<Damage>().map_or_else(|_| step.to_owned(), |damage| damage.to_string())
}

/// A step: its name, and a number or a range.
impl FromStr for Damage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let value = value.trim();
        let unknown = || Error::UnknownDamage {
            step: name.to_owned(),
            known: FORMS.iter().map(|form| form.name).chain(SHORT).collect(),
        };
        let form = Form::named(name).ok_or_else(unknown)?;
        let wrong = |expected: &str| Error::DamageValue {
            step: form.name,
            value: value.to_owned(),
            expected: expected.to_owned(),
        };
        let given = match (&form.takes, value) {
            (Takes::Nothing, "") => [0.0; 2],
            (Takes::Nothing, _) => return Err(wrong("no number")),
            (Takes::Number { usual, .. }, "") => *usual,
            (Takes::Number { what, limits: [least, most], .. }, value) => {
                let number = |text: &str| text.trim().parse::<f64>().ok();
                let (low, high) = value.split_once("..").unwrap_or((value, value));
                match (number(low), number(high.trim_start_matches('='))) {
                    (Some(low), Some(high)) => [low, high],
                    _ => return Err(wrong(&format!("{what} from {least} to {most}"))),
                }
            }
        };
        form.check(given, value)?;
        if matches!(form.name, "side") && given[0] != given[1] {
            return Err(wrong("one number"));
        }
        Ok((form.make)(given))
    }
}

impl Damage {
    /// Its name in text, and the ends of the range that its number is drawn from.
    fn written(&self) -> (&'static str, Option<[f64; 2]>) {
        let counts = |n: &RangeInclusive<usize>| Some([*n.start() as f64, *n.end() as f64]);
        let ends = |range: &RangeInclusive<f64>| Some([*range.start(), *range.end()]);
        match self {
            Self::Side(side) => ("side", Some([*side as f64; 2])),
            Self::Shrink(range) => ("shrink", ends(range)),
            Self::Rescale(range) => ("rescale", ends(range)),
            Self::Blur(range) => ("blur", ends(range)),
            Self::Noise(range) => ("noise", ends(range)),
            Self::Grain(range) => ("grain", ends(range)),
            Self::Gray => ("gray", None),
            Self::Sepia(range) => ("sepia", ends(range)),
            Self::Boxes(n) => ("boxes", counts(n)),
            Self::Dust(n) => ("dust", counts(n)),
            Self::Scratches(n) => ("scratches", counts(n)),
            Self::Number => ("number", None),
            Self::Jpeg(range) => {
                ("jpeg", Some([f64::from(*range.start()), f64::from(*range.end())]))
            }
        }
    }

    /// What it does, for people.
    fn describe(&self) -> String {
        let (_, ends) = self.written();
        let span = ends.map_or_else(String::new, |ends| span(ends, " to "));
        match self {
            Self::Side(_) => format!("resized to a shorter side of {span} pixels"),
            Self::Shrink(_) => format!("made {span} times smaller"),
            Self::Rescale(_) => format!("made {span} times smaller and scaled up again"),
            Self::Blur(_) => format!("blur of {span} pixels"),
            Self::Noise(_) => format!("noise of strength {span}"),
            Self::Grain(_) => format!("grain of strength {span}"),
            Self::Gray => "made gray".into(),
            Self::Sepia(_) => format!("sepia of strength {span}"),
            Self::Boxes(_) => format!("{span} black boxes"),
            Self::Dust(_) => format!("{span} specks of dust"),
            Self::Scratches(_) => format!("{span} scratches"),
            Self::Number => "a number written on it".into(),
            Self::Jpeg(_) => format!("JPEG of quality {span}"),
        }
    }
}

/// One number, or the two ends of a range.
fn span([low, high]: [f64; 2], between: &str) -> String {
    match low == high {
        true => low.to_string(),
        false => format!("{low}{between}{high}"),
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.written() {
            (name, Some(ends)) => write!(f, "{name} {}", span(ends, "..")),
            (name, None) => f.write_str(name),
        }
    }
}

/// Steps between commas, or words that stand for several.
impl FromStr for Crappifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut steps = Vec::new();
        for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            match short(text) {
                Some(damage) => steps.extend(damage.steps),
                None => steps.push(text.parse()?),
            }
        }
        match steps.is_empty() {
            true => Err(Error::NoDamage),
            false => Ok(Self { steps }),
        }
    }
}

/// All steps, as they can be parsed again.
impl fmt::Display for Crappifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{step}")?;
        }
        Ok(())
    }
}

impl Crappifier {
    /// Makes sure that there are steps with numbers that they take, wherever they are from.
    ///
    /// # Errors
    /// [`Error::NoDamage`], [`Error::DamageValue`].
    pub fn check(&self) -> Result<()> {
        for step in &self.steps {
            if let (name, Some(ends)) = step.written() {
                let form = Form::named(name).expect("every step has a form");
                form.check(ends, &span(ends, ".."))?;
            }
        }
        match self.steps.is_empty() {
            true => Err(Error::NoDamage),
            false => Ok(()),
        }
    }

    /// For people, in a line: `made 4 times smaller, JPEG of quality 10 to 70`.
    pub fn describe(&self) -> String {
        self.steps.iter().map(Damage::describe).collect::<Vec<_>>().join(", ")
    }
}

impl Serialize for Crappifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Crappifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "side 96, shrink 1.3..2.7, rescale 2..4, blur 0.5..2, noise 5..25, grain 3, \
                       gray, sepia 0..1, boxes 3, dust 5..40, scratches 1..4, number, jpeg 10..70";

    #[test]
    fn what_is_written_is_read_again() {
        let all: Crappifier = ALL.parse().unwrap();
        assert_eq!(all.steps.len(), FORMS.len());
        assert_eq!(all.to_string(), ALL);
        let saved = serde_json::to_string(&all).unwrap();
        assert_eq!(saved, format!("\"{ALL}\""));
        assert_eq!(serde_json::from_str::<Crappifier>(&saved).unwrap(), all);
        for damage in [Crappifier::restore(), Crappifier::old_photo(), Crappifier::gray()] {
            assert_eq!(damage.to_string().parse::<Crappifier>().unwrap(), damage);
        }
    }

    #[test]
    fn words_stand_for_steps_and_steps_have_usual_numbers() {
        let read = |text: &str| text.parse::<Crappifier>().unwrap().to_string();
        assert_eq!(read("restore"), "shrink 1.3..2.7, number, jpeg 10..70");
        assert_eq!(read(" superres ,blur,"), "shrink 4, blur 0.5..2");
        assert_eq!(read("boxes 1 .. 2, jpeg 30..=90"), "boxes 1..2, jpeg 30..90");
        assert!(SHORT.iter().all(|word| short(word).is_some()));
        for form in FORMS {
            // The usual numbers are within the limits.
            form.name.parse::<Damage>().unwrap();
        }
    }

    #[test]
    fn sets_are_the_lessons() {
        for (set, _) in SETS {
            set_or_steps(set).unwrap();
        }
        assert_eq!(set_or_steps("superres-96").unwrap().to_string(), "side 96, jpeg 60");
        assert_eq!(set_or_steps("gray, blur 1").unwrap().to_string(), "gray, blur 1");
        let error = set_or_steps("superres-64").unwrap_err().to_string();
        assert!(error.ends_with("old-photo, superres-96, superres-256"), "{error}");
    }

    #[test]
    fn people_read_what_is_done() {
        let describe = |text: &str| text.parse::<Crappifier>().unwrap().describe();
        assert_eq!(
            describe("shrink 4, jpeg 10..70"),
            "made 4 times smaller, JPEG of quality 10 to 70"
        );
        assert_eq!(describe("gray, number"), "made gray, a number written on it");
    }

    #[test]
    fn other_numbers_are_refused_by_name() {
        let error = |text: &str| text.parse::<Crappifier>().unwrap_err();
        for (text, message) in [
            ("jpeg 0..90", "`jpeg 0..90`: expected a quality from 1 to 100"),
            ("jpeg high", "`jpeg high`: expected a quality from 1 to 100"),
            ("blur 2..1", "`blur 2..1`: expected a standard deviation in pixels from 0 to 50"),
            ("boxes 1.5", "`boxes 1.5`: expected a number of them from 0 to 1000"),
            ("shrink NaN", "`shrink NaN`: expected a factor from 1 to 64"),
            ("side 64..96", "`side 64..96`: expected one number"),
            ("gray 3", "`gray 3`: expected no number"),
            (" , ", "no damage is named"),
        ] {
            assert_eq!(error(text).to_string(), message);
        }
        assert!(error("shrink 4, sharpen").to_string().starts_with("unknown damage `sharpen`: "));
    }

    #[test]
    fn steps_made_in_code_are_checked_too() {
        for (step, fits) in [
            (Damage::Shrink(1.0..=4.0), true),
            (Damage::Shrink(0.0..=4.0), false),
            (Damage::Jpeg(0..=90), false),
            (Damage::Jpeg(RangeInclusive::new(91, 90)), false),
            (Damage::Side(0), false),
            (Damage::Noise(f64::NAN..=f64::NAN), false),
        ] {
            let damage = Crappifier { steps: vec![step] };
            assert_eq!(damage.check().is_ok(), fits, "{damage}");
        }
        assert!(matches!(Crappifier { steps: Vec::new() }.check(), Err(Error::NoDamage)));
    }
}
