// What every view uses: words, elements, times, questions to the console's listener. Knows no view.

const SVG = "http://www.w3.org/2000/svg";

export const words = await (await fetch("/words.json")).json();
export const state = { lang: chosenLanguage() };

function chosenLanguage() {
  let kept = null;
  try {
    kept = localStorage.getItem("lang");
  } catch {
    // Where nothing may be kept, the browser's language decides each time.
  }
  const asked = new URLSearchParams(location.search).get("lang") ?? kept ?? navigator.language;
  return asked.startsWith("zh") ? "zh" : "en";
}

/** A word in the language that is shown, its places filled. What is missing is told to the page, for its tests. */
export function t(key, values = {}) {
  const word = words[key]?.[state.lang];
  if (word === undefined) document.documentElement.dataset.missing = `${document.documentElement.dataset.missing ?? ""} ${key}`;
  return Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, String(value)), word ?? key);
}

/** The word for a code of the API, or the code itself where there is none. */
export function named(kind, code) {
  return words[`${kind}_${code}`]?.[state.lang] ?? code;
}

/** An element: `attributes` as they are written, `on…` as listeners, children as nodes or text. */
export function h(tag, attributes = {}, ...children) {
  return built(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function s(tag, attributes = {}, ...children) {
  return built(document.createElementNS(SVG, tag), attributes, children);
}

function built(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// --- Times ----------------------------------------------------------------------------------------------------------------

/** Milliseconds of a time of the API; `null` where it is not known. */
export function at(text) {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? null : time;
}

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
const locale = () => (state.lang === "zh" ? "zh-CN" : "en-GB");

/** How long ago, or how far ahead, in one unit. */
export function ago(time, now) {
  const seconds = Math.round((time - now) / 1000);
  if (Math.abs(seconds) < 2) return t("just_now");
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat(locale(), { numeric: "always" }).format(Math.trunc(seconds / size), unit);
}

/** A time for people, in this machine's zone. */
export function moment(time) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(time);
}

export function day(time) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "full" }).format(time);
}

export function clock(time) {
  return new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(time);
}

/** A time as an element: the moment, or how long ago with the moment behind it. */
export function stamp(text, { relative = false, now = Date.now() } = {}) {
  const time = at(text);
  if (time === null) return h("span", {}, t("time_unknown"));
  const exact = moment(time);
  return h("time", { datetime: new Date(time).toISOString(), title: exact }, relative ? ago(time, now) : exact);
}

export function count(number) {
  return new Intl.NumberFormat(locale()).format(number);
}

export function money(amount) {
  if (!amount) return null;
  const value = amount.minor / 100;
  try {
    return new Intl.NumberFormat(locale(), { style: "currency", currency: amount.currency, currencyDisplay: "narrowSymbol" }).format(value);
  } catch {
    return `${value.toFixed(2)} ${amount.currency}`;
  }
}

// --- Questions ------------------------------------------------------------------------------------------------------------

/** Why a question was not answered: `reason` is the API's code, `message` its sentence. */
export class Refusal extends Error {
  constructor({ reason, message }) {
    super(message);
    this.reason = reason;
  }
}

/** Asks the console's listener, which asks the gateway. */
export async function ask(path) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", headers: { accept: "application/json" } });
  } catch {
    throw new Refusal({ reason: "CONSOLE_GONE", message: "" });
  }
  if (answer.ok) return answer.json();
  if (answer.status === 401) throw new Refusal({ reason: "NO_SESSION", message: "" });
  const { error } = await answer.json().catch(() => ({}));
  throw new Refusal(error ?? { reason: String(answer.status), message: answer.statusText });
}

/** An institution's name in the language that is shown: its own language first, then English. */
export function nameOf(members, name) {
  const id = name.replace(/^members\//, "");
  const names = members.find((member) => member.name === `members/${id}`)?.display_names ?? [];
  return (state.lang === "zh" ? names[0] : (names[1] ?? names[0])) ?? id;
}

// --- States that every view has -------------------------------------------------------------------------------------------

export function loading() {
  return h("p", { class: "state loading" }, h("span", { class: "dots", "aria-hidden": "true" }), t("loading"));
}

export function empty(title, text) {
  return h("div", { class: "state" }, h("h2", {}, title), h("p", {}, text));
}

/** What went wrong, what may help, and the API's own words. `refusal`: its `reason` and `message`. */
export function refused(refusal, again = null) {
  const known = words[`refused_${refusal.reason}`] ? refusal.reason : "OTHER";
  return h("div", { class: "state wrong", role: "alert" },
    h("h2", {}, h("span", { class: "glyph", "aria-hidden": "true" }, "!"), t(`refused_${known}`)),
    h("p", {}, t(`refused_${known}_help`)),
    refusal.message ? h("p", { class: "said" }, h("code", {}, refusal.reason), " ", h("span", { lang: "en" }, sentence(refusal.message))) : null,
    again ? h("button", { type: "button", onclick: again }, t("again")) : null,
  );
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

export function announce(text) {
  document.getElementById("status").textContent = text;
}

/** Calls `look` now and every so often, while the page is seen; not before the last look is over. Returns what ends it. */
export function every(milliseconds, look) {
  let timer = null;
  let over = false;
  const next = async () => {
    if (!document.hidden) await look();
    if (!over) timer = setTimeout(next, milliseconds);
  };
  next();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
