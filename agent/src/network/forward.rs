//! A network that only answers.

use candle_core::Result;

use super::{Dense, Network, STATE_INPUTS, VALUES};

/// [`Network::forward`] without what gradients need, of any number of states and candidates.
#[derive(Debug, Clone)]
pub struct Forward {
    state: Dense,
    action: Dense,
    hidden: Dense,
    output: Dense,
}

impl Forward {
    /// Of a network's parameters.
    ///
    /// # Errors
    /// When their numbers cannot be had.
    pub fn new(network: &Network) -> Result<Self> {
        let [action_weight, hidden_bias, hidden_weight, output_weight, state_bias, state_weight] = network.parameters();
        Ok(Self {
            state: Dense::new(state_weight, Some(state_bias))?,
            action: Dense::new(action_weight, None)?,
            hidden: Dense::new(hidden_weight, Some(hidden_bias))?,
            output: Dense::new(output_weight, None)?,
        })
    }

    /// The two values of every candidate, one after the other. `states` are rows of [`STATE_INPUTS`] numbers, `actions` rows of
    /// [`super::ACTION_WIDTH`], of which each state has as many as `counts` says; all normalised.
    ///
    /// # Panics
    /// When there are not as many rows as are counted.
    #[must_use]
    pub fn values(&self, states: &[f32], actions: &[f32], counts: &[usize]) -> Vec<f32> {
        assert_eq!(states.len(), counts.len() * STATE_INPUTS, "one row a state");
        let (mut of_states, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        self.state.apply(states, &mut of_states);
        self.action.apply(actions, &mut first);
        let units = self.state.outputs();
        let mut rows = first.chunks_exact_mut(units);
        for (of_state, count) in of_states.chunks_exact(units).zip(counts) {
            for row in rows.by_ref().take(*count) {
                row.iter_mut().zip(of_state).for_each(|(x, of_state)| *x = (*x + of_state).max(0.0));
            }
        }
        self.hidden.apply(&first, &mut second);
        second.iter_mut().for_each(|x| *x = x.max(0.0));
        self.output.apply(&second, &mut first);
        assert_eq!(first.len(), counts.iter().sum::<usize>() * VALUES, "a row a candidate");
        first
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::super::ACTION_WIDTH;
    use super::*;
    use crate::rng::Stream;

    #[test]
    fn it_answers_with_the_bits_of_the_network_that_is_trained() {
        let mut stream = Stream::new(2, "forward", 0);
        let network = Network::of(&Network::initial(128, &stream).unwrap()).unwrap().detached();
        let mut numbers = |count: usize| (0..count).map(|_| stream.normal() as f32).collect::<Vec<_>>();
        for (n, k) in [(1, 1), (1, 9), (2, 3), (7, 10), (33, 8)] {
            let (states, actions) = (numbers(n * STATE_INPUTS), numbers(n * k * ACTION_WIDTH));
            let found = Forward::new(&network).unwrap().values(&states, &actions, &vec![k; n]);
            let states = Tensor::from_vec(states, (n, STATE_INPUTS), &Device::Cpu).unwrap();
            let actions = Tensor::from_vec(actions, (n, k, ACTION_WIDTH), &Device::Cpu).unwrap();
            let expected = network.forward(&states, &actions).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(found, expected, "{n} states of {k} candidates");
        }
    }
}
