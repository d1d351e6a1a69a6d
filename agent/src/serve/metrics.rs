//! What the agent tells Prometheus.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, Result, TextEncoder,
};

use crate::features::state_feature_name;
use crate::policy::PolicyChoice;

/// Counters and histograms of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    duration: Histogram,
    replicas: Histogram,
    changes: IntCounterVec,
    overrides: IntCounter,
    outside: IntCounterVec,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a count.
    Answered,
    /// The body is JSON, and no state.
    Refused,
    /// The body is not JSON.
    Unreadable,
    /// The body is too large.
    TooLarge,
    /// The body did not come in time.
    TooSlow,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Answered, Self::Refused, Self::Unreadable, Self::TooLarge, Self::TooSlow];

    fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
        }
    }
}

impl Metrics {
    /// All zero, of a policy; a rule has neither a model nor a price.
    ///
    /// # Errors
    /// When two metrics have the same name.
    pub fn new(policy: &PolicyChoice, model: &str, risk: &str) -> Result<Self> {
        const SECONDS: [f64; 9] = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 1e-1, 1.0];
        const REPLICAS: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 30.0, 50.0];
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new("agent_action_requests_total", "Requests for an action, by how they ended"),
                &["outcome"],
            )?,
            duration: Histogram::with_opts(
                HistogramOpts::new("agent_action_duration_seconds", "Time from a whole body to its answer")
                    .buckets(SECONDS.to_vec()),
            )?,
            replicas: Histogram::with_opts(
                HistogramOpts::new("agent_action_replicas", "Replicas answered").buckets(REPLICAS.to_vec()),
            )?,
            changes: IntCounterVec::new(
                Opts::new("agent_actions_total", "Answers, by what they do to the replicas ordered before"),
                &["direction"],
            )?,
            overrides: IntCounter::new("agent_overrides_total", "Answers that a guard changed")?,
            outside: IntCounterVec::new(
                Opts::new("agent_features_out_of_range_total", "Features beyond the training data, taken as its bound"),
                &["feature"],
            )?,
        };
        let info = IntGaugeVec::new(
            Opts::new(
                "agent_model_info",
                "Who answers: the policy, its checkpoint and the price it answers at; always 1",
            ),
            &["policy", "sha256", "risk"],
        )?;
        info.with_label_values(&[&policy.to_string(), model, risk]).set(1);
        metrics.registry.register(Box::new(info))?;
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.duration.clone()))?;
        metrics.registry.register(Box::new(metrics.replicas.clone()))?;
        metrics.registry.register(Box::new(metrics.changes.clone()))?;
        metrics.registry.register(Box::new(metrics.overrides.clone()))?;
        metrics.registry.register(Box::new(metrics.outside.clone()))?;
        // There from the start, so that a rate over them is 0 and not absent.
        for outcome in Outcome::ALL {
            metrics.requests.with_label_values(&[outcome.label()]);
        }
        for direction in ["up", "down", "none"] {
            metrics.changes.with_label_values(&[direction]);
        }
        Ok(metrics)
    }

    /// A request ended, so long after its body was there.
    pub fn count(&self, outcome: Outcome, seconds: f64) {
        self.requests.with_label_values(&[outcome.label()]).inc();
        if !matches!(outcome, Outcome::TooLarge | Outcome::TooSlow) {
            self.duration.observe(seconds);
        }
    }

    /// A count was answered.
    pub fn answered(&self, replicas: u32, ordered: u32, overridden: bool) {
        self.replicas.observe(f64::from(replicas));
        let direction = match replicas.cmp(&ordered) {
            std::cmp::Ordering::Greater => "up",
            std::cmp::Ordering::Less => "down",
            std::cmp::Ordering::Equal => "none",
        };
        self.changes.with_label_values(&[direction]).inc();
        self.overrides.inc_by(u64::from(overridden));
    }

    /// A feature of the state was beyond the training data.
    pub fn outside(&self, feature: usize) {
        self.outside.with_label_values(&[state_feature_name(feature).as_str()]).inc();
    }

    /// In Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub fn text(&self) -> Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
