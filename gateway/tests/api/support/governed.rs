//! What a test's governor does on a ledger: it has the one key that is needed.

use super::TestLedger;
use super::people::client_of;
use comity_adapters_ports::{Chain, Outcome};
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::governance::{Action, GovernorApproval, Proposal};
use comity_model::seal::Signature;
use comity_model::tx::Message;
use comity_model::{Hash, UnixSeconds, encode};
use comity_verify::light::Anchor;
use comity_verify::seal::{TAG_PROPOSAL, signing_bytes};
use ed25519_dalek::{Signer as _, SigningKey};

impl TestLedger {
    /// Carries an action of the governors out.
    pub async fn govern(&self, action: Action) {
        let proposal =
            Proposal { chain: self.id().clone(), number: self.next_proposal(), action, evidence: Hash::ZERO };
        let governor = SigningKey::from_bytes(&[77; 32]);
        let signature = governor.sign(&signing_bytes(TAG_PROPOSAL, &proposal)).to_bytes();
        let approvals = vec![GovernorApproval { governor: 0, signature: Signature::ed25519(signature) }];
        let outcome = self.chain().submit.submit(vec![Message::Govern { proposal, approvals }]).await.unwrap();
        assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
    }

    /// Creates the client of `other`, as `anchor` has it, on this ledger.
    pub async fn watch(&self, other: &Chain, anchor: &Anchor) {
        let block = other.headers.light_block(anchor.height).await.unwrap();
        let client = ClientState {
            id: client_of(anchor.chain_id.as_str()),
            kind: ClientKind::Comet,
            chain: anchor.chain_id.clone(),
            counterparty: client_of(self.id().as_str()),
            anchor: AnchorPoint {
                height: anchor.height,
                header_hash: anchor.header_hash,
                validators_hash: anchor.validators_hash,
            },
            trusting_period_s: anchor.trusting_period_secs,
            clock_drift_s: anchor.clock_drift_secs,
            operators: 1,
            suites: anchor.suites,
            usable_from: UnixSeconds(0),
            latest: anchor.height,
            status: ClientStatus::Active,
        };
        self.govern(Action::CreateClient { client, block: encode(&block) }).await;
    }
}
