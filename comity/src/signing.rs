//! The institution's signer: as a process of its own (`comity sign`), as a task of the sandbox, and how a gateway reaches it.
//! Refuses to know what is sealed; the checks are the signer's own.

use crate::config::{Config, SignerConfig as SignerSettings};
use crate::failure::{Failure, OrFail};
use crate::keys;
use crate::{client, sectors, shutdown};
use comity_gateway::sectors::Role;
use comity_gateway::signer::{self, SealRule, SignerClient, SignerConfig, SignerCore, SignerIdentity};
use comity_gateway::tls::{self, ChannelLimits};
use std::path::Path;

/// Runs the command until it is told to stop.
pub(crate) async fn run(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    let SignerSettings { address, key, certificate, certificate_key, .. } = &config.signer;
    let tls = client::tls_material(certificate, certificate_key, &config.tls.authority)?;
    let core = core(&config).map_err(|failure| failure.help(format!("the seal key is {}", key.display())))?;
    let running = signer::serve(SignerConfig { listen: *address, tls }, core)
        .await
        .or_usage(|| format!("the signer did not start at {address}"))?;
    println!(
        "{}: signer at {}; it answers its own gateway only. Stops at Ctrl-C.",
        config.institution,
        running.address()
    );
    shutdown::requested().await?;
    running.stop().await;
    Ok(())
}

/// The signer itself: its key, the officers it believes, the orders it may seal.
pub(crate) fn core(config: &Config) -> Result<SignerCore, Failure> {
    let identity = SignerIdentity {
        institution: config.institution.clone(),
        chain: config.chain.id.clone(),
        officers: config.signer.officers.clone(),
        rules: rules()?,
    };
    Ok(SignerCore::with(identity, keys::read_seal(&config.signer.key)?))
}

/// How many officers each kind of order takes, from the sectors that came with this program: the signer's own copy.
fn rules() -> Result<Vec<SealRule>, Failure> {
    let sectors = sectors::embedded()?;
    let mut rules = Vec::new();
    for schema in sectors.iter() {
        let (Some(order), Some(profile)) = (&schema.order, &schema.profile) else { continue };
        let amount_field = order.role(Role::Amount).map(|spec| spec.name.clone());
        rules.extend(profile.kinds.iter().map(|rule| SealRule {
            sector: schema.name.clone(),
            kind: rule.kind.clone(),
            effect: rule.effect,
            two_approvals_from: rule.two_approvals_from,
            emergencies: rule.confirm_within_s.is_some(),
            amount_field: amount_field.clone(),
        }));
    }
    Ok(rules)
}

/// A way to the signer process: mutually authenticated, connected when it is first needed.
pub(crate) fn connect(config: &Config) -> Result<SignerClient, Failure> {
    let material = client::tls_material(&config.tls.certificate, &config.tls.key, &config.tls.authority)?;
    let address = config.signer.address.to_string();
    let signer = signer::identity(config.institution.clone());
    let channel = tls::channel_to(&signer, &address, &material.own_ca_pem, &material, ChannelLimits::default())
        .or_usage(|| "the certificates of the gateway cannot be used towards its signer".into())?;
    Ok(SignerClient::over(channel))
}
