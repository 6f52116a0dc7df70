//! The deposits of a case as a chain: each behind the one that it says it follows, with gaps and forks shown.
//! It refuses to guess: what names no predecessor begins a chain.

use comity_model::Hash;
use comity_proto::v1::Succession;
use std::collections::{BTreeMap, BTreeSet};

/// A deposit of a case: its place in the log, its entry's hash, the one that it follows.
pub(super) struct Link {
    pub(super) index: u64,
    pub(super) entry: Hash,
    pub(super) follows: Option<Hash>,
}

/// The deposits in order, each with how it stands to the one that it follows. Given in any order, each once.
pub(super) fn ordered(mut links: Vec<Link>) -> Vec<(u64, Succession)> {
    links.sort_by_key(|link| link.index);
    let known: BTreeMap<Hash, u64> = links.iter().map(|link| (link.entry, link.index)).collect();
    let mut after: BTreeMap<Option<Hash>, Vec<&Link>> = BTreeMap::new();
    for link in &links {
        // A deposit can follow only what was there before it.
        let before = link.follows.filter(|entry| known.get(entry).is_some_and(|index| *index < link.index));
        after.entry(before).or_default().push(link);
    }
    let (mut ordered, mut seen) = (Vec::with_capacity(links.len()), BTreeSet::new());
    let mut open: Vec<&Link> = after.get(&None).into_iter().flatten().rev().copied().collect();
    while let Some(link) = open.pop() {
        if !seen.insert(link.index) {
            continue;
        }
        let siblings = link.follows.and_then(|entry| after.get(&Some(entry))).map_or(0, Vec::len);
        let succession = match link.follows {
            None => Succession::Begins,
            Some(_) if siblings == 0 => Succession::Gap,
            Some(_) if siblings > 1 => Succession::Forks,
            Some(_) => Succession::Follows,
        };
        ordered.push((link.index, succession));
        open.extend(after.get(&Some(link.entry)).into_iter().flatten().rev().copied());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: u8) -> Hash {
        Hash([index; 32])
    }

    fn link(index: u8, follows: Option<u8>) -> Link {
        Link { index: index.into(), entry: entry(index), follows: follows.map(entry) }
    }

    #[test]
    fn a_chain_is_in_order_whatever_lies_between_and_gaps_and_forks_are_shown() {
        let links = vec![
            link(9, Some(7)),
            link(1, None),
            link(3, Some(1)),
            link(2, None),
            link(5, Some(2)),
            link(6, Some(3)),
            link(8, Some(3)),
            link(7, Some(200)),
        ];
        use Succession::{Begins, Follows, Forks, Gap};
        let expected =
            [(1, Begins), (3, Follows), (6, Forks), (8, Forks), (2, Begins), (5, Follows), (7, Gap), (9, Follows)];
        assert_eq!(ordered(links), expected);
    }

    #[test]
    fn what_follows_itself_or_a_later_one_is_a_gap_and_nothing_is_lost() {
        let links = vec![link(1, Some(2)), link(2, Some(1)), link(3, Some(3))];
        let found = ordered(links);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], (1, Succession::Gap));
        assert_eq!(found[1], (2, Succession::Follows));
        assert_eq!(found[2], (3, Succession::Gap));
    }
}
