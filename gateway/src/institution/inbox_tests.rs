#![allow(clippy::unwrap_used)]
use super::*;
use crate::identity::Role;
use crate::orders::testing;
use crate::sectors::SectorSource;
use crate::signer::{SignerCore, SignerIdentity};
use comity_model::order::ApprovalClass;
use comity_model::{Time, UnixSeconds};
use comity_store::RedbStore;
use comity_verify::order::TAG_DELIVERY;
use comity_verify::seal;

const SCHEMA: &str = r#"
    syntax = "proto3";
    package comity.sector.v1.accounts;
    import "comity/sector/v1/options.proto";
    message Account {
      option (message) = { sector: "accounts" kind: RECORD };
      string account_number = 1 [(rule) = { zh: "账号" en: "Account" role: IDENTITY required: true readers: COURT }];
    }
    message AccountOrder {
      option (message) = { sector: "accounts" kind: ORDER_PRIVATE };
      string account_number = 1 [(rule) = { zh: "账号" en: "Account" role: REFERENCE required: true }];
      Amount amount = 2 [(rule) = { zh: "金额" en: "Amount" role: AMOUNT required_for: "freeze" }];
      string case_number = 3 [(rule) = { zh: "案号" en: "Case" required: true }];
      string person_name = 4 [(rule) = { zh: "姓名" en: "Person" required: true personal: true }];
    }
"#;

const PROFILE: &str = r#"
    [[kind]]
    name = "freeze"
    effect = "hold-divisible"
    period_days_max = 365
    decide_within_s = 3600
"#;

struct World {
    inbox: Inbox,
    core: SignerCore,
    now: u64,
    _folder: tempfile::TempDir,
}

fn core() -> SignerCore {
    let identity = SignerIdentity {
        institution: "bank".parse().unwrap(),
        chain: "bank-1".parse().unwrap(),
        officers: Vec::new(),
        rules: Vec::new(),
    };
    SignerCore::new(identity, &SecretBox::new(Box::new([3; 32])))
}

fn key() -> SecretBox<[u8; 32]> {
    SecretBox::new(Box::new([7; 32]))
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(&folder.path().join("store")).unwrap());
    let source = SectorSource { name: "accounts", schema: SCHEMA, profile: Some(PROFILE) };
    let now = Clock::system().now().unix_seconds().0;
    let inbox = Inbox::new(InboxParts {
        institution: "bank".parse().unwrap(),
        courts: BTreeMap::from([
            ("court".parse().unwrap(), "court-1".parse().unwrap()),
            ("other-court".parse().unwrap(), "other-1".parse().unwrap()),
        ]),
        encryption_key: Arc::new(key()),
        sectors: Arc::new(Sectors::load(&[source]).unwrap()),
        signer: SignerClient::in_task(core()),
        store,
        clock: Clock::from_fn(move || Time::new(i64::try_from(now).unwrap(), 0).unwrap()),
    });
    World { inbox, core: core(), now, _folder: folder }
}

fn court() -> Caller {
    Caller { institution: "court".parse().unwrap(), role: Role::gateway(), kind: None }
}

fn request(order: &Order, part: &PrivatePart) -> DeliverRequest {
    let public = sealing::public_key(&key()).unwrap();
    let sealed = sealing::seal(&public, order, part).unwrap();
    DeliverRequest {
        order: encode(order),
        encapsulated_key: sealed.encapsulated_key.to_vec(),
        ciphertext: sealed.ciphertext,
    }
}

impl World {
    fn order(&self) -> (Order, PrivatePart) {
        testing::order_at(self.now, ApprovalClass::Double)
    }

    async fn refused(&self, change: impl FnOnce(&mut Order, &mut PrivatePart)) -> Reason {
        let (mut order, mut part) = self.order();
        change(&mut order, &mut part);
        self.inbox.deliver(&court(), request(&order, &part)).await.unwrap_err().reason()
    }
}

#[tokio::test]
async fn a_private_part_is_stored_and_its_receipt_is_sealed() {
    let world = world();
    let (order, part) = world.order();
    let answer = world.inbox.deliver(&court(), request(&order, &part)).await.unwrap();
    let delivery: Delivery = decode("delivery", &answer.delivery).unwrap();
    let signature: Signature = decode("seal", &answer.seal).unwrap();
    seal::check(TAG_DELIVERY, &delivery, &world.core.public_key(), &signature, comity_model::seal::Suites::NATIVE)
        .unwrap();
    assert_eq!((delivery.order, delivery.private_digest), (order.id, order.private_digest));
    assert_eq!(delivery.received_at, UnixSeconds(world.now));
    assert!(world.inbox.row(&order.court, &order.id).await.unwrap().unwrap().part == part);
}

#[tokio::test]
async fn the_same_delivery_again_gets_the_same_receipt_and_another_one_is_refused() {
    let world = world();
    let (order, part) = world.order();
    let first = world.inbox.deliver(&court(), request(&order, &part)).await.unwrap();
    assert_eq!(world.inbox.deliver(&court(), request(&order, &part)).await.unwrap(), first);
    let (mut other, mut other_part) = world.order();
    other_part.salt = [6; 32];
    other.private_digest = private_digest(&other_part);
    let refused = world.inbox.deliver(&court(), request(&other, &other_part)).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::DeliveryRefused);
    assert!(world.inbox.row(&order.court, &order.id).await.unwrap().unwrap().part == part);
}

#[tokio::test]
async fn two_courts_deliver_under_one_order_id_and_both_parts_are_kept() {
    let world = world();
    let (order, part) = world.order();
    world.inbox.deliver(&court(), request(&order, &part)).await.unwrap();
    let other =
        Order { court: "other-court".parse().unwrap(), source_chain: "other-1".parse().unwrap(), ..order.clone() };
    let caller = Caller { institution: other.court.clone(), ..court() };
    world.inbox.deliver(&caller, request(&other, &part)).await.unwrap();
    for order in [&order, &other] {
        assert!(world.inbox.row(&order.court, &order.id).await.unwrap().unwrap().order == *order);
    }
}

#[tokio::test]
async fn orders_of_others_and_for_others_are_refused() {
    let world = world();
    let not_ours = Reason::NotForThisInstitution;
    assert_eq!(world.refused(|order, _| order.court = "court-2".parse().unwrap()).await, not_ours);
    assert_eq!(world.refused(|order, _| order.recipient = "other".parse().unwrap()).await, not_ours);
    assert_eq!(world.refused(|order, _| order.source_chain = "bank-1".parse().unwrap()).await, not_ours);
}

#[tokio::test]
async fn what_the_order_does_not_bind_or_the_schema_does_not_know_is_refused() {
    let world = world();
    assert_eq!(world.refused(|_, part| part.salt = [1; 32]).await, Reason::DeliveryRefused);
    let off_schema = |order: &mut Order, part: &mut PrivatePart| {
        part.fields.remove(0);
        order.private_digest = private_digest(part);
    };
    assert_eq!(world.refused(off_schema).await, Reason::FieldMissing);
    let (order, part) = world.order();
    let mut changed = request(&order, &part);
    changed.ciphertext[0] ^= 1;
    let refused = world.inbox.deliver(&court(), changed).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::DeliveryRefused);
    assert!(world.inbox.row(&order.court, &order.id).await.unwrap().is_none());
}

#[tokio::test]
async fn what_comes_too_late_or_from_the_future_is_refused() {
    let world = world();
    let now = UnixSeconds(world.now);
    let late = Reason::DeliveryRefused;
    assert_eq!(world.refused(|order, _| order.deliver_by = now).await, late);
    assert_eq!(world.refused(|order, _| order.issued_at = now.plus(3_000)).await, late);
    assert_eq!(world.refused(|order, _| order.deliver_by = now.plus(DELIVERY_MAX_S + 1)).await, late);
}

#[tokio::test]
async fn a_refusal_tells_nothing_of_the_private_part() {
    let world = world();
    let (order, mut part) = world.order();
    part.salt = [1; 32];
    let error = world.inbox.deliver(&court(), request(&order, &part)).await.unwrap_err();
    let told = format!("{error:?} {error}");
    assert!(!told.contains("王五") && !told.contains("6222020001"));
}
