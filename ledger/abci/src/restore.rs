//! A snapshot out of a node's hands: what ABCI asks while a machine takes the state of its peers, and what is answered.
//!
//! The node's light client vouches for the app hash, and for nothing else: manifest and chunks are peers' words.

use crate::convert;
use crate::fault::Stop;
use comity_ledger_app::App;
use comity_ledger_app::snapshots::{FORMAT, Manifest, RestoreError, Restoring, hash};
use comity_model::{ChainId, Hash};
use tendermint_proto::v0_38::abci;
use tendermint_proto::v0_38::abci::response_apply_snapshot_chunk::Result as ChunkResult;
use tendermint_proto::v0_38::abci::response_offer_snapshot::Result as OfferResult;

/// A snapshot as it is listed for peers.
pub(crate) fn listed(manifest: &Manifest) -> abci::Snapshot {
    let metadata = manifest.bytes();
    abci::Snapshot {
        height: manifest.height.0,
        format: FORMAT,
        chunks: u32::try_from(manifest.chunks.len()).unwrap_or(u32::MAX),
        hash: convert::hash_out(hash(&metadata)),
        metadata: metadata.into(),
    }
}

/// Answers the offer of a snapshot; with a yes, the restoration has begun.
pub(crate) fn offered(
    app: &mut App,
    offer: abci::RequestOfferSnapshot,
) -> Result<(OfferResult, Option<Restoring>), Stop> {
    let Some(snapshot) = offer.snapshot else { return Ok((OfferResult::Reject, None)) };
    if snapshot.format != FORMAT {
        return Ok((OfferResult::RejectFormat, None));
    }
    let app_hash: Hash = convert::hash(&offer.app_hash)?;
    let manifest = match Manifest::read(&snapshot.metadata) {
        Ok(manifest) if listed(&manifest) == snapshot => manifest,
        Ok(_) => return Ok(refused(&"what is offered is not what its manifest says")),
        Err(error) => return Ok(refused(&error)),
    };
    let height = manifest.height;
    match app.restore(manifest, app_hash) {
        Ok(restoring) => {
            tracing::info!(%height, chunks = snapshot.chunks, "a snapshot is being taken");
            Ok((OfferResult::Accept, Some(restoring)))
        }
        Err(RestoreError::App(fault)) => Err(fault.into()),
        Err(error) => {
            tracing::error!(%error, "this machine takes no snapshot; remove the file of its state first");
            Ok((OfferResult::Abort, None))
        }
    }
}

fn refused(why: &dyn std::fmt::Display) -> (OfferResult, Option<Restoring>) {
    tracing::warn!(%why, "a snapshot that a peer offers was refused");
    (OfferResult::Reject, None)
}

/// Takes a chunk, and with the last one all of it. A chunk that is not the manifest's is asked for again, from others than
/// its sender; a snapshot that comes to something else is refused whole.
pub(crate) fn chunk(
    app: &mut App,
    restoring: &mut Option<Restoring>,
    chain: &ChainId,
    apply: &abci::RequestApplySnapshotChunk,
) -> Result<abci::ResponseApplySnapshotChunk, Stop> {
    let Some(running) = restoring.as_mut() else {
        return Err(Stop::refused("a chunk of a snapshot that was not accepted"));
    };
    if apply.index != running.next() {
        return Err(Stop::refused(format!("expected chunk {}, got {}", running.next(), apply.index)));
    }
    let taken = match running.chunk(&apply.chunk) {
        Ok(()) if running.is_whole() => app.restored(running, chain).map(|()| true),
        other => other.map(|()| false),
    };
    let mut answer = abci::ResponseApplySnapshotChunk { result: ChunkResult::Accept.into(), ..Default::default() };
    match taken {
        Ok(whole) => {
            if whole {
                *restoring = None;
                tracing::info!("the snapshot is taken");
            }
        }
        Err(RestoreError::App(fault)) => return Err(fault.into()),
        Err(error @ RestoreError::WrongChunk(number)) => {
            tracing::warn!(%error, sender = apply.sender, "a chunk was refused");
            answer.result = ChunkResult::Retry.into();
            answer.refetch_chunks.push(number);
            answer.reject_senders.push(apply.sender.clone());
        }
        Err(error @ RestoreError::Refused(_)) => {
            tracing::warn!(%error, sender = apply.sender, "a snapshot was refused");
            *restoring = None;
            app.drop_restored()?;
            answer.result = ChunkResult::RejectSnapshot.into();
            answer.reject_senders.push(apply.sender.clone());
        }
    }
    Ok(answer)
}
