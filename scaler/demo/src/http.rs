//! The one way in which this program makes HTTP clients.

use std::time::Duration;

/// A connection that was idle for longer is not used again: servers close theirs after 5 s, and a request that is sent
/// at that very moment would be lost.
const POOL_IDLE: Duration = Duration::from_secs(2);
/// Everything is on this machine: who does not accept by then is not there.
const CONNECT: Duration = Duration::from_secs(2);

/// A client whose every request ends within `deadline`.
///
/// # Errors
/// When the client cannot be set up.
pub fn client(deadline: Duration) -> reqwest::Result<reqwest::Client> {
    // The client wants one even for plain HTTP; an error says that one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(deadline)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(POOL_IDLE)
        // A proxy of the environment is not meant for this machine's own addresses.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
