//! Layers around all services, one folder each.

pub(crate) mod admission;
pub(crate) mod measure;
pub(crate) mod reasons;
