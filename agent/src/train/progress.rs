//! What is going on: bars on a terminal, a line now and then elsewhere. Times are shown, never stored.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where progress is shown.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    silent: bool,
}

/// A part of the work with a known length.
#[derive(Debug)]
pub struct Stage {
    name: String,
    length: u64,
    begin: Instant,
    done: AtomicU64,
    requests: AtomicU64,
    news: Mutex<String>,
    last_line: Mutex<Instant>,
    silent: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// On standard error.
    #[must_use]
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), silent: false }
    }

    /// Nowhere.
    #[cfg(test)]
    #[must_use]
    pub fn silent() -> Self {
        Self { terminal: false, silent: true }
    }

    /// Says a line.
    pub fn say(&self, line: &str) {
        if !self.silent {
            eprintln!("{line}");
        }
    }

    /// Begins a stage.
    #[must_use]
    pub fn stage(&self, name: String, length: u64) -> Stage {
        let bar = self.terminal.then(|| {
            let style = ProgressStyle::with_template("{prefix:<18} {wide_bar} {percent:>3} % {msg}, {eta} left");
            let bar = ProgressBar::new(length).with_prefix(name.clone());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let begin = Instant::now();
        Stage {
            name,
            length,
            begin,
            done: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            news: Mutex::new(String::new()),
            last_line: Mutex::new(begin),
            silent: self.silent,
            bar,
        }
    }
}

impl Stage {
    /// So much more is done, so many more requests are simulated.
    pub fn advance(&self, done: u64, requests: u64) {
        let done = self.done.fetch_add(done, Ordering::Relaxed) + done;
        self.requests.fetch_add(requests, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_message(self.figures());
            bar.set_position(done);
            return;
        }
        if self.silent {
            return;
        }
        let mut last_line = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last_line.elapsed() >= LINE_EVERY {
            *last_line = Instant::now();
            let share = done as f64 / self.length.max(1) as f64;
            let left_s = self.begin.elapsed().as_secs_f64() * (1.0 - share) / share.max(1e-6);
            eprintln!("{} {:.0} % {}, {left_s:.0} s left", self.name, 100.0 * share, self.figures());
        }
    }

    /// Something to show beside the figures.
    pub fn tell(&self, news: String) {
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = news;
    }

    /// The stage is over.
    pub fn finish(&self, result: Option<String>) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let result = result.unwrap_or_else(|| self.figures());
        if self.silent {
            return;
        }
        eprintln!("{} done in {:.1} s, {result}", self.name, self.begin.elapsed().as_secs_f64());
    }

    fn figures(&self) -> String {
        let requests = self.requests.load(Ordering::Relaxed) as f64;
        if requests > 0.0 {
            let rate = requests / self.begin.elapsed().as_secs_f64().max(1e-6);
            format!("{:.1} M requests/s", rate / 1e6)
        } else {
            self.news.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }
}
