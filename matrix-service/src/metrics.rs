//! What Prometheus is told.

use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use chrono::Utc;
use prometheus::{
    Counter, Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use scaler_core::RequestTimes;
use scaler_core::request_time::{REQUEST_TIME, RequestTimeError, X_REQUEST_START};
use scaler_core::scrape::Figure;

use crate::headers::IgnoredStamp;

/// Upper bounds of the time histograms, seconds: from a tiny matrix to a queue that fills.
const TIME_BUCKETS_S: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0];

/// All series of a pod, on a registry of their own. Of those that [`Figure`] names a scaler without records lives.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Held while a request is counted and while all is read: a mean is of sums and a count of the same requests.
    counting: Mutex<()>,
    start: Gauge,
    requests: IntCounterVec,
    in_flight: IntGauge,
    service_time: Histogram,
    response_time: Histogram,
    relative_wait: Counter,
    body_bytes: IntCounter,
    records_written: IntCounter,
    record_failures: IntCounter,
    ignored_stamps: IntCounterVec,
}

impl Metrics {
    /// Registers all series; those with labels that are known beforehand start at 0.
    ///
    /// # Errors
    /// When two series have one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self {
            registry: Registry::new(),
            counting: Mutex::default(),
            // By which a scaler tells a pod that is new from one that was not scraped for a while.
            start: Gauge::new(Figure::Start.metric(), "When the process started, Unix time")?,
            requests: IntCounterVec::new(
                Opts::new("matrix_service_requests_total", "Requests to /multiply that were answered, by status"),
                &["status"],
            )?,
            in_flight: IntGauge::new(
                "matrix_service_requests_in_flight",
                "Requests to /multiply that are waiting, being read or being multiplied",
            )?,
            service_time: histogram(
                "matrix_service_service_time_seconds",
                "Time inside the multiplication slot, of requests that were served",
            )?,
            response_time: histogram(
                "matrix_service_response_time_seconds",
                "Time from the ingress' stamp until the reply was ready, of requests that were served",
            )?,
            relative_wait: Counter::new(
                Figure::RelativeWait.metric(),
                "Sum of waiting over service time, (R - S) / S, over the requests that were served",
            )?,
            body_bytes: IntCounter::new("matrix_service_request_body_bytes_total", "Bytes of bodies received")?,
            records_written: IntCounter::new("matrix_service_records_written_total", "Records kept")?,
            record_failures: IntCounter::new("matrix_service_record_failures_total", "Records that could not be kept")?,
            ignored_stamps: IntCounterVec::new(
                Opts::new(
                    "matrix_service_time_headers_ignored_total",
                    "Time headers that could not be the start of an open request, by header and reason",
                ),
                &["header", "reason"],
            )?,
        };
        metrics.register()?;
        // Nothing was counted before.
        metrics.start.set(Utc::now().timestamp_millis() as f64 / 1e3);
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let Self {
            registry,
            counting: _,
            start,
            requests,
            in_flight,
            service_time,
            response_time,
            relative_wait,
            body_bytes,
            records_written,
            record_failures,
            ignored_stamps,
        } = self;
        registry.register(Box::new(start.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        registry.register(Box::new(service_time.clone()))?;
        registry.register(Box::new(response_time.clone()))?;
        registry.register(Box::new(relative_wait.clone()))?;
        registry.register(Box::new(body_bytes.clone()))?;
        registry.register(Box::new(records_written.clone()))?;
        registry.register(Box::new(record_failures.clone()))?;
        registry.register(Box::new(ignored_stamps.clone()))?;
        requests.get_metric_with_label_values(&["200"])?;
        for header in [REQUEST_TIME, X_REQUEST_START] {
            for reason in ["unparsable", "future", "too_old"] {
                ignored_stamps.get_metric_with_label_values(&[header, reason])?;
            }
        }
        Ok(())
    }

    /// All series in Prometheus' text format.
    ///
    /// # Errors
    /// When a series has no value.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let counting = self.counting();
        let families = self.registry.gather();
        drop(counting);
        TextEncoder::new().encode_to_string(&families)
    }

    /// There is nothing in it that a panic could have left half done but the counts of one request.
    fn counting(&self) -> MutexGuard<'_, ()> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Media type of [`Metrics::text`].
    #[must_use]
    pub fn media_type() -> String {
        TextEncoder::new().format_type().to_owned()
    }

    /// Counts a request to `/multiply` as in flight until the guard is dropped.
    #[must_use]
    pub fn enter(&self) -> InFlight {
        self.in_flight.inc();
        InFlight { gauge: self.in_flight.clone() }
    }

    /// A request to `/multiply` was answered.
    pub fn answered(&self, status: StatusCode) {
        self.requests.with_label_values(&[status.as_str()]).inc();
    }

    /// Bytes of a body came in.
    pub fn received(&self, bytes: usize) {
        self.body_bytes.inc_by(bytes as u64);
    }

    /// A request was served, in times that a record may have ([`RequestTimes::validate`]): divided by a service time of 0,
    /// the sum of waiting would be infinite for good.
    pub fn served(&self, service_time_s: f64, response_time_s: f64) {
        let _counting = self.counting();
        self.service_time.observe(service_time_s);
        self.response_time.observe(response_time_s);
        self.relative_wait.inc_by(RequestTimes { service_time_s, response_time_s }.relative_wait());
    }

    /// A record was kept.
    pub fn recorded(&self) {
        self.records_written.inc();
    }

    /// A record could not be kept.
    pub fn not_recorded(&self) {
        self.record_failures.inc();
    }

    /// A time header was passed over.
    pub fn ignored(&self, stamp: &IgnoredStamp) {
        let reason = match stamp.error {
            RequestTimeError::Unparsable(_) => "unparsable",
            RequestTimeError::Future(_) => "future",
            RequestTimeError::TooOld(_) => "too_old",
        };
        self.ignored_stamps.with_label_values(&[stamp.header, reason]).inc();
    }
}

fn histogram(name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(TIME_BUCKETS_S.to_vec()))
}

/// A request that is in flight.
#[derive(Debug)]
pub struct InFlight {
    gauge: IntGauge,
}

impl Drop for InFlight {
    // Also when the client is gone and the handler is dropped half way.
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_series() {
        let metrics = Metrics::new().unwrap();
        let guard = metrics.enter();
        drop(metrics.enter());
        metrics.answered(StatusCode::OK);
        metrics.answered(StatusCode::BAD_REQUEST);
        metrics.received(7);
        metrics.served(0.25, 0.625);
        metrics.recorded();
        metrics.not_recorded();
        let error = RequestTimeError::TooOld("t=1".to_owned());
        metrics.ignored(&IgnoredStamp { header: REQUEST_TIME, error });
        let text = metrics.text().unwrap();
        for line in [
            r#"matrix_service_requests_total{status="200"} 1"#,
            r#"matrix_service_requests_total{status="400"} 1"#,
            "matrix_service_requests_in_flight 1",
            r#"matrix_service_service_time_seconds_bucket{le="0.25"} 1"#,
            r#"matrix_service_response_time_seconds_bucket{le="0.25"} 0"#,
            "matrix_service_response_time_seconds_sum 0.625",
            "matrix_service_relative_wait_ratio_total 1.5",
            "matrix_service_request_body_bytes_total 7",
            "matrix_service_records_written_total 1",
            "matrix_service_record_failures_total 1",
            r#"matrix_service_time_headers_ignored_total{header="requestTime",reason="too_old"} 1"#,
            r#"matrix_service_time_headers_ignored_total{header="X-Request-Start",reason="future"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        drop(guard);
        assert!(metrics.text().unwrap().contains("matrix_service_requests_in_flight 0"));
    }

    #[test]
    fn every_figure_that_a_scaler_asks_prometheus_for_is_there_before_the_first_request() {
        let before_s = Utc::now().timestamp() as f64;
        let text = Metrics::new().unwrap().text().unwrap();
        for figure in Figure::ALL {
            let found = text.lines().find_map(|line| line.strip_prefix(figure.metric())?.trim().parse::<f64>().ok());
            let value = found.unwrap_or_else(|| panic!("{} is not in\n{text}", figure.metric()));
            assert_eq!(value >= before_s, figure == Figure::Start, "{}: {value}", figure.metric());
        }
    }

    #[test]
    fn all_figures_of_a_scrape_are_of_the_same_requests() {
        let metrics = Metrics::new().unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    metrics.served(0.25, 0.5);
                }
            });
            for _ in 0..200 {
                let text = metrics.text().unwrap();
                let value = |figure: Figure| -> f64 {
                    text.lines().find_map(|line| line.strip_prefix(figure.metric())?.trim().parse().ok()).unwrap()
                };
                let requests = value(Figure::Requests);
                assert_eq!(value(Figure::ServiceTime), 0.25 * requests);
                assert_eq!(value(Figure::ResponseTime), 0.5 * requests);
                assert_eq!(value(Figure::RelativeWait), requests);
            }
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
        });
    }
}
