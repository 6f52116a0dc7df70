//! The program as a child of ours: started without a shell and with next to nothing of our environment, its words read into
//! the log line by line, its end seen and, if need be, brought about. Knows nothing of what it serves.

use crate::SOCKET_VARIABLE;
use crate::error::PluginError;
use crate::status::words;
use comity_model::ChainId;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What of our environment a program sees: never a secret.
const PASSED_ON: [&str; 3] = ["PATH", "HOME", "TMPDIR"];
/// Longest line of log that is kept, in bytes; the rest of a line is left out.
const LINE_BYTES_MAX: usize = 1_000;
/// Most lines of log in a second; how many more there were is said.
const LINES_PER_SECOND: u32 = 50;
/// How long a program may take to end after its standard input did.
const END_WITHIN: Duration = Duration::from_secs(3);
/// How often its end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A program that was started. It is killed when this is dropped.
pub(crate) struct Process {
    child: Option<Child>,
    socket: PathBuf,
    last: LastWords,
    _folder: tempfile::TempDir,
}

type LastWords = Arc<Mutex<Option<String>>>;

impl Process {
    /// Starts it with a socket's path in a new folder that only we may enter.
    pub(crate) fn start(program: &Path, args: &[String], chain: &ChainId) -> Result<Self, PluginError> {
        let shown = || program.display().to_string();
        let not_started = |source| PluginError::NotStarted { program: shown(), source };
        let folder = tempfile::Builder::new().prefix("comity-adapter-").tempdir().map_err(not_started)?;
        let socket = folder.path().join("socket");
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .envs(PASSED_ON.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))))
            .env(SOCKET_VARIABLE, &socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C at a terminal is for us: the program ends when we have.
            .process_group(0);
        let mut child = command.spawn().map_err(|source| match source.kind() {
            ErrorKind::NotFound => PluginError::NotFound { program: shown() },
            _ => not_started(source),
        })?;
        let last = LastWords::default();
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, "stderr", chain, &last).map_err(not_started)?;
        }
        if let Some(stdout) = child.stdout.take() {
            listen(stdout, "stdout", chain, &LastWords::default()).map_err(not_started)?;
        }
        Ok(Self { child: Some(child), socket, last, _folder: folder })
    }

    /// Where it listens, once it does.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its last line of log.
    pub(crate) fn said(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<PluginError> {
        let status = match self.child.as_mut()?.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Some(PluginError::Died { status, said: self.said() })
    }

    /// Ends it: its standard input ends, and so must it; if it does not, it is killed.
    pub(crate) async fn stop(mut self) {
        if let Some(child) = &mut self.child {
            drop(child.stdin.take());
        }
        let until = Instant::now() + END_WITHIN;
        while self.ended().is_none() {
            if Instant::now() > until {
                tracing::warn!("an adapter did not end with its standard input: it is killed");
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // After its end this does nothing; it was not waited for elsewhere, so its id is still its own.
            let _ = child.kill();
            let reap = std::thread::Builder::new().name("adapter-end".into()).spawn(move || child.wait());
            if let Err(error) = reap {
                tracing::warn!(%error, "an ended adapter stays in the process table");
            }
        }
    }
}

/// Reads what it says until it has ended.
fn listen(
    source: impl Read + Send + 'static,
    name: &'static str,
    chain: &ChainId,
    last: &LastWords,
) -> std::io::Result<()> {
    let (chain, last) = (chain.clone(), Arc::clone(last));
    let read = move || {
        let mut lines = Lines { source: BufReader::new(source) };
        let (mut second, mut said) = (Instant::now(), 0u32);
        while let Some(line) = lines.next() {
            if second.elapsed() > Duration::from_secs(1) {
                if said > LINES_PER_SECOND {
                    tracing::warn!(%chain, lines = said - LINES_PER_SECOND, "the adapter says too much: lines left out");
                }
                (second, said) = (Instant::now(), 0);
            }
            said = said.saturating_add(1);
            if said <= LINES_PER_SECOND {
                tracing::info!(%chain, stream = name, "adapter: {line}");
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
            }
        }
    };
    std::thread::Builder::new().name(format!("adapter-{name}")).spawn(read).map(|_| ())
}

/// Lines of bounded length.
struct Lines<R> {
    source: R,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let chunk = match self.source.fill_buf() {
                Ok([]) | Err(_) if line.is_empty() => return None,
                Ok([]) | Err(_) => break,
                Ok(chunk) => chunk,
            };
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let text = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let room = LINE_BYTES_MAX.saturating_sub(line.len());
            line.extend(text.iter().take(room));
            let read = end.map_or(chunk.len(), |end| end + 1);
            self.source.consume(read);
            if end.is_some() {
                break;
            }
        }
        Some(words(&String::from_utf8_lossy(&line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_cut_and_the_next_is_read_whole() {
        let text = [vec![b'x'; 100_000], b"\nnext\n\nlast".to_vec()].concat();
        let mut lines = Lines { source: BufReader::new(text.as_slice()) };
        let first = lines.next().expect("a line");
        assert!(first.len() <= LINE_BYTES_MAX && first.starts_with('x'));
        let rest: Vec<_> = std::iter::from_fn(|| lines.next()).collect();
        assert_eq!(rest, ["next", "", "last"]);
    }
}
