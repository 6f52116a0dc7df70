// The page: a file's digest is computed here, looked up by itself alone, and what the server hands over is judged here.
// It refuses to send anything but a digest or a number, and to take the server's word for a verdict.

import { load } from "/verify/index.js";
import { near } from "/page/near.js";
import { show } from "/page/show.js";

const BUNDLE_MAX = 4 << 20;
const $ = (id) => document.getElementById(id);
const state = { lang: document.documentElement.lang.startsWith("zh") ? "zh" : "en", view: null, linked: null, job: 0 };

const words = await (await file("/page/words.json")).json();
const t = (key, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, String(value)), words[key]?.[state.lang] ?? key);

// Everything that a verdict needs is here before a file is chosen: afterwards nothing but a digest is sent.
const [wasm, anchorText] = await Promise.all([
  file("/verify/comity-verify.wasm").then((answer) => answer.arrayBuffer()),
  file("/anchor.toml").then((answer) => answer.text()),
]);
const verifier = await load(wasm.slice(0)).catch(() => null);
const verifierHash = verifier && hex(await verifier.digest("sha256", new Uint8Array(wasm)));
const workers = { sha256: worker(), sm3: worker() };

/** One of the page's own files; where the server asks to wait, it is waited for. */
async function file(path) {
  for (let left = 4; ; left -= 1) {
    const answer = await fetch(path);
    if (answer.ok || left === 0) return answer;
    const seconds = Number(answer.headers.get("retry-after") ?? 1);
    await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
  }
}

/** A Worker that has the verifier, and says so when its script did not come. */
function worker() {
  const started = new Worker("/page/hash.js", { type: "module" });
  started.addEventListener("error", () => {
    started.failed = true;
    started.dispatchEvent(new MessageEvent("message", { data: { failed: "not loaded" } }));
  });
  started.postMessage({ wasm });
  return started;
}

begin();

function begin() {
  $("without").hidden = true;
  $("with-script").hidden = false;
  $("offline").hidden = false;
  for (const lang of ["zh", "en"]) $(lang).addEventListener("click", (event) => speak(event, lang));
  $("file").addEventListener("change", () => chosen($("file").files[0]));
  $("cancel").addEventListener("click", cancel);
  $("lookup").addEventListener("submit", (event) => (event.preventDefault(), lookUp($("q").value)));
  $("off-go").addEventListener("click", offline);
  const drop = $("drop");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => (event.preventDefault(), drop.classList.add("over")));
  }
  for (const name of ["dragleave", "drop"]) document.addEventListener(name, () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => (event.preventDefault(), chosen(event.dataTransfer?.files[0])));
  marked();
  pin();
  if (verifier === null) return plain("refused", ["no_verifier"]);
  const digest = /^\/v\/([0-9a-fA-F]{64})$/.exec(location.pathname)?.[1];
  const asked = digest ?? (location.pathname === "/n" ? new URLSearchParams(location.search).get("q") : null);
  if (asked) lookUp(asked);
  document.documentElement.dataset.ready = "true";
}

// --- Language -------------------------------------------------------------------------------------------------------------

function speak(event, lang) {
  event.preventDefault();
  state.lang = lang;
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  marked();
  pin();
  if (state.view) render(state.view, false);
}

function marked() {
  for (const lang of ["zh", "en"]) {
    if (lang === state.lang) $(lang).setAttribute("aria-current", "true");
    else $(lang).removeAttribute("aria-current");
  }
}

/** Says which anchor is in use, and whether this browser has seen another one for its chain. */
function pin() {
  if (verifier === null) return;
  const pinned = verifier.readAnchor(anchorText);
  const place = `${pinned.height} ${pinned.header_hash}`;
  let before = null;
  try {
    before = localStorage.getItem(`anchor ${pinned.chain}`);
    if (state.before === undefined) state.before = before;
    if (before === null) localStorage.setItem(`anchor ${pinned.chain}`, place);
  } catch {
    // Where nothing may be kept, each visit is the first.
  }
  before = state.before ?? null;
  const key = before === null ? "pin_new" : before === place ? "pin_seen" : "pin_changed";
  $("pin").textContent = t(key, { chain: pinned.chain, height: pinned.height, hash: pinned.header_hash, before });
  $("pin").classList.toggle("warning", key === "pin_changed");
}

// --- A file ---------------------------------------------------------------------------------------------------------------

async function chosen(file) {
  if (!file || verifier === null) return;
  const found = await digests(file);
  if (found === null) return;
  const linked = state.linked;
  if (linked?.content && linked.content.sha256 !== found.sha256) return another(file, found, linked);
  const answer = await ask(`/api/digests/${found.sha256}`);
  if (answer === null) return;
  if (answer.result === "NOT_FOUND") return missing(answer, found);
  const other = linked && !linked.content && !answer.deposits.some(({ number }) => number === linked.index);
  await judged(answer.bundle && bytes(answer.bundle), {
    file,
    found,
    answer,
    near: other ? [["near_number", { number: answer.number }]] : [],
  });
}

/** The file is not the one of the link: judged against that one's bundle, and looked up in its own right. */
async function another(file, found, linked) {
  const answer = await ask(`/api/digests/${found.sha256}`);
  const hints = await near(verifier, file, found, linked.content);
  if (answer?.result === "FOUND" && answer.number !== null) hints.unshift(["near_number", { number: answer.number }]);
  await judged(linked.bundle, { file, found, near: hints });
}

/** SHA-256 and SM3, each in a Worker; `null` where that was cancelled or failed. */
async function digests(file) {
  state.job += 1;
  const job = state.job;
  const done = { sha256: 0, sm3: 0 };
  $("answer").replaceChildren();
  $("working").hidden = false;
  $("drop").hidden = true;
  const told = (count) => t("hashing", { name: file.name, done: size(count), all: size(file.size) });
  const progress = () => {
    const least = Math.min(done.sha256, done.sm3);
    $("progress").value = file.size === 0 ? 1 : least / file.size;
    $("working-what").textContent = told(least);
  };
  progress();
  $("status").textContent = told(0);
  const one = (algorithm) =>
    new Promise((resolve, reject) => {
      // Its script may have been refused, by a server that has too much to do: then another one is asked for.
      if (workers[algorithm].failed) workers[algorithm] = worker();
      const at = workers[algorithm];
      state.cancel = () => reject(new Error("cancelled"));
      at.addEventListener("message", function heard({ data }) {
        if (data.job !== job && !at.failed) return;
        if (data.done !== undefined) {
          done[algorithm] = data.done;
          progress();
          return;
        }
        at.removeEventListener("message", heard);
        if (data.hex) resolve(data.hex);
        else reject(new Error(data.failed));
      });
      at.postMessage({ file, algorithm, job });
    });
  try {
    const [sha256, sm3] = await Promise.all([one("sha256"), one("sm3")]);
    return { sha256, sm3, size: file.size };
  } catch (error) {
    const said = { cancelled: "cancelled", "not loaded": "not_loaded" }[error.message] ?? "unreadable";
    if (job === state.job) plain("note", [said]);
    return null;
  } finally {
    if (job === state.job) {
      $("working").hidden = true;
      $("drop").hidden = false;
      $("file").value = "";
    }
  }
}

function cancel() {
  for (const one of Object.values(workers)) one.postMessage({ cancel: true });
  state.cancel?.();
}

// --- A lookup -------------------------------------------------------------------------------------------------------------

async function lookUp(text) {
  const asked = text.trim();
  const digest = /^[0-9a-fA-F]{64}$/.test(asked);
  const number = asked.replace(/^members\/[^/]+\/deposits\//, "");
  const answer = await ask(digest ? `/api/digests/${asked.toLowerCase()}` : `/api/entries/${encodeURIComponent(number)}`);
  if (answer === null) return;
  switch (answer.result) {
    case "NOT_FOUND":
      return transaction(asked.toLowerCase(), answer);
    case "NO_ENTRY":
      return plain("missing", ["server_no_entry", { number: answer.number }], asOf(answer));
    case "PENDING":
      return plain("note", ["server_pending", { number: answer.number }], asOf(answer));
    default:
      return judged(answer.bundle && bytes(answer.bundle), { answer, linked: true });
  }
}

/** 64 hex digits that are no file's digest may be the hash of a transaction. */
async function transaction(hash, not) {
  const answer = await ask(`/api/transactions/${hash}`);
  if (answer === null) return;
  if (answer.result !== "TRANSACTION") return missing(not, null);
  const { height, first, count, checkpoint } = answer;
  const values = { height, first, last: first + count - 1, size: checkpoint.size, time: checkpoint.time };
  plain("note", ["server_transaction", values], [["server_unverified", {}]]);
}

/** Asks the server; what goes wrong is told, and `null`. */
async function ask(path) {
  $("status").textContent = t("asking");
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" });
  } catch {
    plain("note", ["no_answer"]);
    return null;
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const reason = answer.error?.reason ?? String(response.status);
  const seconds = response.headers.get("retry-after");
  if (seconds) plain("note", ["slow_down", { reason, seconds }]);
  else plain("note", ["refused_question", { reason, message: answer.error?.message ?? "" }]);
  return null;
}

function missing(answer, found) {
  const time = answer.as_of ? new Date(answer.as_of.time) : null;
  const hints = [["near_other_log", {}], ["near_resaved", {}]];
  if (found?.size === 0) hints.unshift(["near_empty", {}]);
  render({ mark: "missing", lines: verifier.tellNotFound(answer.as_of?.size ?? 0, time), near: found ? hints : hints.slice(0, 1) });
}

function asOf(answer) {
  return answer.as_of ? [["server_as_of", { size: answer.as_of.size, time: answer.as_of.time }]] : [];
}

// --- A bundle -------------------------------------------------------------------------------------------------------------

/** Judges a bundle, with a file beside it or without, and shows what the verifier says. */
async function judged(bundle, { file, found, answer, near: hints = [], linked = false, anchor = anchorText }) {
  if (!bundle) {
    const number = answer?.deposits?.[0]?.number ?? "";
    return plain("note", ["server_pending", { number }], answer ? asOf(answer) : []);
  }
  const now = new Date();
  let said;
  try {
    said = verifier.judgeFile(bundle, anchor, found ?? null, now);
  } catch (error) {
    return plain("refused", ["malformed", { message: error.message }]);
  }
  const deposit = said.deposit ?? null;
  const { outcome, headline } = said.told;
  const mark = said.verdict === "REFUSED" ? "refused" : { MATCH: "match", MISMATCH: "mismatch", NO_FILE: "found" }[outcome] ?? "note";
  const view = { mark, lines: headline, judged: said, deposit, file, found, near: hints, bundle, verifierHash };
  view.checkedAt = now.toISOString().replace(/\.\d+Z$/, "Z");
  view.anchorText = anchor;
  if (deposit) {
    view.bundleName = `deposit-${deposit.index}.comity`;
    view.also = (answer?.deposits ?? []).filter(({ number }) => number !== deposit.index);
    if (linked) state.linked = { ...deposit, bundle };
    if (deposit.content && mark !== "mismatch") {
      view.address = `${location.origin}/v/${deposit.content.sha256}`;
      view.qr = verifier.qrCode(view.address);
    }
    if (!found && deposit.content) view.notes = [["choose_to_compare"]];
  }
  render(view);
}

async function offline() {
  const [bundle, file, anchorFile] = ["off-bundle", "off-file", "off-anchor"].map((id) => $(id).files[0]);
  if (!bundle) return plain("note", ["need_bundle"]);
  if (bundle.size > BUNDLE_MAX) return plain("refused", ["too_large"]);
  const anchor = anchorFile ? await anchorFile.text() : anchorText;
  const found = file ? await digests(file) : null;
  if (file && found === null) return;
  const read = new Uint8Array(await bundle.arrayBuffer());
  const first = expected(read, anchor);
  const hints = file && first && first.sha256 !== found.sha256 ? await near(verifier, file, found, first) : [];
  await judged(read, { file, found, near: hints, anchor });
}

/** The digests that a bundle opens, where it holds. */
function expected(bundle, anchor) {
  try {
    return verifier.judgeFile(bundle, anchor, null).deposit?.content ?? null;
  } catch {
    return null;
  }
}

// --- What is shown --------------------------------------------------------------------------------------------------------

function plain(mark, title, notes = []) {
  render({ mark, title, notes });
}

function render(view, announce = true) {
  state.view = view;
  view.another = () => {
    state.view = state.linked = null;
    $("answer").replaceChildren();
    if (location.pathname !== "/") history.replaceState(null, "", "/");
    $("file").focus();
  };
  const section = show(view, t, state.lang);
  $("answer").replaceChildren(section);
  if (!announce) return;
  $("status").textContent = view.lines ? view.lines.map((line) => line[state.lang]).join(" ") : t(...view.title);
  $("answer").focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  section.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
}

function size(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const step = count === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  return `${(count / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

function bytes(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function hex(array) {
  return Array.from(array, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
