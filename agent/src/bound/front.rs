//! Violations against pod-seconds, as convex fronts.

use serde::Serialize;

/// What a sequence of orders costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// Violating windows.
    pub violations: f64,
    /// Pods billed, times seconds.
    pub pod_seconds: f64,
}

impl Point {
    /// Pod-seconds plus price times violations.
    #[must_use]
    pub fn at(&self, price_pod_s: f64) -> f64 {
        self.pod_seconds + price_pod_s * self.violations
    }
}

/// A convex front that nothing can be below.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Bound {
    /// Violations ascending, pod-seconds descending, slopes falling.
    points: Vec<Point>,
}

impl Bound {
    /// The lower convex hull of these points.
    #[must_use]
    pub fn new(points: impl IntoIterator<Item = Point>) -> Self {
        let mut all: Vec<Point> = points.into_iter().collect();
        all.sort_by(|a, b| a.violations.total_cmp(&b.violations).then(a.pod_seconds.total_cmp(&b.pod_seconds)));
        let mut hull: Vec<Point> = Vec::new();
        for point in all {
            if hull.last().is_some_and(|last| point.pod_seconds >= last.pod_seconds) {
                continue;
            }
            while let [.., before, last] = hull[..] {
                // Pod-seconds that a violation saves must fall from corner to corner.
                if saving(before, last) > saving(last, point) {
                    break;
                }
                hull.pop();
            }
            hull.push(point);
        }
        Self { points: hull }
    }

    /// Its corners, the fewest violations first.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Least pod-seconds plus price times violations.
    #[must_use]
    pub fn least_cost(&self, price_pod_s: f64) -> f64 {
        self.points.iter().map(|point| point.at(price_pod_s)).fold(f64::INFINITY, f64::min)
    }

    /// Least pod-seconds with so many violations; `None`: so few are impossible.
    #[must_use]
    pub fn pod_seconds_at(&self, violations: f64) -> Option<f64> {
        let above = self.points.partition_point(|point| point.violations <= violations);
        let left = self.points.get(above.checked_sub(1)?)?;
        Some(self.points.get(above).map_or(left.pod_seconds, |right| {
            left.pod_seconds - saving(*left, *right) * (violations - left.violations)
        }))
    }

    /// Whether a point is below the front by more than rounding: impossible, if the bound is one.
    #[must_use]
    pub fn is_beaten_by(&self, point: Point) -> bool {
        match self.pod_seconds_at(point.violations) {
            Some(least) => point.pod_seconds < least * (1.0 - super::ROUNDING),
            None => !self.points.is_empty(),
        }
    }

    /// The front of several episodes together: all ways to add up one point of each (a Minkowski sum).
    #[must_use]
    pub fn sum<'a>(bounds: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut start = Point::default();
        let mut steps: Vec<(f64, f64, f64)> = Vec::new();
        for Self { points } in bounds {
            if let Some(first) = points.first() {
                start.violations += first.violations;
                start.pod_seconds += first.pod_seconds;
            }
            steps.extend(points.windows(2).map(|pair| {
                let violations = pair[1].violations - pair[0].violations;
                (saving(pair[0], pair[1]), violations, pair[0].pod_seconds - pair[1].pod_seconds)
            }));
        }
        // The most that a violation can save first.
        steps.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut points = vec![start];
        for (_, violations, pod_seconds) in steps {
            start = Point { violations: start.violations + violations, pod_seconds: start.pod_seconds - pod_seconds };
            points.push(start);
        }
        Self::new(points)
    }
}

/// Pod-seconds that one more violation saves, between two points.
fn saving(fewer: Point, more: Point) -> f64 {
    (fewer.pod_seconds - more.pod_seconds) / (more.violations - fewer.violations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(points: &[(f64, f64)]) -> Bound {
        Bound::new(points.iter().map(|&(violations, pod_seconds)| Point { violations, pod_seconds }))
    }

    #[test]
    fn a_front_is_the_convex_hull_and_is_read_along_its_edges() {
        let front = bound(&[(4.0, 10.0), (0.0, 100.0), (1.0, 80.0), (2.0, 40.0), (3.0, 39.0), (5.0, 11.0)]);
        let corners: Vec<f64> = front.points().iter().map(|point| point.violations).collect();
        assert_eq!(corners, [0.0, 2.0, 4.0], "(1, 80), (3, 39) and (5, 11) are above");
        let table = [(-1.0, None), (0.0, Some(100.0)), (1.0, Some(70.0)), (3.0, Some(25.0)), (9.0, Some(10.0))];
        for (violations, expected) in table {
            assert_eq!(front.pod_seconds_at(violations), expected, "{violations}");
        }
        assert_eq!((front.least_cost(0.0), front.least_cost(20.0), front.least_cost(99.0)), (10.0, 80.0, 100.0));
        let beaten = |violations, pod_seconds| front.is_beaten_by(Point { violations, pod_seconds });
        assert!(!beaten(1.0, 70.0) && beaten(1.0, 69.9) && beaten(-1.0, 1000.0) && !beaten(7.0, 10.0));
    }

    #[test]
    fn fronts_add_up_to_the_hull_of_all_sums() {
        let (a, b) = (bound(&[(0.0, 9.0), (1.0, 5.0), (3.0, 3.0)]), bound(&[(1.0, 8.0), (2.0, 5.0), (3.0, 4.5)]));
        let sums = a.points().iter().flat_map(|p| {
            b.points()
                .iter()
                .map(|q| Point { violations: p.violations + q.violations, pod_seconds: p.pod_seconds + q.pod_seconds })
        });
        assert_eq!(Bound::sum([&a, &b]), Bound::new(sums));
    }
}
