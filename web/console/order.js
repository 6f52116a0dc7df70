// One order's way: what happens at the court on the left, at the institution on the right, what travels in between; when, and
// where it is proven. Then its hold, for as long as it lives. It follows the order while it is looked at.

import { announce, at, h, loading, money, moment, nameOf, named, refused, s, stamp, t } from "/tools.js";
import { GLYPHS, watch } from "/orders.js";

export function open(view, about) {
  const back = h("p", {}, h("a", { href: "#/orders/given" }, "← ", t("back_orders")));
  const line = h("p", { class: "live broken" });
  const body = h("div", {}, loading());
  view.replaceChildren(back, line, body);
  const name = `orders/${about.what ?? ""}`;
  let seen = null;
  return watch(`/api/order/watch?name=${encodeURIComponent(name)}`, {
    opened: () => line.replaceChildren(),
    order: (order) => {
      body.replaceChildren(way(order, about));
      if (seen !== null && seen !== order.state) announce(t(`state_${order.state}`));
      seen = order.state;
    },
    refused: (refusal) => {
      seen = null;
      body.replaceChildren(refused(refusal));
    },
    broken: () => line.replaceChildren(t("live_broken")),
  });
}

function way(order, about) {
  const who = nameOf(about.members, order.recipient);
  const title = `${named("kind", order.kind)} · ${named("sector", order.sector)}`;
  return h("article", { class: "way", "data-state": order.state },
    h("div", { class: "head" },
      h("h2", {}, title, " → ", who),
      h("p", { class: "is large" }, h("span", { class: `sign ${order.state}`, "aria-hidden": "true" }, GLYPHS[order.state] ?? "·"), t(`state_${order.state}`),
        order.result?.reason ? [" ", h("code", {}, order.result.reason)] : null)),
    h("div", { class: "sides", "aria-hidden": "true" }, h("p", {}, nameOf(about.members, about.self.institution), h("span", {}, t("at_court"))), h("p", {}, who, h("span", {}, t("at_institution")))),
    h("ol", { class: "steps" }, steps(order, who).map(shown)),
    hold(order));
}

// --- The steps ------------------------------------------------------------------------------------------------------------

/** Every step of the way, done or not: `side` is where it happens, `proof` the header that proves it. */
function steps(order, who) {
  const step = (state) => order.steps.find((one) => one.state === state);
  const ended = { FAILED: order.result?.height ? null : "failed", TIMED_OUT: "timed_out", WITHDRAWN: "withdrawn" }[order.state] ?? null;
  const committed = step("COMMITTED");
  const relayed = step("RELAYED") ?? step("PENDING");
  const answer = order.steps.find(({ state }) => ["EXECUTED", "WAITLISTED", "REFUSED", "FAILED"].includes(state));
  const { have, need } = { have: order.approvals.length, need: order.approvals_needed };
  const all = [
    { key: "drawn", side: "court", time: order.steps[0]?.time, text: t("way_drawn_text", { kind: named("kind", order.kind), sector: named("sector", order.sector), who }) },
    {
      key: "signed", side: "court", time: have >= need ? step("AWAITING_DELIVERY")?.time : null,
      text: have === 0 ? t("way_signed_none", { need }) : t("way_signed_text", { have, need, who: order.approvals.join(t("comma")) }),
    },
    {
      key: "delivered", side: "between", time: order.receipt?.receive_time ?? null, sealed: order.receipt?.digest,
      text: order.receipt ? t("way_delivered_text") : t("way_delivered_wait"),
    },
    { key: "committed", side: "court", time: committed?.time, proof: committed?.proof, text: t("way_committed_text") },
  ];
  if (ended) {
    const last = order.steps.at(-1);
    const reached = all.filter(({ time }) => time);
    const reason = order.result?.reason ? ` ${t("way_reason", { reason: order.result.reason })}` : "";
    const text = ended === "failed" ? reason : `${t(`way_${ended}_text`)}${reason}`;
    return reached.concat({ key: ended, side: ended === "timed_out" ? "there" : "court", time: last?.time, proof: last?.proof, text, stopped: true });
  }
  const result = order.result;
  const ahead = result?.ahead > 0 ? ` ${t("way_ahead", { number: result.ahead })}` : "";
  all.push(
    { key: "relayed", side: "there", time: relayed?.time ?? answer?.time, proof: relayed?.proof, text: relayed || !answer ? t("way_relayed_text") : t("way_relayed_fast") },
    {
      key: "decided", side: "there", time: result?.effective_time ?? null, stopped: ["REFUSED", "FAILED"].includes(result?.state),
      text: result
        ? t("way_decided_text", { state: t(`state_${result.state}`), time: moment(at(result.effective_time)), height: result.height }) + (result.reason ? ` ${t("way_reason", { reason: result.reason })}` : "") + ahead
        : t("way_decided_wait", { time: moment(at(order.decide_by)) }),
    },
    { key: "acknowledged", side: "court", time: answer?.time, proof: answer?.proof, text: t("way_acknowledged_text") },
  );
  return all;
}

function shown(step, index, all) {
  const done = Boolean(step.time);
  const current = !done && all.slice(0, index).every(({ time }) => time);
  const standing = step.stopped ? "stopped" : done ? "done" : current ? "current" : "waiting";
  const mark = { done: "✓", current: "…", waiting: "", stopped: "✕" }[standing];
  return h("li", { class: `step ${step.side} ${standing}`, "data-step": step.key, "data-standing": standing, "aria-current": current ? "step" : null },
    h("span", { class: "knot", "aria-hidden": "true" }, mark),
    h("div", { class: "body" },
      h("h3", {}, t(`way_${step.key}`), h("span", { class: "visually-hidden" }, ` (${t(standing)})`)),
      step.side === "between" ? h("p", { class: "soft travels", "aria-hidden": "true" }, t("at_court"), " ⟶ ", t("at_institution")) : null,
      done ? h("p", { class: "soft when" }, stamp(step.time)) : null,
      h("p", {}, step.text),
      done ? proof(step) : null));
}

function proof({ proof, sealed, key }) {
  if (proof) {
    return h("p", { class: "proof" }, h("span", { "aria-hidden": "true" }, "◆ "), t("proven_on", { chain: proof.chain, height: proof.header_height, time: moment(at(proof.header_time)) }));
  }
  if (sealed) return h("p", { class: "proof" }, h("span", { "aria-hidden": "true" }, "◇ "), t("sealed_receipt"));
  return ["drawn", "signed", "withdrawn", "failed"].includes(key) ? h("p", { class: "soft small" }, t("not_proven")) : null;
}

// --- The hold -------------------------------------------------------------------------------------------------------------

function hold(order) {
  const { result, notice } = order;
  if (!["EXECUTED", "WAITLISTED", "OBJECTED"].includes(order.state) || !result?.asked && !notice && !at(order.hold_until)) return null;
  const [from, until] = [at(result?.effective_time), at(notice?.until ?? order.hold_until)];
  if (from === null || until === null || until <= from) return null;
  const now = Date.now();
  const part = Math.min(1, Math.max(0, (now - from) / (until - from)));
  const amounts = notice ?? result;
  const over = notice && ["LAPSED", "RELEASED", "TRANSFERRED"].includes(notice.event);
  const x = 10 + 780 * part;
  return h("section", { class: `hold ${over ? "over" : ""}`, "aria-labelledby": "hold-title" },
    h("h2", { id: "hold-title" }, t("way_hold")),
    s("svg", { viewBox: "0 0 800 66", role: "img", "aria-label": t("hold_picture", { from: moment(from), until: moment(until), part: Math.round(part * 100) }) },
      s("rect", { x: 10, y: 26, width: 780, height: 14, rx: 7, class: "whole" }),
      s("rect", { x: 10, y: 26, width: Math.max(7, 780 * part), height: 14, rx: 7, class: "past" }),
      s("path", { d: `M ${x} 20 v 26`, class: "needle" }),
      s("text", { x: Math.min(760, Math.max(40, x)), y: 14, class: "now" }, t("now_mark")),
      s("text", { x: 10, y: 62 }, t("hold_from", { time: moment(from) })),
      s("text", { x: 790, y: 62, class: "end" }, t("hold_until", { time: moment(until) }))),
    h("p", {}, amounts?.held ? t("hold_now", { held: money(amounts.held), asked: money(amounts.asked), deducted: money(amounts.deducted ?? { ...amounts.held, minor: 0 }) }) : t("hold_no_amount")),
    notice ? h("p", {}, over ? t("hold_ended", { event: named("event", notice.event) }) : t("last_notice", { event: named("event", notice.event), time: moment(at(notice.time)) })) : null,
    notice?.answer_by ? h("p", { class: "due" }, t("answer_by", { code: notice.objection, time: moment(at(notice.answer_by)) })) : null);
}
