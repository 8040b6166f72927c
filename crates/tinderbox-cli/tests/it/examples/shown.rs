//! The commands in a text.

use std::mem;

/// A command as a text shows it.
#[derive(Debug)]
pub(super) struct Shown {
    /// As it is written.
    pub(super) line: String,
    /// As a shell reads them, up to a comment or to where the output goes.
    pub(super) words: Vec<String>,
    /// The file that its output goes to, if it is one of the folder.
    pub(super) output: Option<String>,
    /// Whether it reads what another command writes.
    pub(super) is_piped: bool,
    /// Whether it stands in a sentence rather than in a line of its own.
    pub(super) in_prose: bool,
}

/// The commands of a text, in the order in which they stand: the lines of `sh` blocks, lines that
/// begin with `tinderbox` or pipe into it, and what stands in backticks.
pub(super) fn commands(text: &str) -> Vec<Shown> {
    let (mut found, mut prose, mut block) = (Vec::new(), String::new(), None);
    for line in text.lines().chain([""]) {
        let fence = line.trim_start().strip_prefix("```");
        let typed = line.trim();
        let is_typed = match block {
            Some(language) => language == "sh" && fence.is_none() && !typed.is_empty(),
            None => typed.starts_with("tinderbox ") || typed.contains(" | tinderbox "),
        };
        if block.is_none() && fence.is_none() && !is_typed {
            prose = prose + line.trim() + " ";
        }
        if fence.is_some() || is_typed || line.is_empty() {
            found.extend(in_prose(&mem::take(&mut prose)));
        }
        if is_typed {
            found.push(Shown::new(typed, false));
        }
        block = match (block, fence) {
            (None, Some(language)) => Some(language),
            (Some(_), Some(_)) => None,
            (block, None) => block,
        };
    }
    found
}

/// Those in backticks.
fn in_prose(text: &str) -> Vec<Shown> {
    let spans = text.split('`').skip(1).step_by(2);
    let is_command =
        |span: &&str| ["tinderbox ", "cargo ", "… "].iter().any(|begin| span.starts_with(begin));
    spans.filter(is_command).map(|span| Shown::new(span, true)).collect()
}

impl Shown {
    fn new(line: &str, in_prose: bool) -> Self {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        let (mut output, mut is_piped) = (None, false);
        for (at, c) in line.char_indices() {
            match (c, quote) {
                (c, Some(open)) if c == open => quote = None,
                ('"' | '\'', None) => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (' ', None) => words.extend(word.take()),
                ('#', None) if word.is_none() => break,
                ('|', None) => {
                    words.clear();
                    is_piped = true;
                }
                ('>', None) => {
                    let file = line[at + 1..].split_whitespace().next();
                    // `~/…` and `${…}` are elsewhere.
                    let is_here = |file: &&str| !file.contains(['~', '$']);
                    output = file.filter(is_here).map(str::to_owned);
                    break;
                }
                (c, _) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        Self { line: line.to_owned(), words, output, is_piped, in_prose }
    }

    /// What follows `tinderbox`, with names that the folder has for those that a user is to fill in.
    pub(super) fn of_ours(&self) -> Option<Vec<String>> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let words = match words.first() {
            Some(&"tinderbox") => &words[1..],
            _ => words.strip_prefix(&["cargo", "run", "--release", "--"])?,
        };
        let before = [""].iter().chain(words);
        let filled = before.zip(words).map(|(before, word)| match is_to_fill_in(word) {
            true => filled(before),
            false => word,
        });
        Some(filled.map(str::to_owned).collect())
    }
}

/// `DIR`, `YOUR-IMAGES`
fn is_to_fill_in(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_uppercase() || c == '-') && word.contains(|c: char| c != '-')
}

fn filled(flag: &str) -> &'static str {
    match flag {
        "--data" => "mnist_png",
        "--masks" => "masks",
        "--model" => "basic",
        "--seed" => "1",
        _ => "photos",
    }
}

#[test]
fn commands_are_found_where_they_stand() {
    let text = "Type `tinderbox demo` or\n`tinderbox\nlesson`:\n\n```sh\ntinderbox train a  # b\ncargo test\n```\n\n```rust\nlet x = `tinderbox y`;\n```\n  cat a | tinderbox predict \"b c\" > ~/d\nUsage: tinderbox [OPTIONS]";
    let found = commands(text);
    let words: Vec<String> = found.iter().map(|command| command.words.join("+")).collect();
    let wanted = [
        "tinderbox+demo",
        "tinderbox+lesson",
        "tinderbox+train+a",
        "cargo+test",
        "tinderbox+predict+b c",
    ];
    assert_eq!(words, wanted);
    let last = found.last().unwrap();
    assert!(last.is_piped && !last.in_prose && last.output.is_none() && found[1].in_prose);
}
