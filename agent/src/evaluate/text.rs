//! A report for a terminal of 120 columns.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::bootstrap::Interval;
use super::frontier::Frontier;
use super::report::{Front, LEVELS, Report, Row, RunMeans, Section};

/// Columns of the table of one trace.
pub const HEADER: [&str; 15] = [
    "policy", "knob", "late %", "viol %", "avoid %", "p50 s", "p95 s", "p99 s", "pod-min", "/bound", "act/h", "rev/h",
    "recov", "worst", "regret %",
];

/// Traces that have a table of their own; more would only be paper.
const MOST_TRACES: usize = 20;

/// Every table, the totals last.
pub fn text(report: &Report) -> String {
    let mut text = format!("{}\n\n", report.loads);
    let each = report.traces.iter().filter(|_| (2..=MOST_TRACES).contains(&report.traces.len()));
    for section in each.chain(std::iter::once(&report.total)) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\n{}\n{}\n", title(section), rows(section), plans(section));
    }
    if report.deployment.is_none() {
        let _ = writeln!(text, "every setting, means of an episode\n{}\n", runs(&report.total));
        let _ = writeln!(text, "{}", at_equal_pods(&report.total));
    }
    let _ = writeln!(
        text,
        "pod-minutes over the bound's at equal avoidable violations, every trace alike [95 % interval];\n\
         in brackets the learned policy's over this one's: below 1, learning wins"
    );
    let _ = writeln!(text, "{}\n{}{}", matched(report), periods(report), legend(report));
    text
}

/// Columns of the table of all settings.
const RUN_HEADER: [&str; 7] = ["policy", "knob", "violating", "recorded", "pod-min", "actions", "J"];

fn runs(section: &Section) -> Table {
    let mut table = right_aligned(RUN_HEADER.to_vec());
    for front in &section.fronts {
        for RunMeans { knob, violating, recorded, pod_minutes, actions, objective } in &front.runs {
            let figures = [*violating, *recorded, *pod_minutes, *actions].map(|figure| format!("{figure:.2}"));
            let policy_and_knob = [front.policy.clone(), format!("{knob:.2}")];
            table.add_row(policy_and_knob.into_iter().chain(figures).chain([format!("{objective:.3}")]));
        }
    }
    table
}

/// Each front read at the pod-minutes, and at the violating windows, of the first policy's chosen setting.
fn at_equal_pods(section: &Section) -> String {
    let Some((ours, row)) = section.fronts.first().zip(section.rows.first()) else { return String::new() };
    let chosen = |run: &&RunMeans| run.knob == row.knob;
    let Some(at) = ours.runs.iter().find(chosen) else { return String::new() };
    let mut text = format!(
        "{} at {}: {:.2} violating windows, {:.1} pod-minutes an episode; of the others, by interpolation between settings:\n",
        ours.policy, at.knob, at.violating, at.pod_minutes
    );
    for Front { policy, runs, .. } in &section.fronts[1..] {
        let front = Frontier::new(runs.iter().map(|run| (run.pod_minutes, run.violating)));
        let violating = front.violating_at(at.pod_minutes);
        let violating = violating.map_or("is never so cheap".to_owned(), |it| format!("{it:.2} violating windows"));
        let cost = front.cost_at(at.violating).map(|cost| 100.0 * (cost / at.pod_minutes - 1.0));
        let cost = cost
            .map_or("never violates so little".to_owned(), |it| format!("{it:+.1} % pod-minutes at equal violations"));
        let _ = writeln!(text, "  {policy:<24}{violating}, {cost}");
    }
    text
}

/// What each loop period buys: pod-minutes over the bound's, a row for each policy and a column for each period.
fn periods(report: &Report) -> String {
    let pairs = report.matched.iter().filter_map(|it| Some((it, it.policy.split_once(" @")?)));
    let pairs: Vec<_> = pairs.collect();
    let (mut policies, mut periods): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (_, (policy, period)) in &pairs {
        if !policies.contains(policy) {
            policies.push(policy);
        }
        if !periods.contains(period) {
            periods.push(period);
        }
    }
    let mut text = String::new();
    for level in LEVELS.iter().filter(|_| !periods.is_empty()) {
        let mut table = right_aligned(std::iter::once("policy").chain(periods.iter().copied()).collect());
        for policy in &policies {
            let cell = |period: &&str| {
                let here = |(it, at): &&(&super::Matched, (&str, &str))| {
                    it.avoidable_percent == *level && *at == (*policy, *period)
                };
                let found = pairs.iter().find(here).and_then(|(it, _)| it.to_bound);
                found.map_or("-".to_owned(), |it| format!("{:.2} {:.2}-{:.2}", it.estimate, it.low, it.high))
            };
            table.add_row(std::iter::once((*policy).to_owned()).chain(periods.iter().map(cell)));
        }
        let _ =
            writeln!(text, "\nwhat each period buys, at {level} % avoidable violations of the same windows\n{table}");
    }
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
        let Some(matched) = found else { return "-".to_owned() };
        let learned = matched.learned_to_this.filter(|_| !policy.starts_with("learned"));
        let learned = learned.map_or(String::new(), |it| format!(" ({:.2} {:.2}-{:.2})", it.estimate, it.low, it.high));
        let bound = matched.to_bound;
        let bound = bound.map_or("-".to_owned(), |it| format!("{:.2} {:.2}-{:.2}", it.estimate, it.low, it.high));
        format!("{bound}{learned}")
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

/// The first column is of words.
pub(crate) fn right_aligned(header: Vec<impl Into<comfy_table::Cell>>) -> Table {
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
    let on = deployment.as_ref().map_or(String::new(), |deployment| {
        format!(
            " Windows of {} s, at most {} pods, start-up {} s, service {} s, threshold {} s.",
            deployment.window_s,
            deployment.max_replicas,
            deployment.startup_s,
            deployment.service_time_s,
            deployment.threshold_s,
        )
    });
    format!(
        "late: requests over the threshold. viol: windows whose arrivals' mean response time is over it; avoid: those that \
         the\nmost pods throughout would not violate, of the feasible ones. recorded: windows whose completions' mean is, as \
         the scaler\nwrites. /bound: pod-minutes over the least that anybody needs who decides at the end of each window, at \
         as many avoidable\nviolations. recov, worst: minutes of a run of violating windows, mean and longest. regret: \
         interquartile mean over (trace,\nseed) of J / J of the bound - 1, J = pod-minutes + {price} full clusters a violation \
         [95 % interval]. {seeds} arrival seeds, every policy on\nthe same arrivals, simulated.{on}\nSettings chosen on: \
         {tuned_on}.\nA loop faster than the window is not bound by the bound. -: a setting that gets there does not exist.",
    )
}
