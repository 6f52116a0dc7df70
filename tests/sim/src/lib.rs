//! The seeded simulation: gateways, relayers and chains in one thread, under one clock that a seed decides with
//! everything that goes wrong. What runs is the code itself; simulated are the disk, the network, the clock, chance, and
//! who lies.
//!
//! A process runs one world, because the code under test has statics; [`campaign`] runs many. A failing seed is made
//! short by leaving out what its plan says, as long as it fails.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod agreed;
pub mod campaign;
pub mod chance;
pub mod clerk;
pub mod disk;
mod errands;
pub mod exchange;
pub mod finals;
pub mod gateway;
pub mod life;
pub mod machine;
pub mod mediator;
pub mod net;
pub mod node;
pub mod oracle;
pub mod parties;
pub mod plan;
pub mod planted;
pub mod ports;
pub mod relayer;
pub mod run;
mod settled;
mod watched;
pub mod world;
