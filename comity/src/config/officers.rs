//! Entering an officer into the signer's own list, once its institution's governors have decided.
//! Refuses to take the list from a chain or a gateway: whoever runs the command has the governors' proposal in hand.

use super::Config;
use super::edit::{Edit, set};
use super::peers::Entered;
use crate::failure::Failure;
use comity_model::member::Officer;
use std::path::Path;

/// Enters an officer into `[[signer.officers]]` of the configuration at `path`, or changes its entry. The same again changes
/// nothing.
pub(crate) fn enter(path: &Path, officer: &Officer) -> Result<Entered, Failure> {
    let mut edit = Edit::open(path)?;
    let is_it =
        |table: &toml_edit::Table| table.get("id").and_then(toml_edit::Item::as_str) == Some(officer.id.as_str());
    let table = edit.entry(&["signer", "officers"], is_it)?;
    // The signer knows one end: the earlier of the key's own and the moment from which it is doubted.
    let until =
        officer.validity.compromised_since.map_or(officer.validity.until, |since| since.min(officer.validity.until));
    set(table, "id", officer.id.as_str());
    set(table, "key", &hex::encode(officer.key.bytes()));
    set(table, "from", &officer.validity.from.to_string());
    set(table, "until", &until.to_string());
    let changed = edit.write(|aside| Config::read(aside).map(|_| ()))?;
    Ok(if changed { Entered::Changed } else { Entered::Unchanged })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::tests::home;
    use comity_model::UnixSeconds;

    #[test]
    fn an_officers_new_key_takes_the_old_ones_place_and_a_new_officer_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = home(folder.path());
        let mut officer = Config::read(&path).unwrap().signer.officers[0].clone();
        assert_eq!(enter(&path, &officer).unwrap(), Entered::Unchanged);
        officer.key = comity_model::seal::PublicKey::ed25519([7; 32]);
        assert_eq!(enter(&path, &officer).unwrap(), Entered::Changed);
        let second = Officer { id: "J-2002".parse().unwrap(), ..officer.clone() };
        assert_eq!(enter(&path, &second).unwrap(), Entered::Changed);
        let config = Config::read(&path).unwrap();
        assert_eq!(config.signer.officers, [officer.clone(), second]);

        officer.validity.compromised_since = Some(UnixSeconds(officer.validity.from.0 + 5));
        assert_eq!(enter(&path, &officer).unwrap(), Entered::Changed);
        let until = Config::read(&path).unwrap().signer.officers[0].validity.until;
        assert_eq!(until, UnixSeconds(officer.validity.from.0 + 5), "a doubted key ends where the doubt begins");
    }
}
