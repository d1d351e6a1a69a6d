//! A network of the state alone: two hidden layers of leaky units. The forecast and the critic are such.

use candle_core::{Result, Tensor, Var};

use super::operations::{add_rows, leaky_relu};
use super::{Dense, normal_variable};
use crate::rng::Stream;

/// Names of the parameters, in alphabetical order.
pub const PERCEPTRON_PARAMETERS: [&str; 6] =
    ["first.bias", "first.weight", "hidden.bias", "hidden.weight", "output.bias", "output.weight"];
/// Slope of a unit below zero.
const LEAK: f64 = 0.01;

/// One network.
#[derive(Debug, Clone)]
pub struct Perceptron {
    parameters: [Tensor; PERCEPTRON_PARAMETERS.len()],
}

impl Perceptron {
    /// A network of these parameters, from so many inputs to so many outputs, in the order of [`PERCEPTRON_PARAMETERS`].
    ///
    /// # Errors
    /// When their shapes do not fit.
    pub fn new(parameters: [Tensor; PERCEPTRON_PARAMETERS.len()], inputs: usize, outputs: usize) -> Result<Self> {
        let units = parameters[0].dims1()?;
        for ((name, tensor), shape) in PERCEPTRON_PARAMETERS.iter().zip(&parameters).zip(shapes(inputs, units, outputs))
        {
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
    pub fn initial(
        inputs: usize,
        units: usize,
        outputs: usize,
        stream: &Stream,
    ) -> Result<[Var; PERCEPTRON_PARAMETERS.len()]> {
        let mut variables = Vec::with_capacity(PERCEPTRON_PARAMETERS.len());
        for (name, shape) in PERCEPTRON_PARAMETERS.iter().zip(shapes(inputs, units, outputs)) {
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
    pub fn of(variables: &[Var; PERCEPTRON_PARAMETERS.len()]) -> Result<Self> {
        let (inputs, outputs) = (variables[1].dim(0)?, variables[4].dim(0)?);
        Self::new(std::array::from_fn(|i| variables[i].as_tensor().clone()), inputs, outputs)
    }

    /// The same numbers without the graph that gradients need.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { parameters: self.parameters.each_ref().map(Tensor::detach) }
    }

    /// Its parameters, in the order of [`PERCEPTRON_PARAMETERS`].
    #[must_use]
    pub fn parameters(&self) -> &[Tensor; PERCEPTRON_PARAMETERS.len()] {
        &self.parameters
    }

    /// `[n, inputs]`, normalised, to `[n, outputs]`.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn forward(&self, states: &Tensor) -> Result<Tensor> {
        let [first_bias, first_weight, hidden_bias, hidden_weight, output_bias, output_weight] = &self.parameters;
        let first = leaky_relu(&add_rows(&states.matmul(first_weight)?, first_bias)?, LEAK)?;
        let hidden = leaky_relu(&add_rows(&first.matmul(hidden_weight)?, hidden_bias)?, LEAK)?;
        add_rows(&hidden.matmul(output_weight)?, output_bias)
    }
}

/// [`Perceptron::forward`] without what gradients need.
#[derive(Debug, Clone)]
pub struct PerceptronForward {
    first: Dense,
    hidden: Dense,
    output: Dense,
}

impl PerceptronForward {
    /// Of a network's parameters.
    ///
    /// # Errors
    /// When their numbers cannot be had.
    pub fn new(network: &Perceptron) -> Result<Self> {
        let [first_bias, first_weight, hidden_bias, hidden_weight, output_bias, output_weight] = network.parameters();
        Ok(Self {
            first: Dense::new(first_weight, Some(first_bias))?,
            hidden: Dense::new(hidden_weight, Some(hidden_bias))?,
            output: Dense::new(output_weight, Some(output_bias))?,
        })
    }

    /// The outputs of rows of normalised inputs, one row after the other.
    #[must_use]
    pub fn outputs(&self, states: &[f32]) -> Vec<f32> {
        let leak = |x: &mut Vec<f32>| x.iter_mut().for_each(|x| *x = x.max(*x * LEAK as f32));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        self.first.apply(states, &mut first);
        leak(&mut first);
        self.hidden.apply(&first, &mut second);
        leak(&mut second);
        self.output.apply(&second, &mut first);
        first
    }
}

fn shapes(inputs: usize, units: usize, outputs: usize) -> [Vec<usize>; PERCEPTRON_PARAMETERS.len()] {
    [vec![units], vec![inputs, units], vec![units], vec![units, units], vec![outputs], vec![units, outputs]]
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn it_answers_with_the_bits_of_the_network_that_is_trained() {
        let mut stream = Stream::new(3, "perceptron", 0);
        let network = Perceptron::of(&Perceptron::initial(112, 128, 8, &stream).unwrap()).unwrap().detached();
        for n in [1, 3, 4, 21] {
            let states: Vec<f32> = (0..n * 112).map(|_| stream.normal() as f32).collect();
            let found = PerceptronForward::new(&network).unwrap().outputs(&states);
            let states = Tensor::from_vec(states, (n, 112), &Device::Cpu).unwrap();
            let expected = network.forward(&states).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(found, expected, "{n} states");
        }
    }
}
