//! Questions to the committed state. Read-only; every answer is from one view of one commit.

use crate::abci::{AppError, Query, QueryResponse};
use crate::headers;
use crate::refusal::{Reason, Refusal, Stop, require};
use crate::side::{self, Side};
use crate::store::{Snapshot, VERSIONS_KEPT};
use crate::tree;
use crate::working::{Clock, Working, decode};
use comity_model::client::ClientState;
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::{ClientId, Height, encode};

/// Most rows of one answer.
const ROWS_MAX: u32 = 1_000;
/// Most clients of one chain that are listed.
const CLIENTS_MAX: usize = 10_000;

/// Key, value and proof of an answer.
#[derive(Default)]
struct Answer {
    key: Vec<u8>,
    value: Vec<u8>,
    proof: Vec<u8>,
    height: Height,
}

/// Answers a question; see [`crate::Reader::query`].
pub(crate) fn answer(snapshot: &Snapshot, clock: &Clock, query: &Query<'_>) -> Result<QueryResponse, AppError> {
    match find(snapshot, clock, query) {
        Ok(answer) => Ok(QueryResponse {
            code: 0,
            codespace: String::new(),
            log: String::new(),
            key: answer.key,
            value: answer.value,
            proof: answer.proof,
            height: answer.height,
        }),
        Err(Stop::Refused(refusal)) => Ok(refused(&refusal, clock.height)),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// A refused question.
pub(crate) fn refused(refusal: &Refusal, height: Height) -> QueryResponse {
    QueryResponse {
        code: 1,
        codespace: refusal.code().into(),
        log: refusal.sentence().into(),
        key: Vec::new(),
        value: Vec::new(),
        proof: Vec::new(),
        height,
    }
}

fn find(snapshot: &Snapshot, clock: &Clock, query: &Query<'_>) -> Result<Answer, Stop> {
    if query.path == "/state" {
        return state(snapshot, clock, query);
    }
    let working = Working::new(snapshot, clock.height.0);
    let value = match query.path {
        "/outbox" => outbox(&working, query.data)?,
        "/ack" => {
            let (client, sequence): (ClientId, u64) = argument(query.data)?;
            let row = Side::Ack(client, sequence);
            let bytes: Option<Vec<u8>> = working.side(&row, "an acknowledgement")?;
            encode(&bytes)
        }
        "/pending" => pending(&working, query.data)?,
        "/header-proof" => {
            let (height, size): (Height, u64) = argument(query.data)?;
            encode(&headers::path(snapshot, height, size)?)
        }
        "/clients" => clients(&working)?,
        "/contradiction" => {
            let (client, back): (ClientId, u32) = argument(query.data)?;
            encode(&crate::clients::contradiction(&working, &client, back)?)
        }
        _ => return Err(Reason::UnknownQuery.into()),
    };
    Ok(Answer { value, height: clock.height, ..Answer::default() })
}

fn state(snapshot: &Snapshot, clock: &Clock, query: &Query<'_>) -> Result<Answer, Stop> {
    let key = <[u8; 32]>::try_from(query.data).map_err(|_| Reason::QueryMalformed)?;
    let height = query.height.unwrap_or(clock.height);
    let begins = snapshot.side(&Side::Begins.key())?.map(|bytes| decode("a height", &bytes)).transpose()?;
    let oldest = clock.height.0.saturating_sub(VERSIONS_KEPT).max(begins.unwrap_or(Height(0)).0);
    require((oldest..=clock.height.0).contains(&height.0), Reason::HeightNotKept)?;
    let (value, proof) = if query.prove {
        tree::prove(snapshot, height.0, &key)?
    } else {
        (tree::value(snapshot, height.0, &key)?, Vec::new())
    };
    Ok(Answer { key: key.to_vec(), value: value.unwrap_or_default(), proof, height })
}

fn outbox(working: &Working<'_>, data: &[u8]) -> Result<Vec<u8>, Stop> {
    let (client, from, limit): (ClientId, u64, u32) = argument(data)?;
    let prefix = side::outbox_prefix(&client);
    let from = Side::Outbox(client, from);
    let packets: Vec<Packet> = working.scan(&prefix, Some(&from), rows(limit), "a packet")?;
    Ok(encode(&packets))
}

fn pending(working: &Working<'_>, data: &[u8]) -> Result<Vec<u8>, Stop> {
    let (after, limit): (Option<ReceivedId>, u32) = argument(data)?;
    let from = after.as_ref().map(|place| Side::Pending(place.client.clone(), place.order));
    // The row after which the page begins may still stand, or not.
    let more = usize::from(after.is_some());
    let places: Vec<ReceivedId> =
        working.scan(side::PENDING, from.as_ref(), rows(limit).saturating_add(more), "a pending order")?;
    let mut orders = Vec::with_capacity(places.len());
    for place in places.into_iter().filter(|place| after.as_ref() != Some(place)).take(rows(limit)) {
        let path = StatePath::Received(place.client, place.order);
        let order: Option<ReceivedOrder> = working.read(&path, "a received order")?;
        orders.extend(order);
    }
    Ok(encode(&orders))
}

fn clients(working: &Working<'_>) -> Result<Vec<u8>, Stop> {
    let ids: Vec<ClientId> = working.scan(side::CLIENTS, None, CLIENTS_MAX, "a client id")?;
    let mut clients = Vec::with_capacity(ids.len());
    for id in ids {
        let client: Option<ClientState> = working.read(&StatePath::Client(id), "a client")?;
        clients.extend(client);
    }
    Ok(encode(&clients))
}

fn argument<T: borsh::BorshDeserialize>(data: &[u8]) -> Result<T, Stop> {
    comity_model::decode("a query's argument", data).map_err(|_| Reason::QueryMalformed.into())
}

fn rows(limit: u32) -> usize {
    usize::try_from(limit.min(ROWS_MAX)).unwrap_or(0)
}
