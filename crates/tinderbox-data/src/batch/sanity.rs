//! A look at the first training batch, so that what would end the first epoch is known before it.

use crate::{Array, loader::Loader};

/// What is wrong with the first batch of a training set that has items, in words. Nothing here is
/// an error: the reader may know better.
pub(super) fn doubts(loader: &Loader) -> Vec<String> {
    let (items, batch_size) = (loader.plan.items(), loader.plan.batch_size());
    if items < batch_size {
        return vec![format!(
            "your training dataloader is empty: you have only {items} items in the training set \
             and the batch size is {batch_size}, you should lower it"
        )];
    }
    let (mut samples, mut unreadable) = (Vec::new(), Vec::new());
    for &item in loader.items(0) {
        match loader.sample_safely(item) {
            Ok(sample) => samples.push(sample),
            Err(error) => unreadable.push((item, error.to_string())),
        }
    }
    let (inputs, targets): (Vec<Array>, Vec<Array>) =
        samples.iter().map(|sample| (sample.input.clone(), sample.target.clone())).unzip();
    let unequal = [unequal("inputs", &inputs), unequal("targets", &targets)];
    // A set may know how to make a batch of what cannot be stacked.
    let fits = unequal.iter().all(Option::is_none) || loader.samples.collate(samples).is_ok();
    let unequal = unequal.into_iter().flatten().filter(|_| !fits);
    unread(&unreadable, batch_size).into_iter().chain(unequal).collect()
}

fn unread(items: &[(usize, String)], batch_size: usize) -> Option<String> {
    /// This many items are named.
    const NAMED: usize = 5;
    let (_, first) = items.first()?;
    let named: Vec<String> = items.iter().take(NAMED).map(|(index, _)| index.to_string()).collect();
    let more = if items.len() > NAMED { ", …" } else { "" };
    Some(format!(
        "there seems to be something wrong with your data: {} of the {batch_size} items of the \
         first batch cannot be read: {}{more} (the first: {first})",
        items.len(),
        named.join(", ")
    ))
}

fn unequal(what: &str, arrays: &[Array]) -> Option<String> {
    let error = Array::stack(arrays).err().filter(|_| !arrays.is_empty())?;
    Some(format!("it is not possible to make a batch of your {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crate::{
        BatchOptions, DataBunch, ImageItems, ImageKind, Items,
        check::Check,
        picture::Picture,
        transform::{Size, Transforms},
    };

    /// Images of these widths; 0 is a broken file.
    fn data(root: &Path, widths: &[usize], options: BatchOptions) -> DataBunch {
        fs::create_dir_all(root.join("a")).unwrap();
        let paths = widths.iter().enumerate().map(|(n, &width)| {
            let path = Path::new("a").join(format!("{n}.png"));
            match width {
                0 => fs::write(root.join(&path), "broken").unwrap(),
                width => Picture::filled(width, 2, [9; 3]).save(root.join(&path)).unwrap(),
            }
            path
        });
        let items: ImageItems = Items::new(root, paths.collect(), ImageKind::default());
        items.split_none().label_from_folder().unwrap().batches(options).unwrap()
    }

    #[track_caller]
    fn check(widths: &[usize], batch_size: usize, warnings: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let options = BatchOptions { batch_size, shuffle: false, ..BatchOptions::default() };
        let found = data(folder.path(), widths, options.clone());
        let found: Vec<&str> =
            found.warnings().filter(|text| !text.contains("only one class")).collect();
        assert_eq!(found.len(), warnings.len(), "{found:?}");
        for (found, want) in found.iter().zip(warnings) {
            assert!(found.contains(want), "{found}");
        }
        let quiet = data(folder.path(), widths, BatchOptions { no_check: true, ..options });
        assert!(quiet.warnings().all(|text| text.contains("only one class")));
    }

    #[test]
    fn the_first_batch_is_looked_at() {
        check(&[2, 2, 2], 2, &[]);
        check(
            &[2, 2, 2],
            4,
            &["you have only 3 items in the training set and the batch size is 4"],
        );
        check(&[2, 0, 2, 0], 4, &["2 of the 4 items of the first batch cannot be read: 1, 3 ("]);
        check(&[0; 7], 7, &["cannot be read: 0, 1, 2, 3, 4, …"]);
        check(
            &[2, 3],
            2,
            &["your inputs: items of different shapes cannot be one batch: [3, 2, 2], [3, 2, 3]"],
        );
    }

    #[test]
    fn a_picture_too_thin_for_the_size_is_known_before_training() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        Picture::filled(5, 5, [9; 3]).save(folder.path().join("a/1.png")).unwrap();
        Picture::filled(3000, 1, [9; 3]).save(folder.path().join("a/2.png")).unwrap();
        let items = ImageItems::from_folder(folder.path()).unwrap();
        let labelled = items.split_none().label_from_folder().unwrap();
        let sized = labelled.transform(Transforms::new().size(Size::Square(224))).unwrap();
        let data = sized.batches(BatchOptions::default()).unwrap();
        let error = data.check(&Check::default()).unwrap_err().to_string();
        assert!(error.contains("2.png: an image of 224×672000 pixels is too large"), "{error}");
    }

    #[test]
    fn leaving_bad_files_out_ends_the_doubts_about_them() {
        let folder = tempfile::tempdir().unwrap();
        let options = BatchOptions { batch_size: 2, ..BatchOptions::default() };
        let data = data(folder.path(), &[2, 0, 2], options);
        let checked = data.check(&Check { allowed: 1, progress: None }).unwrap();
        assert_eq!(checked.left_out.len(), 1);
        assert!(checked.data.warnings().all(|text| text.contains("only one class")));
    }
}
