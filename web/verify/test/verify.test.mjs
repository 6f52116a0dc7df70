// @ts-check
// The built module and its wrapper, under node: the outside suites of COMITY_VECTORS, and bundles of each kind with the
// answers that the same code gives natively (kept by tests/bundles.rs). COMITY_WASM names another build to be tested.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { load, VerifyError } from "../index.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const path = process.env.COMITY_WASM ?? join(here, "../comity-verify.wasm");
const wasm = readFileSync(path);
const verifier = await load(wasm);

/** @param {string} file */
const json = (file) => JSON.parse(readFileSync(file, "utf8"));
/** @param {string} text */
const hex = (text) => new Uint8Array(Buffer.from(text, "hex"));

/** @param {import("node:test").TestContext} t @param {string} suite */
function vectors(t, suite) {
  const root = process.env.COMITY_VECTORS ?? join(here, "../../../../shared/vectors");
  const folder = join(root, suite);
  if (existsSync(folder)) return folder;
  assert.notEqual(process.env.CI, "true", `CI needs the outside suite ${folder}`);
  t.skip(`no outside suite at ${folder} (set COMITY_VECTORS)`);
  return null;
}

test("the module stays below 400 KiB compressed", () => {
  const size = gzipSync(wasm, { level: 9 }).length;
  console.log(`${path}: ${wasm.length} bytes, ${size} gzipped`);
  assert.ok(size < 400 * 1024);
});

test("a verdict is told in both languages, an anchor is read, and an address becomes a QR code", () => {
  const bundle = new Uint8Array(readFileSync(join(here, "bundles/record.comity")));
  const anchor = readFileSync(join(here, "bundles/record.anchor"), "utf8");
  const { now } = json(join(here, "bundles/record.json"));
  const told = verifier.judgeFile(bundle, anchor, null, new Date(now)).told;
  assert.match(told.headline[0].en, /not about a deposit/);
  assert.match(told.headline[0].zh, /与存证无关/);
  const file = { sha256: "00", sm3: "00", size: 1 };
  assert.throws(() => verifier.judgeFile(bundle, anchor, file, new Date(now)), VerifyError);
  bundle[20] = (bundle[20] ?? 0) ^ 1;
  assert.match(verifier.judgeFile(bundle, anchor, null, new Date(now)).told.headline[1].en, /^Rule [A-Z_]+: /);
  assert.equal(verifier.readAnchor(anchor).member, "court");
  assert.throws(() => verifier.readAnchor("verify = false"), VerifyError);
  assert.match(verifier.tellNotFound(7, new Date(0))[0].en, /checkpoint 7 of 1970-01-01 00:00:00 UTC/);
  assert.match(verifier.tellNotFound(0, null)[0].zh, /日志尚无内容/);
  assert.ok(verifier.qrCode("https://verify.example/v/00").path.startsWith("M0,0h7v1h-7z"));
  assert.throws(() => verifier.qrCode("x".repeat(5000)), VerifyError);
});

const bundles = join(here, "bundles");
for (const name of readdirSync(bundles).filter((file) => file.endsWith(".comity")).map((file) => file.slice(0, -7))) {
  const bundle = new Uint8Array(readFileSync(join(bundles, `${name}.comity`)));
  const anchor = readFileSync(join(bundles, `${name}.anchor`), "utf8");
  const expected = json(join(bundles, `${name}.json`));
  const now = new Date(expected.now);

  test(`bundle ${name}: the answers are the native ones`, () => {
    assert.deepEqual(verifier.verify(bundle, anchor, now), expected.verify);
    assert.deepEqual(verifier.describe(bundle), expected.describe);
  });

  test(`bundle ${name}: any changed byte is refused`, () => {
    for (let at = 0; at < bundle.length; at += 1) {
      const changed = bundle.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << at % 8);
      assert.equal(verifier.verify(changed, anchor, now).verdict, "REFUSED", `byte ${at}`);
    }
    for (const cut of [0, 8, bundle.length - 1]) {
      assert.equal(verifier.verify(bundle.subarray(0, cut), anchor, now).verdict, "REFUSED", `${cut} bytes`);
    }
  });

  test(`bundle ${name}: another anchor refuses it, and what is no anchor is an error`, () => {
    const other = anchor.replace(/header_hash = "../, (start) => `${start.slice(0, -2)}${start.endsWith("00") ? "01" : "00"}`);
    const refused = verifier.verify(bundle, other, now);
    assert.equal(refused.verdict === "REFUSED" && refused.rule, "ANCHOR");
    assert.throws(() => verifier.verify(bundle, "verify = false", now), VerifyError);
    assert.throws(() => verifier.verify(bundle, anchor, new Date(NaN)), VerifyError);
  });
}

test("CometBFT's model: every step gets its verdict", (t) => {
  const folder = vectors(t, "comet");
  if (folder === null) return;
  const counts = { SUCCESS: 0, NOT_ENOUGH_TRUST: 0, INVALID: 0 };
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  for (const file of files) {
    const { initial, input } = json(join(folder, file));
    const header = initial.signed_header.header;
    let trusted = {
      height: Number(header.height),
      time: header.time,
      // Of the first header nothing but its place, time and announced set is used.
      hash: initial.signed_header.commit.block_id.hash,
      app_hash: "00".repeat(32),
      next_validators_hash: header.next_validators_hash,
    };
    let next = initial.next_validator_set.validators;
    for (const [index, { block, now, verdict }] of input.entries()) {
      const ask = {
        chain: header.chain_id,
        trusting_period_s: Number(BigInt(initial.trusting_period) / 1_000_000_000n),
        clock_drift_s: 0,
        trusted,
        signed_header: asRpc(block.signed_header),
        validators: block.validator_set.validators ?? [],
        next_validators: next,
      };
      const found = judge(ask, new Date(now));
      assert.equal(found.name, verdict, `${file} step ${index}`);
      counts[found.name] += 1;
      if (found.trusted) {
        trusted = found.trusted;
        next = block.next_validator_set.validators;
      }
    }
  }
  console.log(`comet: ${files.length} files`, counts);
  assert.deepEqual([files.length, counts], [41, { SUCCESS: 44, NOT_ENOUGH_TRUST: 42, INVALID: 13 }]);
});

/**
 * @param {import("../index.js").HeaderAsk} ask @param {Date} now
 * @returns {{ name: "SUCCESS" | "NOT_ENOUGH_TRUST" | "INVALID", trusted?: import("../index.js").TrustedHeader }}
 */
function judge(ask, now) {
  try {
    const found = verifier.judgeHeader(ask, now);
    if (found.verdict === "TRUSTED") return { name: "SUCCESS", trusted: found.trusted };
    return { name: found.rule === "NOT_ENOUGH_TRUST" ? "NOT_ENOUGH_TRUST" : "INVALID" };
  } catch (error) {
    // A set that cannot even be built: there is no block to judge.
    assert.ok(error instanceof VerifyError && error.message.includes("validators must be"), String(error));
    return { name: "INVALID" };
  }
}

/** The suite writes null where the RPC writes an empty value. @param {any} signed */
function asRpc(signed) {
  const none = { hash: "", parts: { total: 0, hash: "" } };
  return {
    header: { ...signed.header, last_block_id: signed.header.last_block_id ?? none },
    commit: {
      ...signed.commit,
      signatures: (signed.commit.signatures ?? []).map((/** @type {any} */ entry) => ({
        ...entry,
        timestamp: entry.timestamp ?? "0001-01-01T00:00:00Z",
      })),
    },
  };
}

test("ICS-23: every proof verifies, and none for another root, value or key", (t) => {
  const folder = vectors(t, "ics23");
  if (folder === null) return;
  let proofs = 0;
  for (const tree of /** @type {const} */ (["iavl", "smt", "tendermint"])) {
    for (const file of readdirSync(join(folder, tree))) {
      const read = json(join(folder, tree, file));
      const [root, key, proof] = [hex(read.root), hex(read.key), hex(read.proof)];
      const value = read.value === "" ? null : hex(read.value);
      assert.deepEqual(verifier.judgeProof(tree, root, key, value, proof), { verdict: "VERIFIED" }, file);
      /** @param {Uint8Array} bytes */
      const changed = (bytes) => bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
      assert.equal(verifier.judgeProof(tree, changed(root), key, value, proof).verdict, "REFUSED", file);
      if (value !== null) {
        assert.equal(verifier.judgeProof(tree, root, key, changed(value), proof).verdict, "REFUSED", file);
        assert.equal(verifier.judgeProof(tree, root, changed(key), value, proof).verdict, "REFUSED", file);
      }
      proofs += 1;
    }
  }
  console.log(`ics23: ${proofs} proofs`);
  assert.equal(proofs, 18);
});

test("digests are those of node and of the standard, whole and in pieces", async () => {
  const file = new Uint8Array(3_000_001).map((_, at) => at);
  const whole = createHash("sha256").update(file).digest("hex");
  async function* pieces() {
    for (let at = 0; at < file.length; at += 70_001) yield file.subarray(at, at + 70_001);
  }
  assert.equal(Buffer.from(await verifier.digest("sha256", file)).toString("hex"), whole);
  assert.equal(Buffer.from(await verifier.digest("sha256", pieces())).toString("hex"), whole);
  // GM/T 0004-2012, appendix A.1.
  const sm3 = Buffer.from(await verifier.digest("sm3", new TextEncoder().encode("abc"))).toString("hex");
  assert.equal(sm3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
});

test("more than 16 MiB are not taken at once", () => {
  assert.throws(() => verifier.describe(new Uint8Array((16 << 20) + 1)), VerifyError);
  const tooLong = verifier.describe(new Uint8Array((4 << 20) + 1));
  assert.equal(tooLong.verdict === "REFUSED" && tooLong.rule, "BUNDLE_ENCODING");
});
