//! Entering another institution, by its anchor file, into an institution's configuration.
//! Refuses to know chains: that the light clients exist is the caller's matter.

use super::edit::{Edit, set};
use super::{Config, Peer};
use crate::anchor::AnchorFile;
use crate::failure::Failure;
use crate::files;
use comity_model::ClientId;
use std::path::Path;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It is new, or says something new.
    Changed,
    /// It stood so already.
    Unchanged,
}

/// Copies the anchor file to `peers/<member>.anchor` beside the configuration at `path` and enters the peer, with the light
/// client of its chain `here` and of this chain `there`. Comments stay; a configuration that would not be accepted is not
/// written. The same again changes nothing.
pub(crate) fn enter(path: &Path, anchor: &AnchorFile, here: &ClientId, there: &ClientId) -> Result<Entered, Failure> {
    let mut edit = Edit::open(path)?;
    let folder = edit.folder();
    let name = format!("peers/{}.anchor", anchor.member);
    let is_it = |table: &toml_edit::Table| {
        let known = table.get("anchor").and_then(toml_edit::Item::as_str);
        known.is_some_and(|known| {
            known == name || crate::anchor::read(&folder.join(known)).is_ok_and(|file| file.member == anchor.member)
        })
    };
    let table = edit.entry(&["peers"], is_it)?;
    set(table, "anchor", &name);
    set(table, "client", here.as_str());
    set(table, "counterparty", there.as_str());
    let copied = copy(&folder.join(&name), anchor)?;
    let judge = |aside: &Path| {
        let config = Config::read(aside)?;
        let entered = config.peers.iter().any(|peer| stands(peer, anchor, here, there));
        if entered { Ok(()) } else { Err(Failure::usage("the environment overrides the peers")) }
    };
    Ok(if edit.write(judge)? || copied { Entered::Changed } else { Entered::Unchanged })
}

fn stands(peer: &Peer, anchor: &AnchorFile, here: &ClientId, there: &ClientId) -> bool {
    peer.anchor == *anchor && peer.clients.as_ref().is_some_and(|clients| (&clients.0, &clients.1) == (here, there))
}

/// Whether the file was written. One that names another header of the same institution is replaced: the caller was given
/// a newer one.
fn copy(path: &Path, anchor: &AnchorFile) -> Result<bool, Failure> {
    if path.exists() && crate::anchor::read(path).is_ok_and(|known| known == *anchor) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    files::replace(path, anchor.text())?;
    Ok(true)
}

#[cfg(test)]
#[path = "peers_tests.rs"]
mod tests;
