//! The queue discipline of a pod: first come, first served, by `CONCURRENCY` servers.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::matrix::Workspace;

/// The multiplications that may run at a time; requests beyond wait in a FIFO queue.
///
/// The discipline is the experiment, so it is a thing of its own. With one slot a pod is a G/G/1 queue: its requests
/// do not share the processor, the service time of one is free of the others, and response time minus service time is
/// waiting. Utilization, queue length and response time then follow queueing theory, which is what the scaler
/// measures and the agent has learned. With as many multiplications at a time as requests (processor sharing) every
/// service time would grow with the load, and `(R - S) / S` would say nothing about the queue.
///
/// Tokio's semaphore is fair: slots are granted in the order in which [`Slots::turn`] was first polled, which is the
/// order in which the requests were read and parsed.
#[derive(Debug)]
pub struct Slots {
    free: Arc<Semaphore>,
    /// Workspaces that are not in use; one per slot at most.
    workspaces: Arc<Mutex<Vec<Workspace>>>,
}

impl Slots {
    /// As many slots as multiplications may run at a time.
    #[must_use]
    pub fn new(concurrency: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(concurrency)), workspaces: Arc::default() }
    }

    /// Waits in line for a slot. Who gives up waiting leaves the line.
    pub async fn turn(&self) -> Slot {
        #[expect(clippy::expect_used, reason = "the semaphore is private and never closed")]
        let permit = Arc::clone(&self.free).acquire_owned().await.expect("an open semaphore");
        let workspace = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Slot { workspace, workspaces: Arc::clone(&self.workspaces), _permit: permit }
    }
}

/// The right to multiply now, and the memory for it. Dropping it lets the next in line go on.
#[derive(Debug)]
pub struct Slot {
    /// Reused from one multiplication to the next.
    pub workspace: Workspace,
    workspaces: Arc<Mutex<Vec<Workspace>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Slot {
    // Runs before the permit is dropped: the next in line finds the memory here.
    fn drop(&mut self) {
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.workspace));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;
    use crate::matrix::{Matrix, Multiplication};

    #[actix_web::test]
    async fn slots_are_granted_in_the_order_of_asking() {
        let slots = Slots::new(1);
        let first = slots.turn().await;
        let order = Mutex::new(Vec::new());
        let waiting = (0..8).map(|n| {
            let (slots, order) = (&slots, &order);
            async move {
                let _slot = slots.turn().await;
                order.lock().unwrap().push(n);
                actix_web::rt::task::yield_now().await;
            }
        });
        let mut all = std::pin::pin!(join_all(waiting));
        assert!((&mut all).now_or_never().is_none(), "nobody overtakes the first");
        drop(first);
        all.await;
        assert_eq!(*order.lock().unwrap(), (0..8).collect::<Vec<_>>());
    }

    #[actix_web::test]
    async fn there_are_as_many_slots_as_ordered() {
        let slots = Slots::new(3);
        let held = [slots.turn().await, slots.turn().await, slots.turn().await];
        assert!(slots.turn().now_or_never().is_none());
        drop(held);
        assert!(slots.turn().now_or_never().is_some());
    }

    #[actix_web::test]
    async fn the_memory_of_one_turn_is_that_of_the_next() {
        let one = || Matrix::try_from(vec![vec![3.0]]).unwrap();
        let slots = Slots::new(1);
        let mut slot = slots.turn().await;
        Multiplication::new(one(), one()).unwrap().multiply_into(&mut slot.workspace).unwrap();
        drop(slot);
        assert_eq!(slots.turn().await.workspace.product(), [9.0]);
    }
}
