//! Where the application listens: a loopback address or a Unix socket, written as CometBFT's `proxy_app` writes it.
//!
//! ABCI asks nobody who they are: whoever connects decides what the chain is. So an address that another machine could
//! reach is not an address here.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// A local address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `tcp://127.0.0.1:7212`; port 0 takes a free one.
    Tcp(SocketAddr),
    /// `unix:///run/comity/node-1.sock`
    Unix(PathBuf),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Neither form.
    #[error("expected tcp://127.0.0.1:PORT or unix:///PATH, got {0:?}")]
    Form(String),
    /// Another machine could reach it.
    #[error("{0} is not a loopback address: ABCI has no authentication")]
    Open(SocketAddr),
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress::Form(text.chars().take(100).collect());
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(bad()) };
        }
        let addr: SocketAddr = text.strip_prefix("tcp://").ok_or_else(bad)?.parse().map_err(|_| bad())?;
        if addr.ip().is_loopback() { Ok(Self::Tcp(addr)) } else { Err(BadAddress::Open(addr)) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => write!(f, "tcp://{addr}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_read_and_written_alike() {
        for text in ["tcp://127.0.0.1:7212", "tcp://[::1]:0", "unix:///run/comity/node-1.sock"] {
            assert_eq!(text.parse::<Address>().expect("an address").to_string(), text);
        }
    }

    #[test]
    fn an_address_that_another_machine_could_reach_is_refused() {
        for text in ["tcp://0.0.0.0:7212", "tcp://192.0.2.1:7212", "tcp://[::]:7212"] {
            assert!(matches!(text.parse::<Address>(), Err(BadAddress::Open(_))), "{text}");
        }
        for text in ["127.0.0.1:7212", "tcp://localhost:1", "unix://relative", "http://127.0.0.1:1", ""] {
            assert!(matches!(text.parse::<Address>(), Err(BadAddress::Form(_))), "{text}");
        }
    }
}
