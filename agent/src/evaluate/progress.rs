//! How far a long evaluation is.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A line at most so often.
const EVERY: Duration = Duration::from_secs(10);

/// Steps done of all, with the time that is left, on stderr.
pub struct Progress {
    what: String,
    steps: usize,
    begun: Instant,
    /// Steps done, and when that was last told.
    done: Mutex<(usize, Instant)>,
}

impl Progress {
    /// Nothing of so many steps is done.
    pub fn new(what: &str, steps: usize) -> Self {
        let now = Instant::now();
        eprintln!("{what}: {steps} episodes");
        Self { what: what.to_owned(), steps, begun: now, done: Mutex::new((0, now)) }
    }

    /// One more is done.
    pub fn tick(&self) {
        self.tick_as(&self.what);
    }

    /// One more is done, of which this was the last.
    pub fn tick_as(&self, what: &str) {
        // A thread that panicked is reported elsewhere.
        let Ok(mut done) = self.done.lock() else { return };
        done.0 += 1;
        let due = if std::io::stderr().is_terminal() { EVERY / 10 } else { EVERY };
        if done.1.elapsed() >= due || done.0 == self.steps {
            done.1 = Instant::now();
            let left_s = self.begun.elapsed().as_secs_f64() / done.0 as f64 * self.steps.saturating_sub(done.0) as f64;
            eprintln!("{what}: {}/{}, {left_s:.0} s left", done.0, self.steps);
        }
    }
}
