//! A deposit in a log of one entry, and the same with what a log and a witness have signed.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use crate::bundles::{self, World};
use crate::world::State;
use comity_model::deposit::{Circumstances, Content, DepositKind, Item, LogState, Statement};
use comity_model::state::StatePath;
use comity_model::{Hash, UnixSeconds, encode};
use comity_verify::bundle::{Bundle, Claim};
use comity_verify::deposit::{self, Deposited};
use comity_verify::merkle::{self, TreeHead};
use comity_verify::tlog::{Checkpoint, Cosigned, NoteKey};
use comity_verify::witnessed::{Grown, SignedCheckpoint, WitnessedDeposit};
use ed25519_dalek::{Signer as _, SigningKey};

pub fn content() -> Content {
    Content { salt: [4; 16], sha256: Hash([2; 32]), sm3: Hash([3; 32]), size: 1_000 }
}

pub fn statement() -> Statement {
    Statement {
        salt: [5; 16],
        item: Item { name: "exhibit.pdf".into(), ..Item::default() },
        circumstances: Circumstances {
            kind: DepositKind::ElectronicEvidence,
            depositor: "notary".parse().unwrap(),
            identified_by: String::new(),
            source: "a web page".into(),
            method: String::new(),
            custody: String::new(),
            environment: String::new(),
            case: String::new(),
        },
    }
}

/// A log of one entry, whose bundle opens these.
pub fn deposited(content: Option<Content>, statement: Option<Statement>) -> (World, Bundle) {
    let entry = deposit::entry(&self::content(), &self::statement());
    let root = merkle::root_of_hashes(&[deposit::leaf(&entry)]);
    let log = LogState { size: 1, root, at: UnixSeconds(1_700_000_003) };
    let keeper: comity_model::MemberId = "court".parse().unwrap();
    let place = StatePath::Deposits(keeper.clone());
    let state = State::of_paths(&[(place.clone(), encode(&log)), (StatePath::Governors, vec![1])]);
    let world = World { state, ..bundles::world() };
    let claim =
        Claim::Deposit(Deposited { keeper, log, index: 0, path: vec![], entry, content, statement, seal: None });
    let bundle = Bundle { claim, proof: world.state.prove(&place), ..bundles::live(&world) };
    (world, bundle)
}

/// The same deposit, whose log's checkpoint a witness has cosigned.
pub fn witnessed(content: Option<Content>) -> (World, Bundle) {
    let (world, bundle) = deposited(content, None);
    let Claim::Deposit(deposit) = bundle.claim.clone() else { unreachable!("a deposit") };
    let (size, root) = (deposit.log.size, deposit.log.root);
    let origin = deposit::origin(&world.anchor.chain_id, &deposit.keeper);
    let text = Checkpoint::text(&origin, &TreeHead { size, root }).unwrap();
    let (log, witness) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
    let at = UnixSeconds(40);
    let public = |key: &SigningKey| key.verifying_key().to_bytes();
    let cosigned = |key: NoteKey, signature: Vec<u8>| Cosigned { key: key.to_string().into_bytes(), signature };
    let by_witness = witness.sign(Checkpoint::cosigned_message(&text, at).as_bytes()).to_bytes();
    let mut signatures = vec![
        cosigned(NoteKey::log(&origin, public(&log)).unwrap(), log.sign(text.as_bytes()).to_vec()),
        cosigned(
            NoteKey::witness("witness.example/w1", public(&witness)).unwrap(),
            Checkpoint::cosignature(at, &by_witness),
        ),
    ];
    signatures.sort_by(|a, b| a.key.cmp(&b.key));
    let tree = Grown { size, root, growth: vec![] };
    let witnessed = SignedCheckpoint { tree, signatures };
    let claim = Claim::Witnessed(WitnessedDeposit { deposit, witnessed });
    (world, Bundle { claim, ..bundle })
}
