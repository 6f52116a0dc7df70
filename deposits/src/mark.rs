//! The mark: up to where the journal need not be read at a start, and the tree's right edge there.

use crate::fault::{LogFault, disk};
use crate::journal::Position;
use crate::tree::Edge;
use borsh::{BorshDeserialize, BorshSerialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// The form of a log's folder that this program writes.
const FORM: u32 = 1;

/// Everything before it is in tiles and index, on disk.
#[derive(Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Mark {
    pub(crate) edge: Edge,
    pub(crate) position: Position,
}

impl Mark {
    /// The mark of a folder; of one without, the beginning.
    pub(crate) fn read(folder: &Path) -> Result<Self, LogFault> {
        let path = folder.join("mark");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(disk("read", &path))?,
        };
        let damaged = |what| LogFault::Damaged { path: path.clone(), what };
        let (form, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| damaged("it is too short"))?;
        let form = u32::from_le_bytes(*form);
        if form != FORM {
            return Err(LogFault::Newer { path: folder.to_path_buf(), found: form });
        }
        let (crc, body) = rest.split_first_chunk::<4>().ok_or_else(|| damaged("it is too short"))?;
        if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
            return Err(damaged("it is not what was written"));
        }
        let mark: Self = borsh::from_slice(body).map_err(|_| damaged("it cannot be read"))?;
        if mark.edge.is_sound() { Ok(mark) } else { Err(damaged("its tree is none")) }
    }

    /// Writes it in the place of the one before.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), LogFault> {
        let path = folder.join("mark");
        let body = comity_model::encode(self);
        let mut bytes = FORM.to_le_bytes().to_vec();
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        replace(&path, &bytes)
    }
}

/// Puts a file in the place of another: after any crash one of the two stands there, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), LogFault> {
    let next = path.with_extension("next");
    let mut file = File::create(&next).map_err(disk("create", &next))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(disk("write", &next))?;
    fs::rename(&next, path).map_err(disk("name", path))?;
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk("sync", folder))
}
