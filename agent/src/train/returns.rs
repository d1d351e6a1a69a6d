//! What each candidate of a state brings, under the same arrivals.

use std::sync::Arc;

use candle_core::Result;
use scaler_core::ActionRequest;

use super::critic::Critic;
use super::episodes::Visit;
use crate::network::Value;
use crate::simulator::{Episode, Outcome, Simulation};

/// How a return is summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Account {
    /// Checks in a rollout.
    pub horizon: u32,
    /// Discount per check.
    pub discount: f64,
    /// Cost of changing every pod once.
    pub change_cost: f64,
}

impl Account {
    /// Cost and violation of one check: billed share of the full cluster and share of it that changed; smoothed
    /// violation of the requests that arrived.
    #[must_use]
    pub fn check(&self, outcome: &Outcome, max_replicas: u32) -> Value {
        let changed = f64::from(outcome.change) / f64::from(max_replicas);
        Value { cost: outcome.pod_share + self.change_cost * changed, violation: outcome.smooth_violation }
    }

    /// `sum_t discount^t x_t` of both values.
    #[must_use]
    pub fn discounted(&self, checks: impl IntoIterator<Item = Value>) -> Value {
        let mut total = Value::default();
        let mut weight = 1.0;
        for check in checks {
            total.cost += weight * check.cost;
            total.violation += weight * check.violation;
            weight *= self.discount;
        }
        total
    }
}

/// Rollouts in memory that is used again and again.
#[derive(Debug, Default)]
pub struct Rollouts {
    clones: Vec<Simulation>,
    requests: Vec<ActionRequest>,
    orders: Vec<u32>,
    checks: Vec<Vec<Value>>,
    /// Requests simulated so far.
    pub simulated: u64,
}

impl Rollouts {
    /// The return of ordering each count now and following the guide then: clones of the same simulation, so that all
    /// meet the same requests, but for those that have a future of their own. The clones walk in step, so that the guide
    /// answers all of them at once. With a critic, what is behind the horizon counts as it says; else as nothing.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn returns(
        &mut self,
        visit: &Visit<'_>,
        counts: &[u32],
        futures: &[Arc<Episode>],
        critic: Option<&Critic>,
        account: &Account,
    ) -> Result<Vec<Value>> {
        let simulation = visit.simulation;
        let max_replicas = simulation.episode().scenario().max_replicas;
        self.prepare(simulation, counts.len());
        // No more of them: others are what an earlier state left, perhaps of a longer episode.
        self.clones[..counts.len()].iter_mut().zip(futures).for_each(|(clone, future)| clone.meet(future));
        self.orders.clear();
        self.orders.extend_from_slice(counts);
        for check in 0..account.horizon {
            if simulation.remaining() <= check as usize {
                break;
            }
            if check > 0 {
                let (clones, requests) = (&self.clones[..counts.len()], &mut self.requests[..counts.len()]);
                clones.iter().zip(requests.iter_mut()).for_each(|(clone, request)| clone.write_request(request));
                visit.guide.orders(requests, &mut self.orders);
            }
            for ((clone, order), checks) in self.clones.iter_mut().zip(&self.orders).zip(&mut self.checks) {
                let outcome = clone.step(*order);
                self.simulated += outcome.requests;
                checks.push(account.check(&outcome, max_replicas));
            }
        }
        if let Some(critic) = critic {
            let (clones, requests) = (&self.clones[..counts.len()], &mut self.requests[..counts.len()]);
            clones.iter().zip(requests.iter_mut()).for_each(|(clone, request)| clone.write_request(request));
            let values = critic.values(requests, visit.price)?;
            self.checks.iter_mut().zip(values).for_each(|(checks, value)| checks.push(value));
        }
        let checks = self.checks[..counts.len()].iter();
        Ok(checks.map(|checks| account.discounted(checks.iter().copied())).collect())
    }

    fn prepare(&mut self, simulation: &Simulation, count: usize) {
        for at in 0..count {
            match self.clones.get_mut(at) {
                Some(clone) => clone.clone_from(simulation),
                None => self.clones.push(simulation.clone()),
            }
        }
        let bare = || ActionRequest::bare(simulation.observation());
        self.requests.resize_with(self.requests.len().max(count), bare);
        self.checks.resize_with(self.checks.len().max(count), Vec::new);
        self.checks.iter_mut().for_each(Vec::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::rules::Calibrated;
    use crate::simulator::Scenario;
    use crate::train::guide::Guide;

    const ACCOUNT: Account = Account { horizon: 3, discount: 0.5, change_cost: 0.02 };

    fn outcome(pod_share: f64, change: u32, smooth_violation: f64) -> Outcome {
        Outcome {
            replicas: 1,
            window_s: 60.0,
            pod_seconds: 60.0,
            pod_share,
            change,
            requests: 10,
            late_requests: 0,
            mean_response_s: 0.1,
            violated: false,
            smooth_violation,
        }
    }

    #[test]
    fn a_return_is_the_discounted_sum_of_hand_worked_checks() {
        let checks = [outcome(0.5, 4, 1.0), outcome(0.25, 0, 0.5), outcome(0.75, 1, 0.0)];
        let checks = checks.map(|outcome| ACCOUNT.check(&outcome, 8));
        // 4 of 8 changed: 0.02 / 2 = 0.01; 1 of 8: 0.0025.
        assert_eq!(checks[0], Value { cost: 0.51, violation: 1.0 });
        assert_eq!(checks[2], Value { cost: 0.7525, violation: 0.0 });
        // 0.51 + 0.5 * 0.25 + 0.25 * 0.7525, and 1 + 0.5 * 0.5.
        let total = ACCOUNT.discounted(checks);
        assert!((total.cost - 0.823_125).abs() < 1e-12, "{total:?}");
        assert!((total.violation - 1.25).abs() < 1e-12, "{total:?}");
    }

    #[test]
    fn a_rollout_is_the_order_and_then_the_guide_in_a_clone_and_leaves_the_simulation_alone() {
        let mut simulation = Simulation::new(Arc::new(Episode::draw(Scenario::demo_sinusoid(), 3).unwrap()));
        for _ in 0..9 {
            simulation.step(2);
        }
        let rule = Calibrated::default();
        let mut rollouts = Rollouts::default();
        let (counts, guide) = ([1, 4, 8], Guide::Rule(rule));
        let visit = Visit { simulation: &simulation, told: simulation.request(), guide: &guide, price: 3.0 };
        let returns = rollouts.returns(&visit, &counts, &[], None, &ACCOUNT).unwrap();
        for (count, found) in counts.into_iter().zip(&returns) {
            let mut clone = simulation.clone();
            let first = clone.step(count);
            let second = clone.step(rule.order(&clone.request()));
            let third = clone.step(rule.order(&clone.request()));
            let by_hand = ACCOUNT.discounted([first, second, third].map(|outcome| ACCOUNT.check(&outcome, 8)));
            assert_eq!(*found, by_hand, "{count} replicas");
        }
        assert!(returns[0].violation > returns[2].violation && returns[0].cost < returns[2].cost, "{returns:?}");
        let again = rollouts.returns(&visit, &counts, &[], None, &ACCOUNT).unwrap();
        assert_eq!(returns, again, "memory that is used again must not remember");
    }

    #[test]
    fn clones_that_a_longer_episode_left_over_meet_no_future_of_a_shorter_one() {
        let long = Arc::new(Episode::draw(Scenario::demo_sinusoid(), 3).unwrap());
        let scenario = Scenario { windows: 12, ..Scenario::demo_sinusoid() };
        let short = Arc::new(Episode::draw(scenario, 3).unwrap());
        let guide = Guide::Rule(Calibrated::default());
        let mut rollouts = Rollouts::default();
        for (episode, checks, counts) in [(&long, 30, &[1, 4, 8][..]), (&short, 2, &[4]), (&short, 3, &[4])] {
            let mut simulation = Simulation::new(Arc::clone(episode));
            (0..checks).for_each(|_| {
                simulation.step(4);
            });
            let futures: Vec<_> = (4..7).map(|seed| Arc::new(episode.redrawn(seed).unwrap())).collect();
            let visit = Visit { simulation: &simulation, told: simulation.request(), guide: &guide, price: 3.0 };
            let returns = rollouts.returns(&visit, counts, &futures, None, &ACCOUNT).unwrap();
            assert_eq!(returns.len(), counts.len());
        }
    }

    #[test]
    fn a_clone_under_another_future_meets_the_requests_of_that_episode() {
        let episode = Arc::new(Episode::draw(Scenario::demo_sinusoid(), 3).unwrap());
        let other = Arc::new(episode.redrawn(4).unwrap());
        let mut simulation = Simulation::new(Arc::clone(&episode));
        for _ in 0..9 {
            simulation.step(4);
        }
        let account = Account { horizon: 1, ..ACCOUNT };
        let (guide, mut rollouts) = (Guide::Rule(Calibrated::default()), Rollouts::default());
        let now_s = simulation.now_s();
        let until_s = episode.check_times().iter().copied().find(|time_s| *time_s > now_s).unwrap();
        let expected = other.arrivals().iter().filter(|at_s| **at_s > now_s && **at_s <= until_s).count() as u64;
        let visit = Visit { simulation: &simulation, told: simulation.request(), guide: &guide, price: 3.0 };
        rollouts.returns(&visit, &[4], std::slice::from_ref(&other), None, &account).unwrap();
        assert_eq!(rollouts.simulated, expected);
        let own = episode.arrivals().iter().filter(|at_s| **at_s > now_s && **at_s <= until_s).count() as u64;
        assert_ne!(own, expected, "the case must tell them apart");
    }
}
