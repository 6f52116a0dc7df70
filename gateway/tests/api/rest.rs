//! The API over REST: the same answers and the same refusals as over gRPC, for callers who speak HTTP and JSON.

use crate::enforcement::{POOR, World, freeze};
use crate::support::{Authority, Institution, approval, licence, name, sector};
use comity_gateway::{Running, TlsMaterial};
use comity_model::member::MemberKind;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An HTTP/1.1 connection of somebody of the gateway's own institution.
struct Http(SendRequest<Full<Bytes>>);

impl Http {
    async fn open(authority: &Authority, gateway: &Running, identity: &str) -> Self {
        let address = gateway.rest_addr().unwrap();
        let config = client_config(&authority.pem, &authority.issue(identity));
        let tcp = TcpStream::connect(address).await.unwrap();
        let server = ServerName::from(address.ip());
        let tls = TlsConnector::from(Arc::new(config)).connect(server, tcp).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> http::Response<Incoming> {
        self.0.ready().await.unwrap();
        self.0.send_request(request).await.unwrap()
    }

    async fn call(&mut self, verb: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let answer = self.send(request(verb, path, body)).await;
        let status = answer.status();
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        (status, serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap())
    }

    async fn get(&mut self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, None).await
    }

    async fn post(&mut self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, Some(body)).await
    }
}

fn request(verb: Method, path: &str, body: Option<&Value>) -> Request<Full<Bytes>> {
    let request = Request::builder().method(verb).uri(path).header(header::HOST, "gateway");
    let request = if body.is_some() { request.header(header::CONTENT_TYPE, "application/json") } else { request };
    request.body(Full::new(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default())).unwrap()
}

fn client_config(authority: &str, material: &TlsMaterial) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(material.cert_chain_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(material.key_pem.expose_secret().as_bytes()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap()
}

fn reason(answer: &Value) -> &str {
    answer["error"]["details"][0]["reason"].as_str().unwrap_or_default()
}

const ACTIVE: &str = "13301200810123456";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_read_with_its_proof_and_refusals_have_the_same_reasons() {
    let justice = Institution::start("justice", MemberKind::Justice, true).await;
    let gateway = justice.gateway("gateway.redb", Vec::new()).await;
    gateway.records().publish(&sector(), vec![licence(ACTIVE, "ACTIVE")]).await.unwrap();
    let mut http = Http::open(&justice.authority, &gateway, "comity://justice/reader").await;
    let record = format!("/v1/{}", name(&justice, ACTIVE));

    let (status, answer) = http.get(&format!("{record}?readMask=status&include_bundle=true")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["record"]["fields"], json!([{ "name": "status", "text": "ACTIVE" }]));
    assert_eq!(answer["proof"]["chainId"], "justice-1");
    assert_eq!(answer["proof"]["strength"], "STATE");
    assert!(answer["bundle"].as_str().is_some_and(|bundle| bundle.len() > 1_000));

    // A record that does not exist gets a proven absence: no error.
    let (status, answer) = http.get(&format!("/v1/{}", name(&justice, "13301200810000000"))).await;
    assert_eq!((status, answer["absence"].is_object()), (StatusCode::OK, true));

    // A credential is asked for by a verb.
    let (status, answer) = http.post(&format!("{record}:verifyCredential"), &json!({ "maxAge": "60s" })).await;
    assert_eq!((status, &answer["entitlement"]), (StatusCode::OK, &json!("ENTITLED")), "{answer}");

    // Refusals say what gRPC's say, with HTTP's status.
    let (status, answer) = http.get(&format!("{record}?read_mask=remark2")).await;
    assert_eq!((status, reason(&answer)), (StatusCode::BAD_REQUEST, "UNKNOWN_FIELD"), "{answer}");
    assert_eq!(answer["error"]["status"], "INVALID_ARGUMENT");
    let (status, answer) = http.get("/v1/orders").await;
    assert_eq!((status, reason(&answer)), (StatusCode::FORBIDDEN, "PERMISSION_DENIED"), "{answer}");
    for path in ["/v1/nothing", "/", "/comity.v1.Records/GetRecord"] {
        let (status, answer) = http.get(path).await;
        assert_eq!((status, reason(&answer)), (StatusCode::NOT_IMPLEMENTED, "NO_SUCH_METHOD"), "{path} {answer}");
    }

    // What is no JSON, or too much, goes no further.
    let batch = format!("/v1/members/justice/sectors/{}/records:batchPut", sector());
    let mut plain = request(Method::POST, &batch, Some(&json!({})));
    plain.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(http.send(plain).await.status(), StatusCode::BAD_REQUEST);
    let (status, answer) = http.post(&batch, &json!({ "rows": ["x".repeat((1 << 20) + 100)] })).await;
    assert_eq!((status, reason(&answer)), (StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE"));

    // The description comes on the same way.
    let mut http = Http::open(&justice.authority, &gateway, "comity://justice/reader").await;
    let (status, answer) = http.get("/openapi.json").await;
    assert_eq!((status, &answer["openapi"]), (StatusCode::OK, &json!("3.1.0")));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_drawn_up_approved_and_watched_to_its_proven_result() {
    let world = World::start().await;
    let open = async |role: &str| {
        Http::open(&world.court.authority, &world.court_gateway, &format!("comity://court/{role}")).await
    };
    let (mut clerk, mut officer) = (open("clerk").await, open("officer").await);
    let grpc = freeze(1, POOR, 50_000);
    let fields: Vec<_> = grpc.private_fields.iter().map(field).collect();
    let body = json!({
        "requestId": grpc.request_id, "recipient": grpc.recipient, "sector": grpc.sector, "kind": grpc.kind,
        "privateFields": fields,
        "obligation": { "currency": "CNY", "minor": grpc.obligation.as_ref().unwrap().minor.to_string() },
    });
    let (status, order) = clerk.post("/v1/orders", &body).await;
    assert_eq!(status, StatusCode::OK, "{order}");
    assert_eq!(order["state"], "AWAITING_APPROVAL");
    let order_name = order["name"].as_str().unwrap().to_owned();

    // The same request again is the same order; with another body it is a conflict.
    let (status, again) = clerk.post("/v1/orders", &body).await;
    assert_eq!((status, &again["name"]), (StatusCode::OK, &order["name"]));
    let mut other = body.clone();
    other["holdDays"] = json!(3);
    let (status, answer) = clerk.post("/v1/orders", &other).await;
    assert_eq!((status, reason(&answer)), (StatusCode::CONFLICT, "REQUEST_CONFLICT"));

    let watch = clerk.send(request(Method::GET, &format!("/v1/{order_name}:watch"), None)).await;
    assert_eq!(watch.headers()[header::CONTENT_TYPE], "application/x-ndjson");
    let drawn = comity_proto::v1::Order {
        name: order_name.clone(),
        signing_bytes: base64(order["signingBytes"].as_str().unwrap()),
        ..Default::default()
    };
    for number in 1..=u8::try_from(order["approvalsNeeded"].as_u64().unwrap()).unwrap() {
        let approval = approval(&drawn, number);
        let body = json!({ "officer": approval.officer, "signature": to_base64(&approval.signature) });
        let (status, operation) = officer.post(&format!("/v1/{order_name}:approve"), &body).await;
        assert_eq!(status, StatusCode::OK, "{operation}");
    }
    let whole = tokio::time::timeout(Duration::from_secs(20), watch.into_body().collect()).await.unwrap().unwrap();
    let lines = String::from_utf8(whole.to_bytes().to_vec()).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["result"]["state"], "EXECUTED", "{lines}");
    assert_eq!(last["result"]["result"]["held"]["minor"], "50000");
    assert_eq!(last["result"]["proof"]["chainId"], "court-1");
    let id = order_name.strip_prefix("orders/").unwrap();
    let (status, operation) = officer.get(&format!("/v1/operations/{id}")).await;
    assert_eq!((status, &operation["done"]), (StatusCode::OK, &json!(true)), "{operation}");
    assert_eq!(operation["response"]["@type"], "type.googleapis.com/comity.v1.Order");
    world.stop().await;
}

fn field(field: &comity_proto::v1::Field) -> Value {
    use comity_proto::v1::field::Value as Wire;
    let (kind, value) = match field.value.as_ref().unwrap() {
        Wire::Text(text) => ("text", json!(text)),
        Wire::Integer(integer) => ("integer", json!(integer.to_string())),
        Wire::Boolean(boolean) => ("boolean", json!(boolean)),
        Wire::Date(date) => ("date", json!(date)),
        Wire::Digest(digest) => ("digest", json!(to_base64(digest))),
        Wire::Amount(amount) => ("amount", json!({ "currency": amount.currency, "minor": amount.minor.to_string() })),
        Wire::Texts(texts) => ("texts", json!({ "values": texts.values })),
        Wire::Time(_) => panic!("no order of this test has a time"),
    };
    json!({ "name": field.name, kind: value })
}

fn base64(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
}

fn to_base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}
