//! Quantile regression of returns: the loss, and the target that it regresses.
//!
//! Dabney et al., Distributional Reinforcement Learning with Quantile Regression (2018), equations 9 to 13.

/// Mean over the samples of `sum_i mean_j |tau_i - 1{u < 0}| H(u) / kappa`, with `u = target_j - predicted_i`,
/// `tau_i = (i + 1/2) / N`, and Huber's `H(u)`: `u^2 / 2` up to `kappa`, `kappa (|u| - kappa / 2)` above.
///
/// Both are of one sample, `N` numbers each. Returns the loss and its gradient by the predictions: by hand, since `N^2`
/// differences of every sample as tensors would cost more than the network.
#[must_use]
pub fn quantile_huber(predicted: &[f32], target: &[f32], kappa: f32) -> (f64, Vec<f32>) {
    let (count, targets) = (predicted.len() as f32, target.len() as f32);
    let mut loss = 0.0;
    let gradient = predicted.iter().enumerate().map(|(i, predicted)| {
        let tau = (i as f32 + 0.5) / count;
        let (mut sum, mut slope) = (0.0, 0.0);
        for target in target {
            let u = target - predicted;
            let weight = if u < 0.0 { 1.0 - tau } else { tau };
            let near = u.clamp(-kappa, kappa);
            // `near (u - near / 2)` is both pieces of Huber's function.
            sum += weight * near * (u - 0.5 * near);
            slope -= weight * near;
        }
        loss += f64::from(sum / (targets * kappa));
        slope / (targets * kappa)
    });
    let gradient = gradient.collect();
    (loss, gradient)
}

/// The n-step double target: `reward + discount (V + A_best - mean A)` of the target network, quantile by quantile, where
/// the online network says which candidate is the best.
///
/// `value` has `N` quantiles, `advantages` `N` for each candidate.
#[must_use]
pub fn target(reward: f64, discount: f64, value: &[f32], advantages: &[f32], best: usize) -> Vec<f32> {
    let (count, candidates) = (value.len(), advantages.len() / value.len());
    let quantile = |(i, value): (usize, &f32)| {
        let mean = advantages.iter().skip(i).step_by(count).sum::<f32>() / candidates as f32;
        let later = value + advantages[best * count + i] - mean;
        (reward + discount * f64::from(later)) as f32
    };
    value.iter().enumerate().map(quantile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_of_hand_worked_quantiles() {
        // tau = 1/4, 3/4; kappa = 1. u_1 = (1, 3), u_2 = (-1, 1) for targets (1, 3):
        // H = 1/2, 5/2 | 1/2, 1/2; i = 1: 1/4 (1/2 + 5/2) / 2 = 3/8; i = 2: (1/4 1/2 + 3/4 1/2) / 2 = 1/4.
        let (loss, gradient) = quantile_huber(&[0.0, 2.0], &[1.0, 3.0], 1.0);
        assert!((loss - 0.625).abs() < 1e-7, "{loss}");
        // -(1/4 1 + 1/4 1) / 2, and -(1/4 (-1) + 3/4 1) / 2.
        assert_eq!(gradient, [-0.25, -0.25]);
        // kappa = 2: H(3) = 2 (3 - 1) = 4, all over 2.
        let (loss, _) = quantile_huber(&[0.0, 2.0], &[1.0, 3.0], 2.0);
        assert!((loss - (0.25 * 4.5 / 4.0 + 0.5 / 4.0)).abs() < 1e-7, "{loss}");
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let (predicted, target) = ([-1.0_f32, 0.3, 0.9, 4.0], [0.5_f32, -2.0, 1.0, 3.0]);
        let (_, gradient) = quantile_huber(&predicted, &target, 1.0);
        for i in 0..predicted.len() {
            let moved = |by: f32| {
                let mut moved = predicted;
                moved[i] += by;
                quantile_huber(&moved, &target, 1.0).0
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - f64::from(gradient[i])).abs() < 1e-3, "{i}: {slope}, {}", gradient[i]);
        }
    }

    #[test]
    fn the_target_is_the_target_networks_value_of_the_online_networks_choice() {
        // Two quantiles, three candidates. Means of the advantages: (1 + 2 + 6) / 3 = 3, (0 - 1 + 4) / 3 = 1.
        let (value, advantages) = ([10.0, 20.0], [1.0, 0.0, 2.0, -1.0, 6.0, 4.0]);
        // The online network prefers candidate 1, though the target network has 2 higher:
        // -1.5 + 1/2 (10 + 2 - 3) = 3, -1.5 + 1/2 (20 - 1 - 1) = 7.5.
        assert_eq!(target(-1.5, 0.5, &value, &advantages, 1), [3.0, 7.5]);
    }
}
