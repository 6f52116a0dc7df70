// The typed wrapper of comity-verify.wasm: judges bundles, headers and proofs where no server is trusted to do so.
// It decides nothing itself and fetches nothing: what a call is given is all that its answer rests on.
/** The question was malformed, or the module could not take it: not a judgment. */
export class VerifyError extends Error {
    name = "VerifyError";
}
const ALGORITHMS = { sha256: 1, sm3: 2 };
/** A piece of a file that is hashed. */
const PIECE = 1 << 20;
/** Loads the module from its bytes, or from a response that carries them. */
export async function load(source) {
    const awaited = await source;
    const bytes = typeof Response !== "undefined" && awaited instanceof Response ? await awaited.arrayBuffer() : awaited;
    const { instance } = await WebAssembly.instantiate(bytes, {});
    return new Verifier(instance.exports);
}
export class Verifier {
    #wasm;
    /** Use {@link load}. */
    constructor(wasm) {
        this.#wasm = wasm;
    }
    /** Judges a bundle by an anchor file's text. Throws where the text is no anchor file; a bad bundle is `REFUSED`. */
    verify(bundle, anchor, now = new Date()) {
        const text = new TextEncoder().encode(anchor);
        this.#put(text, bundle);
        return this.#json(this.#wasm.verify_bundle(text.length, ...clock(now)));
    }
    /** Judges a bundle with a file beside it, or `null` for none, and tells the verdict in words. */
    judgeFile(bundle, anchor, file, now = new Date()) {
        const text = new TextEncoder().encode(anchor);
        this.#put(text, bundle, new TextEncoder().encode(file === null ? "" : JSON.stringify(file)));
        return this.#json(this.#wasm.judge_file(text.length, bundle.length, ...clock(now)));
    }
    /** What is told of a digest that a log of `size` entries does not have; `time` is the checkpoint's, `null` before the first. */
    tellNotFound(size, time) {
        const seconds = time === null ? -1 : Math.floor(time.getTime() / 1000);
        return this.#json(this.#wasm.tell_not_found(BigInt(size), BigInt(seconds)));
    }
    /** What an anchor file pins. Throws where the text is no anchor file. */
    readAnchor(anchor) {
        this.#put(new TextEncoder().encode(anchor));
        return this.#json(this.#wasm.read_anchor());
    }
    /** A QR code as the path of an SVG drawing of `size` by `size` modules, without a border. */
    qrCode(text) {
        this.#put(new TextEncoder().encode(text));
        return this.#json(this.#wasm.qr_code());
    }
    /** What a bundle claims, unjudged. */
    describe(bundle) {
        this.#put(bundle);
        return this.#json(this.#wasm.describe_bundle());
    }
    /** Judges a header; `NOT_ENOUGH_TRUST` asks for one in between. */
    judgeHeader(ask, now = new Date()) {
        this.#put(new TextEncoder().encode(JSON.stringify(ask)));
        return this.#json(this.#wasm.judge_header(...clock(now)));
    }
    /** Judges an ICS-23 proof under a root of 32 bytes: of a value, or with `null` of its absence. */
    judgeProof(tree, root, key, value, proof) {
        const name = new TextEncoder().encode(tree);
        const stood = value ?? new Uint8Array();
        this.#put(name, root, key, stood, proof);
        const absent = value === null ? 1 : 0;
        return this.#json(this.#wasm.judge_proof(name.length, root.length, key.length, stood.length, absent));
    }
    /** The digest of bytes, or of pieces as they come. */
    async digest(algorithm, data) {
        const number = this.#wasm.digest_begin(ALGORITHMS[algorithm]);
        if (number < 0)
            throw new VerifyError("too many digests are under way");
        try {
            const pieces = data instanceof Uint8Array ? [data] : data;
            for await (const piece of pieces) {
                for (let at = 0; at < piece.length; at += PIECE) {
                    this.#put(piece.subarray(at, at + PIECE));
                    this.#wasm.digest_update(number);
                }
            }
        }
        catch (error) {
            this.#wasm.digest_end(number);
            throw error;
        }
        return this.#answer(this.#wasm.digest_end(number));
    }
    #put(...parts) {
        const length = parts.reduce((sum, part) => sum + part.length, 0);
        let at = this.#wasm.input(length);
        if (at === 0)
            throw new VerifyError(`at most 16 MiB are judged at once, not ${length} bytes`);
        for (const part of parts) {
            // Made anew each time: the memory may have grown.
            new Uint8Array(this.#wasm.memory.buffer, at, part.length).set(part);
            at += part.length;
        }
    }
    #answer(length) {
        return new Uint8Array(this.#wasm.memory.buffer, this.#wasm.output(), length).slice();
    }
    #json(length) {
        const said = JSON.parse(new TextDecoder().decode(this.#answer(length)));
        if (typeof said === "object" && said !== null && "error" in said)
            throw new VerifyError(said.error);
        return said;
    }
}
/** Seconds and nanoseconds since 1970. */
function clock(now) {
    const milliseconds = now.getTime();
    if (!Number.isFinite(milliseconds))
        throw new VerifyError("the time is not a time");
    const seconds = Math.floor(milliseconds / 1000);
    return [BigInt(seconds), (milliseconds - seconds * 1000) * 1_000_000];
}
