//! A proposal's file: the canonical bytes that governors sign, whom it is put to, and the approvals so far.
//! Refuses to believe any of it: signatures are checked over the bytes, and the chain judges again.

use crate::failure::Failure;
use crate::files;
use crate::keys::Seed;
use comity_model::governance::{GovernorApproval, Governors, Proposal};
use comity_model::seal::{PublicKey, Signature, Suite, Suites};
use comity_model::{decode, encode};
use comity_verify::seal::{self, TAG_PROPOSAL};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Most proposals of one file: they are carried out together.
const STEPS_MAX: usize = 8;

/// Proposals that are carried out together, and who has approved them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProposalFile {
    /// The governors to whom it is put, as the chain named them.
    pub(crate) governors: Vec<PublicKey>,
    /// How many must approve.
    pub(crate) threshold: u8,
    /// The proposals in order; never none.
    pub(crate) proposals: Vec<Proposal>,
    /// Governors who approved, each with a signature over every proposal in order.
    approvals: Vec<(PublicKey, Vec<Signature>)>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u32,
    threshold: u8,
    governors: Vec<String>,
    proposals: Vec<String>,
    #[serde(default)]
    approvals: Vec<RawApproval>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawApproval {
    governor: String,
    signatures: Vec<String>,
}

impl ProposalFile {
    /// Put to `governors`, approved by nobody yet.
    pub(crate) fn new(governors: &Governors, proposals: Vec<Proposal>) -> Self {
        let (keys, threshold) = (governors.keys.clone(), governors.threshold);
        Self { governors: keys, threshold, proposals, approvals: Vec::new() }
    }

    /// Reads a file; a signature that does not hold is refused.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::parse(&files::read_text(path)?)
            .map_err(|failure| Failure::usage(format!("{} is not a proposal: {failure}", path.display())))
            .map_err(|failure| failure.help("get the file again from whoever prepared it"))
    }

    /// Reads a file's text.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let raw: Raw = toml::from_str(text).map_err(|error| Failure::usage(error.message().to_owned()))?;
        let bad = |what: &str| Failure::usage(format!("its {what} are malformed"));
        if raw.version != 1 {
            return Err(Failure::usage(format!("it is of version {}, and this program knows 1", raw.version)));
        }
        let proposals: Vec<Proposal> = raw
            .proposals
            .iter()
            .map(|text| decode("a proposal", &hex::decode(text).ok()?).ok())
            .collect::<Option<_>>()
            .ok_or_else(|| bad("proposals"))?;
        if proposals.is_empty() || proposals.len() > STEPS_MAX {
            return Err(Failure::usage(format!("it holds 1 to {STEPS_MAX} proposals")));
        }
        let governors = raw.governors.iter().map(|text| public_key(text)).collect::<Option<Vec<_>>>();
        let governors = governors.ok_or_else(|| bad("governors"))?;
        let mut file = Self { governors, threshold: raw.threshold, proposals, approvals: Vec::new() };
        for approval in raw.approvals {
            let key = public_key(&approval.governor).ok_or_else(|| bad("approvals"))?;
            let signatures =
                approval.signatures.iter().map(|text| signature(text, key.suite())).collect::<Option<Vec<_>>>();
            file.add(key, signatures.ok_or_else(|| bad("approvals"))?)?;
        }
        Ok(file)
    }

    /// The file's text.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        let chain = self.proposals.first().map(|proposal| proposal.chain.to_string()).unwrap_or_default();
        let raw = Raw {
            version: 1,
            threshold: self.threshold,
            governors: self.governors.iter().map(key_text).collect(),
            proposals: self.proposals.iter().map(|proposal| hex::encode(encode(proposal))).collect(),
            approvals: self
                .approvals
                .iter()
                .map(|(key, signatures)| RawApproval {
                    governor: key_text(key),
                    signatures: signatures.iter().map(|signature| hex::encode(signature.bytes)).collect(),
                })
                .collect(),
        };
        let body = toml::to_string(&raw).map_err(|error| Failure::fault("a proposal has no text").because(error))?;
        Ok(format!(
            "# A proposal to the governors of {chain}. `comity govern show` says in words what it is: read that, and\n\
             # compare its digest over a second channel, before you approve it.\n{body}"
        ))
    }

    /// Signs as the governor of `seed`; whether that is new.
    pub(crate) fn approve(&mut self, seed: &Seed) -> Result<bool, Failure> {
        let key = seed.public_key();
        let sign = |proposal: &Proposal| seed.sign(&seal::signing_bytes(TAG_PROPOSAL, proposal));
        let signatures = self.proposals.iter().map(sign).collect();
        self.add(key, signatures)
    }

    /// Takes up the approvals of a copy.
    pub(crate) fn merge(&mut self, copy: Self) -> Result<(), Failure> {
        if copy.proposals != self.proposals {
            return Err(Failure::usage("the files are not copies of one proposal")
                .help("`comity govern show` prints the digest of each"));
        }
        for (key, signatures) in copy.approvals {
            let _ = self.add(key, signatures)?;
        }
        Ok(())
    }

    fn add(&mut self, key: PublicKey, signatures: Vec<Signature>) -> Result<bool, Failure> {
        if !self.governors.contains(&key) {
            return Err(Failure::refused(
                "NOT_A_GOVERNOR",
                format!("{} is none of the chain's {} governors", key_text(&key), self.governors.len()),
            )
            .help("`comity govern show` lists them; `comity key show` prints a key file's public half"));
        }
        let holds =
            signatures.len() == self.proposals.len()
                && self.proposals.iter().zip(&signatures).all(|(proposal, signature)| {
                    seal::check(TAG_PROPOSAL, proposal, &key, signature, Suites::ALL).is_ok()
                });
        if !holds {
            let who = key_text(&key);
            return Err(Failure::refused(
                "GOVERNOR_APPROVAL",
                format!("the approval by {who} is not of this proposal"),
            ));
        }
        if self.approved(&key) {
            return Ok(false);
        }
        self.approvals.push((key, signatures));
        Ok(true)
    }

    /// Whether a governor has approved.
    pub(crate) fn approved(&self, key: &PublicKey) -> bool {
        self.approvals.iter().any(|(known, _)| known == key)
    }

    /// How many have approved.
    pub(crate) fn approvals(&self) -> usize {
        self.approvals.len()
    }

    /// The approvals of the proposal at `index`, as the chain takes them: by each governor's place among `governors`.
    pub(crate) fn for_chain(&self, index: usize, governors: &Governors) -> Vec<GovernorApproval> {
        let places = governors.keys.iter().enumerate();
        places
            .filter_map(|(place, key)| {
                let (_, signatures) = self.approvals.iter().find(|(known, _)| known == key)?;
                Some(GovernorApproval { governor: u8::try_from(place).ok()?, signature: *signatures.get(index)? })
            })
            .collect()
    }
}

/// A public key in text: an Ed25519 one as 64 hex digits, another one behind its suite's name and a colon.
pub(crate) fn public_key(text: &str) -> Option<PublicKey> {
    let (suite, digits) = match text.trim().split_once(':') {
        Some((name, digits)) => (Suite::from_name(name)?, digits),
        None => (Suite::Ed25519Sha256, text.trim()),
    };
    PublicKey::new(suite, hex::decode(digits).ok()?).ok()
}

/// A public key as [`public_key`] reads it.
pub(crate) fn key_text(key: &PublicKey) -> String {
    match key.suite() {
        Suite::Ed25519Sha256 => hex::encode(key.bytes()),
        suite => format!("{}:{}", suite.name(), hex::encode(key.bytes())),
    }
}

fn signature(text: &str, suite: Suite) -> Option<Signature> {
    let mut bytes = [0; 64];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(Signature { suite, bytes })
}
