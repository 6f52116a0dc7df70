//! `comity govern …` and `comity key …`: proposals as files, approved by k of n governors on machines of their own, submitted
//! by anyone with an operator key.
//! Refuses to submit what too few have approved, and to approve what is not said in words first.

mod build;
mod file;
mod words;

use crate::cli::govern::{ApproveArgs, GovernCommand, KeyCommand, ProposeArgs, ShowArgs, SubmitArgs};
use crate::config::peers::Entered;
use crate::config::{Config, officers};
use crate::failure::{Exit, Failure};
use crate::keys::Seed;
use crate::{files, governance, institution};
use comity_adapters_ports::Chain;
use comity_model::governance::{Action, Proposal};
use comity_model::seal::Suite;
use comity_model::tx::Message;
use file::{ProposalFile, key_text};
use serde_json::json;

/// Runs `comity govern …`.
pub(crate) async fn run(command: GovernCommand) -> Result<(), Failure> {
    match command {
        GovernCommand::Propose(args) => propose(args).await,
        GovernCommand::Approve(args) => approve(&args),
        GovernCommand::Submit(args) => submit(args).await,
        GovernCommand::Show(args) => show(&args),
    }
}

/// Runs `comity key …`.
pub(crate) fn key(command: &KeyCommand) -> Result<(), Failure> {
    let seed = match command {
        KeyCommand::Create { file } => Seed::create(file)?,
        KeyCommand::Show { file } => Seed::read(file)?,
    };
    println!("{}", hex::encode(seed.ed25519()));
    Ok(())
}

fn chain(config: &Config) -> Result<Chain, Failure> {
    institution::chain(config, &config.rpc_url())
}

/// Writes a proposal to a file.
pub(crate) async fn propose(args: ProposeArgs) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let chain = chain(&config)?;
    let wanted = build::wanted(&config, &chain, args.what).await?;
    let governors = governance::governors(&chain).await?;
    let name = chain.headers.chain();
    let proposals = (governors.next..).zip(wanted.actions).map(|(number, action)| Proposal {
        chain: name.clone(),
        number,
        action,
        evidence: wanted.evidence,
    });
    let file = ProposalFile::new(&governors, proposals.collect());
    files::write_public(&args.out, file.text()?)?;
    print(&file);
    let out = args.out.display();
    println!("Next, {} of {} governors each:", file.threshold, file.governors.len());
    println!("  comity govern approve {out} --key <their key file>");
    println!("then: comity govern submit --config {} {out}", args.config.display());
    Ok(())
}

fn approve(args: &ApproveArgs) -> Result<(), Failure> {
    let mut file = ProposalFile::read(&args.proposal)?;
    print(&file);
    if let Some(path) = &args.evidence {
        let found = build::digest_of(path)?;
        let named = file.proposals.iter().all(|proposal| proposal.evidence == found);
        if !named {
            return Err(Failure::refused("EVIDENCE", format!("{} is not the evidence that is named", path.display()))
                .help("the proposal rests on another file: nothing was signed"));
        }
    }
    let is_new = file.approve(&Seed::read(&args.key)?)?;
    let out = args.out.as_ref().unwrap_or(&args.proposal);
    if args.out.is_some() {
        files::write_public(out, file.text()?)?;
    } else if is_new {
        files::replace(out, file.text()?)?;
    }
    let said = if is_new { "Approved" } else { "Approved before" };
    println!("{said}: {} of {} that are needed, in {}.", file.approvals(), file.threshold, out.display());
    Ok(())
}

fn show(args: &ShowArgs) -> Result<(), Failure> {
    let file = ProposalFile::read(&args.proposal)?;
    if args.json {
        let governors =
            file.governors.iter().map(|key| json!({ "key": key_text(key), "approved": file.approved(key) }));
        let shown = json!({
            "digest": words::digest(&file),
            "threshold": file.threshold,
            "governors": governors.collect::<Vec<_>>(),
            "proposals": file.proposals.iter().map(words::json).collect::<Vec<_>>(),
        });
        println!("{shown}");
        return Ok(());
    }
    print(&file);
    Ok(())
}

fn print(file: &ProposalFile) {
    for line in file.proposals.iter().flat_map(words::lines) {
        println!("{line}");
    }
    println!("Digest: {}", words::digest(file));
    println!("{} of {} governors must approve:", file.threshold, file.governors.len());
    for key in &file.governors {
        let has = if file.approved(key) { "has approved" } else { "has not approved" };
        println!("  {} {has}", key_text(key));
    }
}

async fn submit(args: SubmitArgs) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let mut files = args.proposals.iter().map(|path| ProposalFile::read(path));
    let mut file = files.next().ok_or_else(|| Failure::usage("no proposal was given"))??;
    for copy in files {
        file.merge(copy?)?;
    }
    let chain = chain(&config)?;
    carry_out(&chain, &file).await?;
    let name = chain.headers.chain();
    for proposal in &file.proposals {
        println!("{name} has carried out proposal {}: {}.", proposal.number, words::kind(&proposal.action));
    }
    for proposal in &file.proposals {
        follow_up(&args, &config, &chain, &proposal.action).await?;
    }
    Ok(())
}

/// Submits the proposals of a file in one transaction, once it is known that the chain can take them.
async fn carry_out(chain: &Chain, file: &ProposalFile) -> Result<(), Failure> {
    let governors = governance::governors(chain).await?;
    let name = chain.headers.chain();
    let first = file.proposals.first().ok_or_else(|| Failure::usage("the file holds no proposal"))?;
    if first.chain != *name {
        return Err(Failure::usage(format!("the proposal is for {}, the configuration of {name}", first.chain)));
    }
    if first.number != governors.next {
        let what = format!("the proposal has number {}, and {name} takes number {} next", first.number, governors.next);
        let help = if first.number < governors.next {
            "it, or another of its number, was carried out already; if yours was not, propose it anew"
        } else {
            "an earlier proposal is to be submitted first"
        };
        return Err(Failure::refused("PROPOSAL_NUMBER", what).help(help));
    }
    let mut messages = Vec::new();
    for (index, proposal) in file.proposals.iter().enumerate() {
        let approvals = file.for_chain(index, &governors);
        if approvals.len() < usize::from(governors.threshold) {
            let (have, need, all) = (approvals.len(), governors.threshold, governors.keys.len());
            let what = format!("{need} of {all} governors of {name} must approve, and {have} have");
            return Err(Failure::refused("NOT_ENOUGH_GOVERNORS", what)
                .help("more governors approve: `comity govern approve <file> --key <their key file>`"));
        }
        messages.push(Message::Govern { proposal: proposal.clone(), approvals });
    }
    governance::submit(chain, messages).await.map_err(|failure| {
        let help = help_for(failure.code());
        if failure.exit() == Exit::Refused { failure.help(help) } else { failure }
    })
}

/// What to do about a chain's refusal.
fn help_for(code: &str) -> &'static str {
    match code {
        "CLIENT_ACTIVE" => "the client is neither frozen nor expired: there is nothing to recover",
        "CLIENT_EXPIRED" => "the anchor is older than the client's trusting period: get a newer anchor file",
        "CLIENT_EXISTS" => "the client stands already: `comity link` goes on from there",
        "OPERATOR_TAKEN" => "an operator key belongs to one member: take another",
        "VALIDATORS_MALFORMED" => "a key stands twice, a validator to be removed is not known, or none would be left",
        "PROFILE_MALFORMED" => "a kind of order stands twice, or there are too many",
        "UNKNOWN_MEMBER" => "the member's home is another chain: its governors decide",
        "MEMBER_NOT_VALID" => "the keys of the submitting institution are not valid: another one submits it",
        _ => "nothing was changed; `comity govern show` says what was proposed",
    }
}

/// What whoever submitted has to do next.
async fn follow_up(args: &SubmitArgs, config: &Config, chain: &Chain, action: &Action) -> Result<(), Failure> {
    match action {
        Action::CreateClient { .. } => {
            println!("Next: `comity link` enters the other institution as a peer.");
        }
        Action::RecoverClient { client, .. } => {
            if let Some(state) = governance::client(chain, client).await? {
                println!("{client} may be used from {} on; the relayer goes on by itself then.", state.usable_from);
            }
        }
        Action::SetMember(member) if member.id == config.institution && member.validity.compromised_since.is_none() => {
            println!(
                "If its seal key is new: name the new key file as signer.key in {}, and start `comity sign` anew.",
                args.config.display()
            );
        }
        Action::SetOfficer(officer) if officer.key.suite() != Suite::Ed25519Sha256 => {
            println!("The signer's own list takes Ed25519 keys: {} is not entered there.", officer.id);
        }
        Action::SetOfficer(officer) if officer.member == config.institution => {
            let entered = officers::enter(&args.config, officer)?;
            if entered == Entered::Changed {
                println!(
                    "{} names {} so as well: the signer's own list. Start `comity sign` anew to take it up.",
                    args.config.display(),
                    officer.id
                );
            }
        }
        Action::SetValidators(_) if config.engine.is_some() => {
            println!("The embedded engine signs with the keys named in engine.validators: keep them in step.");
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
