//! An institution's home: its keys, certificates and client files, and what the chain is to know of it.
//! Refuses to know what runs there.

use crate::cli::Kind;
use crate::client::ClientFile;
use crate::failure::Failure;
use crate::files;
use crate::keys::{Seed, create_seal};
use crate::pki::{Authority, Purpose, ROLE_GATEWAY, ROLE_SIGNER};
use comity_gateway::sealing;
use comity_model::client::ClientKind;
use comity_model::genesis::Genesis;
use comity_model::governance::{Governors, ValidatorUpdate};
use comity_model::member::{Member, MemberKind, Officer, Validity};
use comity_model::profile::Profile;
use comity_model::seal::{Suite, Suites};
use comity_model::{ChainId, MemberId, OfficerId, Sector, Time, UnixSeconds};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Roles that get a client file.
pub(crate) const CLIENT_ROLES: [&str; 6] = ["reader", "clerk", "officer", "registrar", "operator", "auditor"];
/// Validators of an embedded chain: four, so that one key's loss does not stop it.
const VALIDATORS: usize = 4;
/// Voting power of each.
const POWER: u64 = 10;
/// Governors of a fresh chain, and how many must agree.
const GOVERNORS: usize = 3;
const GOVERNORS_THRESHOLD: u8 = 2;
/// How long keys are valid: two years.
pub(crate) const KEYS_VALID_S: u64 = 2 * 366 * 24 * 3600;
/// Clocks differ: keys are valid from a minute ago.
pub(crate) const CLOCKS_DIFFER_S: u64 = 60;

/// What an institution is to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Its id.
    pub(crate) institution: MemberId,
    /// Its kind.
    pub(crate) kind: MemberKind,
    /// Its chain.
    pub(crate) chain: ChainId,
    /// Its names, in its own language first.
    pub(crate) names: Vec<String>,
    /// The sectors that it answers for.
    pub(crate) sectors: Vec<Sector>,
    /// Its officers who may approve orders.
    pub(crate) officers: Vec<OfficerId>,
    /// Where its gateway listens.
    pub(crate) grpc: SocketAddr,
    /// What it seals with.
    pub(crate) suite: Suite,
}

impl Plan {
    /// The suites that its chain accepts from its own people, and that others are to accept from it: its seal's, and the
    /// chain's own.
    pub(crate) const fn suites(&self) -> Suites {
        Suites::NATIVE.with(self.suite)
    }
}

/// An institution's home with everything that belongs to it alone; files are written.
pub(crate) struct Home {
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// What it is.
    pub(crate) plan: Plan,
    /// What a chain knows of it.
    pub(crate) member: Member,
    /// What a chain knows of its officers.
    pub(crate) officers: Vec<Officer>,
    /// The certificate of its authority, PEM.
    pub(crate) authority_pem: String,
}

impl Home {
    /// Makes keys, certificates and client files in `dir`, which must be empty.
    pub(crate) fn create(dir: &Path, plan: Plan, now: Time) -> Result<Self, Failure> {
        files::make_empty_folder(dir)?;
        let key = |name: &str| Seed::create(&dir.join("keys").join(name));
        let validity = Validity {
            from: UnixSeconds(now.unix_seconds().0.saturating_sub(CLOCKS_DIFFER_S)),
            until: now.unix_seconds().plus(KEYS_VALID_S),
            compromised_since: None,
        };
        let encryption = key("encryption.key")?;
        key("lookup.key")?;
        let encryption_key = sealing::public_key(encryption.secret())
            .map_err(|error| Failure::fault("the encryption key cannot be used").because(error))?;
        let mut officers = Vec::new();
        for id in &plan.officers {
            let key = key(&format!("officer-{id}.key"))?.public_key();
            officers.push(Officer { member: plan.institution.clone(), id: id.clone(), key, validity });
        }
        let authority = certificates(dir, &plan)?;
        let member = Member {
            id: plan.institution.clone(),
            home: plan.chain.clone(),
            kind: plan.kind,
            names: plan.names.clone(),
            seal_key: create_seal(&dir.join("keys/seal.key"), plan.suite)?.public_key().clone(),
            encryption_key,
            operators: vec![key("operator.key")?.ed25519(), key("relayer.key")?.ed25519()],
            gateway: plan.grpc.to_string(),
            ca_fingerprint: authority.fingerprint(),
            validity,
        };
        let authority_pem = authority.certificate_pem().to_owned();
        Ok(Self { dir: dir.to_path_buf(), plan, member, officers, authority_pem })
    }

    /// Makes the keys of a chain's validators and governors, and its first state with these members.
    pub(crate) fn create_chain(
        &self,
        members: &[&Self],
        profiles: Vec<Profile>,
        now: Time,
    ) -> Result<Genesis, Failure> {
        let validators = self.chain_keys("validator", VALIDATORS)?;
        let validators: Vec<_> = validators.iter().map(Seed::ed25519).collect();
        self.create_chain_of(&validators, members, profiles, now)
    }

    /// The same for validators whose keys are elsewhere.
    pub(crate) fn create_chain_of(
        &self,
        validators: &[[u8; 32]],
        members: &[&Self],
        profiles: Vec<Profile>,
        now: Time,
    ) -> Result<Genesis, Failure> {
        let governors = self.chain_keys("governor", GOVERNORS)?;
        let genesis = Genesis {
            chain: self.plan.chain.clone(),
            time: now,
            validators: validators.iter().map(|key| ValidatorUpdate { public_key: *key, power: POWER }).collect(),
            governors: Governors {
                keys: governors.iter().map(Seed::public_key).collect(),
                threshold: GOVERNORS_THRESHOLD,
                delay_s: 0,
                next: 0,
            },
            client_kinds: vec![ClientKind::Comet],
            suites: self.plan.suites(),
            members: members.iter().map(|home| home.member.clone()).collect(),
            officers: members.iter().flat_map(|home| home.officers.clone()).collect(),
            profiles,
        };
        files::write_public(&self.dir.join("genesis.bin"), comity_model::encode(&genesis))?;
        Ok(genesis)
    }

    fn chain_keys(&self, what: &str, number: usize) -> Result<Vec<Seed>, Failure> {
        (1..=number).map(|index| Seed::create(&self.key(&format!("{what}-{index}")))).collect()
    }

    /// The files of the chain's validator keys.
    pub(crate) fn validator_keys(&self) -> Vec<PathBuf> {
        (1..=VALIDATORS).map(|index| self.key(&format!("validator-{index}"))).collect()
    }

    /// The files of the chain's governor keys.
    pub(crate) fn governor_keys(&self) -> Vec<PathBuf> {
        (1..=GOVERNORS).map(|index| self.key(&format!("governor-{index}"))).collect()
    }

    /// The file of a key by name: `seal`, `operator`, `officer-<id>`, …
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.dir.join("keys").join(format!("{name}.key"))
    }
}

fn certificates(dir: &Path, plan: &Plan) -> Result<Authority, Failure> {
    let (authority, authority_key) = Authority::create(&plan.institution)?;
    let tls = dir.join("tls");
    files::write_public(&tls.join("authority.crt"), authority.certificate_pem())?;
    files::write_secret(&tls.join("authority.key"), authority_key.as_bytes())?;
    for role in [ROLE_GATEWAY, ROLE_SIGNER] {
        let purpose = Purpose::Server { role: role.to_owned(), addresses: vec![plan.grpc.ip()] };
        authority.issue(&purpose)?.write(&tls, role)?;
    }
    let clients = dir.join("clients");
    for role in CLIENT_ROLES {
        authority.issue(&Purpose::Client { role: role.to_owned() })?.write(&clients, role)?;
        let text = ClientFile::text(&plan.institution, role, &plan.grpc.to_string());
        files::write_public(&clients.join(format!("{role}.toml")), text)?;
    }
    Ok(authority)
}

/// The sectors that an institution of this kind answers for, unless it says otherwise.
pub(crate) fn sectors_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Court => &["judgments", "insolvency", "filings"],
        Kind::Justice => &["lawyers"],
        Kind::Property => &["parcels"],
        Kind::Finance => &["accounts", "securities", "insurance", "payments"],
        Kind::IntellectualProperty => &["ip-rights"],
        Kind::Credit => &["credit"],
        Kind::Market => &["companies", "equity"],
        Kind::Enforcement => &["penalties", "dossiers"],
        Kind::Platform => &["data-assets", "trades"],
        Kind::Mediation => &["mediation"],
    }
}
