//! Compiles the `.proto` files with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "comity/v1/proof.proto",
        "comity/v1/rows.proto",
        "comity/v1/records.proto",
        "comity/v1/assets.proto",
        "comity/v1/credentials.proto",
        "comity/v1/orders.proto",
        "comity/v1/obligations.proto",
        "comity/v1/agreements.proto",
        "comity/v1/triggers.proto",
        "comity/v1/members.proto",
        "comity/v1/chains.proto",
        "comity/v1/exchange.proto",
        "comity/v1/institution.proto",
        "comity/v1/holdings.proto",
        "comity/v1/investigations.proto",
        "comity/v1/accesses.proto",
        "comity/v1/signer.proto",
        "comity/v1/deposits.proto",
        "google/longrunning/operations.proto",
        "google/rpc/status.proto",
        "google/rpc/error_details.proto",
        "google/api/http.proto",
        "google/api/annotations.proto",
    ];
    // The protocol of adapters is no part of the gateway's API, and not in its descriptors.
    let adapter = "comity/adapter/v1/adapter.proto";
    for file in files.into_iter().chain([adapter]) {
        println!("cargo::rerun-if-changed={file}");
    }
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    // Encoded by protox itself: through prost's types, which know no options but the standard ones, the HTTP rules
    // would be lost.
    let encoded = compiler.encode_file_descriptor_set();
    let descriptors = compiler.file_descriptor_set();
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), encoded)?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    tonic_prost_build::configure().compile_fds(protox::compile([adapter], ["."])?)?;
    Ok(())
}
