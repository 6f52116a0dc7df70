#![allow(clippy::unwrap_used)]
use super::*;
use crate::cli::govern::{AnchorArgs, What};
use crate::home::{Home, Plan};
use crate::{clock, init, ledger};
use comity_ledger_engine::Engine;
use comity_model::client::ClientStatus;
use comity_model::genesis::Genesis;
use comity_model::governance::Governors;
use comity_model::member::MemberKind;
use comity_model::seal::{Signature, Suite, Suites};
use comity_model::{ClientId, Height, MemberId};
use comity_verify::light::LightStep;
use file::public_key;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the governors' decision on a client waits.
const DELAY_S: u64 = 10;

/// An institution with a ledger that runs, on files.
struct Site {
    home: Home,
    engine: Engine,
    config: PathBuf,
    chain: Chain,
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

impl Site {
    async fn start(folder: &Path, id: &str, kind: MemberKind) -> Self {
        Self::start_sealing(folder, id, kind, Suite::Ed25519Sha256, &[], Suites::NATIVE).await
    }

    /// One that seals under a suite, on a chain that accepts these.
    async fn start_sealing(
        folder: &Path,
        id: &str,
        kind: MemberKind,
        suite: Suite,
        sectors: &[&str],
        accepted: Suites,
    ) -> Self {
        let plan = Plan {
            institution: id.parse().unwrap(),
            kind,
            chain: format!("{id}-1").parse().unwrap(),
            names: vec![id.to_owned()],
            sectors: sectors.iter().map(|name| name.parse().unwrap()).collect(),
            officers: Vec::new(),
            grpc: "127.0.0.1:7101".parse().unwrap(),
            suite,
        };
        let home = Home::create(&folder.join(id), plan, clock::now()).unwrap();
        let profiles = init::profiles(&home.plan.sectors, &home.plan.institution).unwrap();
        let mut genesis: Genesis = home.create_chain(&[&home], profiles, clock::now()).unwrap();
        assert_eq!(genesis.suites, home.plan.suites(), "a chain accepts what its institution seals with");
        genesis.suites = accepted;
        genesis.governors.delay_s = DELAY_S;
        files::replace(&home.dir.join("genesis.bin"), comity_model::encode(&genesis)).unwrap();
        let mut engine_config = init::engine_config(&home, anywhere());
        engine_config.heartbeat_s = 1;
        let engine = ledger::start(&engine_config, anywhere()).await.unwrap();
        engine_config.listen = engine.rpc_addr();
        let anchor = init::anchor(&home, &engine).await.unwrap();
        let config = init::config(&home, anchor, Some(engine_config), anywhere());
        init::write(&home, &config).unwrap();
        let chain = super::chain(&config).unwrap();
        Self { config: home.dir.join("comity.toml"), home, engine, chain }
    }

    /// The same chain again, from its genesis, by the same validators: its blocks are others.
    async fn twin(&self, folder: &Path) -> Engine {
        let mut config = init::engine_config(&self.home, anywhere());
        config.folder = folder.join("twin");
        config.heartbeat_s = 1;
        ledger::start(&config, anywhere()).await.unwrap()
    }

    fn rpc(&self) -> String {
        format!("http://{}", self.engine.rpc_addr())
    }

    /// An anchor file at the block of `height`.
    async fn anchor(&self, folder: &Path, height: Height) -> PathBuf {
        let mut file =
            crate::anchor::read(&self.home.dir.join(format!("{}.anchor", self.home.plan.institution))).unwrap();
        let block = self.chain.headers.light_block(height).await.unwrap();
        file.anchor.height = height;
        file.anchor.header_hash = block.header.hash();
        file.anchor.validators_hash = block.header.validators_hash;
        let path = folder.join(format!("{}-{height}.anchor", self.home.plan.institution));
        files::write_public(&path, file.text()).unwrap();
        path
    }

    fn governor(&self, number: usize) -> PathBuf {
        self.home.governor_keys()[number].clone()
    }
}

async fn reach(chain: &Chain, engine: &Engine, height: Height) {
    let started = Instant::now();
    while chain.headers.latest().await.unwrap_or(Height(0)) < height {
        assert!(started.elapsed() < Duration::from_secs(90));
        engine.handle().ask_for_block();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn approve_with(proposal: &Path, key: PathBuf, out: PathBuf) -> Result<(), Failure> {
    approve(&ApproveArgs { proposal: proposal.to_path_buf(), key, evidence: None, out: Some(out) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_client_is_recovered_by_k_of_n_after_the_delay_and_not_by_fewer() {
    let folder = tempfile::tempdir().unwrap();
    let court = Site::start(folder.path(), "court", MemberKind::Court).await;
    let bank = Site::start(folder.path(), "bank", MemberKind::Finance).await;
    let twin = bank.twin(folder.path()).await;
    let twin_chain =
        institution::chain(&Config::read(&bank.config).unwrap(), &format!("http://{}", twin.rpc_addr())).unwrap();
    reach(&bank.chain, &bank.engine, Height(6)).await;
    reach(&twin_chain, &twin, Height(6)).await;
    reach(&court.chain, &court.engine, Height(3)).await;

    // Two blocks of one height, both signed by the bank's validators: the client freezes.
    let anchor = crate::anchor::read(&bank.home.dir.join("bank.anchor")).unwrap();
    let keys: Vec<_> = court.home.governor_keys().iter().map(|path| Seed::read(path).unwrap()).collect();
    let counterparty: ClientId = "client-court-1".parse().unwrap();
    let headers = &bank.chain.headers;
    let client = governance::create_client(&court.chain, &keys, &anchor, headers, &counterparty).await.unwrap();
    let (trusted, _) = governance::anchor_block(&anchor.anchor, headers).await.unwrap();
    let step = async |chain: &Chain| {
        let next = chain.headers.light_block(Height(2)).await.unwrap().validators;
        let block = chain.headers.light_block(Height(5)).await.unwrap();
        comity_model::encode(&LightStep::new(&trusted, next, block))
    };
    let (first, second) = (step(&bank.chain).await, step(&twin_chain).await);
    let shown = Message::Misbehaviour { client: client.clone(), first, second };
    governance::submit(&court.chain, vec![shown]).await.unwrap();
    let state = async || governance::client(&court.chain, &client).await.unwrap().unwrap();
    assert_eq!(state().await.status, ClientStatus::Frozen);

    // A proposal to recover it, with the report that the governors saw.
    let report = folder.path().join("report.txt");
    files::write_public(&report, "what happened").unwrap();
    let proposal = folder.path().join("recover.proposal");
    let new_anchor = bank.anchor(folder.path(), Height(6)).await;
    let recover = |out: &Path| ProposeArgs {
        config: court.config.clone(),
        out: out.to_path_buf(),
        what: What::RecoverClient {
            client: client.clone(),
            anchor: AnchorArgs { anchor: new_anchor.clone(), rpc: bank.rpc() },
            evidence: report.clone(),
        },
    };
    propose(recover(&proposal)).await.unwrap();
    let file = ProposalFile::read(&proposal).unwrap();
    assert_eq!(file.proposals[0].evidence, build::digest_of(&report).unwrap());
    let said = words::lines(&file.proposals[0]).join("\n");
    assert!(said.contains("client-bank-1") && said.contains(&file.proposals[0].evidence.to_string()), "{said}");

    // Whoever holds other evidence does not sign; one signature is not two.
    let other = folder.path().join("other.txt");
    files::write_public(&other, "what did not happen").unwrap();
    let sign = |evidence: &Path, out: Option<PathBuf>| {
        approve(&ApproveArgs {
            proposal: proposal.clone(),
            key: court.governor(0),
            evidence: Some(evidence.into()),
            out,
        })
    };
    assert_eq!(sign(&other, None).unwrap_err().code(), "EVIDENCE");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    sign(&report, Some(one.clone())).unwrap();
    let submit_all = |proposals: Vec<PathBuf>| submit(SubmitArgs { config: court.config.clone(), proposals });
    assert_eq!(submit_all(vec![one.clone()]).await.unwrap_err().code(), "NOT_ENOUGH_GOVERNORS");
    // Nor does the chain take it, whatever the command would have done.
    let half = ProposalFile::read(&one).unwrap();
    let governors: Governors = governance::governors(&court.chain).await.unwrap();
    let forced = Message::Govern { proposal: half.proposals[0].clone(), approvals: half.for_chain(0, &governors) };
    let refused = governance::submit(&court.chain, vec![forced]).await.unwrap_err();
    assert_eq!(refused.code(), "NOT_ENOUGH_GOVERNORS");
    assert_eq!(state().await.status, ClientStatus::Frozen);

    approve_with(&proposal, court.governor(2), two.clone()).unwrap();
    submit_all(vec![one.clone(), two.clone()]).await.unwrap();
    let recovered = state().await;
    assert_eq!((recovered.status, recovered.anchor.height), (ClientStatus::Active, Height(6)));
    assert_eq!(submit_all(vec![one, two]).await.unwrap_err().code(), "PROPOSAL_NUMBER");

    // It serves no proof before the delay is over, and does then.
    let members: [MemberId; 1] = ["bank".parse().unwrap()];
    let import = || governance::import_members(&court.chain, &client, &anchor.anchor, &bank.chain, &members);
    assert_eq!(import().await.unwrap_err().code(), "CLIENT_WAITS");
    let started = Instant::now();
    while let Err(early) = import().await {
        assert_eq!(early.code(), "CLIENT_WAITS");
        assert!(started.elapsed() < Duration::from_secs(90));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // What is well needs no recovery.
    let again = folder.path().join("again");
    propose(recover(&again)).await.unwrap();
    for number in 0..2 {
        let args = ApproveArgs { proposal: again.clone(), key: court.governor(number), evidence: None, out: None };
        approve(&args).unwrap();
    }
    let refused = submit_all(vec![again]).await.unwrap_err();
    assert_eq!(refused.code(), "CLIENT_ACTIVE");
    assert!(format!("{:?}", miette::Report::new(refused)).contains("nothing to recover"));
    for engine in [court.engine, bank.engine, twin] {
        engine.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_key_is_rotated_with_its_doubt_and_the_old_one_seals_nothing_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let court = Site::start(folder.path(), "court", MemberKind::Court).await;
    reach(&court.chain, &court.engine, Height(3)).await;
    let fresh = Seed::create(&folder.path().join("seal-2.key")).unwrap();
    let proposal = folder.path().join("rotate.proposal");
    let since = clock::now();
    let what = |key: &Seed| What::RotateSealKey {
        member: None,
        public_key: hex::encode(key.ed25519()),
        compromised_since: Some(since),
        until: None,
    };
    let args = |out: &Path, what| ProposeArgs { config: court.config.clone(), out: out.to_path_buf(), what };
    propose(args(&proposal, what(&fresh))).await.unwrap();
    let file = ProposalFile::read(&proposal).unwrap();
    let numbers: Vec<_> = file.proposals.iter().map(|proposal| proposal.number).collect();
    assert_eq!(numbers, [0, 1], "the old key's end, and the new key");
    let said: Vec<_> = file.proposals.iter().flat_map(words::lines).collect();
    assert!(said.iter().any(|line| line.contains("doubted since")), "{said:?}");
    for number in [1, 2] {
        let key = court.governor(number);
        approve(&ApproveArgs { proposal: proposal.clone(), key, evidence: None, out: None }).unwrap();
    }
    submit(SubmitArgs { config: court.config.clone(), proposals: vec![proposal] }).await.unwrap();

    // The chain takes the new seal and not the old one; its operators may submit as before.
    let profile = What::SetProfile { sector: "judgments".parse().unwrap(), institution: None, profile: None };
    let sector = folder.path().join("profile.proposal");
    propose(args(&sector, profile)).await.unwrap();
    for number in [0, 1] {
        let key = court.governor(number);
        approve(&ApproveArgs { proposal: sector.clone(), key, evidence: None, out: None }).unwrap();
    }
    submit(SubmitArgs { config: court.config.clone(), proposals: vec![sector] }).await.unwrap();
    let old = Seed::read(&court.home.key("seal")).unwrap();
    let put = async |key: &Seed| put_record(&court, |bytes| key.sign(bytes)).await;
    assert_eq!(put(&old).await.unwrap_err().code(), "WRONG_SEAL");
    put(&fresh).await.unwrap();
    let twice = propose(args(&folder.path().join("twice"), what(&fresh))).await.unwrap_err();
    assert!(twice.to_string().contains("already"), "{twice}");
    court.engine.stop().await.unwrap();
}

/// Puts a judgment under a seal.
async fn put_record(site: &Site, sign: impl FnOnce(&[u8]) -> Signature) -> Result<(), Failure> {
    let state = comity_model::record::RecordState {
        schema: comity_model::Hash([1; 32]),
        root: comity_model::Hash([2; 32]),
        status: comity_model::record::RecordStatus::Current,
        version: 1,
        updated_at: clock::now().unix_seconds(),
    };
    let batch = comity_model::tx::RecordBatch {
        chain: site.home.plan.chain.clone(),
        member: site.home.plan.institution.clone(),
        sector: "judgments".parse().unwrap(),
        records: vec![("1".parse().unwrap(), state)],
    };
    let seal = sign(&comity_verify::seal::signing_bytes(comity_verify::seal::TAG_RECORDS, &batch));
    governance::submit(&site.chain, vec![Message::PutRecords { batch, seal }]).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_institution_that_seals_with_sm2_is_believed_where_its_suite_is_listed_and_refused_by_name_where_not() {
    let folder = tempfile::tempdir().unwrap();
    for (id, accepted) in [("court", Suites::NATIVE.with(Suite::Sm2Sm3)), ("other", Suites::NATIVE)] {
        let kind = MemberKind::Court;
        let site = Site::start_sealing(folder.path(), id, kind, Suite::Sm2Sm3, &["judgments"], accepted).await;
        reach(&site.chain, &site.engine, Height(3)).await;
        let key = crate::keys::read_seal(&site.home.key("seal")).unwrap();
        let stranger = crate::keys::create_seal(&folder.path().join(format!("{id}.key")), Suite::Sm2Sm3).unwrap();
        let put = put_record(&site, |bytes| key.sign(bytes)).await;
        let forged = put_record(&site, |bytes| stranger.sign(bytes)).await.unwrap_err();
        if accepted.contains(Suite::Sm2Sm3) {
            put.unwrap();
            assert_eq!(forged.code(), "WRONG_SEAL");
        } else {
            let refused = put.unwrap_err();
            assert_eq!(refused.code(), "SUITE");
            assert!(refused.to_string().contains("sm2-sm3"), "{refused}");
        }
        site.engine.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validators_and_officers_change_and_what_cannot_be_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let court = Site::start(folder.path(), "court", MemberKind::Court).await;
    reach(&court.chain, &court.engine, Height(3)).await;
    let carried = async |name: &str, what: What| {
        let out = folder.path().join(name);
        propose(ProposeArgs { config: court.config.clone(), out: out.clone(), what }).await?;
        for number in 0..2 {
            let key = court.governor(number);
            approve(&ApproveArgs { proposal: out.clone(), key, evidence: None, out: None })?;
        }
        submit(SubmitArgs { config: court.config.clone(), proposals: vec![out] }).await
    };
    let key = hex::encode(Seed::generate().unwrap().ed25519());
    let officer = |id: &str| What::SetOfficer {
        member: None,
        officer: id.parse().unwrap(),
        public_key: key.clone(),
        until: None,
    };
    carried("officer", officer("J-7")).await.unwrap();
    assert_eq!(Config::read(&court.config).unwrap().signer.officers[0].key, public_key(&key).unwrap());
    let end =
        |id: &str| What::EndOfficer { member: None, officer: id.parse().unwrap(), at: None, compromised_since: None };
    carried("end", end("J-7")).await.unwrap();
    let ended = Config::read(&court.config).unwrap().signer.officers[0].validity.until;
    assert!(ended <= clock::now().unix_seconds());
    assert_eq!(carried("nobody", end("J-8")).await.unwrap_err().code(), "UNKNOWN_OFFICER");

    let unknown = What::SetValidators { validators: vec![format!("{key}=0")] };
    let refused = carried("unknown", unknown).await.unwrap_err();
    assert_eq!(refused.code(), "VALIDATORS_MALFORMED");
    assert!(format!("{:?}", miette::Report::new(refused)).contains("not known"));
    let known = Seed::read(&court.home.validator_keys()[0]).unwrap();
    let raised = What::SetValidators { validators: vec![format!("{}=11", hex::encode(known.ed25519()))] };
    carried("raised", raised).await.unwrap();
    reach(&court.chain, &court.engine, Height(court.chain.headers.latest().await.unwrap().0 + 3)).await;
    let latest = court.chain.headers.latest().await.unwrap();
    let set = court.chain.headers.light_block(latest).await.unwrap().validators;
    assert!(set.validators().iter().any(|validator| validator.power == 11));
    for text in ["", "00=1", key.as_str(), &format!("{key}=-1")] {
        let malformed = What::SetValidators { validators: vec![text.to_owned()] };
        assert!(carried("malformed", malformed).await.is_err(), "{text}");
    }
    court.engine.stop().await.unwrap();
}

/// A proposal file of nothing in particular, and its governors.
fn proposal_file() -> (ProposalFile, Vec<Seed>) {
    let seeds: Vec<_> = (0..3).map(|_| Seed::generate().unwrap()).collect();
    let keys = seeds.iter().map(Seed::public_key).collect();
    let governors = Governors { keys, threshold: 2, delay_s: 0, next: 7 };
    let update = comity_model::governance::ValidatorUpdate { public_key: [1; 32], power: 1 };
    let proposal = Proposal {
        chain: "court-1".parse().unwrap(),
        number: 7,
        action: Action::SetValidators(vec![update]),
        evidence: comity_model::Hash::ZERO,
    };
    (ProposalFile::new(&governors, vec![proposal]), seeds)
}

#[test]
fn a_proposal_file_reads_back_and_no_byte_of_what_is_signed_can_change() {
    let (mut file, seeds) = proposal_file();
    assert!(file.approve(&seeds[0]).unwrap());
    assert!(!file.approve(&seeds[0]).unwrap(), "twice is once");
    let text = file.text().unwrap();
    assert_eq!(ProposalFile::parse(&text).unwrap(), file);
    let bytes = hex::encode(comity_model::encode(&file.proposals[0]));
    let mut refused = 0;
    for index in 0..bytes.len() {
        let mut changed = bytes.clone();
        let digit = if changed.as_bytes()[index] == b'0' { "1" } else { "0" };
        changed.replace_range(index..=index, digit);
        refused += usize::from(ProposalFile::parse(&text.replace(&bytes, &changed)).is_err());
    }
    assert_eq!(refused, bytes.len());
    for (from, to) in
        [("version = 1", "version = 2"), ("threshold", "treshold"), ("proposals = [\"", "proposals = [\"0")]
    {
        assert!(ProposalFile::parse(&text.replacen(from, to, 1)).is_err(), "{from}");
    }
}

#[test]
fn copies_of_one_proposal_are_merged_and_others_are_not() {
    let (file, seeds) = proposal_file();
    let (mut one, mut two) = (file.clone(), file.clone());
    one.approve(&seeds[0]).unwrap();
    two.approve(&seeds[2]).unwrap();
    one.merge(two).unwrap();
    assert_eq!(one.approvals(), 2);
    let governors = Governors { keys: one.governors.clone(), threshold: 2, delay_s: 0, next: 7 };
    let places: Vec<_> = one.for_chain(0, &governors).iter().map(|approval| approval.governor).collect();
    assert_eq!(places, [0, 2]);
    let stranger = Seed::generate().unwrap();
    assert_eq!(one.approve(&stranger).unwrap_err().code(), "NOT_A_GOVERNOR");
    let mut changed = file.clone();
    changed.proposals[0].number = 8;
    assert!(one.merge(changed).is_err());
    assert!(one.merge(file).is_ok());
}
