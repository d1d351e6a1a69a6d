//! `scaler report`: status files in, a page and pictures out.

#![allow(clippy::expect_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use clap::Parser;
use scaler::report::{ReportArgs, run};
use serde_json::{Value, json};
use tempfile::TempDir;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: ReportArgs,
}

fn report(arguments: &[&str]) -> anyhow::Result<()> {
    run(Command::try_parse_from(["report"].iter().chain(arguments))?.args)
}

/// The error in words, causes included.
fn refusal(arguments: &[&str]) -> String {
    format!("{:#}", report(arguments).expect_err("a refusal"))
}

/// A status file as other services of this contract write it: no `decision`, and whole numbers where they happen to be
/// whole.
fn status(checks: usize) -> Value {
    let check = |index: usize| {
        let load = index % 7;
        let overloaded = load == 6;
        json!({
            "timestamp": format!("31.05.2025_{:02}:{:02}:01", index / 60, index % 60),
            "nInstances": 1 + load / 3,
            "pressure": if overloaded { 3 } else { 0 },
            "avgResponseTime": if overloaded { 3 } else { 0 },
            "avgServiceTime": 0,
            "Threshold": 1,
            "queueLengthDominant": if overloaded { 14 } else { 0 },
            "utilization": 0,
            "CPUUsage (Prometheus)": if index.is_multiple_of(5) { Value::Null } else { json!(1) },
            "workload": load,
            "action": if overloaded { "The number of pod will be set to 1!" } else { "No Action" },
            "active": ["matrix-multiply-d847c46c7-kqbdg"],
            "startedPreviousCheck": [],
            "shutdownPreviousCheck": [],
        })
    };
    let checks = (0..checks).map(|index| (format!("check_{}", index + 1), check(index)));
    // Not a map: that would sort the keys.
    let text: Vec<String> = checks.map(|(key, check)| format!("    \"{key}\": {check:#}")).collect();
    Value::String(format!("{{\n{}\n}}", text.join(",\n")))
}

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("a file");
    path
}

fn status_file(folder: &TempDir, name: &str, checks: usize) -> PathBuf {
    file(folder, name, status(checks).as_str().expect("text"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in UTF-8")).collect();
    names.sort();
    names
}

const PICTURES: [&str; 7] =
    ["cpu", "pods", "response_time", "response_time_threshold", "service_time", "utilization", "workload"];

#[test]
fn a_file_of_another_writer_with_whole_numbers_becomes_a_page_named_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, page) = (status_file(&folder, "high.podStatus.json", 42), folder.path().join("page.html"));
    report(&[text(&status), "--out", text(&page)]).expect("a page");
    let page = fs::read_to_string(page).expect("the page");
    assert!(page.contains("<title>high</title>") && page.contains("<h1>high</h1>"));
    assert_eq!(page.matches("<th scope=\"row\">").count(), 42);
    assert!(page.contains("<span>Violating checks</span><b>6</b>"), "every seventh of 42");
    assert_eq!(names(folder.path()), ["high.podStatus.json", "page.html"], "and nothing else is written");
}

#[test]
fn keys_that_are_not_ours_are_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let text_of =
        status(3).as_str().expect("text").replace("\"workload\"", "\"weather\": {\"rain\": [1]}, \"workload\"");
    let status = file(&folder, "podStatus.json", &text_of);
    let page = folder.path().join("page.html");
    report(&[text(&status), "--out", text(&page)]).expect("a page");
    assert!(fs::read_to_string(page).expect("the page").contains("<title>Autoscaler report</title>"));
}

#[test]
fn pictures_are_written_as_svg_and_png_of_the_promised_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let status = status_file(&folder, "podStatus.json", 20);
    let (svg, png) = (folder.path().join("new/svg"), folder.path().join("new/png"));
    report(&[text(&status), "--svg", text(&svg), "--png", text(&png)]).expect("pictures");
    assert_eq!(names(folder.path()), ["new", "podStatus.json"], "no page when pictures alone are asked for");
    assert_eq!(names(&svg), PICTURES.map(|name| format!("{name}.svg")));
    assert_eq!(names(&png), PICTURES.map(|name| format!("{name}.png")));
    for name in PICTURES {
        let picture = fs::read_to_string(svg.join(format!("{name}.svg"))).expect("a picture");
        assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"), "{name}");
        assert_eq!(picture.matches("<svg").count(), 1, "{name}");
        for part in ["xmlns=\"http://www.w3.org/2000/svg\"", "width=\"720\" height=\"360\"", "check number, time (UTC)"]
        {
            assert!(picture.contains(part), "{name}: {part}");
        }
        let picture = fs::read(png.join(format!("{name}.png"))).expect("a picture");
        assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n", "{name}");
        assert_eq!(picture[16..24], [2160_u32.to_be_bytes(), 1080_u32.to_be_bytes()].concat(), "{name}");
        assert!(picture.len() > 10_000, "{name} is not blank: {} bytes", picture.len());
    }
}

#[test]
fn pictures_carry_units_and_only_the_one_against_the_threshold_marks_violations() {
    let folder = tempfile::tempdir().expect("a folder");
    let status = status_file(&folder, "podStatus.json", 21);
    report(&[text(&status), "--svg", text(folder.path())]).expect("pictures");
    for (name, title, circles) in [
        ("response_time", "response time (s)", 0),
        ("service_time", "service time (s)", 0),
        ("utilization", "utilization (share of a slot)", 0),
        ("workload", "workload (req/s)", 0),
        ("pods", "pods", 0),
        // Three violating checks and the one in the legend.
        ("response_time_threshold", "response time (s)", 4),
    ] {
        let picture = fs::read_to_string(folder.path().join(format!("{name}.svg"))).expect("a picture");
        assert!(picture.contains(&format!("\n{title}\n</text>")), "{name}");
        assert_eq!(picture.matches("<circle").count(), circles, "{name}");
    }
}

#[test]
fn several_files_are_compared_and_their_pictures_kept_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("b")).expect("a folder");
    let (one, two) = (status_file(&folder, "podStatus.json", 5), status_file(&folder, "b/podStatus.json", 9));
    let (page, svg) = (folder.path().join("page.html"), folder.path().join("svg"));
    report(&[text(&one), text(&two), "--out", text(&page), "--svg", text(&svg), "--title", "A & B"]).expect("a page");
    let page = fs::read_to_string(page).expect("the page");
    assert!(page.contains("<h1>A &amp; B</h1>"));
    for part in ["<h3>Comparison</h3>", "<h2 id=\"run-0\">podStatus</h2>", "<h2 id=\"run-1\">podStatus-2</h2>"] {
        assert!(page.contains(part), "{part}");
    }
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "ids are unique");
    assert_eq!(names(&svg).len(), 2 * PICTURES.len());
    assert!(svg.join("podStatus-2-pods.svg").exists());
}

#[test]
fn the_first_check_is_as_long_as_told_where_the_file_does_not_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, page) = (status_file(&folder, "podStatus.json", 1), folder.path().join("page.html"));
    for (interval, minutes) in [("60", "1.00"), ("15", "0.250")] {
        report(&[text(&status), "--out", text(&page), "--interval", interval]).expect("a page");
        let tile = format!("<span>Pod-minutes</span><b>{minutes}</b>");
        assert!(fs::read_to_string(&page).expect("the page").contains(&tile), "{interval} s");
    }
}

#[test]
fn a_bad_file_is_refused_with_its_name_line_and_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = status(3).as_str().expect("text").to_owned();
    let third = |from: &str, to: &str| {
        let at = good.rfind(from).expect("the key is there");
        format!("{}{to}{}", &good[..at], &good[at + from.len()..])
    };
    let cases = [
        (
            "text for a number",
            third("\"pressure\": 0", "\"pressure\": \"high\""),
            vec!["check_3", "\"pressure\"", "high"],
        ),
        ("an unknown action", third("No Action", "Do it!"), vec!["check_3", "\"action\"", "Do it!"]),
        ("a time in another notation", third("31.05.2025_", "2025-05-31T"), vec!["check_3", "2025-05-31T00:02:01"]),
        ("a key that is missing", third("\"workload\"", "\"work\""), vec!["check_3", "workload"]),
        ("a key of another kind", third("check_3", "czech_3"), vec!["czech_3"]),
        ("numbers out of order", third("check_3", "check_2"), vec!["check_2", "after"]),
        ("half a file", good[..good.len() / 2].to_owned(), vec!["EOF"]),
        ("no JSON", "hello".to_owned(), vec!["hello"]),
        ("a list", "[]".to_owned(), vec!["[]", "check_1"]),
        ("nothing", String::new(), vec!["EOF"]),
    ];
    for (name, content, words) in cases {
        let status = file(&folder, "bad.json", &content);
        let page = folder.path().join("page.html");
        let refusal = refusal(&[text(&status), "--out", text(&page)]);
        for word in words.into_iter().chain([text(&status), "line "]) {
            assert!(refusal.contains(word), "{name}: {word} is not in {refusal}");
        }
        assert!(!page.exists(), "{name}: no page is left behind");
    }
}

#[test]
fn the_line_that_is_named_is_the_line_at_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = status(2).as_str().expect("text").replacen("\"utilization\": 0", "\"utilization\": []", 1);
    let line = 1 + good.lines().position(|line| line.contains("[]") && line.contains("utilization")).expect("a line");
    let status = file(&folder, "bad.json", &good);
    let refusal = refusal(&[text(&status)]);
    assert!(refusal.contains(&format!("in line {line}, at `\"utilization\": [],`")), "{refusal}");
}

#[test]
fn files_that_cannot_be_read_or_written_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let status = status_file(&folder, "podStatus.json", 3);
    let missing = folder.path().join("none.json");
    let below_a_file = status.join("below");
    let cases: [(&str, Vec<&str>, &Path); 5] = [
        ("a missing file", vec![text(&missing)], &missing),
        ("a folder", vec![text(folder.path())], folder.path()),
        ("a page below a file", vec![text(&status), "--out", text(&below_a_file)], &below_a_file),
        ("SVGs below a file", vec![text(&status), "--svg", text(&below_a_file)], &below_a_file),
        ("PNGs below a file", vec![text(&status), "--png", text(&below_a_file)], &below_a_file),
    ];
    for (name, arguments, path) in cases {
        let refusal = refusal(&arguments);
        assert!(refusal.contains(text(path)), "{name}: {refusal}");
    }
}

#[test]
fn a_file_without_checks_has_a_page_and_no_pictures() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, page) = (file(&folder, "podStatus.json", "{}"), folder.path().join("page.html"));
    report(&[text(&status), "--out", text(&page)]).expect("a page");
    assert!(fs::read_to_string(page).expect("the page").contains("holds no checks yet"));
    assert!(refusal(&[text(&status), "--svg", text(folder.path())]).contains("podStatus holds no checks"));
}

#[test]
fn an_interval_must_be_a_time() {
    for interval in ["0", "-1", "NaN", "inf", "soon"] {
        assert!(refusal(&["x.json", &format!("--interval={interval}")]).contains("above 0"), "{interval}");
    }
}

#[test]
fn the_program_tells_a_bad_file_on_stderr_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("none.json");
    let output = Process::new(env!("CARGO_BIN_EXE_scaler"))
        .arg("report")
        .arg(&missing)
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains(text(&missing)));
    assert_eq!(names(folder.path()), [""; 0], "no page is left behind");
}

#[test]
fn the_program_writes_a_page_and_says_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let status = status_file(&folder, "podStatus.json", 4);
    let output = Process::new(env!("CARGO_BIN_EXE_scaler"))
        .arg("report")
        .arg(&status)
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "wrote report.html\n");
    assert_eq!(names(folder.path()), ["podStatus.json", "report.html"]);
}
