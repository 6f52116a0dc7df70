// The log of deposits: how large, since when proven, who else has seen it, how it grew. It shows places and times; what a
// deposit is about is for `comity deposit get`, with a purpose.

import { ask, at, count, empty, every, h, moment, refused, s, stamp, t } from "/tools.js";

/** Heads that are kept and shown, however long the page is open. */
const HEADS_MAX = 1_000;

export function open(view) {
  // By size. A gap between what is known and what is new would tell a wrong time of what is in it: then all is read anew.
  let heads = new Map();
  let after = null;
  const take = (page) => {
    for (const head of page.heads) heads.set(head.size, head);
  };
  const draw = async (more) => {
    try {
      const log = await ask("/api/deposits");
      if (heads.size === 0 || (log.next && !heads.has(log.heads.at(-1).size))) {
        heads = new Map();
        after = log.next;
      }
      take(log);
      if (more && after) {
        const page = await ask(`/api/deposits?after=${encodeURIComponent(after)}`);
        take(page);
        after = page.next;
      }
      const shown = [...heads.values()].sort((one, other) => other.size - one.size).slice(0, HEADS_MAX);
      show(view, log, shown, after && shown.length < HEADS_MAX ? () => draw(true) : null);
    } catch (refusal) {
      view.replaceChildren(refused(refusal));
    }
  };
  return every(5_000, () => draw(false));
}

function show(view, log, heads, more) {
  const proven = log.checkpoint?.size ?? 0;
  const numbers = h("div", { class: "numbers" },
    h("p", { class: "big" }, h("strong", { id: "size" }, count(log.size)), " ", t("deposits_size")),
    h("p", {}, h("span", { class: "dot fine", "aria-hidden": "true" }, "✓"), " ", t("deposits_proven", { number: count(proven) })),
    log.size > proven ? h("p", {}, h("span", { class: "dot soon", "aria-hidden": "true" }, "…"), " ", t("deposits_pending", { number: count(log.size - proven) })) : null,
    log.checkpoint ? h("p", { class: "soft" }, t("deposits_since", { time: moment(at(log.checkpoint.time)) })) : null);
  if (log.size === 0) {
    view.replaceChildren(empty(t("deposits_none"), t("deposits_none_text")), witnesses(log));
    return;
  }
  view.replaceChildren(
    h("div", { class: "halves" }, h("section", { class: "card" }, numbers), h("section", { class: "card", "aria-labelledby": "growth-title" }, h("h2", { id: "growth-title" }, t("growth")), growth(heads))),
    witnesses(log), recent(heads, more));
}

/** Entries over time, as steps. */
function growth(heads) {
  const points = heads.map(({ size, time }) => ({ size, time: at(time) })).filter(({ time }) => time !== null).reverse();
  if (points.length === 0) return h("p", { class: "soft" }, t("lane_empty"));
  const [first, last] = [points[0], points.at(-1)];
  const [width, height] = [560, 150];
  const span = Math.max(1, last.time - first.time);
  const least = points.length > 1 ? first.size : 0;
  const x = (time) => 8 + (points.length === 1 ? width / 2 : ((time - first.time) / span) * (width - 16));
  const y = (size) => height - 24 - ((size - least) / Math.max(1, last.size - least)) * (height - 54);
  let path = `M 8 ${y(first.size)} `;
  for (const point of points) path += `H ${x(point.time)} V ${y(point.size)} `;
  path += `H ${width - 8}`;
  const label = t("growth_picture", { from: count(first.size), to: count(last.size), start: moment(first.time), end: moment(last.time) });
  return s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "growth" },
    s("path", { d: `${path} V ${height - 20} H 8 Z`, class: "under" }),
    s("path", { d: path, class: "edge" }),
    points.length <= 60 ? points.map((point) => s("circle", { cx: x(point.time), cy: y(point.size), r: 4, class: "knot" })) : null,
    s("text", { x: width - 8, y: Math.max(16, y(last.size) - 10), class: "end" }, count(last.size)),
    s("text", { x: 8, y: height - 4 }, moment(first.time)),
    points.length > 1 ? s("text", { x: width - 8, y: height - 4, class: "end" }, moment(last.time)) : null);
}

function witnesses(log) {
  const seal = (witness) => {
    const standing = witness.failure ? "bad" : witness.size === 0 ? "never" : witness.size >= (log.checkpoint?.size ?? 0) ? "up" : "behind";
    const text = standing === "bad" ? t(`witness_${witness.failure}`) : standing === "up" ? t("witness_up") : standing === "never" ? t("witness_never") : t("witness_behind", { size: count(witness.size) });
    const kind = { bad: "frozen", up: "fine", behind: "soon", never: "none" }[standing];
    return h("li", { class: "card witness", "data-standing": standing },
      h("h3", {}, h("span", { class: `dot ${kind}`, "aria-hidden": "true" }, { bad: "✕", up: "✓", behind: "…", never: "–" }[standing]), witness.name),
      h("p", {}, text), witness.time ? h("p", { class: "soft" }, stamp(witness.time)) : null);
  };
  return h("section", { "aria-labelledby": "witnesses-title" }, h("h2", { id: "witnesses-title" }, t("witnesses")),
    log.witnesses.length === 0 ? h("p", { class: "soft" }, t("witness_none")) : h("ul", { class: "cards" }, log.witnesses.map(seal)));
}

function recent(heads, more) {
  const rows = heads.map(({ size, time, height, witnesses }, index) => {
    // The head before it says where its entries begin; of the oldest one shown only its last is known.
    const before = heads[index + 1]?.size ?? (more ? null : 0);
    const number = before === null ? null : size - before;
    const title = number === null || number === 1 ? t("entry", { first: count(size - 1) }) : t("entries", { first: count(before), last: count(size - 1) });
    return h("li", {},
      h("span", { class: "what" }, title), h("span", { class: "how" }, number === null ? "" : t("entries_number", { number: count(number) })),
      h("span", {}, t("proven_since", { time: moment(at(time)), height: count(height) })),
      h("span", { class: "soft" }, witnesses === 0 ? t("unwitnessed") : t("witnessed", { number: witnesses })));
  });
  return h("section", { "aria-labelledby": "recent-title" }, h("h2", { id: "recent-title" }, t("recent")),
    h("ul", { class: "rows" }, rows), more ? h("button", { type: "button", onclick: more }, t("older")) : null);
}
