//! From a request to the application and back. Consensus goes through the one [`App`], block by block; checks and
//! questions go to its [`Reader`] and are answered while a block is carried out.
//!
//! Knows no socket. The clock is read in one place, and only to leave transactions out of a proposal.

use crate::convert;
use crate::fault::Stop;
use crate::genesis;
use crate::restore;
use crate::snapshots::Snapshots;
use comity_ledger_app::snapshots::{FORMAT, Restoring};
use comity_ledger_app::{App, Block, Prepare, Process, Query, Reader, abci::APP_VERSION};
use comity_model::{ChainId, Time};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tendermint_proto::v0_38::abci::request::Value as Ask;
use tendermint_proto::v0_38::abci::response::Value as Answer;
use tendermint_proto::v0_38::abci::response_process_proposal::ProposalStatus;
use tendermint_proto::v0_38::abci::response_verify_vote_extension::VerifyStatus;
use tendermint_proto::v0_38::abci::{self, MisbehaviorType, Request};

/// The application as connections call it.
pub(crate) struct Application {
    chain: ChainId,
    reader: Reader,
    snapshots: Snapshots,
    consensus: Mutex<Consensus>,
}

/// What only one node at a time may use.
struct Consensus {
    app: App,
    /// The connection that uses it, until it closes.
    held_by: Option<u64>,
    /// The snapshot that is being taken, before there are blocks.
    restoring: Option<Restoring>,
}

impl Application {
    pub(crate) fn new(app: App, chain: ChainId, snapshots: Snapshots) -> Self {
        let reader = app.reader();
        Self { chain, reader, snapshots, consensus: Mutex::new(Consensus { app, held_by: None, restoring: None }) }
    }

    /// Ends what goes on beside the requests.
    pub(crate) fn stop(&self) {
        self.snapshots.stop();
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
                let mut consensus = self.consensus(connection)?;
                consensus.app.commit()?;
                // Before the next block: a snapshot is of this one.
                self.snapshots.committed(&self.reader)?;
                // Every block is kept: who wants to may carry them all out again.
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
            Ask::ListSnapshots(_) => Answer::ListSnapshots(abci::ResponseListSnapshots {
                snapshots: self.snapshots.list().iter().map(restore::listed).collect(),
            }),
            Ask::LoadSnapshotChunk(load) => {
                let format = load.format == FORMAT;
                let chunk = format.then(|| self.snapshots.chunk(load.height, load.chunk)).flatten();
                Answer::LoadSnapshotChunk(abci::ResponseLoadSnapshotChunk { chunk: chunk.unwrap_or_default().into() })
            }
            Ask::OfferSnapshot(offer) => {
                let mut consensus = self.lock();
                let (result, restoring) = restore::offered(&mut consensus.app, offer)?;
                consensus.restoring = restoring;
                Answer::OfferSnapshot(abci::ResponseOfferSnapshot { result: result.into() })
            }
            Ask::ApplySnapshotChunk(apply) => {
                let Consensus { app, restoring, .. } = &mut *self.lock();
                Answer::ApplySnapshotChunk(restore::chunk(app, restoring, &self.chain, &apply)?)
            }
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
        for misbehavior in &block.misbehavior {
            tell(misbehavior);
        }
        let txs = convert::txs(block.txs);
        let finalized = self.consensus(connection)?.app.finalize_block(&Block { height, time, hash, txs: &txs })?;
        tracing::debug!(%height, txs = txs.len(), app_hash = %finalized.app_hash, "a block was carried out");
        Ok(convert::finalized(finalized))
    }
}

/// Tells the operator that a validator signed what contradicts itself: its key is in two hands, or its keeper lies. What
/// follows is for the governors to decide; light clients freeze only when two commits exist.
fn tell(misbehavior: &abci::Misbehavior) {
    let kind = match misbehavior.r#type() {
        MisbehaviorType::DuplicateVote => "duplicate_vote",
        MisbehaviorType::LightClientAttack => "light_client_attack",
        MisbehaviorType::Unknown => "unknown",
    };
    let validator = misbehavior.validator.clone().unwrap_or_default();
    let address: String = validator.address.iter().map(|byte| format!("{byte:02X}")).collect();
    tracing::error!(
        kind,
        validator = address,
        power = validator.power,
        total_power = misbehavior.total_voting_power,
        at_height = misbehavior.height,
        "a block carries evidence against a validator: ask its keeper, and take it out of the set"
    );
    metrics::counter!("comity_chain_misbehavior_total", "kind" => kind).increment(1);
}

/// The proposer's clock.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).ok();
    seconds.and_then(|seconds| Time::new(seconds, since.subsec_nanos())).unwrap_or(Time::UNIX_EPOCH)
}
