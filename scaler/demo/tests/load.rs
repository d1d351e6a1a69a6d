//! The load generator against a scripted service.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use demo::http;
use demo::load::{Load, Progress};
use demo::samples::{Ending, Samples};
use tokio::sync::watch;
use tokio::time::Instant;

/// Answers nobody before so many requests have come; 503 to odd ones if asked for.
fn service(hold_until: usize, refuse_odd: bool) -> (String, Arc<AtomicUsize>) {
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = arrived.clone();
    let answer = move |request: HttpRequest, _body: Bytes| {
        let count = count.clone();
        async move {
            count.fetch_add(1, Ordering::AcqRel);
            while count.load(Ordering::Acquire) < hold_until {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
            let odd = id.ends_with(['1', '3', '5', '7', '9']);
            if odd && refuse_odd { HttpResponse::ServiceUnavailable() } else { HttpResponse::Ok() }.finish()
        }
    };
    let server = HttpServer::new(move || App::new().default_service(web::to(answer.clone())))
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    (url, arrived)
}

fn load(url: String, arrivals: Vec<f64>) -> Load {
    Load {
        url,
        bodies: Arc::from([Bytes::from_static(b"{}")]),
        arrivals: arrivals.into(),
        name: "test".to_owned(),
        deadline: Duration::from_secs(20),
        in_flight: 1000,
        patience: Duration::from_millis(20),
    }
}

struct Played {
    samples: Arc<Samples>,
    progress: Arc<Progress>,
}

async fn play(load: Load, start: Instant, stopped: watch::Receiver<bool>) -> Played {
    let (samples, progress) = (Arc::new(Samples::default()), Arc::new(Progress::default()));
    let client = http::client(Duration::from_secs(20)).unwrap();
    load.play(client, start, stopped, samples.clone(), progress.clone()).await;
    Played { samples, progress }
}

#[tokio::test]
async fn requests_are_sent_when_due_although_nobody_answers() {
    // A generator that waited for answers would wait for ever: there is none before the last request has come.
    let (url, arrived) = service(20, false);
    let arrivals: Vec<f64> = (0..20).map(|request| f64::from(request) * 0.01).collect();
    let (_running, stopped) = watch::channel(false);
    let played = play(load(url, arrivals), Instant::now(), stopped).await;
    assert_eq!(arrived.load(Ordering::Acquire), 20);
    let summary = played.samples.summary(10.0);
    assert_eq!((summary.requests, summary.failed, summary.late), (20, 0, 0));
    assert_eq!((played.progress.in_flight(), played.progress.due.load(Ordering::Acquire)), (0, 20));
}

#[tokio::test]
async fn response_times_count_from_when_a_request_was_due() {
    let (url, _) = service(0, false);
    let (_running, stopped) = watch::channel(false);
    let start = Instant::now() - Duration::from_secs(5);
    let played = play(load(url, vec![0.0, 1.0]), start, stopped).await;
    let summary = played.samples.summary(3.9);
    assert_eq!((summary.requests, summary.late), (2, 2), "sent 5 s and 4 s after they were due: {summary:?}");
    assert!(summary.sent_late_p99_s >= 5.0 && summary.p50_s >= 4.0, "{summary:?}");
}

#[tokio::test]
async fn what_goes_wrong_is_counted_with_its_kind() {
    let (_running, stopped) = watch::channel(false);
    let (url, _) = service(0, true);
    let refused = play(load(url, vec![0.0, 0.0, 0.0, 0.0]), Instant::now(), stopped.clone()).await;
    assert_eq!(refused.samples.failed(), 2);
    assert_eq!(
        refused.samples.first_failure().map(|sample| (sample.index, sample.ending)),
        Some((1, Ending::Status(503)))
    );

    let nowhere = play(load("http://127.0.0.1:1".to_owned(), vec![0.0]), Instant::now(), stopped.clone()).await;
    assert_eq!(nowhere.samples.first_failure().map(|sample| sample.ending), Some(Ending::Broken));

    let (url, _) = service(usize::MAX, false);
    let slow = Load { deadline: Duration::from_millis(50), ..load(url.clone(), vec![0.0]) };
    let slow = play(slow, Instant::now(), stopped.clone()).await;
    assert_eq!(slow.samples.first_failure().map(|sample| sample.ending), Some(Ending::Timeout));

    let full = Load { in_flight: 1, deadline: Duration::from_millis(200), ..load(url, vec![0.0, 0.0]) };
    let full = play(full, Instant::now(), stopped).await;
    let summary = full.samples.summary(1.0);
    assert_eq!((summary.requests, summary.failed), (2, 2), "one in time-out, one not sent");
}

#[tokio::test]
async fn a_stopped_load_sends_nothing_more_and_waits_a_little_for_answers() {
    let (url, arrived) = service(usize::MAX, false);
    let (running, stopped) = watch::channel(false);
    let playing = tokio::spawn(play(load(url, vec![0.0, 3600.0]), Instant::now(), stopped));
    while arrived.load(Ordering::Acquire) == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    running.send_replace(true);
    let played = playing.await.unwrap();
    let summary = played.samples.summary(0.25);
    assert_eq!((summary.requests, summary.cut_off, summary.failed, summary.late), (1, 1, 0, 0));
}
