//! From a request to the application and back. Consensus goes through the one [`App`], block by block; checks and
//! questions go to its [`Reader`] and are answered while a block is carried out.
//!
//! Knows no socket. The clock is read in one place, and only to leave transactions out of a proposal.

use crate::convert;
use crate::fault::Stop;
use crate::genesis;
use comity_ledger_app::{App, Block, Prepare, Process, Query, Reader, abci::APP_VERSION};
use comity_model::{ChainId, Time};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tendermint_proto::v0_38::abci::request::Value as Ask;
use tendermint_proto::v0_38::abci::response::Value as Answer;
use tendermint_proto::v0_38::abci::response_apply_snapshot_chunk::Result as ChunkResult;
use tendermint_proto::v0_38::abci::response_offer_snapshot::Result as OfferResult;
use tendermint_proto::v0_38::abci::response_process_proposal::ProposalStatus;
use tendermint_proto::v0_38::abci::response_verify_vote_extension::VerifyStatus;
use tendermint_proto::v0_38::abci::{self, Request};

/// The application as connections call it.
pub(crate) struct Application {
    chain: ChainId,
    reader: Reader,
    consensus: Mutex<Consensus>,
}

/// What only one node at a time may use.
struct Consensus {
    app: App,
    /// The connection that uses it, until it closes.
    held_by: Option<u64>,
}

impl Application {
    pub(crate) fn new(app: App, chain: ChainId) -> Self {
        Self { chain, reader: app.reader(), consensus: Mutex::new(Consensus { app, held_by: None }) }
    }

    /// Answers a request that came over `connection`.
    pub(crate) fn answer(&self, connection: u64, request: Request) -> Result<Answer, Stop> {
        let ask = request.value.ok_or_else(|| Stop::refused("a request that ABCI 2.0 does not have"))?;
        Ok(match ask {
            Ask::Echo(echo) => Answer::Echo(abci::ResponseEcho { message: echo.message }),
            Ask::Flush(_) => Answer::Flush(abci::ResponseFlush {}),
            Ask::Info(_) => Answer::Info(self.info()?),
            Ask::CheckTx(check) => Answer::CheckTx(convert::checked(self.reader.check_tx(&check.tx)?)),
            Ask::Query(query) => Answer::Query(self.query(&query)?),
            Ask::InitChain(init) => Answer::InitChain(self.init_chain(connection, &init)?),
            Ask::PrepareProposal(prepare) => Answer::PrepareProposal(self.prepare(connection, prepare)?),
            Ask::ProcessProposal(process) => Answer::ProcessProposal(self.process(connection, process)?),
            Ask::FinalizeBlock(block) => Answer::FinalizeBlock(self.finalize(connection, block)?),
            Ask::Commit(_) => {
                self.consensus(connection)?.app.commit()?;
                // Every block is kept: a new node carries them all out again.
                Answer::Commit(abci::ResponseCommit { retain_height: 0 })
            }
            // Votes carry no extensions here; the genesis does not ask for any.
            Ask::ExtendVote(_) => Answer::ExtendVote(abci::ResponseExtendVote::default()),
            Ask::VerifyVoteExtension(vote) => Answer::VerifyVoteExtension(abci::ResponseVerifyVoteExtension {
                status: match vote.vote_extension.is_empty() {
                    true => VerifyStatus::Accept.into(),
                    false => VerifyStatus::Reject.into(),
                },
            }),
            // No snapshots are made, so none is offered and none is taken: a new node replays.
            Ask::ListSnapshots(_) => Answer::ListSnapshots(abci::ResponseListSnapshots::default()),
            Ask::LoadSnapshotChunk(_) => Answer::LoadSnapshotChunk(abci::ResponseLoadSnapshotChunk::default()),
            Ask::OfferSnapshot(_) => {
                Answer::OfferSnapshot(abci::ResponseOfferSnapshot { result: OfferResult::Abort.into() })
            }
            Ask::ApplySnapshotChunk(_) => Answer::ApplySnapshotChunk(abci::ResponseApplySnapshotChunk {
                result: ChunkResult::Abort.into(),
                ..abci::ResponseApplySnapshotChunk::default()
            }),
        })
    }

    /// A connection has closed: another node may come.
    pub(crate) fn closed(&self, connection: u64) {
        let mut consensus = self.lock();
        if consensus.held_by == Some(connection) {
            consensus.held_by = None;
        }
    }

    // A panic ends the server; until then a half-done block is dropped by the next `finalize_block`.
    fn lock(&self) -> MutexGuard<'_, Consensus> {
        self.consensus.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn consensus(&self, connection: u64) -> Result<MutexGuard<'_, Consensus>, Stop> {
        let mut consensus = self.lock();
        match *consensus.held_by.get_or_insert(connection) == connection {
            true => Ok(consensus),
            false => Err(Stop::refused("another node makes this application's blocks")),
        }
    }

    fn info(&self) -> Result<abci::ResponseInfo, Stop> {
        let info = self.reader.info()?;
        Ok(abci::ResponseInfo {
            data: "comity".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            app_version: APP_VERSION,
            last_block_height: convert::height_out(info.height),
            last_block_app_hash: match info.time {
                Some(_) => convert::hash_out(info.app_hash),
                None => bytes::Bytes::new(),
            },
        })
    }

    fn query(&self, query: &abci::RequestQuery) -> Result<abci::ResponseQuery, Stop> {
        let height = match query.height {
            0 => None,
            height => Some(convert::height(height)?),
        };
        let answer = self.reader.query(&Query { path: &query.path, data: &query.data, height, prove: query.prove })?;
        Ok(convert::answered(answer))
    }

    fn init_chain(&self, connection: u64, init: &abci::RequestInitChain) -> Result<abci::ResponseInitChain, Stop> {
        let genesis = genesis::read(init, &self.chain)?;
        let begun = self.consensus(connection)?.app.init_chain(&genesis)?;
        tracing::info!(chain = %self.chain, app_hash = %begun.app_hash, "the chain begins");
        Ok(abci::ResponseInitChain {
            consensus_params: None,
            validators: convert::validators_out(&begun.validators),
            app_hash: convert::hash_out(begun.app_hash),
        })
    }

    fn prepare(
        &self,
        connection: u64,
        prepare: abci::RequestPrepareProposal,
    ) -> Result<abci::ResponsePrepareProposal, Stop> {
        let prepare = Prepare {
            height: convert::height(prepare.height)?,
            time: convert::time(prepare.time)?,
            now: now(),
            txs: convert::txs(prepare.txs),
            // The node has counted what surrounds each transaction; some of them are never too many.
            bytes_max: usize::try_from(prepare.max_tx_bytes).unwrap_or(0),
        };
        let txs = self.consensus(connection)?.app.prepare_proposal(&prepare);
        Ok(abci::ResponsePrepareProposal { txs: txs.into_iter().map(Into::into).collect() })
    }

    fn process(
        &self,
        connection: u64,
        process: abci::RequestProcessProposal,
    ) -> Result<abci::ResponseProcessProposal, Stop> {
        let (height, time) = (convert::height(process.height)?, convert::time(process.time)?);
        let txs = convert::txs(process.txs);
        let accepted = self.consensus(connection)?.app.process_proposal(&Process { height, time, txs: &txs });
        let status = if accepted { ProposalStatus::Accept } else { ProposalStatus::Reject };
        Ok(abci::ResponseProcessProposal { status: status.into() })
    }

    fn finalize(
        &self,
        connection: u64,
        block: abci::RequestFinalizeBlock,
    ) -> Result<abci::ResponseFinalizeBlock, Stop> {
        let (height, time, hash) =
            (convert::height(block.height)?, convert::time(block.time)?, convert::hash(&block.hash)?);
        let txs = convert::txs(block.txs);
        let finalized = self.consensus(connection)?.app.finalize_block(&Block { height, time, hash, txs: &txs })?;
        tracing::debug!(%height, txs = txs.len(), app_hash = %finalized.app_hash, "a block was carried out");
        Ok(convert::finalized(finalized))
    }
}

/// The proposer's clock.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).ok();
    seconds.and_then(|seconds| Time::new(seconds, since.subsec_nanos())).unwrap_or(Time::UNIX_EPOCH)
}
