//! Transactions: their form, their sender, and each message handed to its module; all of it or nothing.

use crate::abci::{AppError, MESSAGES_PER_TX_MAX, TxResult};
use crate::holds::objections;
use crate::refusal::{Reason, Refusal, Stop, require};
use crate::working::{Config, Execution, Working};
use crate::{agreements, clients, decisions, deposits, governance, members, orders, packets, records};
use comity_model::UnixSeconds;
use comity_model::seal::{PublicKey, Signature, Suites};
use comity_model::tx::{Message, TX_BYTES_MAX, Transaction};
use comity_verify::seal::TAG_TX;

/// Carries out one transaction: its changes are kept whole or dropped whole.
pub(crate) fn run(ex: &mut Execution<'_>, bytes: &[u8]) -> Result<TxResult, AppError> {
    match messages(ex, bytes) {
        Ok(()) => Ok(TxResult { code: 0, codespace: String::new(), log: String::new(), events: ex.keep() }),
        Err(Stop::Refused(refusal)) => {
            ex.discard();
            Ok(refusal.into_result())
        }
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// Judges what can be judged before a block: form, sender, signature.
pub(crate) fn check(
    state: &Working<'_>,
    config: &Config,
    now: UnixSeconds,
    bytes: &[u8],
) -> Result<TxResult, AppError> {
    match admit(state, config, now, bytes) {
        Ok(_) => Ok(TxResult { code: 0, codespace: String::new(), log: String::new(), events: Vec::new() }),
        Err(Stop::Refused(refusal)) => Ok(refusal.into_result()),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// Decodes a transaction within its bounds.
pub(crate) fn parse(bytes: &[u8]) -> Result<Transaction, Refusal> {
    if bytes.len() > TX_BYTES_MAX {
        return Err(Reason::TxTooLarge.into());
    }
    comity_model::decode("a transaction", bytes).map_err(|_| Reason::TxMalformed.into())
}

fn admit(state: &Working<'_>, config: &Config, now: UnixSeconds, bytes: &[u8]) -> Result<Transaction, Stop> {
    let transaction = parse(bytes)?;
    let body = &transaction.body;
    require(body.chain == config.chain, Reason::WrongChain)?;
    require(!body.messages.is_empty(), Reason::TxEmpty)?;
    require(body.messages.len() <= MESSAGES_PER_TX_MAX, Reason::TxTooManyMessages)?;
    members::sender(state, body.sender, now)?;
    let key = PublicKey::ed25519(body.sender);
    let signature = Signature::ed25519(transaction.signature);
    comity_verify::seal::check(TAG_TX, body, &key, &signature, Suites::NATIVE).map_err(|_| Reason::BadSignature)?;
    Ok(transaction)
}

fn messages(ex: &mut Execution<'_>, bytes: &[u8]) -> Result<(), Stop> {
    let transaction = admit(&ex.state, ex.config, ex.now(), bytes)?;
    for (index, message) in transaction.body.messages.iter().enumerate() {
        ex.message = u32::try_from(index).unwrap_or(u32::MAX);
        carry_out(ex, message)?;
    }
    Ok(())
}

fn carry_out(ex: &mut Execution<'_>, message: &Message) -> Result<(), Stop> {
    match message {
        Message::PutRecords { batch, seal } => records::put(ex, batch, seal),
        Message::RegisterAssets { batch, seal } => records::register(ex, batch, seal),
        Message::CommitOrder { sealed, claim } => orders::commit(ex, sealed, claim.as_ref()),
        Message::Decide { decision, seal } => decisions::decide(ex, decision, seal),
        Message::UpdateClient { client, steps } => clients::update(ex, client, steps),
        Message::Misbehaviour { client, first, second } => clients::misbehaviour(ex, client, first, second),
        Message::Receive { packet, proof, height } => packets::receive(ex, packet, proof, *height),
        Message::Acknowledge { packet, acknowledgement, proof, height } => {
            packets::acknowledge(ex, packet, acknowledgement, proof, *height)
        }
        Message::TimeOut { packet, proof, height } => packets::time_out(ex, packet, proof, *height),
        Message::ImportMember { client, member, proof, height } => members::import(ex, client, member, proof, *height),
        Message::Object { objection, seal } => objections::object(ex, objection, seal),
        Message::Agree(sealed) => agreements::act(ex, sealed),
        Message::ProvePayment { court, agreement, instalment, payment } => {
            agreements::prove_payment(ex, court, *agreement, *instalment, payment)
        }
        Message::ProveDefault { court, agreement, instalment, evidence } => {
            agreements::prove_default(ex, court, *agreement, *instalment, evidence)
        }
        Message::GrowLog { head, consistency, seal } => deposits::grow(ex, head, consistency, seal),
        Message::Govern { proposal, approvals } => governance::govern(ex, proposal, approvals),
    }
}
