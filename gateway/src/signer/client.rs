//! How a gateway asks for a seal: one interface, whether the signer is a process of its own (gRPC) or a task beside it
//! that alone holds the key.
//! It refuses to know what is sealed and why: it carries typed requests there and seals back.

use super::sealer::{SealRefusal, SignerCore};
use crate::config::Clock;
use crate::error::Reason;
use comity_model::UnixSeconds;
use comity_model::agreement::Deed;
use comity_model::deposit::{DepositBatch, LogHead};
use comity_model::encode;
use comity_model::order::{Approval, Decision, Delivery, Objection, Order, PrivatePart};
use comity_model::record::RecordReceipt;
use comity_model::seal::Signature;
use comity_model::tx::{AssetBatch, RecordBatch};
use comity_proto::v1::signer_client::SignerClient as Stub;
use comity_proto::v1::{SealBytesRequest, SealDeedRequest, SealOrderRequest, SealResponse};
use tokio::sync::{mpsc, oneshot};
use tonic::transport::Channel;
use tonic_types::StatusExt;

/// How many requests may wait for a signer task.
const WAITING_MAX: usize = 256;

/// What a signer can be asked to seal.
pub(super) enum SealRequest {
    /// An order over its approvals; the private part is only looked at.
    Order(Box<Order>, Vec<Approval>, Box<PrivatePart>),
    /// A receipt.
    Delivery(Delivery),
    /// A decision.
    Decision(Decision),
    /// An objection.
    Objection(Objection),
    /// Records.
    Records(RecordBatch),
    /// Assets.
    Assets(AssetBatch),
    /// A receipt for a delivered record.
    RecordReceipt(RecordReceipt),
    /// A deed about an agreement, and its approval.
    Deed(Box<Deed>, Approval),
    /// A head of the log of deposits.
    LogHead(LogHead),
    /// The checkpoint of one.
    Checkpoint(LogHead),
    /// A batch of deposits.
    Deposits(DepositBatch),
}

/// A signature, and whose it is.
pub(super) struct Sealed {
    pub(super) signature: Signature,
    /// The log's key, where that signed.
    pub(super) log_key: Option<[u8; 32]>,
}

impl SignerCore {
    /// Answers one request by the rules of its kind.
    pub(super) fn answer(&self, request: &SealRequest, now: UnixSeconds) -> Result<Sealed, SealRefusal> {
        if let SealRequest::Checkpoint(head) = request {
            return Ok(Sealed { signature: self.sign_checkpoint(head)?, log_key: Some(self.log_key()) });
        }
        Ok(Sealed { signature: self.seal(request, now)?, log_key: None })
    }

    fn seal(&self, request: &SealRequest, now: UnixSeconds) -> Result<Signature, SealRefusal> {
        match request {
            SealRequest::Order(order, approvals, part) => self.seal_order(order, approvals, part, now),
            SealRequest::Delivery(delivery) => self.seal_delivery(delivery, now),
            SealRequest::Decision(decision) => self.seal_decision(decision),
            SealRequest::Objection(objection) => self.seal_objection(objection),
            SealRequest::Records(batch) => self.seal_records(batch),
            SealRequest::Assets(batch) => self.seal_assets(batch),
            SealRequest::RecordReceipt(receipt) => self.seal_record_receipt(receipt, now),
            SealRequest::Deed(deed, approval) => self.seal_deed(deed, approval, now),
            SealRequest::LogHead(head) => self.seal_log_head(head),
            SealRequest::Checkpoint(head) => self.sign_checkpoint(head),
            SealRequest::Deposits(batch) => self.seal_deposits(batch),
        }
    }
}

/// Why there is no seal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The signer looked and said no. Asking again does not help.
    #[error("the signer refuses: {message}")]
    Refused {
        /// Its reason code ([`SealRefusal::code`]).
        code: String,
        /// Its sentence.
        message: String,
    },
    /// The signer cannot be asked now.
    #[error("the signer cannot be reached: {0}")]
    Unavailable(String),
}

type Answer = Result<Sealed, SealRefusal>;

/// A way to the institution's signer. Cheap to clone.
#[derive(Clone)]
pub struct SignerClient(Way);

#[derive(Clone)]
enum Way {
    Task(mpsc::Sender<(SealRequest, oneshot::Sender<Answer>)>),
    Process(Stub<Channel>),
}

impl SignerClient {
    /// Starts a task that owns `core`; it ends when the last client is dropped. Must be called within a runtime.
    #[must_use]
    pub fn in_task(core: SignerCore) -> Self {
        Self::in_task_at(core, Clock::system())
    }

    /// The same, with a clock of the signer's own: it takes no caller's word for the time.
    #[must_use]
    pub fn in_task_at(core: SignerCore, clock: Clock) -> Self {
        let (asks, mut asked) = mpsc::channel::<(SealRequest, oneshot::Sender<Answer>)>(WAITING_MAX);
        tokio::spawn(async move {
            while let Some((request, answer)) = asked.recv().await {
                // A caller that went away needs no answer.
                drop(answer.send(core.answer(&request, clock.now().unix_seconds())));
            }
        });
        Self(Way::Task(asks))
    }

    /// A client of a signer process behind an authenticated channel.
    #[must_use]
    pub fn over(channel: Channel) -> Self {
        Self(Way::Process(Stub::new(channel)))
    }

    /// The court's seal over an order and its approvals.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_order(
        &self,
        order: Order,
        approvals: Vec<Approval>,
        part: PrivatePart,
    ) -> Result<Signature, SignerError> {
        self.ask(SealRequest::Order(Box::new(order), approvals, Box::new(part))).await
    }

    /// The recipient's seal over a receipt.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_delivery(&self, delivery: Delivery) -> Result<Signature, SignerError> {
        self.ask(SealRequest::Delivery(delivery)).await
    }

    /// The institution's seal over a decision.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_decision(&self, decision: Decision) -> Result<Signature, SignerError> {
        self.ask(SealRequest::Decision(decision)).await
    }

    /// The institution's seal over an objection.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_objection(&self, objection: Objection) -> Result<Signature, SignerError> {
        self.ask(SealRequest::Objection(objection)).await
    }

    /// The institution's seal over records.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_records(&self, batch: RecordBatch) -> Result<Signature, SignerError> {
        self.ask(SealRequest::Records(batch)).await
    }

    /// The institution's seal over assets.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_assets(&self, batch: AssetBatch) -> Result<Signature, SignerError> {
        self.ask(SealRequest::Assets(batch)).await
    }

    /// The holder's seal over a receipt for a delivered record.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_record_receipt(&self, receipt: RecordReceipt) -> Result<Signature, SignerError> {
        self.ask(SealRequest::RecordReceipt(receipt)).await
    }

    /// The court's seal over a deed about an agreement and its approval.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_deed(&self, deed: Deed, approval: Approval) -> Result<Signature, SignerError> {
        self.ask(SealRequest::Deed(Box::new(deed), approval)).await
    }

    /// The keeper's seal over its log's head.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_log_head(&self, head: LogHead) -> Result<Signature, SignerError> {
        self.ask(SealRequest::LogHead(head)).await
    }

    /// The institution's seal over a batch of deposits.
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn seal_deposits(&self, batch: DepositBatch) -> Result<Signature, SignerError> {
        self.ask(SealRequest::Deposits(batch)).await
    }

    /// The signature of the log's key over the checkpoint of a head, and that key (Ed25519).
    ///
    /// # Errors
    /// [`SignerError::Refused`] where a check of the signer fails.
    pub async fn sign_checkpoint(&self, head: LogHead) -> Result<([u8; 64], [u8; 32]), SignerError> {
        let sealed = self.sealed(SealRequest::Checkpoint(head)).await?;
        let key = sealed.log_key.ok_or_else(|| SignerError::Unavailable("it says no key of the log".into()))?;
        Ok((sealed.signature.bytes, key))
    }

    async fn ask(&self, request: SealRequest) -> Result<Signature, SignerError> {
        Ok(self.sealed(request).await?.signature)
    }

    async fn sealed(&self, request: SealRequest) -> Result<Sealed, SignerError> {
        match &self.0 {
            Way::Task(asks) => {
                let ended = |_| SignerError::Unavailable("its task has ended".into());
                let (answer, answered) = oneshot::channel();
                asks.send((request, answer)).await.map_err(|_| ended(()))?;
                let outcome = answered.await.map_err(|_| ended(()))?;
                outcome.map_err(|refusal| SignerError::Refused {
                    code: refusal.code().into(),
                    message: refusal.to_string(),
                })
            }
            Way::Process(stub) => over_the_wire(stub.clone(), request).await,
        }
    }
}

async fn over_the_wire(mut stub: Stub<Channel>, request: SealRequest) -> Result<Sealed, SignerError> {
    let response = match &request {
        SealRequest::Order(order, approvals, part) => {
            stub.seal_order(SealOrderRequest {
                order: encode(order.as_ref()),
                approvals: encode(approvals),
                private_part: encode(part.as_ref()),
            })
            .await
        }
        SealRequest::Delivery(value) => stub.seal_delivery(bytes(value)).await,
        SealRequest::Decision(value) => stub.seal_decision(bytes(value)).await,
        SealRequest::Objection(value) => stub.seal_objection(bytes(value)).await,
        SealRequest::Records(value) => stub.seal_records(bytes(value)).await,
        SealRequest::Assets(value) => stub.seal_assets(bytes(value)).await,
        SealRequest::RecordReceipt(value) => stub.seal_record_receipt(bytes(value)).await,
        SealRequest::Deed(deed, approval) => {
            stub.seal_deed(SealDeedRequest { deed: encode(deed.as_ref()), approval: encode(approval) }).await
        }
        SealRequest::LogHead(value) => stub.seal_log_head(bytes(value)).await,
        SealRequest::Checkpoint(value) => stub.sign_checkpoint(bytes(value)).await,
        SealRequest::Deposits(value) => stub.seal_deposits(bytes(value)).await,
    };
    let SealResponse { seal, log_key } = response.map_err(|status| blame(&status))?.into_inner();
    let signature = comity_model::decode("seal", &seal);
    let signature = signature.map_err(|malformed| SignerError::Unavailable(malformed.to_string()))?;
    Ok(Sealed { signature, log_key: log_key.try_into().ok() })
}

fn bytes<T: borsh::BorshSerialize>(value: &T) -> SealBytesRequest {
    SealBytesRequest { value: encode(value) }
}

/// A refusal carries the signer's reason code; everything else is the way there.
fn blame(status: &tonic::Status) -> SignerError {
    match status.get_details_error_info() {
        Some(info) if info.reason == Reason::SignerRefused.as_str() => {
            let code = info.metadata.get("signer_reason").cloned().unwrap_or(info.reason);
            SignerError::Refused { code, message: status.message().into() }
        }
        _ => SignerError::Unavailable(status.message().into()),
    }
}
