//! Tables of texts as people have them: other columns, separators, encodings, sets and labels.

use std::{fs, time::Instant};

use tinderbox::data::picture::Picture;

use crate::run::Place;

/// Reviews as rows: the text, its label, and a number from 0.
fn rows() -> Vec<(String, &'static str, usize)> {
    let words = [("good", "pos"), ("bad", "neg")];
    let row = |at: usize| {
        let (word, label) = words[at % 2];
        (format!("a {word} film number {at}"), label, at)
    };
    (0..40).map(row).collect()
}

/// A table of them, with a header, each row as `row` writes it.
fn table(header: &str, row: impl Fn(&str, &str, usize) -> String) -> String {
    let rows = rows().into_iter().map(|(text, label, at)| row(&text, label, at));
    let header = (!header.is_empty()).then(|| header.to_owned());
    header.into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// What a training would do with a file.
struct Look(Place);

impl Look {
    fn new() -> Self {
        Self(Place::empty())
    }

    fn at(&self, name: &str, bytes: impl AsRef<[u8]>, more: &[&str]) -> crate::run::Ended {
        fs::write(self.0.path(name), bytes).unwrap();
        self.0.run(&[&["train", name, "--dry-run", "--epochs", "1"], more].concat())
    }
}

#[test]
fn separators_headers_and_columns_are_found() {
    let look = Look::new();
    let of = |separator: char| {
        let (header, row) =
            (format!("text{separator}label"), |text: &str, label: &str, _: usize| {
                format!("{text}{separator}{label}")
            });
        table(&header, row)
    };
    for (name, separator) in [("s.csv", ';'), ("t.csv", '\t'), ("t.tsv", '\t'), ("b.csv", '|')] {
        look.at(name, of(separator), &[]).code(0).says("2: neg ");
    }
    let excel = format!("sep=;\n{}", of(';'));
    look.at("excel.csv", excel, &[]).code(0).says("40 in column `text`");
    let headless = table("", |text, label, _| format!("{label},{text}"));
    look.at("headless.csv", headless, &[])
        .code(0)
        .says("first line    a row")
        .says("40 in column `1`")
        .says("column `0`");
    let others = table("id,Tweet,Sentiment", |text, label, at| format!("{at},{text},{label}"));
    look.at("others.csv", others, &[])
        .code(0)
        .says("40 in column `Tweet`")
        .says("column `Sentiment`");
    let neither = table("a,b", |_, label, at| format!("{at},{label}"));
    look.at("neither.csv", neither, &[]).code(1).says("has no column `text`; it has a, b");
}

#[test]
fn encodings_are_recognized_or_named() {
    let look = Look::new();
    let text = table("text,label", |text, label, _| format!("{text} à la café,{label}"));
    let utf_16 = |bytes: fn(u16) -> [u8; 2], mark: &str| {
        let units: Vec<u16> = mark.encode_utf16().chain(text.encode_utf16()).collect();
        units.into_iter().flat_map(bytes).collect::<Vec<u8>>()
    };
    for mark in ["", "\u{feff}"] {
        look.at("le.csv", utf_16(u16::to_le_bytes, mark), &[]).code(0).says("2: neg ");
        look.at("be.csv", utf_16(u16::to_be_bytes, mark), &[]).code(0).says("2: neg ");
    }
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    look.at("latin.csv", &latin, &[])
        .code(1)
        .says("latin.csv is not UTF-8: byte")
        .says("--encoding latin-1");
    look.at("latin.csv", &latin, &["--encoding", "latin-1"]).code(0).says("2: neg ");
    look.at("latin.csv", &latin, &["--encoding", "utf-7"]).code(2).says("windows-1252");
    look.at("book.csv", b"PK\x03\x04\x14\0", &[]).code(1).says("a zip archive, as Excel's .xlsx");
    // In predicting, too.
    look.0
        .run(&["train", "latin.csv", "--encoding", "latin-1", "--epochs", "1", "--out", "run"])
        .code(0);
    look.0.run(&["predict", "run", "latin.csv"]).code(0).says("latin.csv:40\t");
    look.0
        .run(&["predict", "run", "latin.csv", "--encoding", "utf-8"])
        .code(1)
        .says("latin.csv is not UTF-8");
    not_there(&look.0);
}

/// A path that leads nowhere is no text.
fn not_there(place: &Place) {
    for path in ["reviews/gone.txt", "gone.txt", "reviews/gone", "./gone file"] {
        place.run(&["predict", "run", path]).code(3).says(&format!("cannot read {path}"));
    }
    place.run(&["predict", "run", "-", "-"]).code(1).says("standard input can be read only once");
    place.run(&["predict", "run", "-"]).code(1).says("there is nothing on it");
    place.run(&["predict", "run", "a good and/or bad film"]).code(0);
}

#[test]
fn columns_of_sets_are_read_or_refused() {
    let look = Look::new();
    let of = |column: &str, cell: fn(usize) -> &'static str| {
        let header = format!("text,label,{column}");
        table(&header, |text, label, at| format!("{text},{label},{}", cell(at)))
    };
    let takes = |column: &str, cell: fn(usize) -> &'static str| {
        let said = format!("column `{column}` – the data has this column");
        look.at("t.csv", of(column, cell), &[]).code(0).says(&said);
    };
    takes("is_valid", |at| if at < 30 { "train" } else { "valid" });
    takes("split", |at| if at < 30 { "Train" } else { "TEST" });
    takes("is_valid", |at| if at < 30 { "" } else { "True" });
    takes("is_train", |at| if at < 30 { "1.0" } else { "0.0" });
    let refuses = |cell: fn(usize) -> &'static str, says: &str| {
        look.at("t.csv", of("is_valid", cell), &[]).code(1).says(says);
    };
    refuses(|at| ["False", "True", "", "True"][at.min(3)], "row 3: column `is_valid` is empty");
    refuses(
        |at| ["train", "valid", "maybe", "valid"][at.min(3)],
        "row 3: `maybe` in column `is_valid` names no set",
    );
    refuses(|_| "0", "column `is_valid` puts no row in the validation set");
    let folds = of("fold", |at| ["0", "1", "2", "3"][at % 4]);
    look.at("t.csv", folds, &["--valid", "fold"]).code(1).says("`2` in column `fold` names no set");
}

#[test]
fn labels_and_texts_that_are_not_clean_are_told() {
    let look = Look::new();
    let of = |label: fn(usize) -> &'static str| {
        table("text,label", |text, _, at| format!("{text},{}", label(at)))
    };
    look.at("t.csv", of(|at| ["1.0", "0.0"][at % 2]), &[]).code(0).says("2: 0 ");
    look.at("t.csv", of(|at| ["10", "9"][at % 2]), &[]).code(0).says("2: 9 16 + 4, 10 16 + 4");
    let missing = of(|at| ["pos", "neg", "NaN", "pos", "", "neg", "neg"][at.min(6)]);
    look.at("t.csv", &missing, &[])
        .code(1)
        .says("2 of 40 texts of")
        .says("row 3: column `label` has no label, but `NaN`; row 5: column `label` is empty")
        .says("--skip-bad 2");
    look.at("t.csv", &missing, &["--skip-bad", "2"])
        .code(0)
        .says("warning: skipped 2 texts of")
        .says("2: neg ");
    let empty = table("text,label", |text, label, at| {
        let text = if at == 6 { "" } else { text };
        format!("{text},{label}")
    });
    look.at("t.csv", empty, &[]).code(1).says("row 7: the text is empty").says("--skip-bad 1");
    look.at("t.csv", of(|at| ["pos", "neg", "pos "][at % 3]), &[])
        .code(0)
        .says("spaces around the label, such as row 3 (`pos `): it is taken as `pos`");
    look.at("t.csv", of(|at| ["pos", "neg", "pos film", "neg film"][at % 4]), &[])
        .code(0)
        .says("if these are several labels");
    look.at("t.csv", "text,label\na film,pos\na, film,neg\n", &[])
        .code(1)
        .says("t.csv, line 3: 3 fields, expected 2")
        .says("between quotes");
}

#[test]
fn doubts_about_texts_are_told_when_they_train() {
    let look = Look::new();
    let train = |name: &str| {
        look.0.run(&["train", name, "--epochs", "1", "--out", name.trim_end_matches(".csv")])
    };
    let case =
        table("text,label", |text, _, at| format!("{text},{}", ["POS", "pos", "neg"][at % 3]));
    fs::write(look.0.path("case.csv"), case).unwrap();
    train("case.csv").code(0).says("the classes `POS` and `pos` differ only in case or spaces");
    let twice = table("text,label", |text, label, at| match at {
        7 => "a good film number 0,neg".to_owned(),
        _ => format!("{text},{label}"),
    });
    fs::write(look.0.path("twice.csv"), twice).unwrap();
    train("twice.csv").code(0).says("1 text is labelled in several ways");
}

#[test]
fn a_folder_of_a_competition_trains_on_the_images_that_its_table_lists() {
    let place = Place::empty();
    let mut rows = vec!["image_id,breed".to_owned()];
    for at in 0..12u8 {
        let (breed, rgb) =
            [("pug", [200, 40 + at, 0]), ("husky", [0, 40 + at, 200])][usize::from(at % 2)];
        let set = if at < 10 { "train_images" } else { "test_images" };
        let path = place.path(format!("dogs/{set}/{at}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Picture::filled(16, 16, rgb).save(&path).unwrap();
        if at < 10 {
            rows.push(format!("train_images\\{at},{breed}"));
        }
    }
    let table = rows.join("\n");
    fs::write(place.path("dogs/train.csv"), &table).unwrap();
    fs::write(place.path("dogs/sample_submission.csv"), "image_id,breed\n10,pug\n").unwrap();
    place
        .run(&["train", "dogs", "--dry-run", "--epochs", "1"])
        .code(0)
        .says("dogs/train.csv")
        .says("10 in column `image_id`")
        .says("2: husky ");
    let missing = table.replacen("pug", "NaN", 1);
    fs::write(place.path("dogs/train.csv"), &missing).unwrap();
    place
        .run(&["train", "dogs", "--dry-run"])
        .code(1)
        .says("row 1 of")
        .says("has no label in column `breed`")
        .says("--skip-bad 1");
    place.run(&["train", "dogs", "--dry-run", "--skip-bad", "1"]).code(0).says("2: husky ");
}

/// The most memory that the command has taken, in kB.
#[cfg(target_os = "linux")]
fn peak(place: &Place, args: &[&str]) -> u64 {
    use std::{process::Stdio, thread, time::Duration};

    let mut command = place.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let found = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = found.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kb.unwrap_or(0));
        thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn one_text_of_ten_megabytes_takes_neither_the_memory_nor_the_time() {
    let place = Place::empty();
    let short: Vec<String> = (0..800)
        .map(|at| {
            let (word, label) = [("good", "pos"), ("poor", "neg")][at % 2];
            format!("a {word} film number {at},{label}")
        })
        .collect();
    let short = format!("text,label\n{}\n", short.join("\n"));
    fs::write(place.path("short.csv"), &short).unwrap();
    let long = "a good film indeed, ".repeat(500_000);
    fs::write(place.path("long.csv"), format!("{short}\"{long}\",pos\n")).unwrap();
    let train = |name: &'static str, out: &'static str| {
        ["train", name, "--epochs", "1", "--out", out, "--threads", "1"]
    };
    let without = peak(&place, &train("short.csv", "s"));
    let begun = Instant::now();
    let with = peak(&place, &train("long.csv", "l"));
    assert!(2 * with <= 3 * without, "{with} kB with the long text, {without} kB without");
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
    let look = ["train", "long.csv", "--dry-run"];
    place
        .run(&look)
        .code(0)
        .says("1 text is longer than")
        .says("long.csv, row 801: only the end is read; `--max-len` sets how much");
}
