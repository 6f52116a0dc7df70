//! A listing is corrected and removed, and everyone who read it has the correction, with proof: delivered by its keeper, or
//! found by the holder's own check; through outages and restarts; and a deadline that passes is seen.

use crate::circle::{Circle, LISTING, name, purpose};
use crate::support::{TestClock, fact, liar, reason};
use comity_gateway::PeerConfig;
use comity_gateway::following::{Calendar, Following};
use comity_model::record::RecordReceipt;
use comity_model::seal::{PublicKey, Signature, Suites};
use comity_model::{decode, encode};
use comity_proto::v1;
use comity_proto::v1::deliveries_client::DeliveriesClient;
use comity_proto::v1::delivery::State;
use comity_proto::v1::exchange_client::ExchangeClient;
use comity_proto::v1::held_answer::Source;
use comity_proto::v1::holding::State as HoldingState;
use comity_proto::v1::holding_change::Kind;
use comity_proto::v1::holdings_client::HoldingsClient;
use comity_proto::v1::records_client::RecordsClient;
use comity_verify::fields::Disclosure;
use comity_verify::following::TAG_RECEIPT;
use ed25519_dalek::SigningKey;
use jiff::civil::{Time, Weekday};
use jiff::tz::Offset;
use std::time::{Duration, Instant};
use tonic::transport::Channel;

const WAIT_MAX: Duration = Duration::from_secs(40);

async fn read(channel: Channel, purpose: Option<v1::Purpose>) -> v1::Record {
    let request = v1::GetRecordRequest { name: name(), purpose, ..Default::default() };
    let answer = RecordsClient::new(channel).get_record(request).await.unwrap().into_inner();
    match answer.answer.unwrap() {
        v1::get_record_response::Answer::Record(record) => record,
        v1::get_record_response::Answer::Absence(_) => panic!("the listing is absent"),
    }
}

async fn holdings(channel: Channel) -> Vec<v1::Holding> {
    let mut client = HoldingsClient::new(channel);
    client.list_holdings(v1::ListHoldingsRequest::default()).await.unwrap().into_inner().holdings
}

async fn holding(channel: Channel, role: &str) -> v1::Holding {
    holdings(channel).await.into_iter().find(|holding| holding.role == role).unwrap()
}

async fn with_fields(channel: Channel, holding: &v1::Holding, purpose: Option<v1::Purpose>) -> v1::Record {
    let request = v1::GetHoldingRequest { name: holding.name.clone(), purpose };
    HoldingsClient::new(channel).get_holding(request).await.unwrap().into_inner().record.unwrap()
}

async fn deliveries(channel: Channel) -> Vec<v1::Delivery> {
    let request = v1::ListDeliveriesRequest { record_name: name(), ..Default::default() };
    DeliveriesClient::new(channel).list_deliveries(request).await.unwrap().into_inner().deliveries
}

async fn delivery(circle: &Circle, holder: &str) -> v1::Delivery {
    let all = deliveries(circle.credit.person("registrar")).await;
    all.into_iter().find(|delivery| delivery.holder == format!("members/{holder}")).unwrap()
}

async fn overdue(circle: &Circle) -> Vec<v1::OverdueDelivery> {
    let mut client = DeliveriesClient::new(circle.credit.person("operator"));
    let request = v1::ListOverdueDeliveriesRequest::default();
    client.list_overdue_deliveries(request).await.unwrap().into_inner().overdue
}

/// Looks until it is so.
async fn until<T>(what: &str, look: impl AsyncFn() -> T, is_so: impl Fn(&T) -> bool) -> T
where
    T: std::fmt::Debug,
{
    let end = Instant::now() + WAIT_MAX;
    loop {
        let seen = look().await;
        if is_so(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn holds(channel: Channel, role: &str, version: u32) -> v1::Holding {
    let look = async || holding(channel.clone(), role).await;
    until("a holding of that version", look, |held| held.answer.as_ref().unwrap().version == version).await
}

async fn acknowledged(circle: &Circle, holder: &str, version: u32) -> v1::Delivery {
    let look = async || delivery(circle, holder).await;
    let is_so = |one: &v1::Delivery| one.state() == State::Acknowledged && one.held_version == version;
    until("an acknowledgement", look, is_so).await
}

fn value(record: &v1::Record, field: &str) -> Option<String> {
    let found = record.fields.iter().find(|one| one.name == field)?;
    match found.value.clone()? {
        v1::field::Value::Text(text) => Some(text),
        other => Some(format!("{other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_and_a_removal_reach_every_holder_each_with_the_fields_that_it_may_see() {
    let circle = Circle::start(Following::default()).await;
    let (court, bank) = (|role| circle.court.person(role), |role| circle.bank.person(role));
    // Nobody holds it, and its first version is owed to nobody.
    assert!(deliveries(circle.credit.person("registrar")).await.is_empty());
    assert_eq!(value(&read(court("officer"), purpose()).await, "performance").unwrap(), "NONE");
    read(court("reader"), None).await;
    read(bank("clerk"), purpose()).await;
    // The keeper's own people hold nothing: they keep it.
    read(circle.credit.person("officer"), purpose()).await;
    assert_eq!(deliveries(circle.credit.person("registrar")).await.len(), 3);

    circle.publish("PARTIAL").await;
    for (channel, role) in [(court("officer"), "officer"), (court("reader"), "reader"), (bank("clerk"), "clerk")] {
        let held = holds(channel.clone(), role, 2).await;
        assert_eq!(held.state(), HoldingState::Current);
        let (answer, before) = (held.answer.clone().unwrap(), &held.superseded[0]);
        assert_eq!((answer.source(), before.source(), before.version), (Source::Delivered, Source::Read, 1));
        assert!(before.supersede_time.is_some() && answer.supersede_time.is_none());
        let [new, old] = [answer.proof.as_ref().unwrap(), before.proof.as_ref().unwrap()];
        assert_eq!(new.chain_id, "credit-1");
        assert!(new.header_height > old.header_height, "the correction stands at a later height");
        let record = with_fields(channel, &held, purpose()).await;
        assert_eq!(value(&record, "performance").unwrap(), "PARTIAL");
        // A reader has no personal data, whatever purpose it states; a court's officer and a bank's clerk have the number.
        assert_eq!(value(&record, "subject_number").is_some(), role != "reader", "{role}");
        assert_eq!(value(&record, "subject_name").is_some(), role != "reader", "{role}");
    }
    // Who is no officer sees less of what an officer's reading brought.
    let of_officer = holding(court("reader"), "officer").await;
    assert!(value(&with_fields(court("reader"), &of_officer, purpose()).await, "subject_number").is_none());

    // Each has acknowledged it under its seal.
    for (holder, seed) in [("court", 20), ("bank", 30)] {
        let delivery = acknowledged(&circle, holder, 2).await;
        let receipt: RecordReceipt = decode("a receipt", &delivery.receipt).unwrap();
        let seal: Signature = decode("a seal", &delivery.seal).unwrap();
        let key = PublicKey::ed25519(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes());
        comity_verify::seal::check(TAG_RECEIPT, &receipt, &key, &seal, Suites::NATIVE).unwrap();
        assert_eq!((receipt.holder.as_str(), receipt.held.unwrap().version), (holder, 2));
        assert!(!delivery.late);
    }

    circle.withdraw().await;
    for (channel, role) in [(court("officer"), "officer"), (court("reader"), "reader"), (bank("clerk"), "clerk")] {
        let held = holds(channel, role, 3).await;
        assert_eq!(held.answer.unwrap().status(), v1::RecordStatus::Withdrawn);
        assert_eq!(held.superseded.iter().map(|answer| answer.version).collect::<Vec<_>>(), [2, 1]);
    }
    // Whoever may not read what is held or delivered does not.
    let mut client = DeliveriesClient::new(court("reader"));
    let refused = client.list_deliveries(v1::ListDeliveriesRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), "PERMISSION_DENIED");

    // Each holder was entered for the case that it stated, and each delivery of personal data was filed under it.
    let entries = circle.credit.gateway().audit().entries().await.unwrap();
    let of = |action: &str, role: &str| {
        let found = entries.iter().filter(|entry| entry.action == action && entry.role == role);
        found.map(|entry| entry.purpose.case_number.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("EnterHolder", "clerk"), [crate::filling::CASE]);
    assert_eq!(of("EnterHolder", "reader"), [""]);
    assert_eq!(of("DiscloseRecord", "clerk"), [crate::filling::CASE; 3]);
    let taken = circle.bank.gateway().audit().entries().await.unwrap();
    assert!(
        taken.iter().any(|entry| entry.action == "TakeDelivery" && entry.purpose.case_number == crate::filling::CASE)
    );
    circle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_was_away_and_a_keeper_that_was_restarted_lose_nothing() {
    let mut circle = Circle::start(Following::default()).await;
    read(circle.court.person("officer"), purpose()).await;
    read(circle.bank.person("clerk"), purpose()).await;
    circle.bank.halt().await;
    circle.publish("PARTIAL").await;
    acknowledged(&circle, "court", 2).await;
    let look = async || delivery(&circle, "bank").await;
    let waiting = until("a failed attempt", look, |one| one.attempts > 0 && !one.failure.is_empty()).await;
    assert_eq!((waiting.state(), waiting.failure.as_str(), waiting.held_version), (State::Due, "PEER_UNAVAILABLE", 1));

    // The keeper is restarted, the record changes again, and only then the holder is back: it gets the last version.
    circle.credit.halt().await;
    circle.run_credit().await;
    circle.publish("FULL").await;
    circle.run_bank().await;
    circle.clock.advance(3_600);
    let held = holds(circle.bank.person("clerk"), "clerk", 3).await;
    assert_eq!(held.superseded.iter().map(|answer| answer.version).collect::<Vec<_>>(), [1]);
    acknowledged(&circle, "bank", 3).await;
    holds(circle.court.person("officer"), "officer", 3).await;

    // A holder that is restarted holds what it held, and takes what comes then.
    circle.bank.halt().await;
    circle.run_bank().await;
    assert_eq!(holding(circle.bank.person("clerk"), "clerk").await.answer, held.answer);
    circle.withdraw().await;
    holds(circle.bank.person("clerk"), "clerk", 4).await;
    circle.stop().await;
}

/// A clock at which it is ten in the morning of the next Friday, and the calendar of a jurisdiction where the Monday after
/// that is a holiday; and the second at which three working days from then are over.
fn before_a_long_weekend() -> (TestClock, Calendar, i64) {
    let clock = TestClock::default();
    let offset = Offset::constant(8);
    let now = jiff::Timestamp::from_second(clock.time().seconds()).unwrap();
    let today = offset.to_datetime(now).date();
    let friday = today.nth_weekday(1, Weekday::Friday).unwrap();
    let ten = offset.to_timestamp(friday.to_datetime(Time::constant(10, 0, 0, 0))).unwrap();
    clock.advance(u64::try_from(ten.as_second() - now.as_second()).unwrap());
    let monday = friday.nth_weekday(1, Weekday::Monday).unwrap();
    let weekend = ["saturday".to_owned(), "sunday".to_owned()];
    let calendar = Calendar::new(480, &weekend, &[monday.to_string()], &[]).unwrap();
    // Tuesday, Wednesday, Thursday: until midnight.
    let next = friday.nth_weekday(1, Weekday::Friday).unwrap();
    (clock, calendar, offset.to_timestamp(next.at(0, 0, 0, 0)).unwrap().as_second())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_of_three_working_days_over_a_long_weekend_that_passes_is_entered_and_stays_entered() {
    let (clock, calendar, due) = before_a_long_weekend();
    let mut circle = Circle::start_at(Following { calendar, ..Following::default() }, clock).await;
    read(circle.bank.person("clerk"), purpose()).await;
    circle.bank.halt().await;
    circle.publish("PARTIAL").await;
    let look = async || delivery(&circle, "bank").await;
    let waiting = until("a failed attempt", look, |one| one.attempts > 0).await;
    assert_eq!(waiting.due_time.unwrap().seconds, due);
    // Over the weekend, up to the last minute.
    let now = circle.clock.time().seconds();
    circle.clock.advance(u64::try_from(due - now - 60).unwrap());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(delivery(&circle, "bank").await.state(), State::Due);
    assert!(overdue(&circle).await.is_empty());

    circle.clock.advance(61);
    let look = async || delivery(&circle, "bank").await;
    until("a deadline that has passed", look, |one| one.state() == State::Overdue).await;
    let entries = overdue(&circle).await;
    assert_eq!((entries.len(), entries[0].due_time.unwrap().seconds), (1, due));
    assert_eq!((entries[0].holder.as_str(), entries[0].failure.as_str()), ("members/bank", "PEER_UNAVAILABLE"));
    assert!(entries[0].settle_time.is_none());

    // It is delivered all the same, late; the entry stays.
    circle.run_bank().await;
    circle.clock.advance(3_600);
    assert!(acknowledged(&circle, "bank", 2).await.late);
    let entries = overdue(&circle).await;
    assert_eq!(entries.len(), 1);
    assert!(entries[0].settle_time.is_some());
    circle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_that_its_keeper_withholds_is_found_by_proof_and_what_it_does_not_hand_over_is_known() {
    let mut circle = Circle::start(Following::default()).await;
    // The keeper's gateway reaches the court nowhere; the court reaches it by a gateway that may lie.
    circle.credit.halt().await;
    let mut nowhere = circle.court.as_peer();
    nowhere.address = "127.0.0.1:1".into();
    let following = circle.following.clone();
    circle.credit.run(vec![nowhere, circle.bank.as_peer()], following.clone()).await;
    circle.court.halt().await;
    let (credit, court) = (&circle.credit, &circle.court);
    let (address, lie) =
        liar::start_as((&credit.id, &credit.authority), credit.gateway(), (&court.id, &court.authority)).await;
    let mut lying = circle.credit.as_peer();
    lying.address = address;
    circle.court.run(vec![lying, circle.bank.as_peer()], following).await;
    read(circle.court.person("officer"), purpose()).await;
    let mut watch = HoldingsClient::new(circle.court.person("clerk"))
        .watch_holdings(v1::WatchHoldingsRequest::default())
        .await
        .unwrap()
        .into_inner();

    // Nothing is due: the check shows that what is held stands.
    let held = holding(circle.court.person("officer"), "officer").await;
    let check = async || {
        let request = v1::CheckHoldingRequest { name: held.name.clone() };
        HoldingsClient::new(circle.court.person("officer")).check_holding(request).await
    };
    let checked = check().await.unwrap().into_inner();
    assert_eq!((checked.state(), checked.answer.unwrap().version), (HoldingState::Current, 1));
    assert!(checked.check_height >= held.check_height);

    // A later version, whose fields come changed: refused, and known to be there.
    circle.publish("PARTIAL").await;
    lie.set(|answer| answer.disclosure.clear());
    assert_eq!(reason(&check().await.unwrap_err()), "PROOF_REFUSED");
    let outdated = holding(circle.court.person("officer"), "officer").await;
    assert_eq!((outdated.state(), outdated.newest_version), (HoldingState::Outdated, 2));
    assert_eq!((outdated.answer.unwrap().version, outdated.check_failure.as_str()), (1, "PROOF_REFUSED"));
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!((first.kind(), first.version, first.withheld), (Kind::Outdated, 2, false));
    let mut client = HoldingsClient::new(circle.court.person("officer"));
    let listed = client.list_holdings(v1::ListHoldingsRequest { outdated_only: true, ..Default::default() }).await;
    assert_eq!(listed.unwrap().into_inner().holdings.len(), 1);

    // Told the truth, it has it, without any delivery: by its own timer, as soon as that comes round, and days too late.
    lie.set(|_| {});
    circle.clock.advance(9 * 86_400);
    let look = async || {
        // A check under a header from before the clock was moved shows nothing; it is made again minutes later.
        circle.clock.advance(60);
        holding(circle.court.person("officer"), "officer").await
    };
    let is_so = |held: &v1::Holding| held.answer.as_ref().unwrap().version == 2;
    let found = until("the version that was not delivered", look, is_so).await;
    assert_eq!((found.state(), found.answer.unwrap().source()), (HoldingState::Current, Source::Found));
    let second = watch.message().await.unwrap().unwrap();
    assert_eq!((second.kind(), second.version, second.withheld), (Kind::Found, 2, true));
    // Whoever comes back with the token of the first change has the second, and nothing twice.
    let again = v1::WatchHoldingsRequest { resume_token: first.resume_token };
    let mut again = client.watch_holdings(again).await.unwrap().into_inner();
    assert_eq!(again.message().await.unwrap().unwrap(), second);

    // The keeper's side has it overdue, all the while.
    let look = async || delivery(&circle, "court").await;
    until("a deadline that has passed", look, |one| one.state() == State::Overdue).await;
    circle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_delivery_is_refused_and_an_old_or_repeated_one_changes_nothing() {
    let circle = Circle::start(Following::default()).await;
    read(circle.court.person("officer"), purpose()).await;
    // What the keeper's gateway says to the court's, as its own.
    let fetch = async || {
        let request = v1::FetchRecordRequest {
            sector: "credit".into(),
            record_id: LISTING.into(),
            role: "officer".into(),
            purpose: purpose(),
            trusted_height: circle.credit.anchor.height.0,
            ..Default::default()
        };
        let channel = circle.credit.reached_by(&circle.court, "gateway");
        ExchangeClient::new(channel).fetch_record(request).await.unwrap().into_inner()
    };
    let deliver = async |channel: Channel, record: v1::FetchRecordResponse| {
        let request = v1::DeliverRecordRequest {
            sector: "credit".into(),
            record_id: LISTING.into(),
            role: "officer".into(),
            record: Some(record),
        };
        let answer = ExchangeClient::new(channel).deliver_record(request).await?.into_inner();
        Ok::<_, tonic::Status>(decode::<RecordReceipt>("a receipt", &answer.receipt).unwrap())
    };
    let as_keeper = || circle.court.reached_by(&circle.credit, "gateway");
    let first = fetch().await;
    circle.publish("PARTIAL").await;
    holds(circle.court.person("officer"), "officer", 2).await;
    let second = fetch().await;
    let before = holding(circle.court.person("officer"), "officer").await;

    // The first version again, and the second again: the court says what it holds, and holds that.
    for again in [first.clone(), second.clone(), second.clone()] {
        let receipt = deliver(as_keeper(), again).await.unwrap();
        assert_eq!(receipt.held.unwrap().version, 2);
    }
    assert_eq!(holding(circle.court.person("officer"), "officer").await.superseded, before.superseded);

    // The first version under the second's header, another text, another root.
    let mut stale = first.clone();
    stale.state.as_mut().unwrap().header_height = second.state.as_ref().unwrap().header_height;
    let refused = deliver(as_keeper(), stale).await.unwrap_err();
    assert_eq!((reason(&refused), fact(&refused, "rule")), ("PROOF_REFUSED".into(), "STATE_PROOF".into()));
    let mut forged = second.clone();
    let mut disclosure: Disclosure = decode("disclosure", &forged.disclosure).unwrap();
    disclosure.opened[0].opening.salt[0] ^= 1;
    forged.disclosure = comity_model::encode(&disclosure);
    let refused = deliver(as_keeper(), forged).await.unwrap_err();
    assert_eq!((reason(&refused), fact(&refused, "rule")), ("PROOF_REFUSED".into(), "FIELD_PROOF".into()));

    // Of another institution the court holds no such record, and nobody but a gateway delivers.
    let receipt = deliver(circle.court.reached_by(&circle.bank, "gateway"), second.clone()).await.unwrap();
    assert_eq!(receipt.held, None);
    let refused = deliver(circle.court.reached_by(&circle.credit, "officer"), second).await.unwrap_err();
    assert_eq!(reason(&refused), "PERMISSION_DENIED");
    let held = holding(circle.court.person("officer"), "officer").await;
    assert_eq!((held.answer.unwrap().version, held.superseded.len()), (2, 1));
    circle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_holds_a_record_no_longer_is_told_nothing_more() {
    let circle = Circle::start(Following::default()).await;
    read(circle.court.person("officer"), purpose()).await;
    read(circle.bank.person("clerk"), purpose()).await;
    let held = holding(circle.court.person("officer"), "officer").await;
    let end = |role: &str| {
        let request = v1::EndHeldRequest { name: held.name.clone() };
        let mut client = HoldingsClient::new(circle.court.person(role));
        async move { client.end_holding(request).await }
    };
    assert_eq!(reason(&end("reader").await.unwrap_err()), "PERMISSION_DENIED");
    end("officer").await.unwrap();
    assert_eq!(reason(&end("officer").await.unwrap_err()), "UNKNOWN_HOLDING");
    let look = async || deliveries(circle.credit.person("registrar")).await;
    let left = until("the keeper knows", look, |all| all.len() == 1).await;
    assert_eq!(left[0].holder, "members/bank");

    circle.publish("PARTIAL").await;
    acknowledged(&circle, "bank", 2).await;
    assert!(holdings(circle.court.person("officer")).await.is_empty());
    // Reading it again begins anew, with what stands now.
    assert_eq!(value(&read(circle.court.person("officer"), purpose()).await, "performance").unwrap(), "PARTIAL");
    circle.publish("FULL").await;
    holds(circle.court.person("officer"), "officer", 3).await;
    circle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_is_not_the_holders_own_for_this_version_settles_no_delivery() {
    let mut circle = Circle::start(Following::default()).await;
    read(circle.court.person("officer"), purpose()).await;
    let Circle { credit, court, .. } = &circle;
    let (address, lie) =
        liar::start_as((&court.id, &court.authority), court.gateway(), (&credit.id, &credit.authority)).await;
    // The keeper reaches the court through the liar.
    let peers = vec![PeerConfig { address, ..circle.court.as_peer() }, circle.bank.as_peer()];
    circle.credit.halt().await;
    circle.credit.run(peers, circle.following.clone()).await;
    let refused = async |circle: &Circle, reason: &str| {
        let look = async || delivery(circle, "court").await;
        let told = until("a refused receipt", look, |one| one.failure == reason).await;
        assert_eq!((told.state(), told.held_version, told.receipt.len()), (State::Due, 1, 0));
    };
    // Of another key.
    lie.of_receipt(|answer| *answer.seal.last_mut().unwrap() ^= 1);
    circle.publish("PARTIAL").await;
    refused(&circle, "PROOF_REFUSED").await;
    // For another holding.
    lie.of_receipt(|answer| {
        let receipt: RecordReceipt = decode("a receipt", &answer.receipt).unwrap();
        answer.receipt = encode(&RecordReceipt { record: "SX-2026-0002".parse().unwrap(), ..receipt });
    });
    circle.clock.advance(3_600);
    refused(&circle, "PEER_REFUSED").await;
    // The court holds it all the same; its own receipt settles the delivery.
    holds(circle.court.person("officer"), "officer", 2).await;
    lie.of_receipt(|_| {});
    circle.clock.advance(3_600);
    acknowledged(&circle, "court", 2).await;
    circle.stop().await;
}

async fn deliveries_taken(circle: &Circle) -> usize {
    let entries = circle.court.gateway().audit().entries().await.unwrap();
    entries.iter().filter(|entry| entry.action == "TakeDelivery").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_over_one_store_deliver_once_and_hold_the_same() {
    let mut circle = Circle::start(Following::default()).await;
    circle.run_two().await;
    let court = || [circle.court.person("officer"), circle.court.person_beside("officer")];
    let credit = || [circle.credit.person("registrar"), circle.credit.person_beside("registrar")];
    // Read at both of the court's gateways: it is one holding, of one delivery.
    for channel in court() {
        read(channel, purpose()).await;
    }
    for (held, told) in court().into_iter().zip(credit()) {
        assert_eq!((holdings(held).await.len(), deliveries(told).await.len()), (1, 1));
    }

    // Published through the second gateway of the keeper, and then through both at once.
    let (first, second) = (circle.credit.gateway(), circle.credit.beside.as_ref().unwrap());
    circle.publish_through(second, LISTING, "PARTIAL").await;
    acknowledged(&circle, "court", 2).await;
    assert_eq!(deliveries_taken(&circle).await, 1, "what one of them delivered, the other did not deliver again");
    tokio::join!(circle.publish_through(first, LISTING, "FULL"), circle.publish_through(second, LISTING, "NONE"),);
    acknowledged(&circle, "court", 4).await;
    // Both gateways of the court say the same of it, and so do both of the keeper.
    let of_court = holds(circle.court.person("officer"), "officer", 4).await;
    assert_eq!(holding(circle.court.person_beside("officer"), "officer").await, of_court);
    let versions: Vec<_> = of_court.superseded.iter().map(|answer| answer.version).collect();
    assert!(versions == [3, 2, 1] || versions == [2, 1], "each version at most once: {versions:?}");
    let told: Vec<_> = [deliveries(circle.credit.person("registrar")).await, {
        deliveries(circle.credit.person_beside("registrar")).await
    }]
    .concat();
    assert_eq!((told.len(), &told[0]), (2, &told[1]));
    // Each publication was delivered once. What the two at once deliver may be the same version: the later one, if it stands
    // already when the earlier one's delivery is made up.
    let taken = deliveries_taken(&circle).await;
    assert!((versions.len()..=3).contains(&taken), "{taken} deliveries, {versions:?}");

    // The gateway that the keeper knows stops: the other one finds the removal by its own check.
    circle.court.halt().await;
    circle.withdraw().await;
    let check = v1::CheckHoldingRequest { name: of_court.name.clone() };
    let found = HoldingsClient::new(circle.court.person_beside("officer")).check_holding(check).await;
    let found = found.unwrap().into_inner();
    let answer = found.answer.unwrap();
    assert_eq!((answer.version, answer.status()), (5, v1::RecordStatus::Withdrawn));
    // Once it is back, the delivery that was owed meanwhile is acknowledged with what is held already.
    circle.run_court().await;
    circle.clock.advance(3_600);
    acknowledged(&circle, "court", 5).await;
    circle.stop().await;
}
