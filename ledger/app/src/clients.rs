//! Light clients of other chains, in this chain's state.
//!
//! Every header that enters was judged by `verify` at the block's time; whoever needs a header of another chain gets it
//! from [`trusted`], which refuses while the client is frozen, expired or not yet usable. It knows no packet.

use crate::refusal::{Reason, Stop, require};
use crate::side::{self, Side};
use crate::working::{Execution, Working};
use comity_model::client::{AnchorPoint, ClientState, ClientStatus};
use comity_model::event::Event;
use comity_model::governance::Proposal;
use comity_model::seal::Suite;
use comity_model::state::StatePath;
use comity_model::{ClientId, Hash, Height};
use comity_verify::comet::LightBlock;
use comity_verify::light::{
    self, Anchor, ClientParams, ConsensusState, Contradiction, LightStep, Recovery, TrustedHeader,
};

/// Most steps of one update.
const STEPS_MAX: usize = 128;
/// Longest trusting period and clock drift that a client may have, in seconds.
const TRUSTING_PERIOD_MAX_S: u64 = 366 * 86_400;
const CLOCK_DRIFT_MAX_S: u64 = 3_600;
/// Consensus states past their trusting period that one update forgets at most.
const FORGOTTEN_PER_UPDATE_MAX: usize = 16;

/// The client `id`.
pub(crate) fn state(ex: &Execution<'_>, id: &ClientId) -> Result<ClientState, Stop> {
    ex.state.read(&StatePath::Client(id.clone()), "a client")?.ok_or_else(|| Reason::UnknownClient.into())
}

/// The client `id`, if it may be used now for proofs.
pub(crate) fn usable(ex: &Execution<'_>, id: &ClientId) -> Result<ClientState, Stop> {
    let client = state(ex, id)?;
    live(ex, &client)?;
    require(client.usable_from <= ex.now(), Reason::ClientWaits)?;
    Ok(client)
}

/// The client `id` and the header it trusts at `height`.
pub(crate) fn trusted(ex: &Execution<'_>, id: &ClientId, height: Height) -> Result<(ClientState, TrustedHeader), Stop> {
    let client = usable(ex, id)?;
    let consensus = consensus(ex, id, height)?.ok_or(Reason::UnknownHeight)?;
    let header = TrustedHeader::restore(client.chain.clone(), consensus);
    Ok((client, header))
}

/// Creates a client from an anchor that the governors approved.
pub(crate) fn create(ex: &mut Execution<'_>, proposed: &ClientState, block: &[u8], delay_s: u64) -> Result<(), Stop> {
    let path = StatePath::Client(proposed.id.clone());
    require(ex.state.bytes(&path)?.is_none(), Reason::ClientExists)?;
    // Its headers are Ed25519; which other suites its members may seal with is the governors' choice.
    let accepted = ex.config.client_kinds.contains(&proposed.kind) && proposed.suites.contains(Suite::Ed25519Sha256);
    require(accepted, Reason::ClientKind)?;
    let bounded = proposed.chain != ex.config.chain
        && (1..=TRUSTING_PERIOD_MAX_S).contains(&proposed.trusting_period_s)
        && proposed.clock_drift_s <= CLOCK_DRIFT_MAX_S;
    require(bounded, Reason::ClientMalformed)?;
    ex.state.set_side(&Side::Client(proposed.id.clone()), &proposed.id);
    anchor(ex, proposed.clone(), block, delay_s)
}

/// Puts a frozen or expired client onto a new anchor that the governors approved.
pub(crate) fn recover(
    ex: &mut Execution<'_>,
    id: &ClientId,
    block: &[u8],
    header_hash: Hash,
    delay_s: u64,
    proposal: &Proposal,
) -> Result<(), Stop> {
    let mut client = state(ex, id)?;
    require(live(ex, &client).is_err(), Reason::ClientActive)?;
    let decoded: LightBlock = comity_model::decode("a light block", block).map_err(|_| Reason::LightStepMalformed)?;
    client.anchor =
        AnchorPoint { height: decoded.header.height, header_hash, validators_hash: decoded.header.validators_hash };
    if client.status == ClientStatus::Frozen
        && let Some(mut found) = contradiction(&ex.state, id, 0)?
    {
        found.recovered = Some(Recovery { at: ex.time, proposal: proposal.number, evidence: proposal.evidence });
        ex.state.set_side(&Side::Evidence(id.clone(), found.number), &found);
    }
    // What the client believed before is no longer a root of trust: a fork may lie before the new anchor.
    loop {
        let heights: Vec<Height> = ex.state.scan(&side::consensus_prefix(id), None, 256, "a height")?;
        if heights.is_empty() {
            break;
        }
        for height in heights {
            forget(ex, id, height);
        }
    }
    anchor(ex, client, block, delay_s)
}

/// Judges an anchor's light block and makes it the client's latest header.
fn anchor(ex: &mut Execution<'_>, mut client: ClientState, block: &[u8], delay_s: u64) -> Result<(), Stop> {
    let block: LightBlock = comity_model::decode("a light block", block).map_err(|_| Reason::LightStepMalformed)?;
    let anchor = Anchor {
        chain_id: client.chain.clone(),
        height: client.anchor.height,
        header_hash: client.anchor.header_hash,
        validators_hash: client.anchor.validators_hash,
        trusting_period_secs: client.trusting_period_s,
        clock_drift_secs: client.clock_drift_s,
        operators: client.operators,
        suites: client.suites,
    };
    let header = TrustedHeader::pin(&anchor, &block)?;
    client.latest = header.height();
    client.status = ClientStatus::Active;
    client.usable_from = ex.now().plus(delay_s);
    learn(ex, &client.id, &header);
    live(ex, &client)?;
    save(ex, &client);
    Ok(())
}

/// Brings a client forward, or fills in earlier headers.
pub(crate) fn update(ex: &mut Execution<'_>, id: &ClientId, steps: &[Vec<u8>]) -> Result<(), Stop> {
    require((1..=STEPS_MAX).contains(&steps.len()), Reason::BatchSize)?;
    let mut client = state(ex, id)?;
    live(ex, &client)?;
    let before = client.clone();
    if !take_steps(ex, &mut client, steps)?
        && let Some((known, step)) = take_one_by_one(ex, &mut client, steps)?
    {
        let number = next_number(ex, id)?;
        freeze(ex, client, &Contradiction::with_known(number, ex.time, known, step));
        return Ok(());
    }
    forget_expired(ex, &client)?;
    if client != before {
        save(ex, &client);
    }
    Ok(())
}

/// Steps that all lead on from the newest header, as one batch of signatures: the way to catch up. `false` where they do
/// not, or do not hold: then nothing was learnt, and one by one says what is the matter.
fn take_steps(ex: &mut Execution<'_>, client: &mut ClientState, steps: &[Vec<u8>]) -> Result<bool, Stop> {
    if steps.len() < 2 {
        return Ok(false);
    }
    let Ok(steps) = steps.iter().map(|bytes| decode_step(bytes)).collect::<Result<Vec<_>, _>>() else {
        return Ok(false);
    };
    // Verification asks for rising heights; above the newest there is nothing that they could contradict.
    if steps.first().is_none_or(|first| first.height() <= client.latest) {
        return Ok(false);
    }
    let trusted = nearest(ex, client, client.latest)?;
    let Ok(headers) = light::verify_each(&params(client), &trusted, &steps, ex.time) else {
        return Ok(false);
    };
    for header in &headers {
        learn(ex, &client.id, header);
        client.latest = client.latest.max(header.height());
    }
    Ok(true)
}

/// What is known and what contradicts it.
type Contradicted = (ConsensusState, LightStep);

fn take_one_by_one(
    ex: &mut Execution<'_>,
    client: &mut ClientState,
    steps: &[Vec<u8>],
) -> Result<Option<Contradicted>, Stop> {
    for bytes in steps {
        let step = decode_step(bytes)?;
        if let Some(contradicted) = take_step(ex, client, &step)? {
            return Ok(Some((contradicted, step)));
        }
    }
    Ok(None)
}

/// Verifies one step and learns its header; or returns what is known and a valid header contradicts.
fn take_step(
    ex: &mut Execution<'_>,
    client: &mut ClientState,
    step: &LightStep,
) -> Result<Option<ConsensusState>, Stop> {
    let height = step.block.header.height;
    let known = consensus(ex, &client.id, height)?;
    if known.as_ref().is_some_and(|known| known.header_hash == step.block.header.hash()) {
        return Ok(None);
    }
    let below = Height(height.0.checked_sub(1).ok_or(Reason::UnknownHeight)?);
    let trusted = nearest(ex, client, below)?;
    let header = light::verify(&params(client), &trusted, step, ex.time)?;
    // ICS-07, misbehaviour by height and by time: one header a height, and each earlier than every later one.
    let later = next_above(ex, client, height)?.filter(|later| later.time <= header.time());
    let contradicted = known.or(later);
    if contradicted.is_none() {
        learn(ex, &client.id, &header);
        client.latest = client.latest.max(height);
    }
    Ok(contradicted)
}

/// The lowest trusted header above `height`.
fn next_above(ex: &Execution<'_>, client: &ClientState, height: Height) -> Result<Option<ConsensusState>, Stop> {
    let from = Side::Consensus(client.id.clone(), height.next());
    let prefix = side::consensus_prefix(&client.id);
    let later: Vec<Height> = ex.state.scan(&prefix, Some(&from), 1, "a height")?;
    match later.first() {
        None => Ok(None),
        Some(height) => consensus(ex, &client.id, *height),
    }
}

/// Freezes a client on proof of two headers that contradict each other.
pub(crate) fn misbehaviour(ex: &mut Execution<'_>, id: &ClientId, first: &[u8], second: &[u8]) -> Result<(), Stop> {
    let client = state(ex, id)?;
    if client.status == ClientStatus::Frozen {
        return Ok(());
    }
    live(ex, &client)?;
    let (a, b) = (decode_step(first)?, decode_step(second)?);
    let lower = a.block.header.height.min(b.block.header.height);
    let below = Height(lower.0.checked_sub(1).ok_or(Reason::UnknownHeight)?);
    let trusted = nearest(ex, &client, below)?;
    let divergence = light::misbehaviour(&params(&client), &trusted, &a, &b, ex.time)?;
    let number = next_number(ex, id)?;
    freeze(ex, client, &Contradiction::proven(number, ex.time, &divergence, a, b));
    Ok(())
}

/// Nothing of the chain is believed any more, and both headers are kept.
fn freeze(ex: &mut Execution<'_>, mut client: ClientState, found: &Contradiction) {
    ex.state.set_side(&Side::Evidence(client.id.clone(), found.number), found);
    client.status = ClientStatus::Frozen;
    save(ex, &client);
}

fn next_number(ex: &Execution<'_>, id: &ClientId) -> Result<u32, Stop> {
    Ok(contradiction(&ex.state, id, 0)?.map_or(0, |last| last.number.saturating_add(1)))
}

/// What froze the client `id` lately: the last one, or so many before it.
pub(crate) fn contradiction(state: &Working<'_>, id: &ClientId, back: u32) -> Result<Option<Contradiction>, Stop> {
    let prefix = side::evidence_prefix(id);
    let until = |number| Side::Evidence(id.clone(), number);
    let last: Option<Contradiction> = state.last(&prefix, &until(u32::MAX), "a contradiction")?;
    let Some(number) = last.as_ref().and_then(|last| last.number.checked_sub(back)) else { return Ok(None) };
    Ok(if back == 0 { last } else { state.side(&until(number), "a contradiction")? })
}

/// Whether the client is neither frozen nor expired.
fn live(ex: &Execution<'_>, client: &ClientState) -> Result<(), Stop> {
    require(client.status == ClientStatus::Active, Reason::ClientFrozen)?;
    let latest = consensus(ex, &client.id, client.latest)?.ok_or(Reason::UnknownHeight)?;
    require(!expired(ex, client, &latest), Reason::ClientExpired)
}

fn expired(ex: &Execution<'_>, client: &ClientState, consensus: &ConsensusState) -> bool {
    ex.time >= consensus.time.plus_seconds(client.trusting_period_s)
}

/// The highest trusted header at or below `height`.
fn nearest(ex: &Execution<'_>, client: &ClientState, height: Height) -> Result<TrustedHeader, Stop> {
    let until = Side::Consensus(client.id.clone(), height);
    let prefix = side::consensus_prefix(&client.id);
    let found: Height = ex.state.last(&prefix, &until, "a height")?.ok_or(Reason::UnknownHeight)?;
    let state = consensus(ex, &client.id, found)?.ok_or(Reason::UnknownHeight)?;
    Ok(TrustedHeader::restore(client.chain.clone(), state))
}

fn consensus(ex: &Execution<'_>, id: &ClientId, height: Height) -> Result<Option<ConsensusState>, Stop> {
    let path = StatePath::Consensus(id.clone(), height);
    Ok(ex.state.read(&path, "a consensus state")?)
}

fn learn(ex: &mut Execution<'_>, id: &ClientId, header: &TrustedHeader) {
    let height = header.height();
    let path = StatePath::Consensus(id.clone(), height);
    ex.state.write(&path, header.consensus_state());
    ex.state.set_side(&Side::Consensus(id.clone(), height), &height);
}

fn forget(ex: &mut Execution<'_>, id: &ClientId, height: Height) {
    ex.state.remove(&StatePath::Consensus(id.clone(), height));
    ex.state.remove_side(&Side::Consensus(id.clone(), height));
}

/// Forgets the oldest headers that nothing may be verified from any more.
fn forget_expired(ex: &mut Execution<'_>, client: &ClientState) -> Result<(), Stop> {
    let oldest: Vec<Height> =
        ex.state.scan(&side::consensus_prefix(&client.id), None, FORGOTTEN_PER_UPDATE_MAX, "a height")?;
    for height in oldest {
        let Some(state) = consensus(ex, &client.id, height)? else {
            continue;
        };
        if height >= client.latest || !expired(ex, client, &state) {
            break;
        }
        forget(ex, &client.id, height);
    }
    Ok(())
}

fn save(ex: &mut Execution<'_>, client: &ClientState) {
    ex.state.write(&StatePath::Client(client.id.clone()), client);
    ex.emit(Event::ClientChanged { client: client.id.clone(), latest: client.latest, status: client.status });
}

fn decode_step(bytes: &[u8]) -> Result<LightStep, Stop> {
    comity_model::decode("a light step", bytes).map_err(|_| Reason::LightStepMalformed.into())
}

fn params(client: &ClientState) -> ClientParams {
    ClientParams {
        chain_id: client.chain.clone(),
        trusting_period_secs: client.trusting_period_s,
        clock_drift_secs: client.clock_drift_s,
    }
}
