// @ts-check
// The page in a real browser, over a real court with its log and chain (`comity sandbox`): what a visitor sees, what leaves his
// machine, what it takes. Screenshots are kept under target/page. COMITY names the program; COMITY_LARGE_BYTES a larger file.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { axeSource } from "./axe.mjs";
import { Browser, chromium } from "./chromium.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const program = process.env.COMITY ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/comity");
const pictures = join(root, "target/page");
const large = Number(process.env.COMITY_LARGE_BYTES ?? 2 ** 29);
const skip = [chromium === null && "no Chromium is installed", !existsSync(program) && `${program} is not built`].find(Boolean) || false;
if (skip && process.env.CI === "true") throw new Error(`CI needs a browser and the program: ${skip}`);

const folder = mkdtempSync(join(tmpdir(), "page-"));
const at = (/** @type {string} */ name) => join(folder, name);
const contract = "甲方与乙方订立本合同。\nThe parties agree.\n".repeat(40);
/** @type {Browser} */ let browser;
/** @type {import("node:child_process").ChildProcess} */ let sandbox;
/** @type {string} */ let site;

const sha256 = (/** @type {string} */ name) => createHash("sha256").update(readFileSync(at(name))).digest("hex");
const comity = (/** @type {string[]} */ ...args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const lineOf = `[document.querySelector("#verdict h2 span:last-child").innerText, document.querySelector("#verdict .second")?.innerText ?? ""]`;

/** @param {import("./chromium.mjs").Tab} tab @param {string} mark */
const verdict = async (tab, mark) => {
  await tab.until(`document.querySelector("#verdict.${mark}") !== null`);
  return tab.run(lineOf);
};
/** @param {import("./chromium.mjs").Tab} tab @param {string} path */
const ready = async (tab, path) => {
  await tab.open(`${site}${path}`);
  await tab.until(`document.documentElement.dataset.ready === "true"`);
};
/** @param {import("./chromium.mjs").Tab} tab @param {string} name */
const keep = async (tab, name) => writeFileSync(join(pictures, `${name}.png`), await tab.picture());
/** @param {import("./chromium.mjs").Tab} tab */
const clean = (tab) => assert.deepEqual(tab.complaints, [], "the browser complains of nothing, no policy is violated");

before(async () => {
  if (skip) return;
  mkdirSync(pictures, { recursive: true });
  writeFileSync(at("contract.txt"), contract);
  writeFileSync(at("resaved.txt"), contract.replaceAll("\n", "\r\n"));
  writeFileSync(at("altered.txt"), contract.replace("agree", "AGREE"));
  writeFileSync(at("unknown.txt"), "never deposited");
  sandbox = spawn(program, ["sandbox", "--dir", at("world")], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  site = await new Promise((resolve, reject) => {
    sandbox.stdout?.on("data", (piece) => {
      said += piece;
      const found = /Page for everybody, court: (http:\S+)\//.exec(said);
      if (found && said.includes("Stops at Ctrl-C")) resolve(found[1]);
    });
    sandbox.on("exit", (code) => reject(new Error(`the sandbox ended with ${code}: ${said}`)));
  });
  const as = ["--as", at("world/court/clients/clerk.toml")];
  comity("deposit", "put", ...as, "--kind", "electronic-evidence", "--source", "a shared drive", at("contract.txt"));
  for (let round = 0; ; round += 1) {
    try {
      comity("deposit", "prove", ...as, at("contract.txt"), "--with-statement", "--case", "1", "--basis", "b", "--purpose", "p", "--out", at("contract.comity"));
      break;
    } catch (error) {
      if (round > 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const flipped = readFileSync(at("contract.comity"));
  flipped[flipped.length - 9] = (flipped.at(-9) ?? 0) ^ 1;
  writeFileSync(at("tampered.comity"), flipped);
  browser = new Browser();
});

after(async () => {
  await browser?.close();
  sandbox?.removeAllListeners("exit");
  sandbox?.kill("SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 500));
  sandbox?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("a deposited file matches, in both languages, in the words of the command line, and only its digest leaves", { skip }, async () => {
  for (const [lang, proof] of [["en", /^This file is unchanged since 20/], ["zh", /^此文件自 20.*起未被更改。$/]]) {
    const tab = await browser.tab();
    await ready(tab, `/?lang=${lang}`);
    const loaded = tab.requests.length;
    await tab.choose("#file", at("contract.txt"));
    const lines = await verdict(tab, "match");
    assert.match(lines[0], /** @type {RegExp} */ (proof));
    const said = comity("verify", at("contract.comity"), "--anchor", at("world/court/court.anchor"), "--file", at("contract.txt"), "--lang", /** @type {string} */ (lang));
    assert.deepEqual(lines, said.split("\n").slice(0, 2));
    assert.deepEqual(tab.requests.slice(loaded), [`GET ${site}/api/digests/${sha256("contract.txt")}`]);
    assert.ok(tab.requests.every((request) => request.startsWith(`GET ${site}/`)), "nobody else is asked");
    const steps = await tab.run(`document.querySelectorAll(".steps details").length`);
    assert.ok(steps >= 4, `${steps} steps`);
    await tab.run(`document.querySelector(".steps li:last-child details").open = true`);
    assert.match(await tab.run(`document.querySelector(".steps li:last-child code").innerText`), /^[0-9a-f]{64}$/);
    assert.equal(await tab.run(`document.querySelector(".address").href`), `${site}/v/${sha256("contract.txt")}`);
    assert.ok(!(await tab.text()).includes("a shared drive"), "what the depositor states is not public");
    await keep(tab, `match-${lang}`);
    const { data } = await tab.send("Page.printToPDF", { printBackground: true, preferCSSPageSize: true });
    writeFileSync(join(pictures, `certificate-${lang}.pdf`), Buffer.from(data, "base64"));
    clean(tab);
    await tab.close();
  }
});

test("the language is switched in place, and the verdict with it", { skip }, async () => {
  const tab = await browser.tab({ width: 390, height: 844 });
  await ready(tab, "/?lang=en");
  await keep(tab, "start-phone-en");
  await tab.choose("#file", at("contract.txt"));
  await verdict(tab, "match");
  await keep(tab, "match-phone-en");
  await tab.run(`document.querySelector("#zh").click()`);
  assert.match((await tab.run(lineOf))[0], /起未被更改/);
  assert.equal(await tab.run(`document.documentElement.lang`), "zh-CN");
  const left = await tab.run(`[...document.querySelectorAll("[data-t]")].map((e) => e.textContent).filter((text) => !/[\\u4e00-\\u9fff]/.test(text))`);
  assert.deepEqual(left, [], "nothing is left in English");
  assert.ok(await tab.run(`document.documentElement.scrollWidth <= innerWidth`), "nothing is wider than a phone");
  await keep(tab, "match-phone-zh");
  clean(tab);
  await tab.close();
});

test("a link to a digest shows its deposit; another file is no match, and a re-saved one is told as such", { skip }, async () => {
  const tab = await browser.tab();
  await ready(tab, `/v/${sha256("contract.txt")}?lang=en`);
  assert.match((await verdict(tab, "found"))[0], /^A file of this digest is deposited/);
  await tab.choose("#file", at("altered.txt"));
  assert.match((await verdict(tab, "mismatch"))[0], /not the deposited file/);
  assert.match(await tab.text(), /single bytes differ/);
  await keep(tab, "mismatch-en");
  await ready(tab, `/v/${sha256("contract.txt")}?lang=zh`);
  await verdict(tab, "found");
  await tab.choose("#file", at("resaved.txt"));
  await verdict(tab, "mismatch");
  assert.match(await tab.text(), /将换行由 CR LF 改为 LF 后即为存证文件/);
  await keep(tab, "mismatch-zh");
  await ready(tab, `/v/${sha256("contract.txt")}`);
  await verdict(tab, "found");
  await tab.choose("#file", at("contract.txt"));
  await verdict(tab, "match");
  clean(tab);
  await tab.close();
});

test("a file that was never deposited is not found as of a dated checkpoint, and the word for it is the keeper's", { skip }, async () => {
  for (const lang of ["en", "zh"]) {
    const tab = await browser.tab();
    await ready(tab, `/?lang=${lang}`);
    await tab.choose("#file", at("unknown.txt"));
    const [first, second] = await verdict(tab, "missing");
    assert.match(first, lang === "en" ? /^Not found as of checkpoint 1 of 20.* UTC\.$/ : /^截至 20.* UTC 的第 1 号检查点，未找到。$/);
    assert.match(second, lang === "en" ? /not a proof/ : /并非证明/);
    await keep(tab, `not-found-${lang}`);
    clean(tab);
    await tab.close();
  }
});

test("a bundle that the server has tampered with is refused by the browser", { skip }, async () => {
  const tab = await browser.tab();
  await ready(tab, "/?lang=en");
  await tab.send("Fetch.enable", { patterns: [{ urlPattern: "*/api/digests/*", requestStage: "Response" }] });
  browser.on(async ({ sessionId, method, params }) => {
    if (sessionId !== tab.session || method !== "Fetch.requestPaused") return;
    const { body, base64Encoded } = await tab.send("Fetch.getResponseBody", { requestId: params.requestId });
    const answer = JSON.parse(base64Encoded ? Buffer.from(body, "base64").toString() : body);
    const since = answer.bundle.lastIndexOf("00");
    answer.bundle = `${answer.bundle.slice(0, since)}01${answer.bundle.slice(since + 2)}`;
    await tab.send("Fetch.fulfillRequest", {
      requestId: params.requestId, responseCode: 200, responseHeaders: params.responseHeaders,
      body: Buffer.from(JSON.stringify(answer)).toString("base64"),
    });
  });
  await tab.choose("#file", at("contract.txt"));
  const [first, second] = await verdict(tab, "refused");
  assert.match(first, /does not hold/);
  assert.match(second, /^Rule [A-Z_]+: expected /);
  await keep(tab, "tampered-en");
  await tab.close();
});

test("offline, file and bundle are judged while the network is gone, and nothing is sent", { skip }, async () => {
  const tab = await browser.tab();
  await ready(tab, "/?lang=en");
  await tab.send("Network.emulateNetworkConditions", { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 });
  const loaded = tab.requests.length;
  await tab.run(`document.querySelector("#offline").open = true`);
  await tab.choose("#off-bundle", at("contract.comity"));
  await tab.choose("#off-file", at("contract.txt"));
  await tab.choose("#off-anchor", at("world/court/court.anchor"));
  await tab.run(`document.querySelector("#off-go").click()`);
  await verdict(tab, "match");
  assert.match(await tab.text(), /a shared drive/, "this bundle opens the statement");
  await keep(tab, "offline-en");
  await tab.choose("#off-file", at("altered.txt"));
  await tab.run(`document.querySelector("#off-go").click()`);
  await verdict(tab, "mismatch");
  await tab.choose("#off-bundle", at("tampered.comity"));
  await tab.run(`document.querySelector("#off-go").click()`);
  await verdict(tab, "refused");
  assert.deepEqual(tab.requests.slice(loaded), []);
  clean(tab);
  await tab.close();
});

test("with the keyboard alone: to the content, to the file, a number looked up, the answer in focus", { skip }, async () => {
  const tab = await browser.tab();
  await ready(tab, "/?lang=en");
  const seen = [];
  for (let step = 0; step < 12; step += 1) {
    await tab.press("Tab", 9);
    const focused = await tab.run(`document.activeElement.id || document.activeElement.className`);
    seen.push(focused);
    if (focused === "q") break;
  }
  assert.deepEqual(seen.filter((id) => ["skip", "brand", "zh", "en", "file", "q"].includes(id)), ["skip", "brand", "zh", "en", "file", "q"]);
  assert.ok(await tab.run(`matchMedia(":root") && getComputedStyle(document.activeElement).outlineStyle !== "none"`), "the focus shows");
  await tab.send("Input.insertText", { text: "0" });
  await tab.press("Enter", 13);
  const [first] = await verdict(tab, "note");
  assert.match(first, /^Entry 0 stands in the log of court since 20/);
  assert.equal(await tab.run(`document.activeElement.id`), "answer");
  assert.match(await tab.run(`document.querySelector("#status").textContent`), /^Entry 0 stands/, "it is announced");
  await tab.press("Tab", 9);
  await tab.press("Enter", 13);
  assert.ok(await tab.run(`document.querySelector(".steps details").open`), "a step opens");
  await keep(tab, "keyboard-en");
  clean(tab);
  await tab.close();
});

test("the hash of a transaction is looked up as a number is, and the answer says whose word it is", { skip }, async () => {
  const as = ["--as", at("world/court/clients/clerk.toml"), "--case", "1", "--basis", "b", "--purpose", "p"];
  const hash = /taken up by transaction ([0-9a-f]{64})/.exec(comity("deposit", "get", ...as, "0"))?.[1] ?? "";
  const tab = await browser.tab();
  await ready(tab, "/?lang=en");
  const loaded = tab.requests.length;
  await tab.run(`document.querySelector("#q").value = "${hash}"; document.querySelector("#lookup").requestSubmit()`);
  const [first] = await verdict(tab, "note");
  assert.match(first, /^This transaction, in block \d+ of 20.*, took up entries 0 to 0 of the log: its checkpoint of 1 entries\.$/);
  assert.match(await tab.run(`document.querySelector("#verdict").innerText`), /This is the server's word/);
  assert.deepEqual(tab.requests.slice(loaded), [`/api/digests/${hash}`, `/api/transactions/${hash}`].map((path) => `GET ${site}${path}`));
  clean(tab);
  await tab.close();
});

test("without JavaScript a number is looked up by the form, and the answer says whose word it is", { skip }, async () => {
  const tab = await browser.tab({ script: false });
  await tab.open(`${site}/n?q=0&lang=zh`);
  const { root: page } = await tab.send("DOM.getDocument", { depth: -1 });
  const { nodeId } = await tab.send("DOM.querySelector", { nodeId: page.nodeId, selector: "#server" });
  const { outerHTML } = await tab.send("DOM.getOuterHTML", { nodeId });
  assert.match(outerHTML, /第 0 号条目自 20/);
  assert.match(outerHTML, /您尚未自行核验/);
  await keep(tab, "no-script-zh");
  await tab.close();
});

test("where a Worker's script is refused the page says so, and goes on when it comes", { skip }, async () => {
  const tab = await browser.tab();
  await tab.send("Fetch.enable", { patterns: [{ urlPattern: "*/page/hash.js" }] });
  let refusing = true;
  browser.on(({ sessionId, method, params: { requestId } = {} }) => {
    if (sessionId !== tab.session || method !== "Fetch.requestPaused") return;
    if (refusing) tab.send("Fetch.fulfillRequest", { requestId, responseCode: 429 });
    else tab.send("Fetch.continueRequest", { requestId });
  });
  await ready(tab, "/?lang=en");
  await tab.choose("#file", at("contract.txt"));
  assert.match(await tab.until(`document.querySelector("#verdict.note h2")?.innerText`), /did not come/);
  refusing = false;
  await tab.choose("#file", at("contract.txt"));
  await verdict(tab, "match");
  await tab.close();
});

test("a large file is hashed in bounded memory with progress, and can be cancelled", { skip }, async () => {
  writeFileSync(at("large.bin"), "");
  truncateSync(at("large.bin"), large);
  const tab = await browser.tab();
  await ready(tab, "/?lang=en");
  await tab.choose("#file", at("large.bin"));
  await tab.until(`document.querySelector("#progress").value > 0`);
  await keep(tab, "working-en");
  const loaded = tab.requests.length;
  await tab.run(`document.querySelector("#cancel").click()`);
  assert.match((await tab.until(`document.querySelector("#verdict.note")?.innerText`)), /Cancelled. Nothing was sent/);
  assert.equal(tab.requests.length, loaded);
  const idle = memory();
  let most = 0;
  const began = Date.now();
  const watch = setInterval(() => (most = Math.max(most, memory())), 100);
  await tab.choose("#file", at("large.bin"));
  await tab.until(`document.querySelector("#verdict.missing") !== null`, 600_000);
  clearInterval(watch);
  const seconds = (Date.now() - began) / 1000;
  const grown = (most - idle) / 2 ** 20;
  console.log(`${large} bytes in ${seconds.toFixed(1)} s, ${(large / seconds / 1e6).toFixed(0)} MB/s; the browser grew by ${grown.toFixed(0)} MiB at most`);
  assert.ok(grown < 256, `${grown} MiB more for a file of ${large} bytes`);
  clean(tab);
  await tab.close();
});

test("axe finds nothing serious, in both languages, light and dark, with and without a verdict", { skip }, async (t) => {
  const axe = await axeSource();
  if (axe === null) {
    console.log("SKIPPED: axe-core is not installed, and cannot be fetched");
    return t.skip("axe-core cannot be fetched");
  }
  for (const [lang, scheme, path, mark] of [
    ["en", "light", `/v/${sha256("contract.txt")}`, "found"],
    ["zh", "dark", `/v/${sha256("contract.txt")}`, "found"],
    ["zh", "light", `/v/${sha256("unknown.txt")}`, "missing"],
    ["en", "dark", "/", null],
  ]) {
    const tab = await browser.tab();
    await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    await ready(tab, `${path}?lang=${lang}`);
    if (mark) await verdict(tab, mark);
    if (scheme === "dark") await keep(tab, `dark-${lang}`);
    await tab.run(`${axe}; 0`);
    const found = await tab.run(`axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => id + " " + impact + " " + nodes.map((n) => n.html).join(" ").slice(0, 400)))`);
    const serious = found.filter((/** @type {string} */ one) => / (serious|critical) /.test(one));
    assert.deepEqual(serious, [], `${lang} ${scheme} ${path}`);
    if (found.length) console.log(`axe, less than serious: ${found.join("; ")}`);
    await tab.close();
  }
});

/** Bytes of memory that the browser and all its processes have, files of theirs shared with others not counted. */
function memory() {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended.
    }
  }
  let sum = 0;
  for (const pid of parents.keys()) {
    let one = pid;
    while (one > 1 && one !== browser.pid) one = parents.get(one) ?? 0;
    if (one !== browser.pid) continue;
    try {
      const anonymous = /RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
      sum += Number(anonymous?.[1] ?? 0) * 1024;
    } catch {
      // It has ended.
    }
  }
  return sum;
}
