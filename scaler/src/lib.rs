//! Turns request records, or counters, and CPU figures into a state, asks the agent, scales the Deployment.
//!
//! ```text
//! scaler check    once; what the CronJob starts                     scaler report   podStatus.json -> page, pictures
//! scaler run      every INTERVAL_CHECK, until SIGTERM               scaler replay   past checks once more, compared
//! ```
//!
//! # Environment of `check` and `run`
//!
//! Each is a flag as well (`--results-dir`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `NAMESPACE` | `default` | namespace of the Deployment |
//! | `DEPLOYMENT_NAME` | required | Deployment that is scaled |
//! | `PRESSURE_THRESHOLD` | required | the SLO: threshold of the mean response time, seconds |
//! | `INTERVAL_CHECK` | 60 | time between two checks, seconds, 0.1 or more |
//! | `AGENT_HOST` | required | host of the agent |
//! | `AGENT_PORT` | 8000 | port of the agent |
//! | `PROMETHEUS_URL` | none | base URL of Prometheus; without it the CPU is null; required with `STATE_SOURCE=prometheus` |
//! | `PUSHGATEWAY_URL` | none | base URL of a Pushgateway, told the numbers of each check; see [`push`] |
//! | `UTILIZATION_SOURCE` | `theory` | `theory` or `prometheus`: which utilization the agent is sent |
//! | `STATE_SOURCE` | `records` | `records`: the files in `RESULTS_DIR`; `prometheus`: the counters of the pods, see below |
//! | `RESULTS_DIR` | required | folder of `podStatus.json`, shared with the matrix service where it keeps records; see [`results`] |
//! | `MIN_REPLICAS` | 1 | fewest replicas that are ordered |
//! | `MAX_REPLICAS` | 10 | most replicas that are ordered |
//! | `MODE` | `auto` | `auto`: give orders; `shadow`: only record them as due |
//! | `ANALYZED_RETENTION` | 60 | newest `AnalyzedPods/check_N` folders that are kept; 0 keeps none |
//! | `POD_STATUS_MAX_CHECKS` | 1440 | checks in `podStatus.json` at most, 128 or more |
//! | `RUST_LOG` | `info` | log filter; logs go to stderr |
//!
//! # What a service must export
//!
//! With `STATE_SOURCE=prometheus` any service can be scaled whose pods export these, and are scraped with the labels
//! `namespace` and `pod` (`k8s/components/monitoring/prometheus/prometheus.yml` does both for pods that ask for it). A service
//! that has them under other names renames them as it is scraped (`metric_relabel_configs`).
//!
//! | metric | type | what |
//! |---|---|---|
//! | `matrix_service_service_time_seconds` | histogram or summary | S of each completed request: what it took once it was begun. `_count` and `_sum` are read, no buckets |
//! | `matrix_service_response_time_seconds` | histogram or summary | R of the same requests: from the stamp of the ingress to the reply. `_sum` is read |
//! | `matrix_service_relative_wait_ratio_total` | counter | sum of `(R - S) / S`, no term below 0, of the same requests |
//! | `process_start_time_seconds` | gauge | start of the process, as most client libraries export it; without it a pod's requests before its first scrape are not seen |
//!
//! Requests that are refused or fail count in none of them. Other labels are summed over; of several jobs that scrape a
//! pod, one counts. All four should be of one moment: else a scrape in the midst of a request knows its S and not its R, and
//! the next window gets the rest.
//!
//! The law of the window is in [`scaler_core::scrape`]: from the newest sample that the check before had seen to the newest
//! now, pod by pod, nothing extrapolated; `decision.scrapedUntil` keeps the place. Its length is that of the pods' own samples.
//! Scrape four times in a check's interval or more often: the figures are as old as the newest scrape, what a pod does
//! between its last scrape and its end is not seen, and with fewer than two and a half scrapes an interval, or the newest of
//! a pod more than half an interval older than those of others, the agent is not told the end of the window
//! ([`scaler_core::Recent`]). The cost of a check is a query of five series a pod, whatever the rate.
//!
//! When Prometheus is down, or has no new sample of any ready pod, or of more than half of them, the check ends with an error
//! and nothing is asked, ordered or recorded: an unknown load is not a load of 0. The next check's window reaches back to the last
//! one that was recorded. Pods that have just become ready are not waited for. Of fewer unseen pods each is an error `PodUnseen`
//! in `decision`, and nothing is scaled in: their load is missing in the figures. `tests/side-by-side` holds both sources against
//! each other on one run.
//!
//! With records load is missing too, and nothing is scaled in, when a segment cannot be sealed, when more records are refused than
//! read, and when the check before was less than half an interval ago: [`state`].
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; also when another scaler holds the lock, and when a recorded window could not be put away, which the log says |
//! | 1 | the job could not be done (what the pods did is not known, for one), or settings contradict each other; the next `check` gets or archives the window |
//! | 2 | `check`: the cluster refused the order; the check is recorded with reason `apply_failed` |
//! | 3 | `replay`: a check came out differently |
//! | 64 | a flag or a variable is missing or cannot be understood |
//!
//! # Code map
//!
//! | module | noun |
//! |---|---|
//! | [`mod@check`] | one check on one screen |
//! | [`state`] | where requests come from: records or counters |
//! | [`results`] | the results folder, and what happens when a check is killed |
//! | [`counters`] | the pods' counters in Prometheus |
//! | [`cluster`], [`kubernetes`] | what is scaled |
//! | [`decider`] | the agent |
//! | [`cpu`] | the pods' CPU in Prometheus |
//! | [`mod@prometheus`] | Prometheus, asked |
//! | [`push`] | Prometheus, told |
//! | [`schedule`] | a check on every tick |
//! | [`mod@replay`] | past checks once more |
//! | [`report`] | pages and pictures |
//! | [`settings`], [`cli`] | flags and environment |
//! | [`step`] | where a crash drill stops a check |

pub mod check;
pub mod cli;
pub mod cluster;
pub mod counters;
pub mod cpu;
pub mod decider;
pub mod kubernetes;
pub mod prometheus;
pub mod push;
pub mod replay;
pub mod report;
pub mod results;
pub mod schedule;
pub mod settings;
pub mod state;
pub mod step;

mod answer;
mod applied;
mod failure;
mod http;
