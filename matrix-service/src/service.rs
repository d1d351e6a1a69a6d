//! What all requests of a pod share.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::admission::Admission;
use crate::arrival::Arrivals;
use crate::body::BodyLimits;
use crate::config::{Config, NoResultsDir, PodNameError};
use crate::disk::Disk;
use crate::drain::Drain;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::parse::Buffers;
use crate::pool::Pool;
use crate::slots::Slots;

/// Idle memory that is kept, in bodies of the largest size: enough for one of them with its matrices.
const IDLE_BODIES: usize = 4;

/// The state of a pod.
#[derive(Debug)]
pub struct Service {
    /// Who multiplies when.
    pub slots: Slots,
    /// Who is read when.
    pub admission: Admission,
    /// Memory of bodies, between requests.
    pub bodies: Pool<Vec<u8>>,
    /// Memory of matrices, between requests.
    pub buffers: Pool<Buffers>,
    /// Bounds of a body.
    pub body_limits: BodyLimits,
    /// Bound of a product.
    pub max_product_values: usize,
    /// Multiplications of a turn.
    pub repeat: NonZeroU32,
    /// Emulated slowness.
    pub pace: Pace,
    /// Names of requests.
    pub arrivals: Arrivals,
    /// Where records go.
    pub disk: Arc<Disk>,
    /// The orderly end.
    pub drain: Drain,
    /// What Prometheus is told.
    pub metrics: Metrics,
}

/// Why a pod has no state to start from.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It has no name.
    #[error(transparent)]
    PodName(#[from] PodNameError),
    /// Its records have no place.
    #[error(transparent)]
    NoResultsDir(#[from] NoResultsDir),
    /// A series cannot be registered.
    #[error("cannot register metrics")]
    Metrics(#[from] prometheus::Error),
}

impl Service {
    /// The state that a configuration asks for.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn new(config: &Config) -> Result<Self, ServiceError> {
        let max_body_bytes = config.max_body_bytes.get();
        Ok(Self {
            slots: Slots::new(config.concurrency.get().into()),
            admission: Admission::new(config.max_bodies_in_flight.get().into()),
            bodies: Pool::new(max_body_bytes),
            buffers: Pool::new(max_body_bytes.saturating_mul(IDLE_BODIES - 1)),
            body_limits: BodyLimits { bytes: max_body_bytes, time: config.body_timeout_seconds },
            max_product_values: config.max_product_values(),
            repeat: config.repeat,
            pace: config.pace(),
            arrivals: Arrivals::default(),
            disk: Arc::new(Disk::new(config.place(config.pod_name()?)?)),
            drain: Drain::default(),
            metrics: Metrics::new()?,
        })
    }

    /// Why the pod should get no requests now; `None` when it is ready.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        if self.drain.is_draining() {
            return Some("this pod is shutting down".to_owned());
        }
        self.disk.failure().map(|reason| format!("records cannot be kept: {reason}"))
    }
}
