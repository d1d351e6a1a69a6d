//! Work on several threads whose results do not depend on their number. (The pool of the tensor library is kept to one
//! thread, so it cannot be had for this.)

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// `work` of each of so many, in their order.
///
/// # Errors
/// The first error, when all are done.
pub fn try_count<R: Send, E: Send>(
    count: u32,
    threads: usize,
    work: impl Fn(u32) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let numbers: Vec<u32> = (0..count).collect();
    map(&numbers, threads, |number| work(*number)).into_iter().collect()
}

/// `work` of each item, in their order, by so many threads that each take the next one.
pub fn map<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let index = next.fetch_add(1, Ordering::Relaxed);
        items.get(index).map(|item| (index, item))
    };
    let run = || {
        let mut done = Vec::new();
        while let Some((index, item)) = take() {
            done.push((index, work(item)));
        }
        done
    };
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(run)).collect();
        #[expect(clippy::expect_used, reason = "a panic of a worker is a bug and goes on as one")]
        workers.into_iter().flat_map(|worker| worker.join().expect("a thread panicked")).collect::<Vec<_>>()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// As many as there are cores.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
