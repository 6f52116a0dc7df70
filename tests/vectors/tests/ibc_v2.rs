//! IBC v2 bytes as ibc-go and its Solidity counterpart compute them.

use comity_model::packet::{Packet, Payload};
use comity_model::{ClientId, UnixSeconds};
use comity_verify::packet;
use serde_json::Value;

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is text"))
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} is a number"))
}

#[test]
fn commitments_and_keys_are_those_of_the_implementations() {
    let Some(path) = comity_vectors::folder("ibc-v2.json") else { return };
    let suite = comity_vectors::json(&path);
    let from = &suite["packet"];
    let packet = Packet {
        sequence: number(from, "sequence"),
        source_client: text(from, "source_client").parse().expect("an id"),
        dest_client: text(from, "dest_client").parse().expect("an id"),
        timeout: UnixSeconds(number(from, "timeout_timestamp")),
        payloads: from["payloads"]
            .as_array()
            .expect("payloads")
            .iter()
            .map(|payload| Payload {
                source_port: text(payload, "source_port").into(),
                dest_port: text(payload, "dest_port").into(),
                version: text(payload, "version").into(),
                encoding: text(payload, "encoding").into(),
                value: hex::decode(text(payload, "value_hex")).expect("hex"),
            })
            .collect(),
    };
    assert_eq!(packet::commitment(&packet).to_string(), text(from, "commitment_hex"));

    let ack = text(&suite["ack"], "ack_bytes_utf8").as_bytes().to_vec();
    assert_eq!(packet::acknowledgement(&[ack]).to_string(), text(&suite["ack"], "commitment_hex"));

    let keys = suite["keys"].as_array().expect("keys");
    for key in keys {
        let client: ClientId = text(key, "client").parse().expect("an id");
        let sequence = number(key, "sequence");
        let found = match text(key, "kind") {
            "commitment" => packet::commitment_key(&client, sequence),
            "receipt" => packet::receipt_key(&client, sequence),
            "ack" => packet::acknowledgement_key(&client, sequence),
            kind => panic!("an unknown kind of key: {kind}"),
        };
        assert_eq!(hex::encode(found), text(key, "key_hex"));
    }
    println!("ibc-v2: 1 packet, 1 acknowledgement, {} keys", keys.len());
    assert_eq!(keys.len(), 3);
}
