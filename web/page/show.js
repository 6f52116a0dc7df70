// Puts verdicts on the page, as text only: nothing that was looked up ever becomes markup. The verdict's words are the
// verifier's own; this file has only what stands around them.

const SVG = "http://www.w3.org/2000/svg";
/** What a depositor states, in the order of a form, and the kinds of deposit: words of words.json. */
const STATED = [
  "stated_kind", "stated_depositor", "stated_identified_by", "stated_source", "stated_method", "stated_custody",
  "stated_environment", "stated_case", "stated_name", "stated_media_type", "stated_created_at", "stated_follows",
];
const KINDS = [
  "ELECTRONIC_EVIDENCE", "CASE_FILE", "ARCHIVE", "STATISTICAL_REPORT", "ENFORCEMENT_OPERATION", "SERVED_DOCUMENT",
  "RECEIPT_OF_SERVICE", "MEDIATION_DATA", "TRADING_RECORD",
];
const MARKS = { match: "✓", found: "✓", mismatch: "✕", refused: "✕", missing: "?", note: "i" };

/** An element with properties and children. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The answer as a section: `view` is what page.js found out; `t` says words; `lang` picks from the verifier's. */
export function show(view, t, lang) {
  const said = (both) => both[lang];
  const section = make("section", { className: `card verdict ${view.mark}`, id: "verdict" });
  section.setAttribute("aria-labelledby", "verdict-line");
  section.append(
    make("p", { className: "eyebrow print-title" }, t(view.address ? "certificate" : "verdict_title")),
    make(
      "h2",
      { id: "verdict-line" },
      make("span", { className: "mark", ariaHidden: "true" }, MARKS[view.mark]),
      make("span", {}, view.lines ? said(view.lines[0]) : t(...view.title)),
    ),
  );
  if (view.lines) section.append(make("p", { className: "second wrap" }, said(view.lines[1])));
  for (const note of view.notes ?? []) section.append(make("p", { className: "wrap" }, t(...note)));
  if (view.near?.length) {
    const list = view.near.map((hint) => make("li", {}, t(...hint)));
    section.append(make("div", { className: "near" }, make("h3", {}, t("near_title")), make("ul", {}, ...list)));
  }
  if (view.deposit) section.append(facts(view, t));
  const told = view.judged?.told;
  if (told?.proves) {
    section.append(
      make("div", { className: "columns" }, listed(t("proves_title"), told.proves, said), listed(t("not_title"), told.does_not_prove, said)),
      steps(told.steps, t, said),
      witnesses(view, t),
    );
  }
  if (view.also?.length) section.append(also(view.also, t));
  if (view.address) section.append(again(view, t));
  section.append(actions(view, t));
  return section;
}

function facts(view, t) {
  const { judged, deposit, file } = view;
  const rows = [
    [t("certificate_number"), `members/${deposit.keeper}/deposits/${deposit.index}`],
    file ? [t("details_name"), file.name] : null,
    ...digests(view, t),
    [t("details_keeper"), deposit.keeper],
    [t("details_time"), deposit.since],
    [t("details_chain"), `${judged.chain}, ${judged.header_height}`],
    [t("details_header"), judged.header_hash],
    [t("details_entry"), deposit.entry],
    deposit.depositor ? [t("details_depositor"), deposit.depositor] : null,
    [t("details_anchor"), `${judged.anchor.chain} ${judged.anchor.height} ${judged.anchor.header_hash}`],
    [t("details_checked"), view.checkedAt],
    [t("details_verifier"), view.verifierHash],
  ];
  const list = make("dl", { className: "facts" });
  for (const row of rows.filter(Boolean)) {
    list.append(make("div", {}, make("dt", {}, row[0]), make("dd", { className: "wrap" }, row[1])));
  }
  const stated = STATED.map((word) => [word, deposit.statement?.[word.replace("stated_", "")]]).filter(([, value]) => value);
  if (stated.length === 0) return list;
  const more = make("dl", { className: "facts" });
  for (const [word, value] of stated) {
    const text = KINDS.includes(value) ? t(value) : value;
    more.append(make("div", {}, make("dt", {}, t(word)), make("dd", { className: "wrap" }, text)));
  }
  return make("div", {}, list, make("h3", {}, t("details_stated")), more);
}

/** Digests and size; of a file that is another one, those of both. */
function digests({ deposit: { content }, found, mark }, t) {
  if (!content) return [];
  const of = ({ size, sha256, sm3 }, label) => [
    [label(t("details_size")), t("details_bytes", { size })],
    [label("SHA-256"), sha256],
    [label("SM3"), sm3],
  ];
  if (mark !== "mismatch") return of(content, (what) => what);
  return [...of(found, (what) => t("details_yours", { what })), ...of(content, (what) => t("details_deposited", { what }))];
}

function listed(title, sentences, said) {
  return make("div", {}, make("h3", {}, title), make("ul", {}, ...sentences.map((one) => make("li", { className: "wrap" }, said(one)))));
}

function steps(all, t, said) {
  const items = all.map((step) => {
    const rows = step.bytes.map(({ name, value }) => {
      const hex = /^([0-9a-f]{2}){16,}$/.test(value) ? ` · ${t("show_bytes", { count: value.length / 2 })}` : "";
      return make("div", {}, make("dt", {}, said(name) + hex), make("dd", {}, make("code", { className: "wrap" }, value)));
    });
    const summary = make("summary", {}, said(step.what), " ", make("span", { className: "rule" }, step.rule));
    return make("li", {}, make("details", {}, summary, make("dl", { className: "bytes" }, ...rows)));
  });
  return make("div", { className: "steps" }, make("h3", {}, t("steps_title")), make("ol", {}, ...items));
}

function witnesses(view, t) {
  const seen = view.judged.seen_by ?? [];
  const none = make("p", {}, t("witness_none", { chain: view.judged.chain, operators: view.judged.operators }));
  const items = seen.map(({ key, at, log_size: size }) => make("li", { className: "wrap" }, t("witness_seen", { witness: key, time: at, size })));
  const unknown = seen.some(({ known }) => !known) ? make("p", { className: "note" }, t("witness_unknown")) : null;
  return make("div", {}, make("h3", {}, t("witness_title")), seen.length ? make("ul", {}, ...items) : none, unknown ?? "");
}

function also(places, t) {
  const items = places.map(({ number, since }) =>
    make("li", {}, since ? t("also_line", { number, time: since }) : t("also_pending", { number })),
  );
  return make("div", {}, make("h3", {}, t("also_title")), make("ul", {}, ...items));
}

function again(view, t) {
  const { size, path } = view.qr;
  const border = 4;
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `${-border} ${-border} ${size + 2 * border} ${size + 2 * border}`);
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", t("qr_alt"));
  drawing.setAttribute("class", "qr");
  const ground = document.createElementNS(SVG, "rect");
  for (const [key, value] of Object.entries({ x: -border, y: -border, width: size + 2 * border, height: size + 2 * border, fill: "#fff" })) {
    ground.setAttribute(key, value);
  }
  const code = document.createElementNS(SVG, "path");
  code.setAttribute("d", path);
  code.setAttribute("fill", "#000");
  drawing.append(ground, code);
  const text = make(
    "div",
    {},
    make("h3", {}, t("certificate_address")),
    make("p", {}, make("a", { href: view.address, className: "wrap address" }, view.address)),
    make("p", { className: "note" }, t("certificate_limits")),
  );
  return make("div", { className: "again" }, drawing, text);
}

function actions(view, t) {
  const row = make("div", { className: "actions" });
  if (view.bundle) row.append(saved(view.bundle, view.bundleName, t("save_bundle")));
  if (view.bundle && view.anchorText) row.append(saved(new TextEncoder().encode(view.anchorText), "page.anchor", t("save_anchor")));
  if (view.address) {
    const print = make("button", { type: "button", id: "print" }, t("print"));
    print.addEventListener("click", () => window.print());
    row.append(print);
  }
  const more = make("button", { type: "button", id: "another", className: "quiet" }, t("again"));
  more.addEventListener("click", () => view.another());
  row.append(more);
  if (!view.bundle) return row;
  const command = `comity verify ${view.bundleName} --anchor page.anchor${view.file ? " --file …" : ""}`;
  return make("div", { className: "no-print" }, row, make("p", { className: "note" }, t("verify_hint"), " ", make("code", { className: "wrap" }, command)));
}

/** A link that saves bytes that the page holds. */
function saved(bytes, name, text) {
  const link = make("a", { href: "#", download: name, className: "button quiet" }, text);
  link.addEventListener("click", () => {
    link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
  return link;
}
