//! Following a chain from JSON: one light block as CometBFT's RPC gives it, judged from a header that the caller trusts.
//! The caller keeps what comes back and hands it in again; it is a root of trust, like an anchor. Fetches nothing.

use crate::answer::{error, refused};
use comity_ledger_rpc::block::SignedHeader;
use comity_ledger_rpc::convert::validator_set;
use comity_ledger_rpc::validator::Validator;
use comity_model::{ChainId, Hash, Height, Time};
use comity_verify::comet::{LightBlock, SignedHeader as Signed};
use comity_verify::light::{ClientParams, ConsensusState, LightStep, TrustedHeader, verify};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    chain: String,
    trusting_period_s: u64,
    clock_drift_s: u64,
    trusted: Trusted,
    /// `signed_header` of `commit`.
    signed_header: SignedHeader,
    /// All pages of `validators` at the block's height.
    validators: Vec<Validator>,
    /// All pages of `validators` at the height after the trusted header.
    next_validators: Vec<Validator>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trusted {
    height: u64,
    time: String,
    hash: String,
    app_hash: String,
    next_validators_hash: String,
}

impl Trusted {
    fn state(&self) -> Option<ConsensusState> {
        Some(ConsensusState {
            height: Height(self.height),
            time: self.time.parse().ok()?,
            app_hash: Hash::from_hex(&self.app_hash)?,
            next_validators_hash: Hash::from_hex(&self.next_validators_hash)?,
            header_hash: Hash::from_hex(&self.hash)?,
        })
    }
}

/// Judges a header: `TRUSTED` with what to keep of it, or the refusal. `NOT_ENOUGH_TRUST` asks for a header in between.
#[must_use]
pub fn judge(ask: &[u8], now: Time) -> Value {
    let ask: Ask = match serde_json::from_slice(ask) {
        Ok(ask) => ask,
        // The position says where; the words of the decoder may hold values.
        Err(bad) => return error(&format!("the header is malformed at column {} of its JSON", bad.column())),
    };
    match step(&ask) {
        Ok((params, trusted, step)) => match verify(&params, &trusted, &step, now) {
            Ok(header) => trusted_json(&header),
            Err(refusal) => refused(&refusal),
        },
        Err(what) => error(&what),
    }
}

fn step(ask: &Ask) -> Result<(ClientParams, TrustedHeader, LightStep), String> {
    let chain_id: ChainId = ask.chain.parse().map_err(|_| "the chain id is malformed")?;
    let state = ask.trusted.state().ok_or("the trusted header is malformed")?;
    let trusted = TrustedHeader::restore(chain_id.clone(), state);
    let Signed { header, commit } = Signed::try_from(&ask.signed_header).map_err(|bad| bad.to_string())?;
    let validators = validator_set(&ask.validators).map_err(|bad| bad.to_string())?;
    let next = validator_set(&ask.next_validators).map_err(|bad| format!("next {bad}"))?;
    let params =
        ClientParams { chain_id, trusting_period_secs: ask.trusting_period_s, clock_drift_secs: ask.clock_drift_s };
    let step = LightStep::new(&trusted, next, LightBlock { header, commit, validators });
    Ok((params, trusted, step))
}

fn trusted_json(header: &TrustedHeader) -> Value {
    json!({
        "verdict": "TRUSTED",
        "trusted": {
            "height": header.height().0,
            "time": header.time().to_string(),
            "hash": header.header_hash().to_string(),
            "app_hash": header.app_hash().to_string(),
            "next_validators_hash": header.next_validators_hash().to_string(),
        },
    })
}
