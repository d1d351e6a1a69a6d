//! The local cluster with real replicas as processes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent::rng::Stream;
use demo::child::Launch;
use demo::cluster::{Ended, LocalCluster, LocalError, PodTemplate};
use demo::http;
use demo::routes::Routes;
use scaler::cluster::Pods;

const SOON: Duration = Duration::from_secs(30);
const AT_ONCE: Duration = Duration::from_millis(10);

fn cluster(program: &str, arguments: &[&str], start_up: Duration, folder: &Path) -> (LocalCluster, Arc<Routes>) {
    let environment = [
        ("LISTEN_ADDR", "127.0.0.1:0".to_owned()),
        ("RESULTS_DIR", folder.display().to_string()),
        ("EMULATED_CPU_QUOTA", "1".to_owned()),
    ];
    let launch = Launch {
        program: program.into(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        log: folder.join("pods.log"),
    };
    let template = PodTemplate { launch, start_up, grace: SOON };
    let routes = Arc::new(Routes::default());
    let client = http::client(Duration::from_secs(5)).unwrap();
    (LocalCluster::new(template, client, routes.clone(), Stream::new(1, "names", 0)), routes)
}

fn replicas(start_up: Duration, folder: &Path) -> (LocalCluster, Arc<Routes>) {
    cluster(env!("CARGO_BIN_EXE_demo"), &["matrix-service"], start_up, folder)
}

fn is_alive(pid: u32) -> bool {
    // A process that is not reaped yet still has a folder; a zombie is not alive.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_replicas_run_as_are_ordered_and_the_newest_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let (cluster, routes) = replicas(AT_ONCE, folder.path());
    cluster.scale(3);
    let expected = Pods { ordered: 3, ready: Vec::new(), starting: 3, terminating: 0, startup: None };
    assert_eq!(cluster.census().unwrap(), expected);
    cluster.ready(SOON).await.unwrap();
    let three = cluster.processes();
    let mut names: Vec<String> = three.iter().map(|process| process.pod.clone()).collect();
    assert!(names.iter().all(|name| name.starts_with("matrix-multiply-") && !name.contains('_')), "{names:?}");
    names.sort();
    let startup = cluster.census().unwrap().startup;
    assert!(startup.is_some_and(|startup| startup >= AT_ONCE && startup < SOON), "{startup:?}");
    assert_eq!(cluster.census().unwrap(), Pods { ordered: 3, ready: names, starting: 0, terminating: 0, startup });

    cluster.scale(1);
    assert_eq!(cluster.census().unwrap().terminating, 2);
    let left = routes.next(&[]).map(|backend| backend.pod);
    assert_eq!(left.as_deref(), Some(three[0].pod.as_str()), "the oldest stays, the others get nothing more");
    until("the two are gone", || cluster.processes().len() == 1).await;
    assert_eq!(cluster.ended(), Ended { drained: 2, killed: 0, died: 0 });

    cluster.shut_down(SOON).await;
    assert!(three.iter().all(|process| !is_alive(process.pid)), "{three:?}");
    let nothing = Pods { ordered: 0, ready: Vec::new(), starting: 0, terminating: 0, startup: None };
    assert_eq!(cluster.census().unwrap(), nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_is_counted_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (cluster, _routes) = replicas(AT_ONCE, folder.path());
    cluster.scale(2);
    cluster.ready(SOON).await.unwrap();
    let victim = cluster.processes()[0].clone();
    let pid = rustix::process::Pid::from_raw(victim.pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    until("it is counted", || cluster.ended().died == 1).await;
    cluster.ready(SOON).await.unwrap();
    let pods = cluster.census().unwrap();
    assert_eq!(pods.ready.len(), 2);
    assert!(!pods.ready.contains(&victim.pod), "{pods:?}");
    cluster.shut_down(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_taken_back_starts_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let (cluster, _routes) = replicas(Duration::from_secs(3600), folder.path());
    cluster.scale(5);
    cluster.scale(0);
    until("all are gone", || cluster.census().unwrap().terminating == 0).await;
    assert_eq!(cluster.ended(), Ended { drained: 5, killed: 0, died: 0 });
    assert!(!folder.path().join("pods.log").exists(), "no process was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_die_one_after_the_other_are_given_up_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (program, arguments, reason) in [
        ("/bin/sh", ["-c", "exit 3"], "ended before it listened"),
        ("/bin/sh", ["-c", "echo hello; sleep 60"], "printed \"hello\""),
        ("/nonexistent/program", ["", ""], "cannot start /nonexistent/program"),
    ] {
        let (cluster, _routes) = cluster(program, &arguments, AT_ONCE, folder.path());
        cluster.scale(1);
        let error = cluster.ready(SOON).await.unwrap_err();
        assert!(matches!(error, LocalError::Hopeless(_)), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        cluster.shut_down(SOON).await;
    }
}
