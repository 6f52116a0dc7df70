//! Starting, changing and stopping: from a configuration to tasks.

use crate::action::Route;
use crate::client::RemoteClient;
use crate::events::Ends;
use crate::view::View;
use crate::{ChainConfig, Limits, PathConfig, RelayerConfig, clock, direction, keeper, share};
use comity_model::ChainId;
use comity_store::{Lease, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A running relayer. Dropping it stops it without waiting.
pub struct Relayer {
    stop: CancellationToken,
    tasks: TaskTracker,
    store: Arc<dyn Store>,
    sharing: Option<Sharing>,
    limits: watch::Sender<Limits>,
    /// Each chain with what stops its view.
    views: BTreeMap<ChainId, (Arc<View>, CancellationToken)>,
    /// Each path with what stops its tasks.
    paths: Vec<(PathConfig, CancellationToken)>,
}

/// What a relayer is to serve from now on: see [`Relayer::change`].
pub struct Change {
    /// Chains that are served as before.
    pub kept: Vec<ChainId>,
    /// Chains that are new, or reached otherwise.
    pub chains: Vec<ChainConfig>,
    /// All paths.
    pub paths: Vec<PathConfig>,
    /// Bounds and paces.
    pub limits: Limits,
}

/// What a change came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Paths that were begun, or begun anew because a chain of theirs is reached otherwise.
    pub begun: usize,
    /// Paths that were left.
    pub left: usize,
    /// Paths that went on without a pause.
    pub went_on: usize,
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
    /// A path stands twice.
    #[error("the path between {0} and {1} stands twice")]
    PathTwice(ChainId, ChainId),
    /// A chain that was to be kept is not served.
    #[error("chain {0} was to be kept, and is not served")]
    NotServed(ChainId),
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
        let mut relayer = Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            store: config.store,
            sharing,
            limits: watch::Sender::new(config.limits.clone()),
            views: BTreeMap::new(),
            paths: Vec::new(),
        };
        relayer.tasks.close();
        let RelayerConfig { chains, paths, limits, .. } = config;
        relayer.change(Change { kept: Vec::new(), chains, paths, limits })?;
        Ok(relayer)
    }

    /// Serves something else from now on. The change is checked whole before any of it is made; one that is refused changes
    /// nothing. Paths between chains that are kept go on without a pause, also under other limits. What was under way on a
    /// path that is left or begun anew is in the chains' state, where whoever serves the path finds it.
    ///
    /// # Errors
    /// [`BadConfig`]; everything goes on as before.
    pub fn change(&mut self, change: Change) -> Result<Changed, BadConfig> {
        let mut views: BTreeMap<ChainId, (Arc<View>, CancellationToken)> = BTreeMap::new();
        for id in change.kept {
            let (id, running) = self.views.get_key_value(&id).ok_or_else(|| BadConfig::NotServed(id.clone()))?;
            views.insert(id.clone(), running.clone());
        }
        let mut begun = Vec::new();
        for chain in change.chains {
            let id = chain.anchor.chain_id.clone();
            let found = chain.chain.headers.chain();
            if *found != id {
                let found = found.clone();
                return Err(BadConfig::OtherChain { anchor: id, found });
            }
            let running = (Arc::new(View::new(chain, Arc::clone(&self.store))), self.stop.child_token());
            begun.push(running.clone());
            if views.insert(id.clone(), running).is_some() {
                return Err(BadConfig::Twice(id));
            }
        }
        check_paths(&change.paths, &views)?;

        // From here on nothing fails.
        let renewed = |id: &ChainId| begun.iter().any(|(view, _)| view.id() == id);
        let mut changed = Changed::default();
        let (mut kept, mut new) = (Vec::new(), Vec::new());
        for (path, stop) in std::mem::take(&mut self.paths) {
            if change.paths.contains(&path) && !renewed(&path.a) && !renewed(&path.b) {
                kept.push((path, stop));
            } else {
                stop.cancel();
                changed.left += usize::from(!change.paths.contains(&path));
            }
        }
        for (id, (_, stop)) in &self.views {
            if renewed(id) || !views.contains_key(id) {
                stop.cancel();
            }
        }
        self.views = views;
        self.limits.send_replace(change.limits);
        for path in change.paths {
            if !kept.iter().any(|(known, _)| *known == path) {
                let stop = self.stop.child_token();
                self.start_path(&path, &stop);
                new.push((path, stop));
            }
        }
        // Last, so that every listener is there before the first hint.
        for (view, stop) in begun {
            view.start(&self.tasks, &stop);
        }
        (changed.begun, changed.went_on) = (new.len(), kept.len());
        self.paths = kept.into_iter().chain(new).collect();
        Ok(changed)
    }

    /// Stops all tasks and waits for their end. What was under way is found in the chains' state at the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_WAIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks of the relayer did not end in time");
        }
    }

    fn start_path(&self, path: &PathConfig, stop: &CancellationToken) {
        let (Some((a, _)), Some((b, _))) = (self.views.get(&path.a), self.views.get(&path.b)) else {
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
            let (route, limits) = (Arc::new(route(source_client, dest_client)), self.limits.subscribe());
            match &self.sharing {
                None => self.spawn(stop, direction::run(route, limits)),
                Some(sharing) => {
                    let (lease, term, stop) = (sharing.lease(&route), sharing.term, stop.clone());
                    self.tasks.spawn(async move {
                        let work = || direction::run(Arc::clone(&route), limits.clone());
                        share::while_held(lease, term, &route.name, stop, work).await;
                    });
                }
            }
        }
        for client in [on_a, on_b] {
            self.spawn(stop, async move { keeper::keep(&client).await });
        }
    }

    fn spawn(&self, stop: &CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
        let stop = stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled(task).await });
    }
}

fn check_paths<V>(paths: &[PathConfig], views: &BTreeMap<ChainId, V>) -> Result<(), BadConfig> {
    let mut seen = BTreeSet::new();
    for path in paths {
        if let Some(unknown) = [&path.a, &path.b].into_iter().find(|id| !views.contains_key(*id)) {
            return Err(BadConfig::UnknownChain(unknown.clone()));
        }
        if path.a == path.b {
            return Err(BadConfig::ToItself(path.a.clone()));
        }
        if !seen.insert((&path.a, &path.a_client)) || !seen.insert((&path.b, &path.b_client)) {
            return Err(BadConfig::PathTwice(path.a.clone(), path.b.clone()));
        }
    }
    Ok(())
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
