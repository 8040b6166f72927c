//! Every example runs, with `--tiny`.
//!
//! These run what `cargo test` has built in the folder `examples` beside its tests: nothing is
//! compiled again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    env::{consts::EXE_SUFFIX, current_exe},
    fs,
    path::Path,
    process::Command,
};

macro_rules! examples {
    ($($name:ident),+ $(,)?) => {
        const EXAMPLES: &[&str] = &[$(stringify!($name)),+];

        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )+
    };
}

examples![
    lesson7_resnet_mnist,
    lesson7_densenet,
    transfer_learning,
    lesson7_unet_camvid,
    lesson7_human_numbers,
    lesson7_restoration,
    lesson7_superres,
];

/// In a folder of its own, which is also where it finds room for temporary files.
#[track_caller]
fn run(name: &str) {
    let tests = current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join(format!("examples/{name}{EXE_SUFFIX}"));
    assert!(
        program.is_file(),
        "{} is missing: `cargo test` without a name of a test builds it, or `cargo build --examples`",
        program.display()
    );
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.arg("--tiny").current_dir(&folder);
    for variable in ["TMPDIR", "TMP", "TEMP"] {
        command.env(variable, folder.path());
    }
    let output = command.output().unwrap();
    let [said, trouble] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{name} ended with {}:\n{said}{trouble}", output.status);
    assert!(!said.trim().is_empty(), "{name} printed nothing:\n{trouble}");
}

#[test]
fn no_example_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // What examples have in common is in a folder.
    let files: BTreeSet<String> = files
        .filter(|file| file.is_file())
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(files.iter().eq(BTreeSet::from_iter(EXAMPLES)), "{files:?}");
}
