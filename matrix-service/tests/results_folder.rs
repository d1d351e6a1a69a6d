//! Records on a disk that fails, and in a folder that is claimed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod process;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use process::{Process, answer, names, ones};
use scaler_core::RequestRecord;
use serde_json::json;

/// A request is refused, the pod turns unready for the reason, and both recover after `repair`.
async fn fails_and_recovers(service: &Process, reason: &str, repair: impl FnOnce()) {
    let (status, reply) = service.multiply(ones(2)).await;
    assert_eq!((status, reply), (500, json!({"error": "the record of this request could not be kept"})));
    let unready = service.ready(503).await["error"].as_str().unwrap().to_owned();
    assert!(unready.starts_with("records cannot be kept: ") && unready.contains(reason), "{unready}");
    assert_eq!(service.get("/healthz").await.0, 200, "a restart would not help");
    assert!(service.metrics().await.contains("matrix_service_record_failures_total 1"));
    repair();
    service.ready(200).await;
    assert_eq!(service.multiply(ones(2)).await.0, 200);
}

#[actix_web::test]
async fn a_folder_that_cannot_be_written_turns_the_pod_unready_until_it_can() {
    let service = Process::start(&[]);
    service.ready(200).await;
    assert_eq!(service.multiply(ones(2)).await.0, 200);
    let incoming = service.incoming();
    fs::rename(&incoming, service.results.path().join("away")).unwrap();
    fs::write(&incoming, "a file where the folder should be").unwrap();
    fails_and_recovers(&service, "incoming", || fs::remove_file(&incoming).unwrap()).await;
    assert_eq!(names(&incoming).len(), 1, "the record of the last request alone");
}

#[actix_web::test]
async fn a_results_folder_that_is_missing_at_the_start_is_made_or_waited_for() {
    let outer = tempfile::tempdir().unwrap();
    let results = outer.path().join("a/b");
    fs::write(outer.path().join("a"), "in the way").unwrap();
    let service = Process::start(&["--results-dir", results.to_str().unwrap()]);
    fails_and_recovers(&service, "a/b/incoming", || fs::remove_file(outer.path().join("a")).unwrap()).await;
    assert_eq!(names(&results.join("incoming")).len(), 1);
}

/// A small disk of its own; `None` where mounting is not allowed.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(at).output().ok()?;
        mounted.status.success().then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[actix_web::test]
async fn a_full_or_read_only_disk_turns_the_pod_unready_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(dir.path()) else {
        println!("not run: mounting is not allowed here");
        return;
    };
    let service = Process::start(&["--results-dir", dir.path().to_str().unwrap()]);
    service.ready(200).await;
    let filler = dir.path().join("filler");
    let full = fs::write(&filler, vec![1; 1 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    fails_and_recovers(&service, "No space left on device", || fs::remove_file(&filler).unwrap()).await;
    let remount = |options: &str| {
        assert!(Command::new("mount").args(["-o", options]).arg(&disk.0).status().unwrap().success());
    };
    remount("remount,ro");
    let (status, _) = service.multiply(ones(2)).await;
    assert_eq!(status, 500);
    let unready = service.ready(503).await;
    assert!(unready["error"].as_str().unwrap().contains("Read-only file system"), "{unready}");
    remount("remount,rw");
    service.ready(200).await;
    assert_eq!(service.multiply(ones(2)).await.0, 200);
    let kept = names(&dir.path().join("incoming"));
    assert!(kept.len() == 2 && kept.iter().all(|name| name.starts_with("pod-1_")), "{kept:?}");
}

#[actix_web::test]
async fn a_full_disk_is_not_filled_with_empty_segments() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(dir.path()) else {
        println!("not run: mounting is not allowed here");
        return;
    };
    let service = Process::start(&["--results-dir", dir.path().to_str().unwrap(), "--records", "segment"]);
    service.ready(200).await;
    let segments = || {
        let names = names(&dir.path().join("incoming"));
        names.into_iter().filter(|name| !name.starts_with('.')).collect::<Vec<_>>()
    };
    let filler = dir.path().join("filler");
    let full = fs::write(&filler, vec![1; 1 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    for _ in 0..3 {
        assert_eq!(service.multiply(ones(2)).await.0, 500);
        assert!(segments().is_empty(), "{:?}", segments());
    }
    fs::remove_file(&filler).unwrap();
    service.ready(200).await;
    assert_eq!(service.multiply(ones(2)).await.0, 200);
    assert_eq!(segments().len(), 1, "{:?}", segments());
}

/// As the scaler seals a segment: an empty line, under the lock.
fn seal(segment: &Path) {
    let mut file = fs::File::options().append(true).open(segment).unwrap();
    file.lock().unwrap();
    file.write_all(b"\n").unwrap();
}

/// Claims the window as the scaler does, again and again; returns the folders.
fn claim_until(results: &Path, done: &AtomicBool) -> Vec<PathBuf> {
    let mut claimed = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let check = results.join(format!("AnalyzedPods/.check_{}", claimed.len() + 1));
        match fs::rename(results.join("incoming"), &check) {
            Ok(()) => {
                names(&check).iter().filter(|name| name.ends_with(".jsonl")).for_each(|name| seal(&check.join(name)));
                claimed.push(check);
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
        }
        // Much faster than any scaler, yet slow enough for a writer to get through on a busy machine.
        thread::sleep(Duration::from_millis(10));
    }
    claimed
}

/// The records in a file of a claimed folder.
fn records_of(path: &Path) -> Vec<RequestRecord> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

#[actix_web::test]
async fn every_200_has_exactly_one_record_however_often_the_folder_is_claimed() {
    for mode in ["file", "segment"] {
        exactly_one_record_each(mode).await;
    }
}

async fn exactly_one_record_each(mode: &str) {
    const WRITERS: usize = 4;
    const REQUESTS: usize = 100;
    let service = Process::start(&["--concurrency", "4", "--records", mode]);
    let results = service.results.path().to_owned();
    fs::create_dir(results.join("AnalyzedPods")).unwrap();
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let claims = {
        let (results, done) = (results.clone(), std::sync::Arc::clone(&done));
        thread::spawn(move || claim_until(&results, &done))
    };
    join_all((0..WRITERS).map(|writer| {
        let service = &service;
        async move {
            for n in 0..REQUESTS {
                let request = service.post().header("X-Request-ID", format!("{writer}-{n}")).body(ones(3));
                let (status, reply) = answer(request).await;
                assert_eq!(status, 200, "{reply}");
            }
        }
    }))
    .await;
    done.store(true, Ordering::Relaxed);
    let mut folders = claims.join().unwrap();
    let claimed = folders.len();
    folders.push(service.incoming());
    let mut records: BTreeMap<String, usize> = BTreeMap::new();
    let mut rests = 0;
    for folder in &folders {
        for name in names(folder) {
            if name.starts_with('.') {
                rests += 1;
                continue;
            }
            for record in records_of(&folder.join(name)) {
                *records.entry(record.request_id.unwrap()).or_default() += 1;
            }
        }
    }
    println!(
        "{mode}: {} records in {claimed} claimed folders, {rests} dot-files of writers that were overtaken",
        records.len()
    );
    assert_eq!(records.len(), WRITERS * REQUESTS);
    assert!(records.values().all(|count| *count == 1), "{records:?}");
    assert!(claimed > 10, "the folder was claimed under the writers");
}
