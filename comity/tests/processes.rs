//! Separate processes under load, killed at random with SIGKILL and started again: whatever a gateway acknowledged becomes
//! final, and is executed once. `COMITY_KILLS` says how often (default 12; the long run takes 1,000), `COMITY_SEED` which
//! parts and when.

mod alliance;

use alliance::{Alliance, PARTS};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What each account holds, in yuan: below the sum from which an order takes two officers.
const BALANCE: u64 = 400_000;
/// How many clerks draw up and approve orders at once.
const CLERKS: usize = 3;
/// How long one order may take to be acknowledged, or to become final, while parts are killed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A clerk's pause between two orders: a chain bounds the holds on one account, and there are more kills than accounts.
const PAUSE: Duration = Duration::from_millis(100);

/// The private part that every order of this test has; each adds its amount.
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

#[test]
fn killed_at_random_the_processes_lose_no_order_and_execute_none_twice() {
    let kills = number("COMITY_KILLS", 12);
    let seed = number("COMITY_SEED", 1);
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(&folder.path().join("alliance"));
    std::fs::write(alliance.path("draft.toml"), DRAFT).expect("a draft");
    let accounts: Vec<_> = (0..8 + kills / 8).map(|index| format!("62229900{index:011}")).collect();
    register(&alliance, &accounts);

    let over = AtomicBool::new(false);
    let started = Instant::now();
    let orders: Vec<Ordered> = std::thread::scope(|scope| {
        let clerks: Vec<_> = (0..CLERKS)
            .map(|clerk| {
                let (alliance, accounts, over) = (&alliance, &accounts, &over);
                scope.spawn(move || work(alliance, accounts, clerk, over))
            })
            .collect();
        kill_at_random(&alliance, kills, seed);
        over.store(true, Ordering::Relaxed);
        clerks.into_iter().flat_map(|clerk| clerk.join().expect("a clerk")).collect()
    });
    assert_eq!(alliance.ended(), [], "parts that ended by themselves");

    let mut held: BTreeMap<&str, u64> = accounts.iter().map(|account| (account.as_str(), 0)).collect();
    for Ordered { name, account, yuan } in &orders {
        let order = watch(&alliance, name);
        assert_eq!(order["state"], "EXECUTED", "{name} after seed {seed}: {order}");
        *held.entry(account).or_default() += yuan;
    }
    let killed = started.elapsed();
    // What is left for one more freeze says how much all before it took: nothing was executed twice.
    for (account, held) in &held {
        let name = order(&alliance, account, BALANCE, Instant::now() + PATIENCE).expect("the court is up again");
        let last = watch(&alliance, &name);
        let left = last["result"]["held"]["minor"].as_u64();
        assert_eq!(left, Some((BALANCE - held) * 100), "{account} after seed {seed}: {last}");
    }
    println!(
        "{kills} kills in {:.0} s (seed {seed}): {} orders acknowledged, all executed, each once, on {} accounts",
        killed.as_secs_f64(),
        orders.len(),
        accounts.len(),
    );
}

/// An order that the court's gateway acknowledged.
struct Ordered {
    name: String,
    account: String,
    yuan: u64,
}

/// Kills a part at a time and starts it again, until `kills` are done.
fn kill_at_random(alliance: &Alliance, kills: u64, seed: u64) {
    let mut state = seed;
    for _ in 0..kills {
        let draw = next(&mut state);
        std::thread::sleep(Duration::from_millis(200 + draw % 800));
        let part = PARTS[usize::try_from(draw >> 32).expect("64 bits") % PARTS.len()];
        alliance.kill(part);
        // Sometimes it is back at once, sometimes the others have to do without it for a while.
        std::thread::sleep(Duration::from_millis((draw >> 16) % 600));
        alliance.start(part);
    }
}

/// One clerk with an officer beside: draws up and approves small orders until it is over; returns those acknowledged.
fn work(alliance: &Alliance, accounts: &[String], clerk: usize, over: &AtomicBool) -> Vec<Ordered> {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let turn = acknowledged.len() * CLERKS + clerk;
        let (account, yuan) = (&accounts[turn % accounts.len()], 1 + turn as u64 % 7);
        if let Some(name) = order(alliance, account, yuan, Instant::now() + PATIENCE) {
            acknowledged.push(Ordered { name, account: account.clone(), yuan });
        }
        std::thread::sleep(PAUSE);
    }
    acknowledged
}

/// Draws up an order and has an officer approve it; each call is repeated until it is answered.
fn order(alliance: &Alliance, account: &str, yuan: u64, until: Instant) -> Option<String> {
    let (request, amount) = (uuid::Uuid::new_v4().to_string(), format!("{yuan}.00"));
    let name = alliance.insist(
        &[
            "order",
            "create",
            "--as",
            &alliance.path("court/clients/clerk.toml"),
            "--recipient",
            "bank",
            "--sector",
            "accounts",
            "--kind",
            "freeze",
            "--fields",
            &alliance.path("draft.toml"),
            "--field",
            &format!("account_number={account}"),
            "--field",
            &format!("amount={amount}"),
            "--obligation",
            &amount,
            "--request-id",
            &request,
            "--quiet",
        ],
        until,
    )?;
    let name = name.trim().to_owned();
    alliance.insist(
        &[
            "order",
            "approve",
            "--as",
            &alliance.path("court/clients/officer.toml"),
            &name,
            "--officer",
            "J-1001",
            "--key",
            &alliance.path("court/keys/officer-J-1001.key"),
            "--json",
        ],
        until,
    )?;
    Some(name)
}

/// Follows an order until it is answered.
fn watch(alliance: &Alliance, name: &str) -> serde_json::Value {
    let client = alliance.path("court/clients/clerk.toml");
    let lines = alliance.insist(&["order", "watch", "--as", &client, name, "--json"], Instant::now() + PATIENCE);
    let lines = lines.unwrap_or_else(|| panic!("{name} is not answered"));
    serde_json::from_str(lines.lines().last().expect("a change")).expect("JSON")
}

fn register(alliance: &Alliance, accounts: &[String]) {
    let path = alliance.path("accounts.jsonl");
    let mut file = std::fs::File::create(&path).expect("a file");
    for account in accounts {
        writeln!(file, "{{\"reference\":\"{account}\",\"value\":\"{BALANCE}.00\"}}").expect("written");
    }
    let registrar = alliance.path("bank/clients/registrar.toml");
    alliance.done(&["asset", "register", "--as", &registrar, "--sector", "accounts", &path]);
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// splitmix64: which part, and when, must follow from the seed alone.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
