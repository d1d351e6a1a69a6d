//! The deep Q network: the candidate as an input, the price of a violation as an input, two values out.
//!
//! ```text
//! state, ln(price) [n, S + 1] -- state.weight ---+
//!                                                + -> relu -> hidden [128, 128] -> relu -> output [128, 2]
//! candidates       [n, k, A] -- action.weight ---+                                        cost, violation
//! ```
//!
//! The two values are advantages: what the candidate brings over the next checks, against the mean of the candidates of
//! the same state. An output bias would cancel, so there is none.

mod dense;
mod ensemble;
mod forward;
mod normaliser;
pub(crate) mod operations;
mod perceptron;

use candle_core::{Device, Result, Tensor, Var};

use crate::features::{ACTION_FEATURES, STATE_FEATURES};
use crate::required::{ACTION_NUMBERS, STATE_NUMBERS};
use crate::rng::Stream;
use operations::{add_rows, relu};

pub use dense::Dense;
pub use ensemble::{Ensemble, Opinions, Query, Value, action_numbers, state_numbers};
pub use forward::Forward;
pub use normaliser::{Normaliser, Range};
pub use perceptron::{PERCEPTRON_PARAMETERS, Perceptron, PerceptronForward};

/// Numbers of a state: its features, and what the distribution of the required pods adds.
pub const STATE_WIDTH: usize = STATE_FEATURES + STATE_NUMBERS;
/// Numbers of a candidate: its features, and where it lies in that distribution.
pub const ACTION_WIDTH: usize = ACTION_FEATURES + ACTION_NUMBERS;
/// Numbers in: the state and the logarithm of the price.
pub const STATE_INPUTS: usize = STATE_WIDTH + 1;
/// Values out: cost and violation.
pub const VALUES: usize = 2;

/// Names of the parameters, in alphabetical order: every sum over parameters runs in this order, so that the same seed
/// gives the same bits.
pub const PARAMETERS: [&str; 6] =
    ["action.weight", "hidden.bias", "hidden.weight", "output.weight", "state.bias", "state.weight"];

/// One network.
#[derive(Debug, Clone)]
pub struct Network {
    parameters: [Tensor; PARAMETERS.len()],
}

impl Network {
    /// A network of these parameters, in the order of [`PARAMETERS`].
    ///
    /// # Errors
    /// When their shapes do not fit.
    pub fn new(parameters: [Tensor; PARAMETERS.len()]) -> Result<Self> {
        let [_, hidden_bias, ..] = &parameters;
        let units = hidden_bias.dims1()?;
        for ((name, tensor), shape) in PARAMETERS.iter().zip(&parameters).zip(shapes(units)) {
            if tensor.dims() != shape {
                candle_core::bail!("parameter {name} has the shape {:?}, not {shape:?}", tensor.dims());
            }
        }
        Ok(Self { parameters })
    }

    /// Parameters to be trained: weights by He's rule (normal, variance 2 / inputs), the last layer a tenth of that so
    /// that all candidates start about equal; biases 0.
    ///
    /// # Errors
    /// When the memory for them cannot be had.
    pub fn initial(units: usize, stream: &Stream) -> Result<[Var; PARAMETERS.len()]> {
        let mut variables = Vec::with_capacity(PARAMETERS.len());
        for (name, shape) in PARAMETERS.iter().zip(shapes(units)) {
            let scale = match *name {
                "output.weight" => 0.1,
                _ if shape.len() == 1 => 0.0,
                _ => 1.0,
            };
            // State and action feed the same units, so their inputs count together.
            let inputs = if name.starts_with("output") || name.starts_with("hidden") {
                units
            } else {
                STATE_INPUTS + ACTION_WIDTH
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

    /// The same numbers without the graph that gradients need: 3 times as fast.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { parameters: self.parameters.each_ref().map(Tensor::detach) }
    }

    /// Units of each hidden layer.
    #[must_use]
    pub fn units(&self) -> usize {
        self.parameters[1].elem_count()
    }

    /// Its parameters, in the order of [`PARAMETERS`].
    #[must_use]
    pub fn parameters(&self) -> &[Tensor; PARAMETERS.len()] {
        &self.parameters
    }

    /// Values of `k` candidates of each of `n` states.
    ///
    /// `states` is `[n, S + 1]`, `actions` `[n, k, A]`, both normalised; the result is `[n, k, 2]`.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn forward(&self, states: &Tensor, actions: &Tensor) -> Result<Tensor> {
        let [action_weight, hidden_bias, hidden_weight, output_weight, state_bias, state_weight] = &self.parameters;
        let (n, k, inputs) = actions.dims3()?;
        let units = hidden_bias.dims1()?;
        let of_state = add_rows(&states.matmul(state_weight)?, state_bias)?.reshape((n, 1, units))?;
        let of_action = actions.reshape((n * k, inputs))?.matmul(action_weight)?.reshape((n, k, units))?;
        let first = relu(&add_rows(&of_action, &of_state)?)?.reshape((n * k, units))?;
        let second = relu(&add_rows(&first.matmul(hidden_weight)?, hidden_bias)?)?;
        second.matmul(output_weight)?.reshape((n, k, VALUES))
    }
}

/// Numbers to be trained, normal with mean 0 and this deviation.
///
/// # Errors
/// When the memory for them cannot be had.
pub fn normal_variable(shape: Vec<usize>, deviation: f64, stream: &mut Stream) -> Result<Var> {
    let count = shape.iter().product();
    let numbers: Vec<f32> = (0..count).map(|_| (deviation * stream.normal()) as f32).collect();
    Var::from_vec(numbers, shape, &Device::Cpu)
}

/// Shapes `[inputs, outputs]` and `[outputs]` of [`PARAMETERS`].
fn shapes(units: usize) -> [Vec<usize>; PARAMETERS.len()] {
    [
        vec![ACTION_WIDTH, units],
        vec![units],
        vec![units, units],
        vec![units, VALUES],
        vec![units],
        vec![STATE_INPUTS, units],
    ]
}
