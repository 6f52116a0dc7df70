//! The packet protocol as a model that can be looked through whole: a court's chain and a bank's, two relayers, and every
//! order of what they do, of crashes, of lost, late and repeated transactions, and of clocks, to a stated bound.
//! It refuses to know bytes, signatures and Merkle trees: a proof here is a look at a header. That the code does what
//! the model says is for the simulation and the tests of each part.

mod chain;
mod ending;
mod protocol;

pub use chain::{Bank, Chain, Court, Header, Outcome};
pub use protocol::{Act, Broken, Ghost, Kind, Protocol, Relayer, State, Tx};
