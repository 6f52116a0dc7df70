//! The API as REST with JSON: the same methods behind the same layers, reached by the HTTP rules of their descriptors
//! (AIP-127). A request is turned into its message and goes the way of every gRPC call; nothing is decided here.
//! It refuses to know services: a method that a `.proto` file adds is served without a line of code.

mod call;
mod fault;
mod message;
mod openapi;
mod routes;
mod serve;
#[cfg(test)]
mod tests;

pub use openapi::document as openapi;
pub(crate) use serve::{Api, Rest};

use prost_reflect::{DescriptorError, DescriptorPool};

/// The path at which the API's description is served.
pub const OPENAPI_PATH: &str = "/openapi.json";

/// A descriptor that cannot be served: a mistake in a `.proto` file, found when the gateway starts.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The descriptors cannot be read.
    #[error("the API's descriptors cannot be read")]
    Descriptors(#[source] DescriptorError),
    /// An HTTP rule is not of the form that is served.
    #[error("the HTTP rule of {method} cannot be served: {problem}")]
    Rule {
        /// Full name of the method.
        method: String,
        /// What is wrong with it.
        problem: String,
    },
}

fn pool() -> Result<DescriptorPool, RestError> {
    DescriptorPool::decode(comity_proto::DESCRIPTORS).map_err(RestError::Descriptors)
}
