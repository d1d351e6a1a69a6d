//! The evaluation on recorded loads.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use agent::bound::Point;
use agent::checkpoint::Checkpoint;
use agent::evaluate::{
    Case, Clairvoyant, Contender, Deployment, EvaluateArgs, Field, Parts, Report, cluster_laws, evaluate_recorded,
    judge, reference_cases, rules, violations,
};
use agent::rules::{Reactive, StaticCount};
use agent::simulator::{Episode, Player, Scenario, Simulation};
use agent::workload::{Profile, Recording, Split};
use clap::Parser;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: EvaluateArgs,
}

fn arguments(arguments: &[&str]) -> EvaluateArgs {
    Command::try_parse_from(std::iter::once("evaluate").chain(arguments.iter().copied())).expect("good arguments").args
}

fn deployment() -> Deployment {
    arguments(&["--max", "4"]).recorded.deployment
}

/// Two short recordings to test on and one to tune on.
fn write_traces(folder: &Path) {
    let wave = |minute: u32, period: f64| 300.0 * (1.2 + (f64::from(minute) / period).sin());
    for (name, minutes, period) in [("a", 50, 6.0), ("b", 40, 3.0), ("c", 60, 5.0)] {
        let rows: String = (0..minutes).map(|minute| format!("{minute},{:.0}\n", wave(minute, period))).collect();
        fs::write(folder.join(format!("{name}.csv")), format!("minute,requests\n{rows}")).expect("a written trace");
    }
    fs::write(folder.join("split.csv"), "trace,part\nc,train\n").expect("a written split");
}

fn parts(folder: &Path) -> Parts {
    write_traces(folder);
    let split = Split::read(&folder.join("split.csv")).expect("a good split");
    let recordings = Recording::read_folder(folder).expect("good traces");
    Parts::new(recordings, &split, &deployment(), 1, 1).expect("something to test on")
}

#[test]
fn results_do_not_depend_on_the_threads_and_nobody_beats_the_bound() {
    let folder = tempfile::tempdir().expect("a fresh folder");
    let (parts, deployment) = (parts(folder.path()), deployment());
    assert_eq!((parts.names.as_slice(), parts.tested.len(), parts.tuning.len()), (&["a".into(), "b".into()][..], 2, 1));
    let contenders: Vec<Contender> = rules(4, &[]).into_iter().chain(cluster_laws(&[])).collect();
    let cases: Vec<Case> = (0..2)
        .flat_map(|seed| parts.tested.iter().map(move |part| (part, seed)))
        .map(|(part, seed)| part.case(&deployment, seed).expect("good figures"))
        .collect();
    let chosen = vec![0; contenders.len()];
    let report = |threads| {
        let detailed = Some(chosen.as_slice());
        let field = Field { contenders: &contenders, detailed, clairvoyant: Clairvoyant::Played, threads };
        let units = field.play(&cases, || ()).expect("good episodes");
        for unit in &units {
            for (contender, tallies) in contenders.iter().zip(&unit.tallies).filter(|(who, _)| who.period_s.is_none()) {
                for tally in tallies {
                    let point = Point { violations: tally.avoidable as f64, pod_seconds: tally.pod_seconds };
                    assert!(!unit.bound.is_beaten_by(point), "{}: {point:?} {:?}", contender.name, unit.bound);
                }
            }
            for plan in &unit.achieved {
                assert!(!unit.bound.is_beaten_by(*plan), "{plan:?} {:?}", unit.bound);
            }
        }
        Report::new(&units, &contenders, &chosen, 3.0, &parts.names)
    };
    let one = report(1);
    assert_eq!(one, report(3), "with 1 and with 3 threads");
    assert_eq!((one.traces.len(), one.seeds, one.total.rows.len()), (2, 2, contenders.len()));
    let plan = one.total.plans.last().expect("the dearest price");
    assert!(plan.avoidable_percent == 0.0 && plan.relative_cost < 1.15, "who knows the future: {plan:?}");
}

#[test]
fn windows_are_judged_alike_whatever_the_period_of_the_loop() {
    let deployment = deployment();
    let load = Profile::new(60.0, vec![8.0, 9.0, 10.0, 14.0, 3.0, 3.0, 9.0, 12.0]).expect("a load");
    let scenario = deployment.scenario(load).expect("a valid scenario");
    let slow = Arc::new(Episode::draw(scenario, 5).expect("a valid scenario"));
    let infeasible = violations(&StaticCount(4), &slow).expect("a valid episode");
    assert_eq!(infeasible.len(), 7, "all windows but the first");
    for count in [2, 4] {
        let player = |period_s| {
            judge(Player::Policy(&StaticCount(count)), period_s, &slow, &infeasible, true).expect("a valid period")
        };
        assert_eq!(player(60.0), player(15.0), "{count} pods, which a faster loop orders at the same moment");
    }
    // The sums are those of the simulator's own account.
    let rule = Reactive::default();
    let tally = judge(Player::Policy(&rule), 60.0, &slow, &infeasible, true).expect("a valid period");
    let (mut simulation, mut pod_seconds, mut late, mut violating, mut requests) =
        (Simulation::new(Arc::clone(&slow)), 0.0, 0, 0, 0);
    while !simulation.is_done() {
        let outcome = simulation.step(agent::policy::Policy::order(&rule, &simulation.request()));
        pod_seconds += outcome.pod_seconds;
        late += outcome.late_requests;
        requests += outcome.requests;
        violating += u64::from(outcome.mean_response_s > deployment.threshold_s);
    }
    assert_eq!((tally.late, tally.violating, tally.requests), (late, violating, requests));
    assert_eq!(tally.pod_seconds, pod_seconds);
    let median_s = tally.responses.expect("they were asked for").quantile(0.5);
    assert!((0.15..0.5).contains(&median_s), "{median_s}");
}

#[test]
fn the_command_writes_a_page_that_needs_nothing_else_and_the_same_figures_as_json() {
    let folder = tempfile::tempdir().expect("a fresh folder");
    write_traces(folder.path());
    let (traces, out) = (folder.path().to_str().expect("words"), folder.path().join("out"));
    let out_name = out.to_str().expect("words");
    let args = arguments(&[
        "--traces", traces, "--max", "4", "--seeds", "2", "--policy", "reactive", "--knob", "0.5,0.7", "--out",
        out_name, "--json",
    ]);
    agent::evaluate::run(&args).expect("a report");
    let page = fs::read_to_string(out.join("report.html")).expect("a page");
    for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "the page refers to something outside: {outside}");
    }
    assert_eq!(page.matches("<svg").count(), 3, "a picture for each trace and one for all");
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("report.json")).expect("a file")).expect("JSON");
    assert_eq!(json["days"], serde_json::json!([["a", [0]], ["b", [0]]]), "c is tuned on and never tested on");
    let rows = json["total"]["rows"].as_array().expect("rows");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["policy"].as_str()).collect();
    assert_eq!(names, ["learned", "reactive"]);
    assert_eq!(rows[0]["knob"], 3.0, "the default price");
    let knobs: Vec<f64> = json["total"]["fronts"][1]["points"]
        .as_array()
        .expect("points")
        .iter()
        .filter_map(|point| point["knob"].as_f64())
        .collect();
    assert_eq!(knobs, [0.5, 0.7]);
}

#[test]
fn several_checkpoints_are_training_seeds_of_one_policy() {
    let folder = tempfile::tempdir().expect("a fresh folder");
    write_traces(folder.path());
    let traces = folder.path().to_str().expect("words");
    let args = arguments(&["--traces", traces, "--max", "4", "--policy", "static"]);
    let shipped = || Checkpoint::shipped().expect("the shipped checkpoint");
    let twice = evaluate_recorded(&args.recorded, &[shipped(), shipped()], 3.0, 2).expect("a report");
    let once = evaluate_recorded(&args.recorded, &[shipped()], 3.0, 2).expect("a report");
    let names: Vec<&str> = twice.total.rows.iter().map(|row| row.policy.as_str()).collect();
    assert!(names[0] == "learned, 2 seeds" && names.len() == 4, "{names:?}");
    let (pooled, single) = (&twice.total.rows[0], &once.total.rows[0]);
    assert_eq!(pooled.avoidable_percent, single.avoidable_percent, "the same networks twice");
    assert!((pooled.pod_minutes - single.pod_minutes).abs() < 1e-6 * single.pod_minutes, "{pooled:?} {single:?}");
}

#[test]
fn options_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().expect("a fresh folder");
    write_traces(folder.path());
    let traces = folder.path().to_str().expect("words");
    let table: [(&[&str], &str); 7] = [
        (&["--policy", "wizard"], "there is no --policy \"wizard\"; there are static; threshold; reactive"),
        (&["--knob", "1"], "--knob is for one --policy, there are 0"),
        (&["--period", "15,0"], "scenario: period must be above 0 s, it is 0"),
        (&["--max", "0"], "scenario: max"),
        (&["--threshold", "0.1"], "scenario: threshold must be longer than the service time, it is 0.1"),
        (&["--start-up=-1"], "scenario: startup_s must be"),
        (&["--split", "/nowhere.csv"], "cannot open the trace /nowhere.csv"),
    ];
    for (options, message) in table {
        let args = arguments(&[&["--traces", traces], options].concat());
        let shipped = [Checkpoint::shipped().expect("the shipped checkpoint")];
        let error = evaluate_recorded(&args.recorded, &shipped, 3.0, 1).expect_err(message).to_string();
        assert!(error.starts_with(message), "{error} instead of {message}");
    }
}

#[test]
fn a_contender_of_another_kind_is_one_line() {
    let best = Contender::new("best guess", [1.0, 2.0], |count| StaticCount(count as u32)).every(15.0);
    let rule = best.rule(2.0, &Scenario::demo_sinusoid());
    assert_eq!((best.period_s, rule.name()), (Some(15.0), "static 2".to_owned()));
}

#[test]
fn what_each_period_buys_has_a_row_for_every_policy_and_period() {
    let folder = tempfile::tempdir().expect("a fresh folder");
    write_traces(folder.path());
    let traces = folder.path().to_str().expect("words");
    let args = arguments(&["--traces", traces, "--max", "4", "--policy", "reactive", "--period", "30,60,120"]);
    let shipped = [Checkpoint::shipped().expect("the shipped checkpoint")];
    let report = evaluate_recorded(&args.recorded, &shipped, 3.0, 1).expect("a report");
    let names: Vec<&str> = report.total.rows.iter().map(|row| row.policy.as_str()).collect();
    let expected = ["learned", "reactive"].map(|name| [30, 60, 120].map(|period| format!("{name} @{period} s")));
    for name in expected.iter().flatten() {
        assert!(names.contains(&name.as_str()), "{name} is not in {names:?}");
    }
    assert_eq!(report.matched.len(), 4 * 6, "each at four levels");
}

#[test]
fn the_reference_scenario_has_41_checks_of_a_sinusoid_that_begins_at_its_lowest() {
    let cases = reference_cases(0..2).expect("good figures");
    let episode = cases[0].draw().expect("a valid scenario");
    assert_eq!((episode.decisions(), episode.scenario().max_replicas), (41, 6));
    let loads = &cases[0].scenario.load;
    assert!(loads.rate_at(30.0) == 0.0 && loads.rate_at(1900.0) == 0.0, "quiet before and behind");
    // Half a period in, around 7 + 9 requests/s.
    let high = (500..520).map(|second| loads.rate_at(f64::from(second))).sum::<f64>() / 20.0;
    assert!((14.0..18.0).contains(&high), "{high}");
    assert_ne!(cases[0].scenario.load, cases[1].scenario.load, "the noise is another");
}
