//! From a body to an answer.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::rt::time::timeout;
use actix_web::{HttpResponse, web};
use scaler_core::{ActionReply, ActionRequest, Candidate, Explanation};

use super::metrics::{Metrics, Outcome};
use super::request::{RequestError, parse_request};
use super::{BODY_TIMEOUT, MAX_BODY_BYTES};
use crate::checkpoint::Checkpoint;
use crate::features::Situation;
use crate::learned::{Choice, Learned, Weighed};
use crate::network::Value;
use crate::policy::{Policy, PolicyChoice};
use crate::rules::{Calibrated, Hpa};

/// What answers.
pub struct Agent {
    decider: Decider,
    /// Short hash of the checkpoint, or the rule with all of its settings: what an answer is to be recomputed with.
    model: String,
    metrics: Metrics,
}

/// Who chooses the count.
enum Decider {
    Learned(Learned),
    Rule(Box<dyn Policy>),
}

/// Price that a rule's answers tell: it has none.
const NO_PRICE: f64 = 0.0;

impl Agent {
    /// A checkpoint that answers at a price.
    ///
    /// # Errors
    /// When the metrics cannot be registered.
    pub fn new(checkpoint: &Checkpoint, price: f64) -> prometheus::Result<Self> {
        Ok(Self {
            decider: Decider::Learned(Learned::of(checkpoint, price)),
            model: checkpoint.short_hash().to_owned(),
            metrics: Metrics::new(&PolicyChoice::Learned, &checkpoint.sha256, &price.to_string())?,
        })
    }

    /// A rule that answers in place of a checkpoint, by the name that it is known by.
    ///
    /// # Errors
    /// When the metrics cannot be registered.
    pub fn of_rule(name: &PolicyChoice, rule: Box<dyn Policy>) -> prometheus::Result<Self> {
        Ok(Self { decider: Decider::Rule(rule), model: name.to_string(), metrics: Metrics::new(name, "", "")? })
    }

    /// Short hash of the checkpoint that answers, or the rule that does, with all of its settings.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The answer to a state.
    #[must_use]
    pub fn answer(&self, request: &ActionRequest) -> ActionReply {
        let situation = Situation::new(request);
        let (choice, price) = match &self.decider {
            Decider::Learned(learned) => (self.choose(learned, &situation), learned.price()),
            Decider::Rule(rule) => {
                (Choice { replicas: rule.order(request), weighed: Vec::new(), overridden: None }, NO_PRICE)
            }
        };
        let Choice { replicas, weighed, overridden } = choice;
        self.metrics.answered(replicas, situation.ordered(), overridden.is_some());
        let candidates =
            weighed.into_iter().map(|Weighed { replicas, value: Value { cost, violation }, doubt, shortfall }| {
                Candidate { replicas, cost, violation, doubt: Some(doubt), shortfall: Some(shortfall) }
            });
        let explanation = Explanation {
            model: self.model.clone(),
            risk: price,
            candidates: candidates.collect(),
            rule: Calibrated::default().replicas(situation.reading()),
            hpa: Some(Hpa::default().recommend(situation.reading())),
            override_reason: overridden.map(|overridden| overridden.to_string()),
        };
        ActionReply { action: i64::from(replicas), error: None, explanation: Some(explanation) }
    }

    fn choose(&self, learned: &Learned, situation: &Situation) -> Choice {
        learned.ensemble().required().outside(situation.state()).for_each(|feature| self.metrics.outside(feature));
        let choice = learned.choose(std::slice::from_ref(situation)).pop();
        choice.expect("as many choices as situations")
    }

    fn respond(&self, body: &[u8]) -> (StatusCode, Outcome, ActionReply) {
        match parse_request(body) {
            Ok(request) => (StatusCode::OK, Outcome::Answered, self.answer(&request)),
            Err(error @ RequestError::NotJson { .. }) => {
                (StatusCode::BAD_REQUEST, Outcome::Unreadable, ActionReply::refuse(error.to_string()))
            }
            Err(error) => (StatusCode::OK, Outcome::Refused, ActionReply::refuse(error.to_string())),
        }
    }
}

/// The server's paths.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/action", web::post().to(action))
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .configure(metrics_alone);
}

/// The paths of the address for metrics.
pub fn metrics_alone(config: &mut web::ServiceConfig) {
    config.route("/metrics", web::get().to(metrics));
}

async fn action(agent: web::Data<Agent>, payload: web::Payload) -> HttpResponse {
    let body = read(payload).await;
    let begin = Instant::now();
    let (status, outcome, reply) = match body {
        Ok(body) => agent.respond(&body),
        Err((status, outcome, error)) => (status, outcome, ActionReply::refuse(error)),
    };
    if let Some(error) = &reply.error {
        tracing::warn!(%error, "no action");
    } else {
        tracing::debug!(action = reply.action, "answered");
    }
    agent.metrics.count(outcome, begin.elapsed().as_secs_f64());
    HttpResponse::build(status).json(reply)
}

/// The whole body, within its bounds of size and time.
async fn read(payload: web::Payload) -> Result<web::Bytes, (StatusCode, Outcome, String)> {
    match timeout(BODY_TIMEOUT, payload.to_bytes_limited(MAX_BODY_BYTES)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(error))) => {
            Err((StatusCode::BAD_REQUEST, Outcome::Unreadable, format!("the body cannot be read: {error}")))
        }
        Ok(Err(_)) => {
            let error = format!("the body must be at most {MAX_BODY_BYTES} bytes");
            Err((StatusCode::PAYLOAD_TOO_LARGE, Outcome::TooLarge, error))
        }
        Err(_) => {
            let error = format!("the body must be there within {} s", BODY_TIMEOUT.as_secs());
            Err((StatusCode::REQUEST_TIMEOUT, Outcome::TooSlow, error))
        }
    }
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(agent: web::Data<Agent>) -> String {
    match agent.decider {
        Decider::Learned(_) => format!("ready, policy {}, model {}\n", PolicyChoice::Learned, agent.model),
        Decider::Rule(_) => format!("ready, policy {}\n", agent.model),
    }
}

async fn metrics(agent: web::Data<Agent>) -> HttpResponse {
    match agent.metrics.text() {
        Ok(text) => HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
