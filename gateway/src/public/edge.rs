//! How much the public port takes on: of one client, of all together, at once. What is above it is refused at once, with the
//! time after which it is worth while to ask again.
//!
//! The table of clients has a fixed size, whoever comes: each client has two cells of it, chosen by keyed hashes, and is over
//! its budget only where both are. Two clients that share one cell do not notice; nothing is ever evicted.

use super::address::Client;
use crate::error::{ApiError, Reason};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Cells of the table: 512 KiB.
const CELLS: usize = 1 << 16;

/// Bounds of the public port.
#[derive(Clone, Copy, Debug)]
pub struct PublicLimits {
    /// Requests per second of one client.
    pub client_rate_per_second: NonZeroU32,
    /// Requests that one client may save up: a page is some fifteen.
    pub client_burst: NonZeroU32,
    /// Requests per second of all together.
    pub rate_per_second: NonZeroU32,
    /// Requests that all together may save up.
    pub burst: NonZeroU32,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once of one address; behind a proxy all are of one, and only `connections` counts.
    pub client_connections: usize,
    /// Lookups in the log at once: what may wait for disk and proofs at the members' expense.
    pub lookups: usize,
    /// How long an answer may take.
    pub request_timeout: Duration,
    /// How long a connection may live.
    pub connection_age: Duration,
}

impl Default for PublicLimits {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            client_rate_per_second: number(20),
            client_burst: number(150),
            rate_per_second: number(200),
            burst: number(400),
            connections: 512,
            client_connections: 64,
            lookups: 4,
            request_timeout: Duration::from_secs(10),
            connection_age: Duration::from_secs(120),
        }
    }
}

/// What is refused: why, and after how many seconds it may go.
#[derive(Debug)]
pub(crate) struct Turned {
    pub(crate) error: ApiError,
    pub(crate) retry_after_s: u64,
}

/// The bounds in force.
pub(crate) struct Edge {
    clients: Clients,
    all: DefaultDirectRateLimiter,
    clock: DefaultClock,
    connections: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
    by_client: Arc<Mutex<HashMap<Client, usize>>>,
    client_connections: usize,
}

impl Edge {
    /// `counts_addresses`: not behind a proxy, where all connections come from one.
    pub(crate) fn new(limits: &PublicLimits, counts_addresses: bool) -> Self {
        Self {
            clients: Clients::new(limits.client_rate_per_second, limits.client_burst),
            all: RateLimiter::direct(Quota::per_second(limits.rate_per_second).allow_burst(limits.burst)),
            clock: DefaultClock::default(),
            connections: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            lookups: Arc::new(Semaphore::new(limits.lookups.min(Semaphore::MAX_PERMITS))),
            by_client: Arc::default(),
            client_connections: if counts_addresses { limits.client_connections } else { usize::MAX },
        }
    }

    /// Takes a request on, or says when to come again. One client over its budget spends nothing of the others'.
    pub(crate) fn admit(&self, client: Client) -> Result<(), Turned> {
        self.clients.take(client, Instant::now()).map_err(|wait| Turned {
            error: ApiError::new(Reason::RateLimited, "More requests come from this address than it may send."),
            retry_after_s: seconds(wait),
        })?;
        self.all.check().map_err(|not_until| Turned {
            error: ApiError::new(Reason::Overloaded, "More requests come from all together than are taken on now."),
            retry_after_s: seconds(not_until.wait_time_from(self.clock.now())),
        })
    }

    /// Takes a connection on for as long as the slot is kept; `None`: it is closed without a word.
    pub(crate) fn connect(&self, client: Client) -> Option<ConnectionSlot> {
        let slot = self.connections.clone().try_acquire_owned().ok()?;
        let mut counts = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(client).or_default();
        if *count >= self.client_connections {
            return None;
        }
        *count = count.saturating_add(1);
        Some(ConnectionSlot { client, by_client: self.by_client.clone(), _slot: slot })
    }

    /// A place among the lookups that are under way, waited for at most as long as a request may take.
    pub(crate) async fn lookup(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.lookups.clone().acquire_owned().await.map_err(ApiError::fault)
    }
}

/// A connection that counts.
pub(crate) struct ConnectionSlot {
    client: Client,
    by_client: Arc<Mutex<HashMap<Client, usize>>>,
    _slot: OwnedSemaphorePermit,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut counts = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(1)
}

/// Each client's budget (generic cell rate algorithm): a cell holds the time at which it is unspent again.
struct Clients {
    cells: Box<[AtomicU64]>,
    keys: [RandomState; 2],
    began: Instant,
    period_ns: u64,
    tolerance_ns: u64,
}

impl Clients {
    fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let period_ns = 1_000_000_000 / u64::from(rate.get());
        Self {
            cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect(),
            keys: [RandomState::new(), RandomState::new()],
            began: Instant::now(),
            period_ns,
            tolerance_ns: period_ns.saturating_mul(burst.get().saturating_sub(1).into()),
        }
    }

    /// Spends one request of a client's; the wait where both of its cells are spent.
    fn take(&self, client: Client, now: Instant) -> Result<(), Duration> {
        let now = u64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX);
        let mut wait = u64::MAX;
        let mut taken = false;
        for keys in &self.keys {
            let at = usize::try_from(keys.hash_one(client.bits())).unwrap_or(0) % CELLS;
            let Some(cell) = self.cells.get(at) else { continue };
            let spent = cell.fetch_update(Ordering::AcqRel, Ordering::Acquire, |unspent_at| {
                let from = unspent_at.max(now);
                (from.saturating_sub(now) <= self.tolerance_ns).then(|| from.saturating_add(self.period_ns))
            });
            match spent {
                Ok(_) => taken = true,
                Err(unspent_at) => wait = wait.min(unspent_at.saturating_sub(now).saturating_sub(self.tolerance_ns)),
            }
        }
        if taken { Ok(()) } else { Err(Duration::from_nanos(wait)) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(number: u32) -> Client {
        Client::of(std::net::Ipv4Addr::from(number).into())
    }

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn a_client_spends_its_burst_and_then_its_rate_and_is_told_how_long_to_wait() {
        let clients = Clients::new(number(10), number(5));
        let now = Instant::now();
        assert_eq!((0..20).filter(|_| clients.take(client(1), now).is_ok()).count(), 5);
        let wait = clients.take(client(1), now).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(100), "{wait:?}");
        assert!(clients.take(client(1), now + wait).is_ok());
        assert!(clients.take(client(2), now).is_ok(), "another client has a budget of its own");
        let later = now + Duration::from_secs(60);
        assert_eq!((0..20).filter(|_| clients.take(client(1), later).is_ok()).count(), 5, "no more than the burst");
    }

    #[test]
    fn a_crowd_of_clients_takes_no_more_memory_and_hardly_anybody_pays_for_another() {
        let clients = Clients::new(number(1), number(3));
        let now = Instant::now();
        for one in 0..2_000 {
            while clients.take(client(one), now).is_ok() {}
        }
        let strangers = 1_000_000..1_001_000;
        let refused = strangers.filter(|one| clients.take(client(*one), now).is_err()).count();
        assert!(refused < 30, "{refused} of 1,000 strangers were refused");
        assert_eq!(clients.cells.len(), CELLS);
    }

    #[test]
    fn all_together_have_a_budget_and_one_over_its_own_spends_nothing_of_it() {
        let limits = PublicLimits { burst: number(20), rate_per_second: number(1), ..PublicLimits::default() };
        let limits = PublicLimits { client_burst: number(8), client_rate_per_second: number(1), ..limits };
        let edge = Edge::new(&limits, true);
        let admitted = |one| (0..50).filter(|_| edge.admit(client(one)).is_ok()).count();
        assert_eq!((admitted(1), admitted(2), admitted(3)), (8, 8, 4));
        let turned = edge.admit(client(4)).unwrap_err();
        assert_eq!((turned.error.reason(), turned.retry_after_s >= 1), (Reason::Overloaded, true));
        assert_eq!(edge.admit(client(1)).unwrap_err().error.reason(), Reason::RateLimited);
    }

    #[test]
    fn connections_are_bounded_for_one_address_and_for_all_and_come_free_again() {
        let limits = PublicLimits { connections: 3, client_connections: 2, ..PublicLimits::default() };
        let edge = Edge::new(&limits, true);
        let first = edge.connect(client(1)).unwrap();
        let _second = edge.connect(client(1)).unwrap();
        assert!(edge.connect(client(1)).is_none());
        let _other = edge.connect(client(2)).unwrap();
        assert!(edge.connect(client(3)).is_none());
        drop(first);
        assert!(edge.connect(client(1)).is_some());
        assert_eq!(edge.by_client.lock().unwrap().len(), 2, "who has no connection is forgotten");
        let proxied = Edge::new(&limits, false);
        let all: Vec<_> = (0..4).map(|_| proxied.connect(client(1))).collect();
        assert_eq!(all.iter().flatten().count(), 3);
    }
}
