//! Submission.

use crate::{Fixture, headers};
use comity_adapters_ports::{Chain, Outcome};
use comity_model::Height;
use comity_model::event::Event;
use comity_model::tx::Message;
use futures::future::join_all;

pub(crate) async fn carried_out(chain: &Chain, messages: Vec<Message>) -> (Height, Vec<Event>) {
    match chain.submit.submit(messages).await.expect("an answer") {
        Outcome::Committed { height, events, .. } => (height, events),
        Outcome::Refused { code, detail } => panic!("the fixture's work was refused: {code}: {detail}"),
    }
}

pub(crate) async fn what_is_submitted_again_changes_nothing(chain: &Chain, fixture: &Fixture) {
    let (height, _) = carried_out(chain, fixture.work.clone()).await;
    let latest = chain.headers.latest().await.expect("the latest height");
    assert!(latest >= height, "an answer comes after the block");
    let (again, events) = carried_out(chain, fixture.work.clone()).await;
    assert!(again > height, "each submission is a transaction of its own");
    assert_eq!(events, vec![], "a repetition reports nothing new");
    headers::newest(chain, fixture).await;
}

pub(crate) async fn a_refusal_has_a_code(chain: &Chain, fixture: &Fixture) {
    let (messages, expected) = &fixture.refused;
    match chain.submit.submit(messages.clone()).await.expect("an answer") {
        Outcome::Refused { code, detail } => {
            assert_eq!(code, *expected);
            assert!(!detail.is_empty(), "a refusal says why");
        }
        Outcome::Committed { .. } => panic!("the chain carried out what it must refuse"),
    }
}

pub(crate) async fn submissions_at_once_are_all_answered(chain: &Chain, fixture: &Fixture) {
    let submissions = (0..16).map(|_| carried_out(chain, fixture.work.clone()));
    assert_eq!(join_all(submissions).await.len(), 16);
}
