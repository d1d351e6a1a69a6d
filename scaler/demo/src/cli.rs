//! What can be asked for on the command line.

use std::path::PathBuf;

use agent::learned::DEFAULT_PRICE;
use agent::serve::parse_price;
use agent::workload::Shape;
use clap::{Args, Parser, Subcommand};

use crate::choice::Choice;

/// Most rows and columns that are asked for: 16 MiB of body are full at about 1200.
const MAX_SIZE: u16 = 1000;

const AFTER_HELP: &str = "\
Examples:
  cargo demo                                              two and a half minutes of a sinusoid
  cargo demo --shape flash-crowd --rivals calibrated,hpa  another load, other rivals
  cargo demo --risk 20 --rivals none                      the agent alone, at a higher price of violations
  cargo demo --arrivals times.csv                         the requests that JMeter was given

Exit codes:
  0    every request was answered and every check recorded
  1    something went wrong; what, is told at the end
  130  stopped by Ctrl-C or SIGTERM";

/// Plays a load against replicas that are scaled by the learned policy, beside rivals that meet the same requests.
///
/// Everything is real and runs on this machine: clients, an ingress, replicas of the matrix service as processes, the
/// agent, and the scaler's own checks. Emulated are a replica's slowness and the time that a pod takes to start. Ends
/// with a table, and with podStatus.json and report.html in the results folder. Ctrl-C stops early and keeps what there
/// is.
#[derive(Debug, Parser)]
#[command(name = "demo", version, override_usage = "cargo demo [OPTIONS]", args_conflicts_with_subcommands = true)]
#[command(disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// A child process of the demo.
    #[command(subcommand)]
    pub child: Option<ChildCommand>,
    /// The demo itself.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What the demo starts itself as.
#[derive(Debug, Subcommand)]
pub enum ChildCommand {
    /// A replica.
    #[command(hide = true)]
    MatrixService(matrix_service::Config),
    /// The agent.
    #[command(hide = true)]
    Agent(agent::Cli),
}

/// Every knob of a run. Defaults that stand nowhere here are those of the default scenario, which the agent is
/// evaluated on too.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// How the load moves over time
    #[arg(long, value_enum, default_value = "sinusoid", help_heading = "Load")]
    pub shape: Shape,
    /// CSV file for --shape trace (second,requests or minute,requests); it is played within --duration
    #[arg(long, value_name = "FILE", help_heading = "Load")]
    pub trace: Option<PathBuf>,
    /// File of arrival times to play in place of a shape, as `agent workload` writes them and `jmeter/run` plays them
    ///
    /// CSV with the header `second`. It is played to its end, or to --duration.
    #[arg(long, value_name = "FILE", help_heading = "Load", conflicts_with_all = ["shape", "trace", "low", "high", "periods"])]
    pub arrivals: Option<PathBuf>,
    /// Lowest rate, requests/s [default: 10 % of what --max-replicas can do]
    #[arg(long, value_name = "RPS", help_heading = "Load")]
    pub low: Option<f64>,
    /// Highest rate, requests/s [default: 75 % of what --max-replicas can do]
    #[arg(long, value_name = "RPS", help_heading = "Load")]
    pub high: Option<f64>,
    /// How often the shape repeats
    #[arg(long, value_name = "N", default_value_t = 2.0, help_heading = "Load")]
    pub periods: f64,
    /// How long the load is played, seconds [default: 150, or all of --arrivals]
    #[arg(long, value_name = "SECONDS", help_heading = "Load")]
    pub duration: Option<f64>,
    /// Rows and columns of the matrices that are multiplied
    #[arg(long, value_name = "N", default_value_t = 96, help_heading = "Load", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_SIZE)))]
    pub matrix_size: u16,
    /// Arrivals, matrices and names are drawn with this seed
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Load")]
    pub seed: u64,

    /// Time between two checks of the scaler, seconds [default: 3]
    #[arg(long, value_name = "SECONDS", help_heading = "Scaling")]
    pub interval: Option<f64>,
    /// SLO: threshold of the mean response time, seconds [default: 0.25]
    #[arg(long, value_name = "SECONDS", help_heading = "Scaling")]
    pub threshold: Option<f64>,
    /// Fewest replicas [default: 1]
    #[arg(long, value_name = "N", help_heading = "Scaling")]
    pub min_replicas: Option<u32>,
    /// Most replicas [default: 8]
    #[arg(long, value_name = "N", help_heading = "Scaling")]
    pub max_replicas: Option<u32>,
    /// Who decides: agent, calibrated, threshold, reactive, trend, hpa, static, static:N
    ///
    /// agent: the learned policy. calibrated: a forecast with a safety stock and the queue formula inverted.
    /// threshold: one replica more or fewer on pressure. reactive: enough for the load just measured. trend: enough for
    /// that load extrapolated. hpa: the Horizontal Pod Autoscaler on CPU. The settings of each rule are tuned in simulations
    /// of the load, at the price --risk. static:N: always N; static: always as many as the main policy needs on average in a
    /// simulation, rounded up.
    #[arg(long, default_value = "agent", help_heading = "Scaling")]
    pub policy: Choice,
    /// Policies that play the same load beside it, each on replicas of its own; "none" for none
    #[arg(
        long,
        value_name = "POLICY,...",
        default_value = "threshold,trend",
        help_heading = "Scaling",
        value_delimiter = ','
    )]
    pub rivals: Vec<String>,
    /// Price of a violating check, in full clusters for one check: the agent's dial between cost and violations
    #[arg(long, value_name = "PRICE", default_value_t = DEFAULT_PRICE, value_parser = parse_price, help_heading = "Scaling")]
    pub risk: f64,

    /// Emulated: how long a multiplication takes in a replica, seconds [default: 0.1]
    #[arg(long, value_name = "SECONDS", help_heading = "Emulation")]
    pub service_time: Option<f64>,
    /// Emulated: how long a pod takes from its order to the start of its process, seconds [default: 0.5]
    #[arg(long, value_name = "SECONDS", help_heading = "Emulation")]
    pub start_up: Option<f64>,

    /// Folder for podStatus.json, report.html and the rest; that of an earlier run is replaced
    #[arg(long, value_name = "FOLDER", default_value = "demo-results")]
    pub out: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_help_explains_every_knob_and_hides_the_children() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("Exit codes:"), "{help}");
        assert!(help.contains("cargo demo [OPTIONS]"), "{help}");
        assert!(!help.contains("matrix-service") && !help.contains("Commands:"), "{help}");
        for argument in Cli::command().get_arguments() {
            let name = argument.get_id();
            assert!(argument.get_help().is_some_and(|help| !help.to_string().is_empty()), "--{name} is not explained");
        }
    }

    #[test]
    fn values_out_of_range_are_refused_naming_flag_and_value() {
        for (flag, value) in [
            ("--matrix-size", "0"),
            ("--matrix-size", "1001"),
            ("--policy", "best"),
            ("--shape", "wave"),
            ("--seed", "-1"),
            ("--risk", "0"),
        ] {
            let message = Cli::try_parse_from(["demo", &format!("{flag}={value}")]).unwrap_err().to_string();
            assert!(message.contains(flag) && message.contains(value), "{flag} {value}: {message}");
        }
    }
}
