//! Which transactions go into a block, and which proposed blocks are acceptable.
//!
//! Only here does a clock count, and only to leave things out for later: it never changes what a block does.

use crate::abci::{Prepare, Process, TXS_PER_BLOCK_MAX};
use crate::transaction;
use comity_model::tx::{Message, TX_BYTES_MAX};

/// By how much block time may lag behind the proposer's clock before transactions whose effect depends on time wait,
/// in seconds. Above the heartbeat; after a halt the first blocks catch up.
const LAG_MAX_S: u128 = 30;

/// The transactions of the next block: oldest first, within bounds, and while block time lags, without those whose
/// lawfulness depends on it.
pub(crate) fn prepare(prepare: &Prepare) -> Vec<Vec<u8>> {
    let lags = prepare.now.nanos_since(prepare.time) > LAG_MAX_S * 1_000_000_000;
    let mut left = prepare.bytes_max;
    let mut chosen = Vec::new();
    for tx in &prepare.txs {
        if chosen.len() == TXS_PER_BLOCK_MAX {
            break;
        }
        let fits = tx.len() <= left && tx.len() <= TX_BYTES_MAX;
        if !fits || (lags && depends_on_time(tx)) {
            continue;
        }
        left = left.saturating_sub(tx.len());
        chosen.push(tx.clone());
    }
    chosen
}

/// Whether a proposed block keeps the bounds. What its transactions do is judged when they are carried out.
pub(crate) fn acceptable(process: &Process<'_>) -> bool {
    process.txs.len() <= TXS_PER_BLOCK_MAX && process.txs.iter().all(|tx| tx.len() <= TX_BYTES_MAX)
}

/// Receives are refused from their timeout on, decisions, objections and stops of an agreement from their date on, headers
/// outside the trusting period: in a block whose time lies in the past these would be let in too late.
fn depends_on_time(tx: &[u8]) -> bool {
    transaction::parse(tx).is_ok_and(|transaction| {
        transaction.body.messages.iter().any(|message| {
            matches!(
                message,
                Message::Receive { .. }
                    | Message::Decide { .. }
                    | Message::Object { .. }
                    | Message::Agree(_)
                    | Message::UpdateClient { .. }
            )
        })
    })
}
