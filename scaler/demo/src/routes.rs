//! The pods that take requests now, in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// A ready pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its name.
    pub pod: String,
    /// Where it listens, as a base URL.
    pub url: String,
}

/// What a Service's endpoints are in the cluster: written by [`crate::cluster`], read by [`crate::ingress`].
#[derive(Debug)]
pub struct Routes {
    backends: watch::Sender<Arc<[Backend]>>,
    turn: AtomicUsize,
}

impl Default for Routes {
    fn default() -> Self {
        Self { backends: watch::Sender::new(Arc::from([])), turn: AtomicUsize::new(0) }
    }
}

impl Routes {
    /// Requests go to these pods from now on.
    pub fn set(&self, backends: Vec<Backend>) {
        self.backends.send_replace(backends.into());
    }

    /// The pod whose turn it is, if any is ready; not one of `tried` as long as there is another.
    #[must_use]
    pub fn next(&self, tried: &[String]) -> Option<Backend> {
        let backends = self.backends.borrow().clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..backends.len()).filter_map(|step| backends.get((turn + step) % backends.len()));
        let untried = in_turn.clone().find(|backend| !tried.contains(&backend.pod));
        untried.or(in_turn.into_iter().next()).cloned()
    }

    /// As [`Self::next`], but waits for a pod to get ready; `None` after `patience`.
    pub async fn next_within(&self, tried: &[String], patience: Duration) -> Option<Backend> {
        if let Some(backend) = self.next(tried) {
            return Some(backend);
        }
        let mut backends = self.backends.subscribe();
        let some_ready = backends.wait_for(|backends| !backends.is_empty());
        match tokio::time::timeout(patience, some_ready).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return None,
        }
        self.next(tried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(pods: &[&str]) -> Routes {
        let routes = Routes::default();
        routes.set(pods.iter().map(|pod| Backend { pod: (*pod).to_owned(), url: String::new() }).collect());
        routes
    }

    fn taken(routes: &Routes, n: usize) -> Vec<String> {
        (0..n).map(|_| routes.next(&[]).expect("a pod").pod).collect()
    }

    #[test]
    fn every_pod_gets_its_turn() {
        assert_eq!(taken(&routes(&["a", "b", "c"]), 7), ["a", "b", "c", "a", "b", "c", "a"]);
        assert_eq!(routes(&[]).next(&[]), None);
    }

    #[test]
    fn a_pod_that_is_taken_out_gets_nothing_more() {
        let routes = routes(&["a", "b", "c"]);
        taken(&routes, 2);
        routes.set(vec![Backend { pod: "b".to_owned(), url: String::new() }]);
        assert_eq!(taken(&routes, 3), ["b", "b", "b"]);
    }

    #[test]
    fn a_retry_goes_to_another_pod_while_there_is_one() {
        let two = routes(&["a", "b"]);
        for _ in 0..4 {
            assert_eq!(two.next(&["a".to_owned()]).map(|backend| backend.pod), Some("b".to_owned()));
        }
        let one = routes(&["a"]);
        assert_eq!(one.next(&["a".to_owned()]).map(|backend| backend.pod), Some("a".to_owned()));
    }

    #[tokio::test]
    async fn who_comes_before_the_first_pod_waits_for_it() {
        let routes = Arc::new(Routes::default());
        assert_eq!(routes.next_within(&[], Duration::from_millis(1)).await, None, "patience ends");
        let waiting = tokio::spawn({
            let routes = routes.clone();
            async move { routes.next_within(&[], Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;
        routes.set(vec![Backend { pod: "a".to_owned(), url: String::new() }]);
        assert_eq!(waiting.await.expect("no panic").map(|backend| backend.pod), Some("a".to_owned()));
    }
}
