//! A witness of transparency logs (C2SP `tlog-witness`): it keeps the newest checkpoint that it saw of each log, and cosigns a
//! newer one only with the proof that it grew from that. It says that a log has one history, and when it saw it; never that
//! anything in it is true. It refuses logs that it was not told of.

mod service;
mod witness;

pub use service::{Running, serve};
pub use witness::{Answer, Witness, WitnessFault};
