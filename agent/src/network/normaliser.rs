//! Features as the network wants them: centred, of unit deviation, within what it was trained on.

use super::{ACTION_WIDTH, STATE_WIDTH};

/// What a feature was in the training data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Its mean.
    pub mean: f32,
    /// Its standard deviation; 1 where it never varied.
    pub deviation: f32,
    /// Its lowest value.
    pub low: f32,
    /// Its highest value.
    pub high: f32,
}

impl Range {
    /// Of the values in a column.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f32> + Clone) -> Self {
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for value in values {
            count += 1.0;
            sum += f64::from(value);
            squares += f64::from(value) * f64::from(value);
            low = low.min(value);
            high = high.max(value);
        }
        if count == 0.0 {
            return Self { mean: 0.0, deviation: 1.0, low: 0.0, high: 0.0 };
        }
        let mean = sum / count;
        let deviation = (squares / count - mean * mean).max(0.0).sqrt();
        // A flag that is hardly ever set must not become a huge number when it is.
        const LEAST: f64 = 1e-2;
        let deviation = if deviation < 1e-6 { 1.0 } else { deviation.max(LEAST) };
        Self { mean: mean as f32, deviation: deviation as f32, low, high }
    }

    /// Outside of the training data the network would extrapolate: the nearest it knows is used instead.
    #[must_use]
    pub fn apply(&self, value: f32) -> f32 {
        (value.clamp(self.low, self.high) - self.mean) / self.deviation
    }

    /// Whether a value is outside of the training data by more than a thousandth of what that spans.
    #[must_use]
    pub fn is_outside(&self, value: f32) -> bool {
        let tolerance = 1e-3 * (self.high - self.low);
        value < self.low - tolerance || value > self.high + tolerance
    }
}

/// Ranges of all features; stored in the checkpoint beside the weights that were trained with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Normaliser {
    /// Of the state's features.
    pub state: [Range; STATE_WIDTH],
    /// Of the candidates' features.
    pub action: [Range; ACTION_WIDTH],
}

impl Normaliser {
    /// Of the states and candidates of training data.
    #[must_use]
    pub fn of<'a>(
        states: impl Iterator<Item = &'a [f32; STATE_WIDTH]> + Clone,
        actions: impl Iterator<Item = &'a [f32; ACTION_WIDTH]> + Clone,
    ) -> Self {
        Self {
            state: std::array::from_fn(|i| Range::of(states.clone().map(|state| state[i]))),
            action: std::array::from_fn(|i| Range::of(actions.clone().map(|action| action[i]))),
        }
    }

    /// Appends the network's inputs of a state at a price.
    pub fn push_state(&self, state: &[f32; STATE_WIDTH], price: f64, to: &mut Vec<f32>) {
        to.extend(self.state.iter().zip(state).map(|(range, value)| range.apply(*value)));
        to.push(price_input(price));
    }

    /// Appends the network's inputs of a candidate.
    pub fn push_action(&self, action: &[f32; ACTION_WIDTH], to: &mut Vec<f32>) {
        to.extend(self.action.iter().zip(action).map(|(range, value)| range.apply(*value)));
    }
}

/// `ln(price)`, about centred and of unit deviation over the prices trained on.
fn price_input(price: f64) -> f32 {
    const CENTRE: f64 = 3.5;
    const DEVIATION: f64 = 1.4;
    ((price / CENTRE).ln() / DEVIATION) as f32
}
