//! A record opened in part leaves its institution as a bundle; whoever has the chain's anchor checks it offline.
#![allow(clippy::unwrap_used)]

#[path = "../tests/world/mod.rs"]
mod world;

use comity_model::record::{Field, FieldValue, Opening, RecordState, RecordStatus};
use comity_model::seal::HashAlgorithm;
use comity_model::state::StatePath;
use comity_model::{Hash, RecordId, Sector, UnixSeconds};
use comity_verify::Refusal;
use comity_verify::bundle::{Bundle, Claim, Finding, Link};
use comity_verify::fields::{disclose, root};
use comity_verify::light::{LightStep, trim};

fn main() -> Result<(), Refusal> {
    // What the institution does: it commits to salted fields, and opens two of three.
    let (sector, id): (Sector, RecordId) = ("judgments".parse().unwrap(), "A-1".parse().unwrap());
    let fields = [("case", "(2025) 1234"), ("debtor", "somebody"), ("status", "IN_FORCE")];
    let openings: Vec<Opening> = fields.into_iter().zip(1u8..).map(|(field, salt)| opening(field, salt)).collect();
    let state = RecordState {
        schema: Hash([1; 32]),
        root: root(HashAlgorithm::Sha256, &openings)?,
        status: RecordStatus::Current,
        version: 1,
        updated_at: UnixSeconds(1_700_000_000),
    };
    let path = StatePath::Record(sector.clone(), id.clone());
    let tree = world::State::of_paths(&[(path.clone(), comity_model::encode(&state)), (StatePath::Governors, vec![1])]);
    let validators = world::set(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    let block =
        |height, app| world::block(world::header(height, &validators, &validators, app), &validators, &[1, 2, 3, 4]);
    let pinned = block(3, Hash([7; 32]));
    let step = LightStep { trusted_next: None, block: block(9, tree.root) };
    let bundle = Bundle {
        anchor: pinned.header.clone(),
        link: Link::Forward { steps: vec![trim(&world::pin(&pinned), &step)] },
        proof: tree.prove(&path),
        claim: Claim::Record {
            sector,
            id,
            state,
            disclosure: disclose(
                HashAlgorithm::Sha256,
                &openings,
                &["case".parse().unwrap(), "status".parse().unwrap()],
            )?,
        },
    };
    let mut file = bundle.encode();

    // What its reader does.
    let (anchor, now) = (world::anchor(&pinned), world::at(60));
    let verdict = Bundle::decode(&file)?.verify(&anchor, now)?;
    println!("{} bytes\n{verdict}", file.len());
    if let Finding::Record(record) = &verdict.finding {
        for field in &record.fields {
            println!("{}: {:?}", field.name, field.value);
        }
    }

    let middle = file.len() / 2;
    file[middle] ^= 1;
    let refused = Bundle::decode(&file).and_then(|bundle| bundle.verify(&anchor, now)).expect_err("a changed byte");
    println!("\nwith byte {middle} changed: {refused}");
    Ok(())
}

fn opening((name, value): (&str, &str), salt: u8) -> Opening {
    Opening { salt: [salt; 16], field: Field { name: name.parse().unwrap(), value: FieldValue::Text(value.into()) } }
}
