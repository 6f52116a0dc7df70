//! One attack, and the rule that refuses it. Everything but the tampered bytes is genuine, and the same door is used
//! that honest relayers and clients use.

use super::carrier::Carrier;
use super::order::{CaseSystem, expect, is_answered, seen};
use super::report::{Report, Seen};
use crate::cli::demo::Tamper;
use crate::failure::{Failure, OrFail};
use crate::sandbox::World;
use comity_adapters_ports::Outcome;
use comity_model::Amount;
use comity_model::order::{OrderResult, Outcome as OrderOutcome};
use comity_model::packet::Packet;
use comity_model::record::FieldValue;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_proto::v1::OrderState;
use comity_verify::bundle::{Bundle, Claim, Link};
use comity_verify::comet::CommitSig;
use comity_verify::light::LightStep;
use std::time::Duration;

/// Shows the attack on `what`.
pub(super) async fn run(world: &World, what: Tamper, report: &mut Report) -> Result<(), Failure> {
    match what {
        Tamper::Header => header(world, report).await,
        Tamper::Commit => commit(world, report).await,
        Tamper::Record => record(world, report).await,
        Tamper::Proof => in_flight(world, report, Target::Proof).await,
        Tamper::Packet => in_flight(world, report, Target::Packet).await,
        Tamper::Ack => in_flight(world, report, Target::Ack).await,
    }
}

/// A relayer invents state: it changes the app hash of a header that validators signed.
async fn header(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.story("A relayer changes the app hash of a signed header");
    let mut step = court_step(world).await?;
    step.block.header.app_hash = comity_model::Hash([0xAB; 32]).into();
    bring(world, report, &step).await
}

/// A relayer forges a vote: it changes one bit of a validator's signature.
async fn commit(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.story("A relayer forges a validator's signature");
    let mut step = court_step(world).await?;
    let vote = step.block.commit.signatures.iter_mut().find_map(|signature| match signature {
        CommitSig::Commit(vote) => Some(vote),
        _ => None,
    });
    let vote = vote.ok_or_else(|| Failure::fault("the commit has no votes"))?;
    vote.signature[0] ^= 1;
    bring(world, report, &step).await
}

async fn court_step(world: &World) -> Result<LightStep, Failure> {
    let (court, finance) = (world.chain("court")?, world.chain("finance")?);
    let (_, client) = world.client_ids("court", "finance")?;
    // A block later than any that the client knows.
    let latest = court.headers.latest().await.or_unavailable(|| "the court's chain does not answer".into())?;
    for _ in 0..200 {
        let now = court.headers.latest().await.or_unavailable(|| "the court's chain does not answer".into())?;
        if now > latest {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.stop_relayer().await?;
    let latest = court.headers.latest().await.or_unavailable(|| "the court's chain does not answer".into())?;
    Carrier::new(court, finance, client).step(latest).await
}

async fn bring(world: &World, report: &mut Report, step: &LightStep) -> Result<(), Failure> {
    let (_, client) = world.client_ids("court", "finance")?;
    let carrier = Carrier::new(world.chain("court")?, world.chain("finance")?, client);
    report.begin();
    let outcome = carrier.submit(carrier.messages(step, None)).await?;
    refused(report, "the finance chain refuses header", step.height().0, outcome)
}

/// A gateway lies: it changes a field in an answer that it passes on.
async fn record(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.story("A gateway changes a field of a judgment that it passes on");
    let bundle = super::query::judgment_bundle(world).await?;
    let mut bundle = Bundle::decode(&bundle).map_err(|refusal| Failure::fault(refusal.to_string()))?;
    if let Claim::Record { disclosure, .. } = &mut bundle.claim {
        let text = disclosure.opened.iter_mut().find_map(|opened| match &mut opened.opening.field.value {
            FieldValue::Text(text) => Some(text),
            _ => None,
        });
        text.ok_or_else(|| Failure::fault("the judgment shows no text"))?.push('!');
    }
    report.begin();
    let height = match &bundle.link {
        Link::Forward { steps } => steps.last().map_or(bundle.anchor.height, LightStep::height),
        Link::Archive { header, .. } => header.height,
    };
    let anchor = &world.anchor("court")?.anchor;
    match crate::verify::check(&bundle.encode(), anchor, None, crate::clock::now()) {
        Err(refusal) => {
            let seen = Seen { chain: "court".into(), height: height.0, rule: refusal.code().into() };
            report.proven(format!("refused: {}", refusal.rule.sentence()), &seen);
            Ok(())
        }
        Ok(_) => Err(accepted()),
    }
}

/// What of a packet on its way is attacked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Proof,
    Packet,
    Ack,
}

/// The relayer is replaced by an attacker while an order is on its way; afterwards the honest one returns, and the order
/// is answered as if nothing had been.
async fn in_flight(world: &World, report: &mut Report, target: Target) -> Result<(), Failure> {
    report.story(match target {
        Target::Proof => "A relayer changes the proof of an order's packet",
        Target::Packet => "A relayer changes an order on its way",
        Target::Ack => "A relayer changes the bank's answer on its way back",
    });
    let (court, finance) = (world.chain("court")?, world.chain("finance")?);
    let (on_court, on_finance) = world.client_ids("court", "finance")?;
    let there = Carrier::new(court, finance, on_finance.clone());
    let back = Carrier::new(finance, court, on_court.clone());

    world.stop_relayer().await?;
    let cases = CaseSystem::new(world, "court").await?;
    let order = cases.draw_up(super::freeze::account(world)?).await?;
    cases.approve(&order, 0).await?;
    cases.approve(&order, 1).await?;
    let packet = there.outbox(&on_court).await?;
    report.say("  an order stands committed on the court's chain; the attacker relays it");

    let genuine = receive(&there, &packet).await?;
    match target {
        Target::Proof => {
            let mut forged = genuine.clone();
            if let Some(Message::Receive { proof, .. }) = forged.last_mut() {
                let middle = proof.len() / 2;
                proof[middle] ^= 1;
            }
            let outcome = there.submit(forged).await?;
            refused(report, "the finance chain refuses packet", packet.sequence, outcome)?;
        }
        Target::Packet => {
            let mut forged = genuine.clone();
            if let Some(Message::Receive { packet, .. }) = forged.last_mut()
                && let Some(byte) = packet.payloads.first_mut().and_then(|payload| payload.value.first_mut())
            {
                *byte ^= 1;
            }
            let outcome = there.submit(forged).await?;
            refused(report, "the finance chain refuses packet", packet.sequence, outcome)?;
        }
        Target::Ack => {
            match there.submit(genuine).await? {
                Outcome::Committed { .. } => report.say("  the packet is delivered; the bank decides"),
                Outcome::Refused { code, detail } => return Err(Failure::refused(code.as_str(), detail)),
            }
            let forged = forged_answer(&back, &packet).await?;
            let outcome = back.submit(forged).await?;
            refused(report, "the court's chain refuses the answer to packet", packet.sequence, outcome)?;
        }
    }

    world.start_relayer().await?;
    let order = cases.watch(&order.name, false, is_answered).await?;
    expect(&order, OrderState::Executed)?;
    report.proven("the honest relayer returns, and the order is executed", &seen(&order));
    Ok(())
}

async fn receive(there: &Carrier<'_>, packet: &Packet) -> Result<Vec<Message>, Failure> {
    let path = StatePath::Commitment(packet.source_client.clone(), packet.sequence);
    let proof = there.proof(&path).await?;
    let step = there.step(proof.header).await?;
    let message = Message::Receive { packet: packet.clone(), proof: proof.proof, height: proof.header };
    Ok(there.messages(&step, Some(message)))
}

/// The bank's answer, with a larger sum than it froze.
async fn forged_answer(back: &Carrier<'_>, packet: &Packet) -> Result<Vec<Message>, Failure> {
    let path = StatePath::Acknowledgement(packet.dest_client.clone(), packet.sequence);
    let proof = back.proof(&path).await?;
    let genuine = back.acknowledgement(&packet.dest_client, packet.sequence).await?;
    let mut result: OrderResult =
        comity_model::decode("an order's result", &genuine).or_fault(|| "the answer is not of its form".into())?;
    if let OrderOutcome::Executed(summary) = &mut result.outcome {
        summary.held = Some(Amount::cny(99_999_999_999));
    }
    let step = back.step(proof.header).await?;
    let message = Message::Acknowledge {
        packet: packet.clone(),
        acknowledgement: comity_model::encode(&result),
        proof: proof.proof,
        height: proof.header,
    };
    Ok(back.messages(&step, Some(message)))
}

fn refused(report: &mut Report, what: &str, number: u64, outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Refused { code, detail } => {
            report.proven(format!("{what} {number}"), &Seen::rule(code.as_str()));
            report.say(&format!("      {detail}"));
            Ok(())
        }
        Outcome::Committed { .. } => Err(accepted()),
    }
}

fn accepted() -> Failure {
    Failure::refused("ACCEPTED", "the attack was not refused")
}
