//! Child processes that cannot outlive this program.
//!
//! Each child holds the reading end of a pipe as its standard input and watches it ([`exit_with_parent`]): however this
//! program ends, even by `SIGKILL`, the kernel closes the pipe and the child goes too. Children lead process groups of
//! their own, so that Ctrl-C on the terminal reaches this program alone, which then ends them in order.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

/// What every server of this project prints once it is bound, before its address.
const LISTENING_ON: &str = "listening on ";

/// A program to run as a child, with everything that it is told.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Environment variables on top of ours.
    pub environment: Vec<(String, String)>,
    /// File that its log is appended to.
    pub log: PathBuf,
}

/// A running server.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    pid: u32,
    output: Lines<BufReader<ChildStdout>>,
    /// Never written to: that it closes tells the child that we are gone.
    _lifeline: ChildStdin,
}

/// Why a child could not be started, or not be ended.
#[derive(Debug, Error)]
pub enum ChildError {
    /// Its log cannot be written.
    #[error("cannot open the log {}", path.display())]
    Log {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It could not be started.
    #[error("cannot start {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ended before it was bound, or closed its output.
    #[error("it ended before it listened; its log is {}", log.display())]
    Silent {
        /// Where it may have said why.
        log: PathBuf,
    },
    /// It did not say where it listens.
    #[error("it did not listen within {deadline:?}; its log is {}", log.display())]
    Deadline {
        /// How long it had.
        deadline: Duration,
        /// Where it may have said why.
        log: PathBuf,
    },
    /// It said something else.
    #[error("instead of where it listens it printed {0:?}")]
    Words(String),
    /// Its end could not be awaited.
    #[error("cannot await the end of process {pid}")]
    Wait {
        /// Its process id.
        pid: u32,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Child {
    /// Starts the program. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`ChildError::Log`], [`ChildError::Spawn`].
    pub fn spawn(launch: &Launch) -> Result<Self, ChildError> {
        let Launch { program, arguments, environment, log } = launch;
        let log = open_log(log)?;
        let failed = |source| ChildError::Spawn { program: program.clone(), source };
        let mut process = Command::new(program)
            .args(arguments)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let parts = (process.stdin.take(), process.stdout.take(), process.id());
        let (Some(lifeline), Some(output), Some(pid)) = parts else {
            return Err(failed(std::io::Error::other("a new process without pipes or id")));
        };
        Ok(Self { process, pid, output: BufReader::new(output).lines(), _lifeline: lifeline })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it says where it listens; the base URL.
    ///
    /// # Errors
    /// [`ChildError::Silent`], [`ChildError::Deadline`], [`ChildError::Words`]; `log` is named in them.
    pub async fn url(&mut self, deadline: Duration, log: &Path) -> Result<String, ChildError> {
        let line = tokio::time::timeout(deadline, self.output.next_line())
            .await
            .map_err(|_| ChildError::Deadline { deadline, log: log.to_owned() })?;
        let Ok(Some(line)) = line else { return Err(ChildError::Silent { log: log.to_owned() }) };
        line.strip_prefix(LISTENING_ON).map(str::to_owned).ok_or(ChildError::Words(line))
    }

    /// Waits until it has ended, and reaps it.
    ///
    /// # Errors
    /// [`ChildError::Wait`].
    pub async fn wait(&mut self) -> Result<ExitStatus, ChildError> {
        let pid = self.pid;
        self.process.wait().await.map_err(|source| ChildError::Wait { pid, source })
    }

    /// Asks it to end in order (`SIGTERM`); no effect when it has ended already.
    pub fn terminate(&self) {
        // The id is only used while the process is not reaped: it cannot be another's yet.
        let running = self.process.id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = running {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }

    /// Asks it to end in order, and ends it the hard way after `grace`; `false` when that was needed.
    ///
    /// # Errors
    /// [`ChildError::Wait`].
    pub async fn stop(&mut self, grace: Duration) -> Result<bool, ChildError> {
        self.terminate();
        if let Ok(ended) = tokio::time::timeout(grace, self.wait()).await {
            return ended.map(|_| true);
        }
        self.kill().await.map(|()| false)
    }

    /// Ends it the hard way, and reaps it.
    ///
    /// # Errors
    /// [`ChildError::Wait`].
    pub async fn kill(&mut self) -> Result<(), ChildError> {
        let pid = self.pid;
        self.process.kill().await.map_err(|source| ChildError::Wait { pid, source })
    }
}

fn open_log(path: &Path) -> Result<File, ChildError> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|source| ChildError::Log { path: path.to_owned(), source })
}

/// For the child's side: ends this process as soon as the one that started it is gone.
///
/// # Errors
/// When no thread can be started to watch.
pub fn exit_with_parent() -> std::io::Result<()> {
    let watch = || {
        let mut input = std::io::stdin().lock();
        let mut scrap = [0; 64];
        loop {
            match input.read(&mut scrap) {
                Ok(0) => std::process::exit(1),
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => std::process::exit(1),
                Ok(_) | Err(_) => {}
            }
        }
    };
    std::thread::Builder::new().name("lifeline".to_owned()).spawn(watch).map(drop)
}
