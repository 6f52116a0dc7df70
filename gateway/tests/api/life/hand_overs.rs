//! Orders that hold nothing of value: listings, and cases that are handed over, supplemented and returned.
//! It refuses to know assets that can be taken.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debtor_is_listed_corrected_and_removed_and_a_case_is_handed_over_against_a_sealed_receipt() {
    let world = world().await;
    register(&world, "credit", vec![whole("330106198001011234")]).await;
    let order = |number, kind: &str| Draft::new(number, "credit", kind).on("330106198001011234");
    let listing = executed(&world, order(1, "list")).await;
    let another = executed(&world, order(2, "list")).await;
    executed(&world, order(3, "correct").changing(&listing)).await;
    noticed(&world, &listing, "AMENDED").await;
    executed(&world, order(4, "remove").changing(&listing)).await;
    noticed(&world, &listing, "RELEASED").await;
    assert!(get(&world, &another).await.notice.is_none(), "each listing stands on its own");

    let handed = executed(&world, Draft::new(5, "dossiers", "hand-over").on("A330106-2026-0001")).await;
    let receipt = handed.receipt.clone().unwrap();
    assert!(receipt.bound && receipt.digest.len() == 32, "the proven result binds the sealed receipt");
    assert!(seconds(&receipt.receive_time) >= seconds(&handed.issue_time));
    assert!(handed.answer.is_none() && handed.result.unwrap().until.is_none(), "nothing is held, nothing more awaited");
    executed(&world, Draft::new(6, "dossiers", "supplement").on("A330106-2026-0001")).await;
    // It comes back, with a reason and the number of the first hand-over, against a receipt of its own.
    let mut unnamed = Draft::new(7, "dossiers", "return").on("A330106-2026-0001").request();
    unnamed.private_fields.retain(|field| field.name != "original_request_number");
    assert_eq!(reason(&world.orders("clerk").create_order(unnamed).await.unwrap_err()), "FIELD_MISSING");
    let back = Draft::new(8, "dossiers", "return").on("A330106-2026-0001").with("ground", text("MORE_EVIDENCE_NEEDED"));
    let back = executed(&world, back).await;
    let second = back.receipt.clone().unwrap();
    assert!(second.bound && second.digest != receipt.digest, "each hand-over has its own receipt");
    nothing_private_is_on_disk(world).await;
}
