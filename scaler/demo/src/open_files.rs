//! The limit of open files: each request under way holds three sockets here, and an overloaded lane holds many requests.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many as the system allows; where it refuses, the limit stays as it is.
pub fn raise_limit() {
    let Rlimit { current: _, maximum } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(error = error.to_string(), "the limit of open files stays as it is");
    }
}
