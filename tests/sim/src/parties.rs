//! Who takes part: keys by number, first states, anchors, the signers' rules. It refuses to know what happens later.

use crate::machine;
use crate::plan::{INSTITUTIONS, KEYS, RELAYERS};
use comity_gateway::sectors::{Role, SectorSource, Sectors};
use comity_gateway::signer::{SealRule, SignerCore, SignerIdentity};
use comity_gateway::triggers::{RuleSource, Rules};
use comity_gateway::{OrderClients, PeerConfig, sealing};
use comity_ledger_engine::ValidatorKey;
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::genesis::Genesis;
use comity_model::governance::{Action, GovernorApproval, Governors, Proposal, ValidatorUpdate};
use comity_model::member::{Member, MemberKind, Officer, Validity};
use comity_model::order::{Approval, Order};
use comity_model::profile::Profile;
use comity_model::seal::{PublicKey, Signature, Suites};
use comity_model::tx::Message;
use comity_model::{ChainId, ClientId, Hash, Height, MemberId, Sector, UnixSeconds, encode};
use comity_verify::comet::LightBlock;
use comity_verify::light::Anchor;
use comity_verify::seal::{TAG_PROPOSAL, signing_bytes};
use ed25519_dalek::{Signer as _, SigningKey};
use secrecy::SecretBox;
use std::sync::{Arc, OnceLock};

/// The schema of the one sector, and the orders it knows.
const SCHEMA: &str = include_str!("accounts.proto");
const PROFILE: &str = include_str!("accounts.toml");
/// The sector of payments as it is shipped, and what a default proposes here.
const PAYMENTS: &str = include_str!("../../../sectors/payments/schema.proto");
const RULES: &str = include_str!("mediation.toml");
/// How far headers may lie ahead of a clock, in seconds: twice what clocks are off here.
const DRIFT_S: u64 = 20;
/// The officers of the court.
pub const OFFICERS: u8 = 2;

/// The sector.
#[must_use]
pub fn sector() -> Sector {
    "accounts".parse().expect("a sector")
}

/// The sector of payments.
#[must_use]
pub fn payments() -> Sector {
    "payments".parse().expect("a sector")
}

/// The rules.
#[must_use]
pub fn rules() -> Arc<Rules> {
    let source = RuleSource { name: "mediation.toml", text: RULES };
    Arc::new(Rules::load(&[source], &sectors()).expect("the rules are in order"))
}

/// The sectors.
#[must_use]
pub fn sectors() -> Arc<Sectors> {
    static COMPILED: OnceLock<Arc<Sectors>> = OnceLock::new();
    let compile = || {
        let accounts = SectorSource { name: "accounts", schema: SCHEMA, profile: Some(PROFILE) };
        let payments = SectorSource { name: "payments", schema: PAYMENTS, profile: None };
        Arc::new(Sectors::load(&[accounts, payments]).expect("the sectors' files are in order"))
    };
    Arc::clone(COMPILED.get_or_init(compile))
}

/// An institution's id.
#[must_use]
pub fn member(number: u8) -> MemberId {
    INSTITUTIONS[usize::from(number)].parse().expect("a member id")
}

/// Its kind.
#[must_use]
pub const fn kind(number: u8) -> MemberKind {
    if number == 0 { MemberKind::Court } else { MemberKind::Finance }
}

/// Its chain.
#[must_use]
pub fn chain(number: u8) -> ChainId {
    format!("{}-1", INSTITUTIONS[usize::from(number)]).parse().expect("a chain id")
}

/// The client of an institution's chain, on another's.
#[must_use]
pub fn client_of(number: u8) -> ClientId {
    format!("client-{}", chain(number)).parse().expect("a client id")
}

fn key(institution: u8, purpose: u8) -> SigningKey {
    SigningKey::from_bytes(&[10 * (institution + 1) + purpose; 32])
}

/// The operator keys of an institution: its gateway's, then those of the relayers.
#[must_use]
pub fn operator(institution: u8, number: u8) -> SigningKey {
    let mut seed = [10 * (institution + 1) + 3; 32];
    seed[0] = number;
    SigningKey::from_bytes(&seed)
}

/// The X25519 key that private parts are sealed to.
#[must_use]
pub fn encryption(institution: u8) -> SecretBox<[u8; 32]> {
    SecretBox::new(Box::new([10 * (institution + 1) + 2; 32]))
}

/// The validator keys that a chain's operator holds.
#[must_use]
pub fn validator_keys(institution: u8) -> Vec<ValidatorKey> {
    let seed = |number: usize| {
        let mut seed = [10 * (institution + 1) + 4; 32];
        seed[1] = u8::try_from(number).unwrap_or(0);
        seed
    };
    (0..KEYS).map(|number| ValidatorKey::from_seed(&seed(number))).collect()
}

fn always() -> Validity {
    Validity { from: UnixSeconds(0), until: UnixSeconds(u64::MAX), compromised_since: None }
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::ed25519(key.verifying_key().to_bytes())
}

fn officer_key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[200 + number; 32])
}

fn officer(number: u8) -> Officer {
    Officer {
        member: member(0),
        id: format!("J{number}").parse().expect("an officer id"),
        key: public(&officer_key(number)),
        validity: always(),
    }
}

/// An officer's approval of an order.
#[must_use]
pub fn approval(order: &Order, number: u8) -> Approval {
    let bytes = signing_bytes(comity_verify::order::TAG_ORDER, order);
    Approval { officer: officer(number).id, signature: Signature::ed25519(officer_key(number).sign(&bytes).to_bytes()) }
}

/// An officer's signature.
#[must_use]
pub fn signature(number: u8, bytes: &[u8]) -> Vec<u8> {
    officer_key(number).sign(bytes).to_bytes().to_vec()
}

/// A chain's first state.
#[must_use]
pub fn genesis(institution: u8) -> Genesis {
    let entry = Member {
        id: member(institution),
        home: chain(institution),
        kind: kind(institution),
        names: vec![format!("the {}", member(institution))],
        seal_key: public(&key(institution, 0)),
        encryption_key: sealing::public_key(&encryption(institution)).expect("an encryption key"),
        operators: (0..=RELAYERS).map(|number| operator(institution, number).verifying_key().to_bytes()).collect(),
        gateway: "gateway:1".into(),
        ca_fingerprint: Hash([4; 32]),
        validity: always(),
    };
    let template = sectors().sector(&sector()).and_then(|schema| schema.profile.clone()).expect("a profile");
    let recorded = Profile { sector: payments(), institution: member(institution), kinds: Vec::new() };
    let initial = validator_keys(institution).into_iter().take(2);
    Genesis {
        chain: chain(institution),
        time: machine::now(),
        validators: initial.map(|key| ValidatorUpdate { public_key: key.public_key(), power: 10 }).collect(),
        governors: Governors { keys: vec![public(&key(institution, 1))], threshold: 1, delay_s: 0, next: 0 },
        client_kinds: vec![ClientKind::Comet],
        suites: Suites::NATIVE,
        officers: if institution == 0 { (1..=OFFICERS).map(officer).collect() } else { Vec::new() },
        profiles: if institution == 0 { Vec::new() } else { vec![template.profile(member(institution)), recorded] },
        members: vec![entry],
    }
}

/// A proposal of an institution's governors as a message.
#[must_use]
pub fn govern(institution: u8, number: u64, action: Action) -> Message {
    let proposal = Proposal { chain: chain(institution), number, action, evidence: Hash::ZERO };
    let signature = key(institution, 1).sign(&signing_bytes(TAG_PROPOSAL, &proposal)).to_bytes();
    let approvals = vec![GovernorApproval { governor: 0, signature: Signature::ed25519(signature) }];
    Message::Govern { proposal, approvals }
}

/// What creates the client of one chain on another, anchored at `block`.
#[must_use]
pub fn create_client(of: u8, on: u8, block: &LightBlock, trusting_s: u64) -> Action {
    let header = &block.header;
    let client = ClientState {
        id: client_of(of),
        kind: ClientKind::Comet,
        chain: chain(of),
        counterparty: client_of(on),
        anchor: AnchorPoint {
            height: header.height,
            header_hash: header.hash(),
            validators_hash: header.validators_hash,
        },
        trusting_period_s: trusting_s,
        clock_drift_s: DRIFT_S,
        operators: 1,
        suites: Suites::NATIVE,
        usable_from: UnixSeconds(0),
        latest: Height(0),
        status: ClientStatus::Active,
    };
    Action::CreateClient { client, block: encode(block) }
}

/// What powers a chain's keys are to have, as an action: keys that are in no set and get none are left out.
#[must_use]
pub fn rotate(institution: u8, standing: &[ValidatorUpdate], powers: &[u64; KEYS]) -> Option<Action> {
    let updates = validator_keys(institution).into_iter().zip(powers).filter_map(|(key, power)| {
        let public_key = key.public_key();
        let known = standing.iter().find(|validator| validator.public_key == public_key);
        let changes = known.map_or(0, |validator| validator.power) != *power;
        changes.then_some(ValidatorUpdate { public_key, power: *power })
    });
    let updates: Vec<_> = updates.collect();
    (!updates.is_empty()).then_some(Action::SetValidators(updates))
}

/// An anchor at `block`.
#[must_use]
pub fn anchor(block: &LightBlock, trusting_s: u64) -> Anchor {
    let header = &block.header;
    Anchor {
        chain_id: header.chain_id.clone(),
        height: header.height,
        header_hash: header.hash(),
        validators_hash: header.validators_hash,
        trusting_period_secs: trusting_s,
        clock_drift_secs: DRIFT_S,
        operators: 1,
        suites: Suites::NATIVE,
    }
}

/// What a gateway is told of another institution.
#[must_use]
pub fn peer(number: u8, of: u8, anchor: Anchor) -> PeerConfig {
    PeerConfig {
        member: member(number),
        kind: kind(number),
        address: member(number).to_string(),
        ca_pem: String::new(),
        anchor,
        clients: Some(OrderClients { source_client: client_of(number), dest_client: client_of(of) }),
    }
}

/// An institution's signer.
#[must_use]
pub fn signer(institution: u8) -> SignerCore {
    let sectors = sectors();
    let schema = sectors.sector(&sector()).expect("the sector");
    let fields = schema.order.as_ref().expect("order fields");
    let amount = fields.role(Role::Amount).map(|spec| spec.name.clone());
    let kinds = &schema.profile.as_ref().expect("a profile").kinds;
    let rules = kinds.iter().map(|rule| SealRule {
        sector: schema.name.clone(),
        kind: rule.kind.clone(),
        effect: rule.effect,
        two_approvals_from: rule.two_approvals_from,
        emergencies: rule.confirm_within_s.is_some(),
        amount_field: amount.clone(),
    });
    let identity = SignerIdentity {
        institution: member(institution),
        chain: chain(institution),
        officers: if institution == 0 { (1..=OFFICERS).map(officer).collect() } else { Vec::new() },
        rules: rules.collect(),
    };
    SignerCore::new(identity, &SecretBox::new(Box::new(key(institution, 0).to_bytes())))
}
