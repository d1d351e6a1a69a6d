//! Numbers, times and foreign text as they stand on the page.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

/// Stands where there is no figure.
pub(super) const NOTHING: &str = "\u{2013}";

/// Text that was written by others, safe between tags and inside quoted attributes.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Not allowed in XML, in whatever notation.
                c if c.is_control() && c != '\n' && c != '\t' => f.write_str("\u{FFFD}")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// Three significant digits or so; [`NOTHING`] for what is no number.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => NOTHING.to_owned(),
        0.0 => "0".to_owned(),
        _ if !(1e-4..1e9).contains(&size) => format!("{value:.2e}"),
        _ if size >= 1000.0 => grouped(value),
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ if size >= 1.0 => format!("{value:.2}"),
        _ if size >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

/// A count, or [`number`] where it has a fraction.
pub(super) fn count(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1000.0 { format!("{value:.0}") } else { number(value) }
}

/// A whole number with a thin space between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::with_capacity(digits.len() + 8);
    if value < 0.0 {
        text.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202F}');
        }
        text.push(digit);
    }
    text
}

/// A length of time in its two largest units.
pub(super) fn duration(length: TimeDelta) -> String {
    let seconds = length.num_seconds();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        86_400.. => format!("{days} d {hours} h"),
        3600.. => format!("{hours} h {minutes} min"),
        180.. => format!("{minutes} min"),
        _ => format!("{seconds} s"),
    }
}

/// Day and time of a claim.
pub(super) fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `text`, cut off behind `most` characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text.to_owned(),
    }
}

/// `1 check`, `2 checks`.
pub(super) fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n as f64), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_about_three_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.000_012, "1.20e-5"),
            (0.001_234, "0.00123"),
            (0.25, "0.250"),
            (1.234_5, "1.23"),
            (20.308, "20.3"),
            (999.4, "999"),
            (5416.6, "5\u{202F}417"),
            (-1_234_567.0, "-1\u{202F}234\u{202F}567"),
            (2.5e12, "2.50e12"),
            (f64::NAN, NOTHING),
            (f64::NEG_INFINITY, NOTHING),
        ] {
            assert_eq!(number(value), expected, "{value}");
        }
        assert_eq!((count(41.0), count(1.5), count(2000.0)), ("41".into(), "1.50".into(), "2\u{202F}000".into()));
    }

    #[test]
    fn lengths_of_time_have_two_units_at_most() {
        for (seconds, expected) in
            [(0, "0 s"), (150, "150 s"), (2460, "41 min"), (9000, "2 h 30 min"), (600_000, "6 d 22 h")]
        {
            assert_eq!(duration(TimeDelta::seconds(seconds)), expected);
        }
    }

    #[test]
    fn markup_in_foreign_text_is_harmless() {
        assert_eq!(
            Escaped("<a b='c' d=\"e\">&\u{0}\u{1b}").to_string(),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\u{FFFD}\u{FFFD}"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!((shortened("äöü", 3), shortened("äöüß", 3)), ("äöü".into(), "äöü\u{2026}".into()));
    }
}
