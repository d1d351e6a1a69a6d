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

/// Pieces of memory that are not in use. Those in use are bounded by [`crate::admission::Admission`], these by their bytes:
/// a burst of large requests does not occupy the memory for ever.
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

    /// The piece used last, or a new one.
    #[must_use]
    pub fn take(&self) -> T {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
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
        let capacities: Vec<usize> = (0..3).map(|_| pool.take().capacity()).collect();
        assert_eq!(capacities, [300, 600, 0], "last in, first out, without the one that did not fit");
    }

    #[test]
    fn a_body_comes_back_empty() {
        let pool = Pool::new(1000);
        pool.put_back(vec![1_u8; 10]);
        assert!(pool.take().is_empty());
    }
}
