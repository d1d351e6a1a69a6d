//! A check without a cluster: claim, read, record, archive. `thrpt` is in records.

mod windows;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use windows::Folder;

fn windows(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut group = criterion.benchmark_group("check");
    group.sample_size(20);
    for records in [0, 600, 6_000] {
        let folders = [("files", Folder::of_files(records)), ("segments", Folder::of_segments(records))];
        group.throughput(Throughput::Elements(records as u64));
        for (name, folder) in folders {
            let mut used = false;
            group.bench_function(BenchmarkId::new(name, records), |bencher| {
                let ready = || {
                    if std::mem::replace(&mut used, true) {
                        folder.put_back();
                    }
                };
                bencher.iter_batched(ready, |()| runtime.block_on(folder.check()), BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, windows);
criterion_main!(benches);
