//! A deposit's proof as a bundle: from the earliest head that has it, the way there, and what its reader may see. It is
//! verified before it leaves.

use super::heads::{Head, HeadBook};
use super::log_failed;
use super::witnesses::Witnesses;
use crate::error::{ApiError, Reason};
use crate::view::{HomeState, Standing};
use comity_adapters_ports::Prover;
use comity_deposits::{Log, Stored};
use comity_model::deposit::{Content, Entry, Statement};
use comity_model::member::Member;
use comity_model::state::StatePath;
use comity_model::{ClientId, MemberId, Time, decode};
use comity_verify::bundle::{Bundle, Claim, Link, Verdict};
use comity_verify::deposit::{BatchSeal, Deposited};
use comity_verify::light::TrustedHeader;
use comity_verify::merkle::TreeHead;
use comity_verify::witnessed::{Grown, SignedCheckpoint, StampedCheckpoint, StampedDeposit, WitnessedDeposit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes proofs of deposits.
pub(crate) struct DepositProver {
    pub(crate) institution: MemberId,
    pub(crate) log: Arc<Log>,
    pub(crate) book: HeadBook,
    pub(crate) home: HomeState,
    pub(crate) prover: Arc<dyn Prover>,
    /// The clients over which the own chain knows other institutions.
    pub(crate) clients: BTreeMap<MemberId, ClientId>,
    /// Nothing where no policy names any.
    pub(crate) witnesses: Option<Arc<Witnesses>>,
}

impl DepositProver {
    /// The bundle of a deposit, with or without what its depositor states.
    ///
    /// # Errors
    /// `DEPOSIT_PENDING` as long as the chain has not taken it up; `LOG_FAILED`; those of chain and view.
    pub(crate) async fn bundle(
        &self,
        index: u64,
        (entry, stored): (Entry, Stored),
        with_statement: bool,
        now: Time,
    ) -> Result<(Vec<u8>, Verdict), ApiError> {
        let head = self.head(index).await?;
        let seal = self.seal(index, &stored, head.header).await?;
        let statement = with_statement.then_some(stored.statement);
        self.put_together(&head, (index, entry), Some(stored.content), statement, seal, now).await
    }

    /// The bundle of an entry without statement and depositor; without content it says no more than that the entry stands.
    ///
    /// # Errors
    /// As [`Self::bundle`].
    pub(crate) async fn bare(
        &self,
        index: u64,
        entry: Entry,
        content: Option<Content>,
        now: Time,
    ) -> Result<Vec<u8>, ApiError> {
        let head = self.head(index).await?;
        let (bundle, _) = self.put_together(&head, (index, entry), content, None, None, now).await?;
        Ok(bundle)
    }

    async fn put_together(
        &self,
        head: &Head,
        (index, entry): (u64, Entry),
        content: Option<Content>,
        statement: Option<Statement>,
        seal: Option<BatchSeal>,
        now: Time,
    ) -> Result<(Vec<u8>, Verdict), ApiError> {
        let (log, size) = (self.log.clone(), head.log.size);
        let path = tokio::task::spawn_blocking(move || log.inclusion(index, size)).await.map_err(ApiError::fault)?;
        let deposit = Deposited {
            keeper: self.institution.clone(),
            log: head.log,
            index,
            path: path.map_err(log_failed)?,
            entry,
            content,
            statement,
            seal,
        };
        let claim = self.claim(deposit).await?;
        let (anchor, link) = self.link(head).await?;
        let bundle = Bundle { anchor, link, claim, proof: head.proof.clone() };
        let view = self.home.view();
        let verdict = bundle.verify(view.anchor(), now).map_err(|refusal| view.refused(&refusal))?;
        Ok((bundle.encode(), verdict))
    }

    /// The deposit with what others say of its log.
    async fn claim(&self, deposit: Deposited) -> Result<Claim, ApiError> {
        let size = deposit.log.size;
        let (witnessed, stamped) = (self.witnessed(size).await?, self.stamped(size).await?);
        Ok(match (witnessed, stamped) {
            (None, None) => Claim::Deposit(deposit),
            (Some(witnessed), None) => Claim::Witnessed(WitnessedDeposit { deposit, witnessed }),
            (witnessed, Some(stamped)) => Claim::Stamped(StampedDeposit { deposit, stamped, witnessed }),
        })
    }

    /// The earliest checkpoint of `old` entries or more that the policy's witnesses have cosigned, if there is one.
    async fn witnessed(&self, old: u64) -> Result<Option<SignedCheckpoint>, ApiError> {
        let Some(policy) = self.witnesses.as_ref().map(|witnesses| &witnesses.policy) else { return Ok(None) };
        let Some((size, signed)) = self.book.witnessed(old, policy).await? else { return Ok(None) };
        let tree = self.grown(old, size).await?;
        let mut signatures = signed.witnesses;
        signatures.push(signed.log);
        signatures.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Some(SignedCheckpoint { tree, signatures }))
    }

    /// The earliest checkpoint of `old` entries or more that was stamped, if there is one: also where no authority is asked any more.
    async fn stamped(&self, old: u64) -> Result<Option<StampedCheckpoint>, ApiError> {
        let Some(stamped) = self.book.stamped(old).await? else { return Ok(None) };
        Ok(Some(StampedCheckpoint { tree: self.grown(old, stamped.size).await?, token: stamped.token }))
    }

    async fn grown(&self, old: u64, size: u64) -> Result<Grown, ApiError> {
        let log = self.log.clone();
        let grown = move || Ok::<_, comity_deposits::LogFault>((log.head_at(size)?, log.consistency(old, size)?));
        let (head, growth) = tokio::task::spawn_blocking(grown).await.map_err(ApiError::fault)?.map_err(log_failed)?;
        Ok(Grown { size, root: head.root, growth })
    }

    /// The earliest head that has a deposit.
    pub(super) async fn head(&self, index: u64) -> Result<Head, ApiError> {
        self.book.with(index).await?.ok_or_else(|| {
            let message = "The chain has not taken this deposit up yet: its proof is there after the next block.";
            ApiError::new(Reason::DepositPending, message)
        })
    }

    /// Forward to a header since the anchor; back through the tree of headers to one before it.
    async fn link(&self, head: &Head) -> Result<(comity_verify::comet::Header, Link), ApiError> {
        let view = self.home.view();
        if head.header >= view.anchor().height {
            let (anchor, steps) = view.link(head.header).await?;
            return Ok((anchor.header, Link::Forward { steps }));
        }
        let latest = view.fresh().await?;
        let (anchor, steps) = view.link(latest.height()).await?;
        let stood = self.home.under(&StatePath::Headers, latest).await?;
        let missing = || ApiError::fault("the chain's state has no tree of headers");
        let tree: TreeHead = match &stood.what {
            Standing::Value(value) => decode("a tree of headers", value.value()).map_err(ApiError::fault)?,
            Standing::Nothing(_) => return Err(missing()),
        };
        let header = view.block(head.header).await?.header.clone();
        let path = self.prover.header_proof(head.header, tree.size).await?;
        Ok((anchor.header, Link::Archive { steps, tree, tree_proof: stood.proof, header, path }))
    }

    /// The depositor's seal, where the chain's state still shows its key under the head's header; a seal that cannot be shown
    /// is left out, and the deposit is proven all the same.
    async fn seal(
        &self,
        index: u64,
        stored: &Stored,
        header: comity_model::Height,
    ) -> Result<Option<BatchSeal>, ApiError> {
        let Some((batch, signature)) = stored.seal.clone() else { return Ok(None) };
        let client = if batch.depositor == self.institution {
            None
        } else {
            match self.clients.get(&batch.depositor) {
                Some(client) => Some(client.clone()),
                None => return Ok(None),
            }
        };
        let path = match &client {
            None => StatePath::Member(batch.depositor.clone()),
            Some(client) => StatePath::Foreign(client.clone(), batch.depositor.clone()),
        };
        let header: TrustedHeader = self.home.view().header(header).await?;
        // The state of long ago is no longer kept by every node.
        let Ok(stood) = self.home.under(&path, header).await else { return Ok(None) };
        let Standing::Value(value) = &stood.what else { return Ok(None) };
        let member: Member = decode("a member", value.value()).map_err(ApiError::fault)?;
        let (log, first, count) = (self.log.clone(), stored.batch_first, stored.batch_count);
        let path = tokio::task::spawn_blocking(move || log.batch_path(index, first, count)).await;
        let path = path.map_err(ApiError::fault)?.map_err(log_failed)?;
        let place = u32::try_from(index.saturating_sub(first)).unwrap_or(u32::MAX);
        Ok(Some(BatchSeal { batch, place, path, signature, member, client, proof: stood.proof }))
    }
}
