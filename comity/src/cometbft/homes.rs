//! `comity init --engine cometbft`: an institution whose chain is made by CometBFT nodes; a home for each of them.
//! Refuses to start anything: the chain begins when its nodes do, and has an anchor from then on.

use super::node::Node;
use crate::cli::InitArgs;
use crate::config::{application, heartbeat_s, text};
use crate::failure::Failure;
use crate::home::Home;
use crate::keys::Seed;
use crate::{files, init};
use comity_ledger_abci::Address;
use comity_ledger_app::abci::APP_VERSION;
use comity_ledger_rpc::node::Genesis as Document;
use comity_model::Time;
use comity_model::genesis::Genesis;
use comity_model::profile::Profile;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Ports that a node takes: RPC, peers, application.
const PORTS: u16 = 3;

/// Writes the chain's first state, the nodes' homes and the institution's configuration.
pub(crate) fn found(home: &Home, profiles: Vec<Profile>, args: &InitArgs, now: Time) -> Result<(), Failure> {
    let nodes = (1..=args.engine.validators).map(|number| node(number, args)).collect::<Result<Vec<_>, _>>()?;
    let validators: Vec<_> = nodes.iter().map(|node| node.validator.ed25519()).collect();
    let genesis = home.create_chain_of(&validators, &[home], profiles, now)?;
    write(&home.dir, &nodes, &genesis, heartbeat_s())?;
    let mut config = init::config(home, (), None, args.signer);
    config.rest = Some(args.rest);
    config.metrics = Some(args.metrics);
    config.keys.governors = home.governor_keys();
    config.chain.rpc = nodes.first().map(|node| format!("http://{}", node.rpc));
    files::write_public(&home.dir.join("comity.toml"), text(&config, &home.dir))?;
    files::make_folder(&home.dir.join("peers"))
}

/// Writes the nodes' homes into an institution's: CometBFT's files and, for the application beside each, `ledger.toml`. A block
/// comes at least every `heartbeat_s`. Their folders.
pub(crate) fn write(dir: &Path, nodes: &[Node], genesis: &Genesis, heartbeat_s: u64) -> Result<Vec<PathBuf>, Failure> {
    let document = Document::of(genesis, APP_VERSION);
    let write = |(number, node): (u16, &Node)| {
        let folder = dir.join("nodes").join(number.to_string());
        let others: Vec<_> = nodes.iter().filter(|other| other.name != node.name).map(Node::peer).collect();
        node.write(&folder, &document, &others, heartbeat_s)?;
        let listen: Address =
            node.application.parse().map_err(|error| Failure::fault("an address of ours is none").because(error))?;
        let settings = application::text(&genesis.chain, &listen, "ledger/state.redb", "ledger/snapshots");
        files::write_public(&folder.join("ledger.toml"), settings)?;
        Ok(folder)
    };
    (1u16..).zip(nodes).map(write).collect()
}

fn node(number: u16, args: &InitArgs) -> Result<Node, Failure> {
    let first = (number - 1).checked_mul(PORTS).and_then(|offset| args.engine.node_port.checked_add(offset));
    let port = |place: u16| {
        let port = first.and_then(|first| first.checked_add(place));
        let port = port.ok_or_else(|| Failure::usage("the nodes' ports end above 65535").help("lower --node-port"))?;
        Ok::<_, Failure>(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    Ok(Node {
        name: format!("{}-{number}", args.institution),
        validator: Seed::generate()?,
        key: Seed::generate()?,
        rpc: port(0)?,
        peers: port(1)?,
        application: Address::Tcp(port(2)?).to_string(),
    })
}

/// What comes next.
pub(crate) fn say(args: &InitArgs, target: &Path) {
    let (dir, number) = (target.display(), args.engine.validators);
    println!("{} is in {dir}; its chain begins when its validators do.", args.institution);
    println!("  nodes/1 to nodes/{number}  a CometBFT home each, with ledger.toml for the application beside the node");
    println!("  comity.toml          configuration, with comments");
    println!("  clients/<role>.toml  for your own people");
    println!("  keys/, tls/, nodes/*/config/*_key.json   secrets");
    println!("Next, for each node N:");
    println!("  comity ledger abci --config {dir}/nodes/N/ledger.toml");
    println!("  cometbft start --home {dir}/nodes/N");
    println!("Then:");
    println!("  comity ledger anchor --config {dir}/comity.toml");
    println!("  comity sign  --config {dir}/comity.toml");
    println!("  comity serve --config {dir}/comity.toml");
    println!("Note: all keys were made here, by one operator; move each node to a host and a keeper of its own.");
}
