//! A real matrix-service process with a results folder of its own.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The test fails when something that must happen has not happened by then.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A running service; killed when dropped.
pub struct Process {
    child: Child,
    pub url: String,
    pub results: TempDir,
    pub client: reqwest::Client,
}

impl Process {
    /// Starts `pod-1` on a free port with further arguments.
    pub fn start(args: &[&str]) -> Self {
        let results = tempfile::tempdir().unwrap();
        let mut child = command(results.path(), args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url =
            line.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("stdout: {line:?}")).to_owned();
        // The client's TLS wants a provider, though nothing here speaks TLS; a second test may find it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        Self { child, url, results, client }
    }

    pub fn incoming(&self) -> PathBuf {
        self.results.path().join("incoming")
    }

    pub fn post(&self) -> reqwest::RequestBuilder {
        self.client.post(format!("{}/multiply", self.url))
    }

    /// Posts a body; status and JSON of the answer.
    pub async fn multiply(&self, body: impl Into<reqwest::Body>) -> (u16, Value) {
        answer(self.post().body(body)).await
    }

    /// Sends bytes as they are, over a connection that is half closed after them; the whole answer.
    pub fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(stream)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn metrics(&self) -> String {
        self.client.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap()
    }

    /// Waits until `/metrics` has the line.
    pub async fn counts(&self, line: &str) {
        let end = Instant::now() + DEADLINE;
        loop {
            let metrics = self.metrics().await;
            if metrics.lines().any(|found| found == line) {
                return;
            }
            assert!(Instant::now() < end, "{line} is not in\n{metrics}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until `/readyz` answers with the status; returns its body.
    pub async fn ready(&self, status: u16) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let (found, body) = self.get("/readyz").await;
            if found == status {
                return body;
            }
            assert!(Instant::now() < end, "/readyz stays {found}: {body}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Waits for the exit.
    pub async fn exit(&mut self) -> ExitStatus {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the process does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone in tests that end it themselves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary, free of what the environment of the tests may hold.
pub fn command(results: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_matrix-service"));
    command.env_clear().env("RUST_LOG", "warn").env("LISTEN_ADDR", "127.0.0.1:0");
    command.env("RESULTS_DIR", results).env("POD_NAME", "pod-1").args(args);
    command
}

/// All that comes before the other side closes.
pub fn read_all(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Status and JSON of an answer as it came over the connection.
pub fn parsed(answer: &str) -> (u16, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{answer:?}: {error}")))
}

/// Status and JSON of an answer.
pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status} {text:?}: {error}")))
}

/// Names in a folder, sorted; none when there is no folder.
pub fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A request of two n x n matrices of ones.
pub fn ones(n: usize) -> String {
    let matrix = vec![vec![1.0; n]; n];
    serde_json::json!({"matrix_a": matrix, "matrix_b": matrix}).to_string()
}
