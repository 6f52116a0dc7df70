//! An agreement as the court's gateway keeps it: the private part, the deed that concludes it, and what was last proven of
//! it on the court's chain.
//! It refuses to know the store, the chain and the wire.

use crate::orders::ProvenUnder;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::agreement::{Act, AgreementEntry, AgreementState, Deed, PartyRole, SealedDeed, Terms};
use comity_model::record::Field;
use comity_model::{AgreementId, Hash, MemberId, RequestId, Time};

/// An agreement with everything the gateway knows of it. One row of the store.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StoredAgreement {
    /// Its id.
    pub id: AgreementId,
    /// The request that drew it up, and its digest.
    pub(crate) request: RequestId,
    /// See `request`.
    pub(crate) request_digest: Hash,
    /// Who keeps the designated account.
    pub(crate) payments_at: MemberId,
    /// What no chain sees.
    pub(crate) private: Private,
    /// The deed that concludes it.
    pub(crate) deed: Deed,
    /// The same, approved and sealed: from then on it goes to the chain.
    pub(crate) sealed: Option<SealedDeed>,
    /// What the chain was last proven to say of it.
    pub entry: Option<AgreementEntry>,
    /// The header of that proof.
    pub(crate) proven: Option<ProvenUnder>,
    /// The state of which rules were told last.
    pub told: Option<AgreementState>,
    /// When it was drawn up.
    pub(crate) created_at: Time,
    /// Counts changes from 1.
    pub revision: u64,
}

/// What no chain sees of an agreement.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Private {
    /// 256 random bits that hide text and parties.
    pub(crate) salt: [u8; 32],
    /// SHA-256 of the text.
    pub(crate) text_digest: Hash,
    /// The parties, in the order of the terms.
    pub(crate) parties: Vec<PrivateParty>,
    /// What drafts of orders need, sorted by name.
    pub(crate) case: Vec<Field>,
}

/// A party by name.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PrivateParty {
    /// Its role.
    pub(crate) role: PartyRole,
    /// Its name.
    pub(crate) name: String,
    /// The kind of identity document.
    pub(crate) id_type: String,
    /// Its number.
    pub(crate) id_number: String,
}

impl StoredAgreement {
    /// What was agreed; `None` where the deed is none that concludes, which is never stored.
    pub(crate) const fn terms(&self) -> Option<&Terms> {
        match &self.deed.act {
            Act::Conclude(terms) => Some(terms),
            Act::Confirm { .. } | Act::Stop { .. } => None,
        }
    }

    /// Whether something may still become of it here: the chain has not been seen to take it, it has not ended, or the
    /// rules have not been told of its end.
    pub(crate) fn is_open(&self) -> bool {
        match &self.entry {
            None => self.sealed.is_some(),
            Some(entry) => {
                let ended = !matches!(entry.state, AgreementState::InForce | AgreementState::Defaulted);
                !ended || self.told != Some(entry.state)
            }
        }
    }

    /// Takes what was proven under `under`; `false` where something newer is known, or the same.
    pub(crate) fn learn(&mut self, entry: AgreementEntry, under: ProvenUnder) -> bool {
        let older = self.proven.as_ref().is_some_and(|known| known.height >= under.height);
        if older || self.entry.as_ref() == Some(&entry) {
            return false;
        }
        self.entry = Some(entry);
        self.proven = Some(under);
        self.revision = self.revision.saturating_add(1);
        true
    }

    /// The first debtor.
    pub(crate) fn debtor(&self) -> Option<&PrivateParty> {
        self.private.parties.iter().find(|party| party.role == PartyRole::Debtor)
    }
}
