//! Time from a body to an answer, without the wire.

mod requests;

use std::hint::black_box;

use agent::checkpoint::Checkpoint;
use agent::serve::{Agent, parse_request};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn decisions(criterion: &mut Criterion) {
    let checkpoint = Checkpoint::shipped().expect("it was shipped");
    let agent = Agent::new(&checkpoint, 3.0).expect("the metrics are new");
    let mut group = criterion.benchmark_group("decisions");
    group.throughput(Throughput::Elements(1));
    for (name, body) in [("five fields", requests::BARE.to_owned()), ("history", requests::with_history())] {
        group.bench_function(format!("read {name}"), |bencher| {
            bencher.iter(|| parse_request(black_box(body.as_bytes())).expect("a good body"));
        });
        let request = parse_request(body.as_bytes()).expect("a good body");
        group.bench_function(format!("answer {name}"), |bencher| {
            bencher.iter(|| agent.answer(black_box(&request)));
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
