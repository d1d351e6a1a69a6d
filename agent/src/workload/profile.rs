//! A load over time.

use crate::rng::Stream;

use super::WorkloadError;

/// Requests per second over time: constant inside bins of equal length, zero behind the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub(super) bin_s: f64,
    pub(super) rates: Vec<f64>,
}

impl Profile {
    /// A profile from the rate of each bin, requests/s.
    ///
    /// # Errors
    /// [`WorkloadError::Parameter`]: the bin must be longer than 0 s, every rate finite and 0 or more.
    pub fn new(bin_s: f64, rates: Vec<f64>) -> Result<Self, WorkloadError> {
        if !(bin_s.is_finite() && bin_s > 0.0) {
            return Err(WorkloadError::Parameter { name: "bin length", range: "above 0 s", value: bin_s });
        }
        if let Some(&value) = rates.iter().find(|rate| !(rate.is_finite() && **rate >= 0.0)) {
            return Err(WorkloadError::Parameter { name: "rate", range: "a finite number, 0 or more", value });
        }
        Ok(Self { bin_s, rates })
    }

    /// Length of a bin, seconds.
    #[must_use]
    pub fn bin_s(&self) -> f64 {
        self.bin_s
    }

    /// Rate of each bin, requests/s.
    #[must_use]
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }

    /// Length of all bins, seconds.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.bin_s * self.rates.len() as f64
    }

    /// Rate at a time, requests/s.
    #[must_use]
    pub fn rate_at(&self, time_s: f64) -> f64 {
        if time_s < 0.0 {
            return 0.0;
        }
        self.rates.get((time_s / self.bin_s) as usize).copied().unwrap_or(0.0)
    }

    /// Mean rate from `begin_s` on over `length_s` > 0, requests/s; zero behind the last bin.
    #[must_use]
    pub fn mean_between(&self, begin_s: f64, length_s: f64) -> f64 {
        let end_s = begin_s + length_s;
        let bins = (begin_s / self.bin_s).max(0.0) as usize..;
        let overlaps = bins.zip(self.rates.iter().skip((begin_s / self.bin_s).max(0.0) as usize));
        let parts = overlaps.map_while(|(bin, rate)| {
            let from_s = (bin as f64 * self.bin_s).max(begin_s);
            let to_s = ((bin + 1) as f64 * self.bin_s).min(end_s);
            (to_s > from_s).then(|| rate * (to_s - from_s))
        });
        parts.sum::<f64>() / length_s
    }

    /// Highest rate, requests/s.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }

    /// Requests to expect in all.
    #[must_use]
    pub fn expected_requests(&self) -> f64 {
        self.rates.iter().sum::<f64>() * self.bin_s
    }

    /// The same shape with its highest rate at `peak_rps`; unchanged when it is zero throughout.
    #[must_use]
    pub fn with_peak(mut self, peak_rps: f64) -> Self {
        let peak = self.peak();
        if peak > 0.0 {
            self.rates.iter_mut().for_each(|rate| *rate *= peak_rps / peak);
        }
        self
    }

    /// The first `duration_s` seconds, in whole bins, rounded up.
    #[must_use]
    pub fn truncated(mut self, duration_s: f64) -> Self {
        self.rates.truncate((duration_s / self.bin_s).ceil() as usize);
        self
    }

    /// The middle `duration_s` seconds, in whole bins; all of it when it is no longer.
    #[must_use]
    pub fn middle(mut self, duration_s: f64) -> Self {
        let bins = ((duration_s / self.bin_s).round() as usize).min(self.rates.len());
        let begin = (self.rates.len() - bins) / 2;
        self.rates = self.rates[begin..begin + bins].to_vec();
        self
    }

    /// The same load with doubly random rates, as real arrivals have: `Var[count] / E[count] = index` over a bin.
    ///
    /// Each rate becomes a gamma variable of the same mean (Gamma-Poisson); an index of 1 is plain Poisson.
    #[must_use]
    pub fn overdispersed(mut self, index: f64, stream: &mut Stream) -> Self {
        for rate in &mut self.rates {
            // Var[N] = m + v bin^2 with m = rate bin, so v = (index - 1) rate / bin.
            *rate = stream.gamma(*rate, (index - 1.0) * *rate / self.bin_s);
        }
        self
    }

    /// Adds another load of the same bins on top, bin by bin, as far as both go.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.rates.iter_mut().zip(&other.rates).for_each(|(rate, more)| *rate += more);
        self
    }
}
