//! Real connections on loopback: who gets in, who does not, and what each side is told.
#![allow(clippy::unwrap_used)]

use super::testing::TestAuthority;
use super::*;
use crate::identity::{Caller, Identity};
use comity_model::MemberId;
use comity_model::member::MemberKind;
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Answers with the caller's name in place of an error message, so that tests see whom the server saw.
struct WhoAmI;

#[tonic::async_trait]
impl Health for WhoAmI {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let caller = request.extensions().get::<Caller>().unwrap();
        Err(Status::aborted(format!("{caller} {:?}", caller.kind)))
    }
    type WatchStream = tokio_stream::Empty<Result<HealthCheckResponse, Status>>;
    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

fn member(id: &str) -> MemberId {
    id.parse().unwrap()
}

struct World {
    court: TestAuthority,
    bank: TestAuthority,
    tls: Arc<ServerTls>,
    address: SocketAddr,
    stop: CancellationToken,
}

impl World {
    /// The court's gateway, which knows the court and the bank.
    async fn start() -> Self {
        let (court, bank) = (TestAuthority::new("court"), TestAuthority::new("bank"));
        let mut authorities = Authorities::default();
        authorities.add(member("court"), Some(MemberKind::Court), &court.pem).unwrap();
        authorities.add(member("bank"), Some(MemberKind::Finance), &bank.pem).unwrap();
        let holder = Identity::gateway(member("court"));
        let material = court.issue("comity://court/gateway");
        let tls = Arc::new(ServerTls::new(holder, &material, authorities).unwrap());
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), tls.clone(), Protocol::Grpc, 16).await.unwrap();
        let (address, stop) = (listener.address().unwrap(), CancellationToken::new());
        let connections = listener.accept(stop.clone());
        tokio::spawn(Server::builder().add_service(HealthServer::new(WhoAmI)).serve_with_incoming(connections));
        Self { court, bank, tls, address, stop }
    }

    async fn call(&self, material: &TlsMaterial) -> Status {
        self.call_expecting("court", &self.court.pem, material).await
    }

    async fn call_expecting(&self, expected: &str, ca_pem: &str, material: &TlsMaterial) -> Status {
        let channel =
            channel(&member(expected), &self.address.to_string(), ca_pem, material, ChannelLimits::default()).unwrap();
        HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap_err()
    }
}

fn why(status: &Status) -> String {
    refusal(status).unwrap_or_else(|| panic!("no TLS refusal in {status:?}"))
}

#[tokio::test]
async fn a_caller_is_who_its_own_institution_says() {
    let world = World::start().await;
    let officer = world.call(&world.court.issue("comity://court/officer")).await;
    assert_eq!((officer.code(), officer.message()), (Code::Aborted, "comity://court/officer Some(Court)"));
    let gateway = world.call(&world.bank.issue("comity://bank/gateway")).await;
    assert_eq!(gateway.message(), "comity://bank/gateway Some(Finance)");
}

#[tokio::test]
async fn an_authority_cannot_speak_for_another_institution() {
    let world = World::start().await;
    let forged = world.bank.issue("comity://court/officer");
    let status = world.call(&forged).await;
    assert!(why(&status).contains("does not chain"), "{status:?}");
}

#[tokio::test]
async fn an_unknown_institution_does_not_get_in() {
    let world = World::start().await;
    let stranger = TestAuthority::new("stranger").issue("comity://stranger/gateway");
    assert!(why(&world.call(&stranger).await).contains("does not chain"));
}

#[tokio::test]
async fn an_expired_certificate_is_told_so() {
    let world = World::start().await;
    let expired = world.court.issue_expired("comity://court/officer");
    assert!(why(&world.call(&expired).await).contains("expired"));
}

#[tokio::test]
async fn a_certificate_that_names_nobody_or_two_does_not_get_in() {
    let world = World::start().await;
    for uris in [&[][..], &["https://court/officer"], &["comity://court/officer", "comity://court/clerk"]] {
        let status = world.call(&world.court.issue_with(uris, |_| {})).await;
        assert!(why(&status).contains("refuses our certificate"), "{uris:?}: {status:?}");
    }
}

#[tokio::test]
async fn a_server_must_be_the_gateway_of_the_institution_that_is_meant() {
    let world = World::start().await;
    let officer = world.court.issue("comity://court/officer");
    // The right authority, another institution's name.
    let status = world.call_expecting("bank", &world.court.pem, &officer).await;
    assert!(why(&status).contains("does not belong"), "{status:?}");
    // The right name, another authority.
    let status = world.call_expecting("court", &world.bank.pem, &officer).await;
    assert!(why(&status).contains("does not belong"), "{status:?}");
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_without_a_restart() {
    let world = World::start().await;
    let officer = world.court.issue("comity://court/officer");
    world.tls.reload(&world.court.issue_expired("comity://court/gateway")).unwrap();
    let status = world.call(&officer).await;
    assert!(why(&status).contains("expired"), "{status:?}");
    world.tls.reload(&world.court.issue("comity://court/gateway")).unwrap();
    assert_eq!(world.call(&officer).await.code(), Code::Aborted);
}

#[tokio::test]
async fn a_certificate_of_another_holder_cannot_be_served() {
    let world = World::start().await;
    let clerk = world.court.issue("comity://court/clerk");
    assert!(matches!(world.tls.reload(&clerk), Err(TlsError::Holder { .. })));
}

#[tokio::test]
async fn nobody_gets_in_without_a_certificate_or_without_tls() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start().await;
    let mut plain = tokio::net::TcpStream::connect(world.address).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    // At most a TLS alert, never a frame of HTTP/2.
    assert!(answer.is_empty() || answer.first() == Some(&21), "{answer:?}");

    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let tcp = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let name = rustls_pki_types::ServerName::try_from("court.example").unwrap();
    assert!(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.is_err());
}

#[tokio::test]
async fn stopping_ends_the_listener() {
    let world = World::start().await;
    world.stop.cancel();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let status = world.call(&world.court.issue("comity://court/officer")).await;
    assert_ne!(status.code(), Code::Aborted);
}

#[test]
fn material_that_cannot_be_used_is_refused_before_anything_listens() {
    let court = TestAuthority::new("court");
    let good = court.issue("comity://court/gateway");
    let mut authorities = Authorities::default();
    authorities.add(member("court"), None, &court.pem).unwrap();
    let holder = || Identity::gateway(member("court"));
    let other_key = TlsMaterial { key_pem: court.issue("comity://court/gateway").key_pem, ..good.clone() };
    assert!(matches!(ServerTls::new(holder(), &other_key, authorities.clone()), Err(TlsError::Key(_))));
    let no_chain = TlsMaterial { cert_chain_pem: String::new(), ..good.clone() };
    assert!(matches!(ServerTls::new(holder(), &no_chain, authorities.clone()), Err(TlsError::Certificates { .. })));
    let many = TlsMaterial { cert_chain_pem: good.cert_chain_pem.repeat(9), ..good };
    assert!(matches!(ServerTls::new(holder(), &many, authorities), Err(TlsError::Certificates { .. })));
    assert!(Authorities::default().add(member("x"), None, "not PEM").is_err());
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let material = TestAuthority::new("court").issue("comity://court/gateway");
    assert!(!format!("{material:?}").contains("PRIVATE KEY"));
}
