//! What a training has finished so far, in a folder beside its output: a killed one goes on there.
//!
//! ```text
//! NAME.training/training.json     the hyperparameters: another training does not go on with it
//!               required.safetensors
//!               samples-1.safetensors   after the rollouts of the first round
//!               networks-1.safetensors  after its fit
//!               ...
//! ```
//!
//! Each file is there whole or not at all, and a training that goes on gives the same bytes as one that was never killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::Hyperparameters;
use super::collect::{EpisodeSamples, KEPT, Sample};
use crate::features::FEATURES_VERSION;
use crate::network::{ACTION_WIDTH, STATE_WIDTH, VALUES, Value};

/// Numbers of a sample: `f32` ones, and `f64` ones.
const SINGLES: usize = STATE_WIDTH + KEPT * ACTION_WIDTH;
const DOUBLES: usize = 1 + VALUES + KEPT * (VALUES + 1);

/// The folder.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens the folder of an output, empty unless it is of a training with these hyperparameters; says whether it is.
    ///
    /// # Errors
    /// A folder that cannot be read or made.
    pub fn open(output: &Path, hyperparameters: &Hyperparameters) -> Result<(Self, bool)> {
        let folder = output.with_extension("training");
        let key = serde_json::to_vec_pretty(&(FEATURES_VERSION, env!("CARGO_PKG_VERSION"), hyperparameters))?;
        let path = folder.join("training.json");
        let goes_on = fs::read(&path).is_ok_and(|found| found == key);
        if !goes_on {
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            }
            fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
            write(&path, &key)?;
        }
        Ok((Self { folder }, goes_on))
    }

    /// A file that is there already.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write(&self.folder.join(name), bytes)
    }

    /// Removes the folder: the training is done.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn close(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes).with_context(|| format!("cannot write {}", partial.display()))?;
    fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))
}

/// The samples of a round as a file.
///
/// # Errors
/// None for samples in memory; what the format's writer says.
pub fn samples_to_bytes(episodes: &[EpisodeSamples]) -> Result<Vec<u8>> {
    let (mut singles, mut doubles) = (Vec::<u8>::new(), Vec::<u8>::new());
    let mut lengths = Vec::<u8>::new();
    for episode in episodes {
        lengths.extend((episode.samples.len() as u64).to_le_bytes());
        lengths.extend(episode.requests.to_le_bytes());
        for sample in &episode.samples {
            let numbers = sample.state.iter().chain(sample.actions.iter().flatten());
            singles.extend(numbers.flat_map(|number| number.to_le_bytes()));
            let values =
                std::iter::once(&sample.own).chain(&sample.returns).flat_map(|value| [value.cost, value.violation]);
            let numbers = std::iter::once(sample.price).chain(values).chain(sample.weights);
            doubles.extend(numbers.flat_map(f64::to_le_bytes));
        }
    }
    let count = doubles.len() / (8 * DOUBLES);
    let tensors = BTreeMap::from([
        ("doubles", TensorView::new(Dtype::F64, vec![count, DOUBLES], &doubles)?),
        ("lengths", TensorView::new(Dtype::U64, vec![episodes.len(), 2], &lengths)?),
        ("singles", TensorView::new(Dtype::F32, vec![count, SINGLES], &singles)?),
    ]);
    Ok(safetensors::serialize(tensors, None)?)
}

/// Reads what [`samples_to_bytes`] wrote.
///
/// # Errors
/// When the file is not of that kind.
pub fn samples_of_bytes(bytes: &[u8]) -> Result<Vec<EpisodeSamples>> {
    let file = SafeTensors::deserialize(bytes).context("the samples are damaged: remove the folder of the training")?;
    let (singles, doubles, lengths) = (file.tensor("singles")?, file.tensor("doubles")?, file.tensor("lengths")?);
    let singles: Vec<f32> = singles.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let doubles: Vec<f64> = doubles.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let lengths: Vec<u64> = lengths.data().as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let mut rows = singles.chunks_exact(SINGLES).zip(doubles.chunks_exact(DOUBLES)).map(|(s, d)| sample(s, d));
    let mut episodes = Vec::with_capacity(lengths.len() / 2);
    for pair in lengths.chunks_exact(2) {
        let samples: Vec<Sample> = rows.by_ref().take(pair[0] as usize).collect();
        ensure!(samples.len() as u64 == pair[0], "the samples are cut short: remove the folder of the training");
        episodes.push(EpisodeSamples { samples, requests: pair[1] });
    }
    Ok(episodes)
}

/// A sample of exactly [`SINGLES`] and [`DOUBLES`] numbers.
fn sample(singles: &[f32], doubles: &[f64]) -> Sample {
    let (state, actions) = singles.split_at(STATE_WIDTH);
    let (own, rest) = doubles[1..].split_at(VALUES);
    let (returns, weights) = rest.split_at(KEPT * VALUES);
    Sample {
        state: std::array::from_fn(|i| state[i]),
        price: doubles[0],
        actions: std::array::from_fn(|k| std::array::from_fn(|i| actions[k * ACTION_WIDTH + i])),
        own: Value { cost: own[0], violation: own[1] },
        returns: std::array::from_fn(|k| Value { cost: returns[VALUES * k], violation: returns[VALUES * k + 1] }),
        weights: std::array::from_fn(|k| weights[k]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_as_they_were_written_and_a_cut_file_is_refused() {
        let sample = |from: f32| Sample {
            state: std::array::from_fn(|i| from + i as f32),
            price: f64::from(from) / 3.0,
            actions: std::array::from_fn(|k| std::array::from_fn(|i| from - (k * 100 + i) as f32)),
            own: Value { cost: f64::from(from) / 9.0, violation: 0.1 },
            returns: std::array::from_fn(|k| Value { cost: k as f64 / 7.0, violation: f64::from(from) }),
            weights: std::array::from_fn(|k| 1.0 / (k + 1) as f64),
        };
        let episodes = [
            EpisodeSamples { samples: vec![sample(1.0), sample(2.0)], requests: 5 },
            EpisodeSamples { samples: Vec::new(), requests: 0 },
            EpisodeSamples { samples: vec![sample(3.0)], requests: u64::MAX },
        ];
        let bytes = samples_to_bytes(&episodes).unwrap();
        let read = samples_of_bytes(&bytes).unwrap();
        assert_eq!(format!("{read:?}"), format!("{episodes:?}"));
        assert!(samples_of_bytes(&bytes[..bytes.len() - 8]).is_err());
    }
}
