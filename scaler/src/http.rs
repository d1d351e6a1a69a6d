//! The HTTP client of the agent, of Prometheus and of its Pushgateway: a deadline for the whole exchange, a bound on the answer.

use std::time::Duration;

use reqwest::{Client, Response};

/// Part of an unusable answer that is kept, characters.
const EXCERPT_CHARS: usize = 200;
/// Enough for so many characters, of four bytes at most.
const EXCERPT_BYTES: usize = 4 * EXCERPT_CHARS;

/// A client for `url`, whose exchanges end within `deadline`, answer included.
///
/// The peers live in the cluster, so the proxy of the environment is not for them; a redirect would lead elsewhere.
pub(crate) fn client(url: &str, deadline: Duration) -> Result<Client, reqwest::Error> {
    install_crypto();
    let builder = || Client::builder().timeout(deadline).no_proxy().redirect(reqwest::redirect::Policy::none());
    let of_nobody = || builder().tls_certs_only([]).build();
    // To read the certificates that a machine trusts takes longer than all else of a check.
    if is_plain(url) {
        return of_nobody();
    }
    // An image without CA certificates can verify nobody: then the call fails, and not the check.
    builder().build().or_else(|_| of_nobody())
}

/// Whether nobody needs to be verified.
pub(crate) fn is_plain(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
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

/// Start of a body, as errors tell it.
pub(crate) fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(EXCERPT_CHARS).collect()
}

/// The same of a refusal, however long it is; what fails to come is not told.
pub(crate) async fn excerpt_of(mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < EXCERPT_BYTES {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        body.extend_from_slice(&chunk);
    }
    excerpt(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_needed_for_all_but_plain_http() {
        assert!(is_plain("http://agent:8000/action") && is_plain("HTTP://prometheus"));
        assert!(!is_plain("https://prometheus") && !is_plain("prometheus:9090") && !is_plain(""));
    }
}
