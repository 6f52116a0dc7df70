// The flow of orders: lanes from left to right by how far each has come, newest first, each change as it happens. It keeps the
// newest few hundred and shows a few dozen a lane, however many there are; it refuses to know what is private of an order.

import { ago, announce, ask, at, count, empty, every, h, loading, money, nameOf, named, refused, stamp, t } from "/tools.js";

export const LANES = {
  draft: ["AWAITING_APPROVAL", "AWAITING_DELIVERY"],
  way: ["COMMITTED", "RELAYED"],
  there: ["PENDING", "OBJECTED"],
  effect: ["EXECUTED", "WAITLISTED"],
  ended: ["REFUSED", "FAILED", "TIMED_OUT", "WITHDRAWN"],
};
export const GLYPHS = {
  AWAITING_APPROVAL: "✎", AWAITING_DELIVERY: "✉", COMMITTED: "→", RELAYED: "→", PENDING: "…", OBJECTED: "!",
  EXECUTED: "✓", WAITLISTED: "≡", REFUSED: "✕", FAILED: "✕", TIMED_OUT: "∅", WITHDRAWN: "↩",
};
const KEPT_MAX = 500;
const SHOWN_MAX = 25;
/** Orders that arrived are proven one by one when they are listed: so many at once, no more. */
const RECEIVED_MAX = 200;
/** How long a change is marked as new. */
const FRESH_MS = 6_000;

export function open(view, about) {
  const court = about.members.find((member) => member.name === `members/${about.self.institution}`)?.kind === "COURT";
  const which = about.what === "received" || about.what === "given" ? about.what : court ? "given" : "received";
  const choice = h("p", { class: "choice", role: "group", "aria-label": t("which_orders") },
    ["given", "received"].map((one) => h("a", { href: `#/orders/${one}`, "aria-current": one === which ? "true" : null }, t(one))));
  const line = h("p", { class: "live", id: "live" });
  const lanes = h("div", { id: "lanes" }, loading());
  view.replaceChildren(h("div", { class: "over" }, choice, line), lanes);
  return which === "given" ? given(lanes, line, about) : received(lanes, line, about);
}

// --- This court's own, live -----------------------------------------------------------------------------------------------

function given(lanes, line, about) {
  const board = new Board(lanes, (order) => ({ who: t("to", { who: nameOf(about.members, order.recipient) }), held: heldOf(order), href: `#/order/${order.name.replace("orders/", "")}` }));
  let last = null;
  let broken = false;
  let started = false;
  const told = () => {
    line.classList.toggle("broken", broken);
    if (broken) return line.replaceChildren(t("live_broken"));
    line.replaceChildren(h("span", { class: "pulse", "aria-hidden": "true" }), h("strong", {}, t("live")), " ",
      board.orders.size === 0 ? t("live_none") : t("live_since", { number: count(board.orders.size), ago: ago(last ?? Date.now(), Date.now()) }));
  };
  const close = watch("/api/orders/watch", {
    opened: () => {
      broken = false;
      told();
      // Where there is none, no event says so.
      setTimeout(() => { started = true; board.draw(); told(); }, 800);
    },
    order: (order) => {
      const news = board.put(order, started);
      if (news) last = Math.max(last ?? 0, at(order.steps.at(-1)?.time) ?? 0);
      if (news && started) announce(t("changed", { kind: named("kind", order.kind), who: nameOf(about.members, order.recipient), state: t(`state_${order.state}`) }));
      told();
    },
    refused: (refusal) => {
      lanes.replaceChildren(refused(refusal));
      line.replaceChildren();
      board.forget();
    },
    broken: () => {
      broken = true;
      told();
    },
  });
  const ticking = setInterval(told, 5_000);
  return () => {
    close();
    board.forget();
    clearInterval(ticking);
  };
}

/** Follows a stream of orders; goes on by itself when it breaks. Returns what ends it. */
export function watch(path, { opened, order, refused, broken }) {
  let source = null;
  let timer = null;
  const begin = () => {
    source = new EventSource(path);
    source.addEventListener("open", () => opened());
    source.addEventListener("order", ({ data }) => order(JSON.parse(data)));
    source.addEventListener("refused", ({ data }) => {
      source.close();
      refused(JSON.parse(data));
      // Who may not look now may later, and a gateway comes back.
      timer = setTimeout(begin, 4_000);
    });
    // What was watched for has come, or the gateway stops: it is looked at again after a while.
    source.addEventListener("over", () => {
      source.close();
      timer = setTimeout(begin, 10_000);
    });
    source.addEventListener("error", () => {
      broken();
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(begin, 4_000);
    });
  };
  begin();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

function heldOf(order) {
  const now = order.notice ?? order.result;
  if (!now?.held) return now?.asked ? money(now.asked) : null;
  return t("of_asked", { held: money(now.held), asked: money(now.asked) });
}

// --- What arrived here, asked again and again -----------------------------------------------------------------------------

function received(lanes, line, about) {
  const board = new Board(lanes, (order) => ({ who: t("from", { who: nameOf(about.members, order.court) }), held: heldHere(order), href: null }), "received", ["there", "effect", "ended"]);
  const stop = every(30_000, async () => {
    try {
      const orders = [];
      let after = "";
      do {
        const page = await ask(`/api/received?after=${encodeURIComponent(after)}`);
        orders.push(...page.orders);
        after = page.next;
      } while (after && orders.length < RECEIVED_MAX);
      for (const order of orders) board.put({ ...order, revision: Date.now(), steps: [] }, false);
      board.draw();
      line.replaceChildren(after ? t("received_more", { number: count(orders.length) }) : t("asked_every"));
    } catch (refusal) {
      lanes.replaceChildren(refused(refusal));
      line.replaceChildren();
      board.forget();
    }
  });
  return () => {
    stop();
    board.forget();
  };
}

function heldHere({ hold }) {
  return hold?.held ? t("of_asked", { held: money(hold.held), asked: money(hold.asked) }) : null;
}

// --- The lanes ------------------------------------------------------------------------------------------------------------

class Board {
  orders = new Map();
  #which;
  #lanes;
  #facts;
  #whose;
  #fresh = new Map();
  #drawn = null;
  #fading = null;

  /** `whose` orders, in `which` lanes. */
  constructor(lanes, facts, whose = "orders", which = Object.keys(LANES)) {
    this.#which = which;
    this.#lanes = lanes;
    this.#facts = facts;
    this.#whose = whose;
  }

  /** Takes an order up; whether it is news. */
  put(order, mark) {
    const known = this.orders.get(order.name);
    if (known && known.revision >= order.revision) return false;
    this.orders.set(order.name, order);
    if (mark) this.#fresh.set(order.name, Date.now() + FRESH_MS);
    if (this.orders.size > KEPT_MAX) this.orders.delete(this.#sorted().at(-1).name);
    // Many changes at once are drawn once.
    this.#drawn ??= requestAnimationFrame(() => this.draw());
    return true;
  }

  forget() {
    if (this.#drawn !== null) cancelAnimationFrame(this.#drawn);
    this.#drawn = null;
    clearTimeout(this.#fading);
    this.orders.clear();
  }

  #sorted() {
    const when = (order) => at(order.steps[0]?.time ?? order.issue_time) ?? 0;
    return [...this.orders.values()].sort((one, other) => when(other) - when(one));
  }

  draw() {
    this.#drawn = null;
    if (this.orders.size === 0) {
      this.#lanes.replaceChildren(empty(t(`${this.#whose}_none`), t(`${this.#whose}_none_text`)));
      return;
    }
    // Who stands on a card stays on it, wherever it goes.
    const focused = document.activeElement?.closest?.("[data-order]")?.dataset.order;
    const sorted = this.#sorted();
    const lanes = this.#which.map((lane) => this.#lane(lane, sorted.filter((order) => LANES[lane].includes(order.state))));
    this.#lanes.replaceChildren(h("div", { class: `lanes of-${lanes.length}` }, lanes));
    if (focused) this.#lanes.querySelector(`[data-order="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
    clearTimeout(this.#fading);
    if (this.#fresh.size > 0) this.#fading = setTimeout(() => this.draw(), FRESH_MS);
  }

  #lane(lane, orders) {
    const shown = orders.slice(0, SHOWN_MAX);
    const more = orders.length - shown.length;
    return h("section", { class: `lane ${lane}`, "aria-labelledby": `lane-${lane}` },
      h("h2", { id: `lane-${lane}` }, t(`lane_${lane}`), " ", h("span", { class: "number" }, count(orders.length))),
      shown.length === 0 ? h("p", { class: "soft none" }, t("lane_empty")) : h("ul", {}, shown.map((order) => this.#card(order))),
      more > 0 ? h("p", { class: "soft" }, t("lane_older", { number: count(more) })) : null);
  }

  #card(order) {
    const { who, held, href } = this.#facts(order);
    const until = this.#fresh.get(order.name);
    if (until && until <= Date.now()) this.#fresh.delete(order.name);
    const title = `${named("kind", order.kind)} · ${named("sector", order.sector)}`;
    const reason = order.result?.reason;
    return h("li", { class: `order ${order.state} ${this.#fresh.has(order.name) ? "fresh" : ""}`, "data-order": order.name, "data-state": order.state },
      h("p", { class: "what" }, href ? h("a", { href }, title) : title),
      h("p", {}, who),
      held ? h("p", { class: "held" }, held) : null,
      h("p", { class: "is" }, h("span", { class: `sign ${order.state}`, "aria-hidden": "true" }, GLYPHS[order.state] ?? "·"), t(`state_${order.state}`), reason ? [" ", h("code", {}, reason)] : null),
      h("p", { class: "soft when" }, stamp(order.steps.at(-1)?.time ?? order.issue_time)));
  }
}
