//! The API's description as OpenAPI 3.1, made from the same descriptors that serve it: what it says is what is served.
//! It refuses to say anything that the `.proto` files do not.

use super::message::{DURATION, TIMESTAMP};
use super::routes::{Route, Routes, Segment};
use super::{OPENAPI_PATH, RestError, pool};
use crate::error::Reason;
use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

const ANY: &str = "google.protobuf.Any";
/// How deep a query's parameters go into messages of the request.
const QUERY_DEPTH_MAX: usize = 2;

/// The document.
///
/// # Errors
/// [`RestError`]: a `.proto` file cannot be served.
pub fn document() -> Result<Value, RestError> {
    Ok(document_of(&Routes::of(&pool()?)?))
}

/// The document of routes that were read before.
pub(super) fn document_of(routes: &Routes) -> Value {
    let mut comments = Comments::default();
    let mut schemas = Schemas::default();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut tags: BTreeMap<String, Value> = BTreeMap::new();
    for route in routes.iter() {
        let service = route.method.parent_service();
        let tag = service.name().to_owned();
        let about = comments.of(&service.parent_file(), service.path());
        let about = if about.is_empty() { comments.of_file(&service.parent_file()) } else { about };
        tags.entry(tag.clone()).or_insert_with(|| json!({ "name": tag, "description": about }));
        let operation = operation(route, &mut schemas, &mut comments);
        paths.entry(path(route)).or_default().insert(route.verb.as_str().to_ascii_lowercase(), operation);
    }
    let components = schemas.finish(&mut comments);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Comity",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Acts of one chain, recognised on another by proof. The same methods are served over gRPC. \
                A caller shows a certificate of its institution (mutual TLS); what it may do is decided by its role. \
                Names of fields are accepted in camelCase and snake_case, and answered in camelCase. 64-bit integers \
                are texts, bytes are base64. A `/` in a path's parameter is sent as `%2F`.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "tags": tags.into_values().collect::<Vec<_>>(),
        "security": [{ "mutualTLS": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "mutualTLS": {
                "type": "mutualTLS",
                "description": "A certificate with the SAN URI `comity://<institution>/<role>`.",
            }},
            "responses": { "Error": {
                "description": "The call failed. `details` holds a google.rpc.ErrorInfo whose `reason` programs act on.",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
            }},
            "schemas": components,
        },
        "externalDocs": { "url": OPENAPI_PATH, "description": "This document." },
    })
}

/// A path as OpenAPI has it: `/v1/orders/{order}:approve`.
fn path(route: &Route) -> String {
    let mut path = String::new();
    let mut names = parameters(route).into_iter();
    for segment in &route.pattern.segments {
        path.push('/');
        match segment {
            Segment::Literal(text) => path.push_str(text),
            Segment::One | Segment::Rest => {
                path.push('{');
                path.push_str(&names.next().unwrap_or_default());
                path.push('}');
            }
        }
    }
    if let Some(verb) = &route.pattern.verb {
        path.push(':');
        path.push_str(verb);
    }
    path
}

/// What the wildcards of a path are called: the singular of the collection before them.
fn parameters(route: &Route) -> Vec<String> {
    let mut names = Vec::new();
    let mut before = "names";
    for segment in &route.pattern.segments {
        match segment {
            Segment::Literal(text) => before = text,
            Segment::One | Segment::Rest => names.push(before.strip_suffix('s').unwrap_or(before).to_owned()),
        }
    }
    names
}

fn operation(route: &Route, schemas: &mut Schemas, comments: &mut Comments) -> Value {
    let method = &route.method;
    let bound = route.pattern.bound.as_ref().map(|bound| bound.field.as_str());
    let mut parameters: Vec<Value> = parameters(route)
        .into_iter()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let rest = method.input().fields().filter(|field| Some(field.name()) != bound).collect::<Vec<_>>();
    let about = comments.of(&method.parent_service().parent_file(), method.path());
    let (summary, _) = about.split_once(". ").unwrap_or((&about, ""));
    let answer = schemas.reference(&method.output());
    let (kind, answer, described) = if method.is_server_streaming() {
        let line = json!({
            "description": "One line each: a result, or the error that ended the stream.",
            "oneOf": [
                { "type": "object", "required": ["result"], "properties": { "result": answer } },
                { "$ref": "#/components/schemas/Error" },
            ],
        });
        ("application/x-ndjson", line, "Results as they come, one JSON object a line.")
    } else {
        ("application/json", answer, "The answer.")
    };
    let mut operation = json!({
        "operationId": format!("{}_{}", method.parent_service().name(), method.name()),
        "tags": [method.parent_service().name()],
        "summary": summary.trim_end_matches('.'),
        "description": about,
        "responses": {
            "200": { "description": described, "content": { kind: { "schema": answer } } },
            "default": { "$ref": "#/components/responses/Error" },
        },
    });
    if route.body {
        let schema = object(&rest, &method.input(), schemas, comments);
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        put(&mut operation, "requestBody", body);
    } else {
        for field in &rest {
            query(field, "", QUERY_DEPTH_MAX, schemas, comments, &mut parameters);
        }
    }
    if !parameters.is_empty() {
        put(&mut operation, "parameters", Value::Array(parameters));
    }
    operation
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// A field of a request without body: a parameter, or one for each field of its message.
fn query(
    field: &FieldDescriptor,
    prefix: &str,
    depth: usize,
    schemas: &mut Schemas,
    comments: &mut Comments,
    parameters: &mut Vec<Value>,
) {
    let name = format!("{prefix}{}", field.json_name());
    match field.kind() {
        Kind::Message(inner) if !matches!(inner.full_name(), DURATION | TIMESTAMP) => {
            if depth > 0 && !field.is_list() && !field.is_map() {
                for field in inner.fields() {
                    query(&field, &format!("{name}."), depth - 1, schemas, comments, parameters);
                }
            }
        }
        _ => parameters.push(json!({
            "name": name,
            "in": "query",
            "description": comments.of(&field.parent_message().parent_file(), field.path()),
            "schema": schemas.field(field),
        })),
    }
}

/// The schemas that are referred to, and those that are still to be written.
#[derive(Default)]
struct Schemas {
    messages: BTreeMap<String, MessageDescriptor>,
    enums: BTreeMap<String, EnumDescriptor>,
}

impl Schemas {
    fn reference(&mut self, message: &MessageDescriptor) -> Value {
        match message.full_name() {
            DURATION => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$", "examples": ["3.5s"] }),
            TIMESTAMP => json!({ "type": "string", "format": "date-time" }),
            ANY => json!({
                "type": "object", "required": ["@type"], "properties": { "@type": { "type": "string" } },
                "additionalProperties": true,
            }),
            name => {
                let key = key(name);
                let reference = json!({ "$ref": format!("#/components/schemas/{key}") });
                self.messages.entry(key).or_insert_with(|| message.clone());
                reference
            }
        }
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        if field.is_map()
            && let Kind::Message(entry) = field.kind()
            && let Some(value) = entry.get_field_by_name("value")
        {
            return json!({ "type": "object", "additionalProperties": self.kind(&value.kind()) });
        }
        let kind = self.kind(&field.kind());
        if field.cardinality() == Cardinality::Repeated { json!({ "type": "array", "items": kind }) } else { kind }
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Double | Kind::Float => json!({ "type": "number" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "pattern": "^-?[0-9]{1,19}$" }),
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "pattern": "^[0-9]{1,20}$" }),
            Kind::Enum(of) => {
                let key = key(of.full_name());
                let reference = json!({ "$ref": format!("#/components/schemas/{key}") });
                self.enums.entry(key).or_insert_with(|| of.clone());
                reference
            }
            Kind::Message(message) => self.reference(message),
        }
    }

    /// Every schema that is referred to, from these or from one another.
    fn finish(mut self, comments: &mut Comments) -> BTreeMap<String, Value> {
        let mut done: BTreeMap<String, Value> = BTreeMap::from([("Error".to_owned(), error())]);
        while let Some((key, message)) = self.messages.iter().find(|(key, _)| !done.contains_key(*key)) {
            let (key, message) = (key.clone(), message.clone());
            let fields = message.fields().collect::<Vec<_>>();
            let schema = object(&fields, &message, &mut self, comments);
            done.insert(key, schema);
        }
        for (key, of) in self.enums {
            let about = comments.of(&of.parent_file(), of.path());
            let values = of.values().map(|value| value.name().to_owned()).collect::<Vec<_>>();
            let told = of.values().filter_map(|value| {
                let about = comments.of(&of.parent_file(), value.path());
                (!about.is_empty()).then(|| format!("- `{}`: {about}", value.name()))
            });
            let told = told.collect::<Vec<_>>().join("\n");
            let about = [about, told].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n");
            done.insert(key, json!({ "type": "string", "enum": values, "description": about }));
        }
        done
    }
}

/// `comity.v1.Order` is `Order`; what is not ours keeps its package.
fn key(full_name: &str) -> String {
    full_name.strip_prefix("comity.v1.").unwrap_or(full_name).to_owned()
}

/// A message, or what of it is not in the path.
fn object(
    fields: &[FieldDescriptor],
    message: &MessageDescriptor,
    schemas: &mut Schemas,
    comments: &mut Comments,
) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = schemas.field(field);
        let mut about = comments.of(&message.parent_file(), field.path());
        if let Some(group) = field.containing_oneof().filter(|group| !group.is_synthetic()) {
            let others = group.fields().filter(|other| other != field).map(|other| format!("`{}`", other.json_name()));
            let others = others.collect::<Vec<_>>().join(", ");
            let space = if about.is_empty() { "" } else { " " };
            about.push_str(&format!("{space}Instead of {others}."));
        }
        if !about.is_empty() {
            put(&mut schema, "description", Value::String(about));
        }
        properties.insert(field.json_name().to_owned(), schema);
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    let about = comments.of(&message.parent_file(), message.path());
    if !about.is_empty() {
        put(&mut schema, "description", Value::String(about));
    }
    schema
}

fn error() -> Value {
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>();
    let told =
        Reason::ALL.iter().map(|reason| format!("- `{}` ({}): {}", reason.as_str(), reason.http(), reason.meaning()));
    let told = told.collect::<Vec<_>>().join("\n");
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "status", "message", "details"],
            "properties": {
                "code": { "type": "integer", "description": "The HTTP status." },
                "status": { "type": "string", "description": "The gRPC code by name, such as NOT_FOUND." },
                "message": { "type": "string", "description": "A sentence for people. Names no personal data." },
                "details": { "type": "array", "items": {
                    "type": "object",
                    "required": ["@type"],
                    "properties": {
                        "@type": { "type": "string" },
                        "reason": { "type": "string", "enum": reasons, "description": told },
                        "domain": { "type": "string", "const": crate::error::DOMAIN },
                        "metadata": { "type": "object", "additionalProperties": { "type": "string" } },
                        "retryDelay": { "type": "string" },
                    },
                }},
            },
        }},
    })
}

/// Comments of the `.proto` files, by place.
#[derive(Default)]
struct Comments(HashMap<String, HashMap<Vec<i32>, String>>);

/// Place of the `syntax` line: the comment before it is the file's.
const SYNTAX: &[i32] = &[12];

impl Comments {
    fn of_file(&mut self, file: &FileDescriptor) -> String {
        self.of(file, SYNTAX)
    }

    fn of(&mut self, file: &FileDescriptor, path: &[i32]) -> String {
        let places = self.0.entry(file.name().to_owned()).or_insert_with(|| {
            let info = file.file_descriptor_proto().source_code_info.as_ref();
            let locations = info.map(|info| info.location.as_slice()).unwrap_or_default();
            locations
                .iter()
                .filter_map(|place| {
                    let text = place.leading_comments.as_deref()?;
                    let lines = text.lines().map(str::trim).collect::<Vec<_>>();
                    Some((place.path.clone(), lines.join(" ").trim().to_owned()))
                })
                .collect()
        });
        places.get(path).cloned().unwrap_or_default()
    }
}
