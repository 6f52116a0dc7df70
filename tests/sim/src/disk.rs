//! A disk that forgets: what was written and not synced may be there after a crash, or not, or in part. It refuses to
//! know what is stored.

use crate::chance::Chance;
use crate::life::Life;
use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A file as it survives its process. Cheap to clone; all clones are one file.
#[derive(Clone, Debug, Default)]
pub struct Medium(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    /// What is there for good.
    durable: Vec<u8>,
    /// What a reader sees.
    current: Vec<u8>,
    /// What was done since the last sync, in order.
    unsynced: Vec<Change>,
    /// Whether syncs do nothing: a planted fault.
    deaf: bool,
}

#[derive(Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Length(length) => content.resize(*length, 0),
            Self::Write { at, bytes } => write(content, *at, bytes),
        }
    }
}

impl Medium {
    /// An empty file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on syncs do nothing.
    pub fn ignore_syncs(&self) {
        self.lock().deaf = true;
    }

    /// The file opened by a process.
    #[must_use]
    pub fn open(&self, life: Life) -> Disk {
        Disk { medium: self.clone(), life }
    }

    /// The power fails: of what was not synced each piece stays, goes or is torn.
    pub fn crash(&self, chance: &mut Chance) {
        let mut content = self.lock();
        let unsynced = std::mem::take(&mut content.unsynced);
        let kept = match chance.between(0, 3) {
            0 => 0,
            1 => unsynced.len(),
            _ => usize::try_from(chance.between(0, unsynced.len() as u64)).unwrap_or(0),
        };
        let scattered = chance.percent(50);
        let mut durable = std::mem::take(&mut content.durable);
        for (index, change) in unsynced.iter().enumerate() {
            match change {
                change if index < kept && !scattered => change.apply(&mut durable),
                Change::Length(_) if scattered && chance.percent(50) => change.apply(&mut durable),
                // Sector by sector, in no order: the last one before the crash is torn at least.
                Change::Write { at, bytes } if scattered || index == kept => {
                    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                        if chance.percent(50) {
                            write(&mut durable, at + number * SECTOR, sector);
                        }
                    }
                }
                _ => {}
            }
        }
        content.current.clone_from(&durable);
        content.durable = durable;
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

/// An open file. It answers nothing once its process is dead.
#[derive(Clone)]
pub struct Disk {
    medium: Medium,
    life: Life,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk")
    }
}

impl Disk {
    fn change(&self, change: Change) -> io::Result<()> {
        self.life.check()?;
        {
            let mut content = self.medium.lock();
            change.apply(&mut content.current);
            // The one that it dies in may have reached the disk in part.
            content.unsynced.push(change);
        }
        self.life.operate()
    }
}

fn place(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(|_| io::Error::other("beyond any file"))
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.life.check()?;
        Ok(self.medium.lock().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.life.check()?;
        let at = place(offset)?;
        let content = self.medium.lock();
        let found = content.current.get(at..at + out.len());
        out.copy_from_slice(found.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(place(length)?))
    }

    fn sync_data(&self) -> io::Result<()> {
        // A crash within a sync is one before it: what had reached the disk is chance.
        self.life.operate()?;
        let mut content = self.medium.lock();
        if content.deaf {
            return Ok(());
        }
        let mut durable = std::mem::take(&mut content.durable);
        for change in content.unsynced.drain(..) {
            change.apply(&mut durable);
        }
        content.durable = durable;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write { at: place(offset)?, bytes: data.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(medium: &Medium) -> Vec<u8> {
        let disk = medium.open(Life::begin());
        let mut bytes = vec![0; usize::try_from(disk.len().expect("a length")).expect("small")];
        disk.read(0, &mut bytes).expect("a read");
        bytes
    }

    #[test]
    fn what_was_synced_survives_and_what_was_not_may_go() {
        let mut lost = 0;
        for seed in 0..50 {
            let medium = Medium::new();
            let disk = medium.open(Life::begin());
            disk.write(0, b"synced").expect("a write");
            disk.sync_data().expect("a sync");
            disk.write(6, b"unsynced").expect("a write");
            medium.crash(&mut Chance::of(seed, "crash"));
            let found = read(&medium);
            assert!(found.starts_with(b"synced"), "seed {seed}");
            lost += u32::from(found.len() == 6);
        }
        assert!((5..45).contains(&lost), "{lost} of 50 were lost");
    }

    #[test]
    fn a_write_can_be_torn_between_sectors_and_never_within_one() {
        let mut torn = 0;
        for seed in 0..50 {
            let medium = Medium::new();
            let disk = medium.open(Life::begin());
            disk.write(0, &[0; 2 * SECTOR]).expect("a write");
            disk.sync_data().expect("a sync");
            disk.write(0, &[1; 2 * SECTOR]).expect("a write");
            medium.crash(&mut Chance::of(seed, "crash"));
            let found = read(&medium);
            let sectors: Vec<_> = found.chunks(SECTOR).collect();
            assert!(sectors.iter().all(|sector| sector.iter().all(|byte| *byte == sector[0])));
            torn += u32::from(sectors[0][0] != sectors[1][0]);
        }
        assert!(torn > 3, "{torn} of 50 were torn");
    }

    #[test]
    fn a_process_dies_in_the_operation_that_was_decided() {
        let life = Life::begin();
        let disk = Medium::new().open(life.clone());
        life.end_within(2);
        disk.write(0, b"a").expect("the first");
        disk.write(1, b"b").expect("the second");
        disk.write(2, b"c").expect_err("the last");
        assert!(!life.goes_on());
        disk.len().expect_err("it answers nothing more");
    }
}
