//! Sectors: what kinds of record and order there are. A sector is a folder of data, a schema with field options and an
//! order profile; it is compiled when the gateway starts. This module knows no sector by name, reads no file and
//! decides no access: it says what a schema says.

mod error;
mod fields;
mod profile;
mod schema;
#[cfg(test)]
mod tests;

pub use error::{FieldError, SectorError};
pub use fields::{FieldSet, FieldSpec, Role, TEXT_BYTES_MAX, TEXTS_MAX, ValueType};
pub use profile::ProfileTemplate;

use comity_model::member::MemberKind;
use comity_model::record::{Field, FieldValue};
use comity_model::{Hash, OrderKind, RecordId, Sector};
use std::collections::BTreeMap;

/// A sector as text: the files of its folder.
#[derive(Clone, Copy, Debug)]
pub struct SectorSource<'a> {
    /// Its name: the folder's.
    pub name: &'a str,
    /// `schema.proto`.
    pub schema: &'a str,
    /// `profile.toml`; `None` where the sector takes no orders.
    pub profile: Option<&'a str>,
}

/// The folders of `sectors/`, as they were when the program was built.
const EMBEDDED: &[SectorSource<'static>] = include!(concat!(env!("OUT_DIR"), "/sectors.rs"));

/// Every sector that this gateway knows.
#[derive(Clone, Debug)]
pub struct Sectors {
    by_name: BTreeMap<Sector, SectorSchema>,
}

impl Sectors {
    /// Compiles `sources`.
    ///
    /// # Errors
    /// [`SectorError`] names the sector and what is wrong with it; one bad sector refuses them all.
    pub fn load(sources: &[SectorSource<'_>]) -> Result<Self, SectorError> {
        let mut by_name = BTreeMap::new();
        for source in sources {
            let schema = schema::compile(source)?;
            let name = schema.name.clone();
            if by_name.insert(name, schema).is_some() {
                return Err(SectorError::Repeated { sector: source.name.to_owned() });
            }
        }
        Ok(Self { by_name })
    }

    /// Compiles the sectors that came with the program.
    ///
    /// # Errors
    /// As [`Sectors::load`].
    pub fn embedded() -> Result<Self, SectorError> {
        Self::embedded_and(&[])
    }

    /// Compiles the sectors that came with the program, and others that its operator has.
    ///
    /// # Errors
    /// As [`Sectors::load`].
    pub fn embedded_and(others: &[SectorSource<'_>]) -> Result<Self, SectorError> {
        Self::load(&[EMBEDDED, others].concat())
    }

    /// The sector of this name.
    #[must_use]
    pub fn sector(&self, name: &Sector) -> Option<&SectorSchema> {
        self.by_name.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &SectorSchema> {
        self.by_name.values()
    }
}

/// One sector, compiled.
#[derive(Clone, Debug)]
pub struct SectorSchema {
    /// Its name.
    pub name: Sector,
    /// SHA-256 of the encoded `FileDescriptorSet` that holds the sector's schema file and nothing else (options
    /// included; comments and imports not): what records of this sector name as their schema.
    pub schema_hash: Hash,
    /// The fields of a record.
    pub record: FieldSet,
    /// The fields of an order's private part; `None` where the sector takes no orders.
    pub order: Option<FieldSet>,
    /// The fields of an answer to an order; `None` where the institution answers with the result alone.
    pub answer: Option<FieldSet>,
    /// Its kinds of order; there exactly when `order` is.
    pub profile: Option<ProfileTemplate>,
    /// Whether its institution keeps a private index of its records by person.
    pub searchable: bool,
    /// Whether those who read its records are told of later versions.
    pub followed: bool,
}

impl SectorSchema {
    /// Whether records stand on the chain under ids that only their institution's lookup key can compute: where a
    /// record's own name is personal data.
    #[must_use]
    pub fn private_ids(&self) -> bool {
        self.record.role(Role::Identity).is_some_and(|spec| spec.personal)
    }

    /// Whether `fields` make a record of this sector under the name `id`.
    ///
    /// # Errors
    /// [`FieldError`]: what [`FieldSet::check`] refuses, or an identity field that names another record.
    pub fn check_record(&self, id: &RecordId, fields: &[Field]) -> Result<(), FieldError> {
        self.record.check(fields)?;
        if comity_verify::lookup::is_reserved(id) {
            return Err(FieldError::RecordIdReserved);
        }
        match self.record.value(Role::Identity, fields) {
            Some(FieldValue::Text(named)) if named == id.as_str() => Ok(()),
            _ => Err(FieldError::RecordIdDiffers),
        }
    }

    /// Whether `fields` make the private part of an order of this kind.
    ///
    /// # Errors
    /// [`FieldError`]: what [`FieldSet::check`] refuses, a field that this kind needs and that is missing, or a kind
    /// that the sector does not have.
    pub fn check_order(&self, kind: &OrderKind, fields: &[Field]) -> Result<(), FieldError> {
        let order = self.order.as_ref().ok_or(FieldError::UnknownKind)?;
        let known = self.profile.as_ref().is_some_and(|profile| profile.kind(kind).is_some());
        if !known {
            return Err(FieldError::UnknownKind);
        }
        order.check(fields)?;
        order.check_kind(kind, fields)
    }
}

/// The groups in `readers` that an institution of this kind belongs to. It reads all of its own records in any case,
/// and everybody reads what is `public`.
#[must_use]
pub fn reader_groups(kind: MemberKind) -> [&'static str; 2] {
    let group = match kind {
        MemberKind::Court => "court",
        MemberKind::Justice => "justice",
        MemberKind::Property => "property",
        MemberKind::Finance => "finance",
        MemberKind::IntellectualProperty => "ip",
        MemberKind::Credit => "credit",
        MemberKind::Market => "market",
        MemberKind::Enforcement => "enforcement",
        MemberKind::Mediation => "mediation",
        MemberKind::Platform => "platform",
    };
    ["agency", group]
}
