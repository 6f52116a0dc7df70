//! `comity console`. Parsing only.
//! Refuses to know how anything is done.

use super::ClientArgs;
use clap::Args;
use std::net::SocketAddr;

/// `comity console`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  comity console --as court/clients/officer.toml

It prints an address that opens the console once, in one browser; start it again for another. What it shows is what the
certificate may see: the gateway decides each call, and files what is personal data. Stops at Ctrl-C.")]
pub(crate) struct ConsoleArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Where the browser finds it: a loopback address. Port 0 takes any.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
}
