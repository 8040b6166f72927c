//! Where images of answers go: each to a file of its own, over nothing that is there.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail};
use tinderbox::{
    About, Asked, Draws, RunFolder, check_outputs,
    data::{image::PHOTO_EXTENSIONS, shell_word},
};

use super::Predict;

/// Where the images of each item go; nothing if none are wanted.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) outs: Vec<PathBuf>,
    pub(super) overlays: Vec<PathBuf>,
    pub(super) comparisons: Vec<PathBuf>,
}

impl Places {
    /// Makes the folders, once nothing is in the way.
    ///
    /// # Errors
    /// A model whose answers are no images; one file for several items; a place where there is an
    /// input, the model, another output, or, unless it may be written over, any file.
    pub(super) fn new(asked: &Predict, about: &About, items: &[Asked]) -> anyhow::Result<Self> {
        let wanted = [
            ("--out", &asked.out, &[Draws::Mask, Draws::Image][..], "masks and images"),
            ("--overlay", &asked.overlay, &[Draws::Mask], "masks"),
            ("--compare", &asked.compare, &[Draws::Image], "images"),
        ];
        let unfit =
            wanted.iter().find(|(_, path, of, _)| path.is_some() && !of.contains(&about.draws));
        if let Some((flag, .., what)) = unfit {
            bail!("`{flag}` is for predicted {what}, which {} does not give", about.noun);
        }
        let is_of_inputs = |folder: &PathBuf| {
            let folder = folder.canonicalize().ok().filter(|folder| folder.is_dir());
            folder.is_some_and(|folder| {
                asked.items.iter().any(|item| item.canonicalize().is_ok_and(|item| item == folder))
            })
        };
        for (flag, path, ..) in wanted {
            if let Some(folder) = path.as_ref().filter(|folder| is_of_inputs(folder)) {
                bail!(
                    "`{flag} {}` would put the predictions among the inputs: name another folder",
                    shell_word(folder)
                );
            }
        }
        let drawn = names(items, |_| "png".into());
        let overlays = places(asked.overlay.as_deref(), &drawn, &["png"])?;
        let comparisons = places(asked.compare.as_deref(), &drawn, &["png"])?;
        let outs = match about.draws {
            Draws::Image => {
                places(asked.out.as_deref(), &names(items, photo_extension), PHOTO_EXTENSIONS)?
            }
            _ => places(asked.out.as_deref(), &drawn, &["png"])?,
        };
        let files = || outs.iter().chain(&overlays).chain(&comparisons).chain(&asked.to);
        let inputs = items.iter().filter_map(Asked::file).chain([asked.model.as_path()]);
        let model = RunFolder::new(&asked.model).model();
        // Tables, and all that is in folders.
        let typed = asked.items.iter().map(PathBuf::as_path);
        let inputs = inputs.chain([model.as_path()]).chain(typed);
        check_outputs(files().map(PathBuf::as_path), inputs, asked.force)
            .map_err(tinderbox::Error::from)?;
        for folder in files().filter_map(|file| file.parent()).filter(|folder| !folder.exists()) {
            if folder != Path::new("") {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create {}", folder.display()))?;
            }
        }
        Ok(Self { outs, overlays, comparisons })
    }
}

/// The format of the image made of a file: its own, if that can be written.
fn photo_extension(file: &Path) -> String {
    let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match PHOTO_EXTENSIONS.contains(&&*extension) {
        true => extension,
        false => "png".into(),
    }
}

/// The image of each item, by their names: at `path` if that is a file that ends so, else in the folder.
fn places(
    path: Option<&Path>,
    names: &[String],
    extensions: &[&str],
) -> anyhow::Result<Vec<PathBuf>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_image = tinderbox::data::image::extensions().any(|extension| extension == end);
    match (path.is_dir(), extensions.contains(&&*end), names.len()) {
        (false, true, 1) => Ok(vec![path.to_owned()]),
        (false, true, n) => {
            bail!("{} is one file, but there are {n} inputs: name a folder", path.display())
        }
        (false, ..) if is_image => {
            let ends = extensions.join(", .");
            bail!("{} must end in .{ends} or be the name of a folder", path.display())
        }
        _ => Ok(names.iter().map(|name| path.join(name)).collect()),
    }
}

/// Names of files for items: their own, with as much of the path before them as it takes to tell them
/// apart, and the ends that `extension` gives for their files.
fn names(items: &[Asked], extension: impl Fn(&Path) -> String) -> Vec<String> {
    let path = |item: &Path| {
        let parts = item.components().filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        });
        parts.collect::<Vec<_>>().join("-")
    };
    let levels = |item: &Asked| match item.file() {
        None => [(); 3].map(|()| format!("stdin.{}", extension(Path::new("")))),
        Some(file) => [
            path(Path::new(file.file_stem().unwrap_or_default())),
            path(&file.with_extension("")),
            path(file),
        ]
        .map(|name| format!("{name}.{}", extension(file))),
    };
    let levels: Vec<[String; 3]> = items.iter().map(levels).collect();
    // There are file systems that do not tell `A.png` from `a.png`.
    let mut times: [HashMap<String, usize>; 3] = Default::default();
    for (level, name) in levels.iter().flat_map(|levels| levels.iter().enumerate()) {
        *times[level].entry(name.to_lowercase()).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let mut name = |levels: &[String; 3]| {
        let [_, _, whole] = levels;
        let mut names = levels.iter().zip(&times);
        let alone = names.find(|(name, times)| times[&name.to_lowercase()] == 1);
        let name = alone.map_or(whole, |(name, _)| name);
        // `a.png` and `../a.png`.
        let (stem, end) = name.rsplit_once('.').expect("each has an end");
        let numbered = (2..).map(|number| format!("{stem}-{number}.{end}"));
        let mut free = std::iter::once(name.clone()).chain(numbered);
        free.find(|name| taken.insert(name.to_lowercase())).expect("numbers do not end")
    };
    levels.iter().map(&mut name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_input_has_an_output_of_its_own() {
        let files = ["a/1.png", "b/1.png", "b/2.png", "b/2.jpg", "3.png", "../4.png", "4.png"];
        let mut items: Vec<Asked> = files.iter().map(|file| Asked::File(file.into())).collect();
        items.push(Asked::Bytes(Vec::new()));
        items.extend(["Cat.png", "cat.png"].map(|file| Asked::File(file.into())));
        let want = [
            "a-1.png",
            "b-1.png",
            "b-2.png.png",
            "b-2.jpg.png",
            "3.png",
            "4.png.png",
            "4.png-2.png",
            "stdin.png",
            "Cat.png.png",
            "cat.png-2.png",
        ];
        assert_eq!(names(&items, |_| "png".into()), want);
    }

    #[test]
    fn images_keep_the_format_of_their_inputs_where_it_is_written() {
        let files = ["a/1.JPG", "b/1.jpg", "2.tif", "3.gif", "3.png"];
        let mut items: Vec<Asked> = files.iter().map(|file| Asked::File(file.into())).collect();
        items.push(Asked::Bytes(Vec::new()));
        let want = ["a-1.jpg", "b-1.jpg", "2.tif", "3.gif.png", "3.png.png", "stdin.png"];
        assert_eq!(names(&items, photo_extension), want);
    }

    #[test]
    fn a_file_is_for_one_input_and_any_other_name_is_a_folders() {
        let names = |n: usize| (0..n).map(|at| format!("{at}.png")).collect::<Vec<_>>();
        let at = |path: &str, n| places(Some(Path::new(path)), &names(n), &["png"]);
        let photo = |path: &str| places(Some(Path::new(path)), &names(1), PHOTO_EXTENSIONS);
        assert_eq!(photo("m.JPG").unwrap(), [Path::new("m.JPG")]);
        let message = photo("m.gif").unwrap_err().to_string();
        assert!(
            message.contains("must end in .jpg, .jpeg, .png, .tif, .tiff, .webp or"),
            "{message}"
        );
        assert_eq!(at("m.png", 1).unwrap(), [Path::new("m.png")]);
        assert_eq!(at("masks", 1).unwrap(), [Path::new("masks/0.png")]);
        assert_eq!(at("masks.v2", 2).unwrap()[1], Path::new("masks.v2/1.png"));
        assert!(at("m.PNG", 2).unwrap_err().to_string().contains("there are 2 inputs"));
        assert!(at("m.jpg", 1).unwrap_err().to_string().contains("must end in .png"));
        assert!(at("m.jpg", 2).unwrap_err().to_string().contains("must end in .png"));
    }
}
