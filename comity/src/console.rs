//! `comity console`: what a gateway shows to one of its people, in the browser of this machine. A listener on loopback, behind
//! a key that is good once, answers with the console's files and with what the gateway says over mutual TLS.
//! Refuses to have rights of its own: each question goes to the gateway with the user's certificate, which decides and files.

mod data;
mod door;
mod files;
mod live;
mod serve;
mod site;

use crate::cli::console::ConsoleArgs;
use crate::client::ClientFile;
use crate::failure::{Failure, OrFail as _};
use crate::shutdown;
use data::Gateway;
use door::Door;
use site::Site;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Runs the command until it is told to stop.
pub(crate) async fn run(args: ConsoleArgs) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format!("{} is no loopback address: others could reach the console", args.listen))
            .help("for another machine, forward a port: `ssh -L 7180:127.0.0.1:7180 …` with --listen 127.0.0.1:7180"));
    }
    let gateway = Gateway::of(&ClientFile::read(&args.client.client)?)?;
    let socket = TcpListener::bind(args.listen).await.or_usage(|| format!("{} cannot be listened at", args.listen))?;
    let address = socket.local_addr().or_fault(|| "the listener has no address".into())?;
    let door = Door::new(address)?;
    println!("Console of {} as {}, for one browser on this machine:", gateway.institution(), gateway.role());
    println!("  {}", door.url());
    println!("The address opens it once, within ten minutes. Stops at Ctrl-C.");
    let stop = CancellationToken::new();
    let site = Arc::new(Site::new(door, gateway, stop.clone()));
    let serving = tokio::spawn(serve::serve(socket, site, stop.clone()));
    let requested = shutdown::requested().await;
    stop.cancel();
    serving.await.or_fault(|| "the console's listener failed".into())?;
    requested
}
