//! Requests by the ids that callers give them: the same request again is what it made the first time; another one under its id
//! is refused, and both are kept.
//! It refuses to know what is requested.

use crate::error::ApiError;
use comity_model::{Hash, Malformed, RequestId, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};

/// Most conflicting requests kept for one request id.
const CONFLICTS_MAX: usize = 16;

/// The id of what a request made.
pub(crate) type Made = [u8; 16];

/// The requests of one kind.
#[derive(Clone, Copy)]
pub(crate) struct Requests {
    /// Request id → what it made, and the digest of the request.
    pub(crate) made: Table,
    /// Request id ‖ digest of another request → its canonical bytes: evidence of a conflicting reuse.
    pub(crate) conflicts: Table,
}

/// What is known of a request.
pub(crate) enum Known {
    /// It is new.
    Nothing,
    /// It came before, and made this.
    Same(Made),
    /// Another one came before under its id; both are kept.
    Conflict,
}

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of the store is not what was written there.
    #[error(transparent)]
    Corrupt(#[from] Malformed),
}

impl Requests {
    /// What a request id made, and the digest of the request.
    pub(crate) async fn made(
        &self,
        store: &dyn Store,
        request: &RequestId,
    ) -> Result<Option<(Made, Hash)>, RequestsError> {
        let row = store.read(self.made, &request.0).await?;
        Ok(row.map(|row| decode("request", &row)).transpose()?)
    }

    /// Looks a request up by its id and digest, without writing but for evidence of a conflict: its canonical bytes, `body`.
    pub(crate) async fn known(
        &self,
        store: &dyn Store,
        (request, digest): (&RequestId, &Hash),
        body: &[u8],
    ) -> Result<Known, RequestsError> {
        let Some((made, known)) = self.made(store, request).await? else { return Ok(Known::Nothing) };
        if known == *digest {
            return Ok(Known::Same(made));
        }
        let kept = store.scan(self.conflicts, &request.0, &[], CONFLICTS_MAX).await?;
        if kept.len() < CONFLICTS_MAX {
            let key = [request.0.as_slice(), digest.as_bytes()].concat();
            store.commit(Batch::new().put(self.conflicts, key, body)).await?;
        }
        Ok(Known::Conflict)
    }

    /// Adds to a batch that a new request makes something; the batch fails where the id was used meanwhile.
    pub(crate) fn file(&self, batch: Batch, (request, digest): (&RequestId, &Hash), made: Made) -> Batch {
        batch.absent(self.made, request.0).put(self.made, request.0, encode(&(made, digest)))
    }
}

impl From<RequestsError> for ApiError {
    fn from(error: RequestsError) -> Self {
        match error {
            RequestsError::Store(error) => error.into(),
            RequestsError::Corrupt(error) => Self::fault(error),
        }
    }
}
