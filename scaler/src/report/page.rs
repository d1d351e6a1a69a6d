//! The page: summary, charts and decisions of one run or of several.

use std::fmt::Write;

use scaler_core::{PodStatus, RunSummary};

use super::ReportError;
use super::canvas::Layout;
use super::figure::{Figure, dashboard};
use super::palette::{Ink, dark_css};
use super::picture::inline_svg;
use super::series::Shape;
use super::table::decisions;
use super::text::{Escaped, count, duration, moment, number};
use super::timeline::Timeline;

const STYLE: &str = include_str!("style.css");

/// Drawn twice as large as shown, since plotters draws on whole pixels.
const FULL: Layout =
    Layout { width: 1120, height: 270, scale: 2, paper: false, legend: false, letters_drop: false, most_buckets: 560 };
const HALF: Layout = Layout { width: 548, height: 240, most_buckets: 480, ..FULL };
/// The same charts for phones: other places for the labels instead of tiny ones.
const NARROW: Layout = Layout { width: 350, height: 240, most_buckets: 175, ..FULL };

const DEFINITIONS: [(&str, &str); 9] = [
    ("Violating check", "a check whose mean response time was above the threshold: pressure above 1."),
    ("Pressure", "mean response time over threshold."),
    ("Utilization", "sum over the pods of arrival rate times mean service time, over the number of ready pods."),
    ("Queue length", "mean of (response time - service time) / service time on the pod with the longest responses."),
    ("Pod-minutes", "ready, starting and leaving pods times the length of each check; what a cloud would bill."),
    (
        "Action, reversal",
        "a check that changed the number of pods; a change against the one before it, at most five checks later.",
    ),
    ("Requests", "as counted by the checks; workload times the length of each check where a file does not count them."),
    (
        "Expected cost, violation",
        "what the agent expected of the count it asked for, relative to the mean of all counts it weighed; point at a figure to see them all.",
    ),
    ("Rule, HPA", "what the calibrated rule and a Horizontal Pod Autoscaler would have ordered."),
];

/// A run on the page.
pub(super) struct Run<'a> {
    pub(super) title: &'a str,
    pub(super) status: &'a PodStatus,
    pub(super) summary: RunSummary,
}

/// The whole page; with several runs a table that compares them comes first.
pub(super) fn page(title: &str, runs: &[Run]) -> Result<String, ReportError> {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{0}</title>\n\
         <style>\n{STYLE}@media screen and (prefers-color-scheme:dark){{\n{1}}}\n</style>\n</head>\n<body>\n<main>\n\
         <h1>{0}</h1>\n",
        Escaped(title),
        dark_css(),
    );
    if let [run] = runs {
        section(&mut html, run, 0)?;
    } else {
        comparison(&mut html, runs);
        for (index, run) in runs.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(html, "<h2 id=\"run-{index}\">{}</h2>", Escaped(run.title));
            section(&mut html, run, index)?;
        }
    }
    definitions(&mut html);
    html.push_str("</main>\n</body>\n</html>\n");
    Ok(html)
}

fn section(html: &mut String, run: &Run, index: usize) -> Result<(), ReportError> {
    let timeline = Timeline::of(run.status);
    if timeline.len() == 0 {
        html.push_str("<p class=\"panel empty sub\">This status file holds no checks yet.</p>\n");
        return Ok(());
    }
    subtitle(html, run, &timeline);
    tiles(html, &run.summary);
    html.push_str("<div class=\"grid\">\n");
    for (figure, full) in dashboard(run.status) {
        panel(html, &timeline, &figure, full, index)?;
    }
    html.push_str("</div>\n");
    html.push_str(&decisions(run.status, index));
    Ok(())
}

fn subtitle(html: &mut String, run: &Run, timeline: &Timeline) {
    let mut thresholds: Vec<f64> = run.status.checks().map(|(_, check)| check.threshold).collect();
    thresholds.dedup();
    let threshold = match thresholds[..] {
        [threshold] => format!("threshold {threshold} s"),
        _ => "threshold changed during the run".to_owned(),
    };
    let (Some(first), Some(last)) = (timeline.times.first(), timeline.times.last()) else { return };
    // Writing to a string cannot fail.
    let _ = writeln!(
        html,
        "<p class=\"sub\">{} to {} UTC ({}), {threshold}</p>",
        moment(*first),
        moment(*last),
        duration(timeline.span()),
    );
}

fn tiles(html: &mut String, summary: &RunSummary) {
    let RunSummary {
        checks,
        checks_with_load,
        violating_checks,
        requests,
        mean_pods,
        pod_minutes,
        actions,
        reversals,
        max_pressure,
    } = *summary;
    let share = 100.0 * violating_checks as f64 / checks_with_load.max(1) as f64;
    let verdict = |bad: bool| if bad { " bad" } else { " good" };
    let tiles = [
        ("", "Checks", count(checks as f64), format!("{} with requests", count(checks_with_load as f64))),
        (
            verdict(violating_checks > 0),
            "Violating checks",
            count(violating_checks as f64),
            format!("{share:.1} % of those with requests"),
        ),
        (verdict(max_pressure > 1.0), "Max pressure", number(max_pressure), "response over threshold".to_owned()),
        ("", "Mean pods", number(mean_pods), "ready".to_owned()),
        ("", "Pod-minutes", number(pod_minutes), "ready, starting, leaving".to_owned()),
        ("", "Actions", count(actions as f64), "changes of the pod count".to_owned()),
        ("", "Reversals", count(reversals as f64), "within five checks".to_owned()),
        ("", "Requests", many(requests), "completed".to_owned()),
    ];
    html.push_str("<ul class=\"tiles\" aria-label=\"Summary\">\n");
    for (class, name, value, unit) in tiles {
        // Writing to a string cannot fail.
        let _ = writeln!(html, "<li class=\"tile{class}\"><span>{name}</span><b>{value}</b><small>{unit}</small></li>");
    }
    html.push_str("</ul>\n");
}

/// A count that fits into a tile however large it is.
fn many(n: f64) -> String {
    if n < 1e6 { count(n.round()) } else { format!("{} M", number(n / 1e6)) }
}

fn panel(html: &mut String, timeline: &Timeline, figure: &Figure, full: bool, run: usize) -> Result<(), ReportError> {
    let (class, layout) = if full { ("panel full", FULL) } else { ("panel", HALF) };
    // Writing to a string cannot fail.
    let _ = writeln!(
        html,
        "<figure class=\"{class}\"><figcaption><h3>{}</h3>{}<p>{}</p></figcaption>",
        figure.title,
        legend(figure),
        figure.about,
    );
    let id = format!("run-{run}-{}", figure.id);
    html.push_str(&inline_svg(timeline, figure, &layout, &id, "wide", true)?);
    html.push_str(&inline_svg(timeline, figure, &NARROW, &format!("{id}-narrow"), "narrow", false)?);
    html.push_str("</figure>\n");
    Ok(())
}

/// Keys to the lines, where there are several.
fn legend(figure: &Figure) -> String {
    if figure.series.len() < 2 {
        return String::new();
    }
    let mut items = String::new();
    for series in &figure.series {
        let dash = if series.shape == Shape::DashedSteps { " stroke-dasharray=\"6 4\"" } else { "" };
        let none = if series.values.iter().all(Option::is_none) { " (none in this file)" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(
            items,
            "<li><svg viewBox=\"0 0 20 12\" aria-hidden=\"true\"><path d=\"M0 6h20\" stroke=\"{}\" stroke-width=\"2\"\
             {dash}/></svg>{}{none}</li>",
            series.ink.hex(),
            series.name,
        );
    }
    if figure.marks_violations {
        let _ = write!(
            items,
            "<li><svg viewBox=\"0 0 20 12\" aria-hidden=\"true\"><path d=\"M10 2a4 4 0 1 0 .01 0z\" fill=\"{}\"/></svg>\
             violating check</li>",
            Ink::Violation.hex(),
        );
    }
    format!("<ul class=\"legend\">{items}</ul>")
}

/// One row for each run.
fn comparison(html: &mut String, runs: &[Run]) {
    html.push_str(
        "<div class=\"panel decisions\"><h3>Comparison</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Comparison of the runs\"><table><thead><tr><th scope=\"col\" class=\"l\">Run</th>\
         <th scope=\"col\">Checks</th><th scope=\"col\">Violating</th><th scope=\"col\">Max pressure</th>\
         <th scope=\"col\">Mean pods</th><th scope=\"col\">Pod-minutes</th><th scope=\"col\">Actions</th>\
         <th scope=\"col\">Reversals</th><th scope=\"col\">Requests</th></tr></thead><tbody>\n",
    );
    for (index, Run { title, status: _, summary }) in runs.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\" class=\"l\"><a href=\"#run-{index}\">{}</a><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}\
             <td>{}</tr>",
            Escaped(title),
            count(summary.checks as f64),
            count(summary.violating_checks as f64),
            number(summary.max_pressure),
            number(summary.mean_pods),
            number(summary.pod_minutes),
            count(summary.actions as f64),
            count(summary.reversals as f64),
            count(summary.requests.round()),
        );
    }
    html.push_str("</tbody></table></div></div>\n");
}

fn definitions(html: &mut String) {
    html.push_str("<details><summary>How to read the figures</summary><dl>\n");
    for (term, meaning) in DEFINITIONS {
        // Writing to a string cannot fail.
        let _ = writeln!(html, "<dt>{term}</dt><dd>{meaning}</dd>");
    }
    html.push_str("</dl></details>\n");
}
