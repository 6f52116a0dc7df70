//! Time stamps over the log's checkpoints: an authority's are judged, kept and handed out with deposits; one that is down or answers
//! something else is shown and holds nothing up.

use crate::alliance::World;
use crate::deposits::{court, deposited, eventually, log, now, prove, samples::digest, world};
use crate::tsa::{Answer, Desk, Tsa};
use comity_gateway::Timestamps;
use comity_proto::v1;
use comity_verify::bundle::{Bundle, Claim, Reader, Verdict};
use comity_verify::timestamp::{Authority, check};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn timestamps(desk: &Desk, tsa: &Tsa) -> Timestamps {
    let authorities = Authority::read_pem(&tsa.root()).unwrap();
    Timestamps { url: desk.url(), authorities, every: Duration::from_secs(1) }
}

fn honest(tsa: &Arc<Tsa>) -> Answer {
    let tsa = tsa.clone();
    Box::new(move |request| (200, tsa.reply(request)))
}

/// The bundle of a deposit, and what it says to who trusts these authorities.
async fn proven(world: &World, index: u64, authorities: &[Authority]) -> (Bundle, Verdict) {
    let request = prove(index, digest(2, index), false);
    let proven = eventually(async || court(world, "reader").prove_deposit(request.clone()).await).await.into_inner();
    let bundle = Bundle::decode(&proven.bundle).unwrap();
    let reader = Reader { authorities, ..Reader::default() };
    let verdict = bundle.verify_for(&reader, &world.court.anchor, now()).unwrap();
    (bundle, verdict)
}

fn stamps(log: &v1::DepositLog) -> v1::TimeStampStanding {
    log.time_stamps.clone().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_stamps_the_log_and_one_that_is_down_is_shown_and_costs_nothing_but_its_time_stamp() {
    let Some(tsa) = Tsa::p256(true).map(Arc::new) else { return };
    let desk = Desk::open("127.0.0.1:0", honest(&tsa));
    let mut world = world().await;
    deposited(&world, 1, 0..3).await;
    world.court.timestamps = Some(timestamps(&desk, &tsa));
    let world = world.restart_court().await;

    let roots = Authority::read_pem(&tsa.root()).unwrap();
    let seen = log(&world, |log| stamps(log).stamped_size == 3).await;
    let text = seen.note.split_once("\n\n").unwrap().0.to_owned() + "\n";
    let stamp = check(&stamps(&seen).token, text.as_bytes(), &roots).unwrap();
    assert!(stamp.known);
    assert_eq!((stamps(&seen).authority.as_str(), stamps(&seen).failure.as_str()), ("A clock", ""));
    let (bundle, verdict) = proven(&world, 1, &roots).await;
    assert!(matches!(bundle.claim, Claim::Stamped(_)));
    let said = format!("existed no later than {}, by the time stamp of A clock", stamp.at);
    assert!(verdict.proves.iter().any(|sentence| sentence.contains(&said)), "{verdict}");
    let (_, verdict) = proven(&world, 1, &[]).await;
    assert!(!verdict.to_string().contains("existed no later than"), "{verdict}");
    assert!(verdict.to_string().contains("nothing follows from it unless"), "{verdict}");

    // Down: deposits and checkpoints go on, and what was stamped stays so.
    let (address, asked) = (desk.address(), desk.asked());
    drop(desk);
    assert_eq!(asked, 1);
    deposited(&world, 2, 3..6).await;
    let (bundle, verdict) = proven(&world, 4, &roots).await;
    assert!(matches!(bundle.claim, Claim::Deposit(_)) && verdict.stamped.is_none());
    let seen = log(&world, |log| stamps(log).failure == "UNREACHABLE").await;
    assert_eq!((stamps(&seen).stamped_size, seen.checkpoint.unwrap().size), (3, 6));
    assert!(proven(&world, 2, &roots).await.1.stamped.is_some_and(|stamped| stamped.size == 3));

    // It comes back, and stamps the newest checkpoint alone.
    let desk = Desk::open(&address, honest(&tsa));
    log(&world, |log| stamps(log).stamped_size == 6 && stamps(log).failure.is_empty()).await;
    assert!(proven(&world, 4, &roots).await.1.stamped.is_some_and(|stamped| stamped.size == 6 && stamped.stamp.known));
    // After a restart it is not asked again about what it has stamped.
    let asked = desk.asked();
    let world = world.restart_court().await;
    log(&world, |log| stamps(log).stamped_size == 6).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(desk.asked(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_time_stamp_of_this_checkpoint_by_this_authority_is_not_kept_and_it_is_said_why() {
    let (Some(tsa), Some(other)) = (Tsa::p256(true).map(Arc::new), Tsa::p256(true)) else { return };
    let mode = Arc::new(Mutex::new("status"));
    let (own, said) = (tsa.clone(), mode.clone());
    let desk = Desk::open(
        "127.0.0.1:0",
        Box::new(move |request| match *said.lock().unwrap() {
            "status" => (503, Vec::new()),
            "garbage" => (200, b"<html>no</html>".to_vec()),
            "oversize" => (200, vec![0x30; 200_000]),
            "other authority" => (200, other.reply(request)),
            "other checkpoint" => {
                let mut changed = request.to_vec();
                let imprint = request.windows(2).position(|bytes| bytes == [0x04, 0x20]).unwrap();
                changed[imprint + 2] ^= 1;
                (200, own.reply(&changed))
            }
            _ => (200, own.reply(request)),
        }),
    );
    let mut world = world().await;
    deposited(&world, 1, 0..3).await;
    world.court.timestamps = Some(timestamps(&desk, &tsa));
    for (now, failure) in [
        ("status", "REFUSED"),
        ("garbage", "WRONG_TOKEN"),
        ("oversize", "UNREACHABLE"),
        ("other authority", "UNKNOWN_AUTHORITY"),
        ("other checkpoint", "WRONG_TOKEN"),
    ] {
        *mode.lock().unwrap() = now;
        // Anew, so that it is not rested from the failure before.
        world = world.restart_court().await;
        let seen = log(&world, |log| !stamps(log).failure.is_empty()).await;
        assert_eq!((stamps(&seen).failure.as_str(), stamps(&seen).stamped_size), (failure, 0), "{now}");
    }
    *mode.lock().unwrap() = "honest";
    log(&world, |log| stamps(log).stamped_size == 3).await;
}
