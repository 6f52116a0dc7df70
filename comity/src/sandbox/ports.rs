//! Free ports, known before anything listens on them: an institution's address stands in its chain's first state.
//! Refuses to know who will listen.

use crate::failure::{Failure, OrFail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A free loopback port, kept from others until it is taken.
pub(super) struct Reserved {
    listener: TcpListener,
    address: SocketAddr,
}

impl Reserved {
    /// Finds one.
    pub(super) fn new() -> Result<Self, Failure> {
        let failed = || "no free port was found".to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).or_unavailable(failed)?;
        let address = listener.local_addr().or_unavailable(failed)?;
        Ok(Self { listener, address })
    }

    /// Its address.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives it up, right before somebody listens on it.
    pub(super) fn give_up(self) {
        drop(self.listener);
    }
}
