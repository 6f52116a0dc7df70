//! What is said of an order before it is drawn up.
//! It refuses to send one.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validate_only_says_what_is_checked_and_what_will_be_proven_and_writes_nothing() {
    let world = world().await;
    register(&world, "accounts", vec![account("6222020001", 900_000)]).await;
    let freeze = |number| Draft::new(number, "accounts", "freeze").on("6222020001").of(100_000);
    let validated = async |draft: Draft| {
        let request = v1::CreateOrderRequest { validate_only: true, ..draft.request() };
        world.orders("clerk").create_order(request).await.unwrap().into_inner()
    };
    // The relayer brings the bank's keys over with the first order.
    let name = "obligations/000102030405060708090a0b0c0d0e0f";
    let first = executed(&world, freeze(1).serving(name, 500_000)).await;
    let checked = validated(freeze(2).serving(name, 500_000)).await;
    let validation = checked.validation.unwrap();
    assert!(validation.valid && validation.checks.iter().all(|check| check.outcome() == Checked::Passed));
    let names: Vec<_> = validation.checks.iter().map(|check| check.check.as_str()).collect();
    assert_eq!(names[..4], ["REQUEST", "RECIPIENT", "SECTOR", "KIND"]);
    let shown = |validation: &v1::OrderValidation, what: &str| {
        let proof = validation.proofs.iter().find(|proof| proof.what == what).unwrap();
        (proof.outcome(), proof.chain_id.clone(), proof.proof.is_some())
    };
    for what in ["COURT_MEMBER", "CLIENT", "RECIPIENT_MEMBER", "OBLIGATION"] {
        assert_eq!(shown(&validation, what), (Shown::Proven, "court-1".to_owned(), true), "{what}");
    }
    for (what, chain) in [("COMMITMENT", "court-1"), ("RECEIPT", "bank-1"), ("ACKNOWLEDGEMENT", "bank-1")] {
        assert_eq!(shown(&validation, what), (Shown::Awaited, chain.to_owned(), false), "{what}");
    }
    assert_eq!(shown(&validation, "APPROVALS").0, Shown::Awaited);

    let checks = [
        (freeze(1), "REQUEST", "REQUEST_CONFLICT"),
        (Draft { recipient: "members/nobody", ..freeze(3) }, "RECIPIENT", "UNKNOWN_MEMBER"),
        (Draft { kind: "burn".into(), ..freeze(3) }, "KIND", "UNKNOWN_KIND"),
        (freeze(3).changing(&first), "ORIGINAL", "ORIGINAL_ORDER"),
        (freeze(3).with("control_kind", text("EVERYTHING")), "FIELDS", "FIELD_VALUE"),
        (freeze(3).for_days(1_000), "PERIOD", "HOLD_DAYS"),
        (freeze(3).serving(name, 1), "OBLIGATION", "CLAIM_DIFFERS"),
        (Draft::new(3, "credit", "list").on("1").in_an_emergency(), "EMERGENCY", "NO_EMERGENCY"),
    ];
    for (draft, check, code) in checks {
        let answer = validated(draft).await;
        let validation = answer.validation.unwrap();
        assert!(!validation.valid && validation.proofs.is_empty() && answer.name.is_empty());
        let failed = validation.checks.iter().position(|check| check.outcome() == Checked::Failed).unwrap();
        assert_eq!(
            (validation.checks[failed].check.as_str(), validation.checks[failed].reason.as_str()),
            (check, code)
        );
        assert!(validation.checks[failed + 1..].iter().all(|check| check.outcome() == Checked::NotMade));
    }
    let all = world.orders("clerk").list_orders(v1::ListOrdersRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.orders.len(), 1, "nothing was stored");

    // A watch that was cut off goes on after the change it saw, and a token of another order is none.
    let watch = async |name: &str, token: &str| {
        let request = v1::WatchOrderRequest { name: name.into(), resume_token: token.into(), follow_hold: false };
        let mut changes = world.orders("clerk").watch_order(request).await?.into_inner();
        let mut seen = 0;
        while changes.message().await?.is_some() {
            seen += 1;
        }
        Ok::<_, tonic::Status>(seen)
    };
    let answered = get(&world, &first).await;
    assert_eq!(watch(&first.name, "").await.unwrap(), 1);
    assert_eq!(watch(&first.name, &answered.resume_token).await.unwrap(), 0);
    let second = create(&world, freeze(9)).await.unwrap();
    assert_eq!(reason(&watch(&first.name, &second.resume_token).await.unwrap_err()), "INVALID_ARGUMENT");
    world.stop().await;
}
