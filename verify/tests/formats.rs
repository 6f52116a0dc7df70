//! Pins every encoding that is signed, hashed or kept: one value of each type, and the SHA-256 of its bytes. A pin that
//! fails means that what was signed before no longer verifies: take a new tag instead. The table of `docs/formats.md` and
//! the pins name the same tags.
#![allow(clippy::unwrap_used)]

#[path = "formats/deposits.rs"]
mod deposits;
mod world;

use comity_model::agreement::{
    Act, AgreementEntry, AgreementState, Confirmation, Deed, Default, Fact, Filing, Instalment, Opens, Party,
    PartyRole, Payment, PaymentsAt, Standing, Stop, Terms,
};
use comity_model::asset::{Arrival, Asset, AssetStatus, Enforcement, Hold, HoldState, OpenObjection, Origin};
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::consent::Consent;
use comity_model::event::Event;
use comity_model::genesis::Genesis;
use comity_model::governance::{Action, Governors, Proposal, ValidatorUpdate};
use comity_model::member::{Member, MemberKind, Officer, Validity};
use comity_model::obligation::{Claim, Obligation, ProposedRelease};
use comity_model::order::{
    Approval, ApprovalClass, Decision, DecisionVerdict, Delivery, Grounds, HoldSummary, Notice, NoticeEvent, Objection,
    Order, OrderEntry, OrderResult, OrderState, Outcome, PrivateAnswer, PrivatePart, ReceivedOrder, SealedOrder,
};
use comity_model::packet::{PORT_ORDERS, Packet, Payload};
use comity_model::profile::{Effect, KindRule, ObjectionRule, Profile, Unanswered};
use comity_model::record::{Date, Field, FieldValue, HeldVersion, Opening, RecordReceipt, RecordState, RecordStatus};
use comity_model::seal::{HashAlgorithm, PublicKey, Signature, Suite, Suites};
use comity_model::state::StatePath;
use comity_model::tx::{AssetBatch, Message, RecordBatch, TxBody};
use comity_model::{
    AgreementId, Amount, AssetHandle, Hash, Height, ObligationId, OrderId, RequestId, UnixSeconds, encode,
};
use comity_verify::agreement;
use comity_verify::order as verify;
use comity_verify::seal::signing_bytes;
use comity_verify::{fields, following, lookup, packet, state};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Compares each value's digest with its pin, and shows all that differ at once, as they would have to be written.
fn compare(found: &[(&str, Hash)], pinned: &[(&str, &str)]) {
    let differing: Vec<_> = found
        .iter()
        .filter(|(name, hash)| !pinned.contains(&(name, hash.to_string().as_str())))
        .map(|(name, hash)| format!("    (\"{name}\", \"{hash}\"),"))
        .collect();
    assert!(differing.is_empty(), "these encodings are not as pinned:\n{}", differing.join("\n"));
    assert_eq!(found.len(), pinned.len(), "a pin without a value");
}

fn sha256(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

#[test]
fn what_is_signed_or_hashed_under_a_tag_stays_as_it_is() {
    let found: Vec<_> = tagged().into_iter().map(|(tag, bytes)| (tag, sha256(&bytes))).collect();
    compare(&found, TAGGED);
}

#[test]
fn what_stands_in_state_and_packets_stays_as_it_is() {
    let found: Vec<_> = values().into_iter().map(|(name, bytes)| (name, sha256(&bytes))).collect();
    compare(&found, VALUES);
}

#[test]
fn paths_and_keys_in_state_stay_as_they_are() {
    let found: Vec<_> = paths().into_iter().map(|(name, path)| (name, Hash(state::key(&path)))).collect();
    compare(&found, PATHS);
}

#[test]
fn the_table_of_formats_and_the_pins_name_the_same_tags() {
    let text = include_str!("../../docs/formats.md");
    let documented: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `comity/"))
        .filter_map(|rest| rest.split_once('`'))
        .map(|(tag, _)| format!("comity/{tag}"))
        .collect();
    let pinned: BTreeSet<_> =
        TAGGED.iter().map(|(tag, _)| *tag).chain(PINNED_ELSEWHERE).map(ToOwned::to_owned).collect();
    assert_eq!(documented, pinned);
}

/// Tags whose bytes are made and pinned beside the code that alone uses them.
const PINNED_ELSEWHERE: [&str; 7] = [
    "comity/index-row/v1",
    "comity/indexes/v1",
    "comity/objection-grounds-hpke/v1",
    "comity/order-answer-hpke/v1",
    "comity/order-private-hpke/v1",
    "comity/proposal-stop/v1",
    "comity/search-hpke/v1",
];

fn tagged() -> Vec<(&'static str, Vec<u8>)> {
    let approvals = vec![approval()];
    let mut tagged = vec![
        ("comity/order/v2", signing_bytes("comity/order/v2", &order())),
        ("comity/order-seal/v2", signing_bytes("comity/order-seal/v2", &(order(), approvals))),
        ("comity/delivery/v1", signing_bytes("comity/delivery/v1", &delivery())),
        ("comity/order-private/v1", signing_bytes("comity/order-private/v1", &private_part())),
        ("comity/order-answer/v1", signing_bytes("comity/order-answer/v1", &private_answer())),
        ("comity/objection-grounds/v1", signing_bytes("comity/objection-grounds/v1", &grounds())),
        ("comity/decision/v2", signing_bytes("comity/decision/v2", &decision())),
        ("comity/objection/v1", signing_bytes("comity/objection/v1", &objection())),
        ("comity/designated-account/v1", verify::account(&private_part(), "3301 0001").0.to_vec()),
        ("comity/claim/v1", verify::claim(&claim()).0.to_vec()),
        ("comity/agreement-deed/v1", signing_bytes("comity/agreement-deed/v1", &deed())),
        ("comity/agreement-seal/v1", agreement::seal_bytes(&deed(), &approval())),
        ("comity/agreement-party/v1", agreement::party(&[8; 32], "某公司", "91330100").0.to_vec()),
        ("comity/agreement-text/v1", agreement::text(&[8; 32], &Hash([9; 32])).0.to_vec()),
        ("comity/payment-reference/v1", payment_reference()),
        ("comity/records/v1", signing_bytes("comity/records/v1", &records())),
        ("comity/assets/v2", signing_bytes("comity/assets/v2", &assets())),
        ("comity/proposal/v1", signing_bytes("comity/proposal/v1", &proposal())),
        ("comity/tx/v1", signing_bytes("comity/tx/v1", &tx())),
        ("comity/field/v1", fields::leaf(HashAlgorithm::Sha256, &opening("holder")).0.to_vec()),
        ("comity/fields/v1", fields_root(HashAlgorithm::Sha256)),
        ("comity/fields-sm3/v1", fields_root(HashAlgorithm::Sm3)),
        ("comity/state-key/v1", state::key(&StatePath::Governors).to_vec()),
        ("comity/receipt/v1", packet::receipt(&packet()).0.to_vec()),
        ("comity/lookup/v1", lookup::input(&"accounts".parse().unwrap(), "99010619870412037x")),
        ("comity/record-receipt/v1", signing_bytes("comity/record-receipt/v1", &record_receipt())),
        ("comity/holding/v1", record_receipt().holding.to_vec()),
        ("comity/record-id/v1", lookup::record_input(&"accounts".parse().unwrap(), &"6222020001".parse().unwrap())),
        ("comity/consent/v1", signing_bytes("comity/consent/v1", &consent())),
    ];
    tagged.extend(deposits::tagged());
    tagged
}

fn payment_reference() -> Vec<u8> {
    let court = "court".parse().unwrap();
    let id = agreement::reference(&AssetHandle([6; 32]), &court, &AgreementId([15; 16]), 1);
    id.as_str().as_bytes().to_vec()
}

fn consent() -> Consent {
    Consent {
        keeper: "justice".parse().unwrap(),
        sector: "lawyers".parse().unwrap(),
        record: "19901201411001024".parse().unwrap(),
        reader: "court".parse().unwrap(),
        purpose: "appointment".into(),
        from: UnixSeconds(1_700_000_000),
        until: UnixSeconds(1_700_086_400),
    }
}

fn fields_root(algorithm: HashAlgorithm) -> Vec<u8> {
    fields::root(algorithm, &[opening("holder"), opening("status")]).unwrap().0.to_vec()
}

fn values() -> Vec<(&'static str, Vec<u8>)> {
    let validators = world::set(&[(1, 10), (2, 20), (3, 30)]);
    let block = world::block(world::header(7, &validators, &validators, Hash([9; 32])), &validators, &[1, 2, 3]);
    let trusted = world::pin(&block);
    vec![
        ("Genesis", encode(&genesis())),
        ("ClientState", encode(&client())),
        ("ConsensusState", encode(trusted.consensus_state())),
        ("LightBlock", encode(&block)),
        ("Anchor", encode(&world::anchor(&block))),
        ("Packet", encode(&packet())),
        ("SealedOrder", encode(&sealed())),
        ("OrderEntry", encode(&order_entry())),
        ("ReceivedOrder", encode(&received())),
        ("Notice", encode(&notice())),
        ("Hold", encode(&hold())),
        ("Obligation", encode(&obligation())),
        ("AgreementEntry", encode(&agreement_entry())),
        ("Event", encode(&Event::OrderChanged { order: OrderId([5; 16]), state: OrderState::Executed })),
        ("FieldValue", encode(&every_value())),
        ("LogState", encode(&deposits::log_state())),
        ("Entry", encode(&deposits::entry())),
        ("Deposited", encode(&deposits::deposited())),
        ("WitnessedDeposit", encode(&deposits::witnessed())),
        ("StampedDeposit", encode(&deposits::stamped())),
        ("RenewedBundle", encode(&deposits::renewed())),
    ]
}

fn paths() -> Vec<(&'static str, StatePath)> {
    let member = || "court".parse().unwrap();
    let client = || "client-court-1".parse().unwrap();
    let sector = || "accounts".parse().unwrap();
    let handle = AssetHandle([6; 32]);
    vec![
        ("members", StatePath::Member(member())),
        ("officers", StatePath::Officer(member(), "J-1001".parse().unwrap())),
        ("profiles", StatePath::Profile(sector())),
        ("governors", StatePath::Governors),
        ("records", StatePath::Record(sector(), "6222".parse().unwrap())),
        ("foreign", StatePath::Foreign(client(), member())),
        ("clients", StatePath::Client(client())),
        ("consensus", StatePath::Consensus(client(), Height(7))),
        ("packets", StatePath::Commitment(client(), 3)),
        ("receipts", StatePath::Receipt(client(), 3)),
        ("acks", StatePath::Acknowledgement(client(), 3)),
        ("sequences", StatePath::Sequence(client())),
        ("orders", StatePath::Order(OrderId([5; 16]))),
        ("received", StatePath::Received(client(), OrderId([5; 16]))),
        ("requests", StatePath::Request(member(), RequestId([4; 16]))),
        ("obligations", StatePath::Obligation(member(), ObligationId([7; 16]))),
        ("agreements", StatePath::Agreement(member(), AgreementId([15; 16]))),
        ("assets", StatePath::Asset(handle)),
        ("holds", StatePath::Hold(handle, 2)),
        ("headers", StatePath::Headers),
        ("deposits", StatePath::Deposits(member())),
        ("indexes", StatePath::Indexes),
    ]
}

fn order() -> Order {
    Order {
        id: OrderId([5; 16]),
        request: RequestId([4; 16]),
        source_chain: "court-1".parse().unwrap(),
        source_client: "client-finance-1".parse().unwrap(),
        dest_client: "client-court-1".parse().unwrap(),
        court: "court".parse().unwrap(),
        recipient: "finance".parse().unwrap(),
        sector: "accounts".parse().unwrap(),
        kind: "freeze".parse().unwrap(),
        effect: Effect::Deduct,
        original: Some(OrderId([3; 16])),
        amount: Some(Amount::cny(1_250_000)),
        account: Some(Hash([11; 32])),
        obligation: Some(Hash([12; 32])),
        private_digest: Hash([7; 32]),
        approval: ApprovalClass::Double,
        issued_at: UnixSeconds(1_700_000_000),
        deliver_by: UnixSeconds(1_700_003_600),
        decide_by: UnixSeconds(1_700_086_400),
        hold_until: UnixSeconds(1_731_536_000),
    }
}

fn signature() -> Signature {
    Signature::ed25519([0x5a; 64])
}

fn approval() -> Approval {
    Approval { officer: "J-1001".parse().unwrap(), signature: signature() }
}

fn record_receipt() -> RecordReceipt {
    let (keeper, holder) = ("credit".parse().unwrap(), "court".parse().unwrap());
    let (sector, record) = ("credit".parse().unwrap(), "SX-2026-0001".parse().unwrap());
    let holding = following::holding((&keeper, &sector, &record), (&holder, "officer"));
    let held = Some(HeldVersion { version: 2, root: Hash([7; 32]), height: Height(9) });
    let (chain, at) = ("credit-1".parse().unwrap(), UnixSeconds(1_700_000_060));
    RecordReceipt { holder, keeper, chain, sector, record, holding, held, at }
}

fn grounds() -> Grounds {
    Grounds { salt: [3; 32], order: OrderId([5; 16]), text: "wages of third parties".into() }
}

fn delivery() -> Delivery {
    Delivery {
        order: OrderId([5; 16]),
        recipient: "finance".parse().unwrap(),
        private_digest: Hash([7; 32]),
        received_at: UnixSeconds(1_700_000_060),
    }
}

fn sealed() -> SealedOrder {
    SealedOrder {
        order: order(),
        approvals: vec![approval()],
        seal: signature(),
        delivery: delivery(),
        delivery_seal: signature(),
    }
}

fn private_part() -> PrivatePart {
    PrivatePart { salt: [8; 32], order: OrderId([5; 16]), fields: vec![field("account", every_value().remove(0))] }
}

fn private_answer() -> PrivateAnswer {
    PrivateAnswer { salt: [8; 32], order: OrderId([5; 16]), fields: vec![field("account", every_value().remove(0))] }
}

fn decision() -> Decision {
    Decision {
        chain: "finance-1".parse().unwrap(),
        client: "client-court-1".parse().unwrap(),
        order: OrderId([5; 16]),
        verdict: DecisionVerdict::Execute { asset: AssetHandle([6; 32]), amount: Some(Amount::cny(1_250_000)) },
        answer_digest: Some(Hash([2; 32])),
    }
}

fn records() -> RecordBatch {
    let state = RecordState {
        schema: Hash([1; 32]),
        root: Hash([2; 32]),
        status: RecordStatus::Current,
        version: 1,
        updated_at: UnixSeconds(1_700_000_000),
    };
    RecordBatch {
        chain: "court-1".parse().unwrap(),
        member: "court".parse().unwrap(),
        sector: "judgments".parse().unwrap(),
        records: vec![("(2025)浙01民终1234号".parse().unwrap(), state)],
    }
}

fn assets() -> AssetBatch {
    AssetBatch {
        chain: "finance-1".parse().unwrap(),
        member: "finance".parse().unwrap(),
        assets: vec![Asset {
            handle: AssetHandle([6; 32]),
            sector: "accounts".parse().unwrap(),
            institution: "finance".parse().unwrap(),
            enforcement: Enforcement::Attested,
            value: Some(Amount::cny(9_000_000)),
            holds: 0,
            revision: 3,
            status: AssetStatus::Standing,
        }],
    }
}

fn proposal() -> Proposal {
    Proposal {
        chain: "court-1".parse().unwrap(),
        number: 4,
        action: Action::CreateClient { client: client(), block: vec![1, 2, 3] },
        evidence: Hash([3; 32]),
    }
}

fn tx() -> TxBody {
    TxBody {
        chain: "finance-1".parse().unwrap(),
        sender: world::public(1),
        salt: [1; 8],
        messages: vec![
            Message::Decide { decision: decision(), seal: signature() },
            Message::Receive { packet: packet(), proof: vec![1], height: Height(9) },
        ],
    }
}

fn packet() -> Packet {
    Packet {
        sequence: 3,
        source_client: "client-finance-1".parse().unwrap(),
        dest_client: "client-court-1".parse().unwrap(),
        timeout: UnixSeconds(1_700_003_600),
        payloads: vec![Payload::canonical(PORT_ORDERS, vec![1, 2, 3])],
    }
}

fn client() -> ClientState {
    ClientState {
        id: "client-finance-1".parse().unwrap(),
        kind: ClientKind::Comet,
        chain: "finance-1".parse().unwrap(),
        counterparty: "client-court-1".parse().unwrap(),
        anchor: AnchorPoint { height: Height(1), header_hash: Hash([1; 32]), validators_hash: Hash([2; 32]) },
        trusting_period_s: 1_209_600,
        clock_drift_s: 10,
        operators: 1,
        suites: Suites::NATIVE.with(Suite::Sm2Sm3),
        usable_from: UnixSeconds(1_700_000_000),
        latest: Height(12),
        status: ClientStatus::Active,
    }
}

fn genesis() -> Genesis {
    let validity = Validity {
        from: UnixSeconds(1_700_000_000),
        until: UnixSeconds(1_763_000_000),
        compromised_since: Some(UnixSeconds(1_750_000_000)),
    };
    let key = PublicKey::ed25519(world::public(2));
    Genesis {
        chain: "finance-1".parse().unwrap(),
        time: world::at(0),
        validators: vec![ValidatorUpdate { public_key: world::public(1), power: 10 }],
        governors: Governors { keys: vec![key.clone()], threshold: 1, delay_s: 3_600, next: 0 },
        client_kinds: vec![ClientKind::Comet],
        suites: Suites::NATIVE,
        members: vec![Member {
            id: "finance".parse().unwrap(),
            home: "finance-1".parse().unwrap(),
            kind: MemberKind::Finance,
            names: vec!["某银行".into(), "A Bank".into()],
            seal_key: key.clone(),
            encryption_key: [4; 32],
            operators: vec![world::public(3)],
            gateway: "127.0.0.1:7101".into(),
            ca_fingerprint: Hash([5; 32]),
            validity,
        }],
        officers: vec![Officer { member: "finance".parse().unwrap(), id: "J-1001".parse().unwrap(), key, validity }],
        profiles: vec![Profile {
            sector: "accounts".parse().unwrap(),
            institution: "finance".parse().unwrap(),
            kinds: vec![KindRule {
                kind: "freeze".parse().unwrap(),
                effect: Effect::HoldDivisible,
                period_days_max: 365,
                decide_within_s: 86_400,
                two_approvals_from: Some(Amount::cny(10_000_000)),
                confirm_within_s: Some(172_800),
                objection: Some(ObjectionRule { answer_within_s: 1_296_000, unanswered: Unanswered::Stands }),
            }],
        }],
    }
}

fn summary() -> HoldSummary {
    HoldSummary {
        state: HoldState::Active,
        held: Some(Amount::cny(1_000_000)),
        asked: Some(Amount::cny(1_250_000)),
        deducted: Some(Amount::cny(250_000)),
        ahead: 1,
        until: UnixSeconds(1_731_536_000),
        objection: Some(open_objection()),
    }
}

fn result() -> OrderResult {
    OrderResult {
        order: OrderId([5; 16]),
        outcome: Outcome::Executed(summary()),
        effective_at: UnixSeconds(1_700_000_100),
        height: Height(14),
        answer_digest: Some(Hash([2; 32])),
    }
}

fn notice() -> Notice {
    Notice {
        order: OrderId([5; 16]),
        number: 1,
        event: NoticeEvent::Activated,
        hold: summary(),
        at: UnixSeconds(1_700_000_200),
        cause: Some(OrderId([9; 16])),
    }
}

fn order_entry() -> OrderEntry {
    OrderEntry {
        sealed: sealed(),
        sequence: 3,
        state: OrderState::Executed,
        result: Some(result()),
        notice: Some(notice()),
        obligation: Some(ObligationId([7; 16])),
        changed_at: UnixSeconds(1_700_000_110),
    }
}

fn received() -> ReceivedOrder {
    ReceivedOrder {
        sealed: sealed(),
        arrival: arrival(),
        sequence: 3,
        client: "client-court-1".parse().unwrap(),
        state: OrderState::Executed,
        result: Some(result()),
        hold: Some((AssetHandle([6; 32]), 2)),
        notices: 1,
    }
}

fn arrival() -> Arrival {
    Arrival { height: Height(13), tx: 2, message: 1 }
}

fn hold() -> Hold {
    Hold {
        asset: AssetHandle([6; 32]),
        number: 2,
        order: OrderId([5; 16]),
        court: "court".parse().unwrap(),
        origin: Origin {
            chain: "court-1".parse().unwrap(),
            client: "client-court-1".parse().unwrap(),
            counterparty: "client-finance-1".parse().unwrap(),
        },
        arrival: arrival(),
        asked: Some(Amount::cny(1_250_000)),
        held: Some(Amount::cny(1_000_000)),
        deducted: Some(Amount::cny(250_000)),
        state: HoldState::Active,
        until: UnixSeconds(1_731_536_000),
        unconfirmed: Some(UnixSeconds(1_731_536_000)),
        objection: Some(open_objection()),
        objections: 1,
        content: Hash([7; 32]),
    }
}

fn open_objection() -> OpenObjection {
    OpenObjection {
        reason: "WAGES".parse().unwrap(),
        grounds: Some(Hash([13; 32])),
        answer_by: UnixSeconds(1_701_296_200),
        unanswered: Unanswered::Released,
    }
}

fn objection() -> Objection {
    Objection {
        chain: "finance-1".parse().unwrap(),
        client: "client-court-1".parse().unwrap(),
        order: OrderId([5; 16]),
        reason: "WAGES".parse().unwrap(),
        grounds: Some(Hash([13; 32])),
    }
}

fn claim() -> Claim {
    Claim { obligation: ObligationId([7; 16]), claimed: Amount::cny(5_000_000), salt: [14; 32] }
}

fn obligation() -> Obligation {
    Obligation {
        court: "court".parse().unwrap(),
        claimed: Amount::cny(5_000_000),
        orders: vec![OrderId([5; 16])],
        controlled: 6_000_000,
        reserved: 1_250_000,
        obtained: 250_000,
        proposed: vec![ProposedRelease { order: OrderId([5; 16]), amount: Amount::cny(1_000_000) }],
    }
}

fn terms() -> Terms {
    Terms {
        text: Hash([16; 32]),
        parties: vec![
            Party { role: PartyRole::Creditor, commitment: Hash([17; 32]) },
            Party { role: PartyRole::Debtor, commitment: Hash([18; 32]) },
        ],
        instalments: vec![Instalment { amount: Amount::cny(500_000), due_at: UnixSeconds(1_700_086_400) }],
        payments: PaymentsAt {
            client: "client-finance-1".parse().unwrap(),
            sector: "payments".parse().unwrap(),
            account: AssetHandle([6; 32]),
        },
        rule: "mediation-agreement".parse().unwrap(),
        rule_digest: Hash([19; 32]),
        opens: Opens::Trial,
        opens_confirmed: Opens::Enforcement,
        hold_s: 259_200,
    }
}

fn deed() -> Deed {
    Deed {
        chain: "court-1".parse().unwrap(),
        court: "court".parse().unwrap(),
        agreement: AgreementId([15; 16]),
        act: Act::Conclude(terms()),
    }
}

fn agreement_entry() -> AgreementEntry {
    let at = UnixSeconds(1_700_000_000);
    let fact = Fact {
        chain: "finance-1".parse().unwrap(),
        height: Height(20),
        time: world::at(20),
        header_hash: Hash([21; 32]),
        noted: Height(22),
    };
    AgreementEntry {
        id: AgreementId([15; 16]),
        court: "court".parse().unwrap(),
        terms: terms(),
        concluded_at: at,
        confirmation: Some(Confirmation { ruling: Hash([23; 32]), officer: "J-1001".parse().unwrap(), at }),
        instalments: vec![Standing {
            due: true,
            paid: Some(Payment { amount: Amount::cny(500_000), paid_at: at, fact: fact.clone() }),
        }],
        state: AgreementState::Stopped,
        default: Some(Default { instalment: 0, fact, at, opens_at: at.plus(259_200) }),
        stop: Some(Stop {
            reason: "PARTIES_SETTLED".parse().unwrap(),
            ruling: Hash([24; 32]),
            officer: "J-1001".parse().unwrap(),
            at,
        }),
        filing: Some(Filing { opens: Opens::Trial, opened_at: at, height: Height(30), unpaid: Amount::cny(1) }),
    }
}

fn field(name: &str, value: FieldValue) -> Field {
    Field { name: name.parse().unwrap(), value }
}

fn opening(name: &str) -> Opening {
    Opening { salt: [1; 16], field: field(name, FieldValue::Text("某律师事务所".into())) }
}

fn every_value() -> Vec<FieldValue> {
    vec![
        FieldValue::Text("某银行".into()),
        FieldValue::Integer(-1),
        FieldValue::Boolean(true),
        FieldValue::Date(Date::new(2025, 2, 28).unwrap()),
        FieldValue::Time(UnixSeconds(1_700_000_000)),
        FieldValue::Amount(Amount::cny(1)),
        FieldValue::Digest(Hash([1; 32])),
        FieldValue::Texts(vec!["a".into(), "b".into()]),
    ]
}

const TAGGED: &[(&str, &str)] = &[
    ("comity/order/v2", "034c1afdf4c9612037641e3ab94b7ed254a5ba8b62b0a822510b2283c1b86eb2"),
    ("comity/order-seal/v2", "8a82a0850e9471f80bee2cd7ff8f88ecfa274ad829d88a8a4fe57a9813fbf3c2"),
    ("comity/delivery/v1", "5c8161a5f8c1e50dd6c4ca9b3a1e06448e7cb5a0177102b68208d6a7deb9b538"),
    ("comity/order-private/v1", "219838a129c70da5d63476604a4ca35450e9e0d6fc68db2c47d6dac06a099103"),
    ("comity/order-answer/v1", "70d681486804a60a344e34522430c257140d1ff54c574f4f134434da939092a9"),
    ("comity/objection-grounds/v1", "f3b6884001ae6bd631cf0dc49a0e9d176257b038e7fee7297fa9a3e9cc3150ae"),
    ("comity/decision/v2", "1dfe1100ecbc6b8290c013945aebf7bdcba39bdbb3156118bef3c75cbfed0fdc"),
    ("comity/objection/v1", "c3360fdc24c5f77b5134c1f4d95467b0bf0e03f6d534d49f0109653079dcec97"),
    ("comity/designated-account/v1", "d75cd0c68411f005c057364068b2ed9bcac47aa229eaaea477d66b24f69bf1a6"),
    ("comity/claim/v1", "2f9dcb5434f76168db2d548defa1e38e456c5426990abf40f6925969d6a6ece8"),
    ("comity/agreement-deed/v1", "1954356cb0c6c31aa7d82aa587ccdeb5af3ac2f4f24bbd33a307dcf4da0a73d5"),
    ("comity/agreement-seal/v1", "3763256a5538c8cb57fc278192075817f81b2f5831adefc87640499f03aea612"),
    ("comity/agreement-party/v1", "80c709544c713c9dbe75ac69e9c85d4d7e4b8f5f2809bd77aa6155654885ee04"),
    ("comity/agreement-text/v1", "c005e0c16618ffba16d21904f8fed7f38f76891de0c537eaaa961b869cd2cb7c"),
    ("comity/payment-reference/v1", "168ccb02b5681ca17d31499e7b3f67f9c3384eb9673010d6dec2e02267dbde57"),
    ("comity/records/v1", "0c3d801088eca26f0ea268a7624e6c898105beb2f54ac765ff666c6a915aa0f3"),
    ("comity/assets/v2", "4f3054dca97759d8513ee110982501ce4e0671009638bcf4484f6dfee74483f4"),
    ("comity/proposal/v1", "9dcc99e4e1d86edbb863c2b40002475a34beff3ab71920e66b0d83074ee362e8"),
    ("comity/tx/v1", "0e4b629f00d999b1cc723b2159bafe174e8f902475bc07a9fe59c0ab08647d96"),
    ("comity/field/v1", "2e860fc6eef76c5f9c89f191f2f02376914cf904b9c76a226b40f11c370c353d"),
    ("comity/fields-sm3/v1", "8e487b81877168b801d2fb16fd96824de081c5c23b9b8a7a5bac4aa38fdefa4b"),
    ("comity/fields/v1", "7b42601b976f822faa5be43d1721f7225fa11ec22c46484ab9ec174104b2d66e"),
    ("comity/state-key/v1", "81b84d3805a8104c45ac004f14e36d98edd248c91b60bc719329c7d7fade12f6"),
    ("comity/receipt/v1", "e184e12ea3ebb1c23c092c5d388c155a36937a75a8057e8643f9210298bcae0e"),
    ("comity/record-id/v1", "76da7bfc141d545278157e1cf64a6392df35768de9452e6017e332edb02e2c53"),
    ("comity/lookup/v1", "32906b3660ea3f6967461cd0ea2c684fb8726afc4edb240a0fc5d1d548a6bb0c"),
    ("comity/consent/v1", "f01cde27d76bc6cb2b5a4dffb47da7673c70194e8b24e7262bda81f01c25aa76"),
    ("comity/record-receipt/v1", "3c60abb0b7dfef4292f9c3a2f7915556b73d1b544c4ef102a0f57315a992bc21"),
    ("comity/holding/v1", "46d841ba2f407018a99f82dae35a25a9773c22d3a0ae0519baedd919425a882b"),
    ("comity/deposit-content/v1", "4b6e47a9f2c1fbb4c338cf66bd326330de972ae420d5ac70bd8c99d19a8d34b1"),
    ("comity/deposit-statement/v1", "299a6ec51e099e21432a5392e6858c93e124f056ded36d21006fc7266a0b07fd"),
    ("comity/deposits/v1", "4b145487f10eef0f0379c799b5688929a4af26cecd74f15f85fedadf0dde367a"),
    ("comity/log-head/v1", "25055151f37059caca4f8905855c745a74afc4f293bfdd12523ded0e42bbab22"),
];

const VALUES: &[(&str, &str)] = &[
    ("Genesis", "f0fe705e015d9004884b2553a10df5d4186cbad7ec176d6240faf2ad212451bf"),
    ("ClientState", "99af748cdc4ba4ebad40b924a5bf8e8fa356a17392695724b1f93f732d9f3778"),
    ("ConsensusState", "af09983b9103753bb0b3a8a8e5b1d7ceab9676d8b1f88824678d9f0943a45378"),
    ("LightBlock", "99678f55defb34abfb8ec2d7ddef94e843e6fd2185b7e9e2fabf7111e710e994"),
    ("Anchor", "20a3c34f34db271cba0537cf264276d819424bae35270f2bd9f8659108bc1cb9"),
    ("Packet", "746622613f29f4e3b5e1deab771f7c583180b9fa78661b5bc0241eac43b3f4c9"),
    ("SealedOrder", "9ae8f6900c32454e7b5c9b6f9aac67b68be1827ef4848934e86daa73e143727b"),
    ("OrderEntry", "6029eb92a2eb4e2d9fa79839bc94f18888662c21537aeb4f6abd3c750fe386a3"),
    ("ReceivedOrder", "636171341374dfc44eda565599f0e34c669c058c1d64d5f52660d3da81083e26"),
    ("Notice", "07a5ba7b92b485fe5b105a37c9143d1b7387188342f9e78b2f579f11e5df376f"),
    ("Hold", "86c29d6385d551861f186ee7ce0f425f9ff62d6cc2737cc63a8872aafdb029f2"),
    ("Obligation", "4bf73e50e0432709e85a3569e99b9608c1cd77fd33af518faa0b972ed06eac41"),
    ("AgreementEntry", "c867c54feb0ae44a99c2cea2c7396650053115fcb9e61bba9e0d8b1c41b48bb6"),
    ("Event", "50ebeb50ca418e52d6b7ffbfac8f3bc1703e3980c38f90afafc60c70d2999fc0"),
    ("LogState", "db2bd1b23d584944a183a3c14a8c6b1f8916b3b13e340d692825c9e056ac9b65"),
    ("Entry", "4a5c573607347bf5440a65ddd2f66a55fbec842c51f99326b8259ee6f6f80424"),
    ("Deposited", "8638332d53e629347ced3575859d25e6655f4d9dee03f5d98c30f4b5a67956c8"),
    ("RenewedBundle", "a5cfffa703049dc8d3fb6b71afb15eb3286edb10d6f0e47d91031ffa44d1ef68"),
    ("StampedDeposit", "f9ff18536f2610c6c61bd68b204a9b71e7381183abb55aac84f061894d031d24"),
    ("WitnessedDeposit", "c77d01e6c253a7bb5d7fd40310b12ce37e23390dd22ed6b99240573d88d5e46e"),
    ("FieldValue", "95e51166c6616907778a3ae919c6598934c7b74fec42b1d7a106645577cef86e"),
];

const PATHS: &[(&str, &str)] = &[
    ("members", "c41347aa554b62db4059b114e407fce3c88aff6f78d55eff3528fb69653aa82d"),
    ("officers", "4c21105819fe5ec1d628342a124ffbd253f5afd1911af68f2891ed6b9dd3ef69"),
    ("profiles", "3e5fb30f7291c20a3b7791b20c10aabb6e6c2855d9627659952a6b81c77214a5"),
    ("governors", "6932f0907c0d26b4eef4ad018ed4f8be3ca91e407a91ea9b6be2abf4fc65c5af"),
    ("records", "1e5ce503d5b6319ca125dd52289af4f3afd357569d0277cc2cae21e9e2dde190"),
    ("foreign", "5a706968a7d75c32fb5c3e2caa8f7a8a7766f9af1fae29d22eb1b66eba4f4350"),
    ("clients", "2002e6e8db3f41ff0df563691aa1140bd33895fa35a766dc4d9d16af9c03038b"),
    ("consensus", "caa18342959a2801902e870a95d3eb3a2d6faf09004dd961f395e2909f83b063"),
    ("packets", "146f1fce82e7e3ad1f1d06ce4b90205439bd62a5487da8bc3d04f7493655eae2"),
    ("receipts", "d15f64d6bee830ae201009ae6e7f59ca4c7afb2c33c8502800219600be8a88c1"),
    ("acks", "bc5e4c5038c990a8e2ddd08276e7b207e3fe70b7dd094061a94d727670efb1d1"),
    ("sequences", "7c0b9530f5043e0990933bc0360e7cd3ccd39abb9b6a50b6d6976dc282900957"),
    ("orders", "265520013b9c501bf941a7880b9a6b73c3a9beaf4f94758dd74152434504fd61"),
    ("received", "688fb9ec691aed3e7b3c3f13f06d26409942c7803091e8ef9e3ca51607cf4c01"),
    ("requests", "672aeb4cb2be4928bb8ceccab83306a65949273157f5e07d283819e02b3be0aa"),
    ("obligations", "c68581904a7c5e62acf107ef1b381e26fe48eb4d0c41647075ff0d6222b1235c"),
    ("agreements", "8afbf2ef8dfb4469bf04c1b4ebf54cff8b60fa064ecc8206480c3071830291e7"),
    ("assets", "790fad1db6c08cd23fa7d728d8e4b39519fd80ad8947ad5834d9dc469a28cfbc"),
    ("holds", "3ea3b37f2eeaa98f6ed36ea2a814ac085f81355f2484c486a92b55282a56494d"),
    ("deposits", "5658001786d351d42b31bc3c4501c51632c6eb0e72bb21bc34ef2465e39dc203"),
    ("headers", "65d327d81c3d51635751ba7a7849ef830223c0dda0a09525391bed16a2b0a44a"),
    ("indexes", "47a71934b03deb9cb0d37ff7ce4b502be21e0831062cd0f71c7f3c8340865141"),
];
