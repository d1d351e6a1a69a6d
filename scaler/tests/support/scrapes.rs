//! Checks by counters: a deployment whose pods are ready, and a scripted Prometheus with their samples.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use scaler::check::{CheckError, CheckOutcome, check};
use scaler::counters::PodCounters;
use scaler::cpu::Prometheus;
use scaler::decider::HttpAgent;
use scaler::kubernetes::Kubernetes;
use scaler::state::StateSource;
use scaler_core::Check;
use scaler_core::scrape::Figure;
use serde_json::{Value, json};

use super::api::{self, DEPLOYMENT, HASH, NAMESPACE, PATCH_SCALE};
use super::folder::{self, noon};
use super::memory::config;
use super::peer::{Answer, Peer};

const DEADLINE: Duration = Duration::from_millis(400);

/// Samples of a pod: seconds past noon, requests counted. Of each request S = 0.1 s, R = 0.25 s.
pub type Pod<'a> = (&'static str, &'a [(f64, f64)]);

pub fn name(suffix: &str) -> String {
    format!("{DEPLOYMENT}-{HASH}-{suffix}")
}

fn series(figure: Figure, suffix: &str, values: &[(f64, f64)]) -> Value {
    let noon_s = noon(0).timestamp() as f64;
    let values: Vec<Value> = values.iter().map(|(s, value)| json!([noon_s + s, value.to_string()])).collect();
    let labels = json!({ "__name__": figure.metric(), "namespace": NAMESPACE, "pod": name(suffix), "job": "pods", "instance": "10.0.0.1:8080" });
    json!({ "metric": labels, "values": values })
}

pub fn series_of(&(suffix, counts): &Pod, start_s: f64) -> Vec<Value> {
    let each =
        |figure, factor: f64| series(figure, suffix, &counts.iter().map(|(s, n)| (*s, n * factor)).collect::<Vec<_>>());
    let start = counts.iter().map(|(s, _)| (*s, noon(0).timestamp() as f64 + start_s)).collect::<Vec<_>>();
    vec![
        each(Figure::Requests, 1.0),
        each(Figure::ServiceTime, 0.1),
        each(Figure::ResponseTime, 0.25),
        each(Figure::RelativeWait, 1.5),
        series(Figure::Start, suffix, &start),
    ]
}

pub fn matrix(series: &[Value]) -> Answer {
    let body = json!({ "status": "success", "data": { "resultType": "matrix", "result": series } });
    Answer::Json(200, body.to_string())
}

pub fn counters(pods: &[Pod<'_>]) -> Answer {
    matrix(&pods.iter().flat_map(|pod| series_of(pod, -3600.0)).collect::<Vec<_>>())
}

/// A deployment whose pods are ready, a Prometheus, an agent, and a results folder.
pub struct Scene {
    pub api: Peer,
    pub agent: Peer,
    pub prometheus: Peer,
    pub says: Arc<Mutex<Answer>>,
    _guard: tempfile::TempDir,
    pub results: std::path::PathBuf,
}

impl Scene {
    pub fn new(ready: &'static [&'static str], action: i64) -> Self {
        let (guard, results) = folder::fresh();
        Self::on(guard, results, ready, action)
    }

    /// The same results folder, once other pods are ready.
    pub fn with(self, ready: &'static [&'static str], action: i64) -> Self {
        Self::on(self._guard, self.results, ready, action)
    }

    fn on(guard: tempfile::TempDir, results: std::path::PathBuf, ready: &'static [&'static str], action: i64) -> Self {
        let pods = ready.iter().map(|suffix| api::pod(suffix)).collect::<Vec<_>>();
        let api =
            api::server(api::deployment(ready.len() as u32), vec![(None, api::page(&pods, None))], api::scaled(4));
        let agent = Peer::start(move |_| Answer::Json(200, json!({ "action": action }).to_string()));
        let says = Arc::new(Mutex::new(matrix(&[])));
        let script = Arc::clone(&says);
        let prometheus = Peer::start(move |_| script.lock().unwrap().clone());
        Self { api, agent, prometheus, says, _guard: guard, results }
    }

    /// A check at this second past noon, when Prometheus says this.
    pub async fn check(&self, at_s: f64, says: Answer) -> Result<Check, CheckError> {
        *self.says.lock().unwrap() = says;
        let mut config = config(&self.results);
        let counters = PodCounters::new(&self.prometheus.url(), NAMESPACE, DEPLOYMENT, DEADLINE).unwrap();
        config.state_source = StateSource::Prometheus(counters);
        let kube = kube::Config::new(self.api.url().parse().unwrap());
        let cluster = Kubernetes::new(kube, NAMESPACE, DEPLOYMENT, DEADLINE).unwrap();
        let agent = HttpAgent::new(&self.agent.authority(), DEADLINE).unwrap();
        let now = noon((at_s * 1e6) as i64);
        match check(&config, &cluster, &agent, None::<&Prometheus>, || now).await? {
            CheckOutcome::Recorded { check, .. } => Ok(*check),
            CheckOutcome::LockHeld => panic!("nobody else is here"),
        }
    }

    pub fn orders(&self) -> usize {
        self.api.sent().iter().filter(|sent| sent.line == PATCH_SCALE).count()
    }
}

pub fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-9
}
