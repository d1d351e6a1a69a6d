//! One figure of every check, and the points it is drawn through.

use std::ops::Range;

use super::axis::drawable;
use super::palette::Ink;
use super::text::number;
use super::timeline::{Buckets, edges};

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// From check to check.
    Line,
    /// From check to check, with a tint below.
    FilledLine,
    /// Level during each check.
    Steps,
    /// Level during each check, with a tint below.
    FilledSteps,
    /// Level during each check, dashed: a limit.
    DashedSteps,
}

/// A value for each check; `None` where there is none, which leaves a gap.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) ink: Ink,
    pub(super) shape: Shape,
    pub(super) values: Vec<Option<f64>>,
}

/// Points without a gap between them.
pub(super) type Stroke = Vec<(f64, f64)>;

impl Series {
    /// The largest value in a bucket and its place.
    pub(super) fn peak(&self, bucket: Range<usize>) -> Option<(usize, f64)> {
        bucket
            .filter_map(|place| Some((place, self.values[place].and_then(drawable)?)))
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// Smallest and largest value of a bucket with their unit, or `none` where there is no value.
    pub(super) fn range_in_words(&self, bucket: Range<usize>, none: &str) -> String {
        let words = match (self.low(bucket.clone()), self.peak(bucket)) {
            (Some((_, low)), Some((_, high))) if low == high => format!("{} {}", number(low), self.unit),
            (Some((_, low)), Some((_, high))) => format!("{} to {} {}", number(low), number(high), self.unit),
            _ => none.to_owned(),
        };
        words.trim_end().to_owned()
    }

    /// The smallest value in a bucket and its place.
    fn low(&self, bucket: Range<usize>) -> Option<(usize, f64)> {
        bucket
            .filter_map(|place| Some((place, self.values[place].and_then(drawable)?)))
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// What to draw: smallest and largest value of each bucket, in the order in which they came, so that no peak is
    /// lost however many checks there are. A bucket without values is a gap.
    pub(super) fn strokes(&self, buckets: Buckets) -> Vec<Stroke> {
        let level = !matches!(self.shape, Shape::Line | Shape::FilledLine);
        let mut strokes: Vec<Stroke> = vec![Vec::new()];
        for bucket in buckets.ranges() {
            let (Some(low), Some(peak)) = (self.low(bucket.clone()), self.peak(bucket.clone())) else {
                strokes.push(Vec::new());
                continue;
            };
            let (first, second) = if low.0 <= peak.0 { (low, peak) } else { (peak, low) };
            let points = if level {
                let (start, end) = edges(&bucket);
                let middle = if first.1 == second.1 { end } else { f64::midpoint(start, end) };
                vec![(start, first.1), (middle, first.1), (middle, second.1), (end, second.1)]
            } else {
                vec![(first.0 as f64, first.1), (second.0 as f64, second.1)]
            };
            if let Some(stroke) = strokes.last_mut() {
                stroke.extend(points);
            }
        }
        strokes.into_iter().map(without_repeats).filter(|stroke| !stroke.is_empty()).collect()
    }
}

/// Leaves out points that a line through the others passes anyway: repeated ones, and those on a level.
fn without_repeats(points: Stroke) -> Stroke {
    let mut kept: Stroke = Vec::with_capacity(points.len());
    for point in points {
        if kept.last() == Some(&point) {
            continue;
        }
        if let [.., (_, before), (_, last)] = kept[..]
            && before == last
            && last == point.1
        {
            kept.pop();
        }
        kept.push(point);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(shape: Shape, values: &[Option<f64>]) -> Series {
        Series { name: "x", unit: "s", ink: Ink::Cpu, shape, values: values.to_vec() }
    }

    #[test]
    fn a_missing_value_is_a_gap() {
        let values = [Some(1.0), Some(2.0), None, Some(f64::NAN), Some(3.0)];
        assert_eq!(
            series(Shape::Line, &values).strokes(Buckets::new(5, 100)),
            [vec![(0.0, 1.0), (1.0, 2.0)], vec![(4.0, 3.0)]]
        );
    }

    #[test]
    fn steps_are_level_during_a_check() {
        let values = [Some(1.0), Some(1.0), Some(3.0)];
        assert_eq!(
            series(Shape::Steps, &values).strokes(Buckets::new(3, 100)),
            [vec![(-0.5, 1.0), (1.5, 1.0), (1.5, 3.0), (2.5, 3.0)]]
        );
    }

    #[test]
    fn one_peak_and_one_dip_among_ten_thousand_are_drawn() {
        for shape in [Shape::Line, Shape::Steps] {
            let mut values = vec![Some(1.0); 10_000];
            values[4_321] = Some(9.0);
            values[8_765] = Some(0.25);
            let strokes = series(shape, &values).strokes(Buckets::new(10_000, 300));
            let drawn: Vec<f64> = strokes.concat().into_iter().map(|(_, y)| y).collect();
            assert!(drawn.contains(&9.0) && drawn.contains(&0.25), "{shape:?}");
            assert!(drawn.len() <= 4 * 300, "{shape:?}: {}", drawn.len());
        }
    }
}
