#![allow(clippy::unwrap_used)]
use super::*;
use crate::governance::anchor_block;
use crate::home::{Home, Plan};
use crate::init;
use comity_adapters_comet::{CometChain, CometConfig};
use comity_model::member::MemberKind;
use comity_model::state::StatePath;
use comity_model::{Height, RecordId, Sector};
use comity_verify::bundle::{Claim, Link};
use comity_verify::light::{self, LightStep};

/// A ledger of a fresh court, its anchor file, and a bundle that proves that a judgment does not exist there.
async fn bundle() -> (AnchorFile, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        institution: "court".parse().unwrap(),
        kind: MemberKind::Court,
        chain: "court-1".parse().unwrap(),
        names: vec!["法院".into()],
        sectors: vec!["judgments".parse().unwrap()],
        officers: Vec::new(),
        grpc: "127.0.0.1:7101".parse().unwrap(),
        suite: comity_model::seal::Suite::Ed25519Sha256,
    };
    let home = Home::create(&folder.path().join("court"), plan, clock::now()).unwrap();
    let profiles = init::profiles(&home.plan.sectors, &home.plan.institution).unwrap();
    home.create_chain(&[&home], profiles, clock::now()).unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let engine = crate::ledger::start(&init::engine_config(&home, listen), listen).await.unwrap();
    let anchor = init::anchor(&home, &engine).await.unwrap();
    engine.handle().ask_for_block();
    let rpc = format!("http://{}", engine.rpc_addr());
    let chain = CometChain::connect(CometConfig::new(rpc, home.plan.chain.clone())).await.unwrap();
    let height = Height(2);
    while chain.headers.latest().await.unwrap() < height {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (trusted, first) = anchor_block(&anchor.anchor, &chain.headers).await.unwrap();
    let step = LightStep { trusted_next: None, block: chain.headers.light_block(height).await.unwrap() };
    let (sector, id): (Sector, RecordId) = ("judgments".parse().unwrap(), "(2025)浙01民终1号".parse().unwrap());
    let proof = chain.prover.prove(&StatePath::Record(sector.clone(), id.clone()), height).await.unwrap();
    let bundle = Bundle {
        anchor: first.header,
        link: Link::Forward { steps: vec![light::trim(&trusted, &step)] },
        claim: Claim::Absence { sector, id },
        proof: proof.proof,
    };
    engine.stop().await.unwrap();
    (anchor, bundle.encode())
}

fn args(folder: &std::path::Path, bytes: &[u8], anchor: &AnchorFile) -> VerifyArgs {
    let (bundle, anchor_path) = (folder.join("b.comity"), folder.join("court.anchor"));
    files::save(&bundle, bytes).unwrap();
    files::save(&anchor_path, anchor.text()).unwrap();
    let lang = crate::cli::LanguageArg::En;
    VerifyArgs {
        bundle,
        anchor: vec![anchor_path],
        policy: None,
        tsa: None,
        retired: Vec::new(),
        file: None,
        lang,
        json: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_holds_and_is_refused_after_any_change_or_against_another_anchor() {
    let (anchor, bytes) = bundle().await;
    let folder = tempfile::tempdir().unwrap();
    run(&args(folder.path(), &bytes, &anchor)).unwrap();

    for index in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[index] ^= 1;
        assert!(check(&changed, &anchor.anchor, None, clock::now()).is_err(), "byte {index}");
    }

    let mut changed = bytes.clone();
    changed.push(0);
    let failure = run(&args(folder.path(), &changed, &anchor)).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (crate::failure::Exit::Refused, "BUNDLE_ENCODING"));

    let mut other = anchor.clone();
    other.anchor.header_hash.0[0] ^= 1;
    let failure = run(&args(folder.path(), &bytes, &other)).unwrap_err();
    assert_eq!((failure.exit(), failure.code()), (crate::failure::Exit::Refused, "ANCHOR"));
}
