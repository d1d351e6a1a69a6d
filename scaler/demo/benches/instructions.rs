//! The hot paths of all parts, for counting their instructions: `.ci/instructions`.
//!
//! `instructions PATH TIMES` walks one path so many times; the difference between two counts is the path's own.

#[path = "../../../agent/benches/requests/mod.rs"]
mod requests;
#[path = "../../benches/windows/mod.rs"]
mod windows;

use std::hint::black_box;
use std::sync::Arc;

use agent::checkpoint::Checkpoint;
use agent::rng::Stream;
use agent::rules::StaticCount;
use agent::serve::{Agent, parse_request};
use agent::simulator::{Episode, Scenario, run};
use agent::workload::{Load, Shape};
use chrono::{TimeDelta, Utc};
use matrix_service::matrix::Workspace;
use matrix_service::parse::{Buffers, parse};
use matrix_service::records::Records;
use scaler_core::RequestRecord;
use windows::Folder;

/// Rows and columns of the matrices.
const SIZE: usize = 100;
/// Records in a window.
const RECORDS: usize = 1_000;

fn body(write: impl Fn(usize) -> String) -> Vec<u8> {
    let row = |row: usize| {
        let values: Vec<String> = (0..SIZE).map(|column| write(row * 31 + column * 17)).collect();
        format!("[{}]", values.join(", "))
    };
    let matrix = (0..SIZE).map(row).collect::<Vec<_>>().join(", ");
    format!("{{\"matrix_a\": [{matrix}], \"matrix_b\": [{matrix}]}}").into_bytes()
}

fn integers() -> Vec<u8> {
    body(|number| (number % 100).to_string())
}

fn decimals() -> Vec<u8> {
    body(|number| format!("{:.6}", number as f64 / 997.0))
}

fn parsed(times: usize, body: &[u8]) {
    let mut buffers = Buffers::default();
    for _ in 0..times {
        let multiplication = parse(black_box(body), &mut buffers).expect("a good body");
        buffers.recycle(multiplication);
    }
}

fn kept(times: usize, records: &Records) {
    let record = RequestRecord { service_time_s: 0.000_02, response_time_s: 0.000_3, request_id: None };
    let mut arrival = Utc::now();
    for _ in 0..times {
        arrival += TimeDelta::microseconds(1);
        records.keep(arrival, &record).expect("room for a record");
    }
}

fn multiplied(times: usize, body: &[u8]) {
    let multiplication = parse(body, &mut Buffers::default()).expect("a good body");
    let mut workspace = Workspace::default();
    for _ in 0..times {
        black_box(&multiplication).multiply_into(&mut workspace).expect("a finite product");
    }
}

fn checked(times: usize, folder: &Folder) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for _ in 0..times {
        assert_eq!(runtime.block_on(folder.check()), RECORDS as u64);
        folder.put_back();
    }
}

fn answered(times: usize, body: &str) {
    let checkpoint = Checkpoint::shipped().expect("it was shipped");
    let agent = Agent::new(&checkpoint, 3.0).expect("the metrics are new");
    for _ in 0..times {
        let request = parse_request(black_box(body.as_bytes())).expect("a good body");
        black_box(agent.answer(&request));
    }
}

fn simulated(times: usize) {
    let load = Load { low_rps: 5.0, high_rps: 30.0, periods: 1.0, duration_s: 600.0, bin_s: 15.0 };
    let load = Shape::Sinusoid.profile(&load, &mut Stream::new(1, "shape", 0)).expect("the load is within range");
    let scenario = Scenario::plain(load, 60.0, 0.5, 10, 0.2);
    let episode = Arc::new(Episode::draw(scenario, 1).expect("the scenario is within range"));
    for _ in 0..times {
        black_box(run(Arc::clone(&episode), &StaticCount(8)));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (path, times) = (arguments.next().unwrap_or_default(), arguments.next());
    // Cargo's own arguments, when all benchmarks are run: this one has nothing to time.
    let Some(times) = times.and_then(|times| times.parse::<usize>().ok()) else { return };
    let results = tempfile::tempdir().expect("a temporary folder");
    let pod = || "pod-1".parse().expect("a good name");
    match path.as_str() {
        "parse integers" => parsed(times, &integers()),
        "parse decimals" => parsed(times, &decimals()),
        "multiply integers" => multiplied(times, &integers()),
        "multiply thousands" => multiplied(times, &body(|number| (number % 1_000).to_string())),
        "multiply decimals" => multiplied(times, &decimals()),
        "keep a file" => kept(times, &Records::files(results.path(), pod())),
        "keep a line" => kept(times, &Records::segments(results.path(), pod())),
        "check 1000 files" => checked(times, &Folder::of_files(RECORDS)),
        "check 1000 lines" => checked(times, &Folder::of_segments(RECORDS)),
        "answer five fields" => answered(times, requests::BARE),
        "answer a history" => answered(times, &requests::with_history()),
        "simulate" => simulated(times),
        other => panic!("there is no path {other:?}"),
    }
}
