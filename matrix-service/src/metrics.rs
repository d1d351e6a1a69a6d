//! What Prometheus is told.

use actix_web::http::StatusCode;
use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use scaler_core::request_time::{REQUEST_TIME, RequestTimeError, X_REQUEST_START};

use crate::headers::IgnoredStamp;

/// Upper bounds of the time histograms, seconds: from a tiny matrix to a queue that fills.
const TIME_BUCKETS_S: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0];

/// All series of a pod, on a registry of their own.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    in_flight: IntGauge,
    service_time: Histogram,
    response_time: Histogram,
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
                "Time inside the multiplication slot, of requests that left a record",
            )?,
            response_time: histogram(
                "matrix_service_response_time_seconds",
                "Time from the ingress' stamp until the reply was ready, of requests that left a record",
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
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let Self {
            registry,
            requests,
            in_flight,
            service_time,
            response_time,
            body_bytes,
            records_written,
            record_failures,
            ignored_stamps,
        } = self;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        registry.register(Box::new(service_time.clone()))?;
        registry.register(Box::new(response_time.clone()))?;
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
        TextEncoder::new().encode_to_string(&self.registry.gather())
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

    /// A record was kept.
    pub fn recorded(&self, service_time_s: f64, response_time_s: f64) {
        self.records_written.inc();
        self.service_time.observe(service_time_s);
        self.response_time.observe(response_time_s);
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
        metrics.recorded(0.2, 0.3);
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
            "matrix_service_response_time_seconds_sum 0.3",
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
}
