//! How many requests are let in, so that memory has a bound.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that are here beside `MAX_BODIES_IN_FLIGHT`, at most. Each holds a connection and its socket buffers, and a
/// body where there is room for it. All that the proxies send at a time is no more: `maxconn` in
/// `k8s/base/ingress/haproxy.cfg`.
pub const MAX_WAITING: usize = 1024;

/// What room is counted in, bytes.
const KIB: usize = 1024;

/// The bound on bodies in memory: those that are read, parsed, queued and multiplied at a time take no more room than
/// `MAX_BODIES_IN_FLIGHT` of the largest size. A body takes what its client announces, in whole KiB, and one of untold
/// length as much as the largest: a few clients that stall in small bodies leave room for others.
///
/// Requests without room wait for it *unread*, in order of arrival, the client held back by TCP; the time they wait is
/// in their response time. When `MAX_BODIES_IN_FLIGHT` and [`MAX_WAITING`] requests are here, read or not, the next is
/// refused.
///
/// Waiting, rather than refusing at once, is part of the discipline: an overloaded pod must show a long queue, not a
/// short one with errors beside it.
#[derive(Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
    /// KiB that are free.
    room: Arc<Semaphore>,
    /// What a body of the largest size takes, KiB.
    largest: u32,
}

/// Too many requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many requests are waiting here")]
pub struct Full;

/// The right to hold a body in memory; given back when dropped.
#[derive(Debug)]
pub struct Admitted {
    room: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Admitted {
    /// Memory that the body may take, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.room.num_permits().saturating_mul(KIB)
    }
}

impl Admission {
    /// Room for that many bodies of that size.
    #[must_use]
    pub fn new(max_bodies: usize, max_body_bytes: usize) -> Self {
        // A semaphore gives out up to `u32::MAX` at once: 4 TiB, which no body has, whatever is allowed.
        let largest = u32::try_from(max_body_bytes.div_ceil(KIB)).unwrap_or(u32::MAX).max(1);
        let room = max_bodies.saturating_mul(largest as usize).min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(max_bodies + MAX_WAITING)),
            room: Arc::new(Semaphore::new(room)),
            largest,
        }
    }

    /// Waits in line for room for a body of the length that is announced, if one is.
    ///
    /// # Errors
    /// [`Full`] when too many wait.
    pub async fn enter(&self, length: Option<u64>) -> Result<Admitted, Full> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full)?;
        // Never closed, so never an error; "full" is the safe reading if it were.
        let room = Arc::clone(&self.room).acquire_many_owned(self.kib(length)).await.map_err(|_| Full)?;
        Ok(Admitted { room, _place: place })
    }

    /// What a body of that length takes, KiB. Never more than there is, for which it would wait for ever.
    fn kib(&self, length: Option<u64>) -> u32 {
        let kib = length.map(|bytes| u32::try_from(bytes.div_ceil(KIB as u64)).unwrap_or(u32::MAX));
        kib.unwrap_or(self.largest).clamp(1, self.largest)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    #[actix_web::test]
    async fn requests_beyond_wait_and_those_beyond_the_line_are_refused() {
        let admission = Admission::new(2, 10 * KIB);
        let first = admission.enter(None).await.unwrap();
        let _second = admission.enter(None).await.unwrap();
        let mut line = std::pin::pin!(join_all((0..MAX_WAITING).map(|_| admission.enter(None))));
        assert!((&mut line).now_or_never().is_none(), "the line waits");
        assert_eq!(admission.enter(Some(1)).now_or_never().unwrap().err(), Some(Full));
        drop(first);
        assert!((&mut line).now_or_never().is_none(), "one of them is in");
        let late = admission.enter(Some(1));
        assert!(late.now_or_never().is_none(), "there is a place in the line again");
    }

    #[actix_web::test]
    async fn a_body_takes_the_room_that_it_announces() {
        let admission = Admission::new(1, 10 * KIB + 1);
        for (case, length, kib) in [
            ("nothing", Some(0), 1),
            ("a byte", Some(1), 1),
            ("a KiB", Some(1024), 1),
            ("a byte more", Some(1025), 2),
            ("nearly the largest", Some(10 * 1024), 10),
            ("the largest", Some(10 * 1024 + 1), 11),
            ("more than is let in", Some(u64::MAX), 11),
            ("untold", None, 11),
        ] {
            assert_eq!(admission.enter(length).await.unwrap().bytes(), kib * KIB, "{case}");
        }
    }

    #[actix_web::test]
    async fn small_bodies_leave_room_for_others_and_the_largest_do_not() {
        let admission = Admission::new(2, 10 * KIB);
        let enter = |length| admission.enter(length).now_or_never().map(Result::unwrap);
        let small: Vec<Admitted> = (0..10).map(|_| enter(Some(1000)).unwrap()).collect();
        let large = enter(None).unwrap();
        assert!(enter(Some(1)).is_none(), "all room is taken");
        drop(small);
        let _large = [large, enter(Some(10_000)).unwrap()];
        assert!(enter(Some(1)).is_none(), "by two of the largest as well");
    }

    #[actix_web::test]
    async fn a_large_body_is_not_overtaken_by_small_ones() {
        let admission = Admission::new(1, 10 * KIB);
        let small = admission.enter(Some(1)).await.unwrap();
        let mut large = std::pin::pin!(admission.enter(None));
        assert!((&mut large).now_or_never().is_none(), "there is not enough room");
        assert!(admission.enter(Some(1)).now_or_never().is_none(), "what there is, is not for who came later");
        drop(small);
        assert!(large.now_or_never().is_some());
    }

    #[actix_web::test]
    async fn however_large_a_body_may_be_one_finds_room() {
        for max_body_bytes in [1, usize::MAX] {
            let admission = Admission::new(usize::from(u16::MAX), max_body_bytes);
            assert!(admission.enter(None).now_or_never().is_some(), "{max_body_bytes}");
        }
    }
}
