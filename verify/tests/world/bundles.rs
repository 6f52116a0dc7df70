//! One bundle of each kind over a small chain: a record shown in part, an absence, an archive, orders.
#![allow(dead_code, clippy::unwrap_used)]

use crate::world::{State, anchor, block, header, pin, set};
use comity_model::asset::Arrival;
use comity_model::order::{
    Approval, ApprovalClass, Delivery, Order, OrderEntry, OrderState, ReceivedOrder, SealedOrder,
};
use comity_model::profile::Effect;
use comity_model::record::{Field, FieldValue, Opening, RecordState, RecordStatus};
use comity_model::seal::{HashAlgorithm, Signature};
use comity_model::state::StatePath;
use comity_model::{Hash, Height, OrderId, RecordId, RequestId, Sector, UnixSeconds};
use comity_verify::bundle::{Bundle, Claim, Link};
use comity_verify::comet::LightBlock;
use comity_verify::fields::{disclose, root};
use comity_verify::light::{Anchor, LightStep, trim};
use comity_verify::merkle::{Frontier, inclusion, leaf_hash};
use std::collections::BTreeMap;

const FOUR: [u8; 4] = [1, 2, 3, 4];

pub(crate) fn sector() -> Sector {
    "judgments".parse().unwrap()
}

pub(crate) fn id(text: &str) -> RecordId {
    text.parse().unwrap()
}

pub(crate) fn openings() -> Vec<Opening> {
    ["case", "court", "debtor", "ruling", "status"]
        .iter()
        .enumerate()
        .map(|(index, name)| Opening {
            salt: [index as u8 + 1; 16],
            field: Field { name: name.parse().unwrap(), value: FieldValue::Text(format!("{name} of the record")) },
        })
        .collect()
}

pub(crate) fn record() -> RecordState {
    RecordState {
        schema: Hash([0x51; 32]),
        root: root(HashAlgorithm::Sha256, &openings()).unwrap(),
        status: RecordStatus::Current,
        version: 1,
        updated_at: UnixSeconds(1_700_000_000),
    }
}

pub(crate) fn chain_block(height: u64, app: Hash) -> LightBlock {
    let four = set(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    block(header(height, &four, &four, app), &four, &FOUR)
}

pub(crate) struct World {
    pub(crate) anchor: Anchor,
    pub(crate) pinned: LightBlock,
    pub(crate) state: State,
}

/// A chain whose state holds the record and its neighbours; the anchor is at height 3.
pub(crate) fn world() -> World {
    let path = |name: &str| StatePath::Record(sector(), id(name));
    let values: Vec<(StatePath, Vec<u8>)> =
        ["A-1", "A-2", "A-3", "A-4", "A-5"].iter().map(|name| (path(name), comity_model::encode(&record()))).collect();
    let pinned = chain_block(3, Hash([0x77; 32]));
    World { anchor: anchor(&pinned), pinned, state: State::of_paths(&values) }
}

/// The record, disclosed in part, one skip after the anchor.
pub(crate) fn live(world: &World) -> Bundle {
    let trusted = pin(&world.pinned);
    let step = LightStep { trusted_next: None, block: chain_block(9, world.state.root) };
    Bundle {
        anchor: world.pinned.header.clone(),
        link: Link::Forward { steps: vec![trim(&trusted, &step)] },
        claim: Claim::Record {
            sector: sector(),
            id: id("A-3"),
            state: record(),
            disclosure: disclose(
                HashAlgorithm::Sha256,
                &openings(),
                &["case".parse().unwrap(), "status".parse().unwrap()],
            )
            .unwrap(),
        },
        proof: world.state.prove(&StatePath::Record(sector(), id("A-3"))),
    }
}

pub(crate) fn absent(world: &World) -> Bundle {
    Bundle {
        claim: Claim::Absence { sector: sector(), id: id("B-1") },
        proof: world.state.prove(&StatePath::Record(sector(), id("B-1"))),
        ..live(world)
    }
}

/// The same record under an early header; the anchor is a later one, whose state holds the tree of headers.
pub(crate) fn archived(world: &World) -> (Anchor, Bundle) {
    let early = chain_block(4, world.state.root).header;
    let hashes: Vec<Hash> =
        (1..=11u8).map(|height| if height == 4 { early.hash() } else { Hash([height; 32]) }).collect();
    let (mut frontier, mut nodes) = (Frontier::new(), BTreeMap::new());
    for hash in &hashes {
        for node in frontier.append(leaf_hash(&hash.0)) {
            nodes.insert((node.level, node.index), node.hash);
        }
    }
    let tree = frontier.head();
    let state = State::of_paths(&[
        (StatePath::Headers, comity_model::encode(&tree)),
        (StatePath::Governors, vec![1]),
        (StatePath::Record(sector(), id("C-1")), vec![2]),
    ]);
    let pinned = chain_block(12, state.root);
    let link = Link::Archive {
        steps: Vec::new(),
        tree,
        tree_proof: state.prove(&StatePath::Headers),
        header: early,
        path: inclusion(3, 11, &|level, index| nodes.get(&(level, index)).copied()).unwrap(),
    };
    (anchor(&pinned), Bundle { anchor: pinned.header, link, ..live(world) })
}

pub(crate) fn order_entry() -> OrderEntry {
    OrderEntry {
        sealed: sealed_order(),
        sequence: 3,
        state: OrderState::Committed,
        result: None,
        notice: None,
        obligation: None,
        changed_at: UnixSeconds(1_700_000_003),
    }
}

pub(crate) fn received_order() -> ReceivedOrder {
    ReceivedOrder {
        sealed: sealed_order(),
        arrival: Arrival { height: Height(7), tx: 0, message: 1 },
        sequence: 3,
        client: "client-court-1".parse().unwrap(),
        state: OrderState::Pending,
        result: None,
        hold: None,
        notices: 0,
    }
}

/// Its signatures are of the right form; a bundle proves that a chain took it up, and judges no seal anew.
fn sealed_order() -> SealedOrder {
    let order = Order {
        id: OrderId([5; 16]),
        request: RequestId([4; 16]),
        source_chain: "court-1".parse().unwrap(),
        source_client: "client-bank-1".parse().unwrap(),
        dest_client: "client-court-1".parse().unwrap(),
        court: "court".parse().unwrap(),
        recipient: "bank".parse().unwrap(),
        sector: "accounts".parse().unwrap(),
        kind: "freeze".parse().unwrap(),
        effect: Effect::HoldDivisible,
        original: None,
        amount: None,
        account: None,
        obligation: None,
        private_digest: Hash([7; 32]),
        approval: ApprovalClass::Single,
        issued_at: UnixSeconds(1_700_000_000),
        deliver_by: UnixSeconds(1_700_003_600),
        decide_by: UnixSeconds(1_700_086_400),
        hold_until: UnixSeconds(1_731_536_000),
    };
    let delivery = Delivery {
        order: order.id,
        recipient: order.recipient.clone(),
        private_digest: order.private_digest,
        received_at: UnixSeconds(1_700_000_060),
    };
    let signature = Signature::ed25519([0x5a; 64]);
    let approvals = vec![Approval { officer: "J-1001".parse().unwrap(), signature }];
    SealedOrder { order, approvals, seal: signature, delivery, delivery_seal: signature }
}
