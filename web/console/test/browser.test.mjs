// @ts-check
// The console in a real browser, over a real court with its chains, orders, deposits and audit trail (`comity sandbox`): what each
// role sees, what happens by itself, what a stranger gets. Screenshots are kept under target/console. COMITY names the program.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { axeSource } from "../../page/test/axe.mjs";
import { Browser, chromium } from "../../page/test/chromium.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const program = process.env.COMITY ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/comity");
const pictures = join(root, "target/console");
const skip = [chromium === null && "no Chromium is installed", !existsSync(program) && `${program} is not built`].find(Boolean) || false;
if (skip && process.env.CI === "true") throw new Error(`CI needs a browser and the program: ${skip}`);
if (skip) console.log(`SKIPPED: ${skip}`);

const folder = mkdtempSync(join(tmpdir(), "console-"));
const at = (/** @type {string} */ name) => join(folder, name);
/** @type {Browser} */ let browser;
/** @type {import("node:child_process").ChildProcess[]} */ const running = [];
/** @type {string} */ let guide;

const comity = (/** @type {string[]} */ ...args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
/** Runs commands of the sandbox's guide that begin with `first`, `count` lines of them. @param {string} first @param {number} count */
const guided = (first, count) => {
  const lines = guide.split("\n");
  const from = lines.findIndex((line) => line.startsWith(first));
  return execFileSync("bash", ["-ec", `${lines.slice(from, from + count).join("\n")}\necho "$ORDER"`], { encoding: "utf8" }).trim().split("\n").at(-1) ?? "";
};

/** Starts a part of the program and waits for what it says. @param {string[]} args @param {RegExp} pattern @returns {Promise<string>} */
const started = (args, pattern) => {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  let said = "";
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (piece) => {
      said += piece;
      if (pattern.test(said)) resolve(said);
    });
    child.on("exit", (code) => reject(new Error(`${args[0]} ended with ${code}: ${said}`)));
  });
};
/** A console; the address that opens it. @param {string} client */
const opened = async (client) => /http:\S+/.exec(await started(["console", "--as", client], /http:\S+\n[\s\S]*Stops at/))?.[0] ?? "";

/** A tab that entered a console and shows a view. @param {string} url @param {string} view @param {{lang?: string, width?: number, height?: number, dark?: boolean}} options */
const entered = async (url, view, { lang = "en", width = 1360, height = 900, dark = false } = {}) => {
  const tab = await browser.tab({ width, height });
  if (dark) await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
  await tab.open(url);
  await show(tab, `${new URL(url).origin}/?lang=${lang}#/${view}`);
  return tab;
};
/** @param {import("../../page/test/chromium.mjs").Tab} tab @param {string} url */
const show = async (tab, url) => {
  await tab.open(url);
  await tab.until(`document.documentElement.dataset.ready === "true" && document.querySelector("#view .loading") === null`);
};
/** @param {import("../../page/test/chromium.mjs").Tab} tab @param {string} view */
const go = async (tab, view) => {
  await tab.run(`location.hash = "#/${view}"`);
  await tab.until(`document.querySelector("#view .loading") === null && document.querySelector("#view").childElementCount > 0`);
};
/** @param {import("../../page/test/chromium.mjs").Tab} tab @param {string} name */
const keep = async (tab, name) => {
  mkdirSync(pictures, { recursive: true });
  writeFileSync(join(pictures, `${name}.png`), await tab.picture());
};
/** Nothing was complained of, asked of others, or left without a word. @param {import("../../page/test/chromium.mjs").Tab} tab @param {string} url */
const clean = async (tab, url) => {
  assert.deepEqual(tab.complaints, [], "the browser complains of nothing, no policy is violated");
  assert.ok(tab.requests.every((one) => one.startsWith(`GET ${new URL(url).origin}/`)), "nobody else is asked");
  assert.equal(await tab.run(`document.documentElement.dataset.missing ?? ""`), "", "every word is there");
};
/** A bare question to a console, as no browser would ask it. @param {string} url @param {Record<string, string>} headers @param {string} method @returns {Promise<{status: number, headers: any}>} */
const bare = (url, headers = {}, method = "GET") => new Promise((resolve, reject) => {
  const asked = request(url, { headers, method }, (answer) => {
    answer.resume();
    answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }));
  });
  asked.on("error", reject);
  asked.end();
});

before(async () => {
  if (skip) return;
  guide = await started(["sandbox", "--dir", at("world")], /Stops at Ctrl-C/);
  browser = new Browser();
});

after(async () => {
  await browser?.close();
  for (const child of running.reverse()) {
    child.removeAllListeners("exit");
    child.kill("SIGINT");
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const client = (/** @type {string} */ institution, /** @type {string} */ role) => at(`world/${institution}/clients/${role}.toml`);

test("the printed address opens the console once; strangers, other names and other sites get nothing", { skip }, async () => {
  const url = await opened(client("court", "officer"));
  const origin = new URL(url).origin;
  for (const path of ["/", "/console.js", "/api/self", "/api/chains", "/api/accesses"]) {
    assert.equal((await bare(`${origin}${path}`)).status, 401, path);
  }
  assert.equal((await bare(`${origin}/enter?key=${"0".repeat(64)}`)).status, 403);
  assert.equal((await bare(url, { host: "evil.example" })).status, 421, "a name that was made to point here");
  assert.equal((await bare(url, { "sec-fetch-site": "cross-site" })).status, 403);
  const first = await bare(url);
  assert.equal(first.status, 303);
  const cookie = first.headers["set-cookie"][0].split(";")[0];
  assert.match(first.headers["set-cookie"][0], /HttpOnly; SameSite=Strict/);
  assert.equal((await bare(url)).status, 403, "once");
  const self = await bare(`${origin}/api/self`, { cookie });
  assert.equal(self.status, 200);
  assert.match(self.headers["content-security-policy"], /default-src 'none'/);
  assert.equal(self.headers["cache-control"], "no-store");
  assert.equal((await bare(`${origin}/api/self`, { cookie, host: "evil.example" })).status, 421);
  assert.equal((await bare(`${origin}/api/self`, { cookie, "sec-fetch-site": "same-site" })).status, 403, "a page at another port");
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) assert.equal((await bare(`${origin}/api/self`, { cookie }, method)).status, 405, method);
  assert.equal((await bare(`${origin}/api/self?${"x".repeat(2_000)}`, { cookie })).status, 413);
  assert.throws(() => comity("console", "--as", client("court", "officer"), "--listen", "0.0.0.0:0"), /no loopback address/);
});

test("the map shows each chain with its light client, in both languages, and a frozen one by more than colour", { skip }, async () => {
  const url = await opened(client("court", "officer"));
  const tab = await entered(url, "map");
  await tab.until(`document.querySelectorAll("#view .cards [data-standing]").length >= 5`);
  const chains = await tab.run(`[...document.querySelectorAll("#view [data-chain]")].map((card) => card.dataset.chain + " " + card.dataset.standing)`);
  assert.ok(chains.includes("finance-1 fine"), chains.join());
  assert.match(await tab.run(`document.querySelector("figure svg").getAttribute("aria-label")`), /court-1 in the middle.*All is in order: \d+ chain/);
  assert.match(await tab.run(`document.querySelector('[data-chain="finance-1"]').innerText`), /Your chain knows\s+block \d+ · .*ago[\s\S]*Believed until\s+in \d+ days/);
  assert.match(await tab.run(`document.querySelector("#who").textContent`), /as officer, at 127\.0\.0\.1:\d+/);
  await keep(tab, "map-en");
  await tab.run(`document.querySelector("#zh").click()`);
  await tab.until(`document.querySelector("figure figcaption")?.innerText.startsWith("一切正常")`);
  assert.equal(await tab.run(`document.documentElement.lang`), "zh-CN");
  await keep(tab, "map-zh");

  // What it would look like if the bank's chain had been caught, and another client had been left to expire.
  await doctored(tab, (chains) => {
    for (const client of chains.find((/** @type {any} */ chain) => chain.home).clients) {
      if (client.chain === "finance-1") Object.assign(client, { status: "FROZEN", contradiction });
      if (client.chain === "property-1") client.status = "EXPIRED";
    }
  });
  await tab.run(`document.querySelector("#en").click()`);
  assert.match(await tab.until(`document.querySelector(".picture.alarm figcaption")?.innerText`), /^2 chain\(s\) cannot be relied on now: .*finance-1/);
  assert.match(await tab.run(`document.querySelector('[data-chain="finance-1"]').innerText`), /✕[\s\S]*finance-1 · frozen/);
  assert.match(await tab.run(`document.querySelector("#status").textContent`), /cannot be relied on/, "it is announced");
  const dashes = await tab.run(`[...new Set([...document.querySelectorAll("path.line")].map((path) => getComputedStyle(path).strokeDasharray))].length`);
  assert.equal(dashes, 3, "each standing has a line of its own");
  await keep(tab, "map-frozen-en");
  await go(tab, "divergence");
  await tab.until(`document.querySelector("article.divergence")`);
  assert.match(await tab.text(), /voted twice in one round[\s\S]*1 validator\(s\) signed both/);
  assert.match(await tab.text(), /comity chain evidence \S+ --as court\/clients\/officer\.toml[\s\S]*comity chain unfreeze/);
  await keep(tab, "divergence-en");
  await tab.run(`document.querySelector("#zh").click()`);
  await tab.until(`document.querySelector("article.divergence h2")?.innerText.includes("已冻结")`);
  await keep(tab, "divergence-zh");
  await clean(tab, url);
  await tab.close();
});

test("an order that is drawn up appears by itself, moves through the lanes, and its way is told step by step", { skip }, async () => {
  const url = await opened(client("court", "officer"));
  const tab = await entered(url, "orders");
  await tab.until(`document.querySelector("#view .state h2")`);
  assert.match(await tab.text(), /No order yet/);
  await keep(tab, "orders-empty-en");
  const order = guided("ORDER=", 1);
  await tab.until(`document.querySelector('.lane.draft [data-order="${order}"]')`);
  await tab.run(`document.querySelector('[data-order="${order}"] a').click()`);
  assert.equal(await tab.until(`document.querySelector('[data-step="signed"]')?.dataset.standing`), "current");
  await keep(tab, "order-draft-en");
  const approve = guide.split("\n").filter((line) => line.includes("order approve") && line.includes("$ORDER"));
  assert.equal(approve.length, 2);
  for (const line of approve) execFileSync("bash", ["-ec", line], { env: { ...process.env, ORDER: order }, stdio: "pipe" });
  await tab.until(`document.querySelector("article.way")?.dataset.state === "EXECUTED"`);
  assert.match(await tab.run(`document.querySelector("#status").textContent`), /carried out/, "each change is announced");
  const standings = await tab.run(`[...document.querySelectorAll("[data-step]")].map((step) => step.dataset.step + " " + step.dataset.standing)`);
  assert.deepEqual(standings, ["drawn", "signed", "delivered", "committed", "relayed", "decided", "acknowledged"].map((step) => `${step} done`));
  assert.match(await tab.run(`document.querySelector('[data-step="committed"]').innerText`), /Proven: court-1, block \d+/);
  assert.match(await tab.run(`document.querySelector('[data-step="acknowledged"]').innerText`), /Proven: court-1, block \d+/);
  assert.match(await tab.run(`document.querySelector("section.hold").innerText`), /Held now: .*¥/);
  await keep(tab, "order-en");
  await tab.run(`document.querySelector("#zh").click()`);
  await tab.until(`document.querySelector('[data-step="committed"] h3')?.innerText.startsWith("上链")`);
  await keep(tab, "order-zh");
  await go(tab, "orders");
  await tab.until(`document.querySelector('.lane.effect [data-order="${order}"]')`);
  // What comes with the first look is not marked as a change.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  guided("ORDER=", 1);
  await tab.until(`document.querySelectorAll(".lane.draft .order.fresh").length === 1`);
  await keep(tab, "orders-zh");
  await tab.run(`document.querySelector("#en").click()`);
  await tab.until(`document.querySelector(".lanes")`);
  await keep(tab, "orders-en");
  // What is private of an order is nowhere: neither on the page nor in what the page was told.
  const account = /account_number = "(\S+)"/.exec(readFileSync(at("world/court/drafts/freeze.toml"), "utf8"))?.[1] ?? "";
  assert.ok(account.length > 8);
  assert.ok(!(await tab.run(`document.documentElement.outerHTML`)).includes(account));
  await clean(tab, url);
  await tab.close();

  const bank = await opened(client("finance", "officer"));
  const there = await entered(bank, "orders");
  await there.until(`document.querySelector('.lane.effect [data-state="EXECUTED"]')`);
  assert.match(await there.text(), /from .*Court/);
  await keep(there, "received-en");
  await clean(there, bank);
  await there.close();
});

test("many orders are many numbers and few elements", { skip }, async () => {
  const url = await opened(client("court", "officer"));
  const tab = await entered(url, "orders");
  await tab.until(`document.querySelector(".lanes")`);
  const source = await tab.run(`(async () => {
    const { open } = await import("/orders.js");
    class Many extends EventTarget { readyState = 1; close() {} }
    let one = null;
    window.EventSource = class extends Many { constructor() { super(); one = this; } };
    const end = open(document.querySelector("#view"), { self: { institution: "court" }, members: [], what: "given" });
    one.dispatchEvent(new Event("open"));
    for (let number = 0; number < 3000; number += 1) {
      const time = new Date(1.7e12 + number * 1000).toISOString();
      const data = JSON.stringify({ name: "orders/" + number, revision: 1, state: "EXECUTED", kind: "freeze", sector: "accounts", recipient: "members/finance", steps: [{ state: "EXECUTED", time }] });
      one.dispatchEvent(new MessageEvent("order", { data }));
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    const seen = [document.querySelector(".lane.effect .number").innerText, document.querySelectorAll(".order").length, document.querySelector(".order").dataset.order];
    end();
    return seen;
  })()`);
  assert.deepEqual(source, ["500", 25, "orders/2999"]);
  await tab.close();
});

test("the log's growth, its witnesses and its recent deposits are shown, and what a deposit is about is not", { skip }, async () => {
  const url = await opened(client("court", "operator"));
  const tab = await entered(url, "deposits");
  await tab.until(`document.querySelector("#view .state h2")`);
  await keep(tab, "deposits-empty-en");
  for (let round = 0; round < 4; round += 1) {
    const files = Array.from({ length: 2 + 3 * round }, (_, number) => at(`file-${round}-${number}.txt`));
    for (const file of files) writeFileSync(file, `file ${file}`);
    comity("deposit", "put", "--as", client("court", "clerk"), "--kind", "electronic-evidence", "--source", "a shared drive", ...files);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
  await tab.until(`document.querySelector("#size")?.innerText === "26" && document.querySelector(".rows li")?.innerText.startsWith("Entries 15–25")`);
  assert.match(await tab.run(`document.querySelector(".rows li").innerText`), /^Entries 15–25\s+11 deposit\(s\)\s+proven since/);
  assert.match(await tab.run(`document.querySelector("svg.growth").getAttribute("aria-label")`), /to 26 entries/);
  assert.ok(!(await tab.text()).includes("shared drive") && !(await tab.text()).includes("file-"));
  await keep(tab, "deposits-en");
  await tab.run(`document.querySelector("#zh").click()`);
  await tab.until(`document.querySelector(".rows li")?.innerText.startsWith("条目")`);
  await keep(tab, "deposits-zh");
  await clean(tab, url);
  await tab.close();
});

test("the audit trail says who read what in which case; who may not read it is told why", { skip }, async () => {
  const judgment = /members\/court\/sectors\/judgments\/records\/[^']+/.exec(guide)?.[0] ?? "";
  const purpose = ["--case", "(2025)浙9906执2048号", "--basis", "民事诉讼法第二百五十三条", "--purpose", "Enforcement"];
  for (const institution of ["court", "property"]) comity("query", "--as", client(institution, "clerk"), judgment, ...purpose);
  const url = await opened(client("court", "auditor"));
  const tab = await entered(url, "accesses");
  await tab.until(`document.querySelector('.other-access[data-action="DiscloseRecord"]')`);
  const line = await tab.run(`document.querySelector('.other-access[data-action="DiscloseRecord"]').innerText`);
  for (const part of ["clerk", "was shown a record", "(2025)浙9906执2048号", "民事诉讼法第二百五十三条", "Enforcement"]) assert.ok(line.includes(part), `${part} in ${line}`);
  assert.match(await tab.run(`document.querySelector('[data-action="ReadTrail"]').innerText`), /auditor read this trail/);
  await keep(tab, "accesses-en");
  await tab.run(`document.querySelector("#zh").click()`);
  await tab.until(`document.querySelector('.other-access[data-action="DiscloseRecord"]')?.innerText.includes("法律依据")`);
  await keep(tab, "accesses-zh");
  await go(tab, "orders");
  assert.match(await tab.until(`document.querySelector(".state.wrong")?.innerText`), /您的证书无权查看此内容[\s\S]*PERMISSION_DENIED/);
  await keep(tab, "denied-zh");
  await clean(tab, url);
  await tab.close();

  const reader = await opened(client("court", "reader"));
  const other = await entered(reader, "accesses");
  assert.match(await other.until(`document.querySelector(".state.wrong")?.innerText`), /may not see this[\s\S]*PERMISSION_DENIED/);
  await keep(other, "denied-en");
  await other.close();
});

test("where the gateway does not answer the console says so, and shows nothing old", { skip }, async () => {
  const text = readFileSync(client("court", "officer"), "utf8");
  const nowhere = at("world/court/clients/nowhere.toml");
  writeFileSync(nowhere, text.replace(/gateway = ".*"/, 'gateway = "127.0.0.1:9"'));
  const url = await opened(nowhere);
  const tab = await entered(url, "map");
  assert.match(await tab.until(`document.querySelector(".state.wrong")?.innerText`), /The gateway does not answer[\s\S]*UNAVAILABLE/);
  await keep(tab, "unreachable-en");
  for (const view of ["orders", "deposits", "accesses", "divergence"]) {
    await go(tab, view);
    await tab.until(`document.querySelector(".state.wrong") !== null`);
  }
  await tab.close();
});

test("with the keyboard alone: past the tabs to the content, and a view opened takes the focus", { skip }, async () => {
  const url = await opened(client("court", "officer"));
  const tab = await entered(url, "map");
  const seen = [];
  for (let step = 0; step < 12; step += 1) {
    await tab.press("Tab", 9);
    seen.push(await tab.run(`document.activeElement.id || document.activeElement.getAttribute("href")`));
    if (seen.at(-1) === "#/orders") break;
  }
  assert.deepEqual(seen, ["#main", "#/map", "zh", "en", "#/map", "#/orders"]);
  assert.ok(await tab.run(`getComputedStyle(document.activeElement).outlineStyle !== "none"`), "the focus shows");
  await tab.press("Enter", 13);
  await tab.until(`document.activeElement.id === "title" && document.activeElement.innerText === "Orders on their way"`);
  await tab.until(`document.querySelector(".order a")`);
  for (let step = 0; step < 12; step += 1) {
    await tab.press("Tab", 9);
    if (await tab.run(`document.activeElement.closest(".order") !== null`)) break;
  }
  await tab.press("Enter", 13);
  await tab.until(`document.querySelector("article.way")`);
  assert.equal(await tab.run(`document.activeElement.id`), "title");
  await clean(tab, url);
  await tab.close();
});

test("axe finds nothing serious in any view, in both languages, light and dark, wide and on a phone", { skip }, async (t) => {
  const axe = await axeSource();
  if (axe === null) {
    console.log("SKIPPED: axe-core is not installed, and cannot be fetched");
    return t.skip("axe-core cannot be fetched");
  }
  const url = await opened(client("court", "officer"));
  const tab = await entered(url, "orders");
  const order = (await tab.until(`document.querySelector('[data-state="EXECUTED"]')?.dataset.order`)).replace("orders/", "");
  await doctored(tab, (chains) => {
    const [first] = chains.find((/** @type {any} */ chain) => chain.home).clients;
    Object.assign(first, { status: "FROZEN", contradiction });
  });
  for (const [lang, scheme, width] of [["en", "light", 1360], ["zh", "dark", 1360], ["zh", "light", 390]]) {
    await tab.send("Emulation.setDeviceMetricsOverride", { width, height: 860, deviceScaleFactor: 1, mobile: width < 600 });
    await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    for (const view of ["map", "orders", `order/${order}`, "deposits", "accesses", "divergence"]) {
      await show(tab, `${new URL(url).origin}/?lang=${lang}#/${view}`);
      await tab.until(`document.querySelector("#view").innerText.length > 20`);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const name = view.split("/")[0];
      if (scheme === "dark" || width < 600) await keep(tab, `${name}-${width < 600 ? "phone" : "dark"}-${lang}`);
      assert.ok(await tab.run(`document.documentElement.scrollWidth <= innerWidth`), `${name} is not wider than the window of ${width}`);
      await tab.run(`${axe}; 0`);
      const found = await tab.run(`axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => id + " " + impact + " " + nodes.map((n) => n.html).join(" ").slice(0, 400)))`);
      assert.deepEqual(found.filter((/** @type {string} */ one) => / (serious|critical) /.test(one)), [], `${lang} ${scheme} ${view}`);
      if (found.length) console.log(`axe, less than serious, ${view}: ${found.join("; ")}`);
    }
  }
  await tab.close();
});

/** What a client is frozen with, in the form in which the console is told; that real ones are kept and shown is what tests/divergence.rs of the program tests. */
const header = (/** @type {string} */ digit) => ({
  height: 41, time: "2026-11-29T08:00:00Z", hash: digit.repeat(64), app_hash: "c".repeat(64), next_validators_hash: "d".repeat(64),
  signed: true, validators_hash: "e".repeat(64), round: 0, signers: ["0123456789abcdef0123456789abcdef01234567"],
});
const contradiction = {
  kind: "EQUIVOCATION", frozen_time: "2026-11-29T08:00:07Z", first: header("a"), second: header("b"),
  signed_both: ["0123456789abcdef0123456789abcdef01234567"], recovered: null,
};

/** From now on what the gateway says of chains is changed on its way to a tab. @param {import("../../page/test/chromium.mjs").Tab} tab @param {(chains: any) => void} change */
async function doctored(tab, change) {
  await tab.send("Fetch.enable", { patterns: [{ urlPattern: "*/api/chains", requestStage: "Response" }] });
  browser.on(async ({ sessionId, method, params }) => {
    if (sessionId !== tab.session || method !== "Fetch.requestPaused") return;
    try {
      const { body, base64Encoded } = await tab.send("Fetch.getResponseBody", { requestId: params.requestId });
      const answer = JSON.parse(base64Encoded ? Buffer.from(body, "base64").toString() : body);
      change(answer.chains);
      await tab.send("Fetch.fulfillRequest", { requestId: params.requestId, responseCode: 200, responseHeaders: params.responseHeaders, body: Buffer.from(JSON.stringify(answer)).toString("base64") });
    } catch {
      // The tab has gone on to another address meanwhile.
    }
  });
}
