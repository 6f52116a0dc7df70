//! Heads of logs of deposits: each grown from the one before, under its keeper's seal.

use crate::support::keys::seal;
use crate::support::world::{At, World};
use At::Court;
use comity_model::deposit::{LogHead, LogState};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Hash, encode};
use comity_verify::deposit::TAG_HEAD;
use comity_verify::merkle::{self, Frontier, TreeHead};
use comity_verify::state;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A log of numbered leaves; `fork` makes another one of the same size.
struct Leaves {
    frontier: Frontier,
    nodes: BTreeMap<(u32, u64), Hash>,
}

impl Leaves {
    fn new(count: u64, fork: u8) -> Self {
        let mut leaves = Self { frontier: Frontier::new(), nodes: BTreeMap::new() };
        for number in 0..count {
            let leaf = merkle::leaf_hash(&[&number.to_le_bytes()[..], &[if number == 0 { fork } else { 0 }]].concat());
            let nodes = leaves.frontier.append(leaf);
            leaves.nodes.extend(nodes.into_iter().map(|node| ((node.level, node.index), node.hash)));
        }
        leaves
    }

    fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    fn grown_from(&self, old: u64) -> Vec<Hash> {
        let nodes = |level, index| self.nodes.get(&(level, index)).copied();
        merkle::consistency(old, self.head().size, &nodes).unwrap_or_default()
    }
}

fn head(world: &World, tree: TreeHead) -> LogHead {
    LogHead { chain: world.court.id.clone(), keeper: "court".parse().unwrap(), size: tree.size, root: tree.root }
}

fn grow(head: LogHead, consistency: Vec<Hash>) -> Message {
    let seal = seal("court seal", TAG_HEAD, &head);
    Message::GrowLog { head, consistency, seal }
}

fn path() -> StatePath {
    StatePath::Deposits("court".parse().unwrap())
}

fn standing(world: &World) -> LogState {
    world.court.value(&path()).unwrap()
}

#[test]
fn a_logs_head_stands_in_the_state_and_is_proven_with_the_time_of_its_block() {
    let mut world = World::new();
    let log = Leaves::new(5, 0);
    let now = world.now_s();
    let message = grow(head(&world, log.head()), Vec::new());
    world.done(Court, vec![message]);
    let log_state = standing(&world);
    assert_eq!((log_state.size, log_state.root), (5, log.head().root));
    assert!(log_state.at.0.abs_diff(now.0) <= 10);
    world.block(Court, &[]);
    let height = world.court.height();
    let (value, proof) = world.court.proven(&path(), height);
    assert_eq!(value, encode(&log_state));
    let block = world.court.light_block(height);
    let anchor = comity_verify::light::Anchor {
        chain_id: world.court.id.clone(),
        height: block.header.height,
        header_hash: block.header.hash(),
        validators_hash: block.header.validators_hash,
        trusting_period_secs: 1_000,
        clock_drift_secs: 5,
        operators: 1,
        suites: comity_model::seal::Suites::NATIVE,
    };
    let header = comity_verify::light::TrustedHeader::pin(&anchor, block).unwrap();
    assert!(state::membership(&header, &path(), &value, &proof).is_ok());
}

#[test]
fn the_head_that_stands_once_more_changes_nothing_and_an_older_one_is_refused() {
    let mut world = World::new();
    let (five, nine) = (Leaves::new(5, 0), Leaves::new(9, 0));
    let first = grow(head(&world, five.head()), Vec::new());
    world.done(Court, vec![first.clone()]);
    let before = standing(&world);
    world.pass(60);
    world.done(Court, vec![first.clone()]);
    assert_eq!(standing(&world), before);
    let second = grow(head(&world, nine.head()), nine.grown_from(5));
    world.done(Court, vec![second]);
    assert_eq!(standing(&world).size, 9);
    world.refused(Court, vec![first], "LOG_BEHIND");
}

#[test]
fn a_head_that_forgets_or_changes_an_entry_is_refused() {
    let mut world = World::new();
    let (five, nine, fork) = (Leaves::new(5, 0), Leaves::new(9, 0), Leaves::new(9, 1));
    let message = grow(head(&world, five.head()), Vec::new());
    world.done(Court, vec![message]);
    let forged = [
        grow(head(&world, fork.head()), fork.grown_from(5)),
        grow(head(&world, nine.head()), Vec::new()),
        grow(head(&world, nine.head()), nine.grown_from(4)),
        grow(head(&world, Leaves::new(5, 1).head()), Vec::new()),
    ];
    for message in forged {
        world.refused(Court, vec![message], "LOG_FORKED");
    }
    assert_eq!(standing(&world).root, five.head().root);
}

#[test]
fn only_its_keepers_seal_grows_a_log_and_only_on_its_own_chain() {
    let mut world = World::new();
    let log = Leaves::new(5, 0);
    let mine = head(&world, log.head());
    let others_seal = seal("bank seal", TAG_HEAD, &mine);
    let message = Message::GrowLog { head: mine.clone(), consistency: Vec::new(), seal: others_seal };
    world.refused(Court, vec![message], "WRONG_SEAL");
    let elsewhere = LogHead { chain: world.bank.id.clone(), ..mine.clone() };
    world.refused(Court, vec![grow(elsewhere, Vec::new())], "WRONG_CHAIN");
    let of_another = LogHead { keeper: "bank".parse().unwrap(), ..mine };
    world.refused(Court, vec![grow(of_another, Vec::new())], "UNKNOWN_MEMBER");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_log_that_only_grows_is_always_taken_up(mut sizes in proptest::collection::vec(1u64..200, 1..6)) {
        sizes.sort_unstable();
        let mut world = World::new();
        let mut old = 0;
        for size in sizes {
            let log = Leaves::new(size, 0);
            let message = grow(head(&world, log.head()), if size == old { Vec::new() } else { log.grown_from(old) });
            world.done(Court, vec![message]);
            prop_assert_eq!(standing(&world).size, size);
            old = size;
        }
    }
}
