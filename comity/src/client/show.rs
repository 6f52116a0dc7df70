//! How answers look: for people as tables, for machines as JSON.
//! Refuses to know how they were got.

use super::fields::{shown, shown_amount};
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{ContentArrangement, Table};
use comity_model::{Hash, Time};
use comity_proto::v1;
use serde_json::{Map, Value, json};

/// A table of two columns or more, as wide as the terminal.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if !header.is_empty() {
        table.set_header(header);
    }
    table
}

/// One line of where an answer was proven.
pub(super) fn proof_line(proof: &v1::Proof) -> String {
    format!(
        "Proven on {} under header {} ({}) of {}; {}. Rules: {}",
        proof.chain_id,
        proof.header_height,
        hash(&proof.header_hash).get(..8).unwrap_or_default(),
        moment(proof.header_time.as_ref()),
        operators(proof.operators),
        proof.rules.join(", ")
    )
}

/// What the number of operators means.
pub(super) fn operators(number: u32) -> String {
    match number {
        0 => "number of independent operators unknown".into(),
        1 => "integrity rests on a single operator".into(),
        _ => format!("{number} independent operators"),
    }
}

/// A hash in hex.
pub(super) fn hash(bytes: &[u8]) -> String {
    <[u8; 32]>::try_from(bytes).map_or_else(|_| hex::encode(bytes), |bytes| Hash(bytes).to_string())
}

/// A time in RFC 3339.
pub(crate) fn time(time: Option<&prost_types::Timestamp>) -> String {
    time.and_then(|time| Time::new(time.seconds, u32::try_from(time.nanos).ok()?))
        .map_or_else(|| "an unknown time".to_owned(), |time| time.to_string())
}

/// A time for people: to the millisecond.
pub(super) fn moment(time: Option<&prost_types::Timestamp>) -> String {
    let nanos = |nanos: i32| nanos.div_euclid(1_000_000).saturating_mul(1_000_000);
    self::time(time.map(|time| prost_types::Timestamp { nanos: nanos(time.nanos), ..*time }).as_ref())
}

/// A time by which something is due: to the second, and how far ahead of `now` it is.
pub(super) fn deadline(time: Option<&prost_types::Timestamp>, now: Option<Time>) -> String {
    let at = self::time(time.map(|time| prost_types::Timestamp { nanos: 0, ..*time }).as_ref());
    let left = time.zip(now).map(|(time, now)| time.seconds.saturating_sub(now.seconds()));
    match left {
        None => at,
        Some(left @ 0..) => format!("{at} (in {})", span(left)),
        Some(passed) => format!("{at} ({} ago)", span(passed.saturating_neg())),
    }
}

/// A number of seconds in words: its two largest units.
fn span(seconds: i64) -> String {
    let units = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let from = units.iter().position(|(number, _)| *number > 0).unwrap_or(units.len() - 1);
    let parts = units.iter().skip(from).take(2).filter(|(number, unit)| *number > 0 || *unit == "s" && seconds == 0);
    parts.map(|(number, unit)| format!("{number} {unit}")).collect::<Vec<_>>().join(" ")
}

/// A proof for machines.
pub(super) fn proof_json(proof: Option<&v1::Proof>) -> Value {
    let Some(proof) = proof else { return Value::Null };
    json!({
        "chain": proof.chain_id,
        "header_height": proof.header_height,
        "header_hash": hash(&proof.header_hash),
        "header_time": time(proof.header_time.as_ref()),
        "strength": proof.strength().as_str_name(),
        "operators": proof.operators,
        "rules": proof.rules,
    })
}

/// Fields for machines.
pub(super) fn fields_json(fields: &[v1::Field]) -> Value {
    let mut map = Map::new();
    for field in fields {
        let value = match &field.value {
            Some(v1::field::Value::Integer(number)) => json!(number),
            Some(v1::field::Value::Boolean(yes)) => json!(yes),
            Some(v1::field::Value::Texts(texts)) => json!(texts.values),
            Some(v1::field::Value::Amount(amount)) => amount_json(Some(amount)),
            _ => json!(shown(field)),
        };
        map.insert(field.name.clone(), value);
    }
    Value::Object(map)
}

/// Money for machines.
pub(super) fn amount_json(amount: Option<&v1::Amount>) -> Value {
    amount.map_or(Value::Null, |amount| json!({ "currency": amount.currency, "minor": amount.minor }))
}

/// A record's fields for people.
pub(super) fn record_table(record: &v1::Record) -> Table {
    let mut table = table(&["field", "value"]);
    for field in &record.fields {
        table.add_row([field.name.clone(), shown(field)]);
    }
    table
}

/// An order's state without the enum's prefix.
pub(super) fn state_name(state: v1::OrderState) -> &'static str {
    match state {
        v1::OrderState::WithdrawnBeforeCommit => "WITHDRAWN",
        other => other.as_str_name(),
    }
}

/// An order for people.
pub(super) fn order_table(order: &v1::Order) -> Table {
    let mut table = table(&[]);
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            table.add_row([name.to_owned(), value]);
        }
    };
    row("order", order.name.clone());
    row("state", state_name(order.state()).to_owned());
    row("to", format!("{}: {} in {}", order.recipient, order.kind, order.sector));
    row("original", order.original.clone());
    if let Some(claim) = &order.claim {
        let claimed = claim.claimed.as_ref().map(shown_amount).unwrap_or_default();
        row("serves", format!("{}, {claimed} claimed in all", claim.obligation));
    }
    row("request", order.request_id.clone());
    row("deliver by", moment(order.deliver_by.as_ref()));
    row("decide by", moment(order.decide_by.as_ref()));
    row("hold until", moment(order.hold_until.as_ref()));
    row(
        "approvals",
        format!("{} of {}: {}", order.approvals.len(), order.approvals_needed, order.approvals.join(", ")),
    );
    if let Some(receipt) = &order.receipt {
        let bound = if receipt.bound { ", bound by the proven result" } else { "" };
        row("receipt", format!("received at {}{bound}", moment(receipt.receive_time.as_ref())));
    }
    if let Some(result) = &order.result {
        row("result", result_line(result));
    }
    if let Some(notice) = &order.notice {
        let held = notice.held.as_ref().map(shown_amount).unwrap_or_default();
        row("notice", format!("{} {held} at {}", notice.event, moment(notice.time.as_ref())));
    }
    if let Some(answer) = &order.answer {
        row("answer", answer_line(answer));
    }
    let steps: Vec<_> = order.steps.iter().map(step_line).collect();
    row("steps", steps.join("\n"));
    table
}

/// How far the institution's answer has come.
fn answer_line(answer: &v1::OrderAnswer) -> String {
    let state = answer.state().as_str_name();
    let digest = hash(&answer.digest);
    let digest = digest.get(..8).unwrap_or_default();
    match answer.reason.as_str() {
        "" => format!("{state}, bound by the result as {digest}"),
        reason => format!("{state} ({reason}), the result binds {digest}"),
    }
}

/// What the institution answered, for people.
pub(super) fn answer_table(answer: &v1::OrderAnswer) -> Table {
    let mut table = table(&["answer", "value"]);
    for field in &answer.fields {
        table.add_row([field.name.clone(), shown(field)]);
    }
    table
}

/// An order that waits to be decided, for people.
pub(super) fn received_table(order: &v1::ReceivedOrder) -> Table {
    let mut table = table(&[]);
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            table.add_row([name.to_owned(), value]);
        }
    };
    row("order", order.name.clone());
    row("from", format!("{}: {} in {}", order.court, order.kind, order.sector));
    row("original", order.original.clone());
    row("arrived in block", order.arrival_height.to_string());
    row("decide by", moment(order.decide_by.as_ref()));
    row("hold until", moment(order.hold_until.as_ref()));
    row("private part", if order.private_part_arrived { "is here" } else { "is not here" }.to_owned());
    row("state", state_name(order.state()).to_owned());
    if let Some(result) = &order.result {
        row("result", result_line(result));
    }
    if let Some(hold) = &order.hold {
        row("hold", hold_line(hold));
        if !hold.objection.is_empty() {
            row("objection", format!("{}, to be answered by {}", hold.objection, moment(hold.answer_by.as_ref())));
        }
    }
    for field in &order.private_fields {
        row(&field.name, shown(field));
    }
    table
}

fn hold_line(hold: &v1::Hold) -> String {
    let mut line = hold.state.clone();
    if let (Some(held), Some(asked), Some(deducted)) = (&hold.held, &hold.asked, &hold.deducted) {
        let [held, asked, deducted] = [held, asked, deducted].map(shown_amount);
        line.push_str(&format!(", holds {held} of {asked}, {deducted} deducted"));
    }
    let until = moment(hold.until.as_ref());
    line.push_str(&if hold.unconfirmed { format!(", to be confirmed by {until}") } else { format!(", until {until}") });
    line
}

/// An order that waits to be decided, for machines.
pub(crate) fn received_json(order: &v1::ReceivedOrder) -> Value {
    json!({
        "name": order.name,
        "court": order.court,
        "sector": order.sector,
        "kind": order.kind,
        "original": order.original,
        "issue_time": time(order.issue_time.as_ref()),
        "decide_by": time(order.decide_by.as_ref()),
        "hold_until": time(order.hold_until.as_ref()),
        "arrival_height": order.arrival_height,
        "private_digest": hash(&order.private_digest),
        "private_part_arrived": order.private_part_arrived,
        "private_fields": fields_json(&order.private_fields),
        "state": state_name(order.state()),
        "hold": order.hold.as_ref().map(|hold| json!({
            "state": hold.state,
            "asset": hash(&hold.asset),
            "held": amount_json(hold.held.as_ref()),
            "asked": amount_json(hold.asked.as_ref()),
            "deducted": amount_json(hold.deducted.as_ref()),
            "until": time(hold.until.as_ref()),
            "unconfirmed": hold.unconfirmed,
            "objection": hold.objection,
            "answer_by": hold.answer_by.as_ref().map(|by| time(Some(by))),
        })),
        "proof": proof_json(order.proof.as_ref()),
    })
}

/// What was checked of an order that was not drawn up.
pub(super) fn checks_table(validation: &v1::OrderValidation) -> Table {
    let mut table = table(&["check", "outcome", "what it asks"]);
    for check in &validation.checks {
        let outcome = match check.reason.as_str() {
            "" => check.outcome().as_str_name().to_owned(),
            reason => format!("{}: {reason}", check.outcome().as_str_name()),
        };
        table.add_row([check.check.clone(), outcome, check.meaning.clone()]);
    }
    table
}

/// What will have to be proven of it.
pub(super) fn proofs_table(validation: &v1::OrderValidation) -> Table {
    let mut table = table(&["proof", "chain", "outcome", "what it shows"]);
    for proof in &validation.proofs {
        let mut outcome = proof.outcome().as_str_name().to_owned();
        if !proof.reason.is_empty() {
            outcome.push_str(&format!(": {}", proof.reason));
        }
        if let Some(under) = &proof.proof {
            outcome.push_str(&format!(", header {}", under.header_height));
        }
        table.add_row([proof.what.clone(), proof.chain_id.clone(), outcome, proof.meaning.clone()]);
    }
    table
}

/// The same for machines.
pub(super) fn validation_json(validation: &v1::OrderValidation) -> Value {
    json!({
        "valid": validation.valid,
        "checks": validation.checks.iter().map(|check| json!({
            "check": check.check,
            "outcome": check.outcome().as_str_name(),
            "reason": check.reason,
            "message": check.message,
        })).collect::<Vec<_>>(),
        "proofs": validation.proofs.iter().map(|needed| json!({
            "what": needed.what,
            "chain": needed.chain_id,
            "outcome": needed.outcome().as_str_name(),
            "reason": needed.reason,
            "proof": proof_json(needed.proof.as_ref()),
        })).collect::<Vec<_>>(),
    })
}

/// A step in one line, with the header that proves it.
pub(super) fn step_line(step: &v1::OrderStep) -> String {
    let line = format!("{} {}", moment(step.time.as_ref()), state_name(step.state()));
    match &step.proof {
        Some(proof) => format!(
            "{line}, proven under {} header {} of {}",
            proof.chain_id,
            proof.header_height,
            moment(proof.header_time.as_ref())
        ),
        None => line,
    }
}

/// A result in one line.
pub(super) fn result_line(result: &v1::OrderResult) -> String {
    let mut line = state_name(result.state()).to_owned();
    if !result.reason.is_empty() {
        line.push_str(&format!(" ({})", result.reason));
    }
    if let (Some(held), Some(asked)) = (&result.held, &result.asked) {
        line.push_str(&format!(", holds {} of {} asked", shown_amount(held), shown_amount(asked)));
    }
    if result.ahead > 0 {
        line.push_str(&format!(", {} ahead", result.ahead));
    }
    line.push_str(&format!(", effective {}, block {}", moment(result.effective_time.as_ref()), result.height));
    line
}

/// An order for machines.
pub(crate) fn order_json(order: &v1::Order) -> Value {
    json!({
        "name": order.name,
        "state": state_name(order.state()),
        "revision": order.revision,
        "recipient": order.recipient,
        "sector": order.sector,
        "kind": order.kind,
        "original": order.original,
        "claim": order.claim.as_ref().map(|claim| json!({
            "obligation": claim.obligation,
            "claimed": amount_json(claim.claimed.as_ref()),
        })),
        "resume_token": order.resume_token,
        "request_id": order.request_id,
        "deliver_by": time(order.deliver_by.as_ref()),
        "decide_by": time(order.decide_by.as_ref()),
        "hold_until": time(order.hold_until.as_ref()),
        "signing_bytes": hex::encode(&order.signing_bytes),
        "private_digest": hex::encode(&order.private_digest),
        "approvals_needed": order.approvals_needed,
        "approvals": order.approvals,
        "result": order.result.as_ref().map(|result| json!({
            "state": state_name(result.state()),
            "reason": result.reason,
            "held": amount_json(result.held.as_ref()),
            "asked": amount_json(result.asked.as_ref()),
            "ahead": result.ahead,
            "effective_time": time(result.effective_time.as_ref()),
            "height": result.height,
        })),
        "notice": order.notice.as_ref().map(|notice| json!({
            "event": notice.event,
            "number": notice.number,
            "held": amount_json(notice.held.as_ref()),
            "asked": amount_json(notice.asked.as_ref()),
            "deducted": amount_json(notice.deducted.as_ref()),
            "until": time(notice.until.as_ref()),
            "objection": notice.objection,
            "answer_by": notice.answer_by.as_ref().map(|by| time(Some(by))),
            "time": time(notice.time.as_ref()),
        })),
        "answer": order.answer.as_ref().map(|answer| json!({
            "state": answer.state().as_str_name(),
            "digest": hash(&answer.digest),
            "reason": answer.reason,
            "fields": fields_json(&answer.fields),
        })),
        "receipt": order.receipt.as_ref().map(|receipt| json!({
            "receive_time": time(receipt.receive_time.as_ref()),
            "digest": hash(&receipt.digest),
            "bound": receipt.bound,
        })),
        "proof": proof_json(order.proof.as_ref()),
        "steps": order.steps.iter().map(|step| json!({
            "state": state_name(step.state()),
            "time": time(step.time.as_ref()),
            "proof": proof_json(step.proof.as_ref()),
        })).collect::<Vec<_>>(),
    })
}
