//! Why the server does not start or ends, and why a request has no answer. Knows no message.

use comity_ledger_app::AppError;

/// A fault that keeps the server from starting, or ends it: no request causes one.
#[derive(Debug, thiserror::Error)]
pub enum AbciError {
    /// The address cannot be listened on.
    #[error("the application cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The folder of snapshots cannot be used.
    #[error("the folder of snapshots {} cannot be used", folder.display())]
    Snapshots {
        /// The folder.
        folder: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The application's state failed: the node must stop, and start again when the cause is gone.
    #[error("the application stopped the chain")]
    App(#[from] AppError),
    /// A thread ended by itself.
    #[error("a connection's thread failed: {reason}")]
    Thread {
        /// Why.
        reason: String,
    },
}

impl AbciError {
    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "ABCI_LISTEN",
            Self::App(AppError::File(source)) => source.code(),
            Self::Snapshots { .. } => "ABCI_SNAPSHOTS",
            Self::App(_) => "APPLICATION",
            Self::Thread { .. } => "ABCI_THREAD",
        }
    }
}

/// Why a request has no answer. Either way the node is told, and stops.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The node asks what it must not: another chain, another order of blocks, a message that is none. The application
    /// is whole and waits for a node that fits.
    Refused(String),
    /// A fault on our side.
    Fault(AppError),
}

impl Stop {
    pub(crate) fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}

impl From<AppError> for Stop {
    fn from(error: AppError) -> Self {
        match error {
            AppError::File(_) | AppError::Store { .. } | AppError::Tree { .. } | AppError::Damaged { .. } => {
                Self::Fault(error)
            }
            AppError::WrongHeight { .. }
            | AppError::NoGenesis
            | AppError::OtherGenesis
            | AppError::BadGenesis { .. }
            | AppError::NothingToCommit => Self::Refused(error.to_string()),
        }
    }
}
