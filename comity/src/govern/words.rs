//! What a proposal would do, in words that its governors can check against what they know.
//! Refuses to leave anything out: every value that the bytes hold is said, or its hash is.

use super::file::{ProposalFile, key_text};
use comity_model::governance::{Action, Proposal};
use comity_model::member::Validity;
use comity_model::profile::{Effect, KindRule};
use comity_model::{Hash, decode, encode};
use comity_verify::comet::LightBlock;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The digest by which copies are compared over a second channel.
pub(super) fn digest(file: &ProposalFile) -> String {
    Hash(Sha256::digest(encode(&file.proposals)).into()).to_string()
}

/// The kind of a proposal, as `comity govern propose` calls it.
pub(super) const fn kind(action: &Action) -> &'static str {
    match action {
        Action::CreateClient { .. } => "create-client",
        Action::RecoverClient { .. } => "recover-client",
        Action::SetMember(_) => "set-member",
        Action::SetOfficer(_) => "set-officer",
        Action::SetProfile(_) => "set-profile",
        Action::SetValidators(_) => "set-validators",
    }
}

/// A proposal in lines.
pub(super) fn lines(proposal: &Proposal) -> Vec<String> {
    let mut lines = vec![format!("Proposal {} on {}: {}", proposal.number, proposal.chain, kind(&proposal.action))];
    let mut say = |name: &str, value: String| lines.push(format!("  {name:<20} {value}"));
    match &proposal.action {
        Action::CreateClient { client, block } => {
            say("client", client.id.to_string());
            say("of chain", client.chain.to_string());
            say("its counterparty", client.counterparty.to_string());
            say("anchor height", client.anchor.height.to_string());
            say("anchor header", client.anchor.header_hash.to_string());
            say("anchor validators", client.anchor.validators_hash.to_string());
            say("trusting period", format!("{} s, clock drift {} s", client.trusting_period_s, client.clock_drift_s));
            say("operators", client.operators.to_string());
            say("suites", client.suites.to_string());
            say("block", block_line(block));
        }
        Action::RecoverClient { client, block, header_hash } => {
            say("client", client.to_string());
            say("new anchor header", header_hash.to_string());
            say("block", block_line(block));
            say(
                "what follows",
                "everything that it trusted before is forgotten; it may be used after the delay".into(),
            );
        }
        Action::SetMember(member) => {
            say("member", format!("{} ({})", member.id, member.names.join(" / ")));
            say("kind, home", format!("{}, {}", crate::anchor::kind_name(member.kind), member.home));
            say("seal key", key_text(&member.seal_key));
            say("valid", validity(&member.validity));
            say("encryption key", hex::encode(member.encryption_key));
            say("operators", member.operators.iter().map(hex::encode).collect::<Vec<_>>().join(", "));
            say("gateway", member.gateway.clone());
            say("authority", member.ca_fingerprint.to_string());
        }
        Action::SetOfficer(officer) => {
            say("officer", format!("{} of {}", officer.id, officer.member));
            say("key", key_text(&officer.key));
            say("valid", validity(&officer.validity));
        }
        Action::SetProfile(profile) => {
            say("sector", format!("{}, answered by {}", profile.sector, profile.institution));
            for rule in &profile.kinds {
                say("kind", rule_line(rule));
            }
        }
        Action::SetValidators(updates) => {
            for update in updates {
                let power = if update.power == 0 { "removed".into() } else { format!("power {}", update.power) };
                say("validator", format!("{}: {power}", hex::encode(update.public_key)));
            }
        }
    }
    let evidence = if proposal.evidence == Hash::ZERO { "none".into() } else { proposal.evidence.to_string() };
    say("evidence (SHA-256)", evidence);
    lines
}

/// A proposal for machines.
pub(super) fn json(proposal: &Proposal) -> Value {
    json!({
        "chain": proposal.chain.as_str(),
        "number": proposal.number,
        "kind": kind(&proposal.action),
        "evidence": proposal.evidence.to_string(),
        "lines": lines(proposal).iter().skip(1).map(|line| line.trim()).collect::<Vec<_>>(),
    })
}

fn block_line(block: &[u8]) -> String {
    match decode::<LightBlock>("a light block", block) {
        Ok(block) => {
            let header = &block.header;
            format!("{} of {}, hash {}", header.height, header.chain_id, header.hash())
        }
        Err(_) => format!("unreadable: {} bytes; do not approve", block.len()),
    }
}

fn validity(validity: &Validity) -> String {
    let doubted = validity.compromised_since.map(|since| format!(", doubted since {since}")).unwrap_or_default();
    format!("{} to {}{doubted}", validity.from, validity.until)
}

fn rule_line(rule: &KindRule) -> String {
    let effect = match rule.effect {
        Effect::HoldDivisible => "hold on an amount",
        Effect::HoldExclusive => "hold on the whole",
        Effect::HoldConcurrent => "entry beside others",
        Effect::Release => "release",
        Effect::Renew => "renewal of a hold",
        Effect::Deduct => "deduction out of a hold",
        Effect::Transfer => "transfer to another owner",
        Effect::Rollback => "rollback of a hold",
        Effect::Amend => "correction of an entry",
        Effect::HandOver => "hand-over with a receipt",
        Effect::Confirm => "confirmation of an emergency order",
        Effect::UpholdObjection => "an objection upheld",
        Effect::RejectObjection => "an objection rejected",
    };
    let two = match rule.two_approvals_from {
        Some(amount) => format!("two officers from {amount}"),
        None => "always two officers".into(),
    };
    format!(
        "{}: {effect}, {} days at most, decided within {} s, {two}",
        rule.kind, rule.period_days_max, rule.decide_within_s
    )
}
