//! Where in the log a digest, a case or a request is: sorted runs on disk, made from memory and merged in the background. Knows no
//! journal; what it has lost is put in again.
//!
//! Digests are even already, so a run needs no tree: a table of the first keys of its blocks leads to the one block that is
//! read. A row is the first 16 bytes of a digest and the deposit's index; whoever finds one compares the whole.

mod run;

use crate::fault::{LogFault, disk};
use comity_model::Hash;
use run::{Row, Run, RunWriter};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Rows in memory before they become a run.
const MEMORY_ROWS_MAX: usize = 1 << 20;
/// Runs of one size that are merged into one of the next.
const FAN_IN: usize = 8;

/// The index of one log.
pub(crate) struct Index {
    folder: PathBuf,
    memory: RwLock<Memory>,
    /// From the oldest deposits to the newest; each begins where the one before ends.
    runs: RwLock<Vec<Arc<Run>>>,
    /// One merge at a time.
    merging: Mutex<()>,
}

#[derive(Default)]
struct Memory {
    rows: BTreeSet<Row>,
    /// What is being written as a run, until it stands among the runs.
    leaving: Arc<Vec<Row>>,
    /// Deposits whose rows are in memory or in runs.
    end: u64,
}

fn key(digest: &Hash) -> u128 {
    u128::from_be_bytes(*digest.0.first_chunk().unwrap_or(&[0; 16]))
}

impl Index {
    /// Opens the runs in `folder`. Rows of deposits from [`Index::covered`] on are to be put in again.
    pub(crate) fn open(folder: &Path) -> Result<Self, LogFault> {
        fs::create_dir_all(folder).map_err(disk("create", folder))?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(disk("read", folder))? {
            let path = entry.map_err(disk("read", folder))?.path();
            match Run::range(&path) {
                Some(range) => found.push((range, path)),
                // What was being written when the log stopped.
                None => fs::remove_file(&path).map_err(disk("remove", &path))?,
            }
        }
        // Of two that begin alike, the longer one is a merge of the other.
        found.sort_by_key(|((from, to), _)| (*from, std::cmp::Reverse(*to)));
        let (mut runs, mut end) = (Vec::new(), 0);
        for ((from, to), path) in found {
            if from == end {
                runs.push(Arc::new(Run::open(&path)?));
                end = to;
            } else if to <= end {
                fs::remove_file(&path).map_err(disk("remove", &path))?;
            } else {
                return Err(LogFault::Damaged { path, what: "a run before it is missing" });
            }
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            memory: RwLock::new(Memory { end, ..Memory::default() }),
            runs: RwLock::new(runs),
            merging: Mutex::new(()),
        })
    }

    /// Deposits whose rows are on disk.
    pub(crate) fn covered(&self) -> u64 {
        self.runs.read().unwrap_or_else(PoisonError::into_inner).last().map_or(0, |run| run.to())
    }

    /// Puts in the keys of deposits, in the order of their indexes, and with them that all deposits before `end` are in;
    /// those that are covered already are left out.
    pub(crate) fn put(&self, keys: impl Iterator<Item = (u64, Hash)>, end: u64) {
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        let from = memory.end;
        let rows = keys.filter(|(index, _)| *index >= from).map(|(index, digest)| Row { key: key(&digest), index });
        memory.rows.extend(rows);
        memory.end = from.max(end);
    }

    /// Whether there is enough in memory for a run.
    pub(crate) fn is_full(&self) -> bool {
        self.memory.read().unwrap_or_else(PoisonError::into_inner).rows.len() >= MEMORY_ROWS_MAX
    }

    /// Indexes that may be of a digest, the newest first, at most `limit`.
    pub(crate) fn find(&self, digest: &Hash, limit: usize) -> Result<Vec<u64>, LogFault> {
        let key = key(digest);
        let mut found: Vec<u64> = {
            let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
            let rows = memory.rows.range(Row { key, index: 0 }..=Row { key, index: u64::MAX });
            let leaving = &memory.leaving;
            let from = leaving.partition_point(|row| row.key < key);
            let leaving = leaving[from..].iter().take_while(|row| row.key == key);
            rows.chain(leaving).map(|row| row.index).collect()
        };
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner).clone();
        for run in runs.iter().rev() {
            if found.len() >= limit.saturating_mul(2) {
                break;
            }
            run.find(key, limit, &mut found)?;
        }
        // A run that came to stand between the two looks has been seen twice.
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        found.truncate(limit);
        Ok(found)
    }

    /// Writes what is in memory as a run, and merges where there are enough of one size. Work of the background: puts and
    /// finds go on beside it.
    pub(crate) fn flush(&self) -> Result<(), LogFault> {
        let _one = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let (rows, from, to) = {
            let from = self.covered();
            let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
            let rows = Arc::new(std::mem::take(&mut memory.rows).into_iter().collect::<Vec<_>>());
            memory.leaving = rows.clone();
            (rows, from, memory.end)
        };
        if !rows.is_empty() {
            let mut writer = RunWriter::create(&self.folder, from, to)?;
            for row in rows.iter() {
                writer.push(*row)?;
            }
            let run = Arc::new(writer.finish()?);
            self.runs.write().unwrap_or_else(PoisonError::into_inner).push(run);
        }
        self.memory.write().unwrap_or_else(PoisonError::into_inner).leaving = Arc::default();
        while self.merge()? {}
        Ok(())
    }

    /// Merges the last runs of one size into one, if there are enough; whether it did.
    fn merge(&self) -> Result<bool, LogFault> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(smallest) = runs.last().map(|run| tier(run.rows())) else { return Ok(false) };
        let alike = runs.iter().rev().take_while(|run| tier(run.rows()) <= smallest).count();
        if alike < FAN_IN {
            return Ok(false);
        }
        let merged = &runs[runs.len() - alike..];
        let (Some(first), Some(last)) = (merged.first(), merged.last()) else { return Ok(false) };
        let mut writer = RunWriter::create(&self.folder, first.from(), last.to())?;
        let mut readers = Vec::with_capacity(merged.len());
        for run in merged {
            let mut reader = run.reader();
            if let Some(row) = reader.next()? {
                readers.push((row, reader));
            }
        }
        while let Some(at) = (0..readers.len()).min_by_key(|at| readers[*at].0) {
            writer.push(readers[at].0)?;
            match readers[at].1.next()? {
                Some(row) => readers[at].0 = row,
                None => drop(readers.swap_remove(at)),
            }
        }
        let run = Arc::new(writer.finish()?);
        let mut standing = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        let keep = standing.len() - alike;
        let replaced = standing.split_off(keep);
        standing.push(run);
        drop(standing);
        for run in replaced {
            run.remove()?;
        }
        Ok(true)
    }
}

/// How often a run's size is a merge of others': the power of the fan-in that its rows reach, as a multiple of memory.
fn tier(rows: u64) -> u32 {
    (rows / (MEMORY_ROWS_MAX as u64 / 2)).max(1).ilog(FAN_IN as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn digest(number: u64) -> Hash {
        comity_verify::merkle::leaf_hash(&number.to_le_bytes())
    }

    fn put(index: &Index, from: u64, to: u64) {
        let keys = (from..to).flat_map(|number| [(number, digest(number)), (number, digest(number | 1 << 63))]);
        index.put(keys, to);
    }

    #[test]
    fn every_digest_is_found_in_memory_in_runs_and_after_merges_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path()).unwrap();
        let mut end = 0;
        for step in 0..20 {
            put(&index, end, end + 300 + step);
            end += 300 + step;
            if step != 19 {
                index.flush().unwrap();
            }
        }
        assert!(fs::read_dir(folder.path()).unwrap().count() < 2 * FAN_IN);
        let check = |index: &Index, end: u64| {
            for number in 0..end {
                assert_eq!(index.find(&digest(number), 9).unwrap(), [number]);
                assert_eq!(index.find(&digest(number | 1 << 63), 9).unwrap(), [number]);
            }
            assert!(index.find(&digest(end), 9).unwrap().is_empty());
        };
        check(&index, end);
        let covered = index.covered();
        drop(index);
        let index = Index::open(folder.path()).unwrap();
        assert_eq!(index.covered(), covered);
        check(&index, covered);
        // What is put in again is not doubled.
        put(&index, 0, end);
        check(&index, end);
    }

    #[test]
    fn a_digest_that_was_deposited_often_is_found_newest_first_and_not_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path()).unwrap();
        for from in [0u64, 500, 1_000] {
            let keys = (from..from + 500).flat_map(|number| [(number, digest(7)), (number, digest(number + 100))]);
            index.put(keys, from + 500);
            index.flush().unwrap();
        }
        assert_eq!(index.find(&digest(7), 3).unwrap(), [1_499, 1_498, 1_497]);
        assert_eq!(index.find(&digest(7), 2_000).unwrap().len(), 1_500);
    }

    #[test]
    fn a_flipped_bit_of_a_run_is_damage_and_never_an_absence() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path()).unwrap();
        put(&index, 0, 300);
        index.flush().unwrap();
        drop(index);
        let path = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(97) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            let Ok(index) = Index::open(folder.path()) else { continue };
            for number in 0..300 {
                match index.find(&digest(number), 9) {
                    Ok(found) => assert_eq!(found, [number], "byte {at}"),
                    Err(fault) => assert!(matches!(fault, LogFault::Damaged { .. })),
                }
            }
        }
    }
}
