//! How many requests are let in, so that memory has a bound.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that wait with their body unread, at most. Each holds a connection and its socket buffers, not a body.
/// All that the proxies send at a time is no more: `maxconn` in `k8s/base/ingress/haproxy.cfg`.
pub const MAX_WAITING: usize = 1024;

/// The bound on bodies in memory: at most `MAX_BODIES_IN_FLIGHT` requests are read, parsed, queued and multiplied at
/// a time. Those beyond wait for their turn *unread*, in order of arrival, the client held back by TCP; the time they
/// wait is in their response time. When [`MAX_WAITING`] wait as well, the next is refused.
///
/// Waiting, rather than refusing at once, is part of the discipline: an overloaded pod must show a long queue, not a
/// short one with errors beside it.
#[derive(Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
}

/// Too many requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many requests are waiting here")]
pub struct Full;

/// The right to hold a body in memory; given back when dropped.
#[derive(Debug)]
pub struct Admitted {
    _body: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Admission {
    /// Room for that many bodies.
    #[must_use]
    pub fn new(max_bodies: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max_bodies + MAX_WAITING)),
            bodies: Arc::new(Semaphore::new(max_bodies)),
        }
    }

    /// Waits in line for room.
    ///
    /// # Errors
    /// [`Full`] when too many wait.
    pub async fn enter(&self) -> Result<Admitted, Full> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full)?;
        // Never closed, so never an error; "full" is the safe reading if it were.
        let body = Arc::clone(&self.bodies).acquire_owned().await.map_err(|_| Full)?;
        Ok(Admitted { _body: body, _place: place })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    #[actix_web::test]
    async fn requests_beyond_wait_and_those_beyond_the_line_are_refused() {
        let admission = Admission::new(2);
        let first = admission.enter().await.unwrap();
        let _second = admission.enter().await.unwrap();
        let mut line = std::pin::pin!(join_all((0..MAX_WAITING).map(|_| admission.enter())));
        assert!((&mut line).now_or_never().is_none(), "the line waits");
        assert_eq!(admission.enter().now_or_never().unwrap().err(), Some(Full));
        drop(first);
        assert!((&mut line).now_or_never().is_none(), "one of them is in");
        let late = admission.enter();
        assert!(late.now_or_never().is_none(), "there is a place in the line again");
    }
}
