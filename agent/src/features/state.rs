//! A situation as numbers.

use scaler_core::observation::RECENT_INTERVALS;

use crate::required::LOAD_OFFSET;

use super::{LONG_WINDOW, SMALL_LOAD, Situation, USUAL_STARTUP, WINDOW, log_ratio};

/// Numbers per check of the window.
const PER_STEP: usize = 8;
/// Names of them, in order.
const STEP_NAMES: [&str; PER_STEP] = [
    "ln(load / load now)",
    "utilization",
    "ln(1 + pressure)",
    "0.3 ln(1 + queue length)",
    "ln(pods / pods now)",
    "ln(ordered / pods)",
    "intervals to the check after it - 1",
    "valid",
];
/// Names of the numbers of the current check, in order.
const NOW_NAMES: [&str; 26] = [
    "0.4 ln(load)",
    "load / max",
    "0.3 ln(max)",
    "0.2 ln(interval / service time)",
    "0.4 ln(threshold / service time - 1)",
    "threshold sent",
    "service time known",
    "ln(1 + backlog / pods)",
    "growth of the backlog / pods",
    "(ordered - pods) / pods",
    "starting / pods",
    "terminating / pods",
    "1 / pods",
    "ordered / max",
    "checks since the last change / 20",
    "ln(highest load of 8 / load)",
    "ln(mean load of 8 / load)",
    "root mean square step of 8 / load",
    "trend / load",
    "Poisson noise of the load / load",
    "0.4 ln(start-up / interval)",
    "start-up known",
    "ln(pods by formula at the load / (load + 0.3))",
    "ln(pods by formula at load + trend + backlog / (load + 0.3))",
    "0.3 ln(Poisson noise / load)",
    "mean step of 3 / load",
];
/// Names of the numbers of the long window, in order.
const LONG_NAMES: [&str; 22] = [
    "ln(highest load of 16 / load)",
    "ln(highest load of 32 / load)",
    "ln(highest load of 64 / load)",
    "ln(decayed mean load / load)",
    "ln(mean load of 64 / load)",
    "root mean square of ln(load ratio)",
    "largest ln(load ratio)",
    "4 x share of ln(load ratio) > 0.3",
    "checks / 64",
    "highest load of 64 / max",
    "ln(mean load of checks 9..16 / load)",
    "ln(mean load of checks 17..32 / load)",
    "ln(mean load of checks 33..64 / load)",
    "root mean square of steps of 64 / load",
    "ln(waits / expected waits) of 64",
    "ln(waits / expected waits) of 8",
    "highest utilization without a violation",
    "lowest utilization with a violation",
    "0.3 ln(root mean square step of 8 / load)",
    "0.3 ln(root mean square second difference of 8 / load)",
    "0.3 ln(root mean square second difference of 64 / load)",
    "trend / root mean square second difference of 8",
];
/// Names of the numbers of the end of the window, in order.
const RECENT_NAMES: [&str; 5] = [
    "recent load known",
    "ln(recent load / load)",
    "ln(1 + recent pressure)",
    "ln(1 + recent backlog / pods)",
    "ln(pods by formula at the load ahead + recent backlog / (load + 0.3))",
];
/// The window's middle lies half an interval back, that of its last quarter an eighth, that of the next window half an interval ahead:
/// on a straight line it is so many times as far from the recent load as that from the load.
const AHEAD: f64 = (0.5 + RECENT_INTERVALS / 2.0) / (0.5 - RECENT_INTERVALS / 2.0);
/// Weight of a check in the decayed mean against the one after it.
const DECAY: f64 = 0.93;

/// Numbers per state.
pub const STATE_FEATURES: usize = WINDOW * PER_STEP + NOW_NAMES.len() + LONG_NAMES.len() + RECENT_NAMES.len();

/// Name of a number of the state, for tables and the counter of features out of range.
///
/// Checks are counted back from now, which is check 0.
#[must_use]
pub fn state_feature_name(index: usize) -> String {
    let of_window = WINDOW * PER_STEP;
    if index < of_window {
        return format!("{} of check -{}", STEP_NAMES[index % PER_STEP], index / PER_STEP);
    }
    let rest = NOW_NAMES.iter().chain(&LONG_NAMES).chain(&RECENT_NAMES).nth(index - of_window);
    rest.map_or_else(|| format!("no feature {index}"), |name| (*name).to_owned())
}

impl Situation {
    /// See [`Self::state`].
    pub(super) fn state_numbers(&self) -> [f32; STATE_FEATURES] {
        let mut features = [0.0_f32; STATE_FEATURES];
        let (window, rest) = features.split_at_mut(WINDOW * PER_STEP);
        let (now, rest) = rest.split_at_mut(NOW_NAMES.len());
        let (long, recent) = rest.split_at_mut(LONG_NAMES.len());
        for (i, numbers) in window.chunks_exact_mut(PER_STEP).enumerate() {
            write(numbers, self.step_features(i));
        }
        write(now, self.now_features());
        write(long, self.long_features());
        write(recent, self.recent_features());
        features
    }

    fn step_features(&self, i: usize) -> [f64; PER_STEP] {
        let moments = self.reading.moments();
        let valid = i < moments.len();
        let at = i.min(moments.len() - 1);
        let (now, moment, seen) = (self.now(), &moments[at], &self.seen[at]);
        let pods = f64::from(moment.ready.max(1));
        let gap = if valid && at > 0 { (moment.age_s - moments[at - 1].age_s) / self.reading.interval_s } else { 1.0 };
        [
            log_ratio(moment.load, now.load),
            seen.utilization.min(2.0),
            seen.pressure.ln_1p(),
            0.3 * seen.queue_length_dominant.ln_1p(),
            (pods / f64::from(now.ready.max(1))).ln(),
            (f64::from(moment.ordered.max(1)) / pods).ln(),
            gap - 1.0,
            f64::from(valid),
        ]
    }

    fn now_features(&self) -> [f64; NOW_NAMES.len()] {
        let (now, before) = (self.now(), self.reading.ago(1));
        let load = now.load;
        let pods = f64::from(now.ready.max(1));
        let max = f64::from(self.reading.max);
        let grain = self.reading.grain;
        let window = &self.reading.moments()[..self.reading.moments().len().min(WINDOW)];
        let mean = window.iter().map(|moment| moment.load).sum::<f64>() / window.len() as f64;
        let square = window.windows(2).map(|pair| (pair[0].load - pair[1].load).powi(2)).sum::<f64>();
        let rms = (square / window.len().saturating_sub(1).max(1) as f64).sqrt();
        let relative = |x: f64| (x / (load + SMALL_LOAD)).clamp(-4.0, 4.0);
        let per_pod = |x: f64| (x / pods).clamp(-4.0, 4.0);
        [
            0.4 * (load + SMALL_LOAD).ln(),
            (load / max).min(4.0),
            0.3 * max.ln(),
            if grain > 0.0 { -0.2 * grain.ln() } else { 0.0 },
            0.4 * (self.reading.slack - 1.0).ln(),
            f64::from(self.threshold_sent),
            f64::from(grain > 0.0),
            (now.backlog / pods).ln_1p(),
            per_pod(now.backlog - before.backlog),
            per_pod(f64::from(self.ordered()) - pods),
            per_pod(f64::from(self.starting)),
            per_pod(f64::from(self.terminating)),
            1.0 / pods,
            f64::from(self.ordered()) / max,
            (self.checks_since_change() as f64 / 20.0).min(1.0),
            log_ratio(self.highest_load(WINDOW), load),
            log_ratio(mean, load),
            relative(rms),
            relative(load - before.load),
            // N requests were counted in the interval, give or take sqrt(N): sqrt(a D / interval) erlangs.
            relative((load * grain).sqrt()),
            0.4 * (self.startup.unwrap_or(USUAL_STARTUP) + 0.01).ln(),
            f64::from(self.startup.is_some()),
            (self.formula_pods(load) / (load + LOAD_OFFSET)).max(0.02).ln(),
            (self.formula_pods(self.soon()) / (load + LOAD_OFFSET)).max(0.02).ln().min(4.0),
            small_log((load * grain).sqrt() / (load + SMALL_LOAD)),
            relative((load - self.reading.ago(3).load) / 3.0),
        ]
    }

    /// How many checks before this one had the same order.
    pub(crate) fn checks_since_change(&self) -> usize {
        // Neighbours in the list are neighbours in time, newest first.
        self.reading.moments().windows(2).take_while(|pair| pair[0].ordered == pair[1].ordered).count()
    }

    fn long_features(&self) -> [f64; LONG_NAMES.len()] {
        let moments = self.reading.moments();
        let load = self.now().load;
        let (mut decayed, mut weights, mut weight) = (0.0, 0.0, 1.0);
        for load in self.loads() {
            decayed += weight * load;
            weights += weight;
            weight *= DECAY;
        }
        let count = moments.len() as f64;
        let mean = self.loads().sum::<f64>() / count;
        let (mut square, mut largest, mut large, mut steps) = (0.0, 0.0_f64, 0.0, 0.0);
        for pair in moments.windows(2) {
            let jump = log_ratio(pair[0].load, pair[1].load);
            square += jump * jump;
            steps += (pair[0].load - pair[1].load).powi(2);
            largest = largest.max(jump);
            large += f64::from(jump > 0.3);
        }
        let jumps = (count - 1.0).max(1.0);
        let (safe, violated) = self.limits();
        let rough = self.rough_turn(WINDOW);
        [
            log_ratio(self.highest_load(16), load),
            log_ratio(self.highest_load(32), load),
            log_ratio(self.highest_load(LONG_WINDOW), load),
            log_ratio(decayed / weights, load),
            log_ratio(mean, load),
            (square / jumps).sqrt(),
            largest,
            4.0 * large / jumps,
            count / LONG_WINDOW as f64,
            (self.highest_load(LONG_WINDOW) / f64::from(self.reading.max)).min(4.0),
            log_ratio(self.mean_load(WINDOW, 16), load),
            log_ratio(self.mean_load(16, 32), load),
            log_ratio(self.mean_load(32, LONG_WINDOW), load),
            ((steps / jumps).sqrt() / (load + SMALL_LOAD)).min(4.0),
            self.queueing.ln(),
            self.queueing(WINDOW).ln(),
            safe.min(1.5),
            violated.min(1.5),
            small_log(self.rough_step(WINDOW) / (load + SMALL_LOAD)),
            small_log(rough / (load + SMALL_LOAD)),
            small_log(self.rough_turn(LONG_WINDOW) / (load + SMALL_LOAD)),
            ((load - self.reading.ago(1).load) / (rough + 0.01 * (load + SMALL_LOAD))).clamp(-4.0, 4.0),
        ]
    }

    /// What the end of the window says that the whole of it does not; as if it had been like the whole where it was not sent.
    fn recent_features(&self) -> [f64; RECENT_NAMES.len()] {
        let now = self.now();
        let pods = f64::from(now.ready.max(1));
        let (known, recent, pressure, backlog) = match self.recent {
            Some(recent) => {
                let load = recent.utilization * pods;
                (1.0, load, recent.pressure, self.reading.backlog(load, recent.pressure))
            }
            None => (0.0, now.load, self.pressure(), now.backlog),
        };
        let ahead = recent + (AHEAD * (recent - now.load)).max(0.0) + backlog;
        [
            known,
            log_ratio(recent, now.load),
            pressure.ln_1p(),
            (backlog / pods).ln_1p(),
            (self.formula_pods(ahead) / (now.load + LOAD_OFFSET)).max(0.02).ln().min(4.0),
        ]
    }

    /// Load, its last rise and the backlog together: what the next check may have to serve, erlangs.
    pub(super) fn soon(&self) -> f64 {
        let now = self.now();
        now.load + (now.load - self.reading.ago(1).load).max(0.0) + now.backlog
    }

    /// Root mean square of the steps between so many newest loads, erlangs.
    fn rough_step(&self, checks: usize) -> f64 {
        let moments = &self.reading.moments()[..self.reading.moments().len().min(checks)];
        let squares = moments.windows(2).map(|pair| (pair[0].load - pair[1].load).powi(2));
        (squares.sum::<f64>() / moments.len().saturating_sub(1).max(1) as f64).sqrt()
    }

    /// Root mean square of their second differences: how far a straight line through two of them misses the third.
    fn rough_turn(&self, checks: usize) -> f64 {
        let moments = &self.reading.moments()[..self.reading.moments().len().min(checks)];
        let turn = |three: &[crate::rules::Moment]| (three[0].load - 2.0 * three[1].load + three[2].load).powi(2);
        (moments.windows(3).map(turn).sum::<f64>() / moments.len().saturating_sub(2).max(1) as f64).sqrt()
    }

    /// Mean load of the checks from `from` to `to` back; of the oldest check where there are none.
    fn mean_load(&self, from: usize, to: usize) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for load in self.loads().take(to).skip(from) {
            sum += load;
            count += 1.0;
        }
        if count > 0.0 { sum / count } else { self.loads().last().unwrap_or(0.0) }
    }
}

/// `0.3 ln(0.003 + x)`: a smooth load differs from a very smooth one.
fn small_log(x: f64) -> f64 {
    0.3 * (0.003 + x).ln()
}

fn write<const N: usize>(to: &mut [f32], numbers: [f64; N]) {
    for (to, number) in to.iter_mut().zip(numbers) {
        *to = number as f32;
    }
}
