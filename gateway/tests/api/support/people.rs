//! Who acts in a test's worlds, and by which names: the court's two officers, clients, addresses, profiles.

use comity_gateway::sectors::SectorSchema;
use comity_model::member::{Officer, Validity};
use comity_model::profile::Profile;
use comity_model::seal::PublicKey;
use comity_model::{ClientId, MemberId, UnixSeconds};
use comity_proto::v1;
use ed25519_dalek::{Signer as _, SigningKey};

pub fn always() -> Validity {
    Validity { from: UnixSeconds(0), until: UnixSeconds(u64::MAX), compromised_since: None }
}

fn officer_key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[100 + number; 32])
}

/// An officer of the court.
pub fn officer(number: u8) -> Officer {
    Officer {
        member: "court".parse().unwrap(),
        id: format!("J{number}").parse().unwrap(),
        key: PublicKey::ed25519(officer_key(number).verifying_key().to_bytes()),
        validity: always(),
    }
}

/// An officer's approval of an order.
pub fn approval(order: &v1::Order, number: u8) -> v1::ApproveOrderRequest {
    v1::ApproveOrderRequest {
        name: order.name.clone(),
        officer: format!("J{number}"),
        signature: signature(&order.signing_bytes, number),
    }
}

/// An officer's signature over what the API gives to be signed.
pub fn signature(bytes: &[u8], number: u8) -> Vec<u8> {
    officer_key(number).sign(bytes).to_bytes().to_vec()
}

/// The client of a chain on any other.
pub fn client_of(chain: &str) -> ClientId {
    format!("client-{chain}").parse().unwrap()
}

/// A sector's profile, answered by `member`.
pub fn profile(schema: &SectorSchema, member: &MemberId) -> Profile {
    match &schema.profile {
        Some(template) => template.profile(member.clone()),
        None => Profile { sector: schema.name.clone(), institution: member.clone(), kinds: Vec::new() },
    }
}

/// A port that was free a moment ago: two gateways have to know each other before either listens.
pub fn free_address() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().to_string()
}
