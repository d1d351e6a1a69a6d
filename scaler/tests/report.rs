//! The page that is made of a run.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use scaler::report::html;
use scaler_core::status::{NamedError, RefusedRecord, UtilizationSent};
use scaler_core::{
    ActionRequest, ActionText, Candidate, Check, Decision, Explanation, Limit, Mode, Observation, PodStatus, Reason,
    WindowLength, summarize,
};

const INTERVAL_S: f64 = 60.0;
const THRESHOLD_S: f64 = 0.5;

fn claimed_at(index: usize) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_767_225_600_250 + index as i64 * 60_000)
}

/// A load that rises and falls twice in `of` checks, and pods that follow it too late.
fn check(index: usize, of: usize) -> Check {
    let load = |index: usize| {
        let phase = index as f64 / of.max(2) as f64 * 4.0 * std::f64::consts::PI;
        1.0 - phase.cos()
    };
    let wanted = |index: usize| 1 + (3.0 * load(index)).round() as u32;
    let n_instances = wanted(index.saturating_sub(of.div_ceil(16)));
    let utilization = 2.6 * load(index) / f64::from(n_instances);
    let avg_response_time = 0.2 + 0.3 * (utilization - 0.6).max(0.0) * 4.0;
    Check {
        timestamp: claimed_at(index).naive_utc(),
        n_instances,
        pressure: avg_response_time / THRESHOLD_S,
        avg_response_time,
        avg_service_time: 0.2,
        threshold: THRESHOLD_S,
        queue_length_dominant: (avg_response_time - 0.2) / 0.2,
        utilization: utilization.min(1.0),
        cpu_usage: (index % 10 < 8).then_some(utilization.min(1.0) * 1.1),
        workload: 13.0 * load(index),
        action: if wanted(index) == n_instances { ActionText::NoAction } else { ActionText::Set(wanted(index)) },
        active: (0..n_instances).map(|pod| format!("matrix-{pod}")).collect(),
        started_previous_check: vec![],
        shutdown_previous_check: vec![],
        decision: None,
    }
}

/// The same check as our scaler writes it.
fn explained(index: usize, of: usize) -> Check {
    let check = check(index, of);
    let observation = Observation {
        n_instances: check.n_instances,
        pressure: check.pressure,
        queue_length_dominant: check.queue_length_dominant,
        utilization: check.utilization,
        workload: check.workload,
    };
    let applied = check.replicas_ordered();
    let reason = match applied.cmp(&check.n_instances) {
        std::cmp::Ordering::Greater => Reason::ScaleOut,
        std::cmp::Ordering::Less => Reason::ScaleIn,
        std::cmp::Ordering::Equal => Reason::Unchanged,
    };
    let candidate =
        |replicas: u32, cost| Candidate { replicas, cost, violation: -2.0 * cost, doubt: None, shortfall: Some(0.25) };
    let decision = Decision {
        claimed_at: claimed_at(index),
        mode: Mode::Auto,
        raw_action: Some(i64::from(applied)),
        applied_replicas: applied,
        reason,
        limit: (applied == 7).then_some(Limit::MaxReplicas),
        window_seconds: INTERVAL_S,
        window_length: WindowLength::PreviousClaim,
        records_read: (check.workload * INTERVAL_S) as u64,
        records_refused: 0,
        refused: vec![],
        newest_record_age_seconds: Some(0.1),
        scraped_until: BTreeMap::new(),
        starting: u32::from(reason == Reason::ScaleOut),
        terminating: u32::from(reason == Reason::ScaleIn),
        utilization_source: UtilizationSent::Theory,
        request: ActionRequest::bare(observation),
        explanation: Some(Explanation {
            model: "3f786850e387550f".to_owned(),
            risk: 10.0,
            candidates: vec![candidate(applied, -0.025), candidate(applied + 1, 0.025)],
            rule: applied,
            hpa: Some(applied + 1),
            override_reason: None,
        }),
        errors: vec![],
    };
    Check { decision: Some(decision), ..check }
}

fn status(checks: impl IntoIterator<Item = Check>) -> PodStatus {
    let mut status = PodStatus::default();
    for check in checks {
        assert!(status.append(status.next_key(), check));
    }
    status
}

fn run(checks: usize) -> PodStatus {
    status((0..checks).map(|index| explained(index, checks)))
}

fn page(status: &PodStatus) -> String {
    let page = html(status, "A run").expect("a page");
    assert!(!page.contains("NaN") && !page.contains("inf<") && !page.contains("\"inf\""), "numbers are numbers");
    page
}

/// The chart with this id.
fn chart<'a>(page: &'a str, id: &str) -> &'a str {
    let start = page.find(&format!("<svg id=\"{id}\"")).unwrap_or_else(|| panic!("there is a chart {id}"));
    let length = page[start..].find("</svg>").expect("the chart ends");
    &page[start..start + length]
}

/// Marks of violating checks in a chart.
fn marks(chart: &str) -> usize {
    chart.matches("<circle").count()
}

fn rows(page: &str) -> Vec<&str> {
    let start = page.find("<tbody>").expect("there is a table") + "<tbody>".len();
    let end = start + page[start..].find("</tbody>").expect("the table ends");
    page[start..end].split_inclusive("</tr>").map(str::trim_start).filter(|row| row.contains("<tr")).collect()
}

/// The value in the tile of this name.
fn tile<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("<span>{name}</span><b>")).unwrap_or_else(|| panic!("a tile {name}"));
    rest.split_once("</b>").expect("the tile ends").0
}

#[test]
fn every_check_is_in_the_table_and_under_the_pointer() {
    let page = page(&run(50));
    let rows = rows(&page);
    assert_eq!(rows.len(), 50);
    for (index, row) in rows.iter().enumerate() {
        let number = index + 1;
        assert!(row.contains(&format!("<th scope=\"row\">{number}<td>")), "check {number}: {row}");
        let pointed = format!("<title>check {number}, {}\n", claimed_at(index).format("%H:%M:%S"));
        for id in ["response_time_threshold", "pods", "workload", "pressure", "service_time", "queue_length"] {
            assert!(chart(&page, &format!("run-0-{id}")).contains(&pointed), "check {number} in {id}");
        }
    }
}

#[test]
fn violating_checks_are_marked_as_often_as_the_summary_counts_them() {
    for checks in [1, 2, 50, 400] {
        let status = run(checks);
        let violating = summarize(&status).violating_checks as usize;
        let page = page(&status);
        if checks >= 50 {
            assert!(violating > 0 && violating < checks, "the run is a fair one: {violating} of {checks}");
        }
        assert_eq!(tile(&page, "Violating checks"), violating.to_string(), "{checks} checks");
        let marked = rows(&page).iter().filter(|row| row.starts_with("<tr class=\"v")).count();
        assert_eq!(marked, violating, "rows of {checks} checks");
        // A run of one check is a lone point, which is drawn as a circle too.
        let points = usize::from(checks == 1);
        for id in ["run-0-response_time_threshold", "run-0-pressure"] {
            assert_eq!(marks(chart(&page, id)), violating + points, "{id} of {checks} checks");
        }
        assert_eq!(chart(&page, "run-0-pressure").matches("\nviolates").count(), violating, "{checks} checks");
    }
}

#[test]
fn the_summary_stands_on_top() {
    let status = run(50);
    let summary = summarize(&status);
    let page = page(&status);
    for (name, value) in [
        ("Checks", "50".to_owned()),
        ("Actions", summary.actions.to_string()),
        ("Reversals", summary.reversals.to_string()),
        ("Mean pods", format!("{:.2}", summary.mean_pods)),
        ("Pod-minutes", format!("{:.0}", summary.pod_minutes)),
        ("Max pressure", format!("{:.2}", summary.max_pressure)),
    ] {
        assert_eq!(tile(&page, name), value, "{name}");
    }
    assert!(page.find("class=\"tiles\"") < page.find("<figure"));
}

#[test]
fn decisions_tell_reason_limit_expectation_and_errors() {
    let mut checks: Vec<Check> = (0..20).map(|index| explained(index, 20)).collect();
    let decision = checks[4].decision.as_mut().expect("an explained check");
    decision.reason = Reason::AgentSilent;
    decision.raw_action = None;
    decision.records_refused = 2;
    decision.refused = vec![RefusedRecord { file: "matrix-0_x.json".to_owned(), error: "no service time".to_owned() }];
    decision.utilization_source = UtilizationSent::TheoryPrometheusMissing;
    decision.errors =
        (0..5).map(|i| NamedError { name: format!("Error{i}"), message: "no answer".to_owned() }).collect();
    let page = page(&status(checks));
    let row = rows(&page)[4];
    for text in [
        "agent_silent",
        "no answer",
        "2 records refused, first matrix-0_x.json: no service time",
        "Prometheus did not answer",
        "Error0: no answer",
        "2 more errors",
    ] {
        assert!(row.contains(text), "{text}: {row}");
    }
    assert!(!row.contains("Error3"), "errors are bounded: {row}");
    let limited = rows(&page).into_iter().find(|row| row.contains("max_replicas")).expect("a limit bit");
    for text in ["scale_out", ">-0.025<", ">0.050<", "cost -0.025, violation 0.050", "model 3f786850e387550f"] {
        assert!(limited.contains(text), "{text}: {limited}");
    }
}

#[test]
fn a_run_of_another_writer_has_a_page_without_the_columns_it_cannot_fill() {
    let page = page(&status((0..30).map(|index| check(index, 30))));
    assert_eq!(rows(&page).len(), 30);
    assert!(!page.contains("<th scope=\"col\" class=\"l\">Reason") && !page.contains("starting</li>"));
}

#[test]
fn hostile_text_is_shown_and_not_obeyed() {
    let hostile = "</td></svg><script>alert('x')</script>\"&\u{1b}";
    let mut check = explained(0, 2);
    check.active = vec![hostile.to_owned()];
    let decision = check.decision.as_mut().expect("an explained check");
    decision.errors = vec![NamedError { name: hostile.to_owned(), message: hostile.to_owned() }];
    decision.refused = vec![RefusedRecord { file: hostile.to_owned(), error: hostile.to_owned() }];
    decision.records_refused = 1;
    let explanation = decision.explanation.as_mut().expect("an explanation");
    explanation.model = hostile.to_owned();
    explanation.override_reason = Some(hostile.to_owned());
    let page = html(&status([check, explained(1, 2)]), hostile).expect("a page");
    assert!(!page.contains("<script") && !page.contains("alert('x')") && !page.contains('\u{1b}'));
    // Title, heading; name and message of the error; file and error of the record; the reason; the model, twice.
    assert_eq!(page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;").count(), 9);
}

#[test]
fn the_page_loads_nothing() {
    let page = page(&run(30)).to_ascii_lowercase();
    for word in ["http://", "https://", "//cdn", "<script", "<link", "<img", "<iframe", "@import", "url(", "src="] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_page_is_made_for_light_dark_phone_and_print() {
    let page = page(&run(30));
    for text in [
        "<meta name=\"viewport\" content=\"width=device-width",
        "@media screen and (prefers-color-scheme:dark){\nsvg [fill=\"#",
        "color-scheme:light dark",
        "@media print",
        "@media screen and (max-width:640px)",
    ] {
        assert!(page.contains(text), "{text}");
    }
    // Every colour of every chart has its dark twin.
    let (style, charts) = page.split_once("</style>").expect("a style");
    for part in charts.split("#").skip(1).filter_map(|part| part.get(..7)).filter(|part| part.ends_with('"')) {
        assert!(style.contains(&format!("[fill=\"#{part}]{{fill:#")), "#{part}");
        assert!(style.contains(&format!("[stroke=\"#{part}]{{stroke:#")), "#{part}");
    }
}

#[test]
fn charts_have_axis_titles_units_and_descriptions() {
    let page = page(&run(30));
    for (id, title) in [
        ("response_time_threshold", "response time (s)"),
        ("pods", "pods"),
        ("workload", "workload (req/s)"),
        ("pressure", "pressure (ratio)"),
        ("service_time", "service time (s)"),
        ("queue_length", "queue length (requests)"),
        ("utilization_cpu", "share of a slot, cores per pod"),
    ] {
        for id in [format!("run-0-{id}"), format!("run-0-{id}-narrow")] {
            let chart = chart(&page, &id);
            assert!(chart.contains(&format!("\n{title}\n</text>")), "{id} has its title");
            assert!(chart.contains("\ncheck number, time (UTC)\n</text>"), "{id}");
            assert!(chart.contains(&format!("aria-labelledby=\"{id}-t {id}-d\"")), "{id}");
            assert!(
                chart.contains(&format!("<title id=\"{id}-t\">")) && chart.contains(&format!("<desc id=\"{id}-d\">"))
            );
        }
    }
}

#[test]
fn missing_cpu_is_a_gap_and_no_zero() {
    let gaps = |missing: &[usize]| {
        let checks =
            (0..30).map(|index| Check { cpu_usage: (!missing.contains(&index)).then_some(0.5), ..check(index, 30) });
        let page = page(&status(checks));
        let chart = chart(&page, "run-0-utilization_cpu");
        assert_eq!(chart.matches("\nCPU: no value<").count(), missing.len());
        chart.matches("<polyline").count()
    };
    let whole = gaps(&[]);
    assert_eq!(gaps(&[10, 11]), whole + 1);
    assert_eq!(gaps(&[10, 20]), whole + 2);
    assert_eq!(gaps(&(0..30).collect::<Vec<_>>()), whole - 1, "no line at all");
}

#[test]
fn a_run_without_checks_has_a_page_that_says_so() {
    let page = page(&PodStatus::default());
    assert!(page.contains("holds no checks yet") && !page.contains("<figure"));
}

#[test]
fn figures_that_are_no_numbers_leave_the_page_whole() {
    let strange = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 5e-324, -1.0];
    let checks = strange.iter().map(|value| Check {
        pressure: *value,
        avg_response_time: *value,
        avg_service_time: *value,
        threshold: *value,
        queue_length_dominant: *value,
        utilization: *value,
        cpu_usage: Some(*value),
        workload: *value,
        ..explained(0, 30)
    });
    let status = status(checks);
    let page = page(&status);
    assert_eq!(rows(&page).len(), strange.len());
    let marked = chart(&page, "run-0-pressure").matches("violates").count();
    assert_eq!(marked as u64, summarize(&status).violating_checks, "infinity is above any threshold");
}

#[test]
fn ten_thousand_checks_fit_and_the_one_violation_among_them_is_seen() {
    let checks = (0..10_000).map(|index| {
        let pressure = if index == 6_543 { 4.0 } else { 0.5 };
        Check { pressure, avg_response_time: pressure * THRESHOLD_S, ..explained(index, 10_000) }
    });
    let page = page(&status(checks));
    assert!(page.len() < 8 << 20, "{} bytes", page.len());
    assert_eq!(rows(&page).len(), 10_000);
    for id in ["run-0-response_time_threshold", "run-0-pressure"] {
        assert_eq!(marks(chart(&page, id)), 1, "{id}");
        assert_eq!(marks(chart(&page, &format!("{id}-narrow"))), 1, "{id}");
    }
    assert!(chart(&page, "run-0-pressure").contains("pressure: 0.500 to 4.00\nlimit 1: 1.00\n1 violating"));
}
