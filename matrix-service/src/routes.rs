//! Which path leads where, and what goes for every answer.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::causes::Causes;
use crate::excerpt::excerpt;
use crate::headers;
use crate::metrics::Metrics;
use crate::multiply::multiply;
use crate::refusal::{ErrorBody, Refusal};
use crate::service::Service;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// All paths of the service.
pub fn configure(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/multiply")
            .wrap(from_fn(count))
            .route(web::post().to(multiply))
            .default_service(web::to(|| async { method_not_allowed("POST") })),
    )
    .service(get("/healthz", web::get().to(healthz)))
    .service(get("/readyz", web::get().to(readyz)))
    .service(get("/metrics", web::get().to(metrics)))
    .default_service(web::to(not_found));
}

fn get(path: &str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(route).default_service(web::to(|| async { method_not_allowed("GET") }))
}

/// The process runs.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// The pod should get requests.
async fn readyz(service: web::Data<Service>) -> HttpResponse {
    match service.unready() {
        None => HttpResponse::Ok().json(json!({"status": "ready"})),
        Some(error) => HttpResponse::ServiceUnavailable().json(ErrorBody { error }),
    }
}

async fn metrics(service: web::Data<Service>) -> HttpResponse {
    match service.metrics.text() {
        Ok(text) => HttpResponse::Ok().insert_header((CONTENT_TYPE, Metrics::media_type())).body(text),
        Err(error) => {
            tracing::error!(error = %Causes(&error), "cannot print metrics");
            HttpResponse::InternalServerError().json(ErrorBody { error: "metrics cannot be printed".to_owned() })
        }
    }
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    let path = excerpt(request.path());
    let error = format!("there is no {path}; there are /multiply, /healthz, /readyz and /metrics");
    HttpResponse::NotFound().json(ErrorBody { error })
}

fn method_not_allowed(method: &'static str) -> HttpResponse {
    let error = format!("only {method} is allowed here");
    HttpResponse::MethodNotAllowed().insert_header((ALLOW, method)).json(ErrorBody { error })
}

/// Counts the requests to `/multiply`, and logs what the client is not told.
async fn count(
    service: web::Data<Service>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let _in_flight = service.metrics.enter();
    let response = next.call(request).await?;
    service.metrics.answered(response.status());
    let error = response.response().error().and_then(|error| error.as_error::<Refusal>());
    if let Some(error) = error.filter(|_| response.status() == StatusCode::INTERNAL_SERVER_ERROR) {
        tracing::error!(error = %Causes(error), "request failed");
    }
    Ok(response)
}

/// Echoes `X-Request-ID`, and sends clients away from a pod that is about to end.
pub async fn address(
    service: web::Data<Service>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = headers::request_id(request.headers()).ok().flatten();
    let mut response = next.call(request).await?;
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    if service.drain.is_draining() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
