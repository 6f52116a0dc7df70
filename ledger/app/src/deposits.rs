//! Logs of deposits: their heads, each proven to have grown from the one before.
//!
//! It knows no entry: what was deposited, and by whom, stands in the keeper's log.

use crate::members;
use crate::refusal::{Reason, Stop, require};
use crate::working::Execution;
use comity_model::Hash;
use comity_model::deposit::{LogHead, LogState};
use comity_model::seal::Signature;
use comity_model::state::StatePath;
use comity_verify::deposit::TAG_HEAD;
use comity_verify::merkle::{self, TreeHead};

/// Takes up a log's head, if it grew from the one that stands. The head that stands, once more, changes nothing: its time is
/// that of the block that first took it up.
pub(crate) fn grow(ex: &mut Execution<'_>, head: &LogHead, consistency: &[Hash], seal: &Signature) -> Result<(), Stop> {
    require(head.chain == ex.config.chain, Reason::WrongChain)?;
    let keeper = members::valid_at_home(ex, &head.keeper)?;
    members::check_seal(&keeper, TAG_HEAD, head, seal, ex.config.suites)?;
    let path = StatePath::Deposits(head.keeper.clone());
    let standing: Option<LogState> = ex.state.read(&path, "a log of deposits")?;
    let new = TreeHead { size: head.size, root: head.root };
    let old = standing.map(|log| TreeHead { size: log.size, root: log.root });
    let old = old.unwrap_or(TreeHead { size: 0, root: merkle::empty_root() });
    if old == new {
        return Ok(());
    }
    require(new.size >= old.size, Reason::LogBehind)?;
    merkle::consistent(&old, &new, consistency).map_err(|_| Reason::LogForked)?;
    ex.state.write(&path, &LogState { size: new.size, root: new.root, at: ex.now() });
    Ok(())
}
