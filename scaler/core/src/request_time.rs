//! The ingress stamp that response times start from.
//!
//! Our own header is `requestTime: t=<epoch seconds>.<ms>`. The conventional `X-Request-Start: t=<epoch>` is read too,
//! in seconds, milliseconds or microseconds, told apart by their size.

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

/// The header that our ingress sets.
pub const REQUEST_TIME: &str = "requestTime";
/// The header that other proxies set.
pub const X_REQUEST_START: &str = "X-Request-Start";
/// A stamp further in the past belongs to no request that still waits.
pub const MAX_AGE: TimeDelta = TimeDelta::hours(1);

/// Epoch values from here on are milliseconds: as seconds they would be the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;
/// Epoch values from here on are microseconds: as milliseconds they would be the year 5138.
const MICROSECONDS_FROM: f64 = 1e14;

/// Why a stamp is ignored, and the time of arrival taken instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestTimeError {
    /// Not `t=<number>` or `<number>`.
    #[error("time header {0:?} is not t=<epoch seconds>.<milliseconds>")]
    Unparsable(String),
    /// The ingress' clock is ahead of ours.
    #[error("time header {0:?} lies in the future")]
    Future(String),
    /// More than an hour ago.
    #[error("time header {0:?} is more than 1 h old")]
    TooOld(String),
}

/// `t=<epoch seconds>.<ms>`, as the ingress writes it.
#[must_use]
pub fn format_request_time(time: DateTime<Utc>) -> String {
    format!("t={}.{:03}", time.timestamp(), time.timestamp_subsec_millis())
}

/// Reads a stamp that arrived at `now`.
///
/// # Errors
/// [`RequestTimeError`] when it cannot be the start of a request that is still open.
pub fn parse_request_time(header: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, RequestTimeError> {
    let unparsable = || RequestTimeError::Unparsable(header.to_owned());
    let text = header.trim();
    let number = text.strip_prefix("t=").unwrap_or(text);
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.') && number.len() <= 32;
    if !plain {
        return Err(unparsable());
    }
    let value: f64 = number.parse().map_err(|_| unparsable())?;
    let micros = if value >= MICROSECONDS_FROM {
        value
    } else if value >= MILLISECONDS_FROM {
        value * 1e3
    } else {
        value * 1e6
    };
    // The range of i64 microseconds ends in the year 294246; the cast saturates and the age check refuses it.
    #[allow(clippy::cast_possible_truncation)]
    let time = DateTime::from_timestamp_micros(micros.round() as i64).ok_or_else(unparsable)?;
    if time > now {
        return Err(RequestTimeError::Future(header.to_owned()));
    }
    if now - time > MAX_AGE {
        return Err(RequestTimeError::TooOld(header.to_owned()));
    }
    Ok(time)
}
