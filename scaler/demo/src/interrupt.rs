//! Ctrl-C and `SIGTERM`.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Exit code of a run that was stopped: 128 + SIGINT, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Turns true at the first signal; the second ends the program at once. Its children go with it: see [`crate::child`].
///
/// # Errors
/// When the signals cannot be had.
pub fn stopped() -> anyhow::Result<watch::Receiver<bool>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be caught")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be caught")?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send_replace(true) {
                std::process::exit(i32::from(INTERRUPTED));
            }
            eprintln!("\nstopping; once more to stop at once");
        }
    });
    Ok(receiver)
}
