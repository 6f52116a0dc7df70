#![allow(clippy::unwrap_used)]
use super::*;
use crate::orders::testing;
use comity_model::order::OrderState;
use comity_model::{RequestId, Time};

/// An order with its own id, in `state`.
fn order(id: u8, state: OrderState) -> StoredOrder {
    let mut order = testing::stored();
    order.order.id = OrderId([id; 16]);
    order.state = state;
    order
}

fn draft() -> DraftRequest {
    let order = testing::stored().order;
    DraftRequest {
        request: RequestId([1; 16]),
        recipient: order.recipient,
        sector: order.sector,
        kind: order.kind,
        original: None,
        fields: Vec::new(),
        obligation: None,
        deliver_within_s: 0,
        hold_days: 0,
        emergency: false,
        claim: None,
    }
}

fn full(room: &Arc<Room>, sent: u8) -> bool {
    (0..sent).for_each(|id| room.note(&order(id, OrderState::AwaitingDelivery)));
    room.take(&order(u8::MAX, OrderState::AwaitingApproval).order).is_err()
}

#[test]
fn a_draft_finds_room_in_half_an_approval_in_three_quarters_and_what_presses_everywhere() {
    let room = Room::of(8);
    let mut emergency = testing::stored().order;
    emergency.approval = ApprovalClass::Emergency;
    let release = Order { original: Some(OrderId([7; 16])), ..testing::stored().order };
    let pressing = DraftRequest { emergency: true, ..draft() };
    let change = DraftRequest { original: Some(OrderId([7; 16])), ..draft() };

    assert!(!full(&room, 3) && room.for_draft(&draft()).is_ok());
    assert!(!full(&room, 4) && room.for_draft(&draft()).is_err());
    assert!(room.for_draft(&pressing).is_ok() && room.for_draft(&change).is_ok());
    assert!(!full(&room, 5));
    assert!(full(&room, 6) && room.for_draft(&pressing).is_err() && room.for_draft(&change).is_err());
    assert!(room.take(&emergency).is_ok() && room.take(&release).is_ok());
    assert!(full(&room, 8));
    let refused = room.take(&emergency).err().unwrap();
    assert_eq!(refused, Full { recipient: emergency.recipient, on_their_way: 8 });
    assert!(room.take(&release).is_err());
}

#[test]
fn the_least_room_is_for_one_order() {
    for room in [Room::of(0), Room::of(1)] {
        assert!(room.for_draft(&draft()).is_ok());
        assert!(!full(&room, 0) && full(&room, 1));
        assert!(room.for_draft(&draft()).is_err());
    }
}

#[test]
fn an_order_has_its_place_until_it_is_answered_or_waits_for_a_person() {
    let on_their_way = [OrderState::AwaitingDelivery, OrderState::Committed, OrderState::Relayed];
    let others = [
        OrderState::AwaitingApproval,
        OrderState::Pending,
        OrderState::Executed,
        OrderState::Refused,
        OrderState::Failed,
        OrderState::TimedOut,
        OrderState::Withdrawn,
    ];
    for state in on_their_way {
        for other in others {
            let room = Room::of(1);
            room.note(&order(1, state));
            room.note(&order(1, state));
            assert_eq!(room.on_their_way(), BTreeSet::from([OrderId([1; 16])]), "{state:?}");
            assert!(full(&room, 0));
            room.note(&order(1, other));
            assert!(!full(&room, 0), "{state:?}, {other:?}");
        }
    }
}

#[test]
fn an_approval_that_sends_nothing_gives_its_place_back_and_one_that_does_leaves_it_to_the_order() {
    let room = Room::of(1);
    let sent = order(1, OrderState::AwaitingDelivery);
    let place = room.take(&sent.order).unwrap();
    assert!(full(&room, 0));
    drop(place);
    assert!(!full(&room, 0));

    let place = room.take(&sent.order).unwrap();
    // Officers who approve one order at once share its place.
    let same = room.take(&sent.order).unwrap();
    drop(same);
    room.note(&sent);
    drop(place);
    assert!(full(&room, 0));
    // And a draft that others look at meanwhile takes nothing away from an approval.
    let room = Room::of(1);
    let _place = room.take(&sent.order).unwrap();
    room.note(&order(1, OrderState::AwaitingApproval));
    assert!(full(&room, 0));
}

#[test]
fn one_institution_fills_its_own_room_only() {
    let room = Room::of(1);
    assert!(full(&room, 1));
    let mut elsewhere = order(2, OrderState::AwaitingApproval);
    elsewhere.order.recipient = "registry".parse().unwrap();
    assert!(room.take(&elsewhere.order).is_ok());
    assert!(room.for_draft(&DraftRequest { recipient: "registry".parse().unwrap(), ..draft() }).is_ok());
}

#[test]
fn only_the_approval_that_is_needed_last_asks_for_room() {
    let now = Time::new(1_800_000_100, 0).unwrap();
    let mut order = testing::stored();
    let [first, second] = [1, 2].map(|number| testing::approval(&order.order, number));
    assert!(!order.is_sent_by(&first.officer), "two are needed");
    order.approve(first.clone(), now).unwrap();
    assert!(!order.is_sent_by(&first.officer), "it is the same again");
    assert!(order.is_sent_by(&second.officer));
    order.approve(second, now).unwrap();
    assert!(!order.is_sent_by(&testing::approval(&order.order, 3).officer), "it is on its way");
}
