//! A run for a terminal.

use comfy_table::Table;

use crate::evaluate::right_aligned;

use super::Simulated;
use super::recorder::{RecordedCheck, Run};

/// Columns of the table of checks.
const HEADER: [&str; 9] =
    ["time s", "ready", "pressure", "response s", "service s", "utilization", "requests/s", "queue", "ordered"];

/// The checks, and below them what they come to.
pub(super) fn text(simulated: &Simulated) -> String {
    let Run {
        violating_checks,
        checks_with_load,
        requests,
        late_share,
        mean_response_s,
        p50_response_s,
        p95_response_s,
        p99_response_s,
        pod_minutes,
        mean_ready_replicas,
        length_s,
        checks,
    } = &simulated.run;
    let learned = simulated.model.as_ref().zip(simulated.risk);
    let learned = learned.map(|(model, risk)| format!(", model {model}, price {risk}"));
    format!(
        "{}{}\n{}\n\
         violating checks   {violating_checks} of {checks_with_load} with load, {} in all\n\
         requests           {requests}, {:.2} % over the threshold\n\
         response time      mean {mean_response_s:.3} s, p50 {p50_response_s:.3} s, p95 {p95_response_s:.3} s, \
         p99 {p99_response_s:.3} s\n\
         pod-minutes        {pod_minutes:.2} in {:.1} min, {mean_ready_replicas:.2} pods ready on average",
        simulated.policy,
        learned.unwrap_or_default(),
        table(checks),
        checks.len(),
        100.0 * late_share,
        length_s / 60.0,
    )
}

fn table(checks: &[RecordedCheck]) -> Table {
    let mut table = right_aligned(HEADER.to_vec());
    for check in checks {
        table.add_row([
            format!("{:.1}", check.time_s),
            check.n_instances.to_string(),
            format!("{:.3}", check.pressure),
            format!("{:.3}", check.avg_response_time),
            format!("{:.3}", check.avg_service_time),
            format!("{:.3}", check.utilization),
            format!("{:.2}", check.workload),
            format!("{:.2}", check.queue_length_dominant),
            check.ordered.map_or_else(|| "-".to_owned(), |ordered| ordered.to_string()),
        ]);
    }
    table
}
