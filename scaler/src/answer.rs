//! What came back from the decider; nothing is an answer as well.

use scaler_core::status::NamedError;
use scaler_core::{ActionRequest, Explanation, Wish};

use crate::decider::{Decider, DeciderError};
use crate::failure::survived;

/// The wish, and what there is to say about it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) wish: Wish,
    pub(crate) explanation: Option<Explanation>,
    pub(crate) error: Option<NamedError>,
}

/// Asks once.
pub(crate) async fn ask(decider: &impl Decider, request: &ActionRequest) -> Answer {
    let silent = |error: &DeciderError| Answer {
        wish: Wish::NoAnswer,
        explanation: None,
        error: Some(survived(error.name(), error)),
    };
    let reply = match decider.action(request).await {
        Ok(reply) => reply,
        Err(error) => return silent(&error),
    };
    let Some(wish) = Wish::from_reply(&reply) else {
        return silent(&DeciderError::Action { action: reply.action });
    };
    let name = if wish == Wish::Declined { "AgentDeclined" } else { "AgentWarned" };
    let error = reply.error.map(|message| {
        tracing::warn!(name, message, "what the agent says beside its answer");
        NamedError { name: name.to_owned(), message }
    });
    Answer { wish, explanation: reply.explanation, error }
}
