//! What can go wrong: faults on our side that keep the engine from starting or stop it, and reasons why one
//! transaction does not get into a block. Each has a stable code; the text names no personal data.

use comity_ledger_app::{AppError, TxResult};
use comity_model::{Hash, Height};

/// A fault that keeps the engine from starting, or stops it: no input causes one.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A setting is not acceptable.
    #[error("the engine's setting is not acceptable: {reason}")]
    Config {
        /// Which, and why.
        reason: String,
    },
    /// The directory cannot be used.
    #[error("the ledger's directory {path} cannot be used")]
    Directory {
        /// The directory.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The blocks' file was not opened: damaged, newer than this program, in use.
    #[error("the blocks' file was not opened")]
    File(#[from] comity_store_file::FileError),
    /// The block store failed.
    #[error("the block store failed while {doing}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<redb::Error>,
    },
    /// Stored bytes are not what they must be.
    #[error("the block store is damaged: {what}")]
    Damaged {
        /// What is missing or cannot be read.
        what: String,
    },
    /// The application stopped.
    #[error("the application stopped the chain")]
    App {
        /// Why.
        #[source]
        source: AppError,
    },
    /// The directory holds another chain.
    #[error("the directory holds a chain with another genesis")]
    OtherGenesis,
    /// The application has blocks that the store lacks: their signatures are lost, and signing them again would be
    /// signing twice.
    #[error("the application stands at height {app}, the block store only at {store}")]
    AppAhead {
        /// The application's height.
        app: Height,
        /// The store's height.
        store: Height,
    },
    /// Carrying a stored block out again gave another state.
    #[error("block {height} gave state {found} when it was carried out again, not {expected}")]
    Diverged {
        /// The block.
        height: Height,
        /// The state it gave first.
        expected: Hash,
        /// The state it gave now.
        found: Hash,
    },
    /// The keys that are held do not carry more than two thirds of the power.
    #[error(
        "block {height} cannot be signed: the keys held carry {held} of {total} voting power, more than two thirds \
         are needed"
    )]
    Keys {
        /// The block.
        height: Height,
        /// Power of the validators whose keys are held.
        held: u64,
        /// Power of all.
        total: u64,
    },
    /// The validators that the application asks for are not a set.
    #[error("the validators after block {height} are not acceptable: {reason}")]
    Validators {
        /// The block.
        height: Height,
        /// Why.
        reason: String,
    },
    /// The RPC address cannot be listened on.
    #[error("the RPC cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The engine has stopped.
    #[error("the ledger has stopped")]
    Stopped,
    /// A thread could not be started or ended by itself.
    #[error("the engine's thread failed: {reason}")]
    Thread {
        /// Why.
        reason: String,
    },
}

impl EngineError {
    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config { .. } => "ENGINE_CONFIG",
            Self::Directory { .. } => "ENGINE_DIRECTORY",
            Self::File(source) => source.code(),
            Self::Store { .. } => "BLOCK_STORE",
            Self::Damaged { .. } => "BLOCK_STORE_DAMAGED",
            Self::App { source: AppError::File(source) } => source.code(),
            Self::App { .. } => "APPLICATION",
            Self::OtherGenesis => "OTHER_GENESIS",
            Self::AppAhead { .. } => "APPLICATION_AHEAD",
            Self::Diverged { .. } => "REPLAY_DIVERGED",
            Self::Keys { .. } => "VALIDATOR_KEYS_MISSING",
            Self::Validators { .. } => "VALIDATORS_INVALID",
            Self::Listen { .. } => "RPC_LISTEN",
            Self::Stopped => "LEDGER_STOPPED",
            Self::Thread { .. } => "ENGINE_THREAD",
        }
    }
}

impl From<AppError> for EngineError {
    fn from(source: AppError) -> Self {
        Self::App { source }
    }
}

/// Why a transaction did not get into a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The application refused it before it waited.
    #[error("the transaction was refused: {}", .0.log)]
    Refused(TxResult),
    /// It waits already, or stands in a block.
    #[error("tx already exists in cache")]
    AlreadyThere,
    /// Too much waits.
    #[error("mempool is full: number of txs {count} (max: {count_max}), total txs bytes {bytes} (max: {bytes_max})")]
    PoolFull {
        /// Transactions that wait.
        count: usize,
        /// The most that may.
        count_max: usize,
        /// Bytes that wait.
        bytes: usize,
        /// The most that may.
        bytes_max: usize,
    },
    /// It is larger than any transaction may be.
    #[error("Tx too large. Max size is {bytes_max}, but got {bytes}")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most it may have.
        bytes_max: usize,
    },
    /// Block after block left it out: block time lags behind the clock.
    #[error("the transaction was left out of every block while block time lagged; submit it again")]
    LeftOut,
    /// It was not in a block in time. It may still get into one.
    #[error("timed out waiting for tx to be included in a block")]
    TimedOut,
    /// The engine stops.
    #[error("the ledger is stopping")]
    Stopped,
    /// The engine stopped by a fault.
    #[error("the ledger has halted: {reason}")]
    Halted {
        /// The fault's code.
        code: &'static str,
        /// The fault in words.
        reason: String,
    },
    /// The application could not say.
    #[error("the ledger's state could not be read")]
    Unavailable,
}

impl SubmitError {
    /// The stable reason code; of a refused transaction the application's.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(result) => &result.codespace,
            Self::AlreadyThere => "TX_ALREADY_THERE",
            Self::PoolFull { .. } => "MEMPOOL_FULL",
            Self::TooLarge { .. } => "TX_TOO_LARGE",
            Self::LeftOut => "TX_LEFT_OUT",
            Self::TimedOut => "TX_TIMED_OUT",
            Self::Stopped => "LEDGER_STOPPING",
            Self::Halted { .. } => "LEDGER_HALTED",
            Self::Unavailable => "LEDGER_UNAVAILABLE",
        }
    }
}
