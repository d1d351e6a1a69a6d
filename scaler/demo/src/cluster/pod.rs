//! The life of one pod.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{HOPELESS, Order, Phase, Shared};
use crate::child::{Child, ChildError, Launch};

/// How long a process has to listen.
const LISTEN: Duration = Duration::from_secs(15);
/// How long it then has to be ready.
const READY: Duration = Duration::from_secs(15);
/// Between two looks at `/readyz`.
const PROBE_EVERY: Duration = Duration::from_millis(20);
/// From leaving the routes to `SIGTERM`: requests that were sent just before have reached the pod by then. A `preStop`
/// sleep does the same in the cluster.
const PROPAGATION: Duration = Duration::from_millis(100);

/// How a pod ended.
enum End {
    Drained,
    Killed,
    Died(String),
}

/// Runs a pod until it is told to end, or dies, and takes it off the list then.
pub(super) async fn live(shared: Arc<Shared>, name: String, mut orders: watch::Receiver<Order>) {
    let end = lead(&shared, &name, &mut orders).await;
    shared.change(|state| {
        state.pods.retain(|pod| pod.name != name);
        match end {
            End::Drained => state.ended.drained += 1,
            End::Killed => {
                tracing::warn!(pod = name, "did not drain in time and was killed");
                state.ended.killed += 1;
            }
            End::Died(why) => {
                tracing::warn!(pod = name, why, "died");
                state.ended.died += 1;
                state.stillborn += 1;
                if state.stillborn >= HOPELESS {
                    state.failure = Some(why);
                }
                shared.reconcile(state);
            }
        }
    });
}

async fn lead(shared: &Arc<Shared>, name: &str, orders: &mut watch::Receiver<Order>) -> End {
    tokio::select! {
        _ = told_to_end(orders) => return End::Drained,
        () = tokio::time::sleep(shared.template.start_up) => {}
    }
    let mut launch = shared.template.launch.clone();
    launch.environment.push(("POD_NAME".to_owned(), name.to_owned()));
    let mut child = match Child::spawn(&launch) {
        Ok(child) => child,
        Err(error) => return End::Died(describe(&error)),
    };
    shared.change(|state| {
        if let Some(pod) = state.pods.iter_mut().find(|pod| pod.name == name) {
            pod.pid = Some(child.pid());
        }
    });
    let url = tokio::select! {
        grace = told_to_end(orders) => return drain(shared, &mut child, grace, orders).await,
        url = becomes_ready(shared, &mut child, &launch) => url,
    };
    let url = match url {
        Ok(url) => url,
        Err(why) => return End::Died(why),
    };
    tracing::info!(pod = name, pid = child.pid(), url, "ready");
    shared.change(|state| {
        state.stillborn = 0;
        // One that was told to end in this moment stays so.
        let pod = state.pods.iter_mut().find(|pod| pod.name == name && pod.phase == Phase::Starting);
        if let Some(pod) = pod {
            pod.phase = Phase::Ready { url, startup: pod.created.elapsed() };
        }
    });
    tokio::select! {
        grace = told_to_end(orders) => {
            tokio::time::sleep(PROPAGATION.min(grace)).await;
            drain(shared, &mut child, grace, orders).await
        }
        end = child.wait() => match end {
            Ok(status) => End::Died(format!("it ended by itself: {status}")),
            Err(error) => End::Died(describe(&error)),
        },
    }
}

/// Waits for the order to end; how long that may take is none of the pod's business before.
async fn told_to_end(orders: &mut watch::Receiver<Order>) -> Duration {
    let told = orders.wait_for(|order| *order != Order::Live).await.map(|order| *order);
    match told {
        Ok(Order::Hurry(grace)) => grace,
        Ok(Order::Live | Order::Drain) => Duration::MAX,
        // The list is gone, and the cluster with it.
        Err(_) => Duration::ZERO,
    }
}

async fn drain(shared: &Shared, child: &mut Child, grace: Duration, orders: &mut watch::Receiver<Order>) -> End {
    let grace = grace.min(shared.template.grace);
    child.terminate();
    let ended = tokio::select! {
        ended = tokio::time::timeout(grace, child.wait()) => ended.is_ok(),
        hurry = told_to_hurry(orders) => tokio::time::timeout(hurry, child.wait()).await.is_ok(),
    };
    if ended {
        return End::Drained;
    }
    if let Err(error) = child.kill().await {
        tracing::warn!(pid = child.pid(), error = describe(&error), "cannot be killed");
    }
    End::Killed
}

/// Waits for the order to drain faster than was said before.
async fn told_to_hurry(orders: &mut watch::Receiver<Order>) -> Duration {
    let told = orders.wait_for(|order| matches!(order, Order::Hurry(_))).await.map(|order| *order);
    match told {
        Ok(Order::Hurry(grace)) => grace,
        Ok(Order::Live | Order::Drain) | Err(_) => Duration::ZERO,
    }
}

async fn becomes_ready(shared: &Shared, child: &mut Child, launch: &Launch) -> Result<String, String> {
    let url = child.url(LISTEN, &launch.log).await.map_err(|error| describe(&error))?;
    let probe = format!("{url}/readyz");
    let ready = async {
        loop {
            let answer = shared.client.get(&probe).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    };
    tokio::select! {
        ready = tokio::time::timeout(READY, ready) => match ready {
            Ok(()) => Ok(url),
            Err(_) => Err(format!("it was not ready within {READY:?}; its log is {}", launch.log.display())),
        },
        end = child.wait() => Err(format!("it ended before it was ready: {end:?}")),
    }
}

/// The error with its cause, on one line.
fn describe(error: &ChildError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
