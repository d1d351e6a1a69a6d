//! Generalised advantage estimation: Schulman et al. (2016), equation 16.

/// A moment of a lane, as far as its advantage goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// What the check brought; nothing at the end of an episode.
    pub reward: f64,
    /// The critic's value of it.
    pub value: f64,
    /// Whether the time was over.
    pub ends: bool,
}

/// `A_t = d_t + discount lambda A_{t+1}`, `d_t = r_t + discount V_{t+1} - V_t`, for each of the moments in order; `last`
/// is the value of the moment behind them. At the end of an episode nothing was ordered: the check before is continued by
/// the value of that moment alone, and its own advantage is 0.
#[must_use]
pub fn advantages(moments: &[Moment], last: f64, discount: f64, lambda: f64) -> Vec<f64> {
    let (mut next, mut carry) = (last, 0.0);
    let mut advantages: Vec<f64> = moments
        .iter()
        .rev()
        .map(|moment| {
            carry = if moment.ends {
                0.0
            } else {
                moment.reward + discount * next - moment.value + discount * lambda * carry
            };
            next = moment.value;
            carry
        })
        .collect();
    advantages.reverse();
    advantages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_worked_advantages_bootstrap_at_the_end_of_an_episode_and_do_not_cross_it() {
        let moment = |reward, value, ends| Moment { reward, value, ends };
        let moments =
            [moment(-1.0, 2.0, false), moment(-2.0, 4.0, false), moment(0.0, 6.0, true), moment(-3.0, 8.0, false)];
        // d_3 = -3 + 1/2 10 - 8 = -6; d_1 = -2 + 1/2 6 - 4 = -3; d_0 = -1 + 1/2 4 - 2 = -1, A_0 = -1 + 1/4 (-3).
        assert_eq!(advantages(&moments, 10.0, 0.5, 0.5), [-1.75, -3.0, 0.0, -6.0]);
        // lambda 1: A_0 = r_0 + r_1 / 2 + V_2 / 4 - V_0.
        assert_eq!(advantages(&moments, 10.0, 0.5, 1.0)[0], -1.0 - 1.0 + 1.5 - 2.0);
    }
}
