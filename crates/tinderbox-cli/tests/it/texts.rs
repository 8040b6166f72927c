//! Language models, what they write, and classifiers of texts.

use std::fs;

use tinderbox::data::text::number_in_words;

use crate::run::Place;

/// A language model that trains in a moment, in `lm/`.
const TRAIN_LM: [&str; 18] = [
    "train-lm",
    "numbers.txt",
    "--out",
    "lm",
    "--arch",
    "gru",
    "--hidden",
    "16",
    "--epochs",
    "2",
    "--batch-size",
    "4",
    "--bptt",
    "10",
    "--checkpoint-every",
    "1",
    "--json",
    "--seed=1",
];

/// Reviews, of which good ones say so, in `reviews.csv`; numbers in words in `numbers.txt`.
fn place() -> Place {
    let place = Place::new();
    let numbers: Vec<String> = (1..150).map(number_in_words).collect();
    fs::write(place.path("numbers.txt"), numbers.join(", ")).unwrap();
    let things = ["film", "book", "play", "song", "dance"];
    let words =
        [("good", "positive"), ("fine", "positive"), ("bad", "negative"), ("dull", "negative")];
    let row = |at: usize| {
        let (word, label) = words[at % 4];
        let (thing, valid) = (things[at % 5], at >= 48);
        format!("\"This {thing} was {word}, a {word} {thing} indeed.\",{label},{valid}")
    };
    let header = "text,label,is_valid".to_owned();
    let rows: Vec<String> = std::iter::once(header).chain((0..60).map(row)).collect();
    fs::write(place.path("reviews.csv"), rows.join("\n")).unwrap();
    place
}

/// The lesson's first models predict one word a row, which follows from the architecture.
#[test]
fn a_model_of_three_words_is_trained_and_measured() {
    let place = place();
    let train = ["train-lm", "numbers.txt", "--arch", "model0", "--epochs", "1", "--out", "m0"];
    place.run(&[&train[..], &["--bptt", "3", "--batch-size", "4"]].concat()).code(0).says("acc4");
    place.run(&["validate", "m0"]).code(0).says("acc4");
}

#[test]
fn a_text_becomes_a_model_that_writes() {
    let place = place();
    let lines = place.run(&TRAIN_LM).code(0).json();
    let plan = &lines.iter().find(|line| line["event"] == "plan").unwrap()["plan"];
    assert_eq!(plan["decided"]["arch"], "gru");
    assert_eq!(lines.last().unwrap()["outcome"], "finished");
    place.run(&TRAIN_LM).code(1).says("lm already has a finished run");

    let write = |more: &[&str]| {
        let prompt = ["generate", "lm", "--prompt", "twenty one ,"];
        place.run(&[&prompt[..], more].concat()).code(0).out
    };
    let text = write(&["--words", "6"]);
    assert!(text.starts_with("twenty one , ") && text.split_whitespace().count() >= 8, "{text}");
    assert_eq!(write(&["--words", "6"]), text, "the same seed");
    let greedy = write(&["--words", "6", "--temperature", "0"]);
    assert_eq!(write(&["--words", "6", "--temperature", "0", "--seed", "9"]), greedy);
    assert!(write(&["--words", "3", "--beam", "4"]).starts_with("twenty one , "));
    place.run(&["generate", "lm", "--words", "3"]).code(0);
    let generate = ["generate", "lm", "--prompt", "twenty one ,", "--words", "6", "--json"];
    let written = place.run(&generate).code(0).json().remove(0);
    assert_eq!(written["text"], text.trim_end());
    let shown = place.run(&["show-batch", "numbers.txt", "--json"]).code(0).json().remove(0);
    assert_eq!(shown["columns"], serde_json::json!(["idx", "text"]));
    place.run(&["generate", "lm", "--min-p", "1"]).code(0).says("no candidate reached `--min-p`");
    place.run(&["generate", "lm", "--temperature=-1"]).code(1).says("temperature is -1");
    place.run(&["generate", "lm", "--top-k", "0"]).code(1).says("top_k is 0");
    place.run(&["predict", "lm", "twenty one"]).code(0).says("twenty one\t");
    let written = place.run(&["predict", "lm", "twenty one", "--json"]).code(0).json().remove(0);
    assert_eq!(written["text"], "twenty one");
    assert!(written["written"].as_str().unwrap().starts_with("twenty one"), "{written}");
    let summary = place.run(&["summary", "lm"]).code(0).says("Gru").out;
    assert!(!summary.contains("Total params: 0"), "{summary}");
    place.run(&["show-batch", "numbers.txt"]).code(0).says("| idx | text |").says("twenty one");
    place.run(&["validate", "lm"]).code(0).says("perplexity");
    place
        .run(&["train", "reviews.csv", "--from-lm", "lm", "--out", "c"])
        .code(1)
        .says("the model has no encoder for texts")
        .says("--arch awd-lstm");
}

#[test]
fn a_classifier_starts_from_a_language_model() {
    let place = place();
    let small = ["--embedding", "12", "--hidden", "16", "--layers", "1", "--batch-size", "4"];
    let lm = ["train-lm", "reviews.csv", "--out", "lm", "--epochs", "3", "--bptt", "8"];
    place
        .run(&[&lm[..], &small].concat())
        .code(0)
        .says("awd-lstm, 1 layer, hidden size 16, embedding size 12");
    // Another language model starts from it, on other words.
    let tune = [
        "train-lm",
        "numbers.txt",
        "--from",
        "lm",
        "--out",
        "tuned",
        "--epochs",
        "1",
        "--bptt",
        "8",
    ];
    place
        .run(&tune)
        .code(0)
        .says("hidden size 16, embedding size 12")
        .says("part 1 of 2: the embeddings alone");
    place.run(&tune).code(1).says("tuned already has a finished run");
    let sizes = ["train-lm", "numbers.txt", "--from", "lm", "--out", "other", "--hidden", "8"];
    place.run(&sizes).code(1).says("`--hidden` has no effect here: the run in `--from` decides it");
    let train = ["train", "reviews.csv", "--from-lm", "lm", "--out", "reviews", "--epochs", "6"];
    place
        .run(&[&train[..], &["--lr", "0.05", "--dropout", "0.1"]].concat())
        .code(0)
        .says("part 1 of 4: the head alone")
        .says("part 4 of 4: the whole network")
        .says("column `is_valid` – the data has this column");
    fs::write(place.path("new.txt"), "This song was dull, a dull song indeed.").unwrap();
    let good = "This film was good, a good film indeed.";
    let out = place.run(&["predict", "reviews", good, "new.txt"]).code(0).out;
    let labels: Vec<&str> = out.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
    assert_eq!(labels, ["positive", "negative"]);
    let json = place.run(&["predict", "reviews", good, "--json"]).code(0).json();
    assert_eq!((&json[0]["text"], &json[0]["label"]), (&good.into(), &"positive".into()));
    predicts_tables(&place, good);
    place.run(&["predict", "reviews", " "]).code(3).says("the text \" \" has no tokens");
    place
        .run(&["generate", "reviews"])
        .code(1)
        .says("but this needs a language model")
        .says("hint: to use this model: `tinderbox predict MODEL \"some text\"`");
    let history = fs::read_to_string(place.path("reviews/history.csv")).unwrap();
    let accuracy = history.lines().last().unwrap().split(',').nth(3).unwrap();
    place.run(&["validate", "reviews"]).code(0).says(&format!("accuracy  {accuracy}"));
    place
        .run(&["interpret", "reviews"])
        .code(0)
        .says("negative")
        .says("largest losses")
        .says("confusion.svg");
    place.run(&["interpret", "reviews", "--heat"]).code(1).says("`--heat` does not support");
    place.run(&["show-batch", "reviews.csv"]).code(0).says("| text | target |").says("positive");
    let resume =
        |more: &[&str]| place.run(&[&["train", "--out", "reviews", "--resume"], more].concat());
    resume(&[]).code(0).says("the run had already finished");
    resume(&["--seed", "7"]).code(1).says("was started with --seed 42, not 7");

    // Folders of texts are read, too.
    for (folder, text) in [("pos", "good and fine"), ("neg", "bad and dull")] {
        for at in 0..6 {
            let path = place.path(format!("texts/{folder}/{at}.txt"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let train = ["train", "texts", "--out", "folder", "--epochs", "1"];
    place.run(&train).code(0).says("2: neg ");
}

/// Row by row, in the column that the run was trained on.
fn predicts_tables(place: &Place, good: &str) {
    fs::write(place.path("new.csv"), format!("text,body\n\"{good}\",x\ndull and bad,y\n")).unwrap();
    let out = place.run(&["predict", "reviews", "new.csv"]).code(0).out;
    assert!(out.starts_with("new.csv:1\tpositive\t") && out.contains("\nnew.csv:2\t"), "{out}");
    let other = place.run(&["predict", "reviews", "new.csv", "--text", "body"]).code(0).out;
    assert!(other.lines().count() == 2 && other != out, "{other}");
    let unknown = ["predict", "reviews", "new.csv", "--text", "title"];
    place.run(&unknown).code(1).says("no column `title`");
    place.run(&["predict", "reviews", "gone.csv"]).code(3).says("cannot read gone.csv");
    let question = place.run(&["predict", "reviews", "Was it a good film?"]).code(0).out;
    assert!(question.starts_with("Was it a good film?\t"), "{question}");
    fs::write(place.path("lines.txt"), format!("{good}\ndull and bad\n")).unwrap();
    let mut command = place.command(&["predict", "reviews", "-", "--json"]);
    let output = command.stdin(fs::File::open(place.path("lines.txt")).unwrap()).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(lines.lines().count() == 2 && lines.contains("\"text\":\"dull and bad\""), "{lines}");
}

#[test]
fn what_is_wrong_with_texts_is_said() {
    let place = place();
    let train = |args: &[&str]| place.run(&[&["train-lm"], args].concat());
    train(&["nowhere.txt"]).code(1).says("nowhere.txt");
    fs::write(place.path("empty.txt"), "").unwrap();
    train(&["empty.txt"]).code(1).says("has no tokens");
    fs::write(place.path("latin.txt"), b"caf\xe9 au lait").unwrap();
    train(&["latin.txt"]).code(1).says("latin.txt is not UTF-8: byte 3");
    fs::write(place.path("short.txt"), "one two three").unwrap();
    train(&["short.txt", "--batch-size", "8"]).code(1).says("tokens");
    train(&["reviews.csv", "--text", "body"])
        .code(1)
        .says("no column `body`; it has text, label, is_valid");
    train(&["numbers.txt", "--tokens", "syllables"]).code(2).says("expected `words`, `characters`");
    train(&["numbers.txt", "--arch", "gruu"]).code(1).says("did you mean `gru`?");
    train(&["numbers.txt", "--valid", "2"]).code(2).says("the validation share 2");
    let classify = |args: &[&str]| place.run(&[&["train", "reviews.csv"], args].concat());
    let rows: Vec<String> = (0..9).map(|at| format!("a film,{at}.5")).collect();
    fs::write(place.path("stars.csv"), format!("text,label\n{}", rows.join("\n"))).unwrap();
    let numbers = place.run(&["train", "stars.csv"]).code(1);
    numbers.says("column `label` of").says("holds numbers");
    classify(&["--label", "stars"]).code(1).says("no column `stars`");
    classify(&["--size", "64"]).code(2).says("`--size` is not a setting of the task");
    classify(&["--batch-size", "1"])
        .code(1)
        .says("a batch size of 1 does not work with 48 training texts");
    classify(&["--from-lm", "nowhere"]).code(1).says("nowhere");
}

#[test]
fn the_lesson_needs_no_data() {
    let place = Place::new();
    let lesson = ["lesson", "human-numbers", "--model", "4", "--epochs", "1", "--out", "run"];
    place
        .run(&lesson)
        .code(0)
        .says("nn.RNN, 13350 parameters, compared with the lesson:")
        .says("3.451432            3.268344    0.224148");
    place.run(&["lesson", "human-numbers", "--model", "6"]).code(2).says("6 is not in 0..=5");
}

#[test]
fn language_models_killed_at_any_moment_go_on_with_their_state() {
    place().killed_runs_reach_the_same(&TRAIN_LM, 10);
}

#[test]
fn classifiers_killed_in_any_fit_go_on_to_the_same_bits() {
    let place = place();
    let lm = ["train-lm", "reviews.csv", "--out", "lm", "--epochs", "1", "--batch-size", "4"];
    let small = ["--embedding", "6", "--hidden", "8", "--layers", "1", "--bptt", "8"];
    place.run(&[&lm[..], &small].concat()).code(0);
    let train = ["train", "reviews.csv", "--from-lm", "lm", "--out", "c", "--epochs", "1"];
    place.killed_runs_reach_the_same(&[&train[..], &["--checkpoint-every", "1"]].concat(), 10);
}
