//! What is to happen in a run: who takes part, what is asked of them, and what goes wrong when. A seed gives the plan;
//! leaving items out of it gives a smaller one, so that a failure can be made short. It refuses to know how any of it
//! is done.

use crate::chance::Chance;
use std::fmt;

/// From here on nothing goes wrong any more.
pub const QUIET_AT_MS: u64 = 120_000;
/// When the first order may be asked for: by then everybody has begun.
const BEGIN_MS: u64 = 8_000;

/// Who takes part. Institutions are counted from 0, and 0 is the court.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The node of an institution's chain.
    Node(u8),
    /// An institution's gateway.
    Gateway(u8),
    /// A relayer.
    Relayer(u8),
    /// The court's case system.
    Clerk,
}

/// The institutions' names.
pub const INSTITUTIONS: [&str; 3] = ["court", "bank", "fund"];

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |number: u8| INSTITUTIONS.get(usize::from(number)).copied().unwrap_or("nobody");
        match self {
            Self::Node(number) => write!(f, "{}-node", name(*number)),
            Self::Gateway(number) => write!(f, "{}-gateway", name(*number)),
            Self::Relayer(number) => write!(f, "relayer-{number}"),
            Self::Clerk => f.write_str("clerk"),
        }
    }
}

/// How a node lies to one who asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It shows old blocks as the newest, and older ones than were asked for.
    OldHeights,
    /// It shows headers that nobody signed, or signed by others.
    ForgedHeaders,
    /// Its values and absences are not what the state proves.
    WrongProofs,
    /// It reports what did not happen, and leaves out what did.
    FalseEvents,
    /// It says that transactions were carried out that it never passed on.
    FalseOutcomes,
    /// It does not answer.
    Silence,
}

const LIES: [Lie; 6] =
    [Lie::OldHeights, Lie::ForgedHeaders, Lie::WrongProofs, Lie::FalseEvents, Lie::FalseOutcomes, Lie::Silence];

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The clerk asks for a freeze.
    Freeze {
        /// To which institution.
        recipient: u8,
        /// Of which account.
        account: u8,
        /// Of how much.
        minor: u64,
        /// How long delivery may take, in seconds.
        deliver_within_s: u64,
    },
    /// The clerk asks for the release of what an earlier item froze, once it is in force.
    Release {
        /// The item's number.
        of: usize,
    },
    /// The clerk asks for something else under the request id of an earlier item.
    Reuse {
        /// The item's number.
        of: usize,
    },
    /// The clerk takes back what an earlier item asked for.
    Withdraw {
        /// The item's number.
        of: usize,
    },
    /// Somebody owes: the court has an agreement concluded.
    Agree {
        /// Which institution keeps the account that it is paid to.
        payee: u8,
        /// What is owed by when.
        instalments: Vec<Instalment>,
        /// How long a judge may stop what a default opens, in seconds.
        hold_s: u64,
        /// Whether a judge confirms it.
        confirmed: bool,
    },
    /// The debtor of an agreement pays.
    Pay {
        /// The agreement's item.
        of: usize,
        /// Which instalment.
        instalment: usize,
        /// How much.
        minor: u64,
    },
    /// A judge stops what the default of an agreement would open, if it comes to that.
    Stop {
        /// The agreement's item.
        of: usize,
    },
    /// A process dies in its disk operation of this number from now, or a little later if it makes none.
    Crash {
        /// Who.
        who: Party,
        /// In how many operations.
        operations: u64,
        /// How long it stays dead.
        down_ms: u64,
    },
    /// Nothing passes between two.
    Cut {
        /// One.
        a: Party,
        /// The other.
        b: Party,
        /// How long.
        for_ms: u64,
    },
    /// Nothing passes between one and everybody else.
    Isolate {
        /// Who.
        who: Party,
        /// How long.
        for_ms: u64,
    },
    /// What passes between one and everybody else is lost, repeated and late.
    Noise {
        /// Who.
        who: Party,
        /// How long.
        for_ms: u64,
        /// Percent that is lost.
        lost: u64,
        /// Percent that comes twice.
        twice: u64,
        /// How late at most.
        late_ms: u64,
    },
    /// A node lies to one who asks it.
    Lies {
        /// Whose node.
        node: u8,
        /// To whom.
        to: Party,
        /// How.
        how: Lie,
        /// How long.
        for_ms: u64,
    },
    /// A clock is wrong.
    Skew {
        /// Whose.
        who: Party,
        /// By how much.
        ms: i64,
    },
    /// A chain's validators change.
    Rotate {
        /// Whose chain.
        chain: u8,
        /// The power of each of its keys; 0 for those who leave.
        powers: [u64; KEYS],
    },
}

impl What {
    /// Whether it is asked for by who has to do with orders.
    #[must_use]
    pub const fn is_of_orders(&self) -> bool {
        matches!(self, Self::Freeze { .. } | Self::Release { .. } | Self::Reuse { .. } | Self::Withdraw { .. })
    }

    /// Whether it is asked for by who has to do with agreements.
    #[must_use]
    pub const fn is_of_agreements(&self) -> bool {
        matches!(self, Self::Agree { .. } | Self::Pay { .. } | Self::Stop { .. })
    }
}

/// What is owed by when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instalment {
    /// How much.
    pub minor: u64,
    /// By when, in milliseconds since the beginning.
    pub due_ms: u64,
}

/// How many validator keys a chain's operator holds.
pub const KEYS: usize = 5;

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// When, in milliseconds since the beginning.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7.3} s  {}", self.at_ms as f64 / 1_000.0, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |ms: &u64| *ms as f64 / 1_000.0;
        let name = |number: &u8| INSTITUTIONS.get(usize::from(*number)).copied().unwrap_or("nobody");
        match self {
            Self::Freeze { recipient, account, minor, deliver_within_s } => {
                write!(f, "freeze {minor} of account {account} at {}, within {deliver_within_s} s", name(recipient))
            }
            Self::Release { of } => write!(f, "release what item {of} froze"),
            Self::Reuse { of } => write!(f, "reuse the request id of item {of}"),
            Self::Withdraw { of } => write!(f, "withdraw item {of}"),
            Self::Agree { payee, instalments, hold_s, confirmed } => {
                let owed: Vec<_> =
                    instalments.iter().map(|owed| format!("{} by {} s", owed.minor, s(&owed.due_ms))).collect();
                let confirmed = if *confirmed { ", confirmed" } else { "" };
                write!(f, "agree on {} to the {}, hold period {hold_s} s{confirmed}", owed.join(", "), name(payee))
            }
            Self::Pay { of, instalment, minor } => write!(f, "pay {minor} for instalment {instalment} of item {of}"),
            Self::Stop { of } => write!(f, "stop what a default of item {of} would open"),
            Self::Crash { who, operations, down_ms } => {
                write!(f, "{who} crashes within {operations} disk operations, for {} s", s(down_ms))
            }
            Self::Cut { a, b, for_ms } => write!(f, "{a} and {b} are cut off from each other for {} s", s(for_ms)),
            Self::Isolate { who, for_ms } => write!(f, "{who} is cut off for {} s", s(for_ms)),
            Self::Noise { who, for_ms, lost, twice, late_ms } => write!(
                f,
                "around {who} {lost}% is lost, {twice}% repeated, up to {late_ms} ms late, for {} s",
                s(for_ms)
            ),
            Self::Lies { node, to, how, for_ms } => {
                write!(f, "{}-node lies to {to} for {} s: {how:?}", name(node), s(for_ms))
            }
            Self::Skew { who, ms } => write!(f, "the clock of {who} is {ms} ms ahead"),
            Self::Rotate { chain, powers } => write!(f, "validators of {} get powers {powers:?}", name(chain)),
        }
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How many institutions take part, the court among them.
    pub institutions: u8,
    /// How long light clients trust a header, in seconds.
    pub trusting_s: u64,
    /// What happens, by number; `None` where it was left out.
    pub items: Vec<Option<Item>>,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed, "plan");
        let institutions = if chance.percent(25) { 3 } else { 2 };
        // In some worlds clients come near their expiry, and past it when all relayers are down for long.
        let near_expiry = chance.percent(15);
        let mut drawn = Draw { chance, institutions, items: Vec::new() };
        drawn.orders();
        drawn.faults();
        if near_expiry {
            drawn.long_silence();
        }
        drawn.chance = Chance::of(seed, "agreements");
        drawn.agreements();
        let trusting_s = if near_expiry { 45 } else { 3_600 };
        Self { seed, institutions, trusting_s, items: drawn.items.into_iter().map(Some).collect() }
    }

    /// The same plan with only the items of these numbers.
    #[must_use]
    pub fn only(&self, numbers: &[usize]) -> Self {
        let keep = |(number, item): (usize, &Option<Item>)| item.clone().filter(|_| numbers.contains(&number));
        Self { items: self.items.iter().enumerate().map(keep).collect(), ..self.clone() }
    }

    /// The numbers of the items that are not left out.
    #[must_use]
    pub fn numbers(&self) -> Vec<usize> {
        self.items.iter().enumerate().filter(|(_, item)| item.is_some()).map(|(number, _)| number).collect()
    }

    /// Everybody who can fail.
    #[must_use]
    pub fn parties(institutions: u8) -> Vec<Party> {
        let nodes = (0..institutions).map(Party::Node);
        let gateways = (0..institutions).map(Party::Gateway);
        nodes.chain(gateways).chain((0..RELAYERS).map(Party::Relayer)).collect()
    }
}

/// How many relayers race.
pub const RELAYERS: u8 = 2;

struct Draw {
    chance: Chance,
    institutions: u8,
    items: Vec<Item>,
}

impl Draw {
    fn at(&mut self, from_ms: u64, to_ms: u64, what: What) {
        let at_ms = self.chance.between(from_ms, to_ms);
        self.items.push(Item { at_ms, what });
    }

    fn orders(&mut self) {
        let count = self.chance.between(3, 8);
        for _ in 0..count {
            let recipient = u8::try_from(self.chance.between(1, u64::from(self.institutions) - 1)).unwrap_or(1);
            let what = What::Freeze {
                recipient,
                account: u8::try_from(self.chance.between(0, 1)).unwrap_or(0),
                // Some need two officers; together they are more than an account has.
                minor: self.chance.between(10_000, 150_000),
                deliver_within_s: self.chance.between(6, 90),
            };
            self.at(BEGIN_MS, QUIET_AT_MS - 20_000, what);
            let of = self.items.len() - 1;
            let after = self.items[of].at_ms;
            if self.chance.percent(40) {
                self.at(after, QUIET_AT_MS - 5_000, What::Release { of });
            }
            if self.chance.percent(15) {
                self.at(after, after + 10_000, What::Reuse { of });
            }
            if self.chance.percent(15) {
                self.at(after, after + 3_000, What::Withdraw { of });
            }
        }
    }

    fn agreements(&mut self) {
        for _ in 0..self.chance.between(0, 2) {
            let payee = u8::try_from(self.chance.between(1, u64::from(self.institutions) - 1)).unwrap_or(1);
            let agreed_ms = self.chance.between(BEGIN_MS, 40_000);
            let mut due_ms = agreed_ms + self.chance.between(12_000, 25_000);
            let mut instalments = Vec::new();
            for _ in 0..self.chance.between(1, 3) {
                instalments.push(Instalment { minor: self.chance.between(1_000, 40_000), due_ms });
                due_ms += self.chance.between(4_000, 12_000);
            }
            let (hold_s, confirmed) = (self.chance.between(4, 10), self.chance.percent(40));
            let what = What::Agree { payee, instalments: instalments.clone(), hold_s, confirmed };
            self.items.push(Item { at_ms: agreed_ms, what });
            let of = self.items.len() - 1;
            let mut missed = None;
            for (instalment, owed) in instalments.into_iter().enumerate() {
                let in_time = (agreed_ms + 2_000, owed.due_ms - 500);
                let ((from_ms, to_ms), minor) = match self.chance.between(0, 99) {
                    0..65 => (in_time, owed.minor),
                    65..75 => ((owed.due_ms, owed.due_ms + 8_000), owed.minor),
                    75..83 => (in_time, owed.minor - 1),
                    _ => {
                        missed = missed.or(Some(owed.due_ms));
                        continue;
                    }
                };
                if minor < owed.minor {
                    missed = missed.or(Some(owed.due_ms));
                }
                self.at(from_ms, to_ms, What::Pay { of, instalment, minor });
            }
            let Some(missed_ms) = missed else { continue };
            if self.chance.percent(30) {
                self.items.push(Item { at_ms: missed_ms, what: What::Stop { of } });
            }
            // The court's gateway dies about when it has to say what the default opens.
            if self.chance.percent(30) {
                let opens_ms = missed_ms + hold_s * 1_000;
                let at_ms = self.chance.between(opens_ms, opens_ms + 9_000).min(QUIET_AT_MS - 26_000);
                let (operations, down_ms) = (self.chance.between(0, 8), self.chance.between(10, 5_000));
                self.items.push(Item { at_ms, what: What::Crash { who: Party::Gateway(0), operations, down_ms } });
            }
        }
    }

    fn faults(&mut self) {
        let parties = Plan::parties(self.institutions);
        let count = self.chance.between(0, 14);
        for _ in 0..count {
            let who = self.chance.pick(&parties).copied().unwrap_or(Party::Clerk);
            let other = self.chance.pick(&parties).copied().unwrap_or(Party::Clerk);
            let for_ms = self.chance.between(500, 25_000);
            let chain = u8::try_from(self.chance.between(0, u64::from(self.institutions) - 1)).unwrap_or(0);
            let what = match self.chance.between(0, 99) {
                0..35 => What::Crash {
                    who,
                    operations: self.chance.between(0, 60),
                    down_ms: self.chance.between(10, 15_000),
                },
                35..45 => What::Cut { a: who, b: other, for_ms },
                45..53 => What::Isolate { who, for_ms },
                53..65 => What::Noise {
                    who,
                    for_ms,
                    lost: self.chance.between(0, 40),
                    twice: self.chance.between(0, 40),
                    late_ms: self.chance.between(20, 4_000),
                },
                65..82 => What::Lies {
                    node: chain,
                    to: other,
                    how: self.chance.pick(&LIES).copied().unwrap_or(Lie::Silence),
                    for_ms,
                },
                82..92 => {
                    // Within the drift that chains and gateways allow each other.
                    let ms = i64::try_from(self.chance.between(0, 16_000)).unwrap_or(0) - 8_000;
                    What::Skew { who, ms }
                }
                _ => {
                    let mut powers = [0; KEYS];
                    for power in &mut powers {
                        *power = if self.chance.percent(35) { 0 } else { self.chance.between(1, 20) };
                    }
                    powers[0] = powers[0].max(1);
                    What::Rotate { chain, powers }
                }
            };
            self.at(BEGIN_MS - 4_000, QUIET_AT_MS - 26_000, what);
        }
    }

    /// All relayers are down for about as long as clients trust what they know.
    fn long_silence(&mut self) {
        let at_ms = self.chance.between(20_000, 40_000);
        for number in 0..RELAYERS {
            let down_ms = self.chance.between(30_000, 60_000);
            let what = What::Crash { who: Party::Relayer(number), operations: 0, down_ms };
            self.items.push(Item { at_ms, what });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        assert_eq!(Plan::of(7), Plan::of(7));
        assert_ne!(Plan::of(7).items, Plan::of(8).items);
    }

    #[test]
    fn everything_that_goes_wrong_ends_before_it_is_quiet() {
        for seed in 0..500 {
            for item in Plan::of(seed).items.into_iter().flatten() {
                let until = match item.what {
                    What::Crash { down_ms, .. } => down_ms + 4_000,
                    What::Cut { for_ms, .. }
                    | What::Isolate { for_ms, .. }
                    | What::Noise { for_ms, .. }
                    | What::Lies { for_ms, .. } => for_ms,
                    _ => 0,
                };
                assert!(item.at_ms + until <= QUIET_AT_MS, "seed {seed}: {item}");
            }
        }
    }

    #[test]
    fn leaving_items_out_changes_no_other() {
        let plan = Plan::of(3);
        let less = plan.only(&[0, 2]);
        assert_eq!(less.numbers(), [0, 2]);
        assert_eq!(less.items[2], plan.items[2]);
    }
}
