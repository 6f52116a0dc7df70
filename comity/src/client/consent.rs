//! `comity consent sign`: the statement of a record's subject that somebody may read it.
//! Refuses to know the record: whether it names this key is decided where it is kept.

use crate::cli::{ConsentArgs, ConsentCommand};
use crate::clock;
use crate::failure::Failure;
use crate::files;
use crate::keys::Seed;
use comity_model::consent::{Consent, SignedConsent};
use comity_model::encode;
use comity_verify::consent::TAG;
use comity_verify::seal::signing_bytes;

/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// Runs the command.
pub(crate) fn run(command: &ConsentCommand) -> Result<(), Failure> {
    let ConsentCommand::Sign(args) = command;
    let seed = Seed::read(&args.key)?;
    let consent = consent(args)?;
    let signature = seed.sign(&signing_bytes(TAG, &consent));
    files::save(&args.out, encode(&SignedConsent { consent, signature }))?;
    println!("Saved {}: for {}, {} days from now.", args.out.display(), args.reader, args.days);
    Ok(())
}

fn consent(args: &ConsentArgs) -> Result<Consent, Failure> {
    let parts = || {
        let rest = args.record.strip_prefix("members/")?;
        let (keeper, rest) = rest.split_once("/sectors/")?;
        let (sector, record) = rest.split_once("/records/")?;
        Some((keeper.parse().ok()?, sector.parse().ok()?, record.parse().ok()?))
    };
    let (keeper, sector, record) =
        parts().ok_or_else(|| Failure::usage("a record is members/<member>/sectors/<sector>/records/<record>"))?;
    let from = clock::now().unix_seconds();
    Ok(Consent {
        keeper,
        sector,
        record,
        reader: args.reader.clone(),
        purpose: args.purpose.clone(),
        from,
        until: from.plus(u64::from(args.days) * DAY_S),
    })
}
