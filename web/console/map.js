// The map: the own chain in the middle, every chain that this gateway follows around it, and on each line the light client by
// which the own chain knows the other. It refuses to show by colour alone: each state has a mark, a word and a line of its own.

import { ago, announce, ask, at, count, every, h, nameOf, refused, s, stamp, t } from "/tools.js";

const ROW = 132;
const BOX = { width: 300, height: 96 };
const WIDTH = 1240;
const MARKS = { fine: "✓", soon: "!", expired: "∅", frozen: "✕", none: "–" };
/** A client that has used two thirds of its time is to be renewed: relayers do so long before. */
const SOON = 2 / 3;

export function open(view, about) {
  let before = null;
  return every(5_000, async () => {
    try {
      const { now, chains } = await ask("/api/chains");
      const seen = read(chains, at(now), about.members);
      view.replaceChildren(picture(seen, at(now)), legend(), list(seen, at(now)));
      if (seen.summary !== before) announce(seen.summary);
      before = seen.summary;
    } catch (refusal) {
      view.replaceChildren(refused(refusal));
      before = null;
    }
  });
}

/** The own chain, and the others with the client by which it knows them. */
function read(chains, now, members) {
  const own = chains.find((chain) => chain.home);
  const id = (chain) => chain.name.replace(/^chains\//, "");
  const who = (chain) => members.filter((member) => member.chain === id(chain)).map((member) => nameOf(members, member.name));
  const others = chains.filter((chain) => !chain.home).map((chain) => {
    const client = own?.clients.find((client) => client.chain === id(chain)) ?? null;
    return { chain, id: id(chain), who: who(chain), client, standing: standing(chain, client, now) };
  });
  const bad = others.filter(({ standing }) => standing === "frozen" || standing === "expired");
  const summary = bad.length === 0
    ? t("map_all_well", { number: others.length })
    : t("map_not_well", { number: bad.length, which: bad.map(({ id }) => id).join(", ") });
  return { own, ownId: own ? id(own) : "", ownWho: own ? who(own) : [], others, summary };
}

function standing(chain, client, now) {
  if (chain.frozen || client?.status === "FROZEN") return "frozen";
  if (client === null) return "none";
  if (client.status === "EXPIRED") return "expired";
  return used(client, now) > SOON ? "soon" : "fine";
}

/** How much of a client's time is used: 0 when its latest header is new, 1 when it expires. */
function used(client, now) {
  const [from, until] = [at(client.latest_time), at(client.expire_time)];
  if (from === null || until === null || until <= from) return 0;
  return Math.min(1, Math.max(0, (now - from) / (until - from)));
}

// --- The picture ----------------------------------------------------------------------------------------------------------

function picture(seen, now) {
  const rows = Math.max(1, Math.ceil(seen.others.length / 2));
  const height = Math.max(300, rows * ROW + 20);
  const [middle, centre] = [WIDTH / 2, height / 2];
  const places = seen.others.map((other, number) => {
    const right = number % 2 === 0;
    const column = seen.others.filter((_, one) => one % 2 === number % 2).length;
    const y = centre + (Math.floor(number / 2) - (column - 1) / 2) * ROW;
    return { other, right, x: right ? WIDTH - BOX.width - 10 : 10, y };
  });
  const lines = places.map(({ other, right, x, y }) => line(other, middle, centre, right ? x : x + BOX.width, y, right, now));
  const boxes = places.map(({ other, x, y }) => box(other.who, other.id, other.chain, x, y - BOX.height / 2, other.standing, now));
  return h("figure", { class: `picture ${seen.others.some(({ standing }) => standing === "frozen") ? "alarm" : ""}` },
    s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `${t("map_picture", { chain: seen.ownId })} ${seen.summary}` },
      ...lines.map(({ path }) => path),
      own(seen, middle, centre, now),
      ...boxes,
      ...lines.map(({ label }) => label),
    ),
    h("figcaption", {}, seen.summary),
  );
}

function own(seen, x, y, now) {
  const time = at(seen.own?.verified_time);
  return s("g", { class: "own" },
    s("circle", { cx: x, cy: y, r: 96 }),
    lines(seen.ownWho[0] ?? seen.ownId, 15, 2).map((text, index, all) => s("text", { x, y: y - 22 + (index - all.length + 1) * 22, class: "name" }, text)),
    s("text", { x, y: y + 4, class: "chain" }, seen.ownId),
    s("text", { x, y: y + 29, class: "soft" }, t("block", { height: count(seen.own?.verified_height ?? 0) })),
    s("text", { x, y: y + 50, class: "soft" }, time === null ? "" : ago(time, now)),
  );
}

function box(who, id, chain, x, y, standing, now) {
  const time = at(chain.verified_time);
  const more = who.length > 1 ? ` · ${t("and_more", { number: who.length - 1 })}` : "";
  const known = time === null ? t("not_needed") : `${t("block", { height: count(chain.verified_height) })} · ${ago(time, now)}`;
  return s("g", { class: `chain-box ${standing}` },
    s("rect", { x, y, width: BOX.width, height: BOX.height, rx: 12 }),
    s("text", { x: x + 16, y: y + 30, class: "name" }, lines(who[0] ?? id, 26, 1)),
    s("text", { x: x + 16, y: y + 55, class: "soft" }, s("tspan", { class: "chain" }, id), more),
    s("text", { x: x + 16, y: y + 79, class: "soft" }, known),
  );
}

/** The line from the own chain to another one, and what its light client knows. */
function line(other, fromX, fromY, toX, toY, right, now) {
  const startX = fromX + (right ? 90 : -90);
  const bend = (startX + toX) / 2;
  const path = s("path", { class: `line ${other.standing}`, d: `M ${startX} ${fromY} C ${bend} ${fromY}, ${bend} ${toY}, ${toX} ${toY}` });
  const width = 190;
  const x = (right ? toX - width - 14 : toX + 14);
  const y = toY - 27;
  const { client, standing } = other;
  const time = at(client?.latest_time);
  const first = standing === "fine" || standing === "soon" ? t("knows_block", { height: count(client.latest_height) }) : t(`standing_${standing}`);
  const second = client === null ? "" : standing === "frozen" || standing === "expired"
    ? t("stuck_at", { height: count(client.latest_height) })
    : time === null ? "" : t("as_of", { ago: ago(time, now) });
  const label = s("g", { class: `label ${standing}` },
    s("rect", { x, y, width, height: 54, rx: 10 }),
    s("text", { x: x + 17, y: y + 33, class: "mark" }, MARKS[standing]),
    s("text", { x: x + 32, y: y + 21, class: "first" }, first),
    s("text", { x: x + 32, y: y + 40, class: "second" }, second),
    client === null || standing === "frozen" ? null : s("g", {},
      s("rect", { x: x + 10, y: y + 47, width: width - 20, height: 3, class: "left-bar" }),
      s("rect", { x: x + 10, y: y + 47, width: (width - 20) * (1 - used(client, now)), height: 3, class: "left" })),
  );
  return { path, label };
}

/** A name in at most `most` lines of a width, where a Chinese character takes two; what is left over is cut. */
function lines(text, width, most) {
  const out = [""];
  let taken = 0;
  // Between words, and between any two Chinese characters, a line may end.
  for (const part of text.match(/[\u2e80-\uffef]|[^\u2e80-\uffef\s]+\s*/g) ?? [text]) {
    const size = part.codePointAt(0) > 0x2e7f ? 1.75 : part.trimEnd().length;
    if (taken > 0 && taken + size > width) {
      if (out.length === most) {
        out[out.length - 1] = `${out.at(-1).trimEnd()}…`;
        return out;
      }
      out.push("");
      taken = 0;
    }
    out[out.length - 1] += part;
    taken += part.codePointAt(0) > 0x2e7f ? 1.75 : part.length;
  }
  return out;
}

function legend() {
  const entry = (standing) => h("li", { class: standing }, h("span", { class: `dot ${standing}`, "aria-hidden": "true" }, MARKS[standing]), t(`standing_${standing}`));
  return h("ul", { class: "legend", "aria-label": t("legend") }, ["fine", "soon", "expired", "frozen"].map(entry));
}

// --- The same in words ----------------------------------------------------------------------------------------------------

function list(seen, now) {
  return h("section", { "aria-labelledby": "clients-title" },
    h("h2", { id: "clients-title" }, t("clients_title", { chain: seen.ownId })),
    h("ul", { class: "cards" }, seen.others.map((other) => card(other, now))));
}

function card({ chain, id, who, client, standing }, now) {
  const facts = [];
  const fact = (name, value) => facts.push(h("div", {}, h("dt", {}, t(name)), h("dd", {}, value)));
  if (client) {
    fact("fact_knows", [t("block", { height: count(client.latest_height) }), " · ", stamp(client.latest_time, { relative: true, now })]);
    fact("fact_expires", [stamp(client.expire_time, { relative: true, now }), " · ", stamp(client.expire_time)]);
  }
  fact("fact_gateway", at(chain.verified_time) === null
    ? t("not_needed_long")
    : [t("block", { height: count(chain.verified_height) }), " · ", stamp(chain.verified_time, { relative: true, now })]);
  fact("fact_operators", chain.operators === 0 ? t("operators_unknown") : chain.operators === 1 ? t("operators_one") : t("operators", { number: chain.operators }));
  return h("li", { class: `card ${standing}`, "data-chain": id, "data-standing": standing },
    h("h3", {}, h("span", { class: `dot ${standing}`, "aria-hidden": "true" }, MARKS[standing]), who.join(t("comma")) || id),
    h("p", { class: "soft" }, `${id} · ${t(`standing_${standing}`)}`),
    h("p", {}, t(`means_${standing}`)),
    h("dl", { class: "facts" }, facts),
  );
}
