//! A client that keeps its connection: just enough HTTP/1.1 to post contacts.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection.
pub struct Connection {
    stream: TcpStream,
    token: String,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the daemon listens");
        stream.set_nodelay(true).expect("a socket option");
        Self { stream, token: token.to_owned(), buffer: Vec::new() }
    }

    /// Posts a body to the contacts; gives the status and the body of the answer.
    pub async fn post(&mut self, body: &str) -> (u16, String) {
        let request = format!(
            "POST /api/v1/contacts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.expect("the daemon reads");
        self.buffer.clear();
        loop {
            let mut piece = [0; 16 * 1024];
            let n = self.stream.read(&mut piece).await.expect("the daemon answers");
            assert!(n > 0, "the daemon closed: {}", String::from_utf8_lossy(&self.buffer));
            self.buffer.extend_from_slice(&piece[..n]);
            let Some(head) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&self.buffer[..head]).to_lowercase();
            let length =
                text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
            if self.buffer.len() >= head + 4 + length {
                let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
                return (status, String::from_utf8_lossy(&self.buffer[head + 4..]).into_owned());
            }
        }
    }
}

/// Contact `n` as another system sends it.
pub fn body(n: u64, tag: &str) -> String {
    format!(
        "{{\"source\":\"bench\",\"source_id\":\"{tag}-{n}\",\"channel\":\"phone\",\"service\":\"highways\",\"tags\":[\"{tag}\"],\
         \"text\":\"There is a deep hole on the left going down towards the bridge, my car hit it this morning\",\
         \"easting\":{},\"northing\":180000,\"answered\":true,\"wait_s\":{},\
         \"caller\":{{\"name\":\"A N Other\",\"phone\":\"07700900123\"}}}}",
        530_000 + n % 9_000,
        n % 90
    )
}
