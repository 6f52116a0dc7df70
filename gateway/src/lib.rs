//! The services of an institution: decode, permit, call, encode.
//!
//! A request comes over mutual TLS from a caller whose certificate names its institution and role ([`tls`],
//! [`identity`]); the policy gives a [`policy::Permit`] or refuses; the work is done; what leaves was proven under a
//! header that this gateway itself verified ([`view`]). Every failure has a reason from one table ([`error`]).
//! This crate knows chains by their ports and stores by their contract; the program that wires it knows the rest.

pub mod agreements;
pub mod audit;
pub mod check;
pub mod config;
pub mod error;
pub mod following;
pub mod identity;
pub mod institution;
pub mod keeper;
pub mod lookup;
pub mod operations;
pub mod orders;
pub mod policy;
pub mod rest;
pub mod sealing;
pub mod sectors;
pub mod signer;
pub mod tls;
pub mod triggers;
pub mod view;

pub mod chains;
mod convert;
mod convert_order;
mod credentials;
mod deposits;
mod exchange;
mod investigations;
mod measure;
mod members;
mod middleware;
mod outside;
mod peers;
pub mod public;
mod records;
mod recurring;
mod registrar;
mod requests;
mod search;
mod server;

pub use config::{Clock, DepositLog, Deps, GatewayConfig, Limits, PeerConfig, Timestamps};
pub use convert::{amount_to_wire, field_to_wire};
pub use deposits::{Bucket, BucketAccess, BucketConfig, BucketError};
pub use error::{ApiError, Reason};
pub use identity::{Caller, Identity, Role};
pub use institution::{AssetRegister, DecidePolicy};
pub use keeper::{KeeperParts, RecordKeeper};
pub use orders::OrderClients;
pub use outside::is_url as is_outside_url;
pub use peers::{Peer, Peers};
pub use server::{Running, Services, StartError, start};
pub use tls::TlsMaterial;
