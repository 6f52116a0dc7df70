//! Why a task could not do its work, by whose fault it is and whether another try can help.

use comity_adapters_ports::PortError;
use comity_model::{ClientId, Height, ReasonCode};
use comity_verify::Refusal;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A node does not answer, or not in form.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A node's claim did not hold: it lies, or is of another chain.
    #[error("a claim was refused: {0}")]
    Refused(#[from] Refusal),
    /// No header was verified yet, or none that is high enough.
    #[error("no verified header at or above {0} yet")]
    NoHeader(Height),
    /// The chain has no such client.
    #[error("there is no client {0}")]
    NoClient(ClientId),
    /// The client is of another chain or path.
    #[error("client {0} is not the counterparty that the path names")]
    OtherClient(ClientId),
    /// The client is frozen.
    #[error("client {0} is frozen")]
    Frozen(ClientId),
    /// The chain refused an update of the client that nothing else depended on.
    #[error("the update of client {0} was refused: {1}")]
    UpdateRefused(ClientId, ReasonCode),
    /// Two valid headers of one height exist.
    #[error("the chain has signed two headers at height {0}")]
    Diverged(Height),
}

impl Fault {
    /// A short name for metrics and logs.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Port(PortError::NotYet(_)) => "not_yet",
            Self::Port(PortError::Gone(_)) => "gone",
            Self::Port(PortError::Unavailable(_)) => "unavailable",
            Self::Port(PortError::Malformed(_)) => "malformed",
            Self::Port(PortError::Silent(_)) => "silent",
            Self::Refused(refusal) => refusal.rule.code(),
            Self::NoHeader(_) => "no_header",
            Self::NoClient(_) => "no_client",
            Self::OtherClient(_) => "other_client",
            Self::Frozen(_) => "client_frozen",
            Self::UpdateRefused(..) => "update_refused",
            Self::Diverged(_) => "diverged",
        }
    }
}
