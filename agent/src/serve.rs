//! `agent serve`: the learned policy, or a rule in its place, over HTTP.
//!
//! | path | answer |
//! |---|---|
//! | `POST /action` | a replica count, or -1 with the field that is wrong |
//! | `GET /healthz` | 200 while the process serves |
//! | `GET /readyz` | 200 with the policy that answers, and the model's hash if it is the learned one |
//! | `GET /metrics` | Prometheus text; on the address for metrics, if one is given, this path alone |
//!
//! The status of an answer: 200 with a count; 200 with -1 when the body is JSON that makes no sense as a state; 400 with
//! -1 when it is not JSON; 413 with -1 when it is too large, 408 when it does not come within 5 s. A caller that reads `action` alone is always right.

mod metrics;
mod request;
mod response;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use anyhow::{Context, Result};
use clap::Args;

use crate::checkpoint::Checkpoint;
use crate::learned::{DEFAULT_PRICE, PRICES};
use crate::policy::PolicyChoice;

pub use request::{RequestError, parse_request};
pub use response::Agent;

/// Largest body that is read: 64 past observations take some 10 KiB.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// Most connections at a time: there is one scaler, and a probe or two.
const MAX_CONNECTIONS: usize = 256;
/// Connections that the kernel keeps waiting.
const BACKLOG: u32 = 128;
/// Threads: an answer takes well below a millisecond, one a minute is asked for.
const WORKERS: usize = 2;
/// Time for a client to send the head of its request.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for answers in progress when the process is asked to end, seconds.
const SHUTDOWN_S: u64 = 5;

/// Answers replica counts over HTTP.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes any
    #[arg(long, env = "AGENT_LISTEN_ADDR", default_value = "0.0.0.0:8000")]
    pub listen_addr: SocketAddr,
    /// A second address, with the metrics and nothing else: for a Prometheus that may not ask for actions [default: none]
    #[arg(long, env = "AGENT_METRICS_ADDR")]
    pub metrics_addr: Option<SocketAddr>,
    /// Who answers: `learned`, `static:replicas=N`, or a rule with its settings, those left out at their start:
    /// `threshold`, `reactive`, `trend`, `calibrated` or `cal-long`, as in `trend:utilization=0.6,rises=2`
    #[arg(long, env = "POLICY", default_value = "learned", value_name = "NAME[:setting=value,...]",
          value_parser = PolicyChoice::parse_asked)]
    pub policy: PolicyChoice,
    /// Price of a violating check, in full clusters for one check, 0.3 to 40: the dial between cost and violations. Rules
    /// have their settings instead
    #[arg(long, env = "RISK", default_value_t = DEFAULT_PRICE, value_parser = parse_price)]
    pub risk: f64,
    /// Checkpoint to answer with [default: the shipped one]
    #[arg(long, env = "CHECKPOINT")]
    pub checkpoint: Option<PathBuf>,
}

/// A price on the command line.
///
/// # Errors
/// Says what it may be: beyond the prices that were trained on, the network would guess.
pub fn parse_price(text: &str) -> Result<f64, String> {
    let (low, high) = (PRICES.start(), PRICES.end());
    let price: f64 = text.parse().map_err(|_| format!("must be a number from {low} to {high}"))?;
    if PRICES.contains(&price) { Ok(price) } else { Err(format!("must be {low} to {high}")) }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// A checkpoint that cannot be read, or an address that cannot be bound.
pub fn run(args: &ServeArgs) -> Result<()> {
    let agent = match args.policy.asked()? {
        Some(rule) => Agent::of_rule(&args.policy, rule),
        None => Agent::new(&Checkpoint::read_or_shipped(args.checkpoint.as_deref())?, args.risk),
    };
    let agent = agent.context("cannot set up the metrics")?;
    tracing::info!(policy = %args.policy, model = agent.model(), "answers");
    actix_web::rt::System::new().block_on(serve(args, Arc::new(agent)))
}

async fn serve(args: &ServeArgs, agent: Arc<Agent>) -> Result<()> {
    let data = web::Data::from(agent);
    // First, as a caller that was told the agent's address may ask for the metrics next.
    let metrics = args.metrics_addr.map(|address| listen(address, "metrics on", data.clone(), response::metrics_alone));
    let metrics = metrics.transpose()?.map(actix_web::rt::spawn);
    let actions = listen(args.listen_addr, "listening on", data, response::routes)?;
    actions.await.context("the server failed")?;
    match metrics {
        // The signal that ended the one ends the other.
        Some(metrics) => {
            metrics.await.context("the server of the metrics broke")?.context("the server of the metrics failed")
        }
        None => Ok(()),
    }
}

/// A server that is bound, and has said so on standard output.
fn listen(
    address: SocketAddr,
    name: &str,
    agent: web::Data<Agent>,
    routes: fn(&mut web::ServiceConfig),
) -> Result<Server> {
    let app =
        move || App::new().app_data(agent.clone()).app_data(web::PayloadConfig::new(MAX_BODY_BYTES)).configure(routes);
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .max_connections(MAX_CONNECTIONS / WORKERS)
        .backlog(BACKLOG)
        .client_request_timeout(CLIENT_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_S)
        .bind(address)
        .with_context(|| format!("cannot listen on {address}"))?;
    for address in server.addrs() {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{name} http://{address}").context("cannot write to standard output")?;
        stdout.flush().context("cannot write to standard output")?;
    }
    Ok(server.run())
}
