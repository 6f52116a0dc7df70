//! The RPC as outsiders meet it: an outside client reads every method, bad requests get errors, websockets tell of
//! blocks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use comity_ledger_engine::{Engine, Storage};
use comity_ledger_rpc::event::{EventData, Notification};
use comity_ledger_rpc::jsonrpc::{Request, Response};
use comity_ledger_rpc::node::{ComityState, GenesisResponse};
use comity_ledger_rpc::tx::{BroadcastTx, BroadcastTxCommit};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use support::{World, get, post, power, reach, rpc};
use tendermint_rpc::{Client as _, HttpClient, Paging};
use tokio_tungstenite::tungstenite::Message;

async fn started(world: &World) -> Engine {
    Engine::start(world.config(4, Storage::Memory, 60_000)).await.expect("starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_client_reads_every_method() {
    let world = World::new(10);
    let engine = started(&world).await;
    let url = format!("http://{}", engine.rpc_addr());
    let client = HttpClient::new(url.as_str()).expect("a client");
    let tx = world.put_record("1");
    let committed = client.broadcast_tx_commit(tx.clone()).await.expect("committed");
    assert!(committed.check_tx.code.is_ok() && committed.tx_result.code.is_ok());
    let height = committed.height;
    reach(&engine.handle(), height.value() + 1).await;

    let status = client.status().await.expect("status");
    assert_eq!(status.node_info.network.as_str(), "engine-test-1");
    assert!(status.sync_info.latest_block_height.value() > height.value());
    client.health().await.expect("health");
    let info = client.abci_info().await.expect("info");
    assert!(info.last_block_height >= height);
    let block = client.block(height).await.expect("block");
    assert_eq!(block.block.data, vec![tx.clone()]);
    // Computed by the outside library from its own types.
    assert_eq!(block.block.header.hash(), block.block_id.hash);
    assert_eq!(block.block.header.data_hash.map(|hash| hash.as_bytes().len()), Some(32));
    let by_hash = client.block_by_hash(block.block_id.hash).await.expect("by hash");
    assert_eq!(by_hash.block.map(|block| block.header.height), Some(height));
    let first = client.block(1u32).await.expect("the first block");
    assert!(first.block.last_commit.is_none());
    let header = client.header(height).await.expect("header");
    assert_eq!(header.header, block.block.header);
    let header = client.header_by_hash(block.block_id.hash).await.expect("header by hash");
    assert_eq!(header.header.map(|header| header.height), Some(height));
    let metas = client.blockchain(tendermint::block::Height::from(1u32), height).await.expect("blockchain");
    assert_eq!(metas.block_metas.len() as u64, height.value());
    let commit = client.commit(height).await.expect("commit");
    assert!(commit.canonical);
    assert!(!client.latest_commit().await.expect("latest").canonical);
    let set = client.validators(height, Paging::All).await.expect("validators");
    assert_eq!(tendermint::validator::Set::without_proposer(set.validators).hash(), block.block.header.validators_hash);
    let found = client.tx(committed.hash, false).await.expect("tx");
    assert_eq!((found.height, found.tx), (height, tx.clone()));
    client.consensus_params(height).await.expect("parameters");
    let net = client.net_info().await.expect("net info");
    assert_eq!(net.n_peers, 0);
    let genesis = client.genesis::<Value>().await.expect("genesis");
    assert_eq!(genesis.validators.len(), 4);
    let query = client.abci_query(Some("/state".into()), vec![1; 32], None, true).await.expect("query");
    assert!(query.value.is_empty() && query.proof.is_some());

    client.block_results(height).await.expect("block results");
    let change = world.set_validators(0, vec![power(&support::key(1), 11)]);
    let changed = client.broadcast_tx_commit(change).await.expect("committed");
    let results: Value =
        serde_json::from_str(&get(&engine, &format!("block_results?height={}", changed.height)).await.1).expect("json");
    assert_eq!(results["result"]["validator_updates"][0]["power"], "11");
    assert_eq!(results["result"]["txs_results"][0]["code"], 0);
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_genesis_carries_the_canonical_bytes() {
    let world = World::new(10);
    let engine = started(&world).await;
    let answer: GenesisResponse = rpc(&engine, &Request::genesis()).await.expect("genesis");
    let state: ComityState = serde_json::from_value(answer.genesis.app_state).expect("state");
    assert_eq!(comity_model::decode("genesis", &state.comity), Ok(world.genesis.clone()));
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_taken_once_and_refusals_are_results() {
    let world = World::new(10);
    let engine = started(&world).await;
    let tx = world.put_record("1");
    let first: BroadcastTx = rpc(&engine, &Request::broadcast_tx_sync(&tx)).await.expect("taken");
    assert_eq!(first.code, 0);
    let again = rpc::<BroadcastTx>(&engine, &Request::broadcast_tx_sync(&tx)).await;
    assert_eq!(again.expect_err("once").data, "tx already exists in cache");
    let junk: BroadcastTxCommit = rpc(&engine, &Request::broadcast_tx_commit(b"junk")).await.expect("a result");
    assert_eq!(junk.height, 0);
    assert_ne!(junk.check_tx.code, 0);
    assert!(!junk.check_tx.codespace.is_empty());
    // The same record in another transaction is refused or skipped in a block: either way it has a height.
    let waiting = get(&engine, "num_unconfirmed_txs").await;
    assert_eq!(waiting.0, 200);
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_errors() {
    let world = World::new(10);
    let engine = started(&world).await;
    let latest = engine.status().height.0;
    let code = |text: &str| serde_json::from_str::<Value>(text).expect("json")["error"]["code"].as_i64();
    let ask = |method: &str, params: Value| {
        serde_json::to_vec(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).expect("json")
    };
    let cases: Vec<(Vec<u8>, i64)> = vec![
        (b"{".to_vec(), -32_700),
        (b"\xff\xfe".to_vec(), -32_700),
        (b"7".to_vec(), -32_600),
        (b"[]".to_vec(), -32_600),
        (b"{\"id\":1}".to_vec(), -32_600),
        (br#"{"jsonrpc":"1.0","id":1,"method":"status"}"#.to_vec(), -32_600),
        (br#"{"jsonrpc":"2.0","id":[1],"method":"status"}"#.to_vec(), -32_600),
        (ask("no_such", json!({})), -32_601),
        (ask("block", json!("1")), -32_602),
        (ask("block", json!({"height": "x"})), -32_602),
        (ask("block", json!({"height": {}})), -32_602),
        (ask("block", json!({"height": "99999999999999999999"})), -32_602),
        (ask("block", json!(["1", "2"])), -32_602),
        (ask("block", json!({"height": "0"})), -32_603),
        (ask("block", json!({"height": "-3"})), -32_603),
        (ask("blockchain", json!({"minHeight": "-1", "maxHeight": "1"})), -32_603),
        (ask("blockchain", json!({"minHeight": "9", "maxHeight": "1"})), -32_603),
        (ask("validators", json!({"page": "0"})), -32_603),
        (ask("validators", json!({"page": "99999"})), -32_603),
        (ask("tx", json!({"hash": "AAAA"})), -32_602),
        (ask("tx", json!({"hash": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})), -32_603),
        (ask("broadcast_tx_sync", json!({"tx": "not base64!"})), -32_602),
        (ask("broadcast_tx_sync", json!({})), -32_602),
        (ask("abci_query", json!({"data": "zz"})), -32_602),
        (ask("abci_query", json!({"height": "-1"})), -32_603),
        (ask("subscribe", json!({"query": "tm.event='Tx'"})), -32_601),
    ];
    for (body, expected) in cases {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let (status, text) = post(&engine, body).await;
        assert_eq!((status, code(&text)), (200, Some(expected)), "{shown} → {text}");
    }
    let (_, text) = post(&engine, ask("commit", json!({"height": "5000"}))).await;
    assert!(
        text.contains(&format!("height 5000 must be less than or equal to the current blockchain height {latest}")),
        "{text}"
    );
    let (status, text) = post(&engine, vec![b' '; 3 << 20]).await;
    assert_eq!((status, code(&text)), (413, Some(-32_600)));
    // A notification wants no answer; a batch has one answer for each request that wants one.
    let (status, text) = post(&engine, br#"{"jsonrpc":"2.0","method":"status"}"#.to_vec()).await;
    assert_eq!((status, text.as_str()), (200, ""));
    let batch = br#"[{"jsonrpc":"2.0","id":"a","method":"health"},{"jsonrpc":"2.0","method":"health"},3]"#;
    let (_, text) = post(&engine, batch.to_vec()).await;
    let answers: Vec<Value> = serde_json::from_str(&text).expect("a list");
    assert_eq!((answers.len(), &answers[0]["id"]), (2, &json!("a")));
    for (path, expected) in [
        ("nothing", 404),
        ("block?height=x", 500),
        ("block?height=5000", 500),
        ("tx?hash=0xzz", 500),
        ("block?height=1", 200),
        ("block?height=%221%22", 200),
        ("abci_query?path=%22/state%22&data=0x01&prove=true", 200),
        ("status", 200),
        ("", 200),
    ] {
        let (status, text) = get(&engine, path).await;
        assert_eq!(status, expected, "{path} → {text}");
    }
    // It still lives.
    assert!(engine.submit(world.put_record("1")).await.expect("in a block").result.is_ok());
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_tells_of_blocks_and_transactions() {
    let world = World::new(10);
    let engine = started(&world).await;
    let url = format!("ws://{}/websocket", engine.rpc_addr());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("connects");
    for (id, query) in [(1, "tm.event='NewBlock'"), (2, "tm.event='Tx'"), (3, "nonsense")] {
        let request = serde_json::to_string(&Request::subscribe(query).with_id(id)).expect("json");
        socket.send(Message::text(request)).await.expect("sent");
        let text = socket.next().await.expect("open").expect("a message");
        let answer: Response<Value> = serde_json::from_str(text.to_text().expect("text")).expect("json");
        assert_eq!(answer.id, json!(id));
        assert_eq!(answer.into_result().is_ok(), id != 3);
    }
    let outcome = engine.submit(world.put_record("1")).await.expect("in a block");
    let (mut block, mut tx) = (None, None);
    while block.is_none() || tx.is_none() {
        let text = socket.next().await.expect("open").expect("a message");
        let Message::Text(text) = text else { continue };
        // An outside library reads it as well.
        let value: Value = serde_json::from_str(&text).expect("json");
        if value["result"]["data"]["type"] == "tendermint/event/NewBlock" {
            serde_json::from_value::<tendermint_rpc::event::v0_38::DeEvent>(value["result"].clone())
                .expect("an outside library reads it");
        }
        let answer: Response<Notification> = serde_json::from_str(&text).expect("an event");
        match answer.into_result().expect("an event").data {
            EventData::NewBlock(event) => {
                let event = event.block.expect("a block");
                if event.header.height == outcome.height.0 {
                    block = Some(event);
                }
            }
            EventData::Tx(event) => tx = Some(event.tx_result),
        }
    }
    let (block, tx) = (block.expect("told"), tx.expect("told"));
    assert_eq!(block.data.txs, vec![tx.tx]);
    assert_eq!(tx.height, outcome.height.0);
    // Methods work here as well, and the end of the engine ends the connection.
    let request = serde_json::to_string(&Request::status().with_id(9)).expect("json");
    socket.send(Message::text(request)).await.expect("sent");
    loop {
        let text = socket.next().await.expect("open").expect("a message");
        if text.to_text().is_ok_and(|text| text.contains("node_info")) {
            break;
        }
    }
    engine.stop().await.expect("stops");
    assert!(
        tokio::time::timeout(std::time::Duration::from_secs(5), async {
            while let Some(Ok(_)) = socket.next().await {}
        })
        .await
        .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_beyond_the_bound_are_refused() {
    let world = World::new(10);
    let mut config = world.config(4, Storage::Memory, 60_000);
    config.limits.rpc_websockets_max = 1;
    let engine = Engine::start(config).await.expect("starts");
    let url = format!("ws://{}/websocket", engine.rpc_addr());
    let (first, _) = tokio_tungstenite::connect_async(&url).await.expect("connects");
    assert!(tokio_tungstenite::connect_async(&url).await.is_err());
    drop(first);
    let again = async {
        while tokio_tungstenite::connect_async(&url).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let again = tokio::time::timeout(std::time::Duration::from_secs(5), again);
    again.await.expect("the place is free again");
    engine.stop().await.expect("stops");
}
