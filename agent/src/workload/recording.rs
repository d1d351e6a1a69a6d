//! Recorded loads: files of `second,requests` or `minute,requests`, whatever the width of their bins.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::trace::{Row, Rows, parse_rows};
use super::{Profile, WorkloadError};

/// Days are cut at multiples of this from the beginning of the recording, seconds.
pub const DAY_S: f64 = 86_400.0;

/// The recordings that are part of the program; the README beside them tells where each comes from.
const PUBLISHED: [(&str, &str); 6] = [
    ("autothrottle-bursty-sec", include_str!("../../traces/autothrottle-bursty-sec.csv")),
    ("autothrottle-diurnal-sec", include_str!("../../traces/autothrottle-diurnal-sec.csv")),
    ("autothrottle-diurnal2-sec", include_str!("../../traces/autothrottle-diurnal2-sec.csv")),
    ("azure-llm-code-sec", include_str!("../../traces/azure-llm-code-sec.csv")),
    ("azurefn-drescale-30s", include_str!("../../traces/azurefn-drescale-30s.csv")),
    ("nab-twitter-amzn-5min", include_str!("../../traces/nab-twitter-amzn-5min.csv")),
];

/// What a file recorded: requests per bin, in parts without a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    name: String,
    segments: Vec<Segment>,
}

/// Bins that follow each other without a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Beginning, seconds since the beginning of the recording.
    pub start_s: f64,
    /// Rate of each bin.
    pub profile: Profile,
}

impl Recording {
    /// The recordings that are part of the program, by name.
    ///
    /// # Errors
    /// None but for a damaged file: a test reads them all.
    pub fn published() -> Result<Vec<Self>, WorkloadError> {
        PUBLISHED.iter().map(|(name, text)| Self::parse(name, text.as_bytes(), Path::new(name))).collect()
    }

    /// Every `*.csv` of a folder, by name.
    ///
    /// # Errors
    /// [`WorkloadError`] names the folder, or the file and the line.
    pub fn read_folder(folder: &Path) -> Result<Vec<Self>, WorkloadError> {
        let unreadable = |source| WorkloadError::Folder { path: folder.to_owned(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            // How the traces are split is told by a file beside them.
            if path.extension().is_some_and(|extension| extension == "csv") && !path.ends_with("split.csv") {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(WorkloadError::NoTraces { path: folder.to_owned() });
        }
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// One file; its name without the ending is the recording's.
    ///
    /// # Errors
    /// [`WorkloadError`] names the file, the line and the value.
    pub fn read(path: &Path) -> Result<Self, WorkloadError> {
        let file = File::open(path).map_err(|source| WorkloadError::OpenTrace { path: path.to_owned(), source })?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
        Self::parse(&name, file, path)
    }

    /// The width of a bin is the most frequent step between two rows; a longer step is a gap.
    fn parse(name: &str, reader: impl Read, path: &Path) -> Result<Self, WorkloadError> {
        let Rows { unit_s, rows } = parse_rows(reader, path)?;
        let step = usual_step(&rows).ok_or_else(|| WorkloadError::ShortTrace { path: path.to_owned() })?;
        let bin_s = step as f64 * unit_s;
        let first = rows.first().map_or(0, |row| row.time);
        let mut parts: Vec<(u64, Vec<f64>)> = Vec::new();
        let mut last = None;
        for Row { line, time, requests } in rows {
            let since = last.map(|last| time - last);
            match (since, parts.last_mut()) {
                (Some(since), _) if since < step => {
                    let problem = format!("time {time} is {since} after the one before it, the other rows {step}");
                    return Err(WorkloadError::TraceRow { path: path.to_owned(), line, problem });
                }
                (Some(since), Some((_, rates))) if since == step => rates.push(requests / bin_s),
                _ => parts.push((time, vec![requests / bin_s])),
            }
            last = Some(time);
        }
        let segment = |(time, rates): (u64, Vec<f64>)| {
            Ok(Segment { start_s: (time - first) as f64 * unit_s, profile: Profile::new(bin_s, rates)? })
        };
        let segments: Result<Vec<Segment>, WorkloadError> = parts.into_iter().map(segment).collect();
        Ok(Self { name: name.to_owned(), segments: segments? })
    }

    /// Name of the file without its ending.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Parts without a gap, in order of time.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Width of a bin, seconds.
    #[must_use]
    pub fn bin_s(&self) -> f64 {
        self.segments.first().map_or(1.0, |segment| segment.profile.bin_s())
    }

    /// Mean rate, gaps left out, requests/s.
    #[must_use]
    pub fn mean_rps(&self) -> f64 {
        let profiles = || self.segments.iter().map(|segment| &segment.profile);
        profiles().map(Profile::expected_requests).sum::<f64>() / profiles().map(Profile::duration_s).sum::<f64>()
    }

    /// Days, begun ones included.
    #[must_use]
    pub fn days(&self) -> u32 {
        let end_s = self.segments.last().map_or(0.0, |last| last.start_s + last.profile.duration_s());
        (end_s / DAY_S).ceil() as u32
    }

    /// Every part again with other rates.
    #[must_use]
    pub fn map(self, change: impl Fn(Profile) -> Profile) -> Self {
        let segments =
            self.segments.into_iter().map(|Segment { start_s, profile }| Segment { start_s, profile: change(profile) });
        Self { name: self.name, segments: segments.collect() }
    }

    /// The parts of one day, from 0: cut at gaps and at midnight.
    #[must_use]
    pub fn day(&self, day: u32) -> Vec<Profile> {
        let begin_s = f64::from(day) * DAY_S;
        let part = |segment: &Segment| {
            let bin_s = segment.profile.bin_s();
            // Bins belong to the day in which they begin; the crumb keeps a bin at midnight in its day.
            let bin = |time_s: f64| ((time_s - segment.start_s) / bin_s - 1e-9).ceil().max(0.0) as usize;
            let rates = segment.profile.rates();
            let rates = rates.get(bin(begin_s)..bin(begin_s + DAY_S).min(rates.len())).unwrap_or_default();
            (!rates.is_empty()).then(|| Profile::new(bin_s, rates.to_vec()).ok()).flatten()
        };
        self.segments.iter().filter_map(part).collect()
    }
}

/// The most frequent difference of times, the least of them; `None` with fewer than two rows.
fn usual_step(rows: &[Row]) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    rows.windows(2).for_each(|pair| *counts.entry(pair[1].time - pair[0].time).or_default() += 1);
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(step, _)| step)
}
