//! Leases: of several processes over one store, one does a piece of work while the others stand by. An optimisation only:
//! two may work at once for a moment, so what they do must be harmless twice.
//! Built on compare-and-set alone, and on no clock that two machines would have to share: a lease is free once its row
//! has stood unchanged for its whole term by the watcher's own clock. Refuses to know the work.

use crate::{Batch, Store, StoreError, Table};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Name → 16 bytes of the holder, big-endian `u64` number of times it was taken or renewed.
const LEASES: Table = Table("leases");

/// One process's view of one lease.
pub struct Lease {
    store: Arc<dyn Store>,
    name: Vec<u8>,
    holder: [u8; 16],
    term: Duration,
    /// Until when it is ours.
    held_until: Option<Instant>,
    /// Another's row, and since when it was seen to stand so.
    watched: Option<(Vec<u8>, Instant)>,
}

impl Lease {
    /// The lease `name` in `store`, as `holder`: random bytes, one for each process. Not taken yet.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, name: &str, holder: [u8; 16], term: Duration) -> Self {
        Self { store, name: name.as_bytes().to_vec(), holder, term, held_until: None, watched: None }
    }

    /// Takes or renews it, unless another holds it. Call it a few times within each term.
    ///
    /// # Errors
    /// The store's. What was held is held until its term is over.
    pub async fn hold(&mut self) -> Result<bool, StoreError> {
        // The term counts from before the write: it ends here before it ends for those who watch.
        let asked = Instant::now();
        let found = self.store.read(LEASES, &self.name).await?;
        let ours = found.as_ref().is_some_and(|row| row.starts_with(&self.holder));
        if let Some(row) = &found
            && !ours
            && !self.is_stale(row, asked)
        {
            self.held_until = None;
            return Ok(false);
        }
        let number = found.as_deref().and_then(number).unwrap_or(0);
        let row = [self.holder.as_slice(), &number.wrapping_add(1).to_be_bytes()].concat();
        let batch = match found {
            Some(found) => Batch::new().equals(LEASES, self.name.clone(), found),
            None => Batch::new().absent(LEASES, self.name.clone()),
        };
        match self.store.commit(batch.put(LEASES, self.name.clone(), row)).await {
            Ok(()) => {
                self.held_until = Some(asked + self.term);
                self.watched = None;
                Ok(true)
            }
            Err(StoreError::Conflict) => {
                self.held_until = None;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether it is held and its term is not over.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held_until.is_some_and(|until| Instant::now() < until)
    }

    /// Gives it back, so that another need not wait for the end of its term.
    ///
    /// # Errors
    /// The store's; then its term ends it.
    pub async fn release(&mut self) -> Result<(), StoreError> {
        self.held_until = None;
        let Some(row) = self.store.read(LEASES, &self.name).await? else { return Ok(()) };
        if !row.starts_with(&self.holder) {
            return Ok(());
        }
        let batch = Batch::new().equals(LEASES, self.name.clone(), row).delete(LEASES, self.name.clone());
        match self.store.commit(batch).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether another's row has stood unchanged for the whole term.
    fn is_stale(&mut self, row: &[u8], now: Instant) -> bool {
        match &self.watched {
            Some((known, since)) if known == row => now.duration_since(*since) >= self.term,
            _ => {
                self.watched = Some((row.to_vec(), now));
                false
            }
        }
    }
}

fn number(row: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(row.get(16..)?.try_into().ok()?))
}
