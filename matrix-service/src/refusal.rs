//! Every answer of `POST /multiply` that is not the product.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use thiserror::Error;

use crate::admission::Full;
use crate::body::BodyError;
use crate::headers::HeaderError;
use crate::matrix::{Overflow, Shape};
use crate::parse::BadRequest;
use crate::records::RecordsError;

/// The body of every error: `{"error": "..."}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// What went wrong, and for 4xx what the caller must change.
    pub error: String,
}

/// Why a request is not served.
#[derive(Debug, Error)]
pub enum Refusal {
    /// A header must be changed.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body holds no multiplication.
    #[error(transparent)]
    BadRequest(#[from] BadRequest),
    /// A column times a row may hold the square of what was sent.
    #[error("the product would be {shape}, {} values; at most {limit} are computed", shape.values())]
    ProductTooLarge {
        /// Its shape.
        shape: Shape,
        /// Values at most.
        limit: usize,
    },
    /// The product cannot be told in JSON.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The pod is about to end.
    #[error("this pod is shutting down")]
    Draining,
    /// Too many wait.
    #[error(transparent)]
    Full(#[from] Full),
    /// Multiplied, but without a record the request would be missing from the load that the scaler sees.
    #[error("the record of this request could not be kept")]
    RecordNotKept(#[source] RecordsError),
    /// A bug of ours.
    #[error("the request could not be finished")]
    Crashed(#[source] tokio::task::JoinError),
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Header(HeaderError::RequestId)
            | Self::BadRequest(_)
            | Self::Overflow(_)
            | Self::Body(BodyError::Broken(_)) => StatusCode::BAD_REQUEST,
            Self::Header(HeaderError::ContentType(_) | HeaderError::ContentEncoding(_)) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Body(BodyError::TooSlow { .. }) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyError::TooLarge { .. }) | Self::ProductTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Draining | Self::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::RecordNotKept(_) | Self::Crashed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if self.status_code() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, "1"));
        }
        response.json(ErrorBody { error: self.to_string() })
    }
}
