//! A run as it was asked for: checked, with its arrivals drawn.

use std::sync::Arc;

use agent::rng::Stream;
use agent::simulator::{Episode, Scenario, ScenarioError};
use agent::workload::{Load, Profile, Shape, WorkloadError, read_arrivals, read_trace};
use thiserror::Error;

use crate::choice::{Choice, ChoiceError};
use crate::cli::RunArgs;
use crate::tuning::{Tuning, TuningError};

/// Shares of what all replicas can do, between which the load moves unless told otherwise.
const LOAD_SHARE: std::ops::RangeInclusive<f64> = 0.10..=0.75;
/// Grain of the rates, seconds.
const BIN_S: f64 = 0.5;
/// Most requests of a schedule: their samples are kept in memory.
const MAX_REQUESTS: usize = 1_000_000;
/// Most lanes: each has replicas of its own on the same machine.
const MAX_LANES: usize = 6;
/// Shortest check interval, seconds: below that a check itself would take a good part of it.
const MIN_INTERVAL_S: f64 = 0.5;
/// Longest run, seconds.
const MAX_DURATION_S: f64 = 86_400.0;

/// A run, ready to be played.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The scenario with its arrivals, as the simulator would play it.
    pub episode: Arc<Episode>,
    /// When each request is due, seconds, ascending.
    pub arrivals: Arc<[f64]>,
    /// Who decides, the main policy first; no two alike.
    pub lanes: Vec<Choice>,
    /// What rivals are set to for this load.
    pub tuning: Tuning,
}

/// A knob that makes no sense.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A number outside its range.
    #[error("--{flag} must be {range}, it is {value}")]
    Range {
        /// The flag.
        flag: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it is.
        value: f64,
    },
    /// Not the name of a policy.
    #[error("--rivals: {0}")]
    Rival(ChoiceError),
    /// The same policy twice.
    #[error("--rivals names {0} twice, or as the policy itself")]
    Twice(Choice),
    /// More lanes than a machine can hold.
    #[error("--rivals: {0} policies in all, at most {MAX_LANES} can play side by side")]
    Lanes(usize),
    /// A file without the shape that plays it, or the other way round.
    #[error("--shape trace and --trace FILE belong together")]
    Trace,
    /// The load cannot be made.
    #[error("the load")]
    Load(#[from] WorkloadError),
    /// The scenario is not one.
    #[error("the scenario")]
    Scenario(#[from] ScenarioError),
    /// The rivals cannot be set.
    #[error("tuning the rivals")]
    Tuning(#[from] TuningError),
    /// The load is too large to be played.
    #[error("the load has {0} requests, between 1 and {MAX_REQUESTS} can be played")]
    Requests(usize),
}

impl Settings {
    /// Checks what was asked for, and draws the arrivals, or reads them.
    ///
    /// # Errors
    /// [`SettingsError`] names the flag and the value.
    pub fn new(args: &RunArgs) -> Result<Self, SettingsError> {
        let lanes = lanes(args)?;
        let episode = match &args.arrivals {
            None => Episode::draw(scenario(args, None)?, args.seed)?,
            Some(path) => {
                let mut arrivals = read_arrivals(path)?;
                let scenario = scenario(args, Some(&arrivals))?;
                let end_s = f64::from(scenario.windows) * scenario.interval_s;
                arrivals.retain(|time| *time < end_s);
                Episode::with_arrivals(scenario, arrivals, args.seed)?
            }
        };
        let arrivals: Arc<[f64]> = episode.arrivals().into();
        if arrivals.is_empty() || arrivals.len() > MAX_REQUESTS {
            return Err(SettingsError::Requests(arrivals.len()));
        }
        let episode = Arc::new(episode);
        let tuning = Tuning::find(&lanes, &episode, args.seed, args.risk)?;
        Ok(Self { episode, arrivals, lanes, tuning })
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        self.episode.scenario()
    }
}

/// The main policy, then its rivals.
fn lanes(args: &RunArgs) -> Result<Vec<Choice>, SettingsError> {
    let mut lanes = vec![args.policy];
    for name in args.rivals.iter().filter(|name| !matches!(name.as_str(), "none" | "")) {
        let rival = name.parse().map_err(SettingsError::Rival)?;
        if lanes.contains(&rival) {
            return Err(SettingsError::Twice(rival));
        }
        lanes.push(rival);
    }
    if lanes.len() > MAX_LANES { Err(SettingsError::Lanes(lanes.len())) } else { Ok(lanes) }
}

/// The default scenario with what was asked for in place of its own; `given` are arrivals of a file.
fn scenario(args: &RunArgs, given: Option<&[f64]>) -> Result<Scenario, SettingsError> {
    let base = Scenario::demo_sinusoid();
    let interval_s = args.interval.unwrap_or(base.interval_s);
    // All of a file: the interval of its last arrival is the last one.
    let all_s =
        given.map(|times| (times.last().map_or(0.0, |last| last / interval_s).floor() + 1.0).max(2.0) * interval_s);
    let duration_s = args.duration.or(all_s).unwrap_or(base.load.duration_s());
    let service_time_s = args.service_time.unwrap_or(base.service_time_s);
    let max_replicas = args.max_replicas.unwrap_or(base.max_replicas);
    let min_replicas = args.min_replicas.unwrap_or(base.min_replicas);
    let ranges = [
        ("interval", "0.5 or more", interval_s, interval_s >= MIN_INTERVAL_S),
        ("duration", "at least two intervals and at most a day", duration_s, duration_s <= MAX_DURATION_S),
        ("duration", "at least two intervals and at most a day", duration_s, duration_s >= 2.0 * interval_s),
        ("service-time", "above 0", service_time_s, service_time_s > 0.0),
        ("max-replicas", "in 1..=100", f64::from(max_replicas), (1..=100).contains(&max_replicas)),
    ];
    if let Some((flag, range, value, _)) = ranges.into_iter().find(|&(_, _, value, ok)| !(ok && value.is_finite())) {
        return Err(SettingsError::Range { flag, range, value });
    }
    let capacity_rps = f64::from(max_replicas) / service_time_s;
    let load = Load {
        low_rps: args.low.unwrap_or(LOAD_SHARE.start() * capacity_rps),
        high_rps: args.high.unwrap_or(LOAD_SHARE.end() * capacity_rps),
        periods: args.periods,
        duration_s,
        bin_s: BIN_S,
    };
    let scenario = Scenario {
        min_replicas,
        initial_replicas: base.initial_replicas.clamp(min_replicas, max_replicas.max(min_replicas)),
        startup_s: args.start_up.unwrap_or(base.startup_s),
        service_times: base.service_times,
        ..Scenario::plain(
            given.map_or_else(|| profile(args, &load), |times| seen(times, duration_s, interval_s))?,
            interval_s,
            args.threshold.unwrap_or(base.threshold_s),
            max_replicas,
            service_time_s,
        )
    };
    scenario.validate()?;
    Ok(scenario)
}

fn profile(args: &RunArgs, load: &Load) -> Result<Profile, SettingsError> {
    match (args.shape, &args.trace) {
        (Shape::Trace, Some(path)) => {
            let recorded = read_trace(path)?;
            let bin_s = load.duration_s / recorded.rates().len() as f64;
            Ok(Profile::new(bin_s, recorded.rates().to_vec())?.with_peak(load.high_rps))
        }
        (Shape::Trace, None) | (_, Some(_)) => Err(SettingsError::Trace),
        (shape, None) => Ok(shape.profile(load, &mut Stream::new(args.seed, "shape", 0))?),
    }
}

/// The load of arrivals as checks see it: the mean rate of each interval. The tuning of rivals draws others like it.
fn seen(arrivals: &[f64], duration_s: f64, interval_s: f64) -> Result<Profile, SettingsError> {
    let mut rates = vec![0.0; (duration_s / interval_s).round() as usize];
    for time in arrivals {
        if let Some(rate) = rates.get_mut((time / interval_s) as usize) {
            *rate += 1.0 / interval_s;
        }
    }
    Ok(Profile::new(interval_s, rates)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use agent::workload::{arrivals, write_arrivals};
    use clap::Parser;

    fn settings(args: &[&str]) -> Result<Settings, SettingsError> {
        Settings::new(&Cli::try_parse_from(["demo"].iter().chain(args)).unwrap().run)
    }

    #[test]
    fn without_arguments_it_is_the_scenario_that_the_agent_is_evaluated_on() {
        let settings = settings(&[]).unwrap();
        assert_eq!(*settings.scenario(), Scenario::demo_sinusoid());
        assert_eq!(settings.lanes, [Choice::Agent, Choice::Threshold, Choice::Trend]);
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals() {
        let arrivals = |seed| settings(&["--seed", seed]).unwrap().arrivals;
        assert_eq!(arrivals("5"), arrivals("5"));
        assert_ne!(arrivals("5"), arrivals("6"));
    }

    #[test]
    fn a_trace_is_played_within_the_duration_with_its_peak_at_the_highest_rate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        std::fs::write(&path, "minute,requests\n0,60\n1,600\n2,300\n").unwrap();
        let path = path.to_str().unwrap();
        let settings = settings(&["--shape", "trace", "--trace", path, "--duration", "30", "--high", "20"]).unwrap();
        let load = &settings.scenario().load;
        assert_eq!(load.rates(), [2.0, 20.0, 10.0]);
        assert_eq!((load.bin_s(), settings.scenario().windows), (10.0, 10));
    }

    /// A file of arrival times in a folder that lives as long as the first of the two.
    fn file(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("times.csv");
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    }

    #[test]
    fn a_file_of_arrival_times_is_the_schedule_of_the_demo_and_of_the_simulator() {
        let load = Load { low_rps: 2.0, high_rps: 20.0, periods: 1.0, duration_s: 60.0, bin_s: 1.0 };
        let profile = Shape::Sinusoid.profile(&load, &mut Stream::new(1, "shape", 0)).unwrap();
        let mut written = Vec::new();
        write_arrivals(&arrivals(&profile, 60.0, 7), &mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        let times: Vec<f64> = text.lines().skip(1).map(|line| line.parse().unwrap()).collect();
        let (_folder, path) = file(&text);

        let whole = settings(&["--arrivals", &path, "--rivals", "none"]).unwrap();
        assert_eq!((&*whole.arrivals, whole.episode.arrivals()), (&times[..], &times[..]));
        assert_eq!((whole.scenario().windows, whole.scenario().interval_s), (20, 3.0));
        assert!((whole.scenario().load.expected_requests() - times.len() as f64).abs() < 1e-6);

        let cut = settings(&["--arrivals", &path, "--rivals", "none", "--duration", "30", "--interval", "5"]).unwrap();
        let first: Vec<f64> = times.iter().copied().filter(|time| *time < 30.0).collect();
        assert!(first.len() < times.len());
        assert_eq!((&*cut.arrivals, cut.scenario().windows), (&first[..], 6));
    }

    #[test]
    fn bad_arrival_times_are_refused_with_file_line_and_value() {
        for (text, expected) in [
            ("second\n0.5\nsoon\n", "line 3 of the trace FILE: time \"soon\" is not a number, 0 or more"),
            ("second\n-1\n", "line 2 of the trace FILE: time \"-1\" is not a number, 0 or more"),
            ("second\nNaN\n", "line 2 of the trace FILE: time \"NaN\" is not a number, 0 or more"),
            ("second\n2\n1.5\n", "line 3 of the trace FILE: time 1.5 comes before 2, which stands above it"),
            ("second,rate\n0,5\n", "the header of the arrival times FILE must be \"second\", it is \"second,rate\""),
            ("second\n90000\n", "--duration must be at least two intervals and at most a day, it is 90003"),
            ("second\n", "the load has 0 requests"),
        ] {
            let (_folder, path) = file(text);
            let error = anyhow::Error::new(settings(&["--arrivals", &path]).unwrap_err());
            assert!(format!("{error:#}").replace(&path, "FILE").contains(expected), "{text:?}: {error:#}");
        }
        let error = anyhow::Error::new(settings(&["--arrivals", "/nowhere.csv"]).unwrap_err());
        assert!(format!("{error:#}").contains("cannot open the trace /nowhere.csv"), "{error:#}");
        for rest in [["--shape", "ramp"], ["--high", "3"], ["--periods", "1"]] {
            let error = Cli::try_parse_from(["demo", "--arrivals", "f"].iter().chain(&rest)).unwrap_err().to_string();
            assert!(error.contains("--arrivals") && error.contains(rest[0]), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_naming_flag_and_value() {
        let table: [(&[&str], &str); 12] = [
            (&["--interval", "0.1"], "--interval must be 0.5 or more, it is 0.1"),
            (&["--interval", "NaN"], "--interval"),
            (&["--duration", "4"], "--duration must be at least two intervals and at most a day, it is 4"),
            (&["--duration", "1e9"], "--duration"),
            (&["--service-time", "0"], "--service-time must be above 0, it is 0"),
            (&["--max-replicas", "0"], "--max-replicas must be in 1..=100, it is 0"),
            (&["--max-replicas", "101"], "101"),
            (&["--rivals", "threshold,best"], "--rivals: \"best\""),
            (&["--rivals", "hpa,agent"], "names agent twice"),
            (&["--shape", "trace"], "belong together"),
            (&["--trace", "load.csv"], "belong together"),
            (&["--rivals", "hpa,static:1,static:2,static:3,static:4,static:5"], "7 policies in all, at most 6"),
        ];
        for (args, expected) in table {
            let message = settings(args).unwrap_err().to_string();
            assert!(message.contains(expected), "{args:?}: {message}");
        }
        let chains: [(&[&str], &str); 4] = [
            (&["--threshold=-1"], "threshold_s must be above 0, it is -1.0"),
            (&["--min-replicas", "9"], "min_replicas"),
            (&["--low", "70"], "high rate"),
            (&["--periods", "0"], "periods must be above 0, it is 0"),
        ];
        for (args, expected) in chains {
            let error = anyhow::Error::new(settings(args).unwrap_err());
            assert!(format!("{error:#}").contains(expected), "{args:?}: {error:#}");
        }
        assert!(matches!(settings(&["--high", "0", "--low", "0"]), Err(SettingsError::Requests(0))));
    }

    #[test]
    fn none_means_no_rivals() {
        assert_eq!(settings(&["--rivals", "none"]).unwrap().lanes, [Choice::Agent]);
    }
}
