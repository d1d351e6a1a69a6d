//! What the clients saw: one sample a request.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use thiserror::Error;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this HTTP status.
    Status(u16),
    /// No answer came in time.
    Timeout,
    /// No connection, or a broken one.
    Broken,
    /// Too many were under way: it was not sent.
    NotSent,
    /// The run was stopped before the answer came.
    CutOff,
}

impl Ending {
    /// Whether the client got what it asked for.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Status(200))
    }

    /// Whether something went wrong. A request that a stopped run cut off did not fail.
    #[must_use]
    pub fn is_failure(self) -> bool {
        !self.is_success() && self != Self::CutOff
    }

    fn word(self) -> String {
        match self {
            Self::Status(code) => code.to_string(),
            Self::Timeout => "timeout".to_owned(),
            Self::Broken => "broken".to_owned(),
            Self::NotSent => "not_sent".to_owned(),
            Self::CutOff => "cut_off".to_owned(),
        }
    }
}

/// One request as its client saw it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Its place in the schedule, from 0.
    pub index: usize,
    /// When it was due, seconds from the start.
    pub due_s: f64,
    /// How much later it was sent, seconds.
    pub late_s: f64,
    /// From when it was *due* to the whole answer, seconds: a sender that falls behind hides no waiting.
    pub response_s: f64,
    /// How it ended.
    pub ending: Ending,
}

/// All samples of one lane; as many as there are requests in its schedule at most.
#[derive(Debug, Default)]
pub struct Samples {
    samples: Mutex<Vec<Sample>>,
}

/// Why the samples are not on disk.
#[derive(Debug, Error)]
#[error("cannot write {}", path.display())]
pub struct WriteError {
    path: PathBuf,
    #[source]
    source: csv::Error,
}

/// The samples in one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSummary {
    /// Requests of the schedule that were due.
    pub requests: u64,
    /// Those that went wrong.
    pub failed: u64,
    /// Those that a stopped run cut off.
    pub cut_off: u64,
    /// Those that took longer than the threshold; failed ones too.
    pub late: u64,
    /// Response times of the successful ones, seconds: median.
    pub p50_s: f64,
    /// 95 % were faster.
    pub p95_s: f64,
    /// 99 % were faster.
    pub p99_s: f64,
    /// The slowest.
    pub max_s: f64,
    /// How late the sender was at the 99th percentile, seconds.
    pub sent_late_p99_s: f64,
}

impl ClientSummary {
    /// Late requests as a share of those that ended.
    #[must_use]
    pub fn late_share(&self) -> f64 {
        self.late as f64 / (self.requests - self.cut_off).max(1) as f64
    }
}

impl Samples {
    /// Adds one.
    pub fn push(&self, sample: Sample) {
        self.lock().push(sample);
    }

    /// How many went wrong so far.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.lock().iter().filter(|sample| sample.ending.is_failure()).count()
    }

    /// The first that went wrong, in the order of the schedule.
    #[must_use]
    pub fn first_failure(&self) -> Option<Sample> {
        let samples = self.lock();
        samples.iter().filter(|sample| sample.ending.is_failure()).min_by_key(|sample| sample.index).copied()
    }

    /// Sums them up against a threshold in seconds.
    #[must_use]
    pub fn summary(&self, threshold_s: f64) -> ClientSummary {
        let samples = self.lock();
        let count = |which: &dyn Fn(&Sample) -> bool| samples.iter().filter(|sample| which(sample)).count() as u64;
        let sorted = |values: &mut dyn Iterator<Item = f64>| {
            let mut values: Vec<f64> = values.collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let responses =
            sorted(&mut samples.iter().filter(|sample| sample.ending.is_success()).map(|sample| sample.response_s));
        let lateness = sorted(&mut samples.iter().map(|sample| sample.late_s));
        ClientSummary {
            requests: samples.len() as u64,
            failed: count(&|sample| sample.ending.is_failure()),
            cut_off: count(&|sample| sample.ending == Ending::CutOff),
            late: count(&|sample| {
                sample.ending.is_failure() || (sample.ending.is_success() && sample.response_s > threshold_s)
            }),
            p50_s: percentile(&responses, 0.50),
            p95_s: percentile(&responses, 0.95),
            p99_s: percentile(&responses, 0.99),
            max_s: percentile(&responses, 1.0),
            sent_late_p99_s: percentile(&lateness, 0.99),
        }
    }

    /// Writes them as CSV in the order of the schedule.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        let failed = |source| WriteError { path: path.to_owned(), source };
        let mut samples = self.lock().clone();
        samples.sort_by_key(|sample| sample.index);
        let mut rows = csv::Writer::from_path(path).map_err(failed)?;
        rows.write_record(["request", "due_s", "sent_late_s", "response_s", "ending"]).map_err(failed)?;
        for Sample { index, due_s, late_s, response_s, ending } in samples {
            let figures = [due_s, late_s, response_s].map(|seconds| format!("{seconds:.6}"));
            let [due, late, response] = figures;
            rows.write_record([index.to_string(), due, late, response, ending.word()]).map_err(failed)?;
        }
        rows.flush().map_err(|error| failed(error.into()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sample>> {
        // A push cannot leave the list half changed.
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nearest-rank percentile of ascending values, 0 of none.
fn percentile(ascending: &[f64], share: f64) -> f64 {
    let rank = (share * ascending.len() as f64).ceil() as usize;
    ascending.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(index: usize, response_s: f64, ending: Ending) -> Sample {
        Sample { index, due_s: index as f64, late_s: 0.001, response_s, ending }
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let table = [(0.5, 50.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)];
        for (share, expected) in table {
            assert_eq!(percentile(&values, share), expected, "{share} of 1..=100");
        }
        assert_eq!(percentile(&[7.0], 0.5), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn failed_requests_are_late_and_cut_off_ones_are_neither() {
        let samples = Samples::default();
        let endings = [
            (0.1, Ending::Status(200)),
            (0.3, Ending::Status(200)),
            (0.1, Ending::Status(503)),
            (30.0, Ending::Timeout),
            (0.0, Ending::NotSent),
            (2.0, Ending::CutOff),
        ];
        for (index, (response_s, ending)) in endings.into_iter().enumerate() {
            samples.push(sample(index, response_s, ending));
        }
        let summary = samples.summary(0.25);
        assert_eq!((summary.requests, summary.failed, summary.cut_off, summary.late), (6, 3, 1, 4));
        assert_eq!((summary.p50_s, summary.max_s), (0.1, 0.3), "of the successful ones");
        assert_eq!(summary.late_share(), 4.0 / 5.0);
        assert_eq!(samples.first_failure().map(|sample| sample.index), Some(2));
        assert_eq!(Samples::default().summary(0.25), ClientSummary::default());
    }

    #[test]
    fn the_file_is_in_the_order_of_the_schedule() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.csv");
        let samples = Samples::default();
        samples.push(sample(1, 0.2, Ending::Timeout));
        samples.push(sample(0, 0.1, Ending::Status(200)));
        samples.write(&path).unwrap();
        let expected = "request,due_s,sent_late_s,response_s,ending\n\
                        0,0.000000,0.001000,0.100000,200\n\
                        1,1.000000,0.001000,0.200000,timeout\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        let nowhere = folder.path().join("missing/requests.csv");
        assert!(samples.write(&nowhere).unwrap_err().to_string().contains("missing/requests.csv"));
    }
}
