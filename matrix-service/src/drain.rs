//! The orderly end: what is held is finished, nothing new is begun.

use std::sync::Arc;

use tokio::sync::watch;

#[derive(Debug, Default)]
struct State {
    held: usize,
    draining: bool,
}

/// Counts the requests that are held, and takes no more once draining has begun.
#[derive(Debug, Default)]
pub struct Drain {
    state: Arc<watch::Sender<State>>,
}

/// A request that will be finished before the process ends; let go when dropped.
#[derive(Debug)]
pub struct Held {
    state: Arc<watch::Sender<State>>,
}

impl Drain {
    /// Takes a request in; `None` when draining.
    #[must_use]
    pub fn hold(&self) -> Option<Held> {
        // One lock for the question and the count: no request slips in behind `begin`.
        let taken = self.state.send_if_modified(|state| {
            state.held += usize::from(!state.draining);
            !state.draining
        });
        taken.then(|| Held { state: Arc::clone(&self.state) })
    }

    /// Takes no more requests in from now on.
    pub fn begin(&self) {
        self.state.send_modify(|state| state.draining = true);
    }

    /// Whether draining has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.state.borrow().draining
    }

    /// Requests held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.state.borrow().held
    }

    /// Waits until no request is held.
    pub async fn finished(&self) {
        // An error would mean that the sender is gone, but `self` keeps it.
        let _ = self.state.subscribe().wait_for(|state| state.held == 0).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.state.send_modify(|state| state.held -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[actix_web::test]
    async fn draining_ends_when_the_last_held_request_is_let_go() {
        let drain = Drain::default();
        let (first, second) = (drain.hold().unwrap(), drain.hold().unwrap());
        drain.begin();
        assert!(drain.hold().is_none(), "nothing new is taken in");
        assert_eq!(drain.held(), 2);
        drop(first);
        let mut finished = std::pin::pin!(drain.finished());
        assert!((&mut finished).now_or_never().is_none());
        drop(second);
        finished.await;
    }
}
