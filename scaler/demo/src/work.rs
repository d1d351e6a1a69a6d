//! Chooses the replicas' emulated CPU quota, so that a request takes as long as the scenario says on any machine.
//!
//! A multiplication of this size is measured in real replicas: first in one alone, with half a core, then in a few at
//! once, at a quota that follows from it. A young process is up to twice as slow as it is after some tens of requests,
//! so the second measurement is quicker than the run will be, and only its later requests count.

use std::time::Duration;

use actix_web::web::Bytes;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::child::{Child, ChildError, Launch};

/// Quota of the first measurement: below 1, so that CPU time and not time on the wall is measured.
const FIRST_QUOTA: f64 = 0.5;
/// Multiplications of the first measurement.
const FIRST_REQUESTS: usize = 40;
/// Pause between them: a replica in the run comes to each request from sleep.
const PAUSE: Duration = Duration::from_millis(5);
/// Replicas of the second measurement.
const REPLICAS: usize = 4;
/// Multiplications of each.
const SECOND_REQUESTS: usize = 60;
/// Service time of the second measurement, seconds; a shorter one of the scenario is taken as it is. So all replicas
/// together serve about as many requests a second as those of all lanes will.
const SECOND_S: f64 = 0.04;
/// How long a replica has to listen.
const LISTEN: Duration = Duration::from_secs(15);
/// How long a replica has to end.
const GRACE: Duration = Duration::from_secs(5);

/// What was measured, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Calibration {
    /// CPU time of a multiplication, seconds.
    pub work_s: f64,
    /// Share of a core that each replica gets, in (0, 1].
    pub quota: f64,
}

/// Why there is no quota.
#[derive(Debug, Error)]
pub enum CalibrateError {
    /// A multiplication takes longer than a request shall.
    #[error(
        "a {size} x {size} multiplication takes {work_s:.4} s of CPU, which is more than half of the service time of \
         {target_s} s: choose a smaller --matrix-size or a longer --service-time"
    )]
    TooSlow {
        /// Rows and columns.
        size: usize,
        /// Measured, seconds.
        work_s: f64,
        /// Asked for, seconds.
        target_s: f64,
    },
    /// A replica did not start or end.
    #[error("the replica to measure with")]
    Replica(#[source] ChildError),
    /// A request went wrong.
    #[error("request to {url}")]
    Request {
        /// Where to.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

/// The part of the service's answer that is needed here.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Service Time")]
    service_time_s: f64,
}

/// Everything that a measurement needs.
pub struct Bench<'a> {
    /// How a replica is started, without its name and quota; its records go to a folder of its own.
    pub launch: &'a Launch,
    /// Sends the requests.
    pub client: &'a reqwest::Client,
    /// Their bodies.
    pub bodies: &'a [Bytes],
    /// Rows and columns of the matrices in them.
    pub size: usize,
}

/// Finds the quota at which a request takes `target_s` seconds on average.
///
/// # Errors
/// [`CalibrateError`].
pub async fn calibrate(bench: &Bench<'_>, target_s: f64) -> Result<Calibration, CalibrateError> {
    let alone = measure(bench, 0, FIRST_QUOTA, FIRST_REQUESTS, PAUSE).await?;
    let first = quota(FIRST_QUOTA, median(&alone), target_s, bench.size)?;
    // Quicker than the run, but not quicker than the work itself.
    let quick = (first * (target_s / SECOND_S).max(1.0)).min(FIRST_QUOTA);
    let together = (0..REPLICAS).map(|replica| measure(bench, replica, quick, SECOND_REQUESTS, Duration::ZERO));
    let measured_s = mean(&try_join_all(together).await?.concat());
    let quota = quota(quick, measured_s, target_s, bench.size)?;
    Ok(Calibration { work_s: quick * measured_s, quota })
}

/// The quota for `target_s`, when a request took `measured_s` at the quota `at`.
fn quota(at: f64, measured_s: f64, target_s: f64, size: usize) -> Result<f64, CalibrateError> {
    let work_s = at * measured_s;
    let quota = work_s / target_s;
    // From half a core on there is not enough left to emulate: replicas would slow each other down.
    if quota.is_finite() && quota <= 0.5 {
        Ok(quota.max(1e-9))
    } else {
        Err(CalibrateError::TooSlow { size, work_s, target_s })
    }
}

/// Service times of requests that are sent one after the other to one replica; the later half of them.
async fn measure(
    bench: &Bench<'_>,
    replica: usize,
    quota: f64,
    requests: usize,
    pause: Duration,
) -> Result<Vec<f64>, CalibrateError> {
    let mut launch = bench.launch.clone();
    launch.environment.push(("POD_NAME".to_owned(), format!("calibration-{replica}")));
    launch.environment.push(("EMULATED_CPU_QUOTA".to_owned(), quota.to_string()));
    let mut child = Child::spawn(&launch).map_err(CalibrateError::Replica)?;
    let url = child.url(LISTEN, &launch.log).await.map_err(CalibrateError::Replica)?;
    let url = format!("{url}/multiply");
    let mut times = Vec::with_capacity(requests);
    for body in bench.bodies.iter().cycle().take(requests) {
        times.push(service_time(bench.client, &url, body.clone()).await?);
        tokio::time::sleep(pause).await;
    }
    child.stop(GRACE).await.map_err(CalibrateError::Replica)?;
    // The first half has warmed it up.
    Ok(times.split_off(requests / 2))
}

async fn service_time(client: &reqwest::Client, url: &str, body: Bytes) -> Result<f64, CalibrateError> {
    let failed = |source| CalibrateError::Request { url: url.to_owned(), source };
    let request = client.post(url).header("content-type", "application/json").body(body);
    let answer = request.send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let answer: Answer = answer.json().await.map_err(failed)?;
    Ok(answer.service_time_s)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_stretches_the_work_to_the_service_time() {
        // (quota measured at, measured, target) -> quota
        let table = [
            ("1 ms of work in 0.1 s", 0.5, 0.002, 0.1, 0.01),
            ("as it should be already", 0.01, 0.1, 0.1, 0.01),
            ("a fifth too slow: a fifth more CPU", 0.01, 0.12, 0.1, 0.012),
            ("half a core is the most", 0.5, 0.1, 0.1, 0.5),
        ];
        for (case, at, measured_s, target_s, expected) in table {
            let found = quota(at, measured_s, target_s, 64).unwrap();
            assert!((found - expected).abs() < 1e-12, "{case}: {found}");
        }
    }

    #[test]
    fn matrices_that_are_too_large_are_refused_with_what_to_change() {
        for (measured_s, target_s) in [(0.3, 0.1), (f64::NAN, 0.1)] {
            let error = quota(0.5, measured_s, target_s, 900).unwrap_err().to_string();
            assert!(error.contains("900 x 900") && error.contains("--matrix-size"), "{error}");
        }
    }

    #[test]
    fn the_median_ignores_a_stray_value() {
        assert_eq!(median(&[1.0, 99.0, 1.2, 1.1, 0.9]), 1.1);
        assert!(median(&[]).is_nan());
        assert_eq!(mean(&[1.0, 2.0, 3.0]), 2.0);
    }
}
