//! JSON to messages and back, by the descriptors: the JSON form of protocol buffers (`proto3` JSON mapping).
//! It refuses to know which method is meant. What cannot be read is named by its place, never by its content.

use crate::error::{ApiError, Reason};
use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions};
use serde_json::{Map, Value};

/// Parameters of a query: more than any request has fields.
const PARAMETERS_MAX: usize = 256;
/// How deep a parameter's name may go: `purpose.caseNumber` is two deep.
const PARAMETER_DEPTH_MAX: usize = 4;

/// The request's message: from the body where there is one, else from the query; the path's field beside it.
///
/// # Errors
/// `INVALID_ARGUMENT` or `MALFORMED`, with the place that cannot be read.
pub(super) fn decode(
    form: &MessageDescriptor,
    body: Option<&[u8]>,
    query: Option<&str>,
    bound: Option<(&str, String)>,
) -> Result<Vec<u8>, ApiError> {
    let mut fields = match body {
        Some(body) => from_body(body)?,
        None => Map::new(),
    };
    match (body, query.unwrap_or_default()) {
        (_, "") => {}
        (None, query) => from_query(form, query, &mut fields)?,
        (Some(_), _) => {
            let message = "Put everything into the body: with a body, this method takes no query.";
            return Err(ApiError::argument("query", message));
        }
    }
    if let Some((field, value)) = bound {
        let said = fields.insert(field.to_owned(), Value::String(value.clone()));
        if said.is_some_and(|said| said != Value::String(value)) {
            let message = format!("The path and the request name a different `{field}`: leave it out of the request.");
            return Err(ApiError::new(Reason::InvalidArgument, message).with("field", field));
        }
    }
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let mut track = serde_path_to_error::Track::new();
    let reader = serde_path_to_error::Deserializer::new(Value::Object(fields), &mut track);
    match DynamicMessage::deserialize_with_options(form.clone(), reader, &options) {
        Ok(message) => Ok(message.encode_to_vec()),
        // The library's text repeats what it found, and that may be a person's.
        Err(_) => {
            let place = track.path().to_string();
            let message = format!(
                "`{place}` is not a field of {} or not of its form; {} describes both.",
                form.name(),
                super::OPENAPI_PATH
            );
            Err(ApiError::new(Reason::InvalidArgument, message).with("field", place))
        }
    }
}

fn from_body(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    // An empty body is an empty request.
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::new(Reason::Malformed, "The body must be a JSON object.")),
        Err(error) => {
            let message = format!("The body is no JSON: line {}, column {}.", error.line(), error.column());
            Err(ApiError::new(Reason::Malformed, message))
        }
    }
}

fn from_query(form: &MessageDescriptor, query: &str, fields: &mut Map<String, Value>) -> Result<(), ApiError> {
    for (index, (name, text)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        if index >= PARAMETERS_MAX {
            return Err(ApiError::argument("query", "The query has too many parameters."));
        }
        set(form, &name, &text, fields, PARAMETER_DEPTH_MAX).ok_or_else(|| {
            // The name is the caller's text, and may be anything: it is told by its place.
            let message = format!(
                "Parameter {} of the query is not a field of {} or not of its form; {} describes both.",
                index + 1,
                form.name(),
                super::OPENAPI_PATH
            );
            ApiError::argument("query", message)
        })?;
    }
    Ok(())
}

/// Puts `text` where `name` says; `None` if there is no such field, or it stands twice, or the text is not of its form.
fn set(form: &MessageDescriptor, name: &str, text: &str, fields: &mut Map<String, Value>, depth: usize) -> Option<()> {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let field = form.get_field_by_json_name(first).or_else(|| form.get_field_by_name(first))?;
    let key = field.json_name().to_owned();
    match (rest, field.kind()) {
        (Some(rest), Kind::Message(inner)) if depth > 0 && !field.is_list() && !field.is_map() => {
            let below = fields.entry(key).or_insert_with(|| Value::Object(Map::new()));
            set(&inner, rest, text, below.as_object_mut()?, depth - 1)
        }
        (Some(_), _) => None,
        (None, _) if field.is_list() => {
            let below = fields.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            below.as_array_mut()?.push(leaf(&field, text)?);
            Some(())
        }
        (None, _) => {
            let value = leaf(&field, text)?;
            fields.insert(key, value).is_none().then_some(())
        }
    }
}

/// A parameter's text as the JSON of its field. Numbers may stand as text in this mapping, as may all that is made of text.
fn leaf(field: &FieldDescriptor, text: &str) -> Option<Value> {
    match field.kind() {
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::Message(inner) if !matches!(inner.full_name(), DURATION | TIMESTAMP) => None,
        _ => Some(Value::String(text.to_owned())),
    }
}

/// Messages that are a text in JSON.
pub(super) const DURATION: &str = "google.protobuf.Duration";
pub(super) const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// A message as JSON.
///
/// # Errors
/// `INTERNAL`: a service answered with bytes that are not its own message.
pub(super) fn encode(form: &MessageDescriptor, bytes: &[u8]) -> Result<Value, ApiError> {
    let message = DynamicMessage::decode(form.clone(), bytes).map_err(ApiError::fault)?;
    message.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new()).map_err(ApiError::fault)
}
