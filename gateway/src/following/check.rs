//! The holder's own check: how the records that it holds stand on their keepers' chains, by proof, batch by batch, whether
//! their keepers deliver or not. What is later is fetched; what is proven to be later and not handed over is told as such.
//! It refuses to take silence for an answer: a check that fails is seen, and so is a chain that stands still.

use super::held::{Checked, Ending, Held, HeldBook, Source};
use super::{Following, back_off_s};
use crate::config::Clock;
use crate::convert::RecordName;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::peers::Peer;
use crate::records::{Reader, accept, astray};
use comity_model::member::MemberKind;
use comity_model::record::RecordState;
use comity_model::state::StatePath;
use comity_model::{Height, MemberId, UnixSeconds};
use comity_proto::v1;
use comity_verify::light::TrustedHeader;
use comity_verify::state::{self, Proven};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a check is due.
const TICK: Duration = Duration::from_secs(1);
/// Checks and endings that are taken on at once.
const ROUND_MAX: usize = 256;
/// Records of one question: as many as `CheckRecords` answers.
pub(crate) const CHECK_MAX: usize = 128;
/// Keepers that are asked at once.
const KEEPERS_AT_ONCE: usize = 16;
/// How old the header of an answer may be: an older one shows what stood, not what stands.
const HEADER_AGE_MAX_S: i64 = 3_600;
/// When a check that failed is made again, at the latest.
const RETRY_S: u64 = 300;

/// Checks what is held.
pub(crate) struct Checker {
    pub(crate) kind: MemberKind,
    pub(crate) book: HeldBook,
    pub(crate) reader: Arc<Reader>,
    pub(crate) following: Following,
    pub(crate) clock: Clock,
}

impl Checker {
    /// Checks what is due, and tells keepers what has ended, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                done = self.round() => if let Err(error) = done {
                    tracing::warn!(%error, "what is held could not be checked");
                },
                () = stop.cancelled() => return,
            }
        }
    }

    async fn round(&self) -> Result<(), ApiError> {
        let now = self.now();
        for ending in self.book.endings(now, ROUND_MAX).await? {
            self.tell_end(&ending, now).await?;
        }
        let mut by_keeper: BTreeMap<MemberId, Vec<Held>> = BTreeMap::new();
        for held in self.book.claim_checks(now, ROUND_MAX).await? {
            by_keeper.entry(held.holding.keeper.clone()).or_default().push(held);
        }
        let chunks = by_keeper.into_iter().flat_map(|(keeper, held)| {
            let chunks: Vec<Vec<Held>> = held.chunks(CHECK_MAX).map(<[Held]>::to_vec).collect();
            chunks.into_iter().map(move |chunk| (keeper.clone(), chunk))
        });
        futures::stream::iter(chunks)
            .for_each_concurrent(KEEPERS_AT_ONCE, |(keeper, chunk)| async move {
                if let Err(error) = self.check(&keeper, &chunk).await {
                    tracing::warn!(%keeper, %error, "what is held of a keeper's records could not be checked");
                }
            })
            .await;
        Ok(())
    }

    /// Checks one holding now.
    ///
    /// # Errors
    /// Why it could not be checked.
    pub(super) async fn check_one(&self, held: &Held) -> Result<(), ApiError> {
        self.check(&held.holding.keeper, std::slice::from_ref(held)).await
    }

    async fn check(&self, keeper: &MemberId, chunk: &[Held]) -> Result<(), ApiError> {
        let shown = match self.ask(keeper, chunk).await {
            Ok(shown) => shown,
            Err(error) => {
                for held in chunk {
                    self.failed(held, error.reason()).await?;
                }
                return Err(error);
            }
        };
        let mut first = Ok(());
        for (held, state) in chunk.iter().zip(shown) {
            let checked = match state {
                Ok(state) => self.stands(held, state).await,
                Err(error) => Err(error),
            };
            if let Err(error) = checked {
                self.failed(held, error.reason()).await?;
                first = first.and(Err(error));
            }
        }
        first
    }

    async fn failed(&self, held: &Held, reason: Reason) -> Result<(), ApiError> {
        let labels = [("keeper", held.holding.keeper.to_string()), ("reason", reason.as_str().to_owned())];
        metrics::counter!(crate::measure::CHECKS_FAILED, &labels).increment(1);
        let (id, now) = (held.holding.id(), self.now());
        self.book.checked(&id, &Checked::Failed(reason.as_str()), |_| false, now).await?;
        self.book.check_at(&id, now.plus(RETRY_S)).await
    }

    /// Each record's state as proven, under one header.
    async fn ask(
        &self,
        keeper: &MemberId,
        chunk: &[Held],
    ) -> Result<Vec<Result<Proven<RecordState>, ApiError>>, ApiError> {
        let peer = self.reader.peers.peer(keeper)?;
        let trusted = peer.view.trusted().await?;
        let records = chunk.iter().map(|held| v1::CheckedRecord {
            sector: held.holding.sector.to_string(),
            record_id: held.holding.record.to_string(),
        });
        let request = v1::CheckRecordsRequest { records: records.collect(), trusted_height: trusted.height().0 };
        let answer = peer.exchange().check_records(request).await.map_err(|status| peer.failed(&status))?.into_inner();
        let header = accept(&peer.view, keeper, &trusted, &answer.steps).await?;
        if header.height() != Height(answer.header_height) || answer.states.len() != chunk.len() {
            return Err(astray(keeper));
        }
        let age_s = self.clock.now().seconds().saturating_sub(header.time().seconds());
        if age_s > HEADER_AGE_MAX_S {
            let message = format!("The latest header that {keeper} shows is {age_s} s old.");
            return Err(ApiError::new(Reason::ProofTooOld, message).with("peer", keeper.as_str()));
        }
        let states = chunk.iter().zip(answer.states);
        Ok(states.map(|(held, state)| proven(peer, held, &header, &state)).collect())
    }

    /// Takes up what was shown; what is later is fetched.
    async fn stands(&self, held: &Held, state: Proven<RecordState>) -> Result<(), ApiError> {
        let (id, now) = (held.holding.id(), self.now());
        let late = |state: &RecordState| self.is_late(state, now);
        let withheld = late(state.value());
        let at = state.at().clone();
        let shown = Checked::Stands(state.into_value(), at);
        let Some((row, outdated)) = self.book.checked(&id, &shown, late, now).await? else { return Ok(()) };
        if !outdated {
            return Ok(());
        }
        self.fetch(&row, withheld).await
    }

    /// The later version, as its keeper hands it over to whoever reads the record.
    async fn fetch(&self, row: &Held, withheld: bool) -> Result<(), ApiError> {
        let Held { holding, fields, purpose, .. } = row;
        let name =
            RecordName { member: holding.keeper.clone(), sector: holding.sector.clone(), id: holding.record.clone() };
        let role = holding.role.parse().map_err(ApiError::fault)?;
        let caller = Caller { institution: self.reader.institution.clone(), role, kind: Some(self.kind) };
        let kept = self.reader.fetch_later(&caller, "FetchCorrection", &name, fields, purpose.clone()).await?;
        let taken = self.book.take(&holding.id(), &kept, Source::Found, withheld, self.now()).await?;
        if taken.is_some() {
            let labels = [("keeper", holding.keeper.to_string()), ("withheld", withheld.to_string())];
            metrics::counter!(crate::measure::CORRECTIONS_FOUND, &labels).increment(1);
            tracing::warn!(keeper = %holding.keeper, sector = %holding.sector, withheld,
                "a later version of a record was found that its keeper has not delivered");
        }
        Ok(())
    }

    /// Whether the keeper's time to deliver a version is over. Its own time of the version is the only one that its state has.
    fn is_late(&self, state: &RecordState, now: UnixSeconds) -> bool {
        now >= self.following.calendar.end_of(self.following.working_days, state.updated_at)
    }

    async fn tell_end(&self, ending: &Ending, now: UnixSeconds) -> Result<(), ApiError> {
        let told = async {
            let peer = self.reader.peers.peer(&ending.holding.keeper)?;
            let request = v1::EndHoldingRequest {
                sector: ending.holding.sector.to_string(),
                record_id: ending.holding.record.to_string(),
                role: ending.holding.role.clone(),
            };
            peer.exchange().end_holding(request).await.map_err(|status| peer.failed(&status))
        };
        match told.await {
            Ok(_) => self.book.ending(ending, None).await,
            Err(error) => {
                tracing::debug!(%error, "a keeper was not told that a holding has ended");
                self.book.ending(ending, Some(now.plus(back_off_s(ending.attempts.saturating_add(1))))).await
            }
        }
    }

    fn now(&self) -> UnixSeconds {
        self.clock.now().unix_seconds()
    }
}

fn proven(
    peer: &Peer,
    held: &Held,
    header: &TrustedHeader,
    shown: &v1::FetchStateResponse,
) -> Result<Proven<RecordState>, ApiError> {
    let refused = |refusal| ApiError::proof("peer", &peer.config.member, &refusal);
    let path = StatePath::Record(held.holding.sector.clone(), held.holding.record.clone());
    let value = state::membership(header, &path, &shown.value, &shown.proof).map_err(refused)?;
    value.decode::<RecordState>("record state").map_err(refused)
}
