//! Adam with decoupled weight decay, in one pass over the weights.

use std::cell::RefCell;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Var, bail};

use crate::network::operations::numbers;

/// Weights of the past in the two moments (Kingma and Ba, Adam, 2015).
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;

/// Adam (Loshchilov and Hutter, Decoupled weight decay regularization, 2019).
///
/// The bits are those of `candle_nn::AdamW`, which makes fourteen tensors of each variable on the way.
#[derive(Debug)]
pub(crate) struct Adam {
    variables: Vec<(Var, Moments)>,
    epsilon: f64,
    weight_decay: f64,
    step: i32,
}

#[derive(Debug, Clone, Default)]
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Adam {
    /// Of these variables, with moments of 0.
    pub(crate) fn new(variables: &[Var], epsilon: f64, weight_decay: f64) -> Self {
        let moments = |variable: &Var| {
            let zeros = vec![0.0; variable.elem_count()];
            Moments { first: zeros.clone(), second: zeros }
        };
        let variables = variables.iter().map(|variable| (variable.clone(), moments(variable))).collect();
        Self { variables, epsilon, weight_decay, step: 0 }
    }

    /// One step down these gradients; a variable without one stays.
    ///
    /// # Errors
    /// When a gradient has not the shape of its variable.
    pub(crate) fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        self.step += 1;
        let correction = |beta: f64| (1.0 / (1.0 - beta.powi(self.step))) as f32;
        for (variable, moments) in &mut self.variables {
            if let Some(gradient) = gradients.get(variable) {
                let update = Update {
                    moments: RefCell::new(moments),
                    corrections: (correction(BETA_1), correction(BETA_2)),
                    epsilon: self.epsilon as f32,
                    decay: (1.0 - learning_rate * self.weight_decay) as f32,
                    learning_rate: learning_rate as f32,
                };
                variable.inplace_op2(&gradient.contiguous()?, &update)?;
            }
        }
        Ok(())
    }
}

/// A step of one variable.
struct Update<'m> {
    // An operation is asked by a shared reference.
    moments: RefCell<&'m mut Moments>,
    corrections: (f32, f32),
    epsilon: f32,
    decay: f32,
    learning_rate: f32,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "Adam"
    }

    fn cpu_fwd(
        &self,
        weights: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        of_gradient: &Layout,
    ) -> Result<()> {
        let CpuStorage::F32(weights) = weights else { bail!("Adam is for 32 bit floats") };
        if layout.shape() != of_gradient.shape() {
            bail!("a gradient of the shape {:?} for weights of {:?}", of_gradient.shape(), layout.shape());
        }
        let gradient = numbers(gradient, of_gradient)?;
        let mut moments = self.moments.borrow_mut();
        let Moments { first, second } = &mut **moments;
        let moments = first.iter_mut().zip(second.iter_mut());
        for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
            *first = times(*first, BETA_1 as f32) + times(*gradient, (1.0 - BETA_1) as f32);
            *second = times(*second, BETA_2 as f32) + times(gradient * gradient, (1.0 - BETA_2) as f32);
            let root = times(*second, self.corrections.1).sqrt() + self.epsilon;
            let direction = times(*first, self.corrections.0) / root;
            *weight = times(*weight, self.decay) - times(direction, self.learning_rate);
        }
        Ok(())
    }
}

/// A product as the library's, which adds 0 and so has no negative zero.
#[inline(always)]
fn times(a: f32, b: f32) -> f32 {
    a * b + 0.0
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use candle_nn::{AdamW, Optimizer, ParamsAdamW};

    use super::*;

    fn start() -> [Var; 2] {
        let numbers = |count: usize| (0..count).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        [(3, 5), (1, 2)]
            .map(|(rows, columns)| Var::from_vec(numbers(rows * columns), (rows, columns), &Device::Cpu).unwrap())
    }

    /// The sum of `sin(x)^2 (1 + x)`, the first variable alone in every third step.
    fn gradients(variables: &[Var; 2], step: usize) -> GradStore {
        let of =
            |x: &Var| (x.sin().unwrap().sqr().unwrap() * (x.as_tensor() + 1.0).unwrap()).unwrap().sum_all().unwrap();
        let loss = if step % 3 == 2 { of(&variables[0]) } else { (of(&variables[0]) + of(&variables[1])).unwrap() };
        loss.backward().unwrap()
    }

    fn bits(tensor: &Tensor) -> Vec<u32> {
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn every_step_is_that_of_the_library_to_the_last_bit() {
        for (epsilon, weight_decay) in [(1e-8, 1e-4), (1e-2, 0.0)] {
            let (ours, theirs) = (start(), start());
            let mut adam = Adam::new(&ours, epsilon, weight_decay);
            let settings = ParamsAdamW { lr: 1.0, eps: epsilon, weight_decay, ..ParamsAdamW::default() };
            let mut library = AdamW::new(theirs.to_vec(), settings).unwrap();
            for step in 0..50 {
                let learning_rate = 0.1 / (1.0 + step as f64);
                adam.step(&gradients(&ours, step), learning_rate).unwrap();
                library.set_learning_rate(learning_rate);
                library.step(&gradients(&theirs, step)).unwrap();
                for (ours, theirs) in ours.iter().zip(&theirs) {
                    assert_eq!(bits(ours), bits(theirs), "step {step}, epsilon {epsilon}");
                }
            }
        }
    }
}
