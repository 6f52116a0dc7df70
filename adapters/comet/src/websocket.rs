//! The websocket subscription: a hint that a block was committed, with its events when they come whole. Whoever
//! loses it loses time, never a block.

use crate::follow::block_events;
use crate::http::ANSWER_BYTES_MAX;
use comity_adapters_ports::BlockEvents;
use comity_ledger_rpc::event::{EventData, Notification, QUERY_NEW_BLOCK};
use comity_ledger_rpc::jsonrpc::{Request, Response};
use comity_model::Height;
use futures::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) struct Subscription {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Subscription {
    pub(crate) async fn open(url: &str, timeout: Duration) -> Option<Self> {
        let limits =
            WebSocketConfig::default().max_message_size(Some(ANSWER_BYTES_MAX)).max_frame_size(Some(ANSWER_BYTES_MAX));
        let connect = async {
            let (mut socket, _) = tokio_tungstenite::connect_async_with_config(url, Some(limits), true).await.ok()?;
            let request = serde_json::to_string(&Request::subscribe(QUERY_NEW_BLOCK)).ok()?;
            socket.send(Message::text(request)).await.ok()?;
            Some(Self { socket })
        };
        tokio::time::timeout(timeout, connect).await.ok().flatten()
    }

    /// The next block that was announced; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<BlockEvents> {
        while let Some(message) = self.socket.next().await {
            let bytes = match message.ok()? {
                Message::Text(text) => text.as_bytes().to_vec(),
                Message::Binary(bytes) => bytes.to_vec(),
                Message::Close(_) => return None,
                // The library answers pings while it is read.
                _ => continue,
            };
            if let Some(block) = announced(&bytes) {
                return Some(block);
            }
        }
        None
    }
}

fn announced(bytes: &[u8]) -> Option<BlockEvents> {
    let notification: Response<Notification> = serde_json::from_slice(bytes).ok()?;
    let EventData::NewBlock(new) = notification.result?.data else {
        return None;
    };
    let results = new.result_finalize_block.tx_results.iter();
    Some(BlockEvents {
        height: Height(new.block?.header.height),
        events: block_events(&new.result_finalize_block.events, results),
    })
}
