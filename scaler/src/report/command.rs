//! `scaler report`: status files in, a page and pictures out.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use scaler_core::{PodStatus, RunSummary, summarize, summary::window_seconds};

use super::ReportError;
use super::figure::pictures;
use super::page::{Run, page};
use super::picture::{png, svg};
use super::text::shortened;
use super::timeline::Timeline;

/// Where the page goes when nothing else is asked for.
const DEFAULT_PAGE: &str = "report.html";
/// Title of a page whose status file has the name that all of them have.
const DEFAULT_TITLE: &str = "Autoscaler report";
/// Name of a status file without its `.json`.
const STATUS_NAME: &str = "podStatus";
/// Characters of a faulty line that are shown before and behind the fault.
const EXCERPT: usize = 60;

/// Turns status files into a self-contained HTML page, and into single pictures for papers.
#[derive(Debug, Clone, clap::Args)]
pub struct ReportArgs {
    /// Status files: our own podStatus.json, or that of any service of the same format; several are compared
    #[arg(value_name = "STATUS", required = true)]
    pub status: Vec<PathBuf>,
    /// Page to write [default: report.html, unless --svg or --png is given]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Folder for single pictures as SVG; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
    /// Folder for single pictures as PNG; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub png: Option<PathBuf>,
    /// Title of the page [default: from the name of the status file]
    #[arg(long)]
    pub title: Option<String>,
    /// Length of the first check, seconds, where the file does not say
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub interval: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if f64::is_finite(seconds) && seconds > 0.0 => Ok(seconds),
        _ => Err("must be a number of seconds above 0".to_owned()),
    }
}

/// A status file that was read.
struct StatusFile {
    /// Unique among the files, fit for a file name.
    name: String,
    status: PodStatus,
}

/// Reads the status files, writes the page and the pictures, and names on stdout what it wrote.
///
/// # Errors
/// Names the file that cannot be read (with the line at fault), drawn or written.
pub fn run(args: ReportArgs) -> anyhow::Result<()> {
    let ReportArgs { status, out, svg: svg_folder, png: png_folder, title, interval } = args;
    let files = read_all(&status)?;
    let wants_pictures = svg_folder.is_some() || png_folder.is_some();
    let out = out.or_else(|| (!wants_pictures).then(|| PathBuf::from(DEFAULT_PAGE)));
    let mut written = Vec::new();
    if let Some(out) = out {
        let title = title.unwrap_or_else(|| default_title(&files));
        write(&out, &page(&title, &runs(&files, interval))?)?;
        written.push(out);
    }
    for file in &files {
        let prefix = if files.len() > 1 { format!("{}-", file.name) } else { String::new() };
        if let Some(folder) = &svg_folder {
            written.extend(write_pictures(file, folder, &prefix, "svg")?);
        }
        if let Some(folder) = &png_folder {
            written.extend(write_pictures(file, folder, &prefix, "png")?);
        }
    }
    let mut stdout = std::io::stdout().lock();
    for path in written {
        writeln!(stdout, "wrote {}", path.display()).context("writing to stdout")?;
    }
    Ok(())
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<StatusFile>, ReportError> {
    let mut names = BTreeSet::new();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let status = read(path)?;
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let stem = stem.strip_suffix(&format!(".{STATUS_NAME}")).unwrap_or(&stem);
        let unique = |n: usize| if n == 1 { stem.to_owned() } else { format!("{stem}-{n}") };
        // Ends: there are more numbers than names taken.
        let name = (1..).map(unique).find(|name| !names.contains(name)).unwrap_or_default();
        names.insert(name.clone());
        files.push(StatusFile { name, status });
    }
    Ok(files)
}

fn read(path: &Path) -> Result<PodStatus, ReportError> {
    let bytes = fs::read(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| ReportError::Parse {
        path: path.to_owned(),
        line: source.line(),
        excerpt: excerpt(&bytes, source.line(), source.column()),
        source,
    })
}

/// The text around a fault, which tells the key of the value at fault.
fn excerpt(bytes: &[u8], line: usize, column: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let start = line.char_indices().map(|(at, _)| at).take_while(|at| at + EXCERPT < column).last().unwrap_or(0);
    // Foreign text on a terminal: nothing that moves its cursor.
    shortened(line[start..].trim(), 2 * EXCERPT).replace(char::is_control, " ")
}

fn default_title(files: &[StatusFile]) -> String {
    match files {
        [file] if file.name != STATUS_NAME => file.name.clone(),
        _ => DEFAULT_TITLE.to_owned(),
    }
}

fn runs(files: &[StatusFile], interval_s: f64) -> Vec<Run<'_>> {
    files
        .iter()
        .map(|StatusFile { name, status }| {
            let summary = with_first_window(status, summarize(status), interval_s);
            Run { title: name, status, summary }
        })
        .collect()
}

/// The summary with the first check as long as told, where the file does not say how long it was.
fn with_first_window(status: &PodStatus, summary: RunSummary, interval_s: f64) -> RunSummary {
    match status.checks().next() {
        Some((_, first)) if first.decision.is_none() => {
            let missing_s = interval_s - window_seconds(first, None);
            RunSummary {
                requests: summary.requests + first.workload * missing_s,
                pod_minutes: summary.pod_minutes + f64::from(first.n_instances) * missing_s / 60.0,
                ..summary
            }
        }
        _ => summary,
    }
}

fn write_pictures(file: &StatusFile, folder: &Path, prefix: &str, kind: &str) -> Result<Vec<PathBuf>, ReportError> {
    if file.status.checks().len() == 0 {
        return Err(ReportError::NoChecks { name: file.name.clone() });
    }
    fs::create_dir_all(folder).map_err(|source| ReportError::Write { path: folder.to_owned(), source })?;
    let timeline = Timeline::of(&file.status);
    let mut written = Vec::new();
    for figure in pictures(&file.status) {
        let path = folder.join(format!("{prefix}{}.{kind}", figure.id));
        match kind {
            "png" => png(&timeline, &figure, &path)?,
            _ => write(&path, &svg(&timeline, &figure)?)?,
        }
        written.push(path);
    }
    Ok(written)
}

fn write(path: &Path, text: &str) -> Result<(), ReportError> {
    fs::write(path, text).map_err(|source| ReportError::Write { path: path.to_owned(), source })
}
