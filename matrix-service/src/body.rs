//! Reading a body, within its bounds in bytes and time.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures::{Stream, StreamExt};
use thiserror::Error;
use tokio::time::timeout;

/// What a body may take.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes.
    pub bytes: usize,
    /// Time from the first look to the last byte.
    pub time: Duration,
}

/// Why a body is not read to its end.
#[derive(Debug, Error)]
pub enum BodyError {
    /// Longer than allowed.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// `MAX_BODY_BYTES`.
        limit: usize,
    },
    /// The client took too long.
    #[error("the body was not complete after {} s", limit.as_secs_f64())]
    TooSlow {
        /// `BODY_TIMEOUT_SECONDS`.
        limit: Duration,
    },
    /// It is cut short, or its chunks are broken.
    #[error("the body cannot be received")]
    Broken(#[source] PayloadError),
}

impl BodyLimits {
    /// Refuses a body that says to be too long before any of it is read.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`].
    pub fn announce(&self, content_length: Option<u64>) -> Result<(), BodyError> {
        let fits = content_length.is_none_or(|length| usize::try_from(length).is_ok_and(|length| length <= self.bytes));
        if fits { Ok(()) } else { Err(BodyError::TooLarge { limit: self.bytes }) }
    }

    /// Appends all of `chunks` to `body`.
    ///
    /// # Errors
    /// [`BodyError`]; what `body` holds then is of no use.
    pub async fn read(
        &self,
        chunks: impl Stream<Item = Result<Bytes, PayloadError>>,
        body: &mut Vec<u8>,
    ) -> Result<(), BodyError> {
        let read = async {
            let mut chunks = std::pin::pin!(chunks);
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(BodyError::Broken)?;
                if chunk.len() > self.bytes - body.len() {
                    return Err(BodyError::TooLarge { limit: self.bytes });
                }
                body.extend_from_slice(&chunk);
            }
            Ok(())
        };
        timeout(self.time, read).await.map_err(|_| BodyError::TooSlow { limit: self.time })?
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const LIMITS: BodyLimits = BodyLimits { bytes: 10, time: Duration::from_millis(20) };

    fn chunks(parts: &[&'static str]) -> impl Stream<Item = Result<Bytes, PayloadError>> {
        stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect::<Vec<_>>())
    }

    #[actix_web::test]
    async fn a_body_may_have_exactly_the_bytes_allowed() {
        let mut body = Vec::new();
        LIMITS.read(chunks(&["12345", "", "67890"]), &mut body).await.unwrap();
        assert_eq!(body, b"1234567890");
        let error = LIMITS.read(chunks(&["12345", "678901"]), &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, BodyError::TooLarge { limit: 10 }), "{error}");
        for (length, fits) in [(None, true), (Some(10), true), (Some(11), false), (Some(u64::MAX), false)] {
            assert_eq!(LIMITS.announce(length).is_ok(), fits, "{length:?}");
        }
    }

    #[actix_web::test]
    async fn a_client_that_stops_sending_is_given_up() {
        let stalled = chunks(&["12345"]).chain(stream::pending());
        let error = LIMITS.read(stalled, &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, BodyError::TooSlow { .. }), "{error}");
    }

    #[actix_web::test]
    async fn a_body_cut_short_is_an_error() {
        let cut = chunks(&["12345"]).chain(stream::iter([Err(PayloadError::Incomplete(None))]));
        let error = LIMITS.read(cut, &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, BodyError::Broken(_)), "{error}");
    }
}
