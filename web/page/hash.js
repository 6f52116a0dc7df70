// A Worker that computes one digest of a file, piece by piece: memory does not grow with the file, and the page stays alive.
// It fetches nothing once it is started: the verifier's bytes are handed to it.

import { load } from "/verify/index.js";

const PIECE = 4 << 20;
let verifier;
let current = 0;

self.onmessage = async ({ data }) => {
  if (data.wasm) verifier = load(data.wasm);
  if (data.cancel) current += 1;
  if (!data.file) return;
  current += 1;
  const mine = current;
  try {
    const digest = await (await verifier).digest(data.algorithm, pieces(data.file, mine, data.job));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (mine === current) self.postMessage({ job: data.job, hex });
  } catch (error) {
    if (mine === current) self.postMessage({ job: data.job, failed: String(error?.message ?? error) });
  }
};

async function* pieces(file, mine, job) {
  for (let at = 0; at < file.size; at += PIECE) {
    const piece = new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
    if (mine !== current) throw new Error("cancelled");
    yield piece;
    self.postMessage({ job, done: at + piece.length });
  }
}
