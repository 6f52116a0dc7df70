//! What a person is told about a file and the bundle of its deposit, in English and Chinese: two lines, then what is proven,
//! what is not, and each step down to its bytes. The command line and the page say it word for word alike, because both ask
//! here. It decides nothing: `verify` has, and whether two digests are equal anyone can see.

use crate::words_steps;
use comity_model::{Hash, Time, UnixSeconds};
use comity_verify::Refusal;
use comity_verify::bundle::{Bundle, Finding, Judgment, Verdict};
use comity_verify::deposit::Deposited;
use comity_verify::renewal::{Renewal, TimeBy};
use comity_verify::timestamp::Stamp;
use comity_verify::witnessed::Stamped;
use serde_json::{Value, json};

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Both {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl Both {
    pub(crate) fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }

    /// In one of them.
    #[must_use]
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Chinese => &self.zh,
        }
    }

    fn json(&self) -> Value {
        json!({ "en": self.en, "zh": self.zh })
    }
}

/// A language that verdicts are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `en`
    English,
    /// `zh`
    Chinese,
}

/// A file, by what its holder computed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFound {
    /// SHA-256.
    pub sha256: Hash,
    /// SM3.
    pub sm3: Hash,
    /// Its length in bytes.
    pub size: u64,
}

/// How a file stands to a deposit's bundle that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is the deposited file.
    Match,
    /// It is another file.
    Mismatch,
    /// No file was given.
    NoFile,
    /// The bundle opens no digest, so that no file can be compared.
    NotShown,
}

impl Outcome {
    /// `MATCH`, `MISMATCH`, `NO_FILE`, `NOT_SHOWN`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Match => "MATCH",
            Self::Mismatch => "MISMATCH",
            Self::NoFile => "NO_FILE",
            Self::NotShown => "NOT_SHOWN",
        }
    }

    fn of(deposit: &Deposited, file: Option<&FileFound>) -> Self {
        match (&deposit.content, file) {
            (None, _) => Self::NotShown,
            (Some(_), None) => Self::NoFile,
            (Some(content), Some(file)) => {
                let same = content.sha256 == file.sha256 && content.sm3 == file.sm3 && content.size == file.size;
                if same { Self::Match } else { Self::Mismatch }
            }
        }
    }
}

/// One step of the way, down to its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldStep {
    /// What was checked.
    pub what: Both,
    /// By which rule.
    pub rule: &'static str,
    /// What it was checked on: a name, and hex digits or text.
    pub bytes: Vec<(Both, String)>,
}

/// A deposit's verdict in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How the file stands to it.
    pub outcome: Outcome,
    /// The verdict in two lines.
    pub headline: [Both; 2],
    /// What is proven.
    pub proves: Vec<Both>,
    /// What is not.
    pub does_not_prove: Vec<Both>,
    /// What was checked, in order.
    pub steps: Vec<ToldStep>,
}

/// Tells of a bundle that holds, and of a file beside it; `None` where the bundle is not of a deposit.
#[must_use]
pub fn told(bundle: &Bundle, verdict: &Verdict, file: Option<&FileFound>) -> Option<Told> {
    let Finding::Deposit(deposit) = &verdict.finding else { return None };
    let outcome = Outcome::of(deposit, file);
    Some(Told {
        outcome,
        headline: headline(outcome, deposit),
        proves: pair(&verdict.proves, proves(deposit, verdict)),
        does_not_prove: pair(&verdict.does_not_prove, does_not_prove(verdict)),
        steps: words_steps::steps(bundle, verdict),
    })
}

impl Told {
    /// As the browser reads it.
    #[must_use]
    pub fn json(&self) -> Value {
        let all = |sentences: &[Both]| sentences.iter().map(Both::json).collect::<Vec<_>>();
        let steps = self.steps.iter().map(|step| {
            let bytes = step.bytes.iter().map(|(name, text)| json!({ "name": name.json(), "value": text }));
            json!({ "what": step.what.json(), "rule": step.rule, "bytes": bytes.collect::<Vec<_>>() })
        });
        json!({
            "outcome": self.outcome.name(),
            "headline": all(&self.headline),
            "proves": all(&self.proves),
            "does_not_prove": all(&self.does_not_prove),
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

fn headline(outcome: Outcome, deposit: &Deposited) -> [Both; 2] {
    let (at, index, keeper) = (when(deposit.log.at), deposit.index, &deposit.keeper);
    let before = Both::new(
        "Nothing is asserted about what it was before, or whether what it says is true.",
        "对此前的情况以及内容是否真实，不作任何认定。",
    );
    match outcome {
        Outcome::Match => {
            [Both::new(format!("This file is unchanged since {at}."), format!("此文件自 {at} 起未被更改。")), before]
        }
        Outcome::NoFile => [
            Both::new(
                format!("A file of this digest is deposited, and unchanged since {at}."),
                format!("具有该摘要的文件已存证，自 {at} 起未被更改。"),
            ),
            before,
        ],
        Outcome::Mismatch => [
            Both::new("This is not the deposited file: its digest is another.", "这不是存证的文件：摘要不一致。"),
            Both::new(
                "Nothing is asserted about what differs, or which of the two is right.",
                "对差异所在以及孰为正确，不作任何认定。",
            ),
        ],
        Outcome::NotShown => [
            Both::new(
                format!("Entry {index} stands in the log of {keeper} since {at}."),
                format!("第 {index} 号条目自 {at} 起在 {keeper} 的日志中。"),
            ),
            Both::new(
                "Which file it is about is shown only to who has the file.",
                "该条目对应哪份文件，仅向持有文件者显示。",
            ),
        ],
    }
}

/// A time as people read it: `2026-11-29 04:45:00 UTC`.
fn when(time: UnixSeconds) -> String {
    time.to_string().replace('T', " ").replace('Z', " UTC")
}

/// What is told of a bundle that does not hold.
#[must_use]
pub fn refused(refusal: &Refusal) -> [Both; 2] {
    let (code, expected, found) = (refusal.rule.code(), &refusal.expected, &refusal.found);
    [
        Both::new("This bundle does not hold: do not rely on it.", "该证明包不成立，请勿依赖。"),
        Both::new(
            format!("Rule {code}: expected {expected}, found {found}."),
            format!("规则 {code}：应为 {expected}，实为 {found}。"),
        ),
    ]
}

/// What is told of a bundle that holds, and is not of a deposit.
#[must_use]
pub fn unsupported() -> [Both; 2] {
    [
        Both::new("This bundle holds, and is not about a deposit.", "该证明包成立，但与存证无关。"),
        Both::new("Read it with `comity verify`.", "请使用 `comity verify` 查看。"),
    ]
}

/// What is told where a log has no deposit of a digest.
#[must_use]
pub fn not_found(size: u64, time: Option<UnixSeconds>) -> [Both; 2] {
    let as_of = match time.map(when) {
        Some(time) => Both::new(
            format!("Not found as of checkpoint {size} of {time}."),
            format!("截至 {time} 的第 {size} 号检查点，未找到。"),
        ),
        None => Both::new("Not found: the log is empty as yet.", "未找到：日志尚无内容。"),
    };
    let word = Both::new(
        "That it is not there is the word of who keeps the log, not a proof; the file may stand in another log.",
        "“未找到”是日志保管机构的陈述，并非证明；文件可能在其他日志中。",
    );
    [as_of, word]
}

/// What the verifier says in English beside the same in Chinese: one for one, so that neither says more; where their number
/// differs, the verifier's words stand for both.
fn pair(en: &[String], zh: Vec<String>) -> Vec<Both> {
    if en.len() != zh.len() {
        return en.iter().map(|en| Both::new(en.clone(), en.clone())).collect();
    }
    en.iter().zip(zh).map(|(en, zh)| Both::new(en.clone(), zh)).collect()
}

fn proves(deposit: &Deposited, verdict: &Verdict) -> Vec<String> {
    let (index, keeper, since, at) = (deposit.index, &deposit.keeper, deposit.log.at, &verdict.at);
    let mut sentences = vec![format!(
        "第 {index} 号条目最迟自 {since} 起在 {keeper} 的日志中：在 {} 链高度 {}（{}）处得到证明。",
        at.chain_id, at.height, at.time
    )];
    if let Some(content) = &deposit.content {
        sentences.push(format!(
            "一份 {} 字节、SHA-256 为 {}、SM3 为 {} 的文件自 {since} 起未被更改。",
            content.size, content.sha256, content.sm3
        ));
    }
    if let Some(seal) = &deposit.seal {
        sentences.push(format!("由 {} 以其印章存入。", seal.batch.depositor));
    }
    for witness in verdict.seen.iter().filter(|witness| witness.known) {
        let (name, at, size) = (witness.by.name(), witness.at, witness.size);
        sentences.push(format!(
            "见证者 {name} 于 {at} 见到含此条目的日志（当时 {size} 个条目），自其上次所见以来只增不改。"
        ));
    }
    if let Some(Stamped { stamp, size }) = verdict.stamped.as_ref().filter(|stamped| stamped.stamp.known) {
        sentences.push(format!(
            "含此条目的日志（当时 {size} 个条目）最迟于 {} 已存在：依据 {} 的时间戳。",
            stamp.at,
            authority(stamp)
        ));
    }
    sentences.extend(verdict.renewals.iter().map(renewed));
    sentences
}

/// That the proof was renewed.
fn renewed(renewal: &Renewal) -> String {
    let by = match renewal.by {
        TimeBy::Authority => {
            let by = renewal.stamped.as_ref().map(|stamped| authority(&stamped.stamp)).unwrap_or_default();
            format!("依据 {by} 的时间戳")
        }
        TimeBy::Witnesses => {
            let known = renewal.seen.iter().filter(|seen| seen.known).map(|seen| seen.by.name());
            format!("依据见证者 {}", known.collect::<Vec<_>>().join("、"))
        }
        TimeBy::Chain => "依据其所在链".to_owned(),
        TimeBy::ChainAlone => "仅依据其所在链自身的时间".to_owned(),
    };
    format!(
        "本证明（套件 {}，{} 字节）最迟于 {} 已存在，{by}：它作为第 {} 号条目重新存入 {} 链上 {} 的日志（套件 {}），并按当时判断。",
        renewal.renewed_suites,
        renewal.bytes,
        renewal.stood,
        renewal.index,
        renewal.at.chain_id,
        renewal.keeper,
        renewal.suites
    )
}

/// Who made a time stamp, as the verifier's own words name it.
pub(crate) fn authority(stamp: &Stamp) -> String {
    let name = if stamp.by.is_empty() { "无名机构" } else { &stamp.by };
    if stamp.known { name.to_owned() } else { format!("{name}（证书 {}）", stamp.certificate) }
}

fn does_not_prove(verdict: &Verdict) -> Vec<String> {
    let mut sentences = vec![
        "对文件此前的情况不作任何认定：其来源、形成方式和保管经过均为存证人陈述。".to_owned(),
        format!("对 {} 之后的变化不作说明。", verdict.at.time),
    ];
    // Of a renewed proof: as of then.
    if verdict.renewals.first().map_or(verdict.judgment, |renewal| renewal.renewed_judgment) == Judgment::Archive {
        let is_witnessed = verdict.seen.iter().any(|witness| witness.known)
            || verdict.stamped.as_ref().is_some_and(|stamped| stamped.stamp.known);
        let time = if is_witnessed {
            "除见证者与时间戳所述之外，时间为该链自身的时间"
        } else {
            "时间未经独立见证"
        };
        sentences.push(format!("{time}：这是档案式判断，只说明完整性，不说明时效。"));
    }
    if verdict.operators <= 1 {
        sentences.push("该链的全部验证节点由一个运营方运行：历史仅由其担保。".to_owned());
    }
    let strangers: Vec<String> =
        verdict.seen.iter().filter(|witness| !witness.known).map(|witness| witness.by.to_string()).collect();
    if !strangers.is_empty() {
        let keys = strangers.join("、");
        sentences.push(format!("附有 {keys} 的联署：除非策略指定这些见证者，否则不能据此得出任何结论。"));
    }
    if let Some(Stamped { stamp, .. }) = verdict.stamped.as_ref().filter(|stamped| !stamped.stamp.known) {
        sentences.push(format!("附有 {} 的时间戳：除非核验者指定该机构，否则不能据此得出任何结论。", authority(stamp)));
    }
    for renewal in &verdict.renewals {
        if renewal.is_stamp_alone {
            sentences.push("较新证明的某一套件也已不再可信：仅由时间戳说明这些字节当时存在。".to_owned());
        } else if renewal.by == TimeBy::ChainAlone {
            sentences.push("重新存证的时间未经独立见证。".to_owned());
        }
        if renewal.operators <= 1 {
            sentences.push("重新存证所在链的全部验证节点由一个运营方运行。".to_owned());
        }
    }
    sentences
}

/// Judges a bundle by an anchor file's text at `now`, with a file beside it: as [`crate::answer::judge`], with `told` in words.
#[must_use]
pub fn judge(bundle: &[u8], anchor: &str, file: Option<&FileFound>, now: Time) -> Value {
    let both = |lines: [Both; 2]| json!({ "headline": lines.iter().map(Both::json).collect::<Vec<_>>() });
    let file_of = match crate::anchor::AnchorFile::parse(anchor) {
        Ok(file) => file,
        Err(bad) => return crate::answer::error(&format!("this is not an anchor file: {bad}")),
    };
    let judged = Bundle::decode(bundle).and_then(|bundle| {
        let verdict = bundle.verify(&file_of.anchor, now)?;
        Ok((bundle, verdict))
    });
    let (mut answer, told) = match judged {
        Ok((bundle, verdict)) => {
            let told = told(&bundle, &verdict, file).map_or_else(|| both(unsupported()), |told| told.json());
            (crate::answer::verified(&verdict), told)
        }
        Err(refusal) => (crate::answer::refused(&refusal), both(refused(&refusal))),
    };
    if let Some(object) = answer.as_object_mut() {
        object.insert("told".into(), told);
        object.insert("anchor".into(), anchor_of(&file_of));
    }
    answer
}

/// What an anchor file pins, for its reader to compare.
#[must_use]
pub fn anchor_of(file: &crate::anchor::AnchorFile) -> Value {
    json!({
        "member": file.member.as_str(),
        "chain": file.anchor.chain_id.as_str(),
        "height": file.anchor.height.0,
        "header_hash": file.anchor.header_hash.to_string(),
        "operators": file.anchor.operators,
    })
}
