//! Who decides in a lane: the agent over HTTP, or a rule in this process. Behind the scaler's one trait.

use agent::policy::Policy;
use scaler::decider::{Decider, DeciderError, HttpAgent};
use scaler_core::{ActionReply, ActionRequest};

/// The decider of a lane.
pub enum LaneDecider {
    /// The agent's process.
    Agent(HttpAgent),
    /// A rule, which answers at once.
    Rule(Box<dyn Policy>),
}

impl LaneDecider {
    /// Name with settings, for tables.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Agent(_) => "agent".to_owned(),
            Self::Rule(rule) => rule.name(),
        }
    }
}

impl Decider for LaneDecider {
    async fn action(&self, request: &ActionRequest) -> Result<ActionReply, DeciderError> {
        match self {
            Self::Agent(agent) => agent.action(request).await,
            Self::Rule(rule) => {
                Ok(ActionReply { action: i64::from(rule.order(request)), error: None, explanation: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent::rules::StaticCount;
    use scaler_core::Observation;

    #[tokio::test]
    async fn a_rule_answers_as_the_agent_would() {
        let idle =
            Observation { n_instances: 1, pressure: 0.0, queue_length_dominant: 0.0, utilization: 0.0, workload: 0.0 };
        let decider = LaneDecider::Rule(Box::new(StaticCount(3)));
        let reply = decider.action(&ActionRequest::bare(idle)).await.unwrap();
        assert_eq!(reply, ActionReply { action: 3, error: None, explanation: None });
        assert_eq!(decider.name(), "static 3");
    }
}
