//! A bank's chain and two courts' chains in memory, with real seals and real proofs, and nothing around them: a block is
//! a call, and a light client believes the header that it is given.

use crate::refusal::Stop;
use crate::side::{self, Side};
use crate::working::{Config, Execution, Working};
use crate::{due, governance, members, packets, store};
use borsh::BorshSerialize;
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::member::{Member, MemberKind, Officer, Validity};
use comity_model::order::{Approval, Delivery, Order, SealedOrder};
use comity_model::packet::Packet;
use comity_model::profile::Profile;
use comity_model::seal::{PublicKey, Signature, Suites};
use comity_model::state::StatePath;
use comity_model::{ClientId, Hash, Height, Time, UnixSeconds};
use comity_verify::light::ConsensusState;
use ed25519_dalek::{Signer, SigningKey};
use ics23::{CommitmentProof, ExistenceProof, HashOp, LeafOp, LengthOp, NonExistenceProof, commitment_proof};
use prost::Message;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// When everything begins.
pub(super) const BEGIN_S: u64 = 1_000_000;
/// The one height that a client knows a header of: it is replaced whenever something is to be proven.
const PROVEN: Height = Height(1);

/// The chains: the bank's, then the courts'.
pub(super) struct Chains<'a> {
    pub(super) bank: Execution<'a>,
    pub(super) courts: Vec<Execution<'a>>,
    pub(super) now: u64,
}

/// The key that belongs to `name`.
fn key(name: &str) -> SigningKey {
    thread_local! {
        static KEYS: RefCell<BTreeMap<String, SigningKey>> = const { RefCell::new(BTreeMap::new()) };
    }
    KEYS.with_borrow_mut(|keys| match keys.get(name) {
        Some(key) => key.clone(),
        None => {
            let key = SigningKey::from_bytes(&Sha256::digest(name).into());
            keys.entry(name.to_owned()).or_insert(key).clone()
        }
    })
}

pub(super) fn seal<T: BorshSerialize>(name: &str, tag: &'static str, value: &T) -> Signature {
    Signature::ed25519(key(name).sign(&comity_verify::seal::signing_bytes(tag, value)).to_bytes())
}

/// The client of court chain `index` on the bank's.
pub(super) fn over(index: usize) -> ClientId {
    format!("court-client-{index}").parse().expect("a client id")
}

/// The client of the bank's chain on a court's.
pub(super) fn to_bank() -> ClientId {
    "bank-client-0".parse().expect("a client id")
}

/// Runs `body` on fresh chains.
pub(super) fn with(body: impl FnOnce(Chains<'_>)) {
    thread_local! {
        static EMPTY: store::Snapshot = {
            let database = store::open_backend(redb::backends::InMemoryBackend::new()).expect("in memory");
            store::Snapshot::open(&database).expect("a view")
        };
    }
    let config = |chain: &str| Config {
        chain: chain.parse().expect("a chain id"),
        client_kinds: vec![ClientKind::Comet],
        genesis: Hash::ZERO,
        suites: Suites::ALL,
    };
    let configs = [config("bank-1"), config("court-0"), config("court-1")];
    EMPTY.with(|empty| {
        let chain = |at: usize| {
            let time = Time::UNIX_EPOCH.plus_seconds(BEGIN_S);
            Execution::new(Working::new(empty, 0), &configs[at], Height(1), time)
        };
        let mut chains = Chains { bank: chain(0), courts: vec![chain(1), chain(2)], now: BEGIN_S };
        chains.begin();
        body(chains);
    });
}

impl<'a> Chains<'a> {
    fn begin(&mut self) {
        put_member(&mut self.bank, "bank", MemberKind::Finance);
        governance::put_profile(&mut self.bank, &super::reference::profile()).expect("a profile");
        for index in 0..self.courts.len() {
            let chain = self.courts[index].config.chain.clone();
            put_client(&mut self.bank, over(index), chain.as_str(), to_bank());
            let court = &mut self.courts[index];
            put_client(court, to_bank(), "bank-1", over(index));
            for name in ["court-a", "court-b"] {
                put_member(court, name, MemberKind::Court);
                for officer in ["1", "2", "3"] {
                    put_officer(court, name, officer);
                }
            }
            let bank = self.bank.state.read::<Member>(&StatePath::Member("bank".parse().expect("an id")), "a member");
            let bank = bank.expect("no fault").expect("the bank");
            court.state.write(&StatePath::Foreign(to_bank(), bank.id.clone()), &bank);
            court.keep();
        }
        self.bank.keep();
    }

    /// The next block of every chain is at this time.
    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        for ex in std::iter::once(&mut self.bank).chain(&mut self.courts) {
            ex.time = Time::UNIX_EPOCH.plus_seconds(self.now);
            ex.height = ex.height.next();
        }
    }

    /// Carries out what is due at the bank, over as many blocks as it takes.
    pub(super) fn due(&mut self) {
        due::run(&mut self.bank).expect("no fault");
        let left = due::next(&self.bank.state).expect("no fault");
        assert!(left.is_none_or(|at| at.0 > self.now), "something due was left over");
    }

    /// A transaction on a court's chain.
    pub(super) fn at_court<T>(
        &mut self,
        index: usize,
        transaction: impl FnOnce(&mut Execution<'a>) -> Result<T, Stop>,
    ) -> Result<T, &'static str> {
        carry_out(&mut self.courts[index], transaction)
    }

    /// A transaction on the bank's chain.
    pub(super) fn at_bank<T>(
        &mut self,
        transaction: impl FnOnce(&mut Execution<'a>) -> Result<T, Stop>,
    ) -> Result<T, &'static str> {
        carry_out(&mut self.bank, transaction)
    }

    /// Brings an order's packet to the bank.
    pub(super) fn deliver(&mut self, index: usize, packet: &Packet) -> Result<(), &'static str> {
        let path = StatePath::Commitment(packet.source_client.clone(), packet.sequence);
        let proof = prove(&self.courts[index], &mut self.bank, &over(index), &path, true);
        self.at_bank(|ex| packets::receive(ex, packet, &proof, PROVEN))
    }

    /// Brings a notice to its court's chain, and the acknowledgement back.
    pub(super) fn notify(&mut self, index: usize, packet: &Packet) -> Result<(), &'static str> {
        let path = StatePath::Commitment(packet.source_client.clone(), packet.sequence);
        let proof = prove(&self.bank, &mut self.courts[index], &to_bank(), &path, true);
        self.at_court(index, |ex| packets::receive(ex, packet, &proof, PROVEN))?;
        let ack: Vec<u8> = self.courts[index]
            .state
            .side(&Side::Ack(to_bank(), packet.sequence), "an acknowledgement")
            .expect("no fault")
            .expect("an acknowledgement");
        assert_eq!(ack, [1], "the court knows every order that it is told of");
        let path = StatePath::Acknowledgement(packet.dest_client.clone(), packet.sequence);
        let proof = prove(&self.courts[index], &mut self.bank, &over(index), &path, true);
        self.at_bank(|ex| packets::acknowledge(ex, packet, &ack, &proof, PROVEN))
    }

    /// Proves to the bank that a notice did not arrive in time, so that it goes again.
    pub(super) fn notice_late(&mut self, index: usize, packet: &Packet) -> Result<(), &'static str> {
        let path = StatePath::Receipt(packet.dest_client.clone(), packet.sequence);
        let proof = prove(&self.courts[index], &mut self.bank, &over(index), &path, false);
        self.at_bank(|ex| packets::time_out(ex, packet, &proof, PROVEN))
    }

    /// The acknowledgement of an order's packet, if it is written.
    pub(super) fn ack(&self, index: usize, packet: &Packet) -> Option<Vec<u8>> {
        self.bank.state.side(&Side::Ack(over(index), packet.sequence), "an acknowledgement").expect("no fault")
    }

    /// Brings it to the court.
    pub(super) fn acknowledge(&mut self, index: usize, packet: &Packet, ack: &[u8]) -> Result<(), &'static str> {
        let path = StatePath::Acknowledgement(packet.dest_client.clone(), packet.sequence);
        let proof = prove(&self.bank, &mut self.courts[index], &to_bank(), &path, true);
        self.at_court(index, |ex| packets::acknowledge(ex, packet, ack, &proof, PROVEN))
    }

    /// Proves to the court that an order did not arrive in time.
    pub(super) fn time_out(&mut self, index: usize, packet: &Packet) -> Result<(), &'static str> {
        let path = StatePath::Receipt(packet.dest_client.clone(), packet.sequence);
        let proof = prove(&self.bank, &mut self.courts[index], &to_bank(), &path, false);
        self.at_court(index, |ex| packets::time_out(ex, packet, &proof, PROVEN))
    }

    /// The packets that stand in the bank's outbox to a court's chain.
    pub(super) fn notices(&self, index: usize) -> Vec<Packet> {
        self.bank.state.scan(&side::outbox_prefix(&over(index)), None, 100_000, "a packet").expect("no fault")
    }

    /// The packet that a court's chain sent under a sequence.
    pub(super) fn sent(&self, index: usize, sequence: u64) -> Option<Packet> {
        self.courts[index].state.side(&Side::Outbox(to_bank(), sequence), "a packet").expect("no fault")
    }
}

/// All of a transaction, or its refusal's code and nothing.
fn carry_out<'a, T>(
    ex: &mut Execution<'a>,
    transaction: impl FnOnce(&mut Execution<'a>) -> Result<T, Stop>,
) -> Result<T, &'static str> {
    match transaction(ex) {
        Ok(done) => {
            ex.keep();
            Ok(done)
        }
        Err(Stop::Refused(refusal)) => {
            ex.discard();
            Err(refusal.code())
        }
        Err(Stop::Fault(fault)) => panic!("{fault}"),
    }
}

/// The proof of what really stands, or does not, at `path` on one chain, and its root as the header that the other
/// chain's client believes.
fn prove(from: &Execution<'_>, to: &mut Execution<'_>, client: &ClientId, path: &StatePath, stands: bool) -> Vec<u8> {
    let value = from.state.bytes(path).expect("no fault");
    assert_eq!(value.is_some(), stands, "only the truth is proven");
    let leaf_of = |key: [u8; 32], value: Vec<u8>| ExistenceProof {
        key: key.to_vec(),
        value,
        leaf: Some(LeafOp {
            hash: HashOp::Sha256.into(),
            prehash_key: HashOp::Sha256.into(),
            prehash_value: HashOp::Sha256.into(),
            length: LengthOp::NoPrefix.into(),
            prefix: b"JMT::LeafNode".to_vec(),
        }),
        path: Vec::new(),
    };
    let key = comity_verify::state::key(path);
    let (leaf, proof) = match value {
        Some(value) => {
            let leaf = leaf_of(key, value);
            (leaf.clone(), commitment_proof::Proof::Exist(leaf))
        }
        None => {
            let other = leaf_of([0; 32], vec![0]);
            let before = Sha256::digest([0; 32]) < Sha256::digest(key);
            let (left, right) = if before { (Some(other.clone()), None) } else { (None, Some(other.clone())) };
            (other, commitment_proof::Proof::Nonexist(NonExistenceProof { key: key.to_vec(), left, right }))
        }
    };
    let mut root = Sha256::new();
    root.update(b"JMT::LeafNode");
    root.update(Sha256::digest(&leaf.key));
    root.update(Sha256::digest(&leaf.value));
    let consensus = ConsensusState {
        height: PROVEN,
        time: from.time,
        app_hash: Hash(root.finalize().into()),
        next_validators_hash: Hash::ZERO,
        header_hash: Hash::ZERO,
    };
    to.state.write(&StatePath::Consensus(client.clone(), PROVEN), &consensus);
    to.keep();
    CommitmentProof { proof: Some(proof) }.encode_to_vec()
}

fn put_client(ex: &mut Execution<'_>, id: ClientId, chain: &str, counterparty: ClientId) {
    let client = ClientState {
        id: id.clone(),
        kind: ClientKind::Comet,
        chain: chain.parse().expect("a chain id"),
        counterparty,
        anchor: AnchorPoint { height: PROVEN, header_hash: Hash::ZERO, validators_hash: Hash::ZERO },
        trusting_period_s: u64::from(u32::MAX),
        clock_drift_s: 1,
        operators: 1,
        suites: Suites::ALL,
        usable_from: UnixSeconds(0),
        latest: PROVEN,
        status: ClientStatus::Active,
    };
    let consensus = ConsensusState {
        height: PROVEN,
        time: ex.time,
        app_hash: Hash::ZERO,
        next_validators_hash: Hash::ZERO,
        header_hash: Hash::ZERO,
    };
    ex.state.write(&StatePath::Consensus(id.clone(), PROVEN), &consensus);
    ex.state.write(&StatePath::Client(id), &client);
}

const fn always() -> Validity {
    Validity { from: UnixSeconds(0), until: UnixSeconds(u64::MAX), compromised_since: None }
}

fn public(name: &str) -> PublicKey {
    PublicKey::ed25519(key(name).verifying_key().to_bytes())
}

fn put_member(ex: &mut Execution<'_>, id: &str, kind: MemberKind) {
    let member = Member {
        id: id.parse().expect("an id"),
        home: ex.config.chain.clone(),
        kind,
        names: Vec::new(),
        seal_key: public(id),
        encryption_key: [0; 32],
        operators: Vec::new(),
        gateway: String::new(),
        ca_fingerprint: Hash::ZERO,
        validity: always(),
    };
    members::put(ex, &member).expect("a member");
}

fn put_officer(ex: &mut Execution<'_>, member: &str, id: &str) {
    let officer = Officer {
        member: member.parse().expect("an id"),
        id: id.parse().expect("an id"),
        key: public(&format!("{member}/{id}")),
        validity: always(),
    };
    members::put_officer(ex, &officer).expect("an officer");
}

/// The order with approvals by these officers, the court's seal and the bank's delivery receipt.
pub(super) fn seal_order(order: Order, officers: &[&str]) -> SealedOrder {
    let approvals: Vec<Approval> = officers
        .iter()
        .map(|id| Approval {
            officer: id.parse().expect("an id"),
            signature: seal(&format!("{}/{id}", order.court), "comity/order/v2", &order),
        })
        .collect();
    let delivery = Delivery {
        order: order.id,
        recipient: order.recipient.clone(),
        private_digest: order.private_digest,
        received_at: order.issued_at,
    };
    SealedOrder {
        seal: seal(order.court.as_str(), "comity/order-seal/v2", &(order.clone(), approvals.clone())),
        delivery_seal: seal("bank", "comity/delivery/v1", &delivery),
        delivery,
        approvals,
        order,
    }
}

/// For the profile of the reference.
pub(super) fn bank_profile(kinds: Vec<comity_model::profile::KindRule>) -> Profile {
    Profile { sector: "deposits".parse().expect("a sector"), institution: "bank".parse().expect("an id"), kinds }
}
