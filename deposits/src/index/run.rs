//! A run: rows in ascending order, in blocks with a checksum each, and a table of the blocks' first keys.
//!
//! A file is blocks of 4,096 bytes (170 rows of 24: key and index, big-endian; how many of them count as a `u32`; zeros; CRC-32 of all
//! before as a little-endian `u32`), then the first 8 bytes of each block's first key, then 32 bytes: magic, form, the number
//! of rows, CRC-32 of the table and of these. Its name says which deposits it covers.

use crate::fault::{LogFault, disk};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const ROW: usize = 24;
const BLOCK: usize = 4_096;
const ROWS: usize = 170;
const COUNT_AT: usize = ROWS * ROW;
const CRC_AT: usize = BLOCK - 4;
const TAIL: usize = 32;
const MAGIC: [u8; 8] = *b"COMITYX\x01";

/// The beginning of a digest, and a deposit that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) key: u128,
    pub(super) index: u64,
}

impl Row {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            key: u128::from_be_bytes(*bytes.first_chunk().unwrap_or(&[0; 16])),
            index: u64::from_be_bytes(*bytes.last_chunk().unwrap_or(&[0; 8])),
        }
    }
}

pub(super) struct Run {
    path: PathBuf,
    file: File,
    from: u64,
    to: u64,
    rows: u64,
    /// The first 8 bytes of each block's first key.
    table: Vec<u64>,
}

impl Run {
    /// The deposits that a run of this name covers: from the first to before the second.
    pub(super) fn range(path: &Path) -> Option<(u64, u64)> {
        let (from, to) = path.file_name()?.to_str()?.strip_suffix(".run")?.split_once('-')?;
        Some((from.parse().ok()?, to.parse().ok()?))
    }

    pub(super) fn open(path: &Path) -> Result<Self, LogFault> {
        let damaged = |what| LogFault::Damaged { path: path.to_path_buf(), what };
        let file = File::open(path).map_err(disk("open", path))?;
        let length = file.metadata().map_err(disk("read", path))?.len();
        let tail_at = length.checked_sub(TAIL as u64).ok_or_else(|| damaged("it is too short"))?;
        let mut tail = [0; TAIL];
        file.read_exact_at(&mut tail, tail_at).map_err(disk("read", path))?;
        let rows = u64::from_be_bytes(*tail[8..].first_chunk().unwrap_or(&[0; 8]));
        let blocks = rows.div_ceil(ROWS as u64);
        let table_at = blocks.checked_mul(BLOCK as u64).ok_or_else(|| damaged("its end is not that of a run"))?;
        if tail[..8] != MAGIC || Some(table_at) != tail_at.checked_sub(blocks * 8) {
            return Err(damaged("its end is not that of a run"));
        }
        let mut table = vec![0; usize::try_from(blocks * 8).unwrap_or(0)];
        file.read_exact_at(&mut table, table_at).map_err(disk("read", path))?;
        let crc = u32::from_le_bytes(*tail.last_chunk().unwrap_or(&[0; 4]));
        if crc32(&[&table, &tail[..TAIL - 4]]) != crc {
            return Err(damaged("its table is not what was written"));
        }
        let table = table.as_chunks::<8>().0.iter().map(|first| u64::from_be_bytes(*first)).collect();
        let (from, to) = Self::range(path).ok_or_else(|| damaged("its name is not that of a run"))?;
        Ok(Self { path: path.to_path_buf(), file, from, to, rows, table })
    }

    pub(super) const fn from(&self) -> u64 {
        self.from
    }

    pub(super) const fn to(&self) -> u64 {
        self.to
    }

    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the newest indexes of a key, at most `limit`.
    pub(super) fn find(&self, key: u128, limit: usize, found: &mut Vec<u64>) -> Result<(), LogFault> {
        let top = u64::try_from(key >> 64).unwrap_or(u64::MAX);
        // The last block whose first key may be below or equal, and back as long as the key may be in an earlier one.
        let mut at = self.table.partition_point(|first| *first <= top);
        let mut left = limit;
        while at > 0 && left > 0 {
            at -= 1;
            let block = self.block(at)?;
            let rows: Vec<Row> = rows_of(&block).filter(|row| row.key == key).collect();
            found.extend(rows.iter().rev().take(left).map(|row| row.index));
            left -= rows.len().min(left);
            if self.table[at] < top {
                break;
            }
        }
        Ok(())
    }

    fn block(&self, at: usize) -> Result<[u8; BLOCK], LogFault> {
        let mut block = [0; BLOCK];
        self.file.read_exact_at(&mut block, (at * BLOCK) as u64).map_err(disk("read", &self.path))?;
        let crc = u32::from_le_bytes(*block.last_chunk().unwrap_or(&[0; 4]));
        if crc32(&[&block[..CRC_AT]]) == crc {
            Ok(block)
        } else {
            Err(LogFault::Damaged { path: self.path.clone(), what: "a block is not what was written" })
        }
    }

    pub(super) fn reader(&self) -> RunReader<'_> {
        RunReader { run: self, block: [0; BLOCK], next_block: 0, at: 0, count: 0 }
    }

    /// Removes its file; who still reads it may go on.
    pub(super) fn remove(&self) -> Result<(), LogFault> {
        fs::remove_file(&self.path).map_err(disk("remove", &self.path))
    }
}

fn rows_of(block: &[u8; BLOCK]) -> impl Iterator<Item = Row> + '_ {
    let count = count_of(block);
    block[..COUNT_AT].chunks_exact(ROW).take(count).map(Row::parse)
}

fn count_of(block: &[u8; BLOCK]) -> usize {
    u32::from_be_bytes(*block[COUNT_AT..].first_chunk().unwrap_or(&[0; 4])) as usize
}

fn crc32(pieces: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize()
}

/// The rows of a run in order.
pub(super) struct RunReader<'a> {
    run: &'a Run,
    block: [u8; BLOCK],
    next_block: usize,
    at: usize,
    count: usize,
}

impl RunReader<'_> {
    pub(super) fn next(&mut self) -> Result<Option<Row>, LogFault> {
        if self.at == self.count {
            if self.next_block == self.run.table.len() {
                return Ok(None);
            }
            self.block = self.run.block(self.next_block)?;
            self.next_block += 1;
            (self.at, self.count) = (0, count_of(&self.block).min(ROWS));
        }
        let row = self.block.get(self.at * ROW..(self.at + 1) * ROW).map(Row::parse);
        self.at += 1;
        Ok(row)
    }
}

/// Writes a run.
pub(super) struct RunWriter {
    path: PathBuf,
    unfinished: PathBuf,
    file: BufWriter<File>,
    block: [u8; BLOCK],
    count: usize,
    rows: u64,
    table: Vec<u8>,
}

impl RunWriter {
    pub(super) fn create(folder: &Path, from: u64, to: u64) -> Result<Self, LogFault> {
        let path = folder.join(format!("{from:020}-{to:020}.run"));
        let unfinished = path.with_extension("unfinished");
        let file = File::create(&unfinished).map_err(disk("create", &unfinished))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { path, unfinished, file, block: [0; BLOCK], count: 0, rows: 0, table: Vec::new() })
    }

    /// Adds a row that is not below the one before.
    pub(super) fn push(&mut self, row: Row) -> Result<(), LogFault> {
        if self.count == 0 {
            self.table.extend_from_slice(&row.key.to_be_bytes()[..8]);
        }
        let at = self.count * ROW;
        self.block[at..at + 16].copy_from_slice(&row.key.to_be_bytes());
        self.block[at + 16..at + ROW].copy_from_slice(&row.index.to_be_bytes());
        self.count += 1;
        self.rows += 1;
        if self.count == ROWS { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), LogFault> {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        self.block[COUNT_AT..COUNT_AT + 4].copy_from_slice(&count.to_be_bytes());
        let crc = crc32(&[&self.block[..CRC_AT]]);
        self.block[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        self.file.write_all(&self.block).map_err(disk("write", &self.unfinished))?;
        self.block = [0; BLOCK];
        self.count = 0;
        Ok(())
    }

    /// Ends the run: it has its name once it is on disk whole.
    pub(super) fn finish(mut self) -> Result<Run, LogFault> {
        if self.count > 0 {
            self.end_block()?;
        }
        let mut tail = [0; TAIL];
        tail[..8].copy_from_slice(&MAGIC);
        tail[8..16].copy_from_slice(&self.rows.to_be_bytes());
        let crc = crc32(&[&self.table, &tail[..TAIL - 4]]);
        tail[TAIL - 4..].copy_from_slice(&crc.to_le_bytes());
        let written = self.file.write_all(&self.table).and_then(|()| self.file.write_all(&tail));
        written.and_then(|()| self.file.flush()).map_err(disk("write", &self.unfinished))?;
        self.file.get_ref().sync_all().map_err(disk("sync", &self.unfinished))?;
        fs::rename(&self.unfinished, &self.path).map_err(disk("name", &self.path))?;
        let folder = self.path.parent().unwrap_or(&self.path);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk("sync", folder))?;
        Run::open(&self.path)
    }
}
