//! What can be wrong with a sector (its operator's fault) and with fields (the caller's). Texts name fields and kinds,
//! never values: a value may be personal data.

use comity_model::{FieldName, OrderKind};

/// A sector that cannot be used. The operator sees it when the gateway starts.
#[derive(Debug, thiserror::Error)]
pub enum SectorError {
    /// The folder's name is not the name of a sector.
    #[error("the sector {sector:?} is not named by 1 to 32 lower-case letters, digits, '-' or '_'")]
    Name {
        /// The name.
        sector: String,
    },
    /// Two sectors have one name.
    #[error("the sector {sector} was given twice")]
    Repeated {
        /// The name.
        sector: String,
    },
    /// `schema.proto` does not compile.
    #[error("the schema of the sector {sector} does not compile: {problem}")]
    Schema {
        /// The sector.
        sector: String,
        /// Place and message of the compiler.
        problem: String,
    },
    /// The schema compiles but does not describe a sector.
    #[error("the schema of the sector {sector} is not usable: {at}: {problem}")]
    Rule {
        /// The sector.
        sector: String,
        /// The message or field.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `profile.toml` does not describe kinds of order.
    #[error("the order profile of the sector {sector} is not usable: {problem}")]
    Profile {
        /// The sector.
        sector: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl SectorError {
    /// The reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "SECTOR_NAME",
            Self::Repeated { .. } => "SECTOR_REPEATED",
            Self::Schema { .. } | Self::Rule { .. } => "SECTOR_SCHEMA",
            Self::Profile { .. } => "SECTOR_PROFILE",
        }
    }
}

/// Fields that do not fit their schema. The caller can mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The schema has no such field.
    #[error("there is no field {field}")]
    Unknown {
        /// The field.
        field: FieldName,
    },
    /// The value is of another type.
    #[error("the field {field} is {expected}, not {found}")]
    Type {
        /// The field.
        field: FieldName,
        /// The schema's type, in words.
        expected: &'static str,
        /// The value's type, in words.
        found: &'static str,
    },
    /// A required field is not there.
    #[error("the field {field} is required")]
    Missing {
        /// The field.
        field: FieldName,
    },
    /// A field that this kind of order needs is not there.
    #[error("the field {field} is required for the kind {kind}")]
    MissingForKind {
        /// The field.
        field: FieldName,
        /// The kind.
        kind: OrderKind,
    },
    /// Fields stand sorted by name, each once.
    #[error("fields are sorted by name, each once: {field} is out of place")]
    NotSorted {
        /// The first field out of place.
        field: FieldName,
    },
    /// The schema lists the texts that the field may have, and this is another.
    #[error("the field {field} is one of {allowed}")]
    Value {
        /// The field.
        field: FieldName,
        /// The accepted texts.
        allowed: String,
    },
    /// A text is empty, or has control characters.
    #[error("the field {field} is empty or has control characters")]
    Text {
        /// The field.
        field: FieldName,
    },
    /// A text is too long, or a list has too many.
    #[error("the field {field} is longer than accepted")]
    TooLong {
        /// The field.
        field: FieldName,
    },
    /// The record's identity field names another record.
    #[error("the record's identity field differs from the record's name")]
    RecordIdDiffers,
    /// The record's id is one of those that a sector's index has.
    #[error("a record's id does not begin with ~")]
    RecordIdReserved,
    /// The sector takes no orders of this kind.
    #[error("the sector takes no orders of this kind")]
    UnknownKind,
}

impl FieldError {
    /// The reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "UNKNOWN_FIELD",
            Self::Type { .. } => "FIELD_TYPE",
            Self::Missing { .. } | Self::MissingForKind { .. } => "FIELD_MISSING",
            Self::NotSorted { .. } => "FIELDS_NOT_SORTED",
            Self::Value { .. } => "FIELD_VALUE",
            Self::Text { .. } => "FIELD_TEXT",
            Self::TooLong { .. } => "FIELD_TOO_LONG",
            Self::RecordIdDiffers => "RECORD_ID_DIFFERS",
            Self::RecordIdReserved => "RECORD_ID_RESERVED",
            Self::UnknownKind => "UNKNOWN_KIND",
        }
    }

    /// The field concerned, if it is one.
    #[must_use]
    pub const fn field(&self) -> Option<&FieldName> {
        match self {
            Self::Unknown { field }
            | Self::Type { field, .. }
            | Self::Missing { field }
            | Self::MissingForKind { field, .. }
            | Self::NotSorted { field }
            | Self::Value { field, .. }
            | Self::Text { field }
            | Self::TooLong { field } => Some(field),
            Self::RecordIdDiffers | Self::RecordIdReserved | Self::UnknownKind => None,
        }
    }
}
