//! Where deliveries arrive at a holder: each is judged by proof under this gateway's own view of the keeper's chain, kept, and
//! acknowledged under seal with what is then held. A repeated or an earlier one changes nothing; a false one is refused.
//! It refuses to believe the keeper's gateway.

use super::Holding;
use super::held::{HeldBook, Source};
use crate::config::Clock;
use crate::convert::RecordName;
use crate::error::ApiError;
use crate::identity::{Caller, Role};
use crate::keeper::{signer_failed, unknown_sector};
use crate::records::Reader;
use crate::signer::SignerClient;
use comity_model::member::MemberKind;
use comity_model::record::{HeldVersion, RecordReceipt};
use comity_model::{Height, encode};
use comity_proto::v1;
use std::sync::Arc;

/// Takes deliveries.
pub(crate) struct Receiver {
    pub(crate) kind: MemberKind,
    pub(crate) book: HeldBook,
    pub(crate) reader: Arc<Reader>,
    pub(crate) signer: SignerClient,
    pub(crate) clock: Clock,
}

impl Receiver {
    /// Takes a delivery of `keeper`'s gateway, for the people of `role` here.
    ///
    /// # Errors
    /// `PROOF_REFUSED` with the rule, and what reading the record would be refused with. Nothing has changed then.
    pub(crate) async fn take(
        &self,
        keeper: &Caller,
        role: Role,
        request: v1::DeliverRecordRequest,
    ) -> Result<v1::DeliverRecordResponse, ApiError> {
        let name = RecordName {
            member: keeper.institution.clone(),
            sector: request.sector.parse().map_err(|error| ApiError::argument("sector", format!("{error}.")))?,
            id: request.record_id.parse().map_err(|error| ApiError::argument("record_id", format!("{error}.")))?,
        };
        let schema = self.reader.sectors.sector(&name.sector).filter(|schema| schema.followed);
        schema.ok_or_else(|| unknown_sector(&name.sector))?;
        let holding = Holding {
            keeper: name.member.clone(),
            sector: name.sector.clone(),
            record: name.id.clone(),
            holder: self.reader.institution.clone(),
            role: role.to_string(),
        };
        let id = holding.id();
        let Some(held) = self.book.held(&id).await? else { return self.receipt(holding, None).await };
        let answer = request.record.ok_or_else(|| ApiError::argument("record", "A delivery has a record."))?;
        let height = Height(answer.state.as_ref().map_or(0, |state| state.header_height));
        let view = self.reader.peers.peer(&name.member)?.view.clone();
        let header = view.header(height).await?;
        let caller = Caller { institution: self.reader.institution.clone(), role, kind: Some(self.kind) };
        let kept = self.reader.take_later(&caller, "TakeDelivery", &name, answer, view, &header, held.purpose).await?;
        let taken = self.book.take(&id, &kept, Source::Delivered, false, self.clock.now().unix_seconds()).await?;
        let held = taken.map(|(row, _)| HeldVersion {
            version: row.answer.state.version,
            root: row.answer.state.root,
            height: row.answer.at.height,
        });
        self.receipt(holding, held).await
    }

    async fn receipt(
        &self,
        holding: Holding,
        held: Option<HeldVersion>,
    ) -> Result<v1::DeliverRecordResponse, ApiError> {
        let receipt = RecordReceipt {
            holding: holding.id(),
            holder: holding.holder,
            chain: self.reader.peers.peer(&holding.keeper)?.view.chain().clone(),
            keeper: holding.keeper,
            sector: holding.sector,
            record: holding.record,
            held,
            at: self.clock.now().unix_seconds(),
        };
        let seal = self.signer.seal_record_receipt(receipt.clone()).await.map_err(signer_failed)?;
        Ok(v1::DeliverRecordResponse { receipt: encode(&receipt), seal: encode(&seal) })
    }
}
