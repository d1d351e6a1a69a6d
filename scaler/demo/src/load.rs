//! An open-loop load generator: requests are sent when they are due, whatever became of those before.
//!
//! So overload is seen as it is: a closed loop would wait with the service, and send less just when it is too slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::samples::{Ending, Sample, Samples};

/// What is sent, where and when.
#[derive(Debug, Clone)]
pub struct Load {
    /// Where requests go.
    pub url: String,
    /// Their bodies, in turn; not empty.
    pub bodies: Arc<[Bytes]>,
    /// When each is due, seconds from the start, ascending.
    pub arrivals: Arc<[f64]>,
    /// Begins every request's id.
    pub name: String,
    /// How long an answer may take.
    pub deadline: Duration,
    /// Requests under way at once; more are not sent, and counted as failed.
    pub in_flight: usize,
    /// How long answers are waited for when the run is stopped.
    pub patience: Duration,
}

/// How far a load has come.
#[derive(Debug, Default)]
pub struct Progress {
    /// Requests that were due.
    pub due: AtomicUsize,
    /// Those that ended.
    pub ended: AtomicUsize,
}

impl Progress {
    /// Requests that wait for their answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        // What ended was due: read in this order the difference cannot be below 0.
        let ended = self.ended.load(Ordering::Acquire);
        self.due.load(Ordering::Acquire).saturating_sub(ended)
    }
}

impl Load {
    /// Plays the schedule from `start` on, until its end or until `stopped` turns true; returns when all answers are
    /// there.
    pub async fn play(
        self,
        client: reqwest::Client,
        start: Instant,
        mut stopped: watch::Receiver<bool>,
        samples: Arc<Samples>,
        progress: Arc<Progress>,
    ) {
        let load = Arc::new(self);
        let places = Arc::new(Semaphore::new(load.in_flight));
        let mut requests = JoinSet::new();
        for (index, &due_s) in load.arrivals.iter().enumerate() {
            let due = start + Duration::from_secs_f64(due_s);
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => break,
                () = tokio::time::sleep_until(due) => {}
            }
            progress.due.fetch_add(1, Ordering::AcqRel);
            let late_s = due.elapsed().as_secs_f64();
            let place = places.clone().try_acquire_owned();
            let (load, client, samples, progress) = (load.clone(), client.clone(), samples.clone(), progress.clone());
            let mut stopped = stopped.clone();
            requests.spawn(async move {
                let ending = match place {
                    Err(_) => Ending::NotSent,
                    Ok(_place) => tokio::select! {
                        ending = load.send(&client, index) => ending,
                        () = cut_off(&mut stopped, load.patience) => Ending::CutOff,
                    },
                };
                let response_s = due.elapsed().as_secs_f64();
                samples.push(Sample { index, due_s, late_s, response_s, ending });
                progress.ended.fetch_add(1, Ordering::AcqRel);
            });
            // Ended tasks are let go of as we go.
            while requests.try_join_next().is_some() {}
        }
        while requests.join_next().await.is_some() {}
    }

    async fn send(&self, client: &reqwest::Client, index: usize) -> Ending {
        let body = self.bodies.get(index % self.bodies.len().max(1)).cloned().unwrap_or_default();
        let request = client
            .post(format!("{}/multiply", self.url))
            .timeout(self.deadline)
            .header("content-type", "application/json")
            .header("x-request-id", format!("{}-{index}", self.name))
            .body(body);
        let answer = async {
            let reply = request.send().await?;
            let status = reply.status().as_u16();
            reply.bytes().await?;
            Ok::<_, reqwest::Error>(status)
        };
        match answer.await {
            Ok(status) => Ending::Status(status),
            Err(error) if error.is_timeout() => Ending::Timeout,
            Err(_) => Ending::Broken,
        }
    }
}

/// Returns when the run has been stopped for `patience`.
async fn cut_off(stopped: &mut watch::Receiver<bool>, patience: Duration) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        // Nobody is left to stop the run.
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(patience).await;
}
