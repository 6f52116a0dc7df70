//! The keeper's side at work: each new version of a record is owed to every holder, delivered to each with as much of it as
//! that holder's role may see, and repeated with back-off until the holder's sealed receipt is here. Several gateways over one
//! store share the work: whoever claims a delivery makes it.
//! It refuses to drop one: a deadline that passes is entered, counted and told, and the delivery goes on.

use super::holders::{Attempt, Changed, Holder, HolderBook};
use super::{Following, Holding};
use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::members::Directory;
use crate::peers::{Peer, Peers, malformed};
use crate::policy::Policy;
use crate::records::{Answerer, Question};
use crate::sectors::Sectors;
use crate::view::HomeState;
use comity_model::record::{RecordReceipt, RecordState};
use comity_model::seal::Signature;
use comity_model::state::StatePath;
use comity_model::{ChainId, FieldName, MemberId, UnixSeconds, decode};
use comity_proto::v1;
use comity_verify::following;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether there is something to do, beside being woken.
const TICK: Duration = Duration::from_secs(1);
/// Deliveries that are taken on at once.
const ROUND_MAX: usize = 256;
/// Holders that are delivered to at once.
const HOLDERS_AT_ONCE: usize = 16;

/// Delivers.
pub(crate) struct Deliverer {
    pub(crate) institution: MemberId,
    pub(crate) book: HolderBook,
    pub(crate) home: HomeState,
    pub(crate) answerer: Arc<Answerer>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) peers: Peers,
    pub(crate) policy: Arc<Policy>,
    pub(crate) sectors: Arc<Sectors>,
    pub(crate) following: Following,
    pub(crate) clock: Clock,
}

impl Deliverer {
    /// Delivers until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.book.woken() => {}
                () = tokio::time::sleep(TICK) => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                done = self.round() => if let Err(error) = done {
                    tracing::warn!(%error, "deliveries could not be made");
                },
                () = stop.cancelled() => return,
            }
        }
    }

    async fn round(&self) -> Result<(), ApiError> {
        self.owe().await?;
        let mut by_holder: BTreeMap<MemberId, Vec<Holder>> = BTreeMap::new();
        for holder in self.book.ready(self.now(), ROUND_MAX).await? {
            by_holder.entry(holder.holding.holder.clone()).or_default().push(holder);
        }
        futures::stream::iter(by_holder)
            .for_each_concurrent(HOLDERS_AT_ONCE, |(member, holders)| async move {
                if let Err(error) = self.deliver_all(&member, holders).await {
                    tracing::warn!(holder = %member, %error, "deliveries to a holder could not be written down");
                }
            })
            .await;
        Ok(())
    }

    /// Every change that stands on the chain is owed to the record's holders.
    async fn owe(&self) -> Result<(), ApiError> {
        let mut from = Vec::new();
        loop {
            let page = self.book.changes(&from).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            from = super::rows::after(last);
            let header = self.home.view().fresh().await?;
            for (_, changed) in &page {
                let path = StatePath::Record(changed.sector.clone(), changed.record.clone());
                let stood = self.home.under(&path, header.clone()).await?;
                let state = stood.what.value().map(|value| decode::<RecordState>("record state", value.value()));
                let state = state.transpose().map_err(ApiError::fault)?;
                // A version that was written down and is not committed is owed to nobody yet.
                if state.is_none_or(|state| state.version < changed.version) {
                    continue;
                }
                let changed_at = self.changed_at(changed).await?;
                let due_at = self.following.calendar.end_of(self.following.working_days, changed_at);
                self.book.owe(changed, (changed_at, due_at), self.now()).await?;
            }
        }
    }

    /// The block's time; where the block is not known, the institution's own time, which is before it.
    async fn changed_at(&self, changed: &Changed) -> Result<UnixSeconds, ApiError> {
        match changed.height {
            Some(height) => Ok(self.home.view().header_soon(height).await?.time().unix_seconds()),
            None => Ok(changed.at),
        }
    }

    /// To one holder, one after the other; once it does not answer, the others wait as well.
    async fn deliver_all(&self, member: &MemberId, holders: Vec<Holder>) -> Result<(), ApiError> {
        let mut answers = true;
        for holder in holders {
            let Some((holder, passed)) = self.book.claim(&holder, self.now()).await? else { continue };
            if passed {
                self.overdue(&holder);
            }
            let attempt = match answers {
                true => self.attempt(&holder).await.unwrap_or_else(|error| {
                    tracing::debug!(holder = %member, %error, "a delivery failed");
                    answers &= error.reason() != Reason::PeerUnavailable;
                    Attempt::Failed(error.reason().as_str())
                }),
                false => Attempt::Failed(Reason::PeerUnavailable.as_str()),
            };
            self.book.tried(&holder.holding, attempt, self.now()).await?;
        }
        Ok(())
    }

    async fn attempt(&self, holder: &Holder) -> Result<Attempt, ApiError> {
        let Holding { sector, record, holder: member, role, .. } = &holder.holding;
        let peer = self.peers.peer(member)?;
        if holder.due.as_ref().is_some_and(|due| due.attempts > 1) {
            // It did not answer before: nothing is disclosed, and filed as disclosed, before it is there.
            let there = peer.exchange().fetch_light_block(v1::FetchLightBlockRequest { height: 0 }).await;
            there.map_err(|status| peer.failed(&status))?;
        }
        let role_of = role.parse().map_err(ApiError::fault)?;
        let asker = Caller { institution: member.clone(), role: role_of, kind: Some(peer.config.kind) };
        let Some(fields) = self.fields(&asker, holder)? else { return Ok(Attempt::Ended) };
        let question = Question {
            sector: sector.clone(),
            id: record.clone(),
            fields,
            purpose: holder.purpose.clone(),
            consent: None,
            trusted: None,
        };
        let header = self.home.view().fresh().await?;
        let answer = self.answerer.disclosed_under(&asker, &question, header).await?.0;
        let sent = answer.state.as_ref().map(|state| decode::<RecordState>("record state", &state.value));
        let sent =
            sent.transpose().map_err(ApiError::fault)?.ok_or_else(|| ApiError::fault("a record has no state"))?;
        let request = v1::DeliverRecordRequest {
            sector: sector.to_string(),
            record_id: record.to_string(),
            role: role.clone(),
            record: Some(answer),
        };
        let answer = peer.exchange().deliver_record(request).await.map_err(|status| peer.failed(&status))?.into_inner();
        let (receipt, seal) = self.judged(peer, &holder.holding, &answer).await?;
        match receipt.held {
            Some(held) if held.version < sent.version || (held.version == sent.version && held.root != sent.root) => {
                Err(refused(peer, "RECEIPT_DIFFERS"))
            }
            _ => Ok(Attempt::Receipt(Box::new(receipt), seal)),
        }
    }

    /// Of what the holder asked for, what its role may see today; `None` where that is nothing. What needs its subject's
    /// consent is not sent of our own accord: a consent is for a reading.
    fn fields(&self, asker: &Caller, holder: &Holder) -> Result<Option<Vec<FieldName>>, ApiError> {
        let schema = self.sectors.sector(&holder.holding.sector);
        let schema = schema.ok_or_else(|| crate::keeper::unknown_sector(&holder.holding.sector))?;
        let wanted = holder.fields.iter().filter_map(|name| schema.record.field(name));
        let open = |field: &&crate::sectors::FieldSpec| !field.consent && (holder.purpose.is_some() || !field.personal);
        let wanted = wanted.filter(open);
        let readable = self.policy.readable(asker, &self.institution, &holder.holding.sector, wanted)?;
        Ok((holder.fields.is_empty() || !readable.is_empty()).then_some(readable))
    }

    /// The holder's receipt, if it is that: for this holding, under the seal of the holder's key as its chain has it.
    async fn judged(
        &self,
        peer: &Peer,
        holding: &Holding,
        answer: &v1::DeliverRecordResponse,
    ) -> Result<(RecordReceipt, Signature), ApiError> {
        let member = &peer.config.member;
        let receipt: RecordReceipt =
            decode("a record receipt", &answer.receipt).map_err(|error| malformed(member, error))?;
        let seal: Signature = decode("a seal", &answer.seal).map_err(|error| malformed(member, error))?;
        let ours = receipt.holding == holding.id()
            && receipt.keeper == self.institution
            && receipt.chain == *self.chain()
            && receipt.sector == holding.sector
            && receipt.record == holding.record;
        if !ours {
            return Err(refused(peer, "RECEIPT_DIFFERS"));
        }
        let entry = self.directory.member(peer).await?;
        following::receipt(&receipt, &seal, &entry, peer.view.anchor().suites)
            .map_err(|refusal| ApiError::proof("peer", member, &refusal))?;
        Ok((receipt, seal))
    }

    fn overdue(&self, holder: &Holder) {
        let Holding { sector, holder: member, .. } = &holder.holding;
        let failure = holder.due.as_ref().map_or("", |due| due.failure.as_str());
        metrics::counter!(crate::measure::DELIVERIES_LATE, "holder" => member.to_string()).increment(1);
        tracing::error!(holder = %member, %sector, delivery = hex::encode(holder.holding.id()), failure,
            "a holder has not acknowledged a correction in the time that the law gives; see `comity delivery overdue`");
    }

    fn chain(&self) -> &ChainId {
        self.home.view().chain()
    }

    fn now(&self) -> UnixSeconds {
        self.clock.now().unix_seconds()
    }
}

fn refused(peer: &Peer, reason: &'static str) -> ApiError {
    let member = &peer.config.member;
    ApiError::new(Reason::PeerRefused, format!("The receipt of {member} is refused: {reason}."))
        .with("peer", member.as_str())
        .with("peer_reason", reason)
}
