//! A TCP link that can be cut, made silent or slow, and healed: a port that passes on to another one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What the link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It passes everything on.
    Whole,
    /// Connections are closed, and new ones as soon as they come.
    Cut,
    /// Connections stay open and nothing comes any more, also later: the other side is gone and nobody said so.
    Silent,
    /// Each piece takes a quarter of a second.
    Slow,
}

/// What a slow link adds to each piece, and the largest piece it takes.
const DELAY: Duration = Duration::from_millis(250);
const PIECE: usize = 16 << 10;

/// The link; it ends with the value.
pub(crate) struct Link {
    pub(crate) port: u16,
    mode: watch::Sender<Mode>,
    _runtime: Arc<Runtime>,
}

impl Link {
    /// A link from `port` (0 takes a free one) to the port `to`.
    pub(crate) fn open(runtime: &Arc<Runtime>, port: u16, to: u16) -> Self {
        let listener =
            runtime.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))).expect("the port is free");
        let port = listener.local_addr().expect("an address").port();
        let (mode, watched) = watch::channel(Mode::Whole);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, to, watched.clone()));
            }
        });
        Self { port, mode, _runtime: Arc::clone(runtime) }
    }

    /// From now on it does this.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn pass(near: TcpStream, to: u16, mode: watch::Receiver<Mode>) {
    let mut cut = mode.clone();
    let passing = async {
        if *mode.borrow() == Mode::Silent {
            std::future::pending::<()>().await;
        }
        let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        tokio::join!(one_way(near_in, far_out, mode.clone()), one_way(far_in, near_out, mode.clone()));
    };
    tokio::select! {
        () = passing => {}
        () = becomes(&mut cut, Mode::Cut) => {}
    }
}

/// Waits until the link does this; for ever once nobody can change it any more.
async fn becomes(mode: &mut watch::Receiver<Mode>, wanted: Mode) {
    if mode.wait_for(|mode| *mode == wanted).await.is_err() {
        std::future::pending().await
    }
}

async fn one_way(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut piece = vec![0; PIECE];
    loop {
        let length = tokio::select! {
            read = from.read(&mut piece) => match read {
                Ok(length) if length > 0 => length,
                _ => return,
            },
            // A connection that was there when the silence began stays silent.
            () = becomes(&mut mode, Mode::Silent) => std::future::pending().await,
        };
        if *mode.borrow() == Mode::Slow {
            tokio::time::sleep(DELAY).await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
