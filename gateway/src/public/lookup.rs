//! Lookups, as questions that anyone may ask and answers in JSON: by digest, by number. "Not found" says as of which checkpoint.
//! It refuses to tell more than [`OpenDesk`] does, and to work on more lookups at once than the edge allows.

use super::edge::Edge;
use crate::deposits::{AsOf, OpenDesk, Seen, TakenUp};
use crate::error::{ApiError, Reason};
use comity_model::Hash;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::runtime::Handle;

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// SHA-256 or SM3 of a file.
    Digest(Hash),
    /// A deposit's number.
    Number(u64),
    /// The hash of a transaction of the chain.
    Transaction(Hash),
}

impl Question {
    /// What a visitor typed: 64 hex digits, a number, or a deposit's whole name.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let text = text.trim();
        if let Some(digest) = Hash::from_hex(&text.to_ascii_lowercase()) {
            return Ok(Self::Digest(digest));
        }
        let number = text.strip_prefix("members/").and_then(|rest| rest.split_once("/deposits/"));
        let number = number.map_or(text, |(_, number)| number);
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(number) = number.parse().ok().filter(|_| is_number) {
            return Ok(Self::Number(number));
        }
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let message = match text.len() {
            32 if hex => "These are the 32 digits of an MD5. The log knows files by SHA-256 and SM3: 64 digits.",
            40 if hex => "These are the 40 digits of a SHA-1. The log knows files by SHA-256 and SM3: 64 digits.",
            96 | 128 if hex => "This digest is longer than SHA-256 and SM3, by which the log knows files: 64 digits.",
            _ => "Give a deposit's number, or the 64 hex digits of a file's SHA-256 or SM3.",
        };
        Err(ApiError::argument("q", message))
    }
}

/// What is answered.
pub(super) enum Answer {
    /// Deposits of a digest, the newest first, and the bundle of the earliest that is proven.
    Found { digest: Hash, seen: Vec<Seen>, bundle: Option<(u64, Arc<[u8]>)>, as_of: Option<AsOf> },
    /// No deposit of the digest.
    NotFound { digest: Hash, as_of: Option<AsOf> },
    /// The entry of a number.
    Entry { seen: Seen, entry: Hash, bundle: Arc<[u8]>, as_of: Option<AsOf> },
    /// No entry of the number.
    NoEntry { number: u64, as_of: Option<AsOf> },
    /// An entry that the chain has not taken up yet.
    Pending { number: u64, as_of: Option<AsOf> },
    /// What a transaction took up.
    Transaction { transaction: Hash, taken: TakenUp, as_of: Option<AsOf> },
    /// No transaction that took up anything, as far as is known here.
    NoTransaction { transaction: Hash, as_of: Option<AsOf> },
}

/// Asks the log.
pub(super) struct Lookups {
    pub(super) desk: Option<OpenDesk>,
    /// Where the work is done: not on the public port's own thread.
    pub(super) core: Handle,
}

impl Lookups {
    /// The log's open side.
    pub(super) fn desk(&self) -> Result<&OpenDesk, ApiError> {
        let missing = || ApiError::new(Reason::NotConfigured, "This institution's gateway keeps no log of deposits.");
        self.desk.as_ref().ok_or_else(missing)
    }

    pub(super) async fn ask(&self, edge: &Edge, question: Question) -> Result<Answer, ApiError> {
        let desk = self.desk()?.clone();
        let slot = edge.lookup().await?;
        let work = async move {
            let _slot = slot;
            match question {
                Question::Digest(digest) => by_digest(&desk, digest).await,
                Question::Number(number) => by_number(&desk, number).await,
                Question::Transaction(transaction) => by_transaction(&desk, transaction).await,
            }
        };
        self.core.spawn(work).await.map_err(ApiError::fault)?
    }
}

async fn by_digest(desk: &OpenDesk, digest: Hash) -> Result<Answer, ApiError> {
    // Taken first: what is not found was not there at this checkpoint.
    let as_of = desk.as_of();
    let seen = desk.by_digest(digest).await?;
    if seen.is_empty() {
        return Ok(Answer::NotFound { digest, as_of });
    }
    // The earliest says most.
    let bundle = match seen.iter().rev().find(|seen| seen.since.is_some()) {
        Some(earliest) => match desk.opened(earliest.number, digest).await {
            Ok(bundle) => Some((earliest.number, bundle)),
            // Erased in between.
            Err(error) if error.reason() == Reason::UnknownDeposit => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    Ok(Answer::Found { digest, seen, bundle, as_of })
}

async fn by_number(desk: &OpenDesk, number: u64) -> Result<Answer, ApiError> {
    let as_of = desk.as_of();
    match desk.closed(number).await {
        Ok((seen, entry, bundle)) => Ok(Answer::Entry { seen, entry, bundle, as_of }),
        Err(error) if error.reason() == Reason::UnknownDeposit => Ok(Answer::NoEntry { number, as_of }),
        Err(error) if error.reason() == Reason::DepositPending => Ok(Answer::Pending { number, as_of }),
        Err(error) => Err(error),
    }
}

async fn by_transaction(desk: &OpenDesk, transaction: Hash) -> Result<Answer, ApiError> {
    let as_of = desk.as_of();
    Ok(match desk.by_transaction(transaction).await? {
        Some(taken) => Answer::Transaction { transaction, taken, as_of },
        None => Answer::NoTransaction { transaction, as_of },
    })
}

impl Answer {
    /// As the page reads it. Bundles are hex digits.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Found { digest, seen, bundle, as_of } => json!({
                "result": "FOUND",
                "digest": digest.to_string(),
                "deposits": seen.iter().map(place).collect::<Vec<_>>(),
                "number": bundle.as_ref().map(|(number, _)| number),
                "bundle": bundle.as_ref().map(|(_, bytes)| hex::encode(bytes)),
                "as_of": as_of.as_ref().map(checkpoint),
            }),
            Self::NotFound { digest, as_of } => json!({
                "result": "NOT_FOUND",
                "digest": digest.to_string(),
                "as_of": as_of.as_ref().map(checkpoint),
            }),
            Self::Entry { seen, entry, bundle, as_of } => json!({
                "result": "ENTRY",
                "number": seen.number,
                "since": seen.since.map(|since| since.to_string()),
                "entry": entry.to_string(),
                "bundle": hex::encode(bundle),
                "as_of": as_of.as_ref().map(checkpoint),
            }),
            Self::NoEntry { number, as_of } => json!({
                "result": "NO_ENTRY",
                "number": number,
                "as_of": as_of.as_ref().map(checkpoint),
            }),
            Self::Pending { number, as_of } => json!({
                "result": "PENDING",
                "number": number,
                "as_of": as_of.as_ref().map(checkpoint),
            }),
            Self::Transaction { transaction, taken, as_of } => json!({
                "result": "TRANSACTION",
                "transaction": transaction.to_string(),
                "height": taken.height.0,
                "first": taken.first,
                "count": taken.count,
                "checkpoint": checkpoint(&taken.checkpoint),
                "as_of": as_of.as_ref().map(checkpoint),
            }),
            Self::NoTransaction { transaction, as_of } => json!({
                "result": "NO_TRANSACTION",
                "transaction": transaction.to_string(),
                "as_of": as_of.as_ref().map(checkpoint),
            }),
        }
    }
}

fn place(seen: &Seen) -> Value {
    json!({ "number": seen.number, "since": seen.since.map(|since| since.to_string()) })
}

fn checkpoint(as_of: &AsOf) -> Value {
    json!({
        "size": as_of.size,
        "root": as_of.root.to_string(),
        "time": as_of.time.to_string(),
        "note": as_of.note,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_question_is_a_digest_a_number_or_a_name_and_others_are_told_what_they_look_like() {
        let digest = "ab".repeat(32);
        assert_eq!(Question::parse(&digest.to_uppercase()).unwrap(), Question::Digest(Hash([0xab; 32])));
        assert_eq!(Question::parse(" 12 ").unwrap(), Question::Number(12));
        assert_eq!(Question::parse("members/court/deposits/7").unwrap(), Question::Number(7));
        for (bad, word) in [
            (&"ab".repeat(16), "MD5"),
            (&"ab".repeat(20), "SHA-1"),
            (&"ab".repeat(64), "longer"),
            (&"99999999999999999999".to_owned(), "number"),
            (&"+5".to_owned(), "number"),
            (&"".to_owned(), "number"),
            (&"../etc/passwd".to_owned(), "number"),
        ] {
            let error = Question::parse(bad).unwrap_err();
            assert!(error.message().contains(word), "{bad}: {error}");
        }
    }
}
