//! Who is in the sandbox: six institutions with chains of their own, and as guests on these a second court, a mediation
//! body, a market regulator, a trading platform and a procuratorate.
//! Refuses to know how they are built.

use comity_model::member::MemberKind;

/// An institution of the sandbox.
pub(super) struct Site {
    pub(super) id: &'static str,
    pub(super) kind: MemberKind,
    /// The institution whose chain it lives on: itself, but for the second court.
    pub(super) chain_of: &'static str,
    pub(super) names: [&'static str; 2],
    pub(super) sectors: &'static [&'static str],
    pub(super) officers: &'static [&'static str],
}

/// The institutions whose chains are made by CometBFT where one of the sandbox is: they send and answer most orders.
pub(super) const UNDER_COMETBFT: [&str; 2] = ["court", "finance"];

/// The institutions, hosts of chains before their guests.
pub(super) const SITES: &[Site] = &[
    Site {
        id: "court",
        kind: MemberKind::Court,
        chain_of: "court",
        names: ["安澜市滨溪区人民法院", "Binxi District People's Court"],
        sectors: &["judgments", "insolvency", "filings"],
        officers: &["J-1001", "J-1002", "J-1003"],
    },
    Site {
        id: "court-2",
        kind: MemberKind::Court,
        chain_of: "court",
        names: ["安澜市望湖区人民法院", "Wanghu District People's Court"],
        sectors: &[],
        officers: &["J-2001", "J-2002", "J-2003"],
    },
    Site {
        id: "justice",
        kind: MemberKind::Justice,
        chain_of: "justice",
        names: ["安澜市司法局", "Justice Bureau of Anlan"],
        sectors: &["lawyers"],
        officers: &[],
    },
    Site {
        id: "mediation",
        kind: MemberKind::Mediation,
        chain_of: "justice",
        names: ["安澜市商事调解中心", "Commercial Mediation Centre of Anlan"],
        sectors: &["mediation", "filings"],
        officers: &[],
    },
    Site {
        id: "property",
        kind: MemberKind::Property,
        chain_of: "property",
        names: ["安澜市不动产登记中心", "Property Registry of Anlan"],
        sectors: &["parcels", "filings"],
        officers: &[],
    },
    Site {
        id: "finance",
        kind: MemberKind::Finance,
        chain_of: "finance",
        names: ["安澜银行股份有限公司", "Bank of Anlan"],
        sectors: &["accounts", "securities", "insurance", "payments"],
        officers: &[],
    },
    Site {
        id: "ip",
        kind: MemberKind::IntellectualProperty,
        chain_of: "ip",
        names: ["安澜市知识产权局", "Intellectual Property Office of Anlan"],
        sectors: &["ip-rights"],
        officers: &[],
    },
    Site {
        id: "credit",
        kind: MemberKind::Credit,
        chain_of: "credit",
        names: ["安澜市公共信用中心", "Public Credit Centre of Anlan"],
        sectors: &["credit", "filings"],
        officers: &[],
    },
    Site {
        id: "market",
        kind: MemberKind::Market,
        chain_of: "ip",
        names: ["安澜市市场监督管理局", "Market Regulation of Anlan"],
        sectors: &["companies", "equity", "penalties", "filings"],
        officers: &[],
    },
    Site {
        id: "platform",
        kind: MemberKind::Platform,
        chain_of: "credit",
        names: ["安澜数据与网络交易平台", "Data and Trading Platform of Anlan"],
        sectors: &["data-assets", "trades"],
        officers: &[],
    },
    Site {
        id: "procuratorate",
        kind: MemberKind::Enforcement,
        chain_of: "property",
        names: ["安澜市人民检察院", "Procuratorate of Anlan"],
        sectors: &["dossiers"],
        officers: &[],
    },
];

impl Site {
    /// Whether it runs a chain of its own.
    pub(super) fn hosts(&self) -> bool {
        self.id == self.chain_of
    }
}
