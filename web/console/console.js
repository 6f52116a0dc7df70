// The console: who is looking, which view, in which language. Views are modules with `open(view, about)`, which returns what
// ends them. It refuses to know what a view shows.

import { ask, every, h, loading, nameOf, refused, state, t } from "/tools.js";
import * as accesses from "/accesses.js";
import * as deposits from "/deposits.js";
import * as divergence from "/divergence.js";
import * as map from "/map.js";
import * as order from "/order.js";
import * as orders from "/orders.js";

const VIEWS = { map, orders, order, deposits, accesses, divergence };
/** Views with a tab; one order is reached from the others. */
const TABS = ["map", "orders", "deposits", "accesses", "divergence"];
const $ = (id) => document.getElementById(id);
const about = { self: null, members: [] };
let close = () => {};

for (const lang of ["zh", "en"]) $(lang).addEventListener("click", () => speak(lang));
addEventListener("hashchange", () => show(true));
begin();

async function begin() {
  dress();
  $("view").replaceChildren(loading());
  try {
    about.self = await ask("/api/self");
  } catch (refusal) {
    $("view").replaceChildren(refused(refusal, () => location.reload()));
    return;
  }
  show(false);
  // Names make things readable; without them there are ids.
  every(60_000, async () => {
    const before = about.members.length;
    about.members = (await ask("/api/members").catch(() => about)).members;
    dress();
    if (before === 0 && about.members.length > 0) show(false);
    document.documentElement.dataset.ready = "true";
  });
}

function speak(lang) {
  state.lang = lang;
  try {
    localStorage.setItem("lang", lang);
  } catch {
    // Then it is asked for again next time.
  }
  dress();
  show(false);
}

/** What stands around the view. */
function dress() {
  document.documentElement.lang = state.lang === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const lang of ["zh", "en"]) $(lang).setAttribute("aria-pressed", String(lang === state.lang));
  $("tabs").setAttribute("aria-label", t("views"));
  const { name } = place();
  const under = name === "order" ? "orders" : name;
  const tabs = TABS.map((view) => h("a", { href: `#/${view}`, "aria-current": view === under ? "page" : null }, t(`tab_${view}`)));
  $("tabs").replaceChildren(...tabs);
  $("whose").textContent = about.self ? nameOf(about.members, about.self.institution) : "Comity";
  $("who").textContent = about.self ? t("who", { role: t(`role_${about.self.role}`), gateway: about.self.gateway }) : "";
}

/** The view that the address names, and what of it. */
function place() {
  const [, name, what] = /^#\/(\w+)(?:\/(.+))?$/.exec(location.hash) ?? [];
  return name in VIEWS ? { name, what: what ?? null } : { name: "map", what: null };
}

function show(moved) {
  if (moved && location.hash === "#main") return $("main").focus();
  const { name, what } = place();
  close();
  dress();
  $("title").textContent = t(`title_${name}`);
  $("lead").textContent = t(`lead_${name}`);
  document.title = `${t(`title_${name}`)} · ${$("whose").textContent}`;
  $("view").replaceChildren(loading());
  close = VIEWS[name].open($("view"), { ...about, what });
  if (moved) $("title").setAttribute("tabindex", "-1"), $("title").focus();
}
