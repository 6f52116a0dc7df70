//! Draws up an agreement's terms: from what a caller asks, by the rule for agreements of its kind, to the deed that an
//! officer approves. Pure but for the randomness of id and salt.
//! It refuses to know the store, the wire, and who asks.

use super::stored::{Private, PrivateParty, StoredAgreement};
use crate::error::{ApiError, Reason};
use crate::triggers::AgreementKind;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::agreement::{Act, Deed, Instalment, Party, PaymentsAt, Terms};
use comity_model::record::Field;
use comity_model::{AgreementId, AssetHandle, ChainId, ClientId, Hash, MemberId, RequestId, RuleId, Time};
use comity_verify::agreement as verify;
use comity_verify::seal;

/// Domain tag of the digest by which two requests are the same. Never leaves the gateway.
const TAG_REQUEST: &str = "comity/agreement-request/v1";

/// What a caller asks for. Its canonical bytes are what makes two requests the same.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct TermsRequest {
    /// The caller's id of it.
    pub(crate) request: RequestId,
    /// The rule for agreements of its kind.
    pub(crate) rule: RuleId,
    /// The parties.
    pub(crate) parties: Vec<PrivateParty>,
    /// The instalments, by due date.
    pub(crate) instalments: Vec<Instalment>,
    /// Who keeps the designated account.
    pub(crate) payments_at: MemberId,
    /// The account's handle there.
    pub(crate) account: AssetHandle,
    /// SHA-256 of the text.
    pub(crate) text_digest: Hash,
    /// How long a judge may stop what default opens, in seconds; `None` for the rule's.
    pub(crate) hold_s: Option<u64>,
    /// What drafts of orders need, sorted by name.
    pub(crate) case: Vec<Field>,
}

impl TermsRequest {
    /// The digest by which two requests are the same.
    pub(crate) fn digest(&self) -> Hash {
        seal::digest(TAG_REQUEST, self)
    }
}

/// Draws the agreement up, with a fresh id and salt.
pub(crate) fn draw_up(
    request: &TermsRequest,
    kind: &AgreementKind,
    (chain, court): (&ChainId, &MemberId),
    client: ClientId,
    now: Time,
) -> Result<StoredAgreement, ApiError> {
    let (id, salt) = (AgreementId(random()?), random()?);
    let hold_s = request.hold_s.unwrap_or(kind.hold_s);
    let parties = request
        .parties
        .iter()
        .map(|party| Party { role: party.role, commitment: verify::party(&salt, &party.name, &party.id_number) });
    let terms = Terms {
        text: verify::text(&salt, &request.text_digest),
        parties: parties.collect(),
        instalments: request.instalments.clone(),
        payments: PaymentsAt { client, sector: kind.payments.clone(), account: request.account },
        rule: request.rule.clone(),
        rule_digest: kind.digest,
        opens: kind.opens,
        opens_confirmed: kind.opens_confirmed,
        hold_s,
    };
    let to_come = terms.instalments.first().is_some_and(|first| first.due_at > now.unix_seconds());
    if !terms.is_well_formed() || !to_come || hold_s < kind.hold_s {
        let message = "An agreement has 2 to 16 different parties of both roles, 1 to 120 instalments of one currency by \
                       ascending due dates, the first to come, and a hold period as long as its rule's, at most 90 days.";
        return Err(ApiError::new(Reason::AgreementTerms, message));
    }
    Ok(StoredAgreement {
        id,
        request: request.request,
        request_digest: request.digest(),
        payments_at: request.payments_at.clone(),
        private: Private {
            salt,
            text_digest: request.text_digest,
            parties: request.parties.clone(),
            case: request.case.clone(),
        },
        deed: Deed { chain: chain.clone(), court: court.clone(), agreement: id, act: Act::Conclude(terms) },
        sealed: None,
        entry: None,
        proven: None,
        told: None,
        created_at: now,
        revision: 1,
    })
}

fn random<const N: usize>() -> Result<[u8; N], ApiError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ApiError::fault("the operating system gives no randomness"))?;
    Ok(bytes)
}
