//! Load as CSV: recorded traces in, rates and arrival times out.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::{Profile, WorkloadError};

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
    let unreadable = |source| WorkloadError::ReadTrace { path: path.to_owned(), source };
    let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
    let header = rows.headers().map_err(unreadable)?;
    let bin_s = match (header.get(0), header.get(1), header.len()) {
        (Some("second"), Some("requests"), 2) => 1.0,
        (Some("minute"), Some("requests"), 2) => 60.0,
        _ => {
            let header = header.iter().collect::<Vec<_>>().join(",");
            return Err(WorkloadError::TraceHeader { path: path.to_owned(), header });
        }
    };
    let mut rates: Vec<f64> = Vec::new();
    let mut first = None;
    for row in rows.records() {
        let row = row.map_err(unreadable)?;
        let line = row.position().map_or(0, csv::Position::line);
        let wrong = |problem| WorkloadError::TraceRow { path: path.to_owned(), line, problem };
        let bin: u64 =
            row[0].parse().map_err(|_| wrong(format!("time {:?} is not a whole number, 0 or more", &row[0])))?;
        let requests: f64 = row[1]
            .parse()
            .ok()
            .filter(|requests: &f64| requests.is_finite() && *requests >= 0.0)
            .ok_or_else(|| wrong(format!("requests {:?} is not a number, 0 or more", &row[1])))?;
        let first = *first.get_or_insert(bin);
        let gap = bin
            .checked_sub(first)
            .and_then(|offset| offset.checked_sub(rates.len() as u64))
            .ok_or_else(|| wrong(format!("time {bin} does not come after the times before it")))?;
        if bin - first >= MAX_BINS {
            return Err(wrong(format!("time {bin} is more than {MAX_BINS} rows after the first, {first}")));
        }
        rates.extend(std::iter::repeat_n(0.0, gap as usize));
        rates.push(requests / bin_s);
    }
    Profile::new(bin_s, rates)
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
