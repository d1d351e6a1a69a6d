//! Load as CSV: recorded traces in, rates and arrival times out.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::{MAX_ARRIVALS, Profile, WorkloadError};

/// Longest trace: a year of seconds. A stray large number must not fill the memory.
const MAX_BINS: u64 = 366 * 24 * 3600;

/// Reads `second,requests` or `minute,requests`: how many requests came in each second or minute.
///
/// Rows ascend; what is left out held no requests; time starts at the first row.
///
/// # Errors
/// [`WorkloadError`] names the file, the line and the value.
pub fn read_trace(path: &Path) -> Result<Profile, WorkloadError> {
    let file = File::open(path).map_err(|source| WorkloadError::OpenTrace { path: path.to_owned(), source })?;
    parse_trace(file, path)
}

fn parse_trace(reader: impl Read, path: &Path) -> Result<Profile, WorkloadError> {
    let Rows { unit_s, rows } = parse_rows(reader, path)?;
    let mut rates: Vec<f64> = Vec::new();
    let first = rows.first().map_or(0, |row| row.time);
    for Row { line, time, requests } in rows {
        let offset = time - first;
        if offset >= MAX_BINS {
            let problem = format!("time {time} is more than {MAX_BINS} rows after the first, {first}");
            return Err(WorkloadError::TraceRow { path: path.to_owned(), line, problem });
        }
        rates.resize(offset as usize, 0.0);
        rates.push(requests / unit_s);
    }
    Profile::new(unit_s, rates)
}

/// The rows of a trace file, as they stand there.
pub(super) struct Rows {
    /// What a step of the first column is, seconds.
    pub(super) unit_s: f64,
    /// Ascending in time.
    pub(super) rows: Vec<Row>,
}

/// How many requests came from a time on.
pub(super) struct Row {
    /// Line in the file, from 1.
    pub(super) line: u64,
    /// First column.
    pub(super) time: u64,
    /// Second column, finite, 0 or more.
    pub(super) requests: f64,
}

/// Reads both columns and makes sure that time ascends.
pub(super) fn parse_rows(reader: impl Read, path: &Path) -> Result<Rows, WorkloadError> {
    let unreadable = |source| WorkloadError::ReadTrace { path: path.to_owned(), source };
    let mut records = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
    let header = records.headers().map_err(unreadable)?;
    let unit_s = match (header.get(0), header.get(1), header.len()) {
        (Some("second"), Some("requests"), 2) => 1.0,
        (Some("minute"), Some("requests"), 2) => 60.0,
        _ => {
            let header = header.iter().collect::<Vec<_>>().join(",");
            return Err(WorkloadError::TraceHeader { path: path.to_owned(), header });
        }
    };
    let mut rows: Vec<Row> = Vec::new();
    for record in records.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |problem| WorkloadError::TraceRow { path: path.to_owned(), line, problem };
        let time: u64 =
            record[0].parse().map_err(|_| wrong(format!("time {:?} is not a whole number, 0 or more", &record[0])))?;
        let requests: f64 = record[1]
            .parse()
            .ok()
            .filter(|requests: &f64| requests.is_finite() && *requests >= 0.0)
            .ok_or_else(|| wrong(format!("requests {:?} is not a number, 0 or more", &record[1])))?;
        if rows.last().is_some_and(|last| time <= last.time) {
            return Err(wrong(format!("time {time} does not come after the times before it")));
        }
        rows.push(Row { line, time, requests });
    }
    Ok(Rows { unit_s, rows })
}

/// Reads arrival times as [`write_arrivals`] writes them: seconds from the beginning of the load, ascending.
///
/// # Errors
/// [`WorkloadError`] names the file, the line and the value.
pub fn read_arrivals(path: &Path) -> Result<Vec<f64>, WorkloadError> {
    let file = File::open(path).map_err(|source| WorkloadError::OpenTrace { path: path.to_owned(), source })?;
    let unreadable = |source| WorkloadError::ReadTrace { path: path.to_owned(), source };
    let mut records = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let header = records.headers().map_err(unreadable)?.iter().collect::<Vec<_>>().join(",");
    if header != "second" {
        return Err(WorkloadError::ArrivalsHeader { path: path.to_owned(), header });
    }
    let mut times: Vec<f64> = Vec::new();
    for record in records.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |problem| WorkloadError::TraceRow { path: path.to_owned(), line, problem };
        let time = record[0].parse().ok().filter(|time: &f64| time.is_finite() && *time >= 0.0);
        let time = time.ok_or_else(|| wrong(format!("time {:?} is not a number, 0 or more", &record[0])))?;
        if let Some(last) = times.last().filter(|last| time < **last) {
            return Err(wrong(format!("time {time} comes before {last}, which stands above it")));
        }
        if times.len() == MAX_ARRIVALS {
            return Err(wrong(format!("there are more than {MAX_ARRIVALS} times")));
        }
        times.push(time);
    }
    Ok(times)
}

/// Writes `second,rate`: the beginning of each bin and its rate in requests/s.
///
/// # Errors
/// [`WorkloadError::Write`].
pub fn write_rates(profile: &Profile, writer: impl Write) -> Result<(), WorkloadError> {
    let rows = profile.rates().iter().enumerate();
    let rows = rows.map(|(bin, rate)| [format!("{:.3}", bin as f64 * profile.bin_s()), format!("{rate:.6}")]);
    write_rows(["second", "rate"], rows, writer, "rates")
}

/// Writes one arrival time a line under the header `second`, in microseconds' precision.
///
/// # Errors
/// [`WorkloadError::Write`].
pub fn write_arrivals(arrivals: &[f64], writer: impl Write) -> Result<(), WorkloadError> {
    write_rows(["second"], arrivals.iter().map(|time| [format!("{time:.6}")]), writer, "arrival times")
}

fn write_rows<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    writer: impl Write,
    what: &'static str,
) -> Result<(), WorkloadError> {
    let failed = |source| WorkloadError::Write { what, source };
    let mut csv = csv::Writer::from_writer(writer);
    csv.write_record(header).map_err(failed)?;
    for row in rows {
        csv.write_record(row).map_err(failed)?;
    }
    csv.flush().map_err(|error| failed(error.into()))
}
