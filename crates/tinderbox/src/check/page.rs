//! What a look at data found, as a web page with pictures in it.

use std::{fmt::Write, fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use htmlize::{escape_all_quotes, escape_text};
use tinderbox_data::{ConvertMode, image::Pixels, picture::Picture, visible};

use super::{Checked, Finding, Place};
use crate::{ClassCount, Error, Result};

/// The longer side of a picture.
const SIDE: usize = 160;

/// This many pictures, or lines, are shown of a finding.
const SHOWN: usize = 24;

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem 1rem .2rem 0; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; } .group { display: flex; gap: .3rem; border: 1px solid #8886; border-radius: .3rem; padding: .4rem; }
figure { margin: 0; max-width: 10rem; } figcaption { font-size: .8rem; overflow-wrap: anywhere; }
.error { border-left: .3rem solid #c33; } .warning { border-left: .3rem solid #d90; } .note { border-left: .3rem solid #69c; }
section { padding-left: 1rem; margin: 1.5rem 0; } .hint { opacity: .8; }
";

impl Checked {
    /// Writes the page: one file, with its pictures.
    ///
    /// # Errors
    /// [`Error::Write`] with the path.
    pub fn save_page(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        fs::write(path, self.page()).map_err(|source| Error::Write { path: path.into(), source })
    }

    /// The page, as HTML.
    fn page(&self) -> String {
        let data: Vec<String> = self.data.paths().map(|path| path.display().to_string()).collect();
        let data = data.join(", ");
        let title = escape_text(visible(&data));
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
        );
        let mut add = |text: std::fmt::Arguments<'_>| {
            page.write_fmt(text).expect("writing to a string");
        };
        add(format_args!("<p>{}</p>\n", escape_text(self.verdict())));
        add(format_args!(
            "<p>{} {} for training, {} for validation. {}</p>\n",
            self.n_train,
            self.unit,
            self.n_valid,
            escape_text(self.facts.join("; "))
        ));
        if !self.choices.is_empty() {
            add(format_args!("<table>"));
            for choice in &self.choices {
                let cells = [&choice.setting, &choice.value, &choice.because].map(escape_text);
                add(format_args!(
                    "<tr><th>{}</th><td>{}</td><td>{}</td></tr>\n",
                    cells[0], cells[1], cells[2]
                ));
            }
            add(format_args!("</table>\n"));
        }
        for finding in &self.findings {
            add(format_args!("{}", self.section(finding)));
        }
        add(format_args!("{}", self.classes_table()));
        page.push_str("</body></html>\n");
        page
    }

    /// The classes, with a picture each.
    fn classes_table(&self) -> String {
        if self.classes.is_empty() {
            return String::new();
        }
        let row = |class: &ClassCount| {
            let is_one = |place: &&Place| place.label.as_deref() == Some(&*class.class);
            let sample = self.samples.iter().find(is_one).and_then(picture).unwrap_or_default();
            format!(
                "<tr><td>{sample}</td><td>{}</td><td class=n>{}</td><td class=n>{}</td></tr>\n",
                escape_text(visible(&class.class)),
                class.train,
                class.valid
            )
        };
        let rows: String = self.classes.iter().map(row).collect();
        format!(
            "<h2>Classes</h2>\n<table><tr><th></th><th>class</th><th class=n>training</th><th class=n>validation</th></tr>\n{rows}</table>\n"
        )
    }

    fn section(&self, finding: &Finding) -> String {
        let text = escape_text(visible(&finding.text));
        let groups: String =
            finding.places.iter().take(SHOWN).map(|group| self.group(group)).collect();
        let more = match finding.places.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!("<p>… and {more} more</p>\n"),
        };
        let hint = finding
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!("<p class=hint>{}</p>\n", escape_text(hint)));
        let severity = finding.severity;
        format!(
            "<section class={severity}><h2>{severity}: {text}</h2>\n{hint}<div class=pictures>{groups}</div>{more}</section>\n"
        )
    }

    /// Items that belong together.
    fn group(&self, group: &[Place]) -> String {
        let figure = |place: &Place| {
            let caption = [
                Some(self.below(place).into_owned()),
                place.set.map(str::to_owned),
                place.note.clone(),
            ];
            let caption = caption.into_iter().flatten().collect::<Vec<_>>().join(" · ");
            let picture = picture(place).unwrap_or_default();
            format!(
                "<figure>{picture}<figcaption>{}</figcaption></figure>",
                escape_text(visible(&caption))
            )
        };
        format!("<div class=group>{}</div>\n", group.iter().map(figure).collect::<String>())
    }
}

/// An item's image, if it is one that can be read.
fn picture(place: &Place) -> Option<String> {
    let pixels = Pixels::open(&place.path, ConvertMode::Rgb).ok()?;
    let scale = (SIDE as f64 / pixels.height.max(pixels.width) as f64).min(1.0);
    let size = [pixels.height, pixels.width].map(|side| ((side as f64 * scale) as usize).max(1));
    let png = Picture::of_image(&pixels.resized(size).to_image()).to_png().ok()?;
    Some(format!(
        "<img alt=\"{}\" width={} height={} src=\"data:image/png;base64,{}\">",
        escape_all_quotes(visible(&place.path)),
        size[1],
        size[0],
        BASE64_STANDARD.encode(png)
    ))
}
