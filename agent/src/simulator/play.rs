//! Any policy on any episode, at a period of its own.

use std::sync::Arc;

use scaler_core::ActionRequest;

use crate::controller::Controller;
use crate::policy::Policy;

use super::cluster_view::{ClusterView, Meters};
use super::judge::{Judge, Played};
use super::{Episode, ReadyPod, ScenarioError, Served, Simulation};

/// Who decides.
#[derive(Clone, Copy)]
pub enum Player<'a> {
    /// A policy that the scaler asks: it sees the scaler's observation, and its checks may be late or missed.
    Policy(&'a dyn Policy),
    /// A law of the cluster's: it sees the cluster's gauges, and its clock is steady.
    Controller(&'a dyn Controller),
}

/// Plays the whole episode with a decision every `period_s` seconds, judged by the episode's own windows.
///
/// Whatever the period, the requests are the same, orders begin at the end of the first window, violations are counted on
/// the same windows, and pods are billed from order to removal. At the scenario's own interval a policy meets exactly the
/// checks of [`super::run`], with the same totals.
///
/// # Errors
/// [`ScenarioError`] when the period is out of range, see [`Episode::at_period`].
pub fn play(episode: &Arc<Episode>, player: Player<'_>, period_s: f64) -> Result<Played, ScenarioError> {
    play_with(episode, player, period_s, |_| ())
}

/// [`play`] that shows each request, those of the first window included, in order of arrival.
///
/// # Errors
/// As [`play`].
pub fn play_with(
    episode: &Arc<Episode>,
    player: Player<'_>,
    period_s: f64,
    mut show: impl FnMut(Served),
) -> Result<Played, ScenarioError> {
    let mut judge = Judge::new(episode);
    match player {
        Player::Policy(policy) => {
            let own = period_s == episode.scenario().interval_s;
            let looped = if own { Arc::clone(episode) } else { Arc::new(episode.at_period(period_s, false)?) };
            play_policy(looped, policy, &mut judge, &mut show);
        }
        Player::Controller(controller) => {
            play_controller(Arc::new(episode.at_period(period_s, true)?), controller, &mut judge, &mut show);
        }
    }
    Ok(judge.verdict())
}

fn play_policy(looped: Arc<Episode>, policy: &dyn Policy, judge: &mut Judge, show: &mut impl FnMut(Served)) {
    let mut seen = |judge: &mut Judge, served: Served| {
        judge.serve(&served);
        show(served);
    };
    let mut simulation = Simulation::new_with(looped, |served| seen(judge, served));
    let mut request = ActionRequest::bare(simulation.observation());
    while !simulation.is_done() {
        let order = if simulation.warms_up() {
            simulation.ordered()
        } else {
            simulation.write_request(&mut request);
            policy.order(&request)
        };
        let (begin_s, before) = (simulation.now_s(), simulation.ordered());
        simulation.step_with(order, |served| seen(judge, served));
        judge.bill(&simulation, begin_s, before);
    }
}

fn play_controller(
    looped: Arc<Episode>,
    controller: &dyn Controller,
    judge: &mut Judge,
    show: &mut impl FnMut(Served),
) {
    let mut meters = Meters::default();
    let mut seen = |judge: &mut Judge, meters: &mut Meters, served: Served| {
        judge.serve(&served);
        meters.add(&served);
        show(served);
    };
    let mut decide = controller.begin();
    let (min, max) = (looped.scenario().min_replicas, looped.scenario().max_replicas);
    let mut simulation = Simulation::new_with(looped, |served| seen(judge, &mut meters, served));
    let mut ready: Vec<ReadyPod> = Vec::new();
    while !simulation.is_done() {
        let (now_s, replicas, starting) = (simulation.now_s(), simulation.ordered(), simulation.starting());
        let order = if simulation.warms_up() {
            replicas
        } else {
            ready.clear();
            ready.extend(simulation.ready_pods());
            meters.settle(now_s, &ready);
            decide(&ClusterView { now_s, replicas, min, max, starting, ready: &ready, meters: &meters })
        };
        simulation.step_with(order, |served| seen(judge, &mut meters, served));
        judge.bill(&simulation, now_s, replicas);
    }
}
