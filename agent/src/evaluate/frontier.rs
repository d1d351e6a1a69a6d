//! What a family of policies can do at best: cost against violations.

/// The settings that no other of the family beats in both, with straight lines between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Frontier {
    /// Cost ascending, violations descending.
    points: Vec<(f64, f64)>,
}

impl Frontier {
    /// Of the `(cost, violations)` of each setting.
    #[must_use]
    pub fn new(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut all: Vec<(f64, f64)> = points.into_iter().collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut points: Vec<(f64, f64)> = Vec::new();
        for point in all {
            if points.last().is_none_or(|last| point.1 < last.1) {
                points.push(point);
            }
        }
        Self { points }
    }

    /// Violations of its dearest setting; none without settings.
    #[must_use]
    pub fn fewest(&self) -> Option<f64> {
        self.points.last().map(|point| point.1)
    }

    /// Violations of its cheapest setting; none without settings.
    #[must_use]
    pub fn most(&self) -> Option<f64> {
        self.points.first().map(|point| point.1)
    }

    /// Violations at a cost, by linear interpolation; `None` below the cheapest setting.
    #[must_use]
    pub fn violating_at(&self, cost: f64) -> Option<f64> {
        let above = self.points.partition_point(|point| point.0 <= cost);
        let below = self.points.get(above.checked_sub(1)?)?;
        Some(self.points.get(above).map_or(below.1, |above| {
            let share = (cost - below.0) / (above.0 - below.0);
            below.1 + share * (above.1 - below.1)
        }))
    }

    /// Cost of so many violations, by linear interpolation; `None` when the family never has so few.
    #[must_use]
    pub fn cost_at(&self, violating: f64) -> Option<f64> {
        let enough = self.points.partition_point(|point| point.1 > violating);
        let few = self.points.get(enough)?;
        Some(enough.checked_sub(1).map_or(few.0, |before| {
            let many = &self.points[before];
            let share = (many.1 - violating) / (many.1 - few.1);
            many.0 + share * (few.0 - many.0)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_is_read_by_straight_lines_between_the_settings_that_nothing_beats() {
        // (3, 30) is beaten by (2, 20).
        let front = Frontier::new([(4.0, 0.0), (1.0, 40.0), (3.0, 30.0), (2.0, 20.0)]);
        let table = [
            (0.5, None, "cheaper than the cheapest"),
            (1.0, Some(40.0), "at a setting"),
            (1.5, Some(30.0), "between two"),
            (3.0, Some(10.0), "where a setting is beaten"),
            (9.0, Some(0.0), "dearer than the dearest"),
        ];
        for (cost, violating, case) in table {
            assert_eq!(front.violating_at(cost), violating, "{case}");
        }
        let table = [
            (50.0, Some(1.0), "more than the worst"),
            (30.0, Some(1.5), "between two"),
            (0.0, Some(4.0), "as few as the best"),
            (-1.0, None, "fewer than the best"),
        ];
        for (violating, cost, case) in table {
            assert_eq!(front.cost_at(violating), cost, "{case}");
        }
    }
}
