//! What `check` and `run` are told by flags and environment.

use std::net::Ipv6Addr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use scaler_core::observation::MAX_HISTORY;
use scaler_core::plan::BoundsError;
use scaler_core::{Bounds, Mode};
use thiserror::Error;

use crate::check::{CheckConfig, UtilizationSource};
use crate::counters::PodCounters;
use crate::cpu::{CpuError, Prometheus};
use crate::decider::{AGENT_DEADLINE, DeciderError, HttpAgent};
use crate::prometheus::{PROMETHEUS_DEADLINE, QueryError};
use crate::push::{PUSHGATEWAY_DEADLINE, PushError, Pushgateway};
use crate::state::StateSource;

/// Half of the checks stay when the file is rolled, and the agent is to find its whole history among them.
const LEAST_MAX_CHECKS: usize = 2 * MAX_HISTORY;
/// A longer interval or threshold than a day is a mistake in the unit.
const MAX_SECONDS: f64 = 86_400.0;
/// In a shorter interval a check would not be over.
const LEAST_INTERVAL_S: f64 = 0.1;

/// Flags of `scaler check` and `scaler run`.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Namespace of the Deployment.
    #[arg(long, env = "NAMESPACE", default_value = "default", value_parser = label)]
    pub namespace: String,

    /// Deployment that is scaled.
    #[arg(long, env = "DEPLOYMENT_NAME", value_parser = subdomain)]
    pub deployment_name: String,

    /// The SLO: threshold of the mean response time, seconds.
    #[arg(long, env = "PRESSURE_THRESHOLD", value_name = "SECONDS", value_parser = seconds)]
    pub pressure_threshold: f64,

    /// Time between two checks, seconds, 0.1 or more: for `check`, how often it is started; for `run`, how often it checks.
    #[arg(long, env = "INTERVAL_CHECK", value_name = "SECONDS", default_value = "60", value_parser = interval)]
    pub interval_check: f64,

    /// Host of the agent.
    #[arg(long, env = "AGENT_HOST", value_parser = host)]
    pub agent_host: String,

    /// Port of the agent.
    #[arg(long, env = "AGENT_PORT", default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..))]
    pub agent_port: u16,

    /// Base URL of Prometheus, for the CPU of the pods, and for STATE_SOURCE=prometheus; without it, or empty, the CPU is null.
    #[arg(long, env = "PROMETHEUS_URL", value_name = "URL", value_parser = url_or_empty)]
    pub prometheus_url: Option<String>,

    /// Base URL of a Pushgateway, which is told the numbers of each check; without it, or empty, nobody is.
    #[arg(long, env = "PUSHGATEWAY_URL", value_name = "URL", value_parser = url_or_empty)]
    pub pushgateway_url: Option<String>,

    /// Which utilization the agent is sent.
    #[arg(long, env = "UTILIZATION_SOURCE", value_enum, default_value_t = UtilizationSource::Theory)]
    pub utilization_source: UtilizationSource,

    /// Where the requests of a window come from: the records in RESULTS_DIR, or the counters that the pods export.
    #[arg(long, env = "STATE_SOURCE", value_enum, default_value_t = StateSourceName::Records)]
    pub state_source: StateSourceName,

    /// Folder of podStatus.json, shared with the matrix service where it keeps records; it must be there.
    #[arg(long, env = "RESULTS_DIR", value_name = "FOLDER")]
    pub results_dir: PathBuf,

    /// Fewest replicas that are ordered.
    #[arg(long, env = "MIN_REPLICAS", value_name = "N", default_value = "1")]
    pub min_replicas: NonZeroU32,

    /// Most replicas that are ordered.
    #[arg(long, env = "MAX_REPLICAS", value_name = "N", default_value = "10")]
    pub max_replicas: NonZeroU32,

    /// Whether orders are given (auto), or only recorded as due (shadow).
    #[arg(long, env = "MODE", value_enum, default_value_t = ModeName::Auto)]
    pub mode: ModeName,

    /// Newest AnalyzedPods/check_N folders that are kept; 0 keeps none.
    #[arg(long, env = "ANALYZED_RETENTION", value_name = "FOLDERS", default_value_t = 60)]
    pub analyzed_retention: usize,

    /// Checks that podStatus.json holds at most, 128 or more; the older half of more goes to a file of its own.
    #[arg(long, env = "POD_STATUS_MAX_CHECKS", value_name = "CHECKS", default_value_t = 1440, value_parser = max_checks)]
    pub pod_status_max_checks: usize,
}

/// `MODE`, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeName {
    /// Orders are given.
    Auto,
    /// Orders are recorded as due.
    Shadow,
}

/// `STATE_SOURCE`, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateSourceName {
    /// The records in `RESULTS_DIR`.
    Records,
    /// The counters that the pods export.
    Prometheus,
}

/// Settings that contradict each other, or the system.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The bounds.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// The CPU is wanted from nowhere.
    #[error("UTILIZATION_SOURCE is prometheus, and PROMETHEUS_URL is not set")]
    NoPrometheus,
    /// The requests are wanted from nowhere.
    #[error("STATE_SOURCE is prometheus, and PROMETHEUS_URL is not set")]
    NoCounters,
    /// The agent's client.
    #[error("cannot reach for the agent")]
    Agent(#[from] DeciderError),
    /// The client of Prometheus.
    #[error("cannot reach for Prometheus")]
    Prometheus(#[from] CpuError),
    /// Its client, for the counters.
    #[error("cannot reach for Prometheus")]
    Counters(#[from] QueryError),
    /// The client of the Pushgateway.
    #[error("cannot reach for the Pushgateway")]
    Pushgateway(#[from] PushError),
}

impl Settings {
    /// The part that a check needs to know.
    ///
    /// # Errors
    /// [`SettingsError`] names the settings that contradict each other.
    pub fn check_config(&self) -> Result<CheckConfig, SettingsError> {
        if self.utilization_source == UtilizationSource::Prometheus && self.prometheus_url().is_none() {
            return Err(SettingsError::NoPrometheus);
        }
        Ok(CheckConfig {
            threshold_s: self.pressure_threshold,
            interval_s: self.interval_check,
            bounds: Bounds::new(self.min_replicas, self.max_replicas)?,
            mode: match self.mode {
                ModeName::Auto => Mode::Auto,
                ModeName::Shadow => Mode::Shadow,
            },
            utilization_source: self.utilization_source,
            state_source: self.state_source()?,
            analyzed_retention: self.analyzed_retention,
            pod_status_max_checks: self.pod_status_max_checks,
            results_dir: self.results_dir.clone(),
            pause_at: None,
        })
    }

    /// The agent.
    ///
    /// # Errors
    /// [`SettingsError::Agent`].
    pub fn agent(&self) -> Result<HttpAgent, SettingsError> {
        let host = match self.agent_host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.agent_host.clone(),
        };
        Ok(HttpAgent::new(&format!("{host}:{}", self.agent_port), AGENT_DEADLINE)?)
    }

    /// Prometheus, where there is one.
    ///
    /// # Errors
    /// [`SettingsError::Prometheus`].
    pub fn prometheus(&self) -> Result<Option<Prometheus>, SettingsError> {
        let new = |url| Prometheus::new(url, &self.namespace, &self.deployment_name, PROMETHEUS_DEADLINE);
        Ok(self.prometheus_url().map(new).transpose()?)
    }

    /// The Pushgateway, where there is one.
    ///
    /// # Errors
    /// [`SettingsError::Pushgateway`].
    pub fn pushgateway(&self) -> Result<Option<Pushgateway>, SettingsError> {
        let url = self.pushgateway_url.as_deref().filter(|url| !url.is_empty());
        let new = |url| Pushgateway::new(url, &self.namespace, &self.deployment_name, PUSHGATEWAY_DEADLINE);
        Ok(url.map(new).transpose()?)
    }

    fn state_source(&self) -> Result<StateSource, SettingsError> {
        match self.state_source {
            StateSourceName::Records => Ok(StateSource::Records),
            StateSourceName::Prometheus => {
                let url = self.prometheus_url().ok_or(SettingsError::NoCounters)?;
                let (namespace, deployment) = (&self.namespace, &self.deployment_name);
                Ok(StateSource::Prometheus(PodCounters::new(url, namespace, deployment, PROMETHEUS_DEADLINE)?))
            }
        }
    }

    fn prometheus_url(&self) -> Option<&str> {
        self.prometheus_url.as_deref().filter(|url| !url.is_empty())
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= MAX_SECONDS => Ok(value),
        _ => Err(format!("it must be a number of seconds above 0 and at most {MAX_SECONDS}")),
    }
}

fn interval(text: &str) -> Result<f64, String> {
    match seconds(text) {
        Ok(value) if value >= LEAST_INTERVAL_S => Ok(value),
        _ => Err(format!("it must be a number of seconds, {LEAST_INTERVAL_S} or more and at most {MAX_SECONDS}")),
    }
}

fn max_checks(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(value) if value >= LEAST_MAX_CHECKS => Ok(value),
        _ => Err(format!("it must be a whole number of checks, {LEAST_MAX_CHECKS} or more")),
    }
}

/// A namespace's name: RFC 1123 label.
fn label(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let bordered = !text.starts_with('-') && !text.ends_with('-');
    if !text.is_empty() && text.len() <= 63 && text.chars().all(allowed) && bordered {
        Ok(text.to_owned())
    } else {
        Err("it must be 1 to 63 lower-case letters, digits and inner '-'".to_owned())
    }
}

/// A Deployment's name: RFC 1123 subdomain.
fn subdomain(text: &str) -> Result<String, String> {
    if text.len() <= 253 && text.split('.').all(|part| label(part).is_ok()) {
        Ok(text.to_owned())
    } else {
        Err("it must be lower-case letters, digits, inner '-' and inner '.', 253 at most".to_owned())
    }
}

fn host(text: &str) -> Result<String, String> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c));
    let is_host = !text.contains(':') || text.parse::<Ipv6Addr>().is_ok();
    if !text.is_empty() && plain && is_host {
        Ok(text.to_owned())
    } else {
        Err("it must be a host name or an address, without scheme and port".to_owned())
    }
}

fn url_or_empty(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        Ok(_) => Err("it must start with http:// or https:// and name a host".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
