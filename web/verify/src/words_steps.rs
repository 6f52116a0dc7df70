//! The steps of a deposit's verdict in both languages, each with the bytes that it was checked on, in the order in which the
//! verifier took them. It refuses to say more than the verifier's own steps: where their number differs, theirs are told.

use crate::words::{Both, ToldStep, authority};
use comity_model::Height;
use comity_verify::bundle::{Bundle, Claim, Link, Step, Verdict};
use comity_verify::comet::{CommitSig, Header};
use comity_verify::deposit::{self, Deposited};
use comity_verify::light::LightStep;
use comity_verify::witnessed::{Grown, Seen, SignedCheckpoint, Stamped, StampedCheckpoint};

/// Steps in words.
pub(crate) fn steps(bundle: &Bundle, verdict: &Verdict) -> Vec<ToldStep> {
    let theirs = &verdict.steps;
    match said(bundle, verdict) {
        Some(said) if said.len() == theirs.len() => {
            theirs.iter().zip(said).map(|(step, (zh, bytes))| told(step, zh, bytes)).collect()
        }
        _ => theirs.iter().map(|step| told(step, step.what.clone(), Vec::new())).collect(),
    }
}

/// From the outermost renewal in.
fn said(bundle: &Bundle, verdict: &Verdict) -> Option<Vec<Said>> {
    let (mut said, mut current) = (Vec::new(), bundle.clone());
    for renewal in verdict.renewals.iter().rev() {
        let Claim::Renewed(claim) = &current.claim else { return None };
        said.extend(of_one(&current, renewal.at.height, &renewal.seen, renewal.stamped.as_ref())?);
        said.push((
            format!("被重新存证的 {} 字节证明包即所存文件", claim.old.len()),
            vec![
                named("SHA-256 of the renewed bundle", "被重新存证的证明包的 SHA-256", renewal.sha256.to_string()),
                named("size in bytes", "大小（字节）", renewal.bytes.to_string()),
            ],
        ));
        current = Bundle::decode(&claim.old).ok()?;
    }
    said.extend(of_one(&current, verdict.at.height, &verdict.seen, verdict.stamped.as_ref())?);
    Some(said)
}

/// Of one bundle, whose claim is proven under the header of a height.
fn of_one(bundle: &Bundle, height: Height, seen: &[Seen], stamped: Option<&Stamped>) -> Option<Vec<Said>> {
    let attested = bundle.claim.attested()?;
    let mut said = vec![(format!("区块头 {} 即信任锚所固定者", bundle.anchor.height), header(&bundle.anchor))];
    match &bundle.link {
        Link::Forward { steps } => said.extend(steps.iter().map(signed)),
        Link::Archive { steps, tree, tree_proof, header: earlier, path } => {
            said.extend(steps.iter().map(signed));
            let later = steps.last().map_or(bundle.anchor.height, |step| step.block.header.height);
            let mut bytes = header(earlier);
            bytes.push(named("root of the tree of headers", "区块头树的根", tree.root.to_string()));
            bytes.push(named("path in that tree", "在该树中的路径", lines(path)));
            bytes.push(named("ICS-23 proof of the tree", "该树的 ICS-23 证明", hex::encode(tree_proof)));
            said.push((
                format!("区块头 {} 在区块头 {later} 之下状态所含 {} 个区块头的树中", earlier.height, tree.size),
                bytes,
            ));
        }
    }
    said.extend(of_deposit(bundle, attested.deposit, height));
    let old = attested.deposit.log.size;
    said.extend(attested.witnessed.into_iter().flat_map(|checkpoint| of_witnesses(old, checkpoint, seen)));
    said.extend(attested.stamped.into_iter().flat_map(|checkpoint| of_stamp(old, checkpoint, stamped)));
    Some(said)
}

type Said = (String, Vec<(Both, String)>);

fn told(step: &Step, zh: String, bytes: Vec<(Both, String)>) -> ToldStep {
    ToldStep { what: Both::new(step.what.clone(), zh), rule: step.rule.code(), bytes }
}

fn named(en: &str, zh: &str, value: impl Into<String>) -> (Both, String) {
    (Both::new(en, zh), value.into())
}

fn lines<T: ToString>(hashes: &[T]) -> String {
    hashes.iter().map(T::to_string).collect::<Vec<_>>().join("\n")
}

fn header(header: &Header) -> Vec<(Both, String)> {
    let app_hash = hex::encode(header.app_hash.bytes());
    vec![
        named("chain and height", "链与高度", format!("{} {}", header.chain_id, header.height)),
        named("time", "时间", header.time.to_string()),
        named("hash of the header", "区块头哈希", header.hash().to_string()),
        named("hash of the validator set", "验证者集合哈希", header.validators_hash.to_string()),
        named("hash of the state (app hash)", "状态哈希（app hash）", app_hash),
    ]
}

fn signed(step: &LightStep) -> Said {
    let block = &step.block;
    let mut bytes = header(&block.header);
    let votes = block.commit.signatures.iter().zip(block.validators.validators());
    let votes = votes.filter_map(|(entry, validator)| match entry {
        CommitSig::Commit(vote) => Some((vote, validator)),
        CommitSig::Absent | CommitSig::Nil(_) => None,
    });
    let (mut power, mut signatures) = (0u64, Vec::new());
    for (vote, validator) in votes {
        power = power.saturating_add(validator.power);
        let (key, signature) = (hex::encode(validator.public_key), hex::encode(vote.signature));
        signatures.push(format!("{key} {} {signature}", vote.time));
    }
    bytes.push(named("power that signed", "已签名的权重", format!("{power} / {}", block.validators.total_power())));
    bytes.push(named("key, time and signature (Ed25519)", "公钥、时间与签名（Ed25519）", signatures.join("\n")));
    (format!("区块头 {} 由超过三分之二的权重签名", block.header.height), bytes)
}

fn of_deposit(bundle: &Bundle, deposited: &Deposited, height: Height) -> Vec<Said> {
    let (log, entry) = (&deposited.log, &deposited.entry);
    let mut said = vec![
        (
            format!("日志头在区块头 {height} 之下得到证明"),
            vec![
                named("path in the state", "状态路径", format!("deposits/{}", deposited.keeper)),
                named("value: size, root, time", "值：大小、根、时间", format!("{} {} {}", log.size, log.root, log.at)),
                named("its bytes", "其字节", hex::encode(comity_model::encode(log))),
                named("ICS-23 proof", "ICS-23 证明", hex::encode(&bundle.proof)),
            ],
        ),
        (
            format!("第 {} 号条目在含 {} 个条目的日志中", deposited.index, log.size),
            vec![
                named("entry", "条目", hex::encode(entry.bytes())),
                named("its hash as a leaf", "其叶哈希", deposit::leaf(entry).to_string()),
                named("path, from the leaf's sibling up", "路径（自叶的兄弟节点向上）", lines(&deposited.path)),
                named("root of the log", "日志的根", log.root.to_string()),
            ],
        ),
    ];
    if let Some(content) = &deposited.content {
        said.push((
            "摘要与大小即条目所承诺者".to_owned(),
            vec![
                named("SHA-256", "SHA-256", content.sha256.to_string()),
                named("SM3", "SM3", content.sm3.to_string()),
                named("size in bytes", "大小（字节）", content.size.to_string()),
                named("salt", "盐值", hex::encode(content.salt)),
                named("commitment in the entry", "条目中的承诺", entry.content.to_string()),
            ],
        ));
    }
    if let Some(statement) = &deposited.statement {
        said.push((
            "陈述即条目所承诺者".to_owned(),
            vec![
                named("salt", "盐值", hex::encode(statement.salt)),
                named("its bytes", "其字节", hex::encode(comity_model::encode(statement))),
                named("commitment in the entry", "条目中的承诺", entry.statement.to_string()),
            ],
        ));
    }
    if let Some(seal) = &deposited.seal {
        said.push((
            format!("{} 对含 {} 个条目的批次用印", seal.batch.depositor, seal.batch.count),
            vec![
                named("root of the batch", "批次的根", seal.batch.root.to_string()),
                named("place in it", "在批次中的位置", seal.place.to_string()),
                named("path in the batch", "在批次中的路径", lines(&seal.path)),
                named("key of the depositor", "存证人公钥", hex::encode(seal.member.seal_key.bytes())),
                named("signature", "签名", hex::encode(seal.signature.bytes)),
                named("ICS-23 proof of the key", "公钥的 ICS-23 证明", hex::encode(&seal.proof)),
            ],
        ));
    }
    said
}

/// That a checkpoint grew from the head that the deposit is proven under, where it is another.
fn growth(old: u64, tree: &Grown) -> Option<Said> {
    let what = format!("含 {} 个条目的日志由含 {old} 个条目的日志增长而来", tree.size);
    (tree.size != old).then(|| (what, vec![root(tree), named("proof of growth", "增长证明", lines(&tree.growth))]))
}

fn root(tree: &Grown) -> (Both, String) {
    named("root of the checkpoint", "检查点的根", tree.root.to_string())
}

fn of_witnesses(old: u64, checkpoint: &SignedCheckpoint, seen: &[Seen]) -> Vec<Said> {
    let mut said = Vec::from_iter(growth(old, &checkpoint.tree));
    let signatures = hex::encode(comity_model::encode(&checkpoint.signatures));
    said.push((
        format!("检查点之下有 {} 个签名", checkpoint.signatures.len()),
        vec![root(&checkpoint.tree), named("keys and signatures", "公钥与签名", signatures)],
    ));
    if seen.iter().any(|witness| witness.known) {
        let known = seen.iter().filter(|witness| witness.known).map(|witness| witness.by.to_string());
        let names = known.collect::<Vec<_>>().join("\n");
        said.push(("见到它的见证者数量达到策略要求".to_owned(), vec![named("witnesses", "见证者", names)]));
    }
    said
}

fn of_stamp(old: u64, checkpoint: &StampedCheckpoint, stamped: Option<&Stamped>) -> Vec<Said> {
    let mut said = Vec::from_iter(growth(old, &checkpoint.tree));
    let by = stamped.map_or_else(|| "某机构".to_owned(), |stamped| authority(&stamped.stamp));
    said.push((
        format!("{by} 的时间戳在含 {} 个条目的检查点之上", checkpoint.tree.size),
        vec![
            root(&checkpoint.tree),
            named("token (RFC 3161, DER)", "令牌（RFC 3161，DER）", hex::encode(&checkpoint.token)),
        ],
    ));
    said
}
