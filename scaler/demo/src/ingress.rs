//! A small reverse proxy: stamps `requestTime`, and balances over the ready pods themselves, in turn.
//!
//! What HAProxy is in the cluster. A request that a pod refuses (it is not there any more, or says that it drains) goes
//! to another; a pod that took a request is never bypassed, so none is multiplied twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use chrono::Utc;
use scaler_core::request_time::{REQUEST_TIME, format_request_time};
use serde_json::json;
use thiserror::Error;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::http;
use crate::routes::{Backend, Routes};

const REQUEST_ID: &str = "X-Request-ID";
/// Headers that belong to one connection, or that each side writes for itself.
const NOT_PASSED_ON: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Bounds of the proxy.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body, bytes; more is 413.
    pub body_bytes: usize,
    /// Requests held at once; more are 503.
    pub in_flight: usize,
    /// Pods that a request is offered to, >= 1; after that it is 503.
    pub attempts: usize,
    /// How long a request waits for a first pod to be ready; after that it is 503.
    pub patience: Duration,
    /// How long a pod may take; after that it is 504.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            in_flight: 4096,
            attempts: 4,
            patience: Duration::from_secs(10),
            deadline: Duration::from_secs(120),
        }
    }
}

/// What the proxy has counted so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Offers that a pod refused and that went on to another.
    pub retries: AtomicU64,
    /// Requests that the proxy itself answered with an error.
    pub errors: AtomicU64,
}

/// Why there is no ingress.
#[derive(Debug, Error)]
pub enum IngressError {
    /// No port could be had.
    #[error("cannot listen on 127.0.0.1")]
    Bind(#[source] std::io::Error),
}

/// A running proxy.
#[derive(Debug)]
pub struct Ingress {
    url: String,
    server: ServerHandle,
    counts: Arc<Counts>,
}

struct Proxy {
    client: reqwest::Client,
    routes: Arc<Routes>,
    places: Arc<Semaphore>,
    limits: Limits,
    counts: Arc<Counts>,
}

impl Ingress {
    /// Listens on a free port of 127.0.0.1. Needs a Tokio runtime, which it serves on until [`Self::stop`].
    ///
    /// # Errors
    /// [`IngressError`].
    pub fn start(routes: Arc<Routes>, limits: Limits) -> Result<Self, IngressError> {
        let counts = Arc::new(Counts::default());
        let places = Arc::new(Semaphore::new(limits.in_flight));
        let app = {
            let counts = counts.clone();
            move || {
                let (routes, places, counts) = (routes.clone(), places.clone(), counts.clone());
                App::new()
                    .app_data(PayloadConfig::new(limits.body_bytes))
                    // Made once in each worker: a client's connections live on the runtime that they were opened on.
                    .data_factory(move || {
                        let (routes, places, counts) = (routes.clone(), places.clone(), counts.clone());
                        let client = http::client(limits.deadline);
                        let proxy = client.map(|client| Proxy { client, routes, places, limits, counts });
                        std::future::ready(proxy)
                    })
                    .default_service(web::to(pass))
            }
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            // Longer than our own client keeps an idle connection: it is never closed under a request.
            .keep_alive(Duration::from_secs(60))
            .max_connections(2 * limits.in_flight)
            .shutdown_timeout(1)
            .bind(("127.0.0.1", 0))
            .map_err(IngressError::Bind)?;
        let url = server.addrs().first().map(|address| format!("http://{address}")).unwrap_or_default();
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { url, server: handle, counts })
    }

    /// Where it listens, as a base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it has counted so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Stops listening; requests that are held have a second left.
    pub async fn stop(&self) {
        self.server.stop(true).await;
    }
}

/// One request, through the proxy and back.
async fn pass(proxy: Data<Proxy>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let stamp = format_request_time(Utc::now());
    let Ok(_place) = proxy.places.try_acquire() else {
        return proxy.error(StatusCode::SERVICE_UNAVAILABLE, "too many requests in flight");
    };
    let id = Uuid::new_v4().to_string();
    let headers = forwarded_headers(request.headers(), &stamp, &id);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut tried = Vec::new();
    while tried.len() < proxy.limits.attempts {
        let Some(backend) = proxy.routes.next_within(&tried, proxy.limits.patience).await else {
            return proxy.error(StatusCode::SERVICE_UNAVAILABLE, "no pod was ready in time");
        };
        match proxy.offer(&backend, request.method().as_str(), path, headers.clone(), body.clone()).await {
            Offer::Taken(reply) => return reply,
            Offer::Refused => {
                proxy.counts.retries.fetch_add(1, Ordering::Relaxed);
                tried.push(backend.pod);
            }
        }
    }
    proxy.error(StatusCode::SERVICE_UNAVAILABLE, "every pod that was asked refused")
}

enum Offer {
    Taken(HttpResponse),
    /// Nothing was done with the request: another pod may have it.
    Refused,
}

impl Proxy {
    async fn offer(
        &self,
        backend: &Backend,
        method: &str,
        path: &str,
        headers: reqwest::header::HeaderMap,
        body: Bytes,
    ) -> Offer {
        let Ok(method) = reqwest::Method::from_bytes(method.as_bytes()) else {
            return Offer::Taken(self.error(StatusCode::BAD_REQUEST, "unknown method"));
        };
        let url = format!("{}{path}", backend.url);
        match self.client.request(method, url).headers(headers).body(body).send().await {
            Ok(reply) if reply.status() == reqwest::StatusCode::SERVICE_UNAVAILABLE => Offer::Refused,
            Ok(reply) => Offer::Taken(self.reply(reply).await),
            Err(error) if error.is_connect() => Offer::Refused,
            Err(error) => Offer::Taken(self.broken(&error)),
        }
    }

    async fn reply(&self, reply: reqwest::Response) -> HttpResponse {
        let status = StatusCode::from_u16(reply.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut answer = HttpResponse::build(status);
        let headers = reply.headers().iter().filter(|(name, _)| !NOT_PASSED_ON.contains(&name.as_str()));
        for (name, value) in headers {
            answer.append_header((name.as_str(), value.as_bytes()));
        }
        match reply.bytes().await {
            Ok(body) => answer.body(body),
            Err(error) => self.broken(&error),
        }
    }

    fn broken(&self, error: &reqwest::Error) -> HttpResponse {
        if error.is_timeout() {
            self.error(StatusCode::GATEWAY_TIMEOUT, "the pod did not answer in time")
        } else {
            self.error(StatusCode::BAD_GATEWAY, "the pod broke the connection off")
        }
    }

    fn error(&self, status: StatusCode, message: &str) -> HttpResponse {
        self.counts.errors.fetch_add(1, Ordering::Relaxed);
        HttpResponse::build(status).json(json!({ "error": message }))
    }
}

/// The client's headers with our stamp, and with `id` where it sent none.
fn forwarded_headers(from: &HeaderMap, stamp: &str, id: &str) -> reqwest::header::HeaderMap {
    use reqwest::header::{HeaderMap as Forwarded, HeaderName as Name, HeaderValue as Value};
    let passed = |name: &HeaderName| !NOT_PASSED_ON.contains(&name.as_str());
    let mut headers: Forwarded = from
        .iter()
        .filter(|(name, _)| passed(name))
        .filter_map(|(name, value)| {
            let name = Name::from_bytes(name.as_str().as_bytes()).ok()?;
            Some((name, Value::from_bytes(value.as_bytes()).ok()?))
        })
        .collect();
    let mut set = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (Name::from_bytes(name.as_bytes()), Value::from_str(value)) {
            headers.insert(name, value);
        }
    };
    set(REQUEST_TIME, stamp);
    if !from.contains_key(REQUEST_ID) {
        set(REQUEST_ID, id);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn headers_are_passed_on_with_our_stamp_and_an_id() {
        let mut from = HeaderMap::new();
        for (name, value) in
            [("content-type", "application/json"), ("host", "ingress"), ("connection", "close"), ("requesttime", "t=1")]
        {
            from.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let sent = |from: &HeaderMap| {
            let headers = forwarded_headers(from, "t=1700000000.123", "fresh");
            let mut lines: Vec<String> =
                headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            lines.sort();
            lines
        };
        let expected = ["content-type: application/json", "requesttime: t=1700000000.123", "x-request-id: fresh"];
        assert_eq!(sent(&from), expected, "the client's own stamp is not believed");
        from.append(HeaderName::from_static("x-request-id"), HeaderValue::from_static("own"));
        assert_eq!(sent(&from)[2], "x-request-id: own");
    }
}
