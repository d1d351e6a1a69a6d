//! Round numbers beside an axis.

/// Values beyond this are drawn at it: the arithmetic of the axis must not overflow.
const LARGEST: f64 = 1e300;
/// Digits behind the point beyond which a label is written with an exponent.
const MOST_DECIMALS: usize = 5;

/// A vertical axis: its ends, and where its lines and labels are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ValueAxis {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) ticks: Vec<(f64, String)>,
}

/// `value` if it is a number, within what an axis can hold.
pub(super) fn drawable(value: f64) -> Option<f64> {
    value.is_finite().then(|| value.clamp(-LARGEST, LARGEST))
}

impl ValueAxis {
    /// An axis from zero, or below where values are, to a little above the largest of `values`, with about `most`
    /// lines. Counts (`whole`) get no lines between whole numbers.
    pub(super) fn over(values: impl Iterator<Item = f64>, most: usize, whole: bool) -> Self {
        let (low, high) =
            values.filter_map(drawable).fold((0.0_f64, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        // Nothing but zeros, or next to nothing: from zero to one.
        let high = if high - low < 1e-12 { low + 1.0 } else { high };
        let rough = (high - low) / most.max(1) as f64;
        let step = if whole { round_step(rough).max(1.0) } else { round_step(rough) };
        let first = (low / step).floor();
        // Air above the highest point, so that its mark is whole.
        let last = ((high + (high - low) * 0.03) / step).ceil();
        let ticks = (0..=(last - first) as u32)
            .map(|i| (first + f64::from(i)) * step)
            .map(|at| (at, label(at, step)))
            .collect();
        Self { min: first * step, max: last * step, ticks }
    }

    /// Characters of the longest label.
    pub(super) fn label_chars(&self) -> usize {
        self.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0)
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `rough`.
pub(super) fn round_step(rough: f64) -> f64 {
    let magnitude = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * magnitude >= rough * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * magnitude
}

fn label(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    if value == 0.0 {
        "0".to_owned()
    } else if decimals > MOST_DECIMALS || value.abs() >= 1e6 {
        format!("{value:.1e}")
    } else {
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &ValueAxis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_every_value() {
        let cases: [(&str, &[f64], bool, &[&str]); 7] = [
            ("a fraction", &[0.9814], false, &["0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2"]),
            ("milliseconds", &[0.0096], false, &["0", "0.002", "0.004", "0.006", "0.008", "0.010"]),
            ("pods", &[2.0, 1.0], true, &["0", "1", "2", "3"]),
            ("zeros", &[0.0, 0.0], false, &["0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2"]),
            ("no values", &[], true, &["0", "1", "2"]),
            ("below zero", &[-3.0, 4.0], false, &["-4", "-2", "0", "2", "4", "6"]),
            ("millions", &[9e6], false, &["0", "2.0e6", "4.0e6", "6.0e6", "8.0e6", "1.0e7"]),
        ];
        for (name, values, whole, expected) in cases {
            assert_eq!(labels(&ValueAxis::over(values.iter().copied(), 5, whole)), expected, "{name}");
        }
    }

    #[test]
    fn the_ends_are_finite_and_apart_whatever_the_values() {
        for values in [vec![f64::NAN], vec![f64::INFINITY, 1.0], vec![f64::MAX, f64::MIN], vec![5e-324], vec![1e-9]] {
            let axis = ValueAxis::over(values.iter().copied(), 5, false);
            assert!(axis.min.is_finite() && axis.max.is_finite() && axis.min < axis.max, "{values:?}: {axis:?}");
            assert!(axis.ticks.len() <= 12, "{values:?}: {axis:?}");
        }
    }
}
