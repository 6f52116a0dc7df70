//! What a load consists of: one file a workload.
//! Refuses to know when requests are due.

mod deposits;
mod orders;
mod queries;

pub(super) use deposits::Deposits;
pub(super) use orders::Orders;
pub(super) use queries::{Credentials, Queries};

use crate::client::reason;
use crate::failure::Failure;
use tonic::{Code, Status};

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered, and the answer is what it should be.
    Answered,
    /// Refused with `RESOURCE_EXHAUSTED`.
    Shed,
    /// Anything else, by its reason.
    Failed(String),
}

impl Outcome {
    /// Of a call that failed.
    pub(super) fn of(status: &Status) -> Self {
        if status.code() == Code::ResourceExhausted {
            return Self::Shed;
        }
        let reason = reason(status);
        Self::Failed(reason.unwrap_or_else(|| format!("{:?}", status.code())))
    }
}

/// Bytes of a message each way, for the echo beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Of the request.
    pub(super) request: usize,
    /// Of the answer.
    pub(super) answer: usize,
}

/// A kind of request.
#[tonic::async_trait]
pub(super) trait Workload: Send + Sync + 'static {
    /// What it is called.
    const NAME: &'static str;

    /// One request, the next of its kind.
    async fn once(&self) -> Outcome;

    /// How many things one request asks for: deposits of a batch.
    fn each(&self) -> u64 {
        1
    }

    /// Requests under way at once; what is due while so many are is not sent, and is counted.
    fn under_way_max(&self) -> u64 {
        20_000
    }

    /// How many requests warm it up.
    fn warm_up(&self) -> u64 {
        0
    }

    /// Makes ready what `count` requests need and what is not to be measured.
    async fn prepare(&self, _count: u64) -> Result<(), Failure> {
        Ok(())
    }

    /// The sizes of a typical request and its answer; `None` where an echo beside it says nothing.
    async fn sizes(&self) -> Result<Option<Sizes>, Failure> {
        Ok(None)
    }
}
