//! The court's desk for agreements: draw up, approve, confirm, stop, look.
//! It refuses to know the wire and who may call: a caller was permitted before.

use super::book::{AgreementBook, Place};
use super::stored::StoredAgreement;
use super::terms::{self, TermsRequest};
use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::keeper::{chain_refused, signer_failed};
use crate::orders::{Home, OrderClients};
use crate::peers::Peers;
use crate::triggers::Engine;
use comity_adapters_ports::{Chain, Outcome};
use comity_model::agreement::{Act, AgreementEntry, Deed, SealedDeed};
use comity_model::member::Officer;
use comity_model::order::Approval;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{AgreementId, ChainId, Hash, Height, MemberId, ReasonCode, Time, encode};
use comity_verify::agreement as verify;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Codes of the court's chain that say that an agreement has gone too far, or not far enough.
const CHAIN_STATE: [&str; 2] = ["AGREEMENT_STATE", "AGREEMENT_ENDED"];
/// What it says of a stop after the hold period.
const STOP_LATE: &str = "STOP_LATE";

/// What the desk is made of.
pub(crate) struct DeskParts {
    /// The court.
    pub(crate) court: MemberId,
    /// Its chain.
    pub(crate) chain_id: ChainId,
    /// That chain's ports.
    pub(crate) chain: Chain,
    /// The verified view of that chain.
    pub(crate) home: Home,
    /// The institutions whose chains the court's chain follows, and the clients.
    pub(crate) clients: BTreeMap<MemberId, OrderClients>,
    /// The signer.
    pub(crate) signer: crate::signer::SignerClient,
    /// Other gateways.
    pub(crate) peers: Peers,
    /// The agreements.
    pub(crate) book: AgreementBook,
    /// The rules at work.
    pub(crate) engine: Arc<Engine>,
    /// What time it is.
    pub(crate) clock: Clock,
}

/// The court's desk for agreements.
pub(crate) struct AgreementDesk(pub(super) DeskParts);

impl AgreementDesk {
    /// A desk; nothing runs yet.
    pub(crate) const fn new(parts: DeskParts) -> Self {
        Self(parts)
    }

    /// Draws an agreement up and stores it, unless it is only to be checked. The same request again is the same one.
    pub(crate) async fn draw_up(&self, request: &TermsRequest, only_check: bool) -> Result<StoredAgreement, ApiError> {
        let body = encode(request);
        if let Some(known) = self.0.book.of_request(&request.request, &request.digest(), &body).await? {
            return Ok(known);
        }
        let kind = self.0.engine.rules().agreement(&request.rule).ok_or_else(|| {
            ApiError::new(Reason::UnknownRule, "This gateway has no such rule for agreements.")
                .with("rule", request.rule.as_str())
        })?;
        let clients = self.0.clients.get(&request.payments_at);
        let client = clients.ok_or_else(|| crate::peers::unknown(&request.payments_at))?.source_client.clone();
        let side = (&self.0.chain_id, &self.0.court);
        let fresh = terms::draw_up(request, kind, side, client, self.now())?;
        if only_check { Ok(fresh) } else { self.0.book.file(fresh, &body).await }
    }

    /// Adds the officer's approval, seals, and puts the agreement on the chain. The same approval again changes nothing.
    pub(crate) async fn approve(&self, id: &AgreementId, approval: Approval) -> Result<StoredAgreement, ApiError> {
        let stored = self.0.book.read(id).await?;
        if stored.entry.is_some() {
            return Ok(stored);
        }
        let sealed = self.seal(stored.deed.clone(), approval).await?;
        // Durable before it is submitted: a crash in between is taken up by the watcher.
        self.0
            .book
            .change(id, |stored| {
                let fresh = stored.sealed.is_none();
                if fresh {
                    stored.sealed = Some(sealed.clone());
                    stored.revision = stored.revision.saturating_add(1);
                }
                fresh
            })
            .await?;
        self.conclude(id).await
    }

    /// Submits the sealed deed that concludes an agreement, and learns what the chain then says.
    pub(super) async fn conclude(&self, id: &AgreementId) -> Result<StoredAgreement, ApiError> {
        let stored = self.0.book.read(id).await?;
        let Some(sealed) = stored.sealed.clone().filter(|_| stored.entry.is_none()) else { return Ok(stored) };
        match self.0.chain.submit.submit(vec![Message::Agree(sealed.clone())]).await? {
            Outcome::Committed { height, .. } => self.learn(id, height.next()).await,
            Outcome::Refused { code, detail } => {
                // It will not do as it is: an officer may look at it again. One that was sealed since is another's to
                // submit.
                let taken_back = |stored: &mut StoredAgreement| {
                    let same = stored.entry.is_none() && stored.sealed.as_ref() == Some(&sealed);
                    same && stored.sealed.take().is_some()
                };
                self.0.book.change(id, taken_back).await?;
                Err(chain_refused(code.as_str(), detail))
            }
        }
    }

    /// What an officer signs to confirm an agreement.
    pub(crate) fn confirmation(&self, id: &AgreementId, ruling: Hash) -> Deed {
        self.deed(id, Act::Confirm { ruling })
    }

    /// What an officer signs to stop what a default would open.
    pub(crate) fn stop(&self, id: &AgreementId, reason: ReasonCode, ruling: Hash) -> Deed {
        self.deed(id, Act::Stop { reason, ruling })
    }

    /// Seals a deed about an agreement that is on the chain, and submits it. The same again changes nothing.
    pub(crate) async fn act(&self, deed: Deed, approval: Approval) -> Result<StoredAgreement, ApiError> {
        let id = deed.agreement;
        self.0.book.read(&id).await?;
        let sealed = self.seal(deed, approval).await?;
        match self.0.chain.submit.submit(vec![Message::Agree(sealed)]).await? {
            Outcome::Committed { height, .. } => self.learn(&id, height.next()).await,
            Outcome::Refused { code, .. } if code.as_str() == STOP_LATE => {
                let message = "The hold period is over, and the chain has opened what the default opens.";
                Err(ApiError::new(Reason::StopLate, message).with("chain_reason", STOP_LATE))
            }
            Outcome::Refused { code, .. } if CHAIN_STATE.contains(&code.as_str()) => {
                let message = format!("The chain refused: {code}.");
                Err(ApiError::new(Reason::AgreementState, message).with("chain_reason", code.as_str()))
            }
            Outcome::Refused { code, detail } => Err(chain_refused(code.as_str(), detail)),
        }
    }

    /// One agreement.
    pub(crate) async fn read(&self, id: &AgreementId) -> Result<StoredAgreement, ApiError> {
        self.0.book.read(id).await
    }

    /// Agreements from the newest.
    pub(crate) async fn list(
        &self,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<StoredAgreement>, Option<Place>), ApiError> {
        self.0.book.list(after, limit).await
    }

    /// This gateway's clock.
    pub(crate) fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// Takes what the chain says of an agreement, under a header of `at_least` or more, and tells the rules.
    pub(super) async fn learn(&self, id: &AgreementId, at_least: Height) -> Result<StoredAgreement, ApiError> {
        let path = StatePath::Agreement(self.0.court.clone(), *id);
        let answer = self.0.home.state(&path, at_least).await?;
        let Some(value) = answer.value else { return self.0.book.read(id).await };
        let entry = value.decode::<AgreementEntry>("an agreement").map_err(ApiError::fault)?.into_value();
        let learn = |stored: &mut StoredAgreement| stored.learn(entry.clone(), answer.under.clone());
        let stored = self.0.book.change(id, learn).await?;
        let Some(state) = stored.entry.as_ref().map(|entry| entry.state) else { return Ok(stored) };
        if stored.told == Some(state) {
            return Ok(stored);
        }
        // Firing is idempotent: told only once it is done.
        self.0.engine.agreement_changed(&stored).await?;
        let told = |stored: &mut StoredAgreement| {
            let is_state = stored.entry.as_ref().is_some_and(|entry| entry.state == state);
            let fresh = is_state && stored.told != Some(state);
            stored.told = if fresh { Some(state) } else { stored.told };
            fresh
        };
        self.0.book.change(id, told).await
    }

    async fn seal(&self, deed: Deed, approval: Approval) -> Result<SealedDeed, ApiError> {
        let refused = || {
            ApiError::new(Reason::ApprovalRefused, "The approval is not a valid signature of an officer of this court.")
        };
        let path = StatePath::Officer(self.0.court.clone(), approval.officer.clone());
        let value = self.0.home.state(&path, Height(0)).await?.value.ok_or_else(refused)?;
        let officer = value.decode::<Officer>("officer").map_err(|_| refused())?;
        let (now, suites) = (self.now().unix_seconds(), self.0.home.suites());
        verify::approved(&deed, &approval, officer.value(), now, suites).map_err(|_| refused())?;
        let seal = self.0.signer.seal_deed(deed.clone(), approval.clone()).await.map_err(signer_failed)?;
        Ok(SealedDeed { deed, approval, seal })
    }

    fn deed(&self, id: &AgreementId, act: Act) -> Deed {
        Deed { chain: self.0.chain_id.clone(), court: self.0.court.clone(), agreement: *id, act }
    }
}
