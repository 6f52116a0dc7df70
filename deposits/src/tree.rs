//! The log's tree as files: full tiles of hashes and of entries, where others read them (C2SP `tlog-tiles`), and in memory its
//! right edge. Knows no journal: what is lost with the edge is appended again.

use crate::fault::{LogFault, disk};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::Hash;
use comity_model::deposit::Entry;
use comity_verify::merkle::{self, TreeHead, empty_root, node_hash, root_of_hashes};
use comity_verify::tlog::{Tile, TileOf, WIDTH};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

const TILE: u64 = WIDTH as u64;
/// Levels of tiles: 256^8 leaves.
const LEVELS: usize = 8;

/// The right edge: for each level of tiles the hashes of its last, partial tile, and that tile's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
    entries: Vec<Entry>,
}

impl Edge {
    /// Number of leaves.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is one that [`Tree::append`] can have left.
    pub(crate) fn is_sound(&self) -> bool {
        let mut size = self.size;
        let each = self.levels.iter().all(|hashes| {
            let fits = hashes.len() as u64 == size % TILE;
            size /= TILE;
            fits
        });
        each && size == 0 && self.entries.len() as u64 == self.size % TILE && self.levels.len() <= LEVELS
    }

    /// Size and root.
    pub(crate) fn head(&self) -> TreeHead {
        let root = (0..self.levels.len()).rev().filter_map(|level| {
            let hashes = &self.levels[level];
            (!hashes.is_empty()).then(|| level_peaks(hashes))
        });
        // From the largest subtree to the smallest, then folded from the right.
        let peaks: Vec<Hash> = root.flatten().collect();
        let root = peaks.into_iter().rev().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root);
        TreeHead { size: self.size, root }
    }
}

/// Roots of the perfect subtrees that a partial tile's hashes make, largest first.
fn level_peaks(hashes: &[Hash]) -> Vec<Hash> {
    let mut peaks = Vec::new();
    let mut rest = hashes;
    while !rest.is_empty() {
        let (peak, after) = rest.split_at(1 << rest.len().ilog2());
        peaks.push(root_of_hashes(peak));
        rest = after;
    }
    peaks
}

/// The tree of one log.
pub(crate) struct Tree {
    folder: PathBuf,
    edge: Edge,
}

impl Tree {
    /// A tree whose right edge is known; its full tiles stand in `folder`.
    pub(crate) fn new(folder: &Path, edge: Edge) -> Self {
        Self { folder: folder.to_path_buf(), edge }
    }

    pub(crate) const fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Appends entries, whose leaf hashes these are; tiles that become full are written, and not synced.
    pub(crate) fn append(&mut self, entries: &[Entry], leaves: &[Hash]) -> Result<(), LogFault> {
        for (entry, leaf) in entries.iter().zip(leaves) {
            self.edge.entries.push(*entry);
            self.edge.size += 1;
            if self.edge.entries.len() as u64 == TILE {
                let index = self.edge.size / TILE - 1;
                self.write(TileOf::Entries, index, &entries_bytes(&self.edge.entries))?;
                self.edge.entries.clear();
            }
            let mut hash = *leaf;
            for level in 0..LEVELS {
                if self.edge.levels.len() == level {
                    self.edge.levels.push(Vec::with_capacity(WIDTH.into()));
                }
                let hashes = &mut self.edge.levels[level];
                hashes.push(hash);
                if hashes.len() < WIDTH.into() {
                    break;
                }
                let full = std::mem::replace(hashes, Vec::with_capacity(WIDTH.into()));
                let index = (self.edge.size >> (8 * (level + 1))) - 1;
                let of = TileOf::Level(u8::try_from(level).unwrap_or(u8::MAX));
                self.write(of, index, &hashes_bytes(&full))?;
                hash = root_of_hashes(&full);
            }
        }
        Ok(())
    }

    fn write(&self, of: TileOf, index: u64, bytes: &[u8]) -> Result<(), LogFault> {
        let Some(tile) = Tile::of_tree(of, index, u64::MAX) else { return Ok(()) };
        write(&self.folder.join(tile.path()), bytes)
    }

    /// The view from which proofs are made; it is a copy of the edge.
    pub(crate) fn view(&self) -> TreeView {
        TreeView { folder: self.folder.clone(), edge: self.edge.clone() }
    }
}

/// A tree as it stood at one size: later ones only add to it.
pub(crate) struct TreeView {
    folder: PathBuf,
    edge: Edge,
}

impl TreeView {
    pub(crate) fn head(&self) -> TreeHead {
        self.edge.head()
    }

    /// The entry at an index below the size.
    pub(crate) fn entry(&self, index: u64) -> Result<Entry, LogFault> {
        let place = usize::try_from(index % TILE).unwrap_or(0);
        if index / TILE == self.edge.size / TILE {
            return self.edge.entries.get(place).copied().ok_or_else(|| self.outside());
        }
        let tile = Tile::of_tree(TileOf::Entries, index / TILE, self.edge.size).ok_or_else(|| self.outside())?;
        let path = self.folder.join(tile.path());
        let bytes = fs::read(&path).map_err(disk("read", &path))?;
        let entries = tile.entries(&bytes);
        let entry = entries.ok().and_then(|entries| comity_model::decode("an entry", entries.get(place)?).ok());
        entry.ok_or(LogFault::Damaged { path, what: "it is no tile of entries" })
    }

    fn outside(&self) -> LogFault {
        LogFault::Outside { size: self.edge.size }
    }

    /// Hashes of the tile of a level.
    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, LogFault> {
        let complete = self.edge.size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        if index == complete / TILE {
            let hashes = self.edge.levels.get(usize::from(level));
            return hashes.cloned().ok_or_else(|| self.outside());
        }
        let tile = Tile::of_tree(TileOf::Level(level), index, self.edge.size);
        let tile = tile.filter(|tile| tile.width() == WIDTH).ok_or_else(|| self.outside())?;
        let path = self.folder.join(tile.path());
        let bytes = fs::read(&path).map_err(disk("read", &path))?;
        tile.hashes(&bytes).map_err(|_| LogFault::Damaged { path, what: "it is no tile of hashes" })
    }

    /// The root of the perfect subtree of `2^level` leaves at `index`.
    fn node(&self, level: u32, index: u64) -> Result<Hash, LogFault> {
        let (tile_level, within) = (level / 8, level % 8);
        let first = index << within;
        let tile = self.tile(u8::try_from(tile_level).unwrap_or(u8::MAX), first / TILE)?;
        let place = usize::try_from(first % TILE).unwrap_or(0);
        let hashes = tile.get(place..place + (1 << within)).ok_or_else(|| self.outside())?;
        Ok(root_of_hashes(hashes))
    }

    fn proof(
        &self,
        make: impl FnOnce(&dyn Fn(u32, u64) -> Option<Hash>) -> Option<Vec<Hash>>,
    ) -> Result<Vec<Hash>, LogFault> {
        let fault = RefCell::new(None);
        let proof = make(&|level, index| match self.node(level, index) {
            Ok(hash) => Some(hash),
            Err(error) => {
                fault.borrow_mut().get_or_insert(error);
                None
            }
        });
        match fault.into_inner() {
            Some(fault) => Err(fault),
            None => proof.ok_or_else(|| self.outside()),
        }
    }

    /// The inclusion path of a leaf in the tree of the first `size` leaves.
    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, LogFault> {
        if size > self.edge.size {
            return Err(self.outside());
        }
        self.proof(|nodes| merkle::inclusion(index, size, &nodes))
    }

    /// The consistency proof from the tree of the first `old` leaves to that of the first `size`.
    pub(crate) fn consistency(&self, old: u64, size: u64) -> Result<Vec<Hash>, LogFault> {
        if size > self.edge.size {
            return Err(self.outside());
        }
        if old == 0 || old == size {
            return Ok(Vec::new());
        }
        self.proof(|nodes| merkle::consistency(old, size, &nodes))
    }

    /// The head of the tree of the first `size` leaves.
    pub(crate) fn head_at(&self, size: u64) -> Result<TreeHead, LogFault> {
        if size == 0 {
            return Ok(TreeHead { size, root: empty_root() });
        }
        let mut peaks = Vec::new();
        let mut start = 0u64;
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            peaks.push(self.node(level, start >> level)?);
            start += 1 << level;
        }
        let root = peaks.into_iter().rev().reduce(|right, left| node_hash(&left, &right));
        Ok(TreeHead { size, root: root.unwrap_or_else(empty_root) })
    }

    /// Writes the partial tiles of the tree of the first `size` leaves, which a reader of its checkpoint needs beside the full
    /// ones.
    pub(crate) fn write_partial(&self, size: u64) -> Result<(), LogFault> {
        if size > self.edge.size {
            return Err(self.outside());
        }
        for level in 0..u8::try_from(LEVELS).unwrap_or(0) {
            let complete = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            let (index, width) = (complete / TILE, usize::try_from(complete % TILE).unwrap_or(0));
            if width == 0 {
                continue;
            }
            let hashes = self.tile(level, index)?;
            let hashes = hashes.get(..width).ok_or_else(|| self.outside())?;
            self.partial(TileOf::Level(level), index, size, &hashes_bytes(hashes))?;
            if level == 0 {
                let entries: Result<Vec<Entry>, LogFault> =
                    (index * TILE..size).map(|index| self.entry(index)).collect();
                self.partial(TileOf::Entries, index, size, &entries_bytes(&entries?))?;
            }
        }
        Ok(())
    }

    fn partial(&self, of: TileOf, index: u64, size: u64, bytes: &[u8]) -> Result<(), LogFault> {
        let tile = Tile::of_tree(of, index, size).ok_or_else(|| self.outside())?;
        write(&self.folder.join(tile.path()), bytes)
    }
}

fn hashes_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn entries_bytes(entries: &[Entry]) -> Vec<u8> {
    const LENGTH: [u8; 2] = (Entry::LENGTH as u16).to_be_bytes();
    entries.iter().flat_map(|entry| LENGTH.into_iter().chain(entry.bytes())).collect()
}

/// Writes a file whose name means its content: what stands there already is the same, or was not written whole.
fn write(path: &Path, bytes: &[u8]) -> Result<(), LogFault> {
    match fs::write(path, bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path);
            fs::create_dir_all(folder).map_err(disk("create", folder))?;
            fs::write(path, bytes).map_err(disk("write", path))
        }
        other => other.map_err(disk("write", path)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use comity_verify::deposit::leaves;
    use comity_verify::merkle::Frontier;
    use proptest::prelude::*;

    fn entries(from: u64, count: u64) -> Vec<Entry> {
        let hash = |number: u64| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            Hash(bytes)
        };
        (from..from + count)
            .map(|number| Entry { version: 1, content: hash(number), statement: hash(!number) })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn the_tree_is_rfc_6962s_at_every_size_and_proves_every_leaf_and_every_growth(
            pieces in proptest::collection::vec(1u64..400, 1..6),
            picks in proptest::collection::vec(any::<(u64, u64)>(), 8),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut tree = Tree::new(folder.path(), Edge::default());
            let mut frontier = Frontier::new();
            let mut heads = vec![frontier.head()];
            for count in pieces {
                let entries = entries(tree.edge().size(), count);
                let leaves = leaves(&entries);
                tree.append(&entries, &leaves).unwrap();
                for leaf in leaves {
                    frontier.append(leaf);
                    heads.push(frontier.head());
                }
                prop_assert_eq!(tree.edge().head(), frontier.head());
                prop_assert!(tree.edge().is_sound());
            }
            let (view, size) = (tree.view(), frontier.size());
            for (index, at) in picks {
                let at = 1 + at % size;
                let index = index % at;
                let (old, new) = (heads[usize::try_from(index).unwrap()], heads[usize::try_from(at).unwrap()]);
                prop_assert_eq!(view.head_at(at).unwrap(), new);
                let entry = view.entry(index).unwrap();
                prop_assert_eq!(&entry, &entries(index, 1)[0]);
                let path = view.inclusion(index, at).unwrap();
                let leaf = comity_verify::deposit::leaf(&entry);
                prop_assert!(merkle::included(&leaf, index, &new, &path).is_ok());
                let proof = view.consistency(index, at).unwrap();
                prop_assert!(merkle::consistent(&old, &new, &proof).is_ok());
            }
            prop_assert!(view.inclusion(0, size + 1).is_err());
        }
    }

    #[test]
    fn a_reader_of_a_checkpoint_finds_the_partial_tiles_of_its_size_though_the_tree_has_grown() {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(folder.path(), Edge::default());
        let entries = entries(0, 700);
        tree.append(&entries, &leaves(&entries)).unwrap();
        tree.view().write_partial(300).unwrap();
        let tile = Tile::of_tree(TileOf::Level(0), 1, 300).unwrap();
        let hashes = tile.hashes(&fs::read(folder.path().join(tile.path())).unwrap()).unwrap();
        assert_eq!(hashes, leaves(&entries[256..300]));
        let tile = Tile::of_tree(TileOf::Entries, 1, 300).unwrap();
        let bytes = fs::read(folder.path().join(tile.path())).unwrap();
        assert_eq!(tile.entries(&bytes).unwrap()[43], entries[299].bytes());
        let tile = Tile::of_tree(TileOf::Level(1), 0, 300).unwrap();
        assert_eq!(fs::read(folder.path().join(tile.path())).unwrap(), root_of_hashes(&leaves(&entries[..256])).0);
    }
}
