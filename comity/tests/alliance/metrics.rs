//! What a part's metrics say, read as Prometheus would.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The value of the first metric whose line begins so: `name`, or `name{label="value"}`.
pub(crate) fn value(port: u16, begins: &str) -> Option<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("text");
    let line = text.lines().find(|line| line.starts_with(begins))?;
    line.rsplit(' ').next()?.parse().ok()
}
