//! A body as a request, or the field that is wrong.
//!
//! What is as it should be is read by a derived reader, without a value for each number. Anything else is read by hand
//! from JSON values: a derived reader names no field when a value has the wrong type, and here the caller must learn which one it is.

mod body;

use scaler_core::observation::MAX_HISTORY;
use scaler_core::{ActionRequest, Observation, PastObservation, Recent};
use serde_json::{Map, Value};
use thiserror::Error;

/// Most replicas that are believed.
const MAX_REPLICAS: u32 = 10_000;
/// Highest figure that is believed: response times of a million thresholds, a million requests per second.
const MAX_FIGURE: f64 = 1e6;
/// Where all pods have gone at once, what so many had to do is divided by one. What is refused once would be refused for as long as
/// it is in the history.
const MAX_UTILIZATION: f64 = MAX_REPLICAS as f64;
/// Longest time that is believed, a year, seconds.
const MAX_SECONDS: f64 = 366.0 * 86_400.0;

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RequestError {
    /// It is not JSON: NaN, Infinity and 1e400 are not.
    #[error("the body is not JSON{}: {problem}", near.as_ref().map(|field| format!(", near field {field}")).unwrap_or_default())]
    NotJson {
        /// The last field before the problem.
        near: Option<String>,
        /// The parser's words.
        problem: String,
    },
    /// A field that must be there is not.
    #[error("{field} is missing")]
    Missing {
        /// Its name, with the object that it belongs in.
        field: String,
    },
    /// A field is of the wrong kind or out of its range.
    #[error("{field} must be {range}, it is {value}")]
    Range {
        /// Its name.
        field: String,
        /// What it may be.
        range: String,
        /// What it is, shortened.
        value: String,
    },
}

/// Reads the body of `POST /action`. Keys that it does not know are left alone.
///
/// # Errors
/// [`RequestError`] names the first field that is wrong.
pub fn parse_request(body: &[u8]) -> Result<ActionRequest, RequestError> {
    body::parse(body).map_or_else(|| parse_values(body), Ok)
}

/// The same, value by value.
fn parse_values(body: &[u8]) -> Result<ActionRequest, RequestError> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| RequestError::NotJson { near: field_before(body, &error), problem: error.to_string() })?;
    let whole = object(&value, "the body")?;
    let observation = whole.get("observation").ok_or_else(|| missing("observation"))?;
    let observation = observation_of(Fields { object: object(observation, "observation")?, path: "observation" })?;
    let fields = Fields { object: whole, path: "" };
    let request = ActionRequest {
        observation,
        history: history(whole.get("history"))?,
        min_replicas: fields.optional("min_replicas", |name| fields.count(name, 1))?,
        max_replicas: fields.optional("max_replicas", |name| fields.count(name, 1))?,
        threshold_s: fields.optional("threshold_s", |name| fields.seconds(name))?,
        interval_s: fields.optional("interval_s", |name| fields.seconds(name))?,
        avg_service_time_s: fields.optional("avg_service_time_s", |name| fields.seconds(name))?,
        starting: fields.optional("starting", |name| fields.count(name, 0))?,
        terminating: fields.optional("terminating", |name| fields.count(name, 0))?,
        startup_s: fields.optional("startup_s", |name| fields.number(name, MAX_SECONDS))?,
        recent: fields.optional("recent", |name| recent_of(fields.get(name)?))?,
    };
    match (request.min_replicas, request.max_replicas) {
        (Some(min), Some(max)) if min > max => {
            Err(range("max_replicas", format!("at least min_replicas ({min})"), &Value::from(max)))
        }
        _ => Ok(request),
    }
}

fn observation_of(fields: Fields<'_>) -> Result<Observation, RequestError> {
    Ok(Observation {
        n_instances: fields.count("n_instances", 0)?,
        pressure: fields.number("pressure", MAX_FIGURE)?,
        queue_length_dominant: fields.number("queue_length_dominant", MAX_FIGURE)?,
        utilization: fields.number("utilization", MAX_UTILIZATION)?,
        workload: fields.number("workload", MAX_FIGURE)?,
    })
}

fn recent_of(value: &Value) -> Result<Recent, RequestError> {
    let fields = Fields { object: object(value, "recent")?, path: "recent" };
    Ok(Recent {
        window_s: fields.seconds("window_s")?,
        pressure: fields.number("pressure", MAX_FIGURE)?,
        utilization: fields.number("utilization", MAX_UTILIZATION)?,
    })
}

fn history(value: Option<&Value>) -> Result<Vec<PastObservation>, RequestError> {
    let entries = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(other) => return Err(range("history", "a list".to_owned(), other)),
    };
    if entries.len() > MAX_HISTORY {
        let length = Value::from(entries.len());
        return Err(range("history", format!("at most {MAX_HISTORY} observations long"), &length));
    }
    let mut history: Vec<PastObservation> = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("history[{index}]");
        let fields = Fields { object: object(entry, &path)?, path: &path };
        let age_s = fields.seconds("age_s")?;
        if let Some(older) = history.last().filter(|older| older.age_s <= age_s) {
            let expected = format!("below {}, since the oldest comes first", older.age_s);
            return Err(range(&fields.name("age_s"), expected, &Value::from(age_s)));
        }
        let replicas_ordered = fields.count("replicas_ordered", 0)?;
        history.push(PastObservation { age_s, replicas_ordered, observation: observation_of(fields)? });
    }
    Ok(history)
}

/// The fields of an object.
#[derive(Clone, Copy)]
struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// Where the object is; empty for the body itself.
    path: &'a str,
}

impl Fields<'_> {
    fn name(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn optional<T>(
        &self,
        name: &'static str,
        read: impl Fn(&'static str) -> Result<T, RequestError>,
    ) -> Result<Option<T>, RequestError> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => read(name).map(Some),
        }
    }

    fn get(&self, name: &str) -> Result<&Value, RequestError> {
        self.object.get(name).ok_or_else(|| missing(&self.name(name)))
    }

    /// A finite number, 0 or more.
    fn number(&self, name: &str, most: f64) -> Result<f64, RequestError> {
        let value = self.get(name)?;
        let number = value.as_f64().filter(|number| (0.0..=most).contains(number));
        number.ok_or_else(|| range(&self.name(name), format!("a number from 0 to {most}"), value))
    }

    /// A time above 0.
    fn seconds(&self, name: &str) -> Result<f64, RequestError> {
        let value = self.get(name)?;
        let seconds = value.as_f64().filter(|seconds| *seconds > 0.0 && *seconds <= MAX_SECONDS);
        seconds.ok_or_else(|| range(&self.name(name), format!("seconds, above 0, at most {MAX_SECONDS}"), value))
    }

    /// A whole number, also when it is written as 2.0.
    fn count(&self, name: &str, least: u32) -> Result<u32, RequestError> {
        let value = self.get(name)?;
        let whole = value.as_f64().filter(|number| number.fract() == 0.0);
        let count = whole.filter(|number| (f64::from(least)..=f64::from(MAX_REPLICAS)).contains(number));
        let wrong = || range(&self.name(name), format!("a whole number from {least} to {MAX_REPLICAS}"), value);
        count.map(|count| count as u32).ok_or_else(wrong)
    }
}

fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, RequestError> {
    value.as_object().ok_or_else(|| range(name, "an object".to_owned(), value))
}

fn missing(field: &str) -> RequestError {
    RequestError::Missing { field: field.to_owned() }
}

fn range(field: &str, range: String, value: &Value) -> RequestError {
    const SHOWN: usize = 40;
    let mut text = value.to_string();
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push_str("...");
    }
    RequestError::Range { field: field.to_owned(), range, value: text }
}

/// The last `"name":` before the place where the parser stopped.
fn field_before(body: &[u8], error: &serde_json::Error) -> Option<String> {
    let lines = body.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let read = body.get(..(before + error.column()).min(body.len()))?;
    let colon = read.iter().rposition(|byte| *byte == b':')?;
    let close = read[..colon].iter().rposition(|byte| *byte == b'"')?;
    let open = read[..close].iter().rposition(|byte| *byte == b'"')?;
    let name = std::str::from_utf8(&read[open + 1..close]).ok()?;
    const LONGEST: usize = 64;
    (name.len() <= LONGEST).then(|| name.to_owned())
}
