//! The anchor file: what institutions hand to each other out of band, and the root of all trust in each other's chains.
//! TOML that a person can read aloud over the telephone; unknown keys are refused.
//! Refuses to know whether what it says is true: whoever takes it has to make sure where it came from.

use comity_model::member::MemberKind;
use comity_model::seal::{Suite, Suites};
use comity_model::{ChainId, Hash, Height, MemberId};
use comity_verify::light::Anchor;
use serde::Deserialize;
use std::fmt::Write as _;

/// What an anchor file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorFile {
    /// The institution that answers for the chain's data.
    pub member: MemberId,
    /// What kind of institution it is.
    pub kind: MemberKind,
    /// Where its gateway listens, `host:port`.
    pub gateway: String,
    /// The certificate of its authority, PEM.
    pub authority_pem: String,
    /// The header to trust, how long, and how strong the chain is.
    pub anchor: Anchor,
}

/// A text that is no anchor file, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAnchor(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    institution: RawInstitution,
    chain: RawChain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInstitution {
    member: String,
    kind: String,
    gateway: String,
    authority: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChain {
    id: String,
    height: u64,
    header_hash: String,
    validators_hash: String,
    trusting_period_s: u64,
    clock_drift_s: u64,
    operators: u32,
    suites: Vec<String>,
}

impl AnchorFile {
    /// Reads an anchor file's text.
    ///
    /// # Errors
    /// [`BadAnchor`] with what is wrong in it.
    pub fn parse(text: &str) -> Result<Self, BadAnchor> {
        let raw: Raw = toml::from_str(text).map_err(|error| BadAnchor(error.message().to_owned()))?;
        let bad = |what: &str| BadAnchor(format!("its {what} is malformed"));
        let hash = |text: &str, what| Hash::from_hex(text).ok_or_else(|| bad(what));
        let (institution, chain) = (raw.institution, raw.chain);
        let suites = chain.suites.iter().map(|name| Suite::from_name(name)).collect::<Option<Vec<_>>>();
        let suites = suites.and_then(Suites::new).ok_or_else(|| bad("list of suites"))?;
        let anchor = Anchor {
            chain_id: chain.id.parse::<ChainId>().map_err(|_| bad("chain id"))?,
            height: Height(chain.height),
            header_hash: hash(&chain.header_hash, "header hash")?,
            validators_hash: hash(&chain.validators_hash, "validators hash")?,
            trusting_period_secs: chain.trusting_period_s,
            clock_drift_secs: chain.clock_drift_s,
            operators: chain.operators,
            suites,
        };
        if chain.operators == 0 || chain.height == 0 || chain.trusting_period_s == 0 {
            return Err(BadAnchor("height, trusting period and operators are at least 1".into()));
        }
        Ok(Self {
            member: institution.member.parse().map_err(|_| bad("member id"))?,
            kind: kind_from_name(&institution.kind).ok_or_else(|| bad("kind"))?,
            gateway: institution.gateway,
            authority_pem: institution.authority,
            anchor,
        })
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) -> std::fmt::Result {
        let anchor = &self.anchor;
        writeln!(
            text,
            "# Anchor of {}'s chain. Whoever uses this file believes what this chain's validators sign from",
            self.member
        )?;
        writeln!(
            text,
            "# this header on: take it from the institution itself, and compare the hashes over a second channel."
        )?;
        writeln!(text)?;
        writeln!(text, "[institution]")?;
        writeln!(text, "member = \"{}\"", self.member)?;
        writeln!(text, "kind = \"{}\"", kind_name(self.kind))?;
        writeln!(text, "# Where its gateway listens.")?;
        writeln!(text, "gateway = {}", toml::Value::String(self.gateway.clone()))?;
        writeln!(text, "# Its certificate authority: it alone speaks for the institution's people and systems.")?;
        writeln!(text, "authority = \"\"\"\n{}\"\"\"", self.authority_pem.replace(['\\', '"'], ""))?;
        writeln!(text)?;
        writeln!(text, "[chain]")?;
        writeln!(text, "id = \"{}\"", anchor.chain_id)?;
        writeln!(text, "height = {}", anchor.height)?;
        writeln!(text, "header_hash = \"{}\"", anchor.header_hash)?;
        writeln!(text, "validators_hash = \"{}\"", anchor.validators_hash)?;
        writeln!(
            text,
            "# How long a validator set may be trusted after a header it signed, and how far a header's time may"
        )?;
        writeln!(text, "# lie ahead of the reader's clock.")?;
        writeln!(text, "trusting_period_s = {}", anchor.trusting_period_secs)?;
        writeln!(text, "clock_drift_s = {}", anchor.clock_drift_secs)?;
        writeln!(
            text,
            "# How many independent operators run the validators. 1: the chain's integrity rests on one operator."
        )?;
        writeln!(text, "operators = {}", anchor.operators)?;
        let suites: Vec<_> = anchor.suites.iter().map(|suite| format!("\"{}\"", suite.name())).collect();
        writeln!(text, "suites = [{}]", suites.join(", "))
    }
}

const KINDS: [(MemberKind, &str); 10] = [
    (MemberKind::Court, "court"),
    (MemberKind::Justice, "justice"),
    (MemberKind::Property, "property"),
    (MemberKind::Finance, "finance"),
    (MemberKind::IntellectualProperty, "intellectual-property"),
    (MemberKind::Credit, "credit"),
    (MemberKind::Market, "market"),
    (MemberKind::Enforcement, "enforcement"),
    (MemberKind::Mediation, "mediation"),
    (MemberKind::Platform, "platform"),
];

/// A kind's name in files and on the command line.
#[must_use]
pub fn kind_name(kind: MemberKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name)
}

/// The kind of that name.
#[must_use]
pub fn kind_from_name(name: &str) -> Option<MemberKind> {
    KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file() -> AnchorFile {
        AnchorFile {
            member: "court".parse().unwrap(),
            kind: MemberKind::Court,
            gateway: "127.0.0.1:7101".into(),
            authority_pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
            anchor: Anchor {
                operators: 1,
                chain_id: "court-1".parse().unwrap(),
                height: Height(1),
                header_hash: Hash([1; 32]),
                validators_hash: Hash([2; 32]),
                trusting_period_secs: 1_209_600,
                clock_drift_secs: 10,
                suites: Suites::NATIVE,
            },
        }
    }

    #[test]
    fn an_anchor_file_reads_what_it_writes() {
        assert_eq!(AnchorFile::parse(&file().text()).unwrap(), file());
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = file().text().replace("operators = 1", "operators = 1\nverify = false");
        let refused = AnchorFile::parse(&text).unwrap_err().to_string();
        assert!(refused.contains("verify"), "{refused}");
    }

    #[test]
    fn a_missing_or_malformed_value_is_refused() {
        for (from, to) in [
            ("height = 1", ""),
            ("height = 1", "height = 0"),
            ("operators = 1", "operators = 0"),
            ("id = \"court-1\"", "id = \"court 1\""),
            ("ed25519-sha256", "rot13"),
            ("0101010101", "01010101"),
            ("kind = \"court\"", "kind = \"tribunal\""),
        ] {
            let text = file().text().replacen(from, to, 1);
            assert!(AnchorFile::parse(&text).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn every_kind_has_a_name_that_reads_back() {
        for (kind, name) in KINDS {
            assert_eq!(kind_from_name(kind_name(kind)), Some(kind), "{name}");
        }
    }
}
