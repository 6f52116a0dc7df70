//! Who may do what: Cedar policies, asked once per caller and resource, answered with a [`Permit`] that handlers take.
//! It refuses to know requests, records and the wire: a decision sees the caller and the resource's attributes only.

mod permit;
mod vocabulary;

pub(crate) use vocabulary::kind_name;

pub use permit::{
    Action, ApproveDeed, ApproveOrder, DecideOrder, DrawUpAgreement, DrawUpOrder, EndHolding, EraseDeposit, Exchange,
    Investigate, LookUpDeposit, MakeDeposit, ObjectToOrder, OpenPrivatePart, Permit, PutRecords, ReadAgreement,
    ReadAnswer, ReadChains, ReadDeliveries, ReadDeposit, ReadHoldings, ReadMembers, ReadOrder, ReadParties,
    ReadReceivedOrder, ReadRecord, ReadTrail, ReadTriggers, RegisterAssets, SearchRecords, StopProposal,
    VerifyCredential, WithdrawOrder,
};

use crate::error::{ApiError, Reason};
use crate::identity::{Caller, Role};
use crate::sectors::FieldSpec;
use cedar_policy::{
    Authorizer, Decision, Entities, PolicySet, PrincipalConstraint, Request, Schema, ValidationMode, Validator,
};
use comity_model::{FieldName, MemberId, Sector};
use moka::sync::Cache;
use std::collections::BTreeSet;
use vocabulary::{Resource, Vocabulary};

/// The policies that a gateway has if its operator gives none.
pub const DEFAULT_POLICIES: &str = include_str!("default.cedar");

/// What policies can speak about.
const SCHEMA: &str = include_str!("schema.cedarschema");

/// How many decisions are remembered. Policies do not change while a gateway runs, so a decision stays true.
const DECISIONS_MAX: u64 = 65_536;

/// The policies of one gateway.
pub struct Policy {
    home: MemberId,
    policies: PolicySet,
    schema: Schema,
    vocabulary: Vocabulary,
    roles: BTreeSet<String>,
    authorizer: Authorizer,
    decisions: Cache<Question, bool>,
}

/// What is asked. The key of the cache, so it holds everything that a decision depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    caller: Caller,
    action: &'static str,
    resource: Resource,
}

/// Policies that cannot be used. The operator sees it when the gateway starts.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The text is not Cedar.
    #[error("the policies cannot be read: {0}")]
    Unreadable(String),
    /// A policy speaks of what does not exist.
    #[error("the policies do not fit the schema: {0}")]
    DoesNotFit(String),
}

impl Policy {
    /// Policies of the gateway of `home`; every policy is checked against the schema.
    ///
    /// # Errors
    /// [`PolicyError`] says what is wrong with the text.
    pub fn new(home: MemberId, text: &str) -> Result<Self, PolicyError> {
        let unreadable = |error: &dyn std::fmt::Display| PolicyError::Unreadable(error.to_string());
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| unreadable(&error))?;
        let policies: PolicySet = text.parse().map_err(|error| unreadable(&error))?;
        let verdict = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if !verdict.validation_passed() {
            let problems: Vec<_> = verdict.validation_errors().map(ToString::to_string).collect();
            return Err(PolicyError::DoesNotFit(problems.join("; ")));
        }
        let vocabulary = Vocabulary::new().map_err(|error| unreadable(&error))?;
        Ok(Self {
            home,
            roles: roles_of(&policies),
            policies,
            schema,
            vocabulary,
            authorizer: Authorizer::new(),
            decisions: Cache::new(DECISIONS_MAX),
        })
    }

    /// Permits `caller` the action, or refuses without saying why.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`; `UNKNOWN_ROLE` for a role that no policy names.
    pub fn permit<A: Action<Resource = ()>>(&self, caller: &Caller) -> Result<Permit<A>, ApiError> {
        self.decide::<A>(caller, Resource::Gateway)
    }

    /// Permits `caller` the action on the records of a sector, or refuses without saying why.
    ///
    /// # Errors
    /// As [`Policy::permit`].
    pub fn permit_in<A: Action<Resource = Sector>>(
        &self,
        caller: &Caller,
        sector: &Sector,
    ) -> Result<Permit<A>, ApiError> {
        self.permit_asked(caller, Some(sector.clone()))
    }

    /// Like [`Policy::permit_in`] for what a request names; a name out of form asks for a sector that nobody has, so
    /// that access is decided before form.
    ///
    /// # Errors
    /// As [`Policy::permit`].
    pub fn permit_asked<A: Action<Resource = Sector>>(
        &self,
        caller: &Caller,
        sector: Option<Sector>,
    ) -> Result<Permit<A>, ApiError> {
        self.decide::<A>(caller, Resource::Sector(sector))
    }

    /// Whether `caller` may read a field of `keeper`'s records.
    ///
    /// # Errors
    /// `INTERNAL` if the policies cannot be evaluated.
    pub fn may_read(
        &self,
        caller: &Caller,
        keeper: &MemberId,
        sector: &Sector,
        field: &FieldSpec,
    ) -> Result<bool, ApiError> {
        self.allows(Question {
            caller: caller.clone(),
            action: "ReadField",
            resource: Resource::Field {
                sector: sector.clone(),
                name: field.name.clone(),
                personal: field.personal,
                readers: field.readers.clone(),
                keeper: caller.institution == *keeper,
            },
        })
    }

    /// The fields among `fields` that `caller` may read of `keeper`'s records.
    ///
    /// # Errors
    /// As [`Policy::may_read`].
    pub fn readable<'a>(
        &self,
        caller: &Caller,
        keeper: &MemberId,
        sector: &Sector,
        fields: impl Iterator<Item = &'a FieldSpec>,
    ) -> Result<Vec<FieldName>, ApiError> {
        let mut names = Vec::new();
        for field in fields {
            if self.may_read(caller, keeper, sector, field)? {
                names.push(field.name.clone());
            }
        }
        Ok(names)
    }

    /// Whether any policy names this role.
    ///
    /// # Errors
    /// `UNKNOWN_ROLE`.
    pub fn check_role(&self, role: &Role) -> Result<(), ApiError> {
        if self.roles.contains(role.as_str()) {
            return Ok(());
        }
        let message = format!("This gateway's policy names no role {role}.");
        Err(ApiError::new(Reason::UnknownRole, message).with("role", role.as_str()))
    }

    fn decide<A: Action>(&self, caller: &Caller, resource: Resource) -> Result<Permit<A>, ApiError> {
        self.check_role(&caller.role)?;
        let question = Question { caller: caller.clone(), action: A::NAME, resource };
        if self.allows(question)? { Ok(Permit::new(caller.clone())) } else { Err(ApiError::denied()) }
    }

    fn allows(&self, question: Question) -> Result<bool, ApiError> {
        if let Some(known) = self.decisions.get(&question) {
            return Ok(known);
        }
        let allowed = self.evaluate(&question)?;
        self.decisions.insert(question, allowed);
        Ok(allowed)
    }

    fn evaluate(&self, question: &Question) -> Result<bool, ApiError> {
        let words = &self.vocabulary;
        let principal = words.caller(&question.caller, question.caller.institution == self.home)?;
        let resource = words.resource(&question.resource)?;
        let request = Request::new(
            principal.uid(),
            words.action(question.action),
            resource.uid(),
            words.context(&question.resource)?,
            Some(&self.schema),
        )
        .map_err(ApiError::fault)?;
        let entities = Entities::from_entities([principal, resource], Some(&self.schema)).map_err(ApiError::fault)?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &entities);
        if let Some(error) = response.diagnostics().errors().next() {
            // A policy that cannot be evaluated neither permits nor forbids: refuse the call rather than guess.
            return Err(ApiError::fault(error.to_string()));
        }
        Ok(response.decision() == Decision::Allow)
    }
}

/// The roles that stand in the scope of a policy: all others are unknown.
fn roles_of(policies: &PolicySet) -> BTreeSet<String> {
    policies
        .policies()
        .filter_map(|policy| match policy.principal_constraint() {
            PrincipalConstraint::In(uid) | PrincipalConstraint::Eq(uid) | PrincipalConstraint::IsIn(_, uid) => {
                Some(uid.id().unescaped().to_owned())
            }
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
