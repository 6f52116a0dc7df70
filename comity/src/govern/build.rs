//! From what is wanted to the actions of a proposal, with what the chain says now.
//! Refuses to propose a header that is not the anchor's.

use super::file::public_key;
use crate::anchor::AnchorFile;
use crate::cli::govern::{AnchorArgs, What};
use crate::config::Config;
use crate::failure::{Failure, OrFail};
use crate::home::{CLOCKS_DIFFER_S, KEYS_VALID_S};
use crate::{clock, files, governance, init, sectors};
use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_ports::Chain;
use comity_gateway::sectors::ProfileTemplate;
use comity_model::governance::{Action, ValidatorUpdate};
use comity_model::member::{Member, Officer, Validity};
use comity_model::seal::{PublicKey, Suite};
use comity_model::state::StatePath;
use comity_model::{Hash, MemberId, OfficerId, Time, UnixSeconds, encode};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// Largest evidence that is hashed.
const EVIDENCE_BYTES_MAX: u64 = 256 << 20;

/// Actions that are carried out together, and the digest of the evidence for them.
pub(super) struct Wanted {
    pub(super) actions: Vec<Action>,
    pub(super) evidence: Hash,
}

impl Wanted {
    fn one(action: Action) -> Self {
        Self { actions: vec![action], evidence: Hash::ZERO }
    }
}

/// What `what` comes to on `chain`, the chain of `config`.
pub(super) async fn wanted(config: &Config, chain: &Chain, what: What) -> Result<Wanted, Failure> {
    let own = |member: Option<MemberId>| member.unwrap_or_else(|| config.institution.clone());
    match what {
        What::CreateClient(anchor) => {
            let (file, there) = anchored(&anchor).await?;
            let counterparty = governance::client_id(&config.chain.id)?;
            let action = governance::creation(&file, &there.headers, &counterparty).await?;
            Ok(Wanted { actions: vec![action], evidence: governance::anchor_digest(&file) })
        }
        What::RecoverClient { client, anchor, evidence } => {
            let known = governance::client(chain, &client).await?;
            let known =
                known.ok_or_else(|| Failure::refused("UNKNOWN_CLIENT", format!("there is no client {client}")))?;
            let (file, there) = anchored(&anchor).await?;
            if known.chain != file.anchor.chain_id {
                let what = format!("{client} is of {}, the anchor of {}", known.chain, file.anchor.chain_id);
                return Err(Failure::usage(what));
            }
            let (header, block) = governance::anchor_block(&file.anchor, &there.headers).await?;
            let header_hash = header.header_hash();
            let action = Action::RecoverClient { client, block: encode(&block), header_hash };
            Ok(Wanted { actions: vec![action], evidence: digest_of(&evidence)? })
        }
        What::RotateSealKey { member, public_key, compromised_since, until } => {
            rotated(chain, own(member), key(&public_key)?, compromised_since, until).await
        }
        What::SetOfficer { member, officer, public_key, until } => {
            let (key, validity) = (key(&public_key)?, from_now(until)?);
            Ok(Wanted::one(Action::SetOfficer(Officer { member: own(member), id: officer, key, validity })))
        }
        What::EndOfficer { member, officer, at, compromised_since } => {
            ended(chain, own(member), officer, at, compromised_since).await
        }
        What::SetProfile { sector, institution, profile } => {
            let institution = own(institution);
            let profile = match profile {
                Some(path) => ProfileTemplate::parse(&sector, &files::read_text(&path)?)
                    .or_usage(|| format!("{} is not a profile", path.display()))?
                    .profile(institution),
                None => init::profiles(std::slice::from_ref(&sector), &institution)?.remove(0),
            };
            let known = sectors::embedded()?;
            if known.sector(&sector).is_none() {
                return Err(Failure::usage(format!("this program has no schema of a sector {sector}")));
            }
            Ok(Wanted::one(Action::SetProfile(profile)))
        }
        What::SetValidators { validators } => {
            let updates = validators.iter().map(|text| validator(text)).collect::<Result<_, _>>()?;
            Ok(Wanted::one(Action::SetValidators(updates)))
        }
    }
}

async fn anchored(args: &AnchorArgs) -> Result<(AnchorFile, Chain), Failure> {
    let file = crate::anchor::read(&args.anchor)?;
    let told = CometConfig::new(args.rpc.clone(), file.anchor.chain_id.clone());
    let failed = || format!("{} does not answer at {}", file.anchor.chain_id, args.rpc);
    let chain = CometChain::connect(told).await.or_unavailable(failed)?;
    Ok((file, chain))
}

/// The old key's end and the new key, one after the other in one transaction: between two, nobody of the member could
/// submit the second.
async fn rotated(
    chain: &Chain,
    id: MemberId,
    seal_key: PublicKey,
    compromised_since: Option<Time>,
    until: Option<Time>,
) -> Result<Wanted, Failure> {
    let member: Option<Member> = governance::state(chain, &StatePath::Member(id.clone()), "a member").await?;
    let member = member.ok_or_else(|| {
        Failure::refused("UNKNOWN_MEMBER", format!("{id} is no member whose home is {}", chain.headers.chain()))
    })?;
    if member.seal_key == seal_key {
        return Err(Failure::usage(format!("{id} has that seal key already")));
    }
    let mut actions = Vec::new();
    if let Some(since) = compromised_since {
        let validity = Validity { compromised_since: Some(since.unix_seconds()), ..member.validity };
        actions.push(Action::SetMember(Member { validity, ..member.clone() }));
    }
    actions.push(Action::SetMember(Member { seal_key, validity: from_now(until)?, ..member }));
    Ok(Wanted { actions, evidence: Hash::ZERO })
}

async fn ended(
    chain: &Chain,
    member: MemberId,
    id: OfficerId,
    at: Option<Time>,
    compromised_since: Option<Time>,
) -> Result<Wanted, Failure> {
    let path = StatePath::Officer(member.clone(), id.clone());
    let officer: Option<Officer> = governance::state(chain, &path, "an officer").await?;
    let officer =
        officer.ok_or_else(|| Failure::refused("UNKNOWN_OFFICER", format!("{member} has no officer {id}")))?;
    let until = at.unwrap_or_else(clock::now).unix_seconds();
    let compromised_since = compromised_since.map(|since| since.unix_seconds());
    let validity = Validity { until: until.min(officer.validity.until), compromised_since, ..officer.validity };
    Ok(Wanted::one(Action::SetOfficer(Officer { validity, ..officer })))
}

fn from_now(until: Option<Time>) -> Result<Validity, Failure> {
    let now = clock::now().unix_seconds();
    let until = until.map_or_else(|| now.plus(KEYS_VALID_S), |until| until.unix_seconds());
    if until <= now {
        return Err(Failure::usage("--until lies in the past"));
    }
    Ok(Validity { from: UnixSeconds(now.0.saturating_sub(CLOCKS_DIFFER_S)), until, compromised_since: None })
}

fn key(text: &str) -> Result<PublicKey, Failure> {
    public_key(text).ok_or_else(|| {
        Failure::usage("a public key is 64 hex digits, or another suite's name, a colon and hex digits")
            .help("`comity key show FILE` prints the public half of a key file")
    })
}

fn validator(text: &str) -> Result<ValidatorUpdate, Failure> {
    let parsed = text.split_once('=').and_then(|(key, power)| {
        let public_key: [u8; 32] =
            public_key(key).filter(|key| key.suite() == Suite::Ed25519Sha256)?.bytes().try_into().ok()?;
        Some(ValidatorUpdate { public_key, power: power.parse().ok()? })
    });
    parsed.ok_or_else(|| Failure::usage("a validator is written <64 hex digits>=<power>"))
}

/// SHA-256 of a file.
pub(super) fn digest_of(path: &Path) -> Result<Hash, Failure> {
    Ok(Hash(Sha256::digest(files::read_bytes(path, EVIDENCE_BYTES_MAX)?).into()))
}
