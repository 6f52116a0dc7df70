//! The tables and proofs of cosmos/ics23.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use comity_model::Hash;
use comity_verify::ics23::{
    ExistenceProof, HashOp, InnerOp, InnerSpec, LeafOp, LengthOp, ProofSpec, check_leaf, check_spec,
    left_branches_are_empty, membership, non_membership, right_branches_are_empty, root_of,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Base64, or nothing.
#[derive(Clone, Debug, Default)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(from)?.unwrap_or_default();
        BASE64_STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonLeaf {
    hash: u32,
    prehash_key: u32,
    prehash_value: u32,
    length: u32,
    prefix: Bytes,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonInner {
    hash: u32,
    prefix: Bytes,
    suffix: Bytes,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonProof {
    key: Bytes,
    value: Bytes,
    leaf: Option<JsonLeaf>,
    path: Vec<JsonInner>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonInnerSpec {
    child_order: Vec<u32>,
    child_size: u32,
    min_prefix_length: u32,
    max_prefix_length: u32,
    empty_child: Bytes,
    hash: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonSpec {
    leaf_spec: JsonLeaf,
    inner_spec: JsonInnerSpec,
    max_depth: u32,
    min_depth: u32,
    prehash_key_before_comparison: bool,
}

fn hash_op(number: u32) -> HashOp {
    HashOp::from_number(number).expect("a supported hash")
}

impl JsonLeaf {
    fn op(&self) -> LeafOp<'_> {
        LeafOp {
            hash: hash_op(self.hash),
            prehash_key: hash_op(self.prehash_key),
            prehash_value: hash_op(self.prehash_value),
            length: LengthOp::from_number(self.length).expect("a supported length"),
            prefix: &self.prefix.0,
        }
    }
}

impl JsonInner {
    fn op(&self) -> InnerOp<'_> {
        InnerOp { hash: hash_op(self.hash), prefix: &self.prefix.0, suffix: &self.suffix.0 }
    }
}

impl JsonProof {
    fn proof(&self) -> ExistenceProof<'_> {
        ExistenceProof {
            key: &self.key.0,
            value: &self.value.0,
            leaf: self.leaf.as_ref().map(JsonLeaf::op),
            path: self.path.iter().map(JsonInner::op).collect(),
        }
    }
}

impl JsonSpec {
    fn spec(&self) -> ProofSpec<'_> {
        ProofSpec {
            leaf: self.leaf_spec.op(),
            inner: InnerSpec {
                child_order: &self.inner_spec.child_order,
                child_size: self.inner_spec.child_size,
                min_prefix_length: self.inner_spec.min_prefix_length,
                max_prefix_length: self.inner_spec.max_prefix_length,
                empty_child: &self.inner_spec.empty_child.0,
                hash: hash_op(self.inner_spec.hash),
            },
            max_depth: self.max_depth,
            min_depth: self.min_depth,
            prehash_key_before_comparison: self.prehash_key_before_comparison,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AgainstSpec {
    proof: JsonProof,
    spec: JsonSpec,
    err: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LeafAgainstSpec {
    leaf: JsonLeaf,
    spec: JsonLeaf,
    is_err: bool,
}

#[derive(Deserialize)]
struct DoHash {
    #[serde(rename = "HashOp")]
    op: u32,
    #[serde(rename = "Preimage", alias = "PreImage")]
    preimage: String,
    #[serde(rename = "ExpectedHash")]
    expected: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EmptyBranch {
    op: JsonInner,
    spec: JsonSpec,
    is_left: bool,
    is_right: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Existence {
    proof: JsonProof,
    is_err: bool,
    expected: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inner {
    op: JsonInner,
    child: Bytes,
    is_err: bool,
    expected: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Leaf {
    op: JsonLeaf,
    key: Bytes,
    value: Bytes,
    is_err: bool,
    expected: Bytes,
}

fn table<T: serde::de::DeserializeOwned>(folder: &std::path::Path, name: &str) -> T {
    let json = comity_vectors::json(&folder.join(format!("{name}.json")));
    serde_json::from_value(json).unwrap_or_else(|error| panic!("{name}: {error}"))
}

type Named<T> = BTreeMap<String, T>;

fn result(name: &str, found: Result<Vec<u8>, comity_verify::Refusal>, is_err: bool, expected: &Bytes) {
    match found {
        Ok(found) => {
            assert!(!is_err, "{name}");
            assert_eq!(found, expected.0, "{name}");
        }
        Err(refusal) => assert!(is_err, "{name}: {refusal}"),
    }
}

#[test]
fn every_case_of_the_tables_gets_its_result() {
    let Some(folder) = comity_vectors::folder("ics23") else { return };
    let mut cases = 0;

    for (name, case) in table::<Named<AgainstSpec>>(&folder, "TestCheckAgainstSpecData") {
        let found = check_spec(&case.proof.proof(), &case.spec.spec());
        assert_eq!(found.is_err(), !case.err.is_empty(), "{name}: {found:?} {}", case.err);
        cases += 1;
    }
    for (name, case) in table::<Named<LeafAgainstSpec>>(&folder, "TestCheckLeafData") {
        assert_eq!(check_leaf(&case.leaf.op(), &case.spec.op()).is_err(), case.is_err, "{name}");
        cases += 1;
    }
    for (name, case) in table::<Named<DoHash>>(&folder, "TestDoHashData") {
        let digest = hash_op(case.op).hash(&[case.preimage.as_bytes()]).expect("a hash");
        assert_eq!(hex::encode(digest.as_slice()), case.expected, "{name}");
        cases += 1;
    }
    for (index, case) in table::<Vec<EmptyBranch>>(&folder, "TestEmptyBranchData").iter().enumerate() {
        let (spec, op) = (case.spec.spec(), case.op.op());
        assert_eq!(left_branches_are_empty(&spec.inner, &op), case.is_left, "left {index}");
        assert_eq!(right_branches_are_empty(&spec.inner, &op), case.is_right, "right {index}");
        cases += 1;
    }
    for (name, case) in table::<Named<Existence>>(&folder, "TestExistenceProofData") {
        let found = root_of(&case.proof.proof()).map(|root| root.as_slice().to_vec());
        result(&name, found, case.is_err, &case.expected);
        cases += 1;
    }
    for (name, case) in table::<Named<Inner>>(&folder, "TestInnerOpData") {
        let found = case.op.op().apply(&case.child.0).map(|hash| hash.as_slice().to_vec());
        result(&name, found, case.is_err, &case.expected);
        cases += 1;
    }
    for (name, case) in table::<Named<Leaf>>(&folder, "TestLeafOpData") {
        let found = case.op.op().apply(&case.key.0, &case.value.0);
        result(&name, found.map(|hash| hash.as_slice().to_vec()), case.is_err, &case.expected);
        cases += 1;
    }
    println!("ics23: 7 tables, {cases} cases");
    assert_eq!(cases, 57);
}

#[derive(Deserialize)]
struct Proof {
    key: String,
    proof: String,
    root: String,
    value: String,
}

#[test]
fn every_proof_verifies_and_says_nothing_about_other_keys_or_roots() {
    let Some(folder) = comity_vectors::folder("ics23") else { return };
    let mut proofs = 0;
    for (tree, spec) in [("iavl", ProofSpec::IAVL), ("smt", ProofSpec::SMT), ("tendermint", ProofSpec::TENDERMINT)] {
        for path in comity_vectors::files(&folder.join(tree)) {
            let case: Proof = serde_json::from_value(comity_vectors::json(&path)).expect("a proof");
            let bytes = |text: &str| hex::decode(text).expect("hex");
            let (key, value, proof) = (bytes(&case.key), bytes(&case.value), bytes(&case.proof));
            let judge = |root: &Hash, key: &[u8], value: &[u8]| {
                if case.value.is_empty() {
                    non_membership(&spec, root, key, &proof)
                } else {
                    membership(&spec, root, key, value, &proof)
                }
            };
            let root = Hash::from_hex(&case.root).expect("a root");
            assert_eq!(judge(&root, &key, &value), Ok(()), "{}", path.display());
            let mut other_root = root;
            other_root.0[0] ^= 1;
            assert!(judge(&other_root, &key, &value).is_err());
            if !value.is_empty() {
                let mut other_value = value.clone();
                other_value[0] ^= 1;
                assert!(judge(&root, &key, &other_value).is_err());
                let mut other_key = key.clone();
                other_key[0] ^= 1;
                assert!(judge(&root, &other_key, &value).is_err());
            }
            proofs += 1;
        }
    }
    println!("ics23: {proofs} proofs");
    assert_eq!(proofs, 18);
}
