#![allow(clippy::unwrap_used)]
use super::*;
use crate::home::{Home, Plan};
use crate::init;
use comity_model::seal::Suites;
use comity_model::{Hash, Height};
use comity_verify::light::Anchor;

/// A home with a configuration as `comity init` writes it.
pub(crate) fn home(folder: &Path) -> PathBuf {
    let plan = Plan {
        institution: "court".parse().unwrap(),
        kind: MemberKind::Court,
        chain: "court-1".parse().unwrap(),
        names: vec!["法院".into()],
        sectors: Vec::new(),
        officers: vec!["J-1001".parse().unwrap()],
        grpc: "127.0.0.1:0".parse().unwrap(),
        suite: comity_model::seal::Suite::Ed25519Sha256,
    };
    let home = Home::create(&folder.join("court"), plan, crate::clock::now()).unwrap();
    home.create_chain(&[&home], Vec::new(), crate::clock::now()).unwrap();
    let anchor = AnchorFile {
        member: home.plan.institution.clone(),
        kind: home.plan.kind,
        gateway: "127.0.0.1:7101".into(),
        authority_pem: home.authority_pem.clone(),
        anchor: Anchor {
            chain_id: home.plan.chain.clone(),
            height: Height(1),
            header_hash: Hash([1; 32]),
            validators_hash: Hash([2; 32]),
            trusting_period_secs: 1,
            clock_drift_secs: 1,
            operators: 1,
            suites: Suites::NATIVE,
        },
    };
    let engine = init::engine_config(&home, "127.0.0.1:0".parse().unwrap());
    let config = init::config(&home, anchor, Some(engine), "127.0.0.1:7103".parse().unwrap());
    init::write(&home, &config).unwrap();
    home.dir.join("comity.toml")
}

fn change(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in\n{text}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_init_writes_reads_back_with_its_officers_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::read(&home(folder.path())).unwrap();
    assert_eq!(config.institution.as_str(), "court");
    assert_eq!(config.signer.officers[0].id.as_str(), "J-1001");
    let officer = crate::keys::Seed::read(&folder.path().join("court/keys/officer-J-1001.key")).unwrap();
    assert_eq!(config.signer.officers[0].key, officer.public_key());
    assert!(config.engine.unwrap().validators.iter().all(|path| path.is_file()));
    assert!(config.keys.operator.is_file() && config.signer.key.is_file() && config.tls.certificate.is_file());
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = home(folder.path());
    change(&path, "[tls]", "[tls]\nverify_nothing = true");
    let refused = Config::read(&path).unwrap_err();
    assert!(refused.to_string().contains("verify_nothing"), "{refused}");
    assert_eq!(refused.exit(), crate::failure::Exit::Usage);
}

#[test]
fn values_that_cannot_be_right_are_refused_before_anything_is_opened() {
    for (from, to, says) in [
        ("kind = \"court\"", "kind = \"tribunal\"", "kind"),
        ("id = \"court-1\"", "id = \"court-9\"", "court-9"),
        ("heartbeat_s = 5", "heartbeat_s = 0", "heartbeat_s"),
        ("[engine]\n", "[engine]\nlisten = \"0.0.0.0:1\"\n#", "duplicate"),
        ("grpc = \"127.0.0.1:0\"", "grpc = \"nowhere\"", "listen.grpc"),
        ("key = \"keys/seal.key\"", "", "key"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = home(folder.path());
        change(&path, from, to);
        let refused = Config::read(&path).unwrap_err().to_string();
        assert!(refused.contains(says), "{from} -> {to}: {refused}");
    }
}

#[test]
fn an_rpc_without_authentication_stays_on_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let path = home(folder.path());
    change(&path, "listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:7102\"");
    assert!(Config::read(&path).unwrap_err().to_string().contains("loopback"));
}

#[test]
fn a_peer_stands_once_and_names_both_clients_or_none() {
    for (peers, says) in [
        ("[[peers]]\nanchor = \"court.anchor\"\n", "twice"),
        ("[[peers]]\nanchor = \"court.anchor\"\nclient = \"client-x\"\n", "together"),
        ("[[peers]]\nanchor = \"nowhere.anchor\"\n", "nowhere.anchor"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = home(folder.path());
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}\n{peers}")).unwrap();
        let refused = Config::read(&path).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}
