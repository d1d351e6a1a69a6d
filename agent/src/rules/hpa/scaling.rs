//! From recommendations to replicas: windows and rate limits, as `horizontal.go` has them.

/// How the replicas may follow the recommendations.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaling {
    /// Without `spec.behavior`: the highest recommendation of the window, its oldest end included; at most twice as many
    /// as now, or 4.
    Plain {
        /// `--horizontal-pod-autoscaler-downscale-stabilization`, seconds.
        stabilization_s: f64,
    },
    /// With `spec.behavior`.
    Behavior {
        /// `scaleUp`.
        up: Direction,
        /// `scaleDown`.
        down: Direction,
    },
}

/// `scaleUp` or `scaleDown` of `spec.behavior`.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    /// `stabilizationWindowSeconds`: up, the lowest recommendation of the window counts; down, the highest.
    pub stabilization_s: f64,
    /// `selectPolicy`.
    pub select: Select,
    /// `policies`; with none the direction is not limited.
    pub policies: Vec<RatePolicy>,
}

/// Which of several policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest.
    Min,
    /// None: there is no change in this direction.
    Disabled,
}

/// The largest change within a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatePolicy {
    /// How much.
    pub amount: Amount,
    /// `periodSeconds`.
    pub period_s: f64,
}

/// A size of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many pods.
    Pods(u32),
    /// So many percent of the pods at the beginning of the period.
    Percent(u32),
}

/// What the law remembers between two syncs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScalingMemory {
    /// Recommendations before any window or limit, oldest first: time in seconds, replicas.
    recommendations: Vec<(f64, u32)>,
    /// Pods added: time in seconds, how many.
    added: Vec<(f64, u32)>,
    /// Pods removed.
    removed: Vec<(f64, u32)>,
}

impl Scaling {
    /// Without `spec.behavior`, at the default of 300 s.
    #[must_use]
    pub fn plain() -> Self {
        Self::Plain { stabilization_s: 300.0 }
    }

    /// The defaults of `spec.behavior`: up at once, by the larger of 4 pods and 100 % in 15 s; down after 300 s, all the
    /// way.
    #[must_use]
    pub fn behavior() -> Self {
        Self::limited(15.0, 300.0)
    }

    /// Up by the larger of 4 pods and 100 % within a period, down by 100 % within it after a window.
    pub(in crate::rules) fn limited(period_s: f64, stabilization_s: f64) -> Self {
        let policy = |amount| RatePolicy { amount, period_s };
        let direction = |stabilization_s, policies| Direction { stabilization_s, select: Select::Max, policies };
        Self::Behavior {
            up: direction(0.0, vec![policy(Amount::Pods(4)), policy(Amount::Percent(100))]),
            down: direction(stabilization_s, vec![policy(Amount::Percent(100))]),
        }
    }

    /// Replicas after a sync at `now_s` that finds `replicas` and recommends others; `None`: no metric, no change.
    ///
    /// At 0 replicas with a minimum above it is switched off. Out of the bounds it goes to the nearer one, whatever is
    /// recommended.
    pub fn next(
        &self,
        memory: &mut ScalingMemory,
        now_s: f64,
        replicas: u32,
        recommended: Option<u32>,
        (min, max): (u32, u32),
    ) -> u32 {
        if memory.recommendations.is_empty() {
            memory.recommendations.push((now_s, replicas));
        }
        let next = if replicas == 0 && min > 0 {
            0
        } else if replicas > max || replicas < min {
            replicas.clamp(min, max)
        } else {
            recommended.map_or(replicas, |recommended| {
                memory.recommendations.push((now_s, recommended));
                self.follow(memory, now_s, replicas, (min, max))
            })
        };
        if let Self::Behavior { up, down } = self {
            let longest_s = up.longest_period_s().max(down.longest_period_s());
            memory.record(now_s, longest_s, replicas, next);
        }
        next
    }

    /// The newest recommendation within windows, limits and bounds.
    fn follow(&self, memory: &mut ScalingMemory, now_s: f64, replicas: u32, (min, max): (u32, u32)) -> u32 {
        match self {
            Self::Plain { stabilization_s } => {
                memory.recommendations.retain(|(at_s, _)| now_s - at_s <= *stabilization_s);
                let highest = memory.recommendations.iter().map(|(_, replicas)| *replicas).max().unwrap_or(replicas);
                highest.clamp(min, max.min(replicas.saturating_mul(2).max(4)).max(min))
            }
            Self::Behavior { up, down } => {
                let longest_s = up.stabilization_s.max(down.stabilization_s);
                let newest = memory.recommendations.last().map_or(replicas, |(_, replicas)| *replicas);
                let within = |window_s: f64| {
                    let recent = memory.recommendations.iter().filter(move |(at_s, _)| now_s - at_s < window_s);
                    recent.map(|(_, replicas)| *replicas)
                };
                let lowest = within(up.stabilization_s).fold(newest, u32::min);
                let highest = within(down.stabilization_s).fold(newest, u32::max);
                let wished = replicas.max(lowest).min(highest);
                memory.recommendations.retain(|(at_s, _)| now_s - at_s < longest_s);
                let limited = if wished > replicas {
                    wished.min(memory.up_limit(up, now_s, replicas).max(replicas))
                } else {
                    wished.max(memory.down_limit(down, now_s, replicas).min(replicas))
                };
                limited.clamp(min, max)
            }
        }
    }
}

impl Direction {
    fn longest_period_s(&self) -> f64 {
        self.policies.iter().map(|policy| policy.period_s).fold(0.0, f64::max)
    }
}

impl ScalingMemory {
    fn record(&mut self, now_s: f64, longest_s: f64, before: u32, after: u32) {
        for events in [&mut self.added, &mut self.removed] {
            events.retain(|(at_s, _)| now_s - at_s < longest_s);
        }
        if after > before {
            self.added.push((now_s, after - before));
        } else if after < before {
            self.removed.push((now_s, before - after));
        }
    }

    /// Replicas at the beginning of the period: the events in it undone.
    fn start(&self, now_s: f64, period_s: f64, replicas: u32) -> f64 {
        let within = |events: &[(f64, u32)]| {
            events.iter().filter(|(at_s, _)| now_s - at_s < period_s).map(|(_, pods)| f64::from(*pods)).sum::<f64>()
        };
        f64::from(replicas) - within(&self.added) + within(&self.removed)
    }

    fn up_limit(&self, direction: &Direction, now_s: f64, replicas: u32) -> u32 {
        let limits = direction.policies.iter().map(|policy| {
            let start = self.start(now_s, policy.period_s, replicas);
            match policy.amount {
                Amount::Pods(pods) => start + f64::from(pods),
                Amount::Percent(percent) => (start * (1.0 + f64::from(percent) / 100.0)).ceil(),
            }
        });
        match direction.select {
            Select::Disabled => replicas,
            Select::Max => limits.reduce(f64::max).map_or(u32::MAX, |limit| limit as u32),
            Select::Min => limits.reduce(f64::min).map_or(u32::MAX, |limit| limit as u32),
        }
    }

    fn down_limit(&self, direction: &Direction, now_s: f64, replicas: u32) -> u32 {
        let limits = direction.policies.iter().map(|policy| {
            let start = self.start(now_s, policy.period_s, replicas);
            match policy.amount {
                Amount::Pods(pods) => start - f64::from(pods),
                // Truncated: the removal is rounded up.
                Amount::Percent(percent) => (start * (1.0 - f64::from(percent) / 100.0)).trunc(),
            }
        });
        match direction.select {
            Select::Disabled => replicas,
            Select::Max => limits.reduce(f64::min).map_or(0, |limit| limit as u32),
            Select::Min => limits.reduce(f64::max).map_or(0, |limit| limit as u32),
        }
    }
}
