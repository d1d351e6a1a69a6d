//! `podStatus.json` for people: a self-contained HTML page, and single pictures for papers.
//!
//! ```text
//! PodStatus -> Timeline + Figure (series of values) -> canvas (plotters) -> SVG in the page, SVG file, PNG file
//!           -> RunSummary, decisions --------------------------------------> tiles and table in the page
//! ```
//!
//! The page loads nothing: no font, script or picture from elsewhere. Its charts are drawn once, in the colours for
//! paper; on a dark screen a style rule for each colour replaces it.

mod axis;
mod canvas;
mod command;
mod figure;
mod page;
mod palette;
mod picture;
mod series;
mod table;
mod text;
mod timeline;

use std::path::PathBuf;

use scaler_core::{PodStatus, summarize};
use thiserror::Error;

pub use command::{ReportArgs, run};

/// What can fail between a status file and its report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The status file cannot be read.
    #[error("cannot read the status file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The status file is not one.
    #[error("the status file {} has a fault in line {line}, at `{excerpt}`", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// What stands there.
        excerpt: String,
        /// What was expected there.
        source: serde_json::Error,
    },
    /// There is nothing to draw a picture of.
    #[error("the status file {name} holds no checks, so there are no pictures to draw")]
    NoChecks {
        /// The file without its ending.
        name: String,
    },
    /// The font that is part of the program is not one.
    #[error("the built-in font cannot be read")]
    Font,
    /// A figure cannot be drawn.
    #[error("cannot draw the figure {figure}")]
    Draw {
        /// Its word.
        figure: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A picture cannot be drawn or written.
    #[error("cannot write the picture {}", path.display())]
    Png {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The page of one run: summary, charts, decisions. A run without checks gives a page that says so.
///
/// # Errors
/// [`ReportError::Draw`] or [`ReportError::Font`], when a chart cannot be drawn.
pub fn html(status: &PodStatus, title: &str) -> Result<String, ReportError> {
    page::page(title, &[page::Run { title, status, summary: summarize(status) }])
}
