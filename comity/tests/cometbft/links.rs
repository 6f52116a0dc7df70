//! The wires between validators: each node reaches each other one through a forwarder that can be cut. What is sent over
//! a cut wire waits, as in a network that parts: no connection is refused and none is reset.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// How soon a wire notices that it is cut or mended.
const NOTICE: Duration = Duration::from_millis(10);

/// Which nodes see each other: those in the same part.
pub(crate) struct Links {
    /// The part that each node is in.
    parts: Vec<AtomicU32>,
    over: AtomicBool,
}

impl Links {
    pub(crate) fn new(nodes: usize) -> Arc<Self> {
        Arc::new(Self { parts: (0..nodes).map(|_| AtomicU32::new(0)).collect(), over: AtomicBool::new(false) })
    }

    /// A wire from one node to another, whose peers' port is `to_port`: the port at which it begins.
    pub(crate) fn wire(self: &Arc<Self>, from: usize, to: usize, to_port: u16) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        listener.set_nonblocking(true).expect("it can wait");
        let links = Arc::clone(self);
        thread::spawn(move || {
            while !links.over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((near, _)) => links.connect(near, from, to, to_port),
                    Err(_) => thread::sleep(NOTICE),
                }
            }
        });
        port
    }

    /// Puts nodes into parts that do not see each other.
    pub(crate) fn part(&self, parts: &[u32]) {
        for (node, part) in self.parts.iter().zip(parts) {
            node.store(*part, Ordering::Relaxed);
        }
    }

    /// All see each other again.
    pub(crate) fn mend(&self) {
        self.parts.iter().for_each(|node| node.store(0, Ordering::Relaxed));
    }

    /// Ends all wires.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn whole(&self, one: usize, other: usize) -> bool {
        self.parts[one].load(Ordering::Relaxed) == self.parts[other].load(Ordering::Relaxed)
    }

    fn connect(self: &Arc<Self>, near: TcpStream, from: usize, to: usize, port: u16) {
        let links = Arc::clone(self);
        thread::spawn(move || {
            if !links.waits(from, to) {
                return;
            }
            let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
            let _ = (near.set_nonblocking(false), near.set_nodelay(true), far.set_nodelay(true));
            let (Ok(near_again), Ok(far_again)) = (near.try_clone(), far.try_clone()) else { return };
            let back = Arc::clone(&links);
            thread::spawn(move || back.forward(far_again, near_again, from, to));
            links.forward(near, far, from, to);
        });
    }

    /// Until the wire is whole; `false` if it never will be.
    fn waits(&self, from: usize, to: usize) -> bool {
        while !self.whole(from, to) {
            if self.over.load(Ordering::Relaxed) {
                return false;
            }
            thread::sleep(NOTICE);
        }
        !self.over.load(Ordering::Relaxed)
    }

    fn forward(&self, mut source: TcpStream, mut target: TcpStream, from: usize, to: usize) {
        let mut buffer = vec![0u8; 64 << 10];
        loop {
            match source.read(&mut buffer) {
                Ok(read) if read > 0 && self.waits(from, to) && target.write_all(&buffer[..read]).is_ok() => {}
                _ => break,
            }
        }
        let _ = (source.shutdown(Shutdown::Both), target.shutdown(Shutdown::Both));
    }
}
