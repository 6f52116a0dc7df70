//! A store as a file: every row as of one point in time, in order, with a checksum over all of it. The same form for every
//! backend, so a backup of one can be restored into another. Its layout stands in docs/formats.md.
//! Refuses to know what the rows mean.

use crate::{Batch, KEY_BYTES_MAX, Store, StoreError, Table, VALUE_BYTES_MAX};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// What a backup starts with; the last byte is its version.
const MAGIC: &[u8; 8] = b"COMITYS1";
/// Before a row, and before the end.
const ROW: u8 = 1;
const END: u8 = 0;
/// Longest name of a table in bytes, and most tables that a backup may name.
const TABLE_BYTES_MAX: usize = 64;
const TABLES_MAX: usize = 256;
/// A commit of a restore takes no further row once it has this many, or writes this much.
const COMMIT_ROWS_MAX: usize = 1_000;
const COMMIT_BYTES_MAX: usize = 4 << 20;
/// Rows that a snapshot is ahead of whoever takes them.
const AHEAD_ROWS_MAX: usize = 64;

/// Where a restore that was begun and not ended is noted: one row, gone with the last commit.
const RESTORE: Table = Table("store_restore");
const UNDER_WAY: &[u8] = b"under_way";

/// A row with its table's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRow {
    /// The table.
    pub table: String,
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// A backend that can be copied while it is used.
#[async_trait]
pub trait Snapshot: Send + Sync {
    /// Sends every row of every table as of one point in time, ascending by table and key; what is committed later is not
    /// among them. Ends early, without an error, when nobody receives any more.
    async fn snapshot(&self, rows: mpsc::Sender<NamedRow>) -> Result<(), StoreError>;
}

/// What a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
}

impl Contents {
    /// All rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// Why a backup was not written, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file, or the connection that it comes over, failed.
    #[error("the backup could not be read or written")]
    Io(#[from] std::io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not a backup of this program.
    #[error("this is no backup of a store")]
    NotABackup,
    /// It was written by a newer version of the program.
    #[error("the backup has version {0}; this program reads version 1: restore it with the newer program")]
    Newer(char),
    /// It was cut off, or changed.
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    /// The store that it was to be restored into holds something.
    #[error("the store is not empty: a backup is restored into an empty one only")]
    NotEmpty,
}

/// Writes a backup of `store`, as it is now, to `out`; whole once this returns.
///
/// # Errors
/// [`BackupError`]; what was written is no backup then, and is refused as cut off.
pub async fn write(store: &dyn Snapshot, out: &mut (impl AsyncWrite + Unpin + Send)) -> Result<Contents, BackupError> {
    let (sender, rows) = mpsc::channel(AHEAD_ROWS_MAX);
    let mut contents = Contents::default();
    let (sent, written) = tokio::join!(store.snapshot(sender), write_rows(rows, out, &mut contents));
    let (mut hash, mut frame) = written?;
    // Only a whole snapshot is ended.
    sent?;
    frame.push(END);
    frame.extend_from_slice(&contents.rows().to_be_bytes());
    hash.update(&frame);
    frame.extend_from_slice(&hash.finalize());
    out.write_all(&frame).await?;
    out.flush().await?;
    Ok(contents)
}

/// Writes what comes. Its end of the channel is gone when it returns, so that a snapshot whose taker failed ends.
async fn write_rows(
    mut rows: mpsc::Receiver<NamedRow>,
    out: &mut (impl AsyncWrite + Unpin + Send),
    contents: &mut Contents,
) -> Result<(Sha256, Vec<u8>), std::io::Error> {
    let mut hash = Sha256::new();
    let mut frame = MAGIC.to_vec();
    while let Some(row) = rows.recv().await {
        frame.push(ROW);
        for part in [row.table.as_bytes(), &row.key, &row.value] {
            frame.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            frame.extend_from_slice(part);
        }
        hash.update(&frame);
        out.write_all(&frame).await?;
        frame.clear();
        *contents.tables.entry(row.table).or_default() += 1;
    }
    Ok((hash, frame))
}

/// Reads a backup to its end and checks it; nothing is written anywhere.
///
/// # Errors
/// [`BackupError`].
pub async fn inspect(input: impl AsyncRead + Unpin + Send) -> Result<Contents, BackupError> {
    let mut reader = Reader::begin(input).await?;
    while reader.row().await?.is_some() {}
    Ok(reader.contents)
}

/// Restores a backup into an empty store. One that was broken off is noted in the store: see [`is_half_restored`]. Check
/// the backup with [`inspect`] first: here its checksum is known only when its rows are written.
///
/// # Errors
/// [`BackupError`]; the store is not to be used then.
pub async fn restore<S: Store + Snapshot>(
    store: &S,
    input: impl AsyncRead + Unpin + Send,
) -> Result<Contents, BackupError> {
    let mut reader = Reader::begin(input).await?;
    let (sender, mut first) = mpsc::channel(1);
    let looking = async { first.recv().await.is_some() };
    // Dropping the receiver with the first row ends the snapshot.
    let holds_something = tokio::select! {
        sent = store.snapshot(sender) => { sent?; first.try_recv().is_ok() }
        found = looking => found,
    };
    if holds_something {
        return Err(BackupError::NotEmpty);
    }
    store.commit(Batch::new().absent(RESTORE, UNDER_WAY).put(RESTORE, UNDER_WAY, "")).await?;
    let mut names = Names::default();
    let (mut batch, mut bytes) = (Batch::new(), 0);
    while let Some(row) = reader.row().await? {
        if row.table == RESTORE.0 {
            return Err(BackupError::Damaged("it was taken of a store that was not restored to its end"));
        }
        bytes += row.key.len() + row.value.len();
        batch = batch.put(names.table(row.table)?, row.key, row.value);
        if batch.writes.len() >= COMMIT_ROWS_MAX || bytes >= COMMIT_BYTES_MAX {
            store.commit(std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
    }
    store.commit(batch.delete(RESTORE, UNDER_WAY)).await?;
    Ok(reader.contents)
}

/// Whether a restore into this store was begun and did not come to its end: it must not be used.
///
/// # Errors
/// The store's.
pub async fn is_half_restored(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.read(RESTORE, UNDER_WAY).await?.is_some())
}

/// Names of tables live as long as the program; a backup may name few.
#[derive(Default)]
struct Names(BTreeMap<String, Table>);

impl Names {
    fn table(&mut self, name: String) -> Result<Table, BackupError> {
        if let Some(table) = self.0.get(&name) {
            return Ok(*table);
        }
        if self.0.len() >= TABLES_MAX {
            return Err(BackupError::Damaged("it names too many tables"));
        }
        let table = Table(Box::leak(name.clone().into_boxed_str()));
        self.0.insert(name, table);
        Ok(table)
    }
}

struct Reader<R> {
    input: R,
    hash: Sha256,
    contents: Contents,
    last: Option<(String, Vec<u8>)>,
    ended: bool,
}

impl<R: AsyncRead + Unpin + Send> Reader<R> {
    async fn begin(mut input: R) -> Result<Self, BackupError> {
        let mut magic = [0; 8];
        input.read_exact(&mut magic).await.map_err(|_| BackupError::NotABackup)?;
        let (name, version) = magic.split_at(7);
        match version {
            _ if !MAGIC.starts_with(name) => return Err(BackupError::NotABackup),
            [b'1'] => {}
            version => return Err(BackupError::Newer(version.first().copied().map_or('?', char::from))),
        }
        let mut hash = Sha256::new();
        hash.update(magic);
        Ok(Self { input, hash, contents: Contents::default(), last: None, ended: false })
    }

    /// The next row; `None` after the last, once the checksum was found right and nothing follows.
    async fn row(&mut self) -> Result<Option<NamedRow>, BackupError> {
        if self.ended {
            return Ok(None);
        }
        let mut tag = [0];
        self.read(&mut tag).await?;
        match tag {
            [ROW] => {}
            [END] => return self.end().await.map(|()| None),
            _ => return Err(BackupError::Damaged("a row does not start where it should")),
        }
        let table = String::from_utf8(self.part(TABLE_BYTES_MAX).await?)
            .map_err(|_| BackupError::Damaged("the name of a table is no text"))?;
        let (key, value) = (self.part(KEY_BYTES_MAX).await?, self.part(VALUE_BYTES_MAX).await?);
        let place = (table, key);
        if self.last.as_ref().is_some_and(|last| *last >= place) {
            return Err(BackupError::Damaged("rows are not in order"));
        }
        self.last = Some(place.clone());
        let (table, key) = place;
        *self.contents.tables.entry(table.clone()).or_default() += 1;
        Ok(Some(NamedRow { table, key, value }))
    }

    async fn end(&mut self) -> Result<(), BackupError> {
        let mut count = [0; 8];
        self.read(&mut count).await?;
        let expected = self.hash.clone().finalize();
        let mut found = [0; 32];
        self.read(&mut found).await?;
        if u64::from_be_bytes(count) != self.contents.rows() || found[..] != expected[..] {
            return Err(BackupError::Damaged("its checksum does not hold"));
        }
        if self.input.read(&mut [0]).await? != 0 {
            return Err(BackupError::Damaged("something follows its end"));
        }
        self.ended = true;
        Ok(())
    }

    async fn part(&mut self, bytes_max: usize) -> Result<Vec<u8>, BackupError> {
        let mut length = [0; 4];
        self.read(&mut length).await?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > bytes_max {
            return Err(BackupError::Damaged("a part of a row is longer than a store keeps"));
        }
        let mut part = vec![0; length];
        self.read(&mut part).await?;
        Ok(part)
    }

    async fn read(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        match self.input.read_exact(bytes).await {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(BackupError::Damaged("it was cut off"));
            }
            Err(error) => return Err(error.into()),
        }
        self.hash.update(bytes);
        Ok(())
    }
}
