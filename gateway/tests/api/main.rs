//! The API of gateways, driven over mutual TLS as institutions drive it: one module a subject. One program, because each takes
//! most of a minute to compile.
#![allow(clippy::unwrap_used)]

mod alliance;
mod bucket;
mod circle;
mod consent;
#[path = "../../../store/tests/database/mod.rs"]
mod database;
mod deposits;
mod disclosure;
mod drafts;
mod enforcement;
mod filling;
mod following;
mod investigations;
mod life;
mod orders;
mod proposals;
mod public;
mod records;
mod registrar;
mod rest;
mod restored_store;
mod sectors;
mod several_gateways;
mod support;
mod timestamps;
mod trail;
mod triggers;
#[path = "../../../verify/tests/tsa/mod.rs"]
mod tsa;
mod visitor;
