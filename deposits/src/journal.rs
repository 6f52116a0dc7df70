//! The journal: frames in segments, one after the other, each on disk before it is told of. Knows no tree and no digest.
//!
//! `frames` beside the segments says where each frame begins; it is a hint that follows from the segments and is made anew
//! where it lags.

use crate::batch::Batch;
use crate::fault::{LogFault, disk};
use crate::frame::{self, Head, Row, UNIT};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::deposit::{Content, DepositBatch, Statement};
use comity_model::seal::Signature;
use comity_model::{Hash, UnixSeconds};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A segment is closed once it has so many bytes.
const SEGMENT_BYTES: u64 = 256 << 20;
/// Segments that are kept open for reading.
const OPEN_MAX: usize = 64;
/// Bytes of a row of `frames`: first index, segment, offset in units, big-endian.
const PLACE: usize = 16;

/// A place in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) struct Position {
    /// The segment's number.
    pub(crate) segment: u32,
    /// From its beginning, in bytes.
    pub(crate) offset: u64,
}

/// What the journal has of one deposit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Digests and size.
    pub content: Content,
    /// What its depositor states.
    pub statement: Statement,
    /// When it came, by the keeper's clock.
    pub at: UnixSeconds,
    /// The depositor's seal over the batch, if it came under one.
    pub seal: Option<(DepositBatch, Signature)>,
    /// The first index of its batch.
    pub batch_first: u64,
    /// The number of deposits of its batch.
    pub batch_count: u32,
}

/// The segments, for reading; shared.
pub(crate) struct Reader {
    folder: PathBuf,
    frames: File,
    open: Mutex<BTreeMap<u32, Arc<File>>>,
}

/// The end of the journal, for writing; one.
pub(crate) struct Writer {
    folder: PathBuf,
    file: File,
    at: Position,
    frames: File,
    /// Bytes of `frames`.
    frames_end: u64,
    buffer: Vec<u8>,
    places: Vec<u8>,
}

fn segment_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:08}.journal"))
}

fn frames_path(folder: &Path) -> PathBuf {
    folder.join("frames")
}

impl Reader {
    pub(crate) fn open(folder: &Path) -> Result<Self, LogFault> {
        let path = frames_path(folder);
        let frames = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        Ok(Self {
            folder: folder.to_path_buf(),
            frames: frames.map_err(disk("open", &path))?,
            open: Mutex::new(BTreeMap::new()),
        })
    }

    fn damaged(&self, segment: u32, what: &'static str) -> LogFault {
        LogFault::Damaged { path: segment_path(&self.folder, segment), what }
    }

    fn segment(&self, segment: u32) -> Result<Arc<File>, LogFault> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(file.clone());
        }
        let path = segment_path(&self.folder, segment);
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(disk("open", &path))?;
        if open.len() >= OPEN_MAX {
            open.pop_first();
        }
        let file = Arc::new(file);
        open.insert(segment, file.clone());
        Ok(file)
    }

    fn read(&self, at: Position, length: usize) -> Result<Vec<u8>, LogFault> {
        let mut bytes = vec![0; length];
        let file = self.segment(at.segment)?;
        let path = segment_path(&self.folder, at.segment);
        file.read_exact_at(&mut bytes, at.offset).map_err(disk("read", &path))?;
        Ok(bytes)
    }

    fn head(&self, at: Position) -> Result<Head, LogFault> {
        let bytes = self.read(at, UNIT)?;
        let head = bytes.first_chunk().and_then(Head::parse);
        head.ok_or_else(|| self.damaged(at.segment, "no frame begins where one should"))
    }

    /// Where the frame that holds the deposit begins.
    fn frame_of(&self, index: u64) -> Result<(Position, Head), LogFault> {
        let path = frames_path(&self.folder);
        let failed = || disk("read", &path);
        let rows = self.frames.metadata().map_err(failed())?.len() / PLACE as u64;
        let (mut low, mut high) = (0, rows);
        let mut found = None;
        while low < high {
            let middle = low.midpoint(high);
            let mut row = [0; PLACE];
            self.frames.read_exact_at(&mut row, middle * PLACE as u64).map_err(failed())?;
            let (first, at) = place(&row);
            if first <= index {
                found = Some(at);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let outside = || LogFault::Damaged { path: path.clone(), what: "a deposit is in no frame" };
        let at = found.ok_or_else(outside)?;
        let head = self.head(at)?;
        let inside = index.checked_sub(head.first).is_some_and(|place| place < u64::from(head.count));
        if inside { Ok((at, head)) } else { Err(outside()) }
    }

    /// A deposit; `None` where it was erased. Whether it is what its entry commits to is not judged here.
    pub(crate) fn deposit(&self, index: u64) -> Result<Option<Stored>, LogFault> {
        let (at, head) = self.frame_of(index)?;
        let inside = |offset: usize| Position { offset: at.offset + offset as u64, ..at };
        let place = u32::try_from(index - head.first).unwrap_or(u32::MAX);
        let row = self.read(inside(head.row_at(place)), UNIT)?;
        let Some(row) = row.first_chunk().and_then(Row::parse) else { return Ok(None) };
        let text = |text: frame::Text| {
            let end = head.texts_at() + text.at as usize + text.length as usize;
            if end > head.length() {
                return Err(self.damaged(at.segment, "a text lies outside its frame"));
            }
            self.read(inside(head.texts_at() + text.at as usize), text.length as usize)
        };
        let no_statement = || self.damaged(at.segment, "a statement cannot be read");
        let statement = frame::statement(&row, &text(row.item)?, &text(row.circumstances)?).ok_or_else(no_statement)?;
        let (seal_at, seal_length) = head.seal_at();
        let seal = frame::seal(&self.read(inside(seal_at), seal_length)?).ok_or_else(no_statement)?;
        Ok(Some(Stored {
            content: row.content,
            statement,
            at: head.at,
            seal,
            batch_first: head.first,
            batch_count: head.count,
        }))
    }

    /// The keys of all deposits up to a position, frame by frame with the index after its last, for an index that was lost; of
    /// deposits that were erased there are none.
    pub(crate) fn keys(
        &self,
        to: Position,
        mut take: impl FnMut(Vec<(u64, Hash)>, u64) -> Result<(), LogFault>,
    ) -> Result<(), LogFault> {
        let mut at = Position::default();
        while at < to {
            let path = segment_path(&self.folder, at.segment);
            let length = self.segment(at.segment)?.metadata().map_err(disk("read", &path))?.len();
            if at.offset >= length {
                at = Position { segment: at.segment + 1, offset: 0 };
                continue;
            }
            let head = self.head(at)?;
            let frame = self.read(at, head.length())?;
            let keys = frame::keys(&head, &frame);
            let keys = keys.ok_or_else(|| self.damaged(at.segment, "a frame cannot be read"))?;
            take(keys, head.first + u64::from(head.count))?;
            at.offset += head.length() as u64;
        }
        Ok(())
    }

    /// The batch that begins with the deposit of an index, if it answers the request; `None` also where some of it was erased.
    pub(crate) fn answer(&self, index: u64, request: &Hash) -> Result<Option<Batch>, LogFault> {
        let (at, head) = self.frame_of(index)?;
        if head.first != index || head.request.as_ref() != Some(request) {
            return Ok(None);
        }
        Ok(frame::batch(&head, &self.read(at, head.length())?))
    }

    /// Erases a deposit's row: salts, digests, size. On disk when this returns.
    pub(crate) fn erase(&self, index: u64) -> Result<(), LogFault> {
        let (at, head) = self.frame_of(index)?;
        let place = u32::try_from(index - head.first).unwrap_or(u32::MAX);
        let file = self.segment(at.segment)?;
        let path = segment_path(&self.folder, at.segment);
        file.write_all_at(&[0; UNIT], at.offset + head.row_at(place) as u64).map_err(disk("write", &path))?;
        file.sync_data().map_err(disk("sync", &path))
    }
}

fn place(row: &[u8; PLACE]) -> (u64, Position) {
    let first = u64::from_be_bytes(*row.first_chunk().unwrap_or(&[0; 8]));
    let segment = u32::from_be_bytes(*row[8..].first_chunk().unwrap_or(&[0; 4]));
    let units = u32::from_be_bytes(*row[12..].first_chunk().unwrap_or(&[0; 4]));
    (first, Position { segment, offset: u64::from(units) * UNIT as u64 })
}

/// A frame that was read back at a start.
pub(crate) struct Replayed {
    pub(crate) first: u64,
    pub(crate) batch: Batch,
}

impl Writer {
    /// Opens the journal's end: reads all frames from `from` on, of which the first has index `next`, hands each to `take`,
    /// and cuts off what was not written whole. A frame that is whole and cannot be read is damage, never an end.
    pub(crate) fn open(
        folder: &Path,
        from: Position,
        mut next: u64,
        mut take: impl FnMut(Replayed) -> Result<(), LogFault>,
    ) -> Result<Self, LogFault> {
        let frames_at = frames_path(folder);
        let frames = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&frames_at);
        let frames = frames.map_err(disk("open", &frames_at))?;
        let frames_end = before(&frames, next).map_err(disk("read", &frames_at))?;
        let mut at = from;
        let mut places = Vec::new();
        loop {
            let path = segment_path(folder, at.segment);
            let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
            let file = file.map_err(disk("open", &path))?;
            let length = file.metadata().map_err(disk("read", &path))?.len();
            if length < at.offset {
                return Err(LogFault::Damaged { path, what: "it is shorter than what was synced of it" });
            }
            let mut reader = Frames { file: &file, path: &path, at: at.offset };
            while let Some((head, frame)) = reader.next()? {
                let damaged = |what| LogFault::Damaged { path: path.clone(), what };
                if head.first != next {
                    return Err(damaged("a frame does not follow the one before"));
                }
                let batch = frame::batch(&head, &frame).ok_or_else(|| damaged("a whole frame cannot be read"))?;
                put_place(&mut places, next, Position { offset: reader.at - frame.len() as u64, ..at });
                take(Replayed { first: next, batch })?;
                next += u64::from(head.count);
            }
            at.offset = reader.at;
            let following = Position { segment: at.segment + 1, offset: 0 };
            if segment_path(folder, following.segment).exists() {
                if at.offset != length {
                    return Err(LogFault::Damaged {
                        path,
                        what: "a segment that was closed does not end with a frame",
                    });
                }
                at = following;
                continue;
            }
            if reader.goes_on_after(next)? {
                return Err(LogFault::Damaged { path, what: "what was synced of it is no longer what was written" });
            }
            if at.offset != length {
                tracing::warn!(bytes = length - at.offset, "cut off what was being written when the log stopped");
                file.set_len(at.offset).and_then(|()| file.sync_all()).map_err(disk("cut", &path))?;
            }
            frames.set_len(frames_end).map_err(disk("cut", &frames_at))?;
            frames.write_all_at(&places, frames_end).map_err(disk("write", &frames_at))?;
            let frames_end = frames_end + places.len() as u64;
            places.clear();
            let folder = folder.to_path_buf();
            return Ok(Self { folder, file, at, frames, frames_end, buffer: Vec::new(), places });
        }
    }

    /// Where the next frame will begin.
    pub(crate) const fn at(&self) -> Position {
        self.at
    }

    /// Writes batches, the first of which begins at index `first`, and returns when they are on disk. After an error nothing
    /// more may be written: the journal is opened again.
    pub(crate) fn append<'a>(&mut self, first: u64, batches: impl Iterator<Item = &'a Batch>) -> Result<(), LogFault> {
        self.buffer.clear();
        self.places.clear();
        let mut next = first;
        for batch in batches {
            let offset = self.at.offset + self.buffer.len() as u64;
            put_place(&mut self.places, next, Position { offset, ..self.at });
            frame::write(batch, next, first, &mut self.buffer);
            next += batch.entries().len() as u64;
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        let path = segment_path(&self.folder, self.at.segment);
        self.file.write_all_at(&self.buffer, self.at.offset).map_err(disk("write", &path))?;
        self.file.sync_data().map_err(disk("sync", &path))?;
        self.at.offset += self.buffer.len() as u64;
        // Readers find a frame once its place stands.
        let path = frames_path(&self.folder);
        self.frames.write_all_at(&self.places, self.frames_end).map_err(disk("write", &path))?;
        self.frames_end += self.places.len() as u64;
        if self.at.offset >= SEGMENT_BYTES {
            self.at = Position { segment: self.at.segment + 1, offset: 0 };
            let path = segment_path(&self.folder, self.at.segment);
            let file = OpenOptions::new().create_new(true).read(true).write(true).open(&path);
            self.file = file.map_err(disk("create", &path))?;
            // Its name must be on disk before anything in it is told of.
            let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
            folder.map_err(disk("sync", &self.folder))?;
        }
        if self.buffer.capacity() > 16 << 20 {
            self.buffer = Vec::new();
        }
        Ok(())
    }
}

fn put_place(places: &mut Vec<u8>, first: u64, at: Position) {
    places.extend_from_slice(&first.to_be_bytes());
    places.extend_from_slice(&at.segment.to_be_bytes());
    let units = u32::try_from(at.offset / UNIT as u64).unwrap_or(u32::MAX);
    places.extend_from_slice(&units.to_be_bytes());
}

/// Bytes of `frames` that are about deposits before `next`.
fn before(frames: &File, next: u64) -> std::io::Result<u64> {
    let (mut low, mut high) = (0, frames.metadata()?.len() / PLACE as u64);
    while low < high {
        let middle = low.midpoint(high);
        let mut row = [0; PLACE];
        frames.read_exact_at(&mut row, middle * PLACE as u64)?;
        if place(&row).0 < next { low = middle + 1 } else { high = middle }
    }
    Ok(low * PLACE as u64)
}

struct Frames<'a> {
    file: &'a File,
    path: &'a Path,
    at: u64,
}

impl Frames<'_> {
    /// The next whole frame; `None` at the end, and where one was not written whole.
    fn next(&mut self) -> Result<Option<(Head, Vec<u8>)>, LogFault> {
        let left = self.file.metadata().map_err(disk("read", self.path))?.len() - self.at;
        let mut head = [0; UNIT];
        if left < UNIT as u64 {
            return Ok(None);
        }
        self.file.read_exact_at(&mut head, self.at).map_err(disk("read", self.path))?;
        let Some(head) = Head::parse(&head).filter(|head| head.length() as u64 <= left) else { return Ok(None) };
        let mut frame = vec![0; head.length()];
        self.file.read_exact_at(&mut frame, self.at).map_err(disk("read", self.path))?;
        if !head.holds(&frame) {
            return Ok(None);
        }
        self.at += frame.len() as u64;
        Ok(Some((head, frame)))
    }

    /// Whether, after what is no whole frame, one stands that was written when more than `count` deposits were on disk: then
    /// this was no frame that was being written, but one that was damaged.
    fn goes_on_after(&self, count: u64) -> Result<bool, LogFault> {
        let failed = || disk("read", self.path);
        let end = self.file.metadata().map_err(failed())?.len();
        let mut window = vec![0; 1 << 20];
        let mut at = self.at;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(window.len());
            self.file.read_exact_at(&mut window[..length], at).map_err(failed())?;
            for (unit, head) in (0u64..).zip(window[..length].as_chunks::<UNIT>().0) {
                let Some(head) = Head::parse(head).filter(|head| head.synced > count) else { continue };
                let mut frame = vec![0; head.length()];
                let whole = self.file.read_exact_at(&mut frame, at + unit * UNIT as u64).is_ok();
                if whole && head.holds(&frame) {
                    return Ok(true);
                }
            }
            at += length as u64;
        }
        Ok(false)
    }
}
