//! The model-based light client suite of CometBFT: every step of every file, judged as its model says.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use comity_model::{ChainId, Hash, Height, Time};
use comity_verify::Rule;
use comity_verify::comet::{
    AppHash, BlockId, Commit, CommitSig, Header, LightBlock, PartSetHeader, Validator, ValidatorSet, Version, Vote,
};
use comity_verify::light::{ClientParams, ConsensusState, LightStep, TrustedHeader, trim, verify, verify_exact};
use serde::Deserialize;

#[derive(Deserialize)]
struct Suite {
    initial: Initial,
    input: Vec<Input>,
}

#[derive(Deserialize)]
struct Initial {
    signed_header: JsonSignedHeader,
    next_validator_set: JsonSet,
    trusting_period: String,
}

#[derive(Deserialize)]
struct Input {
    block: JsonBlock,
    now: String,
    verdict: String,
}

#[derive(Deserialize)]
struct JsonBlock {
    signed_header: JsonSignedHeader,
    validator_set: JsonSet,
    next_validator_set: JsonSet,
}

#[derive(Deserialize)]
struct JsonSet {
    validators: Option<Vec<JsonValidator>>,
}

#[derive(Deserialize)]
struct JsonValidator {
    pub_key: JsonKey,
    voting_power: String,
}

#[derive(Deserialize)]
struct JsonKey {
    value: String,
}

#[derive(Deserialize)]
struct JsonSignedHeader {
    header: JsonHeader,
    commit: JsonCommit,
}

#[derive(Deserialize)]
struct JsonHeader {
    version: JsonVersion,
    chain_id: String,
    height: String,
    time: String,
    last_block_id: Option<JsonBlockId>,
    last_commit_hash: String,
    data_hash: String,
    validators_hash: String,
    next_validators_hash: String,
    consensus_hash: String,
    app_hash: String,
    last_results_hash: String,
    evidence_hash: String,
    proposer_address: String,
}

#[derive(Deserialize)]
struct JsonVersion {
    block: String,
    app: String,
}

#[derive(Deserialize)]
struct JsonCommit {
    height: String,
    round: u32,
    block_id: JsonBlockId,
    signatures: Option<Vec<JsonSig>>,
}

#[derive(Deserialize)]
struct JsonBlockId {
    hash: String,
    part_set_header: JsonParts,
}

#[derive(Deserialize)]
struct JsonParts {
    total: u32,
    hash: String,
}

#[derive(Deserialize)]
struct JsonSig {
    block_id_flag: u8,
    validator_address: String,
    timestamp: Option<String>,
    signature: Option<String>,
}

fn hash(text: &str) -> Hash {
    Hash::from_hex(text).expect("a hash")
}

fn optional(text: &str) -> Option<Hash> {
    (!text.is_empty()).then(|| hash(text))
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn time(text: &str) -> Time {
    text.parse().expect("a time")
}

fn address(text: &str) -> [u8; 20] {
    hex::decode(text).expect("hex").try_into().expect("20 bytes")
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    BASE64_STANDARD.decode(text).expect("base64").try_into().expect("a length")
}

fn block_id(json: &JsonBlockId) -> BlockId {
    BlockId {
        hash: hash(&json.hash),
        parts: PartSetHeader { total: json.part_set_header.total, hash: hash(&json.part_set_header.hash) },
    }
}

fn header(json: &JsonHeader) -> Header {
    Header {
        version: Version { block: number(&json.version.block), app: number(&json.version.app) },
        chain_id: json.chain_id.parse().expect("a chain id"),
        height: Height(number(&json.height)),
        time: time(&json.time),
        last_block_id: json.last_block_id.as_ref().map(block_id),
        last_commit_hash: optional(&json.last_commit_hash),
        data_hash: optional(&json.data_hash),
        validators_hash: hash(&json.validators_hash),
        next_validators_hash: hash(&json.next_validators_hash),
        consensus_hash: optional(&json.consensus_hash),
        app_hash: AppHash::new(hex::decode(&json.app_hash).expect("hex")).expect("short"),
        last_results_hash: optional(&json.last_results_hash),
        evidence_hash: optional(&json.evidence_hash),
        proposer_address: address(&json.proposer_address),
    }
}

fn commit(json: &JsonCommit) -> Commit {
    Commit {
        height: Height(number(&json.height)),
        round: json.round,
        block_id: block_id(&json.block_id),
        signatures: json.signatures.iter().flatten().map(signature).collect(),
    }
}

fn signature(json: &JsonSig) -> CommitSig {
    let vote = || Vote {
        address: address(&json.validator_address),
        time: time(json.timestamp.as_deref().expect("a time")),
        signature: bytes(json.signature.as_deref().expect("a signature")),
    };
    match json.block_id_flag {
        1 => CommitSig::Absent,
        2 => CommitSig::Commit(vote()),
        3 => CommitSig::Nil(vote()),
        flag => panic!("an unknown flag: {flag}"),
    }
}

/// A set in its order; an empty one cannot be built.
fn set(json: &JsonSet) -> Option<ValidatorSet> {
    let validators = json.validators.iter().flatten().map(|validator| Validator {
        public_key: bytes(&validator.pub_key.value),
        power: number(&validator.voting_power),
    });
    ValidatorSet::new(validators.collect()).ok()
}

fn judge(
    params: &ClientParams,
    trusted: &TrustedHeader,
    announced: &ValidatorSet,
    input: &Input,
) -> Result<TrustedHeader, Rule> {
    // A set that cannot even be built is refused before there is a block to judge.
    let validators = set(&input.block.validator_set).ok_or(Rule::ValidatorsMalformed)?;
    let block = LightBlock {
        header: header(&input.block.signed_header.header),
        commit: commit(&input.block.signed_header.commit),
        validators,
    };
    let step = LightStep::new(trusted, announced.clone(), block);
    let now = time(&input.now);
    let verdict = verify(params, trusted, &step, now).map_err(|refusal| refusal.rule);
    if verdict.is_ok() {
        let trimmed = trim(trusted, &step);
        assert_eq!(verify_exact(params, trusted, &trimmed, now).map_err(|r| r.rule), verdict);
        assert_eq!(trim(trusted, &trimmed), trimmed, "trimming twice is trimming once");
    }
    let bytes = comity_model::encode(&step);
    assert_eq!(comity_model::decode("step", &bytes), Ok(step), "one encoding");
    verdict
}

#[test]
fn every_step_of_the_model_gets_its_verdict() {
    let Some(folder) = comity_vectors::folder("comet") else { return };
    let files = comity_vectors::files(&folder);
    let mut counts = [0usize; 3];
    for path in &files {
        let suite: Suite = serde_json::from_value(comity_vectors::json(path)).expect("a suite");
        let first = header(&suite.initial.signed_header.header);
        let chain_id: ChainId = first.chain_id.clone();
        let nanos = number(&suite.initial.trusting_period);
        assert_eq!(nanos % 1_000_000_000, 0, "whole seconds");
        let params = ClientParams {
            chain_id: chain_id.clone(),
            trusting_period_secs: nanos / 1_000_000_000,
            clock_drift_secs: 0,
        };
        let mut trusted = TrustedHeader::restore(
            chain_id,
            ConsensusState {
                height: first.height,
                time: first.time,
                app_hash: Hash::ZERO,
                next_validators_hash: first.next_validators_hash,
                header_hash: first.hash(),
            },
        );
        let mut announced = set(&suite.initial.next_validator_set).expect("a set");
        for (index, input) in suite.input.iter().enumerate() {
            let verdict = judge(&params, &trusted, &announced, input);
            let (name, slot) = match &verdict {
                Ok(_) => ("SUCCESS", 0),
                Err(Rule::NotEnoughTrust) => ("NOT_ENOUGH_TRUST", 1),
                Err(_) => ("INVALID", 2),
            };
            assert_eq!(name, input.verdict, "{} step {index}: {verdict:?}", path.display());
            counts[slot] += 1;
            if let Ok(header) = verdict {
                trusted = header;
                announced = set(&input.block.next_validator_set).expect("a set");
            }
        }
    }
    let [success, not_enough_trust, invalid] = counts;
    println!(
        "comet: {} files, {} steps: {success} SUCCESS, {not_enough_trust} NOT_ENOUGH_TRUST, {invalid} INVALID",
        files.len(),
        success + not_enough_trust + invalid
    );
    assert_eq!((files.len(), counts), (41, [44, 42, 13]));
}
