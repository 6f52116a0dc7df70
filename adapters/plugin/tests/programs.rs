//! Programs that a host starts: good ones, and every way of going wrong. The programs are this very file, started again with
//! the name of one of the ignored tests at its end, which does nothing unless a host started it.

#[path = "support/mod.rs"]
mod support;

use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_plugin::serve::{Named, host_is_gone, run, serve};
use comity_adapters_plugin::{Launch, PluginConfig, PluginError, SERVICE, SOCKET_VARIABLE, open, probe};
use comity_adapters_ports::{Chain, PortError};
use comity_model::{ClientId, Height};
use comity_proto::comity::adapter::v1 as proto;
use comity_proto::comity::adapter::v1::adapter_server::{Adapter, AdapterServer};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};
use support::ledger::Ledger;
use support::{court, fixture, host};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};

/// This file as a program that behaves as its ignored test `name` says; `argument` is for it to read.
fn program(name: &str, argument: &str) -> Launch {
    let own = std::env::current_exe().expect("a path");
    let args = ["--ignored", "--exact", "--nocapture", name, argument];
    Launch::Command { program: own, args: args.map(Into::into).to_vec() }
}

/// The same for a ledger's RPC.
fn over(ledger: &Ledger, name: &str) -> PluginConfig {
    let mut config = host(ledger, program(name, &ledger.config().rpc_url));
    config.paces.restart_pause = (Duration::from_millis(50), Duration::from_millis(200));
    config
}

/// A program for no chain at all, with little patience.
fn wrong(name: &str) -> PluginConfig {
    let mut config = PluginConfig::new("court-1".parse().expect("an id"), program(name, "-"));
    config.paces.start_timeout = Duration::from_secs(4);
    config.paces.answer_timeout = Duration::from_millis(700);
    config.paces.submit_timeout = Duration::from_millis(900);
    config.paces.silence_limit = Duration::from_secs(1);
    config.paces.restart_pause = (Duration::from_millis(50), Duration::from_millis(200));
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_started_keeps_every_promise_of_the_ports() {
    let ledger = court().await;
    let fixture = fixture(&ledger).await;
    let chain = open(over(&ledger, "programs::good")).expect("a program");
    comity_adapters_conformance::run(&chain, &fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_dies_is_started_again_and_following_has_no_gap() {
    let ledger = court().await;
    // Each of its lives is short: see `mortal`.
    let chain = open(over(&ledger, "programs::mortal")).expect("a program");
    let mut blocks = chain.events.follow(Height(1));
    let (mut heights, mut interruptions) = (Vec::new(), 0);
    let reading = async {
        while interruptions < 3 || heights.len() < 12 {
            match blocks.next().await.expect("following does not end") {
                Ok(block) => heights.push(block.height.0),
                Err(error) => {
                    assert!(error.is_transient(), "{error}");
                    interruptions += 1;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("it goes on");
    let expected: Vec<u64> = (1..=heights.len() as u64).collect();
    assert_eq!(heights, expected, "every block once, in order, over {interruptions} interruptions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_survives_the_death_of_the_program() {
    let ledger = court().await;
    let fixture = fixture(&ledger).await;
    let chain = open(over(&ledger, "programs::mortal")).expect("a program");
    let until = Instant::now() + Duration::from_secs(6);
    let mut heights = BTreeSet::new();
    while Instant::now() < until {
        match chain.submit.submit(fixture.work.clone()).await.expect("an answer, whatever happens") {
            comity_adapters_ports::Outcome::Committed { height, .. } => heights.insert(height),
            refused => panic!("{refused:?}"),
        };
    }
    assert!(heights.len() > 3, "{heights:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_program_has_a_code_and_says_what_to_do() {
    let mut found = Vec::new();
    for (name, code) in [
        ("programs::dies", "PLUGIN_DIED"),
        ("programs::never_listens", "PLUGIN_TOO_SLOW"),
        ("programs::of_the_future", "PLUGIN_VERSION"),
        ("programs::of_another_chain", "PLUGIN_OTHER_CHAIN"),
        ("programs::of_another_kind", "PLUGIN_KIND"),
        ("programs::without_events", "PLUGIN_LACKS"),
        ("programs::without_a_node", "PLUGIN_NODE_DOWN"),
        ("programs::ill", "PLUGIN_UNHEALTHY"),
        ("programs::of_another_protocol", "PLUGIN_HANDSHAKE"),
    ] {
        let error = probe(wrong(name)).await.expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(!error.help().is_empty());
        found.push(error.to_string());
    }
    assert!(found[0].contains("its last words: I was never going to work"), "{}", found[0]);
    let nothing = Launch::Command { program: "/nowhere/adapter".into(), args: vec![] };
    let error = probe(PluginConfig { launch: nothing.clone(), ..wrong("") }).await.expect_err("no program");
    assert_eq!(error.code(), "PLUGIN_NOT_FOUND");
    assert!(matches!(open(PluginConfig { launch: nothing, ..wrong("") }), Err(PluginError::NotFound { .. })));
    let file = tempfile::NamedTempFile::new().expect("a file");
    let launch = Launch::Command { program: file.path().to_owned(), args: vec![] };
    let error = probe(PluginConfig { launch, ..wrong("") }).await.expect_err("no program");
    assert_eq!(error.code(), "PLUGIN_NOT_STARTED");
    let launch = Launch::Socket(file.path().with_extension("socket"));
    let error = probe(PluginConfig { launch, ..wrong("") }).await.expect_err("nobody listens");
    assert_eq!(error.code(), "PLUGIN_UNREACHABLE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_program_is_told_of() {
    let ledger = court().await;
    let report = probe(over(&ledger, "programs::good")).await.expect("all is well");
    assert_eq!((report.name.as_str(), report.version), ("comet", 1));
    assert!(report.latest >= Height(2));
}

fn unavailable<T: std::fmt::Debug>(answer: Result<T, PortError>, code: &str) {
    match answer {
        Err(PortError::Unavailable(text)) if text.contains(code) => {}
        other => panic!("{code} was expected: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_program_that_is_not_up_say_why() {
    for (name, code) in [("programs::dies", "PLUGIN_DIED"), ("programs::of_the_future", "PLUGIN_VERSION")] {
        let mut config = wrong(name);
        config.paces.answer_timeout = Duration::from_secs(5);
        let chain = open(config).expect("a program");
        unavailable(chain.headers.latest().await, code);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_hangs_costs_the_time_of_an_answer() {
    let mut config = wrong("programs::hangs");
    config.paces.answer_timeout = Duration::from_secs(5);
    let chain = open(config).expect("a program");
    let since = Instant::now();
    unavailable(chain.headers.latest().await, "");
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_hangs_in_a_call_is_left_at_the_deadline() {
    let chain = up("programs::hostile").await;
    let since = Instant::now();
    unavailable(chain.events.outbox(&client(), 1, 10).await, "PLUGIN_TOO_SLOW");
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_a_bound_is_refused() {
    let chain = up("programs::hostile").await;
    let malformed =
        |what: &str, error: PortError| assert!(matches!(error, PortError::Malformed(_)), "{what}: {error:?}");
    malformed("a message over its limit", chain.events.acknowledgement(&client(), 1).await.expect_err("too large"));
    malformed("a block of no kind", chain.headers.light_block(Height(3)).await.expect_err("no block"));
    malformed("bytes that are no list", chain.events.pending(None, 1).await.expect_err("no list"));
    malformed("a path without end", chain.prover.header_proof(Height(1), 9).await.expect_err("no path"));
    let contradiction = chain.events.contradiction(&client(), 0).await;
    malformed("bytes that are no contradiction", contradiction.expect_err("no contradiction"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_end_waits_for_its_reader_and_one_out_of_turn_ends() {
    let chain = up("programs::hostile").await;
    // Invented blocks, as many as are read: in order, so that nothing but verification can tell. Bounded by the reader.
    let mut blocks = chain.events.follow(Height(1));
    for height in 1..=200 {
        assert_eq!(blocks.next().await.expect("a block").expect("in turn").height, Height(height));
    }
    let error = loop {
        match blocks.next().await.expect("a stream") {
            Ok(block) => assert!(block.height <= Height(1_000), "{}", block.height),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PortError::Malformed(_)), "{error:?}");
    // Nothing comes after this one.
    let mut blocks = chain.events.follow(Height(5_000));
    let since = Instant::now();
    assert!(matches!(blocks.next().await, Some(Err(PortError::Silent(_)))));
    assert!(since.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_floods_its_log_answers_all_the_same() {
    let ledger = court().await;
    let chain = open(over(&ledger, "programs::chatters")).expect("a program");
    assert!(chain.headers.latest().await.expect("an answer") >= Height(2));
}

#[test]
fn a_program_ends_when_its_host_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let Launch::Command { program, args } = program("programs::hostile", "-") else { panic!("a command") };
    let mut child = std::process::Command::new(program)
        .args(args)
        .env(SOCKET_VARIABLE, folder.path().join("socket"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("ours").is_none(), "it runs while its standard input is open");
    // What a SIGKILL of the host does: the other end of the pipe is closed.
    drop(child.stdin.take());
    let until = Instant::now() + Duration::from_secs(5);
    while child.try_wait().expect("ours").is_none() {
        if Instant::now() > until {
            child.kill().expect("ours to kill");
            child.wait().expect("ours to wait for");
            panic!("it outlives its host");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn client() -> ClientId {
    "peer-client-0".parse().expect("an id")
}

/// A program that was seen to answer.
async fn up(name: &str) -> Chain {
    let chain = open(wrong(name)).expect("a program");
    let until = Instant::now() + Duration::from_secs(20);
    while let Err(error) = chain.headers.latest().await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    chain
}

/// What the programs do. Each returns at once unless a host started it.
mod programs {
    use super::*;

    fn begun() -> bool {
        std::env::var_os(SOCKET_VARIABLE).is_some()
    }

    fn rpc() -> String {
        std::env::args().next_back().expect("an argument")
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    }

    fn adapter() -> comity_adapters_ports::Outpost {
        let mut config = CometConfig::new(rpc(), "court-1".parse().expect("an id"));
        config.poll_interval = Duration::from_millis(200);
        CometChain::outpost(config).expect("an address")
    }

    fn named() -> Named {
        Named { name: "comet".into(), release: "1".into() }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn good() {
        if begun() {
            runtime().block_on(run(adapter(), named())).expect("it serves");
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn mortal() {
        if begun() {
            runtime().block_on(async {
                let socket = std::env::var_os(SOCKET_VARIABLE).expect("a host");
                let listener = UnixListener::bind(socket).expect("a socket");
                let gone = host_is_gone().expect("a thread");
                tokio::select! {
                    served = serve(adapter(), named(), listener, gone) => served.expect("it serves"),
                    () = tokio::time::sleep(Duration::from_millis(900)) => std::process::exit(9),
                }
            });
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn chatters() {
        if begun() {
            for stream in [false, true] {
                std::thread::spawn(move || {
                    let text = "x".repeat(100_000);
                    loop {
                        let written = match stream {
                            false => std::io::stderr().write_all(text.as_bytes()),
                            true => std::io::stdout().write_all(b"no line of any protocol\n"),
                        };
                        if written.is_err() {
                            return;
                        }
                        std::thread::sleep(Duration::from_micros(200));
                    }
                });
            }
            good();
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn dies() {
        if begun() {
            let _ = writeln!(std::io::stderr(), "I was never going to work");
            std::thread::sleep(Duration::from_millis(100));
            std::process::exit(9);
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn never_listens() {
        if begun() {
            runtime().block_on(host_is_gone().expect("a thread"));
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn hangs() {
        if begun() {
            // It listens, and reads nothing.
            let _listener = std::os::unix::net::UnixListener::bind(std::env::var_os(SOCKET_VARIABLE).expect("a host"));
            runtime().block_on(host_is_gone().expect("a thread"));
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn of_another_protocol() {
        if begun() {
            speak(Hostile { greeting: Some(Status::unimplemented("what?").code()), ..Hostile::default() });
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn without_a_node() {
        if begun() {
            speak(Hostile { greeting: Some(Status::unavailable("no node").code()), ..Hostile::default() });
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn of_the_future() {
        if begun() {
            speak(Hostile { versions: (7, 9), ..Hostile::default() });
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn of_another_chain() {
        if begun() {
            speak(Hostile { chain: "bank-1", ..Hostile::default() });
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn of_another_kind() {
        if begun() {
            speak(Hostile { kind: "stone-tablets", ..Hostile::default() });
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn without_events() {
        if begun() {
            speak(Hostile { capabilities: vec![1, 2, 4], ..Hostile::default() });
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn ill() {
        if begun() {
            speak(Hostile { ill: true, ..Hostile::default() });
        }
    }

    #[test]
    #[ignore = "a program for other tests"]
    fn hostile() {
        if begun() {
            speak(Hostile::default());
        }
    }

    fn speak(hostile: Hostile) {
        runtime().block_on(async {
            let socket = std::env::var_os(SOCKET_VARIABLE).expect("a host");
            let incoming = UnixListenerStream::new(UnixListener::bind(socket).expect("a socket"));
            let (reporter, health) = tonic_health::server::health_reporter();
            let status = if hostile.ill {
                tonic_health::ServingStatus::NotServing
            } else {
                tonic_health::ServingStatus::Serving
            };
            reporter.set_service_status(SERVICE, status).await;
            let serving = tonic::transport::Server::builder()
                .add_service(health)
                .add_service(AdapterServer::new(hostile))
                .serve_with_incoming(incoming);
            tokio::select! {
                served = serving => served.expect("it serves"),
                () = host_is_gone().expect("a thread") => {}
            }
        });
    }

    /// Answers a handshake as told, and every call with something that is wrong.
    struct Hostile {
        greeting: Option<tonic::Code>,
        versions: (u32, u32),
        chain: &'static str,
        kind: &'static str,
        capabilities: Vec<i32>,
        ill: bool,
    }

    impl Default for Hostile {
        fn default() -> Self {
            Self {
                greeting: None,
                versions: (1, 1),
                chain: "court-1",
                kind: "comet",
                capabilities: vec![1, 2, 3, 4],
                ill: false,
            }
        }
    }

    type Answer<T> = Result<Response<T>, Status>;

    #[tonic::async_trait]
    impl Adapter for Hostile {
        async fn handshake(&self, _: Request<proto::HandshakeRequest>) -> Answer<proto::HandshakeResponse> {
            if let Some(code) = self.greeting {
                return Err(Status::new(code, "no"));
            }
            Ok(Response::new(proto::HandshakeResponse {
                version_min: self.versions.0,
                version_max: self.versions.1,
                chain_id: self.chain.into(),
                kind: self.kind.into(),
                capabilities: self.capabilities.clone(),
                name: "x".repeat(10_000),
                release: String::new(),
            }))
        }

        async fn latest(&self, _: Request<proto::LatestRequest>) -> Answer<proto::LatestResponse> {
            Ok(Response::new(proto::LatestResponse { height: u64::MAX }))
        }

        async fn light_block(&self, _: Request<proto::LightBlockRequest>) -> Answer<proto::LightBlockResponse> {
            Ok(Response::new(proto::LightBlockResponse { block: None }))
        }

        async fn prove(&self, _: Request<proto::ProveRequest>) -> Answer<proto::ProveResponse> {
            Ok(Response::new(proto::ProveResponse { value: None, proof: vec![1; 9], header: 0 }))
        }

        async fn header_proof(&self, _: Request<proto::HeaderProofRequest>) -> Answer<proto::HeaderProofResponse> {
            Ok(Response::new(proto::HeaderProofResponse { path: vec![vec![0; 32]; 65] }))
        }

        type FollowStream = BoxStream<'static, Result<proto::Block, Status>>;

        async fn follow(&self, request: Request<proto::FollowRequest>) -> Answer<Self::FollowStream> {
            let from = request.into_inner().from;
            if from >= 5_000 {
                return Ok(Response::new(stream::pending().boxed()));
            }
            let block = |height| Ok(proto::Block { height, events: vec![vec![0; 1_000]] });
            // After a thousand it leaves one out.
            Ok(Response::new(stream::iter((from..=1_000).chain(1_002..)).map(block).boxed()))
        }

        async fn outbox(&self, _: Request<proto::OutboxRequest>) -> Answer<proto::OutboxResponse> {
            std::future::pending().await
        }

        async fn acknowledgement(
            &self,
            _: Request<proto::AcknowledgementRequest>,
        ) -> Answer<proto::AcknowledgementResponse> {
            Ok(Response::new(proto::AcknowledgementResponse { acknowledgement: Some(vec![0; 17 << 20]) }))
        }

        async fn pending(&self, _: Request<proto::PendingRequest>) -> Answer<proto::PendingResponse> {
            Ok(Response::new(proto::PendingResponse { orders: vec![255; 4] }))
        }

        async fn contradiction(&self, _: Request<proto::ContradictionRequest>) -> Answer<proto::ContradictionResponse> {
            Ok(Response::new(proto::ContradictionResponse { contradiction: Some(vec![]) }))
        }

        async fn deliver(&self, _: Request<proto::DeliverRequest>) -> Answer<proto::DeliverResponse> {
            Ok(Response::new(proto::DeliverResponse { outcome: None }))
        }
    }
}
