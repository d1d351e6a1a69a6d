//! A report for a terminal of 120 columns.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::bootstrap::Interval;
use super::report::{LEVELS, Report, Row, Section};

/// Columns of the table of one trace.
pub const HEADER: [&str; 15] = [
    "policy", "knob", "late %", "viol %", "avoid %", "p50 s", "p95 s", "p99 s", "pod-min", "/bound", "act/h", "rev/h",
    "recov", "worst", "regret %",
];

/// Every table, the totals last.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for section in report.traces.iter().chain(std::iter::once(&report.total)) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\n{}\n{}\n", title(section), rows(section), plans(section));
    }
    let _ = writeln!(
        text,
        "pod-minutes over the bound's at equal avoidable violations, every trace alike [95 % interval];\n\
         in brackets the learned policy's over this one's: below 1, learning wins"
    );
    let _ = writeln!(text, "{}\n{}", matched(report), legend(report));
    text
}

fn title(section: &Section) -> String {
    let Section { name, windows, infeasible_percent, bound_pod_minutes, .. } = section;
    format!(
        "{name}: {windows} windows, {infeasible_percent:.1} % infeasible; the bound at its fewest violations: \
         {bound_pod_minutes:.1} pod-minutes"
    )
}

fn rows(section: &Section) -> Table {
    let mut table = right_aligned(HEADER.to_vec());
    section.rows.iter().for_each(|row| {
        table.add_row(cells(row));
    });
    table
}

/// A policy's figures as they are shown everywhere.
pub fn cells(row: &Row) -> [String; 15] {
    let interval = |it: Interval| format!("{:.0} [{:.0}, {:.0}]", 100.0 * it.estimate, 100.0 * it.low, 100.0 * it.high);
    [
        row.policy.clone(),
        format!("{}", row.knob),
        format!("{:.2}", row.late_percent),
        format!("{:.2}", row.violating_percent),
        format!("{:.2}", row.avoidable_percent),
        format!("{:.2}", row.response_s[0]),
        format!("{:.2}", row.response_s[1]),
        format!("{:.2}", row.response_s[2]),
        format!("{:.0}", row.pod_minutes),
        row.to_bound.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
        format!("{:.1}", row.actions_per_hour),
        format!("{:.1}", row.reversals_per_hour),
        format!("{:.1}", row.recovery_minutes),
        format!("{:.0}", row.longest_outage_minutes),
        row.regret.map_or("-".to_owned(), interval),
    ]
}

fn plans(section: &Section) -> String {
    let points =
        section.plans.iter().map(|plan| format!("{:.2} % at {:.3}", plan.avoidable_percent, plan.relative_cost));
    let bound = LEVELS.map(|level| {
        let corner = section.bound.iter().take_while(|point| point.avoidable_percent <= level).last();
        corner.map_or("-".to_owned(), |point| format!("{:.2} % at {:.3}", point.avoidable_percent, point.relative_cost))
    });
    format!(
        "knowing the future, avoidable violations and relative cost: bound {}; done {}",
        bound.join(", "),
        points.collect::<Vec<_>>().join(", ")
    )
}

/// Rows of the comparison at equal violations, a column for each level.
pub fn matched_cells(report: &Report) -> Vec<Vec<String>> {
    let policies = report.total.rows.iter().map(|row| row.policy.as_str());
    let cell = |policy: &str, level: f64| {
        let found = report.matched.iter().find(|it| it.policy == policy && it.avoidable_percent == level);
        let Some((matched, bound)) = found.and_then(|found| Some((found, found.to_bound?))) else {
            return "-".to_owned();
        };
        let learned = matched.learned_to_this.filter(|_| !policy.starts_with("learned"));
        let learned = learned.map_or(String::new(), |it| format!(" ({:.2} {:.2}-{:.2})", it.estimate, it.low, it.high));
        format!("{:.2} {:.2}-{:.2}{learned}", bound.estimate, bound.low, bound.high)
    };
    let row = |policy: &str| {
        let cells = LEVELS.iter().map(|level| cell(policy, *level));
        std::iter::once(policy.to_owned()).chain(cells).collect()
    };
    policies.map(row).collect()
}

fn matched(report: &Report) -> Table {
    let levels = LEVELS.iter().map(|level| format!("{level} %"));
    let mut table = right_aligned(std::iter::once("policy".to_owned()).chain(levels).collect());
    matched_cells(report).into_iter().for_each(|row| {
        table.add_row(row);
    });
    table
}

fn right_aligned(header: Vec<impl Into<comfy_table::Cell>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.into_iter().map(Into::into).collect::<Vec<_>>());
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What the figures are, in a few lines.
pub fn legend(report: &Report) -> String {
    let Report { deployment, price, seeds, tuned_on, .. } = report;
    format!(
        "late: requests over the threshold. viol: windows of {} s whose arrivals' mean response time is over it; avoid: \
         those\nthat {} pods throughout would not violate, of the feasible ones. /bound: pod-minutes over the least that \
         anybody\nneeds who decides every {} s, at as many avoidable violations. recov, worst: minutes of a run of \
         violating windows,\nmean and longest. regret: interquartile mean over (trace, seed) of J / J of the bound - 1, J \
         = pod-minutes + {price} full\nclusters a violation [95 % interval]. {seeds} arrival seeds, every policy on the \
         same arrivals, simulated: start-up {} s,\nservice {} s, threshold {} s. Settings chosen on: {tuned_on}.\n\
         A loop faster than the window is not bound by the bound. -: a setting that gets there does not exist.",
        deployment.window_s,
        deployment.max_replicas,
        deployment.window_s,
        deployment.startup_s,
        deployment.service_time_s,
        deployment.threshold_s,
    )
}
