//! Callers and resources in Cedar's words: the one place where they become entities.
//! It refuses to know policies: what an attribute means is theirs.

use crate::error::ApiError;
use crate::identity::Caller;
use crate::sectors::reader_groups;
use cedar_policy::{Context, Entity, EntityId, EntityTypeName, EntityUid, ParseErrors, RestrictedExpression as Value};
use comity_model::member::MemberKind;
use comity_model::{FieldName, Sector};
use std::collections::{HashMap, HashSet};

/// What an action is done to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    /// The gateway as a whole.
    Gateway,
    /// A sector's records; `None` where a request names no sector.
    Sector(Option<Sector>),
    /// A field of them.
    Field {
        sector: Sector,
        name: FieldName,
        personal: bool,
        readers: Vec<String>,
        /// Whether the caller's institution keeps the record.
        keeper: bool,
    },
}

/// The names of entity types, parsed once.
pub(super) struct Vocabulary {
    action: EntityTypeName,
    caller: EntityTypeName,
    role: EntityTypeName,
    gateway: EntityTypeName,
    sector: EntityTypeName,
    field: EntityTypeName,
}

impl Vocabulary {
    pub(super) fn new() -> Result<Self, Box<ParseErrors>> {
        Ok(Self {
            action: "Comity::Action".parse().map_err(Box::new)?,
            caller: "Comity::Caller".parse().map_err(Box::new)?,
            role: "Comity::Role".parse().map_err(Box::new)?,
            gateway: "Comity::Gateway".parse().map_err(Box::new)?,
            sector: "Comity::Sector".parse().map_err(Box::new)?,
            field: "Comity::Field".parse().map_err(Box::new)?,
        })
    }

    pub(super) fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }

    pub(super) fn caller(&self, caller: &Caller, home: bool) -> Result<Entity, ApiError> {
        let groups = caller.kind.map_or_else(Vec::new, |kind| reader_groups(kind).to_vec());
        let attributes = HashMap::from([
            ("institution".to_owned(), text(caller.institution.as_str())),
            ("kind".to_owned(), text(caller.kind.map_or("", kind_name))),
            ("groups".to_owned(), Value::new_set(groups.into_iter().map(text))),
            ("home".to_owned(), Value::new_bool(home)),
        ]);
        let roles = HashSet::from([uid(&self.role, caller.role.as_str())]);
        Entity::new(uid(&self.caller, &caller.to_string()), attributes, roles).map_err(ApiError::fault)
    }

    pub(super) fn resource(&self, resource: &Resource) -> Result<Entity, ApiError> {
        match resource {
            Resource::Gateway => Ok(Entity::new_no_attrs(uid(&self.gateway, "this"), HashSet::new())),
            Resource::Sector(sector) => {
                let id = sector.as_ref().map_or("", Sector::as_str);
                Ok(Entity::new_no_attrs(uid(&self.sector, id), HashSet::new()))
            }
            Resource::Field { sector, name, personal, readers, .. } => {
                let attributes = HashMap::from([
                    ("personal".to_owned(), Value::new_bool(*personal)),
                    ("readers".to_owned(), Value::new_set(readers.iter().map(|reader| text(reader)))),
                ]);
                let parents = HashSet::from([uid(&self.sector, sector.as_str())]);
                Entity::new(uid(&self.field, &format!("{sector}/{name}")), attributes, parents).map_err(ApiError::fault)
            }
        }
    }

    pub(super) fn context(&self, resource: &Resource) -> Result<Context, ApiError> {
        match resource {
            Resource::Field { keeper, .. } => {
                Context::from_pairs([("keeper".to_owned(), Value::new_bool(*keeper))]).map_err(ApiError::fault)
            }
            Resource::Gateway | Resource::Sector(_) => Ok(Context::empty()),
        }
    }
}

/// A kind of institution as policies and the API write it.
pub(crate) const fn kind_name(kind: MemberKind) -> &'static str {
    match kind {
        MemberKind::Court => "COURT",
        MemberKind::Justice => "JUSTICE",
        MemberKind::Property => "PROPERTY",
        MemberKind::Finance => "FINANCE",
        MemberKind::IntellectualProperty => "INTELLECTUAL_PROPERTY",
        MemberKind::Credit => "CREDIT",
        MemberKind::Market => "MARKET",
        MemberKind::Enforcement => "ENFORCEMENT",
        MemberKind::Mediation => "MEDIATION",
        MemberKind::Platform => "PLATFORM",
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn text(text: &str) -> Value {
    Value::new_string(text.to_owned())
}
