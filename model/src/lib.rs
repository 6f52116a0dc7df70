//! Domain types of Comity and their canonical bytes.
//!
//! What is signed, hashed, stored in a chain's state or carried in a packet is defined here, once. The canonical
//! encoding is [Borsh](https://borsh.io): fixed field order, little-endian integers, `u32` length prefixes, no
//! optional forms, so that a value has exactly one encoding. Types with an invariant re-check it while decoding; a
//! value that exists is therefore valid. This crate knows no hash function, no clock and no I/O.
#![no_std]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic)
)]
#![deny(clippy::unwrap_used)]

extern crate alloc;

pub mod agreement;
pub mod asset;
pub mod client;
mod codec;
pub mod consent;
pub mod deposit;
pub mod event;
pub mod genesis;
pub mod governance;
mod hash;
pub mod id;
pub mod member;
pub mod money;
pub mod obligation;
pub mod order;
pub mod packet;
pub mod profile;
pub mod record;
pub mod seal;
pub mod state;
pub mod time;
pub mod tx;

pub use codec::{Malformed, decode, encode};
pub use hash::Hash;
pub use id::*;
pub use money::{Amount, Currency};
pub use time::{Time, UnixSeconds};
