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

/// Who looks on while an episode is played.
pub trait Watch {
    /// A request was routed; in order of arrival, those of the first window included.
    fn served(&mut self, served: Served);

    /// A window of the loop that decides, the first included, was played: from `begin_s` to where the simulation stands now.
    fn played(&mut self, _simulation: &Simulation, _begin_s: f64) {}
}

/// Looks at each request.
struct Shown<F>(F);

impl<F: FnMut(Served)> Watch for Shown<F> {
    fn served(&mut self, served: Served) {
        (self.0)(served);
    }
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
    show: impl FnMut(Served),
) -> Result<Played, ScenarioError> {
    play_watched(episode, player, period_s, &mut Shown(show))
}

/// [`play`] that is watched.
///
/// # Errors
/// As [`play`].
pub fn play_watched(
    episode: &Arc<Episode>,
    player: Player<'_>,
    period_s: f64,
    watch: &mut impl Watch,
) -> Result<Played, ScenarioError> {
    let mut judge = Judge::new(episode);
    match player {
        Player::Policy(policy) => {
            let own = period_s == episode.scenario().interval_s;
            let looped = if own { Arc::clone(episode) } else { Arc::new(episode.at_period(period_s, false)?) };
            play_policy(looped, policy, &mut judge, watch);
        }
        Player::Controller(controller) => {
            play_controller(Arc::new(episode.at_period(period_s, true)?), controller, &mut judge, watch);
        }
    }
    Ok(judge.verdict())
}

fn play_policy(looped: Arc<Episode>, policy: &dyn Policy, judge: &mut Judge, watch: &mut impl Watch) {
    let mut simulation = Simulation::new_with(looped, |served| {
        judge.serve(&served);
        watch.served(served);
    });
    watch.played(&simulation, 0.0);
    let mut request = ActionRequest::bare(simulation.observation());
    while !simulation.is_done() {
        let order = if simulation.warms_up() {
            simulation.ordered()
        } else {
            simulation.write_request(&mut request);
            policy.order(&request)
        };
        let (begin_s, before) = (simulation.now_s(), simulation.ordered());
        simulation.step_with(order, |served| {
            judge.serve(&served);
            watch.served(served);
        });
        judge.bill(&simulation, begin_s, before);
        watch.played(&simulation, begin_s);
    }
}

fn play_controller(looped: Arc<Episode>, controller: &dyn Controller, judge: &mut Judge, watch: &mut impl Watch) {
    let mut meters = Meters::default();
    let mut decide = controller.begin();
    let (min, max) = (looped.scenario().min_replicas, looped.scenario().max_replicas);
    let mut simulation = Simulation::new_with(looped, |served| {
        judge.serve(&served);
        meters.add(&served);
        watch.served(served);
    });
    watch.played(&simulation, 0.0);
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
        simulation.step_with(order, |served| {
            judge.serve(&served);
            meters.add(&served);
            watch.served(served);
        });
        judge.bill(&simulation, now_s, replicas);
        watch.played(&simulation, now_s);
    }
}
