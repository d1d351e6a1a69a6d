//! A body that is as the scaler sends it.

use scaler_core::observation::MAX_HISTORY;
use scaler_core::{ActionRequest, Observation, PastObservation, Recent};
use serde::Deserialize;

use super::{MAX_FIGURE, MAX_REPLICAS, MAX_SECONDS, MAX_UTILIZATION};

/// [`ActionRequest`] with a flat history, which is read without a map.
#[derive(Deserialize)]
struct Body {
    observation: Observation,
    #[serde(default)]
    history: Vec<Past>,
    min_replicas: Option<u32>,
    max_replicas: Option<u32>,
    threshold_s: Option<f64>,
    interval_s: Option<f64>,
    avg_service_time_s: Option<f64>,
    starting: Option<u32>,
    terminating: Option<u32>,
    startup_s: Option<f64>,
    recent: Option<Recent>,
}

/// [`PastObservation`]
#[derive(Deserialize)]
struct Past {
    age_s: f64,
    replicas_ordered: u32,
    n_instances: u32,
    pressure: f64,
    queue_length_dominant: f64,
    utilization: f64,
    workload: f64,
}

impl Past {
    fn observation(&self) -> Observation {
        let Self { n_instances, pressure, queue_length_dominant, utilization, workload, .. } = *self;
        Observation { n_instances, pressure, queue_length_dominant, utilization, workload }
    }
}

/// The request, if the body has every field that it must have, each of its type and in its range.
pub(super) fn parse(body: &[u8]) -> Option<ActionRequest> {
    // Whole, as strings that nobody asks for are not looked at later.
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<Body>(text).ok().filter(is_good).map(request)
}

fn is_good(body: &Body) -> bool {
    let counts = [body.starting, body.terminating];
    let bounds = [body.min_replicas, body.max_replicas];
    let times = [body.threshold_s, body.interval_s, body.avg_service_time_s];
    is_possible(&body.observation)
        && is_history(&body.history)
        && counts.into_iter().flatten().all(|count| count <= MAX_REPLICAS)
        && bounds.into_iter().flatten().all(|count| (1..=MAX_REPLICAS).contains(&count))
        && times.into_iter().flatten().all(is_time)
        && body.startup_s.is_none_or(|startup_s| (0.0..=MAX_SECONDS).contains(&startup_s))
        && body.recent.as_ref().is_none_or(is_end)
        && body.min_replicas.zip(body.max_replicas).is_none_or(|(min, max)| min <= max)
}

fn is_possible(observation: &Observation) -> bool {
    let Observation { n_instances, pressure, queue_length_dominant, utilization, workload } = *observation;
    n_instances <= MAX_REPLICAS
        && (0.0..=MAX_UTILIZATION).contains(&utilization)
        && [pressure, queue_length_dominant, workload].iter().all(|figure| (0.0..=MAX_FIGURE).contains(figure))
}

fn is_end(recent: &Recent) -> bool {
    let Recent { window_s, pressure, utilization } = *recent;
    is_time(window_s) && (0.0..=MAX_FIGURE).contains(&pressure) && (0.0..=MAX_UTILIZATION).contains(&utilization)
}

fn is_history(history: &[Past]) -> bool {
    let is_good =
        |past: &Past| is_time(past.age_s) && past.replicas_ordered <= MAX_REPLICAS && is_possible(&past.observation());
    history.len() <= MAX_HISTORY
        && history.iter().all(is_good)
        && history.is_sorted_by(|older, newer| older.age_s > newer.age_s)
}

fn is_time(seconds: f64) -> bool {
    seconds > 0.0 && seconds <= MAX_SECONDS
}

fn request(body: Body) -> ActionRequest {
    let past = |past: Past| PastObservation {
        age_s: past.age_s,
        replicas_ordered: past.replicas_ordered,
        observation: past.observation(),
    };
    ActionRequest {
        observation: body.observation,
        history: body.history.into_iter().map(past).collect(),
        min_replicas: body.min_replicas,
        max_replicas: body.max_replicas,
        threshold_s: body.threshold_s,
        interval_s: body.interval_s,
        avg_service_time_s: body.avg_service_time_s,
        starting: body.starting,
        terminating: body.terminating,
        startup_s: body.startup_s,
        recent: body.recent,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::parse_values;
    use super::*;

    const RECORDED: &str = include_str!("../../../tests/golden/request.json");

    /// Every number of the request, as the way to it.
    fn numbers(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| numbers(value, &format!("{at}/{name}"), found))
            }
            Value::Array(values) => {
                values.iter().enumerate().for_each(|(i, value)| numbers(value, &format!("{at}/{i}"), found));
            }
            _ => found.push(at.to_owned()),
        }
    }

    #[test]
    fn what_is_read_fast_is_read_the_same_value_by_value_and_all_that_is_wrong_is_left_to_that() {
        let recorded: Value = serde_json::from_str(RECORDED).unwrap();
        assert_eq!(parse(RECORDED.as_bytes()), parse_values(RECORDED.as_bytes()).ok());
        let mut places = Vec::new();
        numbers(&recorded, "", &mut places);
        let values = [
            json!(null),
            json!(-1),
            json!(-0.0),
            json!(0),
            json!(0.5),
            json!(1),
            json!(3.0),
            json!(10.5),
            json!(10_001),
            json!(1e6),
            json!(1.1e6),
            json!(4e7),
            json!("1"),
            json!([1]),
            json!({}),
            json!(true),
        ];
        let (mut fast, mut refused) = (0, 0);
        for place in &places {
            for value in &values {
                let mut changed = recorded.clone();
                *changed.pointer_mut(place).unwrap() = value.clone();
                let body = changed.to_string();
                let slow = parse_values(body.as_bytes());
                refused += u32::from(slow.is_err());
                if let Some(request) = parse(body.as_bytes()) {
                    fast += 1;
                    assert_eq!(Ok(request), slow, "{place} is {value}");
                }
            }
        }
        assert!(fast > 400 && refused > 800, "{fast} read fast, {refused} refused");
    }

    #[test]
    fn what_is_no_text_is_not_read() {
        let mut body = br#"{"observation": {"n_instances": 2, "pressure": 0.8, "queue_length_dominant": 1.2, "utilization": 0.4, "workload": 9.35}, "note": "?"}"#.to_vec();
        assert!(parse(&body).is_some());
        let at = body.iter().position(|byte| *byte == b'?').unwrap();
        body[at] = 0xff;
        assert_eq!(parse(&body), None);
    }
}
