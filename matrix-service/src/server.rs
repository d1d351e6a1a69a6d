//! From the configuration to the exit.

use std::io::Write;
use std::time::{Duration, Instant};

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, rt, web};
use anyhow::{Context, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::config::Config;
use crate::routes;
use crate::service::Service;

/// Time that a client has to send the head of the first request of its connection. Later heads have no such bound: the proxy
/// opens a connection for each request (`option http-server-close`), and bounds its clients' heads itself.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that a client has to read an answer that ends its connection, such as 413 before its body was read.
const LINGER: Duration = Duration::from_secs(2);
/// Idle connections are kept longer than proxies keep theirs, so that it is the proxy that closes them.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Time of the grace that is kept for the last answers to leave; the server looks for their end once a second.
const FLUSH: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT, then finishes what is held. Starts its own runtime.
///
/// Prints one line to stdout when it listens: `listening on http://127.0.0.1:41234`.
///
/// # Errors
/// When it cannot listen, has no pod name, or still holds requests when the grace time is over.
pub fn run(config: Config) -> anyhow::Result<()> {
    rt::System::new().block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Before anybody can know of us: a signal is never missed.
    let mut stop = StopSignals::new().context("cannot listen to signals")?;
    let service = web::Data::new(Service::new(&config)?);
    service.disk.watch().context("cannot start the thread that probes the results folder")?;
    let shared = service.clone();
    let server = HttpServer::new(move || {
        App::new().app_data(shared.clone()).wrap(from_fn(routes::address)).configure(routes::configure)
    })
    .client_request_timeout(HEAD_TIMEOUT)
    .client_disconnect_timeout(LINGER)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(FLUSH.as_secs())
    .worker_max_blocking_threads(blocking_threads(&config))
    .disable_signals()
    .bind(config.listen_addr)
    .with_context(|| format!("cannot listen on {}", config.listen_addr))?;
    let addresses = server.addrs();
    let server = server.run();
    let handle = server.handle();
    let mut running = rt::spawn(server);
    for address in addresses {
        writeln!(std::io::stdout(), "listening on http://{address}").context("cannot write to stdout")?;
    }
    tokio::select! {
        ended = &mut running => bail!("the server ended by itself: {ended:?}"),
        name = stop.next() => tracing::info!(signal = name, held = service.drain.held(), "draining"),
    }
    let started = Instant::now();
    // First not ready, and 503 for what still comes; the connections stay open for the answers.
    service.drain.begin();
    service.disk.stop();
    let patience = config.grace_seconds.saturating_sub(FLUSH.min(config.grace_seconds / 2));
    if timeout(patience, service.drain.finished()).await.is_err() {
        // Not waited for: what did not end in time would not end now.
        drop(handle.stop(false));
        bail!("{} requests were still held after {} s", service.drain.held(), patience.as_secs_f64());
    }
    let left = config.grace_seconds.saturating_sub(started.elapsed());
    if timeout(left, handle.stop(true)).await.is_err() {
        tracing::warn!("connections were still open at the end of the grace time");
    }
    tracing::info!(seconds = started.elapsed().as_secs_f64(), "drained");
    Ok(())
}

/// Threads of a worker beside the one that reads: all that multiply may be of one worker, and the processors can parse
/// meanwhile. More would not be faster, and each has memory of its own.
fn blocking_threads(config: &Config) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    usize::from(config.concurrency.get()) + processors
}

/// The signals that end the process in order.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one; returns its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
