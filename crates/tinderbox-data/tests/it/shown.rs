//! What each stage shows to people.

use image::GrayImage;
use tinderbox_data::{
    BatchOptions, ConvertMode, ImageItems,
    batch::Set,
    picture::Picture,
    transform::{Transforms, rand_pad},
};

#[test]
fn every_stage_shows_its_first_items() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (set, class, n) in [("train", "a", 4), ("train", "b", 2), ("valid", "b", 1)] {
        std::fs::create_dir_all(root.join(set).join(class)).unwrap();
        for index in 0..n {
            let path = root.join(set).join(class).join(format!("{index}.png"));
            GrayImage::from_fn(3, 2, |x, y| [(x * 60 + y * 20) as u8].into()).save(path).unwrap();
        }
    }
    let items = ImageItems::from_folder(root).unwrap().convert_mode(ConvertMode::L);
    let (path, image) = (root.display(), "Image (1, 2, 3)");
    let train = format!("[{image}, {image}, {image}, {image}, {image}]...");
    let split = items.split_by_folder("train", "valid").unwrap();
    assert_eq!(
        split.to_string(),
        format!(
            "Train: ImageItems (6 items)\n{train}\nPath: {path}\n\n\
             Valid: ImageItems (1 items)\n[{image}]\nPath: {path}"
        )
    );
    let labelled = split.label_from_folder().unwrap();
    assert_eq!(
        labelled.to_string(),
        format!(
            "Train: 6 items\nx: ImageItems\n{train}\n\
             y: CategoryList\n[a, a, a, a, b]...\nPath: {path}\n\n\
             Valid: 1 items\nx: ImageItems\n[{image}]\ny: CategoryList\n[b]\nPath: {path}"
        )
    );

    let options = BatchOptions { batch_size: 2, ..BatchOptions::default() };
    let transforms = Transforms::new().train(rand_pad(1, [2, 3]));
    let data = labelled.transform(transforms).unwrap().batches(options).unwrap();
    let shown = |set| pixels(&data.show_item(set, 0, 3).unwrap());
    assert_eq!(shown(Set::Train), shown(Set::Train), "the seed repeats it");
    assert_ne!(shown(Set::Train), shown(Set::Fix), "only training items are transformed");
}

fn pixels(picture: &Picture) -> Vec<u8> {
    let file = tempfile::Builder::new().suffix(".png").tempfile().unwrap();
    picture.save(file.path()).unwrap();
    std::fs::read(file.path()).unwrap()
}
