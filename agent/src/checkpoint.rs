//! A trained policy as files: `NAME.safetensors` (weights and normaliser) and `NAME.json` (the card).
//!
//! The bytes of both depend on nothing but the training arguments and the machine's arithmetic: no time, no path.

mod card;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::features::FEATURES_VERSION;
use crate::network::{Ensemble, Network, Normaliser, PARAMETERS, Range, Value};

pub use card::{Card, Network as CardNetwork, Validation};

/// The checkpoint that is shipped, as trained by the documented command.
const DEFAULT: &[u8] = include_bytes!("../checkpoints/default.safetensors");
/// Key of the only metadata entry: with more than one, their order in the file would be random.
const VERSION_KEY: &str = "features_version";
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

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(CheckpointError::Format)?;
        let version = header.metadata().as_ref().and_then(|metadata| metadata.get(VERSION_KEY));
        if version.and_then(|version| version.parse().ok()) != Some(FEATURES_VERSION) {
            let found = version.cloned().unwrap_or_else(|| "unknown".to_owned());
            return Err(CheckpointError::Version { found });
        }
        let file = SafeTensors::deserialize(bytes).map_err(CheckpointError::Format)?;
        let normaliser = Normaliser { state: ranges(&file, "state")?, action: ranges(&file, "action")? };
        let scale = numbers(&file, "scale", &[2])?;
        let scale = Value { cost: f64::from(scale[0]), violation: f64::from(scale[1]) };
        let mut networks = Vec::new();
        while networks.len() < MAX_NETWORKS && file.tensor(&parameter_name(networks.len(), PARAMETERS[0])).is_ok() {
            networks.push(network(&file, networks.len())?);
        }
        let ensemble = Ensemble::new(normaliser, scale, &networks).map_err(CheckpointError::Network)?;
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
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    let mut add = |name: String, shape: Vec<usize>, numbers: &[f32]| {
        tensors.insert(name, (shape, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()));
    };
    let Normaliser { state, action } = ensemble.normaliser();
    for (name, ranges) in [("state", &state[..]), ("action", &action[..])] {
        let rows = ranges.iter().flat_map(|range| [range.mean, range.deviation, range.low, range.high]);
        add(format!("normaliser.{name}"), vec![ranges.len(), 4], &rows.collect::<Vec<_>>());
    }
    let scale = ensemble.scale();
    add("scale".to_owned(), vec![2], &[scale.cost as f32, scale.violation as f32]);
    for (index, network) in ensemble.networks().iter().enumerate() {
        for (name, tensor) in PARAMETERS.iter().zip(network.parameters()) {
            let numbers = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
            add(parameter_name(index, name), tensor.dims().to_vec(), &numbers.map_err(CheckpointError::Network)?);
        }
    }
    let views: Result<BTreeMap<&str, TensorView<'_>>, _> = tensors
        .iter()
        .map(|(name, (shape, bytes))| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect();
    let metadata = std::collections::HashMap::from([(VERSION_KEY.to_owned(), FEATURES_VERSION.to_string())]);
    views.and_then(|views| safetensors::serialize(views, Some(metadata))).map_err(CheckpointError::Format)
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
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
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

fn parameter_name(network: usize, name: &str) -> String {
    format!("network.{network}.{name}")
}

fn network(file: &SafeTensors<'_>, index: usize) -> Result<Network, CheckpointError> {
    let mut tensors = Vec::with_capacity(PARAMETERS.len());
    for name in PARAMETERS {
        let name = parameter_name(index, name);
        let shape = file.tensor(&name).map(|view| view.shape().to_vec()).unwrap_or_default();
        let numbers = numbers(file, &name, &shape)?;
        tensors.push(Tensor::from_vec(numbers, shape, &Device::Cpu).map_err(CheckpointError::Network)?);
    }
    let tensors = <[Tensor; PARAMETERS.len()]>::try_from(tensors)
        .map_err(|_| candle_core::Error::Msg("the number of parameters is a constant".to_owned()));
    tensors.and_then(Network::new).map_err(CheckpointError::Network)
}

fn ranges<const N: usize>(file: &SafeTensors<'_>, of: &str) -> Result<[Range; N], CheckpointError> {
    let rows = numbers(file, &format!("normaliser.{of}"), &[N, 4])?;
    Ok(std::array::from_fn(|i| {
        let row = &rows[4 * i..];
        Range { mean: row[0], deviation: row[1], low: row[2], high: row[3] }
    }))
}

fn numbers(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
    let wrong =
        |found: String| CheckpointError::Tensor { name: name.to_owned(), expected: format!("{shape:?}"), found };
    let view = file.tensor(name).map_err(|_| wrong("missing".to_owned()))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        return Err(wrong(format!("{:?} of shape {:?}", view.dtype(), view.shape())));
    }
    let (words, _) = view.data().as_chunks::<4>();
    let numbers: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(value) => Err(CheckpointError::NotFinite { name: name.to_owned(), value: *value }),
        None => Ok(numbers),
    }
}
