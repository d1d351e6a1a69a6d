//! `agent workload`: a load as CSV.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use crate::rng::Stream;

use super::{Load, MAX_ARRIVALS, Profile, Shape, arrivals, read_trace, write_arrivals, write_rates};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// `second,rate`: the shape itself.
    Rates,
    /// `second`: when each request arrives.
    Arrivals,
}

/// Writes a load shape, or the seeded arrival times of one, as CSV.
#[derive(Debug, Clone, Args)]
pub struct WorkloadArgs {
    /// How the load moves
    #[arg(long, value_enum, default_value = "sinusoid")]
    pub shape: Shape,
    /// What to write
    #[arg(long, value_enum, default_value = "arrivals")]
    pub emit: Emit,
    /// Lowest rate, requests/s
    #[arg(long, default_value_t = 1.0)]
    pub low_rps: f64,
    /// Highest rate, requests/s [default: 10, or as recorded in the trace]
    #[arg(long)]
    pub high_rps: Option<f64>,
    /// How often the shape repeats
    #[arg(long, default_value_t = 1.0)]
    pub periods: f64,
    /// Length, seconds [default: 600, or the whole trace]
    #[arg(long)]
    pub duration_s: Option<f64>,
    /// Grain of the rates, seconds; a trace has its own
    #[arg(long, default_value_t = 1.0)]
    pub bin_s: f64,
    /// File to play with --shape trace: CSV with the header `second,requests` or `minute,requests`
    #[arg(long)]
    pub trace: Option<PathBuf>,
    /// Seed of the arrival times and of the random walk
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// File to write [default: standard output]
    #[arg(long)]
    pub output: Option<PathBuf>,
}

impl WorkloadArgs {
    /// The load that the arguments describe.
    ///
    /// # Errors
    /// Names the argument, or the line of the trace, that makes no sense.
    pub fn profile(&self) -> anyhow::Result<Profile> {
        if self.shape != Shape::Trace {
            ensure!(self.trace.is_none(), "--trace is played with --shape trace only");
            let load = Load {
                low_rps: self.low_rps,
                high_rps: self.high_rps.unwrap_or(10.0),
                periods: self.periods,
                duration_s: self.duration_s.unwrap_or(600.0),
                bin_s: self.bin_s,
            };
            return Ok(self.shape.profile(&load, &mut Stream::new(self.seed, "shape", 0))?);
        }
        let path = self.trace.as_ref().context("--shape trace needs --trace FILE")?;
        let mut profile = read_trace(path)?;
        for (name, value) in [("--high-rps", self.high_rps), ("--duration-s", self.duration_s)] {
            ensure!(value.is_none_or(|v| v.is_finite() && v > 0.0), "{name} must be above 0, it is {value:?}");
        }
        if let Some(peak_rps) = self.high_rps {
            profile = profile.with_peak(peak_rps);
        }
        Ok(match self.duration_s {
            Some(duration_s) => profile.truncated(duration_s),
            None => profile,
        })
    }
}

/// Runs `agent workload`.
///
/// # Errors
/// Bad arguments, an unreadable trace, or an output that cannot be written.
pub fn run(args: &WorkloadArgs) -> anyhow::Result<()> {
    let profile = args.profile()?;
    let duration_s = args.duration_s.unwrap_or(f64::INFINITY).min(profile.duration_s());
    ensure!(
        args.emit == Emit::Rates || profile.expected_requests() < MAX_ARRIVALS as f64,
        "{:.0} requests are more than the {MAX_ARRIVALS} that can be drawn: lower the rate or the duration",
        profile.expected_requests()
    );
    let writer: Box<dyn io::Write> = match &args.output {
        Some(path) => Box::new(File::create(path).with_context(|| format!("cannot create {}", path.display()))?),
        None => Box::new(io::stdout().lock()),
    };
    match args.emit {
        Emit::Rates => write_rates(&profile, writer)?,
        Emit::Arrivals => write_arrivals(&arrivals(&profile, duration_s, args.seed), writer)?,
    }
    Ok(())
}
