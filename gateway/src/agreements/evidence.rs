//! Brings the court's chain what the finance chain proves of an instalment: that it was paid, or that it was not.
//! It refuses to judge: what the other gateway says is proven on the court's chain, or is nothing.

use super::desk::AgreementDesk;
use super::stored::StoredAgreement;
use crate::error::{ApiError, Reason};
use comity_adapters_ports::Outcome;
use comity_model::agreement::{AgreementEntry, DefaultProof, PaymentProof, payment_field};
use comity_model::client::ClientState;
use comity_model::record::RecordState;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, UnixSeconds, decode};
use comity_proto::v1::{FetchRecordRequest, FetchRecordResponse, FetchStateResponse};
use comity_verify::agreement::reference;
use comity_verify::light::{ConsensusState, LightStep};

/// The role in which the other gateway is asked: what a payment record says is no personal data.
const ROLE: &str = "reader";
/// What the chain says when it has gone on since it was last looked at, because another gateway came first or while this one
/// was away: nothing is wrong, and there is something to learn.
const GONE_ON: [&str; 3] = ["INSTALMENT_PAID", "AGREEMENT_STATE", "AGREEMENT_ENDED"];
/// What it says when the date is not there yet.
const EARLY: &str = "DEFAULT_EARLY";
/// The record stands, and does not say that the instalment was paid.
const NO_PAYMENT: &str = "PAYMENT_RECORD";

impl AgreementDesk {
    /// Looks whether instalment `number` is paid and, if it is due, whether it is not; submits what is provable.
    pub(super) async fn bring(
        &self,
        stored: &StoredAgreement,
        entry: &AgreementEntry,
        number: u16,
    ) -> Result<Brought, ApiError> {
        let Some((instalment, _)) = entry.instalment(number) else { return Ok(Brought::Nothing) };
        let (client, answer) = self.fetch(stored, entry, number).await?;
        let state = answer.state.unwrap_or_default();
        let height = Height(state.header_height);
        let due = self.header_time(&client, &state).await?.is_some_and(|time| time >= instalment.due_at);
        let (court, agreement) = (entry.court.clone(), entry.id);
        let default =
            |evidence| Message::ProveDefault { court: court.clone(), agreement, instalment: number, evidence };
        if !state.exists {
            if !due {
                return Ok(Brought::Nothing);
            }
            let evidence = DefaultProof::Absent { proof: state.proof.clone(), height };
            return self.submit(&client, &state, default(evidence)).await;
        }
        let record: RecordState = decode("a record", &state.value).map_err(|error| malformed(stored, error))?;
        let payment = PaymentProof { record, disclosure: answer.disclosure, proof: state.proof.clone(), height };
        let paid =
            Message::ProvePayment { court: court.clone(), agreement, instalment: number, payment: payment.clone() };
        match self.submit(&client, &state, paid).await? {
            Brought::NoPayment if due => {
                let evidence = DefaultProof::Insufficient(payment);
                self.submit(&client, &state, default(evidence)).await
            }
            brought => Ok(brought),
        }
    }

    /// Asks the institution's gateway for the record of a payment, from where the court chain's client stands.
    async fn fetch(
        &self,
        stored: &StoredAgreement,
        entry: &AgreementEntry,
        number: u16,
    ) -> Result<(ClientState, FetchRecordResponse), ApiError> {
        let at = &entry.terms.payments;
        let client = self.0.home.state(&StatePath::Client(at.client.clone()), Height(0)).await?.value;
        let client = client.ok_or_else(|| ApiError::fault("an agreement's client does not exist"))?;
        let client = client.decode::<ClientState>("client").map_err(ApiError::fault)?.into_value();
        let request = FetchRecordRequest {
            consent: Vec::new(),
            sector: at.sector.to_string(),
            record_id: reference(&at.account, &entry.court, &entry.id, number).to_string(),
            fields: vec![payment_field::ACCOUNT.into(), payment_field::AMOUNT.into(), payment_field::PAID_AT.into()],
            role: ROLE.into(),
            purpose: None,
            trusted_height: client.latest.0,
        };
        let peer = self.0.peers.peer(&stored.payments_at)?;
        let answer = peer.exchange().fetch_record(request).await.map_err(|status| peer.failed(&status))?;
        Ok((client, answer.into_inner()))
    }

    /// The time of the header that an answer is under: of the last step, or as the court's chain knows it.
    async fn header_time(
        &self,
        client: &ClientState,
        state: &FetchStateResponse,
    ) -> Result<Option<UnixSeconds>, ApiError> {
        if let Some(last) = state.steps.last() {
            let step = decode::<LightStep>("a light step", last).ok();
            return Ok(step.map(|step| step.block.header.time.unix_seconds()));
        }
        let path = StatePath::Consensus(client.id.clone(), Height(state.header_height));
        let Some(known) = self.0.home.state(&path, Height(0)).await?.value else { return Ok(None) };
        let known = known.decode::<ConsensusState>("a header").map_err(ApiError::fault)?;
        Ok(Some(known.value().time.unix_seconds()))
    }

    async fn submit(
        &self,
        client: &ClientState,
        state: &FetchStateResponse,
        message: Message,
    ) -> Result<Brought, ApiError> {
        let mut messages = Vec::with_capacity(2);
        if !state.steps.is_empty() {
            messages.push(Message::UpdateClient { client: client.id.clone(), steps: state.steps.clone() });
        }
        messages.push(message);
        match self.0.chain.submit.submit(messages).await? {
            Outcome::Committed { height, .. } => Ok(Brought::Taken(height.next())),
            Outcome::Refused { code, .. } if GONE_ON.contains(&code.as_str()) => Ok(Brought::GoneOn),
            Outcome::Refused { code, .. } if code.as_str() == EARLY => Ok(Brought::Nothing),
            Outcome::Refused { code, .. } if code.as_str() == NO_PAYMENT => Ok(Brought::NoPayment),
            Outcome::Refused { code, detail } => Err(crate::keeper::chain_refused(code.as_str(), detail)),
        }
    }
}

/// What came of a look.
pub(super) enum Brought {
    /// The chain took what was brought; the header that proves it.
    Taken(Height),
    /// The chain knows more than this gateway.
    GoneOn,
    /// It is too early, or nothing is provable.
    Nothing,
    /// The record does not say that it was paid.
    NoPayment,
}

fn malformed(stored: &StoredAgreement, error: comity_model::Malformed) -> ApiError {
    ApiError::new(Reason::ProofRefused, format!("What {} sends is malformed: {error}.", stored.payments_at))
        .with("peer", stored.payments_at.as_str())
        .with("rule", "ENCODING")
}
