//! What `comity sandbox` prints: where everything is, and commands to try that work when they are pasted.
//! Refuses to print keys.

use super::World;
use super::data::{CONSENT_SEED, OrderDraft};
use crate::failure::Failure;
use crate::{files, ledger};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comity_web_verify::answer::line;

/// Writes the drafts that the commands name, and prints the guide.
pub(super) fn print(world: &World) -> Result<(), Failure> {
    drafts(world)?;
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY).set_header([
        "institution",
        "name",
        "gateway (gRPC, mTLS)",
        "REST (mTLS)",
        "chain",
        "RPC",
    ]);
    for institution in world.institutions() {
        table.add_row([
            institution.id.to_string(),
            institution.names.join("\n"),
            institution.grpc.to_string(),
            institution.gateway.rest_addr().map(|rest| format!("https://{rest}")).unwrap_or_default(),
            institution.chain.to_string(),
            institution.rpc.clone(),
        ]);
    }
    println!("{table}");
    for institution in world.institutions() {
        if let Some(url) = institution.gateway.public_url() {
            println!("Page for everybody, {}: {url}/", institution.id);
        }
    }
    println!("Note: {}.", ledger::ONE_OPERATOR);
    if let Some(told) = world.engine().told() {
        println!("{told} Logs: <institution>/nodes/<n>/node.log.");
    }
    println!("Files: {}/<institution>/", world.dir().display());
    println!("  <institution>.anchor   what others need in order to believe its chain");
    println!(
        "  clients/<role>.toml    certificates of its people: reader, clerk, officer, registrar, operator, auditor"
    );
    println!("  keys/officer-*.key     its officers' keys (courts)");
    // It runs until it is stopped, so it is not among what is pasted.
    println!("\nThe court's console, in a browser: chains, orders as they go, deposits, who read what:");
    println!("  {} console --as {}/court/clients/officer.toml", program(), world.dir().display());
    println!("\nTo try, from another terminal:\n\n{}", commands(world));
    println!("\nStops at Ctrl-C.");
    Ok(())
}

/// Private parts of orders as files, as a case system would hand them over.
fn drafts(world: &World) -> Result<(), Failure> {
    let lawyer = world.institution("justice")?.dir.join("drafts/lawyer.key");
    files::write_secret(&lawyer, hex::encode(CONSENT_SEED))?;
    let orders = &world.data().showcase.orders;
    for (court, name, draft) in [
        ("court", "freeze", &orders.freeze),
        ("court", "release", &orders.release),
        ("court", "seal", &orders.seal),
        ("court", "ip-freeze", &orders.ip_freeze),
        ("court", "listing", &orders.listing),
        ("court", "unknown-account", &orders.unknown_freeze),
        ("court-2", "freeze", &orders.second_freeze),
    ] {
        let path = world.institution(court)?.dir.join("drafts").join(format!("{name}.toml"));
        files::write_public(&path, draft_text(draft))?;
    }
    Ok(())
}

fn draft_text(draft: &OrderDraft) -> String {
    let mut text =
        format!("# The private part of an order to {} in {}. Nobody in it exists.\n", draft.kind, draft.sector);
    for field in &draft.fields {
        text.push_str(&format!("{} = {}\n", field.name, toml::Value::String(line(&field.value))));
    }
    text
}

fn program() -> String {
    std::env::current_exe().map_or_else(|_| "comity".to_owned(), |path| path.display().to_string())
}

fn commands(world: &World) -> String {
    let program = program();
    let dir = world.dir().display();
    let showcase = &world.data().showcase;
    let obligation = comity_model::record::FieldValue::Amount(showcase.orders.freeze.obligation);
    let obligation = line(&obligation);
    let officers: Vec<_> = world
        .institution("court")
        .map(|court| court.officers.iter().map(|officer| officer.id.to_string()).collect())
        .unwrap_or_default();
    let officer = |index: usize| officers.get(index).cloned().unwrap_or_default();
    let justice = world.institution("justice").ok().and_then(|justice| justice.gateway.rest_addr());
    let rest = justice.map(|rest| format!("https://{rest}")).unwrap_or_default();
    let curl = format!(
        "curl --cacert {dir}/justice/tls/authority.crt --cert {dir}/justice/clients/clerk.crt \
         --key {dir}/justice/clients/clerk.key"
    );
    let purpose = "--case '(2025)浙9906执2048号' --basis '民事诉讼法第二百五十三条' --purpose 'Enforcement'";
    format!(
        "# A judgment, as the property registry may see it, with a bundle; then the bundle, offline.\n\
         {program} query --as {dir}/property/clients/clerk.toml 'members/court/sectors/judgments/records/{judgment}' \
         {purpose} --bundle {dir}/judgment.comity\n\
         {program} verify {dir}/judgment.comity --anchor {dir}/court/court.anchor\n\
         \n\
         # A lawyer in good standing, one who is suspended, and a number that nobody gave out.\n\
         {program} query --credential --as {dir}/court/clients/clerk.toml {lawyers}/{active} {purpose}\n\
         {program} query --credential --as {dir}/court/clients/clerk.toml {lawyers}/{suspended} {purpose}\n\
         {program} query --credential --as {dir}/court/clients/clerk.toml {lawyers}/{unknown} {purpose}\n\
         \n\
         # Her credit report, with her consent.\n\
         {program} consent sign --key {dir}/justice/drafts/lawyer.key --record {lawyers}/{active} --reader court \
         --purpose 'Enforcement' --days 30 --out {dir}/lawyer.consent\n\
         {program} query --as {dir}/court/clients/clerk.toml {lawyers}/{active} --field credit_report {purpose} \
         --consent {dir}/lawyer.consent\n\
         \n\
         # What nine institutions keep of the debtor, each by its own private index.\n\
         {program} investigate --as {dir}/court/clients/officer.toml {debtor} {purpose}\n\
         \n\
         # A freeze: drawn up by a clerk, approved by two officers, proven back from the bank.\n\
         ORDER=$({program} order create --quiet --as {dir}/court/clients/clerk.toml --recipient finance \
         --sector accounts --kind freeze --fields {dir}/court/drafts/freeze.toml --obligation {obligation})\n\
         {program} order approve --as {dir}/court/clients/officer.toml $ORDER --officer {first} \
         --key {dir}/court/keys/officer-{first}.key\n\
         {program} order approve --wait --as {dir}/court/clients/officer.toml $ORDER --officer {second} \
         --key {dir}/court/keys/officer-{second}.key\n\
         \n\
         # Its release.\n\
         RELEASE=$({program} order release --quiet --as {dir}/court/clients/clerk.toml $ORDER \
         --fields {dir}/court/drafts/release.toml)\n\
         {program} order approve --as {dir}/court/clients/officer.toml $RELEASE --officer {first} \
         --key {dir}/court/keys/officer-{first}.key\n\
         {program} order approve --wait --as {dir}/court/clients/officer.toml $RELEASE --officer {second} \
         --key {dir}/court/keys/officer-{second}.key\n\
         \n\
         # A file into the court's log; then its page, or offline, says since when it is unchanged.\n\
         {program} deposit put --as {dir}/court/clients/clerk.toml --kind electronic-evidence {dir}/court/court.anchor\n\
         {program} deposit prove --as {dir}/court/clients/clerk.toml {dir}/court/court.anchor --out {dir}/deposit.comity\n\
         {program} verify {dir}/deposit.comity --anchor {dir}/court/court.anchor --file {dir}/court/court.anchor\n\
         \n\
         # What the bank's gateway knows of chains.\n\
         {program} chain status --as {dir}/finance/clients/operator.toml\n\
         \n\
         # The same with JSON over HTTP: the licence as the justice bureau's own clerk reads it, and all that can be asked.\n\
         {curl} '{rest}/v1/{lawyers}/{active}?readMask=status&readMask=firm'\n\
         {curl} {rest}/openapi.json",
        judgment = showcase.judgment,
        debtor = showcase.debtor_number,
        lawyers = "members/justice/sectors/lawyers/records",
        active = showcase.active_lawyer,
        suspended = showcase.suspended_lawyer,
        unknown = showcase.unknown_licence,
        first = officer(0),
        second = officer(1),
    )
}
