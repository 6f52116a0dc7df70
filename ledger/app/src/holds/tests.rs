//! Random lives of holds on one asset, against a reference that is written down a second time, differently.

use super::*;
use crate::store;
use crate::working::{Config, Working};
use comity_model::asset::{Arrival, Enforcement, reason};
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::order::{ApprovalClass, Delivery, Notice, Order, Outcome, SealedOrder};
use comity_model::packet::Packet;
use comity_model::seal::{Signature, Suites};
use comity_model::{ChainId, ClientId, Hash, Height, RequestId, Time, decode};
use proptest::prelude::*;
use std::collections::BTreeMap;

const ASSET: AssetHandle = AssetHandle([7; 32]);
const CLIENT: &str = "court-0";

fn id(number: u16) -> OrderId {
    let mut bytes = [7; 16];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    OrderId(bytes)
}

fn client() -> ClientId {
    CLIENT.parse().expect("a client id")
}

fn config() -> Config {
    Config {
        chain: "finance-1".parse().expect("a chain id"),
        client_kinds: vec![ClientKind::Comet],
        suites: Suites::NATIVE,
        genesis: Hash::ZERO,
    }
}

fn court_client() -> ClientState {
    ClientState {
        id: client(),
        kind: ClientKind::Comet,
        chain: "court-1".parse().expect("a chain id"),
        counterparty: "finance-0".parse().expect("a client id"),
        anchor: AnchorPoint { height: Height(1), header_hash: Hash::ZERO, validators_hash: Hash::ZERO },
        trusting_period_s: 1,
        clock_drift_s: 1,
        operators: 1,
        suites: Suites::NATIVE,
        usable_from: UnixSeconds(0),
        latest: Height(1),
        status: ClientStatus::Active,
    }
}

fn order(number: u16, arrival: u64, until: u64) -> ReceivedOrder {
    let chain: ChainId = "court-1".parse().expect("a chain id");
    let signature = Signature::ed25519([0; 64]);
    ReceivedOrder {
        sealed: SealedOrder {
            order: Order {
                id: id(number),
                request: RequestId([7; 16]),
                source_chain: chain,
                source_client: "finance-0".parse().expect("a client id"),
                dest_client: client(),
                court: "court".parse().expect("a member id"),
                recipient: "bank".parse().expect("a member id"),
                sector: "deposits".parse().expect("a sector"),
                kind: "freeze".parse().expect("a kind"),
                effect: Effect::HoldDivisible,
                original: None,
                amount: None,
                account: None,
                obligation: None,
                private_digest: Hash::ZERO,
                approval: ApprovalClass::Single,
                issued_at: UnixSeconds(0),
                deliver_by: UnixSeconds(1),
                decide_by: UnixSeconds(1),
                hold_until: UnixSeconds(until),
            },
            approvals: Vec::new(),
            seal: signature,
            delivery: Delivery {
                order: id(number),
                recipient: "bank".parse().expect("a member id"),
                private_digest: Hash::ZERO,
                received_at: UnixSeconds(0),
            },
            delivery_seal: signature,
        },
        arrival: Arrival { height: Height(arrival), tx: 0, message: 0 },
        sequence: 1,
        client: client(),
        state: OrderState::Pending,
        result: None,
        hold: None,
        notices: 0,
    }
}

fn asset_of(value: Option<u64>) -> Asset {
    Asset {
        handle: ASSET,
        sector: "deposits".parse().expect("a sector"),
        institution: "bank".parse().expect("a member id"),
        enforcement: Enforcement::Attested,
        value: value.map(Amount::cny),
        holds: 0,
        revision: 1,
        status: AssetStatus::Standing,
    }
}

/// Runs `body` in a block at second 0 on a state that holds the asset and the court's client.
fn with_state<T>(value: Option<u64>, body: impl FnOnce(&mut Execution<'_>) -> T) -> T {
    let database = store::open_backend(redb::backends::InMemoryBackend::new()).expect("in memory");
    let snapshot = store::Snapshot::open(&database).expect("a view");
    let config = config();
    let state = Working::new(&snapshot, 0);
    let mut ex = Execution::new(state, &config, Height(1), Time::UNIX_EPOCH);
    ex.state.write(&StatePath::Client(client()), &court_client());
    ex.state.write(&StatePath::Asset(ASSET), &asset_of(value));
    body(&mut ex)
}

/// Places a hold as `decisions` does, and returns what the acknowledgement says.
fn put(
    ex: &mut Execution<'_>,
    mut received: ReceivedOrder,
    effect: Effect,
    asked: Option<u64>,
) -> (HoldState, HoldSummary) {
    let asked = asked.map(Amount::cny);
    let rule = KindRule {
        kind: "freeze".parse().expect("a kind"),
        effect,
        period_days_max: 365,
        decide_within_s: 1,
        two_approvals_from: None,
        confirm_within_s: None,
        objection: None,
    };
    let summary = place(ex, &mut received, &rule, ASSET, asked).expect("the hold is placed");
    let state = summary.state;
    received.state = crate::decisions::state_of(&match state {
        HoldState::Active => Outcome::Executed(summary.clone()),
        _ => Outcome::Waitlisted(summary.clone()),
    });
    ex.state.write(&StatePath::Received(client(), received.sealed.order.id), &received);
    (state, summary)
}

/// The notices sent so far, in order.
fn notices(ex: &Execution<'_>) -> Vec<Notice> {
    let packets: Vec<Packet> =
        ex.state.scan(&side::outbox_prefix(&client()), None, 10_000, "a packet").expect("the outbox");
    packets.iter().map(|packet| decode("a notice", &packet.payloads[0].value).expect("a notice")).collect()
}

#[test]
fn a_second_freeze_gets_what_is_left_and_the_third_waits_behind_it() {
    with_state(Some(100), |ex| {
        let freeze = |ex: &mut Execution<'_>, number, asked| {
            let order = order(number, u64::from(number), 1_000);
            put(ex, order, Effect::HoldDivisible, Some(asked))
        };
        let (state, first) = freeze(ex, 1, 70);
        assert_eq!((state, first.held), (HoldState::Active, Some(Amount::cny(70))));
        let (state, second) = freeze(ex, 2, 60);
        assert_eq!((state, second.held, second.ahead), (HoldState::Active, Some(Amount::cny(30)), 1));
        let (state, third) = freeze(ex, 3, 1);
        assert_eq!((state, third.held, third.ahead), (HoldState::Queued, Some(Amount::cny(0)), 2));
        assert!(notices(ex).is_empty());

        let by = order(9, 9, 1_000);
        assert!(changes::release(ex, &by, (ASSET, 0), None).is_ok());
        let events: Vec<_> = notices(ex).iter().map(|notice| (notice.order, notice.event, notice.hold.held)).collect();
        assert_eq!(
            events,
            [
                (id(1), NoticeEvent::Released, Some(Amount::cny(0))),
                (id(2), NoticeEvent::Changed, Some(Amount::cny(60))),
                (id(3), NoticeEvent::Activated, Some(Amount::cny(1))),
            ]
        );
        let twice = changes::release(ex, &by, (ASSET, 0), None);
        assert!(matches!(twice, Err(changes::Unchanged::Code(reason::HOLD_ENDED))));
    });
}

#[test]
fn an_earlier_arrival_decided_late_displaces_a_later_one() {
    with_state(None, |ex| {
        let late = order(1, 5, 1_000);
        let (state, _) = put(ex, late, Effect::HoldExclusive, None);
        assert_eq!(state, HoldState::Active);
        let early = order(2, 4, 1_000);
        let (state, summary) = put(ex, early, Effect::HoldExclusive, None);
        assert_eq!((state, summary.ahead), (HoldState::Active, 0));
        let sent = notices(ex);
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].order, sent[0].event), (id(1), NoticeEvent::Changed));
        assert_eq!(sent[0].hold.ahead, 1);
    });
}

#[test]
fn concurrent_entries_stand_beside_each_other() {
    with_state(None, |ex| {
        for number in 1..=3 {
            let order = order(number, u64::from(number), 1_000);
            let (state, summary) = put(ex, order, Effect::HoldConcurrent, None);
            assert_eq!((state, summary.ahead), (HoldState::Active, 0));
        }
        assert!(notices(ex).is_empty());
    });
}

#[test]
fn more_due_dates_than_one_block_may_carry_out_go_over_to_the_next() {
    with_state(None, |ex| {
        for number in 1..=300 {
            put(ex, order(number, u64::from(number), 50), Effect::HoldConcurrent, None);
        }
        ex.keep();
        let left = |ex: &Execution<'_>| standing(ex, &ASSET).expect("no fault").len();
        ex.time = Time::UNIX_EPOCH.plus_seconds(50);
        crate::due::run(ex).expect("no fault");
        assert_eq!(left(ex), 300 - 256);
        assert_eq!(crate::due::next(&ex.state).expect("no fault"), Some(UnixSeconds(50)), "the next block is due now");
        crate::due::run(ex).expect("no fault");
        assert_eq!((left(ex), crate::due::next(&ex.state).expect("no fault")), (0, None));
    });
}

fn number_of(order: OrderId) -> u16 {
    u16::from_be_bytes([order.0[0], order.0[1]])
}

/// One step in the life of an asset.
#[derive(Clone, Debug)]
enum Step {
    Place { arrival: u64, asked: u64, days: u64 },
    Release(usize),
    Pass(u64),
    Revalue(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..50u64, 1..80u64, 1..20u64)
            .prop_map(|(arrival, asked, days)| Step::Place { arrival, asked, days }),
        2 => (0..12usize).prop_map(Step::Release),
        2 => (1..8u64).prop_map(Step::Pass),
        1 => (0..200u64).prop_map(Step::Revalue),
    ];
    prop::collection::vec(step, 1..40)
}

/// The reference: a plain list of what stands.
#[derive(Clone, Debug)]
struct Stands {
    place: (u64, u32),
    asked: u64,
    until: u64,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_asset_is_ever_held_over_its_value_and_courts_know_the_truth(
        steps in steps(), exclusive in any::<bool>(),
    ) {
        let value = (!exclusive).then_some(100);
        with_state(value, |ex| -> Result<(), TestCaseError> {
            let mut value = value.unwrap_or(0);
            let mut reference: BTreeMap<u16, Stands> = BTreeMap::new();
            let mut mirror: BTreeMap<u16, HoldSummary> = BTreeMap::new();
            let mut now = 0u64;
            let mut next = 0u16;
            for step in steps {
                match step {
                    Step::Place { arrival, asked, days } => {
                        next += 1;
                        let number = u32::from(next) - 1;
                        let until = now + days;
                        reference.insert(next, Stands { place: (arrival, number), asked, until });
                        let effect = if exclusive { Effect::HoldExclusive } else { Effect::HoldDivisible };
                        let order = order(next, arrival, until);
                        let (_, summary) = put(ex, order, effect, (!exclusive).then_some(asked));
                        mirror.insert(next, summary);
                    }
                    Step::Release(which) => {
                        let Some(number) = reference.keys().nth(which).copied() else { continue };
                        let by = order(200, 99, 1_000);
                        prop_assert!(changes::release(ex, &by, (ASSET, u32::from(number) - 1), None).is_ok());
                        reference.remove(&number);
                    }
                    Step::Pass(seconds) => {
                        now += seconds;
                        ex.time = Time::UNIX_EPOCH.plus_seconds(now);
                        crate::due::run(ex).expect("no fault");
                        reference.retain(|_, stands| stands.until > now);
                    }
                    Step::Revalue(wanted) => {
                        let held = held_in_all(ex, &ASSET).expect("no fault");
                        if exclusive || wanted < held { continue }
                        value = wanted;
                        let standing = asset(ex, &ASSET).expect("the asset");
                        let changed = Asset { value: Some(Amount::cny(wanted)), ..standing };
                        ex.state.write(&StatePath::Asset(ASSET), &changed);
                        let at = ex.now();
                        settle(ex, &ASSET, at, None, None).expect("no fault");
                    }
                }
                for notice in notices(ex) {
                    mirror.insert(number_of(notice.order), notice.hold);
                }

                // Order of arrival decides, and nobody gets more than is left.
                let mut order: Vec<_> = reference.iter().collect();
                order.sort_by_key(|(_, stands)| stands.place);
                let (mut left, mut first) = (value, true);
                for (number, stands) in order {
                    let hold = read(ex, &ASSET, u32::from(*number) - 1).expect("the hold");
                    let share = stands.asked.min(left);
                    left -= share;
                    let active = if exclusive { first } else { share > 0 };
                    first = false;
                    prop_assert_eq!(hold.state == HoldState::Active, active);
                    prop_assert_eq!(hold.held, (!exclusive).then(|| Amount::cny(share)));
                    let received = crate::notices::received(ex, &client(), &id(*number)).expect("no fault").expect("the order");
                    prop_assert_eq!(received.state == OrderState::Executed, active);
                    let known = &mirror[number];
                    prop_assert_eq!(known.held, hold.held);
                    if exclusive { prop_assert_eq!(known.ahead == 0, active); }
                }
                prop_assert!(held_in_all(ex, &ASSET).expect("no fault") <= value);
                prop_assert_eq!(standing(ex, &ASSET).expect("no fault").len(), reference.len());
            }
            // Notices of an order are numbered from 1 without gaps.
            let mut counts: BTreeMap<OrderId, u32> = BTreeMap::new();
            for notice in notices(ex) {
                let count = counts.entry(notice.order).or_default();
                *count += 1;
                prop_assert_eq!(notice.number, *count);
            }
            Ok(())
        })?;
    }
}
