//! `comity deposit renew`: a bundle is deposited anew, whole, and comes back inside the proof of that deposit.
//! Refuses to judge either proof: `comity verify` does, with the anchors of both chains.

use super::deposit::{connect, hashed, proven};
use super::show::proof_line;
use super::status;
use crate::cli::deposit::DepositRenewArgs;
use crate::failure::Failure;
use crate::files;
use comity_proto::v1;
use comity_verify::Refusal;
use comity_verify::bundle::{BYTES_MAX, Bundle, Claim};
use comity_verify::renewal::RenewedBundle;
use std::time::{Duration, Instant};

/// How soon it is asked again whether there is a time stamp.
const AGAIN: Duration = Duration::from_secs(1);

/// Runs the command. Run again, it deposits nothing more, and takes up what others have said of the log since.
pub(crate) async fn run(args: DepositRenewArgs) -> Result<(), Failure> {
    let bytes_max = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX);
    let old = files::read_bytes(&args.bundle, bytes_max)?;
    let _: Bundle = Bundle::decode(&old).map_err(|refusal| {
        Failure::refused(refusal.rule.code(), format!("{} is no bundle: {refusal}", args.bundle.display()))
            .help("what is renewed is a proof; files are deposited with `comity deposit put`")
    })?;
    let (mut client, parent) = connect(&args.client.client)?;
    let file = hashed(&args.bundle)?;
    let item = v1::DepositItem {
        sha256: file.sha256.to_vec(),
        sm3: file.sm3.to_vec(),
        size_bytes: file.size,
        name: args.bundle.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        ..Default::default()
    };
    let circumstances = v1::Circumstances {
        kind: v1::DepositKind::Archive.into(),
        method: "renewal of a proof".into(),
        ..Default::default()
    };
    let request = v1::BatchCreateDepositsRequest {
        parent: parent.clone(),
        request_id: uuid::Uuid::new_v4().into_bytes().to_vec(),
        circumstances: Some(circumstances),
        items: vec![item],
        if_deposited: v1::IfDeposited::LeaveOut.into(),
        seal: Vec::new(),
    };
    let made =
        client.batch_create_deposits(request).await.map_err(|error| status(error, "the bundle was not deposited"))?;
    let made = made.into_inner();
    let index = made.existing.first().map_or(made.first_index, |existing| existing.index);
    let request = v1::ProveDepositRequest {
        name: format!("{parent}/deposits/{index}"),
        digest: file.sha256.to_vec(),
        with_statement: false,
        purpose: None,
    };
    let until = Instant::now() + Duration::from_secs(args.wait.into());
    let (bundle, proof) = loop {
        let left = until.saturating_duration_since(Instant::now());
        let answer = proven(&mut client, request.clone(), left, None).await?;
        let bundle = Bundle::decode(&answer.bundle).map_err(other)?;
        let is_stamped = bundle.claim.attested().is_some_and(|attested| attested.stamped.is_some());
        if is_stamped || !args.stamped {
            break (bundle, answer.proof);
        }
        if left.is_zero() {
            return Err(Failure::unavailable("the bundle is deposited, and no authority for time has stamped it yet")
                .help("ask again, with a longer --wait; `comity deposit log` says what the authority answers"));
        }
        tokio::time::sleep(AGAIN).await;
    };
    let renewed = renewed(bundle, old)?;
    let bytes = renewed.encode();
    if bytes.len() > BYTES_MAX {
        return Err(Failure::refused("TOO_LARGE", "With the newer proof the bundle has more than 4 MiB."));
    }
    files::save(&args.out, &bytes)?;
    println!("{parent}/deposits/{index}: {} bytes in {}", bytes.len(), args.out.display());
    if let Some(proof) = &proof {
        println!("{}", proof_line(proof));
    }
    println!("`comity verify` judges it with the anchors of both chains: --anchor NEW --anchor OLD");
    Ok(())
}

/// The proof of the deposit around the bundle that was deposited.
fn renewed(bundle: Bundle, old: Vec<u8>) -> Result<Bundle, Failure> {
    let (deposit, witnessed, stamped) = match bundle.claim {
        Claim::Deposit(deposit) => (deposit, None, None),
        Claim::Witnessed(claim) => (claim.deposit, Some(claim.witnessed), None),
        Claim::Stamped(claim) => (claim.deposit, claim.witnessed, Some(claim.stamped)),
        _ => return Err(Failure::fault("the gateway answered with a bundle that is not of a deposit")),
    };
    let claim = Claim::Renewed(RenewedBundle { deposit, stamped, witnessed, old });
    Ok(Bundle { anchor: bundle.anchor, link: bundle.link, claim, proof: bundle.proof })
}

fn other(refusal: Refusal) -> Failure {
    Failure::fault("the gateway answered with something that is no bundle").because(refusal)
}
