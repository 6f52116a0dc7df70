//! Changing a configuration file in place: comments and order stay, the new text is checked whole before it takes the old
//! one's place, and the change is there entirely or not at all.
//! Refuses to know what a key means: its callers say what to enter, the configuration's own reader judges the result.

use crate::failure::{Failure, OrFail};
use crate::files;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

/// A configuration file being changed.
pub(crate) struct Edit {
    path: PathBuf,
    before: String,
    document: DocumentMut,
}

impl Edit {
    /// Reads the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let before = files::read_text(path)?;
        Self::new(path, before)
    }

    /// Reads the file at `path`, or begins it with this text where there is none.
    pub(crate) fn open_or(path: &Path, text: &str) -> Result<Self, Failure> {
        if path.exists() {
            return Self::open(path);
        }
        let mut edit = Self::new(path, text.to_owned())?;
        edit.before.clear();
        Ok(edit)
    }

    fn new(path: &Path, before: String) -> Result<Self, Failure> {
        let document = before.parse::<DocumentMut>().map_err(|error| {
            Failure::usage(format!("{} is not TOML: {}", path.display(), error.message()))
                .help("nothing was changed; correct the file first")
        })?;
        Ok(Self { path: path.to_path_buf(), before, document })
    }

    /// The folder that the file's paths are relative to.
    pub(crate) fn folder(&self) -> PathBuf {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        }
    }

    /// The table of the list at `keys` that `is_it` recognises, or a new one at the list's end.
    pub(crate) fn entry(&mut self, keys: &[&str], is_it: impl Fn(&Table) -> bool) -> Result<&mut Table, Failure> {
        let malformed = |name: &str, path: &Path| {
            Failure::usage(format!("{} of {} is not written as [[{name}]]", name, path.display()))
                .help("write each of them as a section of its own; nothing was changed")
        };
        let Some((last, above)) = keys.split_last() else { return Err(Failure::fault("a list has a name")) };
        let name = keys.join(".");
        // What stands after the last section is said of the list that follows it there.
        let trailing = self.document.trailing().as_str().unwrap_or_default().to_owned();
        let mut table = self.document.as_table_mut();
        for key in above {
            let item = table.entry(key).or_insert_with(|| Item::Table(Table::new()));
            table = item.as_table_mut().ok_or_else(|| malformed(key, &self.path))?;
        }
        let is_new = !table.contains_key(last);
        let item = table.entry(last).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        let list = item.as_array_of_tables_mut().ok_or_else(|| malformed(&name, &self.path))?;
        let known = list.iter().position(is_it);
        let index = match known {
            Some(index) => index,
            None => {
                let mut table = Table::new();
                let prefix = if is_new && above.is_empty() { format!("{trailing}\n") } else { "\n".to_owned() };
                table.decor_mut().set_prefix(prefix);
                list.push(table);
                list.len().saturating_sub(1)
            }
        };
        if is_new && above.is_empty() {
            self.document.set_trailing("");
        }
        let mut table = self.document.as_table_mut();
        for key in above {
            table = table.get_mut(key).and_then(Item::as_table_mut).ok_or_else(|| malformed(key, &self.path))?;
        }
        let list = table.get_mut(last).and_then(Item::as_array_of_tables_mut);
        list.and_then(|list| list.get_mut(index)).ok_or_else(|| malformed(&name, &self.path))
    }

    /// What the file will say.
    pub(crate) fn text(&self) -> String {
        self.document.to_string()
    }

    /// Puts the new text in the old one's place, once `judge` has accepted it as a file beside the old one. Whether it
    /// differs.
    pub(crate) fn write(&self, judge: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<bool, Failure> {
        let text = self.text();
        if text == self.before {
            return Ok(false);
        }
        let failed = || format!("{} could not be written", self.path.display());
        let folder = self.folder();
        files::make_folder(&folder)?;
        let mut aside =
            tempfile::Builder::new().prefix(".comity-").suffix(".toml").tempfile_in(&folder).or_fault(failed)?;
        aside.write_all(text.as_bytes()).and_then(|()| aside.as_file().sync_all()).or_fault(failed)?;
        judge(aside.path()).map_err(|failure| {
            Failure::usage(format!("{} was not changed: {failure}", self.path.display())).because(failure)
        })?;
        // A temporary file is its owner's alone; the configuration keeps the rights it had.
        if let Ok(metadata) = fs::metadata(&self.path) {
            fs::set_permissions(aside.path(), metadata.permissions()).or_fault(failed)?;
        }
        aside.persist(&self.path).or_fault(failed)?;
        fs::File::open(&folder).and_then(|folder| folder.sync_all()).or_fault(failed)?;
        Ok(true)
    }
}

/// Sets `key` in a table; what stands there already, and its comment, stays if it says the same.
pub(crate) fn set(table: &mut Table, key: &str, value: &str) {
    if table.get(key).and_then(Item::as_str) != Some(value) {
        set_value(table, key, value.into());
    }
}

/// Sets `key` in a table to any value; the comment beside it stays.
pub(crate) fn set_value(table: &mut Table, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(known) => {
            *value.decor_mut() = known.decor().clone();
            *known = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// A path as a configuration in `folder` names it: relative where it lies inside, whole where it does not.
pub(crate) fn named(path: &Path, folder: &Path) -> Result<String, Failure> {
    let failed = || format!("{} could not be opened", path.display());
    let (path, folder) = (path.canonicalize().or_usage(failed)?, folder.canonicalize().or_usage(failed)?);
    let shown = path.strip_prefix(&folder).unwrap_or(&path);
    shown.to_str().map(str::to_owned).ok_or_else(|| Failure::usage(format!("{} is not UTF-8", shown.display())))
}
