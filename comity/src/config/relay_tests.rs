#![allow(clippy::unwrap_used)]
use super::*;
use crate::config::tests::home;

fn metrics() -> SocketAddr {
    "127.0.0.1:7904".parse().unwrap()
}

/// Chains named after their institutions, all with the court's operator key.
fn chains(folder: &Path, names: &[&str]) -> Vec<NewChain> {
    let anchor = crate::anchor::read(&folder.join("court/court.anchor")).unwrap();
    let chain = |name: &&str| {
        let mut file = AnchorFile { member: name.parse().unwrap(), ..anchor.clone() };
        file.anchor.chain_id = format!("{name}-1").parse().unwrap();
        let path = folder.join(format!("{name}.anchor"));
        std::fs::write(&path, file.text()).unwrap();
        NewChain {
            anchor: path,
            rpc: format!("http://127.0.0.1:7102/{name}"),
            operator: folder.join("court/keys/relayer.key"),
        }
    };
    names.iter().map(chain).collect()
}

/// Enters chains of which none is reached through a program.
fn entered(path: &Path, chains: &[NewChain]) -> Entered {
    let (entered, by_adapter) = enter(path, chains, metrics()).unwrap();
    assert_eq!(by_adapter, []);
    entered
}

#[test]
fn a_relayers_file_is_made_extended_and_left_alone_when_it_says_so_already() {
    let folder = tempfile::tempdir().unwrap();
    home(folder.path());
    let path = folder.path().join("relayer/relay.toml");
    let first = chains(folder.path(), &["court", "finance"]);
    assert_eq!(entered(&path, &first), Entered::Changed);
    let config = RelayConfig::read(&path).unwrap();
    assert_eq!((config.chains.len(), config.pairs.len()), (2, 1));
    assert_eq!(config.metrics, Some(metrics()));
    assert_eq!(config.pairs[0].a, ("court-1".parse().unwrap(), "client-finance-1".parse().unwrap()));
    assert!(config.chains[0].operator.is_file() && config.chains[1].reach.name().ends_with("/finance"));

    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(entered(&path, &first), Entered::Unchanged);
    let turned = chains(folder.path(), &["finance", "court"]);
    assert_eq!(entered(&path, &turned), Entered::Unchanged, "a pair has no direction");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    std::fs::write(&path, text.replace("[[pairs]]", "# the bank\n[[pairs]]")).unwrap();
    let more = chains(folder.path(), &["court", "property", "credit"]);
    assert_eq!(entered(&path, &more), Entered::Changed);
    let config = RelayConfig::read(&path).unwrap();
    assert_eq!((config.chains.len(), config.pairs.len()), (4, 3));
    assert!(std::fs::read_to_string(&path).unwrap().contains("# the bank"));
}

#[test]
fn a_relayers_file_that_would_not_be_accepted_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    home(folder.path());
    let path = folder.path().join("relay.toml");
    let same = chains(folder.path(), &["court", "court"]);
    assert!(enter(&path, &same, metrics()).unwrap_err().to_string().contains("itself"));
    assert!(!path.exists());
    let mut keyless = chains(folder.path(), &["court", "finance"]);
    keyless[1].operator = folder.path().join("nowhere.key");
    assert!(enter(&path, &keyless, metrics()).unwrap_err().to_string().contains("nowhere.key"));
    assert!(!path.exists());
}

#[test]
fn witnesses_of_a_chain_are_read_and_none_is_the_node_that_they_watch() {
    let folder = tempfile::tempdir().unwrap();
    home(folder.path());
    let path = folder.path().join("relay.toml");
    enter(&path, &chains(folder.path(), &["court", "finance"]), metrics()).unwrap();
    assert!(RelayConfig::read(&path).unwrap().chains.iter().all(|chain| chain.witnesses.is_empty()));
    let text = std::fs::read_to_string(&path).unwrap();
    let with = |list: &str| {
        let line = "rpc = \"http://127.0.0.1:7102/finance\"";
        assert!(text.contains(line), "{text}");
        std::fs::write(&path, text.replace(line, &format!("{line}\nwitnesses = {list}"))).unwrap();
        RelayConfig::read(&path)
    };
    let read = with("[\"http://10.0.0.2:26657\", \"http://10.0.0.3:26657\"]").unwrap();
    assert_eq!(read.chains[1].witnesses.len(), 2);
    assert!(read.chains[0].witnesses.is_empty());
    assert!(with("[\"http://127.0.0.1:7102/finance\"]").unwrap_err().to_string().contains("witnesses"));
    let nine = ["\"http://10.0.0.2:26657\""; 9].join(", ");
    assert!(with(&format!("[{nine}]")).unwrap_err().to_string().contains("at most 8"));
}

#[test]
fn a_chain_that_is_reached_through_a_program_stays_so_when_a_pair_is_entered() {
    let folder = tempfile::tempdir().unwrap();
    home(folder.path());
    let path = folder.path().join("relay.toml");
    enter(&path, &chains(folder.path(), &["court", "finance"]), metrics()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let (rpc, adapter) = ("rpc = \"http://127.0.0.1:7102/finance\"", "adapter = { command = [\"go-comet\"] }");
    assert!(text.contains(rpc), "{text}");
    let text = text.replace(rpc, adapter);
    std::fs::write(&path, &text).unwrap();

    let finance: ChainId = "finance-1".parse().unwrap();
    let again = enter(&path, &chains(folder.path(), &["court", "finance"]), metrics()).unwrap();
    assert_eq!(again, (Entered::Unchanged, vec![finance.clone()]));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let more = enter(&path, &chains(folder.path(), &["finance", "credit"]), metrics()).unwrap();
    assert_eq!(more, (Entered::Changed, vec![finance]));
    let config = RelayConfig::read(&path).unwrap();
    assert_eq!((config.chains.len(), config.pairs.len()), (3, 2));
    assert!(matches!(&config.chains[1].reach, Reach::Program(_)), "{:?}", config.chains[1]);

    std::fs::write(&path, text.replace(adapter, &format!("{adapter}\n{rpc}"))).unwrap();
    assert!(RelayConfig::read(&path).unwrap_err().to_string().contains("either an rpc or an adapter"));
}
