//! A trained policy as files: `NAME.safetensors` (weights and normaliser) and `NAME.json` (the card).
//!
//! The bytes of both depend on nothing but the training arguments and the machine's arithmetic: no time, no path.

mod card;
pub(crate) mod tensors;

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::features::FEATURES_VERSION;
use crate::network::{Ensemble, Normaliser, PARAMETERS, Value};
use crate::required::Required;

pub use card::{Card, Network as CardNetwork, RecordedDays, Validation};
use tensors::{Tensors, network, numbers, parameter_name, ranges};

/// The checkpoint that is shipped, as trained by the documented command.
const DEFAULT: &[u8] = include_bytes!("../checkpoints/default.safetensors");
/// Key of the only metadata entry: with more than one, their order in the file would be random.
const VERSION_KEY: &str = "features_version";
/// Key of the only metadata entry of another kind of file: a textbook agent's, see [`crate::rivals`].
pub(crate) const RIVAL_KEY: &str = "rival";
/// Most networks that are read.
const MAX_NETWORKS: usize = 16;

/// Why a checkpoint cannot be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file cannot be read.
    #[error("cannot read the checkpoint {}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are not a safetensors file.
    #[error("the checkpoint is not a safetensors file")]
    Format(#[source] safetensors::SafeTensorError),
    /// It was made for other features.
    #[error("the checkpoint is for features version {found}, this agent has {FEATURES_VERSION}")]
    Version {
        /// What the file says.
        found: String,
    },
    /// It is a textbook agent's, which is there to be compared with alone.
    #[error("the file is a rival's, of agent rival: agent evaluate --set ablation plays it as a --variant")]
    Rival,
    /// A tensor is missing or of another shape or type.
    #[error("the checkpoint's tensor {name} must be f32 of shape {expected}, it is {found}")]
    Tensor {
        /// Its name.
        name: String,
        /// Shape that it must have.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A number in it is not finite.
    #[error("the checkpoint's tensor {name} holds {value}")]
    NotFinite {
        /// Its name.
        name: String,
        /// The number.
        value: f32,
    },
    /// The weights do not make a network.
    #[error("the checkpoint's weights do not make a network")]
    Network(#[source] candle_core::Error),
    /// The card cannot be written as JSON.
    #[error("cannot write the card as JSON")]
    Card(#[source] serde_json::Error),
}

/// A trained policy and the hash that names it.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The networks.
    pub ensemble: Ensemble,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

impl Checkpoint {
    /// The shipped one.
    ///
    /// # Errors
    /// [`CheckpointError`], but for the shipped file itself only: a test reads it.
    pub fn shipped() -> Result<Self, CheckpointError> {
        Self::from_bytes(DEFAULT)
    }

    /// Reads `NAME.safetensors`.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = std::fs::read(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes)
    }

    /// Reads this file, or takes the shipped one where none is named.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_or_shipped(path: Option<&Path>) -> Result<Self, CheckpointError> {
        path.map_or_else(Self::shipped, Self::read)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let file = versioned(bytes)?;
        let normaliser =
            Normaliser { state: ranges(&file, "normaliser.state")?, action: ranges(&file, "normaliser.action")? };
        let scale = numbers(&file, "scale", &[2])?;
        let scale = Value { cost: f64::from(scale[0]), violation: f64::from(scale[1]) };
        let mut networks = Vec::new();
        while networks.len() < MAX_NETWORKS && file.tensor(&parameter_name(networks.len(), PARAMETERS[0])).is_ok() {
            networks.push(network(&file, networks.len())?);
        }
        let required = tensors::required(&file)?;
        let ensemble = Ensemble::new(required, normaliser, scale, &networks).map_err(CheckpointError::Network)?;
        Ok(Self { ensemble, sha256: sha256(bytes) })
    }

    /// The first 16 digits of the hash.
    #[must_use]
    pub fn short_hash(&self) -> &str {
        &self.sha256[..16]
    }
}

/// The bytes of `NAME.safetensors`.
///
/// # Errors
/// [`CheckpointError::Network`] when a tensor's numbers cannot be had.
pub fn to_bytes(ensemble: &Ensemble) -> Result<Vec<u8>, CheckpointError> {
    let mut tensors = Tensors::default();
    tensors.add_required(ensemble.required())?;
    let Normaliser { state, action } = ensemble.normaliser();
    tensors.add_ranges("normaliser.state", state);
    tensors.add_ranges("normaliser.action", action);
    let scale = ensemble.scale();
    tensors.add("scale", vec![2], &[scale.cost as f32, scale.violation as f32]);
    for (index, network) in ensemble.networks().iter().enumerate() {
        tensors.add_parameters(PARAMETERS.map(|name| parameter_name(index, name)), network.parameters())?;
    }
    tensors.into_bytes()
}

/// The bytes of a forecast alone.
///
/// # Errors
/// [`CheckpointError::Network`] when a tensor's numbers cannot be had.
pub fn required_to_bytes(required: &Required) -> Result<Vec<u8>, CheckpointError> {
    let mut tensors = Tensors::default();
    tensors.add_required(required)?;
    tensors.into_bytes()
}

/// Reads what [`required_to_bytes`] wrote, or the forecast of a whole checkpoint.
///
/// # Errors
/// [`CheckpointError`] says what is wrong with it.
pub fn required_of_bytes(bytes: &[u8]) -> Result<Required, CheckpointError> {
    tensors::required(&versioned(bytes)?)
}

/// The file, if it is of this version.
fn versioned(bytes: &[u8]) -> Result<SafeTensors<'_>, CheckpointError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(CheckpointError::Format)?;
    if header.metadata().as_ref().is_some_and(|metadata| metadata.contains_key(RIVAL_KEY)) {
        return Err(CheckpointError::Rival);
    }
    let version = header.metadata().as_ref().and_then(|metadata| metadata.get(VERSION_KEY));
    if version.and_then(|version| version.parse().ok()) != Some(FEATURES_VERSION) {
        let found = version.cloned().unwrap_or_else(|| "unknown".to_owned());
        return Err(CheckpointError::Version { found });
    }
    SafeTensors::deserialize(bytes).map_err(CheckpointError::Format)
}

/// Writes both files, each whole or not at all, the card last: a card always describes weights that are there.
///
/// # Errors
/// [`CheckpointError::Write`] names the file.
pub fn write(path: &Path, bytes: &[u8], card: &Card) -> Result<(), CheckpointError> {
    let mut json = serde_json::to_vec_pretty(card).map_err(CheckpointError::Card)?;
    json.push(b'\n');
    write_whole(path, bytes)?;
    write_whole(&path.with_extension("json"), &json)
}

/// A file that is killed while it is written stays under another name.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let failed = |source| CheckpointError::Write { path: path.to_owned(), source };
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, bytes).map_err(failed)?;
    std::fs::rename(&partial, path).map_err(failed)
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
