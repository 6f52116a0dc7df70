//! Answers that are lost, too large or of another form: a proxy before an embedded ledger makes them so.

#[path = "support/ledger.rs"]
mod ledger;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use comity_adapters_comet::CometChain;
use comity_adapters_ports::{Chain, Outcome, PortError};
use comity_model::Height;
use comity_model::governance::Action;
use comity_model::member::MemberKind;
use comity_model::tx::Message;
use futures::StreamExt;
use ledger::{Ledger, genesis, power, reach};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the proxy does to the first answers.
#[derive(Clone, Copy)]
enum Harm {
    /// The transaction arrives, its answer does not.
    LoseCommit,
    /// Neither the transaction nor an answer arrives.
    RefuseCommit,
    /// Every answer is larger than any may be.
    Swell,
    /// Every answer is something else.
    Babble,
}

#[derive(Clone)]
struct Proxy {
    node: String,
    harm: Harm,
    left: Arc<AtomicUsize>,
}

impl Proxy {
    fn harms(&self) -> bool {
        let left = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    async fn forward(&self, body: Bytes) -> Vec<u8> {
        let answer = reqwest::Client::new().post(&self.node).body(body).send().await.expect("an answer");
        answer.bytes().await.expect("a body").to_vec()
    }
}

async fn serve(State(proxy): State<Proxy>, body: Bytes) -> (StatusCode, Vec<u8>) {
    let commit = body.windows(19).any(|bytes| bytes == b"broadcast_tx_commit");
    match proxy.harm {
        Harm::LoseCommit if commit && proxy.harms() => {
            proxy.forward(body).await;
            (StatusCode::BAD_GATEWAY, vec![])
        }
        Harm::RefuseCommit if commit && proxy.harms() => (StatusCode::SERVICE_UNAVAILABLE, vec![]),
        Harm::Swell if proxy.harms() => (StatusCode::OK, vec![b' '; 40 << 20]),
        Harm::Babble if proxy.harms() => (StatusCode::OK, b"<html>It works!</html>".to_vec()),
        _ => (StatusCode::OK, proxy.forward(body).await),
    }
}

/// The ledger behind a proxy that harms so many answers; it has no websocket.
async fn behind(ledger: &Ledger, harm: Harm, times: usize) -> Chain {
    let mut config = ledger.config();
    let proxy = Proxy { node: config.rpc_url.clone(), harm, left: Arc::new(AtomicUsize::new(times)) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    config.rpc_url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().route("/", post(serve)).with_state(proxy);
    tokio::spawn(async move { axum::serve(listener, router).await });
    CometChain::open(config).expect("an address")
}

async fn court() -> Ledger {
    let ledger = Ledger::start(genesis("court-1", "court", MemberKind::Court)).await;
    reach(&ledger.chain(), Height(2)).await;
    ledger
}

/// A proposal is carried out once by its number: a second transaction with it would be refused.
fn once(ledger: &Ledger) -> Message {
    ledger.proposal(Action::SetValidators(vec![power("court-1", 0, 11)]))
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_nothing_is_carried_out_twice() {
    let ledger = court().await;
    let chain = behind(&ledger, Harm::LoseCommit, 1).await;
    let outcome = chain.submit.submit(vec![once(&ledger)]).await.expect("an answer");
    assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_transaction_that_did_not_arrive_is_sent_again() {
    let ledger = court().await;
    let chain = behind(&ledger, Harm::RefuseCommit, 3).await;
    let outcome = chain.submit.submit(vec![once(&ledger)]).await.expect("an answer");
    assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_malformed() {
    let ledger = court().await;
    let chain = behind(&ledger, Harm::Swell, usize::MAX).await;
    assert!(matches!(chain.headers.latest().await, Err(PortError::Malformed(_))));
}

#[tokio::test]
async fn an_answer_of_another_form_is_malformed() {
    let ledger = court().await;
    let chain = behind(&ledger, Harm::Babble, usize::MAX).await;
    assert!(matches!(chain.headers.latest().await, Err(PortError::Malformed(_))));
    assert!(matches!(chain.headers.light_block(Height(1)).await, Err(PortError::Malformed(_))));
}

#[tokio::test]
async fn without_a_websocket_blocks_are_asked_for() {
    let ledger = court().await;
    let chain = behind(&ledger, Harm::Babble, 0).await;
    let mut blocks = chain.events.follow(Height(1));
    for height in 1..=5 {
        let block = blocks.next().await.expect("following goes on").expect("a block");
        assert_eq!(block.height, Height(height));
    }
}

#[tokio::test]
async fn a_node_that_returns_is_followed_on_without_a_gap_after_its_silence_was_reported() {
    let mut ledger = court().await;
    let mut config = ledger.config();
    config.silence_limit = std::time::Duration::from_secs(1);
    let chain = CometChain::open(config).expect("an address");
    let mut blocks = chain.events.follow(Height(1));
    let mut next = 1;
    while next <= 2 {
        assert_eq!(blocks.next().await.expect("an item").expect("a block").height, Height(next));
        next += 1;
    }
    ledger.stop().await;
    let mut silent = false;
    while !silent {
        match blocks.next().await.expect("an item") {
            Ok(block) => {
                assert_eq!(block.height, Height(next));
                next += 1;
            }
            Err(error) => silent = matches!(error, PortError::Silent(_)),
        }
    }
    ledger.resume().await;
    let end = next + 3;
    while next < end {
        if let Ok(block) = blocks.next().await.expect("an item") {
            assert_eq!(block.height, Height(next));
            next += 1;
        }
    }
}
