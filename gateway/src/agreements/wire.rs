//! Agreements between wire and domain: decode once, encode once.
//! It refuses to decide anything beyond the form of what it reads.

use super::stored::{PrivateParty, StoredAgreement};
use super::terms::TermsRequest;
use crate::convert::{self, amount_to_wire, field_to_wire, seconds_to_wire, time_to_wire};
use crate::convert_order::{self, Operators};
use crate::error::{ApiError, Reason};
use comity_model::agreement::{
    AgreementEntry, AgreementState, Fact, INSTALMENTS_MAX, Instalment, Opens, PARTIES_MAX, PartyRole, Payment, Terms,
};
use comity_model::order::Approval;
use comity_model::seal::Signature;
use comity_model::{AgreementId, Hash, RuleId};
use comity_proto::v1;
use comity_verify::agreement::{TAG_DEED, reference};
use comity_verify::seal::signing_bytes;
use prost_types::Duration as WireDuration;

/// Most fields of a case, and longest text about a party, in bytes.
const CASE_MAX: usize = 256;
const PARTY_TEXT_MAX: usize = 512;

/// Reads `CreateAgreementRequest`.
pub(super) fn terms_request(request: v1::CreateAgreementRequest) -> Result<TermsRequest, ApiError> {
    if request.parties.len() > PARTIES_MAX || request.instalments.len() > INSTALMENTS_MAX {
        return Err(ApiError::new(Reason::AgreementTerms, "There are too many parties or instalments."));
    }
    if request.case_fields.len() > CASE_MAX {
        return Err(ApiError::argument("case_fields", "There are too many fields."));
    }
    let mut case = request.case_fields.into_iter().map(convert::field_from_wire).collect::<Result<Vec<_>, _>>()?;
    case.sort_by(|a, b| a.name.cmp(&b.name));
    if case.windows(2).any(|pair| matches!(pair, [a, b] if a.name == b.name)) {
        return Err(ApiError::argument("case_fields", "A field stands twice."));
    }
    let hold_s = match request.hold {
        None => None,
        Some(WireDuration { seconds, nanos: 0 }) if seconds >= 0 => u64::try_from(seconds).ok(),
        Some(_) => return Err(ApiError::argument("hold", "A whole number of seconds, not negative.")),
    };
    Ok(TermsRequest {
        request: convert_order::request_id(&request.request_id)?,
        rule: rule_name(&request.rule)?,
        parties: request.parties.into_iter().map(party).collect::<Result<_, _>>()?,
        instalments: request.instalments.iter().map(instalment).collect::<Result<_, _>>()?,
        payments_at: convert_order::member(&request.payments_at)?,
        account: convert_order::parsed("account", &request.account)?,
        text_digest: digest("text_digest", &request.text_digest)?,
        hold_s,
        case,
    })
}

fn party(party: v1::AgreementParty) -> Result<PrivateParty, ApiError> {
    let role = match party.role() {
        v1::agreement_party::Role::Creditor => PartyRole::Creditor,
        v1::agreement_party::Role::Debtor => PartyRole::Debtor,
        v1::agreement_party::Role::Unspecified => {
            return Err(ApiError::argument("parties", "A party is a creditor or a debtor."));
        }
    };
    let fits =
        |text: &String| !text.trim().is_empty() && text.len() <= PARTY_TEXT_MAX && !text.contains(char::is_control);
    if ![&party.name, &party.id_type, &party.id_number].into_iter().all(fits) {
        return Err(ApiError::argument("parties", "A party has a name, a kind of document and its number."));
    }
    Ok(PrivateParty { role, name: party.name, id_type: party.id_type, id_number: party.id_number })
}

fn instalment(wire: &v1::Instalment) -> Result<Instalment, ApiError> {
    let bad =
        || ApiError::argument("instalments", "An instalment has an amount in an ISO 4217 currency and a due time.");
    let amount = wire.amount.as_ref().and_then(convert::amount_from_wire).ok_or_else(bad)?;
    let due_at = wire.due_time.as_ref().and_then(convert::seconds_from_wire).ok_or_else(bad)?;
    Ok(Instalment { amount, due_at })
}

/// Reads `rules/{rule}`.
fn rule_name(name: &str) -> Result<RuleId, ApiError> {
    let id = name.strip_prefix("rules/").and_then(|id| id.parse().ok());
    id.ok_or_else(|| ApiError::new(Reason::MalformedName, "The name must be rules/ and a rule's id."))
}

/// Reads `agreements/{agreement}`.
pub(super) fn agreement_name(name: &str) -> Result<AgreementId, ApiError> {
    let id = name.strip_prefix("agreements/").and_then(|id| id.parse().ok());
    id.ok_or_else(|| ApiError::new(Reason::MalformedName, "The name must be agreements/ and 32 hex digits."))
}

/// Reads an officer's signature.
pub(crate) fn approval(officer: &str, signature: &[u8]) -> Result<Approval, ApiError> {
    let signature = signature.try_into().map_err(|_| ApiError::argument("signature", "A signature is 64 bytes."))?;
    Ok(Approval { officer: convert_order::parsed("officer", officer)?, signature: Signature::ed25519(signature) })
}

/// Reads a digest.
pub(super) fn digest(field: &'static str, bytes: &[u8]) -> Result<Hash, ApiError> {
    bytes.try_into().map(Hash).map_err(|_| ApiError::argument(field, "A digest is 32 bytes."))
}

/// Writes an agreement, without parties and case.
pub(super) fn agreement(stored: &StoredAgreement, operators: &Operators) -> Result<v1::Agreement, ApiError> {
    let terms = stored.terms().ok_or_else(|| ApiError::fault("an agreement without terms"))?;
    let entry = stored.entry.as_ref();
    let waits = stored.sealed.is_none() && entry.is_none();
    Ok(v1::Agreement {
        name: format!("agreements/{}", stored.id),
        state: state(stored).into(),
        request_id: uuid::Uuid::from_bytes(stored.request.0).to_string(),
        rule: format!("rules/{}", terms.rule),
        payments_at: format!("members/{}", stored.payments_at),
        account: terms.payments.account.to_string(),
        instalments: standings(stored, terms),
        hold: Some(WireDuration { seconds: i64::try_from(terms.hold_s).unwrap_or(i64::MAX), nanos: 0 }),
        signing_bytes: if waits { signing_bytes(TAG_DEED, &stored.deed) } else { Vec::new() },
        confirmation: entry.and_then(|entry| entry.confirmation.as_ref()).map(|known| v1::AgreementConfirmation {
            ruling: known.ruling.0.to_vec(),
            officer: known.officer.to_string(),
            time: Some(seconds_to_wire(known.at)),
        }),
        default: entry.and_then(|entry| entry.default.as_ref()).map(|known| v1::AgreementDefault {
            instalment: known.instalment.into(),
            fact: Some(fact(&known.fact)),
            time: Some(seconds_to_wire(known.at)),
            opens_time: Some(seconds_to_wire(known.opens_at)),
        }),
        stop: entry.and_then(|entry| entry.stop.as_ref()).map(|known| v1::AgreementStop {
            reason: known.reason.to_string(),
            ruling: known.ruling.0.to_vec(),
            officer: known.officer.to_string(),
            time: Some(seconds_to_wire(known.at)),
        }),
        filing: entry.and_then(|entry| entry.filing.as_ref()).map(|known| v1::AgreementFiling {
            opens: opens_name(known.opens).into(),
            time: Some(seconds_to_wire(known.opened_at)),
            height: known.height.0,
            unpaid: Some(amount_to_wire(&known.unpaid)),
        }),
        proof: stored.proven.as_ref().map(|under| convert_order::proof(under, operators)),
        create_time: Some(time_to_wire(stored.created_at)),
        revision: stored.revision,
        parties: Vec::new(),
        case_fields: Vec::new(),
        commitments: terms.parties.iter().map(|party| party.commitment.0.to_vec()).collect(),
    })
}

/// Adds who the parties are, and the case.
pub(super) fn open(shown: &mut v1::Agreement, stored: &StoredAgreement) {
    shown.parties = stored
        .private
        .parties
        .iter()
        .map(|party| v1::AgreementParty {
            role: match party.role {
                PartyRole::Creditor => v1::agreement_party::Role::Creditor,
                PartyRole::Debtor => v1::agreement_party::Role::Debtor,
            }
            .into(),
            name: party.name.clone(),
            id_type: party.id_type.clone(),
            id_number: party.id_number.clone(),
        })
        .collect();
    shown.case_fields = stored.private.case.iter().map(field_to_wire).collect();
}

/// What a default opens, as the API and rules write it.
pub(crate) const fn opens_name(opens: Opens) -> &'static str {
    match opens {
        Opens::Trial => "TRIAL",
        Opens::Enforcement => "ENFORCEMENT",
    }
}

fn state(stored: &StoredAgreement) -> v1::agreement::State {
    match (&stored.entry, &stored.sealed) {
        (None, None) => v1::agreement::State::AwaitingApproval,
        (None, Some(_)) => v1::agreement::State::Committing,
        (Some(AgreementEntry { state, .. }), _) => match state {
            AgreementState::InForce => v1::agreement::State::InForce,
            AgreementState::Performed => v1::agreement::State::Performed,
            AgreementState::Defaulted => v1::agreement::State::Defaulted,
            AgreementState::Stopped => v1::agreement::State::Stopped,
            AgreementState::Opened => v1::agreement::State::Opened,
        },
    }
}

fn standings(stored: &StoredAgreement, terms: &Terms) -> Vec<v1::InstalmentStanding> {
    let known = stored.entry.as_ref().map(|entry| entry.instalments.as_slice()).unwrap_or_default();
    let court = &stored.deed.court;
    let all = terms.instalments.iter().zip(0u16..).map(|(instalment, number)| {
        let standing = known.get(usize::from(number));
        v1::InstalmentStanding {
            amount: Some(amount_to_wire(&instalment.amount)),
            due_time: Some(seconds_to_wire(instalment.due_at)),
            reference: reference(&terms.payments.account, court, &stored.id, number).to_string(),
            due: standing.is_some_and(|standing| standing.due),
            paid: standing.and_then(|standing| standing.paid.as_ref()).map(payment),
        }
    });
    all.collect()
}

fn payment(paid: &Payment) -> v1::AgreementPayment {
    v1::AgreementPayment {
        amount: Some(amount_to_wire(&paid.amount)),
        time: Some(seconds_to_wire(paid.paid_at)),
        fact: Some(fact(&paid.fact)),
    }
}

fn fact(fact: &Fact) -> v1::AgreementFact {
    v1::AgreementFact {
        chain_id: fact.chain.to_string(),
        header_height: fact.height.0,
        header_hash: fact.header_hash.0.to_vec(),
        header_time: Some(time_to_wire(fact.time)),
        noted_height: fact.noted.0,
    }
}
