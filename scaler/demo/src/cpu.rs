//! CPU of the replicas from `/proc`: what Prometheus is in the cluster.
//!
//! Real CPU time of the processes, parsing and all; the emulated service time makes a request longer, not its work.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use scaler::cpu::{CpuError, CpuMeter};
use thiserror::Error;
use tokio::time::Instant;

use crate::cluster::{LocalCluster, PodProcess};

/// Why the CPU of the replicas is not known.
#[derive(Debug, Error)]
pub enum ProcError {
    /// There is no such file: not Linux, or the process is gone.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It reads otherwise than `proc(5)` says.
    #[error("{} is not as expected: {text:?}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What it holds.
        text: String,
    },
}

/// What the last look saw.
#[derive(Debug)]
struct Look {
    at: Instant,
    /// CPU time of each pod until then, seconds.
    used_s: HashMap<String, f64>,
}

/// CPU of the pods of a cluster since the last look.
#[derive(Debug)]
pub struct ProcMeter {
    cluster: LocalCluster,
    last: Mutex<Look>,
}

impl ProcMeter {
    /// Measures from now on.
    #[must_use]
    pub fn new(cluster: LocalCluster) -> Self {
        Self { cluster, last: Mutex::new(Look { at: Instant::now(), used_s: HashMap::new() }) }
    }

    /// Cores that all pods together used since the last call, or since the start; a new pod counts from its own start.
    ///
    /// What a pod used between the last look and its end is lost, as it is to Prometheus.
    ///
    /// # Errors
    /// [`ProcError`] when no process can be read; single ones may have ended.
    pub fn cores_used(&self) -> Result<f64, ProcError> {
        let at = Instant::now();
        let mut used_now = HashMap::new();
        let mut failure = None;
        for PodProcess { pod, pid } in self.cluster.processes() {
            match used_s(Path::new("/proc"), pid) {
                Ok(used_s) => drop(used_now.insert(pod, used_s)),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(failure) = failure.filter(|_| used_now.is_empty()) {
            return Err(failure);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |(pod, used_s): (&String, &f64)| (used_s - last.used_s.get(pod).unwrap_or(&0.0)).max(0.0);
        let used_since_s: f64 = used_now.iter().map(since).sum();
        let span_s = at.duration_since(last.at).as_secs_f64();
        *last = Look { at, used_s: used_now };
        Ok(if span_s > 0.0 { used_since_s / span_s } else { 0.0 })
    }
}

impl CpuMeter for ProcMeter {
    /// Over the time since the last look, which is one interval.
    async fn cores(&self, _interval: Duration, ready: &[String]) -> Result<f64, CpuError> {
        let cores = self.cores_used().map_err(|error| CpuError::Backend { source: Box::new(error) })?;
        Ok(cores / ready.len().max(1) as f64)
    }
}

/// User and system time of a process so far, seconds.
fn used_s(proc: &Path, pid: u32) -> Result<f64, ProcError> {
    let path = proc.join(pid.to_string()).join("stat");
    let text = std::fs::read_to_string(&path).map_err(|source| ProcError::Read { path: path.clone(), source })?;
    match ticks(&text) {
        Some(ticks) => Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64),
        None => Err(ProcError::Parse { path, text }),
    }
}

/// `utime + stime`, fields 14 and 15 of `proc(5)`. The second field, the program's name, may hold spaces and brackets.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let behind = "S 1 2 2 0 -1 4194560 900 0 0 0 17 5 0 0 20 0 3 0 99 1000 200";
        for name in ["demo", "de mo", "a) b (c"] {
            assert_eq!(ticks(&format!("42 ({name}) {behind}")), Some(22), "{name}");
        }
        assert_eq!(ticks("42 (demo) S 1 2"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn this_process_has_used_cpu_and_a_strange_one_names_its_file() {
        if Path::new("/proc/self/stat").exists() {
            let before = used_s(Path::new("/proc"), std::process::id()).unwrap();
            assert!(before >= 0.0);
        }
        let folder = tempfile::tempdir().unwrap();
        let missing = used_s(folder.path(), 7).unwrap_err();
        assert!(missing.to_string().contains("7/stat"), "{missing}");
        std::fs::create_dir(folder.path().join("7")).unwrap();
        std::fs::write(folder.path().join("7/stat"), "nonsense").unwrap();
        let strange = used_s(folder.path(), 7).unwrap_err();
        assert!(matches!(strange, ProcError::Parse { .. }), "{strange}");
    }
}
