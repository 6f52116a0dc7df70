//! Membership proofs of several depths, one and sixty-four at a time, against the ics23 crate on the same bytes; and whole
//! bundles per second.

use crate::{Figures, clock, compare, only, world};
use comity_model::Hash;
use comity_model::record::{Field, FieldValue, Opening, RecordState, RecordStatus};
use comity_model::seal::HashAlgorithm;
use comity_model::state::StatePath;
use comity_model::{RecordId, Sector, UnixSeconds};
use comity_verify::bundle::{Bundle, Claim, Link};
use comity_verify::fields::{disclose, root};
use comity_verify::ics23::{ProofSpec, membership, memberships};
use comity_verify::light::{Anchor, LightStep, trim};
use prost_for_ics23::Message;
use sha2_for_jmt::{Digest, Sha256};
use std::hint::black_box;

const BATCH: usize = 64;

pub(crate) fn measure(rounds: usize, figures: &mut Figures) {
    for levels in [8, 20, 31] {
        let proofs: Vec<_> = (0..BATCH).map(|index| Proof::of(levels, index)).collect();
        assert!(!proofs[0].holds(&proofs[1].root), "what is measured does verify");
        let one = &proofs[0];
        let ours = || assert!(black_box(one.holds(&one.root)));
        compare(&format!("proof_{levels}_one"), rounds, figures, ours, || assert!(black_box(one.peer())));
        let claims: Vec<_> = proofs
            .iter()
            .map(|proof| comity_verify::ics23::Claim {
                root: &proof.root,
                key: &proof.key,
                value: &proof.value,
                proof: &proof.bytes,
            })
            .collect();
        let ours = || assert!(black_box(memberships(&ProofSpec::JMT, &claims)).is_ok());
        let peer = || assert!(proofs.iter().all(|proof| black_box(proof.peer())));
        compare(&format!("proof_{levels}_batch{BATCH}"), rounds, figures, ours, peer);
    }
    bundles(rounds, figures);
}

/// A proof of a given depth in a Jellyfish Merkle tree; the neighbours are made up, their hashes lead to the root.
struct Proof {
    key: [u8; 32],
    value: Vec<u8>,
    bytes: Vec<u8>,
    root: Hash,
}

impl Proof {
    fn of(levels: usize, index: usize) -> Self {
        let key: [u8; 32] = Sha256::digest(format!("key {index}")).into();
        let value = format!("the value under key {index}, about as long as a record's state is; 80 bytes").into_bytes();
        let spec = jmt::ics23_spec();
        let path = (0..levels).map(|level| {
            let neighbour = Sha256::digest(format!("neighbour {index} {level}")).to_vec();
            let name = b"JMT::IntrnalNode".to_vec();
            let left = level % 2 == 0;
            let prefix = if left { name } else { [name, neighbour.clone()].concat() };
            ics23::InnerOp { hash: 1, prefix, suffix: if left { neighbour } else { Vec::new() } }
        });
        let proof = ics23::ExistenceProof {
            key: key.to_vec(),
            value: value.clone(),
            leaf: spec.leaf_spec,
            path: path.collect(),
        };
        let root = ics23::calculate_existence_root::<ics23::HostFunctionsManager>(&proof).expect("a root");
        let bytes =
            ics23::CommitmentProof { proof: Some(ics23::commitment_proof::Proof::Exist(proof)) }.encode_to_vec();
        Self { key, value, bytes, root: Hash(root.try_into().expect("32 bytes")) }
    }

    fn holds(&self, root: &Hash) -> bool {
        membership(&ProofSpec::JMT, root, &self.key, &self.value, &self.bytes).is_ok()
    }

    fn peer(&self) -> bool {
        let proof = ics23::CommitmentProof::decode(self.bytes.as_slice()).expect("a proof");
        let root = self.root.0.to_vec();
        let spec = jmt::ics23_spec();
        ics23::verify_membership::<ics23::HostFunctionsManager>(&proof, &spec, &root, &self.key, &self.value)
    }
}

/// A record of twelve fields, four of them opened, one skip after the anchor of a chain with four validators.
fn bundles(rounds: usize, figures: &mut Figures) {
    if only().is_some_and(|part| !"bundles_per_s".contains(&part)) {
        return;
    }
    let (anchor, file) = bundle();
    let now = world::at(60);
    let mut work = || {
        let verdict = Bundle::decode(&file).and_then(|bundle| bundle.verify(&anchor, now));
        assert!(black_box(verdict).is_ok());
    };
    let (seconds, _) = clock::medians(rounds, &mut work, &mut || {});
    println!("{:<22} {:>10.2}µs {:>12} {:>8.0} a second", "bundle", seconds * 1e6, "", 1.0 / seconds);
    figures.insert("bundles_per_s".into(), 1.0 / seconds);
}

fn bundle() -> (Anchor, Vec<u8>) {
    let (sector, id): (Sector, RecordId) = ("judgments".parse().unwrap(), "A-1".parse().unwrap());
    let openings: Vec<_> = (0..12u8)
        .map(|index| Opening {
            salt: [index; 16],
            field: Field {
                name: format!("field-{index:02}").parse().unwrap(),
                value: FieldValue::Text(format!("the value of field {index}")),
            },
        })
        .collect();
    let state = RecordState {
        schema: Hash([1; 32]),
        root: root(HashAlgorithm::Sha256, &openings).unwrap(),
        status: RecordStatus::Current,
        version: 1,
        updated_at: UnixSeconds(1_700_000_000),
    };
    let path = |name: &str| StatePath::Record(sector.clone(), name.parse().unwrap());
    let mut values: Vec<_> = (0..1_000).map(|index| (path(&format!("B-{index}")), vec![7; 80])).collect();
    values.push((path("A-1"), comity_model::encode(&state)));
    let tree = world::State::of_paths(&values);
    let four = world::set(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    let block = |height, app| world::block(world::header(height, &four, &four, app), &four, &[1, 2, 3, 4]);
    let pinned = block(3, Hash([7; 32]));
    let step = LightStep { trusted_next: None, block: block(9, tree.root) };
    let names: Vec<_> = [0, 3, 5, 9].iter().map(|index| openings[*index].field.name.clone()).collect();
    let bundle = Bundle {
        anchor: pinned.header.clone(),
        link: Link::Forward { steps: vec![trim(&world::pin(&pinned), &step)] },
        proof: tree.prove(&path("A-1")),
        claim: Claim::Record {
            disclosure: disclose(HashAlgorithm::Sha256, &openings, &names).unwrap(),
            sector,
            id,
            state,
        },
    };
    (world::anchor(&pinned), bundle.encode())
}
