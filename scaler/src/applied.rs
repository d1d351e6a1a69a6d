//! What became of a plan.

use scaler_core::status::NamedError;
use scaler_core::{ActionText, Plan, Reason};

use crate::cluster::Cluster;
use crate::failure::survived;

/// Proof that a plan was carried out, as far as the cluster let it: only [`apply`] makes one.
#[derive(Debug)]
pub(crate) struct Applied {
    action: ActionText,
    replicas: u32,
    reason: Reason,
    error: Option<NamedError>,
}

impl Applied {
    /// What the check says it did.
    pub(crate) fn action(&self) -> ActionText {
        self.action
    }

    /// Replicas ordered now. After an order without an answer that is a guess; the next check reads the truth.
    pub(crate) fn replicas(&self) -> u32 {
        self.replicas
    }

    /// The plan's reason, or that the cluster refused.
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    /// Why the cluster refused.
    pub(crate) fn error(&self) -> Option<&NamedError> {
        self.error.as_ref()
    }
}

/// Carries the plan out, without choosing. `ordered` replicas are ordered now.
pub(crate) async fn apply(cluster: &impl Cluster, plan: Plan, ordered: u32) -> Applied {
    let left = |reason, error| Applied { action: ActionText::NoAction, replicas: ordered, reason, error };
    let Some(replicas) = plan.order else { return left(plan.reason, None) };
    match cluster.order(replicas).await {
        Ok(()) => Applied {
            action: ActionText::Set(replicas.get()),
            replicas: replicas.get(),
            reason: plan.reason,
            error: None,
        },
        Err(error) => left(Reason::ApplyFailed, Some(survived(error.name(), &error))),
    }
}
