//! The one place where a proof is decided: headers, state proofs, packets, records, bundles.
//!
//! A claim is a value at a state path, proven by a membership or absence proof against an app hash, which stands in a
//! header, which more than two thirds of a validator set signed, which is linked to a header already trusted. What is
//! returned are values that only this crate can build: [`light::TrustedHeader`], [`state::Proven`],
//! [`state::ProvenAbsence`], [`order::ApprovedOrder`]. Whoever needs proof takes that type.
//!
//! Everything here is pure: no I/O, no async, no clock (`now` is an argument), no randomness. No switch, mode or
//! feature skips a check. A refusal is a [`refusal::Refusal`]: the rule, what it expected, what it found.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic)
)]
#![deny(clippy::unwrap_used)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod agreement;
pub mod bundle;
pub mod comet;
pub mod consent;
pub mod deposit;
pub mod ed25519;
pub mod fields;
pub mod following;
pub mod ics23;
pub mod light;
pub mod lookup;
pub mod merkle;
pub mod order;
pub mod packet;
pub mod refusal;
pub mod renewal;
pub mod seal;
pub mod state;
pub mod suite;
pub mod timestamp;
pub mod tlog;
pub mod verdict;
pub mod vrf;
pub mod witnessed;

mod bounded;
mod sha;
mod wire;

pub use refusal::{Refusal, Rule};

/// The README's code is compiled and run like any test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
