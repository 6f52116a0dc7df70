//! An agreement from its conclusion to what its default opens and proposes, over two real ledgers and mutual TLS: the court
//! learns of payments and of their absence by proof of the bank's chain alone.

use crate::enforcement::agreements::{ACCOUNT, OWED, amount, request, rules, text};
use crate::enforcement::{RICH, World, sectors};
use crate::support::{approval, reason, signature};
use comity_gateway::institution::NewAsset;
use comity_gateway::{Clock, DecidePolicy};
use comity_model::Hash;
use comity_model::asset::Enforcement;
use comity_model::record::{Field, FieldValue};
use comity_model::{Amount, UnixSeconds};
use comity_proto::v1;
use comity_proto::v1::agreement::State;
use comity_proto::v1::agreements_client::AgreementsClient;
use comity_proto::v1::triggers_client::TriggersClient;
use std::time::Duration;
use tonic::transport::Channel;

async fn world() -> World {
    let world = World::start_ruled(DecidePolicy::Automatic, sectors(), rules()).await;
    let account = NewAsset {
        sector: "accounts".parse().unwrap(),
        reference: RICH.into(),
        value: Some(Amount::cny(900_000)),
        enforcement: Enforcement::Attested,
        follows: None,
    };
    world.bank_gateway.assets().register(vec![account]).await.unwrap();
    world
}

fn agreements(world: &World, role: &str) -> AgreementsClient<Channel> {
    AgreementsClient::new(world.court.person(&world.court_gateway, role))
}

fn triggers(world: &World, role: &str) -> TriggersClient<Channel> {
    TriggersClient::new(world.court.person(&world.court_gateway, role))
}

/// Draws an agreement up and has an officer approve it.
async fn concluded(world: &World, request: v1::CreateAgreementRequest) -> v1::Agreement {
    let drawn = agreements(world, "clerk").create_agreement(request).await.unwrap().into_inner();
    assert_eq!(drawn.state(), State::AwaitingApproval);
    let approve = v1::ApproveAgreementRequest {
        name: drawn.name.clone(),
        officer: "J1".into(),
        signature: signature(&drawn.signing_bytes, 1),
    };
    let standing = agreements(world, "officer").approve_agreement(approve).await.unwrap().into_inner();
    assert_eq!(standing.state(), State::InForce);
    assert_eq!(standing.proof.as_ref().unwrap().chain_id, "court-1");
    standing
}

async fn confirmed(world: &World, agreement: &v1::Agreement) -> v1::Agreement {
    let confirm = |signature, validate_only| v1::ConfirmAgreementRequest {
        name: agreement.name.clone(),
        ruling: vec![8; 32],
        officer: "J2".into(),
        signature,
        validate_only,
    };
    let mut officer = agreements(world, "officer");
    let shown = officer.confirm_agreement(confirm(Vec::new(), true)).await.unwrap().into_inner();
    assert!(shown.confirmation.is_none());
    let request = confirm(signature(&shown.signing_bytes, 2), false);
    let confirmed = officer.confirm_agreement(request).await.unwrap().into_inner();
    assert_eq!(confirmed.confirmation.as_ref().unwrap().officer, "J2");
    confirmed
}

/// Has the bank record the payment of an instalment.
async fn pay(world: &World, agreement: &v1::Agreement, number: usize, minor: u64) {
    let reference = agreement.instalments[number].reference.clone();
    let field = |name: &str, value| Field { name: name.parse().unwrap(), value };
    let fields = vec![
        field("account", FieldValue::Digest(Hash(ACCOUNT))),
        field("amount", FieldValue::Amount(Amount::cny(minor))),
        field("paid_at", FieldValue::Time(UnixSeconds(Clock::system().now().unix_seconds().0))),
        field("reference", FieldValue::Text(reference.clone())),
    ];
    let records = vec![(reference.parse().unwrap(), fields)];
    world.bank_gateway.records().publish(&"payments".parse().unwrap(), records).await.unwrap();
}

async fn reached(world: &World, agreement: &v1::Agreement, state: State) -> v1::Agreement {
    let mut last = None;
    for _ in 0..300 {
        let get = v1::GetAgreementRequest { name: agreement.name.clone(), purpose: None };
        let now = agreements(world, "clerk").get_agreement(get).await.unwrap().into_inner();
        if now.state() == state {
            return now;
        }
        last = Some(now);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{state:?} was not reached: {last:?}");
}

async fn proposals(world: &World, rule: &str, least: usize) -> (v1::Firing, Vec<v1::Proposal>) {
    let mut clerk = triggers(world, "clerk");
    for _ in 0..300 {
        let firings = clerk.list_firings(v1::ListFiringsRequest::default()).await.unwrap().into_inner().firings;
        if let Some(firing) = firings.into_iter().find(|firing| firing.rule == rule) {
            let mut found = Vec::new();
            for name in &firing.proposals {
                let get = v1::GetProposalRequest { name: name.clone(), purpose: None };
                found.push(clerk.get_proposal(get).await.unwrap().into_inner());
            }
            assert!(found.len() >= least);
            return (firing, found);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{rule} did not fire");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missed_instalment_opens_enforcement_and_proposes_what_follows_with_its_reasons() {
    let world = world().await;
    let agreement = concluded(&world, request(1, &[5, 9])).await;
    let agreement = confirmed(&world, &agreement).await;
    pay(&world, &agreement, 0, OWED).await;
    // What the gateway was about is taken up where it stopped.
    let world = world.restart_court().await;

    let defaulted = reached(&world, &agreement, State::Defaulted).await;
    let paid = defaulted.instalments[0].paid.clone().unwrap();
    assert_eq!((paid.amount, paid.fact.unwrap().chain_id.as_str()), (amount(OWED), "bank-1"));
    let default = defaulted.default.clone().unwrap();
    assert_eq!(default.instalment, 1);
    let none = triggers(&world, "clerk").list_firings(v1::ListFiringsRequest::default()).await.unwrap().into_inner();
    assert!(none.firings.is_empty(), "nothing fires within the hold period");

    let opened = reached(&world, &agreement, State::Opened).await;
    let filing = opened.filing.clone().unwrap();
    assert_eq!((filing.opens.as_str(), filing.unpaid), ("ENFORCEMENT", amount(OWED)));

    // Why, and on what: proven of which chain, at which height.
    let (firing, proposed) = proposals(&world, "rules/enforcement-freezes", 1).await;
    assert_eq!(firing.subject, agreement.name);
    assert!(firing.explanation.contains("instalment 2 is proven not to be paid"), "{}", firing.explanation);
    let absence = firing.facts.iter().find(|fact| fact.statement.contains("no sufficient payment")).unwrap();
    let (proof, fact) = (absence.proof.clone().unwrap(), default.fact.unwrap());
    assert_eq!((proof.chain_id.as_str(), proof.header_height), ("bank-1", fact.header_height));
    assert_eq!(proof.rules, ["COMMIT_POWER", "ABSENCE_PROOF"]);
    let own = firing.facts.last().unwrap().proof.clone().unwrap();
    assert!(own.chain_id == "court-1" && own.header_height > filing.height);
    let nobody_is_named = format!("{firing:?}{proposed:?}");
    assert!(!nobody_is_named.contains("王五") && !nobody_is_named.contains(RICH));

    // A draft waits: nothing was sent.
    assert_eq!((proposed[0].kind.as_str(), proposed[0].state()), ("ORDER", v1::proposal::State::Proposed));
    let get = v1::GetOrderRequest { name: proposed[0].order.clone() };
    let draft = world.orders("clerk").get_order(get).await.unwrap().into_inner();
    assert_eq!((draft.state(), draft.kind.as_str()), (v1::OrderState::AwaitingApproval, "freeze"));
    let purpose = v1::Purpose {
        case_number: "(2026)浙0106执1024号".into(),
        legal_basis: "a provision".into(),
        purpose: "to see what is proposed".into(),
    };
    let get = v1::GetProposalRequest { name: proposed[0].name.clone(), purpose: Some(purpose) };
    let shown = triggers(&world, "clerk").get_proposal(get).await.unwrap().into_inner();
    assert!(
        shown.fields.contains(&text("person_name", "王五")) && shown.fields.contains(&text("account_number", RICH))
    );

    // Approved like any order, it is carried out; its hold lapses within the rule's days, and a renewal is proposed.
    for number in 1..=u8::try_from(draft.approvals_needed).unwrap() {
        world.orders("officer").approve_order(approval(&draft, number)).await.unwrap();
    }
    let (firing, renewal) = proposals(&world, "rules/hold-renews", 1).await;
    assert_eq!(firing.subject, draft.name);
    assert_eq!((renewal[0].order_kind.as_str(), &renewal[0].original), ("renew", &draft.name));
    assert_eq!(renewal[0].state(), v1::proposal::State::Proposed, "{renewal:?}");
    let get = v1::GetProposalRequest { name: proposed[0].name.clone(), purpose: None };
    let taken = triggers(&world, "clerk").get_proposal(get).await.unwrap().into_inner();
    assert_eq!(taken.state(), v1::proposal::State::TakenUp);
    // Once, however often it is looked at.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let all = triggers(&world, "clerk").list_firings(v1::ListFiringsRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.firings.len(), 2, "{all:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judge_stops_what_a_default_would_open_and_a_short_payment_is_a_default() {
    let world = world().await;
    let agreement = concluded(&world, request(1, &[4])).await;
    pay(&world, &agreement, 0, OWED - 1).await;
    reached(&world, &agreement, State::Defaulted).await;
    let stop = |signature, validate_only| v1::StopAgreementRequest {
        name: agreement.name.clone(),
        reason: "PARTIES_SETTLED".into(),
        ruling: vec![9; 32],
        officer: "J1".into(),
        signature,
        validate_only,
    };
    let mut officer = agreements(&world, "officer");
    let shown = officer.stop_agreement(stop(Vec::new(), true)).await.unwrap().into_inner();
    let forged = officer.stop_agreement(stop(signature(&shown.signing_bytes, 2), false)).await.unwrap_err();
    assert_eq!(reason(&forged), "APPROVAL_REFUSED");
    let stopped = officer.stop_agreement(stop(signature(&shown.signing_bytes, 1), false)).await.unwrap().into_inner();
    assert_eq!((stopped.state(), stopped.stop.unwrap().reason.as_str()), (State::Stopped, "PARTIES_SETTLED"));

    // Without a court's confirmation it is a trial; once it is open, a stop is too late.
    let second = concluded(&world, request(2, &[4])).await;
    let opened = reached(&world, &second, State::Opened).await;
    assert_eq!(opened.filing.unwrap().opens, "TRIAL");
    let late = v1::StopAgreementRequest { name: second.name.clone(), ..stop(Vec::new(), true) };
    let shown = officer.stop_agreement(late.clone()).await.unwrap().into_inner();
    let late = v1::StopAgreementRequest { signature: signature(&shown.signing_bytes, 1), validate_only: false, ..late };
    assert_eq!(reason(&officer.stop_agreement(late).await.unwrap_err()), "STOP_LATE");
    let firings = triggers(&world, "clerk").list_firings(v1::ListFiringsRequest::default()).await.unwrap().into_inner();
    assert!(firings.firings.is_empty(), "{firings:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_an_agreement_is_said_by_its_reason() {
    let world = world().await;
    let create = async |role: &str, request| agreements(&world, role).create_agreement(request).await;
    let refused = async |request| reason(&create("clerk", request).await.unwrap_err());
    let good = request(1, &[600, 900]);
    assert_eq!(reason(&create("reader", good.clone()).await.unwrap_err()), "PERMISSION_DENIED");
    let changed = |edit: &dyn Fn(&mut v1::CreateAgreementRequest)| {
        let mut request = good.clone();
        edit(&mut request);
        request
    };
    assert_eq!(refused(changed(&|request| request.instalments.swap(0, 1))).await, "AGREEMENT_TERMS");
    assert_eq!(refused(changed(&|request| request.parties.truncate(1))).await, "AGREEMENT_TERMS");
    assert_eq!(refused(changed(&|request| request.rule = "rules/none".into())).await, "UNKNOWN_RULE");
    assert_eq!(refused(changed(&|request| request.payments_at = "members/none".into())).await, "UNKNOWN_MEMBER");
    assert_eq!(refused(changed(&|request| request.account = "7".into())).await, "INVALID_ARGUMENT");
    let short = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    assert_eq!(refused(changed(&|request| request.hold = short)).await, "AGREEMENT_TERMS");
    let checked = create("clerk", changed(&|request| request.validate_only = true)).await.unwrap().into_inner();
    assert!(!checked.signing_bytes.is_empty());

    // The same request is the same agreement; another body under its id is a conflict.
    let drawn = create("clerk", good.clone()).await.unwrap().into_inner();
    assert_eq!(create("clerk", good.clone()).await.unwrap().into_inner(), drawn);
    assert_eq!(refused(changed(&|request| request.text_digest = vec![1; 32])).await, "REQUEST_CONFLICT");
    let unknown = v1::GetAgreementRequest { name: format!("agreements/{}", "0".repeat(32)), purpose: None };
    let error = agreements(&world, "clerk").get_agreement(unknown).await.unwrap_err();
    assert_eq!(reason(&error), "UNKNOWN_AGREEMENT");

    // Parties are shown to those who say why; lists never show them.
    let purpose = v1::Purpose { case_number: "1".into(), legal_basis: "2".into(), purpose: "3".into() };
    let get = v1::GetAgreementRequest { name: drawn.name.clone(), purpose: Some(purpose) };
    let shown = agreements(&world, "clerk").get_agreement(get).await.unwrap().into_inner();
    assert_eq!(shown.parties[1].name, "王五");
    let list =
        agreements(&world, "clerk").list_agreements(v1::ListAgreementsRequest::default()).await.unwrap().into_inner();
    assert_eq!(list.agreements, [drawn]);
    let rules = triggers(&world, "clerk").list_rules(v1::ListRulesRequest {}).await.unwrap().into_inner();
    assert_eq!(rules.rules.len(), 3);
    world.stop().await;
}
