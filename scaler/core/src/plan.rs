//! Decide as a value: the replica count to order, and why.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::observation::ActionReply;

/// Fewest and most replicas that are ever ordered; `1 <= min <= max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    min: u32,
    max: u32,
}

/// The two bounds contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("MIN_REPLICAS ({min}) is above MAX_REPLICAS ({max})")]
pub struct BoundsError {
    /// The lower bound given.
    pub min: u32,
    /// The upper bound given.
    pub max: u32,
}

impl Bounds {
    /// # Errors
    /// [`BoundsError`] when `min > max`.
    pub fn new(min: NonZeroU32, max: NonZeroU32) -> Result<Self, BoundsError> {
        let (min, max) = (min.get(), max.get());
        if min > max { Err(BoundsError { min, max }) } else { Ok(Self { min, max }) }
    }

    /// Fewest replicas, >= 1.
    #[must_use]
    pub fn min(&self) -> u32 {
        self.min
    }

    /// The same, but for a minimum of `replicas` where that is higher, as far as the maximum lets it be.
    #[must_use]
    pub fn at_least(self, replicas: u32) -> Self {
        Self { min: replicas.clamp(self.min, self.max), max: self.max }
    }

    /// Most replicas, >= `min`.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.max
    }
}

/// Whether a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Plans are applied.
    Auto,
    /// Plans are recorded and not applied.
    Shadow,
}

/// What the agent wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// This many replicas.
    Replicas(NonZeroU32),
    /// It answered -1.
    Declined,
    /// It did not answer in time, or not in our words.
    NoAnswer,
}

impl Wish {
    /// The wish behind an answer; `None` when `action` is neither -1 nor a positive count.
    #[must_use]
    pub fn from_reply(reply: &ActionReply) -> Option<Self> {
        match reply.action {
            -1 => Some(Self::Declined),
            n => u32::try_from(n).ok().and_then(NonZeroU32::new).map(Self::Replicas),
        }
    }

    /// As on the wire: the count, -1, or nothing.
    #[must_use]
    pub fn raw_action(self) -> Option<i64> {
        match self {
            Self::Replicas(n) => Some(i64::from(n.get())),
            Self::Declined => Some(-1),
            Self::NoAnswer => None,
        }
    }
}

/// A bound that changed the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The wish was raised to `MIN_REPLICAS`, or to what is ordered while a part of the load is not known.
    MinReplicas,
    /// The wish was lowered to `MAX_REPLICAS`.
    MaxReplicas,
}

/// Why this check orders what it orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// More replicas than before.
    ScaleOut,
    /// Fewer replicas than before.
    ScaleIn,
    /// The wish is what is ordered already.
    Unchanged,
    /// The agent answered -1.
    AgentDeclined,
    /// The agent did not answer.
    AgentSilent,
    /// A change was due and withheld, since the scaler only watches.
    Shadow,
    /// A change was due and the cluster refused it.
    ApplyFailed,
}

/// What a check is going to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Replicas to order; `None`: leave everything as it is.
    pub order: Option<NonZeroU32>,
    /// Why.
    pub reason: Reason,
    /// The bound that bit, if one did.
    pub limit: Option<Limit>,
}

/// Clamps the wish to the bounds and says what to do with `ordered` replicas ordered now.
#[must_use]
pub fn plan(ordered: u32, wish: Wish, bounds: Bounds, mode: Mode) -> Plan {
    let leave = |reason| Plan { order: None, reason, limit: None };
    let wished = match wish {
        Wish::NoAnswer => return leave(Reason::AgentSilent),
        Wish::Declined => return leave(Reason::AgentDeclined),
        Wish::Replicas(n) => n,
    };
    // The bounds are positive, so the clamped wish is; `wished` stands in where that could not be shown.
    let target = NonZeroU32::new(wished.get().clamp(bounds.min, bounds.max)).unwrap_or(wished);
    let limit = match target.cmp(&wished) {
        std::cmp::Ordering::Greater => Some(Limit::MinReplicas),
        std::cmp::Ordering::Less => Some(Limit::MaxReplicas),
        std::cmp::Ordering::Equal => None,
    };
    let reason = match target.get().cmp(&ordered) {
        std::cmp::Ordering::Equal => return Plan { order: None, reason: Reason::Unchanged, limit },
        _ if mode == Mode::Shadow => return Plan { order: None, reason: Reason::Shadow, limit },
        std::cmp::Ordering::Greater => Reason::ScaleOut,
        std::cmp::Ordering::Less => Reason::ScaleIn,
    };
    Plan { order: Some(target), reason, limit }
}
