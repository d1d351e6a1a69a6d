//! The agent as a process: real bodies over a real socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use agent::policy::PolicyChoice;
use rustix::process::{Pid, Signal, kill_process};
use scaler_core::ActionReply;

const GOOD: &str = include_str!("golden/request.json");
const BARE: &str =
    r#"{"observation":{"n_instances":2,"pressure":0.8,"queue_length_dominant":1.2,"utilization":0.4,"workload":9.35}}"#;
const DEADLINE: Duration = Duration::from_secs(30);

/// A running `agent serve`.
struct Agent {
    child: Child,
    address: String,
    metrics: Option<String>,
}

impl Agent {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_agent"))
            .args(["serve", "--listen-addr", "127.0.0.1:0"])
            .args(arguments)
            .env("RUST_LOG", "off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        let mut metrics = None;
        if let Some(address) = line.trim_end().strip_prefix("metrics on http://") {
            metrics = Some(address.to_owned());
            line.clear();
            lines.read_line(&mut line).unwrap();
        }
        let address = line.trim_end().strip_prefix("listening on http://").expect("this line tells the address");
        Self { address: address.to_owned(), metrics, child }
    }

    /// Status and body of an answer.
    fn send(&self, head: &str, body: &[u8]) -> (u16, String) {
        Self::send_to(&self.address, head, body)
    }

    fn send_to(address: &str, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let length = body.len();
        write!(stream, "{head} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
            .unwrap();
        // A server that refuses a large body may close before all of it is sent.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn act(&self, body: &str) -> (u16, ActionReply) {
        let (status, reply) = self.send("POST /action", body.as_bytes());
        (status, serde_json::from_str(&reply).unwrap_or_else(|_| panic!("{reply}")))
    }

    fn end(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < DEADLINE, "the agent does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Only where a test failed before it ended the agent.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// [`BARE`] with the text of one field exchanged.
fn with(field: &str, value: &str) -> String {
    let key = format!("\"{field}\":");
    let begin = BARE.find(&key).unwrap() + key.len();
    let end = begin + BARE[begin..].find([',', '}']).unwrap();
    format!("{}{value}{}", &BARE[..begin], &BARE[end..])
}

/// [`BARE`] with another key beside the observation.
fn beside(text: &str) -> String {
    format!("{},{text}}}", BARE.strip_suffix('}').unwrap())
}

#[test]
fn bad_bodies_get_minus_one_with_the_field_named_and_the_agent_lives_on() {
    let past = r#"{"age_s":60,"replicas_ordered":2,"n_instances":2,"pressure":0.5,"queue_length_dominant":0,"utilization":0.4,"workload":9}"#;
    let long = beside(&format!(r#""history":[{}]"#, vec![past; 65].join(",")));
    let twice = beside(&format!(r#""history":[{past},{past}]"#));
    let hollow = beside(r#""history":[{"age_s":60,"replicas_ordered":2}]"#);
    let table: Vec<(String, u16, &str)> = vec![
        (String::new(), 400, "the body is not JSON"),
        ("{".into(), 400, "the body is not JSON"),
        ("not json".into(), 400, "the body is not JSON"),
        (with("pressure", "NaN"), 400, "near field pressure"),
        (with("workload", "Infinity"), 400, "near field workload"),
        (with("pressure", "1e400"), 400, "near field pressure"),
        (with("utilization", "0.4.2"), 400, "near field utilization"),
        ("[]".into(), 200, "the body must be an object"),
        ("{}".into(), 200, "observation is missing"),
        (r#"{"observation":7}"#.into(), 200, "observation must be an object, it is 7"),
        (BARE.replace(r#""pressure":0.8,"#, ""), 200, "observation.pressure is missing"),
        (BARE.replace(r#","workload":9.35"#, ""), 200, "observation.workload is missing"),
        (with("pressure", "-0.1"), 200, "observation.pressure must be a number from 0 to 1000000, it is -0.1"),
        (with("queue_length_dominant", "\"NaN\""), 200, "observation.queue_length_dominant must be"),
        (with("utilization", "null"), 200, "observation.utilization must be"),
        (with("utilization", "10001"), 200, "observation.utilization must be a number from 0 to 10000, it is 10001"),
        (with("workload", "1e300"), 200, "observation.workload must be"),
        (with("workload", "true"), 200, "observation.workload must be"),
        (with("n_instances", "2.5"), 200, "observation.n_instances must be a whole number from 0 to 10000, it is 2.5"),
        (with("n_instances", "-1"), 200, "observation.n_instances must be"),
        (with("n_instances", "99999999999"), 200, "observation.n_instances must be"),
        (beside(r#""max_replicas":0"#), 200, "max_replicas must be a whole number from 1"),
        (
            beside(r#""min_replicas":5,"max_replicas":3"#),
            200,
            "max_replicas must be at least min_replicas (5), it is 3",
        ),
        (beside(r#""threshold_s":0"#), 200, "threshold_s must be seconds, above 0"),
        (beside(r#""interval_s":"60""#), 200, "interval_s must be seconds"),
        (beside(r#""avg_service_time_s":-1"#), 200, "avg_service_time_s must be seconds"),
        (beside(r#""starting":-1"#), 200, "starting must be a whole number from 0"),
        (beside(r#""recent":15"#), 200, "recent must be an object, it is 15"),
        (beside(r#""recent":{"window_s":15,"pressure":1}"#), 200, "recent.utilization is missing"),
        (
            beside(r#""recent":{"window_s":0,"pressure":1,"utilization":1}"#),
            200,
            "recent.window_s must be seconds, above 0, at most 31622400, it is 0",
        ),
        (
            beside(r#""recent":{"window_s":4e7,"pressure":1,"utilization":1}"#),
            200,
            "recent.window_s must be seconds, above 0, at most 31622400, it is 4",
        ),
        (
            beside(r#""recent":{"window_s":15,"pressure":-1,"utilization":1}"#),
            200,
            "recent.pressure must be a number from 0 to 1000000, it is -1",
        ),
        (
            beside(r#""recent":{"window_s":15,"pressure":1,"utilization":10001}"#),
            200,
            "recent.utilization must be a number from 0 to 10000, it is 10001",
        ),
        (
            beside(r#""recent":{"window_s":15,"pressure":1,"utilization":-0.5}"#),
            200,
            "recent.utilization must be a number from 0 to 10000, it is -0.5",
        ),
        (beside(r#""history":{}"#), 200, "history must be a list"),
        (beside(r#""history":[7]"#), 200, "history[0] must be an object"),
        (long, 200, "history must be at most 64 observations long, it is 65"),
        (twice, 200, "history[1].age_s must be below 60"),
        (hollow, 200, "history[0].n_instances is missing"),
        ("[".repeat(10_000), 400, "the body is not JSON"),
        (format!("{BARE}{}", " ".repeat(300_000)), 413, "the body must be at most 262144 bytes"),
    ];
    let agent = Agent::start(&[]);
    for (body, status, error) in &table {
        let shown: String = body.chars().take(200).collect();
        let (found, reply) = agent.act(body);
        assert_eq!(found, *status, "{shown}: {reply:?}");
        assert_eq!(reply.action, -1, "{shown}");
        let text = reply.error.unwrap_or_default();
        assert!(text.contains(error), "{shown}: {text:?} does not say {error:?}");
        assert!(text.len() < 300, "{shown}: {text:?} is not short");
    }
    let (status, reply) = agent.act(BARE);
    assert_eq!((status, reply.error), (200, None));
    assert!(reply.action > 0, "{}", reply.action);
    let (_, metrics) = agent.send("GET /metrics", b"");
    let refused = table.iter().filter(|(_, status, _)| *status == 200).count();
    for line in [
        "agent_action_requests_total{outcome=\"answered\"} 1".to_owned(),
        format!("agent_action_requests_total{{outcome=\"refused\"}} {refused}"),
        "agent_action_requests_total{outcome=\"too_large\"} 1".to_owned(),
    ] {
        assert!(metrics.contains(&line), "no {line} in\n{metrics}");
    }
    assert_eq!(agent.end(Signal::TERM).code(), Some(0), "SIGTERM");
}

#[test]
fn a_state_gets_a_count_with_its_grounds() {
    let agent = Agent::start(&["--risk", "20"]);
    let (status, reply) = agent.act(GOOD);
    assert_eq!((status, &reply.error), (200, &None));
    let grounds = reply.explanation.unwrap();
    assert_eq!((grounds.risk, grounds.model.len()), (20.0, 16));
    assert!((1..=10).contains(&reply.action), "{}", reply.action);
    // The response time is above the threshold and a pod is starting: no scale-in, whatever the networks say.
    assert!(reply.action >= 5, "{} is fewer than what is ordered", reply.action);
    let best = grounds.candidates.iter().min_by(|a, b| {
        let score =
            |candidate: &scaler_core::Candidate| candidate.cost + 20.0 * candidate.violation + candidate.doubt.unwrap();
        score(a).total_cmp(&score(b))
    });
    let best = i64::from(best.unwrap().replicas);
    assert!(reply.action == best || grounds.override_reason.is_some(), "{} is not {best}", reply.action);
    assert!(grounds.rule >= 1 && grounds.hpa.is_some());
    let shortfalls: Vec<f64> = grounds.candidates.iter().filter_map(|candidate| candidate.shortfall).collect();
    assert_eq!(shortfalls.len(), grounds.candidates.len());
    assert!(shortfalls.is_sorted_by(|a, b| a >= b), "more pods are never more often too few: {shortfalls:?}");
    // 500 replicas are none that the networks know: the calibrated rule answers, and says so.
    let outside = GOOD.replace("\"max_replicas\": 10", "\"max_replicas\": 500");
    let fallback = agent.act(&outside).1;
    let reason = fallback.explanation.unwrap().override_reason.unwrap();
    assert!(reason.starts_with("the calibrated rule answers: max_replicas is 500"), "{reason}");
    assert!((6..=500).contains(&fallback.action), "5 are ordered and requests wait: {}", fallback.action);
    let again = agent.act(GOOD).1;
    assert_eq!(again.action, reply.action, "the agent keeps no state");
    for (path, text) in [
        ("/healthz", "ok"),
        ("/readyz", &format!("policy learned, model {}", grounds.model)),
        ("/metrics", "agent_model_info{policy=\"learned\",risk=\"20\""),
    ] {
        let (status, body) = agent.send(&format!("GET {path}"), b"");
        assert!(status == 200 && body.contains(text), "{path}: {status} {body}");
    }
    assert_eq!(agent.send("GET /action", b"").0, 404);
    assert_eq!(agent.end(Signal::INT).code(), Some(0), "SIGINT");
}

#[test]
fn a_rule_answers_in_place_of_the_networks_and_every_page_names_it_with_its_settings() {
    let request = serde_json::from_str(GOOD).unwrap();
    let names =
        ["static:replicas=7", "threshold:low=0.2,gap=0.1", "reactive", "trend:utilization=0.9", "cal-long:spread=5"];
    for (text, full) in names.into_iter().zip([
        "static:replicas=7",
        "threshold:low=0.2,gap=0.1",
        "reactive:utilization=0.5,drain=1",
        "trend:utilization=0.9,rises=1.5,drain=1",
        "cal-long:level_checks=2,trend=1.15,spread=5,residual=0.88,variation=0.65,utilization=0.9,backlog=0.73,\
         growth=0.39,hold_checks=1,floor=0.74,floor_checks=45",
    ]) {
        // A price and a checkpoint are the networks' alone: here there is nothing at that path, and nobody looks.
        let agent = Agent::start(&["--policy", text, "--risk", "20", "--checkpoint", "/nowhere.safetensors"]);
        let rule = PolicyChoice::parse_asked(text).unwrap().asked().unwrap().unwrap();
        let (status, reply) = agent.act(GOOD);
        assert_eq!((status, reply.action, &reply.error), (200, i64::from(rule.order(&request)), &None), "{text}");
        let again = agent.act(GOOD).1;
        assert_eq!(again, reply, "{text}: what is asked again, as a replay does, is answered alike");
        let grounds = reply.explanation.unwrap();
        assert_eq!((grounds.model.as_str(), grounds.risk, grounds.candidates.len()), (full, 0.0, 0));
        assert!(grounds.rule >= 1 && grounds.hpa.is_some() && grounds.override_reason.is_none(), "{grounds:?}");
        assert_eq!(agent.send("GET /readyz", b""), (200, format!("ready, policy {full}\n")));
        let (_, metrics) = agent.send("GET /metrics", b"");
        let info = format!("agent_model_info{{policy=\"{full}\",risk=\"\",sha256=\"\"}} 1");
        assert!(metrics.contains(&info), "no {info} in\n{metrics}");
        assert_eq!(agent.act("{}").1.action, -1, "{text}: a body that is no state is refused as ever");
        assert_eq!(agent.end(Signal::TERM).code(), Some(0));
    }
}

#[test]
fn the_policy_may_come_from_the_environment_and_the_log_says_which_answers() {
    let run = |policy: &str| {
        // The address is none of this machine's: the agent ends as soon as it has said who answers.
        Command::new(env!("CARGO_BIN_EXE_agent"))
            .args(["serve", "--listen-addr", "192.0.2.1:1"])
            .env("POLICY", policy)
            .env("RUST_LOG", "info")
            .output()
            .unwrap()
    };
    for (policy, words) in
        [("trend:rises=2", "policy=trend:utilization=0.5,rises=2,drain=1"), ("learned", "policy=learned")]
    {
        let error = String::from_utf8(run(policy).stderr).unwrap();
        assert!(error.contains(words) && error.contains("192.0.2.1"), "{policy}: {error}");
    }
    let error = String::from_utf8(run("kpa").stderr).unwrap();
    assert!(error.contains("kpa is a law with a loop of its own, every 2 s"), "{error}");
}

#[test]
fn who_reaches_the_address_for_metrics_gets_metrics_and_nothing_else() {
    let agent = Agent::start(&["--metrics-addr", "127.0.0.1:0"]);
    let address = agent.metrics.clone().expect("the address for metrics is told");
    assert!(agent.act(BARE).1.action > 0);
    let (status, body) = Agent::send_to(&address, "GET /metrics", b"");
    let counted = r#"agent_action_requests_total{outcome="answered"} 1"#;
    assert!(status == 200 && body.contains(counted), "{status} {body}");
    for head in ["POST /action", "GET /action", "GET /readyz", "GET /healthz", "GET /"] {
        assert_eq!(Agent::send_to(&address, head, BARE.as_bytes()).0, 404, "{head}");
    }
    assert_eq!(agent.send("GET /metrics", b"").0, 200, "the scaler's side has them too");
    assert_eq!(agent.end(Signal::TERM).code(), Some(0), "one signal ends both");
    assert!(TcpStream::connect(&address).is_err(), "the address for metrics outlives the agent");
}

#[test]
fn a_body_that_never_comes_is_not_waited_for() {
    let agent = Agent::start(&[]);
    let mut stream = TcpStream::connect(&agent.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"POST /action HTTP/1.1\r\nHost: agent\r\nContent-Length: 100\r\n\r\n{").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 408 Request Timeout\r\n");
    assert!(agent.act(BARE).1.action > 0, "others are answered");
}

#[test]
fn bad_arguments_and_checkpoints_end_the_agent_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.safetensors");
    std::fs::write(&broken, b"not a checkpoint").unwrap();
    let broken = broken.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let table: [(&[&str], &str); 11] = [
        (&["--policy", "forecast"], "there is no policy \"forecast\"; there are learned, static, threshold"),
        (&["--policy", "trend:slope=1"], "trend has no setting \"slope\"; it has utilization 0.2..1, rises 0..3"),
        (&["--policy", "trend:rises=9"], "trend: rises must be a number from 0 to 3, it is \"9\""),
        (&["--policy", "hpa:target_percent=60"], "hpa is a law with a loop of its own, every 15 s"),
        (&["--risk", "0.2"], "must be 0.3 to 40"),
        (&["--risk", "NaN"], "must be 0.3 to 40"),
        (&["--listen-addr", "here"], "--listen-addr"),
        (&["--metrics-addr", "9090"], "--metrics-addr"),
        (&["--metrics-addr", &taken], &taken),
        (&["--checkpoint", broken], "not a safetensors file"),
        (&["--checkpoint", "/nowhere.safetensors"], "/nowhere.safetensors"),
    ];
    for (arguments, text) in table {
        let output = Command::new(env!("CARGO_BIN_EXE_agent")).arg("serve").args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(text), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
