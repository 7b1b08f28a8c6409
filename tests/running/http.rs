//! A small HTTP/1.1 client over one connection that is kept open: an answer came whole, or it did not come.

use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// One connection.
pub struct Http {
    stream: BufReader<TcpStream>,
    token: String,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, in small letters.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Whether it says that all of it was known before.
    pub fn is_replay(&self) -> bool {
        self.head.contains("idempotent-replay: true")
    }
}

impl Http {
    /// Connects to 127.0.0.1; requests bear the token, if it is not empty.
    pub fn connect(port: u16, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(super::LIMIT))?;
        Ok(Self { stream: BufReader::new(stream), token: token.to_owned() })
    }

    /// Asks.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send("GET", path, None, "")
    }

    /// Posts JSON, under a key if one is given.
    pub fn post(&mut self, path: &str, key: Option<&str>, body: &Value) -> io::Result<Answer> {
        self.send("POST", path, key, &body.to_string())
    }

    fn send(&mut self, verb: &str, path: &str, key: Option<&str>, body: &str) -> io::Result<Answer> {
        let mut request = format!("{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        if !self.token.is_empty() {
            request += &format!("Authorization: Bearer {}\r\n", self.token);
        }
        if let Some(key) = key {
            request += &format!("Idempotency-Key: {key}\r\n");
        }
        if verb == "POST" {
            request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += body;
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        loop {
            let from = head.len();
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if head.len() - from <= 2 {
                break;
            }
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let (Some(status), Some(length)) = (status, length) else {
            return Err(io::Error::other(format!("an answer without status or length: {head}")));
        };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() })
    }
}
