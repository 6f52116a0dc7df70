//! Orders that take the whole of an asset: sealed units, preserved rights, and their going over to a new owner.
//! It refuses to know amounts.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_is_sealed_by_two_officers_waited_for_and_goes_over_to_its_new_owner() {
    let world = world().await;
    let native = v1::AssetRow { enforcement: v1::Enforcement::Native.into(), ..whole("330106001001GB00001F00010001") };
    register(&world, "parcels", vec![native]).await;
    let unit = "330106001001GB00001F00010001";
    assert_eq!(look_up(&world, "parcels", unit).await.enforcement(), v1::Enforcement::Native);
    let seal = |number| Draft::new(number, "parcels", "seal").on(unit);

    // Two different officers: one is not enough, and one twice is one.
    let first = create(&world, seal(1)).await.unwrap();
    assert_eq!(first.approvals_needed, 2);
    approve(&world, &first, &[1, 1]).await;
    assert_eq!(get(&world, &first).await.state(), OrderState::AwaitingApproval);
    approve(&world, &first, &[2]).await;
    let first = answered(&world, &first).await;
    assert_eq!(first.state(), OrderState::Executed, "{:?}", first.result);
    let second = done(&world, seal(2)).await;
    assert_eq!((second.state(), second.result.clone().unwrap().ahead), (OrderState::Waitlisted, 1));

    let transfer = |number, original: &v1::Order| Draft::new(number, "parcels", "transfer").on(unit).changing(original);
    assert_eq!(failed(&world, transfer(3, &second)).await, (OrderState::Failed, "NOT_ACTIVE".into()));
    let before = look_up(&world, "parcels", unit).await;
    executed(&world, transfer(4, &first)).await;
    noticed(&world, &first, "TRANSFERRED").await;
    noticed(&world, &second, "TRANSFERRED").await;
    // The unit goes on under a fresh handle, free of what stood on it, and can be sealed again.
    let after = look_up(&world, "parcels", unit).await;
    assert!(after.handle != before.handle && after.holds_placed == 0);
    let third = executed(&world, seal(5)).await;
    executed(&world, Draft::new(6, "parcels", "release").on(unit).changing(&third)).await;
    nothing_private_is_on_disk(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_is_preserved_and_its_registration_goes_over_to_whom_the_judgment_names() {
    let world = world().await;
    let right = "ZL202499000123X";
    register(&world, "ip-rights", vec![whole(right)]).await;
    let freeze = |number| Draft::new(number, "ip-rights", "freeze").on(right);
    let preserved = executed(&world, freeze(1).for_days(180)).await;
    assert!(seconds(&preserved.result.clone().unwrap().until) > 0, "the preservation has an end");
    let waiting = done(&world, freeze(2)).await;
    assert_eq!((waiting.state(), waiting.result.clone().unwrap().ahead), (OrderState::Waitlisted, 1));
    executed(&world, Draft::new(3, "ip-rights", "renew").on(right).changing(&preserved).for_days(700)).await;
    let (renewed, notice) = noticed(&world, &preserved, "RENEWED").await;
    assert!(seconds(&notice.until) > seconds(&renewed.result.unwrap().until) + 400 * DAY_S as i64);

    // Only from a preservation in force, and then with everything that stood on the right.
    let transfer =
        |number, original: &v1::Order| Draft::new(number, "ip-rights", "transfer").on(right).changing(original);
    assert_eq!(failed(&world, transfer(4, &waiting)).await, (OrderState::Failed, "NOT_ACTIVE".into()));
    let before = look_up(&world, "ip-rights", right).await;
    executed(&world, transfer(5, &preserved)).await;
    noticed(&world, &preserved, "TRANSFERRED").await;
    noticed(&world, &waiting, "TRANSFERRED").await;
    let after = look_up(&world, "ip-rights", right).await;
    assert!(after.handle != before.handle && after.holds_placed == 0);
    let again = executed(&world, freeze(6)).await;
    executed(&world, Draft::new(7, "ip-rights", "release").on(right).changing(&again)).await;
    noticed(&world, &again, "RELEASED").await;
    nothing_private_is_on_disk(world).await;
}
