//! Many environments in step: one pass of the networks acts in all of them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::features::Situation;
use crate::learned::PRICES;
use crate::parallel;
use crate::rng::Stream;
use crate::simulator::{Episode, Scenario, Simulation};
use crate::train::Account;

use super::scaling::Scaling;
use super::sight::{SharedSeen, Sight};

/// An episode in progress.
pub trait World: Send {
    /// What is seen now, at the end too: a time limit is no terminal state, and what would come is estimated from it.
    fn sight(&self) -> Sight;
    /// Orders a count of [`Sight::counts`] and says the reward.
    fn step(&mut self, count: u32) -> f64;
    /// Whether the time is over.
    fn is_done(&self) -> bool;
}

/// A deployment drawn at random, with a price drawn at random.
#[derive(Debug)]
pub struct RandomDeployment {
    simulation: Simulation,
    price: f64,
    account: Account,
}

impl RandomDeployment {
    /// Draws the deployment, its load, its requests and its price.
    ///
    /// # Errors
    /// None but for a bug: a randomised scenario is valid.
    pub fn draw(stream: &Stream, checks: u32, account: Account) -> Result<Self> {
        let scenario = Scenario::randomised(checks, &mut stream.split("scenario", 0));
        let seed = stream.split("arrivals", 0).integer(0, u32::MAX).into();
        let episode = Episode::draw(scenario, seed).context("a randomised scenario must be valid")?;
        let price = stream.split("price", 0).log_uniform(*PRICES.start(), *PRICES.end());
        Ok(Self { simulation: Simulation::new(Arc::new(episode)), price, account })
    }
}

impl World for RandomDeployment {
    fn sight(&self) -> Sight {
        Sight::new(&Situation::new(&self.simulation.request()), self.price)
    }

    /// `-(cost + price violation) / (1 + price)` of the check, of the same cost and violation as ours.
    fn step(&mut self, count: u32) -> f64 {
        let outcome = self.simulation.step(count);
        let value = self.account.check(&outcome, self.simulation.episode().scenario().max_replicas);
        -value.score(self.price) / (1.0 + self.price)
    }

    fn is_done(&self) -> bool {
        self.simulation.is_done()
    }
}

/// One moment of an environment: a state, and what was done in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What was seen.
    pub seen: SharedSeen,
    /// Which of its counts was ordered.
    pub chosen: usize,
    /// What that brought.
    pub reward: f64,
    /// Whether the time was over: nothing was ordered, and the next moment is of another episode.
    pub ends: bool,
}

/// Environments that walk in step.
pub struct Lanes<W, B> {
    lanes: Vec<Mutex<Lane<W>>>,
    scaling: Scaling,
    begin: B,
    checks: u32,
    threads: usize,
}

struct Lane<W> {
    stream: Stream,
    episodes: u64,
    world: W,
    seen: SharedSeen,
}

impl<W: World, B: Fn(&Stream, u32) -> Result<W> + Sync> Lanes<W, B> {
    /// So many lanes with episodes of so many checks; `begin` makes an episode. With `spread`, the first episodes have
    /// other lengths, so that later ones do not all end at once.
    ///
    /// # Errors
    /// What `begin` fails with.
    pub fn new(
        count: u32,
        checks: u32,
        spread: bool,
        scaling: Scaling,
        begin: B,
        stream: &Stream,
        threads: usize,
    ) -> Result<Self> {
        let lanes = parallel::try_count(count, threads, |index| {
            let stream = stream.split("lane", u64::from(index));
            let first = if spread { checks - index * (checks / 2) / count } else { checks };
            let world = begin(&stream.split("episode", 0), first)?;
            let seen = Arc::new(scaling.seen(world.sight()));
            anyhow::Ok(Mutex::new(Lane { stream, episodes: 1, world, seen }))
        })?;
        Ok(Self { lanes, scaling, begin, checks, threads })
    }

    /// What each lane sees now.
    #[must_use]
    pub fn seen(&self) -> Vec<SharedSeen> {
        let seen = |lane: &Mutex<Lane<W>>| Arc::clone(&lane.lock().unwrap_or_else(PoisonError::into_inner).seen);
        self.lanes.iter().map(seen).collect()
    }

    /// Orders in each lane what was chosen there, and returns the moments that are over now. A lane whose time is over
    /// begins another episode instead.
    ///
    /// # Errors
    /// What `begin` fails with.
    pub fn step(&self, choices: &[usize]) -> Result<Vec<Row>> {
        let items: Vec<_> = self.lanes.iter().zip(choices).collect();
        let rows = parallel::map(&items, self.threads, |(lane, chosen)| {
            let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
            let ends = lane.world.is_done();
            let reward = if ends {
                lane.world = (self.begin)(&lane.stream.split("episode", lane.episodes), self.checks)?;
                lane.episodes += 1;
                0.0
            } else {
                let count = lane.seen.counts[**chosen];
                lane.world.step(count)
            };
            let next = Arc::new(self.scaling.seen(lane.world.sight()));
            Ok(Row { seen: std::mem::replace(&mut lane.seen, next), chosen: **chosen, reward, ends })
        });
        rows.into_iter().collect()
    }
}

/// Of the checks among the rows.
#[must_use]
pub fn mean_reward(rows: &[Row]) -> f64 {
    let checks = rows.iter().filter(|row| !row.ends).count().max(1);
    rows.iter().map(|row| row.reward).sum::<f64>() / checks as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_shows_the_end_of_an_episode_and_then_the_next_one() {
        let account = Account { horizon: 1, discount: 0.95, change_cost: 0.02 };
        let begin = |stream: &Stream, checks| RandomDeployment::draw(stream, checks, account);
        let stream = Stream::new(1, "lanes", 0);
        let lanes = Lanes::new(2, 12, false, Scaling::identity(), begin, &stream, 1).unwrap();
        let rows: Vec<Vec<Row>> = (0..30).map(|_| lanes.step(&[0, 0]).unwrap()).collect();
        let ends: Vec<usize> = (0..30).filter(|tick| rows[*tick][0].ends).collect();
        // The first window passes before the first order: 11 orders, and the end.
        assert_eq!(ends, [11, 23]);
        assert!(rows.iter().flatten().all(|row| row.ends == (row.reward == 0.0)), "every check costs something");
        assert_ne!(rows[0][0].seen, rows[0][1].seen, "each lane is another deployment");
        let price = |tick: usize| *rows[tick][0].seen.state.last().unwrap();
        assert!(price(0) == price(11) && price(11) != price(12), "a price for each episode");
    }
}
