//! The websocket side of the RPC: every method, and subscriptions to new blocks and their transactions. A connection
//! has a bound on calls at work and on subscriptions; a subscriber that falls behind is cut off, as on CometBFT.

use crate::outcome::CommittedBlock;
use crate::rpc::call;
use crate::rpc::read::updates;
use crate::rpc::server::Server;
use crate::rpc::submit::result_of;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as HttpResponse};
use comity_ledger_rpc::abci::Event;
use comity_ledger_rpc::block::{Block, Data, EvidenceList, Header};
use comity_ledger_rpc::convert;
use comity_ledger_rpc::encoding::hex_text;
use comity_ledger_rpc::event::{EventData, FinalizeBlock, NewBlock, Notification, TxEvent, TxInfo};
use comity_ledger_rpc::jsonrpc::{Request, Response, RpcError};
use futures::stream::{FuturesUnordered, StreamExt as _};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use tokio::sync::broadcast::error::RecvError;

/// CometBFT's default bound of subscriptions of one client.
const SUBSCRIPTIONS_MAX: usize = 5;
/// Calls of one connection at work at once; more wait in the socket.
const CALLS_MAX: usize = 8;
/// How long a client may take to read a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// CometBFT pings about as often.
const PING_EVERY: Duration = Duration::from_secs(27);

/// `GET /websocket`.
pub(crate) async fn upgrade(State(server): State<Server>, upgrade: WebSocketUpgrade) -> HttpResponse {
    let Ok(place) = Arc::clone(&server.websockets).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many websockets are open").into_response();
    };
    let bytes_max = server.handle.shared().limits.rpc_body_bytes_max;
    upgrade.max_message_size(bytes_max).max_frame_size(bytes_max).on_upgrade(move |socket| async move {
        let tasks = server.tasks.clone();
        tasks
            .track_future(async move {
                let _place = place;
                let cancel = server.cancel.clone();
                let connection = Connection { server, socket, subscriptions: Vec::new() };
                cancel.run_until_cancelled(connection.run()).await;
            })
            .await;
    })
}

/// What a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NewBlock,
    Tx,
}

struct Subscription {
    query: String,
    kind: Kind,
    id: Value,
}

struct Connection {
    server: Server,
    socket: WebSocket,
    subscriptions: Vec<Subscription>,
}

/// The connection is over: closed, broken or too slow.
struct Over;

impl Connection {
    async fn run(mut self) {
        let mut blocks = self.server.handle.subscribe();
        let mut calls = FuturesUnordered::new();
        let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            let step = tokio::select! {
                message = self.socket.recv(), if calls.len() < CALLS_MAX => {
                    match message.and_then(Result::ok) {
                        None | Some(Message::Close(_)) => return,
                        Some(Message::Text(text)) => match self.take(text.as_bytes()).await {
                            Ok(Some(call)) => {
                                let handle = self.server.handle.clone();
                                calls.push(async move { call::answer(&handle, call).await });
                                Ok(())
                            }
                            Ok(None) => Ok(()),
                            Err(Over) => Err(Over),
                        },
                        Some(Message::Binary(_) | Message::Ping(_) | Message::Pong(_)) => Ok(()),
                    }
                }
                Some(answer) = calls.next(), if !calls.is_empty() => match answer {
                    Some(answer) => self.send(&answer).await,
                    None => Ok(()),
                },
                block = blocks.recv() => self.tell(block).await,
                _ = ping.tick() => self.send_message(Message::Ping(Vec::new().into())).await,
            };
            if step.is_err() {
                return;
            }
        }
    }

    /// Takes a message: subscriptions are settled here, calls are returned to be made.
    async fn take(&mut self, bytes: &[u8]) -> Result<Option<Value>, Over> {
        let message: Value = match serde_json::from_slice(bytes) {
            Ok(message) => message,
            Err(error) => {
                let error = RpcError::parse(error.to_string());
                return self.fail(Value::Null, error).await.map(|()| None);
            }
        };
        let method = message.get("method").and_then(Value::as_str);
        if !matches!(method, Some("subscribe" | "unsubscribe" | "unsubscribe_all")) {
            return Ok(Some(message));
        }
        let request: Request = match serde_json::from_value(message) {
            Ok(request) => request,
            Err(error) => {
                let error = RpcError::invalid_request(error.to_string());
                return self.fail(Value::Null, error).await.map(|()| None);
            }
        };
        let id = match call::valid_id(&request) {
            // A subscription without an id could not be told apart.
            None => return Ok(None),
            Some(Ok(id)) => id,
            Some(Err(error)) => return self.fail(Value::Null, error).await.map(|()| None),
        };
        match self.settle(&request, &id) {
            Ok(()) => {
                let empty = Response::ok(id, Value::Object(Map::new()));
                self.send(&empty).await
            }
            Err(error) => self.fail(id, error).await,
        }
        .map(|()| None)
    }

    fn settle(&mut self, request: &Request, id: &Value) -> Result<(), RpcError> {
        if request.method == "unsubscribe_all" {
            self.subscriptions.clear();
            return Ok(());
        }
        let query = match &request.params {
            Value::Object(map) => map.get("query").and_then(Value::as_str),
            Value::Array(list) => list.first().and_then(Value::as_str),
            _ => None,
        };
        let query = query.ok_or_else(|| RpcError::invalid_params("query must be a text"))?;
        let kind = kind_of(query)?;
        if request.method == "unsubscribe" {
            let before = self.subscriptions.len();
            self.subscriptions.retain(|one| one.kind != kind);
            return if self.subscriptions.len() < before {
                Ok(())
            } else {
                Err(RpcError::internal("subscription not found"))
            };
        }
        if self.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(RpcError::internal(format!("max_subscriptions_per_client {SUBSCRIPTIONS_MAX} reached")));
        }
        if self.subscriptions.iter().any(|one| one.kind == kind) {
            return Err(RpcError::internal("already subscribed"));
        }
        self.subscriptions.push(Subscription { query: query.to_owned(), kind, id: id.clone() });
        Ok(())
    }

    async fn tell(&mut self, block: Result<Arc<CommittedBlock>, RecvError>) -> Result<(), Over> {
        let block = match block {
            Ok(block) => block,
            Err(RecvError::Closed) => return Err(Over),
            Err(RecvError::Lagged(_)) if self.subscriptions.is_empty() => return Ok(()),
            Err(RecvError::Lagged(_)) => {
                let ids: Vec<Value> = self.subscriptions.iter().map(|one| one.id.clone()).collect();
                for id in ids {
                    let error = RpcError::server(
                        "subscription was canceled (reason: client is not pulling messages fast enough)",
                    );
                    self.fail(id, error).await?;
                }
                return Err(Over);
            }
        };
        let messages: Vec<_> = self
            .subscriptions
            .iter()
            .flat_map(|one| {
                notifications(one, &block).into_iter().map(|notification| Response::ok(one.id.clone(), notification))
            })
            .collect();
        for message in messages {
            self.send(&message).await?;
        }
        Ok(())
    }

    async fn fail(&mut self, id: Value, error: RpcError) -> Result<(), Over> {
        self.send(&Response::<Value>::failed(id, error)).await
    }

    async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), Over> {
        let text = serde_json::to_string(message).map_err(|_| Over)?;
        self.send_message(Message::Text(text.into())).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), Over> {
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over),
        }
    }
}

/// The two queries that are served, with any spacing and either quote.
fn kind_of(query: &str) -> Result<Kind, RpcError> {
    let plain: String = query.chars().filter(|c| !c.is_whitespace()).collect();
    match plain.replace('"', "'").as_str() {
        "tm.event='NewBlock'" => Ok(Kind::NewBlock),
        "tm.event='Tx'" => Ok(Kind::Tx),
        _ => Err(RpcError::internal("failed to parse query: this ledger serves tm.event='NewBlock' and tm.event='Tx'")),
    }
}

fn notifications(subscription: &Subscription, block: &CommittedBlock) -> Vec<Notification> {
    let notification = |data, events| Notification { query: subscription.query.clone(), data, events };
    match subscription.kind {
        Kind::NewBlock => {
            let events: Vec<Event> = block.events.iter().map(Event::of).collect();
            let attributes = attributes("NewBlock", &events);
            vec![notification(new_block(block, events), attributes)]
        }
        Kind::Tx => (0u32..)
            .zip(block.txs.iter().zip(&block.results))
            .map(|(index, (tx, result))| {
                let result = result_of(result);
                let mut attributes = attributes("Tx", &result.events);
                let hash = crate::block::tx_hash(tx);
                attributes.insert("tx.hash".into(), vec![hex_text(&hash.0)]);
                attributes.insert("tx.height".into(), vec![block.height().to_string()]);
                let tx_result = TxInfo { height: block.height().0, index, tx: tx.clone(), result };
                let data = EventData::Tx(Box::new(TxEvent { tx_result }));
                notification(data, attributes)
            })
            .collect(),
    }
}

fn new_block(block: &CommittedBlock, events: Vec<Event>) -> EventData {
    EventData::NewBlock(Box::new(NewBlock {
        block: Some(Block {
            header: Header::from(&block.header),
            data: Data { txs: block.txs.clone() },
            evidence: EvidenceList::default(),
            last_commit: Some(convert::last_commit(block.last_commit.as_ref())),
        }),
        block_id: (&block.id).into(),
        result_finalize_block: FinalizeBlock {
            events,
            tx_results: block.results.iter().map(result_of).collect(),
            validator_updates: updates(&block.validator_updates),
            app_hash: block.app_hash.0.to_vec(),
        },
    }))
}

/// Attributes by `type.key`, those that are to be indexed.
fn attributes(event: &str, events: &[Event]) -> BTreeMap<String, Vec<String>> {
    let mut map = BTreeMap::from([("tm.event".to_owned(), vec![event.to_owned()])]);
    for event in events {
        for attribute in event.attributes.iter().filter(|one| one.index) {
            map.entry(format!("{}.{}", event.kind, attribute.key)).or_default().push(attribute.value.clone());
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_may_be_spaced_and_quoted_either_way() {
        for query in ["tm.event='NewBlock'", "tm.event = 'NewBlock'", "tm.event=\"NewBlock\""] {
            assert_eq!(kind_of(query), Ok(Kind::NewBlock), "{query}");
        }
        assert_eq!(kind_of("tm.event='Tx'"), Ok(Kind::Tx));
        for query in ["", "malformed query", "tm.event='Tx' AND tx.height=1"] {
            assert!(kind_of(query).is_err(), "{query}");
        }
    }
}
