//! A whole run, from what a multiplication takes to the table.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use agent::rng::Stream;
use anyhow::{Context, bail};
use futures::future::{join_all, try_join_all};
use scaler::check::{CheckConfig, UtilizationSource};
use scaler::state::StateSource;
use scaler_core::{Bounds, Mode};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::agent_process::AgentProcess;
use crate::child::Launch;
use crate::choice::Choice;
use crate::cli::RunArgs;
use crate::cluster::{LocalCluster, PodTemplate};
use crate::decide::LaneDecider;
use crate::lane::{Lane, Parts, pods_log};
use crate::load::Load;
use crate::outcome::{self, Outcome};
use crate::results::ResultsFolder;
use crate::routes::Routes;
use crate::screen::{REFRESH, Screen};
use crate::settings::Settings;
use crate::work::{self, Bench};
use crate::{http, interrupt, introduction, matrices, open_files};

/// Different matrices that are sent in turn.
const BODIES: usize = 8;
/// How long an answer may take. A lane that falls behind that far fails, and should.
const ANSWER: Duration = Duration::from_secs(60);
/// Requests of one lane under way at once.
const IN_FLIGHT: usize = 4096;
/// How long a pod that is scaled in has to finish what it holds.
const DRAIN: Duration = Duration::from_secs(60);
/// How long answers are awaited when a run is stopped, and then how long pods have to end.
const HURRY: Duration = Duration::from_secs(2);
/// From everything being ready to the first request.
const LEAD: Duration = Duration::from_millis(200);

/// All that stands before the first request.
struct Stage {
    work_s: f64,
    agent: Option<AgentProcess>,
    lanes: Vec<Arc<Lane>>,
    bodies: Arc<[Bytes]>,
}

/// Plays the load with every policy, and says what came of it.
///
/// # Errors
/// When a part does not start, or the results cannot be written.
pub async fn run(args: &RunArgs, settings: &Settings, results: &ResultsFolder) -> anyhow::Result<Outcome> {
    open_files::raise_limit();
    let stopped = interrupt::stopped()?;
    let mut stop_early = stopped.clone();
    let stage = tokio::select! {
        biased;
        _ = stop_early.wait_for(|stopped| *stopped) => return Ok(Outcome::Interrupted),
        stage = set(args, settings, results) => stage?,
    };
    let Stage { work_s, agent, lanes, bodies } = stage;
    play(settings, &lanes, bodies, stopped.clone()).await?;
    let interrupted = *stopped.borrow();
    join_all(lanes.iter().map(|lane| lane.stop(if interrupted { HURRY } else { DRAIN }))).await;
    if let Some(agent) = agent {
        agent.stop().await;
    }
    outcome::conclude(args, settings, results, work_s, &lanes, interrupted)
}

/// Measures, and starts everything.
async fn set(args: &RunArgs, settings: &Settings, results: &ResultsFolder) -> anyhow::Result<Stage> {
    let scenario = settings.scenario();
    let program = std::env::current_exe().context("this program does not find itself")?;
    let bodies: Arc<[Bytes]> = matrices::bodies(usize::from(args.matrix_size), BODIES, args.seed).into();
    println!("{}", introduction::of_run(args, settings));
    let work_s = measure(args, settings, results, &program, &bodies).await?;
    println!("{}", introduction::of_replicas(args, settings, work_s));
    let agent = if settings.lanes.contains(&Choice::Agent) {
        Some(AgentProcess::start(program.clone(), args.risk, results.root()).await?)
    } else {
        None
    };
    let starts = settings.lanes.iter().map(|&choice| {
        let parts = parts(args, settings, results, choice, agent.as_ref(), &program);
        async move { anyhow::Ok(Arc::new(Lane::start(parts?, scenario.initial_replicas).await?)) }
    });
    let lanes = try_join_all(starts).await?;
    Ok(Stage { work_s, agent, lanes, bodies })
}

async fn measure(
    args: &RunArgs,
    settings: &Settings,
    results: &ResultsFolder,
    program: &std::path::Path,
    bodies: &[Bytes],
) -> anyhow::Result<f64> {
    let folder = results.lane("measured")?;
    let launch = replica(program.to_owned(), &folder);
    let client = http::client(ANSWER).context("the HTTP client")?;
    let bench = Bench { launch: &launch, client: &client, bodies, size: usize::from(args.matrix_size) };
    let work_s =
        work::measure(&bench, settings.scenario().service_time_s).await.context("measuring a multiplication")?;
    results.remove(&folder)?;
    Ok(work_s)
}

/// How a replica is started, but for its name and service time. Its records go to `folder`.
fn replica(program: PathBuf, folder: &std::path::Path) -> Launch {
    let environment = [
        ("LISTEN_ADDR", "127.0.0.1:0".to_owned()),
        ("RESULTS_DIR", folder.display().to_string()),
        ("CONCURRENCY", "1".to_owned()),
        // The queue is the experiment: it must not end at a bound of the memory.
        ("MAX_BODIES_IN_FLIGHT", IN_FLIGHT.to_string()),
        ("GRACE_SECONDS", DRAIN.as_secs().to_string()),
        // The allocator keeps what it has: a page fault takes as long as a good part of the multiplication. (Read by
        // glibc, ignored by others.)
        ("MALLOC_ARENA_MAX", "1".to_owned()),
        ("MALLOC_MMAP_THRESHOLD_", (32 << 20).to_string()),
        ("MALLOC_TRIM_THRESHOLD_", (1 << 30).to_string()),
    ];
    Launch {
        program,
        arguments: vec!["matrix-service".to_owned()],
        environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        log: pods_log(folder),
    }
}

/// What one lane is made of.
fn parts(
    args: &RunArgs,
    settings: &Settings,
    results: &ResultsFolder,
    choice: Choice,
    agent: Option<&AgentProcess>,
    program: &std::path::Path,
) -> anyhow::Result<Parts> {
    let scenario = settings.scenario();
    let name = choice.to_string();
    let folder = results.lane(&name)?;
    let decider = match (choice.rule(&settings.tuning), agent) {
        (Some(rule), _) => LaneDecider::Rule(rule),
        (None, Some(agent)) => LaneDecider::Agent(agent.client()?),
        (None, None) => bail!("lane {name} has nobody who decides"),
    };
    let mut launch = replica(program.to_owned(), &folder);
    launch.environment.push(("EMULATED_SERVICE_TIME".to_owned(), scenario.service_time_s.to_string()));
    let start_up = Duration::from_secs_f64(scenario.startup_s);
    let template = PodTemplate { launch, start_up, grace: DRAIN };
    let routes = Arc::new(Routes::default());
    let probe = http::client(Duration::from_secs(2)).context("the HTTP client")?;
    let names = Stream::new(args.seed, &name, 0);
    let cluster = LocalCluster::new(template, probe, routes.clone(), names);
    let count = |replicas| NonZeroU32::new(replicas).context("replica counts are positive");
    let check = CheckConfig {
        threshold_s: scenario.threshold_s,
        interval_s: scenario.interval_s,
        bounds: Bounds::new(count(scenario.min_replicas)?, count(scenario.max_replicas)?)?,
        mode: Mode::Auto,
        utilization_source: UtilizationSource::Theory,
        state_source: StateSource::Records,
        // All of them: the windows of the run can be looked at, and replayed.
        analyzed_retention: scenario.windows as usize,
        // None rolls out of the file: the report is of the whole run.
        pod_status_max_checks: (scenario.windows as usize).max(128),
        results_dir: folder.clone(),
        pause_at: None,
    };
    Ok(Parts { name, folder, cluster, routes, decider, check })
}

/// Plays the load on all lanes at once, with the screen beside it.
async fn play(
    settings: &Settings,
    lanes: &[Arc<Lane>],
    bodies: Arc<[Bytes]>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let scenario = settings.scenario();
    let client = http::client(ANSWER).context("the HTTP client")?;
    let start = Instant::now() + LEAD;
    let load = Load {
        url: String::new(),
        bodies,
        arrivals: settings.arrivals.clone(),
        name: String::new(),
        deadline: ANSWER,
        in_flight: IN_FLIGHT,
        patience: HURRY,
    };
    let plays = lanes.iter().map(|lane| {
        let (lane, load, client, stopped) = (lane.clone(), load.clone(), client.clone(), stopped.clone());
        let checks = scenario.windows;
        // Each on its own, so that the lanes share the cores as the processes do.
        tokio::spawn(async move { lane.play(load, client, start, checks, stopped).await })
    });
    let plays = try_join_all(plays.collect::<Vec<_>>());
    tokio::pin!(plays);
    let mut screen = Screen::new(scenario.load.clone(), scenario.windows, scenario.interval_s, lanes.len());
    let mut show = || {
        let elapsed_s = Instant::now().saturating_duration_since(start).as_secs_f64();
        screen.show(elapsed_s, &lanes.iter().map(|lane| lane.snapshot()).collect::<Vec<_>>());
    };
    let mut refresh = tokio::time::interval(REFRESH);
    let played = loop {
        tokio::select! {
            played = &mut plays => break played,
            _ = refresh.tick() => show(),
        }
    };
    show();
    screen.end();
    played.map(drop).context("a lane broke down")
}
