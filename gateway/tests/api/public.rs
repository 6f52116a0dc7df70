//! The public port of a real gateway over a real log: what anyone learns by digest and by number, and what nobody does; its edge.

use crate::alliance::World;
use crate::visitor::site::{ANCHOR, sha256, site, site_behind, sm3, wide};
use crate::visitor::{ask, get, over};
use comity_gateway::DecidePolicy;
use comity_gateway::public::{PublicConfig, PublicLimits, TlsServerMaterial};
use comity_gateway::sectors::Sectors;
use comity_proto::v1;
use comity_proto::v1::deposits_client::DepositsClient;
use comity_verify::bundle::{Bundle, Finding};
use comity_verify::tlog::{Tile, TileOf};
use comity_verify::{deposit, merkle};
use serde_json::Value;
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::net::TcpStream;

fn bundle(answer: &Value) -> Vec<u8> {
    hex::decode(answer["bundle"].as_str().unwrap()).unwrap()
}

fn judged(world: &World, answer: &Value) -> deposit::Deposited {
    let verdict = Bundle::decode(&bundle(answer)).unwrap();
    let verdict = verdict.verify(&world.court.anchor, comity_gateway::Clock::system().now()).unwrap();
    let Finding::Deposit(deposit) = verdict.finding else { panic!("a deposit") };
    deposit
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_a_digest_gets_a_proof_that_opens_it_and_nothing_that_the_depositor_states() {
    let (world, address) = site(wide(), None).await;
    for digest in [sha256(7), sm3(7)] {
        let answer = get(address, &format!("/api/digests/{digest}")).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
        let said = answer.json();
        assert_eq!((said["result"].as_str(), said["number"].as_u64()), (Some("FOUND"), Some(7)));
        let deposit = judged(&world, &said);
        assert_eq!((deposit.index, deposit.content.unwrap().sha256), (7, sha256(7)));
        assert!(deposit.statement.is_none() && deposit.seal.is_none());
        for secret in ["exhibit", "a-web-page", "(2026)"] {
            assert!(!holds(&answer.body, secret.as_bytes()) && !holds(&bundle(&said), secret.as_bytes()), "{secret}");
        }
    }
    let said = get(address, &format!("/api/digests/{}", sha256(9_999))).await.json();
    assert_eq!((said["result"].as_str(), said["as_of"]["size"].as_u64()), (Some("NOT_FOUND"), Some(300)));
    assert!(said["as_of"]["note"].as_str().unwrap().starts_with("court-1/court\n300\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_counts_through_the_numbers_learns_that_entries_stand_there_and_nothing_about_any() {
    let (world, address) = site(wide(), None).await;
    for number in [0, 7, 299] {
        let answer = get(address, &format!("/api/entries/{number}")).await;
        let said = answer.json();
        let deposit = judged(&world, &said);
        assert_eq!(said["entry"].as_str(), Some(deposit::leaf(&deposit.entry).to_string().as_str()));
        assert!(deposit.content.is_none() && deposit.statement.is_none() && deposit.seal.is_none());
        for digest in [sha256(number), sm3(number)] {
            assert!(!holds(&bundle(&said), &digest.0) && !holds(&answer.body, digest.to_string().as_bytes()));
        }
    }
    assert_eq!(get(address, "/api/entries/300").await.json()["result"], "NO_ENTRY");
    // Erased: found by nobody, and its entry stands as any other.
    let purpose = v1::Purpose { case_number: "(2026) 7".into(), legal_basis: "art. 1".into(), purpose: "trial".into() };
    let name = "members/court/deposits/7".into();
    let mut officer = DepositsClient::new(world.court.person(&world.court_gateway, "officer"));
    officer.erase_deposit(v1::EraseDepositRequest { name, purpose: Some(purpose) }).await.unwrap();
    assert_eq!(get(address, &format!("/api/digests/{}", sha256(7))).await.json()["result"], "NOT_FOUND");
    assert_eq!(get(address, "/api/entries/7").await.json()["result"], "ENTRY");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_a_transaction_learns_which_entries_it_took_up_and_nothing_about_any() {
    let (world, address) = site(wide(), None).await;
    let purpose = v1::Purpose { case_number: "(2026) 7".into(), legal_basis: "art. 1".into(), purpose: "trial".into() };
    let request = v1::GetDepositRequest { name: "members/court/deposits/7".into(), purpose: Some(purpose) };
    let mut clerk = DepositsClient::new(world.court.person(&world.court_gateway, "clerk"));
    let transaction = hex::encode(clerk.get_deposit(request).await.unwrap().into_inner().transaction);
    let answer = get_transaction(address, &transaction).await;
    let said = answer.json();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        (said["result"].as_str(), said["first"].as_u64(), said["count"].as_u64()),
        (Some("TRANSACTION"), Some(0), Some(300))
    );
    assert!(said["checkpoint"]["note"].as_str().unwrap().starts_with("court-1/court\n300\n"));
    let keys: Vec<&str> = said.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 7, "{keys:?}");
    for secret in ["exhibit", "a-web-page", "(2026)", "members/"] {
        assert!(!holds(&answer.body, secret.as_bytes()), "{secret}");
    }
    let unknown = get_transaction(address, &"ab".repeat(32)).await.json();
    assert_eq!((unknown["result"].as_str(), unknown["as_of"]["size"].as_u64()), (Some("NO_TRANSACTION"), Some(300)));
    assert_eq!(get_transaction(address, "7").await.status, 400);
    let text = get(address, &format!("/n?q={transaction}&lang=en")).await.text();
    assert!(text.contains("took up entries 0 to 299 of the log"), "{text}");
    let text = get(address, &format!("/n?q={transaction}&lang=zh")).await.text();
    assert!(text.contains("第 0 至 299 号条目"), "{text}");
}

async fn get_transaction(address: std::net::SocketAddr, hash: &str) -> crate::visitor::Answer {
    get(address, &format!("/api/transactions/{hash}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_without_javascript_is_told_what_the_server_says_and_that_nobody_has_verified_it() {
    let (_world, address) = site(wide(), None).await;
    let page = get(address, "/n?q=7&lang=en").await;
    let text = page.text();
    assert_eq!(page.status, 200);
    assert!(
        text.contains("Entry 7 stands in the log since 20") && text.contains("You have not verified it yet"),
        "{text}"
    );
    let text = get(address, &format!("/n?q={}&lang=zh", sha256(9_999))).await.text();
    assert!(text.contains("日志中没有该摘要的存证") && text.contains("您尚未自行核验"), "{text}");
    let page = get(address, "/n?q=%3Cscript%3E&lang=en").await;
    assert_eq!(page.status, 400);
    assert!(page.text().contains("INVALID_ARGUMENT") && !page.text().contains("<script>"));
    let link = get(address, &format!("/v/{}", sha256(7))).await.text();
    assert!(link.contains(&format!("<noscript><p><a href=\"/n?q={}\"", sha256(7))));
    assert_eq!(get(address, "/v/7").await.reason(), "UNKNOWN_PAGE");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_served_as_files_that_other_readers_verify_and_no_other_file_is() {
    let (world, address) = site(wide(), None).await;
    let checkpoint = get(address, "/log/checkpoint").await;
    assert_eq!(checkpoint.header("cache-control"), "public, max-age=2");
    assert_eq!(checkpoint.header("access-control-allow-origin"), "*");
    assert!(checkpoint.text().starts_with("court-1/court\n300\n"));
    let mut leaves = Vec::new();
    for index in 0..2 {
        let tile = Tile::of_tree(TileOf::Entries, index, 300).unwrap();
        let answer = get(address, &format!("/log/{}", tile.path())).await;
        let full = index == 0;
        assert_eq!(answer.header("cache-control").contains("immutable"), full, "{}", answer.header("cache-control"));
        leaves.extend(tile.entries(&answer.body).unwrap().into_iter().map(merkle::leaf_hash));
    }
    let said = get(address, &format!("/api/digests/{}", sha256(7))).await.json();
    assert_eq!(merkle::root_of_hashes(&leaves), judged(&world, &said).log.root);
    for path in [
        "/log/id",
        "/log/journal",
        "/log/mark",
        "/log/tile/0/../../id",
        "/log/tile/0/%2e%2e/id",
        "/log/tile/0/999",
        "/log/",
    ] {
        let answer = get(address, path).await;
        assert_eq!((answer.status, answer.reason().as_str()), (404, "UNKNOWN_PAGE"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_what_a_page_does_not_need_and_is_not_sent_twice() {
    let (_world, address) = site(wide(), None).await;
    for path in
        ["/", "/page/page.js", "/verify/comity-verify.wasm", "/anchor.toml", "/api/checkpoint", "/nothing", "/n?q=1"]
    {
        let answer = get(address, path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'")
                && !policy.contains("unsafe-inline")
                && !policy.contains("'unsafe-eval'")
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
        assert!(answer.header("permissions-policy").contains("camera=()"));
    }
    let first = get(address, "/page/page.js").await;
    let again = format!("if-none-match: \"other\", {}\r\n", first.header("etag"));
    let second = ask(address, "GET", "/page/page.js", &again).await;
    assert_eq!((second.status, second.body.len()), (304, 0));
    let head = ask(address, "HEAD", "/anchor.toml", "").await;
    assert_eq!((head.status, head.header("content-length")), (200, ANCHOR.len().to_string().as_str()));
    assert_eq!(get(address, "/anchor.toml").await.text(), ANCHOR);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_question_is_refused_with_a_reason() {
    let (_world, address) = site(wide(), None).await;
    for (method, path, headers, status, reason) in [
        ("POST", "/api/checkpoint", "content-length: 0\r\n", 405, "NO_SUCH_METHOD"),
        ("GET", "/api/checkpoint", "content-length: 5\r\n", 413, "TOO_LARGE"),
        ("GET", &format!("/{}", "x".repeat(2_000)), "", 413, "TOO_LARGE"),
        ("GET", "/nothing", "", 404, "UNKNOWN_PAGE"),
        ("GET", "/api/digests/abc", "", 400, "INVALID_ARGUMENT"),
        ("GET", "/api/entries/-1", "", 400, "INVALID_ARGUMENT"),
        ("GET", "/page/../Cargo.toml", "", 404, "UNKNOWN_PAGE"),
    ] {
        let answer = ask(address, method, path, headers).await;
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{method} {path}");
    }
    let heavy = format!("x: {}\r\n", "y".repeat(64 << 10));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let refused = over(&mut stream, "GET", "/", &heavy).await;
    assert!(refused.is_none_or(|answer| answer.status == 431), "a head that is larger than 16 KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_told_to_slow_down_while_others_are_answered_and_a_header_counts_only_behind_a_proxy() {
    let burst = NonZeroU32::new(5).unwrap();
    let limits = PublicLimits { client_rate_per_second: NonZeroU32::MIN, client_burst: burst, ..wide() };
    let (_world, address) = site_behind(limits).await;
    let from = |client: &str| format!("x-client: {client}\r\n");
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(ask(address, "GET", "/api/checkpoint", &from("203.0.113.1")).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    let refused = ask(address, "GET", "/", &from("203.0.113.1")).await;
    assert_eq!(
        (refused.reason().as_str(), refused.header("retry-after").parse::<u64>().unwrap() >= 1),
        ("RATE_LIMITED", true)
    );
    assert_eq!(ask(address, "GET", "/", &from("203.0.113.2")).await.status, 200);
    // Without the header all are one: who leaves it out is the peer itself.
    assert_eq!(ask(address, "GET", "/", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_of_its_own_the_port_speaks_tls_and_tells_browsers_to_stay_with_it() {
    let mut world = World::keeping(Arc::new(Sectors::load(&[]).unwrap()), DecidePolicy::Automatic).await;
    let issued = rcgen::generate_simple_self_signed(["verify.example".to_owned()]).unwrap();
    let config = PublicConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: Some(TlsServerMaterial {
            cert_chain_pem: issued.cert.pem(),
            key_pem: issued.signing_key.serialize_pem().into(),
        }),
        client_header: None,
        anchor_file: ANCHOR.into(),
        limits: wide(),
    };
    let address = world.court_gateway.open_public(config).unwrap();
    let mut stream = trusting(address, &issued).await.unwrap();
    let answer = over(&mut stream, "GET", "/", "").await.unwrap();
    assert_eq!((answer.status, answer.header("strict-transport-security")), (200, "max-age=31536000"));
    assert!(world.court_gateway.public_url().unwrap().starts_with("https://"));

    // Renewed: who comes sees the new one, who is there goes on; what cannot be used changes nothing.
    let gateway = &world.court_gateway;
    let members = world.court.authority.issue("comity://court/gateway");
    let renewed = rcgen::generate_simple_self_signed(["verify.example".to_owned()]).unwrap();
    let material = |cert: &rcgen::CertifiedKey<rcgen::KeyPair>, key: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        TlsServerMaterial { cert_chain_pem: cert.cert.pem(), key_pem: key.signing_key.serialize_pem().into() }
    };
    gateway.reload_tls(&members, Some(&material(&renewed, &renewed))).unwrap();
    assert!(trusting(address, &issued).await.is_err());
    trusting(address, &renewed).await.unwrap();
    assert_eq!(over(&mut stream, "GET", "/", "").await.unwrap().status, 200);
    assert!(gateway.reload_tls(&members, Some(&material(&issued, &renewed))).is_err(), "a key of another certificate");
    let stranger = world.court.authority.issue("comity://court/clerk");
    assert!(gateway.reload_tls(&stranger, Some(&material(&issued, &issued))).is_err(), "not the gateway's");
    trusting(address, &renewed).await.unwrap();
}

/// A connection of a browser that trusts this certificate alone.
async fn trusting(
    address: std::net::SocketAddr,
    issued: &rcgen::CertifiedKey<rcgen::KeyPair>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(issued.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect("verify.example".try_into().unwrap(), tcp).await
}
