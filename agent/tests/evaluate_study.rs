//! The study of configurations: one checkpoint against generalists and rules tuned at home.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use agent::checkpoint::Checkpoint;
use agent::evaluate::{
    AtPods, Case, Clairvoyant, Contender, Deployment, EvaluateArgs, Field, Ground, Grounded, Pair, configurations,
    study,
};
use agent::rules::StaticCount;
use agent::simulator::Routing;
use agent::workload::Profile;
use clap::Parser;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: EvaluateArgs,
}

fn arguments(arguments: &[&str]) -> EvaluateArgs {
    Command::try_parse_from(std::iter::once("evaluate").chain(arguments.iter().copied())).unwrap().args
}

fn base() -> Deployment {
    arguments(&[]).recorded.deployment
}

#[test]
fn the_configurations_are_the_base_with_one_thing_changed_and_the_loads_are_sized_for_each() {
    let all = configurations(&base());
    let names: Vec<&str> = all.iter().map(|it| it.name).collect();
    let away: Vec<&str> = all.iter().filter(|it| it.away).map(|it| it.name).collect();
    assert!(all.len() >= 11 && names[0] == "base" && all[0].deployment == base(), "{names:?}");
    assert_eq!(away, ["start-up 90", "slack 1.6", "random routing", "mixture"]);
    let of = |name: &str| &all.iter().find(|it| it.name == name).unwrap().deployment;
    assert_eq!(of("random routing").routing, Routing::Random);
    assert_eq!(of("service x10").threshold_s / of("service x10").service_time_s, 2.5, "the same slack");
    // Ten pods of 0.2 s at (S - 1) / (S - 1 + (1 + c^2) / 2), S = 2.5, c = 0.1.
    assert!((of("base").peak_rps() - 50.0 * 1.5 / 2.005).abs() < 1e-9);
    assert!((of("service x0.25").peak_rps() / of("base").peak_rps() - 4.0).abs() < 1e-9);
    // Squared variation of the mixture: 1.675 / 1.05^2 - 1.
    let variation = 1.675 / (1.05 * 1.05);
    assert!((of("mixture").peak_rps() - 50.0 * 1.5 / (1.5 + variation / 2.0)).abs() < 1e-9);
}

/// Ten windows without a request that anybody could be late with: two static counts, worked out by hand.
#[test]
fn two_static_counts_on_an_idle_day_cost_what_their_pods_do() {
    let deployment = Deployment { max_replicas: 4, ..base() };
    let load = Profile::new(60.0, vec![0.05; 11]).unwrap();
    let case = Case { trace: 0, replicate: 0, scenario: deployment.scenario(load).unwrap(), seed: 7 };
    let contenders =
        [Contender::new("learned", [1.0], |_| StaticCount(1)), Contender::new("rule", [3.0], |_| StaticCount(3))];
    let field = Field { contenders: &contenders, detailed: None, clairvoyant: Clairvoyant::Bounded, threads: 1 };
    let units = field.play(&[case], || ()).unwrap();
    let pod_s = |index: usize| units[0].tallies[index][0].pod_seconds;
    // One pod for ten windows; and three pods that are ordered at the first of ten checks.
    assert_eq!((pod_s(0), pod_s(1)), (600.0, 1800.0));
    assert_eq!(units[0].bound.points()[0].pod_seconds, 600.0, "nobody needs less than one pod");
    let grounds = [("base".to_owned(), Ground::new(&units))];
    let grounded = Grounded { grounds: &grounds, traces: &["idle".to_owned()] };
    let duel = grounded.duel("learned", "rule", Pair { ours: &[0], theirs: &[1] });
    assert!((duel.median.unwrap() - 1.0 / 3.0).abs() < 1e-12, "{duel:?}");
}

fn write_traces(folder: &Path) {
    let wave = |minute: u32, period: f64| 300.0 * (1.2 + (f64::from(minute) / period).sin());
    for (name, minutes, period) in [("a", 45, 6.0), ("b", 30, 5.0)] {
        let rows: String = (0..minutes).map(|minute| format!("{minute},{:.0}\n", wave(minute, period))).collect();
        fs::write(folder.join(format!("{name}.csv")), format!("minute,requests\n{rows}")).unwrap();
    }
    fs::write(folder.join("split.csv"), "trace,part\nb,train\n").unwrap();
}

#[test]
fn training_seeds_have_rows_of_their_own_and_nobody_is_below_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    write_traces(folder.path());
    let traces = folder.path().to_str().unwrap();
    let args = arguments(&[
        "--traces",
        traces,
        "--max",
        "4",
        "--configuration",
        "base",
        "--configuration",
        "random routing",
        "--bound",
        "--recorded-only",
        "--deployments",
        "2",
        "--hours",
        "0.5",
    ]);
    let shipped = || Checkpoint::shipped().unwrap();
    let found = study(&args.study, &args.recorded, &[shipped(), shipped()], 3.0, 1).unwrap();
    assert_eq!(found.below_bound, Some(0), "of all settings that decide at the end of each window");
    let home: Vec<&str> =
        found.duels.iter().filter(|duel| duel.rule == "home cal-long").map(|duel| duel.learned.as_str()).collect();
    let hash = shipped().short_hash().to_owned();
    assert_eq!(home, ["learned, 2 seeds".to_owned(), format!("learned {hash}"), format!("learned {hash}")]);
    let rules: Vec<&str> = found.fronts[0].policies.iter().map(|front| front.policy.as_str()).collect();
    assert_eq!(
        rules[2..],
        [
            "generalist cal-long",
            "generalist trend",
            "generalist reactive",
            "generalist hpa",
            "home cal-long",
            "cal-long of the base, its stock set anew",
            "cal-long of the base",
            "home hpa at 15 s",
        ]
    );
    let [all, one, other] = [0, 1, 2].map(|at| &found.duels[at]);
    let near = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() < 1e-9);
    assert!(near(all.median, one.median) && near(one.median, other.median), "the same networks twice: {all:?}");
    // Tuned for the base and played there, it is the rule that is at home there, but for the generalist's setting, which is first.
    let of = |policy: &str| found.fronts[0].policies.iter().find(|front| front.policy == policy).unwrap();
    let figures = |policy: &str| of(policy).points.iter().map(|point| (point.1, point.2)).collect::<Vec<_>>();
    let (home, base) = (figures("home cal-long"), figures("cal-long of the base, its stock set anew"));
    assert_eq!((home.len(), base.len()), (32, 24), "eight safety stocks of each setting");
    assert_eq!(home[8..], base);
    assert_eq!(of("cal-long of the base").points.len(), 3, "a setting for each price");
    for away in &found.away {
        assert_eq!(away.configurations.len(), 1, "random routing alone is away");
    }
    let at: Vec<AtPods> = found.away.iter().map(|away| away.at).collect();
    assert_eq!(at, [[AtPods::Ours; 3], [AtPods::Theirs; 3]].concat(), "of two seeds and both together");
    assert!(found.searches.iter().any(|it| it.rule == "home cal-long" && it.settings >= 200));
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let args = arguments(&["--configuration", "moon"]);
    let error = study(&args.study, &args.recorded, &[], 3.0, 1).unwrap_err().to_string();
    assert!(
        error.starts_with("there is no --configuration \"moon\"; there are base; start-up 1; start-up 45"),
        "{error}"
    );
}
