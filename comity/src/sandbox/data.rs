//! Invented records for a sandbox: what its institutions would keep of one small city, from a seed. The same seed gives
//! the same data on every machine. Knows no gateway, no chain and no schema; that the data fits the schemas is tested.
//!
//! Nothing here can be mistaken for somebody's: the city of Anlan does not exist, and every number (identity, credit
//! code, licence, account, case, patent) has a valid check digit and lies in a range that is not assigned, where `99`
//! stands in place of a province, a court or a bank.

mod accounts;
mod courts;
mod credit;
mod dossiers;
mod draw;
mod fields;
mod filings;
mod insolvency;
mod insurance;
mod ip_rights;
mod judgments;
mod lawyers;
mod market;
mod mediation;
mod names;
mod numbers;
mod parcels;
mod payments;
mod people;
mod platform;
mod securities;
mod showcase;
#[cfg(test)]
mod tests;

pub(crate) use showcase::{CONSENT_SEED, OrderDraft, Showcase};

use comity_model::record::Field;
use comity_model::{Amount, RecordId, Sector};
use people::Population;

/// Everything that the institutions of a sandbox start with.
pub(crate) struct SandboxData {
    /// One for each sector.
    pub(crate) sectors: Vec<SectorData>,
    /// The records that stories and examples are about: the same for every seed.
    pub(crate) showcase: Showcase,
}

/// What the institution of one sector keeps.
pub(crate) struct SectorData {
    /// The sector.
    pub(crate) sector: Sector,
    /// Its records, each id once.
    pub(crate) records: Vec<Record>,
    /// The assets that orders can be about, each reference once; none where the sector takes no orders.
    pub(crate) assets: Vec<Asset>,
}

/// A record as its institution knows it.
pub(crate) struct Record {
    /// Its id.
    pub(crate) id: RecordId,
    /// Its fields, sorted by name.
    pub(crate) fields: Vec<Field>,
}

/// An asset as its institution's register knows it.
pub(crate) struct Asset {
    /// What an order calls it: account, unit or right number; a debtor's identity number.
    pub(crate) reference: String,
    /// What can be held of it; `None` where a hold takes the whole.
    pub(crate) value: Option<Amount>,
}

/// How many records there are of each sector.
const JUDGMENTS: usize = 10_000;
const LAWYERS: usize = 1_000;
const PARCELS: usize = 5_000;
const ACCOUNTS: usize = 5_000;
const IP_RIGHTS: usize = 1_000;
const LISTINGS: usize = 400;
const MEDIATIONS: usize = 600;
const PAYMENTS: usize = 300;
const HOLDINGS: usize = 500;
const POLICIES: usize = 500;
const SHARES: usize = 500;
const PENALTIES: usize = 200;
const DATA_ASSETS: usize = 150;
const TRADES: usize = 200;
const INSOLVENCIES: usize = 80;
const DOSSIERS: usize = 150;
const FILINGS: usize = 300;

/// The data of a seed.
pub(crate) fn generate(seed: u64) -> SandboxData {
    let people = Population::draw(seed);
    let (lawyers, licences) = lawyers::draw(seed, LAWYERS);
    let (judgments, debts) = judgments::draw(seed, JUDGMENTS, &people, &licences);
    SandboxData {
        sectors: vec![
            judgments,
            lawyers,
            parcels::draw(seed, PARCELS, &people),
            accounts::draw(seed, ACCOUNTS, &people),
            ip_rights::draw(seed, IP_RIGHTS, &people),
            credit::draw(seed, LISTINGS, &debts),
            mediation::draw(seed, MEDIATIONS, &people),
            payments::draw(seed, PAYMENTS),
            securities::draw(seed, HOLDINGS, &people),
            insurance::draw(seed, POLICIES, &people),
            market::companies(seed, &people),
            market::equity(seed, SHARES, &people),
            market::penalties(seed, PENALTIES, &people),
            platform::data_assets(seed, DATA_ASSETS, &people),
            platform::trades(seed, TRADES, &people),
            insolvency::draw(seed, INSOLVENCIES, &people),
            dossiers::draw(seed, DOSSIERS, &people),
            filings::draw(seed, FILINGS, &people),
        ],
        showcase: Showcase::new(),
    }
}

impl SectorData {
    /// Of names and ids that this program wrote itself.
    fn new(sector: &str, records: Vec<Record>, assets: Vec<Asset>) -> Self {
        Self { sector: fields::own(sector), records, assets }
    }
}
