#![allow(clippy::unwrap_used)]
use super::*;
use crate::orders::testing::order_and_part;

fn claim(minor: u64) -> Claim {
    Claim { obligation: ObligationId([1; 16]), claimed: Amount::cny(minor), salt: [2; 32] }
}

fn obligation(controlled: u64, reserved: u64, obtained: u64) -> Obligation {
    Obligation {
        court: "court".parse().unwrap(),
        claimed: Amount::cny(1_000),
        orders: Vec::new(),
        controlled,
        reserved,
        obtained,
        proposed: Vec::new(),
    }
}

#[test]
fn an_order_serves_an_obligation_while_there_is_room_for_it() {
    let freeze = order_and_part().0;
    assert_eq!(fits(&freeze, &claim(1_000), &obligation(999, 0, 0)), Ok(()));
    assert_eq!(fits(&freeze, &claim(1_000), &obligation(1_000, 0, 0)), Err(ObligationError::Covered));
    let differs = ObligationError::ClaimDiffers(Amount::cny(1_000));
    assert_eq!(fits(&freeze, &claim(1_001), &obligation(0, 0, 0)), Err(differs));

    let mut deduction = freeze;
    deduction.effect = Effect::Deduct;
    deduction.amount = Some(Amount::cny(400));
    assert_eq!(fits(&deduction, &claim(1_000), &obligation(1_000, 300, 300)), Ok(()));
    let exceeded = ObligationError::Exceeded(Amount::cny(399));
    assert_eq!(fits(&deduction, &claim(1_000), &obligation(1_000, 301, 300)), Err(exceeded));
    deduction.amount = Some(Amount { currency: "USD".parse().unwrap(), minor: 1 });
    let exceeded = ObligationError::Exceeded(Amount::cny(1_000));
    assert_eq!(fits(&deduction, &claim(1_000), &obligation(0, 0, 0)), Err(exceeded));
}
