//! What is about to be played, in a few lines.

use clap::ValueEnum;

use crate::cli::RunArgs;
use crate::settings::Settings;

/// The run as it was asked for.
#[must_use]
pub fn of_run(args: &RunArgs, settings: &Settings) -> String {
    let scenario = settings.scenario();
    let load = &scenario.load;
    let lowest = load.rates().iter().copied().fold(f64::INFINITY, f64::min);
    let policies: Vec<String> = settings.lanes.iter().map(ToString::to_string).collect();
    format!(
        "load      {shape}, {lowest:.0} to {highest:.0} requests/s for {duration:.0} s: {requests} requests to each policy\n\
         scaling   a check every {interval} s, threshold {threshold} s, {min} to {max} replicas that start in {start_up} s\n\
         policies  {policies}: the same requests at the same time, each on replicas of its own",
        shape = shape_name(args),
        highest = load.peak(),
        duration = f64::from(scenario.windows) * scenario.interval_s,
        requests = settings.arrivals.len(),
        interval = scenario.interval_s,
        threshold = scenario.threshold_s,
        min = scenario.min_replicas,
        max = scenario.max_replicas,
        start_up = scenario.startup_s,
        policies = policies.join(", "),
    )
}

/// What a multiplication takes, measured in seconds, and what is made of it.
#[must_use]
pub fn of_replicas(args: &RunArgs, settings: &Settings, work_s: f64) -> String {
    format!(
        "replicas  {size} x {size} matrices take {work:.3} ms here; each then sleeps until it has taken {service:.0} ms",
        size = args.matrix_size,
        work = 1e3 * work_s,
        service = 1e3 * settings.scenario().service_time_s,
    )
}

/// The shape, or the file of arrival times, as on the command line.
#[must_use]
pub fn shape_name(args: &RunArgs) -> String {
    if let Some(path) = &args.arrivals {
        return path.display().to_string();
    }
    args.shape.to_possible_value().map_or_else(String::new, |shape| shape.get_name().to_owned())
}
