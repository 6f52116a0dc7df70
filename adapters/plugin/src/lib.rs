//! The ports over gRPC (`comity/adapter/v1`): an adapter as a program of its own, in any language.
//!
//! The host's side starts the program or connects to it, shakes hands, watches its health, starts it again, and puts a
//! bound on everything: time, sizes, calls at once, lines of log. What the program answers is a stranger's word: here only
//! form and size are checked, and `verify` judges the rest as it does for every adapter. The operator key stays here;
//! the program is handed signed transactions. [`serve`] is the other side, for adapters in Rust. Refuses to know a kind of
//! chain beyond the form of its blocks.

mod config;
mod connect;
mod error;
mod follow;
mod link;
mod measure;
mod ports;
mod probe;
mod process;
pub mod serve;
mod status;
mod supervise;
mod wire;

pub use config::{Launch, Paces, PluginConfig};
pub use error::PluginError;
pub use ports::open;
pub use probe::{Report, probe};

/// The versions of the protocol that are spoken here, lowest and highest.
pub const VERSIONS: (u32, u32) = (1, 1);

/// Where a program that was started finds the path of its socket.
pub const SOCKET_VARIABLE: &str = "COMITY_ADAPTER_SOCKET";

/// The service that the program's health is asked of.
pub const SERVICE: &str = "comity.adapter.v1.Adapter";

/// Largest message in either direction, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Most events of a block or a transaction.
pub const EVENTS_MAX: usize = 10_000;

/// Most rows of a list.
pub const ROWS_MAX: u32 = 1_000;
