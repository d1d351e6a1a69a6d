//! How features become inputs: centred and of unit deviation, as for the shipped networks.

use crate::features::{ACTION_FEATURES, STATE_FEATURES};
use crate::network::Range;

use super::sight::{STATE_NUMBERS, Seen, Sight};

/// What each feature was while a random policy acted.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Of the state's features.
    pub state: [Range; STATE_FEATURES],
    /// Of the candidates' features.
    pub action: [Range; ACTION_FEATURES],
}

impl Scaling {
    /// Leaves everything as it is.
    #[must_use]
    pub fn identity() -> Self {
        let range = Range { mean: 0.0, deviation: 1.0, low: f32::NEG_INFINITY, high: f32::INFINITY };
        Self { state: [range; STATE_FEATURES], action: [range; ACTION_FEATURES] }
    }

    /// Of what was seen as it is.
    #[must_use]
    pub fn of(seen: &[impl AsRef<Seen>]) -> Self {
        let rows = || seen.iter().map(AsRef::as_ref);
        let actions = || rows().flat_map(|seen| seen.actions.chunks_exact(ACTION_FEATURES));
        Self {
            state: std::array::from_fn(|i| Range::of(rows().map(move |seen| seen.state[i]))),
            action: std::array::from_fn(|i| Range::of(actions().map(move |action| action[i]))),
        }
    }

    /// A sight as inputs.
    #[must_use]
    pub fn seen(&self, sight: Sight) -> Seen {
        let Sight { state, price, counts, actions, slots } = sight;
        let mut inputs = Vec::with_capacity(STATE_NUMBERS);
        inputs.extend(self.state.iter().zip(state).map(|(range, value)| range.apply(value)));
        inputs.push(price_input(price));
        let of_action = |action: &[f32; ACTION_FEATURES]| {
            std::array::from_fn::<f32, ACTION_FEATURES, _>(|i| self.action[i].apply(action[i]))
        };
        Seen { state: inputs, actions: actions.iter().flat_map(of_action).collect(), counts, slots }
    }
}

/// `ln(price)`, about centred and of unit deviation over the prices trained on, as for the shipped networks.
fn price_input(price: f64) -> f32 {
    ((price / 3.5).ln() / 1.4) as f32
}
