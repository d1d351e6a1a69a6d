//! Gradient descent: Adam, a cosine of learning rates, an average of the weights.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use super::Hyperparameters;
use super::adam::Adam;
use super::average::Average;
use super::progress::Stage;

/// Steps between two reports of the loss.
const REPORT_EVERY: u32 = 200;
/// Decoupled weight decay.
const WEIGHT_DECAY: f64 = 1e-4;
/// Keeps a step finite where a gradient was always 0.
const EPSILON: f64 = 1e-8;

/// Descends for so many steps and returns the averages of the variables.
///
/// # Errors
/// What `loss` fails with, or no memory.
pub fn descend<const P: usize>(
    hyperparameters: &Hyperparameters,
    variables: &[Var; P],
    steps: u32,
    stage: &Stage,
    mut loss: impl FnMut() -> Result<Tensor>,
) -> Result<[Tensor; P]> {
    let mut adam = Adam::new(variables, EPSILON, WEIGHT_DECAY);
    let mut average = Average::of(variables)?;
    for step in 0..steps {
        let loss = loss()?;
        let mut gradients = loss.backward()?;
        clip(variables, &mut gradients, hyperparameters.clip)?;
        adam.step(&gradients, hyperparameters.learning_rate * cosine(step, steps))?;
        // Young averages look back at few steps, or they would remember the initial weights.
        average.add(variables, hyperparameters.averaging.min(f64::from(step) / f64::from(step + 10)))?;
        if step % REPORT_EVERY == REPORT_EVERY - 1 || step + 1 == steps {
            stage.tell(format!("loss {:.4}", loss.to_scalar::<f32>()?));
        }
        stage.advance(1, 0);
    }
    Ok(average.into_tensors())
}

/// Shortens the gradient to at most this length. The sum runs in the order of the variables.
pub(crate) fn clip(variables: &[Var], gradients: &mut GradStore, longest: f64) -> Result<()> {
    let mut square = 0.0;
    for variable in variables {
        if let Some(gradient) = gradients.get(variable) {
            square += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
    }
    let length = square.sqrt();
    if length > longest {
        for variable in variables {
            if let Some(gradient) = gradients.get(variable) {
                let shorter = (gradient * (longest / length))?;
                gradients.insert(variable, shorter);
            }
        }
    }
    Ok(())
}

/// From 1 at the first step to 0 behind the last, along half a cosine.
fn cosine(step: u32, steps: u32) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * f64::from(step) / f64::from(steps)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use crate::rng::Stream;

    #[test]
    fn a_long_gradient_is_shortened_to_the_limit_and_a_short_one_is_left() {
        let variables = Network::initial(4, &Stream::new(1, "clip", 0)).unwrap();
        // The gradient of half the squares is the weights themselves.
        let gradients = |variables: &[Var]| {
            let halves = variables.iter().map(|v| (v.as_tensor().sqr().unwrap().sum_all().unwrap() * 0.5).unwrap());
            halves.reduce(|a, b| (a + b).unwrap()).unwrap().backward().unwrap()
        };
        let length = |gradients: &GradStore| {
            let square =
                |v: &Var| gradients.get(v).unwrap().sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            variables.iter().map(square).sum::<f32>().sqrt()
        };
        let mut store = gradients(&variables);
        let before = length(&store);
        clip(&variables, &mut store, 1e3).unwrap();
        assert_eq!(length(&store), before);
        clip(&variables, &mut store, 0.5).unwrap();
        assert!(before > 0.5 && (length(&store) - 0.5).abs() < 1e-4, "{before}, {}", length(&store));
    }
}
