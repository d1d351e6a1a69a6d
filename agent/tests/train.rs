//! Training as a process: the same seed, the same bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agent::checkpoint::{Card, Checkpoint, sha256};
use rustix::process::{Pid, Signal, kill_process};

/// Two rounds, all networks, of the smallest size.
const TINY: [&str; 23] = [
    "train",
    "--labelled-episodes",
    "6",
    "--required-steps",
    "12",
    "--required-batch",
    "16",
    "--required-units",
    "16",
    "--rounds",
    "2",
    "--episodes",
    "6",
    "--checks",
    "32",
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
fn one_thread_and_two_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let one = train(folder.path(), "one.safetensors", &["--threads", "1"]);
    let two = train(folder.path(), "two.safetensors", &["--threads", "2"]);
    assert!(std::fs::read(one).unwrap() == std::fs::read(two).unwrap(), "the number of threads changed the bytes");
}

#[test]
fn a_training_that_was_killed_goes_on_and_gives_the_bytes_of_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let whole = train(folder.path(), "whole.safetensors", &[]);
    let output = folder.path().join("killed.safetensors");
    let stages = output.with_extension("training");
    let mut child = Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(TINY)
        .arg("--output")
        .arg(&output)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // As soon as the first round is behind it.
    let begin = Instant::now();
    while !stages.join("networks-1.safetensors").exists() && child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(60), "training does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    assert!(!output.exists(), "a killed training leaves no checkpoint");
    assert!(stages.join("required.safetensors").exists());
    let again = train(folder.path(), "killed.safetensors", &[]);
    assert!(std::fs::read(whole).unwrap() == std::fs::read(again).unwrap(), "going on changed the bytes");
    assert!(!stages.exists(), "nothing is left of a training that ended");
}

#[test]
fn what_another_training_left_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let stages = folder.path().join("new.training");
    std::fs::create_dir(&stages).unwrap();
    std::fs::write(stages.join("training.json"), "{}").unwrap();
    std::fs::write(stages.join("required.safetensors"), "of another").unwrap();
    let new = train(folder.path(), "new.safetensors", &[]);
    let plain = train(folder.path(), "plain.safetensors", &[]);
    assert!(std::fs::read(new).unwrap() == std::fs::read(plain).unwrap());
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
        (&["--checks", "4"], "--checks must be 17 to 10000, it is 4"),
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
