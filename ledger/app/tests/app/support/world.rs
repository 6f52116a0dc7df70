//! A court's chain and a bank's chain with clients of each other, and the ways of orders, packets and proofs between
//! them.

use super::chain::TestChain;
use super::keys::{public, seal};
pub use super::parties::{always, genesis, member, seal_order};
use comity_ledger_app::{Finalized, TxResult};
use comity_model::asset::{Asset, AssetStatus, Enforcement};
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::governance::{Action, GovernorApproval, Governors, Proposal};
use comity_model::order::{
    ApprovalClass, Decision, DecisionVerdict, Order, OrderEntry, OrderResult, OrderState, ReceivedOrder, SealedOrder,
};
use comity_model::packet::Packet;
use comity_model::profile::Effect;
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_model::tx::{AssetBatch, Message, Transaction, TxBody};
use comity_model::{
    Amount, AssetHandle, ClientId, Hash, Height, OrderId, RequestId, Time, UnixSeconds, decode, encode,
};

/// Which of the two chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Court,
    Bank,
}
use At::{Bank, Court};

impl At {
    pub const fn other(self) -> Self {
        match self {
            Court => Bank,
            Bank => Court,
        }
    }

    pub const fn member(self) -> &'static str {
        match self {
            Court => "court",
            Bank => "bank",
        }
    }

    /// The other chain's client on this one.
    pub fn client(self) -> ClientId {
        match self {
            Court => "bank-client-0".parse().unwrap(),
            Bank => "court-client-0".parse().unwrap(),
        }
    }
}

/// When the world begins: 2026-01-01.
pub const BEGIN_S: u64 = 1_767_225_600;
pub const DAY_S: u64 = 86_400;
/// How long clients trust a header.
pub const TRUSTING_S: u64 = 14 * DAY_S;

/// Two chains and a clock.
pub struct World {
    pub court: TestChain,
    pub bank: TestChain,
    /// The client of the court's chain on the bank's.
    pub over: ClientId,
    /// The time of the next block.
    pub now: Time,
    salt: u64,
    proposals: [u64; 2],
}

/// A court's chain that is not the world's own at the moment.
pub struct SecondCourt {
    chain: TestChain,
    over: ClientId,
    proposals: u64,
}

impl World {
    /// Both chains running, each with an active client of the other, the bank imported on the court's chain, and one
    /// account of 1,000.00 registered.
    pub fn new() -> Self {
        let mut world = Self::bare();
        world.connect();
        world.import_bank();
        world.register(ACCOUNT, Some(100_000));
        world
    }

    /// Both chains with one block each and no clients.
    pub fn bare() -> Self {
        Self::bare_with_delay(0)
    }

    /// The same, where new clients must wait for so many seconds.
    pub fn bare_with_delay(delay_s: u64) -> Self {
        let delayed = |at| {
            let mut genesis = genesis(at);
            genesis.governors.delay_s = delay_s;
            TestChain::new(&genesis)
        };
        let mut world = Self {
            court: delayed(Court),
            bank: delayed(Bank),
            over: Bank.client(),
            now: Time::new(BEGIN_S as i64, 0).unwrap().plus_seconds(1),
            salt: 0,
            proposals: [0; 2],
        };
        world.block(Court, &[]);
        world.block(Bank, &[]);
        world
    }

    /// Creates both clients.
    pub fn connect(&mut self) {
        for at in [Court, Bank] {
            let action = self.create_client(at, 1);
            let result = self.govern(at, action);
            assert!(result.is_ok(), "{result:?}");
        }
    }

    /// The proposal that creates the other chain's client on `at`, anchored at `height`.
    pub fn create_client(&self, at: At, height: u64) -> Action {
        let other = self.chain(at.other());
        let block = other.light_block(height);
        Action::CreateClient {
            client: ClientState {
                id: self.client(at),
                kind: ClientKind::Comet,
                chain: other.id.clone(),
                counterparty: self.client(at.other()),
                anchor: AnchorPoint {
                    height: Height(height),
                    header_hash: block.header.hash(),
                    validators_hash: block.header.validators_hash,
                },
                trusting_period_s: TRUSTING_S,
                clock_drift_s: 600,
                operators: 1,
                suites: Suites::NATIVE,
                usable_from: UnixSeconds(0),
                latest: Height(0),
                status: ClientStatus::Active,
            },
            block: encode(block),
        }
    }

    /// Imports the bank as it stands now onto the court's chain.
    pub fn import_bank(&mut self) {
        let messages = self.import_messages();
        self.done(Court, messages);
    }

    /// What imports the bank as it stands now.
    pub fn import_messages(&mut self) -> Vec<Message> {
        let id = "bank".parse().unwrap();
        let (height, update) = self.update(Court);
        let (value, proof) = self.bank.proven(&StatePath::Member(id), height.0);
        let import = Message::ImportMember {
            client: Court.client(),
            member: decode("a member", &value).unwrap(),
            proof,
            height,
        };
        vec![update, import]
    }

    /// Another court's chain, with members and officers of the same names, connected to the bank by clients of its own.
    pub fn second_court(&mut self) -> SecondCourt {
        let mut genesis = genesis(Court);
        genesis.chain = "court-9".parse().unwrap();
        genesis.validators = super::chain::validators("court-9");
        for (number, key) in genesis.governors.keys.iter_mut().enumerate() {
            *key = super::keys::public_key(&format!("court-9 governor {number}"));
        }
        for member in &mut genesis.members {
            member.home = genesis.chain.clone();
        }
        let over = "court-client-9".parse().unwrap();
        let mut second = SecondCourt { chain: TestChain::new(&genesis), over, proposals: 0 };
        self.exchange(&mut second);
        self.block(Court, &[]);
        self.connect();
        self.import_bank();
        self.exchange(&mut second);
        second
    }

    /// Puts the other court's chain in this one's place.
    pub fn exchange(&mut self, other: &mut SecondCourt) {
        std::mem::swap(&mut self.court, &mut other.chain);
        std::mem::swap(&mut self.over, &mut other.over);
        std::mem::swap(&mut self.proposals[Court as usize], &mut other.proposals);
    }

    /// The other chain's client on `at`.
    fn client(&self, at: At) -> ClientId {
        match at {
            Court => at.client(),
            Bank => self.over.clone(),
        }
    }

    pub fn chain(&self, at: At) -> &TestChain {
        match at {
            Court => &self.court,
            Bank => &self.bank,
        }
    }

    pub fn chain_mut(&mut self, at: At) -> &mut TestChain {
        match at {
            Court => &mut self.court,
            Bank => &mut self.bank,
        }
    }

    /// The next block of a chain; the clock moves on by a second.
    pub fn block(&mut self, at: At, txs: &[Vec<u8>]) -> Finalized {
        let time = self.now;
        let finalized = self.chain_mut(at).block(time, txs);
        self.now = self.now.plus_seconds(1);
        finalized
    }

    /// Moves the clock, not beyond what clients trust.
    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
    }

    pub fn now_s(&self) -> UnixSeconds {
        self.now.unix_seconds()
    }

    /// A signed transaction of the member at home there.
    pub fn tx(&mut self, at: At, messages: Vec<Message>) -> Vec<u8> {
        self.salt += 1;
        let operator = format!("{} operator", at.member());
        let body = TxBody {
            chain: self.chain(at).id.clone(),
            sender: public(&operator),
            salt: self.salt.to_be_bytes(),
            messages,
        };
        let signature = seal(&operator, "comity/tx/v1", &body).bytes;
        encode(&Transaction { body, signature })
    }

    /// Carries out one transaction in a block of its own.
    pub fn run(&mut self, at: At, messages: Vec<Message>) -> TxResult {
        let tx = self.tx(at, messages);
        self.block(at, &[tx]).tx_results.remove(0)
    }

    /// The same, and it must succeed.
    pub fn done(&mut self, at: At, messages: Vec<Message>) -> TxResult {
        let result = self.run(at, messages);
        assert!(result.is_ok(), "{} {}", result.codespace, result.log);
        result
    }

    /// The same, and it must be refused with this code.
    pub fn refused(&mut self, at: At, messages: Vec<Message>, code: &str) -> TxResult {
        let result = self.run(at, messages);
        assert_eq!((result.code, result.codespace.as_str()), (1, code), "{}", result.log);
        result
    }

    /// Carries out a proposal under two governors' signatures.
    pub fn govern(&mut self, at: At, action: Action) -> TxResult {
        let message = self.proposal(at, action, &[0, 2]);
        self.run(at, vec![message])
    }

    /// The next proposal of a chain, signed by these governors.
    pub fn proposal(&mut self, at: At, action: Action, governors: &[u8]) -> Message {
        let count = &mut self.proposals[at as usize];
        let number = *count;
        *count += 1;
        self.sign_proposal(at, number, action, governors)
    }

    /// The same under the number that the chain's state waits for, however many were refused.
    pub fn proposal_numbered(&self, at: At, action: Action, governors: &[u8]) -> Message {
        let known: Governors = self.chain(at).value(&StatePath::Governors).unwrap();
        self.sign_proposal(at, known.next, action, governors)
    }

    fn sign_proposal(&self, at: At, number: u64, action: Action, governors: &[u8]) -> Message {
        let chain = self.chain(at).id.clone();
        let proposal = Proposal { chain: chain.clone(), number, action, evidence: Hash::ZERO };
        let approvals = governors.iter().map(|governor| GovernorApproval {
            governor: *governor,
            signature: seal(&format!("{chain} governor {governor}"), "comity/proposal/v1", &proposal),
        });
        Message::Govern { approvals: approvals.collect(), proposal }
    }

    /// Makes a block on the other chain that proves its state, and the message that teaches it to the client on `at`.
    pub fn update(&mut self, at: At) -> (Height, Message) {
        self.block(at.other(), &[]);
        let other = self.chain(at.other());
        let height = other.height();
        let message = Message::UpdateClient { client: self.client(at), steps: vec![other.step(height)] };
        (Height(height), message)
    }

    /// Delivers a packet with its proof to `at`.
    pub fn receive(&mut self, at: At, packet: &Packet) -> TxResult {
        let messages = self.receive_messages(at, packet);
        self.run(at, messages)
    }

    pub fn receive_messages(&mut self, at: At, packet: &Packet) -> Vec<Message> {
        let (height, update) = self.update(at);
        let path = StatePath::Commitment(packet.source_client.clone(), packet.sequence);
        let (_, proof) = self.chain(at.other()).proven(&path, height.0);
        let receive = Message::Receive { packet: packet.clone(), proof, height };
        vec![update, receive]
    }

    /// Brings the acknowledgement of a packet sent from `at` back to it.
    pub fn acknowledge(&mut self, at: At, packet: &Packet) -> TxResult {
        let (height, update) = self.update(at);
        let other = self.chain(at.other());
        let path = StatePath::Acknowledgement(packet.dest_client.clone(), packet.sequence);
        let (_, proof) = other.proven(&path, height.0);
        let acknowledgement = self.ack(at.other(), packet).expect("the acknowledgement is written");
        let acknowledge = Message::Acknowledge { packet: packet.clone(), acknowledgement, proof, height };
        self.run(at, vec![update, acknowledge])
    }

    /// Proves to `at` that a packet sent from it did not arrive.
    pub fn time_out(&mut self, at: At, packet: &Packet) -> TxResult {
        let (height, update) = self.update(at);
        let path = StatePath::Receipt(packet.dest_client.clone(), packet.sequence);
        let (_, proof) = self.chain(at.other()).proven(&path, height.0);
        let time_out = Message::TimeOut { packet: packet.clone(), proof, height };
        self.run(at, vec![update, time_out])
    }

    /// The bytes of a received packet's acknowledgement.
    pub fn ack(&self, at: At, packet: &Packet) -> Option<Vec<u8>> {
        let data = encode(&(packet.dest_client.clone(), packet.sequence));
        let answer = self.chain(at).query("/ack", &data, None, false);
        decode("an acknowledgement", &answer.value).unwrap()
    }

    /// The packets that stand in the outbox of `at`, from a sequence on.
    pub fn outbox(&self, at: At, from: u64) -> Vec<Packet> {
        let data = encode(&(self.client(at), from, 1_000u32));
        let answer = self.chain(at).query("/outbox", &data, None, false);
        decode("packets", &answer.value).unwrap()
    }

    /// Registers an asset, or changes its value.
    pub fn register(&mut self, handle: AssetHandle, value: Option<u64>) -> TxResult {
        let message = self.registration(handle, value);
        self.run(Bank, vec![message])
    }

    /// What registers it, following what stands now.
    pub fn registration(&self, handle: AssetHandle, value: Option<u64>) -> Message {
        let batch = AssetBatch {
            chain: self.bank.id.clone(),
            member: "bank".parse().unwrap(),
            assets: vec![Asset {
                handle,
                sector: "deposits".parse().unwrap(),
                institution: "bank".parse().unwrap(),
                enforcement: Enforcement::Attested,
                value: value.map(Amount::cny),
                holds: 0,
                revision: self.bank.value::<Asset>(&StatePath::Asset(handle)).map_or(1, |asset| asset.revision + 1),
                status: AssetStatus::Standing,
            }],
        };
        let seal = seal("bank seal", "comity/assets/v2", &batch);
        Message::RegisterAssets { batch, seal }
    }

    /// An order drawn up now, by the court, to the bank.
    pub fn order(&self, number: u8, kind: &str) -> Order {
        let now = self.now_s();
        Order {
            id: OrderId([number; 16]),
            request: RequestId([number; 16]),
            source_chain: self.court.id.clone(),
            source_client: Court.client(),
            dest_client: self.over.clone(),
            court: "court".parse().unwrap(),
            recipient: "bank".parse().unwrap(),
            sector: "deposits".parse().unwrap(),
            kind: kind.parse().unwrap(),
            effect: super::parties::profile()
                .kind(&kind.parse().unwrap())
                .map_or(Effect::HoldDivisible, |rule| rule.effect),
            original: None,
            amount: None,
            account: None,
            obligation: None,
            private_digest: Hash([number; 32]),
            approval: ApprovalClass::Double,
            issued_at: now,
            deliver_by: now.plus(3_600),
            decide_by: now.plus(7_200),
            hold_until: now.plus(300 * DAY_S),
        }
    }

    /// The order with everything that makes it one.
    pub fn seal(&self, order: Order) -> SealedOrder {
        let officers: &[&str] = match order.court.as_str() {
            "court" => &["J-1", "J-2"],
            _ => &["J-3"],
        };
        seal_order(order, officers)
    }

    /// Commits an order and returns its packet.
    pub fn commit(&mut self, order: Order) -> Packet {
        let id = order.id;
        let sealed = self.seal(order);
        self.done(Court, vec![Message::CommitOrder { sealed, claim: None }]);
        let sequence = self.entry(id).sequence;
        self.outbox(Court, sequence).remove(0)
    }

    /// Commits an order and has it arrive.
    pub fn send(&mut self, order: Order) -> Packet {
        let packet = self.commit(order);
        let result = self.receive(Bank, &packet);
        assert!(result.is_ok(), "{} {}", result.codespace, result.log);
        packet
    }

    /// Decides an order at the bank.
    pub fn decide(&mut self, order: OrderId, verdict: DecisionVerdict) -> TxResult {
        let message = self.decision(order, verdict);
        self.run(Bank, vec![message])
    }

    pub fn decision(&self, order: OrderId, verdict: DecisionVerdict) -> Message {
        let (chain, client) = (self.bank.id.clone(), self.over.clone());
        let decision = Decision { chain, client, order, verdict, answer_digest: Some(Hash([9; 32])) };
        let seal = seal("bank seal", "comity/decision/v2", &decision);
        Message::Decide { decision, seal }
    }

    /// Sends, decides and acknowledges a freeze, and returns its result.
    pub fn freeze(&mut self, order: Order, handle: AssetHandle, amount: Option<u64>) -> OrderResult {
        let id = order.id;
        let packet = self.send(order);
        let verdict = DecisionVerdict::Execute { asset: handle, amount: amount.map(Amount::cny) };
        let result = self.decide(id, verdict);
        assert!(result.is_ok(), "{} {}", result.codespace, result.log);
        let result = self.acknowledge(Court, &packet);
        assert!(result.is_ok(), "{} {}", result.codespace, result.log);
        self.entry(id).result.expect("a result")
    }

    /// Brings all notices to the court, newest first if told so, and acknowledges them.
    pub fn notices(&mut self, reversed: bool) -> usize {
        let mut packets = self.outbox(Bank, 1);
        if reversed {
            packets.reverse();
        }
        for packet in &packets {
            let result = self.receive(Court, packet);
            assert!(result.is_ok(), "{} {}", result.codespace, result.log);
            let result = self.acknowledge(Bank, packet);
            assert!(result.is_ok(), "{} {}", result.codespace, result.log);
        }
        packets.len()
    }

    /// The court chain's view of an order.
    pub fn entry(&self, order: OrderId) -> OrderEntry {
        self.court.value(&StatePath::Order(order)).expect("the order")
    }

    /// The bank chain's view of it.
    pub fn received(&self, order: OrderId) -> ReceivedOrder {
        self.bank.value(&StatePath::Received(self.over.clone(), order)).expect("the order")
    }

    /// Its states on both chains.
    pub fn states(&self, order: OrderId) -> (OrderState, OrderState) {
        (self.entry(order).state, self.received(order).state)
    }
}

/// The account that the world begins with.
pub const ACCOUNT: AssetHandle = AssetHandle([0xA1; 32]);
