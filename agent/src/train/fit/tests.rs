use super::*;
use crate::network::Value;
use crate::network::{ACTION_WIDTH, STATE_WIDTH};
use crate::train::collect::{EpisodeSamples, Sample};

fn hyperparameters() -> Hyperparameters {
    #[derive(clap::Parser)]
    struct Defaults {
        #[command(flatten)]
        hyperparameters: Hyperparameters,
    }
    let defaults: Defaults = clap::Parser::parse_from(["train"]);
    Hyperparameters {
        rounds: 1,
        steps: 1200,
        batch: 64,
        units: 32,
        networks: 1,
        learning_rate: 3e-3,
        averaging: 0.99,
        ..defaults.hyperparameters
    }
}

/// States of noise, candidates of noise, returns that are a known function of both, and a luck that all candidates of a
/// state share.
fn known_world(episodes: usize) -> Vec<EpisodeSamples> {
    let mut stream = Stream::new(5, "known world", 0);
    (0..episodes)
        .map(|_| {
            let samples = (0..40)
                .map(|_| {
                    let state: [f32; STATE_WIDTH] = std::array::from_fn(|_| stream.normal() as f32);
                    let actions: [[f32; ACTION_WIDTH]; KEPT] =
                        std::array::from_fn(|_| std::array::from_fn(|_| stream.normal() as f32));
                    let luck = 20.0 * stream.normal();
                    let returns = actions.map(|action| Value {
                        cost: luck + f64::from(action[0]),
                        violation: luck + f64::from(action[1] * state[0].signum()),
                    });
                    Sample { state, price: 8.0, actions, own: Value::default(), returns, weights: [1.0; KEPT] }
                })
                .collect();
            EpisodeSamples { samples, requests: 0 }
        })
        .collect()
}

#[test]
fn a_known_function_of_state_and_candidate_is_learnt_in_seconds_however_large_the_common_luck() {
    let dataset = Dataset::new(&known_world(300));
    let fitted = fit(&hyperparameters(), 0, &dataset, &Progress::silent()).unwrap();
    let loss = fitted[0].held_out_loss;
    assert!(loss < 0.35, "a constant has a loss of 1, the network {loss}");
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_seed_others() {
    let dataset = Dataset::new(&known_world(20));
    let weights = |seed| {
        let few = Hyperparameters { seed, steps: 10, networks: 2, ..hyperparameters() };
        let fitted = fit(&few, 0, &dataset, &Progress::silent()).unwrap();
        let numbers = |fitted: &Fitted| -> Vec<f32> {
            let all = fitted.network.parameters().iter();
            all.flat_map(|p| p.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
        };
        fitted.iter().map(numbers).collect::<Vec<_>>()
    };
    let first = weights(1);
    assert_eq!(first, weights(1));
    assert_ne!(first, weights(2));
    assert_ne!(first[0], first[1], "the networks of an ensemble must differ");
}

#[test]
fn centring_subtracts_the_weighted_mean_of_the_own_kind() {
    let mut values = vec![0.0_f32; KEPT * VALUES];
    let mut weights = vec![0.0_f32; KEPT * VALUES];
    // Costs 1 .. 8, of which the third and the fifth count, 1 to 3: the mean is 4.5. Violations are all 3.
    for candidate in 0..KEPT {
        values[VALUES * candidate] = candidate as f32 + 1.0;
        values[VALUES * candidate + 1] = 3.0;
    }
    for (candidate, weight) in [(2, 0.25), (4, 0.75)] {
        weights[VALUES * candidate] = weight;
        weights[VALUES * candidate + 1] = weight;
    }
    let row = |numbers| Tensor::from_vec(numbers, (1, KEPT * VALUES), &Device::Cpu).unwrap();
    let centred = centred(&row(values), &row(weights), &same_kind().unwrap()).unwrap();
    let centred = centred.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for candidate in 0..KEPT {
        assert!((centred[VALUES * candidate] - (candidate as f32 - 3.5)).abs() < 1e-5, "{centred:?}");
        assert!(centred[VALUES * candidate + 1].abs() < 1e-5, "{centred:?}");
    }
}
