//! What the oracle knows of agreements, and what must hold of them at each step. It refuses to end a run: it says which
//! promise is broken, and how.

use crate::oracle::Promise;
use crate::plan::INSTITUTIONS;
use comity_gateway::agreements::StoredAgreement;
use comity_model::agreement::{AgreementEntry, AgreementState};
use comity_model::{AgreementId, Height, RecordId, Time, UnixSeconds};
use comity_verify::agreement::reference;
use std::collections::BTreeMap;

/// A broken promise, and how.
pub(crate) type Broken = (Promise, String);

/// A payment as the debtor's bank knows it.
#[derive(Clone, Copy)]
struct Paid {
    /// How much the debtor pays.
    minor: u64,
    /// The chain, and the first header whose state has it, once the bank's gateway has said so.
    stands: Option<(u8, Height)>,
}

/// What is known of agreements.
#[derive(Default)]
pub(crate) struct Agreed {
    /// What the court's chain says.
    states: BTreeMap<AgreementId, AgreementState>,
    /// What debtors pay, by the reference.
    payments: BTreeMap<RecordId, Paid>,
    /// What the court's gateway has.
    book: BTreeMap<AgreementId, StoredAgreement>,
    /// Revisions that somebody was told.
    told: BTreeMap<AgreementId, u64>,
    /// What rules fired, as the court's gateway keeps it.
    firings: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Agreed {
    /// The court's chain has an agreement in this state.
    pub(crate) fn changed(&mut self, id: AgreementId, state: AgreementState) -> Result<(), Broken> {
        let before = self.states.insert(id, state);
        match before {
            Some(before) if !goes_forward(before, state) => {
                Err((Promise::Forward, format!("the court took {id} from {before:?} to {state:?}")))
            }
            _ => Ok(()),
        }
    }

    /// Every agreement of the court's chain, and its state.
    pub(crate) fn states(&self) -> &BTreeMap<AgreementId, AgreementState> {
        &self.states
    }

    /// A debtor begins to pay.
    pub(crate) fn pays(&mut self, reference: RecordId, minor: u64) {
        self.payments.insert(reference, Paid { minor, stands: None });
    }

    /// The bank's gateway says that a payment is recorded.
    pub(crate) fn recorded(&mut self, reference: &RecordId, chain: u8, header: Height) {
        if let Some(paid) = self.payments.get_mut(reference) {
            paid.stands = Some((chain, header));
        }
    }

    /// Payments that a bank's gateway said are recorded: the chain and the reference.
    pub(crate) fn all_recorded(&self) -> Vec<(u8, RecordId)> {
        let all = self.payments.iter();
        all.filter_map(|(reference, paid)| Some((paid.stands?.0, reference.clone()))).collect()
    }

    /// Holds what the court's chain says of an agreement against what debtors paid. `time` is that of a chain's header.
    pub(crate) fn holds(
        &self,
        entry: &AgreementEntry,
        time: impl Fn(u8, Height) -> Option<Time>,
    ) -> Result<(), Broken> {
        let id = entry.id;
        for (number, (instalment, standing)) in (0u16..).zip(entry.terms.instalments.iter().zip(&entry.instalments)) {
            let paid = self.payments.get(&reference(&entry.terms.payments.account, &entry.court, &id, number));
            let default = entry.default.as_ref().filter(|default| default.instalment == number);
            if let Some(proven) = &standing.paid {
                if paid.is_none_or(|paid| paid.minor != proven.amount.minor) {
                    let how = format!("{} of instalment {number} of {id} is proven, and nobody paid it", proven.amount);
                    return Err((Promise::Truth, how));
                }
                // What comes after a default is evidence for a judge.
                if default.is_some_and(|default| proven.fact.noted < default.fact.noted) {
                    let how = format!("instalment {number} of {id} is in default after its payment was proven");
                    return Err((Promise::Settled, how));
                }
            }
            let in_time = paid.is_some_and(|paid| {
                let at = paid.stands.and_then(|(chain, header)| time(chain, header));
                paid.minor >= instalment.amount.minor && at.is_some_and(|at| at.unix_seconds() < instalment.due_at)
            });
            if default.is_some() && in_time {
                return Err((
                    Promise::Settled,
                    format!("instalment {number} of {id} was paid in time and is in default"),
                ));
            }
        }
        let all_paid = entry.instalments.iter().all(|standing| standing.paid.is_some());
        let fits = match entry.state {
            AgreementState::InForce => entry.default.is_none() && !all_paid,
            AgreementState::Performed => entry.default.is_none() && all_paid,
            AgreementState::Defaulted => entry.default.is_some() && entry.stop.is_none() && entry.filing.is_none(),
            AgreementState::Stopped => entry.default.is_some() && entry.stop.is_some() && entry.filing.is_none(),
            AgreementState::Opened => entry.default.is_some() && entry.stop.is_none() && entry.filing.is_some(),
        };
        if fits { Ok(()) } else { Err((Promise::Settled, format!("{id} is {:?}: {entry:?}", entry.state))) }
    }

    /// The court's gateway has stored an agreement.
    pub(crate) fn stored(&mut self, agreement: StoredAgreement) -> Result<(), Broken> {
        let id = agreement.id;
        let state = |stored: &StoredAgreement| stored.entry.as_ref().map(|entry| entry.state);
        let before = self.book.get(&id);
        if let Some(before) = before {
            if agreement.revision < before.revision {
                return Err((Promise::Forward, format!("{id} was written over at revision {}", before.revision)));
            }
            if let (Some(from), to) = (state(before), state(&agreement))
                && to.is_none_or(|to| !goes_forward(from, to))
            {
                return Err((Promise::Forward, format!("the gateway took {id} from {from:?} back to {to:?}")));
            }
        }
        // The chain may be further than the gateway, and never behind it.
        if let Some(known) = state(&agreement) {
            let on_chain = self.states.get(&id).copied();
            if on_chain.is_none_or(|on_chain| !goes_forward(known, on_chain)) {
                return Err((Promise::Truth, format!("{id} is {known:?} at the gateway, {on_chain:?} on the chain")));
            }
        }
        self.book.insert(id, agreement);
        Ok(())
    }

    /// Somebody was told of an agreement at this revision.
    pub(crate) fn tell(&mut self, id: AgreementId, revision: u64) {
        let told = self.told.entry(id).or_insert(0);
        *told = (*told).max(revision);
    }

    /// Every agreement that somebody was told of, and the revision.
    pub(crate) fn all_told(&self) -> BTreeMap<AgreementId, u64> {
        self.told.clone()
    }

    /// The court's gateway has stored what a rule fired; `false` where it is known.
    pub(crate) fn fired(&mut self, id: &[u8], row: Option<&[u8]>) -> Result<bool, Broken> {
        let Some(row) = row else {
            return Err((Promise::FiredOnce, "a firing was deleted".into()));
        };
        match self.firings.get(id) {
            Some(known) if known == row => Ok(false),
            Some(_) => Err((Promise::FiredOnce, "a rule fired twice on one occasion".into())),
            None => {
                self.firings.insert(id.to_vec(), row.to_vec());
                Ok(true)
            }
        }
    }
}

/// Whether `to` may be what becomes of `from`, or is the same.
fn goes_forward(from: AgreementState, to: AgreementState) -> bool {
    use AgreementState::{Defaulted, InForce, Opened, Performed, Stopped};
    match from {
        InForce => true,
        Defaulted => matches!(to, Defaulted | Stopped | Opened),
        Performed | Stopped | Opened => to == from,
    }
}

/// A chain's name.
pub(crate) fn name(chain: u8) -> &'static str {
    INSTITUTIONS.get(usize::from(chain)).copied().unwrap_or("nobody")
}

/// How long after its due date an instalment of quiet times is settled at the latest, in seconds: the bank's chain shows a
/// header past the date at its next heartbeat, clocks are 8 s off either way, and who looks in vain waits.
const SETTLED_WITHIN_S: u64 = 30;

/// How far the court's block time may be behind that of the bank, by whose header an instalment is due, in seconds: 8 s each.
const CLOCKS_APART_S: u64 = 16;

/// Whether a default of quiet times came by its date.
pub(crate) fn is_in_time(due_at: UnixSeconds, noted_at: UnixSeconds) -> bool {
    noted_at.plus(CLOCKS_APART_S) >= due_at && noted_at <= due_at.plus(SETTLED_WITHIN_S)
}
