//! `comity record …` and `comity asset …`: a file's lines become rows, rows go in batches, and every line that is refused is
//! named with its reason.
//! Refuses to repeat what a line says.

use super::fields;
use super::lines::{Line, Lines, Object, Problem};
use super::show::{amount_json, proof_json, proof_line, table};
use super::{ClientFile, status};
use crate::cli::register::{AssetCommand, FieldsArgs, PutArgs, RecordCommand, ShowAssetArgs};
use crate::failure::{Failure, OrFail};
use crate::sectors;
use comity_gateway::sectors::FieldSet;
use comity_model::Sector;
use comity_proto::v1;
use comity_proto::v1::assets_client::AssetsClient;
use comity_proto::v1::records_client::RecordsClient;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use prost::Message as _;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};
use tonic::transport::Channel;

/// Most rows of a batch, and most bytes: a request has at most 1 MiB.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 900 << 10;
/// Refused lines that are named one by one.
const NAMED_MAX: usize = 100;

/// Runs `comity record …`.
pub(crate) async fn record(command: RecordCommand) -> Result<(), Failure> {
    match command {
        RecordCommand::Fields(args) => list_fields(&args),
        RecordCommand::Put(args) => {
            let known = sectors::embedded()?;
            let schema = known.sector(&args.sector).ok_or_else(|| no_sector(&args.sector))?;
            let kind = Kind::Records(&schema.record);
            put(args, kind).await
        }
    }
}

/// Runs `comity asset …`.
pub(crate) async fn asset(command: AssetCommand) -> Result<(), Failure> {
    match command {
        AssetCommand::Register(args) => put(args, Kind::Assets).await,
        AssetCommand::Show(args) => show_asset(args).await,
    }
}

async fn show_asset(args: ShowAssetArgs) -> Result<(), Failure> {
    let client = ClientFile::read(&args.client.client)?;
    let parent = format!("members/{}/sectors/{}", client.institution, args.sector);
    let mut assets = AssetsClient::new(client.connect()?);
    let asked = assets.lookup_asset(v1::LookupAssetRequest { parent, reference: args.reference }).await;
    let asset = asked.map_err(|error| status(error, "the asset was not looked up"))?.into_inner();
    if args.json {
        println!(
            "{}",
            json!({
                "name": asset.name,
                "value": amount_json(asset.value.as_ref()),
                "enforcement": asset.enforcement().as_str_name(),
                "holds_placed": asset.holds_placed,
                "etag": asset.etag,
                "proof": proof_json(asset.proof.as_ref()),
            })
        );
        return Ok(());
    }
    let mut shown = table(&[]);
    shown.add_row(["asset", &asset.name]);
    shown.add_row(["value", &asset.value.as_ref().map_or_else(|| "the whole".to_owned(), fields::shown_amount)]);
    shown.add_row(["enforced", asset.enforcement().as_str_name()]);
    shown.add_row(["holds placed", &asset.holds_placed.to_string()]);
    shown.add_row(["etag", &asset.etag]);
    println!("{shown}");
    if let Some(proof) = &asset.proof {
        println!("{}", proof_line(proof));
    }
    Ok(())
}

/// What the lines are.
enum Kind<'a> {
    Records(&'a FieldSet),
    Assets,
}

/// A line as a row.
enum Row {
    Record(v1::RecordRow),
    Asset(v1::AssetRow),
}

impl Row {
    fn bytes(&self) -> usize {
        match self {
            Self::Record(row) => row.encoded_len(),
            Self::Asset(row) => row.encoded_len(),
        }
    }
}

impl Kind<'_> {
    fn row(&self, object: Object) -> Result<Row, Problem> {
        match self {
            Self::Records(set) => {
                let fields = object.0.iter().map(|(name, value)| fields::from_json(set, name, value));
                Ok(Row::Record(v1::RecordRow { fields: fields.collect::<Result<_, _>>()? }))
            }
            Self::Assets => asset_row(object).map(Row::Asset),
        }
    }

    const fn noun(&self) -> &'static str {
        match self {
            Self::Records(_) => "records",
            Self::Assets => "assets",
        }
    }
}

/// What became of a file.
#[derive(Default)]
struct Tally {
    lines: u64,
    changed: u64,
    unchanged: u64,
    refused: u64,
    named: Vec<(u64, Problem)>,
    proof: Option<v1::Proof>,
}

impl Tally {
    fn refuse(&mut self, line: u64, problem: Problem) {
        self.refused = self.refused.saturating_add(1);
        if self.named.len() < NAMED_MAX {
            self.named.push((line, problem));
        }
    }
}

/// What a gateway said of a batch.
struct Answer {
    changed: Vec<bool>,
    errors: Vec<v1::RowError>,
    proof: Option<v1::Proof>,
}

async fn put(args: PutArgs, kind: Kind<'_>) -> Result<(), Failure> {
    let file = ClientFile::read(&args.client.client)?;
    let parent = format!("members/{}/sectors/{}", file.institution, args.sector);
    let sender = Sender { channel: file.connect()?, parent, validate_only: args.validate_only };
    let (source, bytes): (Box<dyn BufRead>, Option<u64>) = if args.file.as_os_str() == "-" {
        (Box::new(BufReader::new(std::io::stdin())), None)
    } else {
        let failed = || format!("{} could not be opened", args.file.display());
        let file = File::open(&args.file).or_usage(failed)?;
        let bytes = file.metadata().or_usage(failed)?.len();
        (Box::new(BufReader::new(file)), Some(bytes))
    };
    let bar = progress(bytes);
    let mut tally = Tally::default();
    let sent = send(&kind, &sender, Lines::new(source), &mut tally, &bar).await;
    bar.finish_and_clear();
    report(&args, &kind, &tally);
    sent?;
    if tally.refused == 0 {
        return Ok(());
    }
    let (all, of) = (tally.lines, tally.refused);
    let good = if args.validate_only { "nothing was changed" } else { "the others stand" };
    Err(Failure::refused("ROWS_REFUSED", format!("{of} of {all} lines were refused; {good}"))
        .help("correct these lines and give the whole file again: what stands so already is left as it is"))
}

/// Reads, sends batch by batch, and counts. Rows of at most one batch are in memory.
async fn send(
    kind: &Kind<'_>,
    sender: &Sender,
    mut lines: Lines<Box<dyn BufRead>>,
    tally: &mut Tally,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let mut batch: Vec<(u64, Row)> = Vec::new();
    let mut bytes = 0usize;
    while let Some(Line { number, read, object }) =
        lines.next().or_fault(|| "the file could not be read on".to_owned())?
    {
        tally.lines = tally.lines.saturating_add(1);
        match object.and_then(|object| kind.row(object)) {
            Err(problem) => tally.refuse(number, problem),
            Ok(row) if row.bytes() > BATCH_BYTES => {
                tally.refuse(number, Problem::new("TOO_LARGE", "The row is larger than a request may be."));
            }
            Ok(row) => {
                if batch.len() == BATCH_ROWS || bytes.saturating_add(row.bytes()) > BATCH_BYTES {
                    sender.send(std::mem::take(&mut batch), tally).await?;
                    bytes = 0;
                }
                // A row's own length stands before it.
                bytes = bytes.saturating_add(row.bytes()).saturating_add(8);
                batch.push((number, row));
            }
        }
        bar.set_position(read);
        bar.set_message(format!("line {number}, {} refused", tally.refused));
    }
    sender.send(batch, tally).await
}

struct Sender {
    channel: Channel,
    parent: String,
    validate_only: bool,
}

impl Sender {
    async fn send(&self, batch: Vec<(u64, Row)>, tally: &mut Tally) -> Result<(), Failure> {
        let (numbers, rows): (Vec<u64>, Vec<Row>) = batch.into_iter().unzip();
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(()) };
        let before = if tally.changed.saturating_add(tally.unchanged) > 0 { "; those before them stand" } else { "" };
        let doing = format!("lines {first} to {last} were not put{before}");
        let answer = self.call(rows).await.map_err(|error| status(error, &doing))?;
        for changed in &answer.changed {
            let count = if *changed { &mut tally.changed } else { &mut tally.unchanged };
            *count = count.saturating_add(1);
        }
        for error in answer.errors {
            let line = usize::try_from(error.index).ok().and_then(|index| numbers.get(index)).copied().unwrap_or(0);
            tally.refuse(line, Problem { reason: error.reason, message: error.message, field: error.field });
        }
        tally.proof = answer.proof.or(tally.proof.take());
        Ok(())
    }

    async fn call(&self, rows: Vec<Row>) -> Result<Answer, tonic::Status> {
        let (mut records, mut assets) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                Row::Record(row) => records.push(row),
                Row::Asset(row) => assets.push(row),
            }
        }
        let (parent, validate_only) = (self.parent.clone(), self.validate_only);
        if assets.is_empty() {
            let request = v1::BatchPutRecordsRequest { parent, rows: records, validate_only };
            let answer = RecordsClient::new(self.channel.clone()).batch_put_records(request).await?.into_inner();
            let changed = answer.results.iter().map(|result| result.changed).collect();
            return Ok(Answer { changed, errors: answer.errors, proof: answer.proof });
        }
        let request = v1::BatchRegisterAssetsRequest { parent, rows: assets, validate_only };
        let answer = AssetsClient::new(self.channel.clone()).batch_register_assets(request).await?.into_inner();
        let changed = answer.results.iter().map(|result| result.changed).collect();
        Ok(Answer { changed, errors: answer.errors, proof: answer.proof })
    }
}

/// A bar over the file's bytes, or over nothing known; only on a terminal.
fn progress(bytes: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
    let template = if bytes.is_some() { "[{bar:24}] {percent}% {msg}, {eta} left" } else { "{spinner} {msg}" };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar
}

fn report(args: &PutArgs, kind: &Kind<'_>, tally: &Tally) {
    if args.json {
        let errors: Vec<_> = tally.named.iter().map(|(line, problem)| problem_json(*line, problem)).collect();
        println!(
            "{}",
            json!({
                "lines": tally.lines, "changed": tally.changed, "unchanged": tally.unchanged,
                "refused": tally.refused, "errors": errors, "validate_only": args.validate_only,
                "proof": proof_json(tally.proof.as_ref()),
            })
        );
        return;
    }
    for (line, Problem { reason, message, .. }) in &tally.named {
        eprintln!("{}:{line}: {reason}: {message}", args.file.display());
    }
    let more = tally.refused.saturating_sub(tally.named.len() as u64);
    if more > 0 {
        eprintln!("… and {more} more lines");
    }
    let noun = kind.noun();
    if args.validate_only {
        println!("{} lines: {} in order, nothing changed.", tally.lines, tally.lines.saturating_sub(tally.refused));
        return;
    }
    println!(
        "{} {noun} new or changed, {} stood so already, {} refused.",
        tally.changed, tally.unchanged, tally.refused
    );
    if let Some(proof) = &tally.proof {
        println!("{}", proof_line(proof));
    }
}

fn problem_json(line: u64, problem: &Problem) -> Value {
    json!({ "line": line, "reason": problem.reason, "message": problem.message, "field": problem.field })
}

fn asset_row(object: Object) -> Result<v1::AssetRow, Problem> {
    let mut row = v1::AssetRow::default();
    let mut seen = Vec::new();
    for (name, value) in object.0 {
        if seen.contains(&name) {
            return Err(Problem::of("FIELD_VALUE", &name, format!("{name} is given twice.")));
        }
        match (name.as_str(), &value) {
            ("reference", Value::String(text)) => text.clone_into(&mut row.reference),
            ("value", Value::Null) => {}
            ("value", value) => {
                let amount = fields::amount_from_json(value);
                let message = "value is money such as \"1234.56\" or \"USD:1234.56\", or is left out.";
                let amount = amount.ok_or_else(|| Problem::of("FIELD_TYPE", "value", message))?;
                row.value = Some(comity_gateway::amount_to_wire(&amount));
            }
            ("enforcement", Value::String(text)) if text == "attested" => {
                row.set_enforcement(v1::Enforcement::Attested)
            }
            ("enforcement", Value::String(text)) if text == "native" => row.set_enforcement(v1::Enforcement::Native),
            ("enforcement", _) => {
                return Err(Problem::of("FIELD_VALUE", "enforcement", "enforcement is \"attested\" or \"native\"."));
            }
            ("etag", Value::String(text)) => text.clone_into(&mut row.etag),
            ("reference" | "etag", _) => {
                return Err(Problem::of("FIELD_TYPE", &name, format!("{name} is a text.")));
            }
            _ => {
                let message = "An asset has reference, value, enforcement and etag, and nothing else.";
                return Err(Problem::new("UNKNOWN_FIELD", message));
            }
        }
        seen.push(name);
    }
    if row.reference.is_empty() {
        return Err(Problem::of("FIELD_MISSING", "reference", "reference is missing."));
    }
    Ok(row)
}

fn list_fields(args: &FieldsArgs) -> Result<(), Failure> {
    let known = sectors::embedded()?;
    let schema = known.sector(&args.sector).ok_or_else(|| no_sector(&args.sector))?;
    if args.json {
        let fields = schema.record.iter().map(|spec| {
            json!({
                "name": spec.name.as_str(), "type": spec.value_type.name(), "required": spec.required,
                "personal": spec.personal, "readers": spec.readers, "values": spec.values,
                "zh": spec.label_zh, "en": spec.label_en,
            })
        });
        println!("{}", fields.collect::<Value>());
        return Ok(());
    }
    let mut shown = table(&["field", "is", "label", "values"]);
    for spec in schema.record.iter() {
        let required = if spec.required { ", required" } else { "" };
        let personal = if spec.personal { ", personal" } else { "" };
        shown.add_row([
            spec.name.to_string(),
            format!("{}{required}{personal}", spec.value_type.name()),
            format!("{} {}", spec.label_zh, spec.label_en),
            spec.values.join(", "),
        ]);
    }
    println!("{shown}");
    Ok(())
}

fn no_sector(sector: &Sector) -> Failure {
    let names = sectors::embedded()
        .map(|known| known.iter().map(|schema| schema.name.to_string()).collect::<Vec<_>>().join(", "));
    Failure::usage(format!("there is no sector {sector}"))
        .help(format!("sectors that are known: {}", names.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli::register::{ASSET_EXAMPLE, RECORD_EXAMPLE};

    /// The lines of an example that are objects.
    fn objects(example: &str) -> Vec<Object> {
        let lines = example.lines().map(str::trim).filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_file_of_records_that_the_help_shows_is_one() {
        let known = sectors::embedded().unwrap();
        let schema = known.sector(&"lawyers".parse().unwrap()).unwrap();
        let objects = objects(RECORD_EXAMPLE);
        assert_eq!(objects.len(), 1);
        for object in objects {
            let Row::Record(row) = Kind::Records(&schema.record).row(object).map_err(|p| p.message).unwrap() else {
                panic!("no record")
            };
            let required = schema.record.iter().filter(|spec| spec.required);
            for spec in required {
                assert!(row.fields.iter().any(|field| field.name == spec.name.as_str()), "{} is missing", spec.name);
            }
        }
    }

    #[test]
    fn the_file_of_assets_that_the_help_shows_is_one() {
        let rows: Vec<_> = objects(ASSET_EXAMPLE).into_iter().map(|object| asset_row(object).unwrap()).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].value.as_ref().unwrap().minor, 5_200_000);
        assert_eq!(rows[1].value.as_ref().unwrap().currency, "USD");
    }

    #[test]
    fn a_line_that_is_no_asset_is_refused_with_a_reason_and_without_its_reference() {
        for (line, reason) in [
            (r#"{"value":"1.00"}"#, "FIELD_MISSING"),
            (r#"{"reference":6222020001}"#, "FIELD_TYPE"),
            (r#"{"reference":"6222020001","value":"1.5"}"#, "FIELD_TYPE"),
            (r#"{"reference":"6222020001","value":1.5}"#, "FIELD_TYPE"),
            (r#"{"reference":"6222020001","enforcement":"none"}"#, "FIELD_VALUE"),
            (r#"{"reference":"6222020001","reference":"6222020001"}"#, "FIELD_VALUE"),
            (r#"{"reference":"6222020001","owner":"x"}"#, "UNKNOWN_FIELD"),
        ] {
            let problem = asset_row(serde_json::from_str(line).unwrap()).unwrap_err();
            assert_eq!(problem.reason, reason, "{line}");
            assert!(!problem.message.contains("6222"), "{}", problem.message);
        }
    }
}
