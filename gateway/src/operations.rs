//! The service `google.longrunning.Operations`: an order on its way is an operation of the same id; it is done when the
//! order is answered, and its response is the order.
//! It refuses to know anything but orders.

use crate::convert_order as convert;
use crate::error::{ApiError, Reason};
use crate::orders::{Desk, DeskError, StoredOrder};
use crate::policy::{Permit, Policy, ReadOrder};
use crate::server::caller;
use comity_proto::google::longrunning::operations_server::Operations;
use comity_proto::google::longrunning::{
    GetOperationRequest, Operation, WaitOperationRequest, operation::Result as Done,
};
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};

/// The longest that one call waits.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The type of metadata and response.
const ORDER_TYPE: &str = "type.googleapis.com/comity.v1.Order";

/// The service.
#[derive(Clone)]
pub struct OperationsService {
    desk: Arc<Desk>,
    policy: Arc<Policy>,
    operators: convert::Operators,
}

impl OperationsService {
    /// The service over `desk`.
    #[must_use]
    pub(crate) const fn new(desk: Arc<Desk>, policy: Arc<Policy>, operators: convert::Operators) -> Self {
        Self { desk, policy, operators }
    }

    fn permit<T>(&self, request: &Request<T>) -> Result<Permit<ReadOrder>, ApiError> {
        self.policy.permit::<ReadOrder>(&caller(request)?)
    }

    async fn get(&self, _permit: &Permit<ReadOrder>, name: &str) -> Result<Operation, ApiError> {
        let order = self.desk.read(&convert::operation_name(name)?).await.map_err(unknown)?;
        Ok(operation(&order, &self.operators))
    }

    async fn wait(&self, _permit: &Permit<ReadOrder>, request: &WaitOperationRequest) -> Result<Operation, ApiError> {
        let id = convert::operation_name(&request.name)?;
        let wait = match &request.timeout {
            None => WAIT_MAX,
            Some(timeout) => Duration::try_from(*timeout)
                .map_err(|_| ApiError::argument("timeout", "The timeout is not negative."))?
                .min(WAIT_MAX),
        };
        let order = self.desk.answered(&id, tokio::time::Instant::now() + wait).await.map_err(unknown)?;
        Ok(operation(&order, &self.operators))
    }
}

/// The operation of an order as it stands: its metadata is the order, and once it is done so is its response.
pub(crate) fn operation(order: &StoredOrder, operators: &convert::Operators) -> Operation {
    let any = prost_types::Any { type_url: ORDER_TYPE.into(), value: convert::order(order, operators).encode_to_vec() };
    let done = order.state.is_answered();
    Operation {
        name: format!("operations/{}", order.order.id),
        metadata: Some(any.clone()),
        done,
        result: done.then_some(Done::Response(any)),
    }
}

fn unknown(error: DeskError) -> ApiError {
    match error {
        DeskError::NotFound => ApiError::new(Reason::UnknownOperation, "There is no such operation."),
        error => error.into(),
    }
}

#[tonic::async_trait]
impl Operations for OperationsService {
    async fn get_operation(&self, request: Request<GetOperationRequest>) -> Result<Response<Operation>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.get(&permit, &request.get_ref().name).await?))
    }

    async fn wait_operation(&self, request: Request<WaitOperationRequest>) -> Result<Response<Operation>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.wait(&permit, request.get_ref()).await?))
    }
}
