//! The API of Comity: the types generated from the `.proto` files beside this crate. No logic lives here; conversion
//! to domain types is done at the edge, in the gateway and in the program.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::large_enum_variant)]

/// Generated from `comity/v1/*.proto` and `comity/adapter/v1/*.proto`.
pub mod comity {
    pub mod adapter {
        pub mod v1 {
            tonic::include_proto!("comity.adapter.v1");
        }
    }
    pub mod v1 {
        tonic::include_proto!("comity.v1");
    }
}

/// Generated from the restated `google` files.
pub mod google {
    pub mod longrunning {
        tonic::include_proto!("google.longrunning");
    }
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

pub use comity::v1;

/// The encoded file descriptor set of all services, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
