//! The ports as an adapter has them whose user is another process: keys and paths stay with that user, which asks by the
//! keys of the state's tree and hands over transactions that it has signed.

use crate::{Chain, Outcome, PortError, StateProof};
use async_trait::async_trait;
use comity_model::Height;
use std::sync::Arc;

/// What is done for a user that keeps paths and the operator key to itself.
#[async_trait]
pub trait Courier: Send + Sync {
    /// As [`crate::Prover::prove`], by the key in the state's tree (`verify::state::key`).
    async fn prove_key(&self, key: [u8; 32], header: Height) -> Result<StateProof, PortError>;

    /// Delivers a signed transaction and waits until it is in a committed block, at most the adapter's own limit. The
    /// same bytes are one transaction however often they are sent; `again` says that they may have been delivered before,
    /// so that what became of them is looked up first.
    async fn deliver(&self, transaction: &[u8], again: bool) -> Result<Outcome, PortError>;
}

/// An adapter to be served to another process.
#[derive(Clone)]
pub struct Outpost {
    /// Its ports; nothing is submitted through them, as they hold no key.
    pub ports: Chain,
    /// The rest.
    pub courier: Arc<dyn Courier>,
}
