//! The moments in file names and segments.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// As chrono writes it.
const FORMAT: &str = "%Y.%m.%d_%H:%M:%S%.6f";
/// Length of a timestamp of the years 0 to 9999.
const LENGTH: usize = "2026.01.31_23:59:59.000001".len();

/// A moment as `2026.01.31_23:59:59.000001`: UTC, microseconds.
///
/// Chrono reads and writes formats that are given as text; this is that of one format, an order of magnitude faster, as
/// there is one for every request. What is written in another way goes to chrono.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The moment, cut to microseconds.
    #[must_use]
    pub fn of(moment: DateTime<Utc>) -> Self {
        Self(DateTime::from_timestamp_micros(moment.timestamp_micros()).unwrap_or(moment))
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(Timestamp(moment): Timestamp) -> Self {
        moment
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0.date_naive(), self.0.time());
        let digits = [
            (date.year().unsigned_abs(), 4, b'.'),
            (date.month(), 2, b'.'),
            (date.day(), 2, b'_'),
            (time.hour(), 2, b':'),
            (time.minute(), 2, b':'),
            (time.second(), 2, b'.'),
            (time.nanosecond() % 1_000_000_000 / 1000, 6, b' '),
        ];
        // A year of five digits, or before Christ, or a leap second.
        if !(0..=9999).contains(&date.year()) || time.nanosecond() >= 1_000_000_000 {
            return write!(f, "{}", self.0.format(FORMAT));
        }
        let mut text = [b'0'; LENGTH + 1];
        let mut end = 0;
        for (mut value, width, separator) in digits {
            for place in text[end..end + width].iter_mut().rev() {
                *place = b'0' + (value % 10) as u8;
                value /= 10;
            }
            end += width;
            text[end] = separator;
            end += 1;
        }
        f.write_str(std::str::from_utf8(&text[..LENGTH]).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, chrono::ParseError> {
        if let Some(moment) = plain(text.as_bytes()) {
            return Ok(Self(moment));
        }
        Ok(Self::of(NaiveDateTime::parse_from_str(text, FORMAT)?.and_utc()))
    }
}

/// The moment where it is written just as [`Timestamp`] writes it.
fn plain(text: &[u8]) -> Option<DateTime<Utc>> {
    let separators = [(4, b'.'), (7, b'.'), (10, b'_'), (13, b':'), (16, b':'), (19, b'.')];
    if text.len() != LENGTH || separators.iter().any(|&(at, separator)| text[at] != separator) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
    };
    let date = NaiveDate::from_ymd_opt(number(0, 4)?.try_into().ok()?, number(5, 7)?, number(8, 10)?)?;
    Some(date.and_hms_micro_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 26)?)?.and_utc())
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimestampVisitor)
    }
}

struct TimestampVisitor;

impl de::Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time like 2026.01.31_23:59:59.000001")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_chrono_alone_understands_is_understood() {
        for (text, plain) in [
            ("2026.01.31_23:59:59.000001", "2026.01.31_23:59:59.000001"),
            ("2026.01.31_23:59:59", "2026.01.31_23:59:59.000000"),
            ("2026.01.31_23:59:60.500000", "2026.02.01_00:00:00.500000"),
        ] {
            assert_eq!(text.parse::<Timestamp>().map(|time| time.to_string()).as_deref(), Ok(plain), "{text}");
        }
        for text in ["", "2026.01.32_23:59:59.000001", "2026.01.31_23:59:59.00000x", "2026-01-31_23:59:59.000001"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_writes_and_reads_as_chrono_does(micros in -70_000_000_000_000_000_i64..300_000_000_000_000_000) {
            let moment = DateTime::from_timestamp_micros(micros).expect("a year of our calendar");
            let text = Timestamp::of(moment).to_string();
            prop_assert_eq!(&text, &moment.format(FORMAT).to_string());
            prop_assert_eq!(text.parse(), Ok(Timestamp::of(moment)));
        }
    }
}
