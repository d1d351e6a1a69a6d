//! The ingress before scripted pods.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use chrono::Utc;
use demo::http;
use demo::ingress::{Ingress, Limits};
use demo::routes::{Backend, Routes};
use scaler_core::request_time::{REQUEST_TIME, parse_request_time};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// What a scripted pod does with every request.
#[derive(Clone, Copy)]
enum Script {
    /// Answers with this status.
    Status(u16),
    /// Takes the request and breaks the connection off.
    BreakOff,
    /// Listens no more.
    Gone,
    /// Takes the request and is silent.
    Silent,
}

type Seen = Arc<Mutex<Vec<(String, Vec<(String, String)>)>>>;

/// Starts a pod of this name; `seen` notes the pod and the headers of each request that it got.
async fn pod(name: &'static str, script: Script, seen: &Seen) -> Backend {
    let url = match script {
        Script::Status(status) => answering(name, status, seen.clone()),
        Script::BreakOff | Script::Gone | Script::Silent => unanswering(name, script, seen.clone()).await,
    };
    Backend { pod: name.to_owned(), url }
}

fn answering(name: &'static str, status: u16, seen: Seen) -> String {
    let answer = move |request: HttpRequest, body: web::Bytes| {
        let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        seen.lock().unwrap().push((name.to_owned(), headers));
        let status = actix_web::http::StatusCode::from_u16(status).unwrap();
        let echo = format!("{} {} {}", request.method(), request.uri(), String::from_utf8_lossy(&body));
        async move { HttpResponse::build(status).insert_header(("x-pod", name)).body(echo) }
    };
    let server = HttpServer::new(move || App::new().default_service(web::to(answer.clone())))
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    url
}

async fn unanswering(name: &'static str, script: Script, seen: Seen) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    if matches!(script, Script::Gone) {
        return url;
    }
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 1024]).await;
            seen.lock().unwrap().push((name.to_owned(), Vec::new()));
            if matches!(script, Script::Silent) {
                held.push(connection);
            }
        }
    });
    url
}

struct Setup {
    ingress: Ingress,
    routes: Arc<Routes>,
    seen: Seen,
    client: reqwest::Client,
}

async fn setup(pods: &[(&'static str, Script)], limits: Limits) -> Setup {
    let (routes, seen) = (Arc::new(Routes::default()), Seen::default());
    let mut backends = Vec::new();
    for &(name, script) in pods {
        backends.push(pod(name, script, &seen).await);
    }
    routes.set(backends);
    let ingress = Ingress::start(routes.clone(), limits).unwrap();
    Setup { ingress, routes, seen, client: http::client(Duration::from_secs(20)).unwrap() }
}

impl Setup {
    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let answer = self.client.post(format!("{}/multiply?x=1", self.ingress.url())).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    fn pods_asked(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(pod, _)| pod.clone()).collect()
    }
}

#[tokio::test]
async fn requests_go_to_the_ready_pods_in_turn() {
    let setup = setup(&[("a", Script::Status(200)), ("b", Script::Status(200))], Limits::default()).await;
    for _ in 0..4 {
        assert_eq!(setup.post("two").await, (200, "POST /multiply?x=1 two".to_owned()), "path and body as they came");
    }
    assert_eq!(setup.pods_asked(), ["a", "b", "a", "b"]);
}

#[tokio::test]
async fn every_request_is_stamped_and_has_an_id() {
    let setup = setup(&[("a", Script::Status(200))], Limits::default()).await;
    setup.post("x").await;
    let own = setup.client.post(setup.ingress.url()).header("X-Request-ID", "mine").header("requestTime", "t=1");
    own.send().await.unwrap();
    let seen = setup.seen.lock().unwrap();
    let header = |request: usize, name: &str| {
        let found = seen[request].1.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    for request in 0..2 {
        let stamp = header(request, REQUEST_TIME);
        assert!(parse_request_time(&stamp, Utc::now()).is_ok(), "{stamp}");
    }
    assert_eq!(header(0, "x-request-id").len(), 36, "a fresh UUID");
    assert_eq!(header(1, "x-request-id"), "mine");
}

#[tokio::test]
async fn a_refused_request_goes_to_another_pod_and_a_taken_one_never_does() {
    // What each of the two pods does, the status that the client gets, the pods that saw the request.
    let table: [(&str, [Script; 2], u16, &[&str]); 6] = [
        ("the pod is gone", [Script::Gone, Script::Status(200)], 200, &["b"]),
        ("the pod drains", [Script::Status(503), Script::Status(200)], 200, &["a", "b"]),
        ("all drain", [Script::Status(503), Script::Status(503)], 503, &["a", "b", "a"]),
        ("the service says that the request is bad", [Script::Status(400), Script::Status(200)], 400, &["a"]),
        ("the service fails", [Script::Status(500), Script::Status(200)], 500, &["a"]),
        ("the pod breaks the connection off", [Script::BreakOff, Script::Status(200)], 502, &["a"]),
    ];
    for (case, [a, b], status, asked) in table {
        let limits = Limits { attempts: 3, ..Limits::default() };
        let setup = setup(&[("a", a), ("b", b)], limits).await;
        let (got, body) = setup.post("x").await;
        assert_eq!(got, status, "{case}: {body}");
        assert_eq!(setup.pods_asked()[..asked.len()], *asked, "{case}");
        let refused = asked.len() - usize::from(!matches!(case, "all drain" | "the pod is gone"));
        assert_eq!(setup.ingress.counts().retries.load(Ordering::Relaxed), refused as u64, "{case}");
    }
}

#[tokio::test]
async fn without_a_ready_pod_requests_wait_for_one_and_then_get_503() {
    let limits = Limits { patience: Duration::from_millis(50), ..Limits::default() };
    let none = setup(&[], limits).await;
    let (status, body) = none.post("x").await;
    assert_eq!((status, body.as_str()), (503, r#"{"error":"no pod was ready in time"}"#));
    assert_eq!(none.ingress.counts().errors.load(Ordering::Relaxed), 1);

    let late = setup(&[], Limits::default()).await;
    let backend = pod("late", Script::Status(200), &late.seen).await;
    let answer = late.post("x");
    let ready = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        late.routes.set(vec![backend]);
    };
    let ((status, _), ()) = tokio::join!(answer, ready);
    assert_eq!(status, 200, "it waited for the pod");
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let silent = [("a", Script::Silent)];
    let slow = setup(&silent, Limits { deadline: Duration::from_millis(50), ..Limits::default() }).await;
    assert_eq!(slow.post("x").await.0, 504, "the pod did not answer in time");

    let large = setup(&[("a", Script::Status(200))], Limits { body_bytes: 10, ..Limits::default() }).await;
    assert_eq!(large.post("12345678901").await.0, 413, "the body is too large");

    let full = setup(&silent, Limits { in_flight: 1, ..Limits::default() }).await;
    tokio::select! {
        answer = full.post("first") => panic!("the first request is held, but got {answer:?}"),
        answer = async {
            while full.pods_asked().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            full.post("second").await
        } => assert_eq!(answer.0, 503, "there is one place and it is taken"),
    }
}
