//! Training as a process: the same seed, the same bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agent::checkpoint::{Card, Checkpoint, sha256};
use rustix::process::{Pid, Signal, kill_process};

/// Both rounds and both networks, of the smallest size.
const TINY: [&str; 13] = [
    "train",
    "--episodes",
    "6",
    "--checks",
    "24",
    "--steps",
    "12",
    "--batch",
    "16",
    "--units",
    "16",
    "--validation-seeds",
    "1",
];

fn train(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let output = folder.join(name);
    let ended = Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(TINY)
        .args(arguments)
        .arg("--output")
        .arg(&output)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    output
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: PathBuf| (std::fs::read(&path).unwrap(), std::fs::read(path.with_extension("json")).unwrap());
    let first = read(train(folder.path(), "first.safetensors", &["--seed", "3"]));
    let again = read(train(folder.path(), "again.safetensors", &["--seed", "3"]));
    assert!(first == again, "same seed, other bytes");
    let other = read(train(folder.path(), "other.safetensors", &["--seed", "4"]));
    assert_ne!(first.0, other.0);
    let card: Card = serde_json::from_slice(&first.1).unwrap();
    assert_eq!(card.sha256, sha256(&first.0));
    assert!(card.command.contains("train") && card.command.contains("--seed 3"), "{}", card.command);
    assert!(card.states > 0 && card.requests > 0 && card.validation.len() == 10);
    let read = Checkpoint::from_bytes(&first.0).unwrap();
    assert_eq!(read.ensemble.networks().len(), 4);
    assert_eq!(agent::checkpoint::to_bytes(&read.ensemble).unwrap(), first.0, "what is read is written again");
}

#[test]
fn an_interrupted_training_leaves_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(["train", "--steps", "1000000", "--episodes", "4", "--checks", "16", "--output"])
        .arg(folder.path().join("never.safetensors"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    // Not SIGINT: a shell's background jobs, this test in a script among them, are born to ignore it.
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(30), "training does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn bad_arguments_are_named_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("x.safetensors");
    let here = here.to_str().unwrap();
    let table: [(&[&str], &str); 6] = [
        (&["--rounds", "0"], "--rounds must be 1 to 20, it is 0"),
        (&["--discount", "1.5"], "--discount must be 0 to 1, it is 1.5"),
        (&["--learning-rate", "NaN"], "--learning-rate must be"),
        (&["--averaging", "1"], "--averaging must be below 1"),
        (&["--checks", "4"], "--checks must be 8 to 10000, it is 4"),
        (&["--output", "/nowhere/x.safetensors"], "--output: there is no folder /nowhere"),
    ];
    for (arguments, text) in table {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
        command.arg("train").args(arguments);
        if !arguments.contains(&"--output") {
            command.args(["--output", here]);
        }
        let output = command.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(text), "{arguments:?}: {error}");
    }
}
