//! The memory of one request, kept for the next.

use std::sync::{Mutex, PoisonError};

use crate::parse::Buffers;

/// The memory that one request needs up to its turn: its body and its matrices.
#[derive(Debug, Default)]
pub struct Workspace {
    /// The body as received.
    pub body: Vec<u8>,
    /// What it is parsed into.
    pub buffers: Buffers,
}

impl Workspace {
    fn bytes(&self) -> usize {
        self.body.capacity() + self.buffers.bytes()
    }
}

/// Workspaces that are not in use. Those in use are bounded by [`crate::admission::Admission`], these by their bytes:
/// a burst of large requests does not occupy the memory for ever.
#[derive(Debug)]
pub struct Workspaces {
    idle: Mutex<Vec<Workspace>>,
    max_idle_bytes: usize,
}

impl Workspaces {
    /// Keeps workspaces up to that many bytes together.
    #[must_use]
    pub fn new(max_idle_bytes: usize) -> Self {
        Self { idle: Mutex::default(), max_idle_bytes }
    }

    /// A workspace with an empty body: the one used last, or a new one.
    #[must_use]
    pub fn take(&self) -> Workspace {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps a workspace for the next request, if there is room.
    pub fn put_back(&self, mut workspace: Workspace) {
        workspace.body.clear();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = idle.iter().map(Workspace::bytes).sum();
        if bytes + workspace.bytes() <= self.max_idle_bytes {
            idle.push(workspace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(bytes: usize) -> Workspace {
        Workspace { body: vec![1; bytes], buffers: Buffers::default() }
    }

    #[test]
    fn memory_is_kept_up_to_the_bound() {
        let workspaces = Workspaces::new(1000);
        for bytes in [600, 500, 300] {
            workspaces.put_back(used(bytes));
        }
        let capacities: Vec<usize> = (0..3).map(|_| workspaces.take().body.capacity()).collect();
        assert_eq!(capacities, [300, 600, 0], "last in, first out, without the one that did not fit");
    }

    #[test]
    fn a_workspace_comes_back_empty() {
        let workspaces = Workspaces::new(1000);
        workspaces.put_back(used(10));
        assert!(workspaces.take().body.is_empty());
    }
}
