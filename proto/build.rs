//! Compiles the `.proto` files with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "comity/v1/proof.proto",
        "comity/v1/rows.proto",
        "comity/v1/records.proto",
        "comity/v1/assets.proto",
        "comity/v1/credentials.proto",
        "comity/v1/orders.proto",
        "comity/v1/members.proto",
        "comity/v1/chains.proto",
        "comity/v1/exchange.proto",
        "comity/v1/institution.proto",
        "comity/v1/signer.proto",
        "google/longrunning/operations.proto",
        "google/rpc/status.proto",
    ];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
