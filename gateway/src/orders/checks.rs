//! What is checked of an order before it is drawn up, in order, and what will have to be proven of it until it is answered:
//! the answer to `validate_only`. The checks are those of [`Desk::draw_up`] itself, not a second list of them.
//! It refuses to write anything, and to take a proof that is still to come for one that is there.

use super::desk::{Desk, DeskError, TAG_REQUEST};
use super::draft::{DraftError, DraftRequest};
use super::stored::{ProvenUnder, StoredOrder};
use crate::error::ApiError;
use comity_model::client::{ClientState, ClientStatus};
use comity_model::member::Member;
use comity_model::state::StatePath;
use comity_model::{ChainId, Height};
use comity_verify::light::ConsensusState;
use comity_verify::seal;
use std::sync::Arc;

macro_rules! checks {
    ($($name:ident $text:literal $meaning:literal)*) => {
        /// A check, in the order in which they are made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check {
            $(#[doc = $meaning] $name,)*
        }

        impl Check {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name in the API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it asks.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

checks! {
    Request "REQUEST" "The request id is new, or was used for this very request."
    Recipient "RECIPIENT" "This court sends orders to the recipient."
    Sector "SECTOR" "The sector is known here."
    Kind "KIND" "The sector's profile knows orders of this kind."
    Original "ORIGINAL" "The order to change is named where one is needed, and its hold is in force with the same recipient."
    Emergency "EMERGENCY" "The profile knows emergency orders of this kind, if it is one."
    Fields "FIELDS" "The private part fits the sector's schema, and has what this kind needs."
    Delivery "DELIVERY" "Delivery may take no longer than the law allows."
    Period "PERIOD" "The hold lasts no longer than the statute allows, and longer than the time to decide on it."
    Account "ACCOUNT" "A deduction goes to the account that its original names."
    Obligation "OBLIGATION" "The order may serve the obligation, and there is room for it."
}

/// What a proof of the order's way has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is proven.
    Proven(ProvenUnder),
    /// It comes into being on the order's way.
    Awaited,
    /// It is proven not to be as the order needs it, with a code.
    Missing(&'static str, ProvenUnder),
}

/// Something that has to be shown of an order before it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its name in the API.
    pub what: &'static str,
    /// What it shows, and to whom.
    pub meaning: &'static str,
    /// The chain on which it is proven; `None` for what is signed.
    pub chain: Option<ChainId>,
    /// What it has come to.
    pub shown: Shown,
}

/// What was found.
pub enum Validation {
    /// Every check passed: the draft, and what it will need.
    Valid(Arc<StoredOrder>, Vec<Needed>),
    /// This check failed, so.
    Failed(Check, ApiError),
}

impl Desk {
    /// Makes every check of [`Desk::draw_up`], and looks what is proven already of what the order will need. Writes nothing.
    ///
    /// # Errors
    /// What says nothing of the order: the store's, and the chain's where nothing can be proven now.
    pub async fn validate(&self, request: &DraftRequest) -> Result<Validation, DeskError> {
        let digest = seal::digest(TAG_REQUEST, request);
        let draft = match self.book.request(&request.request).await? {
            Some((id, known)) if known == digest => self.book.read(&id).await?,
            Some(_) => return Ok(Validation::Failed(Check::Request, DeskError::RequestConflict.into())),
            None => match self.draft(request, digest).await {
                Ok(draft) => Arc::new(draft),
                Err(error) => match failed(&error) {
                    Some(check) => return Ok(Validation::Failed(check, error.into())),
                    None => return Err(error),
                },
            },
        };
        let needed = self.needed(&draft).await?;
        Ok(Validation::Valid(draft, needed))
    }

    async fn needed(&self, draft: &StoredOrder) -> Result<Vec<Needed>, DeskError> {
        let order = &draft.order;
        let ours = |what, meaning, shown| Needed { what, meaning, chain: Some(self.chain_id.clone()), shown };
        let (client, theirs) = self.client(draft).await?;
        let mut needed = vec![
            ours("COURT_MEMBER", "This court and its seal key, for the institution.", self.court_member().await?),
            ours("CLIENT", "The recipient's chain, as the court's chain follows it.", client),
            ours("RECIPIENT_MEMBER", "The recipient's keys, for its receipt.", self.recipient_member(draft).await?),
        ];
        if let Some(original) = &order.original {
            let original = self.book.read(original).await?;
            let shown = original.proven.clone().map_or(Shown::Awaited, Shown::Proven);
            needed.push(ours("ORIGINAL", "The hold that the order changes, by the newest proof of it.", shown));
        }
        if let Some(claim) = &draft.claim {
            let under = self.obligation(claim.obligation).await?.1;
            needed.push(ours("OBLIGATION", "That the obligation has room for the order.", Shown::Proven(under)));
        }
        let there = |what, meaning| Needed { what, meaning, chain: theirs.clone(), shown: Shown::Awaited };
        let signed = |what, meaning| Needed { what, meaning, chain: None, shown: Shown::Awaited };
        needed.extend([
            signed("APPROVALS", "The officers' signatures, for the court's signer, both chains and the institution."),
            signed("DELIVERY_RECEIPT", "That the recipient has opened and stored the private part, under its seal."),
            ours("COMMITMENT", "That the packet was sent, for the recipient's chain.", Shown::Awaited),
            there("RECEIPT", "That the packet arrived in time, or that it did not, for the court's chain."),
            there("ACKNOWLEDGEMENT", "The result, for the court's chain; the order changes by nothing else."),
        ]);
        if order.effect.holds() {
            needed.push(there("NOTICES", "Each later change of the hold, for the court's chain."));
        }
        Ok(needed)
    }

    async fn court_member(&self) -> Result<Shown, DeskError> {
        let answer = self.home.state(&StatePath::Member(self.court.clone()), Height(0)).await?;
        let member = answer.value.map(|value| value.decode::<Member>("member")).transpose();
        let member = member.map_err(ApiError::fault)?;
        Ok(match member {
            None => Shown::Missing("UNKNOWN_MEMBER", answer.under),
            Some(member) if !member.value().validity.covers(self.now_s()) => {
                Shown::Missing("MEMBER_NOT_VALID", answer.under)
            }
            Some(_) => Shown::Proven(answer.under),
        })
    }

    async fn recipient_member(&self, draft: &StoredOrder) -> Result<Shown, DeskError> {
        let (client, recipient) = (draft.order.source_client.clone(), draft.order.recipient.clone());
        let answer = self.home.state(&StatePath::Foreign(client, recipient), Height(0)).await?;
        Ok(match answer.value {
            // The relayer copies it there, by proof.
            None => Shown::Missing("RECIPIENT_UNKNOWN", answer.under),
            Some(_) => Shown::Proven(answer.under),
        })
    }

    /// Whether the court's chain has a client of the recipient's chain that can be used now, and that chain.
    async fn client(&self, draft: &StoredOrder) -> Result<(Shown, Option<ChainId>), DeskError> {
        let path = StatePath::Client(draft.order.source_client.clone());
        let answer = self.home.state(&path, Height(0)).await?;
        let Some(value) = answer.value else {
            return Ok((Shown::Missing("UNKNOWN_CLIENT", answer.under), None));
        };
        let client = value.decode::<ClientState>("client").map_err(ApiError::fault)?.into_value();
        let chain = Some(client.chain.clone());
        if client.status == ClientStatus::Frozen {
            return Ok((Shown::Missing("CLIENT_FROZEN", answer.under), chain));
        }
        let now = answer.under.time;
        if now.unix_seconds() < client.usable_from {
            return Ok((Shown::Missing("CLIENT_WAITS", answer.under), chain));
        }
        let latest = StatePath::Consensus(client.id.clone(), client.latest);
        let latest = self.home.state(&latest, answer.under.height).await?;
        let consensus = latest.value.map(|value| value.decode::<ConsensusState>("consensus state")).transpose();
        let consensus = consensus.map_err(ApiError::fault)?;
        let expires = consensus.map(|state| state.value().time.plus_seconds(client.trusting_period_s));
        if expires.is_none_or(|expires| now >= expires) {
            return Ok((Shown::Missing("CLIENT_EXPIRED", latest.under), chain));
        }
        Ok((Shown::Proven(latest.under), chain))
    }
}

/// The check that failed; `None` where something else did.
const fn failed(error: &DeskError) -> Option<Check> {
    Some(match error {
        DeskError::RequestConflict => Check::Request,
        DeskError::UnknownRecipient(_) => Check::Recipient,
        DeskError::UnknownSector => Check::Sector,
        DeskError::OriginalNotInForce => Check::Original,
        DeskError::Obligation(_) => Check::Obligation,
        DeskError::Draft(error) => match error {
            DraftError::UnknownKind(..) => Check::Kind,
            DraftError::Original => Check::Original,
            DraftError::Emergency => Check::Emergency,
            DraftError::Field(_) | DraftError::ObligationDiffers => Check::Fields,
            DraftError::DeliverWithin => Check::Delivery,
            DraftError::HoldDays { .. } => Check::Period,
            DraftError::Account => Check::Account,
            DraftError::NoObligation | DraftError::OtherObligation => Check::Obligation,
            DraftError::Randomness => return None,
        },
        DeskError::ApprovalInvalid
        | DeskError::Expired
        | DeskError::State(_)
        | DeskError::NotFound
        | DeskError::Full(_)
        | DeskError::Contended
        | DeskError::Store(_)
        | DeskError::Corrupt(_)
        | DeskError::Home(_) => return None,
    })
}
