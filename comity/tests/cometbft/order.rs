//! A court whose chain four validators make under CometBFT, and a bank with an embedded ledger: signers, gateways and a
//! relayer as processes, and a freeze from a clerk's desk to the proven answer. A validator is killed on the way.

use crate::network::{Network, cometbft, comity, kill, ports, spawn};
use comity_adapters_comet::{CometChain, CometConfig};
use comity_gateway::institution::NewAsset;
use comity_gateway::sectors::Sectors;
use comity_gateway::signer::{SignerClient, SignerCore, SignerIdentity};
use comity_gateway::{Clock, DecidePolicy, Deps, GatewayConfig, Limits, TlsMaterial};
use comity_ledger_engine::{Engine, EngineConfig, Storage, ValidatorKey};
use comity_model::asset::Enforcement;
use comity_model::member::MemberKind;
use comity_model::seal::Suites;
use comity_model::{Amount, Height, decode};
use comity_store::RedbStore;
use comity_verify::light::Anchor;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The account that is frozen: it holds 800.00.
const ACCOUNT: &str = "9999000700000000001";

/// Ports of an institution: gateway, chain, signer, metrics.
struct Bank {
    home: PathBuf,
    first_port: u16,
}

impl Bank {
    fn init(folder: &Path) -> Self {
        let (home, first_port) = (folder.join("finance"), ports(4));
        let at = |place: u16| format!("127.0.0.1:{}", first_port + place);
        comity(&[
            "init",
            "--institution",
            "finance",
            "--kind",
            "finance",
            "--dir",
            &home.display().to_string(),
            "--grpc",
            &at(0),
            "--rpc",
            &at(1),
            "--signer",
            &at(2),
            "--rest",
            "127.0.0.1:0",
            "--metrics",
            &at(3),
        ]);
        Self { home, first_port }
    }

    fn at(&self, place: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.first_port + place))
    }

    fn seed(&self, name: &str) -> [u8; 32] {
        let text = std::fs::read_to_string(self.home.join("keys").join(format!("{name}.key"))).expect("a key file");
        hex::decode(text.trim()).expect("hex").try_into().expect("32 bytes")
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.home.join(path)).expect("a file")
    }

    /// Puts an account into the bank's register, as its own systems would: there is no command for it.
    async fn open_account(&self) {
        let genesis = decode("genesis", &std::fs::read(self.home.join("genesis.bin")).expect("a genesis"));
        let keys = (1..=4).map(|number| ValidatorKey::from_seed(&self.seed(&format!("validator-{number}"))));
        let mut config = EngineConfig::new(genesis.expect("a genesis"), keys.collect());
        config.storage = Storage::Directory(self.home.join("data/chain"));
        let engine = Engine::start(config).await.expect("the ledger starts");
        let chain: comity_model::ChainId = "finance-1".parse().expect("an id");
        let told = CometConfig::new(format!("http://{}", engine.rpc_addr()), chain.clone());
        let ports = CometChain::open(told.with_operator(self.seed("operator"))).expect("an address");
        let first = ports.headers.light_block(Height(1)).await.expect("the first block").header;
        let gateway = GatewayConfig {
            institution: "finance".parse().expect("an id"),
            kind: MemberKind::Finance,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            rest: None,
            tls: TlsMaterial {
                cert_chain_pem: self.text("tls/gateway.crt"),
                key_pem: self.text("tls/gateway.key").into(),
                own_ca_pem: self.text("tls/authority.crt"),
            },
            peers: Vec::new(),
            anchor: Anchor {
                chain_id: chain.clone(),
                height: Height(1),
                header_hash: first.hash(),
                validators_hash: first.validators_hash,
                trusting_period_secs: 3_600,
                clock_drift_secs: 10,
                operators: 1,
                suites: Suites::NATIVE,
            },
            encryption_key: Box::new(self.seed("encryption")).into(),
            lookup_key: None,
            limits: Limits::default(),
            decide: DecidePolicy::default(),
            following: Default::default(),
            clock: Clock::system(),
        };
        let identity = SignerIdentity {
            institution: "finance".parse().expect("an id"),
            chain,
            officers: Vec::new(),
            rules: Vec::new(),
        };
        let deps = Deps {
            chain: ports,
            store: Arc::new(RedbStore::open(&self.home.join("data/gateway.redb")).expect("a store")),
            signer: SignerClient::in_task(SignerCore::new(identity, &Box::new(self.seed("seal")).into())),
            sectors: Arc::new(Sectors::embedded().expect("sectors")),
            rules: Arc::default(),
            policies: None,
        };
        let running = comity_gateway::start(gateway, deps).await.expect("the gateway starts");
        let account = NewAsset {
            sector: "accounts".parse().expect("a sector"),
            reference: ACCOUNT.into(),
            value: Some(Amount::cny(80_000)),
            enforcement: Enforcement::Attested,
            follows: None,
        };
        running.assets().register(vec![account]).await.expect("the account is registered");
        running.stop().await;
        engine.stop().await.expect("the ledger stops");
    }
}

/// Processes that end with the value.
struct Processes {
    logs: PathBuf,
    running: Vec<Option<Child>>,
}

impl Processes {
    fn start(&mut self, name: &str, command: &str, config: &Path) {
        let mut process = Command::new(env!("CARGO_BIN_EXE_comity"));
        process.args([command, "--config"]).arg(config);
        self.running.push(Some(spawn(process, &self.logs.join(format!("{name}.log")))));
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.running.iter_mut().for_each(kill);
        if std::thread::panicking() {
            for entry in std::fs::read_dir(&self.logs).into_iter().flatten().flatten() {
                if entry.path().extension().is_some_and(|extension| extension == "log") {
                    let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                    println!("--- {}\n{text}", entry.path().display());
                }
            }
        }
    }
}

/// Makes the other institution known in a configuration.
fn introduce(config: &Path, anchor: &Path, client: &str, counterparty: &str) {
    let mut text = std::fs::read_to_string(config).expect("a configuration");
    write!(
        text,
        "\n[[peers]]\nanchor = \"{}\"\nclient = \"{client}\"\ncounterparty = \"{counterparty}\"\n",
        anchor.display()
    )
    .expect("written");
    std::fs::write(config, text).expect("a configuration");
}

fn draft(path: &Path) {
    let digest = "11".repeat(32);
    let text = format!(
        "request_number = \"R-1\"\ncourt = \"Court\"\ncourt_code = \"9900\"\ncase_number = \"(2025) 1\"\n\
         judge = \"J\"\nwork_number = \"J-1001\"\nofficial_number = \"1\"\nlegal_basis = \"Art. 1\"\n\
         ruling_number = \"1\"\nruling_digest = \"{digest}\"\nnotice_name = \"Notice\"\nnotice_number = \"1\"\n\
         person_name = \"Nobody\"\nperson_id_type = \"RESIDENT_ID\"\nperson_id_number = \"990000199001010000\"\n\
         account_number = \"{ACCOUNT}\"\ncontrol_kind = \"FUNDS\"\namount = \"500.00\"\n"
    );
    std::fs::write(path, text).expect("a draft");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_goes_from_a_chain_under_cometbft_to_an_embedded_one_and_its_answer_comes_back() {
    let Some(cometbft) = cometbft() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let started = Instant::now();
    let step = |what: &str| println!("{:>5.1} s  {what}", started.elapsed().as_secs_f32());
    let bank = Bank::init(folder.path());
    bank.open_account().await;
    let mut court = Network::start(&cometbft, folder.path(), "court", "court", ports(3));
    step("a court under CometBFT and a bank with an embedded ledger");

    let (court_config, bank_config) = (court.home.join("comity.toml"), bank.home.join("comity.toml"));
    let (court_anchor, bank_anchor) = (court.home.join("court.anchor"), bank.home.join("finance.anchor"));
    introduce(&court_config, &bank_anchor, "client-finance-1", "client-court-1");
    introduce(&bank_config, &court_anchor, "client-court-1", "client-finance-1");
    let mut processes = Processes { logs: folder.path().to_owned(), running: Vec::new() };
    for (name, config) in [("court", &court_config), ("finance", &bank_config)] {
        processes.start(&format!("{name}-signer"), "sign", config);
        processes.start(&format!("{name}-gateway"), "serve", config);
    }
    let bank_rpc = format!("http://{}", bank.at(1));
    let chain = CometChain::open(CometConfig::new(bank_rpc.clone(), "finance-1".parse().expect("an id")));
    let chain = chain.expect("an address");
    while chain.headers.latest().await.unwrap_or_default() < Height(2) {
        assert!(started.elapsed() < Duration::from_secs(90), "the bank's chain does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let text = |path: &Path| path.display().to_string();
    comity(&["link", "--config", &text(&court_config), "--anchor", &text(&bank_anchor), "--rpc", &bank_rpc]);
    comity(&["link", "--config", &text(&bank_config), "--anchor", &text(&court_anchor), "--rpc", &court.rpc(1)]);
    let relay = folder.path().join("relay.toml");
    let end = |home: &Path, anchor: &Path, rpc: &str| {
        format!(
            "[[chains]]\nanchor = \"{}\"\nrpc = \"{rpc}\"\noperator = \"{}\"\n",
            anchor.display(),
            home.join("keys/relayer.key").display()
        )
    };
    let relayer = format!(
        "[listen]\n[store]\nfile = \"relayer.redb\"\n{}{}[[pairs]]\n\
         a = {{ chain = \"court-1\", client = \"client-finance-1\" }}\n\
         b = {{ chain = \"finance-1\", client = \"client-court-1\" }}\n",
        end(&court.home, &court_anchor, &court.rpc(0)),
        end(&bank.home, &bank_anchor, &bank_rpc)
    );
    std::fs::write(&relay, relayer).expect("a configuration");
    processes.start("relayer", "relay", &relay);
    step("clients both ways, gateways, signers, a relayer");

    let fields = folder.path().join("freeze.toml");
    draft(&fields);
    let clerk = text(&court.home.join("clients/clerk.toml"));
    let order = comity(&[
        "order",
        "create",
        "--quiet",
        "--as",
        &clerk,
        "--recipient",
        "finance",
        "--sector",
        "accounts",
        "--kind",
        "freeze",
        "--fields",
        &text(&fields),
        "--obligation",
        "500.00",
    ]);
    // Less than a third: the order does not notice.
    court.kill_application(3);
    court.node_ends(3);
    let officer = text(&court.home.join("clients/officer.toml"));
    let key = text(&court.home.join("keys/officer-J-1001.key"));
    let said =
        comity(&["order", "approve", "--wait", "--as", &officer, order.trim(), "--officer", "J-1001", "--key", &key]);
    assert!(said.contains("EXECUTED"), "{said}");
    step("the account is frozen, and the court has the proof");
    let known = comity(&["order", "get", "--as", &clerk, order.trim()]);
    assert!(known.contains("500.00"), "{known}");
}
