//! What the terminal shows while the load is played: a bar for the time, a line for each lane. Plain lines now and then
//! where there is no terminal.

use std::io::IsTerminal;
use std::time::Duration;

use agent::workload::Profile;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::lane::Snapshot;

/// Between two plain lines, in checks.
const CHECKS_A_LINE: u32 = 5;
/// Between two looks at the lanes.
pub const REFRESH: Duration = Duration::from_millis(200);
/// More pods than that are not drawn one by one.
const DRAWN_PODS: u32 = 16;

/// The screen of one run.
pub struct Screen {
    load: Profile,
    checks: u32,
    interval_s: f64,
    terminal: Option<Bars>,
    /// Checks that the last plain line was for.
    told: u32,
}

struct Bars {
    time: ProgressBar,
    lanes: Vec<ProgressBar>,
}

impl Screen {
    /// A screen for so many lanes, on the standard error.
    #[must_use]
    pub fn new(load: Profile, checks: u32, interval_s: f64, lanes: usize) -> Self {
        let terminal = std::io::stderr().is_terminal().then(|| Bars::new(checks, interval_s, lanes));
        Self { load, checks, interval_s, terminal, told: 0 }
    }

    /// Shows the lanes as they are, `elapsed_s` after the start.
    pub fn show(&mut self, elapsed_s: f64, lanes: &[Snapshot]) {
        let rate = self.load.rate_at(elapsed_s);
        let done = lanes.iter().map(|lane| lane.board.recorded + lane.board.failed).min().unwrap_or(0);
        if let Some(bars) = &self.terminal {
            let seconds = elapsed_s.min(f64::from(self.checks) * self.interval_s);
            bars.time.set_position((seconds * 10.0) as u64);
            let clock = clock(seconds);
            bars.time.set_message(format!("{clock}  check {done} of {}  {rate:.0} requests/s", self.checks));
            for (bar, lane) in bars.lanes.iter().zip(lanes) {
                bar.set_message(lane_line(lane));
            }
        } else if done >= self.told + CHECKS_A_LINE {
            self.told = done;
            let lanes: Vec<String> = lanes.iter().map(short).collect();
            eprintln!("check {done} of {}  {rate:.0} requests/s  {}", self.checks, lanes.join("  "));
        }
    }

    /// Leaves the last state on the screen.
    pub fn end(&self) {
        if let Some(bars) = &self.terminal {
            bars.time.abandon();
            bars.lanes.iter().for_each(ProgressBar::abandon);
        }
    }
}

impl Bars {
    fn new(checks: u32, interval_s: f64, lanes: usize) -> Self {
        let all = MultiProgress::new();
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("█▉▊▋▌▍▎▏ ")
        };
        let time = all.add(ProgressBar::new((f64::from(checks) * interval_s * 10.0) as u64));
        time.set_style(style("▕{bar:32.cyan}▏ {msg}"));
        let lanes = (0..lanes).map(|_| {
            let bar = all.add(ProgressBar::new_spinner());
            bar.set_style(style("{wide_msg}"));
            bar
        });
        Self { time, lanes: lanes.collect() }
    }
}

fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// `agent       ■■■□      3/4 pods  pressure  0.72      5 waiting   2 violations`
fn lane_line(lane: &Snapshot) -> String {
    let Snapshot { name, pods, in_flight, failed, board } = lane;
    let Some(pods) = pods else { return format!("{name:<11} its pods die") };
    let ready = u32::try_from(pods.ready.len()).unwrap_or(u32::MAX);
    let drawn: String = if pods.ordered <= DRAWN_PODS {
        (0..pods.ordered.max(ready)).map(|pod| if pod < ready { '■' } else { '□' }).collect()
    } else {
        String::new()
    };
    let mark = if board.pressure > 1.0 { '!' } else { ' ' };
    let (ordered, pressure, violating) = (pods.ordered, board.pressure, board.violating);
    let mut line = format!(
        "{name:<11} {drawn:<8} {ready:>2}/{ordered} pods  pressure {pressure:5.2} {mark} {in_flight:>4} waiting {violating:>3} violations"
    );
    if *failed > 0 {
        line.push_str(&format!("  {failed} FAILED"));
    }
    line
}

/// `| agent 3/4 pods, pressure 0.72`
fn short(lane: &Snapshot) -> String {
    let Snapshot { name, pods, in_flight: _, failed, board } = lane;
    let pods = pods.as_ref().map_or_else(|| "no".to_owned(), |pods| format!("{}/{}", pods.ready.len(), pods.ordered));
    let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
    format!("| {name} {pods} pods, pressure {:.2}{failed}", board.pressure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::Board;
    use scaler::cluster::Pods;

    fn snapshot(ready: usize, ordered: u32, pressure: f64, failed: usize) -> Snapshot {
        let ready = (0..ready).map(|pod| pod.to_string()).collect();
        Snapshot {
            name: "agent".to_owned(),
            pods: Some(Pods { ordered, ready, starting: 0, terminating: 0, startup: None }),
            in_flight: 5,
            failed,
            board: Board { pressure, violating: 1, ..Board::default() },
        }
    }

    #[test]
    fn a_lane_is_told_in_one_line_of_a_small_terminal() {
        let expected = "agent       ■■■□      3/4 pods  pressure  0.72      5 waiting   1 violations";
        assert_eq!(lane_line(&snapshot(3, 4, 0.719, 0)), expected);
        assert!(expected.chars().count() < 80);
        let line = lane_line(&snapshot(1, 1, 1.5, 2));
        assert!(line.contains("pressure  1.50 !") && line.ends_with("2 FAILED"), "{line}");
        assert!(!lane_line(&snapshot(1, 90, 1.5, 0)).contains('□'));
        assert_eq!(short(&snapshot(3, 4, 0.719, 0)), "| agent 3/4 pods, pressure 0.72");
        assert_eq!(lane_line(&Snapshot { pods: None, ..snapshot(0, 0, 0.0, 0) }), "agent       its pods die");
    }

    #[test]
    fn time_is_minutes_and_seconds() {
        assert_eq!([0.0, 59.9, 60.0, 605.5].map(clock), ["0:00", "0:59", "1:00", "10:05"]);
    }
}
