//! The tree over this chain's own header hashes (RFC 6962), by which an old header is proven from a new one.
//!
//! Its head stands in the state, its final nodes in the side table. A leaf is the header's hash as data. Hashes of blocks
//! that change nothing wait in the side table and enter the tree together with the next that does, so that a silent
//! chain's state comes to rest; a bounded number waits.

use crate::refusal::{Reason, Stop};
use crate::side::Side;
use crate::store::Snapshot;
use crate::working::{Execution, Working, decode};
use comity_model::state::StatePath;
use comity_model::{Hash, Height};
use comity_verify::merkle::{self, Frontier};

/// Most header hashes that wait: a minute of the default heartbeat. The block that would be one too many takes them all
/// into the tree and so changes the state.
const WAITING_MAX: usize = 12;

/// Takes the hash of the block that is being carried out: into the tree if the block has changed the state, otherwise
/// among those that wait.
pub(crate) fn append(ex: &mut Execution<'_>, hash: Hash) -> Result<(), crate::AppError> {
    let mut waiting: Vec<Hash> = ex.state.side(&Side::HeadersWaiting, "waiting headers")?.unwrap_or_default();
    let changed = ex.state.is_changed()?;
    if !changed && waiting.len() < WAITING_MAX {
        waiting.push(hash);
        ex.state.set_side(&Side::HeadersWaiting, &waiting);
        return Ok(());
    }
    if !waiting.is_empty() {
        ex.state.remove_side(&Side::HeadersWaiting);
    }
    let mut frontier: Frontier = ex.state.side(&Side::Frontier, "a frontier")?.unwrap_or_default();
    for hash in waiting.iter().chain([&hash]) {
        for node in frontier.append(merkle::leaf_hash(hash.as_bytes())) {
            let row = Side::HeaderNode(node.level, node.index);
            ex.state.set_side(&row, &node.hash);
        }
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
