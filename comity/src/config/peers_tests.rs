#![allow(clippy::unwrap_used)]
use super::*;
use crate::config::tests::home;

fn finance(folder: &Path) -> AnchorFile {
    let court = crate::anchor::read(&folder.join("court/court.anchor")).unwrap();
    let mut finance = AnchorFile { member: "finance".parse().unwrap(), ..court };
    finance.anchor.chain_id = "finance-1".parse().unwrap();
    finance
}

fn clients() -> (ClientId, ClientId) {
    ("client-finance-1".parse().unwrap(), "client-court-1".parse().unwrap())
}

#[test]
fn a_peer_is_entered_once_and_every_comment_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = home(folder.path());
    let before = std::fs::read_to_string(&path).unwrap();
    let (here, there) = clients();
    let mut anchor = finance(folder.path());

    assert_eq!(enter(&path, &anchor, &here, &there).unwrap(), Entered::Changed);
    let after = std::fs::read_to_string(&path).unwrap();
    let comments =
        |text: &str| text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(comments(&after), comments(&before));
    assert!(after.starts_with(before.trim_end()), "what stood before stands before it:\n{after}");
    let config = Config::read(&path).unwrap();
    assert!(stands(&config.peers[0], &anchor, &here, &there));

    assert_eq!(enter(&path, &anchor, &here, &there).unwrap(), Entered::Unchanged);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), after);

    // A second one goes behind it; a moved first one is changed where it stands.
    let other = AnchorFile { member: "credit".parse().unwrap(), ..finance(folder.path()) };
    assert_eq!(enter(&path, &other, &"client-credit-1".parse().unwrap(), &there).unwrap(), Entered::Changed);
    anchor.gateway = "10.0.0.7:7101".into();
    assert_eq!(enter(&path, &anchor, &here, &there).unwrap(), Entered::Changed);
    let config = Config::read(&path).unwrap();
    let members: Vec<_> = config.peers.iter().map(|peer| peer.anchor.member.as_str()).collect();
    assert_eq!(members, ["finance", "credit"]);
    assert_eq!(config.peers[0].anchor.gateway, "10.0.0.7:7101");
}

#[test]
fn a_peer_that_was_entered_by_hand_is_found_by_its_anchor_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = home(folder.path());
    let (here, there) = clients();
    let anchor = finance(folder.path());
    let by_hand = "\n[[peers]] # the bank\nanchor = \"../bank.anchor\"\n";
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{before}{by_hand}")).unwrap();
    std::fs::write(folder.path().join("bank.anchor"), anchor.text()).unwrap();
    assert_eq!(enter(&path, &anchor, &here, &there).unwrap(), Entered::Changed);
    let config = Config::read(&path).unwrap();
    assert_eq!(config.peers.len(), 1);
    assert!(stands(&config.peers[0], &anchor, &here, &there));
    assert!(std::fs::read_to_string(&path).unwrap().contains("# the bank"));
}

#[test]
fn a_file_that_would_not_be_accepted_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = home(folder.path());
    let (here, there) = clients();
    let good = std::fs::read_to_string(&path).unwrap();
    for (broken, says) in [
        (good.replace("[tls]", "[tls]\nverify_nothing = true"), "verify_nothing"),
        (format!("{good}\n]"), "is not TOML"),
        (format!("peers = [1]\n{good}"), "[[peers]]"),
    ] {
        std::fs::write(&path, &broken).unwrap();
        let refused = enter(&path, &finance(folder.path()), &here, &there).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
    }
    // An institution is no peer of its own.
    std::fs::write(&path, &good).unwrap();
    let own = crate::anchor::read(&folder.path().join("court/court.anchor")).unwrap();
    assert!(enter(&path, &own, &here, &there).unwrap_err().to_string().contains("twice"));
    let left: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".comity")), "{left:?}");
}
