//! Calls to whatever program is up now, each with a deadline, not too many at once. Knows no method.

use crate::config::{Paces, PluginConfig};
use crate::status::words;
use crate::supervise::{State, supervise};
use comity_adapters_ports::PortError;
use comity_proto::comity::adapter::v1::adapter_client::AdapterClient;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Code, IntoRequest, Request, Response, Status};

/// Most calls and most streams at once.
const AT_ONCE: usize = 64;

/// The way to a program. When the last one that holds it is gone, the program ends.
pub(crate) struct Link {
    state: watch::Receiver<State>,
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    supervisor: JoinHandle<()>,
    pub(crate) paces: Paces,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

/// Why a call has no answer.
pub(crate) enum CallError {
    /// The program's own answer.
    Status(Status),
    /// There was none.
    Port(PortError),
}

impl Link {
    /// Begins to keep a program up.
    pub(crate) fn new(config: PluginConfig) -> Self {
        let (sender, state) = watch::channel(State::Starting);
        let paces = config.paces.clone();
        let (calls, streams) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(AT_ONCE)));
        Self { state, calls, streams, supervisor: tokio::spawn(supervise(config, sender)), paces }
    }

    /// Asks once.
    pub(crate) async fn call<Q, A, F>(
        &self,
        question: Q,
        within: Duration,
        method: impl FnOnce(AdapterClient<Channel>, Request<Q>) -> F,
    ) -> Result<A, CallError>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let until = Instant::now() + within;
        let asking = async {
            let _permit = acquire(&self.calls).await?;
            let client = self.client().await?;
            let mut request = question.into_request();
            request.set_timeout(until.saturating_duration_since(Instant::now()));
            method(client, request).await.map(Response::into_inner).map_err(CallError::Status)
        };
        match tokio::time::timeout_at(until, asking).await {
            // The channel watches the same deadline, and either may see it first.
            Ok(Err(CallError::Status(status))) if matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded) => {
                Err(too_slow(within))
            }
            Ok(answer) => answer,
            Err(_) => Err(too_slow(within)),
        }
    }

    /// A place among the streams.
    pub(crate) async fn stream_permit(&self) -> Result<OwnedSemaphorePermit, CallError> {
        acquire(&self.streams).await
    }

    /// The program that is up; one that is being started for the first time is waited for.
    async fn client(&self) -> Result<AdapterClient<Channel>, CallError> {
        let mut state = self.state.clone();
        let known = state.wait_for(|state| !matches!(state, State::Starting)).await;
        match known.as_deref() {
            Ok(State::Up(connection)) => Ok(connection.client()),
            Ok(State::Down(reason)) => Err(CallError::Port(PortError::Unavailable(words(reason)))),
            Ok(State::Starting) | Err(_) => {
                Err(CallError::Port(PortError::Unavailable("the adapter is not watched any more".into())))
            }
        }
    }
}

async fn acquire(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, CallError> {
    let busy = |_| CallError::Port(PortError::Unavailable("the adapter is busy".into()));
    Arc::clone(places).acquire_owned().await.map_err(busy)
}

fn too_slow(within: Duration) -> CallError {
    let text = format!("PLUGIN_TOO_SLOW: the adapter does not answer within {} ms", within.as_millis());
    CallError::Port(PortError::Unavailable(text))
}
