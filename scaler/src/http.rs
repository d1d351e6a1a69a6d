//! The HTTP client of the agent and of Prometheus: a deadline for the whole exchange, a bound on the answer.

use std::time::Duration;

use reqwest::{Client, Response};

/// A client whose exchanges end within `deadline`, answer included.
///
/// Both peers live in the cluster, so the proxy of the environment is not for them; a redirect would lead elsewhere.
pub(crate) fn client(deadline: Duration) -> Result<Client, reqwest::Error> {
    install_crypto();
    let builder = || Client::builder().timeout(deadline).no_proxy().redirect(reqwest::redirect::Policy::none());
    // An image without CA certificates fails the first; it can verify nobody, but plain HTTP needs nobody verified.
    builder().build().or_else(|_| builder().tls_certs_only([]).build())
}

/// Installs the process' TLS provider, unless the program has done so.
pub(crate) fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only when another thread was faster; then there is one, which is all that is needed.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

/// The body, `None` when it is longer than `limit` bytes.
pub(crate) async fn bounded_body(mut response: Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}
