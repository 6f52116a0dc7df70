//! A court with its public port, and what is deposited there.

use super::get;
use crate::alliance::World;
use comity_gateway::DecidePolicy;
use comity_gateway::public::{PublicConfig, PublicLimits};
use comity_gateway::sectors::Sectors;
use comity_model::Hash;
use comity_proto::v1;
use comity_proto::v1::deposits_client::DepositsClient;
use comity_verify::merkle;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::Channel;

pub const ANCHOR: &str = "# an anchor file\n";

/// A court with a log of 300 deposits that its chain has taken up, and its public port.
pub async fn site(limits: PublicLimits, client_header: Option<&str>) -> (World, SocketAddr) {
    let mut world = World::keeping(Arc::new(Sectors::load(&[]).unwrap()), DecidePolicy::Automatic).await;
    let config = PublicConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        client_header: client_header.map(|name| name.parse().unwrap()),
        anchor_file: ANCHOR.into(),
        limits,
    };
    let address = world.court_gateway.open_public(config).unwrap();
    let request = v1::BatchCreateDepositsRequest {
        parent: "members/court".into(),
        request_id: vec![1; 16],
        circumstances: Some(v1::Circumstances {
            kind: v1::DepositKind::ElectronicEvidence.into(),
            source: "a-web-page".into(),
            case_number: "(2026) 7".into(),
            ..Default::default()
        }),
        items: (0..300).map(item).collect(),
        if_deposited: v1::IfDeposited::DepositAgain.into(),
        seal: Vec::new(),
    };
    for _ in 0..200 {
        if clerk(&world).batch_create_deposits(request.clone()).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..200 {
        if get(address, &format!("/api/digests/{}", sha256(7))).await.json()["bundle"].is_string() {
            return (world, address);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the deposits were not proven");
}

/// Bounds that a test of something else does not meet.
pub fn wide() -> PublicLimits {
    let much = NonZeroU32::new(100_000).unwrap();
    PublicLimits {
        client_rate_per_second: much,
        client_burst: much,
        rate_per_second: much,
        burst: much,
        ..PublicLimits::default()
    }
}

fn clerk(world: &World) -> DepositsClient<Channel> {
    DepositsClient::new(world.court.person(&world.court_gateway, "clerk"))
}

pub fn sha256(number: u64) -> Hash {
    merkle::leaf_hash(&number.to_le_bytes())
}

pub fn sm3(number: u64) -> Hash {
    merkle::leaf_hash(&(number + 1_000_000).to_le_bytes())
}

fn item(number: u64) -> v1::DepositItem {
    v1::DepositItem {
        sha256: sha256(number).0.to_vec(),
        sm3: sm3(number).0.to_vec(),
        size_bytes: number,
        name: format!("exhibit-{number}.pdf"),
        ..Default::default()
    }
}

/// A port without a log, behind a proxy: bounds apply whatever is asked.
pub async fn site_behind(limits: PublicLimits) -> (World, SocketAddr) {
    let mut world = World::keeping(Arc::new(Sectors::load(&[]).unwrap()), DecidePolicy::Automatic).await;
    let config = PublicConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        client_header: Some("x-client".parse().unwrap()),
        anchor_file: ANCHOR.into(),
        limits,
    };
    let address = world.court_gateway.open_public(config).unwrap();
    (world, address)
}
