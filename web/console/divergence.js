// What a chain was frozen for: one history that splits into two signed headers, who signed both, and what an operator does next.
// It refuses to say who is to blame beyond that.

import { ask, at, count, empty, every, h, moment, refused, s, t } from "/tools.js";

export function open(view, about) {
  let shown = null;
  return every(10_000, async () => {
    try {
      const { chains } = await ask("/api/chains");
      const found = chains.flatMap(({ clients }) => clients).filter(({ contradiction }) => contradiction);
      const frozen = chains.filter(({ frozen }) => frozen).map(({ name }) => name.replace("chains/", ""));
      // What is open on the page stays open while nothing changes.
      const now = JSON.stringify([found, frozen]);
      if (now === shown) return;
      shown = now;
      view.replaceChildren(...(found.length + frozen.length === 0 ? [empty(t("divergence_none"), t("divergence_none_text"))] : []),
        ...frozen.map((chain) => h("p", { class: "state wrong" }, t("gateway_too", { chain }))),
        ...found.map((client) => one(client, about)));
    } catch (refusal) {
      shown = null;
      view.replaceChildren(refused(refusal));
    }
  });
}

function one(client, about) {
  const { contradiction } = client;
  const frozen = client.status === "FROZEN";
  const id = `divergence-${client.id}`;
  return h("article", { class: `divergence card ${frozen ? "frozen" : ""}`, "data-client": client.id, "aria-labelledby": id },
    h("h2", { id }, h("span", { class: `dot ${frozen ? "frozen" : "fine"}`, "aria-hidden": "true" }, frozen ? "✕" : "✓"), " ", client.chain, " · ",
      frozen ? t("standing_frozen") : t("standing_fine")),
    h("p", {}, t(`kindof_${contradiction.kind}`), " ", t("frozen_since", { time: moment(at(contradiction.frozen_time)) })),
    contradiction.recovered ? h("p", {}, t("recovered", { time: moment(at(contradiction.recovered.time)), proposal: contradiction.recovered.proposal })) : null,
    fork(client.chain, contradiction),
    both(contradiction),
    frozen ? next(client, about) : h("p", {}, save(client)));
}

function fork(chain, { first, second }) {
  const lines = (header, y) => [
    s("text", { x: 470, y: y - 18, class: "name" }, `${t("block", { height: count(header.height) })} · ${moment(at(header.time))}`),
    s("text", { x: 470, y: y + 6, class: "chain" }, t("short_hash", { hash: header.hash.slice(0, 16) })),
    s("text", { x: 470, y: y + 29, class: "soft" }, header.signed ? t("signed_by", { number: header.signers.length }) : t("votes_not_kept")),
  ];
  const height = Math.min(first.height, second.height);
  return h("div", { class: "picture", tabindex: "0", role: "group", "aria-label": chain }, s("svg", { viewBox: "0 0 960 250", role: "img", "aria-label": t("fork_picture", { chain, height: count(height) }) },
    s("path", { d: "M 20 125 H 250", class: "line fine" }),
    [40, 110, 180].map((x) => s("rect", { x, y: 109, width: 32, height: 32, rx: 6, class: "link" })),
    s("text", { x: 20, y: 175, class: "soft" }, t("header_same_until", { height: count(Math.max(0, height - 1)) })),
    s("path", { d: "M 250 125 C 330 125, 330 60, 400 60", class: "line frozen" }),
    s("path", { d: "M 250 125 C 330 125, 330 190, 400 190", class: "line frozen" }),
    s("rect", { x: 400, y: 14, width: 550, height: 92, rx: 12, class: "branch" }), lines(first, 62),
    s("rect", { x: 400, y: 144, width: 550, height: 92, rx: 12, class: "branch" }), lines(second, 192),
    s("text", { x: 432, y: 69, class: "letter" }, "A"), s("text", { x: 432, y: 199, class: "letter" }, "B")));
}

function both({ signed_both: addresses }) {
  if (addresses.length === 0) return h("p", {}, t("signed_both_none"));
  return h("details", {}, h("summary", {}, t("signed_both", { number: addresses.length })),
    h("p", { class: "soft" }, t("addresses")), h("ul", {}, addresses.map((address) => h("li", {}, h("code", {}, address.toUpperCase())))));
}

function save(client) {
  return h("a", { class: "button", href: `/api/evidence?name=${encodeURIComponent(client.id)}`, download: `${client.id}.evidence` }, t("evidence_file"));
}

function next(client, about) {
  const own = about.self.institution;
  const command = (text) => h("pre", { tabindex: "0" }, h("code", {}, text));
  return h("section", {}, h("h3", {}, t("what_next")), h("ol", { class: "next" },
    h("li", {}, h("p", {}, t("next_keep")), save(client), command(`comity chain evidence ${client.id} --as ${own}/clients/${about.self.role}.toml --out ${client.id}.evidence`)),
    h("li", {}, h("p", {}, t("next_ask"))),
    h("li", {}, h("p", {}, t("next_propose")), command(`comity chain unfreeze ${client.id} --config ${own}/comity.toml \\\n    --anchor new.anchor --rpc http://… --reason '…' --out recover.proposal`)),
    h("li", {}, h("p", {}, t("next_approve")), command(`comity govern approve recover.proposal --key governor-1.key --evidence recover.proposal.report.txt\ncomity govern submit --config ${own}/comity.toml recover.proposal`))));
}
