//! Where the pixels of a result are taken from.

/// A point: `(x, y)` in `-1.0..=1.0`, x to the right, y down, with the centres of the corner pixels
/// at ±1.
pub type Point = [f32; 2];

/// The first two rows of a matrix that moves points: `[x', y'] = m[.., ..2] · [x, y] + m[.., 2]`.
pub type Affine = [[f32; 3]; 2];

/// The matrix that moves nothing.
pub(super) const IDENTITY: Affine = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

/// `a · b`: what `b` moves first.
pub(super) fn times(a: Affine, [[xx, xy, dx], [yx, yy, dy]]: Affine) -> Affine {
    a.map(|[x, y, shift]| [x * xx + y * yx, x * xy + y * yy, x * dx + y * dy + shift])
}

/// A matrix made for a square, for a map of this size: its proportions are put in.
pub(super) fn proportioned([[xx, xy, dx], [yx, yy, dy]]: Affine, size: [usize; 2]) -> Affine {
    let (height, width) = (size[0] as f32, size[1] as f32);
    [[xx, xy * (height / width), dx], [yx * (width / height), yy, dy]]
}

fn moved([[xx, xy, dx], [yx, yy, dy]]: Affine, [x, y]: Point) -> Point {
    [xx * x + xy * y + dx, yx * x + yy * y + dy]
}

/// A change of perspective, by its eight coefficients: `(c0 x + c1 y + c2) / s` and
/// `(c3 x + c4 y + c5) / s` with `s = c6 x + c7 y + 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perspective {
    forward: [f32; 8],
    /// What undoes it.
    inverse: [f32; 8],
}

/// The corners of a map, in the order in which targets are given.
pub(super) const CORNERS: [[f64; 2]; 4] = [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]];

impl Perspective {
    /// The one that brings what is seen at `targets` to the corners: `(-1, -1)`, `(-1, 1)`,
    /// `(1, -1)`, `(1, 1)`. Nothing if three of them are in a line.
    pub fn to_corners(targets: [[f64; 2]; 4]) -> Option<Self> {
        let forward = coefficients(CORNERS, targets)?;
        let inverse = coefficients(targets, CORNERS)?;
        Some(Self { forward: forward.map(|c| c as f32), inverse: inverse.map(|c| c as f32) })
    }

    #[cfg(test)]
    pub(super) fn coefficients(&self) -> [[f32; 8]; 2] {
        [self.forward, self.inverse]
    }

    fn of([c0, c1, c2, c3, c4, c5, c6, c7]: [f32; 8], [x, y]: Point) -> Point {
        let s = c6 * x + c7 * y + 1.0;
        [(c0 * x + c1 * y + c2) / s, (c3 * x + c4 * y + c5) / s]
    }
}

/// The coefficients that move `targets` to `origins`: eight equations, by Gauss's elimination.
fn coefficients(origins: [[f64; 2]; 4], targets: [[f64; 2]; 4]) -> Option<[f64; 8]> {
    let mut rows: Vec<[f64; 9]> = Vec::with_capacity(8);
    for ([ox, oy], [tx, ty]) in origins.into_iter().zip(targets) {
        rows.push([tx, ty, 1.0, 0.0, 0.0, 0.0, -ox * tx, -ox * ty, ox]);
        rows.push([0.0, 0.0, 0.0, tx, ty, 1.0, -oy * tx, -oy * ty, oy]);
    }
    for at in 0..8 {
        let largest = (at..8).max_by(|a, b| rows[*a][at].abs().total_cmp(&rows[*b][at].abs()))?;
        rows.swap(at, largest);
        let pivot = rows[at];
        if pivot[at].abs() < 1e-12 {
            return None;
        }
        for (other, row) in rows.iter_mut().enumerate().filter(|(other, _)| *other != at) {
            let times = row[at] / pivot[at];
            if other != at {
                row.iter_mut().zip(pivot).for_each(|(value, p)| *value -= times * p);
            }
        }
    }
    let mut solved = [0.0; 8];
    for (at, value) in solved.iter_mut().enumerate() {
        *value = rows[at][8] / rows[at][at];
    }
    Some(solved)
}

/// A change of the grid before the matrix.
#[derive(Debug, Clone)]
enum Step {
    Warp(Perspective),
    Move(Affine),
    /// A shift of each point's own, row by row.
    Shift(Vec<Point>),
}

/// Where the pixels of a result of some size are taken from: steps, then a matrix. It is computed
/// row by row, when pixels are needed.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    /// Height and width of the result.
    pub(super) size: [usize; 2],
    steps: Vec<Step>,
    affine: Option<Affine>,
}

impl Geometry {
    /// Each pixel from where it is.
    pub(super) fn identity(size: [usize; 2]) -> Self {
        Self { size, steps: Vec::new(), affine: None }
    }

    pub(super) fn warp(&mut self, perspective: Perspective) {
        self.steps.push(Step::Warp(perspective));
    }

    /// A matrix for a square that is applied now, before those that wait.
    pub(super) fn move_now(&mut self, m: Affine) {
        self.steps.push(Step::Move(proportioned(m, self.size)));
    }

    pub(super) fn shift(&mut self, shifts: Vec<Point>) {
        self.steps.push(Step::Shift(shifts));
    }

    /// Multiplies the waiting matrix by `m`, made for a square, from the right.
    pub(super) fn affine(&mut self, m: Affine) {
        self.affine = Some(times(self.affine.unwrap_or(IDENTITY), m));
    }

    /// Where the pixels of a row are taken from.
    pub(super) fn row(&self, row: usize, points: &mut Vec<Point>) {
        let [height, width] = self.size;
        let position = |i: usize, n: usize| match n {
            1 => -1.0,
            n => -1.0 + 2.0 * i as f32 / (n - 1) as f32,
        };
        let y = position(row, height);
        points.clear();
        points.extend((0..width).map(|column| [position(column, width), y]));
        for step in &self.steps {
            match step {
                Step::Warp(warp) => {
                    for point in points.iter_mut() {
                        *point = Perspective::of(warp.forward, *point);
                    }
                }
                Step::Move(m) => points.iter_mut().for_each(|p| *p = moved(*m, *p)),
                Step::Shift(shifts) => {
                    for ([x, y], [dx, dy]) in points.iter_mut().zip(&shifts[row * width..]) {
                        (*x, *y) = (*x + dx, *y + dy);
                    }
                }
            }
        }
        if let Some(m) = self.affine {
            let m = proportioned(m, self.size);
            for point in points {
                *point = moved(m, *point);
            }
        }
    }

    /// Where something at `point` is seen in the result: what the pixels' way does, undone. What
    /// shifts pixels one by one moves no points.
    pub(super) fn place(&self, point: Point) -> Point {
        let affine = self.affine.map(|m| proportioned(m, self.size));
        let point = affine.map_or(point, |m| undone(m, point));
        self.steps.iter().rev().fold(point, |point, step| match step {
            Step::Warp(warp) => Perspective::of(warp.inverse, point),
            Step::Move(m) => undone(*m, point),
            Step::Shift(_) => point,
        })
    }
}

/// Where a matrix moves to `point`; one that flattens everything is not undone.
fn undone([[xx, xy, dx], [yx, yy, dy]]: Affine, [x, y]: Point) -> Point {
    let det = xx * yy - xy * yx;
    if det == 0.0 {
        return [x, y];
    }
    let (x, y) = (x - dx, y - dy);
    [(yy * x - xy * y) / det, (xx * y - yx * x) / det]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(geometry: &Geometry) -> Vec<Point> {
        let mut all = Vec::new();
        let mut row = Vec::new();
        for y in 0..geometry.size[0] {
            geometry.row(y, &mut row);
            all.extend_from_slice(&row);
        }
        all
    }

    #[test]
    fn places_undo_what_pixels_do() {
        let mut geometry = Geometry::identity([5, 7]);
        let targets = [[-0.9, -1.1], [-1.2, 0.8], [1.0, -1.0], [1.1, 1.2]];
        geometry.warp(Perspective::to_corners(targets).unwrap());
        geometry.move_now([[0.8, 0.1, 0.2], [-0.1, 0.9, 0.0]]);
        geometry.affine([[0.9, -0.3, 0.1], [0.3, 0.9, -0.1]]);
        geometry.affine([[0.5, 0.0, 0.2], [0.0, 0.5, 0.0]]);
        let identity = points(&Geometry::identity([5, 7]));
        for (from, to) in points(&geometry).into_iter().zip(identity) {
            let back = geometry.place(from);
            assert!((back[0] - to[0]).abs() < 1e-4 && (back[1] - to[1]).abs() < 1e-4);
        }
    }

    #[test]
    fn targets_in_a_line_are_no_perspective() {
        let line = [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [2.0, 0.0]];
        assert!(Perspective::to_corners(line).is_none());
    }

    #[test]
    fn one_pixel_is_at_the_first_corner() {
        assert_eq!(points(&Geometry::identity([1, 1])), [[-1.0, -1.0]]);
    }
}
