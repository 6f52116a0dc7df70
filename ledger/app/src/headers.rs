//! The tree over this chain's own header hashes (RFC 6962), by which an old header is proven from a new one.
//!
//! Its head stands in the state, its final nodes in the side table. A leaf is the header's hash as data.

use crate::refusal::{Reason, Stop};
use crate::side::Side;
use crate::store::Snapshot;
use crate::working::{Execution, Working, decode};
use comity_model::state::StatePath;
use comity_model::{Hash, Height};
use comity_verify::merkle::{self, Frontier};

/// Appends the hash of the block that is being carried out.
pub(crate) fn append(ex: &mut Execution<'_>, hash: Hash) -> Result<(), crate::AppError> {
    let mut frontier: Frontier = ex.state.side(&Side::Frontier, "a frontier")?.unwrap_or_default();
    for node in frontier.append(merkle::leaf_hash(hash.as_bytes())) {
        let row = Side::HeaderNode(node.level, node.index);
        ex.state.set_side(&row, &node.hash);
    }
    ex.state.set_side(&Side::Frontier, &frontier);
    ex.state.write(&StatePath::Headers, &frontier.head());
    Ok(())
}

/// The inclusion path of the header of `height` in the tree over the first `size` headers.
pub(crate) fn path(snapshot: &Snapshot, height: Height, size: u64) -> Result<Vec<Hash>, Stop> {
    let index = height.0.checked_sub(1).ok_or(Reason::QueryMalformed)?;
    // A view cannot fail half way through a path without saying so: remember the fault.
    let fault = std::cell::Cell::new(None);
    let nodes = |level: u32, index: u64| {
        let row = Side::HeaderNode(level, index);
        match snapshot.side(&row.key()) {
            Ok(bytes) => bytes.and_then(|bytes| decode("a hash", &bytes).ok()),
            Err(error) => {
                fault.set(Some(error));
                None
            }
        }
    };
    let path = merkle::inclusion(index, size, &nodes);
    if let Some(error) = fault.into_inner() {
        return Err(Stop::Fault(error));
    }
    path.ok_or_else(|| Reason::HeightNotKept.into())
}

/// The tree before the first block: it stands in the state from the start, so that its absence is never the answer.
pub(crate) fn begin(state: &mut Working<'_>) {
    let frontier = Frontier::new();
    state.set_side(&Side::Frontier, &frontier);
    state.write(&StatePath::Headers, &frontier.head());
}
