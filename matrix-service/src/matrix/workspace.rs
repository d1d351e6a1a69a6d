//! What a multiplication works in.

use super::singles::Singles;

/// The memory of a multiplication and its product, kept from one to the next.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(super) product: Vec<f64>,
    pub(super) singles: Singles,
}

impl Workspace {
    /// The last product, row by row.
    #[must_use]
    pub fn product(&self) -> &[f64] {
        &self.product
    }
}
