//! The memory of one request, kept for the next.

use std::sync::{Mutex, PoisonError};

use crate::parse::Buffers;

/// Memory that can serve another request.
pub trait Reusable: Default {
    /// Memory held, bytes.
    fn bytes(&self) -> usize;
    /// Forgets what is in it, and keeps the memory.
    fn clear(&mut self);
}

/// A body as received.
impl Reusable for Vec<u8> {
    fn bytes(&self) -> usize {
        self.capacity()
    }

    fn clear(&mut self) {
        self.clear();
    }
}

/// What a body is parsed into.
impl Reusable for Buffers {
    fn bytes(&self) -> usize {
        self.bytes()
    }

    // The next parse begins by that.
    fn clear(&mut self) {}
}

/// Pieces of memory that are not in use. Those in use are bounded by [`crate::admission::Admission`], as each is of no more
/// bytes than its request may take; these by their bytes: a burst of large requests does not occupy the memory for ever.
#[derive(Debug)]
pub struct Pool<T> {
    idle: Mutex<Vec<T>>,
    max_idle_bytes: usize,
}

impl<T: Reusable> Pool<T> {
    /// Keeps up to that many bytes.
    #[must_use]
    pub fn new(max_idle_bytes: usize) -> Self {
        Self { idle: Mutex::default(), max_idle_bytes }
    }

    /// The piece used last of those with up to that many bytes, or a new one: a line of small requests must not hold what
    /// large ones have left, all of it unused and counted by nobody.
    #[must_use]
    pub fn take(&self, most_bytes: usize) -> T {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = idle.iter().rposition(|piece| piece.bytes() <= most_bytes);
        // Where none fits one is let go, so that there are never more pieces than there were requests at a time.
        let piece = fitting.or(idle.len().checked_sub(1)).map(|at| idle.remove(at));
        drop(idle);
        piece.filter(|piece| piece.bytes() <= most_bytes).unwrap_or_default()
    }

    /// Keeps a piece for the next request, if there is room.
    pub fn put_back(&self, mut piece: T) {
        piece.clear();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = idle.iter().map(T::bytes).sum();
        if bytes + piece.bytes() <= self.max_idle_bytes {
            idle.push(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_up_to_the_bound() {
        let pool = Pool::new(1000);
        for bytes in [600, 500, 300] {
            pool.put_back(vec![1_u8; bytes]);
        }
        let capacities: Vec<usize> = (0..3).map(|_| pool.take(1000).capacity()).collect();
        assert_eq!(capacities, [300, 600, 0], "last in, first out, without the one that did not fit");
    }

    #[test]
    fn a_body_comes_back_empty() {
        let pool = Pool::new(1000);
        pool.put_back(vec![1_u8; 10]);
        assert!(pool.take(10).is_empty());
    }

    #[test]
    fn a_small_request_does_not_hold_the_memory_of_a_large_one() {
        let pool = Pool::new(1000);
        for bytes in [600, 100, 300] {
            pool.put_back(vec![1_u8; bytes]);
        }
        for (case, most_bytes, bytes) in [
            ("the last that fits", 200, 100),
            ("the last", 700, 300),
            ("none fits", 500, 0),
            ("the one that did not fit was let go", 700, 0),
        ] {
            assert_eq!(pool.take(most_bytes).capacity(), bytes, "{case}");
        }
    }
}
