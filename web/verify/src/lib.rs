//! What a person is told about a proof: an anchor file's text and a bundle's bytes in, a verdict in words out. The command
//! line and, as WebAssembly, the browser say the same because both ask here.
//!
//! It decides nothing: `verify` does. It knows no clock, no file and no network; what it is given is bounded before it
//! is read.

pub mod anchor;
pub mod answer;
pub mod describe;
pub mod header;
pub mod proof;
pub mod qr;
pub mod words;

mod words_steps;

#[cfg(any(target_arch = "wasm32", test))]
mod digest;
#[cfg(any(target_arch = "wasm32", test))]
mod exports;
