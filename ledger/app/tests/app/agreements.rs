//! Agreements: performed by proof, in default by proven absence, and what that opens, once, unless a judge stops it.

use crate::support::keys::seal;
use crate::support::world::{ACCOUNT, At, DAY_S, World};
use At::{Bank, Court};
use comity_ledger_app::TxResult;
use comity_model::agreement::{
    Act, AgreementEntry, AgreementState, Deed, DefaultProof, Instalment, Opens, Party, PartyRole, PaymentProof,
    PaymentsAt, SealedDeed, Terms,
};
use comity_model::order::Approval;
use comity_model::record::{Field, FieldValue, Opening, RecordState, RecordStatus};
use comity_model::seal::HashAlgorithm;
use comity_model::state::StatePath;
use comity_model::tx::{Message, RecordBatch};
use comity_model::{
    AgreementId, Amount, AssetHandle, FieldName, Hash, Height, MemberId, RecordId, UnixSeconds, encode,
};
use comity_verify::{agreement as verify, fields};
use proptest::prelude::*;

const ID: AgreementId = AgreementId([7; 16]);
const OWED: u64 = 500_000;
const HOLD_S: u64 = 3 * DAY_S;

fn court() -> MemberId {
    "court".parse().unwrap()
}

fn terms(world: &World, instalments: u64) -> Terms {
    let party = |role, commitment| Party { role, commitment: Hash([commitment; 32]) };
    Terms {
        text: Hash([1; 32]),
        parties: vec![party(PartyRole::Creditor, 2), party(PartyRole::Debtor, 3)],
        instalments: (1..=instalments)
            .map(|number| Instalment { amount: Amount::cny(OWED), due_at: world.now_s().plus(number * DAY_S) })
            .collect(),
        payments: PaymentsAt { client: Court.client(), sector: "payments".parse().unwrap(), account: ACCOUNT },
        rule: "mediation-default".parse().unwrap(),
        rule_digest: Hash([4; 32]),
        opens: Opens::Trial,
        opens_confirmed: Opens::Enforcement,
        hold_s: HOLD_S,
    }
}

fn deed(world: &World, act: Act) -> Deed {
    Deed { chain: world.court.id.clone(), court: court(), agreement: ID, act }
}

fn sealed_by(deed: Deed, officer: &str, court: &str) -> Message {
    let signature = seal(&format!("officer {officer}"), verify::TAG_DEED, &deed);
    let approval = Approval { officer: officer.parse().unwrap(), signature };
    let seal = seal(&format!("{court} seal"), verify::TAG_SEAL, &(&deed, &approval));
    Message::Agree(SealedDeed { deed, approval, seal })
}

fn act(world: &World, act: Act) -> Message {
    sealed_by(deed(world, act), "J-1", "court")
}

fn confirm() -> Act {
    Act::Confirm { ruling: Hash([5; 32]) }
}

fn stop() -> Act {
    Act::Stop { reason: "PARTIES_SETTLED".parse().unwrap(), ruling: Hash([6; 32]) }
}

/// A world with an agreement of so many daily instalments on the court's chain.
fn concluded(instalments: u64) -> World {
    let mut world = World::new();
    let message = act(&world, Act::Conclude(terms(&world, instalments)));
    world.done(Court, vec![message]);
    world
}

fn entry(world: &World) -> AgreementEntry {
    world.court.value(&StatePath::Agreement(court(), ID)).expect("the agreement")
}

fn reference(instalment: u16) -> RecordId {
    verify::reference(&ACCOUNT, &court(), &ID, instalment)
}

fn openings(amount: u64, account: AssetHandle, paid_at: UnixSeconds) -> Vec<Opening> {
    let opening = |name: &str, value| Opening { salt: [9; 16], field: Field { name: name.parse().unwrap(), value } };
    vec![
        opening("account", FieldValue::Digest(Hash(account.0))),
        opening("amount", FieldValue::Amount(Amount::cny(amount))),
        opening("paid_at", FieldValue::Time(paid_at)),
    ]
}

/// Has the bank record a payment on its chain under `id`, and returns the record with what opens it.
fn record(world: &mut World, id: RecordId, amount: u64, account: AssetHandle) -> (RecordState, Vec<u8>) {
    let now = world.now_s();
    let openings = openings(amount, account, now);
    let names: Vec<FieldName> = openings.iter().map(|opening| opening.field.name.clone()).collect();
    let disclosure = fields::disclose(HashAlgorithm::Sha256, &openings, &names).unwrap();
    let state = RecordState {
        schema: Hash([8; 32]),
        root: fields::root(HashAlgorithm::Sha256, &openings).unwrap(),
        status: RecordStatus::Current,
        version: 1,
        updated_at: now,
    };
    put(world, id, state.clone());
    (state, encode(&disclosure))
}

fn put(world: &mut World, id: RecordId, state: RecordState) {
    let batch = RecordBatch {
        chain: world.bank.id.clone(),
        member: "bank".parse().unwrap(),
        sector: "payments".parse().unwrap(),
        records: vec![(id, state)],
    };
    let seal = seal("bank seal", "comity/records/v1", &batch);
    world.done(Bank, vec![Message::PutRecords { batch, seal }]);
}

fn record_path(id: RecordId) -> StatePath {
    StatePath::Record("payments".parse().unwrap(), id)
}

/// What proves to the court that the instalment was paid by that record, with the update that its client needs.
fn payment(world: &mut World, instalment: u16, id: RecordId, record: (RecordState, Vec<u8>)) -> Vec<Message> {
    let (height, update) = world.update(Court);
    let (_, proof) = world.bank.proven(&record_path(id), height.0);
    let (record, disclosure) = record;
    let payment = PaymentProof { record, disclosure, proof, height };
    vec![update, Message::ProvePayment { court: court(), agreement: ID, instalment, payment }]
}

fn pay(world: &mut World, instalment: u16) -> TxResult {
    let record = record(world, reference(instalment), OWED, ACCOUNT);
    let messages = payment(world, instalment, reference(instalment), record);
    world.run(Court, messages)
}

/// What proves to the court that the instalment stands unpaid now.
fn default(world: &mut World, instalment: u16) -> Vec<Message> {
    let (height, update) = world.update(Court);
    vec![update, absence(world, instalment, height)]
}

fn absence(world: &World, instalment: u16, height: Height) -> Message {
    let (_, proof) = world.bank.proven(&record_path(reference(instalment)), height.0);
    let evidence = DefaultProof::Absent { proof, height };
    Message::ProveDefault { court: court(), agreement: ID, instalment, evidence }
}

/// The same by a record that says less than is owed.
fn shortfall(world: &mut World, record: (RecordState, Vec<u8>)) -> Vec<Message> {
    let mut messages = payment(world, 0, reference(0), record);
    let Some(Message::ProvePayment { payment, .. }) = messages.pop() else { unreachable!("it proves a payment") };
    let evidence = DefaultProof::Insufficient(payment);
    messages.push(Message::ProveDefault { court: court(), agreement: ID, instalment: 0, evidence });
    messages
}

#[test]
fn an_agreement_that_is_paid_is_performed_and_never_opens_anything() {
    let mut world = concluded(2);
    assert!(pay(&mut world, 0).is_ok());
    world.pass(DAY_S);
    assert!(pay(&mut world, 1).is_ok());
    let performed = entry(&world);
    assert_eq!(performed.state, AgreementState::Performed);
    let fact = &performed.instalments[0].paid.as_ref().unwrap().fact;
    assert_eq!(fact.chain, world.bank.id);
    assert_eq!(fact.header_hash, world.bank.light_block(fact.height.0).header.hash());

    world.pass(2 * DAY_S);
    world.block(Court, &[]);
    assert_eq!(entry(&world), performed);
    let (height, update) = world.update(Court);
    let (_, proof) = world.bank.proven(&record_path(RecordId::of_digest(&Hash([1; 32]))), height.0);
    let evidence = DefaultProof::Absent { proof, height };
    let claim = Message::ProveDefault { court: court(), agreement: ID, instalment: 1, evidence };
    world.refused(Court, vec![update, claim], "AGREEMENT_STATE");
}

#[test]
fn a_missed_instalment_opens_a_trial_filing_by_itself_when_the_hold_period_is_over() {
    let mut world = concluded(2);
    assert!(pay(&mut world, 0).is_ok());
    world.pass(2 * DAY_S);
    let finalized = world.block(Court, &[]);
    assert_eq!(finalized.events.len(), 1, "the due date is told");
    assert!(entry(&world).instalments[1].due);

    let messages = default(&mut world, 1);
    world.done(Court, messages);
    let defaulted = entry(&world).default.unwrap();
    assert_eq!(defaulted.instalment, 1);
    assert!(defaulted.fact.time.unix_seconds() >= entry(&world).terms.instalments[1].due_at);

    world.pass(HOLD_S - 10);
    world.block(Court, &[]);
    assert_eq!(entry(&world).state, AgreementState::Defaulted);
    world.pass(10);
    world.block(Court, &[]);
    let opened = entry(&world);
    assert_eq!(opened.state, AgreementState::Opened);
    let filing = opened.filing.unwrap();
    assert_eq!((filing.opens, filing.unpaid), (Opens::Trial, Amount::cny(OWED)));
    assert_eq!(filing.opened_at, defaulted.opens_at);
    assert_eq!(filing.height.0, world.court.height());
}

#[test]
fn the_default_of_a_confirmed_agreement_opens_enforcement() {
    let mut world = concluded(1);
    let message = act(&world, confirm());
    world.done(Court, vec![message.clone()]);
    world.done(Court, vec![message]);
    world.pass(DAY_S);
    let messages = default(&mut world, 0);
    world.done(Court, messages);
    world.pass(HOLD_S);
    world.block(Court, &[]);
    assert_eq!(entry(&world).filing.unwrap().opens, Opens::Enforcement);
}

#[test]
fn a_judge_stops_it_within_the_hold_period_and_not_after() {
    let in_default = || {
        let mut world = concluded(1);
        let early = act(&world, stop());
        world.refused(Court, vec![early], "AGREEMENT_STATE");
        world.pass(DAY_S);
        let messages = default(&mut world, 0);
        world.done(Court, messages);
        world
    };
    let mut world = in_default();
    let in_time = act(&world, stop());
    world.done(Court, vec![in_time.clone()]);
    world.done(Court, vec![in_time]);
    world.pass(HOLD_S);
    world.block(Court, &[]);
    assert_eq!(entry(&world).state, AgreementState::Stopped);
    assert!(entry(&world).filing.is_none());

    let mut late = in_default();
    late.pass(HOLD_S);
    let too_late = act(&late, stop());
    late.refused(Court, vec![too_late], "STOP_LATE");
    assert_eq!(entry(&late).state, AgreementState::Opened);
}

#[test]
fn a_payment_that_is_proven_after_the_default_is_evidence_and_stops_nothing() {
    let mut world = concluded(1);
    world.pass(DAY_S);
    let messages = default(&mut world, 0);
    world.done(Court, messages);
    assert!(pay(&mut world, 0).is_ok());
    let noted = entry(&world);
    assert_eq!(noted.state, AgreementState::Defaulted);
    assert!(noted.instalments[0].paid.is_some());
    world.pass(HOLD_S);
    world.block(Court, &[]);
    assert_eq!(entry(&world).filing.unwrap().unpaid, Amount::cny(0));
}

#[test]
fn a_record_of_another_account_or_of_less_money_or_withdrawn_is_no_payment() {
    for (amount, account) in [(OWED - 1, ACCOUNT), (OWED, AssetHandle([2; 32]))] {
        let mut world = concluded(1);
        let record = record(&mut world, reference(0), amount, account);
        let messages = payment(&mut world, 0, reference(0), record);
        world.refused(Court, messages, "PAYMENT_RECORD");
    }
    let mut world = concluded(1);
    let (mut state, disclosure) = record(&mut world, reference(0), OWED, ACCOUNT);
    state.status = RecordStatus::Withdrawn;
    state.version = 2;
    put(&mut world, reference(0), state.clone());
    let messages = payment(&mut world, 0, reference(0), (state, disclosure));
    world.refused(Court, messages, "PAYMENT_RECORD");
}

#[test]
fn a_record_that_says_less_than_is_owed_is_a_default_once_the_date_has_come() {
    let mut world = concluded(1);
    let short = record(&mut world, reference(0), OWED - 1, ACCOUNT);
    let messages = shortfall(&mut world, short.clone());
    world.refused(Court, messages, "DEFAULT_EARLY");
    world.pass(DAY_S);
    let messages = shortfall(&mut world, short);
    world.done(Court, messages);
    assert_eq!(entry(&world).state, AgreementState::Defaulted);

    let mut world = concluded(1);
    let enough = record(&mut world, reference(0), OWED, ACCOUNT);
    world.pass(DAY_S);
    let messages = shortfall(&mut world, enough.clone());
    world.refused(Court, messages, "PAYMENT_RECORD");
    // A field that is not opened does not lack.
    let openings = openings(OWED, ACCOUNT, enough.0.updated_at);
    let hidden = fields::disclose(HashAlgorithm::Sha256, &openings, &["paid_at".parse().unwrap()]).unwrap();
    let messages = shortfall(&mut world, (enough.0, encode(&hidden)));
    world.refused(Court, messages, "PAYMENT_RECORD");
}

#[test]
fn a_payment_of_another_instalment_proves_nothing_of_this_one() {
    let mut world = concluded(2);
    let other = record(&mut world, reference(1), OWED, ACCOUNT);
    let messages = payment(&mut world, 0, reference(1), other);
    let result = world.run(Court, messages);
    assert!(!result.is_ok());
    assert!(entry(&world).instalments[0].paid.is_none());
}

#[test]
fn a_fact_of_another_chain_proves_nothing() {
    // The same bank and record on a chain that is not the one the agreement names.
    let mut world = concluded(1);
    let mut foreign = World::new();
    let record = record(&mut foreign, reference(0), OWED, ACCOUNT);
    let foreign_messages = payment(&mut foreign, 0, reference(0), record);
    // Its client update is of another history, so only the proof is shown, at a height that the client knows.
    let (height, update) = world.update(Court);
    let Some(Message::ProvePayment { mut payment, .. }) = foreign_messages.into_iter().nth(1) else {
        unreachable!("the second message proves")
    };
    payment.height = height;
    let claim = Message::ProvePayment { court: court(), agreement: ID, instalment: 0, payment };
    let result = world.run(Court, vec![update, claim]);
    assert!(!result.is_ok());
    assert!(entry(&world).instalments[0].paid.is_none());
    // And the court's own chain does not speak for the bank's.
    let own = world.court.height();
    let (_, proof) = world.court.proven(&record_path(reference(0)), own);
    world.pass(DAY_S);
    let (height, update) = world.update(Court);
    let evidence = DefaultProof::Absent { proof, height };
    let claim = Message::ProveDefault { court: court(), agreement: ID, instalment: 0, evidence };
    let result = world.run(Court, vec![update, claim]);
    assert!(!result.is_ok());
    assert_eq!(entry(&world).state, AgreementState::InForce);
}

#[test]
fn a_default_is_refused_under_a_header_from_before_the_due_date() {
    let mut world = concluded(1);
    world.pass(DAY_S / 2);
    let (old, update) = world.update(Court);
    world.done(Court, vec![update]);
    world.pass(DAY_S);
    let claim = absence(&world, 0, old);
    world.refused(Court, vec![claim], "DEFAULT_EARLY");
    let claim = absence(&world, 0, Height(old.0 - 1));
    world.refused(Court, vec![claim], "UNKNOWN_HEIGHT");
    let messages = default(&mut world, 0);
    world.done(Court, messages);
}

#[test]
fn a_payment_is_not_believed_under_an_old_header() {
    let mut world = concluded(1);
    let record = record(&mut world, reference(0), OWED, ACCOUNT);
    let mut messages = payment(&mut world, 0, reference(0), record);
    let claim = messages.remove(1);
    world.done(Court, messages);
    world.pass(DAY_S + 60);
    world.refused(Court, vec![claim], "PROOF_OLD");
}

#[test]
fn two_that_race_cost_one_refused_transaction() {
    let mut world = concluded(2);
    let record = record(&mut world, reference(0), OWED, ACCOUNT);
    let messages = payment(&mut world, 0, reference(0), record);
    let (first, second) = (world.tx(Court, messages.clone()), world.tx(Court, messages));
    let finalized = world.block(Court, &[first, second]);
    assert!(finalized.tx_results[0].is_ok());
    assert_eq!(finalized.tx_results[1].codespace, "INSTALMENT_PAID");
    world.pass(2 * DAY_S);
    let messages = default(&mut world, 1);
    let (first, second) = (world.tx(Court, messages.clone()), world.tx(Court, messages));
    let finalized = world.block(Court, &[first, second]);
    assert!(finalized.tx_results[0].is_ok());
    assert_eq!(finalized.tx_results[1].codespace, "AGREEMENT_STATE");
}

#[test]
fn a_deed_needs_an_officer_of_the_court_and_the_courts_seal() {
    let mut world = World::new();
    let conclude = Act::Conclude(terms(&world, 1));
    for (officer, seal_of, code) in
        [("J-1", "bank", "SEAL"), ("J-3", "court", "UNKNOWN_MEMBER"), ("J-9", "court", "UNKNOWN_MEMBER")]
    {
        let message = sealed_by(deed(&world, conclude.clone()), officer, seal_of);
        world.refused(Court, vec![message], code);
    }
    let message = act(&world, conclude);
    world.done(Court, vec![message]);
}

#[test]
fn terms_that_break_a_bound_are_refused() {
    let mut world = World::new();
    let good = terms(&world, 3);
    let mut cases = Vec::new();
    let mut change = |edit: &dyn Fn(&mut Terms)| {
        let mut terms = good.clone();
        edit(&mut terms);
        cases.push(terms);
    };
    change(&|terms| terms.instalments.clear());
    change(&|terms| terms.instalments[0].due_at = UnixSeconds(1));
    change(&|terms| terms.instalments.swap(0, 1));
    change(&|terms| terms.instalments[1].amount.minor = 0);
    change(&|terms| terms.instalments[1].amount.minor = u64::MAX);
    change(&|terms| terms.instalments[2].amount.currency = "EUR".parse().unwrap());
    change(&|terms| terms.parties[1].role = PartyRole::Creditor);
    change(&|terms| terms.parties[1].commitment = terms.parties[0].commitment);
    change(&|terms| terms.hold_s = 91 * DAY_S);
    for terms in cases {
        let message = act(&world, Act::Conclude(terms));
        world.refused(Court, vec![message], "AGREEMENT_MALFORMED");
    }
    let mut unknown = good.clone();
    unknown.payments.client = "nobody-0".parse().unwrap();
    let message = act(&world, Act::Conclude(unknown));
    world.refused(Court, vec![message], "UNKNOWN_CLIENT");
    let message = act(&world, Act::Conclude(good.clone()));
    world.done(Court, vec![message.clone()]);
    world.done(Court, vec![message]);
    let mut other = good;
    other.hold_s += 1;
    let message = act(&world, Act::Conclude(other));
    world.refused(Court, vec![message], "AGREEMENT_EXISTS");
}

/// What happens between two looks.
#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Pay(u16),
    ClaimDefault(u16),
    Confirm,
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..=DAY_S).prop_map(Step::Pass),
        3 => (0u16..3).prop_map(Step::Pay),
        3 => (0u16..3).prop_map(Step::ClaimDefault),
        1 => Just(Step::Confirm),
        1 => Just(Step::Stop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Performed: never fires. Default: fires once, after the hold period. Stopped: never.
    #[test]
    fn whatever_happens_a_step_opens_once_and_only_after_a_default_that_nobody_stopped(
        steps in proptest::collection::vec(step(), 1..16)
    ) {
        let mut world = concluded(3);
        let mut recorded = [false; 3];
        let mut openings = 0;
        for step in steps {
            let before = entry(&world);
            match step {
                Step::Pass(seconds) => world.pass(seconds),
                Step::Pay(number) if !recorded[usize::from(number)] => {
                    recorded[usize::from(number)] = true;
                    let _ = pay(&mut world, number);
                }
                Step::ClaimDefault(number) if !recorded[usize::from(number)] => {
                    let now = world.now_s();
                    let messages = default(&mut world, number);
                    let result = world.run(Court, messages);
                    let due = before.terms.instalments[usize::from(number)].due_at;
                    prop_assert!(!result.is_ok() || due <= now.plus(2), "no default before the due date");
                }
                Step::Confirm => {
                    let message = act(&world, confirm());
                    let _ = world.run(Court, vec![message]);
                }
                Step::Stop => {
                    let message = act(&world, stop());
                    let _ = world.run(Court, vec![message]);
                }
                _ => {}
            }
            world.block(Court, &[]);
            let after = entry(&world);
            openings += u32::from(before.filing.is_none() && after.filing.is_some());
            // Nothing leaves an end, and no proof is forgotten.
            if matches!(before.state, AgreementState::Performed | AgreementState::Stopped | AgreementState::Opened) {
                prop_assert_eq!(&after, &before);
            }
            for (was, is) in before.instalments.iter().zip(&after.instalments) {
                prop_assert!(was.paid.is_none() || was.paid == is.paid);
            }
            prop_assert_eq!(after.state == AgreementState::Opened, after.filing.is_some());
            if let Some(filing) = &after.filing {
                let default = after.default.as_ref().expect("a default comes before");
                prop_assert!(after.stop.is_none() && filing.opened_at == default.opens_at);
                prop_assert_eq!(default.opens_at, default.at.plus(HOLD_S));
            }
            prop_assert!(after.stop.is_none() || after.state == AgreementState::Stopped);
        }
        world.pass(HOLD_S);
        world.block(Court, &[]);
        let last = entry(&world);
        openings += u32::from(last.filing.is_some() && openings == 0);
        let must_open = last.default.is_some() && last.stop.is_none();
        prop_assert_eq!(openings, u32::from(must_open));
        prop_assert!(last.state != AgreementState::Performed || last.default.is_none());
    }
}
