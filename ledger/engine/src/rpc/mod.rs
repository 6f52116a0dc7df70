//! The CometBFT JSON-RPC of an embedded ledger: over POST, GET and a websocket. It reads what is durable and submits
//! transactions; it knows nobody and judges nothing.

mod call;
mod connections;
mod node;
mod params;
mod read;
pub(crate) mod server;
mod submit;
mod websocket;
