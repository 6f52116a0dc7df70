//! A visitor of the public port: HTTP/1.1 by hand, so that a test sees every byte of an answer.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

pub mod site;

use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn reason(&self) -> String {
        self.json()["error"]["reason"].as_str().unwrap_or_default().to_owned()
    }
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, "").await
}

/// Asks on a connection of its own; `headers`: further lines, each with its end.
pub async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    over(&mut stream, method, path, &format!("connection: close\r\n{headers}")).await.unwrap()
}

/// Asks on a connection that stays open; `None` where the other side has closed it.
pub async fn over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    method: &str,
    path: &str,
    headers: &str,
) -> Option<Answer> {
    over_to(stream, "verify.example", method, path, headers).await
}

/// The same, where it matters what host is named.
pub async fn over_to<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    method: &str,
    path: &str,
    headers: &str,
) -> Option<Answer> {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let (mut read, mut piece) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).unwrap();
            let mut lines = head.lines();
            let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.map_or(0, |(_, value)| value.parse().unwrap());
            let length = if method == "HEAD" || status == 304 { 0 } else { length };
            while read.len() < end + 4 + length {
                let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
                read.extend_from_slice(&piece[..count]);
            }
            return Some(Answer { status, headers, body: read[end + 4..end + 4 + length].to_vec() });
        }
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&piece[..count]);
    }
}
