//! The table of decisions: every check, and why it ordered what it ordered.

use std::fmt::Write;

use scaler_core::status::UtilizationSent;
use scaler_core::{ActionText, Check, CheckKey, Decision, Mode, PodStatus, WindowLength};
use serde::Serialize;

use super::text::{Escaped, NOTHING, count, moment, number, plural, shortened};

/// Errors of a check that are told in full.
const MOST_ERRORS: usize = 3;
/// Characters of an error that are shown.
const MOST_CHARACTERS: usize = 240;
/// Runs with more checks than this leave out what is seen only when pointed at, to keep the page small.
const MOST_HOVERED_ROWS: usize = 2000;

/// A filter above the table and the class of the rows that it leaves.
struct Filter {
    class: &'static str,
    label: &'static str,
    rows: usize,
}

/// The rows, and the filters above them. `run` keeps the names of several tables in a page apart.
pub(super) fn decisions(status: &PodStatus, run: usize) -> String {
    let explained = status.checks().any(|(_, check)| check.decision.is_some());
    let all = status.checks().len();
    let mut rows = String::new();
    let mut filters = [("v", "Violating"), ("a", "Orders"), ("n", "With notes")].map(|(class, label)| Filter {
        class,
        label,
        rows: 0,
    });
    for (key, check) in status.checks() {
        let notes = check.decision.as_ref().map(notes).unwrap_or_default();
        let applies = [check.violates(), matches!(check.action, ActionText::Set(_)), !notes.is_empty()];
        let mut classes = Vec::new();
        for (filter, applies) in filters.iter_mut().zip(applies) {
            if applies {
                filter.rows += 1;
                classes.push(filter.class);
            }
        }
        row(&mut rows, key, check, &classes.join(" "), explained.then_some((notes.as_str(), all <= MOST_HOVERED_ROWS)));
    }
    let mut html = String::from("<div class=\"panel full decisions\"><h3>Decisions</h3>\n");
    let shown = [Filter { class: "all", label: "All", rows: all }];
    for filter in shown.iter().chain(filters.iter().filter(|filter| filter.rows > 0)) {
        let Filter { class, label, rows } = filter;
        let checked = if *class == "all" { " checked" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<input class=\"pick only-{class}\" type=\"radio\" name=\"rows-{run}\" id=\"rows-{run}-{class}\"{checked}>\
             <label for=\"rows-{run}-{class}\">{label} {}</label>",
            count(*rows as f64),
        );
    }
    let _ = write!(
        html,
        "\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Decisions, {}\"><table>\n{}\n<tbody>\n{rows}\
         </tbody></table></div></div>\n",
        plural(all as u64, "check"),
        head(explained),
    );
    html
}

fn head(explained: bool) -> String {
    let mut columns: Vec<(&str, &str)> =
        vec![("Check", ""), ("Claimed", "UTC"), ("Ready", "pods"), ("Ordered", "pods")];
    if explained {
        columns.push(("Reason", ""));
    }
    columns.extend([
        ("Response", "s"),
        ("Pressure", "ratio"),
        ("Workload", "req/s"),
        ("Utilization", "share"),
        ("CPU", "cores/pod"),
        ("Queue", "requests"),
        ("Service", "s"),
    ]);
    if explained {
        columns.extend([
            ("Starting", "pods"),
            ("Leaving", "pods"),
            ("Agent", "asked for"),
            ("Limit", ""),
            ("Cost", "expected"),
            ("Violation", "expected"),
            ("Rule", "pods"),
            ("HPA", "pods"),
            ("Notes", ""),
        ]);
    }
    let cells = columns.into_iter().fold(String::new(), |mut cells, (name, unit)| {
        let left = if matches!(name, "Reason" | "Limit" | "Notes") { " class=\"l\"" } else { "" };
        let _ = write!(cells, "<th scope=\"col\"{left}>{name}");
        if !unit.is_empty() {
            let _ = write!(cells, "<small>{unit}</small>");
        }
        cells + "</th>"
    });
    format!("<thead><tr>{cells}</tr></thead>")
}

/// One check. `explained` holds its notes, and whether details may be added that are seen only when pointed at.
///
/// End tags of cells are left out, as HTML allows: ten thousand rows have two hundred thousand of them.
fn row(html: &mut String, key: CheckKey, check: &Check, classes: &str, explained: Option<(&str, bool)>) {
    let class = if classes.is_empty() { String::new() } else { format!(" class=\"{classes}\"") };
    // Writing to a string cannot fail.
    let _ = write!(html, "<tr{class}><th scope=\"row\">{}<td>{}", key.0, moment(check.claimed_at()));
    let _ = match check.action {
        ActionText::Set(n) => write!(html, "<td>{}<td><b>{n}</b>", check.n_instances),
        ActionText::NoAction => write!(html, "<td>{}<td>{}", check.n_instances, check.replicas_ordered()),
    };
    match (explained, &check.decision) {
        (Some(_), Some(decision)) => {
            let reason = word(decision.reason);
            let _ = write!(html, "<td class=\"l\"><span class=\"pill {reason}\">{reason}</span>");
        }
        (Some(_), None) => html.push_str("<td>"),
        (None, _) => {}
    }
    let _ = write!(
        html,
        "<td class=\"r\">{}<td class=\"r\">{}<td>{}<td>{}<td>{}<td>{}<td>{}",
        number(check.avg_response_time),
        number(check.pressure),
        number(check.workload),
        number(check.utilization),
        check.cpu_usage.map_or_else(|| NOTHING.to_owned(), number),
        number(check.queue_length_dominant),
        number(check.avg_service_time),
    );
    match (explained, &check.decision) {
        (Some((notes, details)), Some(decision)) => explanation(html, decision, notes, details),
        (Some(_), None) => html.push_str("<td><td><td><td><td><td><td><td><td>"),
        (None, _) => {}
    }
    html.push_str("</tr>\n");
}

fn explanation(html: &mut String, decision: &Decision, notes: &str, details: bool) {
    let asked = match decision.raw_action {
        Some(n) => n.to_string(),
        None => "no answer".to_owned(),
    };
    let limit = decision.limit.map(word).unwrap_or_default();
    let explanation = decision.explanation.as_ref();
    let candidates = explanation.map_or(&[][..], |explanation| &explanation.candidates);
    let chosen = candidates.iter().find(|candidate| Some(i64::from(candidate.replicas)) == decision.raw_action);
    let weighed = candidates.iter().map(|candidate| {
        let doubt = candidate.doubt.map(|doubt| format!(", doubt {}", number(doubt)));
        let shortfall = candidate.shortfall.map(|chance| format!(", too few with {:.1} %", 100.0 * chance));
        format!(
            "{} pods: cost {}, violation {}{}{}",
            candidate.replicas,
            number(candidate.cost),
            number(candidate.violation),
            doubt.unwrap_or_default(),
            shortfall.unwrap_or_default()
        )
    });
    let title = match (details, explanation) {
        (true, Some(explanation)) => {
            let words = weighed.collect::<Vec<_>>().join("\n");
            format!(
                " title=\"{}\nmodel {}, price of a violation {}\"",
                words,
                Escaped(&explanation.model),
                number(explanation.risk)
            )
        }
        _ => String::new(),
    };
    // Writing to a string cannot fail.
    let _ = write!(
        html,
        "<td>{}<td>{}<td>{asked}<td class=\"l\">{limit}<td{title}>{}<td{title}>{}<td>{}<td>{}<td class=\"w\">{}",
        decision.starting,
        decision.terminating,
        chosen.map_or_else(String::new, |candidate| number(candidate.cost)),
        chosen.map_or_else(String::new, |candidate| number(candidate.violation)),
        explanation.map_or_else(String::new, |explanation| explanation.rule.to_string()),
        whole(explanation.and_then(|explanation| explanation.hpa)),
        Escaped(notes),
    );
}

/// What was out of the ordinary, in words.
fn notes(decision: &Decision) -> String {
    let mut notes = Vec::new();
    if decision.mode == Mode::Shadow {
        notes.push("shadow mode".to_owned());
    }
    match decision.window_length {
        WindowLength::PreviousClaim | WindowLength::NoPreviousClaim => {}
        WindowLength::OutOfRange => notes.push(format!("window assumed to be {} s", number(decision.window_seconds))),
    }
    if decision.utilization_source == UtilizationSent::TheoryPrometheusMissing {
        notes.push("utilization from the records, Prometheus did not answer".to_owned());
    }
    if decision.records_refused > 0 {
        let first = decision.refused.first().map(|refused| format!(", first {}: {}", refused.file, refused.error));
        notes.push(format!("{} refused{}", plural(decision.records_refused, "record"), first.unwrap_or_default()));
    }
    if let Some(reason) = decision.explanation.as_ref().and_then(|explanation| explanation.override_reason.as_ref()) {
        notes.push(reason.clone());
    }
    notes.extend(decision.errors.iter().take(MOST_ERRORS).map(|error| format!("{}: {}", error.name, error.message)));
    if let Some(more) = decision.errors.len().checked_sub(MOST_ERRORS).filter(|more| *more > 0) {
        notes.push(format!("{more} more errors"));
    }
    let notes: Vec<String> = notes.iter().map(|note| shortened(note, MOST_CHARACTERS)).collect();
    notes.join("; ")
}

fn whole(n: Option<u32>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

/// The word of a code as it stands in the status file.
fn word(code: impl Serialize) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}
