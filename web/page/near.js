// Near misses: what of a file, changed in a way that programs often change files, would be the deposited one. Computed here;
// nothing is sent. It refuses to guess: a hint is given only where the digest says so.

const SEARCHED_MAX = 64 << 20;
const LF = 10;
const CR = 13;

/** Keys of words that say how `file` is near the digest `sha256` of `size` bytes. */
export async function near(verifier, file, found, expected) {
  const hints = [];
  if (found.size === 0) hints.push(["near_empty", {}]);
  const turned = file.size <= SEARCHED_MAX ? await turnedInto(verifier, file, expected) : null;
  if (turned) return [...hints, [turned, {}]];
  if (found.size === expected.size) hints.push(["near_same_size", { found: found.size }]);
  else hints.push(["near_size", { expected: expected.size, found: found.size }]);
  return [...hints, ["near_resaved", {}]];
}

async function turnedInto(verifier, file, expected) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const ways = [
    ["near_lf", () => toLf(bytes)],
    ["near_crlf", () => toCrlf(bytes)],
    ["near_bom", () => withoutBom(bytes)],
    ["near_end", () => withoutEnd(bytes)],
  ];
  for (const [key, way] of ways) {
    const changed = way();
    // Only what has the deposited length can have its digest.
    if (changed === null || changed.length !== expected.size) continue;
    const digest = await verifier.digest("sha256", changed);
    if (Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === expected.sha256) return key;
  }
  return null;
}

function toLf(bytes) {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === CR && bytes[at + 1] === LF) continue;
    out[length] = bytes[at];
    length += 1;
  }
  return length === bytes.length ? null : out.subarray(0, length);
}

function toCrlf(bytes) {
  let ends = 0;
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] === LF && bytes[at - 1] !== CR) ends += 1;
  if (ends === 0) return null;
  const out = new Uint8Array(bytes.length + ends);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === LF && bytes[at - 1] !== CR) {
      out[length] = CR;
      length += 1;
    }
    out[length] = bytes[at];
    length += 1;
  }
  return out;
}

function withoutBom(bytes) {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : null;
}

function withoutEnd(bytes) {
  if (bytes.at(-1) !== LF) return null;
  return bytes.subarray(0, bytes.length - (bytes.at(-2) === CR ? 2 : 1));
}
