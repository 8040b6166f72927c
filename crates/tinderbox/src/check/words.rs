//! What a look at data found, as a page of words.

use std::{borrow::Cow, fmt, path::Path};

use tinderbox_data::visible;

use super::{Checked, Finding, Place, Severity, finding::count};
use crate::ClassCount;

/// This many items of a finding are shown.
const SHOWN: usize = 5;

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data: Vec<String> = self.data.paths().map(|path| path.display().to_string()).collect();
        writeln!(f, "{}: {} for `{}`", data.join(", "), self.unit, self.task)?;
        let width = self.choices.iter().map(|choice| choice.setting.chars().count()).max();
        let width = width.unwrap_or(0);
        for choice in &self.choices {
            let (setting, value, because) = (&choice.setting, &choice.value, &choice.because);
            writeln!(f, "  {setting:<width$}  {value} – {because}")?;
        }
        if self.n_train + self.n_valid > 0 {
            let (train, valid) = (count(self.n_train, self.unit), self.n_valid);
            writeln!(f, "\n{train} for training, {valid} for validation")?;
        }
        self.facts.iter().try_for_each(|fact| writeln!(f, "{fact}"))?;
        self.write_classes(f)?;
        writeln!(f, "\n{}", self.verdict())?;
        self.findings.iter().try_for_each(|finding| self.write_finding(f, finding))
    }
}

impl Checked {
    fn write_classes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.classes.is_empty() {
            return Ok(());
        }
        let width = self.classes.iter().map(|class| class.class.chars().count()).max();
        let heading = match self.used.iter().any(Place::has_mask) {
            true => "class, in pixels",
            false => "class",
        };
        let width = width.unwrap_or(0).max(heading.len());
        writeln!(f, "\n{heading:<width$}  {:>9}  {:>10}", "training", "validation")?;
        for ClassCount { class, train, valid } in &self.classes {
            let class = visible(class);
            writeln!(f, "{class:<width$}  {train:>9}  {valid:>10}")?;
        }
        Ok(())
    }

    /// How much was found, in a line.
    pub(super) fn verdict(&self) -> String {
        let n = |severity| self.findings.iter().filter(|found| found.severity == severity).count();
        let all = [
            (n(Severity::Error), "errors"),
            (n(Severity::Warning), "warnings"),
            (n(Severity::Note), "notes"),
        ];
        let some = all.into_iter().filter(|(n, _)| *n > 0);
        let some: Vec<String> = some.map(|(n, what)| count(n, what)).collect();
        match some.is_empty() {
            true => "no problems found".into(),
            false => some.join(", "),
        }
    }

    fn write_finding(&self, f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
        writeln!(f, "\n{}: {}", finding.severity, finding.text)?;
        for group in finding.places.iter().take(SHOWN) {
            let group: Vec<String> = group.iter().map(|place| self.in_words(place)).collect();
            writeln!(f, "  {}", group.join(" = "))?;
        }
        if let more @ 1.. = finding.places.len().saturating_sub(SHOWN) {
            writeln!(f, "  … and {more} more")?;
        }
        match &finding.hint {
            Some(hint) => writeln!(f, "  hint: {hint}"),
            None => Ok(()),
        }
    }

    /// An item in a line: `cat/1.jpg (validation)`.
    fn in_words(&self, place: &Place) -> String {
        let below = self.below(place);
        let path = visible(&below);
        let set = place.set.filter(|set| *set == "validation");
        let set = set.map_or_else(String::new, |set| format!(" ({set})"));
        let note = place.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
        format!("{path}{set}{note}")
    }

    /// An item's path below the source that it is in.
    pub(super) fn below<'a>(&self, place: &'a Place) -> Cow<'a, str> {
        let path = Path::new(&place.path);
        let below = self.data.paths().find_map(|source| path.strip_prefix(source).ok());
        let below = below.filter(|below| !below.as_os_str().is_empty());
        below.map_or_else(|| place.path.as_str().into(), Path::to_string_lossy)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}
