//! A court investigates what institutions keep of persons: each answers by its own private index, over real ledgers and
//! mutual TLS, and every answer is proven before it is told.

use crate::alliance::Party;
use crate::filling::{About, CASE, NAME, NUMBER};
use crate::support::liar::Cut;
use crate::support::{free_address, liar, reason};
use comity_gateway::sectors::{Role, SectorSchema, Sectors};
use comity_gateway::signer::SignerClient;
use comity_gateway::{Clock, DecidePolicy, PeerConfig, Running};
use comity_model::member::MemberKind;
use comity_model::{RecordId, Sector};
use comity_proto::v1::field::Value;
use comity_proto::v1::finding::Outcome;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::investigate_response::Event;
use comity_proto::v1::investigations_client::InvestigationsClient;
use comity_proto::v1::records_client::RecordsClient;
use comity_proto::v1::search_response::Part;
use comity_proto::v1::{self, InvestigateRequest};
use comity_verify::bundle::{Bundle, Claim};
use comity_verify::lookup;
use comity_verify::vrf::{self, Proof};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A court and three institutions with seven sectors that can be searched.
struct Alliance {
    sectors: Arc<Sectors>,
    court: Party,
    court_gateway: Running,
    bank: Party,
    bank_gateway: Running,
    registry: Party,
    registry_gateway: Running,
    office: Party,
    office_gateway: Running,
}

const BANK: [&str; 3] = ["accounts", "insurance", "securities"];
const REGISTRY: [&str; 1] = ["parcels"];
const OFFICE: [&str; 3] = ["companies", "equity", "ip-rights"];
/// Of whom nothing is kept.
const NOBODY: &str = "990101199001010018";

impl Alliance {
    async fn start() -> Self {
        let sectors = Arc::new(Sectors::embedded().unwrap());
        let party = async |id: &str, kind, seed, keeps: &[&str]| {
            let kept: BTreeSet<String> = keeps.iter().map(ToString::to_string).collect();
            Party::keeping(id, kind, seed, sectors.clone(), |schema| kept.contains(schema.name.as_str())).await
        };
        let court = party("court", MemberKind::Court, 10, &[]).await;
        let bank = party("bank", MemberKind::Finance, 20, &BANK).await;
        let registry = party("registry", MemberKind::Property, 30, &REGISTRY).await;
        let office = party("office", MemberKind::IntellectualProperty, 40, &OFFICE).await;
        let bank_gateway = gateway(&bank, vec![court.as_peer_of(&bank, "127.0.0.1:1")]).await;
        let registry_gateway = gateway(&registry, vec![court.as_peer_of(&registry, "127.0.0.1:1")]).await;
        let office_gateway = gateway(&office, vec![court.as_peer_of(&office, "127.0.0.1:1")]).await;
        let peers = [(&bank, &bank_gateway), (&registry, &registry_gateway), (&office, &office_gateway)];
        let peers = peers.map(|(party, running)| party.as_peer_of(&court, &running.grpc_addr().to_string()));
        let court_gateway = gateway(&court, peers.to_vec()).await;
        Self { sectors, court, court_gateway, bank, bank_gateway, registry, registry_gateway, office, office_gateway }
    }

    fn schema(&self, sector: &str) -> &SectorSchema {
        self.sectors.sector(&sector.parse().unwrap()).unwrap()
    }

    /// Puts records of a person.
    async fn keep(&self, keeper: &Running, sector: &str, number: &str, ids: &[&str]) {
        let record = |id: &&str| {
            let about = About { reference: id, name: NAME, number };
            (id.parse::<RecordId>().unwrap(), crate::filling::record(self.schema(sector), &about))
        };
        keeper.records().publish(&sector.parse().unwrap(), ids.iter().map(record).collect()).await.unwrap();
    }

    /// Something of `NUMBER` in every sector, so that each has an index.
    async fn keep_in_all(&self) {
        for sector in BANK {
            self.keep(&self.bank_gateway, sector, NUMBER, &["A-1", "A-2"]).await;
        }
        self.keep(&self.registry_gateway, "parcels", NUMBER, &["U-1"]).await;
        for sector in OFFICE {
            self.keep(&self.office_gateway, sector, NUMBER, &["R-1"]).await;
        }
    }

    async fn investigate(&self, request: InvestigateRequest) -> (Vec<v1::Finding>, Vec<v1::Progress>) {
        events(&self.court, &self.court_gateway, request).await
    }
}

async fn gateway(party: &Party, peers: Vec<PeerConfig>) -> Running {
    let signer = SignerClient::in_task(party.signer_core());
    party.gateway("127.0.0.1:0", peers, signer, DecidePolicy::Automatic).await
}

async fn events(
    court: &Party,
    gateway: &Running,
    request: InvestigateRequest,
) -> (Vec<v1::Finding>, Vec<v1::Progress>) {
    let mut client = InvestigationsClient::new(court.person(gateway, "officer"));
    let mut stream = client.investigate(request).await.unwrap().into_inner();
    let (mut findings, mut progress) = (Vec::new(), Vec::new());
    while let Some(response) = stream.message().await.unwrap() {
        match response.event.unwrap() {
            Event::Finding(finding) => findings.push(finding),
            Event::Progress(step) => progress.push(step),
        }
    }
    (findings, progress)
}

fn about(numbers: &[&str]) -> InvestigateRequest {
    InvestigateRequest {
        subjects: numbers.iter().map(|number| v1::Subject { number: (*number).to_owned() }).collect(),
        purpose: Some(v1::Purpose {
            case_number: CASE.into(),
            legal_basis: "民事诉讼法第二百五十三条".into(),
            purpose: "asset investigation".into(),
        }),
        deadline: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
        include_bundles: true,
        ..Default::default()
    }
}

fn ids(finding: &v1::Finding) -> Vec<&str> {
    match finding.outcome.as_ref().unwrap() {
        Outcome::Found(found) => found.records.iter().map(|record| record.name.rsplit_once('/').unwrap().1).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_question_goes_to_all_and_each_answer_or_absence_is_proven() {
    let alliance = Alliance::start().await;
    alliance.keep_in_all().await;
    let (findings, progress) = alliance.investigate(about(&[NUMBER, NOBODY])).await;

    // Two persons, seven sectors that are kept; the court itself keeps none that can be searched.
    assert_eq!(findings.len(), 14, "{findings:?}");
    let mut entries = BTreeSet::new();
    let anchors = BTreeMap::from([
        ("members/bank", &alliance.bank.anchor),
        ("members/registry", &alliance.registry.anchor),
        ("members/office", &alliance.office.anchor),
    ]);
    for finding in &findings {
        let anchor = anchors[finding.member.as_str()];
        let (number, is_known) = if finding.subject == 0 { (NUMBER, true) } else { (NOBODY, false) };
        let expected: &[&str] = match (is_known, finding.member.as_str()) {
            (false, _) => &[],
            (true, "members/bank") => &["A-1", "A-2"],
            (true, "members/registry") => &["U-1"],
            _ => &["R-1"],
        };
        assert_eq!(ids(finding), expected, "{} {}", finding.member, finding.sector);

        // What was found and what was not can be checked by anyone, and so can whose entry it is.
        let bundles = match finding.outcome.clone().unwrap() {
            Outcome::Found(found) => found.bundles,
            Outcome::Nothing(nothing) => vec![nothing.bundle],
            Outcome::Unanswered(unanswered) => panic!("{unanswered:?}"),
        };
        for bundle in &bundles {
            let verdict = Bundle::decode(bundle).unwrap().verify(anchor, Clock::system().now());
            assert!(verdict.is_ok(), "{} {}", finding.member, finding.sector);
        }
        let told = finding.lookup.as_ref().unwrap();
        let sector: Sector = finding.sector.parse().unwrap();
        let proof = Proof(told.proof.clone().try_into().unwrap());
        let key: [u8; 32] = told.key.clone().try_into().unwrap();
        let output = vrf::verify(&key, &lookup::input(&sector, number), &proof).unwrap();
        assert_eq!(lookup::private_id(&output).as_str(), told.entry);
        assert!(vrf::verify(&key, &lookup::input(&sector, "1"), &proof).is_err());
        assert!(entries.insert(told.entry.clone()), "one entry links a person across sectors");
        assert_eq!(finding.proof.as_ref().unwrap().chain_id, anchor.chain_id.as_str());
    }

    // The court's officer sees what a court may see, personal data included.
    let accounts = findings.iter().find(|finding| finding.sector == "accounts" && finding.subject == 0).unwrap();
    let Some(Outcome::Found(found)) = &accounts.outcome else { panic!("{accounts:?}") };
    let balance = alliance.schema("accounts").record.role(Role::Amount).unwrap().name.to_string();
    assert!(found.records[0].fields.iter().any(|field| field.name == balance));

    let last = progress.last().unwrap();
    assert!(last.complete && last.done == last.total && last.total == 8, "{last:?}");
    assert_eq!((last.found, last.nothing, last.unanswered), (7, 7, 0));

    // Everybody filed it: the court that it asked and what it got, each institution what was looked up, by its entry.
    let court = alliance.court_gateway.audit().entries().await.unwrap();
    assert_eq!(court.iter().filter(|entry| entry.action == "Investigate").count(), 1 + 10, "{court:?}");
    let bank = alliance.bank_gateway.audit().entries().await.unwrap();
    assert_eq!(bank.iter().filter(|entry| entry.action == "SearchRecords").count(), 6);
    for entry in court.iter().chain(&bank) {
        assert_eq!(entry.purpose.case_number, CASE);
        assert!(!entry.resource.contains(NUMBER) && !entry.resource.contains(NOBODY));
    }

    // No chain knows the person.
    for party in [&alliance.court, &alliance.bank, &alliance.registry, &alliance.office] {
        for bytes in party.ledger.transactions() {
            for secret in [NAME, NUMBER, NOBODY, CASE] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_index_follows_its_records_and_a_number_has_one_form() {
    let alliance = Alliance::start().await;
    let search = async |number: &str| {
        let request = InvestigateRequest { sectors: vec!["parcels".into()], ..about(&[number]) };
        let (findings, _) = alliance.investigate(request).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.into_iter().next().unwrap()
    };
    // Before its first record the sector has no index: that is no absence.
    let unanswered = search(NUMBER).await;
    assert!(matches!(&unanswered.outcome, Some(Outcome::Unanswered(why)) if why.reason == "NOT_SEARCHABLE"));

    let keeper = &alliance.registry_gateway;
    let many: Vec<String> = (0..70).map(|number| format!("U-{number:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    alliance.keep(keeper, "parcels", "99010619870412037x", &many).await;
    assert_eq!(ids(&search(" 990106 19870412 037X ").await).len(), 70);

    // A unit changes hands, another one is withdrawn.
    alliance.keep(keeper, "parcels", NOBODY, &["U-00"]).await;
    keeper.records().withdraw(&"parcels".parse().unwrap(), vec!["U-01".parse().unwrap()]).await.unwrap();
    let left = search("99010619870412037X").await;
    assert_eq!(ids(&left).len(), 68);
    assert!(!ids(&left).contains(&"U-00") && !ids(&left).contains(&"U-01"));
    assert_eq!(ids(&search(NOBODY).await), ["U-00"]);

    // When the last one goes, the entry stands and lists nothing.
    alliance.keep(keeper, "parcels", NUMBER, &["U-00"]).await;
    let nothing = search(NOBODY).await;
    assert!(matches!(nothing.outcome, Some(Outcome::Nothing(_))), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silent_is_told_as_silent_and_holds_up_nobody() {
    let alliance = Alliance::start().await;
    alliance.keep_in_all().await;
    // One institution's gateway is down, another one takes the question and never answers.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = socket.local_addr().unwrap().to_string();
    let court = &alliance.court;
    let peers = vec![
        alliance.bank.as_peer_of(court, &alliance.bank_gateway.grpc_addr().to_string()),
        alliance.registry.as_peer_of(court, &free_address()),
        alliance.office.as_peer_of(court, &silent),
    ];
    let court_gateway = court.gateway_over("another.redb", peers).await;
    let began = Instant::now();
    let request = InvestigateRequest {
        deadline: Some(prost_types::Duration { seconds: 3, nanos: 0 }),
        ..about(&[NUMBER, NOBODY])
    };
    let (findings, progress) = events(court, &court_gateway, request).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let of = |member: &str| findings.iter().filter(|finding| finding.member == member).collect::<Vec<_>>();
    assert_eq!(of("members/bank").len(), 6);
    assert!(of("members/bank").iter().all(|finding| finding.proof.is_some()));
    for (member, expected) in [("members/registry", "PEER_UNAVAILABLE"), ("members/office", "DEADLINE_PASSED")] {
        let reasons: Vec<_> = of(member)
            .into_iter()
            .map(|finding| match &finding.outcome {
                Some(Outcome::Unanswered(why)) => why.reason.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(reasons, [expected, expected], "{member}");
    }
    let last = progress.last().unwrap();
    assert!(last.complete && last.unanswered == 4, "{last:?}");
    drop(socket);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_an_answer_is_cut_stays_and_the_rest_may_be_asked_again() {
    let alliance = Alliance::start().await;
    alliance.keep_in_all().await;
    let Alliance { court, bank, .. } = &alliance;
    let honest = (&bank.id, &bank.authority);
    let (address, lie) = liar::start_as(honest, &alliance.bank_gateway, (&court.id, &court.authority)).await;
    let cut_off = court.gateway_over("cut.redb", vec![bank.as_peer_of(court, &address)]).await;
    let sectors: Vec<String> = BANK.map(ToOwned::to_owned).into();
    let ask = async |seconds: i64| {
        let deadline = Some(prost_types::Duration { seconds, nanos: 0 });
        let request = InvestigateRequest { sectors: sectors.clone(), deadline, ..about(&[NUMBER, NOBODY]) };
        let (findings, progress) = events(court, &cut_off, request).await;
        let last = progress.last().unwrap();
        assert!(last.complete && last.done == last.total, "{last:?}");
        let told = findings.iter().filter(|finding| finding.member == "members/bank").map(|finding| {
            let outcome = match finding.outcome.as_ref().unwrap() {
                Outcome::Found(found) => format!("{} records", found.records.len()),
                Outcome::Nothing(_) => "nothing".to_owned(),
                Outcome::Unanswered(why) => why.reason.clone(),
            };
            assert_eq!(finding.proof.is_some(), !outcome.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            (finding.subject, finding.sector.clone(), outcome)
        });
        told.collect::<Vec<_>>()
    };
    let row = |subject: u32, sector: &str, outcome: &str| (subject, sector.to_owned(), outcome.to_owned());
    // The start, the first person's accounts with two records, and the entry of the insurance without its records.
    for (cut, reason) in [(Cut::Broken, "PEER_UNAVAILABLE"), (Cut::Silent, "DEADLINE_PASSED")] {
        lie.cut_search(Some((5, cut)));
        let expected = [
            row(0, "accounts", "2 records"),
            row(0, "insurance", reason),
            row(0, "securities", reason),
            row(1, "", reason),
        ];
        assert_eq!(ask(4).await, expected);
    }
    // Asked again, it says the rest.
    lie.cut_search(None);
    let found = BANK.map(|sector| row(0, sector, "2 records"));
    let nothing = BANK.map(|sector| row(1, sector, "nothing"));
    assert_eq!(ask(20).await, [found, nothing].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_institution_that_hides_a_record_or_shows_anothers_is_caught() {
    let alliance = Alliance::start().await;
    alliance.keep_in_all().await;
    let (address, lie) = liar::start_as(
        (&alliance.bank.id, &alliance.bank.authority),
        &alliance.bank_gateway,
        (&alliance.court.id, &alliance.court.authority),
    )
    .await;
    let Alliance { court, bank, .. } = &alliance;
    // Another gateway of the court, which is lied to: over a store of its own.
    let deceived = court.gateway_over("deceived.redb", vec![bank.as_peer_of(court, &address)]).await;
    let ask = async || {
        let request = InvestigateRequest { sectors: vec!["accounts".into()], ..about(&[NUMBER]) };
        let (findings, _) = events(court, &deceived, request).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        match findings.into_iter().next().unwrap().outcome.unwrap() {
            Outcome::Found(found) => format!("{} records", found.records.len()),
            Outcome::Nothing(_) => "nothing".to_owned(),
            Outcome::Unanswered(why) => why.reason,
        }
    };
    assert_eq!(ask().await, "2 records", "the liar tells the truth so far");

    // "There is no entry."
    lie.of_search(|answer| {
        if let Some(Part::Entry(entry)) = &mut answer.part {
            let record = entry.entry.as_mut().unwrap();
            record.disclosure.clear();
            let state = record.state.as_mut().unwrap();
            (state.exists, state.value) = (false, Vec::new());
        }
    });
    assert_eq!(ask().await, "PROOF_REFUSED");
    // Another person's entry, or a lookup that was not made with the published key.
    lie.of_search(|answer| {
        if let Some(Part::Entry(entry)) = &mut answer.part {
            entry.vrf_proof[40] ^= 1;
        }
    });
    assert_eq!(ask().await, "PROOF_REFUSED");
    // Another record in the place of one that the entry lists.
    lie.of_search(|answer| {
        if let Some(Part::Record(record)) = &mut answer.part {
            record.record_id = "A-1".into();
        }
    });
    assert_eq!(ask().await, "PEER_REFUSED");
    // A sector that it keeps, and says it does not.
    lie.of_search(|answer| {
        if let Some(Part::Start(start)) = &mut answer.part {
            let profile = start.sectors[0].profile.as_mut().unwrap();
            (profile.exists, profile.value) = (false, Vec::new());
        }
    });
    assert_eq!(ask().await, "PROOF_REFUSED");
}

/// What the court's officer is told of an account, or why not.
async fn account(court: &Party, gateway: &Running, number: &str) -> Result<v1::GetRecordResponse, String> {
    let request = v1::GetRecordRequest {
        name: format!("members/bank/sectors/accounts/records/{number}"),
        purpose: about(&[NUMBER]).purpose,
        include_bundle: true,
        ..Default::default()
    };
    let answer = RecordsClient::new(court.person(gateway, "officer")).get_record(request).await;
    answer.map(tonic::Response::into_inner).map_err(|status| reason(&status))
}

/// The id on the chain that a lookup leads to, computed as anyone would.
fn private_id(told: &v1::Lookup, number: &str) -> String {
    let input = lookup::record_input(&"accounts".parse().unwrap(), &number.parse().unwrap());
    let key = told.key.as_slice().try_into().unwrap();
    let proof = Proof(told.proof.as_slice().try_into().unwrap());
    lookup::private_id(&vrf::verify(key, &input, &proof).unwrap()).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_stands_on_the_chain_under_an_id_that_only_its_bank_computes_and_everybody_checks() {
    const KEPT: [&str; 2] = ["6222021202041234567", "6222021202047654321"];
    const NOT_KEPT: &str = "6222021202040000001";
    let alliance = Alliance::start().await;
    alliance.keep(&alliance.bank_gateway, "accounts", NUMBER, &KEPT).await;
    let (court, bank) = (&alliance.court, &alliance.bank);

    let told = account(court, &alliance.court_gateway, KEPT[0]).await.unwrap();
    let Some(Answer::Record(record)) = &told.answer else { panic!("{told:?}") };
    let number = Some(Value::Text(KEPT[0].into()));
    assert!(record.name.ends_with(KEPT[0]) && record.fields.iter().any(|field| field.value == number));
    let (lookup, proof) = (told.lookup.as_ref().unwrap(), told.proof.as_ref().unwrap());
    assert_eq!(lookup.entry, private_id(lookup, KEPT[0]));
    assert!(proof.rules.contains(&"VRF".to_owned()), "{:?}", proof.rules);
    let Claim::Record { id, .. } = Bundle::decode(&told.bundle).unwrap().claim else { panic!("another claim") };
    assert_eq!(id.as_str(), lookup.entry, "the bundle is of what stands there");

    let told = account(court, &alliance.court_gateway, NOT_KEPT).await.unwrap();
    assert!(matches!(told.answer, Some(Answer::Absence(_))));
    let lookup = told.lookup.as_ref().unwrap();
    assert_eq!(lookup.entry, private_id(lookup, NOT_KEPT), "nothing stands at the one place where it could");

    let honest = (&bank.id, &bank.authority);
    let (address, lie) = liar::start_as(honest, &alliance.bank_gateway, (&court.id, &court.authority)).await;
    let deceived = court.gateway_over("deceived.redb", vec![bank.as_peer_of(court, &address)]).await;
    assert!(account(court, &deceived, KEPT[0]).await.is_ok(), "the liar tells the truth so far");
    let mut others = account(court, &alliance.court_gateway, KEPT[1]).await.unwrap().lookup.unwrap().proof;
    lie.set(move |answer| answer.private_id.as_mut().unwrap().vrf_proof.clone_from(&others));
    assert_eq!(account(court, &deceived, KEPT[0]).await.unwrap_err(), "PROOF_REFUSED", "another account's place");
    others = lookup.proof.clone();
    lie.set(move |answer| answer.private_id.as_mut().unwrap().vrf_proof.clone_from(&others));
    assert_eq!(account(court, &deceived, KEPT[0]).await.unwrap_err(), "PROOF_REFUSED", "a place where nothing stands");
    lie.set(|answer| answer.private_id = None);
    assert_eq!(account(court, &deceived, KEPT[0]).await.unwrap_err(), "PEER_REFUSED", "no place at all");

    // No block has the number or the name; the bank's own store has both.
    let finds = |bytes: &[u8], secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    let transactions = bank.ledger.transactions();
    assert!(transactions.iter().any(|bytes| finds(bytes, &lookup.entry[..1]) && finds(bytes, "accounts")));
    let own = std::fs::read(bank.folder.path().join("gateway.redb")).unwrap();
    for secret in [KEPT[0], KEPT[1], NAME, NUMBER] {
        assert!(!transactions.iter().any(|bytes| finds(bytes, secret)), "{secret} is on the chain");
        assert!(finds(&own, secret), "{secret} is not in the bank's own store");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_persons_are_looked_up_with_progress() {
    let alliance = Alliance::start().await;
    alliance.keep(&alliance.registry_gateway, "parcels", NUMBER, &["U-1"]).await;
    let mut numbers: Vec<String> = (0..999).map(|number| format!("99010119900101{number:04}")).collect();
    numbers.push(NUMBER.to_owned());
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let request = InvestigateRequest {
        sectors: vec!["parcels".into()],
        deadline: Some(prost_types::Duration { seconds: 120, nanos: 0 }),
        include_bundles: false,
        ..about(&numbers)
    };
    let (findings, progress) = alliance.investigate(request).await;
    let last = progress.last().unwrap();
    assert_eq!((last.found, last.nothing, last.unanswered, last.total), (1, 999, 0, 4_000), "{last:?}");
    assert!(progress.len() > 100 && progress.windows(2).all(|pair| pair[0].done <= pair[1].done));
    let found: Vec<u32> =
        findings.iter().filter(|finding| !ids(finding).is_empty()).map(|finding| finding.subject).collect();
    assert_eq!(found, [999]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_court_with_a_purpose_asks_and_within_bounds() {
    let alliance = Alliance::start().await;
    let refused = async |party: &Party, running: &Running, role: &str, request: InvestigateRequest| {
        let mut client = InvestigationsClient::new(party.person(running, role));
        reason(&client.investigate(request).await.unwrap_err())
    };
    let (court, gateway) = (&alliance.court, &alliance.court_gateway);
    assert_eq!(refused(court, gateway, "reader", about(&[NUMBER])).await, "PERMISSION_DENIED");
    let bank = (&alliance.bank, &alliance.bank_gateway);
    assert_eq!(refused(bank.0, bank.1, "officer", about(&[NUMBER])).await, "PERMISSION_DENIED");
    let unexplained = InvestigateRequest { purpose: None, ..about(&[NUMBER]) };
    assert_eq!(refused(court, gateway, "officer", unexplained).await, "PURPOSE_REQUIRED");
    for numbers in [&[] as &[&str], &[NUMBER, NUMBER], &[""], &["1\n2\u{7}"], &["1"; 1_001]] {
        assert_eq!(refused(court, gateway, "officer", about(numbers)).await, "INVALID_ARGUMENT", "{numbers:?}");
    }
    let elsewhere = InvestigateRequest { sectors: vec!["judgments".into()], ..about(&[NUMBER]) };
    assert_eq!(refused(court, gateway, "officer", elsewhere).await, "NOT_SEARCHABLE");
    let patient = prost_types::Duration { seconds: 601, nanos: 0 };
    let patient = InvestigateRequest { deadline: Some(patient), ..about(&[NUMBER]) };
    assert_eq!(refused(court, gateway, "officer", patient).await, "INVALID_ARGUMENT");
    // A record of the index is nobody's record.
    let reserved = vec![(
        "~key".parse().unwrap(),
        crate::filling::record(alliance.schema("parcels"), &About { reference: "~key", name: NAME, number: NUMBER }),
    )];
    let published = alliance.registry_gateway.records().publish(&"parcels".parse().unwrap(), reserved).await;
    assert_eq!(published.unwrap_err().reason().as_str(), "RECORD_ID_RESERVED");
}
