//! One connection: requests are answered in the order they come. Knows no request; ends with the socket, with a message
//! that is none, and with a request that has no answer, after the node was told so.

use crate::application::Application;
use crate::fault::{AbciError, Stop};
use crate::frame::{FrameError, read_frame, write_frame};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use tendermint_proto::v0_38::abci::response::Value as Answer;
use tendermint_proto::v0_38::abci::{Request, Response, ResponseException};

/// How much is read or written at once.
const BUFFER_BYTES: usize = 64 << 10;

/// A connected socket of either kind.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// A second handle to the same socket.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    /// Ends whatever reads from it or writes to it.
    pub(crate) fn shut_down(&self) {
        // It may be closed already.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            Self::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}

/// Serves a connection until it ends. An error is a fault of the application, and the end of the server.
pub(crate) fn serve(stream: Stream, id: u64, application: &Application) -> Result<(), AbciError> {
    let served = answer_all(stream, id, application);
    application.closed(id);
    match served {
        Ok(()) | Err(End::Socket) => Ok(()),
        Err(End::Fault(error)) => Err(error),
    }
}

enum End {
    /// The connection is of no more use; others go on.
    Socket,
    Fault(AbciError),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        tracing::debug!(%error, "a connection broke");
        Self::Socket
    }
}

fn answer_all(stream: Stream, id: u64, application: &Application) -> Result<(), End> {
    let mut target = BufWriter::with_capacity(BUFFER_BYTES, stream.try_clone()?);
    let mut source = BufReader::with_capacity(BUFFER_BYTES, stream);
    loop {
        let request = match read_frame::<Request>(&mut source) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(FrameError::Io(error)) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "a connection does not speak ABCI 2.0 and was closed");
                return Err(End::Socket);
            }
        };
        match application.answer(id, request) {
            Ok(answer) => write_frame(&mut target, &Response { value: Some(answer) })?,
            Err(stop) => {
                let error = match &stop {
                    Stop::Refused(why) => why.clone(),
                    Stop::Fault(fault) => fault.to_string(),
                };
                tracing::error!(error, "a request was not answered; the node will stop");
                let told = Response { value: Some(Answer::Exception(ResponseException { error })) };
                let told = write_frame(&mut target, &told).and_then(|()| target.flush());
                return Err(match stop {
                    Stop::Fault(fault) => End::Fault(AbciError::App(fault)),
                    Stop::Refused(_) => told.err().map_or(End::Socket, End::from),
                });
            }
        }
        // While more requests have arrived, their answers go out together.
        if source.buffer().is_empty() {
            target.flush()?;
        }
    }
}
