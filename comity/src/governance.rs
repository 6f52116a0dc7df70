//! Putting one chain under light-client watch on another: the proposal, the governors' signatures, the check of the anchor
//! before anyone signs.
//! Refuses to sign for a header that is not the anchor's.

use crate::anchor::AnchorFile;
use crate::clock;
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use borsh::BorshDeserialize;
use comity_adapters_ports::{Chain, Headers, Outcome};
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::governance::{Action, GovernorApproval, Governors, Proposal};
use comity_model::member::Member;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ChainId, ClientId, Hash, Height, MemberId, UnixSeconds, decode, encode};
use comity_verify::comet::LightBlock;
use comity_verify::light::{self, Anchor, ConsensusState, LightStep, TrustedHeader};
use comity_verify::seal;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for a chain's next block.
const NEXT_BLOCK_WAIT: Duration = Duration::from_secs(20);
/// How often to look for it.
const NEXT_BLOCK_POLL: Duration = Duration::from_millis(50);

/// The id that a client of `chain` gets, everywhere.
pub(crate) fn client_id(chain: &ChainId) -> Result<ClientId, Failure> {
    format!("client-{chain}").parse().or_usage(|| format!("chain id {chain} is too long to name a client after"))
}

/// The light block of an anchor, from a source that need not be believed.
pub(crate) async fn anchor_block(
    anchor: &Anchor,
    source: &Arc<dyn Headers>,
) -> Result<(TrustedHeader, LightBlock), Failure> {
    let block = source
        .light_block(anchor.height)
        .await
        .or_unavailable(|| format!("the anchor's block of {} was not got", anchor.chain_id))?;
    let header = TrustedHeader::pin(anchor, &block).map_err(|refusal| {
        Failure::refused(
            refusal.rule.code(),
            format!("{} does not have the anchor's block: {refusal}", anchor.chain_id),
        )
        .help("the RPC is of another chain, or the anchor file is wrong: compare its hashes over a second channel")
    })?;
    Ok((header, block))
}

/// The creation of a client of the anchored chain, whose client of the governed chain is named `counterparty` there.
pub(crate) async fn creation(
    file: &AnchorFile,
    source: &Arc<dyn Headers>,
    counterparty: &ClientId,
) -> Result<Action, Failure> {
    let anchor = &file.anchor;
    let (_, block) = anchor_block(anchor, source).await?;
    let client = ClientState {
        id: client_id(&anchor.chain_id)?,
        kind: ClientKind::Comet,
        chain: anchor.chain_id.clone(),
        counterparty: counterparty.clone(),
        anchor: AnchorPoint {
            height: anchor.height,
            header_hash: anchor.header_hash,
            validators_hash: anchor.validators_hash,
        },
        trusting_period_s: anchor.trusting_period_secs,
        clock_drift_s: anchor.clock_drift_secs,
        operators: anchor.operators,
        suites: anchor.suites,
        usable_from: UnixSeconds(0),
        latest: anchor.height,
        status: ClientStatus::Active,
    };
    Ok(Action::CreateClient { client, block: encode(&block) })
}

/// The digest of an anchor file, as the evidence of a client's creation.
pub(crate) fn anchor_digest(file: &AnchorFile) -> Hash {
    Hash(Sha256::digest(file.text().as_bytes()).into())
}

/// Creates a client of the anchored chain on `chain`, with the governors' keys that are at hand. Proposals are carried out
/// in order: call this once at a time for a chain.
pub(crate) async fn create_client(
    chain: &Chain,
    governors: &[Seed],
    file: &AnchorFile,
    source: &Arc<dyn Headers>,
    counterparty: &ClientId,
) -> Result<ClientId, Failure> {
    let action = creation(file, source, counterparty).await?;
    govern(chain, governors, action, anchor_digest(file)).await?;
    client_id(&file.anchor.chain_id)
}

/// Proposes, signs with the governors' keys that are at hand, and submits.
async fn govern(chain: &Chain, keys: &[Seed], action: Action, evidence: Hash) -> Result<(), Failure> {
    let known = governors(chain).await?;
    let name = chain.headers.chain();
    let proposal = Proposal { chain: name.clone(), number: known.next, action, evidence };
    let bytes = seal::signing_bytes(seal::TAG_PROPOSAL, &proposal);
    let approvals: Vec<_> = known
        .keys
        .iter()
        .enumerate()
        .filter_map(|(index, key)| {
            let seed = keys.iter().find(|seed| seed.public_key() == *key)?;
            Some(GovernorApproval { governor: u8::try_from(index).ok()?, signature: seed.sign(&bytes) })
        })
        .take(usize::from(known.threshold))
        .collect();
    if approvals.len() < usize::from(known.threshold) {
        return Err(Failure::usage(format!(
            "{} of {}'s governors must sign, and {} of their keys are here",
            known.threshold,
            name,
            approvals.len()
        ))
        .help("name the governors' key files in keys.governors, or have each governor approve with `comity govern`"));
    }
    submit(chain, vec![Message::Govern { proposal, approvals }]).await
}

/// The chain's governors. Not proven: a node that lies about them gets a proposal that the chain refuses.
pub(crate) async fn governors(chain: &Chain) -> Result<Governors, Failure> {
    let missing = || Failure::fault(format!("{} has no governors", chain.headers.chain()));
    state(chain, &StatePath::Governors, "the governors").await?.ok_or_else(missing)
}

/// Submits, and makes a refusal a failure. Returns when the new state stands under a header.
pub(crate) async fn submit(chain: &Chain, messages: Vec<Message>) -> Result<(), Failure> {
    let name = chain.headers.chain();
    match chain.submit.submit(messages).await.or_unavailable(|| format!("{name} did not answer"))? {
        Outcome::Committed { height, .. } => wait_for(&chain.headers, height.next()).await.map(|_| ()),
        Outcome::Refused { code, detail } => {
            Err(Failure::refused(code.to_string(), format!("{name} refused: {detail}")))
        }
    }
}

/// A client on `chain`, as its node says: nothing rests on it but what is proposed or submitted next, which the chain judges.
pub(crate) async fn client(chain: &Chain, id: &ClientId) -> Result<Option<ClientState>, Failure> {
    state(chain, &StatePath::Client(id.clone()), "a client").await
}

/// A value of a chain's state, as its node says.
pub(crate) async fn state<T: BorshDeserialize>(
    chain: &Chain,
    path: &StatePath,
    what: &'static str,
) -> Result<Option<T>, Failure> {
    let failed = || format!("{what} of {} was not got", chain.headers.chain());
    // The first header's state is genesis, which a node need not serve.
    let latest = wait_for(&chain.headers, Height(2)).await?;
    let answer = chain.prover.prove(path, latest).await.or_unavailable(failed)?;
    answer.value.map(|bytes| decode(what, &bytes).or_fault(failed)).transpose()
}

/// Copies members of the anchored chain into `chain`, by proof over `client`: their delivery receipts are then believed.
/// The way begins at the client's own latest header.
pub(crate) async fn import_members(
    chain: &Chain,
    client: &ClientId,
    anchor: &Anchor,
    peer: &Chain,
    members: &[MemberId],
) -> Result<(), Failure> {
    let missing = || Failure::unavailable(format!("{} has no client {client} now", chain.headers.chain()));
    let known = self::client(chain, client).await?.ok_or_else(missing)?;
    let path = StatePath::Consensus(client.clone(), known.latest);
    let known: ConsensusState = state(chain, &path, "a consensus state").await?.ok_or_else(missing)?;
    let trusted = TrustedHeader::restore(anchor.chain_id.clone(), known);
    let height = wait_for(&peer.headers, trusted.height().next()).await?;
    let unavailable = || format!("{} did not answer", anchor.chain_id);
    let next = peer.headers.light_block(trusted.height().next()).await.or_unavailable(unavailable)?.validators;
    let block = peer.headers.light_block(height).await.or_unavailable(unavailable)?;
    let step = LightStep::new(&trusted, next, block);
    let refused = |refusal: comity_verify::Refusal| {
        Failure::refused(refusal.rule.code(), format!("{} was not believed: {refusal}", anchor.chain_id))
            .help("the RPC is of another chain than the client follows; compare the anchor over a second channel")
    };
    let header = light::verify(&anchor.params(), &trusted, &step, clock::now()).map_err(refused)?;
    let mut messages =
        vec![Message::UpdateClient { client: client.clone(), steps: vec![encode(&light::trim(&trusted, &step))] }];
    for id in members {
        let path = StatePath::Member(id.clone());
        let answer = peer.prover.prove(&path, height).await.or_unavailable(unavailable)?;
        let value = answer
            .value
            .ok_or_else(|| Failure::refused("NO_SUCH_MEMBER", format!("{} has no member {id}", anchor.chain_id)))?;
        let member: Member = comity_verify::state::membership(&header, &path, &value, &answer.proof)
            .and_then(|proven| proven.decode("member"))
            .map_err(refused)?
            .into_value();
        messages.push(Message::ImportMember { client: client.clone(), member, proof: answer.proof, height });
    }
    submit(chain, messages).await
}

/// Waits until a chain has the block of `height`; answers with its latest.
async fn wait_for(headers: &Arc<dyn Headers>, height: Height) -> Result<Height, Failure> {
    let late = || format!("{} made no block {height} in time", headers.chain());
    tokio::time::timeout(NEXT_BLOCK_WAIT, async {
        loop {
            match headers.latest().await {
                Ok(latest) if latest >= height => return Ok(latest),
                Ok(_) => tokio::time::sleep(NEXT_BLOCK_POLL).await,
                Err(error) if error.is_transient() => tokio::time::sleep(NEXT_BLOCK_POLL).await,
                Err(error) => return Err(Failure::unavailable(late()).because(error)),
            }
        }
    })
    .await
    .or_unavailable(late)?
}
