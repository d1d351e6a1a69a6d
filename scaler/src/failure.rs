//! Errors that a check survives, as they stand in the log, and in `podStatus.json` where they are of what was decided.

use std::error::Error;

use scaler_core::status::NamedError;

/// Longest message that is kept, characters: an API server may answer with a page.
const MAX_MESSAGE_CHARS: usize = 500;

/// The error and its causes in one line, under its name; logged as well.
pub(crate) fn survived(name: &str, error: &dyn Error) -> NamedError {
    let message = sentence(error);
    tracing::warn!(name, message, "the check goes on without");
    NamedError { name: name.to_owned(), message }
}

/// What could not be put in order is logged, and no failure of a check: the next one tries again.
pub(crate) fn left_to_the_next(tidied: Result<(), impl Error>) {
    if let Err(error) = tidied {
        tracing::warn!(error = sentence(&error), "left to the next check");
    }
}

/// The error and its causes in one line.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries repeat the cause in their own text.
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    message.chars().take(MAX_MESSAGE_CHARS).collect()
}
