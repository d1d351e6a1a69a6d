//! Multiplies matrices over HTTP, one at a time, and writes one record per request.
//!
//! The workload that is scaled: each pod is a queue with one server, and each record tells the scaler how long a
//! request was served and how long it took in all.
//!
//! ```text
//!  headers, body         parse           wait          multiply           record         reply
//!  ─────────────► [admission] ──► Multiplication ──► [slot, FIFO] ──► top left 5x5 ──► incoming/ ──► 200
//!  └ stamp                       (blocking thread)   └─ service time ─┘
//!  └────────────────────────── response time ───────────────────────┘
//! ```
//!
//! # Endpoints
//!
//! | request | answer |
//! |---|---|
//! | `POST /multiply` | 200 and the top left 5x5 of the product, or less where it is smaller |
//! | `GET /healthz` | 200 `{"status": "ok"}` while the process runs |
//! | `GET /readyz` | 200 `{"status": "ready"}`; 503 while records cannot be kept, and from SIGTERM on |
//! | `GET /metrics` | Prometheus' text format |
//!
//! ```text
//! $ curl -H "X-Request-ID: r-1" -d '{"matrix_a": [[1, 2], [3, 4]], "matrix_b": [[5, 6], [7, 8]]}' localhost:8080/multiply
//! {"message":"Matrix multiplication completed!","Service Time":0.000019,"Response Time":0.000213,"Result":[[19.0,22.0],[43.0,50.0]]}
//! ```
//!
//! | header | meaning |
//! |---|---|
//! | `requestTime: t=<epoch seconds>.<ms>` | set by the ingress; response time counts from here |
//! | `X-Request-Start: t=<epoch s, ms or us>` | the same of other proxies, where `requestTime` is not there or of no use |
//! | `X-Request-ID` | echoed in every reply and stored in the record; up to 128 visible ASCII characters |
//!
//! A stamp that cannot be read, lies in the future or is more than an hour old is passed over and counted; without a
//! stamp the time of arrival counts.
//!
//! Numbers are JSON integers or floats, rounded to the nearest 64 bit float; the product is that of 64 bit floats. (Whole
//! numbers so small that 32 bit floats hold every sum of it are multiplied in these where that is faster: to the same bits.)
//! Unknown keys are passed over.
//! Errors are `{"error": "..."}`:
//!
//! | status | when |
//! |---|---|
//! | 400 | not JSON, a key missing or twice, not a matrix (matrix, row and column are named, from 1), shapes that do not fit (both are named), a product that overflows, a bad `X-Request-ID` |
//! | 404, 405 | no such path, no such method |
//! | 408 | the body took longer than `BODY_TIMEOUT_SECONDS` |
//! | 413 | a body above `MAX_BODY_BYTES`, or a product of more values than half of that |
//! | 415 | a `Content-Type` that cannot be JSON, or a `Content-Encoding` |
//! | 500 | multiplied, but the record could not be kept |
//! | 503 | shutting down, or too many requests wait (with `Retry-After`) |
//!
//! # Discipline
//!
//! `CONCURRENCY` multiplications run at a time, by default one; the others wait in line, in the
//! order in which they were read and parsed ([`slots`]).
//! *Service time* is the time of the multiplication inside the slot, with what an emulated CPU limit adds ([`pace`]);
//! reading and parsing are outside of it. *Response time* runs from the ingress' stamp to the moment the reply is
//! ready, just before its record is written. `MAX_BODIES_IN_FLIGHT` bounds the bodies in memory; requests beyond it
//! wait unread, and beyond [`admission::MAX_WAITING`] of those are refused with 503. A request whose body is complete
//! is served and recorded even when its client is gone.
//!
//! # Records
//!
//! A request that gets 200 has its record `<Pod>_<Timestamp>.json` in `RESULTS_DIR/incoming/` before it gets it;
//! one that gets anything else has none ([`records`]). With `RECORDS=segment` the record is a line of the pod's
//! `<Pod>_<Timestamp>.jsonl` there, which is a tenth of the work: for more than about a thousand requests a second. With
//! `RECORDS=none` there are no records and no folder; the scaler then takes its state from Prometheus. When a record cannot be kept, `/readyz` turns to 503; the folder
//! is probed every half second then, and `/readyz` turns back by itself ([`disk`]).
//!
//! # Environment
//!
//! Each is a flag as well (`--results-dir`).
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `LISTEN_ADDR` | `0.0.0.0:8080` | address; port 0 takes a free one |
//! | `RESULTS_DIR` | required | folder shared with the scaler; not needed with `RECORDS=none` |
//! | `RECORDS` | `file` | `file`: a file per request; `segment`: a file per window with a line per request; `none` |
//! | `POD_NAME` | `HOSTNAME` | name in file names; no `_` |
//! | `CONCURRENCY` | 1 | multiplications at a time; no more than `MAX_BODIES_IN_FLIGHT` can be |
//! | `MAX_BODY_BYTES` | 16777216 | largest body; half of it is the most values of a product |
//! | `MAX_BODIES_IN_FLIGHT` | 16 | bodies in memory at a time |
//! | `BODY_TIMEOUT_SECONDS` | 10 | time for a client to send its body |
//! | `GRACE_SECONDS` | 25 | from SIGTERM to the exit at the latest |
//! | `REPEAT` | 1 | times that each pair is multiplied: makes a pod as slow as one of a smaller node |
//! | `EMULATED_CPU_QUOTA` | 1 | share of a core per multiplication, 0.0001 to 1; below 1 the rest is slept inside the slot |
//! | `EMULATED_SERVICE_TIME` | none | seconds that a multiplication takes at least; the rest is slept inside the slot |
//! | `RUST_LOG` | `info` | log level, to stderr |
//!
//! # The end
//!
//! SIGTERM or SIGINT: `/readyz` turns to 503, new requests get 503, those that are held are finished and recorded, then
//! the process exits with 0. If they are not finished in time it exits with 1 and says how many were left. A
//! cluster should stop sending before the signal (`preStop`), or try a 503 again elsewhere.

pub mod admission;
mod arrival;
mod body;
mod causes;
pub mod config;
pub mod disk;
mod drain;
mod excerpt;
mod headers;
pub mod matrix;
mod metrics;
mod multiply;
pub mod pace;
pub mod parse;
pub mod pool;
pub mod records;
mod refusal;
mod routes;
mod server;
mod service;
pub mod slots;

pub use config::Config;
pub use server::run;
