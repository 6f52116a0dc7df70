//! Reads the options of `comity/sector/v1/options.proto` off a message or field. The only place that knows how they
//! are spelled; what they have to fulfil is decided by the caller.

use crate::sectors::fields::{Role, ValueType};
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    Value,
};

pub(super) struct Options {
    message: ExtensionDescriptor,
    rule: ExtensionDescriptor,
    readers: EnumDescriptor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageKind {
    Record,
    OrderPrivate,
    OrderAnswer,
    /// Fields that messages of several sectors share.
    Part,
}

pub(super) struct MessageRule {
    pub(super) sector: String,
    /// `None` where it is unspecified.
    pub(super) kind: Option<MessageKind>,
    pub(super) searchable: bool,
    pub(super) followed: bool,
}

pub(super) struct FieldRule {
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) required: bool,
    pub(super) required_for: Vec<String>,
    pub(super) personal: bool,
    /// Enum names in lower case.
    pub(super) readers: Vec<String>,
    pub(super) role: Option<Role>,
    pub(super) date: bool,
    pub(super) values: Vec<String>,
    pub(super) in_force: Vec<String>,
    pub(super) consent: bool,
    /// Empty where it is not said.
    pub(super) from_record: String,
}

impl Options {
    /// `None` when the pool does not hold the options' file.
    pub(super) fn find(pool: &DescriptorPool) -> Option<Self> {
        Some(Self {
            message: pool.all_extensions().find(|extension| extension.full_name() == "comity.sector.v1.message")?,
            rule: pool.all_extensions().find(|extension| extension.full_name() == "comity.sector.v1.rule")?,
            readers: pool.get_enum_by_name("comity.sector.v1.Reader")?,
        })
    }

    /// The rule that a message states.
    pub(super) fn message(&self, message: &MessageDescriptor) -> Option<MessageRule> {
        let options = message.options();
        let stated = stated(&options, &self.message)?;
        let kind = match number(&stated, "kind") {
            1 => Some(MessageKind::Record),
            2 => Some(MessageKind::OrderPrivate),
            3 => Some(MessageKind::OrderAnswer),
            4 => Some(MessageKind::Part),
            _ => None,
        };
        Some(MessageRule {
            sector: text(&stated, "sector"),
            kind,
            searchable: boolean(&stated, "searchable"),
            followed: boolean(&stated, "followed"),
        })
    }

    /// The rule that a field states.
    pub(super) fn field(&self, field: &FieldDescriptor) -> Option<FieldRule> {
        let options = field.options();
        let stated = stated(&options, &self.rule)?;
        Some(FieldRule {
            zh: text(&stated, "zh"),
            en: text(&stated, "en"),
            required: boolean(&stated, "required"),
            required_for: texts(&stated, "required_for"),
            personal: boolean(&stated, "personal"),
            readers: self.readers(&stated),
            role: match number(&stated, "role") {
                1 => Some(Role::Identity),
                2 => Some(Role::Status),
                3 => Some(Role::Reference),
                4 => Some(Role::Amount),
                5 => Some(Role::PersonName),
                6 => Some(Role::PersonNumber),
                10 => Some(Role::Balance),
                11 => Some(Role::Available),
                12 => Some(Role::Held),
                13 => Some(Role::EffectiveUntil),
                14 => Some(Role::PriorHolds),
                15 => Some(Role::PriorHeld),
                16 => Some(Role::OverControl),
                17 => Some(Role::AsOf),
                7 => Some(Role::Account),
                8 => Some(Role::ConsentKey),
                _ => None,
            },
            date: boolean(&stated, "date"),
            values: texts(&stated, "values"),
            in_force: texts(&stated, "in_force"),
            consent: boolean(&stated, "consent"),
            from_record: text(&stated, "from_record"),
        })
    }

    fn readers(&self, stated: &DynamicMessage) -> Vec<String> {
        list(stated, "readers")
            .iter()
            .filter_map(Value::as_enum_number)
            // 0 is "unspecified": not a reader.
            .filter(|number| *number != 0)
            .filter_map(|number| self.readers.get_value(number))
            .map(|value| value.name().to_ascii_lowercase())
            .collect()
    }
}

/// The type of a field's values; `None` for a type that fields do not have.
pub(super) fn value_type(field: &FieldDescriptor, date: bool) -> Option<ValueType> {
    match (field.kind(), field.is_list(), date) {
        (Kind::String, false, false) => Some(ValueType::Text),
        (Kind::String, false, true) => Some(ValueType::Date),
        (Kind::String, true, false) => Some(ValueType::Texts),
        (Kind::Int64, false, false) => Some(ValueType::Integer),
        (Kind::Bool, false, false) => Some(ValueType::Boolean),
        (Kind::Bytes, false, false) => Some(ValueType::Digest),
        (Kind::Message(message), false, false) => match message.full_name() {
            "google.protobuf.Timestamp" => Some(ValueType::Time),
            "comity.sector.v1.Amount" => Some(ValueType::Amount),
            _ => None,
        },
        _ => None,
    }
}

fn stated(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<DynamicMessage> {
    if !options.has_extension(extension) {
        return None;
    }
    options.get_extension(extension).as_message().cloned()
}

fn value(message: &DynamicMessage, name: &str) -> Option<Value> {
    message.get_field_by_name(name).map(std::borrow::Cow::into_owned)
}

fn text(message: &DynamicMessage, name: &str) -> String {
    value(message, name).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn boolean(message: &DynamicMessage, name: &str) -> bool {
    value(message, name).as_ref().and_then(Value::as_bool).unwrap_or_default()
}

fn number(message: &DynamicMessage, name: &str) -> i32 {
    value(message, name).as_ref().and_then(Value::as_enum_number).unwrap_or_default()
}

fn list(message: &DynamicMessage, name: &str) -> Vec<Value> {
    match value(message, name) {
        Some(Value::List(values)) => values,
        _ => Vec::new(),
    }
}

fn texts(message: &DynamicMessage, name: &str) -> Vec<String> {
    list(message, name).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
