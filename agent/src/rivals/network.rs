//! The network of both rivals: a branch that sees the state, and one that sees a candidate in it.
//!
//! ```text
//! state, ln(price) [n, S] -- relu -- [U] -- relu -- [U] ------------------------- value     [n, O]
//! state, ln(price) [n, S] --+
//!                           + relu -- [U] -- relu -- [U] ------------------------ advantage [m, O]
//! candidates       [m, A] --+
//! ```
//!
//! `m` candidates in all: states have different numbers of them, and none is computed for nothing. QR-DQN takes both as
//! quantiles and duels them (the paper's streams share their first layers; here they are apart); to PPO the value is the
//! critic, and the advantages are the logits of the actor.

use candle_core::{Device, Result, Tensor, Var};

use crate::features::ACTION_FEATURES;
use crate::network::normal_variable;
use crate::network::operations::{add_rows, relu};
use crate::rng::Stream;

use super::sight::{SLOTS, STATE_NUMBERS, Seen};

/// Parameters, in alphabetical order: sums over them run in this order.
pub const PARAMETERS: [&str; 12] = [
    "advantage.action.weight",
    "advantage.hidden.bias",
    "advantage.hidden.weight",
    "advantage.output.weight",
    "advantage.state.bias",
    "advantage.state.weight",
    "value.hidden.bias",
    "value.hidden.weight",
    "value.output.bias",
    "value.output.weight",
    "value.state.bias",
    "value.state.weight",
];

/// One network.
#[derive(Debug, Clone)]
pub struct Network {
    parameters: [Tensor; PARAMETERS.len()],
}

/// States with their candidates.
#[derive(Debug)]
pub struct Batch {
    /// `[n, S]`.
    states: Tensor,
    /// `[m, A]`.
    actions: Tensor,
    /// `[m]`: the state of each candidate.
    owners: Tensor,
    /// Where the candidates of each state begin, and where the last end.
    pub offsets: Vec<usize>,
}

impl Batch {
    /// Of what was seen.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn new<'a>(all: impl IntoIterator<Item = &'a Seen>) -> Result<Self> {
        let (mut states, mut actions, mut owners, mut offsets) = (Vec::new(), Vec::new(), Vec::<u32>::new(), vec![0]);
        for (row, seen) in (0_u32..).zip(all) {
            states.extend_from_slice(&seen.state);
            actions.extend_from_slice(&seen.actions);
            owners.extend(seen.counts.iter().map(|_| row));
            offsets.push(owners.len());
        }
        let (n, m) = (offsets.len() - 1, owners.len());
        Ok(Self {
            states: Tensor::from_vec(states, (n, STATE_NUMBERS), &Device::Cpu)?,
            actions: Tensor::from_vec(actions, (m, ACTION_FEATURES), &Device::Cpu)?,
            owners: Tensor::from_vec(owners, m, &Device::Cpu)?,
            offsets,
        })
    }

    /// Where the candidates of each state are.
    pub fn spans(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.offsets.windows(2).map(|pair| pair[0]..pair[1])
    }

    /// `[m, O]` as `[n, SLOTS, O]`, with `fill` where a state has fewer candidates.
    ///
    /// # Errors
    /// When the shape does not fit.
    pub fn padded(&self, values: &Tensor, fill: f32) -> Result<Tensor> {
        let (m, outputs) = values.dims2()?;
        let empty = Tensor::full(fill, (1, outputs), &Device::Cpu)?;
        let index = |span: std::ops::Range<usize>| {
            (0..SLOTS).map(move |slot| if span.start + slot < span.end { span.start + slot } else { m } as u32)
        };
        let index: Vec<u32> = self.spans().flat_map(index).collect();
        let count = index.len();
        let index = Tensor::from_vec(index, count, &Device::Cpu)?;
        Tensor::cat(&[values, &empty], 0)?.index_select(&index, 0)?.reshape((count / SLOTS, SLOTS, outputs))
    }
}

impl Network {
    /// A network of these parameters, in the order of [`PARAMETERS`].
    ///
    /// # Errors
    /// When their shapes do not fit.
    pub fn new(parameters: [Tensor; PARAMETERS.len()]) -> Result<Self> {
        let units = parameters[1].dims1()?;
        let outputs = parameters[8].dims1()?;
        for ((name, tensor), shape) in PARAMETERS.iter().zip(&parameters).zip(shapes(units, outputs)) {
            if tensor.dims() != shape {
                candle_core::bail!("parameter {name} has the shape {:?}, not {shape:?}", tensor.dims());
            }
        }
        Ok(Self { parameters })
    }

    /// Parameters to be trained: weights by He's rule, the last layers a hundredth and a tenth of that, so that all
    /// candidates start alike; biases 0.
    ///
    /// # Errors
    /// When the memory for them cannot be had.
    pub fn initial(units: usize, outputs: usize, stream: &Stream) -> Result<[Var; PARAMETERS.len()]> {
        let mut variables = Vec::with_capacity(PARAMETERS.len());
        for (name, shape) in PARAMETERS.iter().zip(shapes(units, outputs)) {
            let scale = match *name {
                "advantage.output.weight" => 0.01,
                "value.output.weight" => 0.1,
                _ if shape.len() == 1 => 0.0,
                _ => 1.0,
            };
            // State and action feed the same units, so their inputs count together.
            let inputs = match *name {
                "advantage.action.weight" | "advantage.state.weight" => STATE_NUMBERS + ACTION_FEATURES,
                _ => shape[0],
            };
            let deviation = scale * (2.0 / inputs as f64).sqrt();
            variables.push(normal_variable(shape, deviation, &mut stream.split(name, 0))?);
        }
        variables.try_into().map_err(|_| candle_core::Error::Msg("the number of parameters is a constant".to_owned()))
    }

    /// The network that these variables are.
    ///
    /// # Errors
    /// When their shapes do not fit.
    pub fn of(variables: &[Var; PARAMETERS.len()]) -> Result<Self> {
        Self::new(std::array::from_fn(|i| variables[i].as_tensor().clone()))
    }

    /// The same numbers, in memory of their own and without the graph that gradients need.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn copied(&self) -> Result<Self> {
        let copies: Result<Vec<Tensor>> = self.parameters.iter().map(|tensor| tensor.detach().copy()).collect();
        let parameters = copies?.try_into();
        Self::new(parameters.map_err(|_| candle_core::Error::Msg("the number of parameters is a constant".to_owned()))?)
    }

    /// The same numbers without the graph that gradients need.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { parameters: self.parameters.each_ref().map(Tensor::detach) }
    }

    /// Moves by this share towards another network.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn approach(&mut self, other: &Self, share: f64) -> Result<()> {
        for (own, other) in self.parameters.iter_mut().zip(&other.parameters) {
            *own = ((&*own * (1.0 - share))? + (other.detach() * share)?)?;
        }
        Ok(())
    }

    /// Its parameters, in the order of [`PARAMETERS`].
    #[must_use]
    pub fn parameters(&self) -> &[Tensor; PARAMETERS.len()] {
        &self.parameters
    }

    /// Of each state: `[n, O]`.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn value(&self, batch: &Batch) -> Result<Tensor> {
        let [.., hidden_bias, hidden_weight, output_bias, output_weight, state_bias, state_weight] = &self.parameters;
        let first = relu(&add_rows(&batch.states.matmul(state_weight)?, state_bias)?)?;
        let second = relu(&add_rows(&first.matmul(hidden_weight)?, hidden_bias)?)?;
        add_rows(&second.matmul(output_weight)?, output_bias)
    }

    /// Of each candidate: `[m, O]`.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn advantage(&self, batch: &Batch) -> Result<Tensor> {
        let [action_weight, hidden_bias, hidden_weight, output_weight, state_bias, state_weight, ..] = &self.parameters;
        let of_state = add_rows(&batch.states.matmul(state_weight)?, state_bias)?.index_select(&batch.owners, 0)?;
        let first = relu(&(batch.actions.matmul(action_weight)? + of_state)?)?;
        let second = relu(&add_rows(&first.matmul(hidden_weight)?, hidden_bias)?)?;
        second.matmul(output_weight)
    }

    /// The best candidate of each state, by the mean of its outputs: of quantiles, the expected return; of one logit,
    /// the likeliest action.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn best(&self, batch: &Batch) -> Result<Vec<usize>> {
        let means = self.advantage(batch)?.mean(1)?.to_vec1::<f32>()?;
        Ok(batch.spans().map(|span| highest(&means[span])).collect())
    }
}

/// Index of the highest, the first of several; 0 of none.
fn highest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// Shapes `[inputs, outputs]` and `[outputs]` of [`PARAMETERS`].
fn shapes(units: usize, outputs: usize) -> [Vec<usize>; PARAMETERS.len()] {
    [
        vec![ACTION_FEATURES, units],
        vec![units],
        vec![units, units],
        vec![units, outputs],
        vec![units],
        vec![STATE_NUMBERS, units],
        vec![units],
        vec![units, units],
        vec![outputs],
        vec![units, outputs],
        vec![units],
        vec![STATE_NUMBERS, units],
    ]
}
