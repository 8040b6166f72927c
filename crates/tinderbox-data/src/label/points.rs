//! Places in images.

use std::sync::Arc;

use super::{InputFacts, Label, Labels};
use crate::{Array, Error, Result};

/// How many points an item has.
pub(super) fn len(train: &[Label]) -> Result<usize> {
    Ok(points(train.first().ok_or(Error::NoTrainingItems)?)?.len())
}

fn points(label: &Label) -> Result<&[[f64; 2]]> {
    match label {
        Label::Points(points) => Ok(points),
        other => Err(Error::MixedLabels { first: "points".into(), other: other.kind().into() }),
    }
}

/// Rows and columns in pixels, as many an item; they move with the images they are in.
#[derive(Debug)]
pub(super) struct Points {
    points: Vec<Vec<[f64; 2]>>,
}

impl Points {
    pub(super) fn new(labels: &[Label], len: usize) -> Result<Self> {
        let item = |label: &Label| {
            let points = points(label)?;
            if points.len() != len {
                let (first, other) = (format!("{len} points"), format!("{} points", points.len()));
                return Err(Error::MixedLabels { first, other });
            }
            match points.iter().flatten().find(|at| !at.is_finite()) {
                Some(&value) => Err(Error::NotFinite { value }),
                None => Ok(points.to_vec()),
            }
        };
        Ok(Self { points: labels.iter().map(item).collect::<Result<_>>()? })
    }
}

impl Labels for Points {
    fn len(&self) -> usize {
        self.points.len()
    }

    /// `[points, 2]`: row and column in `-1.0..=1.0`. Those that a transform moves out of the image
    /// stay in the target, outside of these.
    fn target(&self, index: usize, input: &InputFacts<'_>) -> Result<Array> {
        let size = input.size.ok_or(Error::PointsWithoutSize)?;
        let place = |at: f64, n: usize| (at / (n as f64 / 2.0) - 1.0) as f32;
        let [height, width] = input.full_size.unwrap_or(size);
        let points = &self.points[index];
        let points =
            points.iter().map(|[row, column]| [place(*column, width), place(*row, height)]);
        let points: Vec<_> = match input.drawn {
            Some(drawn) => drawn.apply_to_points(points.collect(), size)?,
            None => points.collect(),
        };
        let values = points.iter().flat_map(|[x, y]| [*y, *x]).collect();
        Ok(Array::f32([points.len(), 2], values))
    }

    fn text(&self, index: usize) -> String {
        let point = |[row, column]: &[f64; 2]| format!("({row}, {column})");
        self.points[index].iter().map(point).collect::<Vec<_>>().join(" ")
    }

    fn can_transform(&self) -> bool {
        true
    }

    fn pick(&self, indexes: &[usize]) -> Arc<dyn Labels> {
        Arc::new(Self { points: indexes.iter().map(|&index| self.points[index].clone()).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        BatchOptions, ImageItems, ImageKind, Items, TargetKind, Values,
        batch::Set,
        picture::Picture,
        transform::{Dihedral, Transforms, Ways},
    };

    #[test]
    fn every_item_has_as_many_points() {
        let labels = [Label::Points(vec![[1.0, 2.0]]), Label::Points(vec![])];
        let error = Points::new(&labels, 1).unwrap_err();
        assert_eq!(error.to_string(), "labels of different kinds: 1 points and 0 points");
        let error = Points::new(&[Label::Number(1.0)], 1).unwrap_err();
        assert_eq!(error.to_string(), "labels of different kinds: points and a number");
        let error = Points::new(&[Label::Points(vec![[f64::NAN, 0.0]])], 1).unwrap_err();
        assert!(matches!(error, Error::NotFinite { .. }));
    }

    #[test]
    fn points_are_places_in_the_image_of_the_file() {
        let points = Points::new(&[Label::Points(vec![[4.0, 6.0]])], 1).unwrap();
        let facts =
            |full_size| InputFacts { size: Some([2, 2]), full_size, ..InputFacts::default() };
        let target = |full_size| points.target(0, &facts(full_size)).unwrap();
        assert_eq!(target(Some([8, 8])), Array::f32([1, 2], vec![0.0, 0.5]));
        assert_eq!(target(None), Array::f32([1, 2], vec![3.0, 5.0]));
    }

    #[test]
    fn points_move_with_their_pictures() {
        let folder = tempfile::tempdir().unwrap();
        Picture::filled(8, 4, [9; 3]).save(folder.path().join("a.png")).unwrap();
        let items: ImageItems =
            Items::new(folder.path(), vec!["a.png".into()], ImageKind::default());
        let labelled = items
            .split_none()
            .label_from_func(|_| Label::Points(vec![[1.0, 6.0], [4.0, 0.0]]))
            .unwrap();
        assert_eq!(labelled.target, TargetKind::Points { n: 2 });
        assert_eq!((labelled.target.c(), labelled.target.default_loss()), (4, Some("MSELossFlat")));
        let targets = |transforms: Transforms| {
            let options = BatchOptions { batch_size: 1, no_check: true, ..BatchOptions::default() };
            let data = labelled.clone().transform(transforms).unwrap().batches(options).unwrap();
            let batch = data.one_batch(Set::Train).unwrap();
            assert_eq!(batch.targets.shape, [1, 2, 2]);
            match batch.targets.values {
                Values::F32(values) => values,
                Values::I64(_) => panic!("floats"),
            }
        };
        assert_eq!(targets(Transforms::new()), [-0.5, 0.5, 1.0, -1.0]);
        let turned = Transforms::new().train(Dihedral { k: Ways::One(2) }).transform_labels(true);
        assert_eq!(targets(turned), [-0.5, -0.5, 1.0, 1.0]);
    }
}
