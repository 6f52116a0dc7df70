//! What each fuzz target does with its bytes. Nothing here may panic, and what decodes must encode to the same bytes. Knows
//! no fuzzer: it is run by libFuzzer and, over the kept corpus, by ordinary tests.

use comity_model::agreement::{AgreementEntry, DefaultProof, PaymentProof, SealedDeed};
use comity_model::asset::Hold;
use comity_model::client::ClientState;
use comity_model::consent::SignedConsent;
use comity_model::event::Event;
use comity_model::genesis::Genesis;
use comity_model::governance::Proposal;
use comity_model::member::Member;
use comity_model::obligation::Obligation;
use comity_model::order::{Order, OrderEntry, ReceivedOrder, SealedOrder};
use comity_model::packet::Packet;
use comity_model::profile::Profile;
use comity_model::seal::{PublicKey, Signature, Suite, Suites};
use comity_model::tx::Transaction;
use comity_model::{ChainId, Hash, Height, Time, decode, encode};
use comity_verify::bundle::Bundle;
use comity_verify::comet::LightBlock;
use comity_verify::fields::{Disclosure, disclosed};
use comity_verify::ics23::{self, ProofSpec};
use comity_verify::light::{
    Anchor, ClientParams, ConsensusState, Contradiction, LightStep, TrustedHeader, misbehaviour, verify_all,
};
use comity_verify::merkle::{self, Frontier, TreeHead};
use comity_verify::timestamp::{self, Authority, Request};
use comity_verify::tlog::{Checkpoint, NoteKey, Policy, Quorum, Submission, Tile, TileOf, TlogProof, Trust};
use comity_verify::vrf::{self, Proof};
use comity_verify::{agreement, consent, ed25519, lookup, packet, suite};

/// A target: bytes in, nothing out, no panic.
pub type Target = fn(&[u8]);

/// Every target by name; `fuzz_targets/` has a file for each.
pub const TARGETS: [(&str, Target); 16] = [
    ("bundle", bundle),
    ("light", light),
    ("proof", proof),
    ("disclosure", disclosure),
    ("order", order),
    ("suite", signature),
    ("consensus", consensus),
    ("vrf", random_output),
    ("merkle", log),
    ("evidence", evidence),
    ("agreement", agreement),
    ("consent", consent),
    ("lookup", lookup),
    ("packet", packet),
    ("tlog", transparency_log),
    ("timestamp", time_stamp),
];

/// Decodes a `T` and asserts that its encoding is the bytes it came from: one encoding a value.
fn exact<T: borsh::BorshSerialize + borsh::BorshDeserialize>(bytes: &[u8]) -> Option<T> {
    let value: T = decode("a fuzzed value", bytes).ok()?;
    assert_eq!(encode(&value), bytes, "a value has one encoding");
    Some(value)
}

fn now() -> Time {
    Time::UNIX_EPOCH.plus_seconds(1_700_000_050)
}

/// A file that says it is a bundle, judged from an anchor made of its own first header.
pub fn bundle(bytes: &[u8]) {
    let Ok(bundle) = Bundle::decode(bytes) else { return };
    assert_eq!(bundle.encode(), bytes, "a bundle has one encoding");
    let header = &bundle.anchor;
    let anchor = Anchor {
        chain_id: header.chain_id.clone(),
        height: header.height,
        header_hash: header.hash(),
        validators_hash: header.validators_hash,
        trusting_period_secs: 1_000,
        clock_drift_secs: 5,
        operators: 1,
        suites: comity_model::seal::Suites::ALL,
    };
    if let Ok(verdict) = bundle.verify(&anchor, now()) {
        assert!(!verdict.to_string().is_empty());
    }
}

/// Steps from a header that trusts whatever set the first of them shows.
pub fn light(bytes: &[u8]) {
    exact::<LightBlock>(bytes);
    exact::<LightStep>(bytes);
    let Some(steps) = exact::<Vec<LightStep>>(bytes) else { return };
    let [first, ..] = steps.as_slice() else { return };
    let chain_id: ChainId = first.block.header.chain_id.clone();
    let trusted = TrustedHeader::restore(
        chain_id.clone(),
        ConsensusState {
            height: Height(first.height().0.saturating_sub(1)),
            time: Time::UNIX_EPOCH.plus_seconds(1_700_000_000),
            app_hash: Hash::ZERO,
            next_validators_hash: first.block.header.validators_hash,
            header_hash: Hash::ZERO,
        },
    );
    let params = ClientParams { chain_id, trusting_period_secs: 1_000, clock_drift_secs: 5 };
    let _ = verify_all(&params, &trusted, &steps, now());
    if let [a, b, ..] = steps.as_slice() {
        let _ = misbehaviour(&params, &trusted, a, b, now());
    }
}

/// The first byte chooses a tree; the rest is a proof, shown for the key and value that it names.
pub fn proof(bytes: &[u8]) {
    let Some((tree, bytes)) = bytes.split_first() else { return };
    let spec = [ProofSpec::JMT, ProofSpec::IAVL, ProofSpec::TENDERMINT, ProofSpec::SMT][usize::from(tree % 4)];
    let (key, value, root) = match ics23::decode(bytes) {
        Ok(ics23::CommitmentProof::Exist(proof)) => {
            let root = ics23::root_of(&proof).ok().and_then(|root| root.as_slice().try_into().ok());
            (proof.key.to_vec(), proof.value.to_vec(), root.unwrap_or([0; 32]))
        }
        Ok(ics23::CommitmentProof::Nonexist(proof)) => (proof.key.to_vec(), Vec::new(), [0; 32]),
        Ok(ics23::CommitmentProof::Batch(_)) | Err(_) => (b"key".to_vec(), b"value".to_vec(), [0; 32]),
    };
    let _ = ics23::membership(&spec, &Hash(root), &key, &value, bytes);
    let _ = ics23::non_membership(&spec, &Hash(root), &key, bytes);
}

/// Fields disclosed under some root.
pub fn disclosure(bytes: &[u8]) {
    if let Some(disclosure) = exact::<Disclosure>(bytes) {
        let _ = disclosed(&disclosure, &Hash::ZERO);
    }
}

/// A file that says it is what froze a client.
pub fn evidence(bytes: &[u8]) {
    if let Ok((chain, found)) = Contradiction::decode(bytes) {
        assert_eq!(found.encode(&chain), bytes, "evidence has one encoding");
        let _ = found.signed_both();
    }
}

/// A header to prove something under.
fn header() -> TrustedHeader {
    let state = ConsensusState {
        height: Height(9),
        time: Time::UNIX_EPOCH.plus_seconds(1_700_000_000),
        app_hash: Hash::ZERO,
        next_validators_hash: Hash::ZERO,
        header_hash: Hash::ZERO,
    };
    TrustedHeader::restore("court-1".parse().unwrap(), state)
}

/// Deeds, agreements, and proofs of payment and of default against an agreement.
pub fn agreement(bytes: &[u8]) {
    exact::<SealedDeed>(bytes);
    exact::<DefaultProof>(bytes);
    if let Some((entry, instalment, proof)) = exact::<(AgreementEntry, u16, PaymentProof)>(bytes) {
        let _ = agreement::payment(&header(), &entry, instalment, &proof, Suites::ALL, Height(10));
        let insufficient = DefaultProof::Insufficient(proof);
        let _ = agreement::unpaid(&header(), &entry, instalment, &insufficient, Suites::ALL);
    }
}

/// A signed consent and the key that it should be signed with, for the reading that it is about.
pub fn consent(bytes: &[u8]) {
    let Some((signed, key)) = exact::<(SignedConsent, [u8; 32])>(bytes) else { return };
    let about = &signed.consent;
    let reading = consent::Reading {
        keeper: &about.keeper,
        sector: &about.sector,
        record: &about.record,
        reader: &about.reader,
        purpose: &about.purpose,
        now: about.from,
    };
    let _ = consent::check(&signed, &key, &reading);
}

/// An answer about an index's key, as it comes from its keeper.
pub fn lookup(bytes: &[u8]) {
    type Answer = (Option<Vec<u8>>, Vec<u8>, Option<Disclosure>);
    let Some((state, proof, disclosure)) = exact::<Answer>(bytes) else { return };
    let shown = lookup::Shown { state: state.as_deref(), proof: &proof, disclosure: disclosure.as_ref() };
    let _ = lookup::PublishedKey::prove(&header(), &"deposits".parse().unwrap(), shown, Suites::ALL);
}

/// A packet with acknowledgements and a proof: sent, received, answered, timed out.
pub fn packet(bytes: &[u8]) {
    let Some((packet, acks, proof)) = exact::<(Packet, Vec<Vec<u8>>, Vec<u8>)>(bytes) else { return };
    let _ = packet::sent(&header(), &packet, &proof);
    let _ = packet::received(&header(), &packet, &proof);
    let _ = packet::acknowledged(&header(), &packet, &acks, &proof);
    let _ = packet::timed_out(&header(), &packet, &proof);
}

/// Orders, sealed orders, transactions, and whatever else a chain keeps or is told.
pub fn order(bytes: &[u8]) {
    exact::<OrderEntry>(bytes);
    exact::<ReceivedOrder>(bytes);
    exact::<ClientState>(bytes);
    exact::<Genesis>(bytes);
    exact::<Proposal>(bytes);
    exact::<Event>(bytes);
    exact::<Hold>(bytes);
    exact::<Obligation>(bytes);
    exact::<Profile>(bytes);
    exact::<Member>(bytes);
    exact::<Order>(bytes);
    exact::<SealedOrder>(bytes);
    exact::<Transaction>(bytes);
}

/// The first byte chooses a suite; key, signature and message follow.
pub fn signature(bytes: &[u8]) {
    let Some((number, rest)) = bytes.split_first() else { return };
    let suite = Suite::ALL[usize::from(number % 4)];
    let length = if suite == Suite::Ed25519Sha256 { 32 } else { 33 };
    let Some((key, rest)) = rest.split_at_checked(length) else { return };
    let Some((signature, message)) = rest.split_first_chunk::<64>() else { return };
    let Ok(key) = PublicKey::new(suite, key.to_vec()) else { return };
    let _ = suite::verify(&key, message, &Signature { suite, bytes: *signature });
}

/// A vote's key, signature and message under ZIP-215: alone and in a batch the verdict is the same.
pub fn consensus(bytes: &[u8]) {
    let Some((key, rest)) = bytes.split_first_chunk::<32>() else { return };
    let Some((signature, message)) = rest.split_first_chunk::<64>() else { return };
    let Some(key) = ed25519::Key::new(*key) else { return };
    let item = ed25519::Item { key: &key, signature, message };
    assert_eq!(ed25519::verify(&item), ed25519::verify_batch(&[item, item]));
}

/// A key, a proof and an input.
pub fn random_output(bytes: &[u8]) {
    let Some((key, rest)) = bytes.split_first_chunk::<32>() else { return };
    let Some((proof, alpha)) = rest.split_first_chunk::<80>() else { return };
    let _ = vrf::verify(key, alpha, &Proof(*proof));
}

/// Two tree heads, an index and a path, as inclusion and as consistency proof; and a frontier.
pub fn log(bytes: &[u8]) {
    if let Some(mut frontier) = exact::<Frontier>(bytes)
        && frontier.size() < u64::MAX
    {
        frontier.append(Hash::ZERO);
        let _ = frontier.root();
    }
    let Some((old, new, index, path)) = exact::<(TreeHead, TreeHead, u64, Vec<Hash>)>(bytes) else { return };
    let _ = merkle::included(&old.root, index, &new, &path);
    let _ = merkle::consistent(&old, &new, &path);
}

/// Tokens, answers and certificates of authorities for time.
pub fn time_stamp(bytes: &[u8]) {
    let _ = timestamp::check(bytes, b"court-1/court\n3\nAAAA\n", &[]);
    let _ = Request::new(b"", [1; 8]).answered(bytes);
    if let Ok(authority) = Authority::from_der(bytes) {
        assert_ne!(authority.fingerprint(), Hash::ZERO);
    }
    let _ = Authority::read_pem(bytes);
}

/// Checkpoints, proofs, keys and tiles of transparency logs.
pub fn transparency_log(bytes: &[u8]) {
    let log = NoteKey::log("log.example", [0x66; 32]).into_iter().collect();
    let trust = Trust { origin: "log.example".into(), log, witnesses: Vec::new(), quorum: Quorum::none() };
    let _ = Checkpoint::verify(bytes, &trust, now().unix_seconds());
    if let Ok(proof) = TlogProof::decode(bytes) {
        assert_eq!(proof.encode(), bytes, "a proof has one form");
        let _ = proof.verify(b"entry", &trust, now().unix_seconds());
    }
    if let Ok(submission) = Submission::decode(bytes) {
        assert_eq!(submission.encode(), bytes, "a submission has one form");
        let _ = submission.text();
    }
    if let Ok(policy) = Policy::parse(bytes) {
        let _ = Checkpoint::verify(bytes, &policy.trust("log.example", Vec::new()), now().unix_seconds());
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        if let Ok(key) = NoteKey::parse(text) {
            assert_eq!(key.to_string(), text, "a key has one form");
        }
        if let Ok(tile) = Tile::parse(text) {
            assert_eq!(tile.path(), text, "a tile has one name");
        }
    }
    for of in [TileOf::Level(0), TileOf::Entries] {
        if let Some(tile) = Tile::of_tree(of, 0, 2) {
            let _ = tile.hashes(bytes);
            let _ = tile.entries(bytes);
        }
    }
}
