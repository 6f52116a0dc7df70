#![allow(clippy::unwrap_used)]
use super::super::newest::watch_all;
use super::super::stored::NotForward;
use super::super::testing;
use super::super::watch::{Watch, watch};
use super::*;
use comity_model::asset::HoldState;
use comity_model::order::{HoldSummary, Notice, NoticeEvent, OrderState};
use comity_model::{Time, UnixSeconds};
use comity_store::RedbStore;
use futures::StreamExt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Room for all of them.
const PLACES: usize = 100;

struct Shelf {
    book: Arc<OrderBook>,
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

fn shelf() -> Shelf {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(&folder.path().join("store")).unwrap());
    Shelf { book: Arc::new(OrderBook::new(store.clone(), PLACES)), store, _folder: folder }
}

fn now() -> Time {
    Time::new(1_800_000_000, 0).unwrap()
}

/// A draft with its own order id under request `request`, whose body has the digest `body`.
fn draft(id: u8, request: u8, body: u8) -> StoredOrder {
    let mut draft = testing::stored();
    draft.order.id = OrderId([id; 16]);
    draft.order.request = RequestId([request; 16]);
    draft.request_digest = Hash([body; 32]);
    draft
}

async fn file(shelf: &Shelf, draft: StoredOrder) -> Filed {
    shelf.book.file(draft, b"body").await.unwrap()
}

async fn approve(shelf: &Shelf, id: u8, officer: u8) -> Arc<StoredOrder> {
    let order = shelf.book.read(&OrderId([id; 16])).await.unwrap();
    let approval = testing::approval(&order.order, officer);
    shelf.book.change(&OrderId([id; 16]), |order| order.approve(approval.clone(), now())).await.unwrap()
}

#[tokio::test]
async fn the_same_request_is_the_same_order() {
    let shelf = shelf();
    assert!(matches!(file(&shelf, draft(1, 7, 1)).await, Filed::New(_)));
    let Filed::Same(order) = file(&shelf, draft(2, 7, 1)).await else { panic!("not the same") };
    assert_eq!(order.order.id, OrderId([1; 16]));
    assert!(matches!(shelf.book.read(&OrderId([2; 16])).await, Err(BookError::NotFound)));
}

#[tokio::test]
async fn another_body_under_a_known_request_is_a_conflict_and_is_kept_as_evidence() {
    let shelf = shelf();
    file(&shelf, draft(1, 7, 1)).await;
    assert!(matches!(file(&shelf, draft(2, 7, 2)).await, Filed::Conflict));
    let kept = shelf.store.scan(REQUESTS.conflicts, &[7; 16], &[], 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].1, b"body");
    let order = shelf.book.read(&OrderId([1; 16])).await.unwrap();
    assert_eq!((order.request_digest, order.revision), (Hash([1; 32]), 1));
}

#[tokio::test]
async fn evidence_of_one_request_id_is_bounded() {
    let shelf = shelf();
    file(&shelf, draft(1, 7, 0)).await;
    for body in 1..40 {
        assert!(matches!(file(&shelf, draft(2, 7, body)).await, Filed::Conflict));
    }
    assert_eq!(shelf.store.scan(REQUESTS.conflicts, &[], &[], 100).await.unwrap().len(), 16);
}

#[tokio::test]
async fn one_request_filed_many_times_at_once_makes_one_order() {
    let shelf = Arc::new(shelf());
    let filing = (1..20).map(|id| {
        let shelf = shelf.clone();
        tokio::spawn(async move { file(&shelf, draft(id, 7, 1)).await })
    });
    let mut ids = std::collections::HashSet::new();
    for filed in futures::future::join_all(filing).await {
        match filed.unwrap() {
            Filed::New(order) | Filed::Same(order) => ids.insert(order.order.id),
            Filed::Conflict => panic!("the same request conflicts with itself"),
        };
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn approvals_that_come_at_once_are_both_kept() {
    let shelf = Arc::new(shelf());
    file(&shelf, draft(1, 7, 1)).await;
    let approving = [1, 2].map(|officer| {
        let shelf = shelf.clone();
        tokio::spawn(async move { approve(&shelf, 1, officer).await })
    });
    futures::future::join_all(approving).await;
    let order = shelf.book.read(&OrderId([1; 16])).await.unwrap();
    assert_eq!((order.approvals.len(), order.state, order.revision), (2, OrderState::AwaitingDelivery, 3));
}

#[tokio::test]
async fn a_change_that_is_not_allowed_writes_nothing() {
    let shelf = shelf();
    file(&shelf, draft(1, 7, 1)).await;
    let refused = shelf.book.change(&OrderId([1; 16]), |order| {
        order.revision = 99;
        Err(NotForward { from: order.state, to: OrderState::Executed })
    });
    assert!(matches!(refused.await, Err(BookError::Rule(_))));
    assert_eq!(shelf.book.read(&OrderId([1; 16])).await.unwrap().revision, 1);
}

#[tokio::test]
async fn an_answered_order_is_no_longer_open() {
    let shelf = shelf();
    file(&shelf, draft(1, 7, 1)).await;
    file(&shelf, draft(2, 8, 1)).await;
    assert_eq!(shelf.book.open(None, 10).await.unwrap(), [OrderId([1; 16]), OrderId([2; 16])]);
    assert_eq!(shelf.book.open(Some(OrderId([1; 16])), 10).await.unwrap(), [OrderId([2; 16])]);
    shelf.book.change(&OrderId([1; 16]), |order| order.withdraw(now())).await.unwrap();
    assert_eq!(shelf.book.open(None, 10).await.unwrap(), [OrderId([2; 16])]);
}

#[tokio::test]
async fn an_executed_order_is_listed_as_holding_until_its_hold_has_ended() {
    let (shelf, id) = (shelf(), OrderId([1; 16]));
    file(&shelf, draft(1, 7, 1)).await;
    let told = |hold| Notice {
        order: id,
        number: 1,
        event: NoticeEvent::Released,
        hold: HoldSummary {
            state: hold,
            held: None,
            asked: None,
            deducted: None,
            ahead: 0,
            until: UnixSeconds(1_900_000_000),
            objection: None,
        },
        at: UnixSeconds(1_800_000_000),
        cause: None,
    };
    for (state, notice, lives) in [
        (OrderState::Committed, None, false),
        (OrderState::Executed, None, true),
        (OrderState::Objected, Some(told(HoldState::Active)), true),
        (OrderState::Executed, Some(told(HoldState::Released)), false),
        (OrderState::Refused, None, false),
    ] {
        let changed = shelf.book.change(&id, |order| {
            (order.state, order.notice) = (state, notice.clone());
            Ok::<_, Infallible>(true)
        });
        changed.await.unwrap();
        let listed = shelf.book.holding(None, 10).await.unwrap();
        assert_eq!(listed.contains(&id), lives, "{state:?}");
    }
}

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page() {
    let shelf = shelf();
    for id in 1..=5 {
        let mut draft = draft(id, id, 1);
        draft.order.issued_at = comity_model::UnixSeconds(1_000 + u64::from(id));
        file(&shelf, draft).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let (page, next) = shelf.book.list(after.as_ref(), 2).await.unwrap();
        seen.extend(page.iter().map(|order| order.order.id.0[0]));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn a_watcher_sees_each_change_and_the_stream_ends_with_the_answer() {
    let shelf = shelf();
    file(&shelf, draft(1, 7, 1)).await;
    let what = Watch { id: OrderId([1; 16]), follow_hold: false, after_revision: 0 };
    let seen = watch(shelf.book.clone(), what, CancellationToken::new());
    let seen = tokio::spawn(seen.map(|order| order.unwrap().revision).collect::<Vec<_>>());
    tokio::time::sleep(Duration::from_millis(20)).await;
    approve(&shelf, 1, 1).await;
    approve(&shelf, 1, 2).await;
    shelf.book.change(&OrderId([1; 16]), |order| order.withdraw(now())).await.unwrap();
    assert_eq!(seen.await.unwrap(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_answer_that_came_before_the_watch_is_not_lost() {
    let shelf = shelf();
    file(&shelf, draft(1, 7, 1)).await;
    shelf.book.change(&OrderId([1; 16]), |order| order.withdraw(now())).await.unwrap();
    let until = tokio::time::Instant::now() + Duration::from_secs(5);
    let order = shelf.book.answered(&OrderId([1; 16]), until).await.unwrap();
    assert_eq!(order.state, OrderState::Withdrawn);
    let resumed = |after_revision| {
        let what = Watch { id: OrderId([1; 16]), follow_hold: false, after_revision };
        watch(shelf.book.clone(), what, CancellationToken::new())
            .map(|order| order.unwrap().revision)
            .collect::<Vec<_>>()
    };
    assert_eq!(resumed(1).await, [2]);
    assert_eq!(resumed(2).await, Vec::<u64>::new());
}

#[tokio::test]
async fn whoever_waits_for_an_answer_gets_it_at_once_or_the_order_as_it_stands_in_the_end() {
    let shelf = shelf();
    file(&shelf, draft(1, 7, 1)).await;
    let soon = tokio::time::Instant::now() + Duration::from_millis(30);
    let order = shelf.book.answered(&OrderId([1; 16]), soon).await.unwrap();
    assert_eq!(order.state, OrderState::AwaitingApproval);
    let book = shelf.book.clone();
    let late = tokio::time::Instant::now() + Duration::from_secs(60);
    let waiting = tokio::spawn(async move { book.answered(&OrderId([1; 16]), late).await.unwrap().state });
    tokio::time::sleep(Duration::from_millis(20)).await;
    shelf.book.change(&OrderId([1; 16]), |order| order.withdraw(now())).await.unwrap();
    assert_eq!(waiting.await.unwrap(), OrderState::Withdrawn);
}

/// The next of a watch, as the order's first byte and its revision; `None` where nothing comes for a while.
async fn told(
    watched: &mut (impl futures::Stream<Item = Result<Arc<StoredOrder>, BookError<Infallible>>> + Unpin),
) -> Option<(u8, u64)> {
    let next = tokio::time::timeout(2 * LOOK_EVERY, watched.next()).await.ok()??.unwrap();
    Some((next.order.id.0[0], next.revision))
}

#[tokio::test]
async fn a_watch_of_all_orders_begins_with_the_newest_and_tells_each_change_once_wherever_it_was_made() {
    let shelf = shelf();
    for id in 1..=3 {
        let mut older = draft(id, id, 1);
        older.order.issued_at = UnixSeconds(1_800_000_000 + u64::from(id));
        file(&shelf, older).await;
    }
    let stop = CancellationToken::new();
    let mut watched = Box::pin(watch_all(shelf.book.clone(), 2, stop.clone()));
    assert_eq!((told(&mut watched).await, told(&mut watched).await), (Some((2, 1)), Some((3, 1))));
    approve(&shelf, 1, 1).await;
    assert_eq!(told(&mut watched).await, Some((1, 2)), "one that is not among the newest");
    file(&shelf, draft(4, 4, 1)).await;
    assert_eq!(told(&mut watched).await, Some((4, 1)), "a new one");
    // Another gateway over the same store.
    let other = Shelf {
        book: Arc::new(OrderBook::new(shelf.store.clone(), PLACES)),
        store: shelf.store.clone(),
        _folder: tempfile::tempdir().unwrap(),
    };
    approve(&other, 3, 1).await;
    assert_eq!(told(&mut watched).await, Some((3, 2)));
    assert_eq!(told(&mut watched).await, None, "what was told is not told again");
    stop.cancel();
    assert!(watched.next().await.is_none());
}

#[tokio::test]
async fn a_watcher_of_all_orders_who_lags_behind_sees_the_newest_state_of_each() {
    let shelf = shelf();
    file(&shelf, draft(1, 1, 1)).await;
    let mut watched = Box::pin(watch_all(shelf.book.clone(), 1, CancellationToken::new()));
    assert_eq!(told(&mut watched).await, Some((1, 1)));
    for _ in 0..300 {
        let turn = |order: &mut StoredOrder| {
            order.revision += 1;
            Ok::<_, Infallible>(true)
        };
        shelf.book.change(&OrderId([1; 16]), turn).await.unwrap();
    }
    let mut last = 0;
    while let Some((_, revision)) = told(&mut watched).await {
        assert!(revision > last);
        last = revision;
    }
    assert_eq!(last, 301);
}
