//! Golden: small folders, and what the steps of the data block make of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::GrayImage;
use serde_json::{Value, json};
use tinderbox_data::{
    Array, BatchOptions, ConvertMode, DataBunch, ImageItems, ImageKind, Label, LabelKind, Labelled,
    Split, Values,
    batch::Set,
    items::{CsvOptions, FolderOptions},
};
use tinderbox_golden::{Case, Group, Report};

use crate::common::{Outcome, equal};

#[test]
fn data_block() {
    let group = Group::open("data_block");
    let mut report = Report::new("data_block");
    for case in group.cases() {
        let tree = Tree::of(case.config());
        match tree.run(case.config()) {
            Err(Stop::Unknown(step)) => {
                report.not_run(case.id(), &format!("no step is called `{step}`"));
            }
            Err(Stop::Failed(why)) => report.case(case.id(), Err(why)),
            Ok(stage) => report.case(case.id(), tree.check(&stage, case)),
        }
    }
    report.finish();
}

/// Why the steps of a case were not run to their end.
enum Stop {
    Unknown(String),
    Failed(String),
}

impl From<tinderbox_data::Error> for Stop {
    fn from(error: tinderbox_data::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What the last step gave.
enum Stage {
    Nothing,
    Items(ImageItems),
    Split(Split<ImageKind>),
    Labelled(Box<Labelled<ImageKind>>),
}

/// The files of a case.
struct Tree {
    folder: tempfile::TempDir,
    files: Vec<String>,
}

/// A list of texts in a manifest.
fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten();
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// `name(a, key=b)` as the name and its arguments.
fn call(step: &str) -> (&str, Vec<&str>) {
    let Some((name, rest)) = step.split_once('(') else { return (step, Vec::new()) };
    let inside = rest.strip_suffix(')').unwrap_or(rest);
    let (mut arguments, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, letter) in inside.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(inside[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    arguments.push(inside[start..].trim());
    (name, arguments)
}

/// The argument called `key`, without quotes.
fn keyword<'a>(arguments: &[&'a str], key: &str) -> Option<&'a str> {
    let value = |argument: &&'a str| argument.strip_prefix(key)?.strip_prefix('=');
    arguments.iter().find_map(value).map(|value| value.trim_matches('\''))
}

/// `[a, b]` as its parts.
fn list(argument: &str) -> Vec<&str> {
    argument.trim_matches(['[', ']']).split(',').map(str::trim).collect()
}

impl Tree {
    /// Writes the files: each is a picture of 6 × 8 pixels, whatever it is called.
    fn of(config: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = texts(&config["files"]);
        for file in &files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            GrayImage::new(8, 6).save_with_format(path, image::ImageFormat::Png).unwrap();
        }
        for (key, file) in [("csv", "labels.csv"), ("valid_txt", "valid.txt")] {
            if let Some(text) = config[key].as_str() {
                fs::write(folder.path().join(file), text).unwrap();
            }
        }
        Self { folder, files }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, config: &Value) -> Result<Stage, Stop> {
        texts(&config["steps"])
            .iter()
            .try_fold(Stage::Nothing, |stage, step| self.step(stage, step, config))
    }

    fn step(&self, stage: Stage, step: &str, config: &Value) -> Result<Stage, Stop> {
        let (name, arguments) = call(step);
        let first = arguments.first().copied().unwrap_or_default();
        Ok(match (stage, name) {
            (Stage::Nothing, "from_folder") => {
                let mode = match config["convert_mode"].as_str() {
                    Some("L") => ConvertMode::L,
                    _ => ConvertMode::Rgb,
                };
                Stage::Items(ImageItems::from_folder(self.root().join(first))?.convert_mode(mode))
            }
            (Stage::Nothing, "from_csv") => {
                let options = self.csv_options(&arguments, config);
                Stage::Items(ImageItems::from_csv(self.root(), "labels.csv", &options)?)
            }
            (Stage::Items(items), "filter_by_folder") => {
                let [include, exclude] = ["include", "exclude"]
                    .map(|key| keyword(&arguments, key).map(list).unwrap_or_default());
                Stage::Items(items.filter_by_folder(&include, &exclude))
            }
            (Stage::Items(items), "split_by_folder") => {
                Stage::Split(items.split_by_folder(first, arguments[1])?)
            }
            (Stage::Items(items), "split_by_fname_file") => {
                Stage::Split(items.split_by_fname_file(first, None)?)
            }
            (Stage::Items(items), "split_from_df") => Stage::Split(items.split_from_df(first)?),
            (Stage::Items(items), "split_by_idx") => {
                let indexes: Vec<usize> = serde_json::from_str(first).unwrap();
                Stage::Split(items.split_by_idx(&indexes)?)
            }
            (Stage::Split(split), "label_from_folder") => {
                Stage::Labelled(split.label_from_folder()?.into())
            }
            (Stage::Split(split), "label_from_df") => {
                let delimiter =
                    keyword(&arguments, "label_delim").and_then(|text| text.chars().next());
                Stage::Labelled(split.label_from_df(first, delimiter)?.into())
            }
            (Stage::Split(split), "label_from_func") => {
                Stage::Labelled(masks(split, first, config)?.into())
            }
            (_, unknown) => return Err(Stop::Unknown(unknown.to_owned())),
        })
    }

    /// What is not said about the names follows from the files that there are.
    fn csv_options(&self, arguments: &[&str], config: &Value) -> CsvOptions {
        let csv = config["csv"].as_str().unwrap();
        let name = csv.lines().nth(1).unwrap().split(',').next().unwrap();
        let of_name = |file: &&String| Path::new(file).file_stem() == Some(name.as_ref());
        let file = Path::new(self.files.iter().find(of_name).unwrap());
        let extension = file.extension().map(|end| format!(".{}", end.display()));
        CsvOptions {
            folder: keyword(arguments, "folder")
                .map_or_else(|| file.parent().unwrap().to_owned(), PathBuf::from),
            suffix: keyword(arguments, "suffix")
                .map_or_else(|| extension.unwrap_or_default(), str::to_owned),
            ..CsvOptions::default()
        }
    }

    fn below(&self, path: &Path) -> String {
        let path = path.strip_prefix(self.root()).unwrap_or(path);
        path.to_str().unwrap().replace('\\', "/")
    }

    fn paths(&self, items: &ImageItems) -> Vec<String> {
        (0..items.len()).map(|index| self.below(&items.path(index))).collect()
    }

    fn check(&self, stage: &Stage, case: Case<'_>) -> Outcome {
        let values = case.values().as_object().ok_or("no values")?;
        for (name, want) in values {
            let got = match stage {
                Stage::Nothing => self.listed(name)?,
                Stage::Items(items) if name == "items" => json!(self.paths(items)),
                Stage::Items(_) => return Err(format!("items have no `{name}`")),
                Stage::Split(split) => self.of_split(split, name, case.config())?,
                Stage::Labelled(labelled) => self.of_labelled(labelled, name)?,
            };
            equal(name, got, want)?;
        }
        Ok(())
    }

    /// The files that `include_<folder>`, `exclude_<folder>`, `extensions_<extension>` and
    /// `no_recurse` take.
    fn listed(&self, name: &str) -> Result<Value, String> {
        let default = FolderOptions::default();
        let options = match name.split_once('_') {
            Some(("include", folder)) => FolderOptions { include: vec![folder.into()], ..default },
            Some(("exclude", folder)) => FolderOptions { exclude: vec![folder.into()], ..default },
            Some(("extensions", end)) => FolderOptions { extensions: vec![end.into()], ..default },
            Some(("no", "recurse")) => FolderOptions { recurse: false, ..default },
            _ => return Err(format!("no way is known to list `{name}`")),
        };
        let items = ImageItems::from_folder_with(self.root(), &options);
        Ok(json!(self.paths(&items.map_err(|error| error.to_string())?)))
    }

    fn of_split(
        &self,
        split: &Split<ImageKind>,
        name: &str,
        config: &Value,
    ) -> Result<Value, String> {
        Ok(match name {
            "train" => json!(self.paths(&split.train)),
            "valid" => json!(self.paths(&split.valid)),
            "classes" | "y" | "empty_valid" => {
                let data =
                    self.by_pattern(split, config["pattern"].as_str().ok_or("no pattern")?)?;
                match name {
                    "classes" => json!(data.classes()),
                    "y" => targets(&data, Set::Fix)?,
                    _ => json!(data.n_valid()),
                }
            }
            other => return Err(format!("a split has no `{other}`")),
        })
    }

    /// All items that a pattern matches, labelled by it; the others must be refused.
    fn by_pattern(&self, split: &Split<ImageKind>, pattern: &str) -> Result<DataBunch, String> {
        if split.clone().label_from_re(pattern, false).is_ok() {
            return Err("a path that does not match was labelled".into());
        }
        let matches = regex::Regex::new(pattern).unwrap();
        let items = ImageItems::from_folder(self.root()).map_err(|error| error.to_string())?;
        items
            .filter_by_func(|path| matches.is_match(path.to_str().unwrap()))
            .split_none()
            .label_from_re(pattern, false)
            .and_then(|labelled| labelled.batches(whole()))
            .map_err(|error| error.to_string())
    }

    fn of_labelled(&self, labelled: &Labelled<ImageKind>, name: &str) -> Result<Value, String> {
        let (target, parts) = (&labelled.target, [&labelled.train, &labelled.valid]);
        let [train, valid] = parts.map(|part| json!(self.paths(&part.items)));
        let data = labelled.clone().batches(whole()).map_err(|error| error.to_string())?;
        let first = |set| data.one_batch(set).map_err(|error| error.to_string());
        let of_set = |name: &str| if name.starts_with("train") { Set::Fix } else { Set::Valid };
        let is_mask = !target.classes().is_empty() && target.list_name().starts_with("Segm");
        Ok(match name {
            "items" => {
                let all =
                    ImageItems::from_folder(self.root()).map_err(|error| error.to_string())?;
                json!(self.paths(&all))
            }
            "train" => train,
            "valid" => valid,
            "classes" => json!(data.classes()),
            "c" => json!(data.c()),
            "loss_func" => json!(target.default_loss()),
            "label_list" => json!(target.list_name()),
            "shape" => json!(first(Set::Fix)?.inputs.row(0).shape),
            "mask_shape" => json!(first(Set::Fix)?.targets.row(0).shape),
            "train_y" | "valid_y" if is_mask => {
                let part = parts[usize::from(name == "valid_y")];
                let file = |index| self.below(Path::new(&part.labels.text(index)));
                json!((0..part.labels.len()).map(file).collect::<Vec<_>>())
            }
            "train_y" | "valid_y" | "train_onehot" | "valid_onehot" => {
                targets(&data, of_set(name))?
            }
            other => return Err(format!("labelled items have no `{other}`")),
        })
    }
}

/// Labels by `parent+'suffix'/name`: masks in the folder beside.
fn masks(split: Split<ImageKind>, rule: &str, config: &Value) -> Result<Labelled<ImageKind>, Stop> {
    let suffix = rule.strip_prefix("parent+'").and_then(|rest| rest.strip_suffix("'/name"));
    let suffix = suffix.ok_or_else(|| Stop::Unknown(format!("label_from_func({rule})")))?;
    let label = |path: &Path| {
        let parent = format!("{}{suffix}", path.parent().unwrap().display());
        Label::File(Path::new(&parent).join(path.file_name().unwrap()))
    };
    let classes = texts(&config["classes"]);
    let kind = LabelKind::mask(classes);
    Ok(split.label_kind(kind).label_from_func(label)?)
}

/// A set in one batch, in order.
fn whole() -> BatchOptions {
    BatchOptions { batch_size: 1000, workers: 0, ..BatchOptions::default() }
}

fn targets(data: &DataBunch, set: Set) -> Result<Value, String> {
    let batch = data.one_batch(set).map_err(|error| error.to_string())?;
    let Array { shape, values } = batch.targets;
    let width: usize = shape[1..].iter().product();
    Ok(match values {
        Values::I64(values) => json!(values),
        Values::F32(values) if shape.len() == 1 => json!(values),
        Values::F32(values) => json!(values.chunks(width).collect::<Vec<_>>()),
    })
}
