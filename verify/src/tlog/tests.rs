use super::*;
use crate::merkle::{Frontier, Node, Nodes, TreeHead, inclusion, leaf_hash, root};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use comity_model::UnixSeconds;
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;

const ORIGIN: &str = "court.example/deposits";
const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

struct Key {
    secret: SigningKey,
    public: NoteKey,
}

fn log_key(seed: u8) -> Key {
    let secret = SigningKey::from_bytes(&[seed; 32]);
    let public = NoteKey::log(ORIGIN, secret.verifying_key().to_bytes()).expect("a key");
    Key { secret, public }
}

fn witness(seed: u8) -> Key {
    let secret = SigningKey::from_bytes(&[seed; 32]);
    let name = format!("witness{seed}.example");
    let public = NoteKey::witness(&name, secret.verifying_key().to_bytes()).expect("a key");
    Key { secret, public }
}

impl Key {
    /// A line under a text.
    fn line(&self, signature: &[u8]) -> String {
        let id = self.public.to_string();
        let id = u32::from_str_radix(id.split('+').nth(1).expect("an id"), 16).expect("hex");
        let bytes = [&id.to_be_bytes(), signature].concat();
        format!("\u{2014} {} {}\n", self.public.name(), to_base64(&bytes))
    }

    fn signs(&self, text: &str) -> String {
        self.line(&self.secret.sign(text.as_bytes()).to_bytes())
    }

    fn cosigns(&self, text: &str, at: UnixSeconds) -> String {
        let signature = self.secret.sign(Checkpoint::cosigned_message(text, at).as_bytes()).to_bytes();
        self.line(&[&at.0.to_be_bytes()[..], &signature].concat())
    }
}

/// A log of some entries, with the checkpoint of all of them.
fn entries(count: u8) -> (Vec<Vec<u8>>, TreeHead) {
    let entries: Vec<Vec<u8>> = (0..count).map(|number| vec![number; 3]).collect();
    let head = TreeHead { size: count.into(), root: root(&entries) };
    (entries, head)
}

fn trust(witnesses: &[&Key], wanted: usize) -> Trust {
    Trust {
        origin: ORIGIN.into(),
        log: vec![log_key(1).public],
        witnesses: witnesses.iter().map(|key| key.public.clone()).collect(),
        quorum: if wanted == 0 { Quorum::none() } else { Quorum::of(wanted, witnesses.len()) },
    }
}

fn code<T>(judged: Result<T, Refusal>) -> &'static str {
    judged.err().map_or("accepted", |refusal| refusal.code())
}

/// A published key, and its id as its owner states it.
#[test]
fn a_key_s_id_is_computed_from_name_type_and_key_and_it_reads_back() {
    let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let key = NoteKey::parse(text).expect("a key");
    assert_eq!((key.name(), key.is_witness(), key.to_string().as_str()), ("sum.golang.org", false, text));
    for other in [
        "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.org+033DE0AE+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.org+033de0ae+As4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.org+033de0ae",
    ] {
        assert_eq!(code(NoteKey::parse(other)), "LOG_FORMAT", "{other}");
    }
    let witness = witness(7).public;
    assert_eq!(NoteKey::parse(&witness.to_string()).expect("a key"), witness);
    assert!(NoteKey::log("a b", [1; 32]).is_err() && NoteKey::log("", [1; 32]).is_err());
}

#[test]
fn a_checkpoint_is_believed_when_its_log_and_enough_witnesses_signed_it() {
    let (log, one, two, stranger) = (log_key(1), witness(2), witness(3), witness(4));
    let text = Checkpoint::text(ORIGIN, &entries(5).1).expect("a text");
    let early = UnixSeconds(NOW.0 - 60);
    let note = format!(
        "{text}\n{}{}{}{}",
        log.signs(&text),
        stranger.cosigns(&text, early),
        one.cosigns(&text, early),
        two.cosigns(&text, NOW)
    );
    let found = Checkpoint::verify(note.as_bytes(), &trust(&[&one, &two], 2), NOW).expect("a checkpoint");
    assert_eq!((found.origin(), *found.head()), (ORIGIN, entries(5).1));
    assert_eq!(found.witnessed()[0], Witnessed { name: "witness2.example".into(), at: early });
    assert_eq!(found.witnessed().len(), 2);

    // Whom the reader does not know counts for nothing; who is listed or stands there twice counts once; the future does not.
    assert_eq!(code(Checkpoint::verify(note.as_bytes(), &trust(&[&one], 2), NOW)), "LOG_WITNESSES");
    assert_eq!(code(Checkpoint::verify(note.as_bytes(), &trust(&[&one, &one], 2), NOW)), "LOG_WITNESSES");
    assert_eq!(code(Checkpoint::verify(note.as_bytes(), &trust(&[&one, &two], 2), early)), "LOG_WITNESSES");
    let twice = format!("{text}\n{}{}{}", log.signs(&text), one.cosigns(&text, early), one.cosigns(&text, early));
    assert_eq!(code(Checkpoint::verify(twice.as_bytes(), &trust(&[&one, &two], 2), NOW)), "LOG_WITNESSES");
    let alias = NoteKey::witness("alias.example", one.secret.verifying_key().to_bytes()).expect("a key");
    let alias = Key { secret: one.secret.clone(), public: alias };
    let aliased = format!("{text}\n{}{}{}", log.signs(&text), one.cosigns(&text, early), alias.cosigns(&text, early));
    assert_eq!(code(Checkpoint::verify(aliased.as_bytes(), &trust(&[&one, &alias], 2), NOW)), "LOG_WITNESSES");
    // A log's key is no witness, and a witness's no log's.
    let confused = Trust { witnesses: vec![log.public.clone()], quorum: Quorum::of(1, 1), ..trust(&[], 0) };
    assert_eq!(code(Checkpoint::verify(note.as_bytes(), &confused, NOW)), "LOG_WITNESSES");
    let confused = Trust { log: vec![one.public.clone()], ..trust(&[], 0) };
    assert_eq!(code(Checkpoint::verify(note.as_bytes(), &confused, NOW)), "LOG_SIGNATURE");
}

#[test]
fn a_policy_says_which_witnesses_of_which_groups_are_enough() {
    let (log, keys) = (log_key(1), [2, 3, 4, 5].map(witness));
    let witnesses: String =
        keys.iter().enumerate().map(|(number, key)| format!("witness w{number} {}\n", key.public)).collect();
    let text = format!(
        "# whom we want\n\n log\t{} https://court.example/log \n{witnesses}\
         group banks 2 w0 w1 w2\ngroup both all banks w3\nquorum both\n",
        log.public
    );
    let policy = Policy::parse(text.as_bytes()).expect("a policy");
    assert_eq!((policy.logs().len(), policy.witnesses().len(), policy.witnesses()[1].url.clone()), (1, 4, None));
    assert_eq!(policy.witnesses()[3].key, keys[3].public);
    let checkpoint = Checkpoint::text(ORIGIN, &entries(5).1).expect("a text");
    let judged = |by: &[usize]| {
        let lines: String = by.iter().map(|number| keys[*number].cosigns(&checkpoint, NOW)).collect();
        let note = format!("{checkpoint}\n{}{lines}", log.signs(&checkpoint));
        code(Checkpoint::verify(note.as_bytes(), &policy.trust(ORIGIN, Vec::new()), NOW))
    };
    assert_eq!(judged(&[0, 2, 3]), "accepted");
    assert_eq!(judged(&[0, 1, 2, 3]), "accepted");
    assert_eq!(judged(&[0, 1, 2]), "LOG_WITNESSES");
    assert_eq!(judged(&[0, 3]), "LOG_WITNESSES");
    assert_eq!(judged(&[]), "LOG_WITNESSES");
    // Another log's policy knows no key of this one.
    let note = format!("{checkpoint}\n{}", log.signs(&checkpoint));
    let elsewhere = policy.trust("court.example/other", Vec::new());
    assert_eq!(code(Checkpoint::verify(note.as_bytes(), &elsewhere, NOW)), "LOG_SIGNATURE");
    let open = Policy::parse(b"quorum none").expect("a policy");
    let known = open.trust(ORIGIN, vec![log.public.clone()]);
    assert_eq!(code(Checkpoint::verify(note.as_bytes(), &known, NOW)), "accepted");
}

#[test]
fn a_policy_that_could_be_read_in_two_ways_is_refused() {
    let (log, one, two) = (log_key(1).public, witness(2).public, witness(3).public);
    let alias = NoteKey::witness("alias.example", witness(2).secret.verifying_key().to_bytes()).expect("a key");
    let both = format!("witness a {one}\nwitness b {two}\n");
    let bad = [
        String::new(),
        both.clone(),
        format!("{both}quorum c\n"),
        format!("{both}quorum a\nquorum b\n"),
        format!("{both}quorum a b\n"),
        format!("witness a {one}\nwitness a {two}\nquorum a\n"),
        format!("witness a {one}\nwitness b {alias}\nquorum a\n"),
        format!("witness none {one}\nquorum none\n"),
        format!("witness a {log}\nquorum a\n"),
        format!("log {one}\nquorum none\n"),
        format!("log {log}\nlog {log}\nquorum none\n"),
        format!("{both}group g 3 a b\nquorum g\n"),
        format!("{both}group g 0 a b\nquorum g\n"),
        format!("{both}group g 01 a b\nquorum g\n"),
        format!("{both}group g all\nquorum g\n"),
        format!("{both}group g 1 a a\nquorum g\n"),
        format!("{both}group g any a\ngroup h any a b\nquorum h\n"),
        format!("{both}group g any g\nquorum g\n"),
        format!("quorum a\n{both}"),
        format!("{both}quorum\u{b}a\n"),
        format!("{both}quora a\n"),
    ];
    for text in bad {
        assert_eq!(code(Policy::parse(text.as_bytes())), "LOG_FORMAT", "{text:?}");
    }
}

#[test]
fn a_submission_reads_back_and_has_one_form() {
    let log = log_key(1);
    let text = Checkpoint::text(ORIGIN, &entries(5).1).expect("a text");
    let checkpoint = format!("{text}\n{}", log.signs(&text)).into_bytes();
    let submission = Submission { old: 3, proof: vec![Hash([1; 32]), Hash([2; 32])], checkpoint: checkpoint.clone() };
    let bytes = submission.encode();
    assert_eq!(Submission::decode(&bytes), Ok(submission.clone()));
    assert_eq!(submission.text().expect("a note"), text);
    let long = Submission { proof: vec![Hash([1; 32]); 64], ..submission };
    assert_eq!(code(Submission::decode(&long.encode())), "LOG_FORMAT");
    let body = String::from_utf8(bytes).expect("text");
    for changed in [
        body.replace("old 3", "old 03"),
        body.replace("old 3", "new 3"),
        body.replace("old 3\n", "old 3\nAA==\n"),
        "old 3\n".into(),
        String::new(),
    ] {
        assert_eq!(code(Submission::decode(changed.as_bytes())), "LOG_FORMAT", "{changed:?}");
    }
    assert_eq!((told_size(b"20\n"), told_size(b"20"), told_size(b"020\n")), (Some(20), None, None));
    assert_eq!(told_size(size_told(7).as_bytes()), Some(7));
}

#[test]
fn a_known_key_s_signature_that_does_not_hold_spoils_the_checkpoint_and_a_stranger_s_does_not() {
    let (log, one, other) = (log_key(1), witness(2), log_key(9));
    let text = Checkpoint::text(ORIGIN, &entries(5).1).expect("a text");
    let another = Checkpoint::text(ORIGIN, &entries(6).1).expect("a text");
    let trusting = trust(&[&one], 0);
    let judged =
        |lines: &[String]| code(Checkpoint::verify(format!("{text}\n{}", lines.concat()).as_bytes(), &trusting, NOW));
    assert_eq!(judged(&[log.signs(&text)]), "accepted");
    assert_eq!(judged(&[log.signs(&text), other.signs(&another)]), "accepted");
    assert_eq!(judged(&[other.signs(&text)]), "LOG_SIGNATURE");
    assert_eq!(judged(&[log.signs(&another)]), "LOG_SIGNATURE");
    assert_eq!(judged(&[log.signs(&text), log.signs(&another)]), "LOG_SIGNATURE");
    assert_eq!(judged(&[log.signs(&text), one.cosigns(&another, NOW)]), "LOG_SIGNATURE");
    assert_eq!(judged(&[log.signs(&text), one.signs(&text)]), "LOG_SIGNATURE", "a signature without its time");
    let elsewhere = Trust { origin: "court.example/other".into(), ..trusting.clone() };
    let note = format!("{text}\n{}", log.signs(&text));
    assert_eq!(code(Checkpoint::verify(note.as_bytes(), &elsewhere, NOW)), "LOG_SIGNATURE");
}

#[test]
fn what_is_not_of_the_form_is_refused_whoever_signed_it() {
    let log = log_key(1);
    let hash = to_base64(&[7; 32]);
    let judged = |text: &str| {
        let note = format!("{text}\n{}", log.signs(text));
        code(Checkpoint::verify(note.as_bytes(), &trust(&[], 0), NOW))
    };
    assert_eq!(judged(&format!("{ORIGIN}\n7\n{hash}\n")), "accepted");
    assert_eq!(judged(&format!("{ORIGIN}\n7\n{hash}\nan extension\n")), "accepted");
    let bad = [
        format!("{ORIGIN}\n07\n{hash}\n"),
        format!("{ORIGIN}\n+7\n{hash}\n"),
        format!("{ORIGIN}\n18446744073709551616\n{hash}\n"),
        format!("{ORIGIN}\n7\n{}\n", &hash[..43]),
        format!("{ORIGIN}\n7\n{}\n", to_base64(&[7; 31])),
        format!("{ORIGIN}\n0\n{hash}\n"),
        format!("{ORIGIN}\n7\n"),
        format!("{ORIGIN}\n7\n{hash}\n\nan extension\n"),
        format!("\n7\n{hash}\n"),
    ];
    for text in bad {
        assert_eq!(judged(&text), "LOG_FORMAT", "{text:?}");
    }
    let text = format!("{ORIGIN}\n7\n{hash}\n");
    let line = log.signs(&text);
    for note in [
        text.clone(),
        format!("{text}\n"),
        format!("{text}{line}"),
        format!("{text}\n{}", line.trim_end()),
        format!("{text}\n{line}and more\n"),
        format!("{text}\n{}", line.replace("\u{2014} ", "- ")),
        format!("{text}\n{}", line.replace(ORIGIN, "court.example/a+b")),
        format!("{text}\n{line}\u{2014} short AAAAAA==\n"),
        format!("{}\n{line}", text.replace('7', "\t7")),
        format!("{text}\n{}", line.repeat(65)),
    ] {
        assert_eq!(code(Checkpoint::verify(note.as_bytes(), &trust(&[], 0), NOW)), "LOG_FORMAT", "{note:?}");
    }
    assert_eq!(code(Checkpoint::verify(b"\xff\n\n", &trust(&[], 0), NOW)), "LOG_FORMAT");
}

/// The nodes of a tree by level and index.
#[derive(Default)]
struct Kept(BTreeMap<(u32, u64), Hash>);

impl Nodes for Kept {
    fn node(&self, level: u32, index: u64) -> Option<Hash> {
        self.0.get(&(level, index)).copied()
    }
}

fn kept(entries: &[Vec<u8>]) -> Kept {
    let (mut frontier, mut kept) = (Frontier::default(), Kept::default());
    for entry in entries {
        for Node { level, index, hash } in frontier.append(leaf_hash(entry)) {
            kept.0.insert((level, index), hash);
        }
    }
    kept
}

proptest! {
    #[test]
    fn an_entry_is_proven_at_its_place_under_its_log_s_checkpoint_and_nowhere_else(
        count in 1u8..40, place in any::<prop::sample::Index>(), extra in prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
        changed in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let (entries, head) = entries(count);
        let index = place.index(entries.len());
        let path = inclusion(index as u64, head.size, &kept(&entries)).expect("a path");
        let text = Checkpoint::text(ORIGIN, &head).expect("a text");
        let checkpoint = format!("{text}\n{}", log_key(1).signs(&text)).into_bytes();
        let proof = TlogProof { extra, index: index as u64, path, checkpoint };
        let bytes = proof.encode();
        prop_assert_eq!(&TlogProof::decode(&bytes).expect("a proof"), &proof);
        let trusting = trust(&[], 0);
        let logged = proof.verify(&entries[index], &trusting, NOW).expect("an entry");
        prop_assert_eq!((logged.index(), *logged.checkpoint().head()), (index as u64, head));
        prop_assert_eq!(code(proof.verify(b"another", &trusting, NOW)), "LOG_PROOF");

        // Any changed bit is refused, or changes what nobody signed or how base64's last bits are written: nothing.
        let mut other = bytes.clone();
        let at = changed.index(other.len());
        other[at] ^= 1 << bit;
        if let Ok(read) = TlogProof::decode(&other) {
            prop_assert_eq!(read.encode(), other, "a proof has one form");
            let same = TlogProof { extra: proof.extra.clone(), ..read.clone() } == proof;
            prop_assert!(same || read.verify(&entries[index], &trusting, NOW).is_err());
        }
    }

    #[test]
    fn a_tile_has_one_name(index in any::<u64>(), level in 0u8..64, width in 1u64..257) {
        let index = index >> (level % 60);
        for of in [TileOf::Level(0), TileOf::Entries] {
            let Some(size) = index.checked_mul(256).and_then(|before| before.checked_add(width)) else { continue };
            let tile = Tile::of_tree(of, index, size).expect("a tile");
            prop_assert_eq!(u64::from(tile.width()), width);
            prop_assert_eq!(Tile::parse(&tile.path()).expect("a tile"), tile);
        }
    }
}

/// The examples of the specification.
#[test]
fn tiles_lie_where_the_specification_says_and_are_as_wide() {
    let tile = Tile::parse("tile/0/x001/x234/067").expect("a tile");
    assert_eq!(tile, Tile::of_tree(TileOf::Level(0), 1_234_067, u64::MAX).expect("a tile"));
    let widths = |level, index, size| Tile::of_tree(TileOf::Level(level), index, size).map(|tile| tile.width());
    // 70,000: 273 full and one of 112; one full and one of 17; one of 1.
    assert_eq!([widths(0, 272, 70_000), widths(0, 273, 70_000), widths(0, 274, 70_000)], [Some(256), Some(112), None]);
    assert_eq!([widths(1, 0, 70_000), widths(1, 1, 70_000), widths(2, 0, 70_000)], [Some(256), Some(17), Some(1)]);
    assert_eq!([widths(0, 0, 256), widths(0, 1, 256), widths(1, 0, 256)], [Some(256), None, Some(1)]);
    assert_eq!([widths(63, 0, u64::MAX), widths(64, 0, u64::MAX)], [None, None]);
    for other in [
        "tile/00/000",
        "tile/64/000",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/0/1234",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/x001x234/067",
        "tile/0/",
        "tile/0/000/",
        "tile/x/000",
        "/tile/0/000",
        "tile/entries/00a",
    ] {
        assert_eq!(code(Tile::parse(other)), "LOG_FORMAT", "{other}");
    }
    assert_eq!(Tile::parse("tile/entries/x001/000.p/7").expect("a tile").width(), 7);
}

#[test]
fn a_full_tile_s_root_stands_in_the_level_above_and_bytes_are_as_many_as_it_is_wide() {
    let entries: Vec<Vec<u8>> = (0..=u8::MAX).map(|number| vec![number]).collect();
    let hashes: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let tile = Tile::of_tree(TileOf::Level(0), 0, 256).expect("a tile");
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    assert_eq!(tile.hashes(&bytes).expect("hashes"), hashes);
    assert_eq!((Tile::root(&hashes), Tile::root(&hashes[1..])), (Some(root(&entries)), None));
    assert!(tile.hashes(&bytes[32..]).is_err() && tile.hashes(&bytes[1..]).is_err());

    let bundle = Tile::of_tree(TileOf::Entries, 0, 2).expect("a tile");
    let bytes = [0, 1, b'a', 0, 2, b'b', b'c'];
    assert_eq!(bundle.entries(&bytes).expect("entries"), [&b"a"[..], b"bc"]);
    for bad in [&bytes[..6], &bytes[..3], &[0, 1, b'a', 0, 0, 0, 0][..], &[]] {
        assert_eq!(code(bundle.entries(bad)), "LOG_FORMAT", "{bad:?}");
    }
    assert!(tile.entries(&bytes).is_err() && bundle.hashes(&[0; 64]).is_err());
}
