//! The door of a store file that a process has open: a Unix socket beside the file, through which the process hands out a
//! backup while it runs. Who may open the socket may read the file: both are the owner's alone.
//! Refuses to take anything in.

use crate::failure::{Failure, OrFail};
use comity_store::RedbStore;
use comity_store::backup::{self, BackupError};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// What is asked for.
const BACKUP: &[u8; 8] = b"BACKUP1\n";
/// How long a caller may take to say what it wants, and how long a backup may take to be taken over.
const ASK_MAX: Duration = Duration::from_secs(5);
const BACKUP_MAX: Duration = Duration::from_secs(3_600);

/// Where the door of the store at `path` is.
fn door(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}

/// Opens the door of `store`, as long as the store is open; one backup at a time. A door that cannot be opened stops
/// nobody: the backup is then taken while the process is stopped.
pub(super) fn open(path: &Path, store: &Arc<RedbStore>) {
    let place = door(path);
    match listen(&place) {
        Ok(listener) => drop(tokio::spawn(serve(listener, Arc::downgrade(store), place))),
        Err(error) => {
            tracing::warn!(%error, place = %place.display(), "no backup can be taken while this process runs");
        }
    }
}

fn listen(place: &Path) -> std::io::Result<UnixListener> {
    // Whoever has the store open is the only one: a socket that is there was left behind.
    match std::fs::remove_file(place) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(place)?;
    std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn serve(listener: UnixListener, store: Weak<RedbStore>, place: PathBuf) {
    loop {
        let caller = match listener.accept().await {
            Ok((caller, _)) => caller,
            Err(error) => {
                tracing::warn!(%error, place = %place.display(), "a caller could not be let in");
                tokio::time::sleep(ASK_MAX).await;
                continue;
            }
        };
        let Some(store) = store.upgrade() else { return };
        match tokio::time::timeout(BACKUP_MAX, hand_out(&store, caller)).await {
            Ok(Ok(rows)) => tracing::info!(rows, "a backup of the store was taken"),
            Ok(Err(error)) => tracing::warn!(%error, "a backup of the store was not taken"),
            Err(_) => tracing::warn!("a backup of the store took too long"),
        }
    }
}

async fn hand_out(store: &RedbStore, mut caller: UnixStream) -> Result<u64, BackupError> {
    let mut asked = [0; 8];
    let late = |_| std::io::Error::from(ErrorKind::TimedOut);
    tokio::time::timeout(ASK_MAX, caller.read_exact(&mut asked)).await.map_err(late)??;
    if asked != *BACKUP {
        return Err(std::io::Error::from(ErrorKind::InvalidData).into());
    }
    let contents = backup::write(store, &mut caller).await?;
    caller.shutdown().await?;
    Ok(contents.rows())
}

/// Asks the process that has the store at `path` open for a backup; `None` where there is none.
pub(super) async fn ask(path: &Path) -> Result<Option<UnixStream>, Failure> {
    let place = door(path);
    let mut stream = match UnixStream::connect(&place).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => {
            return Err(Failure::fault(format!("{} could not be opened", place.display())).because(error));
        }
    };
    stream.write_all(BACKUP).await.or_fault(|| "the running process does not answer".into())?;
    Ok(Some(stream))
}
