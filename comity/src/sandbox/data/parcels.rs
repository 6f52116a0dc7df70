//! A property registry's units: homes, shops, plants, with who holds them and what encumbers them.

use super::courts::BASIC;
use super::draw::{Draw, plus_years};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::names::{self, DISTRICTS};
use super::numbers::unit;
use super::people::{Person, Population};
use super::{Asset, SectorData, showcase};
use comity_model::Amount;
use jiff::civil::{Date, date};

/// A unit, before the fields.
pub(super) struct Parcel {
    pub(super) unit: String,
    pub(super) certificate: String,
    pub(super) location: String,
    pub(super) use_: &'static str,
    pub(super) area_dm2: u64,
    pub(super) land_area_dm2: u64,
    pub(super) registered: Date,
    pub(super) holders: Vec<(String, String)>,
    pub(super) co_ownership: &'static str,
    pub(super) shares: Vec<String>,
    pub(super) mortgage: Option<(String, u64)>,
    pub(super) encumbrances: Vec<String>,
    pub(super) status: &'static str,
}

impl Parcel {
    pub(super) fn fields(self) -> Fields {
        let (names, numbers) = self.holders.into_iter().unzip();
        Fields::default()
            .text("unit_number", self.unit)
            .text("right_type", "LAND_USE_AND_BUILDING")
            .text("certificate_number", self.certificate)
            .text("location", self.location)
            .text("registry", "安澜市不动产登记中心")
            .text("use", self.use_)
            .integer("area_dm2", self.area_dm2)
            .integer("land_area_dm2", self.land_area_dm2)
            .date("registered_date", self.registered)
            .date("land_until", land_until(self.use_, self.registered))
            .texts("holders", names)
            .texts("holder_numbers", numbers)
            .text("co_ownership", self.co_ownership)
            .maybe((!self.shares.is_empty()).then_some(self.shares), |fields, shares| fields.texts("shares", shares))
            .texts("encumbrances", self.encumbrances)
            .maybe(self.mortgage, |fields, (bank, fen)| {
                fields.amount("mortgage", Amount::cny(fen)).text("mortgagee", bank)
            })
            .text("status", self.status)
    }
}

/// The longest terms of land use by kind of use; the term began before the building was registered.
fn land_until(use_: &str, registered: Date) -> Date {
    let years = match use_ {
        "RESIDENTIAL" | "PARKING" => 70,
        "COMMERCIAL" => 40,
        _ => 50,
    };
    plus_years(registered, years - 3)
}

/// `count` units, the showcase's among them.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "parcels");
    let shown = showcase::parcel();
    let mut assets = vec![Asset { reference: shown.unit.clone(), value: None }];
    let id = shown.unit.clone();
    let mut records = vec![shown.fields().record(&id)];
    while records.len() < count {
        let parcel = parcel(&mut draw, records.len(), people);
        let id = parcel.unit.clone();
        if parcel.status != "CANCELLED" {
            assets.push(Asset { reference: id.clone(), value: None });
        }
        records.push(parcel.fields().record(&id));
    }
    SectorData::new("parcels", records, assets)
}

fn parcel(draw: &mut Draw, number: usize, people: &Population) -> Parcel {
    let at = draw.index(DISTRICTS.len());
    let district = DISTRICTS[at];
    let use_ =
        draw.weighted(&[(74, "RESIDENTIAL"), (10, "COMMERCIAL"), (5, "OFFICE"), (4, "INDUSTRIAL"), (7, "PARKING")]);
    let (low, high) = match use_ {
        "RESIDENTIAL" => (3_800, 24_000),
        "COMMERCIAL" => (1_500, 90_000),
        "OFFICE" => (4_000, 160_000),
        "INDUSTRIAL" => (60_000, 2_400_000),
        _ => (1_100, 1_900),
    };
    let area_dm2 = draw.between(low, high);
    // Building and flat; the parcel's number makes the unit unique.
    let (building, flat) = (draw.between(1, 28), draw.between(1, 26) * 100 + draw.between(1, 6));
    let area = draw.between(1, 9) * 1_000 + draw.between(1, 30);
    let business = matches!(use_, "COMMERCIAL" | "OFFICE" | "INDUSTRIAL");
    let (owners, co_ownership, shares) = ownership(draw, business, people);
    let since = owners.iter().map(|owner| owner.since).max();
    let registered = draw.day(since.unwrap_or(LAST_DAY).max(date(2001, 5, 1)), LAST_DAY);
    let mortgage = draw.chance(340).then(|| {
        let bank = draw.pick(super::accounts::BANKS).name.to_owned();
        // Half to four fifths of a price of 12,000 to 40,000 yuan a square metre.
        let price = draw.between(12_000, 40_000) * area_dm2 / 100;
        (bank, price * draw.between(50, 80) / 100 / 1_000 * 1_000 * 100)
    });
    let mut encumbrances: Vec<String> = Vec::new();
    if let Some((bank, fen)) = &mortgage {
        let day = draw.day(registered, LAST_DAY);
        encumbrances.push(format!("{day} · 抵押 · {bank} · {}", Amount::cny(*fen)));
    }
    if draw.chance(25) {
        let day = draw.day(registered, LAST_DAY);
        encumbrances.push(format!("{day} · 居住权 · {}", people.person(draw).name.own));
    }
    let sealed = draw.chance(30);
    if sealed {
        let day = draw.day(registered.max(date(2023, 2, 1)), LAST_DAY);
        let (court, case) = (draw.pick(BASIC), draw.between(100, 2_000));
        encumbrances.push(format!(
            "{day} · 查封 · {} · ({}){}执保{case}号 · 至{}",
            court.name,
            day.year(),
            court.code,
            plus_years(day, 3)
        ));
    }
    Parcel {
        unit: unit(district.region, area, 100 + number as u64, building, flat),
        certificate: format!("浙({})安澜市不动产权第99{number:05}号", registered.year()),
        location: format!(
            "安澜市{}{}{}号{building}幢{flat}室",
            district.name,
            names::street(draw),
            draw.between(1, 380)
        ),
        use_,
        area_dm2,
        land_area_dm2: area_dm2 / draw.between(2, 18),
        registered,
        holders: owners.iter().map(|owner| (owner.name.own.clone(), owner.id_number.clone())).collect(),
        co_ownership,
        shares,
        mortgage,
        encumbrances,
        status: match (sealed, draw.chance(12)) {
            (true, _) => "SEALED",
            (false, true) => "CANCELLED",
            (false, false) => "REGISTERED",
        },
    }
}

type Ownership<'a> = (Vec<&'a Person>, &'static str, Vec<String>);

/// A company alone; or persons, of whom half own alone, most others as a couple, a few by shares.
fn ownership<'a>(draw: &mut Draw, business: bool, people: &'a Population) -> Ownership<'a> {
    if business && draw.chance(800) {
        return (vec![people.company(draw)], "SOLE", Vec::new());
    }
    let (form, count) =
        draw.weighted(&[(52, ("SOLE", 1)), (39, ("JOINT", 2)), (6, ("BY_SHARES", 2)), (3, ("BY_SHARES", 3))]);
    let mut owners: Vec<&Person> = Vec::new();
    while owners.len() < count {
        let next = people.person(draw);
        if owners.iter().all(|owner| owner.id_number != next.id_number) {
            owners.push(next);
        }
    }
    let shares = match (form, count) {
        ("BY_SHARES", 2) => {
            let percent = draw.between(10, 90);
            vec![format!("{percent}%"), format!("{}%", 100 - percent)]
        }
        ("BY_SHARES", _) => vec!["1/3".to_owned(); count],
        _ => Vec::new(),
    };
    (owners, form, shares)
}
