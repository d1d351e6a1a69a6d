//! A recorded load for a cluster of another size: scaled by utilisation, never by rate.

use super::{Profile, Recording, WorkloadError};

/// Loads are compared as means over this long, seconds.
const MEAN_S: f64 = 60.0;
/// Recordings of fewer requests/s are smoothed first: scaled up, their counting noise would grow by the same factor,
/// which no real sum of so many services has.
const LOW_RPS: f64 = 10.0;
/// They are smoothed over this long, seconds.
const SMOOTH_S: f64 = 300.0;
/// Wider bins are cut into pieces about as long, seconds, on straight lines between the middles of the bins.
const PIECE_S: f64 = 10.0;
/// The peak is this quantile of the means: a single burst must not shrink all the rest.
const PEAK_QUANTILE: f64 = 0.995;

impl Recording {
    /// Smoothed over 5 minutes when it is below 10 requests/s, else as it is.
    #[must_use]
    pub(super) fn smoothed_if_low(self) -> Self {
        if self.mean_rps() < LOW_RPS { self.map(|profile| profile.smoothed(SMOOTH_S)) } else { self }
    }

    /// The same shape with its peak at `peak_rps`: the 99.5 % quantile of the means over a minute (or over a bin, if that
    /// is longer).
    ///
    /// Recordings below 10 requests/s are smoothed over 5 minutes first. Bins wider than 10 s become straight lines.
    ///
    /// # Errors
    /// [`WorkloadError::Parameter`] when the peak is not above 0.
    pub fn sized(self, peak_rps: f64) -> Result<Self, WorkloadError> {
        if !(peak_rps.is_finite() && peak_rps > 0.0) {
            return Err(WorkloadError::Parameter { name: "peak", range: "above 0 requests/s", value: peak_rps });
        }
        let smooth = self.smoothed_if_low();
        let mut means: Vec<f64> = smooth.segments().iter().flat_map(|segment| segment.profile.means(MEAN_S)).collect();
        means.sort_by(f64::total_cmp);
        let rank = (PEAK_QUANTILE * means.len() as f64).ceil() as usize;
        let peak = means.get(rank.saturating_sub(1)).copied().unwrap_or(0.0);
        let factor = if peak > 0.0 { peak_rps / peak } else { 1.0 };
        Ok(smooth.map(|profile| profile.scaled(factor).interpolated(PIECE_S)))
    }
}

impl Profile {
    /// Every rate times a factor, >= 0.
    fn scaled(mut self, factor: f64) -> Self {
        self.rates.iter_mut().for_each(|rate| *rate *= factor);
        self
    }

    /// Mean of each `length_s`, or of each bin if that is longer.
    fn means(&self, length_s: f64) -> Vec<f64> {
        let bins = ((length_s / self.bin_s).round() as usize).max(1);
        self.rates.chunks(bins).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect()
    }

    /// Moving average over `length_s` around each bin; at the ends, over what there is of it.
    fn smoothed(self, length_s: f64) -> Self {
        let reach = ((length_s / self.bin_s - 1.0) / 2.0).round().max(0.0) as usize;
        let rates = (0..self.rates.len())
            .map(|bin| {
                let around = &self.rates[bin.saturating_sub(reach)..(bin + reach + 1).min(self.rates.len())];
                around.iter().sum::<f64>() / around.len() as f64
            })
            .collect();
        Self { rates, ..self }
    }

    /// Bins of about `piece_s` on straight lines between the middles of the bins; unchanged when they are no wider.
    fn interpolated(self, piece_s: f64) -> Self {
        let pieces = (self.bin_s / piece_s).round() as usize;
        if pieces < 2 {
            return self;
        }
        let last = self.rates.len().saturating_sub(1);
        let rate = |piece: usize| {
            let at = ((piece as f64 + 0.5) / pieces as f64 - 0.5).clamp(0.0, last as f64);
            let (left, share) = (at as usize, at.fract());
            self.rates[left] + share * (self.rates[(left + 1).min(last)] - self.rates[left])
        };
        Self { bin_s: self.bin_s / pieces as f64, rates: (0..pieces * self.rates.len()).map(rate).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(bin_s: f64, rates: &[f64]) -> Profile {
        Profile::new(bin_s, rates.to_vec()).unwrap()
    }

    #[test]
    fn wide_bins_become_straight_lines_between_their_middles() {
        let lines = profile(40.0, &[4.0, 8.0]).interpolated(10.0);
        assert_eq!(lines.bin_s(), 10.0);
        assert_eq!(lines.rates(), [4.0, 4.0, 4.5, 5.5, 6.5, 7.5, 8.0, 8.0]);
        let narrow = profile(10.0, &[1.0, 2.0]);
        assert_eq!(narrow.clone().interpolated(10.0), narrow);
    }

    #[test]
    fn a_moving_average_looks_as_far_back_as_ahead() {
        let smooth = profile(60.0, &[0.0, 0.0, 5.0, 0.0, 0.0, 10.0]).smoothed(180.0);
        let expected = [0.0, 5.0 / 3.0, 5.0 / 3.0, 5.0 / 3.0, 10.0 / 3.0, 5.0];
        assert!(smooth.rates().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{smooth:?}");
        let wide = profile(300.0, &[1.0, 9.0]);
        assert_eq!(wide.clone().smoothed(300.0), wide, "bins as wide as the window stay");
    }
}
