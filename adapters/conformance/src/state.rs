//! State with proof.

use crate::{Fixture, headers};
use comity_adapters_ports::{Chain, PortError};
use comity_model::Height;
use comity_verify::state;

pub(crate) async fn a_value_is_proven(chain: &Chain, fixture: &Fixture) {
    let header = headers::newest(chain, fixture).await;
    let answer = chain.prover.prove(&fixture.present, header.height()).await.expect("a proof");
    let value = answer.value.expect("a value");
    let proven = state::membership(&header, &fixture.present, &value, &answer.proof);
    assert_eq!(proven.expect("the proof holds").into_value(), value);
}

pub(crate) async fn an_absence_is_proven(chain: &Chain, fixture: &Fixture) {
    let header = headers::newest(chain, fixture).await;
    let answer = chain.prover.prove(&fixture.absent, header.height()).await.expect("a proof");
    assert_eq!(answer.value, None);
    let absent = state::absence(&header, &fixture.absent, &answer.proof);
    assert_eq!(absent.expect("the proof holds").at().height, header.height());
}

pub(crate) async fn a_proof_of_another_value_is_refused(chain: &Chain, fixture: &Fixture) {
    let header = headers::newest(chain, fixture).await;
    let answer = chain.prover.prove(&fixture.present, header.height()).await.expect("a proof");
    let mut value = answer.value.expect("a value");
    if let Some(byte) = value.first_mut() {
        *byte ^= 1;
    }
    assert!(state::membership(&header, &fixture.present, &value, &answer.proof).is_err());
    assert!(state::absence(&header, &fixture.present, &answer.proof).is_err());
}

pub(crate) async fn a_proof_is_under_the_header_that_was_asked_for(chain: &Chain, fixture: &Fixture) {
    // An earlier header than the newest: its own app hash, not the latest state's.
    let header = headers::trusted(chain, fixture).await;
    let answer = chain.prover.prove(&fixture.present, header.height()).await.expect("a proof");
    assert_eq!(answer.header, header.height());
    let value = answer.value.expect("a value");
    let proven = state::membership(&header, &fixture.present, &value, &answer.proof);
    assert_eq!(proven.expect("the proof holds").at().height, header.height());
}

pub(crate) async fn a_proof_under_a_header_to_come_is_not_yet(chain: &Chain, fixture: &Fixture) {
    let latest = chain.headers.latest().await.expect("the latest height");
    let header = Height(latest.0 + 1_000);
    let answer = chain.prover.prove(&fixture.present, header).await;
    assert_eq!(answer, Err(PortError::NotYet(header)));
}
