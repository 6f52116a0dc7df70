//! Compiles `schema.proto` and reads its options into field sets. The options are read by reflection from the encoded
//! descriptors, so that their meaning stands in `options.proto` alone. Knows nothing of profiles' rules beyond names.

mod rule;

use super::fields::{FieldSet, FieldSpec, Role, ValueType};
use super::{SectorError, SectorSchema, SectorSource, profile};
use comity_model::profile::Effect;
use comity_model::{Hash, Sector};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use rule::{FieldRule, MessageKind, Options};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const OPTIONS_PATH: &str = "comity/sector/v1/options.proto";
/// What a schema can import beside Google's files.
const IMPORTS: [(&str, &str); 2] = [
    (OPTIONS_PATH, include_str!("../../../sectors/comity/sector/v1/options.proto")),
    ("comity/sector/v1/order.proto", include_str!("../../../sectors/comity/sector/v1/order.proto")),
];
/// Far above any schema, far below what would slow a start.
const SCHEMA_BYTES_MAX: usize = 256 * 1024;
/// As many as a record's tree takes.
const FIELDS_MAX: usize = 256;

pub(super) fn compile(source: &SectorSource<'_>) -> Result<SectorSchema, SectorError> {
    let name: Sector = source.name.parse().map_err(|_| SectorError::Name { sector: source.name.to_owned() })?;
    let file = format!("{name}/schema.proto");
    let compiled = descriptors(&file, source)?;
    let reader = Reader {
        source,
        options: Options::find(&compiled.pool).ok_or_else(|| SectorError::Schema {
            sector: source.name.to_owned(),
            problem: format!("{OPTIONS_PATH} is not imported"),
        })?,
    };
    let Messages { record, order, answer, searchable, followed } = reader.messages(&compiled.pool, &file)?;
    let profile = match source.profile {
        Some(text) => Some(profile::read(source, &name, text)?),
        None => None,
    };
    let schema_hash = Hash(Sha256::digest(&compiled.own).into());
    let schema = SectorSchema { name, schema_hash, record, order, answer, profile, searchable, followed };
    reader.check_together(&schema)?;
    Ok(schema)
}

struct Compiled {
    /// The encoded descriptor set of the schema file alone.
    own: Vec<u8>,
    /// The schema with all it imports.
    pool: DescriptorPool,
}

fn descriptors(file: &str, source: &SectorSource<'_>) -> Result<Compiled, SectorError> {
    let refuse = |problem: String| SectorError::Schema { sector: source.name.to_owned(), problem };
    if source.schema.len() > SCHEMA_BYTES_MAX {
        return Err(refuse(format!("it is longer than {SCHEMA_BYTES_MAX} bytes")));
    }
    let mut resolver = ChainFileResolver::new();
    resolver.add(Sources(IMPORTS.into_iter().chain([(file, source.schema)]).map(owned).collect()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_source_info(false);
    // The compiler's `Debug` says where in the file; its `Display` does not.
    compiler.open_file(file).map_err(|error| refuse(format!("{error:?}")))?;
    let own = compiler.encode_file_descriptor_set();
    let whole = compiler.include_imports(true).encode_file_descriptor_set();
    // Custom options survive only in encoded descriptors.
    let pool = DescriptorPool::decode(whole.as_slice()).map_err(|error| refuse(error.to_string()))?;
    Ok(Compiled { own, pool })
}

fn owned((name, text): (&str, &str)) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

/// Files by name, from memory.
struct Sources(Vec<(String, String)>);

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.iter().find(|(known, _)| known == name) {
            Some((_, text)) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// The messages of a schema file.
struct Messages {
    record: FieldSet,
    order: Option<FieldSet>,
    answer: Option<FieldSet>,
    searchable: bool,
    followed: bool,
}

struct Reader<'a> {
    source: &'a SectorSource<'a>,
    options: Options,
}

impl Reader<'_> {
    /// The fields of each message in the schema file.
    fn messages(&self, pool: &DescriptorPool, file: &str) -> Result<Messages, SectorError> {
        let (mut record, mut order, mut answer) = (None, None, None);
        let (mut searchable, mut followed) = (false, false);
        let own = pool.get_file_by_name(file);
        for message in own.iter().flat_map(|file| file.messages()) {
            let at = message.name().to_owned();
            let Some(rule) = self.options.message(&message) else {
                return Err(self.refuse(&at, "it has no option (message)"));
            };
            if rule.sector != self.source.name {
                return Err(self.refuse(&at, "it belongs to another sector"));
            }
            let kind = rule.kind.ok_or_else(|| self.refuse(&at, "its kind is not known"))?;
            if kind != MessageKind::Record && rule.searchable {
                return Err(self.refuse(&at, "only records are searchable"));
            }
            if kind != MessageKind::Record && rule.followed {
                return Err(self.refuse(&at, "only records are followed"));
            }
            let slot = match kind {
                MessageKind::Record => &mut record,
                MessageKind::OrderPrivate => &mut order,
                MessageKind::OrderAnswer => &mut answer,
                MessageKind::Part => return Err(self.refuse(&at, "shared fields stand beside options.proto")),
            };
            if slot.is_some() {
                return Err(self.refuse(&at, "a message of this kind came before"));
            }
            *slot = Some(self.fields(&message, kind)?);
            searchable |= rule.searchable;
            followed |= rule.followed;
        }
        match record {
            Some(record) if searchable && record.role(Role::PersonNumber).is_none() => {
                Err(self.refuse("schema", "searchable records need a field with role PERSON_NUMBER"))
            }
            Some(record) => Ok(Messages { record, order, answer, searchable, followed }),
            None => Err(self.refuse("schema", "it has no RECORD message")),
        }
    }

    fn fields(&self, message: &MessageDescriptor, kind: MessageKind) -> Result<FieldSet, SectorError> {
        let fields = self.flattened(message)?;
        if fields.len() > FIELDS_MAX {
            return Err(self.refuse(message.name(), "it has too many fields"));
        }
        let (mut roles, mut names) = (BTreeSet::new(), BTreeSet::new());
        let mut specs = Vec::new();
        for field in fields {
            let at = format!("{}.{}", message.name(), field.name());
            let refuse = |problem: &str| self.refuse(&at, problem);
            let rule = self.options.field(&field).ok_or_else(|| refuse("it has no option (rule)"))?;
            let value_type = rule::value_type(&field, rule.date).ok_or_else(|| {
                refuse("its type is not one of string, int64, bool, bytes, Timestamp, Amount, repeated string")
            })?;
            let spec = rule.spec(field.name(), value_type).map_err(|problem| refuse(&problem))?;
            check_spec(&spec, kind).map_err(refuse)?;
            if spec.role.is_some_and(|role| !roles.insert(role)) {
                return Err(refuse("another field has its role"));
            }
            if !names.insert(spec.name.clone()) {
                return Err(refuse("another field has its name"));
            }
            specs.push(spec);
        }
        let complete = match kind {
            MessageKind::Record => roles.contains(&Role::Identity),
            MessageKind::OrderPrivate => roles.contains(&Role::Reference),
            MessageKind::OrderAnswer | MessageKind::Part => true,
        };
        if !complete {
            return Err(self.refuse(
                message.name(),
                "a record needs a field with role IDENTITY, an order one with role REFERENCE",
            ));
        }
        if specs.iter().any(|spec| spec.consent) && !roles.contains(&Role::ConsentKey) {
            return Err(self.refuse(message.name(), "fields that need consent need a field with role CONSENT_KEY"));
        }
        Ok(FieldSet::new(specs))
    }

    /// A message's own fields and, in the place of each field whose type is a part, those of the part.
    fn flattened(&self, message: &MessageDescriptor) -> Result<Vec<FieldDescriptor>, SectorError> {
        if message.oneofs().len() > 0 {
            return Err(self.refuse(message.name(), "it has a oneof or an optional"));
        }
        let mut fields = Vec::new();
        for field in message.fields() {
            match field.kind() {
                Kind::Message(part) if !field.is_list() && self.is_part(&part) => fields.extend(self.flattened(&part)?),
                _ => fields.push(field),
            }
        }
        Ok(fields)
    }

    fn is_part(&self, message: &MessageDescriptor) -> bool {
        self.options.message(message).is_some_and(|rule| rule.kind == Some(MessageKind::Part))
    }

    /// What an answer takes from the record must be there, of its type, and no less personal.
    fn check_answer(&self, schema: &SectorSchema) -> Result<(), SectorError> {
        for spec in schema.answer.iter().flat_map(FieldSet::iter) {
            let Some(from) = &spec.from_record else { continue };
            let fits = schema
                .record
                .field(from)
                .is_some_and(|field| field.value_type == spec.value_type && (spec.personal || !field.personal));
            if !fits {
                let problem =
                    format!("the record has no field {from} of its type, or that one is personal and it is not");
                return Err(self.refuse(spec.name.as_str(), &problem));
            }
        }
        if schema.answer.is_some() && schema.order.is_none() {
            return Err(self.refuse("schema", "an ORDER_ANSWER message needs an ORDER_PRIVATE one"));
        }
        Ok(())
    }

    /// What schema and profile must agree on.
    fn check_together(&self, schema: &SectorSchema) -> Result<(), SectorError> {
        if schema.followed && schema.private_ids() {
            return Err(self.refuse("schema", "records are followed by their names, and these are personal data"));
        }
        self.check_answer(schema)?;
        let (order, profile) = match (&schema.order, &schema.profile) {
            (None, None) => return Ok(()),
            (Some(order), Some(profile)) => (order, profile),
            _ => {
                return Err(self.refuse("schema", "an ORDER_PRIVATE message and a profile go together"));
            }
        };
        for spec in order.iter() {
            if let Some(kind) = spec.required_for.iter().find(|kind| profile.kind(kind).is_none()) {
                let problem = format!("the profile has no kind {kind}");
                return Err(self.refuse(spec.name.as_str(), &problem));
            }
        }
        for rule in &profile.kinds {
            let named = |role| {
                let spec = order.role(role);
                spec.is_some_and(|spec| spec.required || spec.required_for.contains(&rule.kind))
            };
            if matches!(rule.effect, Effect::HoldDivisible | Effect::Deduct) && !named(Role::Amount) {
                let problem = "a divisible hold and a deduction need a field with role AMOUNT, required for them";
                return Err(self.refuse(rule.kind.as_str(), problem));
            }
            if rule.effect == Effect::Deduct && !named(Role::Account) {
                let problem = "a deduction needs a field with role ACCOUNT, required for it";
                return Err(self.refuse(rule.kind.as_str(), problem));
            }
        }
        Ok(())
    }

    fn refuse(&self, at: &str, problem: &str) -> SectorError {
        SectorError::Rule { sector: self.source.name.to_owned(), at: at.to_owned(), problem: problem.to_owned() }
    }
}

/// What one field must fulfil, whatever the others are.
fn check_spec(spec: &FieldSpec, kind: MessageKind) -> Result<(), &'static str> {
    let of_record = kind == MessageKind::Record;
    let of_order = kind == MessageKind::OrderPrivate;
    let textual = matches!(spec.value_type, ValueType::Text | ValueType::Texts);
    let fits = match spec.role {
        None => true,
        Some(role) if kind == MessageKind::OrderAnswer => role.answers_with() == Some(spec.value_type),
        Some(Role::Identity) => of_record && spec.required && spec.value_type == ValueType::Text,
        Some(Role::Reference) => of_order && spec.required && spec.value_type == ValueType::Text,
        Some(Role::Status) => {
            of_record && spec.required && spec.value_type == ValueType::Text && !spec.in_force.is_empty()
        }
        Some(Role::Account) => !of_record && spec.value_type == ValueType::Text,
        Some(Role::ConsentKey) => of_record && spec.value_type == ValueType::Digest,
        Some(Role::Amount) => spec.value_type == ValueType::Amount,
        Some(Role::PersonName | Role::PersonNumber) => textual,
        Some(_) => false,
    };
    if !fits {
        return Err("its role does not fit its type, its message, or that it is optional");
    }
    if spec.label_zh.is_empty() || spec.label_en.is_empty() {
        return Err("it needs a label in both languages");
    }
    if of_record && spec.readers.is_empty() {
        return Err("it needs a reader; HOLDER is one");
    }
    if !of_record && !spec.readers.is_empty() {
        return Err("an order's or answer's fields have no readers: whom it is for reads them all");
    }
    if spec.consent && (!of_record || spec.required) {
        return Err("consent is for fields of records that are not required");
    }
    if !of_order && !spec.required_for.is_empty() {
        return Err("required_for is for orders");
    }
    if kind == MessageKind::OrderAnswer {
        if spec.required {
            return Err("an answer says what is known: its fields are not required");
        }
        if spec.role.is_some() == spec.from_record.is_some() {
            return Err("a field of an answer has a role or is taken from the record, not both");
        }
    } else if spec.from_record.is_some() {
        return Err("from_record is for answers");
    }
    if !spec.values.is_empty() && !textual {
        return Err("only texts have listed values");
    }
    if !spec.in_force.is_empty() && spec.role != Some(Role::Status) {
        return Err("in_force is for the field with role STATUS");
    }
    if spec.in_force.iter().any(|value| !spec.values.contains(value)) {
        return Err("in_force has a value that is not among its values");
    }
    Ok(())
}

impl FieldRule {
    fn spec(self, name: &str, value_type: ValueType) -> Result<FieldSpec, String> {
        Ok(FieldSpec {
            name: name.parse().map_err(|error| format!("{error}"))?,
            value_type,
            required: self.required,
            required_for: self
                .required_for
                .iter()
                .map(|kind| kind.parse().map_err(|error| format!("{error}")))
                .collect::<Result<_, _>>()?,
            personal: self.personal,
            readers: self.readers,
            role: self.role,
            label_zh: self.zh,
            label_en: self.en,
            values: self.values,
            in_force: self.in_force,
            consent: self.consent,
            from_record: match self.from_record.as_str() {
                "" => None,
                name => Some(name.parse().map_err(|error| format!("{error}"))?),
            },
        })
    }
}
