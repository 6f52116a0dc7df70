//! Starting and stopping: from a configuration to tasks.

use crate::action::Route;
use crate::client::RemoteClient;
use crate::events::Ends;
use crate::view::View;
use crate::{Limits, PathConfig, RelayerConfig, clock, direction, keeper, share};
use comity_model::ChainId;
use comity_store::{Lease, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A running relayer. Dropping it stops it without waiting.
pub struct Relayer {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A configuration that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// A chain is listed twice.
    #[error("chain {0} is listed twice")]
    Twice(ChainId),
    /// A chain's ports are of another chain than its anchor.
    #[error("the node at hand serves {found}, the anchor is of {anchor}")]
    OtherChain {
        /// The anchor's chain.
        anchor: ChainId,
        /// The ports' chain.
        found: ChainId,
    },
    /// A path names a chain that is not listed.
    #[error("a path names chain {0}, which is not listed")]
    UnknownChain(ChainId),
    /// A path from a chain to itself.
    #[error("a path leads from {0} to itself")]
    ToItself(ChainId),
    /// There is no async runtime to run on.
    #[error("a relayer must be started within a tokio runtime")]
    NoRuntime,
}

/// How long stopping waits for tasks; they end at their next pause.
const STOP_WAIT: Duration = Duration::from_secs(5);

impl Relayer {
    /// Starts all tasks and returns. Chains that do not answer yet are waited for.
    pub fn start(config: RelayerConfig) -> Result<Self, BadConfig> {
        Self::begin(config, None)
    }

    /// As [`Relayer::start`], beside other relayers over the same store: one of them works each direction, another takes
    /// over within two of `term` after it went silent, at once after it was stopped.
    pub fn start_among(config: RelayerConfig, term: Duration) -> Result<Self, BadConfig> {
        let sharing = Sharing { store: Arc::clone(&config.store), name: clock::name(), term };
        Self::begin(config, Some(sharing))
    }

    fn begin(config: RelayerConfig, sharing: Option<Sharing>) -> Result<Self, BadConfig> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(BadConfig::NoRuntime);
        }
        let mut views = BTreeMap::new();
        for chain in config.chains {
            let id = chain.anchor.chain_id.clone();
            let found = chain.chain.headers.chain();
            if *found != id {
                let found = found.clone();
                return Err(BadConfig::OtherChain { anchor: id, found });
            }
            let view = Arc::new(View::new(chain, Arc::clone(&config.store)));
            if views.insert(id.clone(), view).is_some() {
                return Err(BadConfig::Twice(id));
            }
        }
        for path in &config.paths {
            let known = |id: &ChainId| views.contains_key(id);
            if let Some(unknown) = [&path.a, &path.b].into_iter().find(|id| !known(id)) {
                return Err(BadConfig::UnknownChain(unknown.clone()));
            }
            if path.a == path.b {
                return Err(BadConfig::ToItself(path.a.clone()));
            }
        }
        let relayer = Self { stop: CancellationToken::new(), tasks: TaskTracker::new() };
        for path in &config.paths {
            relayer.start_path(path, &views, &config.limits, sharing.as_ref());
        }
        // Last, so that every listener is there before the first hint.
        for view in views.values() {
            view.start(&relayer.tasks, &relayer.stop);
        }
        relayer.tasks.close();
        Ok(relayer)
    }

    /// Stops all tasks and waits for their end. What was under way is found in the chains' state at the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_WAIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks of the relayer did not end in time");
        }
    }

    fn start_path(
        &self,
        path: &PathConfig,
        views: &BTreeMap<ChainId, Arc<View>>,
        limits: &Limits,
        sharing: Option<&Sharing>,
    ) {
        let (Some(a), Some(b)) = (views.get(&path.a), views.get(&path.b)) else {
            return;
        };
        let client = |id: &comity_model::ClientId,
                      counterparty: &comity_model::ClientId,
                      host: &Arc<View>,
                      target: &Arc<View>| {
            let (id, counterparty) = (id.clone(), counterparty.clone());
            Arc::new(RemoteClient::new(id, counterparty, Arc::clone(host), Arc::clone(target)))
        };
        let on_a = client(&path.a_client, &path.b_client, a, b);
        let on_b = client(&path.b_client, &path.a_client, b, a);
        for (source_client, dest_client) in [(&on_a, &on_b), (&on_b, &on_a)] {
            let (route, limits) = (Arc::new(route(source_client, dest_client)), limits.clone());
            match sharing {
                None => self.spawn(direction::run(route, limits)),
                Some(sharing) => {
                    let (lease, term, stop) = (sharing.lease(&route), sharing.term, self.stop.clone());
                    self.tasks.spawn(async move {
                        let work = || direction::run(Arc::clone(&route), limits.clone());
                        share::while_held(lease, term, &route.name, stop, work).await;
                    });
                }
            }
        }
        for client in [on_a, on_b] {
            self.spawn(async move { keeper::keep(&client).await });
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled(task).await });
    }
}

/// How this relayer shares the work with others.
struct Sharing {
    store: Arc<dyn Store>,
    name: [u8; 16],
    term: Duration,
}

impl Sharing {
    /// A direction is told from every other by the clients at its ends.
    fn lease(&self, route: &Route) -> Lease {
        let ends = &route.ends;
        let name = format!("relay/{}/{}/{}", route.name, ends.source_client, ends.dest_client);
        Lease::new(Arc::clone(&self.store), &name, self.name, self.term)
    }
}

impl Drop for Relayer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn route(source_client: &Arc<RemoteClient>, dest_client: &Arc<RemoteClient>) -> Route {
    let (source, destination) = (&source_client.host, &source_client.target);
    Route {
        name: format!("{}>{}", source.id(), destination.id()),
        ends: Ends { source_client: source_client.id.clone(), dest_client: dest_client.id.clone() },
        source: Arc::clone(source),
        destination: Arc::clone(destination),
        source_client: Arc::clone(source_client),
        dest_client: Arc::clone(dest_client),
    }
}
