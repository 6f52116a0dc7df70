// The audit trail as sentences: who, did what, to what, in which case and by which provision; day by day, page by page. It asks
// only when it is opened or asked for more, since each page that is read is filed.

import { announce, ask, at, clock, count, day, empty, h, nameOf, named, refused, t, words } from "/tools.js";

export function open(view, about) {
  let over = false;
  let accesses = [];
  const next = async (after) => {
    try {
      const page = await ask(`/api/accesses?after=${encodeURIComponent(after)}`);
      if (over) return;
      const from = accesses.length;
      accesses = accesses.concat(page.accesses);
      show(view, accesses, about, page.next ? () => next(page.next) : null);
      if (from > 0) announce(t("access_times", { number: count(page.accesses.length) }));
    } catch (refusal) {
      if (!over) view.replaceChildren(refused(refusal, () => next(after)));
    }
  };
  next("");
  return () => {
    over = true;
  };
}

function show(view, accesses, about, more) {
  // Reading the trail stands in it, once for each look: one line for those that follow each other.
  const rows = [];
  for (const access of accesses) {
    const last = rows.at(-1);
    if (access.action === "ReadTrail" && last?.access.action === "ReadTrail" && last.access.role === access.role) last.times += 1;
    else rows.push({ access, times: 1 });
  }
  const nobody = rows.every(({ access }) => access.action === "ReadTrail");
  const days = Map.groupBy ? Map.groupBy(rows, dayOf) : grouped(rows);
  view.replaceChildren(
    nobody && !more ? empty(t("accesses_none"), t("accesses_none_text")) : "",
    ...[...days].map(([title, rows], index) => h("section", { "aria-labelledby": `day-${index}` },
      h("h2", { id: `day-${index}` }, title), h("ol", { class: "trail" }, rows.map((row) => line(row, about))))),
    more ? h("button", { type: "button", onclick: more }, t("older")) : "");
}

const dayOf = ({ access }) => day(at(access.time));

function grouped(rows) {
  const days = new Map();
  for (const row of rows) days.set(dayOf(row), [...(days.get(dayOf(row)) ?? []), row]);
  return days;
}

function line({ access, times }, about) {
  const own = access.institution === `members/${about.self.institution}`;
  const role = words[`role_${access.role}`] ? t(`role_${access.role}`) : access.role;
  const who = t("access_who", { institution: nameOf(about.members, access.institution), role });
  const time = at(access.time);
  const facts = [];
  const fact = (name, value) => value && facts.push(h("div", {}, h("dt", {}, t(name)), h("dd", {}, value)));
  if (access.action !== "ReadTrail") fact("access_what", resource(access.resource, about));
  fact("access_case", access.case_number);
  fact("access_basis", access.legal_basis);
  if (access.action !== "ReadTrail") fact("access_purpose", access.purpose);
  if (access.fields.length > 0) fact("access_fields", h("ul", { class: "chips" }, access.fields.map((field) => h("li", {}, h("code", {}, field)))));
  return h("li", { class: own ? "own-access" : "other-access", "data-action": access.action },
    h("time", { datetime: new Date(time).toISOString() }, clock(time)),
    h("div", { class: "body" },
      h("p", { class: "what" }, h("span", { class: "badge" }, own ? t("access_own") : t("access_other")), " ", h("strong", {}, who), " ", named("action", access.action), times > 1 ? ` (${t("access_times", { number: count(times) })})` : ""),
      facts.length > 0 ? h("dl", { class: "facts" }, facts) : null));
}

/** A resource's name for people: whose, of which sector, which. */
function resource(name, about) {
  const [, member, sector, record] = /^members\/([^/]+)\/sectors\/([^/]+)\/records\/(.+)$/.exec(name) ?? [];
  if (!member) return name;
  // A record whose own name is personal data stands under an id of 64 digits, which tells nobody anything.
  const shown = /^[0-9a-f]{40,}$/.test(record) ? `${record.slice(0, 8)}…` : record;
  return `${nameOf(about.members, member)} · ${named("sector", sector)} · ${shown}`;
}
