//! One connection to a program, and the handshake over it. A connection that broke is not mended: whoever listens there then
//! must be greeted anew.

use crate::config::{Launch, PluginConfig};
use crate::error::PluginError;
use crate::process::Process;
use crate::status::words;
use crate::{MESSAGE_BYTES_MAX, SERVICE, VERSIONS};
use comity_proto::comity::adapter::v1 as wire;
use comity_proto::comity::adapter::v1::adapter_client::AdapterClient;
use futures::future::BoxFuture;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// How often a program that starts is looked for, and a node that does not answer it is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(25);
const NODE_EVERY: Duration = Duration::from_millis(500);
/// How much may be under way from the program before it has to wait, a stream and all together, in bytes.
const WINDOWS: (u32, u32) = (1 << 20, 4 << 20);

/// A connection that is up.
#[derive(Clone)]
pub(crate) struct Connection {
    channel: Channel,
    /// Told when it broke.
    pub(crate) broken: Arc<Notify>,
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) name: String,
    pub(crate) release: String,
    pub(crate) version: u32,
}

impl Connection {
    pub(crate) fn client(&self) -> AdapterClient<Channel> {
        AdapterClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Its health, asked once.
    pub(crate) async fn health(&self, within: Duration) -> Result<(), PluginError> {
        let mut client = HealthClient::new(self.channel.clone()).max_decoding_message_size(1_024);
        let question = HealthCheckRequest { service: SERVICE.into() };
        let unhealthy = |reason: String| PluginError::Unhealthy { reason };
        match tokio::time::timeout(within, client.check(question)).await {
            Ok(Ok(answer)) if answer.get_ref().status == ServingStatus::Serving as i32 => Ok(()),
            Ok(Ok(answer)) => Err(unhealthy(format!("status {}", answer.get_ref().status))),
            Ok(Err(status)) => Err(unhealthy(words(&format!("{:?} {}", status.code(), status.message())))),
            Err(_) => Err(unhealthy(format!("no answer within {} ms", within.as_millis()))),
        }
    }
}

/// Starts the program, if it is one to be started, and connects to it.
pub(crate) async fn bring_up(config: &PluginConfig) -> Result<(Connection, Option<Process>), PluginError> {
    match &config.launch {
        Launch::Command { program, args } => {
            let mut process = Process::start(program, args, &config.chain)?;
            let connection = until_it_listens(&mut process, config.paces.start_timeout).await?;
            Ok((connection, Some(process)))
        }
        launch => match tokio::time::timeout(config.paces.start_timeout, dial(launch)).await {
            Ok(Ok(connection)) => Ok((connection, None)),
            Ok(Err(reason)) => Err(PluginError::Unreachable { address: launch.name(), reason }),
            Err(_) => Err(too_slow("take the connection", config.paces.start_timeout, None)),
        },
    }
}

async fn until_it_listens(process: &mut Process, within: Duration) -> Result<Connection, PluginError> {
    let until = Instant::now() + within;
    let socket = Launch::Socket(process.socket().to_owned());
    loop {
        if let Some(end) = process.ended() {
            // Its last words may still be on their way.
            tokio::time::sleep(LOOK_EVERY).await;
            return Err(process.ended().unwrap_or(end));
        }
        if process.socket().exists()
            && let Ok(Ok(connection)) = tokio::time::timeout_at(until, dial(&socket)).await
        {
            return Ok(connection);
        }
        if Instant::now() >= until {
            return Err(too_slow("listen", within, process.said()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn too_slow(what: &'static str, waited: Duration, said: Option<String>) -> PluginError {
    PluginError::TooSlow { what, waited_ms: waited.as_millis(), said }
}

async fn dial(launch: &Launch) -> Result<Connection, String> {
    let broken = Arc::new(Notify::new());
    // The name is what HTTP/2 shows the server; the connector dials.
    let endpoint = Endpoint::from_static("http://adapter")
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1);
    let channel = match launch.clone() {
        Launch::Socket(path) | Launch::Command { program: path, .. } => {
            endpoint.connect_with_connector(once(Arc::clone(&broken), move || unix(path.clone()))).await
        }
        Launch::Loopback(address) => {
            let tcp = move || async move {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(stream)
            };
            endpoint.connect_with_connector(once(Arc::clone(&broken), tcp)).await
        }
    };
    let channel = channel.map_err(|error| words(&innermost(&error)))?;
    Ok(Connection { channel, broken })
}

async fn unix(path: PathBuf) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A connector that connects once; when it is asked again, the connection broke.
fn once<C, F, S>(
    broken: Arc<Notify>,
    connect: C,
) -> impl tower::Service<Uri, Response = TokioIo<S>, Error = io::Error, Future = BoxFuture<'static, io::Result<TokioIo<S>>>>
+ Send
+ 'static
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: 'static,
{
    let used = Arc::new(AtomicBool::new(false));
    tower::service_fn(move |_: Uri| {
        let (used, broken, connect) = (Arc::clone(&used), Arc::clone(&broken), connect.clone());
        let connecting: BoxFuture<'static, _> = Box::pin(async move {
            if used.swap(true, Ordering::Relaxed) {
                broken.notify_one();
                return Err(io::Error::other("the connection to the adapter broke"));
            }
            connect().await.map(TokioIo::new)
        });
        connecting
    })
}

/// Shakes hands, and waits for the chain's node as long as it takes; `waiting` is told of each answer that it is not there.
pub(crate) async fn greet(
    connection: &Connection,
    process: &mut Option<Process>,
    config: &PluginConfig,
    mut waiting: impl FnMut(PluginError),
) -> Result<Greeting, PluginError> {
    loop {
        if let Some(end) = process.as_mut().and_then(Process::ended) {
            return Err(end);
        }
        let asked = tokio::select! {
            () = connection.broken.notified() => return Err(gone(process).await),
            asked = tokio::time::timeout(config.paces.start_timeout, handshake(connection, config)) => asked,
        };
        match asked {
            Err(_) => {
                let said = process.as_ref().and_then(Process::said);
                return Err(too_slow("answer the handshake", config.paces.start_timeout, said));
            }
            Ok(Ok(answer)) => return check(&answer, config),
            Ok(Err(status)) if status.code() == Code::Unavailable => {
                waiting(PluginError::NodeDown { reason: words(status.message()) });
            }
            Ok(Err(status)) => {
                let reason = words(&format!("{:?} {}", status.code(), status.message()));
                return Err(PluginError::Handshake { reason });
            }
        }
        tokio::time::sleep(NODE_EVERY).await;
    }
}

/// Why a connection broke: the program's end, if it comes to light at once.
pub(crate) async fn gone(process: &mut Option<Process>) -> PluginError {
    for _ in 0..4 {
        if let Some(end) = process.as_mut().and_then(Process::ended) {
            return end;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    PluginError::Disconnected
}

async fn handshake(connection: &Connection, config: &PluginConfig) -> Result<wire::HandshakeResponse, Status> {
    let question =
        wire::HandshakeRequest { version_min: VERSIONS.0, version_max: VERSIONS.1, chain_id: config.chain.to_string() };
    let mut request = Request::new(question);
    request.set_timeout(config.paces.start_timeout);
    connection.client().handshake(request).await.map(tonic::Response::into_inner)
}

/// All that a gateway or relayer needs of its chain.
const NEEDED: [(wire::Capability, &str); 4] = [
    (wire::Capability::Headers, "headers"),
    (wire::Capability::State, "state"),
    (wire::Capability::Events, "events"),
    (wire::Capability::Deliver, "delivery"),
];

fn check(answer: &wire::HandshakeResponse, config: &PluginConfig) -> Result<Greeting, PluginError> {
    let (lowest, highest) = (answer.version_min, answer.version_max);
    let version = highest.min(VERSIONS.1);
    if lowest > highest || version < lowest.max(VERSIONS.0) {
        return Err(PluginError::Version { lowest, highest });
    }
    if answer.chain_id != config.chain.as_str() {
        let found = words(&answer.chain_id).chars().take(64).collect();
        return Err(PluginError::OtherChain { found, wanted: config.chain.clone() });
    }
    if answer.kind != "comet" {
        return Err(PluginError::Kind { kind: words(&answer.kind).chars().take(64).collect() });
    }
    for (capability, name) in NEEDED {
        if !answer.capabilities.contains(&(capability as i32)) {
            return Err(PluginError::Lacks { missing: name });
        }
    }
    let short = |text: &str| words(text).chars().take(64).collect();
    Ok(Greeting { name: short(&answer.name), release: short(&answer.release), version })
}
