//! The life of one process: it begins, and it ends at any moment, in the middle of a write if need be. Whatever belongs
//! to a dead process reaches nobody any more. It refuses to know what the process does.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// One life of a process. Cheap to clone.
#[derive(Clone)]
pub struct Life(Arc<Inner>);

struct Inner {
    ended: CancellationToken,
    /// How many more disk operations it lives for, once that is decided.
    fuse: Mutex<Option<u64>>,
}

impl Life {
    /// A life that begins.
    #[must_use]
    pub fn begin() -> Self {
        Self(Arc::new(Inner { ended: CancellationToken::new(), fuse: Mutex::new(None) }))
    }

    /// Whether it goes on.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !self.0.ended.is_cancelled()
    }

    /// Ends it now.
    pub fn end(&self) {
        self.0.ended.cancel();
    }

    /// Ends it within its disk operation number `operations` from now.
    pub fn end_within(&self, operations: u64) {
        *self.0.fuse.lock().unwrap_or_else(PoisonError::into_inner) = Some(operations);
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Runs `work` as long as it lives; never comes back to a dead process.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        match self.0.ended.run_until_cancelled(work).await {
            Some(done) if self.goes_on() => done,
            _ => std::future::pending().await,
        }
    }

    /// Counts a disk operation that changes something; an error when this is the one that it dies in, or it is dead.
    pub(crate) fn operate(&self) -> io::Result<()> {
        let mut fuse = self.0.fuse.lock().unwrap_or_else(PoisonError::into_inner);
        match fuse.as_mut() {
            Some(0) => self.end(),
            Some(left) => *left -= 1,
            None => {}
        }
        drop(fuse);
        self.check()
    }

    /// An error once it is dead.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.goes_on() { Ok(()) } else { Err(io::Error::other("the process is dead")) }
    }
}
