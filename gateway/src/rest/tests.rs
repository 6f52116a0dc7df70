//! Forms of paths, requests in JSON and queries, and the description of all of it.
#![allow(clippy::unwrap_used)]

use super::routes::{Pattern, Routes};
use super::{message, openapi, pool};
use crate::error::ApiError;
use comity_proto::v1;

use serde_json::{Value, json};
use std::collections::BTreeSet;

fn bound(form: &str, path: &str) -> Option<String> {
    Pattern::parse(form).unwrap().matches(path)
}

#[test]
fn a_path_binds_what_stands_in_its_braces() {
    let order = "/v1/{name=orders/*}";
    assert_eq!(bound(order, "/v1/orders/7").as_deref(), Some("orders/7"));
    assert_eq!(bound("/v1/orders", "/v1/orders").as_deref(), Some(""));
    for other in ["/v1/orders", "/v1/orders/", "/v1/orders/7/x", "/v2/orders/7", "v1/orders/7", "/", ""] {
        assert_eq!(bound(order, other), None, "{other}");
    }
    let batch = "/v1/{parent=members/*/sectors/*}/records:batchPut";
    assert_eq!(bound(batch, "/v1/members/a/sectors/b/records:batchPut").as_deref(), Some("members/a/sectors/b"));
    assert_eq!(bound(batch, "/v1/members/a/sectors/b/records"), None);
}

#[test]
fn a_name_may_hold_what_a_path_may_not_if_it_is_encoded() {
    let record = "/v1/{name=members/*/sectors/*/records/**}";
    let case = "/v1/members/court/sectors/judgments/records/%282025%29%E6%B5%9901%E6%B0%91%E7%BB%881234%E5%8F%B7";
    assert_eq!(bound(record, case).unwrap(), "members/court/sectors/judgments/records/(2025)浙01民终1234号");
    // What takes all that is left takes slashes, encoded or not; a single segment takes none.
    for path in ["/v1/members/a/sectors/b/records/x/y", "/v1/members/a/sectors/b/records/x%2Fy"] {
        assert_eq!(bound(record, path).as_deref(), Some("members/a/sectors/b/records/x/y"));
    }
    assert_eq!(bound("/v1/{name=orders/*}", "/v1/orders/7%2F8"), None);
    // An encoded colon is part of the name, one as it is belongs to the form.
    let approve = "/v1/{name=orders/*}:approve";
    assert_eq!(bound(approve, "/v1/orders/7:approve").as_deref(), Some("orders/7"));
    assert_eq!(bound(approve, "/v1/orders/7%3Aapprove"), None);
    // Bytes that are no text are no name.
    assert_eq!(bound("/v1/{name=orders/*}", "/v1/orders/%ff"), None);
}

#[test]
fn a_path_of_thousands_of_segments_is_nobodys() {
    let record = "/v1/{name=members/*/sectors/*/records/**}";
    assert_eq!(bound(record, &format!("/v1/members/a/sectors/b/records{}", "/x".repeat(10_000))), None);
}

#[test]
fn forms_that_are_not_served_are_refused() {
    for form in ["v1", "/v1//x", "/v1/{name=a/**}/x/{b", "/v1/{name=**}/x", "/v1/{a=b}/{c=d}", "/v1{name=a}"] {
        assert_eq!(Pattern::parse(form), None, "{form}");
    }
}

/// Methods that only institutions' gateways and signers call: they speak gRPC.
const GRPC_ONLY: &[&str] = &["comity.v1.Exchange", "comity.v1.Signer"];

#[test]
fn every_method_for_clients_has_a_rest_form_and_no_two_share_one() {
    let pool = pool().unwrap();
    let routes = Routes::of(&pool).unwrap();
    let served: BTreeSet<_> = routes.iter().map(|route| route.method.full_name().to_owned()).collect();
    for service in pool.services() {
        for method in service.methods() {
            // What a client streams has no form as one request.
            let grpc_only = GRPC_ONLY.contains(&service.full_name()) || method.is_client_streaming();
            assert_eq!(served.contains(method.full_name()), !grpc_only, "{}", method.full_name());
        }
    }
    let forms: BTreeSet<_> = routes.iter().map(|route| format!("{} {:?}", route.verb, route.pattern)).collect();
    assert_eq!(forms.len(), served.len());
}

fn decode<T: prost::Message + Default>(
    name: &str,
    body: Option<&Value>,
    query: &str,
    bound: Option<(&str, &str)>,
) -> Result<T, ApiError> {
    let form = pool().unwrap().get_message_by_name(&format!("comity.v1.{name}")).unwrap();
    let body = body.map(|body| body.to_string().into_bytes());
    let bound = bound.map(|(field, value)| (field, value.to_owned()));
    let bytes = message::decode(&form, body.as_deref(), Some(query), bound)?;
    Ok(T::decode(bytes.as_slice()).unwrap())
}

#[test]
fn a_body_is_the_request_and_the_path_is_beside_it() {
    let body = json!({ "requestId": "r", "private_fields": [{ "name": "a", "amount": { "minor": "5" } }],
        "obligation": { "currency": "CNY", "minor": 7 }, "deliverWithin": "90s", "validateOnly": true });
    let request: v1::CreateOrderRequest = decode("CreateOrderRequest", Some(&body), "", None).unwrap();
    assert_eq!((request.request_id.as_str(), request.validate_only), ("r", true));
    assert_eq!(request.obligation.unwrap().minor, 7);
    assert_eq!(request.deliver_within.unwrap().seconds, 90);
    let approve = json!({ "officer": "J-1", "signature": "AAEC" });
    let bound = Some(("name", "orders/7"));
    let request: v1::ApproveOrderRequest = decode("ApproveOrderRequest", Some(&approve), "", bound).unwrap();
    assert_eq!((request.name.as_str(), request.signature), ("orders/7", vec![0, 1, 2]));
    let other = json!({ "name": "orders/8" });
    assert!(decode::<v1::ApproveOrderRequest>("ApproveOrderRequest", Some(&other), "", bound).is_err());
    assert!(decode::<v1::ApproveOrderRequest>("ApproveOrderRequest", Some(&approve), "officer=x", bound).is_err());
}

#[test]
fn a_query_fills_fields_and_fields_of_fields() {
    let query = "read_mask=status&readMask=firm&purpose.caseNumber=%282026%29&purpose.legal_basis=x&max_age=3.5s\
        &include_bundle=true";
    let bound = Some(("name", "members/a"));
    let request: v1::GetRecordRequest = decode("GetRecordRequest", None, query, bound).unwrap();
    assert_eq!(request.read_mask, ["status", "firm"]);
    let purpose = request.purpose.unwrap();
    assert_eq!((purpose.case_number.as_str(), purpose.legal_basis.as_str()), ("(2026)", "x"));
    assert_eq!(request.max_age.unwrap().nanos, 500_000_000);
    assert!(request.include_bundle);
}

#[test]
fn what_cannot_be_read_is_named_by_its_place_and_not_repeated() {
    let secret = "330106199001011234";
    let wrong = [
        json!({ "privateFields": [{ "name": "a", "integer": secret.repeat(3) }] }),
        json!({ "privateFields": [{ "name": "a", "nothing": secret }] }),
        json!({ "deliverWithin": secret }),
        json!({ secret: 1 }),
    ];
    for body in &wrong {
        let error = decode::<v1::CreateOrderRequest>("CreateOrderRequest", Some(body), "", None).unwrap_err();
        let told = format!("{error} {:?}", error.metadata("field"));
        assert!(!told.contains(&secret.repeat(3)), "{told}");
        assert_eq!(error.reason().as_str(), "INVALID_ARGUMENT");
    }
    let place = decode::<v1::CreateOrderRequest>("CreateOrderRequest", Some(&wrong[0]), "", None).unwrap_err();
    assert_eq!(place.metadata("field"), Some("privateFields[0].integer"));
    for query in ["nothing=1", "purpose=1", "purpose.purpose.x=1", "include_bundle=2", "name=a&name=b", "a.b.c.d.e.f=1"]
    {
        let error = decode::<v1::GetRecordRequest>("GetRecordRequest", None, query, None).unwrap_err();
        assert_eq!(error.metadata("field"), Some("query"), "{query}");
    }
    let many = "readMask=a&".repeat(300);
    assert!(decode::<v1::GetRecordRequest>("GetRecordRequest", None, &many, None).is_err());
}

#[test]
fn the_description_is_whole() {
    let document = openapi().unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            references += 1;
        }
        open.extend(value.as_object().into_iter().flat_map(|object| object.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
    assert!(references > 50 && schemas.len() > 30, "{references} {}", schemas.len());
    let mut operations = BTreeSet::new();
    for (path, verbs) in document["paths"].as_object().unwrap() {
        let named: BTreeSet<_> = path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        for operation in verbs.as_object().unwrap().values() {
            assert!(operations.insert(operation["operationId"].clone().to_string()), "{path}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let told = parameters.iter().filter(|parameter| parameter["in"] == "path");
            let told: BTreeSet<_> = told.map(|parameter| parameter["name"].as_str().unwrap()).collect();
            assert_eq!(told, named, "{path}");
        }
    }
    let create = &document["paths"]["/v1/orders"]["post"];
    assert!(create["description"].as_str().unwrap().starts_with("Draws up an order."));
    let approve = &document["paths"]["/v1/orders/{order}:approve"]["post"];
    assert!(approve["requestBody"]["content"]["application/json"]["schema"]["properties"].get("name").is_none());
}
