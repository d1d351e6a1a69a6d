//! Tuning: every family over its settings, for its price.

use std::sync::Arc;

use agent::rng::Stream;
use agent::rules::{RuleFamily, Scale, Search, Tuned, tune};
use agent::simulator::{Episode, Scenario, play};

const PRICES: [f64; 3] = [1.5, 10.0, 40.0];

fn episodes(count: u64) -> Vec<Arc<Episode>> {
    let episode = |seed| {
        let scenario = Scenario::randomised(40, &mut Stream::new(seed, "tune", 0));
        // In a cluster's time, so that windows of minutes are what they are there.
        let stretch = 60.0 / scenario.interval_s;
        let rates = scenario.load.rates().iter().map(|rate| rate / stretch).collect();
        let load = agent::workload::Profile::new(scenario.load.bin_s() * stretch, rates).expect("a load");
        let scenario = Scenario {
            load,
            interval_s: 60.0,
            threshold_s: scenario.threshold_s * stretch,
            service_time_s: scenario.service_time_s * stretch,
            startup_s: scenario.startup_s * stretch,
            metric_lag_s: scenario.metric_lag_s * stretch,
            service_shifts: Vec::new(),
            ..scenario
        };
        Arc::new(Episode::draw(scenario, seed).expect("a valid scenario"))
    };
    (0..count).map(episode).collect()
}

const SHORT: Search = Search { candidates: 16, rounds: 2, neighbours: 8, period_s: None, seed: 1 };

fn objective(family: RuleFamily, values: &[f64], price: f64, episodes: &[Arc<Episode>]) -> f64 {
    let one = |episode: &Arc<Episode>| {
        let rule = family.rule(values, episode.scenario());
        let played = play(episode, rule.player(), rule.native_period_s(60.0)).expect("a valid period");
        // A window violates by the requests that arrive in it.
        let violating = played.windows.iter().filter(|it| it.arrivals_violate(episode.scenario().threshold_s)).count();
        (played.totals.pod_share + price * violating as f64) / played.windows.len() as f64
    };
    episodes.iter().map(one).sum::<f64>() / episodes.len() as f64
}

#[test]
fn tuning_finds_what_is_at_least_as_good_as_the_start_for_every_family_and_price() {
    let episodes = episodes(6);
    for family in RuleFamily::ALL {
        let tuned = tune(family, &episodes, &PRICES, &SHORT).expect("a valid period");
        assert_eq!(tuned.iter().map(|tuned| tuned.price).collect::<Vec<_>>(), PRICES);
        for Tuned { values, price, .. } in &tuned {
            let (found, start) =
                (objective(family, values, *price, &episodes), objective(family, &family.start(), *price, &episodes));
            println!("{:14} B {price:4}: {found:.3} from {start:.3} with {values:.2?}", family.name());
            assert!(found <= start + 1e-12, "{}: {found} instead of {start}", family.name());
            for (setting, value) in family.settings().iter().zip(values) {
                let within = (setting.low..=setting.high).contains(value);
                assert!(within, "{}: {} is {value}", family.name(), setting.name);
                assert!(setting.scale == Scale::Even || value.fract() == 0.0, "{}: {value}", setting.name);
            }
        }
        for tuned in &tuned {
            let again = objective(family, &tuned.values, tuned.price, &episodes);
            assert!((tuned.objective() - again).abs() < 1e-9, "{}: {} and {again}", family.name(), tuned.objective());
        }
        // Each is the best of all that was tried, for its own price.
        for (one, other) in tuned.iter().flat_map(|one| tuned.iter().map(move |other| (one, other))) {
            let other = other.pod_share + one.price * other.violation_share;
            assert!(one.objective() <= other + 1e-12, "{} at {}", family.name(), one.price);
        }
        let (cheap, dear) = (&tuned[0], &tuned[PRICES.len() - 1]);
        assert!(dear.violation_share <= cheap.violation_share, "{}: dearer violations are no more", family.name());
    }
}

#[test]
fn the_same_seed_finds_the_same_settings_and_another_seed_others() {
    let episodes = episodes(2);
    for family in [RuleFamily::CalLong, RuleFamily::HpaBehavior] {
        let search = |seed| tune(family, &episodes, &[3.0], &Search { seed, ..SHORT }).expect("a valid period");
        assert_eq!(search(1), search(1));
        assert_ne!(search(1)[0].values, search(2)[0].values);
    }
}

#[test]
fn a_longer_search_is_no_worse_and_refines() {
    let episodes = episodes(4);
    let search = |rounds| {
        let search = Search { candidates: 24, rounds, neighbours: 16, ..SHORT };
        tune(RuleFamily::CalLong, &episodes, &[10.0], &search).expect("a valid period")[0].objective()
    };
    let (searched, refined) = (search(0), search(4));
    assert!(refined < searched, "{refined} after refinement, {searched} before");
}

#[test]
fn another_period_is_tuned_at_and_one_that_does_not_fit_is_refused() {
    let episodes = episodes(2);
    let at = |period_s| tune(RuleFamily::Reactive, &episodes, &[10.0], &Search { period_s: Some(period_s), ..SHORT });
    assert_ne!(at(15.0), at(60.0));
    let error = at(1e9).expect_err("longer than an episode").to_string();
    assert!(error.contains("period_s must be above 0 s and within the episode"), "{error}");
}

#[test]
fn the_documentation_lists_every_setting_with_its_range() {
    let page = include_str!("../src/rules.rs");
    for family in RuleFamily::ALL {
        let row = page.lines().find(|line| line.starts_with(&format!("//! | {} | `", family.name())));
        let row =
            row.or_else(|| page.lines().find(|line| line.starts_with(&format!("//! | {} | the same", family.name()))));
        let row = row.unwrap_or_else(|| panic!("{} is not in the table", family.name()));
        for setting in family.settings() {
            let range = format!("{}..{}", setting.low, setting.high);
            let inherited = row.contains("the same");
            let stated = row.contains(&format!("`{}`", setting.name)) && row.contains(&range);
            assert!(stated || inherited, "{}: `{}` {range} is not in {row}", family.name(), setting.name);
        }
        assert_eq!(family.start().len(), family.settings().len());
    }
}
