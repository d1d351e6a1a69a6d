//! The policies side by side, and in words who won.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table};
use scaler_core::RunSummary;
use serde::Serialize;

use crate::samples::ClientSummary;

/// One policy's run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Name with settings.
    pub policy: String,
    /// What the status file says.
    pub checks: RunSummary,
    /// What the clients saw.
    pub clients: ClientSummary,
    /// Requests that a pod refused, and that another took.
    pub retried: u64,
    /// Pods that died by themselves, and were replaced.
    pub died_pods: u32,
}

/// Rows against each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scale {
    /// Most replicas.
    pub max_replicas: u32,
    /// Time between two checks, seconds.
    pub interval_s: f64,
    /// What a violating check costs, in full clusters for one check.
    pub price: f64,
}

impl Scale {
    /// `J = mean pods billed / max + price * share of violating checks`: what the agent is trained to keep low.
    #[must_use]
    pub fn objective(&self, run: &RunSummary) -> f64 {
        let checks = run.checks.max(1) as f64;
        let full_minutes = f64::from(self.max_replicas) * checks * self.interval_s / 60.0;
        run.pod_minutes / full_minutes + self.price * run.violating_checks as f64 / checks
    }
}

/// The table as it is printed: a column a policy, so that it fits a small terminal.
#[must_use]
pub fn table(rows: &[Row], scale: Scale) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    // The settings go below the name.
    let names = rows.iter().map(|row| row.policy.replacen(' ', "\n", 1));
    let header = std::iter::once(String::new()).chain(names);
    table.set_header(header.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    let mut line = |name: &str, figure: &dyn Fn(&Row) -> String| {
        table.add_row(std::iter::once(name.to_owned()).chain(rows.iter().map(figure)));
    };
    let ms = |seconds: f64| format!("{:.0} ms", 1e3 * seconds);
    line("violating checks", &|row| format!("{} of {}", row.checks.violating_checks, row.checks.checks));
    line("late requests", &|row| format!("{:.1} %", 100.0 * row.clients.late_share()));
    line("response, median", &|row| ms(row.clients.p50_s));
    line("response, 95 %", &|row| ms(row.clients.p95_s));
    line("response, 99 %", &|row| ms(row.clients.p99_s));
    line("mean pods", &|row| format!("{:.2}", row.checks.mean_pods));
    line("pod-minutes", &|row| format!("{:.1}", row.checks.pod_minutes));
    line("actions", &|row| row.checks.actions.to_string());
    line("failed requests", &|row| row.clients.failed.to_string());
    line("objective", &|row| format!("{:.3}", scale.objective(&row.checks)));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What the last line of the table means.
#[must_use]
pub fn legend(scale: Scale) -> String {
    let Scale { max_replicas, interval_s: _, price } = scale;
    format!("objective = mean pods billed / {max_replicas} + {price} x share of violating checks; lower is better")
}

/// Pod-minutes that differ by less than this share are the same.
const SAME_POD_MINUTES: f64 = 0.01;

/// One sentence for each rival: whether the first row won against it. Says so plainly where it did not.
#[must_use]
pub fn verdicts(rows: &[Row], scale: Scale) -> Vec<String> {
    match rows.split_first() {
        Some((main, rivals)) => rivals.iter().map(|rival| verdict(main, rival, scale)).collect(),
        None => Vec::new(),
    }
}

fn verdict(main: &Row, rival: &Row, scale: Scale) -> String {
    let (ours, theirs) = (&main.checks, &rival.checks);
    let figures = format!(
        "{} violating checks against {}, {:.1} pod-minutes against {:.1}",
        ours.violating_checks, theirs.violating_checks, ours.pod_minutes, theirs.pod_minutes
    );
    let violations = ours.violating_checks.cmp(&theirs.violating_checks);
    let difference = (ours.pod_minutes - theirs.pod_minutes).abs();
    let cost = if difference < SAME_POD_MINUTES * theirs.pod_minutes {
        std::cmp::Ordering::Equal
    } else {
        ours.pod_minutes.total_cmp(&theirs.pod_minutes)
    };
    let (us, them) = (&main.policy, &rival.policy);
    if violations.is_eq() && cost.is_eq() {
        return format!("{us} and {them} are even: {figures}.");
    }
    if violations.is_le() && cost.is_le() {
        return format!("{us} won against {them}: {figures}.");
    }
    if violations.is_ge() && cost.is_ge() {
        return format!("{us} did not win against {them}: {figures}.");
    }
    let (ours, theirs) = (scale.objective(ours), scale.objective(theirs));
    let won = if ours < theirs { "won" } else { "did not win" };
    format!("{us} {won} against {them}, a trade: {figures}, objective {ours:.3} against {theirs:.3}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { max_replicas: 8, interval_s: 3.0, price: 1.0 };

    fn row(policy: &str, violating_checks: u64, pod_minutes: f64) -> Row {
        let checks = RunSummary { checks: 50, violating_checks, pod_minutes, mean_pods: 4.0, ..RunSummary::default() };
        let clients = ClientSummary { requests: 200, late: 25, p50_s: 0.1004, ..ClientSummary::default() };
        Row { policy: policy.to_owned(), checks, clients, retried: 0, died_pods: 0 }
    }

    #[test]
    fn the_objective_is_one_for_a_full_cluster_without_violations() {
        // 8 pods for 50 checks of 3 s are 20 pod-minutes.
        assert_eq!(SCALE.objective(&row("", 0, 20.0).checks), 1.0);
        assert_eq!(SCALE.objective(&row("", 25, 10.0).checks), 1.0);
        assert_eq!(Scale { price: 4.0, ..SCALE }.objective(&row("", 25, 10.0).checks), 2.5);
    }

    #[test]
    fn the_verdict_says_plainly_who_won() {
        let table = [
            ("fewer of both", (2, 10.0), (9, 12.0), "agent won against rival: 2 violating checks against 9"),
            ("fewer violations, same pods", (2, 10.0), (9, 10.02), "agent won against rival"),
            ("more of both", (9, 12.0), (2, 10.0), "agent did not win against rival: 9 violating checks against 2"),
            ("same violations, more pods", (2, 12.0), (2, 10.0), "agent did not win against rival"),
            ("even", (2, 10.0), (2, 10.0), "agent and rival are even"),
            ("a trade that pays", (2, 12.0), (9, 11.0), "agent won against rival, a trade"),
            ("a trade that does not", (8, 14.0), (9, 11.0), "agent did not win against rival, a trade"),
            ("a cheap trade", (9, 10.0), (8, 19.0), "objective 0.680 against 1.110"),
        ];
        for (case, ours, theirs, expected) in table {
            let sentences = verdicts(&[row("agent", ours.0, ours.1), row("rival", theirs.0, theirs.1)], SCALE);
            assert_eq!(sentences.len(), 1, "{case}");
            assert!(sentences[0].starts_with(expected) || sentences[0].contains(expected), "{case}: {}", sentences[0]);
        }
        assert_eq!(verdicts(&[row("agent", 1, 1.0)], SCALE), Vec::<String>::new());
    }

    #[test]
    fn the_table_fits_a_small_terminal_and_shows_each_policy() {
        let rows = [row("agent", 2, 10.0), row("threshold 0.50..0.80", 9, 12.0), row("static 6", 0, 9.0)];
        let text = table(&rows, SCALE).to_string();
        for part in ["agent", "0.50..0.80", "2 of 50", "12.5 %", "100 ms", "4.00", "12.0", "0.540"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?}\n{text}");
        assert_eq!(legend(SCALE), "objective = mean pods billed / 8 + 1 x share of violating checks; lower is better");
    }
}
