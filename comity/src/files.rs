//! Writing and reading an institution's files: nothing is overwritten, secrets are readable by their owner only.
//! Refuses to know what is in them.

use crate::failure::{Failure, OrFail};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Largest file that is read whole, unless said otherwise.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Writes a new file that anyone may read.
pub(crate) fn write_public(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    write(path, contents.as_ref(), 0o644)
}

/// Writes a new file that only its owner may read.
pub(crate) fn write_secret(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    write(path, contents.as_ref(), 0o600)
}

/// Writes a file that is replaced if it is there: an answer that the user asked to be saved.
pub(crate) fn save(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    fs::write(path, contents).or_fault(|| format!("{} could not be written", path.display()))
}

/// Writes a file that is replaced whole if it is there: a reader finds the old one or the new one, never a part.
pub(crate) fn replace(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    let failed = || format!("{} could not be written", path.display());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut aside = tempfile::Builder::new()
        .prefix(".comity-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .or_fault(failed)?;
    aside.write_all(contents.as_ref()).and_then(|()| aside.as_file().sync_all()).or_fault(failed)?;
    aside.persist(path).or_fault(failed)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).or_fault(failed)
}

fn write(path: &Path, contents: &[u8], mode: u32) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::usage(format!("{} exists already and is not overwritten", path.display()))
                .help("choose another folder, or remove what is there if nobody relies on it"));
        }
        Err(error) => return Err(Failure::fault(format!("{} could not be made", path.display())).because(error)),
    };
    file.write_all(contents)
        .and_then(|()| file.sync_all())
        .or_fault(|| format!("{} could not be written", path.display()))
}

/// Makes a folder that only its owner may enter, and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failure> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o700)))
        .or_fault(|| format!("the folder {} could not be made", path.display()))
}

/// A folder for new things: made if missing, refused if something is in it.
pub(crate) fn make_empty_folder(path: &Path) -> Result<(), Failure> {
    make_folder(path)?;
    let mut entries = fs::read_dir(path).or_fault(|| format!("the folder {} could not be read", path.display()))?;
    if entries.next().is_some() {
        return Err(Failure::usage(format!("the folder {} is not empty", path.display()))
            .help("nothing was written; choose another folder"));
    }
    Ok(())
}

/// A text file of at most [`FILE_BYTES_MAX`] bytes.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read_bytes(path, FILE_BYTES_MAX)?).or_usage(|| format!("{} is not UTF-8 text", path.display()))
}

/// A file of at most `bytes_max` bytes.
pub(crate) fn read_bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let file = fs::File::open(path).or_usage(|| format!("{} could not be opened", path.display()))?;
    let mut contents = Vec::new();
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut contents)
        .or_fault(|| format!("{} could not be read", path.display()))?;
    if u64::try_from(contents.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(Failure::usage(format!("{} is larger than {bytes_max} bytes", path.display())));
    }
    Ok(contents)
}

/// A secret text file; refused when others may read it.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let metadata = fs::metadata(path).or_usage(|| format!("{} could not be opened", path.display()))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(Failure::usage(format!("{} is a secret, and others may read it", path.display()))
            .help(format!("chmod 600 {}", path.display())));
    }
    Ok(Zeroizing::new(read_text(path)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_exists_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        write_public(&path, "one").unwrap();
        assert_eq!(write_public(&path, "two").unwrap_err().exit(), crate::failure::Exit::Usage);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    }

    #[test]
    fn a_secret_is_readable_by_its_owner_only_or_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write_secret(&path, "s").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_secret(&path).unwrap().as_str(), "s");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_secret(&path).is_err());
    }

    #[test]
    fn a_file_over_its_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big");
        write_public(&path, [0; 11]).unwrap();
        assert!(read_bytes(&path, 10).is_err());
        assert_eq!(read_bytes(&path, 11).unwrap().len(), 11);
    }
}
