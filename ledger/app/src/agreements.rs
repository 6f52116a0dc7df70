//! Agreements on the court's chain: concluded under seal, performed by proof, and what their default opens by itself.
//!
//! Only the finance chain's state, proven under its light client here, says that something was paid or was not. A default
//! opens exactly one step, after a period in which a judge may stop it. It knows no party and no account.

use crate::due::{self, Subject};
use crate::refusal::{Reason, Stop as Refused, require};
use crate::working::Execution;
use crate::{clients, members};
use comity_model::agreement::{
    Act, AgreementEntry, AgreementState, Confirmation, Default, DefaultProof, Filing, PaymentProof, SealedDeed,
    Standing, Stop, Terms,
};
use comity_model::event::Event;
use comity_model::member::MemberKind;
use comity_model::state::StatePath;
use comity_model::{AgreementId, Hash, MemberId, OfficerId, ReasonCode, UnixSeconds};
use comity_verify::agreement as verify;

/// A record may be withdrawn after it was proven: a payment is believed under a header that is at most this old, in
/// seconds.
const PROOF_AGE_MAX_S: u64 = 86_400;

/// Carries out a deed of a court: concluding, confirming or stopping an agreement.
pub(crate) fn act(ex: &mut Execution<'_>, sealed: &SealedDeed) -> Result<(), Refused> {
    let deed = &sealed.deed;
    require(deed.chain == ex.config.chain, Reason::WrongChain)?;
    let court = members::at_home(&ex.state, &deed.court)?;
    require(court.kind == MemberKind::Court, Reason::NotACourt)?;
    let officer = members::officer(ex, &deed.court, &sealed.approval.officer)?.ok_or(Reason::UnknownMember)?;
    verify::judge(sealed, &court, &officer, ex.now(), ex.config.suites)?;
    let officer = sealed.approval.officer.clone();
    match &deed.act {
        Act::Conclude(terms) => conclude(ex, &deed.court, deed.agreement, terms),
        Act::Confirm { ruling } => confirm(ex, &deed.court, deed.agreement, *ruling, officer),
        Act::Stop { reason, ruling } => stop(ex, &deed.court, deed.agreement, reason, *ruling, officer),
    }
}

fn conclude(ex: &mut Execution<'_>, court: &MemberId, id: AgreementId, terms: &Terms) -> Result<(), Refused> {
    let known: Option<AgreementEntry> = ex.state.read(&path(court, id), "an agreement")?;
    if let Some(known) = known {
        return require(known.terms == *terms, Reason::AgreementExists);
    }
    let to_come = terms.instalments.first().is_some_and(|first| first.due_at > ex.now());
    require(terms.is_well_formed() && to_come, Reason::AgreementMalformed)?;
    clients::usable(ex, &terms.payments.client)?;
    let entry = AgreementEntry {
        id,
        court: court.clone(),
        concluded_at: ex.now(),
        confirmation: None,
        instalments: terms.instalments.iter().map(|_| Standing { due: false, paid: None }).collect(),
        state: AgreementState::InForce,
        default: None,
        stop: None,
        filing: None,
        terms: terms.clone(),
    };
    set_next_date(ex, &entry);
    save(ex, &entry);
    Ok(())
}

fn confirm(
    ex: &mut Execution<'_>,
    court: &MemberId,
    id: AgreementId,
    ruling: Hash,
    officer: OfficerId,
) -> Result<(), Refused> {
    let mut entry = read(ex, court, id)?;
    if let Some(known) = &entry.confirmation {
        return require(known.ruling == ruling && known.officer == officer, Reason::AgreementState);
    }
    // What a default opens is settled with the default.
    require(entry.state == AgreementState::InForce, Reason::AgreementState)?;
    entry.confirmation = Some(Confirmation { ruling, officer, at: ex.now() });
    save(ex, &entry);
    Ok(())
}

fn stop(
    ex: &mut Execution<'_>,
    court: &MemberId,
    id: AgreementId,
    reason: &ReasonCode,
    ruling: Hash,
    officer: OfficerId,
) -> Result<(), Refused> {
    let mut entry = read(ex, court, id)?;
    if let Some(known) = &entry.stop {
        return require(known.reason == *reason && known.ruling == ruling, Reason::AgreementEnded);
    }
    require(entry.state != AgreementState::Opened, Reason::StopLate)?;
    let default = entry.default.as_ref().filter(|_| entry.state == AgreementState::Defaulted);
    let opens_at = default.ok_or(Reason::AgreementState)?.opens_at;
    // A block carries out a bounded number of due dates: the date decides, not whether it was this one's turn.
    require(ex.now() < opens_at, Reason::StopLate)?;
    due::clear_of(ex, opens_at, due::OPENING, Subject::Agreement(court.clone(), id));
    entry.stop = Some(Stop { reason: reason.clone(), ruling, officer, at: ex.now() });
    entry.state = AgreementState::Stopped;
    save(ex, &entry);
    Ok(())
}

/// Takes the proof that an instalment was paid. After a default it is kept as evidence for the judge, and stops nothing
/// by itself.
pub(crate) fn prove_payment(
    ex: &mut Execution<'_>,
    court: &MemberId,
    id: AgreementId,
    instalment: u16,
    payment: &PaymentProof,
) -> Result<(), Refused> {
    let mut entry = read(ex, court, id)?;
    let paid = entry.instalment(instalment).is_some_and(|(_, standing)| standing.paid.is_some());
    require(!paid, Reason::InstalmentPaid)?;
    require(matches!(entry.state, AgreementState::InForce | AgreementState::Defaulted), Reason::AgreementEnded)?;
    let (client, header) = clients::trusted(ex, &entry.terms.payments.client, payment.height)?;
    require(header.time().plus_seconds(PROOF_AGE_MAX_S) >= ex.time, Reason::ProofOld)?;
    let proven = verify::payment(&header, &entry, instalment, payment, client.suites, ex.height)?;
    clear_next_date(ex, &entry);
    if let Some(standing) = entry.instalments.get_mut(usize::from(instalment)) {
        standing.paid = Some(proven.into_value());
    }
    if entry.state == AgreementState::InForce && entry.instalments.iter().all(|standing| standing.paid.is_some()) {
        entry.state = AgreementState::Performed;
    }
    set_next_date(ex, &entry);
    save(ex, &entry);
    Ok(())
}

/// Takes the proof that an instalment was not paid by its due date: the hold period begins.
pub(crate) fn prove_default(
    ex: &mut Execution<'_>,
    court: &MemberId,
    id: AgreementId,
    instalment: u16,
    evidence: &DefaultProof,
) -> Result<(), Refused> {
    let mut entry = read(ex, court, id)?;
    require(entry.state == AgreementState::InForce, Reason::AgreementState)?;
    let paid = entry.instalment(instalment).is_some_and(|(_, standing)| standing.paid.is_some());
    require(!paid, Reason::InstalmentPaid)?;
    let height = match evidence {
        DefaultProof::Absent { height, .. } => *height,
        DefaultProof::Insufficient(payment) => payment.height,
    };
    let (client, header) = clients::trusted(ex, &entry.terms.payments.client, height)?;
    let lacking = verify::unpaid(&header, &entry, instalment, evidence, client.suites)?;
    let opens_at = ex.now().plus(entry.terms.hold_s);
    clear_next_date(ex, &entry);
    entry.default = Some(Default { instalment, fact: verify::fact(lacking.at(), ex.height), at: ex.now(), opens_at });
    entry.state = AgreementState::Defaulted;
    due::set_of(ex, opens_at, due::OPENING, Subject::Agreement(court.clone(), id));
    save(ex, &entry);
    Ok(())
}

/// The next instalment falls due: who follows the agreement is told to look for its payment.
pub(crate) fn fall_due(ex: &mut Execution<'_>, court: &MemberId, id: AgreementId) -> Result<(), Refused> {
    let mut entry = read(ex, court, id)?;
    let now = ex.now();
    for (instalment, standing) in entry.terms.instalments.iter().zip(&mut entry.instalments) {
        standing.due = standing.due || instalment.due_at <= now;
    }
    set_next_date(ex, &entry);
    save(ex, &entry);
    Ok(())
}

/// The hold period is over, and nobody has stopped it: what the default opens, opens.
pub(crate) fn open(
    ex: &mut Execution<'_>,
    court: &MemberId,
    id: AgreementId,
    opened_at: UnixSeconds,
) -> Result<(), Refused> {
    let mut entry = read(ex, court, id)?;
    if entry.state != AgreementState::Defaulted {
        return Ok(());
    }
    let unpaid = entry.unpaid().ok_or(Reason::AgreementMalformed)?;
    entry.filing = Some(Filing { opens: entry.opens(), opened_at, height: ex.height, unpaid });
    entry.state = AgreementState::Opened;
    save(ex, &entry);
    Ok(())
}

/// When the next instalment falls due that nobody has paid, while that matters.
fn next_date(entry: &AgreementEntry) -> Option<UnixSeconds> {
    let mut pairs = entry.terms.instalments.iter().zip(&entry.instalments);
    let next = pairs.find(|(_, standing)| !standing.due && standing.paid.is_none());
    next.filter(|_| entry.state == AgreementState::InForce).map(|(instalment, _)| instalment.due_at)
}

fn set_next_date(ex: &mut Execution<'_>, entry: &AgreementEntry) {
    if let Some(at) = next_date(entry) {
        due::set_of(ex, at, due::INSTALMENT, Subject::Agreement(entry.court.clone(), entry.id));
    }
}

fn clear_next_date(ex: &mut Execution<'_>, entry: &AgreementEntry) {
    if let Some(at) = next_date(entry) {
        due::clear_of(ex, at, due::INSTALMENT, Subject::Agreement(entry.court.clone(), entry.id));
    }
}

fn path(court: &MemberId, id: AgreementId) -> StatePath {
    StatePath::Agreement(court.clone(), id)
}

fn read(ex: &Execution<'_>, court: &MemberId, id: AgreementId) -> Result<AgreementEntry, Refused> {
    ex.state.read(&path(court, id), "an agreement")?.ok_or_else(|| Reason::UnknownAgreement.into())
}

fn save(ex: &mut Execution<'_>, entry: &AgreementEntry) {
    ex.state.write(&path(&entry.court, entry.id), entry);
    let (court, agreement, state) = (entry.court.clone(), entry.id, entry.state);
    ex.emit(Event::AgreementChanged { court, agreement, state });
}
