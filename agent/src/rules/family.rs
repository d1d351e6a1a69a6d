//! Every family of rules with the settings that it is tuned over.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::Serialize;

use crate::controller::Controller;
use crate::policy::Policy;
use crate::simulator::{Player, Scenario};

use super::hpa::{Amount, Direction, HpaController, RatePolicy, Scaling, Select};
use super::{Calibrated, Keda, Kpa, Phpa, Reactive, StaticCount, Threshold, Trend};

/// A kind of rule. One set of its settings makes a [`Rule`] for any deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleFamily {
    /// [`StaticCount`], a share of the most replicas.
    Static,
    /// [`Threshold`].
    Threshold,
    /// [`Reactive`].
    Reactive,
    /// [`Trend`].
    Trend,
    /// [`Calibrated`] with a memory of 8 checks at most.
    Calibrated,
    /// [`Calibrated`] with a memory of up to 64 checks.
    CalLong,
    /// [`HpaController`] without `behavior`.
    Hpa,
    /// [`HpaController`] with `behavior`.
    HpaBehavior,
    /// [`Keda`] on requests per second.
    Keda,
    /// [`Kpa`] with `containerConcurrency` 1.
    Kpa,
    /// [`Phpa`] with its linear model.
    Phpa,
}

/// One setting of a family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Its name, with its unit.
    pub name: &'static str,
    /// Least value tried.
    pub low: f64,
    /// Largest value tried.
    pub high: f64,
    /// How values lie between them.
    pub scale: Scale,
    /// Where a search starts.
    pub start: f64,
}

/// How the values of a setting lie in its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Any number, evenly.
    Even,
    /// Whole numbers, evenly.
    Whole,
    /// Whole numbers, each factor of two alike.
    WholeFactors,
}

/// A rule as it is deployed.
pub enum Rule {
    /// Asked by the scaler.
    Policy(Box<dyn Policy>),
    /// In its own loop.
    Controller(Box<dyn Controller>),
}

impl Rule {
    /// To play it.
    #[must_use]
    pub fn player(&self) -> Player<'_> {
        match self {
            Self::Policy(policy) => Player::Policy(policy.as_ref()),
            Self::Controller(controller) => Player::Controller(controller.as_ref()),
        }
    }

    /// Name with its settings.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Policy(policy) => policy.name(),
            Self::Controller(controller) => controller.name(),
        }
    }

    /// Time between two decisions that it has by itself, seconds: that of the checks for what the scaler asks.
    #[must_use]
    pub fn native_period_s(&self, check_interval_s: f64) -> f64 {
        match self {
            Self::Policy(_) => check_interval_s,
            Self::Controller(controller) => controller.native_period_s(),
        }
    }
}

const fn even(name: &'static str, low: f64, high: f64, start: f64) -> Setting {
    Setting { name, low, high, scale: Scale::Even, start }
}

const fn whole(name: &'static str, low: f64, high: f64, start: f64) -> Setting {
    Setting { name, low, high, scale: Scale::Whole, start }
}

const fn factors(name: &'static str, low: f64, high: f64, start: f64) -> Setting {
    Setting { name, low, high, scale: Scale::WholeFactors, start }
}

const UTILIZATION: Setting = even("utilization", 0.2, 1.0, 0.5);
const DRAIN: Setting = even("drain", 0.0, 2.0, 1.0);
const TARGET_PERCENT: Setting = whole("target_percent", 20.0, 100.0, 60.0);
const DOWN_WINDOW: Setting = even("down_stabilization_s", 0.0, 600.0, 300.0);

/// All terms of the calibrated rule but its memory.
const CALIBRATED: [Setting; 9] = [
    whole("level_checks", 1.0, 5.0, 2.0),
    even("trend", 0.0, 2.0, 1.15),
    even("spread", 0.0, 5.0, 1.4),
    even("residual", 0.0, 1.5, 0.88),
    even("variation", 0.1, 1.5, 0.65),
    even("utilization", 0.6, 1.0, 0.9),
    even("backlog", 0.0, 1.5, 0.73),
    even("growth", 0.0, 1.0, 0.39),
    factors("hold_checks", 1.0, 8.0, 1.0),
];

const CAL_LONG: [Setting; 11] = {
    let [level, trend, spread, residual, variation, utilization, backlog, growth, _] = CALIBRATED;
    [
        level,
        trend,
        spread,
        residual,
        variation,
        utilization,
        backlog,
        growth,
        factors("hold_checks", 1.0, 30.0, 1.0),
        even("floor", 0.0, 1.0, 0.74),
        whole("floor_checks", 16.0, 64.0, 45.0),
    ]
};

impl RuleFamily {
    /// Place of the safety stock among the settings of [`Self::CalLong`]: its dial between cost and violations.
    pub const SAFETY_STOCK: usize = 2;

    /// Settings of [`Self::CalLong`] with another safety stock, standard deviations.
    #[must_use]
    pub fn with_safety_stock(values: &[f64], stock: f64) -> Vec<f64> {
        let replaced = |(index, value): (usize, &f64)| if index == Self::SAFETY_STOCK { stock } else { *value };
        values.iter().enumerate().map(replaced).collect()
    }

    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Static,
        Self::Threshold,
        Self::Reactive,
        Self::Trend,
        Self::Calibrated,
        Self::CalLong,
        Self::Hpa,
        Self::HpaBehavior,
        Self::Keda,
        Self::Kpa,
        Self::Phpa,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Threshold => "threshold",
            Self::Reactive => "reactive",
            Self::Trend => "trend",
            Self::Calibrated => "calibrated",
            Self::CalLong => "cal-long",
            Self::Hpa => "hpa",
            Self::HpaBehavior => "hpa-behavior",
            Self::Keda => "keda",
            Self::Kpa => "kpa",
            Self::Phpa => "phpa-linear",
        }
    }

    /// What it is tuned over.
    #[must_use]
    pub fn settings(self) -> &'static [Setting] {
        match self {
            Self::Static => const { &[even("share", 0.02, 1.0, 1.0)] },
            Self::Threshold => const { &[even("low", 0.0, 0.9, 0.3), even("gap", 0.02, 0.8, 0.2)] },
            Self::Reactive => const { &[UTILIZATION, DRAIN] },
            Self::Trend => const { &[UTILIZATION, even("rises", 0.0, 3.0, 1.5), DRAIN] },
            Self::Calibrated => &CALIBRATED,
            Self::CalLong => &CAL_LONG,
            Self::Hpa => const { &[TARGET_PERCENT, DOWN_WINDOW] },
            Self::HpaBehavior => {
                const {
                    &[
                        TARGET_PERCENT,
                        DOWN_WINDOW,
                        even("up_stabilization_s", 0.0, 60.0, 0.0),
                        whole("up_percent", 10.0, 300.0, 100.0),
                        whole("up_pods", 1.0, 10.0, 4.0),
                        whole("down_percent", 5.0, 100.0, 100.0),
                        whole("down_period_s", 15.0, 180.0, 15.0),
                    ]
                }
            }
            Self::Keda => const { &[UTILIZATION, DOWN_WINDOW, even("rate_window_s", 30.0, 180.0, 60.0)] },
            Self::Kpa => {
                const {
                    &[
                        even("target", 0.2, 1.5, 0.7),
                        even("stable_window_s", 6.0, 300.0, 60.0),
                        even("panic_window_share", 0.02, 0.5, 0.1),
                        even("panic_threshold", 1.1, 4.0, 2.0),
                        even("down_delay_s", 0.0, 900.0, 0.0),
                    ]
                }
            }
            Self::Phpa => {
                const {
                    &[
                        TARGET_PERCENT,
                        factors("history", 2.0, 40.0, 6.0),
                        even("look_ahead_s", 0.0, 240.0, 60.0),
                        DOWN_WINDOW,
                    ]
                }
            }
        }
    }

    /// Time between two decisions of a law that has a loop of its own, seconds; `None`: the scaler's checks.
    #[must_use]
    pub fn own_period_s(self) -> Option<f64> {
        match self {
            Self::Static | Self::Threshold | Self::Reactive | Self::Trend | Self::Calibrated | Self::CalLong => None,
            Self::Hpa | Self::HpaBehavior => Some(HpaController::default().native_period_s()),
            Self::Keda => Some(Keda::default().native_period_s()),
            Self::Kpa => Some(Kpa::default().native_period_s()),
            Self::Phpa => Some(Phpa::default().native_period_s()),
        }
    }

    /// The values that a search starts from.
    #[must_use]
    pub fn start(self) -> Vec<f64> {
        self.settings().iter().map(|setting| setting.start).collect()
    }

    /// The rule with these settings, in their order, for a deployment; a value that is left out is the start's.
    ///
    /// What an operator would work out for a deployment is: a static share becomes a count, and KEDA's requests per second
    /// and replica are a share of what one pod can serve.
    #[must_use]
    pub fn rule(self, values: &[f64], deployment: &Scenario) -> Rule {
        match (self.asked(values), self.law(values, deployment)) {
            (Some(policy), _) => Rule::Policy(policy),
            (None, Some(law)) => Rule::Controller(law),
            (None, None) => Rule::Policy(Box::new(StaticCount(self.static_count(values, deployment.max_replicas)))),
        }
    }

    /// The rule with these settings where the scaler asks it, on any deployment alike; `None`: it is static, which is a
    /// share of a deployment's replicas, or a law with a loop of its own.
    #[must_use]
    pub fn asked(self, values: &[f64]) -> Option<Box<dyn Policy>> {
        let value = |at: usize| self.value(values, at);
        Some(match self {
            Self::Threshold => Box::new(Threshold { low: value(0), high: value(0) + value(1) }),
            Self::Reactive => Box::new(Reactive { utilization: value(0), drain: value(1) }),
            Self::Trend => Box::new(Trend { utilization: value(0), rises: value(1), drain: value(2) }),
            Self::Calibrated | Self::CalLong => Box::new(self.calibrated(values)),
            Self::Static | Self::Hpa | Self::HpaBehavior | Self::Keda | Self::Kpa | Self::Phpa => return None,
        })
    }

    /// Replicas that a static share is of so many.
    #[must_use]
    pub fn static_count(self, values: &[f64], max_replicas: u32) -> u32 {
        (self.value(values, 0) * f64::from(max_replicas) - 1e-9).ceil() as u32
    }

    fn value(self, values: &[f64], at: usize) -> f64 {
        let start = self.settings().get(at).map_or(0.0, |setting| setting.start);
        values.get(at).copied().unwrap_or(start)
    }

    /// The law of the cluster with these settings; `None`: it is none.
    fn law(self, values: &[f64], deployment: &Scenario) -> Option<Box<dyn Controller>> {
        let value = |at: usize| self.value(values, at);
        let natural = |at: usize| value(at).round().max(0.0) as u32;
        Some(match self {
            Self::Static | Self::Threshold | Self::Reactive | Self::Trend | Self::Calibrated | Self::CalLong => {
                return None;
            }
            Self::Hpa => Box::new(HpaController {
                target_percent: natural(0),
                scaling: Scaling::Plain { stabilization_s: value(1) },
                ..HpaController::default()
            }),
            Self::HpaBehavior => {
                let up = [Amount::Percent(natural(3)), Amount::Pods(natural(4))];
                let up = up.map(|amount| RatePolicy { amount, period_s: 15.0 }).to_vec();
                let down = vec![RatePolicy { amount: Amount::Percent(natural(5)), period_s: value(6) }];
                let direction =
                    |stabilization_s, policies| Direction { stabilization_s, select: Select::Max, policies };
                let scaling = Scaling::Behavior { up: direction(value(2), up), down: direction(value(1), down) };
                Box::new(HpaController { target_percent: natural(0), scaling, ..HpaController::default() })
            }
            Self::Keda => Box::new(Keda {
                threshold_rps: value(0) / deployment.service_time_s,
                scaling: Scaling::limited(15.0, value(1)),
                rate_window_s: value(2),
                ..Keda::default()
            }),
            Self::Kpa => Box::new(Kpa {
                utilization: value(0),
                stable_window_s: value(1),
                panic_window_share: value(2),
                panic_threshold: value(3),
                down_delay_s: value(4),
                ..Kpa::default()
            }),
            Self::Phpa => Box::new(Phpa {
                target_percent: natural(0),
                history: natural(1) as usize,
                look_ahead_s: value(2),
                scaling: Phpa::default_scaling(value(3)),
                ..Phpa::default()
            }),
        })
    }

    /// The calibrated rule with these settings; with those of another family it is of no use.
    #[must_use]
    pub fn calibrated(self, values: &[f64]) -> Calibrated {
        let value = |at: usize| values.get(at).copied().unwrap_or(CAL_LONG[at].start);
        let checks = |at: usize| value(at).round().max(1.0) as u32;
        let (floor, floor_checks) = if self == Self::CalLong { (value(9), checks(10)) } else { (0.0, 1) };
        Calibrated {
            level_checks: checks(0),
            trend: value(1),
            spread: value(2),
            residual: value(3),
            variation: value(4),
            utilization: value(5),
            backlog: value(6),
            growth: value(7),
            floor,
            floor_checks,
            hold_checks: checks(8),
        }
    }
}

impl ValueEnum for RuleFamily {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}
