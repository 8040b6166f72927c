//! Running the command in a folder of its own.

use std::{
    env::{consts::EXE_SUFFIX, current_exe},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Instant,
};

use tempfile::TempDir;
use tinderbox::data::digits::{DigitsConfig, write_digits};

/// A folder of its own, and the command that runs in it.
pub(crate) struct Place {
    folder: TempDir,
    program: PathBuf,
}

/// A run of three epochs on them, in `run/`.
pub(crate) const TRAIN: [&str; 9] =
    ["train", "digits", "--epochs", "3", "--batch-size", "32", "--out", "run", "--json"];

impl Place {
    /// With a few digits to train on, in `digits/`.
    pub(crate) fn new() -> Self {
        let place = Self::empty();
        let config = DigitsConfig { train_per_class: 32, test_per_class: 8, seed: 1 };
        write_digits(place.path("digits"), &config).unwrap();
        place
    }

    /// An empty one, for an example of this crate, which `cargo test` has built beside its tests.
    pub(crate) fn of_example(name: &str) -> Self {
        let tests = current_exe().unwrap();
        let program =
            tests.ancestors().nth(2).unwrap().join(format!("examples/{name}{EXE_SUFFIX}"));
        assert!(
            program.is_file(),
            "{} is missing: `cargo test` without a name of a test builds it, or `cargo build --examples`",
            program.display()
        );
        Self::of(program)
    }

    /// An empty one.
    pub(crate) fn empty() -> Self {
        Self::of(env!("CARGO_BIN_EXE_tinderbox").into())
    }

    fn of(program: PathBuf) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), program }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies a file to where there may be no folder yet.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let to = self.path(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(self.path(from), to).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        // What somebody has downloaded changes no test, and no test downloads anything.
        command.env("TINDERBOX_CACHE", self.path("cache")).env("TINDERBOX_OFFLINE", "1");
        command.env("TORCH_HOME", self.path("cache"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::new(args, &self.command(args).output().unwrap())
    }

    /// Runs a line as a shell would, in which `tinderbox` is the command.
    #[cfg(unix)]
    pub(crate) fn shell(&self, line: &str) -> Ended {
        let mut command = self.command(&[]);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let here = [self.program.parent().unwrap().to_owned()];
        let path = std::env::join_paths(here.into_iter().chain(std::env::split_paths(&path)));
        let kept: Vec<_> =
            command.get_envs().map(|(k, v)| (k.to_owned(), v.map(Into::into))).collect();
        command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, value) in kept {
            let value: Option<std::ffi::OsString> = value;
            command.env(name, value.unwrap_or_default());
        }
        Ended::new(&[line], &command.env("PATH", path.unwrap()).output().unwrap())
    }

    /// With a file of the folder on its standard input, if one is named.
    pub(crate) fn run_with_input(&self, args: &[&str], file: Option<&str>) -> Ended {
        let mut command = self.command(args);
        if let Some(file) = file {
            command.stdin(fs::File::open(self.path(file)).unwrap());
        }
        Ended::new(args, &command.output().unwrap())
    }

    /// Runs the command once as it is and `kills` times killed at some moment and resumed: the
    /// models and the plots must be the same.
    pub(crate) fn killed_runs_reach_the_same(&self, args: &[&str], kills: u32) {
        let at = args.iter().position(|arg| *arg == "--out").unwrap() + 1;
        let into = |folder: &'static str, more: &[&'static str]| {
            let mut args: Vec<&str> = args.to_vec();
            args[at] = folder;
            self.command(&[&args[..], more].concat()).output().unwrap()
        };
        let start = Instant::now();
        assert!(into("whole", &[]).status.success());
        let time = start.elapsed();
        let file = |run: &str, name: &str| fs::read(self.path(run).join(name)).unwrap();
        let mut in_training = 0;
        for kill in 0..kills {
            let mut killed: Vec<&str> = args.to_vec();
            killed[at] = "killed";
            let mut child =
                self.command(&killed).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            thread::sleep(time * (2 * kill + 1) / (2 * kills));
            child.kill().unwrap();
            child.wait().unwrap();
            in_training += u32::from(self.path("killed/checkpoint.safetensors").exists());
            let resume: &[&str] =
                if self.path("killed/run.json").exists() { &["--resume"] } else { &[] };
            let ended = into("killed", resume);
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
            for name in ["model.safetensors", "losses.svg", "rates.svg"] {
                assert!(file("whole", name) == file("killed", name), "kill {kill}: {name}");
            }
            fs::remove_dir_all(self.path("killed")).unwrap();
        }
        assert!(
            in_training >= kills / 3,
            "only {in_training} of {kills} were killed while training"
        );
    }
}

/// What a run printed, and how it ended.
pub(crate) struct Ended {
    args: String,
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    fn new(args: &[&str], output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            args: args.join(" "),
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// # Panics
    /// If it ended with another exit code, or if anything in it panicked.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        let Self { args, out, err, .. } = &self;
        assert!(!err.contains("panicked"), "`{args}` panicked:\n{err}");
        assert_eq!(self.code, Some(code), "`{args}` said:\n{out}\n{err}");
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let Self { args, out, err, .. } = &self;
        assert!(
            out.contains(text) || err.contains(text),
            "`{args}` does not say `{text}`:\n{out}\n{err}"
        );
        self
    }

    /// Standard output as JSON, a value a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
