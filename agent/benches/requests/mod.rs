//! What the agent is asked in benchmarks.

use std::fmt::Write;

/// The least that a caller may send.
pub const BARE: &str = r#"{"observation": {"n_instances": 2, "pressure": 0.8, "queue_length_dominant": 1.2, "utilization": 0.4, "workload": 9.35}}"#;

/// What the scaler sends: 64 past checks, bounds, threshold.
pub fn with_history() -> String {
    let mut history = String::new();
    for age in (1..=64_u32).rev() {
        let load = 5.0 + f64::from(age % 10);
        let comma = if age > 1 { "," } else { "" };
        write!(
            history,
            r#"{{"age_s": {}, "replicas_ordered": 3, "n_instances": 3, "pressure": 0.6, "queue_length_dominant": 0.4, "utilization": {}, "workload": {load}}}{comma}"#,
            60 * age,
            load * 0.2 / 3.0,
        )
        .expect("a string takes all");
    }
    format!(
        r#"{{"observation": {{"n_instances": 3, "pressure": 0.7, "queue_length_dominant": 0.5, "utilization": 0.6, "workload": 9.0}}, "history": [{history}], "min_replicas": 1, "max_replicas": 10, "threshold_s": 0.5, "interval_s": 60, "avg_service_time_s": 0.2, "starting": 0, "terminating": 0, "startup_s": 5}}"#
    )
}
