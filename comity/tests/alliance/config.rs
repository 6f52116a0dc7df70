//! Changing the configurations that the program's own commands wrote.

use super::Alliance;

impl Alliance {
    /// A configuration of the alliance's folder.
    pub(crate) fn read(&self, name: &str) -> toml::Table {
        std::fs::read_to_string(self.path(name)).expect("a configuration").parse().expect("TOML")
    }

    /// Writes one.
    pub(crate) fn write(&self, name: &str, config: &toml::Table) {
        std::fs::write(self.path(name), config.to_string()).expect("a configuration");
    }
}

/// Sets a key of a section.
pub(crate) fn set(config: &mut toml::Table, section: &str, key: &str, value: &str) {
    let section = config.get_mut(section).and_then(toml::Value::as_table_mut).expect("a section");
    section.insert(key.into(), value.into());
}
