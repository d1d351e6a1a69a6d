//! `POST /multiply`, from the stamp to the record.

use std::hint::black_box;
use std::sync::Arc;

use actix_web::{HttpRequest, rt, web};
use chrono::Utc;
use scaler_core::RequestRecord;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::admission::Admitted;
use crate::arrival::Arrival;
use crate::drain::Held;
use crate::headers;
use crate::matrix::{Multiplication, TopLeft};
use crate::pace::Pace;
use crate::parse::{Buffers, parse};
use crate::refusal::Refusal;
use crate::service::Service;
use crate::slots::Slot;

/// Longest body that is parsed by the thread that reads it, bytes; it takes about 0.1 ms.
const SHORT_BODY: usize = 128 * 1024;

/// Most terms of a multiplication that is done by the thread that reads; they take about 0.1 ms.
const SHORT_TURN: usize = 1 << 20;

/// The answer to a request that was served.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    message: &'static str,
    #[serde(rename = "Service Time")]
    service_time_s: f64,
    #[serde(rename = "Response Time")]
    response_time_s: f64,
    #[serde(rename = "Result")]
    result: TopLeft,
}

/// Reads a request, then has it served.
///
/// # Errors
/// [`Refusal`], each with its status.
pub async fn multiply(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> Result<web::Json<Reply>, Refusal> {
    let arrival = arrive(&request, &service);
    let held = service.drain.hold().ok_or(Refusal::Draining)?;
    let request_id = headers::request_id(request.headers())?;
    headers::check_content(request.headers())?;
    service.body_limits.announce(headers::content_length(request.headers()))?;
    let admitted = service.admission.enter().await?;
    let mut body = service.bodies.take();
    // At one stroke, as a vector that grows leaves holes behind.
    body.reserve_exact(headers::content_length(request.headers()).and_then(|n| n.try_into().ok()).unwrap_or(0));
    let read = service.body_limits.read(payload, &mut body).await;
    service.metrics.received(body.len());
    if let Err(error) = read {
        service.bodies.put_back(body);
        return Err(error.into());
    }
    let service = service.into_inner();
    let whole = WholeRequest { arrival, request_id, body, service, _admitted: admitted, _held: held };
    // A task of its own: it goes on when the client is gone, and with it this future. What was begun is in the load.
    let reply = rt::spawn(whole.serve()).await.map_err(Refusal::Crashed)??;
    Ok(web::Json(reply))
}

fn arrive(request: &HttpRequest, service: &Service) -> Arrival {
    let now = Utc::now();
    let (stamp, ignored) = headers::ingress_stamp(request.headers(), now);
    for stamp in &ignored {
        tracing::debug!(header = stamp.header, error = %stamp.error, "time header ignored");
        service.metrics.ignored(stamp);
    }
    service.arrivals.arrive(now, stamp)
}

/// A request whose body is here.
struct WholeRequest {
    arrival: Arrival,
    request_id: Option<String>,
    body: Vec<u8>,
    service: Arc<Service>,
    _admitted: Admitted,
    _held: Held,
}

impl WholeRequest {
    /// Parses outside of the slot, waits in line, multiplies inside of it, records.
    async fn serve(self) -> Result<Reply, Refusal> {
        let Self { arrival, request_id, body, service, _admitted, _held } = self;
        let (multiplication, buffers) = parse_body(body, &service).await?;
        let (shape, limit) = (multiplication.product_shape(), service.max_product_values);
        if shape.values() > limit {
            give_back(&service, buffers, multiplication);
            return Err(Refusal::ProductTooLarge { shape, limit });
        }
        let slot = service.slots.turn().await;
        let turn = Turn { slot, arrival, request_id, service: Arc::clone(&service) };
        let (reply, multiplication) = if turn.is_short(&multiplication) {
            (turn.take(&multiplication), multiplication)
        } else {
            spawn_blocking(move || (turn.take(&multiplication), multiplication)).await.map_err(Refusal::Crashed)?
        };
        give_back(&service, buffers, multiplication);
        reply
    }
}

fn give_back(service: &Service, mut buffers: Buffers, multiplication: Multiplication) {
    buffers.recycle(multiplication);
    service.buffers.put_back(buffers);
}

/// Parses where that blocks nobody for long: a short body here, as handing it to another thread would take as long. The
/// body is of no use afterwards, and serves another request while this one waits in line.
async fn parse_body(body: Vec<u8>, service: &Arc<Service>) -> Result<(Multiplication, Buffers), Refusal> {
    let short = body.len() <= SHORT_BODY;
    let service = Arc::clone(service);
    let parse = move || {
        let mut buffers = service.buffers.take();
        let parsed = parse(&body, &mut buffers);
        service.bodies.put_back(body);
        match parsed {
            Ok(multiplication) => Ok((multiplication, buffers)),
            Err(error) => {
                service.buffers.put_back(buffers);
                Err(error.into())
            }
        }
    };
    if short { parse() } else { spawn_blocking(parse).await.map_err(Refusal::Crashed)? }
}

/// A request that has its slot.
struct Turn {
    slot: Slot,
    arrival: Arrival,
    request_id: Option<String>,
    service: Arc<Service>,
}

impl Turn {
    /// Whether the thread that reads can take the turn itself: handing a short one to another thread takes longer than the
    /// turn. Only while records are kept in no time: one that waits for a disk, or for a network, would have all that this
    /// thread reads wait with it. When a disk hangs from one record to the next, that is one request a thread, and the health
    /// checks with them; what a hung disk does to a pod is restart it, after the minute that `livenessProbe` gives it.
    fn is_short(&self, multiplication: &Multiplication) -> bool {
        let terms = multiplication.terms().saturating_mul(self.service.repeat.get() as usize);
        self.service.pace == Pace::FREE && terms <= SHORT_TURN && self.service.disk.is_quick()
    }

    /// Multiplies, gives the slot back, and records.
    fn take(self, multiplication: &Multiplication) -> Result<Reply, Refusal> {
        let Self { mut slot, arrival, request_id, service } = self;
        let (product, service_time) = service.pace.take(|| {
            for _ in 1..service.repeat.get() {
                // Looked at by nobody, and done all the same.
                let _corner = black_box(multiplication.multiply_into(black_box(&mut slot.workspace)));
            }
            multiplication.multiply_into(&mut slot.workspace)
        });
        drop(slot);
        let result = product?;
        let record = RequestRecord {
            service_time_s: service_time.as_secs_f64(),
            response_time_s: arrival.response_time().as_secs_f64(),
            request_id,
        };
        service.disk.keep(arrival.at(), &record).map_err(|error| {
            service.metrics.not_recorded();
            Refusal::RecordNotKept(error)
        })?;
        if service.disk.keeps_records() {
            service.metrics.recorded();
        }
        let RequestRecord { service_time_s, response_time_s, request_id: _ } = record;
        service.metrics.served(service_time_s, response_time_s);
        Ok(Reply { message: "Matrix multiplication completed!", service_time_s, response_time_s, result })
    }
}
