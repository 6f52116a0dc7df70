//! A court's store after a restore, compared with its chain: what the chain has and the store has not is named.

use crate::enforcement::{RICH, World, freeze};
use crate::filling::About;
use crate::support::approval;
use comity_gateway::DecidePolicy;
use comity_gateway::check::{self, Subject};
use comity_gateway::sectors::Sectors;
use comity_proto::v1::{self, OrderState};
use comity_store::{RedbStore, backup};
use secrecy::SecretBox;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Orders a freeze and waits until it stands as wanted.
async fn ordered(world: &World, number: u128, wanted: OrderState) -> String {
    let order = world.orders("clerk").create_order(freeze(number, RICH, 20_000)).await.unwrap().into_inner();
    for officer in 1..=u8::try_from(order.approvals_needed).unwrap() {
        world.orders("officer").approve_order(approval(&order, officer)).await.unwrap();
    }
    let begun = Instant::now();
    loop {
        let request = v1::GetOrderRequest { name: order.name.clone() };
        let now = world.orders("clerk").get_order(request).await.unwrap().into_inner();
        if now.state() == wanted {
            return order.name;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?} after {:?}", now.state(), now.steps);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn compare(world: &World, file: &[u8]) -> check::Report {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("restored")).unwrap();
    backup::restore(&store, file).await.unwrap();
    let subject = Subject {
        institution: world.court.id.clone(),
        anchor: world.court.anchor.clone(),
        clients: vec!["client-bank-1".parse().unwrap()],
        sectors: Arc::new(Sectors::embedded().unwrap()),
        lookup_key: None,
    };
    check::compare(&subject, &world.court.chain(), Arc::new(store)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_committed_after_the_backup_is_named_and_all_else_agrees() {
    let mut world = World::start().await;
    ordered(&world, 1, OrderState::Executed).await;
    world.cut().await;
    // Drawn up before the backup, committed after it: the restored store takes that up by itself.
    let known = ordered(&world, 2, OrderState::Committed).await;
    let (world, file) = world.back_up_court().await;
    let report = compare(&world, &file).await;
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(report.compared[..2], [("orders of the store", 2), ("unanswered orders of the chain", 1)]);

    let lost = ordered(&world, 3, OrderState::Committed).await;
    let report = compare(&world, &file).await;
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!(finding.code, "ORDER_LOST");
    assert!(finding.what.contains(&lost) && finding.what.contains("bank") && !finding.what.contains(&known));

    // A store of another world: what it says was proven does not stand on this chain.
    let other = World::start().await;
    let report = compare(&other, &file).await;
    assert!(report.findings.iter().any(|finding| finding.code == "ORDER_NOT_ON_CHAIN"), "{:?}", report.findings);
    other.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_under_private_ids_are_found_with_the_lookup_key_and_not_guessed_without() {
    let sectors = Arc::new(Sectors::embedded().unwrap());
    let world = World::start_with(DecidePolicy::Automatic, Sectors::embedded().unwrap()).await;
    let schema = sectors.sector(&"accounts".parse().unwrap()).unwrap();
    let record = crate::filling::record(
        schema,
        &About { reference: RICH, name: crate::filling::NAME, number: crate::filling::NUMBER },
    );
    world.bank_gateway.records().publish(&schema.name, vec![(RICH.parse().unwrap(), record)]).await.unwrap();

    let World { bank, bank_gateway, .. } = world;
    bank_gateway.stop().await;
    let store = Arc::new(RedbStore::open(&bank.folder.path().join("gateway.redb")).unwrap());
    let compare = async |lookup_key| {
        let (institution, anchor) = (bank.id.clone(), bank.anchor.clone());
        let subject = Subject { institution, anchor, clients: Vec::new(), sectors: sectors.clone(), lookup_key };
        check::compare(&subject, &bank.chain(), store.clone()).await
    };
    let report = compare(Some(bank.lookup_key())).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert!(report.compared.contains(&("records", 3)), "the record, its entry and the key: {:?}", report.compared);
    assert_eq!(compare(None).await.unwrap_err().reason().as_str(), "LOOKUP_KEY_MISSING");
    let report = compare(Some(SecretBox::new(Box::new([0; 32])))).await.unwrap();
    assert_eq!(report.findings[0].code, "RECORDS_LOST", "under another key nothing stands");
}
