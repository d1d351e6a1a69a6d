//! The quantile network: two hidden layers of leaky units.

use candle_core::{Result, Tensor, Var};

use super::LEVELS;
use crate::features::STATE_FEATURES;
use crate::network::normal_variable;
use crate::rng::Stream;

/// Names of the parameters, in alphabetical order.
pub const PARAMETERS: [&str; 6] =
    ["first.bias", "first.weight", "hidden.bias", "hidden.weight", "output.bias", "output.weight"];
/// Slope of a unit below zero.
const LEAK: f64 = 0.01;

/// One network.
#[derive(Debug, Clone)]
pub struct QuantileNetwork {
    parameters: [Tensor; PARAMETERS.len()],
}

impl QuantileNetwork {
    /// A network of these parameters, in the order of [`PARAMETERS`].
    ///
    /// # Errors
    /// When their shapes do not fit.
    pub fn new(parameters: [Tensor; PARAMETERS.len()]) -> Result<Self> {
        let units = parameters[0].dims1()?;
        for ((name, tensor), shape) in PARAMETERS.iter().zip(&parameters).zip(shapes(units)) {
            if tensor.dims() != shape {
                candle_core::bail!("parameter {name} has the shape {:?}, not {shape:?}", tensor.dims());
            }
        }
        Ok(Self { parameters })
    }

    /// Parameters to be trained: weights by He's rule, the last layer's 0.3 of that; biases 0.
    ///
    /// # Errors
    /// When the memory for them cannot be had.
    pub fn initial(units: usize, stream: &Stream) -> Result<[Var; PARAMETERS.len()]> {
        let mut variables = Vec::with_capacity(PARAMETERS.len());
        for (name, shape) in PARAMETERS.iter().zip(shapes(units)) {
            let scale = match (*name, shape.len()) {
                (_, 1) => 0.0,
                ("output.weight", _) => 0.3,
                _ => 1.0,
            };
            let deviation = scale * (2.0 / shape[0] as f64).sqrt();
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

    /// The same numbers without the graph that gradients need.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { parameters: self.parameters.each_ref().map(Tensor::detach) }
    }

    /// Its parameters, in the order of [`PARAMETERS`].
    #[must_use]
    pub fn parameters(&self) -> &[Tensor; PARAMETERS.len()] {
        &self.parameters
    }

    /// `[n, S]`, normalised, to `[n, 8]`: the logarithms at each level.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn forward(&self, states: &Tensor) -> Result<Tensor> {
        let [first_bias, first_weight, hidden_bias, hidden_weight, output_bias, output_weight] = &self.parameters;
        let first = leaky(&states.matmul(first_weight)?.broadcast_add(first_bias)?)?;
        let hidden = leaky(&first.matmul(hidden_weight)?.broadcast_add(hidden_bias)?)?;
        hidden.matmul(output_weight)?.broadcast_add(output_bias)
    }
}

/// `max(x, 0.01 x)`
fn leaky(x: &Tensor) -> Result<Tensor> {
    x.maximum(&(x * LEAK)?)
}

fn shapes(units: usize) -> [Vec<usize>; PARAMETERS.len()] {
    [
        vec![units],
        vec![STATE_FEATURES, units],
        vec![units],
        vec![units, units],
        vec![LEVELS.len()],
        vec![units, LEVELS.len()],
    ]
}
