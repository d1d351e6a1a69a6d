//! Tensors in a file, and out of it.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::{CheckpointError, MAX_NETWORKS, VERSION_KEY};
use crate::features::{FEATURES_VERSION, STATE_FEATURES};
use crate::network::{Network, PARAMETERS, PERCEPTRON_PARAMETERS, Perceptron, Range};
use crate::required::{LEVELS, Required};

/// How the inputs of the networks of the required pods are normalised.
const REQUIRED_RANGES: &str = "required.state";

/// Named tensors, in order of their names.
#[derive(Debug, Default)]
pub struct Tensors(BTreeMap<String, (Vec<usize>, Vec<u8>)>);

impl Tensors {
    /// Adds one.
    pub fn add(&mut self, name: &str, shape: Vec<usize>, numbers: &[f32]) {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.0.insert(name.to_owned(), (shape, bytes));
    }

    /// Adds how features are normalised, a row each.
    pub fn add_ranges(&mut self, name: &str, ranges: &[Range]) {
        let rows = ranges.iter().flat_map(|range| [range.mean, range.deviation, range.low, range.high]);
        self.add(name, vec![ranges.len(), 4], &rows.collect::<Vec<_>>());
    }

    /// Adds a network.
    pub fn add_parameters<const P: usize>(
        &mut self,
        names: [String; P],
        parameters: &[Tensor; P],
    ) -> Result<(), CheckpointError> {
        for (name, tensor) in names.iter().zip(parameters) {
            let numbers = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
            self.add(name, tensor.dims().to_vec(), &numbers.map_err(CheckpointError::Network)?);
        }
        Ok(())
    }

    /// Adds a forecast.
    pub fn add_required(&mut self, required: &Required) -> Result<(), CheckpointError> {
        self.add_ranges(REQUIRED_RANGES, required.ranges());
        for (index, network) in required.networks().iter().enumerate() {
            self.add_parameters(PERCEPTRON_PARAMETERS.map(|name| required_name(index, name)), network.parameters())?;
        }
        Ok(())
    }

    /// The file.
    pub fn into_bytes(self) -> Result<Vec<u8>, CheckpointError> {
        self.into_bytes_about(VERSION_KEY, FEATURES_VERSION.to_string())
    }

    /// The file, with this entry as its metadata.
    pub fn into_bytes_about(self, key: &str, value: String) -> Result<Vec<u8>, CheckpointError> {
        let views: Result<BTreeMap<&str, TensorView<'_>>, _> = self
            .0
            .iter()
            .map(|(name, (shape, bytes))| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect();
        let metadata = HashMap::from([(key.to_owned(), value)]);
        views.and_then(|views| safetensors::serialize(views, Some(metadata))).map_err(CheckpointError::Format)
    }
}

/// Name of a value network's parameter.
pub fn parameter_name(network: usize, name: &str) -> String {
    format!("network.{network}.{name}")
}

fn required_name(network: usize, name: &str) -> String {
    format!("required.{network}.{name}")
}

/// Reads a value network.
pub fn network(file: &SafeTensors<'_>, index: usize) -> Result<Network, CheckpointError> {
    let tensors = tensors(file, PARAMETERS.map(|name| parameter_name(index, name)))?;
    Network::new(tensors).map_err(CheckpointError::Network)
}

/// Reads a forecast.
pub fn required(file: &SafeTensors<'_>) -> Result<Required, CheckpointError> {
    let mut networks = Vec::new();
    while networks.len() < MAX_NETWORKS && file.tensor(&required_name(networks.len(), PERCEPTRON_PARAMETERS[0])).is_ok()
    {
        let tensors = tensors(file, PERCEPTRON_PARAMETERS.map(|name| required_name(networks.len(), name)))?;
        let network = Perceptron::new(tensors, STATE_FEATURES, LEVELS.len());
        networks.push(network.map_err(CheckpointError::Network)?);
    }
    Required::new(ranges(file, REQUIRED_RANGES)?, &networks).map_err(CheckpointError::Network)
}

/// The tensors of these names, whatever their shapes.
pub fn tensors<const P: usize>(file: &SafeTensors<'_>, names: [String; P]) -> Result<[Tensor; P], CheckpointError> {
    let mut tensors = Vec::with_capacity(P);
    for name in names {
        let shape = file.tensor(&name).map(|view| view.shape().to_vec()).unwrap_or_default();
        let numbers = numbers(file, &name, &shape)?;
        tensors.push(Tensor::from_vec(numbers, shape, &Device::Cpu).map_err(CheckpointError::Network)?);
    }
    tensors.try_into().map_err(|_| {
        CheckpointError::Network(candle_core::Error::Msg("the number of parameters is a constant".to_owned()))
    })
}

/// Reads how features are normalised.
pub fn ranges<const N: usize>(file: &SafeTensors<'_>, name: &str) -> Result<[Range; N], CheckpointError> {
    let rows = numbers(file, name, &[N, 4])?;
    Ok(std::array::from_fn(|i| {
        let row = &rows[4 * i..];
        Range { mean: row[0], deviation: row[1], low: row[2], high: row[3] }
    }))
}

/// Reads the numbers of a tensor of this shape.
pub fn numbers(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
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
