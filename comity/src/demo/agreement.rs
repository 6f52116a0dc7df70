//! Story 4: a mediation agreement is not performed. The court learns of a payment, and of a missing one, by proof of the
//! bank's chain; the next step opens by itself, and what follows is proposed with its reasons.

use super::order::{CaseSystem, expect, is_answered, seen};
use super::recovery;
use super::report::{Report, Seen};
use crate::client::status;
use crate::failure::Failure;
use crate::sandbox::World;
use comity_model::record::FieldValue;
use comity_model::{Amount, Hash};
use comity_proto::v1::agreement::State;
use comity_proto::v1::agreements_client::AgreementsClient;
use comity_proto::v1::assets_client::AssetsClient;
use comity_proto::v1::records_client::RecordsClient;
use comity_proto::v1::triggers_client::TriggersClient;
use comity_proto::v1::{self, OrderState};
use std::time::Duration;
use tonic::transport::Channel;

/// What each instalment is, and after how many seconds it falls due.
const INSTALMENT: Amount = Amount::cny(30_000_000);
const DUE_IN_S: [i64; 2] = [6, 8];
/// How the bank's register calls the court's designated account.
const DESIGNATED: &str = "court-designated-account-1";
/// How long the story waits for one of its steps.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Story 4.
pub(super) async fn tell(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.story("4. A mediation agreement is not performed");
    let people = People::new(world).await?;
    let account = people.designated_account(report).await?;
    let agreement = people.concluded(world, &account, report).await?;
    people.paid(&agreement, &account, report).await?;
    let agreement = people.defaulted(&agreement, report).await?;
    people.opened(&agreement, report).await?;
    people.proposals_are_taken_up(world, &agreement, &account, report).await
}

/// Who acts in the story.
struct People {
    clerk: Channel,
    officer: Channel,
    registrar: Channel,
}

impl People {
    async fn new(world: &World) -> Result<Self, Failure> {
        Ok(Self {
            clerk: world.channel("court", "clerk").await?,
            officer: world.channel("court", "officer").await?,
            registrar: world.channel("finance", "registrar").await?,
        })
    }

    /// The bank registers the court's account: its chain knows it by a random handle.
    async fn designated_account(&self, report: &mut Report) -> Result<Vec<u8>, Failure> {
        report.begin();
        let request = v1::BatchRegisterAssetsRequest {
            parent: "members/finance/sectors/accounts".into(),
            rows: vec![v1::AssetRow {
                reference: DESIGNATED.into(),
                value: Some(comity_gateway::amount_to_wire(&Amount::cny(0))),
                enforcement: v1::Enforcement::Attested.into(),
                ..v1::AssetRow::default()
            }],
            validate_only: false,
        };
        let answer = AssetsClient::new(self.registrar.clone()).batch_register_assets(request).await;
        let answer = answer.map_err(|error| status(error, "the account was not registered"))?.into_inner();
        let proof = answer.proof.as_ref().map(Seen::from).unwrap_or_default();
        let result = answer.results.into_iter().next().ok_or_else(|| unexpected("the account has no handle"))?;
        report.proven("the bank's chain knows the court's account by a handle", &proof);
        Ok(result.handle)
    }

    async fn concluded(&self, world: &World, account: &[u8], report: &mut Report) -> Result<v1::Agreement, Failure> {
        report.begin();
        let request = request(world, account);
        let drawn = AgreementsClient::new(self.clerk.clone()).create_agreement(request).await;
        let drawn = drawn.map_err(|error| status(error, "the agreement was not drawn up"))?.into_inner();
        let approve = v1::ApproveAgreementRequest {
            name: drawn.name.clone(),
            officer: world.officer("court", 0)?.id.to_string(),
            signature: world.officer("court", 0)?.sign(&drawn.signing_bytes).to_vec(),
        };
        let mut officer = AgreementsClient::new(self.officer.clone());
        let standing = officer.approve_agreement(approve).await;
        let standing = standing.map_err(|error| status(error, "the agreement was not approved"))?.into_inner();
        report.proven(
            format!("an agreement on {} instalments of {INSTALMENT} is on the court's chain", DUE_IN_S.len()),
            &shown(&standing),
        );

        let confirm = |signature, validate_only| v1::ConfirmAgreementRequest {
            name: standing.name.clone(),
            ruling: vec![5; 32],
            officer: world.officer("court", 1).map(|officer| officer.id.to_string()).unwrap_or_default(),
            signature,
            validate_only,
        };
        let failed = |error| status(error, "the agreement was not confirmed");
        let checked = officer.confirm_agreement(confirm(Vec::new(), true)).await.map_err(failed)?.into_inner();
        let signature = world.officer("court", 1)?.sign(&checked.signing_bytes).to_vec();
        let confirmed = officer.confirm_agreement(confirm(signature, false)).await.map_err(failed)?.into_inner();
        report.proven("a judge confirms it: its default opens enforcement", &shown(&confirmed));
        Ok(confirmed)
    }

    /// The first instalment is paid; the bank records it under the computed reference, and nothing of who paid.
    async fn paid(&self, agreement: &v1::Agreement, account: &[u8], report: &mut Report) -> Result<(), Failure> {
        self.pays(
            agreement,
            0,
            account,
            INSTALMENT,
            "the first instalment is paid, and the bank's chain says so",
            report,
        )
        .await?;

        let known = self
            .until(&agreement.name, |now| now.instalments.first().is_some_and(|first| first.paid.is_some()))
            .await?;
        let fact = known.instalments.into_iter().next().and_then(|first| first.paid?.fact);
        report.proven("the court's chain has that proven to it", &of_fact(fact.as_ref(), "FIELD_PROOF"));
        Ok(())
    }

    /// The bank records a payment under the instalment's reference.
    async fn pays(
        &self,
        agreement: &v1::Agreement,
        number: usize,
        account: &[u8],
        amount: Amount,
        what: &str,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let instalment =
            agreement.instalments.get(number).ok_or_else(|| unexpected("an agreement without instalments"))?;
        let now = crate::clock::now();
        let field = |name: &str, value| v1::Field { name: name.into(), value: Some(value) };
        let request = v1::BatchPutRecordsRequest {
            parent: "members/finance/sectors/payments".into(),
            rows: vec![v1::RecordRow {
                fields: vec![
                    field("account", v1::field::Value::Digest(account.to_vec())),
                    field("amount", v1::field::Value::Amount(comity_gateway::amount_to_wire(&amount))),
                    field(
                        "paid_at",
                        v1::field::Value::Time(prost_types::Timestamp { seconds: now.seconds(), nanos: 0 }),
                    ),
                    field("reference", v1::field::Value::Text(instalment.reference.clone())),
                ],
            }],
            ..v1::BatchPutRecordsRequest::default()
        };
        let put = RecordsClient::new(self.registrar.clone()).batch_put_records(request).await;
        let put = put.map_err(|error| status(error, "the payment was not recorded"))?.into_inner();
        let recorded = put.proof.as_ref().map(Seen::from).unwrap_or_default();
        report.proven(what, &recorded);
        Ok(())
    }

    async fn defaulted(&self, agreement: &v1::Agreement, report: &mut Report) -> Result<v1::Agreement, Failure> {
        let known = self.until(&agreement.name, |now| now.default.is_some()).await?;
        let default = known.default.as_ref().ok_or_else(|| unexpected("a default that is none"))?;
        report.proven(
            "the second is not there when it is due: its absence is proven",
            &of_fact(default.fact.as_ref(), "ABSENCE_PROOF"),
        );
        Ok(known)
    }

    async fn opened(&self, agreement: &v1::Agreement, report: &mut Report) -> Result<(), Failure> {
        report.say("  a judge could stop it now; nobody does");
        report.begin();
        let known = self.until(&agreement.name, |now| now.state() == State::Opened).await?;
        let filing = known.filing.clone().ok_or_else(|| unexpected("nothing was opened"))?;
        if filing.opens != "ENFORCEMENT" {
            return Err(unexpected(&format!("{} was opened", filing.opens)));
        }
        let unpaid = filing.unpaid.map_or(0, |unpaid| unpaid.minor);
        let what = format!("by itself, the chain opens the enforcement filing: {} unpaid", Amount::cny(unpaid));
        report.proven(what, &shown(&known));
        Ok(())
    }

    /// What the rule proposes is explained, waits for officers, and goes its way once they have approved.
    async fn proposals_are_taken_up(
        &self,
        world: &World,
        agreement: &v1::Agreement,
        account: &[u8],
        report: &mut Report,
    ) -> Result<(), Failure> {
        let firing = self.firing(&agreement.name).await?;
        for fact in &firing.facts {
            let at = fact.proof.as_ref().map(Seen::from).unwrap_or_default();
            report.proven(format!("why: {}", short(&fact.statement)), &at);
        }
        let court = CaseSystem::new(world, "court").await?;
        let mut triggers = TriggersClient::new(self.clerk.clone());
        let mut frozen = None;
        for name in &firing.proposals {
            let get = v1::GetProposalRequest { name: name.clone(), purpose: None };
            let proposal = triggers.get_proposal(get).await;
            let proposal = proposal.map_err(|error| status(error, "the proposal was not read"))?.into_inner();
            if proposal.kind == "INVESTIGATION" {
                report.say("  an investigation begins by itself; a judge could have stopped it");
                let drafts = recovery::investigated(&self.clerk, name, report).await?;
                frozen = drafts.into_iter().find(|draft| draft.sector == "accounts" && !draft.order.is_empty());
                continue;
            }
            if proposal.order.is_empty() {
                return Err(unexpected(&format!("no draft of {}: {}", proposal.order_kind, proposal.reason)));
            }
            let order = court.watch(&proposal.order, false, |_| true).await?;
            report.begin();
            for officer in 0..order.approvals_needed as usize {
                court.approve(&order, officer).await?;
            }
            let answered = court.watch(&order.name, false, is_answered).await?;
            expect(&answered, OrderState::Executed)?;
            report.proven("two officers approve it: the mediation body is told of the filing", &seen(&answered));
        }
        let freeze = frozen.ok_or_else(|| unexpected("the investigation drafted no freeze"))?;
        report.proven("a freeze is drafted for the account that was found", &Seen::rule("AWAITING_APPROVAL"));
        let listed = recovery::recovered(world, &court, &freeze, report).await?;
        report.begin();
        let rest = Amount::cny(INSTALMENT.minor.saturating_sub(recovery::DEDUCTED.minor));
        self.pays(agreement, 1, account, rest, "the debtor pays the rest, and the bank's chain says so", report)
            .await?;
        recovery::ended(world, &court, listed, report).await
    }

    async fn firing(&self, subject: &str) -> Result<v1::Firing, Failure> {
        let mut triggers = TriggersClient::new(self.clerk.clone());
        let look = async {
            loop {
                let page = triggers.list_firings(v1::ListFiringsRequest::default()).await;
                let page = page.map_err(|error| status(error, "the firings were not read"))?.into_inner();
                if let Some(firing) = page.firings.into_iter().find(|firing| firing.subject == subject) {
                    return Ok(firing);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| Err(Failure::unavailable("no rule fired")))
    }

    /// The agreement once `done` says so of it.
    async fn until(&self, name: &str, done: impl Fn(&v1::Agreement) -> bool) -> Result<v1::Agreement, Failure> {
        let mut agreements = AgreementsClient::new(self.clerk.clone());
        let look = async {
            loop {
                let get = v1::GetAgreementRequest { name: name.to_owned(), purpose: None };
                let known = agreements.get_agreement(get).await;
                let known = known.map_err(|error| status(error, "the agreement was not read"))?.into_inner();
                if done(&known) {
                    return Ok(known);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let late = || Err(Failure::unavailable(format!("{name} did not go on within {} s", PATIENCE.as_secs())));
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| late())
    }
}

fn request(world: &World, account: &[u8]) -> v1::CreateAgreementRequest {
    let showcase = &world.data().showcase;
    let fields = &showcase.orders.freeze.fields;
    let said = |name: &str| {
        let field = fields.iter().find(|field| field.name.as_str() == name);
        match field.map(|field| &field.value) {
            Some(FieldValue::Text(text)) => text.clone(),
            _ => String::new(),
        }
    };
    let party = |role: v1::agreement_party::Role, name: String, id_type: String, id_number: String| {
        v1::AgreementParty { role: role.into(), name, id_type, id_number }
    };
    let debtor =
        party(v1::agreement_party::Role::Debtor, said("person_name"), said("person_id_type"), said("person_id_number"));
    let [creditor, number] = showcase.creditor.clone();
    let creditor = party(v1::agreement_party::Role::Creditor, creditor, "UNIFIED_CREDIT_CODE".into(), number);
    let now = crate::clock::now().seconds();
    let instalment = |after: i64| v1::Instalment {
        amount: Some(comity_gateway::amount_to_wire(&INSTALMENT)),
        due_time: Some(prost_types::Timestamp { seconds: now.saturating_add(after), nanos: 0 }),
    };
    let case = fields.iter().filter(|field| field.name.as_str() != "amount").map(comity_gateway::field_to_wire);
    let number = v1::Field {
        name: "agreement_number".into(),
        value: Some(v1::field::Value::Text("安澜商调2026字第00001号".into())),
    };
    let account_fields = recovery::ACCOUNT
        .map(|(name, value)| v1::Field { name: name.into(), value: Some(v1::field::Value::Text(value.into())) });
    v1::CreateAgreementRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        rule: "rules/swift-agreement".into(),
        parties: vec![creditor, debtor],
        instalments: DUE_IN_S.into_iter().map(instalment).collect(),
        payments_at: "members/finance".into(),
        account: hex::encode(account),
        text_digest: Hash([4; 32]).0.to_vec(),
        hold: None,
        case_fields: case.chain([number]).chain(account_fields).collect(),
        validate_only: false,
    }
}

fn shown(agreement: &v1::Agreement) -> Seen {
    agreement.proof.as_ref().map(Seen::from).unwrap_or_default()
}

fn of_fact(fact: Option<&v1::AgreementFact>, rule: &str) -> Seen {
    fact.map(|fact| Seen { chain: fact.chain_id.clone(), height: fact.header_height, rule: rule.into() })
        .unwrap_or_default()
}

/// The first part of a statement: the rest is for machines and the curious.
fn short(statement: &str) -> &str {
    statement.split_once(", due at").map_or(statement, |(before, _)| before)
}

fn unexpected(what: &str) -> Failure {
    Failure::refused("UNEXPECTED", what)
}
