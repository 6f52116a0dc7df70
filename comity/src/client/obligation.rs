//! `comity order obligation`: what is claimed of a debtor in all, and what is held and deducted for it.
//! Refuses to sum anything up: what is shown was proven on the court's chain.

use super::fields::{self, shown_amount};
use super::show::{amount_json, proof_json, proof_line, table};
use super::{ClientFile, status};
use crate::cli::order::ObligationArgs;
use crate::failure::Failure;
use comfy_table::Table;
use comity_model::obligation::Claim;
use comity_model::{Amount, Hash};
use comity_proto::v1;
use comity_proto::v1::obligations_client::ObligationsClient;
use serde_json::{Value, json};

/// Runs the command.
pub(super) async fn show(args: ObligationArgs) -> Result<(), Failure> {
    let mut obligations = ObligationsClient::new(ClientFile::read(&args.client.client)?.connect()?);
    if let Some(name) = args.name {
        let got = obligations.get_obligation(v1::GetObligationRequest { name }).await;
        print(&got.map_err(|error| status(error, "the obligation was not got"))?.into_inner(), args.json);
        return Ok(());
    }
    let (mut page_token, mut count) = (String::new(), 0usize);
    loop {
        let over_control_only = args.over_control;
        let request = v1::ListObligationsRequest { page_size: 0, page_token, over_control_only };
        let page = obligations.list_obligations(request).await;
        let page = page.map_err(|error| status(error, "the obligations were not listed"))?.into_inner();
        count = count.saturating_add(page.obligations.len());
        page.obligations.iter().for_each(|obligation| print(obligation, args.json));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if !args.json {
        println!("{count} obligation(s)");
    }
    Ok(())
}

/// The claim that an order is to serve. `new` draws a fresh obligation.
pub(super) fn claim(serves: Option<&str>, claimed: Option<&str>) -> Result<Option<v1::Claim>, Failure> {
    let (Some(serves), Some(claimed)) = (serves, claimed) else { return Ok(None) };
    let obligation = match serves {
        "new" => format!("obligations/{}", uuid::Uuid::new_v4().simple()),
        name => name.to_owned(),
    };
    let claimed = Some(comity_gateway::amount_to_wire(&fields::amount(claimed)?));
    Ok(Some(v1::Claim { obligation, claimed, salt: Vec::new() }))
}

/// Whether what is to be signed commits to the obligation that is shown, and to nothing where none is.
pub(super) fn is_committed_to(shown: Option<&v1::Claim>, signed: Option<Hash>) -> bool {
    let claim = |shown: &v1::Claim| {
        let claimed = shown.claimed.as_ref()?;
        let claimed = Amount { currency: claimed.currency.parse().ok()?, minor: claimed.minor };
        let obligation = shown.obligation.strip_prefix("obligations/")?.parse().ok()?;
        Some(Claim { obligation, claimed, salt: shown.salt.as_slice().try_into().ok()? })
    };
    match (shown, signed) {
        (None, None) => true,
        (Some(shown), Some(signed)) => claim(shown).is_some_and(|claim| comity_verify::order::claim(&claim) == signed),
        _ => false,
    }
}

fn print(obligation: &v1::Obligation, json: bool) {
    if json {
        println!("{}", obligation_json(obligation));
        return;
    }
    println!("{}", obligation_table(obligation));
    if let Some(proof) = &obligation.proof {
        println!("{}", proof_line(proof));
    }
    for proposed in &obligation.proposed_releases {
        let amount = proposed.amount.as_ref().map(shown_amount).unwrap_or_default();
        println!("Proposed: release {amount} of {}", proposed.order);
        println!("  comity order release --as <client file> {} --field amount=<that amount> …", proposed.order);
    }
}

fn obligation_table(obligation: &v1::Obligation) -> Table {
    let mut table = table(&[]);
    let amount = |amount: &Option<v1::Amount>| amount.as_ref().map(shown_amount).unwrap_or_default();
    table.add_row(["obligation", &obligation.name]);
    for (name, value) in [
        ("claimed", &obligation.claimed),
        ("held or deducted", &obligation.controlled),
        ("to be deducted", &obligation.reserved),
        ("deducted", &obligation.obtained),
        ("outstanding", &obligation.outstanding),
        ("over control", &obligation.over_control),
    ] {
        table.add_row([name, &amount(value)]);
    }
    table.add_row(["orders", &obligation.orders.join("\n")]);
    table
}

fn obligation_json(obligation: &v1::Obligation) -> Value {
    let proposed = obligation.proposed_releases.iter();
    json!({
        "name": obligation.name,
        "claimed": amount_json(obligation.claimed.as_ref()),
        "controlled": amount_json(obligation.controlled.as_ref()),
        "reserved": amount_json(obligation.reserved.as_ref()),
        "obtained": amount_json(obligation.obtained.as_ref()),
        "outstanding": amount_json(obligation.outstanding.as_ref()),
        "over_control": amount_json(obligation.over_control.as_ref()),
        "proposed_releases": proposed
            .map(|proposed| json!({ "order": proposed.order, "amount": amount_json(proposed.amount.as_ref()) }))
            .collect::<Vec<_>>(),
        "orders": obligation.orders,
        "proof": proof_json(obligation.proof.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_officer_signs_for_the_obligation_that_is_shown_and_for_no_other() {
        let mut shown = claim(Some("new"), Some("800.00")).unwrap().unwrap();
        shown.salt = vec![3; 32];
        let obligation = shown.obligation.strip_prefix("obligations/").unwrap().parse().unwrap();
        let signed = Claim { obligation, claimed: Amount::cny(80_000), salt: [3; 32] };
        let signed = comity_verify::order::claim(&signed);
        assert!(is_committed_to(Some(&shown), Some(signed)) && is_committed_to(None, None));
        assert!(!is_committed_to(None, Some(signed)) && !is_committed_to(Some(&shown), None));
        let more = claim(Some(&shown.obligation), Some("800.01")).unwrap().unwrap();
        assert!(!is_committed_to(Some(&v1::Claim { salt: vec![3; 32], ..more }), Some(signed)));
        assert!(claim(None, None).unwrap().is_none() && claim(Some("new"), Some("much")).is_err());
    }
}
