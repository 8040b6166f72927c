//! How each example is run.

/// What is done with an example.
pub(super) enum How {
    AsItIs,
    /// Run with these flags instead of the same in it: it is done in a moment.
    Quick(&'static [&'static str]),
    /// Only its flags are looked at, for this reason.
    Not(&'static str),
}

/// By how an example begins; the longest counts.
pub(super) const HOWS: &[(&str, How)] = &[
    ("bench kernels", How::Quick(&["--seconds", "0", "--filter", "resnet34/32x32"])),
    ("bench list", How::AsItIs),
    ("bench serve", How::AsItIs),
    ("check", How::AsItIs),
    ("completions", How::AsItIs),
    ("config default", How::AsItIs),
    ("config schema", How::AsItIs),
    ("config show", How::AsItIs),
    ("crappify", How::AsItIs),
    ("data fetch", How::Not("tests do without a network")),
    ("data list", How::AsItIs),
    ("demo", How::Not("trains for most of a minute; `what_the_demos_propose_works` runs it")),
    ("generate", How::Quick(&["--words", "5"])),
    ("interpret", How::AsItIs),
    ("lesson camvid", How::Quick(SMALL_RUN)),
    ("lesson camvid --data camvid --from", How::Quick(CAMVID_AGAIN)),
    ("lesson human-numbers", How::Quick(&["--epochs", "1"])),
    ("lesson superres", How::Not("needs the weights of a feature network")),
    ("lesson mnist", How::Quick(&["--epochs", "1", "--model", "basic"])),
    (
        "lr-find",
        How::Quick(&[SMALL[0], SMALL[1], SMALL[2], SMALL[3], "--batches", "40", "--force"]),
    ),
    ("predict", How::AsItIs),
    ("show-batch", How::Quick(&["--force"])),
    ("summary", How::AsItIs),
    ("train --config", How::Quick(SMALL_RUN)),
    ("train --out", How::AsItIs),
    ("train --task segment", How::Quick(SMALL_RUN)),
    ("train colorize", How::Quick(SMALL_PICTURES)),
    ("train enhance", How::Quick(SMALL_PICTURES)),
    ("train labels.csv", How::Quick(SMALL_RUN)),
    ("train other-photos", How::Quick(&["--epochs", "1", "--batch-size", "4", "--size", "24"])),
    ("train photos", How::Quick(SMALL_RUN)),
    ("train photos --from", How::Quick(&["--epochs", "1", "--batch-size", "4", "--size", "24"])),
    ("train restore", How::Quick(SMALL_PICTURES)),
    ("train super-resolve", How::Quick(SMALL_PICTURES)),
    ("train reviews.csv", How::Quick(&["--epochs", "1", "--batch-size", "4"])),
    ("train-lm", How::Quick(SMALL_LM)),
    ("train-lm tweets.txt --from", How::Quick(&["--epochs", "1", "--batch-size", "2"])),
    ("validate", How::AsItIs),
    ("weights convert", How::Quick(&["--force"])),
    ("weights fetch", How::Not("tests do without a network")),
    ("weights list", How::AsItIs),
];

/// Small images and a small network, on whose weights no network is asked for.
const SMALL: &[&str] = &["--size", "24", "--arch", "resnet-small"];

/// For images made of images: the body halves them five times.
const SMALL_PICTURES: &[&str] =
    &["--size", "32", "--arch", "resnet-small", "--epochs", "1", "--batch-size", "2"];

const SMALL_RUN: &[&str] = &[
    "--size",
    "24",
    "--arch",
    "resnet-small",
    "--pretrained",
    "none",
    "--epochs",
    "1",
    "--batch-size",
    "4",
    "--workers",
    "0",
];

const SMALL_LM: &[&str] =
    &["--epochs", "1", "--embedding", "8", "--hidden", "8", "--layers", "1", "--batch-size", "2"];

const CAMVID_AGAIN: &[&str] =
    &["--size", "32", "--epochs", "1", "--unfreeze-epochs", "1", "--batch-size", "2"];

/// The entry of a command.
pub(super) fn entry(words: &[String]) -> Option<&'static (&'static str, How)> {
    let begins = |begin: &str| {
        let begin: Vec<&str> = begin.split(' ').collect();
        begin.len() <= words.len() && begin.iter().zip(words).all(|(begin, word)| begin == word)
    };
    HOWS.iter().filter(|(begin, _)| begins(begin)).max_by_key(|(begin, _)| begin.len())
}

/// How a command of a page is run.
///
/// # Panics
/// If the table has no entry for it.
#[track_caller]
pub(super) fn known(words: &[String], page: &str) -> &'static How {
    let entry = entry(words).unwrap_or_else(|| {
        panic!(
            "`tinderbox {}` in {page} is new: add to `HOWS` in tests/it/examples/how.rs how it is \
             run, and what it names to tests/it/examples/place.rs",
            words.join(" ")
        )
    });
    &entry.1
}
