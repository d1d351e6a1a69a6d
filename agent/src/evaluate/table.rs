//! An evaluation as text.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::{Evaluation, FamilyRows, Row};

/// One row per policy, then what the fronts say.
pub fn text(evaluation: &Evaluation) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "policy",
        "violating checks",
        "%",
        "late requests %",
        "pod-minutes",
        "pods %",
        "actions",
        "J",
    ]);
    table.add_row(cells(&evaluation.learned));
    for family in &evaluation.rules {
        family.rows.iter().for_each(|row| {
            table.add_row(cells(row));
        });
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let Evaluation { scenarios, episodes, learned, .. } = evaluation;
    let mut text = format!("{scenarios}: means of {episodes} runs, every policy on the same arrivals\n{table}\n\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "at the learned policy's {:.1} pod-minutes ({:.2} violating checks), by interpolation between settings:",
        learned.pod_minutes, learned.violating_checks
    );
    for family in &evaluation.rules {
        let _ = writeln!(text, "  {}", comparison(family, learned));
    }
    text
}

fn comparison(family: &FamilyRows, learned: &Row) -> String {
    let violating = match family.violating_at_equal_pods {
        Some(violating) => format!("{violating:.2} violating checks"),
        None => "is never so cheap".to_owned(),
    };
    let cost = match family.pod_minutes_at_equal_violations {
        Some(cost) => format!("{:+.1} % pod-minutes at equal violations", 100.0 * (cost / learned.pod_minutes - 1.0)),
        None => "never violates so little".to_owned(),
    };
    format!("{:<24}{violating}, {cost}", family.family)
}

fn cells(row: &Row) -> [String; 8] {
    [
        row.policy.clone(),
        format!("{:.2}", row.violating_checks),
        format!("{:.2}", row.violating_percent),
        format!("{:.2}", row.late_percent),
        format!("{:.1}", row.pod_minutes),
        format!("{:.1}", row.pod_percent),
        format!("{:.1}", row.actions),
        format!("{:.3}", row.objective),
    ]
}
