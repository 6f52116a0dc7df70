//! A court asks a justice bureau for records and credentials, over two real ledgers and mutual TLS, and believes
//! nothing that it has not verified itself.

use crate::support::{Institution, fact, liar, licence, name, reason, sector};
use comity_gateway::{Clock, Running};
use comity_model::member::MemberKind;
use comity_model::record::FieldValue;
use comity_proto::v1::chains_client::ChainsClient;
use comity_proto::v1::credentials_client::CredentialsClient;
use comity_proto::v1::exchange_client::ExchangeClient;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::members_client::MembersClient;
use comity_proto::v1::records_client::RecordsClient;
use comity_proto::v1::{
    Entitlement, FetchRecordRequest, GetRecordRequest, GetRecordResponse, ListChainsRequest, ListMembersRequest,
    Purpose, VerifyCredentialRequest,
};
use comity_verify::bundle::{Bundle, Finding};
use comity_verify::fields::Disclosure;
use tonic::transport::Channel;
use tonic::{Code, Status};

struct World {
    court: Institution,
    justice: Institution,
    court_gateway: Running,
    justice_gateway: Running,
}

const ACTIVE: &str = "13301200810123456";
const SUSPENDED: &str = "13301200810999999";
const NOBODY: &str = "13301200810000000";

async fn world() -> World {
    let court = Institution::start("court", MemberKind::Court, false).await;
    let justice = Institution::start("justice", MemberKind::Justice, true).await;
    let justice_gateway = justice.gateway("gateway.redb", vec![court.as_peer("127.0.0.1:1")]).await;
    let address = justice_gateway.grpc_addr().to_string();
    let court_gateway = court.gateway("gateway.redb", vec![justice.as_peer(&address)]).await;
    let records = vec![licence(ACTIVE, "ACTIVE"), licence(SUSPENDED, "SUSPENDED")];
    justice_gateway.records().publish(&sector(), records).await.unwrap();
    World { court, justice, court_gateway, justice_gateway }
}

fn purpose() -> Option<Purpose> {
    Some(Purpose {
        case_number: "(2026)浙0106执1024号".into(),
        legal_basis: "民事诉讼法第二百五十三条".into(),
        purpose: "check counsel".into(),
    })
}

fn ask(name: &str, fields: &[&str], purpose: Option<Purpose>) -> GetRecordRequest {
    GetRecordRequest {
        name: name.into(),
        read_mask: fields.iter().map(|&field| field.to_owned()).collect(),
        purpose,
        include_bundle: true,
        ..Default::default()
    }
}

async fn get(channel: Channel, request: GetRecordRequest) -> Result<GetRecordResponse, Status> {
    Ok(RecordsClient::new(channel).get_record(request).await?.into_inner())
}

fn fields(answer: &GetRecordResponse) -> Vec<String> {
    match answer.answer.as_ref().unwrap() {
        Answer::Record(record) => record.fields.iter().map(|field| field.name.clone()).collect(),
        Answer::Absence(absence) => panic!("{} is absent", absence.name),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_go_to_whoever_may_see_them_and_each_answer_can_be_checked_by_anyone() {
    let world = world().await;
    let licence = name(&world.justice, ACTIVE);
    let as_role = |role| world.court.person(&world.court_gateway, role);

    // A reader gets what is not personal; a remark of the register to itself stays there.
    let answer = get(as_role("reader"), ask(&licence, &[], purpose())).await.unwrap();
    assert_eq!(fields(&answer), ["firm", "issued", "number", "status"]);
    let proof = answer.proof.clone().unwrap();
    assert_eq!((proof.chain_id.as_str(), proof.operators), ("justice-1", 1));
    assert!(proof.header_height > world.justice.anchor.height.0);

    // An officer gets personal data as well, for a purpose.
    let answer = get(as_role("officer"), ask(&licence, &[], purpose())).await.unwrap();
    assert_eq!(fields(&answer), ["firm", "holder", "issued", "number", "status"]);
    let answer = get(as_role("officer"), ask(&licence, &[], None)).await.unwrap();
    assert_eq!(fields(&answer), ["firm", "issued", "number", "status"]);
    let answer = get(as_role("officer"), ask(&licence, &["status"], None)).await.unwrap();
    assert_eq!(fields(&answer), ["status"]);

    // The bundle says the same to anyone who has the anchor, and nothing after any change.
    let now = Clock::system().now();
    let bundle = Bundle::decode(&answer.bundle).unwrap();
    let verdict = bundle.verify(&world.justice.anchor, now).unwrap();
    let Finding::Record(record) = &verdict.finding else { panic!("{verdict:?}") };
    assert_eq!(record.fields.first().unwrap().value, FieldValue::Text("ACTIVE".into()));
    assert!(bundle.verify(&world.court.anchor, now).is_err());
    for index in (0..answer.bundle.len()).step_by(37) {
        let mut changed = answer.bundle.clone();
        changed[index] ^= 1;
        let accepted = Bundle::decode(&changed).is_ok_and(|bundle| bundle.verify(&world.justice.anchor, now).is_ok());
        assert!(!accepted, "byte {index}");
    }

    // A record that does not exist gets a proven absence.
    let answer = get(as_role("reader"), ask(&name(&world.justice, NOBODY), &[], None)).await.unwrap();
    assert!(matches!(answer.answer, Some(Answer::Absence(_))));
    let verdict = Bundle::decode(&answer.bundle).unwrap().verify(&world.justice.anchor, now).unwrap();
    assert!(matches!(verdict.finding, Finding::Absence { .. }));

    // The keeper's own people read their own records through the same door, remarks included.
    let own = world.justice.person(&world.justice_gateway, "officer");
    let answer = get(own, ask(&licence, &["remark"], None)).await.unwrap();
    assert_eq!(fields(&answer), ["remark"]);

    // Personal data was handed out once by the keeper, and once to an officer of the court; both wrote it down.
    for gateway in [&world.justice_gateway, &world.court_gateway] {
        let entries = gateway.audit().entries().await.unwrap();
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_eq!((entries[0].institution.as_str(), entries[0].role.as_str()), ("court", "officer"));
        assert_eq!(entries[0].purpose.case_number, "(2026)浙0106执1024号");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_asked_is_refused_with_a_reason() {
    let world = world().await;
    let licence = name(&world.justice, ACTIVE);
    let as_role = |role| world.court.person(&world.court_gateway, role);
    let refused = async |role, request| reason(&get(as_role(role), request).await.unwrap_err());

    assert_eq!(refused("officer", ask(&licence, &["holder"], None)).await, "PURPOSE_REQUIRED");
    assert_eq!(refused("reader", ask(&licence, &["holder"], purpose())).await, "PERMISSION_DENIED");
    assert_eq!(refused("officer", ask(&licence, &["remark"], purpose())).await, "PERMISSION_DENIED");
    assert_eq!(refused("officer", ask(&licence, &["shoe-size"], purpose())).await, "UNKNOWN_FIELD");
    assert_eq!(refused("operator", ask(&licence, &[], None)).await, "PERMISSION_DENIED");
    assert_eq!(refused("janitor", ask(&licence, &[], None)).await, "UNKNOWN_ROLE");
    // Access is decided before form, so that probing tells nothing.
    assert_eq!(refused("operator", ask("nonsense", &[], None)).await, "PERMISSION_DENIED");
    assert_eq!(refused("officer", ask("nonsense", &[], None)).await, "MALFORMED_NAME");
    let elsewhere = licence.replace("members/justice", "members/atlantis");
    assert_eq!(refused("officer", ask(&elsewhere, &[], None)).await, "UNKNOWN_MEMBER");
    let other_sector = licence.replace("/licences/", "/judgments/");
    assert_eq!(refused("officer", ask(&other_sector, &[], None)).await, "UNKNOWN_SECTOR");
    // The court's chain has no such register: its absence there would say nothing.
    assert_eq!(refused("officer", ask(&name(&world.court, ACTIVE), &[], None)).await, "UNKNOWN_SECTOR");
    let half = Some(Purpose { case_number: "1".into(), ..Default::default() });
    assert_eq!(refused("officer", ask(&licence, &[], half)).await, "INVALID_ARGUMENT");

    // Another institution's officer has no business here, whatever its certificate; its gateway exchanges, no more.
    let stranger = |role: &str| {
        let material = world.court.authority.issue(&format!("comity://court/{role}"));
        let address = world.justice_gateway.grpc_addr().to_string();
        let limits = comity_gateway::tls::ChannelLimits::default();
        comity_gateway::tls::channel(&world.justice.id, &address, &world.justice.authority.pem, &material, limits)
            .unwrap()
    };
    let status = get(stranger("officer"), ask(&licence, &[], None)).await.unwrap_err();
    assert_eq!(reason(&status), "PERMISSION_DENIED");
    let status = get(stranger("gateway"), ask(&licence, &[], None)).await.unwrap_err();
    assert_eq!(reason(&status), "PERMISSION_DENIED");
    let fetch = |role: &str| FetchRecordRequest {
        sector: "licences".into(),
        record_id: ACTIVE.into(),
        role: role.into(),
        trusted_height: world.justice.anchor.height.0,
        ..Default::default()
    };
    let fetched = async |as_role: &str, request| ExchangeClient::new(stranger(as_role)).fetch_record(request).await;
    assert_eq!(reason(&fetched("officer", fetch("officer")).await.unwrap_err()), "PERMISSION_DENIED");
    assert_eq!(reason(&fetched("gateway", fetch("gateway")).await.unwrap_err()), "PERMISSION_DENIED");
    assert_eq!(reason(&fetched("gateway", fetch("NO ROLE")).await.unwrap_err()), "INVALID_ARGUMENT");
    let answer = fetched("gateway", fetch("reader")).await.unwrap().into_inner();
    let disclosure: Disclosure = comity_model::decode("disclosure", &answer.disclosure).unwrap();
    assert_eq!(disclosure.opened.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_proven_entitled_or_not_or_unknown_and_no_older_than_demanded() {
    let world = world().await;
    let mut client = CredentialsClient::new(world.court.person(&world.court_gateway, "clerk"));
    let verify = |number: &str| VerifyCredentialRequest {
        name: name(&world.justice, number),
        include_bundle: true,
        ..Default::default()
    };
    for (number, expected) in
        [(ACTIVE, Entitlement::Entitled), (SUSPENDED, Entitlement::NotEntitled), (NOBODY, Entitlement::UnknownNumber)]
    {
        let answer = client.verify_credential(verify(number)).await.unwrap().into_inner();
        assert_eq!(answer.entitlement(), expected, "{number}");
        assert!(Bundle::decode(&answer.bundle).unwrap().verify(&world.justice.anchor, Clock::system().now()).is_ok());
    }

    // A change is seen at once, and so is a withdrawal.
    let suspended = vec![licence(ACTIVE, "SUSPENDED")];
    world.justice_gateway.records().publish(&sector(), suspended).await.unwrap();
    let answer = client.verify_credential(verify(ACTIVE)).await.unwrap().into_inner();
    assert_eq!(answer.entitlement(), Entitlement::NotEntitled);
    assert_eq!(answer.credential.unwrap().version, 2);
    let withdrawn = vec![SUSPENDED.parse().unwrap()];
    world.justice_gateway.records().withdraw(&sector(), withdrawn).await.unwrap();
    let answer = client.verify_credential(verify(SUSPENDED)).await.unwrap().into_inner();
    assert_eq!(answer.entitlement(), Entitlement::NotEntitled);
    assert_eq!(answer.credential.unwrap().status, 2);

    // No proof is as fresh as this one.
    let strict = VerifyCredentialRequest { max_age: Some(prost_types::Duration::default()), ..verify(ACTIVE) };
    let status = client.verify_credential(strict).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "PROOF_TOO_OLD"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_can_be_repeated_and_a_record_out_of_form_is_not_written() {
    let world = world().await;
    let keeper = world.justice_gateway.records();
    let again = vec![licence(ACTIVE, "ACTIVE"), licence(NOBODY, "REVOKED")];
    let published = keeper.publish(&sector(), again).await.unwrap();
    assert_eq!((published.changed, published.unchanged), (1, 1));

    let wrong = keeper.publish(&sector(), vec![licence("1", "ASLEEP")]).await.unwrap_err();
    assert_eq!(wrong.reason().as_str(), "FIELD_VALUE");
    let twice = keeper.publish(&sector(), vec![licence("1", "ACTIVE"), licence("1", "ACTIVE")]).await.unwrap_err();
    assert_eq!(twice.reason().as_str(), "INVALID_ARGUMENT");
    let nowhere = keeper.publish(&"judgments".parse().unwrap(), vec![licence("1", "ACTIVE")]).await.unwrap_err();
    assert_eq!(nowhere.reason().as_str(), "UNKNOWN_SECTOR");

    // More than one transaction's worth, and the chain's own refusal where the institution does not answer.
    let many = (0..501).map(|number| licence(&format!("2{number:016}"), "ACTIVE")).collect();
    let published = keeper.publish(&sector(), many).await.unwrap();
    assert_eq!(published.changed, 501);
    let refused = world.court_gateway.records().publish(&sector(), vec![licence("1", "ACTIVE")]).await.unwrap_err();
    assert_eq!(refused.reason().as_str(), "CHAIN_REFUSED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_lies_is_refused_with_the_rule_that_caught_it() {
    let world = world().await;
    let (address, lie) = liar::start(&world.justice, &world.justice_gateway, &world.court).await;
    let deceived = world.court.gateway("deceived.redb", vec![world.justice.as_peer(&address)]).await;
    let licence_name = name(&world.justice, ACTIVE);
    let ask_again = async || {
        let channel = world.court.person(&deceived, "officer");
        get(channel, ask(&licence_name, &["status"], None)).await
    };
    assert!(ask_again().await.is_ok(), "the liar tells the truth so far");

    // Another status under the same salt.
    lie.set(|answer| {
        let mut disclosure: Disclosure = comity_model::decode("disclosure", &answer.disclosure).unwrap();
        disclosure.opened[0].opening.field.value = FieldValue::Text("REVOKED".into());
        answer.disclosure = comity_model::encode(&disclosure);
    });
    assert_caught(ask_again().await, "FIELD_PROOF");

    // Another record's commitment.
    lie.set(|answer| {
        let state = answer.state.as_mut().unwrap();
        let last = state.value.len() - 1;
        state.value[last] ^= 1;
    });
    assert_caught(ask_again().await, "STATE_PROOF");

    // "There is no such record."
    lie.set(|answer| {
        answer.disclosure.clear();
        let state = answer.state.as_mut().unwrap();
        (state.exists, state.value) = (false, Vec::new());
    });
    assert_caught(ask_again().await, "ABSENCE_PROOF");

    // A header that nobody signed: another app hash in the last step.
    world
        .justice
        .ledger
        .reach(deceived.peers().peer(&world.justice.id).unwrap().view.verified().unwrap().height().0 + 4)
        .await;
    lie.set(|answer| {
        let state = answer.state.as_mut().unwrap();
        let mut step: comity_verify::light::LightStep =
            comity_model::decode("step", state.steps.last().unwrap()).unwrap();
        step.block.header.app_hash = comity_model::Hash([1; 32]).into();
        *state.steps.last_mut().unwrap() = comity_model::encode(&step);
    });
    assert_caught(ask_again().await, "HEADER_HASH");

    // A signature that was swapped for another.
    world
        .justice
        .ledger
        .reach(deceived.peers().peer(&world.justice.id).unwrap().view.verified().unwrap().height().0 + 4)
        .await;
    lie.set(|answer| {
        use comity_verify::comet::CommitSig;
        let state = answer.state.as_mut().unwrap();
        let mut step: comity_verify::light::LightStep =
            comity_model::decode("step", state.steps.last().unwrap()).unwrap();
        for entry in &mut step.block.commit.signatures {
            if let CommitSig::Commit(vote) = entry {
                vote.signature[0] ^= 1;
            }
        }
        *state.steps.last_mut().unwrap() = comity_model::encode(&step);
    });
    assert_caught(ask_again().await, "SIGNATURE");

    // Garbage.
    lie.set(|answer| answer.disclosure = vec![1, 2, 3]);
    assert_caught(ask_again().await, "ENCODING");
    lie.set(|answer| answer.state.as_mut().unwrap().steps = vec![vec![0; 9]]);
    assert_caught(ask_again().await, "ENCODING");
    lie.set(|answer| answer.state.as_mut().unwrap().header_height += 1);
    assert_caught(ask_again().await, "WRONG_BLOCK");

    // And none of it is remembered.
    lie.set(|_| {});
    assert!(ask_again().await.is_ok());
}

fn assert_caught(answer: Result<GetRecordResponse, Status>, rule: &str) {
    let status = answer.expect_err(rule);
    assert_eq!((reason(&status).as_str(), fact(&status, "rule").as_str()), ("PROOF_REFUSED", rule), "{status:?}");
    assert_eq!(status.code(), Code::DataLoss);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_answer_is_unavailable_and_a_gateway_goes_on_where_it_stopped() {
    let world = world().await;
    let licence = name(&world.justice, ACTIVE);
    let answer = get(world.court.person(&world.court_gateway, "clerk"), ask(&licence, &[], None)).await.unwrap();
    let seen = answer.proof.unwrap().header_height;

    let address = world.justice_gateway.grpc_addr().to_string();
    world.justice_gateway.stop().await;
    let status = get(world.court.person(&world.court_gateway, "clerk"), ask(&licence, &[], None)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "PEER_UNAVAILABLE"));

    world.court_gateway.stop().await;
    let again = world.court.gateway("gateway.redb", vec![world.justice.as_peer(&address)]).await;
    let view = &again.peers().peer(&world.justice.id).unwrap().view;
    let kept = view.verified().unwrap().height().0;
    assert!((world.justice.anchor.height.0..=seen).contains(&kept), "what was verified is kept: {kept}, {seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_and_chains_are_shown_as_proven() {
    let world = world().await;
    let operator = || world.court.person(&world.court_gateway, "operator");
    let members =
        MembersClient::new(operator()).list_members(ListMembersRequest::default()).await.unwrap().into_inner();
    let names: Vec<_> = members.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["members/court", "members/justice"]);
    let justice = &members.members[1];
    assert_eq!((justice.kind.as_str(), justice.chain_id.as_str()), ("JUSTICE", "justice-1"));
    assert_eq!(justice.display_names, ["justice of the test"]);

    let chains = ChainsClient::new(operator()).list_chains(ListChainsRequest::default()).await.unwrap().into_inner();
    let shown: Vec<_> = chains.chains.iter().map(|chain| (chain.name.as_str(), chain.home)).collect();
    assert_eq!(shown, [("chains/court-1", true), ("chains/justice-1", false)]);
    assert!(chains.chains.iter().all(|chain| chain.verified_height > 0), "{chains:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_reflection_answer_whoever_has_a_certificate() {
    use tonic_health::pb::health_client::HealthClient;
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let world = world().await;
    let person = || world.court.person(&world.court_gateway, "reader");
    let health = HealthClient::new(person()).check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    assert_eq!(health.into_inner().status, 1);
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(person())
        .server_reflection_info(tokio_stream::iter([list]))
        .await
        .unwrap()
        .into_inner();
    let Some(MessageResponse::ListServicesResponse(services)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services")
    };
    let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    for service in ["comity.v1.Records", "comity.v1.Orders", "comity.v1.Exchange", "google.longrunning.Operations"] {
        assert!(names.contains(&service), "{service} is not among {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_transport_refuses_has_a_reason_too() {
    let world = world().await;
    let person = || world.court.person(&world.court_gateway, "reader");
    let huge = ask(&"x".repeat(2 << 20), &[], None);
    let status = get(person(), huge).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "TOO_LARGE"));

    let mut raw = tonic::client::Grpc::new(person());
    raw.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<prost_types::Timestamp, GetRecordResponse>::default();
    let path = http::uri::PathAndQuery::from_static("/comity.v1.Records/Nothing");
    let status = raw.unary(tonic::Request::new(prost_types::Timestamp::default()), path, codec).await.unwrap_err();
    assert_eq!(reason(&status), "NO_SUCH_METHOD");

    raw.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<prost_types::Timestamp, GetRecordResponse>::default();
    let path = http::uri::PathAndQuery::from_static("/comity.v1.Records/GetRecord");
    let not_a_name = prost_types::Timestamp { seconds: 5, nanos: 5 };
    let status = raw.unary(tonic::Request::new(not_a_name), path, codec).await.unwrap_err();
    assert_eq!(reason(&status), "MALFORMED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_over_one_store_that_publish_one_record_at_once_lose_none_of_its_versions() {
    let justice = Institution::start("justice", MemberKind::Justice, true).await;
    let store = justice.store("shared.redb");
    let one = justice.gateway_over(store.clone(), Vec::new(), Clock::system()).await;
    let other = justice.gateway_over(store, Vec::new(), Clock::system()).await;
    for _ in 0..6 {
        let publish = |gateway: &Running, status: &'static str| {
            let records = gateway.records().clone();
            async move { records.publish(&sector(), vec![licence(ACTIVE, status)]).await.map(|_| ()) }
        };
        let results = tokio::join!(publish(&one, "ACTIVE"), publish(&other, "SUSPENDED"));
        for result in [results.0, results.1] {
            // The one that came second is told to try again, or its version follows the other's.
            assert!(result.as_ref().err().is_none_or(|error| error.reason().as_str() == "CONTENDED"), "{result:?}");
        }
        // What the chain says now can be opened by either.
        for gateway in [&one, &other] {
            let request = ask(&name(&justice, ACTIVE), &["status"], None);
            let answer = get(justice.person(gateway, "reader"), request).await.unwrap();
            assert_eq!(fields(&answer), ["status"]);
        }
    }
    one.stop().await;
    other.stop().await;
}
