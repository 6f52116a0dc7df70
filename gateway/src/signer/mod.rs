//! The institution's signer: the only holder of its seal key. It seals an order, a receipt, a decision or a batch only
//! after checking for itself that the bytes speak for its institution and that officers it knows approved them.
//! It refuses to know the gateway's store, its policy and its peers: a compromised gateway gets no more than a refusal.

mod client;
mod key;
mod sealer;
mod service;

pub use client::{SignerClient, SignerError};
pub use key::{NoKey, SealKey};
pub use sealer::{SealRefusal, SealRule, SignerCore, SignerIdentity};
pub use service::{SignerConfig, SignerRunning, SignerStartError, serve};

use crate::identity::{Identity, Role};
use comity_model::MemberId;

/// Who the signer of `institution` is.
#[must_use]
pub fn identity(institution: MemberId) -> Identity {
    Identity { institution, role: Role::signer() }
}
