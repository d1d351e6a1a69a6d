//! What a request costs beside the wire: reading its body, multiplying, keeping its record.
//!
//! `cargo bench -p matrix-service`. The times of reading and multiplying together are the floor of a request.

use std::hint::black_box;

use chrono::{TimeDelta, Utc};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use matrix_service::matrix::Workspace;
use matrix_service::parse::{Buffers, parse};
use matrix_service::records::Records;
use scaler_core::RequestRecord;

const SIZES: [usize; 3] = [50, 100, 350];

/// Two square matrices of whole numbers below 100, as clients in Python write them.
fn body(size: usize) -> Vec<u8> {
    integers(size, 100)
}

/// The same of larger numbers.
fn thousands(size: usize) -> Vec<u8> {
    integers(size, 1_000)
}

fn integers(size: usize, below: usize) -> Vec<u8> {
    let row = |row: usize| {
        let values: Vec<String> = (0..size).map(|column| ((row * 31 + column * 17) % below).to_string()).collect();
        format!("[{}]", values.join(", "))
    };
    let matrix = (0..size).map(row).collect::<Vec<_>>().join(", ");
    format!("{{\"matrix_a\": [{matrix}], \"matrix_b\": [{matrix}]}}").into_bytes()
}

/// The same of floats with six decimals.
fn decimals(size: usize) -> Vec<u8> {
    let row = |row: usize| {
        let values: Vec<String> =
            (0..size).map(|column| format!("{:.6}", (row * 31 + column * 17) as f64 / 997.0)).collect();
        format!("[{}]", values.join(", "))
    };
    let matrix = (0..size).map(row).collect::<Vec<_>>().join(", ");
    format!("{{\"matrix_a\": [{matrix}], \"matrix_b\": [{matrix}]}}").into_bytes()
}

fn parsing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, make) in [("integers", body as fn(usize) -> Vec<u8>), ("decimals", decimals)] {
        for size in SIZES {
            let (body, mut buffers) = (make(size), Buffers::default());
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| {
                    let multiplication = parse(black_box(&body), &mut buffers).expect("a good body");
                    buffers.recycle(multiplication);
                });
            });
        }
    }
    group.finish();
}

fn multiplying(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("multiply");
    // Whole numbers below 100 are multiplied in single precision, as that is exact; larger ones and decimals are not.
    for (name, make) in [("integers", body as fn(usize) -> Vec<u8>), ("thousands", thousands), ("decimals", decimals)] {
        for size in SIZES {
            let multiplication = parse(&make(size), &mut Buffers::default()).expect("a good body");
            let mut workspace = Workspace::default();
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| black_box(&multiplication).multiply_into(&mut workspace).expect("a finite product"));
            });
        }
    }
    group.finish();
}

fn keeping(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("keep");
    let record = RequestRecord { service_time_s: 0.000_02, response_time_s: 0.000_3, request_id: None };
    let pod = || "pod-1".parse().expect("a good name");
    let results = tempfile::tempdir().expect("a temporary folder");
    for (name, records) in
        [("file", Records::files(results.path(), pod())), ("segment", Records::segments(results.path(), pod()))]
    {
        let mut arrival = Utc::now();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                arrival += TimeDelta::microseconds(1);
                records.keep(arrival, &record).expect("room for a record");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parsing, multiplying, keeping);
criterion_main!(benches);
