//! Clerks with officers beside who draw up and approve small orders about a bank's accounts, at one gateway or several, and
//! the count at the end: every order that was acknowledged is final, and what was executed is what the accounts hold.

use super::{Alliance, said};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What each account holds, in yuan: below the sum from which an order takes two officers.
pub(crate) const BALANCE: u64 = 400_000;
/// How long one order may take to be acknowledged, or to become final, while parts fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// A clerk's pause between two orders: a chain bounds the holds on one account, and faults last longer than accounts.
const PAUSE: Duration = Duration::from_millis(100);

/// The private part that every order has; each adds its account and amount.
const DRAFT: &str = r#"request_number = "R-1"
court = "Intermediate Court"
court_code = "9906"
case_number = "(2025)浙9906执2048号"
judge = "Judge"
work_number = "W-1"
official_number = "O-1"
legal_basis = "民事诉讼法第二百五十三条"
ruling_number = "(2025)浙9906执2048号之一"
ruling_digest = "0101010101010101010101010101010101010101010101010101010101010101"
notice_name = "协助冻结存款通知书"
notice_number = "(2025)浙9906执2048号"
person_name = "Debtor"
person_id_type = "PASSPORT"
person_id_number = "E99000001"
control_kind = "FUNDS"
"#;

/// An order that a gateway acknowledged.
pub(crate) struct Ordered {
    pub(crate) name: String,
    account: usize,
    yuan: u64,
}

/// The accounts, and the gateways at which orders about them are drawn up.
pub(crate) struct Load<'a> {
    alliance: &'a Alliance,
    accounts: Vec<String>,
    /// By what the names of their client files end in.
    gateways: &'a [&'a str],
}

/// What became of the orders.
pub(crate) struct Count {
    /// Orders that were acknowledged; all of them are final.
    pub(crate) acknowledged: usize,
    /// How many ended in which state.
    pub(crate) ended: BTreeMap<String, usize>,
    /// Accounts whose holds were compared with the orders.
    pub(crate) accounts: usize,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ended: Vec<_> = self.ended.iter().map(|(state, number)| format!("{number} {state}")).collect();
        write!(
            f,
            "{} orders acknowledged, all final ({}), each executed as often as its receipt says, by what is left on {} accounts",
            self.acknowledged,
            ended.join(", "),
            self.accounts
        )
    }
}

impl<'a> Load<'a> {
    /// So many accounts that are registered at the bank already.
    pub(crate) fn known(alliance: &'a Alliance, accounts: usize) -> Self {
        std::fs::write(alliance.path("draft.toml"), DRAFT).expect("a draft");
        let accounts: Vec<_> = (0..accounts).map(|index| format!("62229900{index:011}")).collect();
        Self { alliance, accounts, gateways: &[""] }
    }

    /// Registers so many accounts at the bank.
    pub(crate) fn begin(alliance: &'a Alliance, accounts: usize) -> Self {
        let load = Self::known(alliance, accounts);
        let path = alliance.path("accounts.jsonl");
        let mut file = std::fs::File::create(&path).expect("a file");
        for account in &load.accounts {
            writeln!(file, "{{\"reference\":\"{account}\",\"value\":\"{BALANCE}.00\"}}").expect("written");
        }
        let registrar = alliance.path("bank/clients/registrar.toml");
        alliance.done(&["asset", "register", "--as", &registrar, "--sector", "accounts", &path]);
        load
    }

    /// The same accounts, with orders drawn up at these gateways in turn.
    pub(crate) fn at(self, gateways: &'a [&'a str]) -> Self {
        Self { gateways, ..self }
    }

    /// Lets so many clerks work for as long as `faults` takes; returns what was acknowledged.
    pub(crate) fn during(&self, clerks: usize, faults: impl FnOnce()) -> Vec<Ordered> {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let working: Vec<_> = (0..clerks)
                .map(|clerk| {
                    scope.spawn({
                        let over = &over;
                        move || self.work(clerk, clerks, over)
                    })
                })
                .collect();
            // The clerks go home also when something is found.
            let end = SetAtEnd(&over);
            faults();
            drop(end);
            working.into_iter().flat_map(|clerk| clerk.join().expect("a clerk")).collect()
        })
    }

    /// Draws up so many orders, and waits until each is executed; their names.
    pub(crate) fn fixed(&self, orders: usize) -> Vec<String> {
        let one = |turn: usize| {
            let name = self.order(turn % self.accounts.len(), 1, turn).expect("an order");
            assert_eq!(self.watch(&name, turn)["state"], "EXECUTED", "{name}");
            name
        };
        (0..orders).map(one).collect()
    }

    fn work(&self, clerk: usize, clerks: usize, over: &AtomicBool) -> Vec<Ordered> {
        let mut acknowledged = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let turn = acknowledged.len() * clerks + clerk;
            let (account, yuan) = (turn % self.accounts.len(), 1 + turn as u64 % 7);
            if let Some(name) = self.order(account, yuan, turn) {
                acknowledged.push(Ordered { name, account, yuan });
            }
            std::thread::sleep(PAUSE);
        }
        acknowledged
    }

    /// Waits until every order is final: how many ended in which state, and what each account holds of them.
    fn ended(&self, orders: &[Ordered]) -> (BTreeMap<String, usize>, Vec<u64>) {
        let mut held = vec![0; self.accounts.len()];
        let mut ended = BTreeMap::new();
        for (turn, Ordered { name, account, yuan }) in orders.iter().enumerate() {
            let order = self.watch(name, turn);
            let state = order["state"].as_str().expect("a state").to_owned();
            assert_ne!(state, "TIMED_OUT", "{name}: {order}");
            if state == "EXECUTED" {
                held[*account] += yuan;
            }
            *ended.entry(state).or_default() += 1;
        }
        (ended, held)
    }

    /// Waits until every order is executed.
    pub(crate) fn executed(&self, orders: &[Ordered]) {
        let (ended, _) = self.ended(orders);
        assert_eq!(ended.get("EXECUTED"), Some(&orders.len()), "{ended:?}");
    }

    /// Waits until every order is final, and compares what the accounts hold with what was executed: the holds of one more
    /// freeze on each account say how much all before it took. Once, at the end.
    pub(crate) fn count(&self, orders: &[Ordered]) -> Count {
        assert_eq!(self.alliance.ended(), [], "parts that ended by themselves");
        let (ended, held) = self.ended(orders);
        for (account, held) in held.iter().enumerate() {
            let name = self.order(account, BALANCE, account).expect("the court is up again");
            let last = self.watch(&name, account);
            let left = last["result"]["held"]["minor"].as_u64();
            assert_eq!(left, Some((BALANCE - held) * 100), "{}: {last}", self.accounts[account]);
        }
        Count { acknowledged: orders.len(), ended, accounts: self.accounts.len() }
    }

    /// The same where every order must have been executed.
    pub(crate) fn count_executed(&self, orders: &[Ordered]) -> Count {
        let count = self.count(orders);
        assert_eq!(count.ended.get("EXECUTED"), Some(&count.acknowledged), "{count}");
        count
    }

    /// Draws up an order and has an officer approve it. Each call is repeated until it is answered, at the next gateway each
    /// time: the same request all the while.
    pub(crate) fn order(&self, account: usize, yuan: u64, turn: usize) -> Option<String> {
        let until = Instant::now() + PATIENCE;
        let order = self.draw_up(account, yuan, turn, until)?;
        self.approve(&order.name, turn + 1, until)?;
        Some(order.name)
    }

    /// Draws up an order, which nobody has approved then.
    pub(crate) fn draw_up(&self, account: usize, yuan: u64, turn: usize, until: Instant) -> Option<Ordered> {
        let (request, amount) = (uuid::Uuid::new_v4().to_string(), format!("{yuan}.00"));
        let draft = self.alliance.path("draft.toml");
        let (number, field) = (format!("account_number={}", self.accounts[account]), format!("amount={amount}"));
        let create = [
            ["--recipient", "bank"],
            ["--sector", "accounts"],
            ["--kind", "freeze"],
            ["--fields", &draft],
            ["--field", &number],
            ["--field", &field],
            ["--obligation", &amount],
            ["--request-id", &request],
        ];
        let name = self.anywhere("create", "clerk", &[create.as_flattened(), &["--quiet"]].concat(), turn, until)?;
        Some(Ordered { name: name.trim().to_owned(), account, yuan })
    }

    /// Has an officer approve an order; what that is answered.
    pub(crate) fn approve(&self, name: &str, turn: usize, until: Instant) -> Option<String> {
        let key = self.alliance.path("court/keys/officer-J-1001.key");
        self.anywhere("approve", "officer", &[name, "--officer", "J-1001", "--key", &key, "--json"], turn, until)
    }

    /// Follows an order until it is answered.
    pub(crate) fn watch(&self, name: &str, turn: usize) -> serde_json::Value {
        let lines = self.anywhere("watch", "clerk", &[name, "--json"], turn, Instant::now() + PATIENCE);
        let lines = lines.unwrap_or_else(|| panic!("{name} is not answered"));
        serde_json::from_str(lines.lines().last().expect("a change")).expect("JSON")
    }

    /// Runs a command about orders at one gateway after the other until one answers; `None` when `until` is past.
    fn anywhere(&self, command: &str, role: &str, more: &[&str], turn: usize, until: Instant) -> Option<String> {
        for gateway in self.gateways.iter().cycle().skip(turn % self.gateways.len()) {
            let client = self.alliance.path(&format!("court/clients/{role}{gateway}.toml"));
            let arguments = [&["order", command, "--as", &client], more].concat();
            let output = self.alliance.run(&arguments);
            match output.status.code() {
                Some(0) => return Some(String::from_utf8(output.stdout).expect("text")),
                // An order that came to nothing ends `watch` as a refusal: its last state is what is asked for.
                Some(1) if command == "watch" && !output.stdout.is_empty() => {
                    return Some(String::from_utf8(output.stdout).expect("text"));
                }
                Some(3) if Instant::now() < until => std::thread::sleep(Duration::from_millis(100)),
                Some(3) => return None,
                _ => panic!("comity {}\n{}", arguments.join(" "), said(&output)),
            }
        }
        None
    }
}

struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A number that the environment sets.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// splitmix64: which part, and when, must follow from the seed alone.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
