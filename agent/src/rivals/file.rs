//! A trained rival as a safetensors file, with metadata that says what it is.

use std::path::Path;

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::network::{Network, PARAMETERS};
use super::scaling::Scaling;
use crate::checkpoint::tensors::{Tensors, ranges, tensors};
use crate::checkpoint::{CheckpointError, RIVAL_KEY};
use crate::features::FEATURES_VERSION;

/// A trained rival.
#[derive(Debug, Clone)]
pub struct Rival {
    /// Which algorithm made it.
    pub algorithm: String,
    /// How its inputs are normalised.
    pub scaling: Scaling,
    /// The network.
    pub network: Network,
}

/// The metadata, as JSON under one key: with several, their order in the file would be random.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    algorithm: String,
    features_version: u32,
    hyperparameters: serde_json::Value,
}

impl Rival {
    /// The bytes of a file, with what it was trained with.
    ///
    /// # Errors
    /// [`CheckpointError::Network`] when a tensor's numbers cannot be had.
    pub fn to_bytes(&self, hyperparameters: serde_json::Value) -> Result<Vec<u8>, CheckpointError> {
        let mut all = Tensors::default();
        all.add_ranges("scaling.state", &self.scaling.state);
        all.add_ranges("scaling.action", &self.scaling.action);
        all.add_parameters(PARAMETERS.map(str::to_owned), self.network.parameters())?;
        let about = About { algorithm: self.algorithm.clone(), features_version: FEATURES_VERSION, hyperparameters };
        all.into_bytes_about(RIVAL_KEY, serde_json::to_string(&about).map_err(CheckpointError::Card)?)
    }

    /// Reads the bytes of a file; `None` when they are a checkpoint's of `agent train`, or of something else.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Option<Self>, CheckpointError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(CheckpointError::Format)?;
        let Some(about) = header.metadata().as_ref().and_then(|metadata| metadata.get(RIVAL_KEY)) else {
            return Ok(None);
        };
        let about: About = serde_json::from_str(about).map_err(CheckpointError::Card)?;
        if about.features_version != FEATURES_VERSION {
            return Err(CheckpointError::Version { found: about.features_version.to_string() });
        }
        let file = SafeTensors::deserialize(bytes).map_err(CheckpointError::Format)?;
        let scaling = Scaling { state: ranges(&file, "scaling.state")?, action: ranges(&file, "scaling.action")? };
        let parameters = tensors(&file, PARAMETERS.map(str::to_owned))?;
        let network = Network::new(parameters).map_err(CheckpointError::Network)?;
        Ok(Some(Self { algorithm: about.algorithm, scaling, network }))
    }

    /// Writes the bytes of a file, whole or not at all.
    ///
    /// # Errors
    /// [`CheckpointError::Write`] names the file.
    pub fn write(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
        crate::checkpoint::write_whole(path, bytes)
    }
}
