//! Takes deposits: what was sent is checked, salted, sealed, and handed to the log; the answer waits for the disk.
//! It refuses a batch of another institution that is not under that one's own seal.

use super::convert::{self, circumstances};
use super::publish::Standings;
use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::keeper::signer_failed;
use crate::members::Directory;
use crate::peers::Peers;
use crate::policy::{MakeDeposit, Permit};
use crate::signer::SignerClient;
use crate::view::HomeState;
use comity_deposits::{Appended, Batch, Deposit, Log, Refused};
use comity_model::deposit::{Circumstances, DepositBatch};
use comity_model::seal::Signature;
use comity_model::{Hash, MemberId, decode};
use comity_proto::v1;
use comity_verify::{deposit, merkle};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// The desk.
pub(crate) struct DepositDesk {
    pub(crate) institution: MemberId,
    pub(crate) log: Arc<Log>,
    pub(crate) standings: Arc<Standings>,
    pub(crate) home: HomeState,
    pub(crate) directory: Arc<Directory>,
    pub(crate) peers: Peers,
    pub(crate) signer: SignerClient,
    pub(crate) clock: Clock,
}

/// What became of a batch.
pub(crate) struct Taken {
    pub(crate) appended: Option<Appended>,
    pub(crate) existing: Vec<v1::ExistingDeposit>,
}

impl DepositDesk {
    /// Takes a batch; durable when this returns.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, `REQUEST_CONFLICT`, `SEAL_REFUSED`, `LOG_BUSY`, `LOG_FAILED`; those of the signer and of proving a
    /// depositor's key.
    pub(crate) async fn take(
        &self,
        permit: &Permit<MakeDeposit>,
        request: v1::BatchCreateDepositsRequest,
    ) -> Result<Taken, ApiError> {
        let caller = permit.caller();
        self.ready()?;
        let Ok(request_id) = <[u8; 16]>::try_from(request.request_id.as_slice()) else {
            return Err(ApiError::argument("request_id", "A request id is 16 random bytes of the caller's choice."));
        };
        let stated = circumstances(request.circumstances.clone(), &caller.institution)?;
        let leave_out = match request.if_deposited() {
            v1::IfDeposited::DepositAgain => false,
            v1::IfDeposited::LeaveOut => true,
            v1::IfDeposited::Unspecified => {
                let message = "Say what becomes of files that were deposited before: DEPOSIT_AGAIN or LEAVE_OUT.";
                return Err(ApiError::argument("if_deposited", message));
            }
        };
        let seal = self.seal_of(caller, &request.seal, leave_out)?;
        let (items, sealed) = (request.items, seal.is_some());
        let (log, depositor) = (self.log.clone(), caller.institution.clone());
        let at = self.clock.now().unix_seconds();
        let key = merkle::leaf_hash(&[caller.institution.as_str().as_bytes(), b"\0", &request_id].concat());
        // Hashes and look-ups of ten thousand files: no work for the threads that serve others.
        let prepared =
            tokio::task::spawn_blocking(move || prepare(&log, &depositor, items, &stated, leave_out, sealed));
        let (deposits, stated, existing) = prepared.await.map_err(ApiError::fault)??;
        if deposits.is_empty() {
            return Ok(Taken { appended: None, existing });
        }
        let batch = tokio::task::spawn_blocking(move || Batch::new(deposits, stated, at));
        let batch = batch.await.map_err(ApiError::fault)?.ok_or_else(|| {
            ApiError::argument("items", "A text is longer than 1,024 bytes, or has control characters.")
        })?;
        let batch = self.sealed(caller, batch.for_request(key), seal).await?;
        Ok(Taken { appended: Some(self.append(batch).await?), existing })
    }

    /// Whether the log takes deposits: its chain must know no other head than the log's own.
    fn ready(&self) -> Result<(), ApiError> {
        if self.standings.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let message = "The log has not been compared with its chain yet, or is not the one that the chain knows.";
        Err(ApiError::new(Reason::LogNotReady, message))
    }

    fn seal_of(&self, caller: &Caller, seal: &[u8], leave_out: bool) -> Result<Option<Signature>, ApiError> {
        if seal.is_empty() {
            if caller.institution == self.institution {
                return Ok(None);
            }
            return Err(ApiError::argument("seal", "Another institution's batch is deposited under its own seal."));
        }
        if leave_out {
            return Err(ApiError::argument("if_deposited", "A sealed batch is taken whole: DEPOSIT_AGAIN."));
        }
        let seal = decode("a seal", seal).map_err(|_| ApiError::argument("seal", "This is no seal."))?;
        Ok(Some(seal))
    }

    /// The batch under its depositor's seal: the one that came with it, checked, or that of the own signer.
    async fn sealed(&self, caller: &Caller, batch: Batch, seal: Option<Signature>) -> Result<Batch, ApiError> {
        let what = DepositBatch {
            chain: self.home.view().chain().clone(),
            keeper: self.institution.clone(),
            depositor: caller.institution.clone(),
            count: u32::try_from(batch.leaves().len()).unwrap_or(u32::MAX),
            root: merkle::root_of_hashes(batch.leaves()),
        };
        let Some(signature) = seal else {
            let signature = self.signer.seal_deposits(what.clone()).await.map_err(signer_failed)?;
            return Ok(batch.under(what, signature));
        };
        let member = if caller.institution == self.institution {
            self.directory.own_member().await?
        } else {
            self.directory.member(self.peers.peer(&caller.institution)?).await?
        };
        let accepted = self.home.view().anchor().suites;
        deposit::sealed(&what, batch.leaves(), &member, &signature, accepted).map_err(|refusal| {
            let message =
                "The seal is not the depositor's over these entries: digests, sizes, statements, salts, their order.";
            ApiError::new(Reason::SealRefused, message).with("rule", refusal.code())
        })?;
        Ok(batch.under(what, signature))
    }

    async fn append(&self, batch: Batch) -> Result<Appended, ApiError> {
        let (told, appended) = oneshot::channel();
        // Nobody who waits no longer needs to be told.
        let done = move |outcome| drop(told.send(outcome));
        self.log.append(batch, done).map_err(|_| {
            ApiError::new(Reason::LogBusy, "Too many deposits wait to be written. Ask again with the same request id.")
        })?;
        match appended.await.map_err(ApiError::fault)? {
            Ok(appended) => Ok(appended),
            Err(Refused::Conflict) => {
                Err(ApiError::new(Reason::RequestConflict, "The request id was used for other deposits."))
            }
            Err(Refused::Failed(fault)) => {
                let message = "The log cannot be written: whether this batch is in it is not known. Ask again with the same \
                               request id once it is repaired.";
                Err(ApiError::new(Reason::LogFailed, message).because(fault))
            }
        }
    }
}

type Prepared = (Vec<Deposit>, Circumstances, Vec<v1::ExistingDeposit>);

/// The deposits that are to be made, and the items that are there already.
fn prepare(
    log: &Log,
    depositor: &MemberId,
    items: Vec<v1::DepositItem>,
    stated: &Circumstances,
    leave_out: bool,
    sealed: bool,
) -> Result<Prepared, ApiError> {
    if !(1..=Batch::COUNT_MAX).contains(&items.len()) {
        return Err(ApiError::argument("items", format!("A batch has 1 to {} files.", Batch::COUNT_MAX)));
    }
    let mut salts = vec![0; if sealed { 0 } else { 32 * items.len() }];
    getrandom::fill(&mut salts).map_err(ApiError::fault)?;
    let mut salts = salts.as_chunks::<32>().0.iter();
    let (mut deposits, mut existing) = (Vec::with_capacity(items.len()), Vec::new());
    for (number, item) in (0u32..).zip(items) {
        let deposit = convert::deposit(number, item, salts.next())?;
        if leave_out && let Some(index) = deposited(log, depositor, &deposit.content.sha256)? {
            existing.push(v1::ExistingDeposit { item: number, index });
            continue;
        }
        deposits.push(deposit);
    }
    Ok((deposits, stated.clone(), existing))
}

/// The newest deposit of a file by this depositor.
fn deposited(log: &Log, depositor: &MemberId, sha256: &Hash) -> Result<Option<u64>, ApiError> {
    let found = log.find(sha256, super::FOUND_MAX).map_err(super::log_failed)?;
    let own = found.into_iter().find(|found| found.stored.statement.circumstances.depositor == *depositor);
    Ok(own.map(|found| found.index))
}
