//! What can be set, by flag or by environment.

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use scaler_core::RecordName;
use thiserror::Error;

use crate::pace::Pace;
use crate::records::{RecordMode, Records};

/// File names end at 255 bytes; a record's has 33 beside the pod: dot, time stamp, extension.
const MAX_POD_NAME: usize = 220;
/// Smallest CPU quota that can be set: a millisecond of work takes ten seconds then. With much less a pod sleeps for hours.
const MIN_CPU_QUOTA: f64 = 0.0001;
/// Longest time that can be set.
const MAX_SECONDS: f64 = 3600.0;

/// Multiplies matrices over HTTP and writes one record per request.
#[derive(Debug, Clone, Parser)]
#[command(name = "matrix-service", version)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "LISTEN_ADDR", default_value = "0.0.0.0:8080")]
    pub listen_addr: SocketAddr,

    /// Folder shared with the scaler; records go to `incoming/` in it. Required, but with RECORDS=none.
    #[arg(long, env = "RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,

    /// How records are kept: a file per request, a file per window with a line per request, or none at all.
    #[arg(long, env = "RECORDS", value_enum, default_value_t = RecordMode::File)]
    pub records: RecordMode,

    /// Name of this pod in file names, without '_'; HOSTNAME where it is not set.
    #[arg(long, env = "POD_NAME")]
    pub pod_name: Option<PodName>,

    /// Stands in for POD_NAME: Kubernetes sets it to the pod's name.
    #[arg(long, env = "HOSTNAME", hide = true)]
    pub hostname: Option<String>,

    /// Multiplications at a time; further requests wait in line.
    #[arg(long, env = "CONCURRENCY", default_value = "1")]
    pub concurrency: NonZeroU16,

    /// Largest request body, bytes; a larger one gets 413.
    #[arg(long, env = "MAX_BODY_BYTES", default_value = "16777216")]
    pub max_body_bytes: NonZeroUsize,

    /// Requests whose body is held in memory at a time; the bodies of further ones are left unread.
    #[arg(long, env = "MAX_BODIES_IN_FLIGHT", default_value = "16")]
    pub max_bodies_in_flight: NonZeroU16,

    /// Time that a client has to send its body, seconds; after it the request gets 408.
    #[arg(long, env = "BODY_TIMEOUT_SECONDS", default_value = "10", value_parser = seconds)]
    pub body_timeout_seconds: Duration,

    /// Time from SIGTERM until the exit at the latest, seconds. Below Kubernetes' terminationGracePeriodSeconds (30).
    #[arg(long, env = "GRACE_SECONDS", default_value = "25", value_parser = seconds)]
    pub grace_seconds: Duration,

    /// Times that each pair is multiplied: makes a pod as slow as one of a smaller node, in real CPU time.
    #[arg(long, env = "REPEAT", default_value = "1")]
    pub repeat: NonZeroU32,

    /// Share of a core that a multiplication may use, 0.0001 to 1; 1 is no limit. Emulates a CPU limit on a shared machine.
    #[arg(long, env = "EMULATED_CPU_QUOTA", default_value = "1")]
    pub emulated_cpu_quota: CpuQuota,

    /// Time that a multiplication takes at least, seconds. Emulates a slower machine whose service times do not vary.
    #[arg(long, env = "EMULATED_SERVICE_TIME", value_parser = seconds)]
    pub emulated_service_time: Option<Duration>,
}

/// Records are to be kept, and nobody says where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("RESULTS_DIR is not set: records need a folder that is shared with the scaler, unless RECORDS is none")]
pub struct NoResultsDir;

/// The pod has no usable name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PodNameError {
    /// Neither variable is set.
    #[error("POD_NAME is not set, nor is HOSTNAME")]
    Missing,
    /// `_` splits a record's name.
    #[error(
        "{0:?} must be 1 to {MAX_POD_NAME} letters, digits, '-' and '.', a letter or digit first: \
         '_' ends the pod's name in the names of records"
    )]
    Invalid(String),
    /// As above, when it was not set by hand.
    #[error("POD_NAME is not set, and HOSTNAME cannot stand in for it")]
    Hostname(#[source] Box<Self>),
}

impl Config {
    /// How much longer than its work a multiplication takes.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace { quota: self.emulated_cpu_quota, at_least: self.emulated_service_time.unwrap_or_default() }
    }

    /// `POD_NAME`, or `HOSTNAME` where that is not set.
    ///
    /// # Errors
    /// [`PodNameError`] when there is none that file names can hold.
    pub fn pod_name(&self) -> Result<PodName, PodNameError> {
        match (&self.pod_name, &self.hostname) {
            (Some(pod), _) => Ok(pod.clone()),
            (None, Some(hostname)) => hostname.parse().map_err(|error| PodNameError::Hostname(Box::new(error))),
            (None, None) => Err(PodNameError::Missing),
        }
    }

    /// Where records go.
    ///
    /// # Errors
    /// [`NoResultsDir`].
    pub fn place(&self, pod: PodName) -> Result<Records, NoResultsDir> {
        let results_dir =
            || self.results_dir.as_deref().filter(|path| !path.as_os_str().is_empty()).ok_or(NoResultsDir);
        Ok(match self.records {
            RecordMode::File => Records::files(results_dir()?, pod),
            RecordMode::Segment => Records::segments(results_dir()?, pod),
            RecordMode::None => Records::nowhere(pod),
        })
    }

    /// Values that a product may hold: as many as the largest body can carry (two bytes each).
    ///
    /// A column times a row would else ask for the square of what was sent.
    #[must_use]
    pub fn max_product_values(&self) -> usize {
        self.max_body_bytes.get().div_ceil(2)
    }
}

/// A pod's name as it stands in the names of records: the first `_` ends it there, so it holds none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodName(String);

impl PodName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PodName {
    type Err = PodNameError;

    fn from_str(text: &str) -> Result<Self, PodNameError> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let named = RecordName::new(text, chrono::DateTime::UNIX_EPOCH).is_ok();
        if plain && begins && named && text.len() <= MAX_POD_NAME {
            Ok(Self(text.to_owned()))
        } else {
            Err(PodNameError::Invalid(text.to_owned()))
        }
    }
}

/// Share of a core, `0.0001 <= q <= 1`; 1 is no limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuQuota(f64);

impl CpuQuota {
    /// A whole core: nothing is emulated.
    pub const FULL: Self = Self(1.0);

    /// The share.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Not a share of a core.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a number from {MIN_CPU_QUOTA} to 1")]
pub struct CpuQuotaError(String);

impl FromStr for CpuQuota {
    type Err = CpuQuotaError;

    fn from_str(text: &str) -> Result<Self, CpuQuotaError> {
        match text.parse::<f64>() {
            Ok(share) if (MIN_CPU_QUOTA..=1.0).contains(&share) => Ok(Self(share)),
            _ => Err(CpuQuotaError(text.to_owned())),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= MAX_SECONDS => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("{text:?} is not a number of seconds above 0 and at most {MAX_SECONDS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(["matrix-service", "--results-dir", "results"].iter().chain(args))
    }

    #[test]
    fn a_pod_name_with_an_underscore_is_refused_with_the_reason() {
        let long = "p".repeat(MAX_POD_NAME + 1);
        for name in ["", "a_b", "a/b", ".hidden", "-x", "a b", "p\u{f6}d", &long] {
            assert_eq!(name.parse::<PodName>(), Err(PodNameError::Invalid(name.to_owned())), "{name:?}");
        }
        for name in ["matrix-6d4b75cb6d-hxk2p", "A.b-9", "0"] {
            assert_eq!(name.parse::<PodName>().unwrap().as_str(), name);
        }
        let message = config(&["--pod-name", "a_b"]).unwrap_err().to_string();
        assert!(message.contains("a_b") && message.contains("'_' ends the pod's name"), "{message}");
    }

    #[test]
    fn the_host_name_stands_in_for_the_pod_name() {
        let name = |pod: Option<&str>, host: Option<&str>| {
            let mut config = config(&[]).unwrap();
            config.pod_name = pod.map(|pod| pod.parse().unwrap());
            config.hostname = host.map(str::to_owned);
            config.pod_name().map(|pod| pod.0)
        };
        assert_eq!(name(Some("pod"), Some("ho_st")), Ok("pod".to_owned()));
        assert_eq!(name(None, Some("host")), Ok("host".to_owned()));
        assert!(matches!(name(None, Some("ho_st")), Err(PodNameError::Hostname(_))));
        assert_eq!(name(None, None), Err(PodNameError::Missing));
    }

    #[test]
    fn records_need_a_folder_unless_there_are_none() {
        for (mode, needs) in [("file", true), ("segment", true), ("none", false)] {
            let mut config = config(&["--records", mode]).unwrap();
            config.results_dir = None;
            assert_eq!(config.place("pod".parse().unwrap()).is_err(), needs, "{mode}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused_naming_flag_and_value() {
        for (flag, value) in [
            ("--emulated-cpu-quota", "0"),
            ("--emulated-cpu-quota", "1e-30"),
            ("--emulated-cpu-quota", "1e-9"),
            ("--emulated-cpu-quota", "0.000099"),
            ("--emulated-cpu-quota", "1.01"),
            ("--emulated-cpu-quota", "NaN"),
            ("--emulated-cpu-quota", "half"),
            ("--emulated-service-time", "0"),
            ("--emulated-service-time", "soon"),
            ("--repeat", "0"),
            ("--concurrency", "0"),
            ("--max-body-bytes", "0"),
            ("--max-bodies-in-flight", "0"),
            ("--grace-seconds", "0"),
            ("--grace-seconds", "inf"),
            ("--body-timeout-seconds", "ten"),
            ("--listen-addr", "8080"),
            ("--records", "folder"),
        ] {
            let message = config(&[flag, value]).unwrap_err().to_string();
            assert!(message.contains(flag) && message.contains(value), "{flag} {value}: {message}");
        }
    }

    #[test]
    fn the_smallest_cpu_quota_is_one_that_can_be_waited_for() {
        for share in [MIN_CPU_QUOTA, 1.0] {
            let pace = config(&["--emulated-cpu-quota", &share.to_string()]).unwrap().pace();
            assert_eq!(pace.quota, CpuQuota(share));
        }
        let message = config(&["--emulated-cpu-quota", "1e-5"]).unwrap_err().to_string();
        assert!(message.contains("from 0.0001 to 1"), "{message}");
    }
}
