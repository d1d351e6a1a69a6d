//! The real `scaler` against scripted peers.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use super::api::{DEPLOYMENT, NAMESPACE};
use super::peer::Peer;

/// An API server, an agent, a results folder, and the environment that leads to them.
pub struct Stage {
    _folder: tempfile::TempDir,
    pub results: PathBuf,
    kubeconfig: PathBuf,
    agent_port: u16,
}

impl Stage {
    pub fn new(api: &Peer, agent: &Peer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (results, kubeconfig) = (folder.path().join("results"), folder.path().join("kubeconfig"));
        fs::create_dir(&results).unwrap();
        let url = api.url();
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: scripted\n\
             clusters: [{{name: scripted, cluster: {{server: '{url}'}}}}]\n\
             users: [{{name: nobody, user: {{}}}}]\n\
             contexts: [{{name: scripted, context: {{cluster: scripted, user: nobody}}}}]\n"
        );
        fs::write(&kubeconfig, text).unwrap();
        Self { _folder: folder, results, kubeconfig, agent_port: agent.port() }
    }

    /// `scaler <arguments>` with the environment of the manifest, and nothing else of it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = scaler(arguments);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("NAMESPACE", NAMESPACE)
            .env("DEPLOYMENT_NAME", DEPLOYMENT)
            .env("PRESSURE_THRESHOLD", "0.5")
            .env("INTERVAL_CHECK", "1")
            .env("AGENT_HOST", "127.0.0.1")
            .env("AGENT_PORT", self.agent_port.to_string())
            .env("RESULTS_DIR", &self.results)
            .env("MAX_REPLICAS", "8");
        command
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub fn check(&self) -> Output {
        self.command(&["check"]).output().unwrap()
    }
}

/// `scaler <arguments>` with an empty environment.
pub fn scaler(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scaler"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A process that is killed when the test ends, however it ends.
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads stderr up to a line that holds `text`; `false` when the process ended without one.
    pub fn wait_for(&mut self, text: &str) -> bool {
        let mut line = String::new();
        while self.stderr.read_line(&mut line).unwrap() > 0 {
            if line.contains(text) {
                return true;
            }
            line.clear();
        }
        false
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for the end: exit code and the rest of stderr.
    pub fn finish(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Peak resident set of a running process, KiB.
pub fn peak_rss_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap()
}
