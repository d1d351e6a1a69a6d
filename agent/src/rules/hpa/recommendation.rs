//! From metrics to a recommendation: `replica_calculator.go` in double precision, as upstream computes it.

use crate::simulator::PodUsage;

/// Nothing changes while the metric is within 10 % of its target, both ends included.
const TOLERANCE: f64 = 0.1;

/// Replicas for an average CPU utilization of `target_percent` of the requests; `None`: no ready pod has a sample.
///
/// Utilization is a ratio of sums, cut to whole percents. Pods without a sample and pods that are not ready may dampen a
/// change, and turn none around: missing ones count with `max(100, target)` % on the way down, and both with 0 on the way
/// up.
#[must_use]
pub fn on_utilization(replicas: u32, pods: &PodUsage, target_percent: u32) -> Option<u32> {
    let PodUsage { usage, request, ready, unready, missing } = *pods;
    if ready == 0 {
        return None;
    }
    let target = f64::from(target_percent.max(1));
    // The crumb keeps 0.29 from becoming 28 %.
    let ratio = |usage: f64, pods: u32| (100.0 * usage / (request * f64::from(pods)) + 1e-9).floor() / target;
    let seen = ratio(usage, ready);
    let rises = seen > 1.0;
    let unready = if rises { unready } else { 0 };
    // On target to the percent they are counted on neither side.
    let missing = if rises || seen < 1.0 { missing } else { 0 };
    if missing == 0 && unready == 0 {
        return Some(if tolerated(seen) { replicas } else { (seen * f64::from(ready)).ceil() as u32 });
    }
    let filled = if seen < 1.0 { f64::from(missing) * request * target.max(100.0) / 100.0 } else { 0.0 };
    let counted = ready + missing + unready;
    let dampened = ratio(usage + filled, counted);
    if tolerated(dampened) || (seen < 1.0 && dampened > 1.0) || (rises && dampened < 1.0) {
        return Some(replicas);
    }
    let recommended = (dampened * f64::from(counted)).ceil() as u32;
    let contradicts = if dampened < 1.0 { recommended > replicas } else { recommended < replicas };
    Some(if contradicts { replicas } else { recommended })
}

/// Replicas for an external metric of `target` a replica (`AverageValue`).
#[must_use]
pub fn on_average_value(replicas: u32, metric: f64, target: f64) -> u32 {
    if tolerated(metric / (target * f64::from(replicas))) { replicas } else { (metric / target).ceil() as u32 }
}

fn tolerated(ratio: f64) -> bool {
    (1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&ratio)
}
