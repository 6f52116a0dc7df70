//! Looks through the model to a bound of one's choice, and says how many states there were.

use clap::Parser;
use comity_protocol::Protocol;
use stateright::{Checker as _, Model as _};
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Instant;

/// Every interleaving of two chains, two relayers, crashes and timeouts, to a bound.
#[derive(Parser)]
#[command(
    after_help = "Example:\n  comity-protocol --orders 2 --time 3 --crashes 1\n\nExit code 1 if a promise is broken; the shortest way there is printed."
)]
struct Args {
    /// Orders that the court may send.
    #[arg(long, default_value_t = 1)]
    orders: usize,
    /// Seconds that the bank's clock may go on.
    #[arg(long, default_value_t = 2)]
    time: u8,
    /// Transactions under way at once.
    #[arg(long, default_value_t = 2)]
    under_way: usize,
    /// How often relayers may lose all that they know.
    #[arg(long, default_value_t = 1)]
    crashes: u8,
    /// The second relayer hands in anything.
    #[arg(long)]
    hostile: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut protocol = Protocol::new(args.orders, args.time);
    protocol.under_way_max = args.under_way;
    protocol.crashes_max = args.crashes;
    protocol.hostile = args.hostile;
    let began = Instant::now();
    let threads = available_parallelism().map_or(1, usize::from);
    let checker = protocol.checker().threads(threads).spawn_bfs().join();
    println!(
        "{} states ({} different), at most {} steps deep, {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64()
    );
    let mut broken = false;
    for property in checker.model().properties() {
        let found = checker.discovery(property.name);
        let (word, wrong) = match (&property.expectation, &found) {
            (stateright::Expectation::Always, None) => ("always", false),
            (stateright::Expectation::Sometimes, Some(_)) => ("seen", false),
            (stateright::Expectation::Sometimes, None) => ("never seen", true),
            (_, _) => ("BROKEN", true),
        };
        println!("{word:>10}  {}", property.name);
        if let (true, Some(path)) = (wrong, found) {
            println!("{path}");
        }
        broken |= wrong;
    }
    ExitCode::from(u8::from(broken))
}
