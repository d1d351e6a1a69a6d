//! Load over time: shapes, traces, and seeded arrival times that the simulator, the demo and JMeter all replay.
//!
//! ```text
//! Shape + Load -> Profile (requests/s over time) -> arrivals (seconds), a seeded Poisson process
//! trace CSV    -> Profile
//! folder of trace CSVs -> Recordings -> sized for a cluster -> split by whole days -> one Profile per part of a day
//! ```

mod arrivals;
mod command;
mod profile;
mod recording;
mod shape;
mod sizing;
mod split;
mod trace;
mod training;

use std::path::PathBuf;

use thiserror::Error;

pub use arrivals::{MAX_ARRIVALS, arrivals};
pub use command::{Emit, WorkloadArgs, run};
pub use profile::Profile;
pub use recording::{DAY_S, Recording, Segment};
pub use shape::{Load, Shape};
pub use split::{Part, Split};
pub use trace::{read_arrivals, read_trace, write_arrivals, write_rates};
pub use training::training_profiles;

/// Why there is no load to play.
#[derive(Debug, Error)]
pub enum WorkloadError {
    /// A figure outside its range.
    #[error("{name} must be {range}, it is {value}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it is.
        value: f64,
    },
    /// Shape `trace` plays a file.
    #[error("shape trace has no formula: it needs a trace file")]
    NoFormula,
    /// The file cannot be opened.
    #[error("cannot open the trace {}", path.display())]
    OpenTrace {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not CSV.
    #[error("cannot read the trace {}", path.display())]
    ReadTrace {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// The header does not say what the columns are.
    #[error("the header of the trace {} must be \"second,requests\" or \"minute,requests\", it is {header:?}", path.display())]
    TraceHeader {
        /// Its path.
        path: PathBuf,
        /// The header found.
        header: String,
    },
    /// The header does not say that the column is arrival times.
    #[error("the header of the arrival times {} must be \"second\", it is {header:?}", path.display())]
    ArrivalsHeader {
        /// Its path.
        path: PathBuf,
        /// The header found.
        header: String,
    },
    /// A row of the file makes no sense.
    #[error("line {line} of the trace {}: {problem}", path.display())]
    TraceRow {
        /// Its path.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong, with the value.
        problem: String,
    },
    /// Nothing tells how long a bin is.
    #[error("the trace {} must have at least two rows", path.display())]
    ShortTrace {
        /// Its path.
        path: PathBuf,
    },
    /// The folder of traces cannot be listed.
    #[error("cannot list the traces in {}", path.display())]
    Folder {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The folder holds none.
    #[error("there is no *.csv in the folder of traces {}", path.display())]
    NoTraces {
        /// Its path.
        path: PathBuf,
    },
    /// Rows that cannot be written.
    #[error("cannot write the {what}")]
    Write {
        /// What was to be written.
        what: &'static str,
        /// Why.
        #[source]
        source: csv::Error,
    },
}
