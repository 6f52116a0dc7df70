//! Nothing of its own: features of outside crates that only tests ask for, asked for by the program as well, so that both are
//! compiled from the same crates. Without it a hundred of them are compiled twice, once for `cargo run` and once for
//! `cargo test --workspace`.
//! Refuses to ask for a feature that changes what the program does.
#![no_std]
