//! Following a chain through a program: every block in turn, whatever becomes of the program meanwhile. The place is kept
//! here, so that a program that starts again leaves no gap.

use crate::link::{CallError, Link};
use crate::status::port_error;
use crate::wire;
use comity_adapters_ports::{BlockEvents, PortError};
use comity_model::Height;
use comity_proto::comity::adapter::v1 as proto;
use futures::stream::{self, BoxStream, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tonic::Streaming;

/// First and longest pause after an error.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

pub(crate) fn follow(link: Arc<Link>, from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
    let follower = Follower {
        link,
        next: from.0.max(1),
        source: None,
        last_progress: Instant::now(),
        pause: PAUSE.0,
        rest: false,
    };
    stream::unfold(follower, |mut follower| async move {
        let item = follower.advance().await;
        Some((item, follower))
    })
    .boxed()
}

struct Follower {
    link: Arc<Link>,
    next: u64,
    source: Option<(Streaming<proto::Block>, OwnedSemaphorePermit)>,
    last_progress: Instant,
    pause: Duration,
    /// Whether to pause before the next attempt.
    rest: bool,
}

impl Follower {
    async fn advance(&mut self) -> Result<BlockEvents, PortError> {
        if std::mem::take(&mut self.rest) {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(PAUSE.1);
        }
        let silent_at = self.last_progress + self.link.paces.silence_limit;
        match tokio::time::timeout_at(silent_at, self.read()).await {
            Ok(Ok(block)) => {
                self.next = self.next.saturating_add(1);
                self.last_progress = Instant::now();
                self.pause = PAUSE.0;
                Ok(block)
            }
            Ok(Err(error)) => {
                self.source = None;
                self.rest = true;
                Err(error)
            }
            Err(_) => {
                let silent = self.last_progress.elapsed().as_secs();
                self.last_progress = Instant::now();
                // It may be the stream that is silent.
                self.source = None;
                Err(PortError::Silent(silent))
            }
        }
    }

    async fn read(&mut self) -> Result<BlockEvents, PortError> {
        let next = Height(self.next);
        let meant = |error| match error {
            CallError::Status(status) => port_error(&status, next),
            CallError::Port(error) => error,
        };
        if self.source.is_none() {
            let permit = self.link.stream_permit().await.map_err(meant)?;
            let stream = self.open().await.map_err(meant)?;
            self.source = Some((stream, permit));
        }
        let Some((stream, _)) = &mut self.source else {
            return Err(PortError::Unavailable("there is no stream".into()));
        };
        let block = match stream.message().await {
            Ok(Some(block)) => block,
            Ok(None) => return Err(PortError::Unavailable("the adapter ended the stream".into())),
            Err(status) => return Err(port_error(&status, next)),
        };
        if block.height != self.next {
            let text = format!("block {next} is next, the adapter tells of {}", block.height);
            return Err(PortError::Malformed(text));
        }
        let events = wire::events(&block.events).map_err(|error| PortError::Malformed(error.to_string()))?;
        Ok(BlockEvents { height: next, events })
    }

    /// The stream has no deadline; its first headers have.
    async fn open(&self) -> Result<Streaming<proto::Block>, CallError> {
        let question = proto::FollowRequest { from: self.next };
        self.link
            .call(question, self.link.paces.answer_timeout, |mut client, mut request| async move {
                request.metadata_mut().remove("grpc-timeout");
                client.follow(request).await
            })
            .await
    }
}
