//! Who has to do with agreements: the court's people have them concluded, confirmed and stopped; debtors pay, late, too
//! little or not at all. All ask again until they are answered, and hold the gateway to what they were told. It refuses to
//! know how anything is proven.

use crate::agreed::is_in_time;
use crate::errands::Errands;
use crate::gateway::Gateway;
use crate::machine;
use crate::oracle::{Oracle, Promise};
use crate::parties;
use crate::plan::{Instalment, Party, What};
use crate::world::{World, until};
use comity_gateway::Caller;
use comity_model::member::MemberKind;
use comity_model::record::{Field, FieldValue};
use comity_model::{AgreementId, Amount, Hash, RecordId, UnixSeconds};
use comity_proto::v1;
use comity_proto::v1::agreement::State;
use comity_proto::v1::agreements_server::Agreements;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tonic::{Code, Request, Response, Status};

/// The court's account at each institution, under its handle there.
const ACCOUNT: Hash = Hash([0xAC; 32]);
/// The instalments of quiet times fall due so many milliseconds after they were agreed on.
const PROBE_DUE_MS: [u64; 2] = [10_000, 14_000];
const PROBE_PAYEE: u8 = 1;
const PROBE_MINOR: u64 = 700;
const PROBE_HOLD_S: u64 = 4;
/// How often it is tried to come to an agreement then.
const PROBES_MAX: usize = 5;

/// The mediator. One per world.
pub struct Mediator {
    world: Arc<World>,
    /// Agreements by the number of their item, once they are in force; `None` where it came to none.
    known: Mutex<BTreeMap<usize, Option<v1::Agreement>>>,
    errands: Errands,
}

impl Mediator {
    /// The mediator of a world.
    #[must_use]
    pub fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self { world, known: Mutex::default(), errands: Errands::default() })
    }

    /// Begins with what the plan says, at its times.
    pub fn begin(self: &Arc<Self>) {
        for (number, item) in self.world.plan.items.clone().into_iter().enumerate() {
            let Some(item) = item.filter(|item| item.what.is_of_agreements()) else { continue };
            let mediator = Arc::clone(self);
            self.errands.begin(async move {
                until(item.at_ms).await;
                mediator.oracle().note(&item);
                match &item.what {
                    What::Agree { payee, instalments, hold_s, confirmed } => {
                        mediator.agree(number, (*payee, instalments, *hold_s), *confirmed).await;
                    }
                    What::Pay { of, instalment, minor } => mediator.pay(*of, *instalment, *minor).await,
                    What::Stop { of } => mediator.stop(*of).await,
                    _ => {}
                }
            });
        }
    }

    /// In quiet times, one instalment is paid and the next is not: both are settled by their dates.
    pub fn probe(self: &Arc<Self>) {
        let mediator = Arc::clone(self);
        self.errands.begin(async move {
            let broken = |how: &str| -> ! { mediator.oracle().broken(Promise::Settled, how) };
            let Some(agreement) = mediator.agreed_in_quiet_times().await else {
                broken("an agreement of quiet times did not come into force")
            };
            mediator.record(PROBE_PAYEE, &agreement, 0, PROBE_MINOR).await;
            let ended = mediator.reached(&agreement.name, is_end).await;
            let (default, second) = (ended.default.as_ref(), ended.instalments.get(1));
            let Some((default, second)) = default.zip(second).filter(|(default, _)| default.instalment == 1) else {
                broken("of two instalments of quiet times the one that was not paid is not in default")
            };
            let seconds = |time: &Option<prost_types::Timestamp>| {
                UnixSeconds(time.as_ref().map_or(0, |time| u64::try_from(time.seconds).unwrap_or(0)))
            };
            if !is_in_time(seconds(&second.due_time), seconds(&default.time)) {
                broken("a default of quiet times did not come by its date")
            }
        });
    }

    /// A client that expires just now is on a new anchor a moment later.
    async fn agreed_in_quiet_times(&self) -> Option<v1::Agreement> {
        for attempt in 0..PROBES_MAX {
            let now_ms = machine::now_ms();
            let instalments = PROBE_DUE_MS.map(|after_ms| Instalment { minor: PROBE_MINOR, due_ms: now_ms + after_ms });
            let number = self.world.plan.items.len() + attempt;
            let agreed = self.concluded(request(number, PROBE_PAYEE, &instalments, PROBE_HOLD_S)).await;
            if let Ok(agreement) = agreed {
                return Some(agreement);
            }
            self.pause().await;
        }
        None
    }

    /// Whether everything is done.
    pub fn is_done(&self) -> bool {
        self.errands.are_done()
    }

    /// Has an agreement drawn up, approved and, if it is to be, confirmed.
    async fn agree(&self, number: usize, (payee, instalments, hold_s): (u8, &[Instalment], u64), confirmed: bool) {
        let request = request(number, payee, instalments, hold_s);
        let agreed = self.concluded(request).await.ok();
        if let Some(agreement) = agreed.as_ref().filter(|_| confirmed) {
            // Too late is no fault: the default came first.
            let _: Result<_, Status> = self.confirm(agreement).await;
        }
        self.lock().insert(number, agreed);
    }

    async fn concluded(&self, request: v1::CreateAgreementRequest) -> Result<v1::Agreement, Status> {
        let drawn = self.ask(|service| {
            let request = by("clerk", request.clone());
            async move { service.create_agreement(request).await }
        });
        let drawn = drawn.await?;
        self.oracle().agreement_told(id(&drawn.name), drawn.revision);
        let approve = v1::ApproveAgreementRequest {
            name: drawn.name.clone(),
            officer: "J1".into(),
            signature: parties::signature(1, &drawn.signing_bytes),
        };
        let approved = self.ask(|service| {
            let approve = by("officer", approve.clone());
            async move { service.approve_agreement(approve).await }
        });
        let approved = approved.await?;
        self.oracle().agreement_told(id(&approved.name), approved.revision);
        Ok(approved)
    }

    async fn confirm(&self, agreement: &v1::Agreement) -> Result<(), Status> {
        let ask = |signature, validate_only| {
            let request = v1::ConfirmAgreementRequest {
                name: agreement.name.clone(),
                ruling: vec![5; 32],
                officer: "J2".into(),
                signature,
                validate_only,
            };
            self.ask(move |service| {
                let request = by("officer", request.clone());
                async move { service.confirm_agreement(request).await }
            })
        };
        let shown = ask(Vec::new(), true).await?;
        ask(parties::signature(2, &shown.signing_bytes), false).await?;
        Ok(())
    }

    /// A debtor pays through its bank, as soon as there is something to pay.
    async fn pay(&self, of: usize, instalment: usize, minor: u64) {
        let Some(What::Agree { payee, .. }) = self.item(of) else { return };
        if let Some(agreement) = self.known_of(of).await {
            self.record(payee, &agreement, instalment, minor).await;
        }
    }

    /// Has the bank record a payment.
    async fn record(&self, payee: u8, agreement: &v1::Agreement, number: usize, minor: u64) {
        let reference: Option<RecordId> =
            agreement.instalments.get(number).and_then(|instalment| instalment.reference.parse().ok());
        let Some(reference) = reference else { return };
        let field = |name: &str, value| Field { name: name.parse().expect("a field name"), value };
        let fields = vec![
            field("account", FieldValue::Digest(ACCOUNT)),
            field("amount", FieldValue::Amount(Amount::cny(minor))),
            field("paid_at", FieldValue::Time(machine::now().unix_seconds())),
            field("reference", FieldValue::Text(reference.to_string())),
        ];
        self.oracle().pays(&reference, minor);
        loop {
            let records = vec![(reference.clone(), fields.clone())];
            let publish = self.world.gateways[usize::from(payee)].call(Party::Clerk, |services| {
                let records = records.clone();
                async move { services.records().publish(&parties::payments(), records).await }
            });
            match publish.await {
                Ok(Ok(published)) => return self.oracle().recorded(&reference, payee, published.header),
                Ok(Err(_)) | Err(_) => self.pause().await,
            }
        }
    }

    /// A judge stops what a default would open, if it comes to a default and there is still time.
    async fn stop(&self, of: usize) {
        let Some(agreement) = self.known_of(of).await else { return };
        let now = self.reached(&agreement.name, |state| state == State::Defaulted || is_end(state)).await;
        if now.state() != State::Defaulted {
            return;
        }
        let ask = |signature, validate_only| {
            let request = v1::StopAgreementRequest {
                name: agreement.name.clone(),
                reason: "SETTLED_IN_COURT".into(),
                ruling: vec![6; 32],
                officer: "J1".into(),
                signature,
                validate_only,
            };
            self.ask(move |service| {
                let request = by("officer", request.clone());
                async move { service.stop_agreement(request).await }
            })
        };
        let Ok(shown) = ask(Vec::new(), true).await else { return };
        // Too late is no fault.
        if let Ok(stopped) = ask(parties::signature(1, &shown.signing_bytes), false).await {
            self.oracle().agreement_told(id(&stopped.name), stopped.revision);
        }
    }

    /// An agreement once it is in such a state.
    async fn reached(&self, name: &str, is_reached: impl Fn(State) -> bool) -> v1::Agreement {
        loop {
            let get = v1::GetAgreementRequest { name: name.to_owned(), purpose: None };
            let read = self.ask(|service| {
                let get = by("clerk", get.clone());
                async move { service.get_agreement(get).await }
            });
            match read.await {
                Ok(agreement) if is_reached(agreement.state()) => return agreement,
                Ok(_) => tokio::time::sleep(Duration::from_millis(500)).await,
                Err(status) => self.oracle().broken(Promise::Kept, format_args!("{name} was told: {status}")),
            }
        }
    }

    /// Asks the court's gateway until it answers; an error is one that asking again does not mend.
    async fn ask<T, Fut>(&self, what: impl Fn(Arc<dyn Agreements>) -> Fut) -> Result<T, Status>
    where
        Fut: Future<Output = Result<Response<T>, Status>>,
    {
        loop {
            let asked = self.court().call(Party::Clerk, |services| what(Arc::new(services.agreements())));
            match asked.await {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) if is_final(status.code()) => return Err(status),
                Ok(Err(_)) | Err(_) => self.pause().await,
            }
        }
    }

    fn item(&self, number: usize) -> Option<What> {
        self.world.plan.items.get(number)?.as_ref().map(|item| item.what.clone())
    }

    /// The agreement of an item, as soon as it is known; `None` where it came to none, or was left out.
    async fn known_of(&self, number: usize) -> Option<v1::Agreement> {
        self.item(number)?;
        loop {
            if let Some(known) = self.lock().get(&number) {
                return known.clone();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn pause(&self) {
        let ms = self.world.net.between(100, 1_500);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    fn court(&self) -> &Gateway {
        &self.world.gateways[0]
    }

    fn oracle(&self) -> &Oracle {
        &self.world.oracle
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Option<v1::Agreement>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
    )
}

fn is_end(state: State) -> bool {
    matches!(state, State::Performed | State::Stopped | State::Opened)
}

/// A request of somebody of the court in this role.
pub(crate) fn by<T>(role: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let role = role.parse().expect("a role");
    request.extensions_mut().insert(Caller { institution: parties::member(0), role, kind: Some(MemberKind::Court) });
    request
}

/// The id of an agreement, from its name.
pub(crate) fn id(name: &str) -> AgreementId {
    name.strip_prefix("agreements/").and_then(|id| id.parse().ok()).expect("an agreement's name")
}

fn request(number: usize, payee: u8, instalments: &[Instalment], hold_s: u64) -> v1::CreateAgreementRequest {
    let party = |role: v1::agreement_party::Role, name: &str, number: &str| v1::AgreementParty {
        role: role.into(),
        name: name.into(),
        id_type: "RESIDENT_ID".into(),
        id_number: number.into(),
    };
    let text =
        |name: &str, value: &str| v1::Field { name: name.into(), value: Some(v1::field::Value::Text(value.into())) };
    let began_s = machine::now().unix_seconds().0 - machine::now_ms() / 1_000;
    let instalment = |instalment: &Instalment| v1::Instalment {
        amount: Some(comity_gateway::amount_to_wire(&Amount::cny(instalment.minor))),
        due_time: Some(prost_types::Timestamp {
            seconds: i64::try_from(began_s + instalment.due_ms / 1_000).unwrap_or(i64::MAX),
            nanos: 0,
        }),
    };
    v1::CreateAgreementRequest {
        request_id: format!("{number:08x}-0000-4000-8000-000000000000"),
        rule: "rules/settlement".into(),
        parties: vec![
            party(v1::agreement_party::Role::Creditor, "赵六", "330106199001011234"),
            party(v1::agreement_party::Role::Debtor, "王五", "330106198505055678"),
        ],
        instalments: instalments.iter().map(instalment).collect(),
        payments_at: format!("members/{}", parties::member(payee)),
        account: ACCOUNT.to_string(),
        text_digest: vec![7; 32],
        hold: Some(prost_types::Duration { seconds: i64::try_from(hold_s).unwrap_or(i64::MAX), nanos: 0 }),
        case_fields: vec![
            text("account_number", &crate::clerk::reference(0)),
            text("case_number", "(2026)浙0106执1025号"),
        ],
        validate_only: false,
    }
}
