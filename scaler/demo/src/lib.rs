//! The whole loop on one machine without Kubernetes: `cargo demo`.
//!
//! Each policy plays in a lane of its own; all lanes get the same requests at the same time.
//!
//! ```text
//!                        ┌──────────────────────── one lane ────────────────────────┐
//!  load (open loop) ─> ingress ─> replicas ─> RESULTS_DIR/incoming ─> scaler::check ─> decider (agent | rule)
//!                     stamps t    processes                              │ CPU from /proc
//!                                    ^────── LocalCluster::order ────────┘
//! ```
//!
//! | in the cluster | here | the same code |
//! |---|---|---|
//! | JMeter, open model | [`load`], open loop, times counted from when a request was due | arrival times of [`agent::workload`] |
//! | HAProxy ingress | [`ingress`] over [`routes`] | the stamp of [`scaler_core::request_time`] |
//! | Deployment and Service | [`cluster`]: replicas are child processes ([`child`]) | [`matrix_service`] |
//! | volume for the records | `lanes/POLICY` in the results folder ([`results`]) | the protocol, unchanged |
//! | CronJob | [`lane`]: a check every few seconds | [`scaler::check`] |
//! | Prometheus | [`cpu`]: `/proc` | behind [`scaler::cpu::CpuMeter`] |
//! | agent | [`agent_process`], over HTTP ([`decide`] for rules) | [`agent`] with the checkpoint that it ships |
//!
//! Emulated are two things. A **slow pod**: a replica works for some microseconds and then sleeps inside its slot until the
//! request has taken a tenth of a second, so that queues build up as they do on real pods, and three lanes of eight replicas
//! still fit two cores; [`work`] sees to it that the machine at hand is quick enough. (A CPU limit of a thousandth of a core
//! would do the same, and have ten microseconds of a cold cache last ten milliseconds.)
//! And the **start-up** of a pod, which in a cluster takes scheduling and an image: a delay before the process starts.
//! All else is real: sockets, processes, signals, queues, records, checks, decisions.
//!
//! [`settings`] turns the command line ([`cli`]) into a run, [`run`] plays it with a [`screen`], [`outcome`] writes the
//! results, and [`table`] says who won. Rivals are set for the load at hand ([`tuning`]), so that none is beaten by its settings.

pub mod agent_process;
pub mod child;
pub mod choice;
pub mod cli;
pub mod cluster;
pub mod cpu;
pub mod decide;
pub mod http;
pub mod ingress;
pub mod interrupt;
pub mod introduction;
pub mod lane;
pub mod load;
pub mod matrices;
pub mod open_files;
pub mod outcome;
pub mod results;
pub mod routes;
pub mod run;
pub mod samples;
pub mod screen;
pub mod settings;
pub mod table;
pub mod tuning;
pub mod work;
