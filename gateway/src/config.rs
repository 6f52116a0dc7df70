//! What a gateway is told before it starts: whole, checked, and without any default that would weaken it.
//! It refuses to know files and environment: the program reads those.

use crate::deposits::Bucket;
use crate::following::Following;
use crate::institution::DecidePolicy;
use crate::orders::OrderClients;
use crate::sectors::Sectors;
use crate::signer::SignerClient;
use crate::tls::TlsMaterial;
use crate::triggers::Rules;
use comity_adapters_ports::Chain;
use comity_deposits::Log;
use comity_model::member::MemberKind;
use comity_model::{MemberId, Time};
use comity_store::Store;
use comity_verify::light::Anchor;
use comity_verify::timestamp::Authority;
use comity_verify::tlog::Policy;
use secrecy::SecretBox;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a gateway is told.
pub struct GatewayConfig {
    /// Whose gateway it is.
    pub institution: MemberId,
    /// What kind of institution that is.
    pub kind: MemberKind,
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// Where it serves the same as REST, if it does; port 0 takes any.
    pub rest: Option<SocketAddr>,
    /// Its certificate, key and authority.
    pub tls: TlsMaterial,
    /// The institutions that it deals with.
    pub peers: Vec<PeerConfig>,
    /// The header of its own chain that it trusts.
    pub anchor: Anchor,
    /// X25519 key that private parts are sealed to.
    pub encryption_key: SecretBox<[u8; 32]>,
    /// Seed of the key of its private lookups: without one, its records cannot be searched by person.
    pub lookup_key: Option<SecretBox<[u8; 32]>>,
    /// Bounds.
    pub limits: Limits,
    /// Who decides orders that arrive.
    pub decide: DecidePolicy,
    /// How corrections of records reach those who hold them.
    pub following: Following,
    /// What time it is.
    pub clock: Clock,
}

/// Another institution.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its id.
    pub member: MemberId,
    /// Its kind: decides what it may read.
    pub kind: MemberKind,
    /// Its gateway, `host:port`.
    pub address: String,
    /// Its authority: the only one that may vouch for it.
    pub ca_pem: String,
    /// The header of its chain that is trusted.
    pub anchor: Anchor,
    /// The pair of light clients between the own chain and its chain (`source_client` is on the own one); `None` where
    /// no orders go either way.
    pub clients: Option<OrderClients>,
}

/// What a gateway works with.
pub struct Deps {
    /// Its own chain.
    pub chain: Chain,
    /// Its durable state.
    pub store: Arc<dyn Store>,
    /// The institution's signer.
    pub signer: SignerClient,
    /// What kinds of record and order there are.
    pub sectors: Arc<Sectors>,
    /// The rules by which a proven fact proposes the next procedure.
    pub rules: Arc<Rules>,
    /// The log of deposits that this gateway keeps, if it keeps one: of several gateways over one store, one.
    pub deposits: Option<DepositLog>,
    /// Cedar policies instead of [`crate::policy::DEFAULT_POLICIES`].
    pub policies: Option<String>,
}

/// A log of deposits, and who is to see it.
pub struct DepositLog {
    /// The log.
    pub log: Arc<Log>,
    /// The witnesses that are asked for cosignatures, where the policy says where they are; its quorum says which checkpoint is
    /// handed out with a deposit.
    pub policy: Option<Policy>,
    /// The bucket into which its files are copied, if there is one.
    pub bucket: Option<Bucket>,
    /// The authority for time that is asked to stamp its checkpoints, if one is.
    pub timestamps: Option<Timestamps>,
}

/// An authority for time (RFC 3161), and how it is asked.
#[derive(Clone, Debug)]
pub struct Timestamps {
    /// Where: `http://` or `https://`.
    pub url: String,
    /// The certificates that vouch for it: what they do not is not kept.
    pub authorities: Vec<Authority>,
    /// How long after a stamp the next one is asked for, at the earliest.
    pub every: Duration,
}

/// Bounds of a gateway. Nothing is unbounded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Requests at once, over all connections; what comes on top is refused with `OVERLOADED`.
    pub requests: usize,
    /// Orders on their way to one institution at once, from the last approval until they are answered or wait to be decided;
    /// what comes on top is refused with `OVERLOADED`. Another is drawn up while half of them are taken, and sent on its way while
    /// three quarters are; an emergency, and what changes an earlier order, a quarter longer.
    pub orders: usize,
    /// Requests at once on one connection.
    pub requests_per_connection: u32,
    /// Requests per second of one institution, and how many it may save up.
    pub rate_per_second: NonZeroU32,
    /// See `rate_per_second`.
    pub rate_burst: NonZeroU32,
    /// Largest request in bytes.
    pub request_bytes: usize,
    /// Largest answer in bytes that is taken from another gateway.
    pub answer_bytes: usize,
    /// How long a call may take to begin its answer.
    pub call_timeout: Duration,
    /// How long a call to another gateway may take.
    pub peer_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            requests: 1_024,
            orders: 512,
            requests_per_connection: 256,
            rate_per_second: NonZeroU32::new(2_000).unwrap_or(NonZeroU32::MIN),
            rate_burst: NonZeroU32::new(4_000).unwrap_or(NonZeroU32::MIN),
            request_bytes: 1 << 20,
            answer_bytes: 8 << 20,
            call_timeout: Duration::from_secs(30),
            peer_timeout: Duration::from_secs(15),
        }
    }
}

/// Where a gateway takes the time from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Time + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            Time::new(seconds, since.subsec_nanos()).unwrap_or(Time::UNIX_EPOCH)
        }))
    }

    /// Any other.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Time {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}
