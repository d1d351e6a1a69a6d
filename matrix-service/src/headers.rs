//! What the headers of a request say.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use chrono::{DateTime, Utc};
use scaler_core::request_time::{REQUEST_TIME, RequestTimeError, X_REQUEST_START, parse_request_time};
use thiserror::Error;

use crate::excerpt::excerpt;

/// The header that names a request to its client, to us and in its record.
pub const X_REQUEST_ID: &str = "X-Request-ID";
/// Longest request id. Ingresses send 32 to 36 characters.
const MAX_REQUEST_ID: usize = 128;
/// Media types of bodies that may be JSON: what says so, and what clients send unless they are told better.
const MEDIA_TYPES: [&str; 5] =
    ["application/json", "text/json", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"];

/// A header that must be changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It is stored and echoed, so it is kept short and plain.
    #[error("X-Request-ID must be at most {MAX_REQUEST_ID} visible ASCII characters")]
    RequestId,
    /// No JSON.
    #[error("Content-Type {0:?} is not application/json")]
    ContentType(String),
    /// Compressed bodies are not read.
    #[error("Content-Encoding {0:?} is not supported: send the body as it is")]
    ContentEncoding(String),
}

/// A time header that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredStamp {
    /// Its name.
    pub header: &'static str,
    /// Why.
    pub error: RequestTimeError,
}

/// The time that the ingress stamped: `requestTime`, else `X-Request-Start`; and the stamps that were of no use.
#[must_use]
pub fn ingress_stamp(headers: &HeaderMap, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Vec<IgnoredStamp>) {
    let mut ignored = Vec::new();
    for header in [REQUEST_TIME, X_REQUEST_START] {
        let Some(value) = headers.get(header) else { continue };
        match parse_request_time(&String::from_utf8_lossy(value.as_bytes()), now) {
            Ok(stamp) => return (Some(stamp), ignored),
            Err(error) => ignored.push(IgnoredStamp { header, error }),
        }
    }
    (None, ignored)
}

/// `X-Request-ID`; an empty one counts as none.
///
/// # Errors
/// [`HeaderError::RequestId`].
pub fn request_id(headers: &HeaderMap) -> Result<Option<String>, HeaderError> {
    let Some(value) = headers.get(X_REQUEST_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.to_str().map_err(|_| HeaderError::RequestId)?;
    let plain = text.len() <= MAX_REQUEST_ID && text.bytes().all(|b| b.is_ascii_graphic());
    if plain { Ok(Some(text.to_owned())) } else { Err(HeaderError::RequestId) }
}

/// Refuses bodies that say that they are not JSON as it is.
///
/// # Errors
/// [`HeaderError::ContentType`], [`HeaderError::ContentEncoding`].
pub fn check_content(headers: &HeaderMap) -> Result<(), HeaderError> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if let Some(encoding) = text(CONTENT_ENCODING)
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Err(HeaderError::ContentEncoding(excerpt(&encoding)));
    }
    let Some(full) = text(CONTENT_TYPE) else { return Ok(()) };
    let media = full.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if MEDIA_TYPES.contains(&media.as_str()) || media.ends_with("+json") {
        Ok(())
    } else {
        Err(HeaderError::ContentType(excerpt(&full)))
    }
}

/// Length of the body as announced.
#[must_use]
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use chrono::TimeDelta;
    use scaler_core::request_time::format_request_time;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
            })
            .collect()
    }

    #[test]
    fn our_stamp_counts_then_the_conventional_one_then_none() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let stamp = |seconds: i64| format_request_time(now - TimeDelta::seconds(seconds));
        let (one, two, old, ahead) = (stamp(1), stamp(2), stamp(7200), stamp(-60));
        let micros = format!("t={}", (now - TimeDelta::seconds(3)).timestamp_micros());
        for (case, pairs, age_s, ignored) in [
            ("none", vec![], None, vec![]),
            ("ours", vec![("requestTime", one.as_str())], Some(1), vec![]),
            ("the conventional one", vec![("X-Request-Start", &two)], Some(2), vec![]),
            ("the conventional one in microseconds", vec![("x-request-start", &micros)], Some(3), vec![]),
            ("both", vec![("X-Request-Start", &two), ("requesttime", &one)], Some(1), vec![]),
            (
                "ours is broken",
                vec![("requestTime", "t=abc"), ("X-Request-Start", &two)],
                Some(2),
                vec![("requestTime", RequestTimeError::Unparsable("t=abc".to_owned()))],
            ),
            (
                "both are of no use",
                vec![("requestTime", &old), ("X-Request-Start", &ahead)],
                None,
                vec![
                    ("requestTime", RequestTimeError::TooOld(old.clone())),
                    ("X-Request-Start", RequestTimeError::Future(ahead.clone())),
                ],
            ),
        ] {
            let (found, passed_over) = ingress_stamp(&headers(&pairs), now);
            assert_eq!(found.map(|stamp| (now - stamp).num_seconds()), age_s, "{case}");
            let passed_over: Vec<_> = passed_over.into_iter().map(|stamp| (stamp.header, stamp.error)).collect();
            assert_eq!(passed_over, ignored, "{case}");
        }
    }

    #[test]
    fn request_ids_are_short_and_plain() {
        let longest = "x".repeat(MAX_REQUEST_ID);
        let longer = "x".repeat(MAX_REQUEST_ID + 1);
        for (value, expected) in [
            ("7f9c-1", Ok(Some("7f9c-1".to_owned()))),
            ("", Ok(None)),
            (longest.as_str(), Ok(Some(longest.clone()))),
            (longer.as_str(), Err(HeaderError::RequestId)),
            ("two words", Err(HeaderError::RequestId)),
            ("caf\u{e9}", Err(HeaderError::RequestId)),
        ] {
            assert_eq!(request_id(&headers(&[(X_REQUEST_ID, value)])), expected, "{value:?}");
        }
    }

    #[test]
    fn content_that_cannot_be_json_is_refused() {
        for (name, value, good) in [
            ("Content-Type", "application/json", true),
            ("Content-Type", "Application/JSON; charset=utf-8", true),
            ("Content-Type", "application/problem+json", true),
            ("Content-Type", "application/x-www-form-urlencoded", true),
            ("Content-Type", "text/plain; charset=UTF-8", true),
            ("Content-Type", "application/xml", false),
            ("Content-Type", "multipart/form-data; boundary=x", false),
            ("Content-Type", "", false),
            ("Content-Encoding", "identity", true),
            ("Content-Encoding", "gzip", false),
        ] {
            assert_eq!(check_content(&headers(&[(name, value)])).is_ok(), good, "{name}: {value}");
        }
    }
}
