//! Every command that the README, the help and a finished run show does what it says.
//!
//! The commands are read from those texts, and run in the order in which they stand: a new one is
//! noticed. [`how`] says what makes each quick enough for a test; [`place`] has the files that they
//! name.

mod how;
mod place;
mod shown;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::Path,
};

use self::{
    how::{HOWS, How, entry, known},
    place::{example_place, train_runs},
    shown::{Shown, commands},
};
use crate::run::Place;

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// What `--help` says of each command, by its name: `` of the program, `weights list`.
type Help = BTreeMap<String, String>;

fn help(place: &Place) -> Help {
    let mut help = Help::new();
    let mut names = VecDeque::from([String::new()]);
    while let Some(name) = names.pop_front() {
        let args: Vec<&str> = name.split_whitespace().chain(["--help"]).collect();
        let text = place.run(&args).code(0).out;
        let below = text.lines().skip_while(|line| *line != "Commands:").skip(1);
        let below = below.take_while(|line| !line.is_empty());
        let below = below.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        let below = below.filter(|below| !["", "help"].contains(below));
        names.extend(below.map(|below| format!("{name} {below}").trim().to_owned()));
        help.insert(name, text);
    }
    help
}

/// A text with commands, which are typed one after another.
struct Page<'a> {
    place: &'a Place,
    help: &'a Help,
    name: &'a str,
    /// What its commands have written.
    made: BTreeSet<String>,
}

impl<'a> Page<'a> {
    fn new(place: &'a Place, help: &'a Help, name: &'a str) -> Self {
        Self { place, help, name, made: BTreeSet::new() }
    }

    fn run(&mut self, text: &str) {
        for command in commands(text) {
            for proposed in self.run_command(&command) {
                // Whoever follows what a run proposes does not do what the page says next.
                Page::new(self.place, self.help, &command.line).run_command(&proposed);
            }
        }
    }

    /// Runs a command as the table says, and gives what it proposes.
    fn run_command(&mut self, command: &Shown) -> Vec<Shown> {
        let Self { place, name, .. } = self;
        let Some(words) = command.of_ours() else {
            check_cargo(command, name);
            return Vec::new();
        };
        if command.in_prose && self.help.contains_key(&words.join(" ")) {
            // A sentence about a command, which there is.
            return Vec::new();
        }
        let args = match known(&words, name) {
            How::AsItIs => words,
            How::Quick(flags) => with_flags(words, flags),
            How::Not(why) => {
                println!("`{}` is not run: {why}", command.line);
                let args: Vec<&str> = words.iter().map(String::as_str).collect();
                place.run(&[&args[..], &["--help"]].concat()).code(0);
                return Vec::new();
            }
        };
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.clear_the_way(&args, command);
        let input = command.is_piped.then_some("new.jpg");
        let ended = self.place.run_with_input(&args, input).code(0);
        if let Some(file) = &command.output {
            fs::write(self.place.path(file), &ended.out).unwrap();
        }
        // `try it: tinderbox predict …`
        commands(&ended.err.replace(": tinderbox ", ":\n  tinderbox "))
    }

    /// Removes what other pages wrote where this command writes: nothing is written over, but a
    /// page that writes to one place twice is wrong.
    fn clear_the_way(&mut self, args: &[&str], command: &Shown) {
        const WRITES: [&str; 4] = ["--out", "--overlay", "--plot", "--to"];
        if args.iter().any(|arg| ["--resume", "--dry-run"].contains(arg)) {
            return;
        }
        let flags = args.windows(2).filter(|pair| WRITES.contains(&pair[0])).map(|pair| pair[1]);
        let files: Vec<&str> = flags.chain(command.output.as_deref()).collect();
        for file in files {
            let path = self.place.path(file);
            match self.made.insert(file.to_owned()) {
                true if path.is_dir() => fs::remove_dir_all(path).unwrap(),
                true if path.exists() => fs::remove_file(path).unwrap(),
                _ => {}
            }
        }
    }
}

/// The words of a command with flags that win over the same in it.
fn with_flags(mut words: Vec<String>, flags: &[&str]) -> Vec<String> {
    for pair in flags.chunks(2) {
        if let Some(at) = words.iter().position(|word| word == pair[0]) {
            words.drain(at..at + pair.len());
        }
    }
    words.into_iter().chain(flags.iter().map(ToString::to_string)).collect()
}

/// The other commands of the README: what they name is there, and tests of its own.
fn check_cargo(command: &Shown, page: &str) {
    let has = |flag: &str| {
        let at = command.words.iter().position(|word| word == flag);
        at.and_then(|at| command.words.get(at + 1)).map(String::as_str)
    };
    let line = &command.line;
    if let Some(example) = has("--example") {
        // Both crates have a test that runs theirs.
        let package = has("-p").unwrap_or("tinderbox");
        let file = root().join("crates").join(package).join(format!("examples/{example}.rs"));
        assert!(file.is_file(), "`{line}` in {page}: there is no {}", file.display());
        return;
    }
    match command.words[1].as_str() {
        "test" | "doc" => {}
        "install" => {
            let path = has("--path").unwrap();
            assert!(root().join(path).join("Cargo.toml").is_file(), "`{line}` in {page}");
        }
        _ => panic!("`{line}` in {page} is unknown: say in `check_cargo` what is to be seen to"),
    }
}

#[test]
fn what_the_readme_shows_works() {
    let place = example_place();
    let help = help(&place);
    Page::new(&place, &help, "README.md").run(&readme());
}

#[test]
fn what_the_help_shows_works() {
    let place = example_place();
    train_runs(&place);
    let help = help(&place);
    run_help(&place, &help, |command| !command.starts_with("lesson"));
}

#[test]
fn what_the_help_of_the_lessons_shows_works() {
    let place = example_place();
    let help = help(&place);
    run_help(&place, &help, |command| command.starts_with("lesson"));
}

/// Runs what the help of these commands shows.
fn run_help(place: &Place, help: &Help, commands: impl Fn(&str) -> bool) {
    for (name, text) in help.iter().filter(|(name, _)| commands(name)) {
        Page::new(place, help, &format!("tinderbox {name} --help")).run(text);
    }
}

#[test]
fn every_command_has_an_example() {
    let place = example_place();
    let help = help(&place);
    assert!(help.len() > 20, "{:?}", help.keys());
    for (name, text) in &help {
        let typed = commands(text).into_iter().filter(|command| !command.in_prose).count();
        assert!(typed > 0, "`tinderbox {name}` has no example:\n{text}");
    }
    // What is in the table is shown somewhere.
    let texts: Vec<String> = help.into_values().chain([readme()]).collect();
    let words = texts.iter().flat_map(|text| commands(text)).filter_map(|shown| shown.of_ours());
    let used: BTreeSet<&str> = words.filter_map(|words| Some(entry(&words)?.0)).collect();
    let unused: Vec<&str> =
        HOWS.iter().map(|how| how.0).filter(|begin| !used.contains(begin)).collect();
    assert!(unused.is_empty(), "no text shows {unused:?} any more");
}

/// The demos with their data sets, and what they propose.
#[test]
#[ignore = "trains for a minute"]
fn what_the_demos_propose_works() {
    let place = example_place();
    let help = help(&place);
    let demos = [
        &["demo"][..],
        &["demo", "--masks", "--out", "scenes"],
        &["demo", "--restore", "--out", "old"],
    ];
    for demo in demos {
        let ended = place.run(demo).code(0);
        let proposed = ended.err.replace(": tinderbox ", ":\n  tinderbox ");
        assert!(commands(&proposed).len() > 4, "{proposed}");
        Page::new(&place, &help, "demo").run(&proposed);
    }
}
