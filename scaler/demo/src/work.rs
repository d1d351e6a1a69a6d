//! What a multiplication takes on the machine at hand: the service time that is emulated must be longer than that.

use std::time::Duration;

use actix_web::web::Bytes;
use serde::Deserialize;
use thiserror::Error;

use crate::child::{Child, ChildError, Launch};

/// Multiplications that are measured, half of them to warm the replica up: a young process is up to twice as slow.
const REQUESTS: usize = 40;
/// Pause between them: a replica in the run comes to each request from sleep.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a replica has to listen.
const LISTEN: Duration = Duration::from_secs(15);
/// How long a replica has to end.
const GRACE: Duration = Duration::from_secs(5);
/// Share of the service time that may be work: from there on there is not enough sleep to have many replicas on few cores.
const MOST_OF_SERVICE: f64 = 0.5;

/// Why nothing can be emulated.
#[derive(Debug, Error)]
pub enum WorkError {
    /// A multiplication takes longer than a request shall.
    #[error(
        "a {size} x {size} multiplication takes {work_s:.4} s, which is more than half of the service time of {target_s} s: \
         choose a smaller --matrix-size or a longer --service-time"
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
    /// How a replica is started, without its name and service time; its records go to a folder of its own.
    pub launch: &'a Launch,
    /// Sends the requests.
    pub client: &'a reqwest::Client,
    /// Their bodies.
    pub bodies: &'a [Bytes],
    /// Rows and columns of the matrices in them.
    pub size: usize,
}

/// Seconds that a multiplication takes in a replica of its own, the median, when a service time of `target_s` leaves room for it.
///
/// # Errors
/// [`WorkError`].
pub async fn measure(bench: &Bench<'_>, target_s: f64) -> Result<f64, WorkError> {
    fitting(median(&times(bench).await?), target_s, bench.size)
}

fn fitting(work_s: f64, target_s: f64, size: usize) -> Result<f64, WorkError> {
    // Not a number, when nothing was measured, does not fit either.
    if work_s <= MOST_OF_SERVICE * target_s { Ok(work_s) } else { Err(WorkError::TooSlow { size, work_s, target_s }) }
}

/// Service times of requests that are sent one after the other to one replica; the later half of them.
async fn times(bench: &Bench<'_>) -> Result<Vec<f64>, WorkError> {
    let mut launch = bench.launch.clone();
    launch.environment.push(("POD_NAME".to_owned(), "measured".to_owned()));
    let mut child = Child::spawn(&launch).map_err(WorkError::Replica)?;
    let url = child.url(LISTEN, &launch.log).await.map_err(WorkError::Replica)?;
    let url = format!("{url}/multiply");
    let mut times = Vec::with_capacity(REQUESTS);
    for body in bench.bodies.iter().cycle().take(REQUESTS) {
        times.push(service_time(bench.client, &url, body.clone()).await?);
        tokio::time::sleep(PAUSE).await;
    }
    child.stop(GRACE).await.map_err(WorkError::Replica)?;
    Ok(times.split_off(REQUESTS / 2))
}

async fn service_time(client: &reqwest::Client, url: &str, body: Bytes) -> Result<f64, WorkError> {
    let failed = |source| WorkError::Request { url: url.to_owned(), source };
    let request = client.post(url).header("content-type", "application/json").body(body);
    let answer = request.send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let answer: Answer = answer.json().await.map_err(failed)?;
    Ok(answer.service_time_s)
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
    fn work_that_leaves_no_room_is_refused_with_what_to_change() {
        for (work_s, fits) in [(0.0002, true), (0.05, true), (0.051, false), (0.3, false), (f64::NAN, false)] {
            let found = fitting(work_s, 0.1, 900);
            assert_eq!(found.is_ok(), fits, "{work_s}");
            if let Err(error) = found {
                let said = error.to_string();
                assert!(said.contains("900 x 900") && said.contains("--matrix-size"), "{said}");
            }
        }
    }

    #[test]
    fn the_median_ignores_a_stray_value() {
        assert_eq!(median(&[1.0, 99.0, 1.2, 1.1, 0.9]), 1.1);
        assert!(median(&[]).is_nan());
    }
}
