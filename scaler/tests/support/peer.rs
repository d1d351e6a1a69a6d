//! A scripted HTTP peer on a port of its own: answers as told, and remembers everything it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A request, without the headers that say nothing about its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `GET /path?query`
    pub line: String,
    /// `Content-Type`, or nothing.
    pub content_type: String,
    pub body: String,
}

#[derive(Debug, Clone)]
pub enum Answer {
    Json(u16, String),
    /// The connection stays open, and nothing comes.
    Silence,
}

type Script = dyn Fn(&Sent) -> Answer + Send + Sync;

pub struct Peer {
    addr: SocketAddr,
    sent: Arc<Mutex<Vec<Sent>>>,
    ends: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Peer {
    pub fn start(script: impl Fn(&Sent) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (sent, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let script: Arc<Script> = Arc::new(script);
        let (log, end) = (Arc::clone(&sent), Arc::clone(&ends));
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                // Ends when the client closes the connection, at the latest when it dies.
                std::thread::spawn(move || serve(stream.unwrap(), &script, &log));
            }
        });
        Self { addr, sent, ends, accepting: Some(accepting) }
    }

    pub fn authority(&self) -> String {
        self.addr.to_string()
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Everything sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.addr));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

/// One request per connection.
fn serve(stream: TcpStream, script: &Arc<Script>, log: &Mutex<Vec<Sent>>) {
    let mut reader = BufReader::new(stream);
    let Some(request) = read_request(&mut reader) else { return };
    log.lock().unwrap().push(request.clone());
    match script(&request) {
        Answer::Json(status, body) => {
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            // The client may be killed by now.
            drop(reader.get_mut().write_all(text.as_bytes()));
        }
        Answer::Silence => drop(reader.read_to_end(&mut Vec::new())),
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Sent> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.trim_end().strip_suffix(" HTTP/1.1")?.to_owned();
    let (mut length, mut content_type) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "content-type" => content_type = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Sent { line, content_type, body: String::from_utf8(body).ok()? })
}
