//! Turns request records and CPU figures into a state, asks the agent, scales the Deployment.
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
//! | `INTERVAL_CHECK` | 60 | time between two checks, seconds |
//! | `AGENT_HOST` | required | host of the agent |
//! | `AGENT_PORT` | 8000 | port of the agent |
//! | `PROMETHEUS_URL` | none | base URL of Prometheus; without it the CPU is null |
//! | `PUSHGATEWAY_URL` | none | base URL of a Pushgateway, told the numbers of each check; see [`push`] |
//! | `UTILIZATION_SOURCE` | `theory` | `theory` or `prometheus`: which utilization the agent is sent |
//! | `RESULTS_DIR` | required | folder shared with the matrix service; see [`results`] |
//! | `MIN_REPLICAS` | 1 | fewest replicas that are ordered |
//! | `MAX_REPLICAS` | 10 | most replicas that are ordered |
//! | `MODE` | `auto` | `auto`: give orders; `shadow`: only record them as due |
//! | `ANALYZED_RETENTION` | 60 | newest `AnalyzedPods/check_N` folders that are kept; 0 keeps none |
//! | `POD_STATUS_MAX_CHECKS` | 1440 | checks in `podStatus.json` at most, 128 or more |
//! | `RUST_LOG` | `info` | log filter; logs go to stderr |
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; also when another scaler holds the lock |
//! | 1 | the job could not be done, or settings contradict each other; the next `check` gets or archives the window |
//! | 2 | `check`: the cluster refused the order; the check is recorded with reason `apply_failed` |
//! | 3 | `replay`: a check came out differently |
//! | 64 | a flag or a variable is missing or cannot be understood |
//!
//! # Code map
//!
//! | module | noun |
//! |---|---|
//! | [`mod@check`] | one check on one screen |
//! | [`results`] | the results folder, and what happens when a check is killed |
//! | [`cluster`], [`kubernetes`] | what is scaled |
//! | [`decider`] | the agent |
//! | [`cpu`] | Prometheus, asked |
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
