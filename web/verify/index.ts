// The typed wrapper of comity-verify.wasm: judges bundles, headers and proofs where no server is trusted to do so.
// It decides nothing itself and fetches nothing: what a call is given is all that its answer rests on.

/** A bundle that holds. */
export interface Verified {
  verdict: "VERIFIED";
  /** `LIVE` inside the trusting period; `ARCHIVE`: integrity without freshness. */
  judgment: "LIVE" | "ARCHIVE";
  strength: "STATE";
  chain: string;
  header_height: number;
  /** 64 hex digits. */
  header_hash: string;
  /** RFC 3339, UTC. */
  header_time: string;
  /** How many independent operators vouch for the chain, by the anchor. */
  operators: number;
  suites: string[];
  /** Sentences. */
  proves: string[];
  does_not_prove: string[];
  /** What was checked, in order. */
  steps: { what: string; rule: string }[];
  /** Witnesses that cosigned a deposit's log; `known` where a policy names them. */
  seen_by?: { witness: string; key: string; at: string; log_size: number; known: boolean }[];
  /** An authority that stamped a deposit's log: it was there at this time at the latest; `known` where the reader names it. */
  stamped_by?: { authority: string; certificate: string; at: string; log_size: number; known: boolean };
  /** That the proof was deposited anew, the first time first: all else is as of `stood`. */
  renewals?: Renewal[];
  /** A record's disclosed fields, by name. */
  fields?: Record<string, string>;
  /** A deposit, as far as the bundle shows it. */
  deposit?: Deposit;
}

/** That a proof was there at a time, by a newer one. */
export interface Renewal {
  /** RFC 3339, UTC: the renewed proof was there at this time at the latest. */
  stood: string;
  /** By whose word; `CHAIN_ALONE`: nobody but its chain saw it. */
  by: "AUTHORITY" | "WITNESSES" | "CHAIN" | "CHAIN_ALONE";
  bytes: number;
  sha256: string;
  chain: string;
  header_height: number;
  keeper: string;
  index: number;
  judgment: "LIVE" | "ARCHIVE";
  renewed_judgment: "LIVE" | "ARCHIVE";
  suites: string[];
  renewed_suites: string[];
  /** The newer chain counts for nothing: the time stamp alone does. */
  stamp_alone: boolean;
}

/** A sentence in both languages. */
export interface Both {
  en: string;
  zh: string;
}

/** What a page computed of a file. */
export interface FileFound {
  /** 64 hex digits each. */
  sha256: string;
  sm3: string;
  /** In bytes. */
  size: number;
}

/** A deposit's verdict in words. Of what does not hold, or is not of a deposit, only the headline is told. */
export interface Told {
  outcome?: "MATCH" | "MISMATCH" | "NO_FILE" | "NOT_SHOWN";
  /** The verdict in two lines. */
  headline: [Both, Both];
  proves?: Both[];
  does_not_prove?: Both[];
  /** What was checked, in order, each down to the bytes: hex digits or text. */
  steps?: { what: Both; rule: string; bytes: { name: Both; value: string }[] }[];
}

/** A deposit that was verified. */
export interface Deposit {
  keeper: string;
  index: number;
  /** RFC 3339, UTC. */
  since: string;
  /** The entry's hash as a leaf. */
  entry: string;
  content: { sha256: string; sm3: string; size: number } | null;
  statement: Record<string, string | null> | null;
  depositor: string | null;
}

/** What an anchor file pins. */
export interface Pinned {
  member: string;
  chain: string;
  height: number;
  header_hash: string;
  operators: number;
}

export type Judged = (Verified | Refused) & { told: Told; anchor: Pinned };

/** What does not hold: by which rule, what it expected, what it found. */
export interface Refused {
  verdict: "REFUSED";
  /** A stable code, such as `COMMIT_POWER`. */
  rule: string;
  expected: string;
  found: string;
}

export interface HeaderSummary {
  height: number;
  time: string;
  hash: string;
  validators_hash: string;
}

export interface StepSummary extends HeaderSummary {
  validators: number;
  votes: number;
  /** Decimal: the power that voted, and that of all. */
  power: string;
  power_total: string;
  brings_trusted_set: boolean;
}

/** What a bundle says of itself. Nothing of it is proven. */
export interface Described {
  verdict: "NOT_JUDGED";
  chain: string;
  anchor: HeaderSummary;
  link:
    | { kind: "FORWARD"; steps: StepSummary[] }
    | { kind: "ARCHIVE"; steps: StepSummary[]; tree_size: number; header: HeaderSummary };
  claim:
    | { kind: "RECORD"; sector: string; id: string; fields: Record<string, string>; fields_total: number }
    | { kind: "ABSENCE"; sector: string; id: string }
    | { kind: "ORDER" | "RECEIVED_ORDER"; order: string; state: string }
    | { kind: "VALUE"; path: string; value_bytes: number }
    | {
        kind: "DEPOSIT";
        keeper: string;
        index: number;
        log_size: number;
        depositor_sealed: boolean;
        content?: { sha256: string; sm3: string; size: number };
        statement?: Record<string, string | null>;
        /** A later checkpoint of the log, and the keys that signed it. */
        checkpoint?: { size: number; signed_by: string[] };
      };
  proof_bytes: number;
}

/** What a follower keeps of a header. Whoever hands it in again makes it a root of trust: keep it as you keep an anchor. */
export interface TrustedHeader {
  height: number;
  /** RFC 3339, UTC. */
  time: string;
  /** 64 hex digits each. */
  hash: string;
  app_hash: string;
  next_validators_hash: string;
}

/** A header to be judged from one that is trusted. */
export interface HeaderAsk {
  chain: string;
  trusting_period_s: number;
  clock_drift_s: number;
  trusted: TrustedHeader;
  /** `signed_header` as CometBFT's RPC answers `commit`. */
  signed_header: unknown;
  /** All pages of `validators` at the header's height. */
  validators: unknown[];
  /** All pages of `validators` at the height after the trusted header. */
  next_validators: unknown[];
}

export type Tree = "jmt" | "iavl" | "tendermint" | "smt";
export type Algorithm = "sha256" | "sm3";

/** The question was malformed, or the module could not take it: not a judgment. */
export class VerifyError extends Error {
  override name = "VerifyError";
}

interface Exports {
  memory: WebAssembly.Memory;
  input(length: number): number;
  output(): number;
  verify_bundle(anchor: number, seconds: bigint, nanos: number): number;
  describe_bundle(): number;
  judge_header(seconds: bigint, nanos: number): number;
  judge_proof(tree: number, root: number, key: number, value: number, absent: number): number;
  judge_file(anchor: number, bundle: number, seconds: bigint, nanos: number): number;
  tell_not_found(size: bigint, seconds: bigint): number;
  read_anchor(): number;
  qr_code(): number;
  digest_begin(algorithm: number): number;
  digest_update(number: number): number;
  digest_end(number: number): number;
}

const ALGORITHMS = { sha256: 1, sm3: 2 } as const;
/** A piece of a file that is hashed. */
const PIECE = 1 << 20;

/** Loads the module from its bytes, or from a response that carries them. */
export async function load(source: BufferSource | Response | PromiseLike<Response>): Promise<Verifier> {
  const awaited = await source;
  const bytes = typeof Response !== "undefined" && awaited instanceof Response ? await awaited.arrayBuffer() : awaited;
  const { instance } = await WebAssembly.instantiate(bytes as BufferSource, {});
  return new Verifier(instance.exports as unknown as Exports);
}

export class Verifier {
  readonly #wasm: Exports;

  /** Use {@link load}. */
  constructor(wasm: Exports) {
    this.#wasm = wasm;
  }

  /** Judges a bundle by an anchor file's text. Throws where the text is no anchor file; a bad bundle is `REFUSED`. */
  verify(bundle: Uint8Array, anchor: string, now: Date = new Date()): Verified | Refused {
    const text = new TextEncoder().encode(anchor);
    this.#put(text, bundle);
    return this.#json(this.#wasm.verify_bundle(text.length, ...clock(now)));
  }

  /** Judges a bundle with a file beside it, or `null` for none, and tells the verdict in words. */
  judgeFile(bundle: Uint8Array, anchor: string, file: FileFound | null, now: Date = new Date()): Judged {
    const text = new TextEncoder().encode(anchor);
    this.#put(text, bundle, new TextEncoder().encode(file === null ? "" : JSON.stringify(file)));
    return this.#json(this.#wasm.judge_file(text.length, bundle.length, ...clock(now)));
  }

  /** What is told of a digest that a log of `size` entries does not have; `time` is the checkpoint's, `null` before the first. */
  tellNotFound(size: number, time: Date | null): [Both, Both] {
    const seconds = time === null ? -1 : Math.floor(time.getTime() / 1000);
    return this.#json(this.#wasm.tell_not_found(BigInt(size), BigInt(seconds)));
  }

  /** What an anchor file pins. Throws where the text is no anchor file. */
  readAnchor(anchor: string): Pinned {
    this.#put(new TextEncoder().encode(anchor));
    return this.#json(this.#wasm.read_anchor());
  }

  /** A QR code as the path of an SVG drawing of `size` by `size` modules, without a border. */
  qrCode(text: string): { size: number; path: string } {
    this.#put(new TextEncoder().encode(text));
    return this.#json(this.#wasm.qr_code());
  }

  /** What a bundle claims, unjudged. */
  describe(bundle: Uint8Array): Described | Refused {
    this.#put(bundle);
    return this.#json(this.#wasm.describe_bundle());
  }

  /** Judges a header; `NOT_ENOUGH_TRUST` asks for one in between. */
  judgeHeader(ask: HeaderAsk, now: Date = new Date()): { verdict: "TRUSTED"; trusted: TrustedHeader } | Refused {
    this.#put(new TextEncoder().encode(JSON.stringify(ask)));
    return this.#json(this.#wasm.judge_header(...clock(now)));
  }

  /** Judges an ICS-23 proof under a root of 32 bytes: of a value, or with `null` of its absence. */
  judgeProof(
    tree: Tree,
    root: Uint8Array,
    key: Uint8Array,
    value: Uint8Array | null,
    proof: Uint8Array,
  ): { verdict: "VERIFIED" } | Refused {
    const name = new TextEncoder().encode(tree);
    const stood = value ?? new Uint8Array();
    this.#put(name, root, key, stood, proof);
    const absent = value === null ? 1 : 0;
    return this.#json(this.#wasm.judge_proof(name.length, root.length, key.length, stood.length, absent));
  }

  /** The digest of bytes, or of pieces as they come. */
  async digest(algorithm: Algorithm, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const number = this.#wasm.digest_begin(ALGORITHMS[algorithm]);
    if (number < 0) throw new VerifyError("too many digests are under way");
    try {
      const pieces = data instanceof Uint8Array ? [data] : data;
      for await (const piece of pieces) {
        for (let at = 0; at < piece.length; at += PIECE) {
          this.#put(piece.subarray(at, at + PIECE));
          this.#wasm.digest_update(number);
        }
      }
    } catch (error) {
      this.#wasm.digest_end(number);
      throw error;
    }
    return this.#answer(this.#wasm.digest_end(number));
  }

  #put(...parts: Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    let at = this.#wasm.input(length);
    if (at === 0) throw new VerifyError(`at most 16 MiB are judged at once, not ${length} bytes`);
    for (const part of parts) {
      // Made anew each time: the memory may have grown.
      new Uint8Array(this.#wasm.memory.buffer, at, part.length).set(part);
      at += part.length;
    }
  }

  #answer(length: number): Uint8Array {
    return new Uint8Array(this.#wasm.memory.buffer, this.#wasm.output(), length).slice();
  }

  #json<T>(length: number): T {
    const said = JSON.parse(new TextDecoder().decode(this.#answer(length))) as T | { error: string };
    if (typeof said === "object" && said !== null && "error" in said) throw new VerifyError(said.error);
    return said as T;
  }
}

/** Seconds and nanoseconds since 1970. */
function clock(now: Date): [bigint, number] {
  const milliseconds = now.getTime();
  if (!Number.isFinite(milliseconds)) throw new VerifyError("the time is not a time");
  const seconds = Math.floor(milliseconds / 1000);
  return [BigInt(seconds), (milliseconds - seconds * 1000) * 1_000_000];
}
